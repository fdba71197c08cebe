//! Publish and subscribe: a connection that brings messages, from one server to the next. Chooses no connection: the
//! pool does; makes none: the engine does, and has each new one prepared here before it serves.
//!
//! | file | what it is |
//! |---|---|
//! | `desk` | what subscriber, controls and connections share: one lock, and who waits at it |
//! | `desk/settle` | how a new connection takes over |
//! | `seam`, `overlap` | whose messages are delivered meanwhile (pure) |
//! | `queue` | what waits to be taken (pure) |
//! | `wanted` | what is subscribed to (pure) |
//! | `message`, `keyspace` | what a subscriber is told (pure) |

mod control;
mod desk;
mod keyspace;
mod message;
mod options;
mod overlap;
mod queue;
mod seam;
mod wanted;

pub use control::SubscriberControl;
pub use keyspace::KeyspaceEvent;
pub use message::{Message, SubscriberEvent, SubscriptionKind};
pub use options::SubscriberOptions;
pub use queue::Overflow;

use super::Host;
use crate::clock;
use crate::command::ToArgs;
use crate::error::Result;
#[cfg(doc)]
use crate::error::{CloseReason, ErrorKind};
use crate::link::Deadline;
use crate::sync::Arc;
use desk::{Desk, End};
use std::fmt;
use std::mem;
use std::time::{Duration, Instant};

/// Receives what is published, on a connection of its own, until it is stopped or dropped.
///
/// Made by [`Client::subscriber`](crate::Client::subscriber). It yields [`SubscriberEvent`]s, in the order in which
/// the server has sent them, in one of three ways: as an iterator, which blocks until the next one; with a time, by
/// [`next_within`](Self::next_within); or at once, by [`try_next`](Self::try_next). `Send`, not `Clone`: messages
/// are taken by one thread at a time. Other threads subscribe, unsubscribe and stop it by a
/// [`control`](Self::control).
///
/// ```no_run
/// use hitless::{Client, SubscriberEvent};
/// use std::thread;
///
/// let client = Client::connect("redis://127.0.0.1")?;
/// let mut news = client.subscriber()?;
/// news.subscribe(["news", "weather"])?;
/// news.psubscribe("user.*")?;
/// let control = news.control();
/// let reader = thread::spawn(move || {
///     for event in news {
///         match event? {
///             SubscriberEvent::Message(message) => println!("{}", String::from_utf8_lossy(&message.payload)),
///             SubscriberEvent::Resubscribed { gap: true, .. } => println!("something may be missing here"),
///             _ => {}
///         }
///     }
///     Ok::<(), hitless::Error>(())
/// });
/// control.stop();
/// reader.join().unwrap()?;
/// # Ok::<(), hitless::Error>(())
/// ```
///
/// # While the server moves
///
/// The new connection subscribes to everything before the old one is given up, and for a moment both bring messages.
/// To find the place at which to go from one to the other, the client publishes a marker to a channel of its own,
/// `hitless:seam:` and 16 digits: nothing is lost, doubled or out of order, and no event is told. Markers never reach
/// a mailbox; a `PSUBSCRIBE *` of another program sees them. Where the user may not publish, or markers are
/// [switched off](SubscriberOptions::markers), answers of both servers and the messages themselves say where the place
/// is: nothing is lost; of messages with equal payloads some may come twice, which
/// [`MaintenanceStats::messages_doubled`](crate::MaintenanceStats::messages_doubled) counts. If the new server refuses
/// a subscription, the old connection serves as long as it lives.
///
/// # After a failure
///
/// The client makes another connection by itself, subscribes to everything, and tells
/// [`SubscriberEvent::Resubscribed`] with `gap: true`: what was published in between is missing, and no server
/// keeps it.
///
/// # When messages are taken too slowly
///
/// Up to [`capacity`](SubscriberOptions::capacity) messages wait, of up to
/// [`capacity_bytes`](SubscriberOptions::capacity_bytes). What becomes of more says [`Overflow`]; it holds up
/// neither the connection nor a notification of maintenance.
///
/// # Its end
///
/// [`stop`](SubscriberControl::stop) and the drop of the subscriber close its connection. What had come before is still
/// yielded, and then the iterator ends. With [`Client::close`](crate::Client::close) it ends with an error.
pub struct Subscriber {
    desk: Arc<Desk>,
    /// An error was yielded that ends the iterator.
    is_over: bool,
    timeout: Option<Duration>,
    /// Last: the client lives as long as its subscribers.
    host: Arc<dyn Host>,
}

