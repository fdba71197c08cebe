//! The requests in flight on one connection, in the order of the wire, and who gets each reply. Does not
//! read, write, wait, wake or look at the clock.
//!
//! Kinds of methods:
//! - requests: [`enqueue`](InFlight::enqueue), [`enqueue_alone`](InFlight::enqueue_alone),
//!   [`enqueue_internal`](InFlight::enqueue_internal), [`enqueue_confirmed`](InFlight::enqueue_confirmed),
//!   [`settle`](InFlight::settle) with each reply,
//!   [`confirm`](InFlight::confirm) with each confirmation, [`abandon`](InFlight::abandon);
//! - roles: [`take_batch`](InFlight::take_batch) and [`take_inbound`](InFlight::take_inbound), each given
//!   back, and [`successor`](InFlight::successor);
//! - phases: [`retire`](InFlight::retire), [`condemn`](InFlight::condemn), [`end`](InFlight::end),
//!   [`hold`](InFlight::hold) and [`release`](InFlight::release). After each call that may have been the
//!   last of a connection, its link asks [`is_finished`](InFlight::is_finished).
//!
//! Two roles exist on a connection, and at most one thread has each: the writer holds the [`Batch`]
//! that was taken, the reader holds the [`Inbound`]. Possession is the role, so that two readers
//! cannot be written down.

mod batch;
mod confirm;
mod outcome;
mod phase;

pub(crate) use batch::Batch;
pub(crate) use outcome::{Failure, Outcome, Owner, Settled, Ticket};

use super::end_reason::EndReason;
use super::inbound::Inbound;
use super::parts::Parts;
use crate::protocol::Value;
use phase::Phase;
use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};
use std::vec;

/// So many requests may wait for replies that nobody wants any more. Callers that give up sooner than the
/// server answers would otherwise queue up more and more of them: 1024 take about 100 KiB.
const MOST_ABANDONED: usize = 1024;

/// So many requests ago counts for lately.
pub(super) const LATELY: usize = 16;

/// Of more callers than these it is worth a moment to wait for what the others ask, so that it goes in the same
/// write. Measured on two cores with the server beside: two callers get slower by it (54,000 commands a second
/// instead of 65,000), because each such moment costs a caller its turn; four get faster by a third, and eight
/// twice as fast.
const FEW: usize = 3;

/// A request whose replies have not all come.
#[derive(Debug)]
struct Pending<C> {
    owner: Owner<C>,
    /// Where in the connection's life the request begins and ends.
    start: u64,
    end: u64,
    /// What was collected, of a request with several replies. Apart, because most have one.
    several: Option<Box<Several>>,
}

/// The replies to a request of several commands.
#[derive(Debug)]
struct Several {
    want: usize,
    got: Vec<Value>,
    /// The kind of push that confirms each command of a subscription, instead of a reply.
    confirmed_by: Option<&'static [u8]>,
}

impl Several {
    /// Apart from the way of a request that has one reply, which it would make longer.
    #[inline(never)]
    fn of(want: usize) -> Box<Self> {
        // At once, for as many as the caller has commands: a vector that grows among the replies is copied each
        // time, and is twice as large as they need in the end.
        let got = Vec::with_capacity(want);
        Box::new(Self {
            want,
            got,
            confirmed_by: None,
        })
    }
}

impl<C: PartialEq> Pending<C> {
    fn is_of(&self, caller: &C) -> bool {
        matches!(&self.owner, Owner::Caller(owner) if owner == caller)
    }

    /// The failure that the end of the connection is to its caller, if it has one. A request of the client
    /// itself ends in silence: its link does not.
    fn fail(self, offered: u64, reason: EndReason) -> Option<(C, Outcome)> {
        let Owner::Caller(caller) = self.owner else {
            return None;
        };
        let failure = Failure {
            reason: Some(reason),
            got: self.several.map_or_else(Vec::new, |several| several.got),
            sent: offered.clamp(self.start, self.end) - self.start,
        };
        Some((caller, Outcome::Failed(Box::new(failure))))
    }
}

