//! A consumer of a stream group. Decides nothing: its agenda does.
//!
//! ```text
//!   StreamConsumer (one thread of the user) --> Work --> Agenda: what to do next
//!   StreamDelivery (any thread) ------- ack ---^  |
//!   StreamConsumerControl (any thread) - stop --'  +----> the client: XREADGROUP, XACK ...
//! ```

mod agenda;
#[cfg(all(test, hitless_model))]
mod model;
mod options;
mod work;

pub use options::StreamConsumerOptions;

use super::Host;
use crate::call::Canceller;
use crate::command::{Executor, StreamEntry, StreamId};
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::sync::Arc;
use agenda::Fetched;
use std::fmt;
use std::iter::FusedIterator;
use std::ops::Deref;
use work::Work;

/// By what a consumer sends.
pub(crate) struct Lines {
    /// Reads, until it is stopped.
    pub(crate) reader: Box<dyn Executor + Send + Sync>,
    /// Acknowledges, also after that.
    pub(crate) writer: Box<dyn Executor + Send + Sync>,
    /// Ends what the reader waits for.
    pub(crate) canceller: Canceller,
    pub(crate) host: Arc<dyn Host>,
}

/// A consumer of a stream group, as an iterator of what it is to work on. Made by
/// [`Client::stream_consumer`](crate::Client::stream_consumer).
///
/// ```no_run
/// use hitless::{Client, StreamConsumerOptions};
///
/// # let client = Client::connect("redis://127.0.0.1")?;
/// let options = StreamConsumerOptions::new("orders", "billing", "billing-7")
///     .create_group("0")
///     .dead_letters("orders:dead", 5);
/// for delivery in client.stream_consumer(&options) {
///     let delivery = delivery?;
///     let order: Option<String> = delivery.get("order")?;
///     if delivery.deliveries() > 1 {
///         println!("{order:?} may have been worked on before");
///     }
///     delivery.ack()?;
/// }
/// # Ok::<(), hitless::Error>(())
/// ```
///
/// It begins with the entries that are pending with its name, goes on with those that other consumers have left
/// ([`claim_after`](StreamConsumerOptions::claim_after)), and then waits for new ones, with a connection alone while it
/// does. Several consumers of different names share the work; each is used by one thread at a time.
///
/// # What it survives
///
/// Planned moves: nothing is to be seen of them. After a connection was lost, or a server started again, it goes on
/// with pauses that double from 50 ms to 1.6 s, and only
/// [`patience`](StreamConsumerOptions::patience) later says so. What a lost reply may have held is pending with its
/// name then, and is listed and handed out like what it began with. An acknowledgement that may be lost is sent again.
///
/// # Twice
///
/// Each entry is handed out once, unless [`StreamDelivery::deliveries`] is more than 1: then an earlier delivery was
/// lost on its way, was not acknowledged in time, or is still worked on by somebody for longer than
/// [`claim_after`](StreamConsumerOptions::claim_after) without a [`keep`](StreamDelivery::keep). No entry is lost: what
/// is not acknowledged is handed out again. A group that somebody destroys has forgotten all of that: what then comes
/// again or is skipped says [`create_group`](StreamConsumerOptions::create_group).
///
/// # The end
///
/// [`next`](Iterator::next) blocks until there is an entry. It is `None` once [`StreamConsumerControl::stop`] was
/// called, or the client was closed, and from then on. What was fetched and not handed out goes back to the group then,
/// and is claimed by the next that looks. Where the consumer is dropped without that, or its user may run no script
/// (`+evalsha`, `+eval`), it stays pending until it has been idle.
///
/// # Errors
///
/// An item is an error where a server refuses what is sent (the key is no stream, a permission is missing), at
/// once, and where one that may pass has gone on for longer than [`patience`](StreamConsumerOptions::patience). The
/// iterator can be used after it, and pauses before it tries again. After [`Client::close`](crate::Client::close),
/// and in a child of `fork`, there is one error, and then the end.
pub struct StreamConsumer {
    work: Arc<Work>,
    /// It was said that this is a child of `fork`.
    is_refused: bool,
}

/// An entry that a [`StreamConsumer`] has handed out: it is the [`StreamEntry`], with what becomes of it.
///
/// May go to any thread, and outlive its consumer. Dropped without [`ack`](Self::ack) it stays pending in the group,
/// and is handed out again to whoever finds it idle.
#[must_use = "it is handed out again unless it is acknowledged"]
pub struct StreamDelivery {
    fetched: Fetched,
    work: Arc<Work>,
}

/// Stops a [`StreamConsumer`] from another thread. Cheap to clone.
#[derive(Clone)]
pub struct StreamConsumerControl(Arc<Work>);

