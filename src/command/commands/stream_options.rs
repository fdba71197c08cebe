//! Options of streams and their groups: words of commands and nothing more.

use super::millis_up;
use super::unix_millis;
use crate::command::arg::Encoded;
use crate::command::replies::StreamId;
use crate::command::{ArgWriter, ToArg, ToArgs};
use std::time::{Duration, SystemTime};

/// What becomes of the groups' pending lists when entries are deleted. Redis 8.2.
///
/// ```no_run
/// use hitless::{Commands, StreamDeletion, StreamDeletionPolicy, StreamId};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let id = StreamId::new(1_700_000_000_000, 0);
/// let became = client.xdel_ex("orders", id, StreamDeletionPolicy::Acknowledged)?;
/// assert_eq!(became, [StreamDeletion::Deleted]);
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum StreamDeletionPolicy {
    /// They keep the IDs of the entries that are gone (`KEEPREF`), as without this option.
    Keep,
    /// They lose them (`DELREF`).
    Remove,
    /// Only entries that every group has acknowledged are deleted (`ACKED`).
    Acknowledged,
}

impl ToArgs for StreamDeletionPolicy {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        match self {
            Self::Keep => out.write(b"KEEPREF"),
            Self::Remove => out.write(b"DELREF"),
            Self::Acknowledged => out.write(b"ACKED"),
        }
    }
}

impl ToArg for StreamDeletionPolicy {}

/// How far a stream is cut off at its start.
///
/// ```no_run
/// use hitless::{Commands, StreamTrim, XAddOptions};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let bounded = XAddOptions::new().trim(StreamTrim::max_len(100_000).approximate());
/// client.xadd_options("readings", "*", [("celsius", 21.5)], &bounded)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StreamTrim {
    by: &'static str,
    threshold: Encoded,
    approximate: bool,
    limit: Option<u64>,
    policy: Option<StreamDeletionPolicy>,
}

impl StreamTrim {
    fn new(by: &'static str, threshold: impl ToArg) -> Self {
        Self {
            by,
            threshold: Encoded::of(threshold),
            approximate: false,
            limit: None,
            policy: None,
        }
    }

    /// To so many entries (`MAXLEN`).
    pub fn max_len(entries: u64) -> Self {
        Self::new("MAXLEN", entries)
    }

    /// To the entries from this ID on (`MINID`).
    pub fn min_id(id: impl ToArg) -> Self {
        Self::new("MINID", id)
    }

    /// Lets the server keep some more (`~`), which costs it far less: it removes whole blocks, of 100 entries by
    /// default. Otherwise it cuts exactly (`=`).
    #[must_use]
    pub fn approximate(mut self) -> Self {
        self.approximate = true;
        self
    }

    /// At most so many entries are removed by one command (`LIMIT`); 0 is any number. Servers refuse it without
    /// [`approximate`](Self::approximate). Defaults to 100 blocks.
    #[must_use]
    pub fn limit(mut self, entries: u64) -> Self {
        self.limit = Some(entries);
        self
    }

    /// What becomes of groups' pending lists. Redis 8.2.
    #[must_use]
    pub fn policy(mut self, policy: StreamDeletionPolicy) -> Self {
        self.policy = Some(policy);
        self
    }
}

impl ToArgs for StreamTrim {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(self.by.as_bytes());
        out.write(if self.approximate { b"~" } else { b"=" });
        self.threshold.write_args(out);
        // Behind the threshold in `XADD` and `XTRIM` alike, and the policy anywhere in front of the ID.
        self.limit.map(|limit| ("LIMIT", limit)).write_args(out);
        self.policy.write_args(out);
    }
}

/// The optional arguments of `XADD`. [`StreamTrim`] has an example of what cuts it off.
///
/// ```no_run
/// use hitless::{Commands, StreamId, XAddOptions};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let if_somebody_reads = XAddOptions::new().if_present();
/// let id: Option<StreamId> =
///     client.xadd_options("readings", "*", [("celsius", 21.5)], &if_somebody_reads)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct XAddOptions {
    if_present: bool,
    trim: Option<StreamTrim>,
}

impl XAddOptions {
    /// No option: makes the stream if there is none, and cuts nothing off.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds only if there is such a stream (`NOMKSTREAM`).
    #[must_use]
    pub fn if_present(mut self) -> Self {
        self.if_present = true;
        self
    }

    /// Cuts the stream off at its start, once the entry was added.
    #[must_use]
    pub fn trim(mut self, trim: StreamTrim) -> Self {
        self.trim = Some(trim);
        self
    }
}

impl ToArgs for XAddOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write_if(self.if_present, "NOMKSTREAM");
        self.trim.write_args(out);
    }
}

/// The optional arguments of `XREAD` and `XREADGROUP`. How long to wait is an argument of the methods that block.
///
/// ```no_run
/// use hitless::{Commands, XReadOptions};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let ten = XReadOptions::new().count(10);
/// let read = client.xread_options::<String>(["orders", "returns"], ["0", "0"], &ten)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct XReadOptions {
    count: Option<u64>,
    no_ack: bool,
}

impl XReadOptions {
    /// No option: all entries that there are.
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many entries of each stream (`COUNT`). Defaults to all, as does 0.
    #[must_use]
    pub fn count(mut self, entries: u64) -> Self {
        self.count = Some(entries);
        self
    }