/// The state of one connection. Guarded by lock 3 of its link.
#[derive(Debug)]
pub(crate) struct InFlight<C> {
    phase: Phase,
    /// Invariant A: in the order of the bytes.
    pending: VecDeque<Pending<C>>,
    /// How many of `pending` have a caller.
    live: usize,
    /// How many callers have waited at once lately, in parts of [`LATELY`]: falls by one part with each request.
    crowd: usize,
    /// How many requests the client has sent on its own account.
    tickets: u64,
    /// A lease holds the connection.
    held: bool,
    /// The client itself may still have something to ask, of other connections to the same server.
    kept: bool,
    /// Bytes that no writer has taken.
    unsent: Vec<u8>,
    spare: Vec<u8>,
    /// What a writer left behind when its time was over.
    leftover: Option<Batch<'static>>,
    writing: bool,
    /// Somebody found the write role taken, and relies on who has it for the bytes in `unsent`.
    left_to_writer: bool,
    queued: u64,
    /// Bytes that may have left. Raised when a batch is taken, lowered only by its writer when the
    /// socket refused the rest.
    offered: u64,
    /// How much may have left while the writer waits: less than `offered` if the socket tells how much
    /// it took. `None` while a writer is in the socket, and nobody else knows how far it comes.
    paused: Option<u64>,
    /// `None` while a thread holds the read role.
    inbound: Option<Box<Inbound>>,
    /// The caller that holds the read role, if it is a caller: it sleeps in the socket, where no
    /// appointment reaches it.
    leader: Option<C>,
    /// Counts commands and replies; the reader thread compares it to tell busy from quiet.
    pub(crate) activity: u64,
    /// The reader thread sleeps until the read role is given back. Cleared by whoever rings it.
    pub(crate) reader_parked: bool,
    /// A writer cannot go on unless somebody reads.
    pub(crate) reader_needed: bool,
    /// A request has been answered, in part at least.
    pub(crate) answered: bool,
    /// The link is in its entry: the reader thread may begin.
    pub(crate) gate_open: bool,
    /// When the last request was appended.
    last: Option<Instant>,
    /// How many bytes may have left before something arrived last: the server was alive after it had been
    /// sent these.
    heard: u64,
    /// How many of `pending` had a caller that gave up.
    abandoned: usize,
}

impl<C: Clone + PartialEq> InFlight<C> {
    pub(crate) fn new(inbound: Box<Inbound>) -> Self {
        Self {
            phase: Phase::Open,
            pending: VecDeque::new(),
            live: 0,
            crowd: 0,
            tickets: 0,
            held: false,
            kept: false,
            unsent: Vec::new(),
            spare: Vec::new(),
            leftover: None,
            writing: false,
            left_to_writer: false,
            queued: 0,
            offered: 0,
            paused: None,
            inbound: Some(inbound),
            leader: None,
            activity: 0,
            reader_parked: false,
            reader_needed: false,
            answered: false,
            gate_open: false,
            last: None,
            heard: 0,
            abandoned: 0,
        }
    }

