//! Requests of the client itself: a PING that finds out whether an idle link is alive, and what concerns another
//! link. Keeps no time of its own.

use super::in_flight::InFlight;
use super::waiter::Handle;
use super::{EndReason, Link, Ticket, end_under, would_block};
use crate::clock;
use crate::error::CloseReason;
use crate::sync::RankedGuard;

pub(super) const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

impl Link {
    /// Sends a PING, if nobody uses the link: a busy one finds out by itself. Never blocks. Called by the
    /// coordinator.
    pub(crate) fn probe(&self) -> Option<Ticket> {
        let in_flight = self.in_flight.lock();
        // Commands show by themselves whether the link is alive, unless their callers have given up.
        if !in_flight.is_unused() {
            return None;
        }
        self.send(in_flight, PING)
    }

    /// Asks the server something on the client's own account, behind what callers ask. Never blocks. `None`: the
    /// link takes no new request. The answer goes to the supervisor; if the link ends before, nobody is told.
    pub(crate) fn ask(&self, request: &[u8]) -> Option<Ticket> {
        self.send(self.in_flight.lock(), request)
    }

    /// Keeps the link for [`ask`](Self::ask), also once it is replaced: other connections to its server may have to be
    /// ended there, and no new one may be had. By who is about to replace it.
    pub(crate) fn keep(&self) {
        self.in_flight.lock().keep();
    }

    /// Whether it was kept, and nobody has let it go.
    pub(crate) fn is_kept(&self) -> bool {
        self.in_flight.lock().is_kept()
    }

    /// Nothing more is to be asked on it: a link that was replaced ends now, unless replies are still to come. By
    /// the coordinator.
    pub(crate) fn let_go(&self) {
        self.end_if_finished_by(InFlight::let_go);
    }

    /// Whether [`ask`](Self::ask) may succeed.
    pub(crate) fn takes_internal(&self) -> bool {
        self.in_flight.lock().takes_internal()
    }

    /// Appends a request and offers it to the socket, unless another thread writes.
    fn send(
        &self,
        mut in_flight: RankedGuard<'_, InFlight<Handle>, 3>,
        request: &[u8],
    ) -> Option<Ticket> {
        let ticket = in_flight.enqueue_internal(request, clock::now())?;
        let Some(mut batch) = in_flight.take_batch() else {
            // Whoever writes now takes these bytes along.
            return Some(ticket);
        };
        drop(in_flight);
        match self.offer(batch.rest()) {
            Ok(written) => batch.advance(written),
            Err(error) if would_block(&error) => {}
            Err(error) => {
                self.break_off(batch, error);
                return Some(ticket);
            }
        }
        let in_flight = self.return_batch(batch, !self.wire.hides_partial_writes());
        // Others may have come meanwhile, whose bytes nobody writes.
        self.hand_over(in_flight);
        Some(ticket)
    }

    /// Gives a PING up whose answer has not come in time: nobody can tell what comes next on this
    /// link, and it is replaced. Callers that have asked something behind the PING keep their own
    /// time; the last of them ends the link.
    pub(crate) fn end_probe(&self, ticket: Ticket) {
        let mut in_flight = self.in_flight.lock();
        if !in_flight.awaits(ticket) {
            return;
        }
        if in_flight.live() == 0 {
            let ending = end_under(&mut in_flight, &EndReason::Closed(CloseReason::Condemned));
            drop(in_flight);
            return self.finish(ending);
        }
        let was_open = in_flight.is_open();
        in_flight.condemn();
        drop(in_flight);
        if was_open {
            self.routes.supervisor.unusable(self);
        }
    }
}
