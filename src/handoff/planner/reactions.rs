//! How the planner reacts to what workers, links and the resolver report. Offers nothing: that is
//! for the schedule, which runs after every input.

use super::action::{
    Action, Ending, Event, FailureKind, JobFailure, JobKind, LinkId, LinkUp, SlotId,
};
use super::entry::{Entry, ReleasedFirst};
use super::handoff::{Destination, HandoffId};
use super::search::LOOK;
use super::state::{Assignment, Live, PendingMove, Phase};
use super::{Draining, Planner, interrupts, notices};
use crate::handoff::backoff::Backoff;
use crate::handoff::breaker::{BreakerState, Permit};
use crate::handoff::{canonical, later};
use crate::protocol::Endpoint;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A draining link is asked to end this long before its server may close it.
const CLOSE_AHEAD: Duration = Duration::from_millis(500);
/// A draining link is ended this long after its server was to close it.
const HARD_END: Duration = Duration::from_secs(5);
/// Between attempts to reach a target.
pub(super) const RETRY: Backoff = Backoff {
    floor: Duration::from_millis(250),
    cap: Duration::from_secs(2),
};

/// What a job says about the endpoint that it dialled.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Failure,
    Success,
    Withdrawal,
}

/// A link that has just come up.
#[derive(Debug)]
struct Arrival {
    slot: SlotId,
    peer: Option<SocketAddr>,
    dialled_at: Instant,
    /// Why the link before it was to be replaced, if it leads on from there.
    pending: Option<PendingMove>,
    /// The handoff whose job brought it.
    by: Option<HandoffId>,
    /// The handoff that has replaced that one meanwhile, and leads elsewhere.
    owed: Option<HandoffId>,
}

impl Planner {
    /// A link has ended.
    pub(super) fn on_link_down(
        &mut self,
        now: Instant,
        slot: SlotId,
        link: LinkId,
        ending: Ending,
    ) {
        self.draining.retain(|old| old.link != link);
        let mine = self.entries.get_mut(slot);
        if let Some(old) = mine.and_then(|slot| slot.released_first.as_mut()) {
            old.ended |= old.link == link;
        }
        self.on_link_unusable(now, slot, link, ending);
    }

    /// A link takes no command any more, and may have some to answer.
    pub(super) fn on_link_unusable(
        &mut self,
        now: Instant,
        slot: SlotId,
        link: LinkId,
        ending: Ending,
    ) {
        if let Some(slot) = self.entries.get_mut(slot) {
            if let Some(live) = slot.state.live().filter(|live| live.link == link) {
                if ending != Ending::Planned {
                    slot.lost = live.peer;
                    let died_young = ending == Ending::Unproved
                        && (self.refill).handle_death(now, live.up_at, &mut self.jitter);
                    if !died_young {
                        let pace = self.refill.pace();
                        slot.renewal.handle_loss(now, pace, &mut self.jitter);
                    }
                    slot.eager = true;
                }
                slot.state.handle_down();
            }
        }
    }