impl Subscriber {
    /// Blocks while all dedicated connections are taken, and while one is made.
    pub(crate) fn new(host: Arc<dyn Host>, options: &SubscriberOptions) -> Result<Self> {
        host.check_process()?;
        let calls = host.calls();
        let pool = calls.pool();
        let timeout = options.timeout.unwrap_or_else(|| calls.command_timeout());
        let deadline = Deadline::new(clock::now(), pool.timeout(), timeout, false);
        let claim = pool.claim(&deadline)?;
        let entries = Arc::clone(pool.entries());
        let entry = claim.entry().map(crate::pool::Entry::id);
        let entry = entry.ok_or_else(|| entries.closed_error())?;
        let desk = Arc::new(Desk::new(
            entry,
            entries,
            Arc::clone(calls.counters()),
            options,
        ));
        // From here on its drop undoes what was begun.
        let subscriber = Self {
            desk: Arc::clone(&desk),
            is_over: false,
            timeout,
            host: Arc::clone(&host),
        };
        // Before the link is asked for: the worker that makes it finds the desk.
        desk.entries.move_in(entry, Arc::<Desk>::clone(&desk));
        let until = deadline.checkout();
        loop {
            let link = pool.link_of(&claim, until)?;
            // One that a worker has just made has been prepared; one that was there before has not.
            if desk.is_served() {
                break;
            }
            let end = until
                .unwrap_or_else(|| crate::handoff::later(clock::now(), Duration::from_secs(60)));
            match desk.settle_first(&link, end) {
                Ok(()) => break,
                // It ended meanwhile: the next one.
                Err(_) if !link.is_open() && end > clock::now() => pool.lost(&link),
                Err(error) => return Err(error),
            }
        }
        desk.keep(claim);
        Ok(subscriber)
    }

    /// Subscribes to channels, in addition to what is subscribed to. Blocks until the server has confirmed all, also
    /// through a move or a loss of the connection: at most [`timeout`](SubscriberOptions::timeout).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Server`] if the server refuses, such as `NOPERM`: then none of a command's channels is subscribed
    /// to that was not before; up to 512 go in one. [`ErrorKind::Timeout`] if it has not confirmed them in time: all
    /// of them are kept, and sent to the next connection. [`ErrorKind::Closed`] after the end of the subscriber.
    /// [`ErrorKind::Usage`] without a channel, and for those of markers.
    pub fn subscribe(&self, channels: impl ToArgs) -> Result<()> {
        self.change(SubscriptionKind::Channel, channels, false)
    }

    /// Subscribes to all channels whose names match one of these patterns. As [`subscribe`](Self::subscribe).
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    pub fn psubscribe(&self, patterns: impl ToArgs) -> Result<()> {
        self.change(SubscriptionKind::Pattern, patterns, false)
    }

    /// Subscribes to shard channels, to which `SPUBLISH` publishes. As [`subscribe`](Self::subscribe). Redis 7.0,
    /// every Valkey.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    pub fn ssubscribe(&self, channels: impl ToArgs) -> Result<()> {
        self.change(SubscriptionKind::Shard, channels, false)
    }

    /// Ends subscriptions to channels. Messages that have come before are still yielded. Blocks like
    /// [`subscribe`](Self::subscribe).
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe). After a timeout the next connection does not have them.
    pub fn unsubscribe(&self, channels: impl ToArgs) -> Result<()> {
        self.change(SubscriptionKind::Channel, channels, true)
    }

    /// Ends subscriptions to patterns. As [`unsubscribe`](Self::unsubscribe).
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    pub fn punsubscribe(&self, patterns: impl ToArgs) -> Result<()> {
        self.change(SubscriptionKind::Pattern, patterns, true)
    }

    /// Ends subscriptions to shard channels. As [`unsubscribe`](Self::unsubscribe).
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    pub fn sunsubscribe(&self, channels: impl ToArgs) -> Result<()> {
        self.change(SubscriptionKind::Shard, channels, true)
    }

    /// A handle for other threads: subscribes, unsubscribes and stops.
    pub fn control(&self) -> SubscriberControl {
        SubscriberControl::new(&self.desk, self.timeout, &self.host)
    }

    /// The next event, if one has come. Never blocks.
    ///
    /// # Errors
    ///
    /// As [`next_within`](Self::next_within).
    pub fn try_next(&mut self) -> Result<Option<SubscriberEvent>> {
        self.next_until(Some(clock::now()))
    }

    /// The next event. Blocks until it comes, at most for this time; `None`: none came.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`], behind all that had come: with [`CloseReason::Stopped`] after a stop, with
    /// [`CloseReason::ByUser`] after [`Client::close`](crate::Client::close). [`ErrorKind::Overflow`] if the
    /// mailbox was full, where that is to end it.
    pub fn next_within(&mut self, time: Duration) -> Result<Option<SubscriberEvent>> {
        self.next_until(clock::now().checked_add(time))
    }

    fn next_until(&self, deadline: Option<Instant>) -> Result<Option<SubscriberEvent>> {
        self.host.check_process()?;
        self.desk.next(deadline).map_err(End::into_error)
    }

    fn change(&self, kind: SubscriptionKind, names: impl ToArgs, is_end: bool) -> Result<()> {
        self.host.check_process()?;
        control::change(&self.desk, self.timeout, kind, names, is_end)
    }
}

/// Blocks until the next event. Ends after a stop; any other end is an error, once.
impl Iterator for Subscriber {
    type Item = Result<SubscriberEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = match self.host.check_process() {
            Ok(()) => self.desk.next(None),
            Err(error) => Err(End::Failed(error)),
        };
        match next {
            Ok(event) => event.map(Ok),
            Err(End::Stopped) => None,
            Err(End::Failed(error)) => {
                self.is_over = true;
                Some(Err(error))
            }
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        if self.host.check_process().is_err() {
            // Its locks may be held by threads of the parent, and its connection is the parent's.
            mem::forget(Arc::clone(&self.desk));
            mem::forget(Arc::clone(&self.host));
            return;
        }
        self.desk.stop();
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").finish_non_exhaustive()
    }
}

const _: () = {
    const fn movable<T: Send + 'static>() {}
    movable::<Subscriber>();
};
