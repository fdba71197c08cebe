//! What is known of count-min sketches, top lists and t-digests. Estimates nothing itself.

use super::Fields;
use crate::command::FromValue;
use crate::error::Result;
use crate::protocol::Value;

/// What `CMS.INFO` tells: see [`Commands::cms_info`](crate::Commands::cms_info).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SketchInfo {
    /// How many counters a row has.
    pub width: u64,
    /// How many rows there are.
    pub depth: u64,
    /// All increments together. The server counts beyond its greatest number from its smallest on.
    pub count: i64,
}

impl FromValue for SketchInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of CMS.INFO")?;
        let made = Self {
            width: fields.need("width"),
            depth: fields.need("depth"),
            count: fields.need("count"),
        };
        fields.end()?;
        Ok(made)
    }
}

/// What `TOPK.INFO` tells: see [`Commands::topk_info`](crate::Commands::topk_info).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TopKInfo {
    /// How many items the list keeps.
    pub k: u64,
    /// How many counters a row has.
    pub width: u64,
    /// How many rows there are.
    pub depth: u64,
    /// How likely an item takes the counter of another one: this number to the power of its count.
    pub decay: f64,
}

impl FromValue for TopKInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of TOPK.INFO")?;
        let made = Self {
            k: fields.need("k"),
            width: fields.need("width"),
            depth: fields.need("depth"),
            decay: fields.need("decay"),
        };
        fields.end()?;
        Ok(made)
    }
}

/// What `TDIGEST.INFO` tells: see [`Commands::tdigest_info`](crate::Commands::tdigest_info).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TDigestInfo {
    /// How exact it is: the greater, the more exact and the larger.
    pub compression: u64,
    /// How many centroids it has room for.
    pub capacity: u64,
    /// How many centroids are merged.
    pub merged_nodes: u64,
    /// How many centroids are not merged yet.
    pub unmerged_nodes: u64,
    /// How many observations the merged centroids stand for.
    pub merged_weight: u64,
    /// How many observations the others stand for.
    pub unmerged_weight: u64,
    /// How many observations were added.
    pub observations: u64,
    /// How many times centroids were merged.
    pub total_compressions: u64,
    /// How many bytes it takes.
    pub memory_usage: u64,
}

impl FromValue for TDigestInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of TDIGEST.INFO")?;
        let made = Self {
            compression: fields.need("Compression"),
            capacity: fields.need("Capacity"),
            merged_nodes: fields.need("Merged nodes"),
            unmerged_nodes: fields.need("Unmerged nodes"),
            merged_weight: fields.need("Merged weight"),
            unmerged_weight: fields.need("Unmerged weight"),
            observations: fields.need("Observations"),
            total_compressions: fields.need("Total compressions"),
            memory_usage: fields.need("Memory usage"),
        };
        fields.end()?;
        Ok(made)
    }
}
