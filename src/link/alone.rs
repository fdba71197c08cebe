//! The way of a request whose caller has the link to itself: it writes from where the request is, and
//! reads. Whoever is not alone any more, or cannot write all at once, goes on in `flow`.

use super::digest::Progress;
use super::flow::{early_patience, would_block};
use super::in_flight::{Batch, Outcome};
use super::waiter::Handle;
use super::{Deadline, Inbound, Link, Parts};
use std::io;

/// Of a request whose bytes were taken when it was appended: nothing of it waits for a writer.
const WRITTEN: u64 = 0;

impl Link {
    /// The way of a request that found the link quiet: its caller has both roles, and nobody else is asked
    /// for anything unless another request comes meanwhile.
    #[inline(always)]
    pub(super) fn await_alone(
        &self,
        parts: Parts<'_>,
        inbound: Box<Inbound>,
        waiter: &Handle,
        limit: &Deadline,
    ) -> Outcome {
        // With no lock held. Others may append meanwhile; what they append leaves after these bytes.
        let written = self.offer(parts);
        if matches!(written, Ok(written) if written == parts.len()) {
            let mut in_flight = self.in_flight.lock();
            // The link is alive. If not, the end has left this request to its writer, which goes on
            // below.
            if in_flight.return_alone() {
                // Others came during the write and found the role taken: their bytes are written now.
                if in_flight.lacks_writer() {
                    in_flight.return_inbound(inbound);
                    return self.await_outcome(waiter, limit, in_flight, WRITTEN, limit.is_first());
                }
                drop(in_flight);
                // Without a look at the clock where the call has just begun.
                let progress = if limit.is_first() {
                    self.read_once(inbound, waiter, early_patience(limit))
                } else {
                    Progress::Reading(inbound)
                };
                return match progress {
                    Progress::Mine(outcome) => outcome,
                    Progress::Over => self.await_rest(waiter, limit),
                    Progress::Reading(inbound) => self.lead_on(inbound, waiter, limit),
                };
            }
        }
        self.write_on(parts, written, inbound, waiter, limit)
    }

    /// Reads until the outcome is there, after a read that has not brought it.
    #[cold]
    #[inline(never)]
    fn lead_on(&self, inbound: Box<Inbound>, waiter: &Handle, limit: &Deadline) -> Outcome {
        self.pulse.set_large_reply(inbound.has_large_reply());
        match self.lead(inbound, waiter, limit, false) {
            Some(outcome) => outcome,
            None => self.await_rest(waiter, limit),
        }
    }

    /// Goes on where a caller that was [alone](Self::await_alone) could not write all at once, or found
    /// the end of the link afterwards.
    #[cold]
    #[inline(never)]
    fn write_on(
        &self,
        parts: Parts<'_>,
        written: io::Result<usize>,
        inbound: Box<Inbound>,
        waiter: &Handle,
        limit: &Deadline,
    ) -> Outcome {
        let mut in_flight = self.in_flight.lock();
        let mut batch = in_flight.batch_of(parts);
        in_flight.return_inbound(inbound);
        drop(in_flight);
        let broken = match written {
            Ok(0) => Some(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                batch.advance(written);
                None
            }
            Err(error) if would_block(&error) => None,
            Err(error) => Some(error),
        };
        if let Some(error) = broken {
            self.break_off(batch, error);
            return self.await_outcome(waiter, limit, self.in_flight.lock(), WRITTEN, false);
        }
        if batch.is_written() {
            let torn = !self.wire.hides_partial_writes();
            let in_flight = self.return_batch(batch, torn);
            return self.await_outcome(waiter, limit, in_flight, WRITTEN, limit.is_first());
        }
        self.write_own(batch, waiter, limit)
    }

    /// Goes on with the write role and a request that was appended with it.
    #[cold]
    #[inline(never)]
    pub(super) fn write_own(&self, batch: Batch<'_>, waiter: &Handle, limit: &Deadline) -> Outcome {
        let mut is_early = limit.is_first();
        let (in_flight, in_time) = self.write(batch, waiter, limit, &mut is_early);
        if !in_time && !waiter.has_outcome() {
            drop(in_flight);
            return self.await_rest(waiter, limit);
        }
        self.await_outcome(waiter, limit, in_flight, WRITTEN, is_early)
    }

    /// Waits for an outcome that reading alone has not brought. Called without a role.
    #[cold]
    #[inline(never)]
    fn await_rest(&self, waiter: &Handle, limit: &Deadline) -> Outcome {
        let outcome = match waiter.take() {
            Some(outcome) => outcome,
            None if self.is_over(limit) => self.abandon(waiter),
            None => {
                return self.await_outcome(waiter, limit, self.in_flight.lock(), WRITTEN, false);
            }
        };
        if waiter.answer() {
            self.appoint_successor();
        }
        outcome
    }
}
