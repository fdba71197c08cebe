//! What `LCS` replies. Compares nothing itself.

use super::Fields;
use crate::command::FromValue;
use crate::error::{Error, Result};
use crate::protocol::Value;
use std::ops::RangeInclusive;

/// The common parts of two values: see [`Commands::lcs_matches`](crate::Commands::lcs_matches).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LcsMatches {
    /// The last ones first.
    pub matches: Vec<LcsMatch>,
    /// How many bytes the longest common subsequence has, parts that were left out included.
    pub length: u64,
}

/// One common part of two values.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LcsMatch {
    /// Where it is in the first value, in bytes.
    pub one: RangeInclusive<u64>,
    /// Where it is in the second value, in bytes.
    pub other: RangeInclusive<u64>,
}

impl FromValue for LcsMatches {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of LCS")?;
        let made = Self {
            matches: fields.need("matches"),
            length: fields.need("len"),
        };
        fields.end()?;
        Ok(made)
    }
}

impl FromValue for LcsMatch {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let elements = Vec::<Value>::from_value(value)?;
        // The third is the length, which the ranges have.
        let [one, other, ..] = <[Value; 3]>::try_from(elements)
            .map_err(|_| Error::conversion("a part of LCS has two ranges and a length"))?;
        let range = |value| <(u64, u64)>::from_value(value).map(|(start, end)| start..=end);
        Ok(Self {
            one: range(one)?,
            other: range(other)?,
        })
    }
}
