//! How often a transaction is tried, and after which pause. Reads no clock.

use crate::handoff::backoff::{Backoff, Jitter};
use std::time::Duration;

/// So many conflicts in a row are met without a pause: usually another client was just faster once.
const FREE: u32 = 2;

/// Pauses between attempts: up to 0.2 ms first, doubled each time. Two clients that change the same key in turn
/// need about as long for an attempt on loopback.
const PAUSES: Backoff = Backoff {
    floor: Duration::from_micros(200),
    cap: Duration::from_millis(20),
};

/// What comes after an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Another one, after this pause.
    Again { pause: Duration },
    /// The result stands.
    Done,
    /// None: all were in vain.
    GiveUp,
}

/// The attempts that a transaction has left.
#[derive(Debug)]
pub(super) struct Attempts {
    left: u32,
    conflicts: u32,
    jitter: Jitter,
}

impl Attempts {
    pub(super) fn new(attempts: u32, seed: u64) -> Self {
        Self {
            left: attempts.max(1),
            conflicts: 0,
            jitter: Jitter::new(seed),
        }
    }

    /// An attempt was in vain because a key had changed.
    pub(super) fn on_conflict(&mut self) -> Verdict {
        self.conflicts += 1;
        let pause = match self.conflicts.checked_sub(FREE + 1) {
            Some(number) => PAUSES.delay(number, &mut self.jitter),
            None => Duration::ZERO,
        };
        self.again(pause)
    }

    /// An attempt was in vain because its connection was moved: the next one has another.
    pub(super) fn on_watch_lost(&mut self) -> Verdict {
        self.again(Duration::ZERO)
    }

    fn again(&mut self, pause: Duration) -> Verdict {
        self.left -= 1;
        if self.left == 0 {
            Verdict::GiveUp
        } else {
            Verdict::Again { pause }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_end_whatever_they_were_lost_to() {
        for lost in 0..1_u32 << 6 {
            let mut attempts = Attempts::new(6, u64::from(lost));
            let verdicts: Vec<_> = (0..6)
                .map(|number| match lost >> number & 1 {
                    0 => attempts.on_conflict(),
                    _ => attempts.on_watch_lost(),
                })
                .collect();
            let is_again = |verdict: &&Verdict| matches!(verdict, Verdict::Again { .. });
            assert_eq!(verdicts.iter().filter(is_again).count(), 5, "{lost:b}");
            assert_eq!(verdicts[5], Verdict::GiveUp);
        }
    }

    #[test]
    fn pauses_begin_with_the_third_conflict_and_have_a_bound() {
        let mut attempts = Attempts::new(1000, 7);
        let pause = |verdict| match verdict {
            Verdict::Again { pause } => pause,
            other => panic!("{other:?}"),
        };
        for _ in 0..FREE {
            assert_eq!(pause(attempts.on_conflict()), Duration::ZERO);
        }
        let mut longest = Duration::ZERO;
        for number in 0..100 {
            let pause = pause(attempts.on_conflict());
            assert!(pause <= PAUSES.bound(number));
            longest = longest.max(pause);
        }
        assert!(longest > PAUSES.floor && longest <= PAUSES.cap);
        // A move is nobody's contention.
        assert_eq!(pause(attempts.on_watch_lost()), Duration::ZERO);
    }
}
