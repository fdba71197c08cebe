//! When a server that is reading its data is tried again by who connects. Waits for nothing itself.
//!
//! For `Client::connect` alone, which owns one on its caller's stack. Commands wait for a connection as usual
//! while the planner dials.

use super::backoff::{Backoff, Jitter};
use std::time::{Duration, Instant};

/// Reading takes from a moment to minutes. A server that reads answers all the same: asking it twice a
/// second does no harm.
const PAUSES: Backoff = Backoff {
    floor: Duration::from_millis(50),
    cap: Duration::from_millis(500),
};

/// The attempts of one `connect` at a server that is reading its data.
#[derive(Debug)]
pub(crate) struct Loading {
    deadline: Instant,
    attempts: u32,
    jitter: Jitter,
}

impl Loading {
    /// Nothing is tried after `deadline`.
    pub(crate) fn new(deadline: Instant, seed: u64) -> Self {
        Self {
            deadline,
            attempts: 0,
            jitter: Jitter::new(seed),
        }
    }

    /// The server was reading its data at `now`. Yields when to try again; `None`: not in time.
    pub(crate) fn handle_loading(&mut self, now: Instant) -> Option<Instant> {
        let pause = PAUSES.steady_delay(self.attempts, &mut self.jitter);
        self.attempts = self.attempts.saturating_add(1);
        // Not at the deadline either: the attempt would have no time left.
        now.checked_add(pause).filter(|at| *at < self.deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handoff::origin;

    const TIMEOUT: Duration = Duration::from_secs(5);

    /// Connects to a server that reads for so long. Yields when it was reached, and after how many tries.
    fn connect(reads: Duration, seed: u64) -> (Option<Duration>, usize) {
        let begun = origin();
        let mut loading = Loading::new(begun + TIMEOUT, seed);
        let (mut now, mut tries) = (begun, 0);
        loop {
            tries += 1;
            assert!(now < begun + TIMEOUT && tries < 1000, "no end");
            if now >= begun + reads {
                return (Some(now - begun), tries);
            }
            match loading.handle_loading(now) {
                Some(at) => {
                    assert!(at > now, "no pause");
                    now = at;
                }
                None => return (None, tries),
            }
        }
    }

    #[test]
    fn a_server_that_reads_for_less_than_the_timeout_is_waited_for() {
        for seed in 0..100 {
            for reads in [0, 1, 100, 3_000, 4_400].map(Duration::from_millis) {
                let (reached, tries) = connect(reads, seed);
                let late = reached.unwrap() - reads;
                assert!(late <= PAUSES.cap, "{reads:?}: {late:?}");
                assert!(tries <= 25, "{reads:?}: {tries} tries");
            }
        }
    }

    #[test]
    fn a_server_that_reads_for_longer_is_given_up_in_time() {
        for seed in 0..100 {
            let (reached, tries) = connect(TIMEOUT * 2, seed);
            assert_eq!(reached, None);
            assert!((10..=25).contains(&tries), "{tries} tries");
        }
    }
}
