//! What has arrived, handed to its owners: replies to those who wait, pushes to their routes. Does not
//! read the socket.
//!
//! All replies of one read are settled under one lock, unless pushes part them: then those in front of a
//! push are settled before it is handed on, without the lock.

use super::in_flight::{InFlight, Outcome, Settled, Ticket};
use super::routes::{is_confirmation, is_message};
use super::waiter::Handle;
use super::{EndReason, Inbound, Link, end_under};
use crate::handoff::estranged::Estrangement;
use crate::protocol::{Frame, Malformed, Push, Value};
use crate::sync::Ordering;
use std::mem;

/// How far the reader is.
pub(super) enum Progress {
    /// The link has ended.
    Over,
    /// The caller's own outcome; the read role was given back.
    Mine(Outcome),
    /// More must be read.
    Reading(Box<Inbound>),
}

/// What a batch of replies has led to.
#[derive(Default)]
struct Settlement {
    /// The outcome of the caller that reads.
    mine: Option<Outcome>,
    /// Other callers, who have their outcome and are to be woken without the lock.
    completed: Vec<Handle>,
    /// Replies to requests of the client itself.
    internal: Vec<(Ticket, Outcome)>,
    estranged: Option<Estrangement>,
    /// What a server has told that is monitored.
    lines: Vec<Value>,
}

impl Link {
    /// Decodes all that has arrived and hands it to its owners, in the order of the wire.
    #[inline(always)]
    pub(super) fn digest(&self, mut inbound: Box<Inbound>, me: Option<&Handle>) -> Progress {
        let is_fresh = mem::take(&mut inbound.is_fresh);
        let sole = me.and_then(|me| Some((me, inbound.sole_reply()?)));
        let next = match sole {
            // What a caller gets that has the link to itself.
            Some((me, reply)) => {
                // One lock for settling and for giving the read role back.
                let mut in_flight = self.in_flight.lock();
                if in_flight.settle_own(me) {
                    self.hand_back(in_flight, inbound);
                    return Progress::Mine(Outcome::One(reply));
                }
                Ok(Some(Frame::Reply(reply)))
            }
            None => inbound.next(),
        };
        self.digest_all(inbound, next, me, is_fresh)
    }

    /// As [`digest`](Self::digest), where `next` has been decoded already. `is_fresh`: bytes were read for it.
    #[inline(never)]
    fn digest_all(
        &self,
        mut inbound: Box<Inbound>,
        mut next: Result<Option<Frame>, Malformed>,
        me: Option<&Handle>,
        is_fresh: bool,
    ) -> Progress {
        let mut settled = Settlement::default();
        let mut broken = None;
        // Replies were settled already, in front of a push.
        let mut parted = false;
        // In time: what one read brings at most is no line that is too long.
        if self.monitors.load(Ordering::Relaxed) {
            inbound.allow_long_lines();
        }
        loop {
            if self.may_be_message(&next) {
                next = next.map(|frame| frame.map(read_array));
            }
            match next {
                Ok(Some(Frame::Reply(reply))) => inbound.replies.push(reply),
                Ok(Some(Frame::Push(push))) => {
                    // Replies in front of a push are settled before it is handed on: the order of the
                    // wire.
                    if !inbound.replies.is_empty() {
                        parted = true;
                        if let Err(reason) = self.settle_ahead(&mut inbound, me, &mut settled) {
                            broken = Some(reason);
                            break;
                        }
                    }
                    let confirms = confirmation(&push);
                    // With no lock held: it may end in the coordinator's queue.
                    self.routes.hand_on(self, push);
                    if let Some(kind) = confirms {
                        parted = true;
                        // After it was handed on: whoever has asked finds that its route knows.
                        self.settle_confirmed(&kind, me, &mut settled);
                    }
                }
                Ok(None) => break,
                Err(malformed) => {
                    broken = Some(EndReason::Malformed(malformed));
                    break;
                }
            }
            inbound.take_ready();
            next = inbound.next();
        }
        if inbound.replies.is_empty() && broken.is_none() && !parted {
            if is_fresh {
                // A part of a long reply, or a push.
                self.in_flight.lock().handle_arrival();
            }
            return Progress::Reading(inbound);
        }
        let mut in_flight = self.in_flight.lock();
        if let Err(reason) = self.settle(&mut in_flight, &mut inbound, me, &mut settled) {
            broken = Some(reason);
        }
        let Settlement {
            mine,
            completed,
            internal,
            estranged,
            lines,
        } = settled;
        let finished = in_flight.is_finished();
        if mine.is_none() && finished.is_none() && broken.is_none() {
            drop(in_flight);
            self.report(estranged);
            completed.iter().for_each(|waiter| waiter.wake());
            self.report_answers(internal);
            self.hand_on_lines(lines);
            return Progress::Reading(inbound);
        }
        // What is behind a broken reply belongs to nobody.
        inbound.replies.clear();
        // Under the same lock: nobody may read on behind a reply that was not to be.
        let reason = broken.or_else(|| finished.map(EndReason::Closed));
        let ending = reason.and_then(|reason| end_under(&mut in_flight, &reason));
        self.hand_back(in_flight, inbound);
        self.report(estranged);
        completed.iter().for_each(|waiter| waiter.wake());
        self.report_answers(internal);
        self.hand_on_lines(lines);
        if ending.is_some() {
            self.finish(ending);
        }
        mine.map_or(Progress::Over, Progress::Mine)
    }

