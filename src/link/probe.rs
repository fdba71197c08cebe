//! A PING that nobody waits for: finds out whether an idle link is alive. Keeps no time of its own.

use super::waiter::Handle;
use super::{EndReason, Link, end_under};
use crate::clock;
use crate::error::CloseReason;
use std::io;

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// A PING on its way: where in the connection's life it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe(u64);

impl Link {
    /// Sends a PING, if the link is idle: a busy one finds out by itself. Never blocks. Called by the
    /// coordinator.
    pub(crate) fn probe(&self) -> Option<Probe> {
        let mut ledger = self.ledger.lock();
        let place = ledger.enqueue_probe(PING, Handle::orphan(), clock::now())?;
        let mut batch = ledger.take_batch()?;
        drop(ledger);
        let broken = match self.wire.try_write(batch.rest()) {
            Ok(written) => {
                batch.advance(written);
                None
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => Some(error),
        };
        let broken = broken.map(|error| EndReason::Io(error.into()));
        let torn = !self.wire.hides_partial_writes();
        let ledger = self.return_batch(batch, torn, broken.as_ref());
        // Others may have come meanwhile, whose bytes nobody writes.
        self.hand_over(ledger);
        if let Some(reason) = broken {
            self.end(reason);
        }
        Some(Probe(place))
    }

    /// Gives a PING up whose answer has not come in time: nobody can tell what comes next on this
    /// link, and it is replaced. Callers that have asked something behind the PING keep their own
    /// time; the last of them ends the link.
    pub(crate) fn end_probe(&self, probe: Probe) {
        let mut ledger = self.ledger.lock();
        if !ledger.awaits(probe.0) {
            return;
        }
        if ledger.live() == 0 {
            let ending = end_under(&mut ledger, &EndReason::Closed(CloseReason::Condemned));
            drop(ledger);
            return self.finish(ending);
        }
        let was_open = ledger.is_open();
        ledger.condemn();
        drop(ledger);
        if was_open {
            self.routes.supervisor.unusable(self);
        }
    }
}
