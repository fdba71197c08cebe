//! The way of a request through its link: append, write, read, wait, give up. How a batch is written is in
//! `writing`. Ends no link that has no reason to end, and knows no pool.

use super::digest::Progress;
use super::in_flight::{Failure, InFlight, Outcome};
use super::waiter::Handle;
use super::{Deadline, EndReason, Inbound, Link, Request, Unaccepted};
use crate::clock;
use crate::sync::{self, RankedGuard};
use std::io;
use std::mem;
use std::time::{Duration, Instant};

/// After a pause of this length a caller looks whether the server closed the connection or said
/// something meanwhile, before it writes: the reader thread may be asleep, or not have had its turn.
///
/// The look is one `recv` that takes nothing: 18 instructions of ours, and 0.7 us with the system's part,
/// measured on loopback. Whoever sends one command after the other does not pay it where a server
/// answers within this time; elsewhere it is less than a hundredth of the wait for the answer.
const STALE: Duration = Duration::from_micros(100);

/// How long a blocked writer waits before it makes sure again that somebody reads, and a reading
/// caller before it sees that it must write what another left behind: nothing else interrupts it.
pub(super) const SLICE: Duration = Duration::from_millis(100);

/// A request of this length is written from where its caller has it, also while others wait for replies. A
/// shorter one is copied behind what others ask, so that one write carries many: as much as is kept of the
/// buffer for that, which a longer one would make grow.
const IN_PLACE: usize = 16 * 1024;

/// How often a caller that waits for nothing reads for others.
pub(super) const MOST_READS: usize = 8;

/// How many batches a caller writes for others after its own reply has come.
const MOST_BATCHES: usize = 32;

impl Link {
    /// Sends a request and waits for all its replies.
    ///
    /// Blocks on the socket, at most until `limit`; never on another caller's command.
    #[inline]
    pub(crate) fn call(
        &self,
        request: Request<'_>,
        limit: &Deadline,
    ) -> Result<Outcome, Unaccepted> {
        let waiter = Handle::current();
        let outcome = self.submit(&request, limit, &waiter);
        conclude(outcome, waiter)
    }

    /// As [`call`](Self::call), for the lease that [holds](Self::hold) the link: also while it drains. A way of its
    /// own, so that the compiler has one copy of the other and makes that fast.
    #[cold]
    #[inline(never)]
    pub(crate) fn call_leased(
        &self,
        request: Request<'_>,
        limit: &Deadline,
    ) -> Result<Outcome, Unaccepted> {
        let waiter = Handle::current();
        let outcome = self.submit_leased(&request, limit, &waiter);
        conclude(outcome, waiter)
    }

    fn submit_leased(
        &self,
        request: &Request<'_>,
        limit: &Deadline,
        waiter: &Handle,
    ) -> Option<Outcome> {
        let mut in_flight = self.in_flight.lock();
        if in_flight.live() == 0 {
            // It may have been closed since the last command of the lease, and the reader not have had its turn.
            match self.wire.is_silent() {
                Ok(true) => {}
                heard => in_flight = self.heed(in_flight, heard.err())?,
            }
        }
        let Request { parts, replies } = *request;
        let end = in_flight.enqueue(parts, replies, waiter.clone(), true, limit.sent())?;
        Some(self.await_outcome(waiter, limit, in_flight, end, limit.is_first()))
    }

    /// Appends a request and waits for its outcome. `None`: not accepted.
    #[inline(always)]
    fn submit(&self, request: &Request<'_>, limit: &Deadline, waiter: &Handle) -> Option<Outcome> {
        let mut in_flight = self.in_flight.lock();
        // Only where nobody waits, whatever may come that nobody wants any more: else whoever reads notices the
        // end of the stream.
        let look = in_flight.live() == 0 && in_flight.is_stale(limit.sent(), STALE);
        if look {
            match self.wire.is_silent() {
                Ok(true) => {}
                heard => in_flight = self.heed(in_flight, heard.err())?,
            }
        }
        let Request { parts, replies } = *request;
        // Nobody else uses the link: the bytes are written from where they are, and both roles are the
        // caller's.
        let length = parts.len();
        let alone = in_flight.enqueue_alone(length, replies, waiter, limit.sent());
        if let Some(inbound) = alone {
            drop(in_flight);
            return Some(self.await_alone(parts, inbound, waiter, limit));
        }
        if length >= IN_PLACE {
            // Others wait for replies, which need no writer: theirs is the read role, this caller's the other.
            let has_role = in_flight.enqueue_writing(length, replies, waiter, limit.sent());
            if has_role {
                let batch = in_flight.batch_of(parts);
                drop(in_flight);
                return Some(self.write_own(batch, waiter, limit));
            }
        }
        // From here on the request has its place on the wire, and only `abandon` can take it back.
        let end = in_flight.enqueue(parts, replies, waiter.clone(), false, limit.sent())?;
        if in_flight.is_crowded() {
            // Others use the link too: what they are about to ask can go in the same write, which is
            // worth more than the moment that it takes.
            drop(in_flight);
            sync::yield_now();
            in_flight = self.in_flight.lock();
        }
        Some(self.await_outcome(waiter, limit, in_flight, end, limit.is_first()))
    }

