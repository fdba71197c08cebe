//! One connection: many callers, one socket, one reader thread. Does not dial, choose a slot, retry
//! or interpret a push.
//!
//! ```text
//!   caller A --+   append bytes + waiter      +-- writer: whoever finds none writes all
//!   caller B --+-> [ Ledger, lock 3 ] --------+
//!   caller C --+                              +-- reader: the first caller that waits,
//!                                                 else the reader thread
//! ```
//!
//! - A caller appends its request and its waiter under one short lock, so that both have the order
//!   of the wire.
//! - Whoever finds no writer at work writes everything that is queued, outside the lock.
//! - The first caller that waits takes the read role, reads and decodes for all, and passes the role
//!   on when its own reply has come.
//! - The reader thread waits for readability while nobody else reads. On a busy link it sleeps, and
//!   looks again after a quiet spell that grows to 50 ms.

mod inbound;
mod ledger;
mod opening;
mod probe;
mod reader;
mod roster;
mod slot;
mod waiter;
mod window;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(all(test, hitless_model))]
pub(crate) mod model;
#[cfg(all(test, not(hitless_model)))]
mod tests;

pub(crate) use inbound::Inbound;
pub(crate) use ledger::{EndReason, Failure, Outcome};
pub(crate) use opening::{Introduced, OpeningError, introduce};
pub(crate) use probe::Probe;
pub(crate) use roster::{Awaited, Roster};
pub(crate) use slot::{Installed, Slot};
pub(crate) use window::{Limit, Relaxed};

use crate::clock;
use crate::error::CloseReason;
use crate::handoff::conductor::{LinkId, SlotId};
use crate::protocol::{Endpoint, Frame, Maintenance, Push};
use crate::sync::{self, Arc, Bell, JoinHandle, Ranked, RankedGuard};
use crate::transport::Wire;
use ledger::{Batch, Ledger, Settled};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use waiter::Handle;
use window::Window;

/// After a pause of this length a caller looks whether the server closed the connection or said
/// something meanwhile, before it writes: the reader thread may be asleep for that long.
const STALE: Duration = Duration::from_millis(1);

/// How long a blocked writer waits before it makes sure again that somebody reads, and a reading
/// caller before it sees that it must write what another left behind: nothing else interrupts it.
const SLICE: Duration = Duration::from_millis(100);

/// How many batches a caller writes for others after its own reply has come.
const MOST_BATCHES: usize = 32;

/// Where a link reports. Called with no lock held, by whichever thread reads.
pub(crate) trait Sink: Send + Sync {
    /// A push came. Must not block.
    fn pushed(&self, link: &Link, push: Push);
    /// The link takes no new command from now on. Must not block.
    fn unusable(&self, link: &Link);
    /// The link is gone and its reader thread ends. Called once, by the reader thread; may block.
    fn ended(&self, link: &Link, reason: EndReason);
}

/// Commands in the form of the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// Two parts that follow one another.
    pub(crate) parts: [&'a [u8]; 2],
    /// How many replies will come; at least 1.
    pub(crate) replies: usize,
}

/// The link accepted nothing: it was retired, condemned or had ended before.
#[derive(Debug)]
pub(crate) struct Unaccepted;

/// One authenticated connection.
pub(crate) struct Link {
    id: LinkId,
    slot: SlotId,
    wire: Box<dyn Wire>,
    /// What was asked for when it was dialled.
    via: Endpoint,
    opted_in: bool,
    ledger: Ranked<Ledger<Handle>, 3>,
    /// The reader thread sleeps here.
    bell: Bell,
    sink: Arc<dyn Sink>,
    window: Window,
    reader: Ranked<Option<JoinHandle<()>>, 4>,
}

/// What a new link is made of.
#[derive(Debug)]
pub(crate) struct Birth {
    pub(crate) id: LinkId,
    pub(crate) slot: SlotId,
    pub(crate) wire: Box<dyn Wire>,
    pub(crate) inbound: Inbound,
    pub(crate) via: Endpoint,
    pub(crate) opted_in: bool,
    /// The timeouts in a window.
    pub(crate) relaxed: Relaxed,
}

