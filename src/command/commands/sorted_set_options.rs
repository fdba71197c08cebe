//! Options and bounds of sorted sets: words of commands and nothing more.

use crate::command::arg::Encoded;
use crate::command::{ArgWriter, ToArg, ToArgs};

/// The optional arguments of `ZADD`.
///
/// ```no_run
/// use hitless::{Commands, ZAddOptions};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// // Keeps the best result of each player.
/// let better = ZAddOptions::new().if_greater().count_changed();
/// let changed: u64 = client.zadd_options("best", "ada", 4200, &better)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ZAddOptions {
    existence: Option<&'static str>,
    comparison: Option<&'static str>,
    changed: bool,
}

impl ZAddOptions {
    /// No option: adds members, and gives those that are there their new scores.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds members only, and leaves those that are there as they are (`NX`). Servers refuse it together with
    /// [`if_greater`](Self::if_greater) and [`if_less`](Self::if_less). The last of this and
    /// [`if_present`](Self::if_present) counts.
    #[must_use]
    pub fn if_absent(mut self) -> Self {
        self.existence = Some("NX");
        self
    }

    /// Changes scores only, and adds no member (`XX`).
    #[must_use]
    pub fn if_present(mut self) -> Self {
        self.existence = Some("XX");
        self
    }

    /// Changes a score only to a greater one (`GT`); members that are not there are added. The last of this
    /// and [`if_less`](Self::if_less) counts.
    #[must_use]
    pub fn if_greater(mut self) -> Self {
        self.comparison = Some("GT");
        self
    }

    /// Changes a score only to a smaller one (`LT`); members that are not there are added.
    #[must_use]
    pub fn if_less(mut self) -> Self {
        self.comparison = Some("LT");
        self
    }

    /// Counts the members whose score was changed besides those that were added (`CH`). `zadd_incr` counts
    /// nothing, and servers ignore it there.
    #[must_use]
    pub fn count_changed(mut self) -> Self {
        self.changed = true;
        self
    }
}

impl ToArgs for ZAddOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // Each word is free of the others on the wire: it is the server that refuses NX beside GT or LT, and its
        // error says so better than a guess here could.
        self.existence.write_args(out);
        self.comparison.write_args(out);
        out.write_if(self.changed, "CH");
    }
}

/// One end of a range of scores. A number is one too, and is included.
///
/// ```no_run
/// use hitless::{Commands, ScoreBound};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let all = client.zcount("best", ScoreBound::Min, ScoreBound::Max)?;
/// let above_ten = client.zcount("best", ScoreBound::Excluded(10.0), ScoreBound::Max)?;
/// let one_to_ten = client.zcount("best", 1, 10)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ScoreBound {
    /// The smallest score of all (`-inf`).
    Min,
    /// The greatest score of all (`+inf`).
    Max,
    /// A score that belongs to the range.
    Included(f64),
    /// A score that does not (`(5`).
    Excluded(f64),
}

impl ToArgs for ScoreBound {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        match self {
            Self::Min => out.write(b"-inf"),
            Self::Max => out.write(b"+inf"),
            Self::Included(score) => score.write_args(out),
            // Infinity is written as `inf`, which servers read behind a bracket, too.
            Self::Excluded(score) => out.write(format!("({score}").as_bytes()),
        }
    }
}

impl ToArg for ScoreBound {}

/// One end of a range of members in the order of their bytes, where all scores are the same.
///
/// ```no_run
/// use hitless::{Commands, LexBound};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let to_m = client.zlexcount("names", LexBound::Min, LexBound::excluded("m"))?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LexBound<'a> {
    /// Before every member (`-`).
    Min,
    /// Behind every member (`+`).
    Max,
    /// Bytes that belong to the range (`[`).
    Included(&'a [u8]),
    /// Bytes that do not (`(`).
    Excluded(&'a [u8]),
}

impl<'a> LexBound<'a> {
    /// From or to this member, which belongs to the range.
    pub fn included(member: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self::Included(member.as_ref())
    }

    /// From or to this member, which does not belong to the range.
    pub fn excluded(member: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self::Excluded(member.as_ref())
    }
}

impl ToArgs for LexBound<'_> {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        match self {
            Self::Min => out.write(b"-"),
            Self::Max => out.write(b"+"),
            // The bracket is what keeps a member that is `+` or `-` from being an end of all members.
            Self::Included(member) => out.write(&[b"[", *member].concat()),
            Self::Excluded(member) => out.write(&[b"(", *member].concat()),
        }
    }
}