    /// Settles the replies in front of a push, before the push is handed on. Whoever reads keeps the read
    /// role, even if its own reply is among them: the push belongs to what it has read.
    #[cold]
    #[inline(never)]
    fn settle_ahead(
        &self,
        inbound: &mut Inbound,
        me: Option<&Handle>,
        settled: &mut Settlement,
    ) -> Result<(), EndReason> {
        let mut in_flight = self.in_flight.lock();
        self.settle(&mut in_flight, inbound, me, settled)?;
        drop(in_flight);
        self.report(settled.estranged.take());
        settled.completed.drain(..).for_each(|waiter| waiter.wake());
        self.report_answers(mem::take(&mut settled.internal));
        self.hand_on_lines(mem::take(&mut settled.lines));
        Ok(())
    }

    /// Counts a confirmation for the request that it answers.
    #[cold]
    #[inline(never)]
    fn settle_confirmed(&self, kind: &[u8], me: Option<&Handle>, settled: &mut Settlement) {
        let mut in_flight = self.in_flight.lock();
        if let Settled::Completed(waiter, outcome) = in_flight.confirm(kind) {
            if me == Some(&waiter) {
                settled.mine = Some(outcome);
            } else {
                // Rank 3 -> 4.
                waiter.deliver(outcome);
                settled.completed.push(waiter);
            }
        }
    }

    /// Whether this may be a message although it looks like a reply: on a link that has subscribed with RESP2,
    /// which has no pushes, they come as arrays.
    #[inline(always)]
    fn may_be_message(&self, next: &Result<Option<Frame>, Malformed>) -> bool {
        matches!(next, Ok(Some(Frame::Reply(Value::Array(_)))))
            && self.subscribed.load(Ordering::Relaxed)
    }

    /// Hands the decoded replies to their owners, under the lock. An error: one of them has none.
    #[inline]
    fn settle(
        &self,
        in_flight: &mut InFlight<Handle>,
        inbound: &mut Inbound,
        me: Option<&Handle>,
        settled: &mut Settlement,
    ) -> Result<(), EndReason> {
        let mut replies = inbound.replies.drain(..);
        while let Some(reply) = replies.next() {
            // Only an error can say that the server is no longer a master.
            if let Value::Error(_) | Value::Attributed(_) = &reply {
                let seen = || Estrangement::of(&reply, self.peer(), &self.via);
                settled.estranged = settled.estranged.or_else(seen);
            }
            match in_flight.settle(reply) {
                Settled::Completed(waiter, outcome) => {
                    if me == Some(&waiter) {
                        settled.mine = Some(outcome);
                    } else {
                        // Rank 3 -> 4: a waiter that is in no queue any more has its outcome.
                        waiter.deliver(outcome);
                        settled.completed.push(waiter);
                    }
                }
                Settled::Internal(ticket, outcome) => settled.internal.push((ticket, outcome)),
                // Those of a pipeline come one behind the other.
                Settled::Kept => in_flight.settle_several(&mut replies),
                // What a server tells that is monitored.
                Settled::Unsolicited(line) if self.monitors.load(Ordering::Relaxed) => {
                    settled.lines.push(line);
                }
                Settled::Unsolicited(_) => return Err(EndReason::Unsolicited),
            }
        }
        Ok(())
    }

    /// Reports replies to requests of the client itself.
    #[inline]
    fn report_answers(&self, answers: Vec<(Ticket, Outcome)>) {
        for (ticket, outcome) in answers {
            self.routes.supervisor.answered(self, ticket, outcome);
        }
    }

    /// Hands on what a server has told that is monitored, as pushes.
    #[inline]
    fn hand_on_lines(&self, lines: Vec<Value>) {
        for line in lines {
            self.hand_on_line(line);
        }
    }

    /// Reports what a reply has shown, unless it was reported before.
    fn report(&self, estranged: Option<Estrangement>) {
        if let Some(why) = estranged {
            let bit = why.bit();
            // Once for each link: a server that answers READONLY does so to every command.
            if self.estranged.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
                self.routes.supervisor.estranged(self, why);
            }
        }
    }

    /// What replies have shown so far.
    pub(crate) fn estrangements(&self) -> impl Iterator<Item = Estrangement> {
        let shown = self.estranged.load(Ordering::Relaxed);
        (Estrangement::ALL.into_iter()).filter(move |why| shown & why.bit() != 0)
    }
}

/// The kind of a push that answers a subscription.
fn confirmation(push: &Push) -> Option<Vec<u8>> {
    is_confirmation(&push.kind).then(|| push.kind.clone())
}

/// What a frame is on a link that has subscribed with RESP2: an array is a push if its first element says so, or a
/// reply such as that of `PING`. Only whole frames come here, so that no value inside of a reply is taken for a
/// message.
#[cold]
#[inline(never)]
fn read_array(frame: Frame) -> Frame {
    let Frame::Reply(Value::Array(items)) = frame else {
        return frame;
    };
    let is_push = (items.first())
        .and_then(Value::as_bytes)
        .is_some_and(is_message);
    if !is_push {
        return Frame::Reply(Value::Array(items));
    }
    let mut items = items.into_iter();
    let kind = items.next().and_then(|kind| kind.into_bytes().ok());
    Frame::Push(Push {
        kind: kind.unwrap_or_default(),
        args: items.collect::<Vec<_>>().into(),
    })
}
