//! How the planner reacts to what workers, links and the resolver report. Offers nothing: that is
//! for the schedule, which runs after every input.

use super::action::{
    Action, Ending, Event, FailureKind, JobFailure, JobKind, LinkId, LinkUp, SlotId,
};
use super::operation::{Aim, OperationId};
use super::search::LOOK;
use super::seat::{Assignment, Live, Mark, SeatState};
use super::slot::{GaveWay, Slot};
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
    mark: Option<Mark>,
    /// The operation whose job brought it.
    by: Option<OperationId>,
    /// The operation that has replaced that one meanwhile, and leads elsewhere.
    owed: Option<OperationId>,
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
        let mine = self.slots.get_mut(slot);
        if let Some(old) = mine.and_then(|slot| slot.gave_way.as_mut()) {
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
        if let Some(slot) = self.slots.get_mut(slot) {
            if let Some(live) = slot.seat.live().filter(|live| live.link == link) {
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
                slot.seat.handle_down();
            }
        }
    }

    pub(super) fn on_link_up(&mut self, now: Instant, up: LinkUp) {
        let peer = up.peer.map(canonical);
        let Some(slot) = self.slots.get_mut(up.slot) else {
            return;
        };
        let dialled_at = slot.seat.assignment().map_or(now, |job| job.offered_at);
        let live = Live {
            link: up.link,
            peer,
            opted_in: up.opted_in,
            via: up.via.clone(),
            up_at: now,
            dialled_at,
            estranged: None,
        };
        let (old, mut mark, job) = slot.seat.handle_up(live);
        // A look moves nothing: the slot finds its server again.
        mark = mark.filter(|mark| mark.operation != LOOK);
        slot.wanted = false;
        slot.eager = false;
        slot.lost = None;
        let gave_way = slot.gave_way.take();
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
        let by = job.as_ref().and_then(|job| job.operation).map(|(id, _)| id);
        if let Some(job) = job {
            match job.permit {
                Some(permit) => self.settle_permit(now, &job.to, permit, Outcome::Success),
                None => self.note_reached(&job.to),
            }
            if let Some((id, retiring)) = job.operation {
                close = self.on_moved(now, id, &job.to, peer);
                owed = self.debt(id, retiring, &up.via);
            }
        }
        if let Some(old) = old {
            self.drain(now, old.link, close);
            if mark.is_some() {
                if let Some(slot) = self.slots.get_mut(up.slot) {
                    slot.handle_hop(now);
                }
                let began = mark.as_ref().and_then(|mark| mark.began);
                self.publish(Event::SlotMoved {
                    slot: up.slot,
                    from: old.peer,
                    to: peer,
                    took: now.saturating_duration_since(began.unwrap_or(dialled_at)),
                });
            }
        } else if let Some(old) = gave_way {
            if old.from == peer && peer.is_some() {
                // Back where it was: no move, and its attempts count on.
                mark = Some(old.mark);
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
            self.pardon_older(now, peer, by);
        }
        self.on_arrival(
            now,
            Arrival {
                slot: up.slot,
                peer,
                dialled_at,
                mark,
                by,
                owed,
            },
        );
    }

    /// A job of this operation brought a link. Returns when the link it replaces is to end.
    fn on_moved(
        &mut self,
        now: Instant,
        id: OperationId,
        to: &Endpoint,
        peer: Option<SocketAddr>,
    ) -> Option<Instant> {
        let operation = self.operations.iter_mut().find(|op| op.id == id)?;
        let (cause, deadline) = (operation.cause(), operation.deadline);
        let arrived = operation.retiring.is_none()
            || operation.retiring != peer
            || operation.aim == Aim::Front;
        if arrived {
            operation.handle_reached(to, peer);
            if let (Some(retiring), Aim::Found(_)) = (operation.retiring, &operation.aim) {
                self.redirects.forget_target(retiring);
            }
        }
        let scope = notices::scope_of(peer);
        self.windows.trail(now, scope, cause);
        self.relax(now, scope);
        Some(deadline)
    }

    /// The operation that has replaced the one whose job just ended, if that leads elsewhere.
    fn debt(
        &self,
        id: OperationId,
        retiring: Option<SocketAddr>,
        via: &Endpoint,
    ) -> Option<OperationId> {
        if self.operations.iter().any(|op| op.id == id) {
            return None;
        }
        let newer = self
            .operations
            .iter()
            .find(|op| op.retiring == retiring && op.is_active())?;
        match &newer.aim {
            Aim::Named(endpoint) if endpoint != via => Some(newer.id),
            _ => None,
        }
    }

    /// A newer operation has led to `peer`, whatever an older one said about it: what was said last
    /// counts, so that address is in use again.
    fn pardon_older(&mut self, now: Instant, peer: SocketAddr, by: Option<OperationId>) {
        let older = self
            .operations
            .iter()
            .find(|op| op.retiring == Some(peer))
            .map(|op| op.id);
        if older.is_some() && older < by {
            self.redirects.pardon(peer);
            self.supersede(now, Some(peer));
        }
    }

    /// A link is up: does it have to go on?
    fn on_arrival(&mut self, now: Instant, arrival: Arrival) {
        let mut lost = None;
        let retires = self.operations.iter_mut().find(|op| {
            (op.retiring.is_some() || op.aim == Aim::Front)
                && op.retiring == arrival.peer
                && now < op.give_up
                && op.concerns(arrival.dialled_at)
        });
        let mark = match retires {
            Some(operation) => {
                if arrival.by == Some(operation.id) && matches!(operation.aim, Aim::Named(_)) {
                    // The named place is the retiring one: it names nothing.
                    operation.led_back = true;
                    lost = Some(operation.id);
                } else if !operation.is_active() {
                    operation.reopen();
                }
                let again = arrival.mark.filter(|mark| mark.operation == operation.id);
                let mut mark = again.unwrap_or_else(|| Mark::new(operation.id));
                mark.attempts = mark.attempts.saturating_add(1);
                Some(mark)
            }
            None => arrival.owed.map(Mark::new),
        };
        if let (Some(mark), Some(slot)) = (mark, self.slots.get_mut(arrival.slot)) {
            slot.seat.mark_for(mark);
        }
        if let Some(id) = lost {
            self.lose_place(id);
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
        let Some(mut job) = self.slots.get_mut(slot).and_then(|s| s.seat.settle()) else {
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
        match job.operation {
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
                if !(full && self.try_give_way(now, slot, id)) {
                    if failure.kind.turns_away() {
                        self.note_turned_away(id, false);
                    }
                    self.on_move_failed(now, slot, id, job.offered_at, landed);
                }
            }
            _ => {
                if let Some((id, _)) = job.operation {
                    let old = self.slots.get(slot).and_then(|slot| slot.gave_way.as_ref());
                    let first = old.is_some_and(|old| old.tries == 1);
                    if first && failure.kind.turns_away() {
                        // It gave way in vain.
                        self.note_turned_away(id, true);
                    }
                    let mut operations = self.operations.iter_mut();
                    if let Some(operation) = operations.find(|op| op.id == id) {
                        operation.handle_miss(now, job.offered_at, &mut self.jitter);
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

    fn note_turned_away(&mut self, id: OperationId, probe: bool) {
        if let Some(operation) = self.operations.iter_mut().find(|op| op.id == id) {
            operation.handle_turned_away(probe);
        }
    }

    /// The place that this slot moves to has no room for one connection more. In the first half of the
    /// time that may change; after that the old link ends first, to make room; the last one that serves
    /// waits longer. None does so twice for one operation. One slot shows whether that helps, and then a quarter of all at a time: the others
    /// serve.
    fn try_give_way(&mut self, now: Instant, at: SlotId, id: OperationId) -> bool {
        let Some(operation) = self.operations.iter().find(|op| op.id == id) else {
            return false;
        };
        let serving = |slot: &&Slot| slot.seat.live().is_some();
        let shared = self.slots.iter().take(self.settings.slots);
        let is_last = shared.filter(serving).count() < 2;
        let from = if is_last {
            operation.late()
        } else {
            operation.half
        };
        let most = if operation.moved == 0 {
            1
        } else {
            // Dedicated slots serve nobody but their callers: a quarter of those that serve all.
            (self.settings.slots / 4).max(1)
        };
        let may = operation.is_active() && now >= from;
        let (attempts, pause_end) = match self.slots.get(at).and_then(|slot| slot.seat.mark()) {
            Some(mark) => {
                let pause = RETRY.steady_delay(mark.attempts, &mut self.jitter);
                (mark.attempts, operation.pause_end(now, pause))
            }
            None => return false,
        };
        let deadline = operation.deadline;
        let gone = |slot: &&Slot| slot.gave_way_for(id);
        if !may || self.slots.iter().filter(gone).count() >= most {
            return false;
        }
        let Some(slot) = self.slots.get_mut(at) else {
            return false;
        };
        if slot.yielded == Some(id) {
            return false;
        }
        let mine = slot.seat.mark().filter(|mark| mark.operation == id);
        let (Some(live), Some(mine)) = (slot.seat.live(), mine) else {
            return false;
        };
        let link = live.link;
        let mut mark = mine.clone();
        mark.attempts = attempts.saturating_add(1);
        mark.not_before = Some(pause_end);
        slot.gave_way = Some(GaveWay {
            link,
            from: live.peer,
            since: mark.began.unwrap_or(now),
            mark,
            tries: 0,
            ended: false,
        });
        slot.yielded = Some(id);
        slot.eager = true;
        slot.seat.handle_down();
        self.drain(now, link, Some(deadline));
        self.actions.push_back(Action::GiveWay { link });
        true
    }

    /// A job ended because it was to, or was never begun. A move starts again, but not before the fills
    /// for whose sake it was interrupted have had their turn.
    fn on_job_withdrawn(&mut self, now: Instant, slot: SlotId, job: &Assignment) {
        if job.operation.is_none() && job.kind == JobKind::Move {
            return self.on_look_failed(now, slot, FailureKind::Withdrawn);
        }
        let mine = job.operation.filter(|_| job.interrupted).map(|(id, _)| id);
        let mut operations = self.operations.iter_mut();
        let mut until = None;
        if let Some(operation) = operations.find(|op| Some(op.id) == mine) {
            operation.hung = true;
            until = Some(operation.pause_end(now, interrupts::STAND_BACK));
            operation.retry_at = until;
        }
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.eager |= slot.seat.state() == SeatState::Vacant;
            if let Some(mark) = slot.seat.mark_mut() {
                mark.not_before = until.or(mark.not_before);
            }
        }
        self.release_orphans();
    }

    fn on_move_failed(
        &mut self,
        now: Instant,
        slot: SlotId,
        id: OperationId,
        offered: Instant,
        landed: Option<SocketAddr>,
    ) {
        let mut pardoned = None;
        let mut lost = false;
        if let Some(operation) = self.operations.iter_mut().find(|op| op.id == id) {
            if let Some(addr) = landed {
                let named = matches!(operation.aim, Aim::Named(_));
                if operation.retiring == Some(addr) && named {
                    operation.led_back = true;
                    lost = true;
                } else if self
                    .redirects
                    .retiring_since(addr, now)
                    .is_some_and(|since| since < operation.first_seen)
                {
                    // What was said last counts: that address is in use again.
                    self.redirects.pardon(addr);
                    pardoned = Some(addr);
                }
            }
            operation.hung |= later(offered, interrupts::HANGS) <= now;
            operation.handle_miss(now, offered, &mut self.jitter);
        }
        let operation = self.operations.iter().find(|op| op.id == id);
        if let Some(slot) = self.slots.get_mut(slot) {
            if let Some(mark) = slot.seat.mark_mut().filter(|mark| mark.operation == id) {
                let pause = RETRY.steady_delay(mark.attempts, &mut self.jitter);
                mark.attempts = mark.attempts.saturating_add(1);
                mark.not_before = operation.map(|operation| operation.pause_end(now, pause));
                mark.blocked = false;
            }
            slot.eager |= slot.seat.state() == SeatState::Vacant;
        }
        if pardoned.is_some() {
            self.supersede(now, pardoned);
        }
        if lost {
            self.lose_place(id);
        }
        self.release_orphans();
    }

    /// Slots that wait for an operation that is over go on with their old links.
    fn release_orphans(&mut self) {
        for slot in &mut self.slots {
            let Some(mark) = slot.seat.mark() else {
                continue;
            };
            let id = mark.operation;
            if !self
                .operations
                .iter()
                .any(|op| op.id == id && op.is_active())
            {
                slot.seat.absolve();
            }
        }
    }

    /// A breaker may admit more than it did.
    fn unblock(&mut self) {
        for mark in self
            .slots
            .iter_mut()
            .filter_map(|slot| slot.seat.mark_mut())
        {
            if mark.blocked {
                mark.blocked = false;
                mark.not_before = None;
            }
        }
        for operation in self.operations.iter_mut().filter(|op| op.blocked) {
            operation.blocked = false;
            operation.retry_at = None;
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
