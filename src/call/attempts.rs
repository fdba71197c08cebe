//! How often one call may try another connection. Reads no clock and waits for nothing.
//!
//! ```text
//!   an attempt ended,
//!   nothing can have run ──> in a window? ────────────> try again: the deadline decides
//!                            no byte had left, and so
//!                            many were not yet met? ──> try again, for free
//!                            a retry left? ───────────> try again
//!                            none of these ───────────> give up
//! ```

/// How one attempt of a call ended, of which nothing can have run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ended {
    /// The connection was dead, or took no new command, before the first byte of the call had left.
    Untouched,
    /// The connection ended after a part of the first command had left.
    Partly,
}

/// The attempts that one call has left. Every attempt counts.
///
/// Invariant: outside of a window a call makes at most 1 + `spare` + `retries` attempts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Attempts {
    /// Further attempts after the first, as [`Options::connect_retries`](crate::Options::connect_retries) has
    /// them.
    retries: u32,
    /// Dead connections that the call may meet for free: a pool holds no more of them, and a server that
    /// closes every new connection would provide them for ever.
    spare: usize,
}

impl Attempts {
    /// The attempts of a call by a client with that many connections in its pool.
    pub(super) fn new(retries: u32, pool: usize) -> Self {
        Self {
            retries,
            spare: pool,
        }
    }

    /// Whether another connection may be tried after this one. `in_window`: connections are being lost
    /// because of maintenance, so that their number says nothing; the caller's deadline decides alone.
    pub(super) fn may_go_on(&mut self, ended: Ended, in_window: bool) -> bool {
        // Without counting: a long window would otherwise use up what the call needs after it.
        if in_window {
            return true;
        }
        // A dead connection says nothing of the server: the next one may live.
        if ended == Ended::Untouched {
            if let Some(left) = self.spare.checked_sub(1) {
                self.spare = left;
                return true;
            }
        }
        // A link that ended with a part of the command on it costs a retry: what was sent may be why it
        // ended.
        match self.retries.checked_sub(1) {
            Some(left) => {
                self.retries = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests {
    use super::*;

    /// Every sequence of so many ends.
    fn sequences(length: u32) -> impl Iterator<Item = Vec<(Ended, bool)>> {
        (0..4_u32.pow(length)).map(move |number| {
            let digit = |place| number / 4_u32.pow(place) % 4;
            let end = |digit| match digit % 2 {
                0 => (Ended::Untouched, digit >= 2),
                _ => (Ended::Partly, digit >= 2),
            };
            (0..length).map(|place| end(digit(place))).collect()
        })
    }

    #[test]
    fn every_try_counts_and_none_is_unbounded() {
        for (retries, pool) in (0..4).flat_map(|retries| (0..4).map(move |pool| (retries, pool))) {
            for ends in sequences(7) {
                let mut attempts = Attempts::new(retries, pool);
                let (mut free, mut paid) = (pool, retries);
                for (ended, in_window) in ends {
                    let may = attempts.may_go_on(ended, in_window);
                    let expected = if in_window {
                        true
                    } else if ended == Ended::Untouched && free > 0 {
                        free -= 1;
                        true
                    } else if paid > 0 {
                        paid -= 1;
                        true
                    } else {
                        false
                    };
                    assert_eq!(may, expected, "{retries} {pool} {ended:?} {in_window}");
                }
                // What is left is what was not used, whatever the order.
                assert_eq!(attempts, Attempts::new(paid, free));
            }
        }
    }

    #[test]
    fn dead_connections_cost_no_retry_and_a_refused_call_costs_one() {
        let mut attempts = Attempts::new(0, 6);
        let tries = std::iter::repeat_with(|| attempts.may_go_on(Ended::Untouched, false));
        assert_eq!(tries.take_while(|may| *may).count(), 6);
        assert!(!Attempts::new(0, 6).may_go_on(Ended::Partly, false));
        assert!(Attempts::new(1, 0).may_go_on(Ended::Untouched, false));
    }
}