    pub(super) fn on_link_up(&mut self, now: Instant, up: LinkUp) {
        let peer = up.peer.map(canonical);
        let Some(slot) = self.entries.get_mut(up.slot) else {
            return;
        };
        let dialled_at = slot.state.assignment().map_or(now, |job| job.offered_at);
        let live = Live {
            link: up.link,
            peer,
            opted_in: up.opted_in,
            via: up.via.clone(),
            up_at: now,
            dialled_at,
            estranged: None,
        };
        let (old, mut pending, job) = slot.state.handle_up(live);
        // A look moves nothing: the slot finds its server again.
        pending = pending.filter(|pending| pending.handoff != LOOK);
        slot.wanted = false;
        slot.eager = false;
        slot.lost = None;
        let released_first = slot.released_first.take();
        let was_look = self.end_look(up.slot);
        self.on_look_ended(was_look, up.is_replica);
        self.refill.handle_success();
        self.blocked_until = None;
        self.watch_idleness(now, up.slot);
        if let Some(addr) = peer {
            if up.via == self.settings.configured {
                self.lookups.note_listed(addr.ip());
                self.lookups.note_answer(&up.listed);
            } else {
                self.redirects.handle_landed(&up.via, addr);
            }
        }
        let mut close = None;
        let mut owed = None;
        let by = job.as_ref().and_then(|job| job.handoff).map(|(id, _)| id);
        if let Some(job) = job {
            match job.permit {
                Some(permit) => self.settle_permit(now, &job.to, permit, Outcome::Success),
                None => self.note_reached(&job.to),
            }
            if let Some((id, retiring)) = job.handoff {
                close = self.on_moved(now, id, &job.to, peer);
                owed = self.debt(id, retiring, &up.via);
            }
        }
        if let Some(old) = old {
            self.drain(now, old.link, close);
            if pending.is_some() {
                if let Some(slot) = self.entries.get_mut(up.slot) {
                    slot.handle_hop(now);
                }
                let began = pending.as_ref().and_then(|pending| pending.began);
                self.publish(Event::SlotMoved {
                    slot: up.slot,
                    from: old.peer,
                    to: peer,
                    took: now.saturating_duration_since(began.unwrap_or(dialled_at)),
                });
            }
        } else if let Some(old) = released_first {
            if old.from == peer && peer.is_some() {
                // Back where it was: no move, and its attempts count on.
                pending = Some(old.pending);
            } else {
                self.publish(Event::SlotMoved {
                    slot: up.slot,
                    from: old.from,
                    to: peer,
                    took: now.saturating_duration_since(old.since),
                });
            }
        }
        if self.windows.relaxed_until(peer, now).is_some() {
            // The link has been told nothing so far.
            self.relax(now, notices::scope_of(peer));
        }
        if let Some(peer) = peer {
            self.reinstate_newer(now, peer, by);
        }
        self.on_arrival(
            now,
            Arrival {
                slot: up.slot,
                peer,
                dialled_at,
                pending,
                by,
                owed,
            },
        );
    }

    /// A job of this handoff brought a link. Returns when the link it replaces is to end.
    fn on_moved(
        &mut self,
        now: Instant,
        id: HandoffId,
        to: &Endpoint,
        peer: Option<SocketAddr>,
    ) -> Option<Instant> {
        let handoff = self.handoffs.iter_mut().find(|op| op.id == id)?;
        let (cause, deadline) = (handoff.cause(), handoff.deadline);
        let arrived = handoff.retiring.is_none()
            || handoff.retiring != peer
            || handoff.destination == Destination::Configured;
        if arrived {
            handoff.handle_reached(to, peer);
            if let (Some(retiring), Destination::Resolved(_)) =
                (handoff.retiring, &handoff.destination)
            {
                self.redirects.forget_target(retiring);
            }
        }
        let scope = notices::scope_of(peer);
        self.windows.trail(now, scope, cause);
        self.relax(now, scope);
        Some(deadline)
    }

    /// The handoff that has replaced the one whose job just ended, if that leads elsewhere.
    fn debt(
        &self,
        id: HandoffId,
        retiring: Option<SocketAddr>,
        via: &Endpoint,
    ) -> Option<HandoffId> {
        if self.handoffs.iter().any(|op| op.id == id) {
            return None;
        }
        let newer = self
            .handoffs
            .iter()
            .find(|op| op.retiring == retiring && op.is_active())?;
        match &newer.destination {
            Destination::Announced(endpoint) if endpoint != via => Some(newer.id),
            _ => None,
        }
    }

    /// A newer handoff has led to `peer`, whatever an older one said about it: what was said last
    /// counts, so that address is in use again.
    fn reinstate_newer(&mut self, now: Instant, peer: SocketAddr, by: Option<HandoffId>) {
        let older = self
            .handoffs
            .iter()
            .find(|op| op.retiring == Some(peer))
            .map(|op| op.id);
        if older.is_some() && older < by {
            self.redirects.reinstate(peer);
            self.supersede(now, Some(peer));
        }
    }