    /// Takes in what came while nobody read, before a command is written. `None`: the link has ended.
    #[cold]
    #[inline(never)]
    fn heed<'a>(
        &'a self,
        mut in_flight: RankedGuard<'a, InFlight<Handle>, 3>,
        error: Option<io::Error>,
    ) -> Option<RankedGuard<'a, InFlight<Handle>, 3>> {
        if let Some(error) = error {
            // Told once: whoever reads next finds the end of the stream only.
            drop(in_flight);
            self.end(EndReason::Io(error.into()));
            return None;
        }
        // Somebody reads already and will find what is there.
        let Some(inbound) = in_flight.take_inbound(None) else {
            return Some(in_flight);
        };
        drop(in_flight);
        self.read_available(inbound, MOST_READS);
        Some(self.in_flight.lock())
    }

    /// Does what is to be done until the outcome is there: write, read, or sleep. `end`: where the request
    /// ends on the wire. `is_early`: hardly any time has passed since the call began, so that the clock need
    /// not be asked.
    #[inline(never)]
    pub(super) fn await_outcome<'a>(
        &'a self,
        waiter: &Handle,
        limit: &Deadline,
        in_flight: RankedGuard<'a, InFlight<Handle>, 3>,
        end: u64,
        is_early: bool,
    ) -> Outcome {
        // A caller that was appointed and leaves with its own reply has to name another, or nobody would
        // read on.
        let outcome = self.take_part(waiter, limit, in_flight, end, is_early);
        if waiter.answer() {
            self.appoint_successor();
        }
        outcome
    }

    /// Takes the roles that are free, or sleeps, in turn, until the outcome is there.
    #[inline]
    fn take_part<'a>(
        &'a self,
        waiter: &Handle,
        limit: &Deadline,
        mut in_flight: RankedGuard<'a, InFlight<Handle>, 3>,
        end: u64,
        mut is_early: bool,
    ) -> Outcome {
        loop {
            let mut rounds = 0;
            // What others have just appended is theirs to write: whoever wrote it for them would send each
            // request by itself, because they append one after the other while they take turns.
            while !in_flight.is_taken(end) || in_flight.lacks_writer() {
                let Some(batch) = in_flight.take_batch() else {
                    break;
                };
                drop(in_flight);
                let in_time;
                // For all who have appended by now: one system call carries as many requests as are
                // waiting.
                (in_flight, in_time) = self.write(batch, waiter, limit, &mut is_early);
                if !in_time && !waiter.has_outcome() {
                    drop(in_flight);
                    return self.abandon(waiter);
                }
                rounds += 1;
                if waiter.has_outcome() {
                    // The socket is full, and another may wait for it: who reads looks for that.
                    let full = in_flight.has_leftover();
                    // Nobody writes for others for ever, unless nobody else could at once.
                    if full || rounds >= MOST_BATCHES && in_flight.successor().is_some() {
                        break;
                    }
                }
            }
            if let Some(outcome) = waiter.take() {
                waiter.answer();
                self.hand_over(in_flight);
                return outcome;
            }
            waiter.answer();
            // The read role is free: this caller reads for everybody until its own reply has come.
            if let Some(inbound) = in_flight.take_inbound(Some(waiter)) {
                drop(in_flight);
                if let Some(outcome) = self.lead(inbound, waiter, limit, is_early) {
                    return outcome;
                }
                is_early = false;
            } else {
                is_early = false;
                drop(in_flight);
                // Somebody else reads, and wakes this caller with its outcome, or to take a role.
                waiter.wait(self.relaxed_until.look_again(limit));
            }
            if let Some(outcome) = waiter.take() {
                return outcome;
            }
            if self.is_over(limit) {
                return self.abandon(waiter);
            }
            in_flight = self.in_flight.lock();
        }
    }

    pub(super) fn is_over(&self, limit: &Deadline) -> bool {
        let now = clock::now();
        let deadline = self.deadline_at(limit, now);
        deadline.is_some_and(|deadline| deadline <= now)
    }

    pub(super) fn deadline_at(&self, limit: &Deadline, now: Instant) -> Option<Instant> {
        self.relaxed_until.deadline(limit, now)
    }

    /// Reads for all until the caller's own outcome is there, its time is over or it is to write.
    #[inline(never)]
    pub(super) fn lead(
        &self,
        mut inbound: Box<Inbound>,
        waiter: &Handle,
        limit: &Deadline,
        mut is_early: bool,
    ) -> Option<Outcome> {
        let mut is_over = false;
        loop {
            // Hardly any time has passed since the call began, so that the clock is not asked before the
            // first read.
            let patience = if mem::take(&mut is_early) {
                early_patience(limit)
            } else {
                let now = clock::now();
                match self.deadline_at(limit, now) {
                    // What lies there has come in time, however late this thread has got its turn.
                    Some(deadline) if deadline <= now => {
                        is_over = true;
                        Duration::ZERO
                    }
                    Some(deadline) => SLICE.min(deadline - now),
                    None => SLICE,
                }
            };
            match self.read_once(inbound, waiter, patience) {
                Progress::Mine(outcome) => return Some(outcome),
                Progress::Over => return None,
                Progress::Reading(back) if is_over => {
                    self.give_back(back);
                    return None;
                }
                Progress::Reading(back) => {
                    self.pulse.set_large_reply(back.has_large_reply());
                    inbound = back;
                }
            }
        }
    }

    /// Reads what is there, or comes within `patience`, and hands it to its owners. Of what follows from an
    /// error or the end of the stream nothing is left to do.
    #[inline(always)]
    pub(super) fn read_once(
        &self,
        mut inbound: Box<Inbound>,
        waiter: &Handle,
        patience: Duration,
    ) -> Progress {
        match self.receive(&mut inbound, Some(patience)) {
            Ok(received) if !received.is_end => {
                let progress = self.digest(inbound, Some(waiter));
                // A full buffer: more may have come than the read had room for.
                if received.is_full && matches!(progress, Progress::Mine(_)) {
                    self.read_on();
                }
                progress
            }
            nothing => self.stop_reading(inbound, nothing.err(), waiter),
        }
    }

    /// A read has brought nothing: an error, or the end of the stream.
    #[cold]
    #[inline(never)]
    fn stop_reading(
        &self,
        inbound: Box<Inbound>,
        error: Option<io::Error>,
        waiter: &Handle,
    ) -> Progress {
        match error {
            Some(error) if would_block(&error) => {
                // Whoever ended the link meanwhile has delivered the outcome, and a writer may
                // have given up whose bytes nobody else can take over.
                if !waiter.has_outcome() && !self.in_flight.lock().lacks_writer() {
                    return Progress::Reading(inbound);
                }
                self.give_back(inbound);
            }
            Some(error) => self.end_reading(inbound, EndReason::Io(error.into())),
            None => self.end_reading(inbound, EndReason::EndOfStream),
        }
        Progress::Over
    }

    /// Reads what the last read had no room for, unless another caller does: under TLS it may be where
    /// no poll sees it, nor the reader thread with it.
    #[cold]
    #[inline(never)]
    fn read_on(&self) {
        if !self.wire.hides_partial_writes() {
            return;
        }
        let mut in_flight = self.in_flight.lock();
        if in_flight.live() > 0 {
            return;
        }
        let inbound = in_flight.take_inbound(None);
        drop(in_flight);
        if let Some(inbound) = inbound {
            self.read_available(inbound, MOST_READS);
        }
    }

    /// Decodes what was read before, reads what is there without waiting, so many times at most, with
    /// the read role, and gives the role back.
    pub(super) fn read_available(&self, inbound: Box<Inbound>, reads: usize) {
        self.read_to_end(inbound, reads, &EndReason::EndOfStream);
    }

    /// As [`read_available`](Self::read_available); `at_end` is what the end of the stream means.
    pub(super) fn read_to_end(
        &self,
        mut inbound: Box<Inbound>,
        mut reads: usize,
        at_end: &EndReason,
    ) {
        loop {
            match self.digest(inbound, None) {
                Progress::Reading(back) => {
                    self.pulse.set_large_reply(back.has_large_reply());
                    inbound = back;
                }
                Progress::Mine(_) | Progress::Over => return,
            }
            // So many reads in a row, and still more comes: another caller may take its turn.
            if reads == 0 {
                return self.give_back(inbound);
            }
            reads -= 1;
            match self.receive(&mut inbound, None) {
                Ok(received) if received.is_end => {
                    return self.end_reading(inbound, at_end.clone());
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if would_block(&error) => return self.give_back(inbound),
                Err(error) => return self.end_reading(inbound, EndReason::Io(error.into())),
            }
        }
    }

    /// Ends the link for what its reader found. The role goes back only then: the system tells an error
    /// once, and whoever read after this one would call it the end of the stream.
    fn end_reading(&self, inbound: Box<Inbound>, reason: EndReason) {
        self.end(reason);
        self.give_back(inbound);
    }

    /// Gives the read role back, and finds somebody who goes on reading, if that is needed.
    #[inline(never)]
    pub(super) fn give_back(&self, inbound: Box<Inbound>) {
        self.hand_back(self.in_flight.lock(), inbound);
    }

    /// As [`give_back`](Self::give_back), under a lock that is held already.
    #[inline(always)]
    pub(super) fn hand_back(
        &self,
        mut in_flight: RankedGuard<'_, InFlight<Handle>, 3>,
        mut inbound: Box<Inbound>,
    ) {
        self.pulse.set_large_reply(inbound.has_large_reply());
        if inbound.has_grown() && in_flight.is_idle() {
            inbound.shrink();
        }
        in_flight.return_inbound(inbound);
        // Nobody waits and nobody watches: the usual end of a lone call, without a look at the queue.
        let is_watched = in_flight.reader_needed || in_flight.reader_parked;
        if in_flight.live() > 0 || is_watched {
            self.pass_on(in_flight);
        }
    }

    /// Finds somebody who reads on: a caller that waits, or the reader thread.
    #[inline(never)]
    fn pass_on(&self, mut in_flight: RankedGuard<'_, InFlight<Handle>, 3>) {
        let successor = appoint(&in_flight);
        // A blocked writer may be the successor, and cannot read.
        let ring = in_flight.reader_needed || in_flight.reader_parked && successor.is_none();
        if ring {
            in_flight.reader_parked = false;
        }
        drop(in_flight);
        wake(successor);
        if ring {
            self.reader_wakeup.notify_all();
        }
    }

    pub(super) fn appoint_successor(&self) {
        self.hand_over(self.in_flight.lock());
    }

    /// Finds somebody for a role that is free: a caller that waits, or for reading the reader thread.
    pub(super) fn hand_over(&self, mut in_flight: RankedGuard<'_, InFlight<Handle>, 3>) {
        let successor = appoint(&in_flight);
        let ring = in_flight.reader_parked && in_flight.is_read_role_free() && successor.is_none();
        if ring {
            in_flight.reader_parked = false;
        }
        drop(in_flight);
        wake(successor);
        if ring {
            self.reader_wakeup.notify_all();
        }
    }

    /// The caller's time is over.
    pub(super) fn abandon(&self, waiter: &Handle) -> Outcome {
        let mut in_flight = self.in_flight.lock();
        match self.wire.is_silent() {
            Ok(true) => {}
            // Something has arrived, and whoever reads has not had its turn.
            Ok(false) => in_flight.handle_arrival(),
            Err(error) => {
                // Told once: whoever reads next finds the end of the stream only.
                drop(in_flight);
                self.end(EndReason::Io(error.into()));
                in_flight = self.in_flight.lock();
            }
        }
        // Told once, by whoever closes the link for new requests.
        let was_open = in_flight.is_open();
        let Some(failure) = in_flight.abandon(waiter) else {
            // Settled in the meantime: a waiter that is in no queue any more has its outcome. It may
            // have left bytes behind all the same.
            self.hand_over(in_flight);
            let lost = || Failure {
                reason: None,
                got: Vec::new(),
                sent: u64::MAX,
            };
            return (waiter.take()).unwrap_or_else(|| Outcome::Failed(Box::new(lost())));
        };
        let finished = in_flight.is_finished();
        let closed = was_open && !in_flight.is_open();
        self.hand_over(in_flight);
        // The pool is told before the caller: its next command must not come here again.
        if closed {
            self.routes.supervisor.unusable(self);
        }
        if let Some(reason) = finished {
            self.end(EndReason::Closed(reason));
        }
        Outcome::Failed(Box::new(failure))
    }
}

