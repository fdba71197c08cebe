//! The way of `MONITOR`, which is answered once and then tells, in replies, what the server executes. Takes no line
//! apart.

use super::flow::conclude;
use super::routes::LINE;
use super::waiter::Handle;
use super::{Deadline, Link, Outcome, Request, Unaccepted};
use crate::protocol::{Push, Value};
use crate::sync::Ordering;

impl Link {
    /// Sends a `MONITOR`, and waits for its reply. From then on every reply that nobody has asked for is handed on
    /// like a push.
    ///
    /// Blocks on the socket, at most until `limit`.
    pub(crate) fn call_monitor(
        &self,
        request: Request<'_>,
        limit: &Deadline,
    ) -> Result<Outcome, Unaccepted> {
        let waiter = Handle::current();
        // Before a byte can leave: the first line may come in one segment with the reply.
        self.monitors.store(true, Ordering::SeqCst);
        let mut in_flight = self.in_flight.lock();
        let Request { parts, replies } = request;
        let end = in_flight.enqueue(parts, replies, waiter.clone(), false, limit.sent());
        let outcome =
            end.map(|end| self.await_outcome(&waiter, limit, in_flight, end, limit.is_first()));
        conclude(outcome, waiter)
    }

    /// Hands on one line.
    #[cold]
    pub(super) fn hand_on_line(&self, line: Value) {
        let (kind, args) = (LINE.to_vec(), vec![line].into());
        self.routes.hand_on(self, Push { kind, args });
    }
}
