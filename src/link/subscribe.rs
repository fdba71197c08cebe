//! The way of a subscription through its link. Keeps no list of what is subscribed.

use super::flow::conclude;
use super::waiter::Handle;
use super::{Deadline, Link, Outcome, Request, Unaccepted};
use crate::protocol::Protocol;
use crate::sync::Ordering;

impl Link {
    /// Sends a subscription, which the server confirms with a push of this kind for each of its channels, and
    /// waits for all of them. The outcome is empty, or the server's error.
    ///
    /// Confirmations are handed on like every push, before this returns. Blocks on the socket, at most until
    /// `limit`.
    pub(crate) fn call_confirmed(
        &self,
        request: Request<'_>,
        confirmed_by: &'static [u8],
        limit: &Deadline,
    ) -> Result<Outcome, Unaccepted> {
        let waiter = Handle::current();
        // Before a byte can leave: whoever reads the answer finds the mark.
        if self.protocol == Protocol::Resp2 {
            self.subscribed.store(true, Ordering::SeqCst);
        }
        let mut in_flight = self.in_flight.lock();
        let Request { parts, replies } = request;
        // Its place is taken under the lock, so that confirmations find it in the order of the wire.
        let caller = waiter.clone();
        let end = in_flight.enqueue_confirmed(parts, confirmed_by, replies, caller, limit.sent());
        let outcome = match end {
            Some(end) => Some(self.await_outcome(&waiter, limit, in_flight, end, limit.is_first())),
            None => {
                drop(in_flight);
                None
            }
        };
        conclude(outcome, waiter)
    }
}
