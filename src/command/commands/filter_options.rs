//! The options of Bloom and cuckoo filters: words of commands and nothing more.

use crate::command::{ArgWriter, ToArg, ToArgs};

/// What becomes of a Bloom filter that is full.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scaling {
    By(u64),
    Never,
}

impl ToArgs for Scaling {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        match self {
            Self::By(factor) => ("EXPANSION", factor).write_args(out),
            Self::Never => out.write(b"NONSCALING"),
        }
    }
}

/// The optional arguments of `BF.RESERVE`.
///
/// ```
/// use hitless::BfReserveOptions;
///
/// let bounded = BfReserveOptions::new().non_scaling();
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BfReserveOptions {
    scaling: Option<Scaling>,
}

impl BfReserveOptions {
    /// No option: a filter that grows.
    pub fn new() -> Self {
        Self::default()
    }

    /// A full filter gets another one beside it, so many times as large as the last one; at least 1. Defaults to
    /// 2. The last of this and [`non_scaling`](Self::non_scaling) counts.
    #[must_use]
    pub fn expansion(mut self, factor: u64) -> Self {
        self.scaling = Some(Scaling::By(factor));
        self
    }

    /// A full filter takes no more items (`NONSCALING`).
    #[must_use]
    pub fn non_scaling(mut self) -> Self {
        self.scaling = Some(Scaling::Never);
        self
    }
}

impl ToArgs for BfReserveOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.scaling.write_args(out);
    }
}

/// The optional arguments of `BF.INSERT`: all but [`no_create`](Self::no_create) are for a filter that the command
/// makes, and say nothing of one that is there.
///
/// ```
/// use hitless::BfInsertOptions;
///
/// let small = BfInsertOptions::new().capacity(500).error_rate(0.001).expansion(1);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BfInsertOptions {
    capacity: Option<u64>,
    error_rate: Option<f64>,
    scaling: Option<Scaling>,
    no_create: bool,
}

impl BfInsertOptions {
    /// No option: a filter that is not there is made as the server is configured.
    pub fn new() -> Self {
        Self::default()
    }

    /// For how many items the filter is made. Defaults to 100.
    #[must_use]
    pub fn capacity(mut self, items: u64) -> Self {
        self.capacity = Some(items);
        self
    }

    /// Which share of the items that were never added the filter may say to have, between 0 and 1. Defaults to
    /// 0.01.
    #[must_use]
    pub fn error_rate(mut self, share: f64) -> Self {
        self.error_rate = Some(share);
        self
    }

    /// A full filter gets another one beside it, so many times as large as the last one; at least 1. Defaults to
    /// 2. The last of this and [`non_scaling`](Self::non_scaling) counts.
    #[must_use]
    pub fn expansion(mut self, factor: u64) -> Self {
        self.scaling = Some(Scaling::By(factor));
        self
    }

    /// A full filter takes no more items (`NONSCALING`).
    #[must_use]
    pub fn non_scaling(mut self) -> Self {
        self.scaling = Some(Scaling::Never);
        self
    }

    /// A filter that is not there is an error of the server (`NOCREATE`).
    #[must_use]
    pub fn no_create(mut self) -> Self {
        self.no_create = true;
        self
    }
}

impl ToArgs for BfInsertOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.capacity.map(|it| ("CAPACITY", it)).write_args(out);
        self.error_rate.map(|it| ("ERROR", it)).write_args(out);
        self.scaling.write_args(out);
        out.write_if(self.no_create, "NOCREATE");
    }
}

/// One field of `BF.INFO`.
///
/// ```no_run
/// use hitless::{BloomInfoType, Commands};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let size = client.bf_info_type("seen", BloomInfoType::Size)?;
/// println!("{:?} bytes", size.number);
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum BloomInfoType {
    /// How many items it was made for (`CAPACITY`).
    Capacity,
    /// How many bytes it takes (`SIZE`).
    Size,
    /// How many filters it consists of (`FILTERS`).
    Filters,
    /// How many items were added (`ITEMS`).
    Items,
    /// How many times as large the next filter is (`EXPANSION`); none of a filter that does not scale.
    Expansion,
    /// Which share of unknown items it may say to have (`ERROR`). Only Valkey's module tells it.
    ErrorRate,
    /// By how much the share gets smaller with each filter (`TIGHTENING`). Only Valkey's module tells it, of a
    /// filter that scales.
    TighteningRatio,
    /// How many items it can grow to (`MAXSCALEDCAPACITY`). Only Valkey's module tells it, of a filter that scales.
    MaxScaledCapacity,
}

impl ToArgs for BloomInfoType {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(match self {
            Self::Capacity => b"CAPACITY",
            Self::Size => b"SIZE",
            Self::Filters => b"FILTERS",
            Self::Items => b"ITEMS",
            Self::Expansion => b"EXPANSION",
            Self::ErrorRate => b"ERROR",
            Self::TighteningRatio => b"TIGHTENING",
            Self::MaxScaledCapacity => b"MAXSCALEDCAPACITY",
        });
    }
}

impl ToArg for BloomInfoType {}

/// The optional arguments of `CF.RESERVE`.
///
/// ```
/// use hitless::CfReserveOptions;
///
/// let dense = CfReserveOptions::new().bucket_size(4).max_iterations(50).expansion(0);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CfReserveOptions {
    bucket_size: Option<u64>,
    max_iterations: Option<u64>,
    expansion: Option<u64>,
}

impl CfReserveOptions {
    /// No option: as the server is configured.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many items a bucket holds. Defaults to 2. With more of them a filter fills better, is slower, and errs
    /// more often.
    #[must_use]
    pub fn bucket_size(mut self, items: u64) -> Self {
        self.bucket_size = Some(items);
        self
    }

    /// How many items are moved at most to make room for one, before the filter counts as full. Defaults to 20.
    #[must_use]
    pub fn max_iterations(mut self, items: u64) -> Self {
        self.max_iterations = Some(items);
        self
    }

    /// A full filter gets another one beside it, so many times as large as the last one. Defaults to 1; with 0 a
    /// full filter takes no more items.
    #[must_use]
    pub fn expansion(mut self, factor: u64) -> Self {
        self.expansion = Some(factor);
        self
    }
}

impl ToArgs for CfReserveOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        let of = |word, number: Option<u64>| number.map(|number| (word, number));
        of("BUCKETSIZE", self.bucket_size).write_args(out);
        of("MAXITERATIONS", self.max_iterations).write_args(out);
        of("EXPANSION", self.expansion).write_args(out);
    }
}

/// The optional arguments of `CF.INSERT` and `CF.INSERTNX`.
///
/// ```no_run
/// use hitless::{CfInsertOptions, Commands};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let only_if_there = CfInsertOptions::new().no_create();
/// let became = client.cf_insert_options("online", ["anna"], &only_if_there)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CfInsertOptions {
    capacity: Option<u64>,
    no_create: bool,
}

impl CfInsertOptions {
    /// No option: a filter that is not there is made as the server is configured.
    pub fn new() -> Self {
        Self::default()
    }

    /// For how many items the filter is made, if it is not there. Defaults to 1024.
    #[must_use]
    pub fn capacity(mut self, items: u64) -> Self {
        self.capacity = Some(items);
        self
    }

    /// A filter that is not there is an error of the server (`NOCREATE`).
    #[must_use]
    pub fn no_create(mut self) -> Self {
        self.no_create = true;
        self
    }
}

impl ToArgs for CfInsertOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.capacity.map(|it| ("CAPACITY", it)).write_args(out);
        out.write_if(self.no_create, "NOCREATE");
    }
}
