//! The options of top lists and t-digests: words of commands and nothing more.

use crate::command::{ArgWriter, ToArgs};

/// The size of the table in which a top list counts, and how fast it forgets.
///
/// ```
/// use hitless::TopKReserveOptions;
///
/// let exact = TopKReserveOptions::new().width(2000).depth(7).decay(0.95);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TopKReserveOptions {
    width: u64,
    depth: u64,
    decay: f64,
}

impl TopKReserveOptions {
    /// 7 rows of 8 counters, and a decay of 0.9: as `TOPK.RESERVE` without options.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many counters a row has. Defaults to 8.
    #[must_use]
    pub fn width(mut self, counters: u64) -> Self {
        self.width = counters;
        self
    }

    /// How many rows there are. Defaults to 7.
    #[must_use]
    pub fn depth(mut self, rows: u64) -> Self {
        self.depth = rows;
        self
    }

    /// How likely an item takes the counter of another one, from 0 to 1: this number to the power of its count.
    /// Defaults to 0.9.
    #[must_use]
    pub fn decay(mut self, base: f64) -> Self {
        self.decay = base;
        self
    }
}

impl Default for TopKReserveOptions {
    fn default() -> Self {
        Self {
            width: 8,
            depth: 7,
            decay: 0.9,
        }
    }
}

impl ToArgs for TopKReserveOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // The server knows them by their places, and takes all three or none.
        (self.width, self.depth, self.decay).write_args(out);
    }
}

/// The optional arguments of `TDIGEST.MERGE`.
///
/// ```
/// use hitless::TDigestMergeOptions;
///
/// let anew = TDigestMergeOptions::new().compression(200).replace();
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TDigestMergeOptions {
    compression: Option<u64>,
    replace: bool,
}

impl TDigestMergeOptions {
    /// No option: the sources come to what is at the destination already.
    pub fn new() -> Self {
        Self::default()
    }

    /// The compression of the destination: see
    /// [`tdigest_create_compression`](crate::Commands::tdigest_create_compression). Defaults to the greatest
    /// among the sources.
    #[must_use]
    pub fn compression(mut self, compression: u64) -> Self {
        self.compression = Some(compression);
        self
    }

    /// What is at the destination is gone (`OVERRIDE`).
    #[must_use]
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }
}

impl ToArgs for TDigestMergeOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        let compression = self.compression.map(|number| ("COMPRESSION", number));
        compression.write_args(out);
        out.write_if(self.replace, "OVERRIDE");
    }
}