enum Progress {
    /// The link has ended.
    Over,
    /// The caller's own outcome; the read role was given back.
    Mine(Outcome),
    /// More must be read.
    Reading(Box<Inbound>),
}

/// What is left to do when a link has ended under its lock.
struct Ending {
    was_open: bool,
    /// Whose outcome was delivered, and who is to be woken.
    failed: Vec<Handle>,
}

impl Link {
    /// Makes a link and starts its reader thread, which reads nothing before
    /// [`open_gate`](Self::open_gate).
    pub(crate) fn start(birth: Birth, sink: Arc<dyn Sink>) -> io::Result<Arc<Self>> {
        let link = Arc::new(Self {
            id: birth.id,
            slot: birth.slot,
            wire: birth.wire,
            via: birth.via,
            opted_in: birth.opted_in,
            ledger: Ranked::new(Ledger::new(Box::new(birth.inbound))),
            bell: Bell::default(),
            sink,
            window: Window::new(clock::now(), birth.relaxed),
            reader: Ranked::new(None),
        });
        let reader = Arc::clone(&link);
        let thread =
            sync::spawn(format!("hitless-reader-{}", birth.slot), move || reader.read_always())?;
        *link.reader.lock() = Some(thread);
        Ok(link)
    }

    pub(crate) fn id(&self) -> LinkId {
        self.id
    }

