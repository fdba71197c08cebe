//! How long callers of one link wait, and to what maintenance they owe a longer wait. Opens no window:
//! the coordinator does.

use super::deadline::Deadline;
use crate::protocol::Maintenance;
use crate::sync::{AtomicU64, Ordering, Ranked};
use std::time::{Duration, Instant};

/// After a window, a command that times out for so long owes it to the window still, at the least.
const BLAME: Duration = Duration::from_secs(1);

/// What timeouts become in a window. They only ever grow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relaxed {
    pub(crate) timeout: Duration,
    /// Of commands that block on the server; `None`: until the window ends.
    pub(crate) blocking: Option<Duration>,
}

/// The windows of one link, as one. Written by the coordinator, read by those who wait.
#[derive(Debug)]
pub(super) struct RelaxedUntil {
    base: Instant,
    /// The end, in nanoseconds after `base`; zero: there was none.
    end: AtomicU64,
    cause: Ranked<Option<Maintenance>, 4>,
    relaxed: Relaxed,
}

impl RelaxedUntil {
    pub(super) fn new(base: Instant, relaxed: Relaxed) -> Self {
        Self {
            base,
            end: AtomicU64::new(0),
            cause: Ranked::new(None),
            relaxed,
        }
    }

    /// Lasts until `end` from now on, because of `cause`.
    pub(super) fn set(&self, end: Instant, cause: Option<Maintenance>) {
        // Without a cause only the end moves: who opened the window stays to blame.
        if cause.is_some() {
            *self.cause.lock() = cause;
        }
        // Behind the cause, with release: whoever sees the new end finds who is to blame for it.
        let nanos = end.saturating_duration_since(self.base).as_nanos();
        self.end
            .store(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Release);
    }

