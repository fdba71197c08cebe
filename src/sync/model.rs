//! The primitives of the model checker: the same names, every step a choice of its scheduler.
//!
//! Time does not flow. A wait with a deadline either ends at once, as if the deadline had passed, or
//! becomes a wait without one: the checker explores both, and a wake-up that is lost shows as a
//! deadlock.

use super::{Ranked, RankedGuard};
use std::io;
use std::time::Instant;

pub(crate) use shuttle::sync::Arc;
pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
pub(crate) use shuttle::thread::{JoinHandle, Thread, current, yield_now};

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;

/// The checker's lock: each use of it is a place where the schedule may change.
pub(super) type RawMutex<T> = Mutex<T>;
/// Held while the lock is.
pub(super) type RawGuard<'a, T> = MutexGuard<'a, T>;
/// The checker's condition variable.
pub(super) type RawCondvar = Condvar;

/// A lock without a rank.
pub(super) const fn raw_mutex<T>(value: T) -> RawMutex<T> {
    Mutex::new(value)
}

/// Takes a lock, also one under which a thread has panicked.
pub(super) fn raw_lock<T>(mutex: &RawMutex<T>) -> RawGuard<'_, T> {
    match mutex.lock() {
        Ok(guard) => guard,
        Err(poisoned) => poisoned.into_inner(),
    }
}

/// Waits for a notification. A deadline may pass at any time in a model: the thread then gives way once and
/// goes on.
pub(super) fn raw_wait<'a, T, const RANK: u8>(
    condvar: &RawCondvar,
    lock: &'a Ranked<T, RANK>,
    guard: RankedGuard<'a, T, RANK>,
    deadline: Option<Instant>,
) -> RankedGuard<'a, T, RANK> {
    if passes(deadline) {
        drop(guard);
        yield_now();
        return lock.lock();
    }
    let RankedGuard(guard, held) = guard;
    match condvar.wait(guard) {
        Ok(guard) => RankedGuard(guard, held),
        Err(poisoned) => RankedGuard(poisoned.into_inner(), held),
    }
}

shuttle::lazy_static! {
    /// How many nanoseconds the model's clock is ahead of its start.
    static ref AHEAD: AtomicU64 = AtomicU64::new(0);
}

/// The beginning of time in a model.
static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();

/// The one reading of the clock: model time is told from here on.
#[allow(
    clippy::disallowed_methods,
    reason = "any fixed instant will do as the model's start"
)]
fn start() -> Instant {
    *START.get_or_init(Instant::now)
}

/// The model's clock: stands still except when a wait is chosen to reach its deadline.
pub(crate) fn model_now() -> Instant {
    start() + std::time::Duration::from_nanos(AHEAD.load(Ordering::SeqCst))
}

/// Lets the checker choose whether a wait until `deadline` reaches it at once.
pub(crate) fn passes(deadline: Option<Instant>) -> bool {
    let Some(deadline) = deadline else {
        return false;
    };
    if !thread_rng().gen_bool(0.25) {
        return false;
    }
    let ahead = deadline.saturating_duration_since(start()).as_nanos();
    AHEAD.fetch_max(
        u64::try_from(ahead).unwrap_or(u64::MAX / 2),
        Ordering::SeqCst,
    );
    true
}

/// At once, after others have had a turn: a wait for what nobody announces must not last for ever, as any other may
/// here.
pub(crate) fn look_again_at(until: Instant, _slice: std::time::Duration) -> Instant {
    passes(Some(until));
    yield_now();
    model_now()
}

/// Waits for an unpark, or for a deadline, which passes whenever the schedule says so.
pub(crate) fn park(deadline: Option<Instant>) {
    if passes(deadline) {
        yield_now();
    } else {
        shuttle::thread::park();
    }
}

/// Lets others go on until then.
pub(crate) fn pause(until: Instant) {
    while model_now() < until {
        passes(Some(until));
        yield_now();
    }
}

/// Starts a named thread under the checker's schedule.
pub(crate) fn spawn(
    name: String,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    shuttle::thread::Builder::new().name(name).spawn(body)
}

/// The items of a channel, and who still holds its ends.
#[derive(Debug)]
struct Queue<T> {
    items: VecDeque<T>,
    capacity: usize,
    senders: usize,
    receivers: usize,
}

/// What both ends of a channel share.
#[derive(Debug)]
struct Shared<T> {
    queue: Mutex<Queue<T>>,
    changed: Condvar,
}

/// The sending half of a bounded queue.
#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Shared<T>>);

/// The receiving half of a bounded queue.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

/// Why an item was not taken; it comes back.
#[derive(Debug)]
pub(crate) enum TrySendError<T> {
    Disconnected(T),
    Full(T),
}

/// Why no item came.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum RecvTimeoutError {
    Disconnected,
    Timeout,
}

/// A channel for at most `capacity` items, as crossbeam's.
pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let queue = Queue {
        items: VecDeque::new(),
        capacity,
        senders: 1,
        receivers: 1,
    };
    let shared = Arc::new(Shared {
        queue: Mutex::new(queue),
        changed: Condvar::new(),
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T> Sender<T> {
    /// Adds an item, or gives it back at once.
    pub(crate) fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let mut queue = raw_lock(&self.0.queue);
        if queue.receivers == 0 {
            return Err(TrySendError::Disconnected(item));
        }
        if queue.items.len() >= queue.capacity {
            return Err(TrySendError::Full(item));
        }
        queue.items.push_back(item);
        self.0.changed.notify_all();
        Ok(())
    }

    /// Adds an item, waiting for room.
    pub(crate) fn send(&self, item: T) -> Result<(), TrySendError<T>> {
        let mut queue = raw_lock(&self.0.queue);
        while queue.items.len() >= queue.capacity && queue.receivers > 0 {
            queue = match self.0.changed.wait(queue) {
                Ok(queue) => queue,
                Err(poisoned) => poisoned.into_inner(),
            };
        }
        if queue.receivers == 0 {
            return Err(TrySendError::Disconnected(item));
        }
        queue.items.push_back(item);
        self.0.changed.notify_all();
        Ok(())
    }
}

/// Takes an item, waiting for one until the deadline.
pub(crate) fn receive<T>(
    receiver: &Receiver<T>,
    deadline: Option<Instant>,
) -> Result<T, RecvTimeoutError> {
    let mut queue = raw_lock(&receiver.0.queue);
    loop {
        if let Some(item) = queue.items.pop_front() {
            receiver.0.changed.notify_all();
            return Ok(item);
        }
        if queue.senders == 0 {
            return Err(RecvTimeoutError::Disconnected);
        }
        if passes(deadline) {
            return Err(RecvTimeoutError::Timeout);
        }
        if deadline.is_some() {
            // Who keeps time for others must see the deadline in the end.
            drop(queue);
            yield_now();
            queue = raw_lock(&receiver.0.queue);
            continue;
        }
        queue = match receiver.0.changed.wait(queue) {
            Ok(queue) => queue,
            Err(poisoned) => poisoned.into_inner(),
        };
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        raw_lock(&self.0.queue).senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        raw_lock(&self.0.queue).receivers += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        raw_lock(&self.0.queue).senders -= 1;
        self.0.changed.notify_all();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        raw_lock(&self.0.queue).receivers -= 1;
        self.0.changed.notify_all();
    }
}
