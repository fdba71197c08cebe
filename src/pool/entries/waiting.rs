//! Callers that wait for an entry, and what wakes them. Chooses no entry: the caller tries, and waits again.
//!
//! All of it is guarded by lock 1, which nobody holds while trying.

use super::Entries;
use crate::clock;
use crate::error::Error;
use crate::handoff::patience::{FailedDial, Patience};
use crate::protocol::Maintenance;
use crate::sync::Ordering;
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Counts what makes those who wait look again.
    pub(super) changes: u64,
    /// How long failed dials let callers wait.
    patience: Patience,
    /// The last dial that failed, and in which change.
    last: Option<(u64, Error)>,
}

/// Why a wait for a connection ended.
#[derive(Debug)]
pub(crate) enum WaitError {
    /// The call was cancelled.
    Cancelled,
    /// The pool was closed.
    Closed,
    /// Dials failed at so many moments since the wait began; this is the last error.
    Failed(Error),
    /// The time is over; the last dial error, if any dial failed meanwhile.
    TimedOut(Option<Error>),
}

impl Entries {
    /// Tells who waits that a dial has failed. `dial`: it is one of those after which they wait no
    /// longer.
    pub(crate) fn dial_failed(&self, error: Error, dial: Option<FailedDial>) {
        self.announce(|waiting| {
            if let Some(dial) = dial {
                waiting.patience.handle_failure(dial);
            }
            waiting.last = Some((waiting.changes, error));
        });
    }

    /// At how many moments dials have failed, to be told from those that come later.
    pub(crate) fn moments(&self) -> u64 {
        self.waiting.lock().patience.moments()
    }

    /// Whether a caller who began to wait after `since` moments, and may see `most`, gives up.
    pub(crate) fn is_over(&self, since: u64, most: u64) -> bool {
        let now = clock::now();
        self.waiting.lock().patience.is_over(now, since, most)
    }

    /// Until when timeouts are relaxed, and because of what. Called by the coordinator.
    pub(crate) fn set_window(&self, now: Instant, window: Option<(Maintenance, Instant)>) {
        self.waiting.lock().patience.set_window(now, window);
    }

    /// A connection was lost in a window: the server may need up to `grace` to be back. Called by the
    /// coordinator.
    pub(crate) fn lost_in_window(&self, now: Instant, grace: Duration) {
        self.waiting.lock().patience.handle_loss(now, grace);
    }

    /// Whether maintenance goes on, or has just cost connections, so that failures do not count.
    pub(crate) fn is_in_window(&self, now: Instant) -> bool {
        self.waiting.lock().patience.is_in_window(now)
    }

    /// The maintenance to which a checkout that fails at `now` owes it.
    pub(crate) fn blame(&self, now: Instant) -> Option<Maintenance> {
        self.waiting.lock().patience.blame(now)
    }

    /// Wakes all callers that wait for a shared entry, after `change`.
    pub(super) fn announce(&self, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting.lock();
        waiting.changes += 1;
        change(&mut waiting);
        drop(waiting);
        self.arrived.notify_all();
    }

    /// Whether callers wait for a shared connection.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting_shared.load(Ordering::SeqCst) > 0
    }

    /// Calls `attempt` until it yields something, each time after something has changed.
    ///
    /// Blocks until `deadline`, until the entries close, or until dials have failed at more than `patience`
    /// moments while no link is live and no window is open.
    pub(crate) fn wait_for_entry<T>(
        &self,
        deadline: Option<Instant>,
        patience: u64,
        mut attempt: impl FnMut() -> Option<T>,
    ) -> Result<T, WaitError> {
        let waiting = self.waiting.lock();
        // Dials that failed before this wait began say nothing about it: both numbers are its start.
        let (entered, first) = (waiting.patience.moments(), waiting.changes);
        drop(waiting);
        // Counted before the first attempt, and sequentially consistent: whoever looks whether anybody waits
        // after that attempt has failed sees the count.
        self.waiting_shared.fetch_add(1, Ordering::SeqCst);
        let awaited = loop {
            // Read before the attempt, so that a change during it is not slept through.
            let seen = self.waiting.lock().changes;
            if self.is_closed() {
                break Err(WaitError::Closed);
            }
            // Without lock 1: attempts take the locks of entries and may ask for a connection.
            if let Some(found) = attempt() {
                break Ok(found);
            }
            let is_dead = self.live().next().is_none();
            let now = clock::now();
            let mut waiting = self.waiting.lock();
            let last = waiting.last.as_ref().filter(|(change, _)| *change > first);
            if is_dead && waiting.patience.is_over(now, entered, patience) {
                if let Some((_, error)) = last {
                    break Err(WaitError::Failed(error.clone()));
                }
            }
            // After the attempt, so that a call without time to wait still takes what is there.
            if deadline.is_some_and(|deadline| deadline <= now) {
                break Err(WaitError::TimedOut(last.map(|(_, error)| error.clone())));
            }
            // Closing sets its flag before it takes lock 1 to count a change: either is seen here, or the wake-up
            // comes while this thread sleeps.
            if waiting.changes == seen && !self.is_closed() {
                waiting = self.arrived.wait(&self.waiting, waiting, deadline);
            }
            drop(waiting);
        };
        self.waiting_shared.fetch_sub(1, Ordering::SeqCst);
        awaited
    }
}