    fn end(&self) -> Option<Instant> {
        match self.end.load(Ordering::Acquire) {
            // Zero is also a window that ended before the link was made: neither is open now.
            0 => None,
            nanos => self.base.checked_add(Duration::from_nanos(nanos)),
        }
    }

    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.end().is_some_and(|end| now < end)
    }

    /// The end of a caller's wait, as things stand at `now`.
    pub(super) fn deadline(&self, limit: &Deadline, now: Instant) -> Option<Instant> {
        let own = limit.reply()?;
        match self.end() {
            Some(end) if now < end => Some(self.loosened(limit, own, end)),
            _ => Some(own),
        }
    }

    /// When a caller that sleeps has to look whether its time is over: a window may end before.
    pub(super) fn look_again(&self, limit: &Deadline) -> Option<Instant> {
        let own = limit.reply()?;
        Some(
            self.end()
                // The earlier of window and relaxed timeout, but never before the caller's own.
                .map_or(own, |end| own.max(end.min(self.loosened(limit, own, end)))),
        )
    }

    fn loosened(&self, limit: &Deadline, own: Instant, end: Instant) -> Instant {
        match self.relaxed.blocking {
            // A command that blocks waits for the end of the window, where no time was given for it.
            None if limit.is_blocking() => own.max(end),
            Some(timeout) if limit.is_blocking() => limit.reply_relaxed(own, timeout),
            _ => limit.reply_relaxed(own, self.relaxed.timeout),
        }
    }

    /// The maintenance to which a failure at `now` is owed.
    pub(super) fn blame(&self, now: Instant, timeout: Option<Duration>) -> Option<Maintenance> {
        // A command that was sent in the window can time out so long after its end.
        let grace = timeout.unwrap_or(BLAME).max(BLAME);
        let until = self.end()?.checked_add(grace)?;
        if now < until {
            // The lock is for failures only: a reply that comes in time reads one atomic number.
            *self.cause.lock()
        } else {
            None
        }
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests {
    use super::*;
    use crate::clock;

    const S: Duration = Duration::from_secs(1);
    const MOVING: Maintenance = Maintenance {
        name: "MOVING",
        seq: Some(7),
    };

    fn window(blocking: Option<Duration>) -> (RelaxedUntil, Instant) {
        let now = clock::now();
        (
            RelaxedUntil::new(
                now,
                Relaxed {
                    timeout: 10 * S,
                    blocking,
                },
            ),
            now,
        )
    }

    fn limit(start: Instant, timeout: Option<Duration>, blocking: bool) -> Deadline {
        Deadline::new(start, None, timeout, blocking)
    }

    #[test]
    fn a_window_loosens_and_never_tightens() {
        let (window, now) = window(None);
        let (short, long) = (limit(now, Some(S), false), limit(now, Some(60 * S), false));
        assert_eq!(window.deadline(&short, now), Some(now + S));
        window.set(now + 30 * S, Some(MOVING));
        assert_eq!(window.deadline(&short, now), Some(now + 10 * S));
        assert_eq!(window.deadline(&long, now), Some(now + 60 * S));
        assert_eq!(window.deadline(&limit(now, None, false), now), None);
        assert_eq!(window.deadline(&short, now + 30 * S), Some(now + S));
    }

    #[test]
    fn a_command_that_blocks_waits_to_the_end_of_the_window() {
        let (open, now) = window(None);
        open.set(now + 30 * S, Some(MOVING));
        assert_eq!(
            open.deadline(&limit(now, Some(S), true), now),
            Some(now + 30 * S)
        );
        assert_eq!(
            open.deadline(&limit(now, Some(40 * S), true), now),
            Some(now + 40 * S)
        );
        let (bounded, now) = window(Some(20 * S));
        bounded.set(now + 30 * S, Some(MOVING));
        assert_eq!(
            bounded.deadline(&limit(now, Some(S), true), now),
            Some(now + 20 * S)
        );
    }

    #[test]
    fn a_sleeper_looks_again_when_the_window_that_relaxed_it_ends() {
        let (window, now) = window(None);
        let short = limit(now, Some(S), false);
        assert_eq!(window.look_again(&short), Some(now + S));
        window.set(now + 4 * S, Some(MOVING));
        assert_eq!(window.look_again(&short), Some(now + 4 * S));
        window.set(now + 40 * S, Some(MOVING));
        assert_eq!(window.look_again(&short), Some(now + 10 * S));
    }

    #[test]
    fn no_schedule_of_windows_shortens_a_wait() {
        let mut dice = fastrand::Rng::with_seed(1);
        let seconds = |dice: &mut fastrand::Rng| Duration::from_millis(dice.u64(0..100_000));
        for _ in 0..200 {
            let blocking = Some(seconds(&mut dice)).filter(|_| dice.bool());
            let relaxed = Relaxed {
                timeout: seconds(&mut dice),
                blocking,
            };
            let base = clock::now();
            let window = RelaxedUntil::new(base, relaxed);
            let mut now = base;
            for _ in 0..100 {
                now += seconds(&mut dice) / 20;
                if dice.bool() {
                    window.set(base + seconds(&mut dice), None);
                }
                let timeout = Some(seconds(&mut dice)).filter(|_| dice.u8(0..5) > 0);
                let limit = limit(now, timeout, dice.bool());
                let own = timeout.map(|timeout| now + timeout);
                for later in [now, now + seconds(&mut dice)] {
                    let deadline = window.deadline(&limit, later);
                    assert!(deadline >= own && deadline.is_none() == own.is_none());
                    let look = window.look_again(&limit);
                    assert!(look >= own && look.is_none() == own.is_none());
                }
            }
        }
    }

    #[test]
    fn a_failure_shortly_after_a_window_still_names_it() {
        let (window, now) = window(None);
        assert_eq!(window.blame(now, Some(S)), None);
        window.set(now + 4 * S, Some(MOVING));
        assert_eq!(window.blame(now + 4 * S, Some(S / 10)), Some(MOVING));
        assert_eq!(window.blame(now + 5 * S, Some(S / 10)), None);
        assert_eq!(window.blame(now + 8 * S, Some(5 * S)), Some(MOVING));
    }
}
