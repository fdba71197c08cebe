//! Stops calls from another thread. Sends nothing: the engine does, once a call is known to be cancelled.

use crate::error::{Error, Result};
use crate::pool::BlockingCall;
use crate::sync::{Arc, AtomicBool, Ordering, Process, Ranked};
use std::fmt;

/// Stops commands that block on the server, such as `BLPOP`, from another thread, without closing the client.
///
/// Cheap to clone; clones cancel the same calls. One canceller may stand for the calls of many threads. It is good
/// once: what begins after [`cancel`](Self::cancel) is refused before anything is sent. To begin again, make a new one
/// and ask the client for what it cancels ([`Client::cancelled_by`](crate::Client::cancelled_by)). There is no way
/// back for an old one, because a consumer that is between two calls while it is cancelled would miss it.
///
/// | what goes on | becomes |
/// |---|---|
/// | a command that blocks | what came, or `Cancelled` and [`NotSent`](crate::Delivery::NotSent) |
/// | a pipeline with `WAIT` or `WAITAOF` | these `Cancelled`; all other commands are executed, before and behind |
/// | a command that this client does not know, and its server says to block | `Cancelled` and [`Unknown`](crate::Delivery::Unknown): it may have done something |
/// | any other call | ends by its own time |
///
/// Calls of a [`Lease`](crate::Lease) are not cancelled. Have its commands wait for a second or so at a time
/// ([`Cmd::timeout`](crate::Cmd::timeout)), and look at [`is_cancelled`](Self::is_cancelled) before each: a wait that
/// is over has taken nothing, and the lease is as it was. A [`Subscriber`](crate::Subscriber) and a
/// [`StreamConsumer`](crate::StreamConsumer) are stopped by their own control.
///
/// ```no_run
/// use hitless::{Canceller, Client, Commands, ErrorKind};
/// use std::thread;
/// use std::time::Duration;
///
/// let client = Client::connect("redis://127.0.0.1")?;
/// let canceller = Canceller::new();
/// thread::scope(|scope| {
///     let consumer = scope.spawn(|| -> hitless::Result<()> {
///         let client = client.cancelled_by(&canceller);
///         loop {
///             match client.blpop::<(), String>("jobs", Duration::ZERO) {
///                 Ok(Some(((), job))) => println!("{job}"),
///                 Ok(None) => {}
///                 // Nothing was taken: the queue has what it had.
///                 Err(error) if *error.kind() == ErrorKind::Cancelled => return Ok(()),
///                 Err(error) => return Err(error),
///             }
///         }
///     });
///     // Later, for instance when the process is asked to end:
///     canceller.cancel();
///     consumer.join().expect("a consumer")
/// })?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Canceller(Arc<Cancel>);

struct Cancel {
    /// The process that made it. Compared before the lock is touched.
    process: Process,
    is_cancelled: AtomicBool,
    /// The calls that go on. Locked by their callers at begin and end, and by who cancels.
    calls: Ranked<Vec<Arc<BlockingCall>>, 4>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self {
            process: Process::current(),
            is_cancelled: AtomicBool::default(),
            calls: Ranked::default(),
        }
    }
}

/// A call that can be cancelled, until this is dropped.
pub(super) struct Registered<'a> {
    canceller: &'a Canceller,
    call: &'a Arc<BlockingCall>,
}

impl Canceller {
    /// One that has cancelled nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels all calls that go on under this canceller, and those that will begin. Never blocks; a second time does
    /// nothing. Called by any thread.
    ///
    /// A call that waits for a connection ends at once. For one that blocks on the server `CLIENT UNBLOCK` is sent by
    /// another connection to the same server: data that came meanwhile is delivered, otherwise the call is
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) with
    /// [`Delivery::NotSent`](crate::Delivery::NotSent), nothing was taken, and the connection serves on. Where the
    /// server refuses that (the user needs `+client|unblock`) or the call has not ended after 5 s, its connection is
    /// closed, and it is [`Delivery::Unknown`](crate::Delivery::Unknown).
    ///
    /// Does nothing in a child of `fork`, whose calls none of these are. What begins there under this canceller is
    /// refused, of whichever client ([`ErrorKind::Forked`](crate::ErrorKind::Forked)).
    pub fn cancel(&self) {
        // A thread of the parent may have been in the lock, and is there for ever.
        if self.0.process.has_forked() {
            return;
        }
        self.0.is_cancelled.store(true, Ordering::SeqCst);
        // Cloned, because what follows takes the lock of each call.
        let calls = self.0.calls.lock().clone();
        calls.iter().for_each(|call| call.cancel());
    }

    /// Whether [`cancel`](Self::cancel) was called: in a child of `fork`, whether it was before.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::SeqCst)
    }

    /// Refuses what begins after the end, and in a child of `fork`.
    pub(super) fn check(&self) -> Result<()> {
        if self.0.process.has_forked() {
            return Err(Error::forked());
        }
        if self.is_cancelled() {
            return Err(Error::cancelled());
        }
        Ok(())
    }

    /// Has this call cancelled with the others, at once if that has happened before. After a [`check`](Self::check).
    pub(super) fn register<'a>(&'a self, call: &'a Arc<BlockingCall>) -> Registered<'a> {
        self.0.calls.lock().push(Arc::clone(call));
        // In the list before the look: whoever cancels after it finds the call there.
        if self.is_cancelled() {
            call.cancel();
        }
        Registered {
            canceller: self,
            call,
        }
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let is_other = |other: &Arc<BlockingCall>| !Arc::ptr_eq(other, self.call);
        self.canceller.0.calls.lock().retain(is_other);
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller")
            .field("is_cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