/// The outcome of a request whose waiter is of no further use.
#[inline(always)]
pub(super) fn conclude(outcome: Option<Outcome>, waiter: Handle) -> Result<Outcome, Unaccepted> {
    // A waiter whose place is still in the queue may be settled later, and must not serve another
    // call by then.
    let is_abandoned = match &outcome {
        Some(Outcome::Failed(failure)) => failure.reason.is_none(),
        _ => false,
    };
    if !is_abandoned {
        waiter.recycle();
    }
    outcome.ok_or(Unaccepted)
}

/// How long a caller that has just begun reads at once: a window only makes its time longer, and the next
/// turn looks at it.
#[inline]
pub(super) fn early_patience(limit: &Deadline) -> Duration {
    limit.timeout().map_or(SLICE, |timeout| SLICE.min(timeout))
}

/// Appoints a waiter if a role is free that somebody needs. To be woken without the lock.
fn appoint(in_flight: &InFlight<Handle>) -> Option<Handle> {
    let successor = in_flight.successor();
    if let Some(waiter) = &successor {
        waiter.appoint();
    }
    successor
}

pub(super) fn wake(successor: Option<Handle>) {
    if let Some(waiter) = successor {
        waiter.wake();
    }
}

/// Whether nothing has happened yet. `TimedOut` is not among these: a wire never says it of a wait of
/// ours, only of a connection that the system has given up.
pub(crate) fn would_block(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
