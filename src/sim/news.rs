//! Tells waiting threads that something has changed, whatever it was. Costs one load when nobody waits.

use super::clock;
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::time::Instant;

/// A bell: one for those who watch the simulator from outside, and one of its own for each connection,
/// so that no connection wakes another.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Read before the lock, so that news nobody waits for costs nothing.
    waiters: AtomicUsize,
    /// Grows with each change.
    edition: Mutex<u64>,
    /// Notified with each change.
    bell: Condvar,
}

impl News {
    /// Rings the bell. Called after the change, under any lock: only the bell's own is taken.
    pub(super) fn changed(&self) {
        // Pairs with the fence in `wait_until`: either the waiter sees the change, or we see the waiter.
        fence(Ordering::SeqCst);
        if self.waiters.load(Ordering::Relaxed) > 0 {
            *self.edition.lock() += 1;
            self.bell.notify_all();
        }
    }

    /// Waits until the condition holds or the deadline passes; says whether it holds.
    pub(super) fn wait_until(
        &self,
        deadline: Option<Instant>,
        mut holds: impl FnMut() -> bool,
    ) -> bool {
        self.waiters.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let held = loop {
            let seen = *self.edition.lock();
            if holds() {
                break true;
            }
            if deadline.is_some_and(|at| at <= clock::now()) {
                break false;
            }
            let mut edition = self.edition.lock();
            if *edition == seen {
                match deadline {
                    Some(at) => {
                        self.bell.wait_until(&mut edition, at);
                    }
                    None => self.bell.wait(&mut edition),
                }
            }
        };
        self.waiters.fetch_sub(1, Ordering::Relaxed);
        held
    }
}