    pub(crate) fn slot(&self) -> SlotId {
        self.slot
    }

    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.wire.peer()
    }

    pub(crate) fn via(&self) -> &Endpoint {
        &self.via
    }

    pub(crate) fn opted_in(&self) -> bool {
        self.opted_in
    }

    /// Relaxes the timeouts of all who wait or will wait, until `until`, which replaces what was said
    /// before. Never tightens. Called by the coordinator.
    pub(crate) fn relax(&self, until: Instant, cause: Option<Maintenance>) {
        self.window.set(until, cause);
    }

    /// Whether timeouts are relaxed.
    pub(crate) fn is_relaxed(&self, now: Instant) -> bool {
        self.window.is_open(now)
    }

    /// The maintenance to which a failure at `now`, of a command with this timeout, is owed.
    pub(crate) fn blame(&self, now: Instant, timeout: Option<Duration>) -> Option<Maintenance> {
        self.window.blame(now, timeout)
    }

    /// Sends a request and waits for all its replies.
    ///
    /// Blocks on the socket, at most until `limit`; never on another caller's command.
    pub(crate) fn call(&self, request: Request<'_>, limit: Limit) -> Result<Outcome, Unaccepted> {
        let waiter = Handle::current();
        if !self.submit(request, limit, &waiter) {
            waiter.recycle();
            return Err(Unaccepted);
        }
        let outcome = self.await_outcome(&waiter, limit);
        if waiter.answer() {
            self.appoint_successor();
        }
        if !matches!(outcome, Outcome::Failed(Failure { reason: None, .. })) {
            waiter.recycle();
        }
        Ok(outcome)
    }

    fn submit(&self, request: Request<'_>, limit: Limit, waiter: &Handle) -> bool {
        let mut ledger = self.ledger.lock();
        if ledger.is_idle() && !ledger.armed && ledger.is_stale(limit.start, STALE) {
            if let Some(inbound) = ledger.take_inbound(None) {
                drop(ledger);
                self.read_available(inbound);
                ledger = self.ledger.lock();
            }
        }
        ledger.enqueue(request.parts, request.replies, waiter.clone(), limit.start)
    }

    /// Does what is to be done until the outcome is there: write, read, or sleep.
    fn await_outcome(&self, waiter: &Handle, limit: Limit) -> Outcome {
        loop {
            let mut ledger = self.ledger.lock();
            let mut rounds = 0;
            while let Some(batch) = ledger.take_batch() {
                drop(ledger);
                let in_time;
                (ledger, in_time) = self.write(batch, waiter, limit);
                if !in_time && !waiter.has_outcome() {
                    drop(ledger);
                    return self.abandon(waiter);
                }
                rounds += 1;
                if waiter.has_outcome() {
                    // The socket is full, and another may wait for it: who reads looks for that.
                    let full = ledger.has_leftover();
                    // Nobody writes for others for ever, unless nobody else could at once.
                    if full || rounds >= MOST_BATCHES && ledger.successor().is_some() {
                        break;
                    }
                }
            }
            if let Some(outcome) = waiter.take() {
                waiter.answer();
                let successor = appoint(&ledger);
                drop(ledger);
                wake(successor);
                return outcome;
            }
            waiter.answer();
            if let Some(inbound) = ledger.take_inbound(Some(waiter)) {
                drop(ledger);
                if let Some(outcome) = self.lead(inbound, waiter, limit) {
                    return outcome;
                }
            } else {
                drop(ledger);
                waiter.wait(self.window.look_again(limit));
            }
            if let Some(outcome) = waiter.take() {
                return outcome;
            }
            let now = clock::now();
            if self.deadline_at(limit, now).is_some_and(|deadline| deadline <= now) {
                return self.abandon(waiter);
            }
        }
    }

    fn deadline_at(&self, limit: Limit, now: Instant) -> Option<Instant> {
        self.window.deadline(limit, now)
    }

    /// Writes one batch, with the write role, or as much of it as goes until the caller's outcome is
    /// there. False: the caller's time was over before the end.
    fn write(
        &self,
        mut batch: Batch,
        waiter: &Handle,
        limit: Limit,
    ) -> (RankedGuard<'_, Ledger<Handle>, 3>, bool) {
        let mut in_time = true;
        let broken = loop {
            match self.wire.try_write(batch.rest()) {
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
                    let now = clock::now();
                    let patience = match self.deadline_at(limit, now) {
                        Some(deadline) if deadline <= now => {
                            in_time = false;
                            break None;
                        }
                        Some(deadline) => SLICE.min(deadline - now),
                        None => SLICE,
                    };
                    self.nudge();
                    if let Err(error) = self.wire.wait_writable(patience) {
                        break Some(error);
                    }
                }
                Err(error) => break Some(error),
            }
        };
        let torn = !self.wire.hides_partial_writes();
        let mut ledger = self.ledger.lock();
        ledger.return_batch(batch, torn);
        if let Some(error) = broken {
            drop(ledger);
            self.end(EndReason::Io(error.into()));
            ledger = self.ledger.lock();
        }
        (ledger, in_time)
    }

    /// Makes sure that somebody reads while a writer cannot go on.
    fn nudge(&self) {
        let mut ledger = self.ledger.lock();
        ledger.nudged = true;
        ledger.dozing = false;
        drop(ledger);
        self.bell.ring_all();
    }

    /// Reads for all until the caller's own outcome is there, its time is over or it is to write.
    fn lead(&self, mut inbound: Box<Inbound>, waiter: &Handle, limit: Limit) -> Option<Outcome> {
        loop {
            let now = clock::now();
            let patience = match self.deadline_at(limit, now) {
                Some(deadline) if deadline <= now => {
                    self.give_back(inbound);
                    return None;
                }
                Some(deadline) => SLICE.min(deadline - now),
                None => SLICE,
            };
            let space = inbound.space();
            let room = space.len();
            let mut is_full = false;
            let progress = match self.wire.read(space, patience) {
                Ok(0) => {
                    self.give_back(inbound);
                    self.end(EndReason::EndOfStream);
                    return None;
                }
                Ok(count) => {
                    is_full = count == room;
                    inbound.filled(count);
                    self.digest(inbound, Some(waiter))
                }
                Err(error) if would_block(&error) => {
                    // Whoever ended the link meanwhile has delivered the outcome, and a writer may
                    // have given up whose bytes nobody else can take over.
                    if waiter.has_outcome() || self.ledger.lock().lacks_writer() {
                        self.give_back(inbound);
                        return None;
                    }
                    Progress::Reading(inbound)
                }
                Err(error) => {
                    self.give_back(inbound);
                    self.end(EndReason::Io(error.into()));
                    return None;
                }
            };
            match progress {
                Progress::Mine(outcome) => {
                    if is_full {
                        self.read_on();
                    }
                    return Some(outcome);
                }
                Progress::Over => return None,
                Progress::Reading(back) => inbound = back,
            }
        }
    }

    /// Reads what the last read had no room for: under TLS it may be where no poll sees it, and the
    /// reader thread with it.
    fn read_on(&self) {
        let inbound = self.ledger.lock().take_inbound(None);
        if let Some(inbound) = inbound {
            self.read_available(inbound);
        }
    }

    /// Reads what is there without waiting, with the read role, and gives the role back.
    fn read_available(&self, mut inbound: Box<Inbound>) {
        loop {
            match self.wire.try_read(inbound.space()) {
                Ok(0) => {
                    self.give_back(inbound);
                    return self.end(EndReason::EndOfStream);
                }
                Ok(count) => {
                    inbound.filled(count);
                    match self.digest(inbound, None) {
                        Progress::Reading(back) => inbound = back,
                        Progress::Mine(_) | Progress::Over => return,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if would_block(&error) => return self.give_back(inbound),
                Err(error) => {
                    self.give_back(inbound);
                    return self.end(EndReason::Io(error.into()));
                }
            }
        }
    }

    /// Decodes all that has arrived and hands it to its owners.
    fn digest(&self, mut inbound: Box<Inbound>, me: Option<&Handle>) -> Progress {
        let mut broken = None;
        loop {
            match inbound.next() {
                Ok(Some(Frame::Reply(reply))) => inbound.replies.push(reply),
                Ok(Some(Frame::Push(push))) => self.sink.pushed(self, push),
                Ok(None) => break,
                Err(malformed) => {
                    broken = Some(EndReason::Malformed(malformed));
                    break;
                }
            }
        }
        if inbound.replies.is_empty() && broken.is_none() {
            return Progress::Reading(inbound);
        }
        let mut mine = None;
        let mut completed = Vec::new();
        let mut ledger = self.ledger.lock();
        for reply in inbound.replies.drain(..) {
            match ledger.settle(reply) {
                Settled::Completed(waiter, outcome) => {
                    if me == Some(&waiter) {
                        mine = Some(outcome);
                    } else {
                        // Rank 3 -> 4: a waiter that is in no ledger any more has its outcome.
                        waiter.deliver(outcome);
                        completed.push(waiter);
                    }
                }
                Settled::Kept => {}
                Settled::Unsolicited => {
                    broken = Some(EndReason::Unsolicited);
                    break;
                }
            }
        }
        let finished = ledger.is_finished();
        if mine.is_none() && finished.is_none() && broken.is_none() {
            drop(ledger);
            completed.iter().for_each(|waiter| waiter.wake());
            return Progress::Reading(inbound);
        }
        inbound.replies.clear();
        // Under the same lock: nobody may read on behind a reply that was not to be.
        let reason = broken.or(finished.map(EndReason::Closed));
        let ending = reason.and_then(|reason| end_under(&mut ledger, &reason));
        let (successor, ring) = self.leave(&mut ledger, inbound);
        drop(ledger);
        wake(successor);
        if ring {
            self.bell.ring_all();
        }
        completed.iter().for_each(|waiter| waiter.wake());
        if ending.is_some() {
            self.finish(ending);
        }
        mine.map_or(Progress::Over, Progress::Mine)
    }

    /// Puts the read role back, appoints a successor and says whom to wake and whether to ring for the reader thread.
    fn leave(&self, ledger: &mut Ledger<Handle>, inbound: Box<Inbound>) -> (Option<Handle>, bool) {
        ledger.return_inbound(inbound);
        let successor = appoint(ledger);
        // A blocked writer may be the successor, and cannot read.
        let ring = ledger.nudged || ledger.dozing && successor.is_none();
        if ring {
            ledger.dozing = false;
        }
        (successor, ring)
    }

    fn give_back(&self, inbound: Box<Inbound>) {
        let mut ledger = self.ledger.lock();
        let (successor, ring) = self.leave(&mut ledger, inbound);
        drop(ledger);
        wake(successor);
        if ring {
            self.bell.ring_all();
        }
    }

    fn appoint_successor(&self) {
        let successor = appoint(&self.ledger.lock());
        wake(successor);
    }

    /// The caller's time is over.
    fn abandon(&self, waiter: &Handle) -> Outcome {
        let mut ledger = self.ledger.lock();
        let was_open = ledger.is_open();
        let Some(failure) = ledger.abandon(waiter) else {
            // Settled in the meantime: a waiter that is in no ledger any more has its outcome. It may
            // have left bytes behind all the same.
            let successor = appoint(&ledger);
            drop(ledger);
            wake(successor);
            let lost = Failure { reason: None, got: Vec::new(), sent: u64::MAX };
            return waiter.take().unwrap_or(Outcome::Failed(lost));
        };
        let finished = ledger.is_finished();
        let closed = was_open && !ledger.is_open();
        let successor = appoint(&ledger);
        drop(ledger);
        wake(successor);
        if closed {
            self.sink.unusable(self);
        }
        if let Some(reason) = finished {
            self.end(EndReason::Closed(reason));
        }
        Outcome::Failed(failure)
    }

    /// Accepts nothing new from now on, answers what was asked, then closes.
    pub(crate) fn retire(&self) {
        let mut ledger = self.ledger.lock();
        ledger.retire();
        let finished = ledger.is_finished();
        drop(ledger);
        if let Some(reason) = finished {
            self.end(EndReason::Closed(reason));
        }
    }

    /// Closes now, unless a caller still waits for a reply. True when it is closed.
    pub(crate) fn close_if_idle(&self, reason: CloseReason) -> bool {
        let mut ledger = self.ledger.lock();
        ledger.retire();
        let idle = ledger.live() == 0;
        drop(ledger);
        if idle {
            self.end(EndReason::Closed(reason));
        }
        idle
    }

    /// Ends the link: every caller that waits is told why, the socket is shut, the reader thread
    /// ends. Later calls do nothing.
    pub(crate) fn end(&self, reason: EndReason) {
        let mut ledger = self.ledger.lock();
        let ending = end_under(&mut ledger, &reason);
        drop(ledger);
        self.finish(ending);
    }

    /// The part of an end that needs no lock.
    fn finish(&self, ending: Option<Ending>) {
        let Some(Ending { was_open, failed }) = ending else { return };
        self.wire.shutdown();
        self.bell.ring_all();
        if was_open {
            self.sink.unusable(self);
        }
        failed.iter().for_each(|waiter| waiter.wake());
    }

    /// Whether new commands are accepted.
    pub(crate) fn is_open(&self) -> bool {
        self.ledger.lock().is_open()
    }

    /// Whether it was replaced and finishes what was asked before.
    pub(crate) fn is_draining(&self) -> bool {
        self.ledger.lock().is_draining()
    }

    /// Waits for the end of the reader thread. Not to be called by that thread, nor before the end of
    /// the link.
    pub(crate) fn join(&self) {
        let thread = self.reader.lock().take();
        if let Some(thread) = thread {
            // A reader thread that panicked has ended all the same.
            let _ = thread.join();
        }
    }
}

/// Ends the link as far as callers see it. `None`: it had ended before.
fn end_under(ledger: &mut Ledger<Handle>, reason: &EndReason) -> Option<Ending> {
    if ledger.has_ended() {
        return None;
    }
    let was_open = ledger.is_open();
    let mut failed = Vec::new();
    for (waiter, outcome) in ledger.end(reason) {
        // Rank 3 -> 4.
        waiter.deliver(outcome);
        failed.push(waiter);
    }
    ledger.dozing = false;
    Some(Ending { was_open, failed })
}

/// Appoints a waiter if a role is free that somebody needs. To be woken without the lock.
fn appoint(ledger: &Ledger<Handle>) -> Option<Handle> {
    let successor = ledger.successor();
    if let Some(waiter) = &successor {
        waiter.appoint();
    }
    successor
}

fn wake(successor: Option<Handle>) {
    if let Some(waiter) = successor {
        waiter.wake();
    }
}

fn would_block(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("id", &self.id).field("slot", &self.slot).finish_non_exhaustive()
    }
}