    /// A link is up: does it have to go on?
    fn on_arrival(&mut self, now: Instant, arrival: Arrival) {
        let mut lost = None;
        let retires = self.handoffs.iter_mut().find(|op| {
            (op.retiring.is_some() || op.destination == Destination::Configured)
                && op.retiring == arrival.peer
                && now < op.give_up
                && op.concerns(arrival.dialled_at)
        });
        let pending = match retires {
            Some(handoff) => {
                if arrival.by == Some(handoff.id)
                    && matches!(handoff.destination, Destination::Announced(_))
                {
                    // The named place is the retiring one: it names nothing.
                    handoff.led_back = true;
                    lost = Some(handoff.id);
                } else if !handoff.is_active() {
                    handoff.reopen();
                }
                let again = arrival
                    .pending
                    .filter(|pending| pending.handoff == handoff.id);
                let mut pending = again.unwrap_or_else(|| PendingMove::new(handoff.id));
                pending.attempts = pending.attempts.saturating_add(1);
                Some(pending)
            }
            None => arrival.owed.map(PendingMove::new),
        };
        if let (Some(pending), Some(slot)) = (pending, self.entries.get_mut(arrival.slot)) {
            slot.state.mark_for(pending);
        }
        if let Some(id) = lost {
            self.lose_target(id);
        }
    }

    pub(super) fn drain(&mut self, now: Instant, link: LinkId, deadline: Option<Instant>) {
        let deadline = deadline
            .unwrap_or_else(|| later(now, self.settings.handoff_timeout))
            .max(now);
        let close_at = deadline.checked_sub(CLOSE_AHEAD).unwrap_or(now).max(now);
        let hard_end = later(deadline, HARD_END);
        self.draining.push(Draining {
            link,
            close_at,
            hard_end,
            asked: false,
            forced: false,
        });
    }

    pub(super) fn on_job_failed(&mut self, now: Instant, slot: SlotId, failure: JobFailure) {
        let Some(mut job) = self.entries.get_mut(slot).and_then(|s| s.state.settle()) else {
            return;
        };
        let reached = failure.reached.map(canonical);
        if let Some(permit) = job.permit.take() {
            let outcome = match failure.kind {
                kind if kind.blames_endpoint() => Outcome::Failure,
                kind if kind.is_too_early() => Outcome::Success,
                _ => Outcome::Withdrawal,
            };
            self.settle_permit(now, &job.to, permit, outcome);
        }
        if failure.kind == FailureKind::Withdrawn {
            self.on_job_withdrawn(now, slot, &job);
            return;
        }
        let landed = reached.filter(|_| failure.kind == FailureKind::Retiring);
        if failure.kind == FailureKind::Forbidden {
            self.on_forbidden(&job.to);
        }
        match job.handoff {
            Some((id, _)) if failure.kind.is_too_early() => {
                self.on_too_early(now, slot, id, failure.kind, job.offered_at);
                self.release_orphans();
                return;
            }
            None if job.kind == JobKind::Move => {
                self.on_look_failed(now, slot, failure.kind);
                if failure.kind.is_too_early() {
                    return;
                }
            }
            Some((id, _)) if job.kind == JobKind::Move => {
                let full = failure.kind == FailureKind::Full;
                if job.probe && failure.kind.turns_away() {
                    self.note_turned_away(id, true);
                }
                if !(full && self.try_release_first(now, slot, id)) {
                    if failure.kind.turns_away() {
                        self.note_turned_away(id, false);
                    }
                    self.on_move_failed(now, slot, id, job.offered_at, landed);
                }
            }
            _ => {
                if let Some((id, _)) = job.handoff {
                    let old = self
                        .entries
                        .get(slot)
                        .and_then(|slot| slot.released_first.as_ref());
                    let first = old.is_some_and(|old| old.tries == 1);
                    if first && failure.kind.turns_away() {
                        // It gave way in vain.
                        self.note_turned_away(id, true);
                    }
                    let mut handoffs = self.handoffs.iter_mut();
                    if let Some(handoff) = handoffs.find(|op| op.id == id) {
                        handoff.handle_miss(now, job.offered_at, &mut self.jitter);
                    }
                }
                if let Some(addr) = landed {
                    self.redirects.handle_reached(addr);
                }
                let configured = job.to == self.settings.configured;
                let is_full = failure.kind == FailureKind::Full;
                if self.is_dedicated(slot) && is_full && configured {
                    // The server works: it has no room for this one caller more, who is told. A place
                    // that a server named may be full while the configured one is not.
                    self.handle_unwanted_alone(slot);
                } else {
                    (self.refill).handle_failure(now, job.offered_at, &mut self.jitter);
                }
            }
        }
        let (kind, to) = (job.kind, job.to);
        self.publish(Event::JobFailed {
            slot,
            kind,
            to,
            failure,
        });
    }

