//! Callers that wait for a dedicated entry: first come, first served. Chooses no entry: whose turn it is
//! tries, and waits again.
//!
//! ```text
//!   Turn::new ──> the queue ──front──> attempt ──found──> leaves the queue ──> unparks the next
//!                    ^                    |
//!                    '── parks <──nothing-'     unparked by leave_dedicated, by the one in front, by shut
//! ```

use super::{Entries, WaitError};
use crate::clock;
use crate::sync::{self, Ordering, Thread};
use std::collections::VecDeque;
use std::time::Instant;

/// Who waits, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: u64,
    queue: VecDeque<(u64, Thread)>,
}

/// A place in the queue, until it is dropped: then the next is told that it is its turn.
struct Turn<'a> {
    entries: &'a Entries,
    number: u64,
}

impl<'a> Turn<'a> {
    fn new(entries: &'a Entries) -> Self {
        // Counted before the first attempt, and sequentially consistent: whoever leaves an entry after that
        // attempt has failed sees the count and wakes somebody.
        entries.waiting_exclusive.fetch_add(1, Ordering::SeqCst);
        let mut turns = entries.turns.lock();
        turns.last += 1;
        let number = turns.last;
        turns.queue.push_back((number, sync::current()));
        Self { entries, number }
    }

    fn is_mine(&self) -> bool {
        let turns = self.entries.turns.lock();
        (turns.queue.front()).is_some_and(|(number, _)| *number == self.number)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.entries.turns.lock();
        turns.queue.retain(|(number, _)| *number != self.number);
        drop(turns);
        self.entries
            .waiting_exclusive
            .fetch_sub(1, Ordering::SeqCst);
        // A wake-up that came for this caller, found or not, is the next one's.
        self.entries.wake_next();
    }
}

impl Entries {
    /// Calls `attempt` until it yields something, when it is the caller's turn and each time that a dedicated
    /// entry was left.
    ///
    /// Blocks until `deadline`, until `stop` is true (whoever makes it true unparks the caller), or until the entries
    /// close.
    pub(crate) fn wait_in_turn<T>(
        &self,
        deadline: Option<Instant>,
        stop: &dyn Fn() -> bool,
        mut attempt: impl FnMut() -> Option<T>,
    ) -> Result<T, WaitError> {
        let turn = Turn::new(self);
        loop {
            if self.is_closed() {
                return Err(WaitError::Closed);
            }
            if stop() {
                return Err(WaitError::Cancelled);
            }
            if turn.is_mine() {
                if let Some(found) = attempt() {
                    return Ok(found);
                }
            }
            // After the attempt, so that a call without time to wait still takes what is there.
            if deadline.is_some_and(|deadline| deadline <= clock::now()) {
                return Err(WaitError::TimedOut(None));
            }
            // A wake-up between the attempt and this is not slept through: it lets the thread pass.
            sync::park(deadline);
        }
    }

    /// Whether callers wait for a dedicated entry, so that whoever comes now is behind them.
    pub(crate) fn is_awaited_in_turn(&self) -> bool {
        self.waiting_exclusive.load(Ordering::SeqCst) > 0
    }

    /// Makes the one in front look.
    pub(super) fn wake_next(&self) {
        let front = self.turns.lock().queue.front().cloned();
        if let Some((_, thread)) = front {
            thread.unpark();
        }
    }

    /// Makes all who wait look, because nothing comes any more.
    pub(super) fn wake_all(&self) {
        let turns = self.turns.lock();
        let threads: Vec<_> = turns.queue.iter().map(|(_, t)| t.clone()).collect();
        drop(turns);
        threads.iter().for_each(Thread::unpark);
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_came_is_the_first_that_looks() {
        let entries = Entries::new(1, 1);
        let [first, second, third] = [(); 3].map(|()| Turn::new(&entries));
        assert!(first.is_mine() && !second.is_mine() && !third.is_mine());
        // Who gives up in the middle holds nobody up.
        drop(second);
        assert!(first.is_mine() && !third.is_mine());
        drop(first);
        assert!(third.is_mine());
        assert!(entries.is_awaited_in_turn());
        drop(third);
        assert!(!entries.is_awaited_in_turn());
    }

    #[test]
    fn a_wait_without_time_looks_once_if_it_is_its_turn() {
        let entries = Entries::new(1, 1);
        let over = Some(clock::now());
        let mut looks = 0;
        let mut attempt = || {
            looks += 1;
            None::<()>
        };
        let outcome = entries.wait_in_turn(over, &|| false, &mut attempt);
        assert!(matches!(outcome, Err(WaitError::TimedOut(None))));
        let before = Turn::new(&entries);
        assert!(entries.wait_in_turn(over, &|| false, &mut attempt).is_err());
        drop(before);
        assert_eq!(looks, 1);
    }
}
