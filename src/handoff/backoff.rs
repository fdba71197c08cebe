//! How long to wait before the next attempt. Waits for nothing, and draws no randomness of its own:
//! the generator is seeded by the caller, so a run can be repeated.
//!
//! Full jitter, as in "Exponential Backoff And Jitter" of the AWS Architecture Blog: a thousand clients that
//! lost one server at one moment do not come back at one moment.

use std::time::Duration;

/// A tiny seeded generator (xorshift64*) for spreading attempts in time.
///
/// Invariant: the state is never zero, from which it would not move.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    /// A generator for this seed; any seed will do.
    pub(crate) fn new(seed: u64) -> Self {
        // One round of splitmix64 keeps small neighbouring seeds from giving similar sequences.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((z ^ (z >> 31)) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Uniform between zero and `most`, both possible.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let draw = self.next();
        Duration::from_nanos(match nanos.checked_add(1) {
            // The modulo favours small delays by at most bound / 2^64: nobody can tell.
            Some(bound) => draw % bound,
            None => draw,
        })
    }
}

/// Exponential backoff with full jitter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// The bound of the first delay.
    pub(crate) floor: Duration,
    /// The bound that no delay exceeds.
    pub(crate) cap: Duration,
}

impl Backoff {
    /// The largest delay that `attempt` (counted from zero) may be given.
    pub(crate) fn bound(&self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
        self.floor.saturating_mul(factor).min(self.cap)
    }

    /// A delay for `attempt` (counted from zero), uniform between zero and [`Backoff::bound`].
    pub(crate) fn delay(&self, attempt: u32, jitter: &mut Jitter) -> Duration {
        jitter.up_to(self.bound(attempt))
    }

    /// Like [`Backoff::delay`], but never below half of the bound: for attempts that are few.
    pub(crate) fn steady_delay(&self, attempt: u32, jitter: &mut Jitter) -> Duration {
        let half = self.bound(attempt) / 2;
        half.saturating_add(jitter.up_to(half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usual() -> Backoff {
        Backoff {
            floor: Duration::from_millis(10),
            cap: Duration::from_secs(1),
        }
    }

    #[test]
    fn bounds_double_from_the_floor_to_the_cap() {
        let bounds: Vec<_> = (0..9).map(|n| usual().bound(n).as_millis()).collect();
        assert_eq!(bounds, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }

    #[test]
    fn delays_spread_over_the_whole_range() {
        let mut jitter = Jitter::new(1);
        let draws: Vec<_> = (0..1000).map(|_| usual().delay(20, &mut jitter)).collect();
        let below = |ms| {
            draws
                .iter()
                .filter(|d| **d < Duration::from_millis(ms))
                .count()
        };
        assert!((150..350).contains(&below(250)), "{}", below(250));
        assert!((400..600).contains(&below(500)), "{}", below(500));
        assert!((650..850).contains(&below(750)), "{}", below(750));
    }

    #[test]
    fn the_same_seed_gives_the_same_delays() {
        let draw = |seed| {
            let mut jitter = Jitter::new(seed);
            (0..20)
                .map(|n| usual().delay(n, &mut jitter))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn a_seed_of_zero_still_moves() {
        let mut jitter = Jitter::new(0);
        let first = jitter.up_to(Duration::MAX);
        assert_ne!(first, jitter.up_to(Duration::MAX));
    }

    #[test]
    fn a_floor_above_the_cap_yields_to_the_cap() {
        let odd = Backoff {
            floor: Duration::from_secs(9),
            cap: Duration::from_secs(1),
        };
        assert_eq!(odd.bound(0), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn no_delay_leaves_its_bounds(seed: u64, attempt: u32, floor in 0_u64..1 << 40, cap in 0_u64..1 << 40) {
            let backoff = Backoff { floor: Duration::from_nanos(floor), cap: Duration::from_nanos(cap) };
            let mut jitter = Jitter::new(seed);
            prop_assert!(backoff.delay(attempt, &mut jitter) <= backoff.cap);
            let steady = backoff.steady_delay(attempt, &mut jitter);
            prop_assert!(steady <= backoff.bound(attempt));
            prop_assert!(steady >= backoff.bound(attempt) / 2);
        }

        #[test]
        fn no_number_of_attempts_overflows(seed: u64, attempt: u32) {
            let backoff = Backoff { floor: Duration::MAX, cap: Duration::MAX };
            prop_assert!(backoff.delay(attempt, &mut Jitter::new(seed)) <= Duration::MAX);
        }
    }
}