    fn note_turned_away(&mut self, id: HandoffId, probe: bool) {
        if let Some(handoff) = self.handoffs.iter_mut().find(|op| op.id == id) {
            handoff.handle_turned_away(probe);
        }
    }

    /// The place that this slot moves to has no room for one connection more. In the first half of the
    /// time that may change; after that the old link ends first, to make room; the last one that serves
    /// waits longer. None does so twice for one handoff. One slot shows whether that helps, and then a quarter of all at a time: the others
    /// serve.
    fn try_release_first(&mut self, now: Instant, at: SlotId, id: HandoffId) -> bool {
        let Some(handoff) = self.handoffs.iter().find(|op| op.id == id) else {
            return false;
        };
        let serving = |slot: &&Entry| slot.state.live().is_some();
        let shared = self.entries.iter().take(self.settings.slots);
        let is_last = shared.filter(serving).count() < 2;
        let from = if is_last {
            handoff.late()
        } else {
            handoff.half
        };
        let most = if handoff.moved == 0 {
            1
        } else {
            // Dedicated slots serve nobody but their callers: a quarter of those that serve all.
            (self.settings.slots / 4).max(1)
        };
        let may = handoff.is_active() && now >= from;
        let (attempts, pause_end) = match self.entries.get(at).and_then(|slot| slot.state.pending())
        {
            Some(pending) => {
                let pause = RETRY.steady_delay(pending.attempts, &mut self.jitter);
                (pending.attempts, handoff.pause_end(now, pause))
            }
            None => return false,
        };
        let deadline = handoff.deadline;
        let gone = |slot: &&Entry| slot.released_first_for(id);
        if !may || self.entries.iter().filter(gone).count() >= most {
            return false;
        }
        let Some(slot) = self.entries.get_mut(at) else {
            return false;
        };
        if slot.yielded == Some(id) {
            return false;
        }
        let mine = slot.state.pending().filter(|pending| pending.handoff == id);
        let (Some(live), Some(mine)) = (slot.state.live(), mine) else {
            return false;
        };
        let link = live.link;
        let mut pending = mine.clone();
        pending.attempts = attempts.saturating_add(1);
        pending.not_before = Some(pause_end);
        slot.released_first = Some(ReleasedFirst {
            link,
            from: live.peer,
            since: pending.began.unwrap_or(now),
            pending,
            tries: 0,
            ended: false,
        });
        slot.yielded = Some(id);
        slot.eager = true;
        slot.state.handle_down();
        self.drain(now, link, Some(deadline));
        self.actions.push_back(Action::Retire { link });
        true
    }

    /// A job ended because it was to, or was never begun. A move starts again, but not before the fills
    /// for whose sake it was interrupted have had their turn.
    fn on_job_withdrawn(&mut self, now: Instant, slot: SlotId, job: &Assignment) {
        if job.handoff.is_none() && job.kind == JobKind::Move {
            return self.on_look_failed(now, slot, FailureKind::Withdrawn);
        }
        let mine = job.handoff.filter(|_| job.interrupted).map(|(id, _)| id);
        let mut handoffs = self.handoffs.iter_mut();
        let mut until = None;
        if let Some(handoff) = handoffs.find(|op| Some(op.id) == mine) {
            handoff.hung = true;
            until = Some(handoff.pause_end(now, interrupts::STAND_BACK));
            handoff.retry_at = until;
        }
        if let Some(slot) = self.entries.get_mut(slot) {
            slot.eager |= slot.state.phase() == Phase::Vacant;
            if let Some(pending) = slot.state.pending_mut() {
                pending.not_before = until.or(pending.not_before);
            }
        }
        self.release_orphans();
    }

