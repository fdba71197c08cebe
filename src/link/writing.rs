//! The write role at work: writes one batch, waits for room, says how far it came, breaks off. Takes no
//! batch by itself and reads nothing but what came before a broken write.

use super::flow::{MOST_READS, SLICE};
use super::in_flight::{Batch, InFlight};
use super::waiter::Handle;
use super::{Deadline, EndReason, Link, Parts, deliver, end_under};
use crate::clock;
use crate::sync::RankedGuard;
use std::io::{self, IoSlice};

/// How many parts one call of the system takes at most. Those of a large request are few; a list of many large
/// values takes a call for each half a megabyte at least.
const MOST_PARTS: usize = 64;

impl Link {
    /// Offers the beginning of these bytes to the socket, and never waits. Yields how many it took.
    #[inline(always)]
    pub(super) fn offer(&self, parts: Parts<'_>) -> io::Result<usize> {
        if parts.is_one() {
            self.wire.try_write(parts.front())
        } else {
            self.offer_several(parts)
        }
    }

    #[cold]
    #[inline(never)]
    fn offer_several(&self, parts: Parts<'_>) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); MOST_PARTS];
        // Of an empty part the socket would say that it took nothing, which is what it says when it is broken.
        let whole = parts.iter().filter(|part| !part.is_empty());
        let mut count = 0;
        for (slice, part) in slices.iter_mut().zip(whole) {
            *slice = IoSlice::new(part);
            count += 1;
        }
        self.wire
            .try_write_vectored(slices.get(..count).unwrap_or_default())
    }

    /// Writes one batch, with the write role, or as much of it as goes until the caller's outcome is
    /// there. False: the caller's time was over before the end.
    pub(super) fn write(
        &self,
        mut batch: Batch<'_>,
        waiter: &Handle,
        limit: &Deadline,
        is_early: &mut bool,
    ) -> (RankedGuard<'_, InFlight<Handle>, 3>, bool) {
        let mut in_time = true;
        let torn = !self.wire.hides_partial_writes();
        let broken = loop {
            match self.offer(batch.rest()) {
                // A socket that takes nothing and says no error would be asked for ever.
                Ok(0) => break Some(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    batch.advance(written);
                    if batch.is_written() {
                        break None;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if waiter.has_outcome() {
                        // What is left belongs to others, one of whom goes on.
                        break None;
                    }
                    *is_early = false;
                    let now = clock::now();
                    let patience = match self.deadline_at(limit, now) {
                        Some(deadline) if deadline <= now => {
                            in_time = false;
                            break None;
                        }
                        Some(deadline) => SLICE.min(deadline - now),
                        None => SLICE,
                    };
                    // Before the wait, so that an end of the link that comes meanwhile can say how far
                    // this writer came.
                    self.pause(&batch, torn);
                    // In slices: a window that opens meanwhile moves the deadline of a wait that is
                    // going on.
                    let waited = self.wire.wait_writable(patience);
                    // The link ended during the wait. Its callers have been told, and nothing more may
                    // be written.
                    if !self.in_flight.lock().resume_batch() {
                        break None;
                    }
                    if let Err(error) = waited {
                        break Some(error);
                    }
                }
                Err(error) => break Some(error),
            }
        };
        let in_flight = match broken {
            None => self.return_batch(batch, torn),
            Some(error) => {
                self.break_off(batch, error);
                self.in_flight.lock()
            }
        };
        (in_flight, in_time)
    }

    /// Ends the link for an error of its writer, who gives the write role back.
    #[cold]
    pub(super) fn break_off(&self, batch: Batch<'_>, error: io::Error) {
        let torn = !self.wire.hides_partial_writes();
        let is_timeout = error.kind() == io::ErrorKind::TimedOut;
        let reason = EndReason::Io(error.into());
        // Only the first thread that asks is told by the system that the peer is lost.
        let lost = is_timeout.then_some(&reason);
        let mut in_flight = self.in_flight.lock();
        let failed = deliver(in_flight.return_batch(batch, torn, lost));
        let inbound = in_flight.take_inbound(None);
        // Under the same lock: who reads now finds the end of the stream only.
        let ending = match inbound {
            Some(_) => None,
            None => end_under(&mut in_flight, &reason),
        };
        drop(in_flight);
        failed.iter().for_each(|waiter| waiter.wake());
        self.finish(ending);
        if let Some(inbound) = inbound {
            // What was answered before it broke is still there to be read.
            let at_end = lost.unwrap_or(&EndReason::EndOfStream);
            self.read_to_end(inbound, MOST_READS, at_end);
            self.end(reason);
        }
    }

    /// Gives the write role back. Whom the end of the link left to this writer is told now.
    #[inline]
    pub(super) fn return_batch(
        &self,
        batch: Batch<'_>,
        torn: bool,
    ) -> RankedGuard<'_, InFlight<Handle>, 3> {
        let mut in_flight = self.in_flight.lock();
        let failed = in_flight.return_batch(batch, torn, None);
        if failed.is_empty() {
            return in_flight;
        }
        let failed = deliver(failed);
        drop(in_flight);
        failed.iter().for_each(|waiter| waiter.wake());
        self.in_flight.lock()
    }

    /// Says how far a writer came that cannot go on, and makes sure that somebody reads meanwhile.
    fn pause(&self, batch: &Batch<'_>, torn: bool) {
        let mut in_flight = self.in_flight.lock();
        in_flight.pause_batch(batch, torn);
        // The server may not read because nobody reads its replies: two full buffers would wait for each
        // other.
        in_flight.reader_needed = true;
        in_flight.reader_parked = false;
        drop(in_flight);
        self.reader_wakeup.notify_all();
    }
}
