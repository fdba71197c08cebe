//! How a node ends commands that block on a server: those whose connection was replaced or is about to be closed, so
//! that their callers ask again on another, and those that were cancelled. Decides nothing: the state of each call
//! does. Runs on the coordinator's thread.
//!
//! ```text
//!   a call wants it ──> a shared link of the same server ──> the answer comes as a report
//!                  \──> none is there: a worker dials that server, and ends all that want it
//! ```
//!
//! Which links lead to the same server is told by their addresses and by `origins`: behind one address there may be
//! another server by now, which has given the same number to somebody else.

use super::{Context, Node};
use crate::engine::origins::{Dial, Origins};
use crate::engine::unblock;
use crate::engine::worker::{Purpose, Task};
use crate::error::CloseReason;
use crate::handoff::later;
use crate::handoff::planner::{Job, JobKind, Target};
use crate::ids::LinkId;
use crate::link::{EndReason, Link, Ticket};
use crate::pool::{Answer, BlockingCall, Entry, Step};
use crate::protocol::{Endpoint, Value};
use crate::sync::Arc;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// An UNBLOCK that has no answer after this counts as lost: as long as its caller waits for the answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a worker may take to reach a server and to end commands there. A server that moves may be slow.
const DIAL: Duration = Duration::from_secs(5);

/// An UNBLOCK under way on a link of the pool.
#[derive(Debug)]
struct Ask {
    by: LinkId,
    ticket: Ticket,
    call: Arc<BlockingCall>,
    until: Instant,
}

/// A worker that ends commands by a connection of its own.
#[derive(Debug)]
struct Errand {
    stop: Arc<AtomicBool>,
    peer: Option<SocketAddr>,
    /// Of which links it may.
    first: Option<LinkId>,
}

/// What goes on for the commands of a node that are to end.
#[derive(Debug, Default)]
pub(super) struct Unblocks {
    asks: Vec<Ask>,
    /// A worker is under way, one at a time.
    errand: Option<Errand>,
    /// Which links lead to the same server.
    pub(super) origins: Origins,
    next: Option<Instant>,
}

impl Unblocks {
    /// Takes out those of which this is true.
    fn take(&mut self, which: impl Fn(&Ask) -> bool) -> Vec<Ask> {
        let (taken, rest) = self.asks.drain(..).partition(which);
        self.asks = rest;
        taken
    }

    /// The worker is done.
    pub(super) fn dial_ended(&mut self) {
        self.errand = None;
    }

    /// Makes the worker stop, if one is under way.
    pub(super) fn stop(&self) -> Option<&AtomicBool> {
        self.errand.as_ref().map(|errand| errand.stop.as_ref())
    }

    /// Makes the worker stop if it may have set out for another server than it was sent to.
    fn recall(&self) {
        if let Some(Errand { stop, peer, first }) = &self.errand {
            if self.origins.first_reached(*peer) != *first {
                stop.store(true, Ordering::SeqCst);
            }
        }
    }

    /// When to look again.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let asks = self.asks.iter().map(|ask| ask.until);
        asks.chain(self.next).min()
    }
}

impl Node {
    /// Looks at all commands that block, and does what is due for them.
    pub(super) fn look_at_blocked(&mut self, now: Instant, context: &Context) {
        for late in self.unblocks.take(|ask| ask.until <= now) {
            late.call.answered(now, Answer::Lost);
        }
        self.unblocks.next = None;
        let calls = self
            .entries()
            .dedicated()
            .iter()
            .filter_map(Entry::blocking);
        for call in calls.collect::<Vec<_>>() {
            loop {
                match call.step(now, false) {
                    Some((Step::Ask, link)) => {
                        let answer = self.unblock(now, &call, &link, context);
                        let Some(answer) = answer else { break };
                        // Said at once: what follows from it is found at the next pass.
                        call.answered(now, answer);
                    }
                    Some((Step::End, link)) => {
                        link.end(EndReason::Closed(CloseReason::Cancelled));
                        break;
                    }
                    Some((Step::Wait(at), _)) => {
                        let next = self.unblocks.next.into_iter().chain(at);
                        self.unblocks.next = next.min();
                        break;
                    }
                    None => break,
                }
            }
        }
        self.let_go();
    }

    /// Lets go of links that were kept for commands that block, where none does any more, or another is a way too.
    fn let_go(&self) {
        let mut ways: Vec<&Arc<Link>> = Vec::new();
        let origins = &self.unblocks.origins;
        for kept in self.links.values().filter(|link| link.is_kept()) {
            let peer = kept.peer();
            let is_same = |link: &Link| origins.are_same(peer, link.id(), kept.id());
            let is_one = (ways.iter()).any(|way| way.peer() == peer && is_same(way));
            if is_one || !unblock::is_way(self.entries(), kept, is_same) {
                kept.let_go();
            } else {
                ways.push(kept);
            }
        }
    }

