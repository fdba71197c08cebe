//! What the user chooses of a consumer. Checks nothing: the server does.

use super::agenda::Plan;
use crate::command::LONGEST_WAIT;
use std::time::Duration;

/// More often than that nothing is looked for.
const SHORTEST: Duration = Duration::from_millis(100);

/// What a [`StreamConsumer`](super::StreamConsumer) reads, and how.
///
/// ```no_run
/// use hitless::{Client, StreamConsumerOptions};
/// use std::time::Duration;
///
/// # let client = Client::connect("redis://127.0.0.1")?;
/// let options = StreamConsumerOptions::new("orders", "billing", "billing-7")
///     .create_group("0")
///     .claim_after(Some(Duration::from_secs(300)))
///     .dead_letters("orders:dead", 5);
/// let consumer = client.stream_consumer(&options);
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StreamConsumerOptions {
    pub(super) stream: Vec<u8>,
    pub(super) group: Vec<u8>,
    pub(super) consumer: Vec<u8>,
    pub(super) created_at: Option<Vec<u8>>,
    pub(super) dead_letters: Option<(Vec<u8>, u64)>,
    pub(super) deletes: bool,
    batch: u32,
    claim_after: Option<Duration>,
    patience: Duration,
}

impl StreamConsumerOptions {
    /// The consumer of this name in a group of a stream. The group must be there:
    /// [`create_group`](Self::create_group) makes it.
    ///
    /// Each consumer of a group that runs at the same time needs a name of its own. One that is started again is best
    /// given the name that it had: it then begins with what it had not acknowledged.
    pub fn new(
        stream: impl Into<Vec<u8>>,
        group: impl Into<Vec<u8>>,
        consumer: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            stream: stream.into(),
            group: group.into(),
            consumer: consumer.into(),
            created_at: None,
            dead_letters: None,
            deletes: false,
            batch: 10,
            claim_after: Some(Duration::from_secs(60)),
            patience: Duration::from_secs(30),
        }
    }

    /// Makes the group where it is not there, and an empty stream if there is none. `"0"`: the group reads all that is
    /// in the stream; `"$"`: only what comes from then on; an ID: what is behind it.
    ///
    /// Also later, if the group was destroyed or the stream deleted under the consumer, which the log tells as a
    /// warning. Nobody knows then what the group had read. With `"$"` entries that were added before it was made again
    /// are skipped; with `"0"` or an ID the entries from there on that are still in the stream come again, as first
    /// deliveries. Where neither may happen, leave this out, and make the group once, when the application is set up
    /// ([`xgroup_create_mkstream`](crate::Commands::xgroup_create_mkstream)): a group that is gone then is an error of
    /// the iterator (`NOGROUP`), and the consumer goes on once you have made it from where you choose.
    #[must_use]
    pub fn create_group(mut self, from: impl Into<Vec<u8>>) -> Self {
        self.created_at = Some(from.into());
        self
    }

    /// How many entries are asked for at once; 0 counts as 1. Those that the user has not come to yet are pending with
    /// this consumer; they are kept from being idle whenever the next one is taken, which is no further delivery (a
    /// script; a user that may run none finds them delivered once more). Defaults to 10.
    #[must_use]
    pub fn count(mut self, entries: u32) -> Self {
        self.batch = entries.max(1);
        self
    }

    /// After how long an entry that was delivered and not acknowledged is taken over from its consumer, which may be
    /// this one, and handed out again. The same for all consumers of the group, and longer than the work on one entry
    /// takes, or than the time between two calls of [`StreamDelivery::keep`](super::StreamDelivery::keep) for it. It is
    /// looked for twice in that time, ten times a second at most. `None`: nothing is taken over. Defaults to 60 s; less
    /// than 100 ms counts as that, and more than 100 years as those.
    #[must_use]
    pub fn claim_after(mut self, idle: Option<Duration>) -> Self {
        self.claim_after = idle.map(|idle| idle.clamp(SHORTEST, LONGEST_WAIT));
        self
    }

    /// An entry that was delivered `deliveries` times without an acknowledgement is not handed out again: it is added
    /// to this stream and acknowledged, in one step (a script). 0 counts as 1. Without this it is handed out for ever.
    ///
    /// What is added has the fields of the entry, and behind them `dead:stream`, `dead:group`, `dead:consumer`,
    /// `dead:id` and `dead:deliveries`. An entry of more than 3,900 fields cannot go there, and stays pending.
    #[must_use]
    pub fn dead_letters(mut self, stream: impl Into<Vec<u8>>, deliveries: u64) -> Self {
        self.dead_letters = Some((stream.into(), deliveries.max(1)));
        self
    }

    /// Deletes entries from the stream as they are acknowledged, in one transaction, whether other groups have read
    /// them or not. By default they stay.
    #[must_use]
    pub fn delete_acknowledged(mut self) -> Self {
        self.deletes = true;
        self
    }

    /// For how long failures that may pass (a lost connection, a server that is loading) are only waited out, from the
    /// first one in a row. Each one after that goes to the user. Zero: each at once. Defaults to 30 s.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub(super) fn batch(&self) -> u64 {
        self.batch.into()
    }

    pub(super) fn plan(&self) -> Plan {
        Plan {
            batch: self.batch as usize,
            makes_group: self.created_at.is_some(),
            claim_after: self.claim_after,
            deliveries: self.dead_letters.as_ref().map(|(_, most)| *most),
            patience: self.patience,
        }
    }
}