    fn on_move_failed(
        &mut self,
        now: Instant,
        slot: SlotId,
        id: HandoffId,
        offered: Instant,
        landed: Option<SocketAddr>,
    ) {
        let mut reinstated = None;
        let mut lost = false;
        if let Some(handoff) = self.handoffs.iter_mut().find(|op| op.id == id) {
            if let Some(addr) = landed {
                let named = matches!(handoff.destination, Destination::Announced(_));
                if handoff.retiring == Some(addr) && named {
                    handoff.led_back = true;
                    lost = true;
                } else if self
                    .redirects
                    .retiring_since(addr, now)
                    .is_some_and(|since| since < handoff.first_seen)
                {
                    // What was said last counts: that address is in use again.
                    self.redirects.reinstate(addr);
                    reinstated = Some(addr);
                }
            }
            handoff.hung |= later(offered, interrupts::HANGS) <= now;
            handoff.handle_miss(now, offered, &mut self.jitter);
        }
        let handoff = self.handoffs.iter().find(|op| op.id == id);
        if let Some(slot) = self.entries.get_mut(slot) {
            if let Some(pending) = slot
                .state
                .pending_mut()
                .filter(|pending| pending.handoff == id)
            {
                let pause = RETRY.steady_delay(pending.attempts, &mut self.jitter);
                pending.attempts = pending.attempts.saturating_add(1);
                pending.not_before = handoff.map(|handoff| handoff.pause_end(now, pause));
                pending.blocked = false;
            }
            slot.eager |= slot.state.phase() == Phase::Vacant;
        }
        if reinstated.is_some() {
            self.supersede(now, reinstated);
        }
        if lost {
            self.lose_target(id);
        }
        self.release_orphans();
    }

    /// Slots that wait for a handoff that is over go on with their old links.
    fn release_orphans(&mut self) {
        for slot in &mut self.entries {
            let Some(pending) = slot.state.pending() else {
                continue;
            };
            let id = pending.handoff;
            if !self.handoffs.iter().any(|op| op.id == id && op.is_active()) {
                slot.state.unmark();
            }
        }
    }

    /// A breaker may admit more than it did.
    fn unblock(&mut self) {
        for pending in self
            .entries
            .iter_mut()
            .filter_map(|slot| slot.state.pending_mut())
        {
            if pending.blocked {
                pending.blocked = false;
                pending.not_before = None;
            }
        }
        for handoff in self.handoffs.iter_mut().filter(|op| op.blocked) {
            handoff.blocked = false;
            handoff.retry_at = None;
        }
    }

    /// A dial that no breaker was asked about has reached this endpoint: whoever waits for it need not.
    fn note_reached(&mut self, endpoint: &Endpoint) {
        let Some(breaker) = self.breakers.known(endpoint) else {
            return;
        };
        if breaker.state() == BreakerState::Closed {
            return;
        }
        breaker.handle_reached();
        self.unblock();
        self.publish(Event::BreakerChanged {
            endpoint: endpoint.clone(),
            state: BreakerState::Closed,
        });
    }

    fn settle_permit(
        &mut self,
        now: Instant,
        endpoint: &Endpoint,
        permit: Permit,
        outcome: Outcome,
    ) {
        let Some(breaker) = self.breakers.known(endpoint) else {
            return;
        };
        let before = breaker.state();
        match outcome {
            Outcome::Failure => breaker.handle_failure(now, permit),
            Outcome::Success => breaker.handle_success(now, permit),
            Outcome::Withdrawal => breaker.handle_withdrawal(permit),
        }
        let state = breaker.state();
        if !matches!(outcome, Outcome::Failure) {
            self.unblock();
        }
        if state != before {
            self.publish(Event::BreakerChanged {
                endpoint: endpoint.clone(),
                state,
            });
        }
    }
}