impl ToArg for LexBound<'_> {}

/// Which members `ZRANGE` and `ZRANGESTORE` yield, and in which order.
///
/// ```no_run
/// use hitless::{Commands, ScoreBound, ZRange};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let best = ZRange::score(ScoreBound::Excluded(0.0), ScoreBound::Max).reversed().limit(0, 10);
/// let best: Vec<(String, f64)> = client.zrange_by_withscores("players", &best)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ZRange {
    by: Option<&'static str>,
    min: Encoded,
    max: Encoded,
    reversed: bool,
    limit: Option<(u64, i64)>,
}

impl ZRange {
    fn new(by: Option<&'static str>, min: impl ToArg, max: impl ToArg) -> Self {
        Self {
            by,
            min: Encoded::of(min),
            max: Encoded::of(max),
            reversed: false,
            limit: None,
        }
    }

    /// By place, both included; 0 is the first, and negative places count from the end.
    pub fn rank(start: i64, stop: i64) -> Self {
        Self::new(None, start, stop)
    }

    /// By score: [`ScoreBound`]s or numbers, the smaller one first, also where the range is reversed.
    pub fn score(min: impl ToArg, max: impl ToArg) -> Self {
        Self::new(Some("BYSCORE"), min, max)
    }

    /// By the bytes of members whose scores are all the same: [`LexBound`]s, the smaller one first, also where
    /// the range is reversed.
    pub fn lex(min: impl ToArg, max: impl ToArg) -> Self {
        Self::new(Some("BYLEX"), min, max)
    }

    /// From the end to the start (`REV`). Places count from the end then.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.reversed = true;
        self
    }

    /// Leaves the first `offset` members out and yields `count` at most; a negative count is all. Servers refuse
    /// it with [`rank`](Self::rank).
    #[must_use]
    pub fn limit(mut self, offset: u64, count: i64) -> Self {
        self.limit = Some((offset, count));
        self
    }
}

impl ToArgs for ZRange {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // With REV, servers expect the greater bound first; places they expect as they are.
        if self.reversed && self.by.is_some() {
            self.max.write_args(out);
            self.min.write_args(out);
        } else {
            self.min.write_args(out);
            self.max.write_args(out);
        }
        self.by.write_args(out);
        out.write_if(self.reversed, "REV");
        let limit = self.limit.map(|(offset, count)| ("LIMIT", offset, count));
        limit.write_args(out);
    }
}

/// How the scores of a member that is in several sorted sets become one.
///
/// ```
/// use hitless::{Aggregate, ZCombineOptions};
///
/// let best_of_all = ZCombineOptions::new().aggregate(Aggregate::Max);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Aggregate {
    /// Their sum, which is the default.
    Sum,
    /// The smallest of them.
    Min,
    /// The greatest of them.
    Max,
}

/// The optional arguments of `ZINTER`, `ZUNION` and what stores their results.
///
/// ```no_run
/// use hitless::{Commands, ZCombineOptions};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let today_counts_twice = ZCombineOptions::new().weights([2, 1]);
/// client.zunionstore_options("week", ["today", "week"], &today_counts_twice)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ZCombineOptions {
    weights: Option<Encoded>,
    aggregate: Option<Aggregate>,
}

impl ZCombineOptions {
    /// No option: scores as they are, summed up.
    pub fn new() -> Self {
        Self::default()
    }

    /// One number for each key, by which its scores are multiplied first. Defaults to 1 each. More or fewer
    /// than there are keys is an error of the server.
    #[must_use]
    pub fn weights(mut self, weights: impl ToArgs) -> Self {
        self.weights = Some(Encoded::of(weights));
        self
    }

    /// What becomes of several scores. Defaults to [`Aggregate::Sum`].
    #[must_use]
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = Some(aggregate);
        self
    }
}

impl ToArgs for ZCombineOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // An empty list is sent as such: the server's error is better than weights that nobody asked for.
        if let Some(weights) = &self.weights {
            out.write(b"WEIGHTS");
            weights.write_args(out);
        }
        if let Some(aggregate) = self.aggregate {
            let word = match aggregate {
                Aggregate::Sum => "SUM",
                Aggregate::Min => "MIN",
                Aggregate::Max => "MAX",
            };
            ("AGGREGATE", word).write_args(out);
        }
    }
}