    /// Has a command ended. `None`: its answer comes later.
    fn unblock(
        &mut self,
        now: Instant,
        call: &Arc<BlockingCall>,
        link: &Arc<Link>,
        context: &Context,
    ) -> Option<Answer> {
        if let Some(why) = call.stays() {
            return Some(Answer::Refused(why.to_owned()));
        }
        let Ok(id) = link.client_id() else {
            let why = "the server does not say the number of the connection (CLIENT ID)";
            return Some(Answer::Refused(why.to_owned()));
        };
        // Its caller finds that out by itself; the server may have begun its numbers anew.
        if link.has_ended() {
            return Some(Answer::NotSent);
        }
        let peer = link.peer();
        let mut request = Vec::new();
        unblock::write(&mut request, id);
        // On one that is alone a command may block by now, and this would wait behind it.
        let is_shared = |other: &&Arc<Link>| !self.entries().is_dedicated(other.entry());
        let origins = &self.unblocks.origins;
        let is_same = |other: &&Arc<Link>| origins.are_same(peer, link.id(), other.id());
        let is_way = |other: &&Arc<Link>| {
            let leads_there = other.peer() == peer && is_same(other);
            leads_there && is_shared(other) && other.takes_internal()
        };
        let way = self.links.values().find(is_way);
        if let Some((by, ticket)) = way.and_then(|way| Some((way.id(), way.ask(&request)?))) {
            self.unblocks.asks.push(Ask {
                by,
                ticket,
                call: Arc::clone(call),
                until: later(now, PATIENCE),
            });
            return None;
        }
        match origins.dial((link.id(), peer)) {
            Dial::Leads => self.dial_to_unblock(now, link, peer, context),
            // It is looked at again before long, and the move goes on meanwhile.
            Dial::NotKnown => {}
            Dial::LeadsElsewhere => {
                let why = "the server has moved behind its address, so that no other connection is known to lead there";
                return Some(Answer::Refused(why.to_owned()));
            }
        }
        Some(Answer::NotSent)
    }

    /// Sends a worker to this server, past what leads elsewhere by now, unless one is under way.
    fn dial_to_unblock(
        &mut self,
        now: Instant,
        link: &Link,
        peer: Option<SocketAddr>,
        context: &Context,
    ) {
        let (Some(jobs), None) = (&context.jobs, &self.unblocks.errand) else {
            return;
        };
        let stop = Arc::new(AtomicBool::new(false));
        let end = later(now, DIAL);
        let first = self.unblocks.origins.first_reached(peer);
        let job = Job {
            entry: link.entry(),
            kind: JobKind::Move,
            target: peer.map_or(Target::Configured, Target::Address),
            avoid: Vec::new(),
            origin: None,
            handoff: None,
            front: None,
            shuns_replicas: false,
            connect_by: end,
            give_up: end,
        };
        let task = Task {
            port: Arc::clone(&self.port),
            job,
            purpose: Purpose::Unblock(first),
            stop: Arc::clone(&stop),
        };
        // A full queue: the call asks again after its pause.
        if jobs.try_send(task).is_ok() {
            self.unblocks.errand = Some(Errand { stop, peer, first });
        }
    }

    /// A request of the client itself was answered: an UNBLOCK, or what is of no interest here.
    pub(super) fn on_answer(&mut self, now: Instant, by: LinkId, ticket: Ticket, reply: &Value) {
        let is_it = |ask: &Ask| ask.by == by && ask.ticket == ticket;
        for ask in self.unblocks.take(is_it) {
            ask.call.answered(now, unblock::judge(reply));
        }
        self.look_again(now);
    }

    /// A move is announced.
    pub(super) fn on_move(&mut self, from: Option<SocketAddr>, to: Option<&Endpoint>) {
        if let Some(newest) = self.links.keys().next_back() {
            self.unblocks.origins.handle_move(from, to, *newest);
            self.unblocks.recall();
        }
    }

    /// A link is about to serve. By its order, before it is among the links.
    pub(super) fn on_way_found(&mut self, new: &Link) {
        let is_old = |old: &&Arc<Link>| {
            // One that was lost is not replaced: the entry is filled.
            let is_replaced = old.is_open() || old.is_draining();
            old.entry() == new.entry() && old.id() < new.id() && is_replaced
        };
        // The latest: those before it were replaced by it.
        let old = self.links.values().rev().find(is_old);
        let old = old.map(|old| (old.id(), old.peer()));
        let new = (new.id(), new.peer());
        let origins = &mut self.unblocks.origins;
        match old {
            Some(old) => origins.handle_replaced(old, new),
            None => origins.handle_filled(new),
        }
        self.unblocks.recall();
    }

    /// A link has ended: what was asked on it is not answered any more.
    pub(super) fn on_way_lost(&mut self, now: Instant, link: LinkId) {
        let oldest = self.links.keys().next().copied();
        self.unblocks.origins.forget(oldest);
        let lost = self.unblocks.take(|ask| ask.by == link);
        for ask in &lost {
            ask.call.answered(now, Answer::Lost);
        }
        // Whoever blocked on it may have been the last for whom another is kept.
        if !lost.is_empty() || self.links.values().any(|link| link.is_kept()) {
            self.look_again(now);
        }
    }

    /// Something was said of a command: it is looked at when this message is done.
    fn look_again(&mut self, now: Instant) {
        self.unblocks.next = Some(now);
    }

    /// The server of a link is about to close it.
    pub(super) fn on_last_call(
        &mut self,
        now: Instant,
        link: LinkId,
        until: Instant,
        context: &Context,
    ) {
        if let Some(link) = self.links.get(&link) {
            link.call_last(until);
            self.look_at_blocked(now, context);
        }
    }
}