    /// The entries count as acknowledged at once (`NOACK`): one that gets lost on its way is not delivered again.
    /// Of groups only: servers refuse it with `XREAD`.
    #[must_use]
    pub fn no_ack(mut self) -> Self {
        self.no_ack = true;
        self
    }
}

impl ToArgs for XReadOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.count.map(|count| ("COUNT", count)).write_args(out);
        out.write_if(self.no_ack, "NOACK");
    }
}

/// The optional arguments of `XGROUP CREATE`.
///
/// ```no_run
/// use hitless::{Commands, XGroupCreateOptions};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let options = XGroupCreateOptions::new().make_stream().entries_read(0);
/// client.xgroup_create_options("orders", "billing", "0", &options)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct XGroupCreateOptions {
    make_stream: bool,
    entries_read: Option<u64>,
}

impl XGroupCreateOptions {
    /// No option: the stream must be there.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty stream if there is none (`MKSTREAM`).
    #[must_use]
    pub fn make_stream(mut self) -> Self {
        self.make_stream = true;
        self
    }

    /// How many entries the group counts as read (`ENTRIESREAD`), from which its lag is computed. Defaults to
    /// unknown.
    #[must_use]
    pub fn entries_read(mut self, entries: u64) -> Self {
        self.entries_read = Some(entries);
        self
    }
}

impl ToArgs for XGroupCreateOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write_if(self.make_stream, "MKSTREAM");
        let read = self.entries_read.map(|entries| ("ENTRIESREAD", entries));
        read.write_args(out);
    }
}

/// Which pending entries `XPENDING` lists.
///
/// ```
/// use hitless::XPendingOptions;
/// use std::time::Duration;
///
/// let stuck_with_anna = XPendingOptions::new().min_idle(Duration::from_secs(60)).consumer("anna");
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct XPendingOptions {
    min_idle: Option<Duration>,
    consumer: Option<Encoded>,
}

impl XPendingOptions {
    /// No option: those of all consumers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what was delivered at least so long ago, in steps of 1 ms (`IDLE`).
    #[must_use]
    pub fn min_idle(mut self, idle: Duration) -> Self {
        self.min_idle = Some(idle);
        self
    }

    /// Only what this consumer has.
    #[must_use]
    pub fn consumer(mut self, name: impl ToArg) -> Self {
        self.consumer = Some(Encoded::of(name));
        self
    }
}

/// `XPENDING` has its options on both sides of the range.
pub(in crate::command) struct PendingRange<'a, S, E> {
    pub(in crate::command) start: S,
    pub(in crate::command) end: E,
    pub(in crate::command) count: u64,
    pub(in crate::command) options: &'a XPendingOptions,
}

impl<S: ToArg, E: ToArg> ToArgs for PendingRange<'_, S, E> {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        let idle = self.options.min_idle.map(|idle| ("IDLE", millis_up(idle)));
        idle.write_args(out);
        // The three belong together: servers read none of them without the others.
        self.start.write_args(out);
        self.end.write_args(out);
        self.count.write_args(out);
        self.options.consumer.write_args(out);
    }
}

/// The optional arguments of `XCLAIM`.
///
/// ```no_run
/// use hitless::{Commands, StreamEntry, StreamId, XClaimOptions};
/// use std::time::Duration;
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let minute = Duration::from_secs(60);
/// let as_first_delivery = XClaimOptions::new().deliveries(1);
/// let id = StreamId::new(1_700_000_000_000, 0);
/// let mine: Vec<StreamEntry> =
///     client.xclaim_options("orders", "billing", "me", minute, id, &as_first_delivery)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct XClaimOptions {
    delivered: Option<Delivered>,
    deliveries: Option<u64>,
    force: bool,
    last_id: Option<StreamId>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Delivered {
    Ago(Duration),
    At(SystemTime),
}

impl XClaimOptions {
    /// No option: the entries count as delivered now and once more.
    pub fn new() -> Self {
        Self::default()
    }

    /// The entries count as delivered so long ago, in steps of 1 ms (`IDLE`). The last of this and
    /// [`delivered_at`](Self::delivered_at) counts.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.delivered = Some(Delivered::Ago(idle));
        self
    }

    /// The entries count as delivered then, in steps of 1 ms (`TIME`).
    #[must_use]
    pub fn delivered_at(mut self, at: SystemTime) -> Self {
        self.delivered = Some(Delivered::At(at));
        self
    }

    /// The entries count as delivered so many times (`RETRYCOUNT`). Defaults to once more than before.
    #[must_use]
    pub fn deliveries(mut self, times: u64) -> Self {
        self.deliveries = Some(times);
        self
    }

    /// Takes entries that are in the stream and pending with nobody, too (`FORCE`).
    #[must_use]
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }

    /// Raises the ID of the last entry that the group has read, if it is below this one (`LASTID`).
    #[must_use]
    pub fn last_id(mut self, id: StreamId) -> Self {
        self.last_id = Some(id);
        self
    }
}

impl ToArgs for XClaimOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // Behind the IDs: the first word that is none ends their list.
        match self.delivered {
            Some(Delivered::Ago(idle)) => ("IDLE", idle.as_millis()).write_args(out),
            Some(Delivered::At(at)) => ("TIME", unix_millis(at)).write_args(out),
            None => {}
        }
        let deliveries = self.deliveries.map(|times| ("RETRYCOUNT", times));
        deliveries.write_args(out);
        out.write_if(self.force, "FORCE");
        self.last_id.map(|id| ("LASTID", id)).write_args(out);
    }
}
