//! How callers ask for one more connection. Dials nothing and waits for nothing.
//!
//! ```text
//!   caller, in a checkout --request_connection--> Requests (the coordinator's queue)
//!   worker, as it installs a link; coordinator, when a dial failed or a link ended or takes nothing
//!   new --ack_demand-->
//!   the next caller that needs a connection asks again
//! ```

use crate::ids::EntryId;
use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// What one more connection would be for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Demand {
    /// For this dedicated entry, whose caller waits for it.
    Exclusive(EntryId),
    /// To be shared, like the others. Asked for again as long as it would be of use.
    Shared,
}

/// Where callers send their demand. Implemented by the coordinator's inbox.
pub(crate) trait Requests: Send + Sync {
    /// Never blocks. False: the queue was full, and the request is lost.
    fn try_send(&self, demand: Demand) -> bool;

    /// Has the coordinator look for callers that wait, because a request was lost. Never blocks.
    fn look(&self);

    /// Has the coordinator look at the commands that block on the server: one is cancelled, or its connection is about
    /// to be closed. Never blocks.
    fn look_at_blocked(&self);
}

/// A queue that always has room.
#[cfg(test)]
impl<F: Fn(Demand) + Send + Sync> Requests for F {
    fn try_send(&self, demand: Demand) -> bool {
        self(demand);
        true
    }

    fn look(&self) {}

    fn look_at_blocked(&self) {}
}

/// Whether a shared connection was asked for and nothing has come of it yet. While it is, callers send
/// no further request, so that a burst of commands does not fill the queue.
#[derive(Debug, Default)]
pub(super) struct SharedDemand {
    /// Set by the caller that sends a request, cleared by [`ack`](Self::ack) or when the queue was full.
    ///
    /// Sequentially consistent like the count of waiting callers: a caller that finds a request pending
    /// was counted before the coordinator looks whether anybody waits.
    pending: AtomicBool,
    /// How many links are being installed. Requests are taken again by then, and callers do not see them yet.
    arriving: AtomicU64,
}

/// A link is being installed, until this is dropped.
pub(super) struct Arriving<'a>(&'a AtomicU64);

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl SharedDemand {
    /// Calls `send` unless a request is pending. False: `send` failed, and the next caller may try again.
    pub(super) fn raise(&self, send: impl FnOnce() -> bool) -> bool {
        // Set before it is sent: an answer that came in between would otherwise be wiped out, and nobody could
        // ask again.
        // The load alone is the usual case: it keeps the cache line shared.
        if self.pending.load(Ordering::SeqCst) || self.pending.swap(true, Ordering::SeqCst) {
            return true;
        }
        let sent = send();
        if !sent {
            // No answer will come to what was not queued.
            self.pending.store(false, Ordering::SeqCst);
        }
        sent
    }

    /// As [`raise`](Self::raise), for a caller that has a connection and saw that one more would be of use:
    /// not while one is being installed, nor if what was seen `is_outdated`, because that one may be enough.
    pub(super) fn raise_more(
        &self,
        is_outdated: impl FnOnce() -> bool,
        send: impl FnOnce() -> bool,
    ) -> bool {
        // In this order: a link that has arrived after the first look is seen by the second. Nothing is taken
        // back once it is pending, because a caller that waits may have relied on it.
        if self.arriving.load(Ordering::SeqCst) > 0 || is_outdated() {
            return true;
        }
        self.raise(send)
    }

    /// A link is about to be installed: lets callers ask again that wait, and those that would have one more
    /// when it is there.
    pub(super) fn arrive(&self) -> Arriving<'_> {
        self.arriving.fetch_add(1, Ordering::SeqCst);
        self.ack();
        Arriving(&self.arriving)
    }

    /// Lets callers ask again.
    pub(super) fn ack(&self) {
        self.pending.store(false, Ordering::SeqCst);
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests {
    use super::*;

    #[test]
    fn one_request_is_sent_until_it_is_acknowledged() {
        let demand = SharedDemand::default();
        let mut sent = 0;
        for round in 1..4 {
            for _ in 0..5 {
                assert!(demand.raise(|| {
                    sent += 1;
                    true
                }));
            }
            assert_eq!(sent, round);
            demand.ack();
        }
    }

    #[test]
    fn a_link_that_arrives_is_waited_for_before_one_more_is_asked_for() {
        let demand = SharedDemand::default();
        let more = |is_outdated| {
            let mut sent = false;
            assert!(demand.raise_more(
                || is_outdated,
                || {
                    sent = true;
                    true
                }
            ));
            sent
        };
        assert!(more(false));
        assert!(!more(false), "one is pending");
        let arriving = demand.arrive();
        assert!(!more(false), "the one that was asked for is not seen yet");
        let mut sent = false;
        assert!(demand.raise(|| {
            sent = true;
            true
        }));
        assert!(sent, "whoever waits is heard at once");
        demand.ack();
        drop(arriving);
        assert!(!more(true), "it has come since the look");
        assert!(more(false));
    }

    #[test]
    fn a_request_that_found_no_room_is_sent_again_by_the_next_caller() {
        let demand = SharedDemand::default();
        let mut sent = 0;
        assert!(!demand.raise(|| false));
        assert!(demand.raise(|| {
            sent += 1;
            true
        }));
        assert_eq!(sent, 1);
    }
}