    /// Whether many callers use the connection lately.
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowd > FEW * LATELY
    }

    /// How many callers wait.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Nothing was asked that is not answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether the last request, if there was one, is older than `age`.
    #[inline]
    pub(crate) fn is_stale(&self, now: Instant, age: Duration) -> bool {
        self.last
            .and_then(|last| last.checked_add(age))
            .is_none_or(|until| until <= now)
    }

    /// Appends a request of a caller, who [takes a batch](Self::take_batch) next, unless another has
    /// [taken](Self::is_taken) the request by then. Yields where the request ends. `None`: the phase accepts
    /// none, and nothing was appended. `leased`: the caller has the lease that holds the connection.
    #[inline]
    pub(crate) fn enqueue(
        &mut self,
        parts: Parts<'_>,
        want: usize,
        caller: C,
        leased: bool,
        now: Instant,
    ) -> Option<u64> {
        if !self.accepts(leased) {
            return None;
        }
        self.append(parts, want, Owner::Caller(caller), now);
        self.count_caller();
        Some(self.queued)
    }

    /// Appends a request of a caller, and gives it the write role: it writes the request from where it is,
    /// `length` bytes, while others wait for replies. False: nothing was appended.
    ///
    /// The write role goes back with [`batch_of`](Self::batch_of) and the batch.
    pub(crate) fn enqueue_writing(
        &mut self,
        length: usize,
        want: usize,
        caller: &C,
        now: Instant,
    ) -> bool {
        // Bytes of others that have not left must leave first.
        let may = !self.writing && self.leftover.is_none() && self.unsent.is_empty();
        if !(may && self.is_open()) {
            return false;
        }
        self.push(length, want, Owner::Caller(caller.clone()), now);
        self.count_caller();
        self.writing = true;
        // Before the write, as for a caller that is alone.
        self.offered = self.queued;
        true
    }

    /// Whether a request of a caller may be appended.
    #[inline]
    fn accepts(&self, leased: bool) -> bool {
        // A lease finishes its WATCH .. EXEC on the connection that it began on, even while that drains.
        self.is_open() || leased && self.held && self.is_draining()
    }

    #[inline]
    fn count_caller(&mut self) {
        self.live += 1;
        // Not the callers of this moment alone: of many that take turns hardly any may wait just now.
        self.crowd = (self.crowd.saturating_sub(1)).max(self.live * LATELY);
    }

    /// Appends a request of a caller that finds the connection open and quiet, and gives it both roles: it
    /// writes the request from where it is, `length` bytes, and reads. `None`: nothing was appended.
    ///
    /// The write role goes back with [`return_alone`](Self::return_alone), or with
    /// [`batch_of`](Self::batch_of) and the batch.
    #[inline]
    pub(crate) fn enqueue_alone(
        &mut self,
        length: usize,
        want: usize,
        caller: &C,
        now: Instant,
    ) -> Option<Box<Inbound>> {
        // Bytes of others that have not left must leave first.
        if !(self.is_open() && self.is_quiet() && self.unsent.is_empty()) {
            return None;
        }
        let inbound = self.inbound.take()?;
        self.leader = Some(caller.clone());
        self.push(length, want, Owner::Caller(caller.clone()), now);
        self.live += 1;
        self.writing = true;
        // Before the write: from here on the bytes may be on their way, whatever the writer reports.
        self.offered = self.queued;
        Some(inbound)
    }

    /// Appends a request of the client itself, which expects one reply. `None`: the phase accepts none.
    pub(crate) fn enqueue_internal(&mut self, bytes: &[u8], now: Instant) -> Option<Ticket> {
        if !self.takes_internal() {
            return None;
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.append(bytes.into(), 1, Owner::Internal(ticket), now);
        Some(ticket)
    }

    #[inline(never)]
    fn append(&mut self, parts: Parts<'_>, want: usize, owner: Owner<C>, now: Instant) {
        (parts.iter()).for_each(|part| self.unsent.extend_from_slice(part));
        self.push(parts.len(), want, owner, now);
    }

    #[inline(always)]
    fn push(&mut self, length: usize, want: usize, owner: Owner<C>, now: Instant) {
        // The age of the connection's latest use decides whether it is looked at before the next write.
        self.last = Some(now);
        let start = self.queued;
        let end = start + length as u64;
        self.queued = end;
        let several = (want > 1).then(|| Several::of(want));
        self.pending.push_back(Pending {
            owner,
            start,
            end,
            several,
        });
        self.activity += 1;
    }

    /// Whether nothing is asked, and what is asked now can be written at once.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_idle() && !self.writing && self.leftover.is_none()
    }

    /// Whether nobody waits for anything, and what is asked now can be written at once. There may be replies to
    /// come that nobody wants any more.
    pub(crate) fn is_unused(&self) -> bool {
        self.pending.len() == self.abandoned && !self.writing && self.leftover.is_none()
    }

    /// Whether this request of the client itself is unanswered.
    pub(crate) fn awaits(&self, ticket: Ticket) -> bool {
        let mut owners = self.pending.iter().map(|pending| &pending.owner);
        owners.any(|owner| matches!(owner, Owner::Internal(other) if *other == ticket))
    }

    /// Takes the read role, if it is free, for a caller or (`None`) for who waits for no reply. Nobody
    /// reads after the end: whoever waits then, waits for the writer.
    #[inline]
    pub(crate) fn take_inbound(&mut self, leader: Option<&C>) -> Option<Box<Inbound>> {
        if self.has_ended() {
            return None;
        }
        let inbound = self.inbound.take()?;
        self.leader = leader.cloned();
        Some(inbound)
    }

    /// Gives the read role back.
    #[inline(always)]
    pub(crate) fn return_inbound(&mut self, inbound: Box<Inbound>) {
        self.inbound = Some(inbound);
        self.leader = None;
    }

    pub(crate) fn is_read_role_free(&self) -> bool {
        self.inbound.is_some()
    }

    /// The caller to appoint when a role is free and somebody needs it done: one that sleeps where an
    /// appointment reaches it.
    #[inline]
    pub(crate) fn successor(&self) -> Option<C> {
        let is_needed = self.live > 0 && (self.lacks_writer() || self.inbound.is_some());
        if !is_needed || self.has_ended() {
            return None;
        }
        self.pending
            .iter()
            .find_map(|pending| match &pending.owner {
                // Not the one that reads already: it would be asked to relieve itself.
                Owner::Caller(caller) if self.leader.as_ref() != Some(caller) => {
                    Some(caller.clone())
                }
                _ => None,
            })
    }

    /// Settles the request of a caller that has read one whole reply, which it keeps, if that is the request
    /// in front and the link is open, so that nothing else follows from it. False: nothing was settled.
    #[inline(always)]
    pub(crate) fn settle_own(&mut self, me: &C) -> bool {
        // A reply to the oldest request, which is this caller's and has one reply: nothing else is to be
        // done.
        let is_plain = self.is_open()
            && self.pending.front().is_some_and(|front| {
                front.several.is_none() && front.start < self.offered && front.is_of(me)
            });
        if is_plain {
            // Taken apart here, which costs less than its drop.
            if let Some(Pending {
                owner: Owner::Caller(caller),
                several: None,
                ..
            }) = self.pending.pop_front()
            {
                drop(caller);
            }
            self.live -= 1;
            self.activity += 1;
            self.answered = true;
            self.handle_arrival();
        }
        is_plain
    }

    /// Hands one reply to its owner: the first request in the order of the wire.
    #[inline]
    pub(crate) fn settle(&mut self, reply: Value) -> Settled<C> {
        self.activity += 1;
        self.handle_arrival();
        match self.pending.front_mut() {
            // A reply to bytes that have not left answers something else.
            Some(front) if front.start < self.offered => {
                self.answered = true;
                let outcome = match &mut front.several {
                    None => Outcome::One(reply),
                    // The server refuses the whole command: none of its confirmations comes.
                    Some(several) if several.confirmed_by.is_some() => Outcome::One(reply),
                    // What nobody wants is counted, and not kept.
                    Some(several) if matches!(front.owner, Owner::Nobody) && several.want > 1 => {
                        several.want -= 1;
                        return Settled::Kept;
                    }
                    Some(several) => {
                        // Kept until the last of them: after a failure the caller gets those that came.
                        several.got.push(reply);
                        if several.got.len() < several.want {
                            return Settled::Kept;
                        }
                        Outcome::Many(mem::take(&mut several.got))
                    }
                };
                self.complete(outcome)
            }
            _ => Settled::Unsolicited(reply),
        }
    }

    /// Settles the replies in front at once that are those of a caller which waits for several: all but the last
    /// that it waits for, which completes it, and up to one that may say something of the server. The rest is
    /// left to [`settle`](Self::settle).
    pub(crate) fn settle_several(&mut self, replies: &mut vec::Drain<'_, Value>) {
        let Some(front) = self.pending.front_mut() else {
            return;
        };
        let is_wanted = matches!(front.owner, Owner::Caller(_)) && front.start < self.offered;
        let several = front.several.as_mut().filter(|_| is_wanted);
        let Some(several) = several.filter(|several| several.confirmed_by.is_none()) else {
            return;
        };
        let most = several.want.saturating_sub(several.got.len() + 1);
        let is_silent = |reply: &&Value| !matches!(reply, Value::Error(_) | Value::Attributed(_));
        let silent = replies.as_slice().iter().take(most).take_while(is_silent);
        let count = silent.count();
        several.got.extend(replies.take(count));
        if count > 0 {
            self.activity += count as u64;
            self.answered = true;
            self.handle_arrival();
        }
    }

    #[inline]
    fn complete(&mut self, outcome: Outcome) -> Settled<C> {
        let Some(Pending { owner, .. }) = self.pending.pop_front() else {
            return Settled::Unsolicited(Value::Nil);
        };
        match owner {
            Owner::Caller(caller) => {
                self.live -= 1;
                Settled::Completed(caller, outcome)
            }
            Owner::Internal(ticket) => Settled::Internal(ticket, outcome),
            Owner::Nobody => {
                self.abandoned -= 1;
                Settled::Kept
            }
        }
    }

    /// Something has arrived: a reply, a part of one, or a push. A writer may be in the socket with bytes that
    /// leave only now: they count as sent before, and the next command that times out does not.
    #[inline(always)]
    pub(crate) fn handle_arrival(&mut self) {
        self.heard = self.paused.unwrap_or(self.offered);
    }

    /// Gives up waiting. `None`: the request has been settled.
    ///
    /// A request of which no byte has left is withdrawn, and nothing else changes. Any other keeps
    /// its place, so that its late reply reaches nobody. The connection serves on if something has arrived
    /// since the whole request was written, so that it is known to be alive; else it accepts nothing new. It accepts
    /// nothing new either once [`MOST_ABANDONED`] requests wait for replies that nobody wants.
    pub(crate) fn abandon(&mut self, caller: &C) -> Option<Failure> {
        let offered = self.offered;
        let at = self
            .pending
            .iter()
            .position(|pending| pending.is_of(caller))?;
        self.live -= 1;
        let pending = self.pending.get_mut(at)?;
        // Not a byte of it has been offered to the socket: as if it had never been.
        if pending.start >= offered {
            self.withdraw(at);
            return Some(Failure {
                reason: None,
                got: Vec::new(),
                sent: 0,
            });
        }
        // The place stays, so that its late reply is counted off and reaches nobody.
        pending.owner = Owner::Nobody;
        let got = match &mut pending.several {
            None => Vec::new(),
            Some(several) => {
                // The rest of the replies must still be consumed.
                several.want -= several.got.len().min(several.want - 1);
                mem::take(&mut several.got)
            }
        };
        self.abandoned += 1;
        // A library above the socket may hide that a writer left a part of this request behind.
        let rest = self.leftover.as_ref().map_or(u64::MAX, Batch::accepted);
        let is_alive = pending.end <= self.heard.min(rest);
        if is_alive && self.abandoned < MOST_ABANDONED {
            return Some(Failure {
                reason: None,
                got,
                sent: pending.end - pending.start,
            });
        }
        let sent = if self.live == 0 {
            // Nobody needs the rest to be written, and then nobody may: it was not sent.
            self.leftover = None;
            self.unsent = Vec::new();
            offered.min(pending.end) - pending.start
        } else {
            // Another writer will write the rest.
            pending.end - pending.start
        };
        self.condemn();
        Some(Failure {
            reason: None,
            got,
            sent,
        })
    }
}