impl StreamConsumer {
    pub(crate) fn new(options: &StreamConsumerOptions, lines: Lines) -> Self {
        Self {
            work: Arc::new(Work::new(options, lines)),
            is_refused: false,
        }
    }

    /// By which other threads stop it.
    pub fn control(&self) -> StreamConsumerControl {
        StreamConsumerControl(Arc::clone(&self.work))
    }

    /// Acknowledges many entries with one command, as [`StreamDelivery::ack`] does one.
    ///
    /// # Errors
    ///
    /// As [`StreamDelivery::ack`], for all of them. [`ErrorKind::Usage`] if one of them is another consumer's: then
    /// none is acknowledged.
    pub fn ack_all(&self, deliveries: impl IntoIterator<Item = StreamDelivery>) -> Result<()> {
        let deliveries: Vec<StreamDelivery> = deliveries.into_iter().collect();
        // An ID means something else in another stream or group.
        if !(deliveries.iter()).all(|delivery| Arc::ptr_eq(&delivery.work, &self.work)) {
            let text = "not acknowledged: a delivery is of another consumer";
            return Err(Error::usage(text.to_owned()));
        }
        let ids: Vec<StreamId> = deliveries.iter().map(|delivery| delivery.id).collect();
        self.work.acknowledge(&ids)
    }
}

impl Iterator for StreamConsumer {
    type Item = Result<StreamDelivery>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.work.check_process() {
            let is_told = std::mem::replace(&mut self.is_refused, true);
            return (!is_told).then_some(Err(error));
        }
        let fetched = self.work.advance()?;
        Some(fetched.map(|fetched| StreamDelivery {
            fetched,
            work: Arc::clone(&self.work),
        }))
    }
}

impl FusedIterator for StreamConsumer {}

impl StreamDelivery {
    /// How many times the entry was delivered, this time included, as far as the server knows. 1: to nobody before.
    pub fn deliveries(&self) -> u64 {
        self.fetched.deliveries
    }

    /// Has the entry count as delivered just now, so that nobody takes it over for another
    /// [`claim_after`](StreamConsumerOptions::claim_after): for work that takes longer than that, called from time to
    /// time, by whichever thread. It is no further delivery. Blocks until the reply; sent up to three times where a
    /// connection is lost, which does no harm.
    ///
    /// False: the entry is not this consumer's any more, because another one has taken it over, or because it was
    /// acknowledged or deleted. Nothing is changed then, and the work on it is better given up.
    ///
    /// ```no_run
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// # let options = hitless::StreamConsumerOptions::new("films", "encoders", "encoder-1");
    /// # fn encode(_part: usize) {}
    /// 'films: for film in client.stream_consumer(&options) {
    ///     let film = film?;
    ///     for part in 0..100 {
    ///         encode(part);
    ///         if !film.keep()? {
    ///             // Somebody else is at it.
    ///             continue 'films;
    ///         }
    ///     }
    ///     film.ack()?;
    /// }
    /// # Ok::<(), hitless::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Client::execute`](crate::Client::execute): whether it was kept is not known then. It is a script,
    /// which the user must be allowed to run.
    pub fn keep(&self) -> Result<bool> {
        self.work.keep(self.fetched.entry.id)
    }

    /// Says that the entry is done with (`XACK`), and deletes it if
    /// [`delete_acknowledged`](StreamConsumerOptions::delete_acknowledged) was chosen. Blocks until the reply; sent up
    /// to three times where a connection is lost, which does no harm. Also after the consumer was stopped.
    ///
    /// # Errors
    ///
    /// Those of [`Client::execute`](crate::Client::execute). The entry may still be pending: as long as its consumer is
    /// used it acknowledges it again before it reads, and does not hand it out. Another consumer may, when it has
    /// been idle.
    pub fn ack(self) -> Result<()> {
        self.work.acknowledge(&[self.fetched.entry.id])
    }
}

impl Deref for StreamDelivery {
    type Target = StreamEntry;

    fn deref(&self) -> &StreamEntry {
        &self.fetched.entry
    }
}

impl Drop for StreamDelivery {
    fn drop(&mut self) {
        self.work.release(self.fetched.entry.id);
    }
}

impl StreamConsumerControl {
    /// Ends the iteration, for good, at once where the consumer waits. The entries that the user has can still be
    /// acknowledged. Never blocks; a second time does nothing, nor does one in a child of `fork`.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Whether [`stop`](Self::stop) was called. True in a child of `fork`, in which nothing goes on.
    pub fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }
}

impl fmt::Debug for StreamConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamConsumer").field(&self.work).finish()
    }
}

impl fmt::Debug for StreamDelivery {
    /// Without the fields, which are the user's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamDelivery")
            .field("id", &self.id)
            .field("deliveries", &self.deliveries())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StreamConsumerControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamConsumerControl")
            .field("is_stopped", &self.is_stopped())
            .finish()
    }
}
