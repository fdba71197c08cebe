//! The primitives of the real system. Adds nothing to them.

use super::lock::{Condvar, Mutex};
use super::{Ranked, RankedGuard};
use std::io;
use std::sync::MutexGuard;
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

pub(crate) use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::thread::{JoinHandle, Thread, current, yield_now};

/// The lock of the platform. It has no table of waiting threads that a child of `fork` would inherit.
pub(super) type RawMutex<T> = Mutex<T>;
/// Held while the lock is.
pub(super) type RawGuard<'a, T> = MutexGuard<'a, T>;
/// The condition variable of the platform.
pub(super) type RawCondvar = Condvar;

/// A lock without a rank.
pub(super) const fn raw_mutex<T>(value: T) -> RawMutex<T> {
    Mutex::new(value)
}

/// Takes a lock.
pub(super) fn raw_lock<T>(mutex: &RawMutex<T>) -> RawGuard<'_, T> {
    mutex.lock()
}

/// Waits for a notification or for the deadline, whichever comes first. May wake without either, so callers
/// look again.
pub(super) fn raw_wait<'a, T, const RANK: u8>(
    condvar: &RawCondvar,
    _lock: &'a Ranked<T, RANK>,
    guard: RankedGuard<'a, T, RANK>,
    deadline: Option<Instant>,
) -> RankedGuard<'a, T, RANK> {
    // The mark of the rank stays with the sleeping thread: only the lock itself is given up.
    let RankedGuard(guard, held) = guard;
    RankedGuard(condvar.wait_until(guard, deadline), held)
}

/// Sleeps until [`Thread::unpark`] or until `deadline`; may return without either.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place that waits for an unpark"
)]
pub(crate) fn park(deadline: Option<Instant>) {
    // An unpark that comes before is kept as a token, so that no wake-up is lost between look and sleep.
    match deadline {
        Some(deadline) => {
            thread::park_timeout(deadline.saturating_duration_since(crate::clock::now()));
        }
        None => thread::park(),
    }
}

/// Sleeps until then. For what nobody announces: everything else has an event to wait for.
#[allow(clippy::disallowed_methods, reason = "the one pause")]
pub(crate) fn pause(until: Instant) {
    thread::sleep(until.saturating_duration_since(crate::clock::now()));
}

/// Starts a named thread. A refusal of the system is an error, never a panic.
pub(crate) fn spawn(
    name: String,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    // In a box, so that the start of a thread is compiled once for all bodies.
    let body: Box<dyn FnOnce() + Send> = Box::new(body);
    // `thread::spawn` would panic where the system has no thread left.
    Builder::new().name(name).spawn(body)
}

/// Receives from a queue until `deadline`.
pub(crate) fn receive<T>(
    queue: &Receiver<T>,
    deadline: Option<Instant>,
) -> Result<T, RecvTimeoutError> {
    match deadline {
        Some(deadline) => queue.recv_deadline(deadline),
        // Without a deadline there is one way to fail: nobody is left who could send.
        None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

/// When a thread looks again that waits until `until`, and for what nobody announces: after `slice` at most.
pub(crate) fn look_again_at(until: Instant, slice: Duration) -> Instant {
    let soon = crate::clock::now().checked_add(slice);
    soon.map_or(until, |soon| until.min(soon))
}
