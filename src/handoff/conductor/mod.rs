//! The brain of a client's handoffs: what happened goes in, what to do comes out. Dials nothing,
//! sends nothing, waits for nothing.
//!
//! One thread owns it. That thread feeds every input as it happens, carries out all actions after
//! each, and sleeps until [`Conductor::poll_timeout`] or the next input. It calls
//! [`Conductor::handle_timeout`] once at the start, so that the idle minimum is filled.
//!
//! Three rules bound what the outside world can make it do:
//!
//! - one job per slot at a time, whatever notifications say meanwhile; the newest one counts when the
//!   job ends;
//! - draining links and moves under way are never more than the slots, so the sockets of a client are
//!   never more than twice its slots. A slot that must move while there is no place waits for a
//!   draining link to end; one that is still waiting at half time has the draining link that ends
//!   soonest closed;
//! - an operation, a redirect and a window each end by the clock, whatever else is lost.

pub(crate) mod action;
mod lookups;
mod notices;
mod operation;
mod schedule;
mod seat;
mod settings;

#[allow(
    unused_imports,
    reason = "the coordinator thread that names them comes next"
)]
pub(crate) use action::{
    AbandonReason, Action, CloseReason, Event, FailureKind, Job, JobFailure, JobKind, LinkId,
    LinkUp, SlotId, Target, Verdict,
};
#[allow(
    unused_imports,
    reason = "the coordinator thread that names them comes next"
)]
pub(crate) use operation::{OperationId, Stage, Trigger};
pub(crate) use seat::SeatState;
pub(crate) use settings::Settings;

use super::backoff::{Backoff, Jitter};
use super::breaker::{BreakerStats, Breakers};
use super::identity::Seen;
use super::redirects::Redirects;
use super::windows::Windows;
use super::{canonical, later};
use crate::protocol::{Endpoint, Notification};
use lookups::Lookups;
use operation::{Aim, Operation};
use seat::{Live, Mark, Seat};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Notifications kept for links that were not reported up yet.
const MOST_HELD: usize = 64;
/// A queue that was full is offered to again after this.
const QUEUE_PAUSE: Duration = Duration::from_millis(10);
/// A draining link is asked to end this long before its server may close it.
const CLOSE_AHEAD: Duration = Duration::from_millis(500);
/// A draining link is ended this long after its server was to close it.
const HARD_END: Duration = Duration::from_secs(5);
/// Failures in a row after which a slot that nobody wants stays vacant.
const EAGER_FAILURES: u32 = 3;
/// Between attempts to reach a target.
const RETRY: Backoff = Backoff {
    floor: Duration::from_millis(250),
    cap: Duration::from_secs(2),
};

#[derive(Debug)]
struct Slot {
    seat: Seat,
    /// A caller waits for it.
    wanted: bool,
    /// It lost its link unasked, or the idle minimum is not met.
    eager: bool,
}

/// A link that was replaced and still answers commands.
#[derive(Debug)]
struct Draining {
    link: LinkId,
    close_at: Instant,
    hard_end: Instant,
    asked: bool,
    forced: bool,
}

/// Decides when slots move, where to, and how vacant ones are filled.
///
/// Invariant: draining links and slots in the state Handing are together never more than the slots,
/// unless links come up that no job asked for.
#[derive(Debug)]
pub(crate) struct Conductor {
    settings: Settings,
    jitter: Jitter,
    slots: Vec<Slot>,
    draining: Vec<Draining>,
    /// Links that have ended or were replaced. Bounded by a multiple of the slots.
    retired: VecDeque<LinkId>,
    /// Invariant: `held.len() <= MOST_HELD`.
    held: VecDeque<(LinkId, Notification)>,
    /// At most one for each retiring address.
    operations: Vec<Operation>,
    next_operation: OperationId,
    redirects: Redirects,
    windows: Windows,
    seen: Seen,
    breakers: Breakers,
    lookups: Lookups,
    /// Attempts to fill a slot that failed in a row, and when the next may be made.
    misses: u32,
    fill_at: Option<Instant>,
    blocked_until: Option<Instant>,
    overflows: u64,
    /// The time of the latest input: what was due by then has been done.
    clock: Option<Instant>,
    actions: VecDeque<Action>,
}

impl Conductor {
    /// All slots vacant. The seed spreads attempts in time; the same seed and inputs give the same
    /// actions.
    pub(crate) fn new(settings: Settings, seed: u64) -> Self {
        let slots = (0..settings.slots.max(1))
            .map(|_| Slot {
                seat: Seat::Vacant,
                wanted: false,
                eager: false,
            })
            .collect();
        Self {
            jitter: Jitter::new(seed),
            slots,
            draining: Vec::new(),
            retired: VecDeque::new(),
            held: VecDeque::new(),
            operations: Vec::new(),
            next_operation: 0,
            redirects: Redirects::new(),
            windows: Windows::new(settings.post_handoff),
            seen: Seen::new(),
            breakers: Breakers::new(settings.breaker),
            lookups: Lookups::new(&settings.configured),
            misses: 0,
            fill_at: None,
            blocked_until: None,
            overflows: 0,
            clock: None,
            actions: VecDeque::new(),
            settings,
        }
    }

    /// A caller found every live link busy, or none live: one more link is wanted.
    pub(crate) fn handle_wanted(&mut self, now: Instant) {
        let now = self.tick(now);
        // A fill under way that nobody claims is the link that this caller gets: from now on it is
        // tried again until it succeeds.
        let unclaimed = |state| move |slot: &Slot| slot.seat.state() == state && !slot.wanted;
        let filling = self.slots.iter().position(unclaimed(SeatState::Filling));
        let at = filling.or_else(|| self.slots.iter().position(unclaimed(SeatState::Vacant)));
        if let Some(slot) = at.and_then(|at| self.slots.get_mut(at)) {
            slot.wanted = true;
        }
        self.advance(now);
    }

    /// A link has said something about maintenance.
    pub(crate) fn handle_notification(
        &mut self,
        now: Instant,
        from: LinkId,
        notification: &Notification,
    ) -> Verdict {
        let now = self.tick(now);
        let verdict = match self.seat_of(from) {
            Some(slot) => self.on_notification(now, slot, false, notification),
            None if self.is_retired(from) => Verdict::Stale,
            None => {
                if self.held.len() >= MOST_HELD {
                    self.held.pop_front();
                }
                self.held.push_back((from, notification.clone()));
                Verdict::Held
            }
        };
        self.advance(now);
        verdict
    }

    /// A link serves its slot from now on; what served it before drains. Returns the verdicts on what
    /// it said before this report, in order.
    pub(crate) fn handle_link_up(&mut self, now: Instant, up: LinkUp) -> Vec<Verdict> {
        let now = self.tick(now);
        let mut verdicts = Vec::new();
        if up.slot >= self.slots.len() {
            self.actions.push_back(Action::Close {
                link: up.link,
                reason: CloseReason::Unseated,
            });
        } else {
            let dead = self.is_retired(up.link);
            let (slot, link) = (up.slot, up.link);
            self.on_link_up(now, up);
            let (mine, rest): (Vec<_>, _) = std::mem::take(&mut self.held)
                .into_iter()
                .partition(|(from, _)| *from == link);
            self.held = rest.into();
            for (_, notification) in mine {
                verdicts.push(self.on_notification(now, slot, true, &notification));
            }
            if dead {
                self.on_link_down(slot, link, false);
            }
        }
        self.advance(now);
        verdicts
    }

    /// A link has ended: it died, or (`planned`) the client closed it.
    pub(crate) fn handle_link_down(
        &mut self,
        now: Instant,
        slot: SlotId,
        link: LinkId,
        planned: bool,
    ) {
        let now = self.tick(now);
        self.on_link_down(slot, link, planned);
        self.advance(now);
    }

    /// The job of this slot ended without a link.
    pub(crate) fn handle_job_failed(&mut self, now: Instant, slot: SlotId, failure: JobFailure) {
        let now = self.tick(now);
        self.on_job_failed(now, slot, failure);
        self.blocked_until = None;
        self.advance(now);
    }

    /// The queue did not take the job of this slot: it is offered again when a job ends, or soon.
    pub(crate) fn handle_queue_full(&mut self, now: Instant, slot: SlotId) {
        let now = self.tick(now);
        if let Some(job) = self.slots.get_mut(slot).and_then(|s| s.seat.settle()) {
            self.overflows += 1;
            if let (Some(permit), Some(breaker)) = (job.permit, self.breakers.known(&job.to)) {
                breaker.handle_withdrawal(permit);
            }
            self.blocked_until = Some(later(now, QUEUE_PAUSE));
        }
        self.advance(now);
    }

    /// The resolver has answered. An error is "unknown".
    pub(crate) fn handle_resolved(
        &mut self,
        now: Instant,
        host: &str,
        answer: Result<Vec<IpAddr>, ()>,
    ) {
        let now = self.tick(now);
        if let Some(answer) = self.lookups.handle_answer(host, answer) {
            self.on_answer(now, &answer);
        }
        self.advance(now);
    }

    /// Time has passed. Early and repeated calls change nothing.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let now = self.tick(now);
        self.advance(now);
    }

    /// The next thing to carry out.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Inputs are stamped by several threads, so a later one may carry an earlier time.
    fn tick(&mut self, now: Instant) -> Instant {
        let now = self.clock.map_or(now, |before| before.max(now));
        self.clock = Some(now);
        now
    }

    fn is_retired(&self, link: LinkId) -> bool {
        self.draining.iter().any(|old| old.link == link) || self.retired.contains(&link)
    }

    fn retire(&mut self, link: LinkId) {
        self.held.retain(|(from, _)| *from != link);
        if self.retired.contains(&link) {
            return;
        }
        if self.retired.len() >= self.slots.len().saturating_mul(2).saturating_add(64) {
            self.retired.pop_front();
        }
        self.retired.push_back(link);
    }

    fn on_link_down(&mut self, slot: SlotId, link: LinkId, planned: bool) {
        self.draining.retain(|old| old.link != link);
        if let Some(slot) = self.slots.get_mut(slot) {
            if slot.seat.live().is_some_and(|live| live.link == link) {
                slot.seat.handle_down();
                slot.eager |= !planned;
            }
        }
        self.retire(link);
    }

    fn on_link_up(&mut self, now: Instant, up: LinkUp) {
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
        };
        let (old, mark, job) = slot.seat.handle_up(live);
        slot.wanted = false;
        slot.eager = false;
        self.misses = 0;
        self.fill_at = None;
        self.blocked_until = None;
        if let Some(addr) = peer {
            if up.via == self.settings.configured {
                self.lookups.note_listed(addr.ip());
            } else {
                self.redirects.handle_landed(&up.via, addr);
            }
        }
        let mut close = None;
        let mut owed = None;
        if let Some(job) = job {
            if let Some(permit) = job.permit {
                self.settle_permit(now, &job.to, permit, Outcome::Success);
            }
            if let Some((id, retiring)) = job.operation {
                close = self.on_moved(now, id, &job.to, peer);
                owed = self.debt(id, retiring, &up.via);
            }
        }
        if let Some(old) = old {
            self.drain(now, old.link, close);
            if let (Some(from), true) = (old.peer, mark.is_some()) {
                let took = now.saturating_duration_since(dialled_at);
                self.publish(Event::SlotMoved {
                    slot: up.slot,
                    from: Some(from),
                    to: peer,
                    took,
                });
            }
        }
        self.on_arrival(now, up.slot, peer, dialled_at, mark, owed);
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

    /// A link is up: does it have to go on?
    fn on_arrival(
        &mut self,
        now: Instant,
        slot: SlotId,
        peer: Option<SocketAddr>,
        dialled_at: Instant,
        mark: Option<Mark>,
        owed: Option<OperationId>,
    ) {
        let has_name = self.lookups.has_name();
        let retires = self.operations.iter_mut().find(|op| {
            (op.retiring.is_some() || op.aim == Aim::Front)
                && op.retiring == peer
                && now < op.give_up
                && op.concerns(dialled_at)
        });
        let mark = match retires {
            Some(operation) => {
                let again = mark.filter(|mark| mark.operation == operation.id);
                if again.is_some() && matches!(operation.aim, Aim::Named(_)) {
                    // The named place is the retiring one: it names nothing.
                    operation.aim = if has_name { Aim::Searching } else { Aim::Front };
                    operation.stage = Stage::Waiting;
                } else if !operation.is_active() {
                    operation.stage = Stage::Spreading;
                }
                let mut mark = again.unwrap_or_else(|| Mark::new(operation.id));
                mark.attempts = mark.attempts.saturating_add(1);
                Some(mark)
            }
            None => owed.map(Mark::new),
        };
        if let (Some(mark), Some(slot)) = (mark, self.slots.get_mut(slot)) {
            slot.seat.mark_for(mark);
        }
    }

    fn drain(&mut self, now: Instant, link: LinkId, deadline: Option<Instant>) {
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
        self.actions.push_back(Action::Drain { link, close_at });
    }

    fn on_job_failed(&mut self, now: Instant, slot: SlotId, failure: JobFailure) {
        let Some(job) = self.slots.get_mut(slot).and_then(|s| s.seat.settle()) else {
            return;
        };
        let reached = failure.reached.map(canonical);
        if let Some(permit) = job.permit {
            let outcome = if failure.kind.blames_endpoint() {
                Outcome::Failure
            } else {
                Outcome::Withdrawal
            };
            self.settle_permit(now, &job.to, permit, outcome);
        }
        let landed = reached.filter(|_| failure.kind == FailureKind::Retiring);
        match job.operation {
            Some((id, _)) => self.on_move_failed(now, slot, id, landed),
            None => {
                if let Some(addr) = landed {
                    self.redirects.handle_reached(addr);
                }
                self.misses = self.misses.saturating_add(1);
                let pace = Backoff {
                    floor: self.settings.backoff_floor,
                    cap: self.settings.backoff_cap,
                };
                let pause = pace.delay(self.misses - 1, &mut self.jitter);
                self.fill_at = Some(later(now, pause));
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

    fn on_move_failed(
        &mut self,
        now: Instant,
        slot: SlotId,
        id: OperationId,
        landed: Option<SocketAddr>,
    ) {
        let has_name = self.lookups.has_name();
        if let Some(operation) = self.operations.iter_mut().find(|op| op.id == id) {
            if let Some(addr) = landed {
                let named = matches!(operation.aim, Aim::Named(_));
                if operation.retiring == Some(addr) && named {
                    operation.aim = if has_name { Aim::Searching } else { Aim::Front };
                    operation.stage = Stage::Waiting;
                    let until = later(operation.give_up, Duration::from_secs(10));
                    self.lookups.search_until(until);
                } else if self
                    .redirects
                    .retiring_since(addr, now)
                    .is_some_and(|since| since < operation.first_seen)
                {
                    // What was said last counts: that address is in use again.
                    self.redirects.pardon(addr);
                }
            }
            operation.misses = operation.misses.saturating_add(1);
            let pause = RETRY.steady_delay(operation.misses - 1, &mut self.jitter);
            operation.retry_at = Some(later(now, pause));
            operation.blocked = false;
        }
        if let Some(slot) = self.slots.get_mut(slot) {
            if let Some(mark) = slot.seat.mark_mut().filter(|mark| mark.operation == id) {
                let pause = RETRY.steady_delay(mark.attempts, &mut self.jitter);
                mark.attempts = mark.attempts.saturating_add(1);
                mark.not_before = Some(later(now, pause));
                mark.blocked = false;
            }
            slot.eager |= slot.seat.state() == SeatState::Vacant;
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

    fn on_answer(&mut self, now: Instant, answer: &lookups::Answer) {
        if answer.addrs.is_empty() {
            return;
        }
        let ips: Vec<IpAddr> = answer.addrs.iter().map(SocketAddr::ip).collect();
        let fresh: Vec<SocketAddr> = answer
            .addrs
            .iter()
            .copied()
            .filter(|a| !self.redirects.retiring(*a, now))
            .collect();
        self.redirects.handle_resolved(now, &ips);
        for operation in self.operations.iter_mut().filter(|op| op.is_active()) {
            let elsewhere =
                |addr: &SocketAddr| operation.retiring.map(|r| r.ip()) != Some(addr.ip());
            let places: Vec<SocketAddr> = fresh.iter().copied().filter(elsewhere).collect();
            if places.is_empty() {
                continue;
            }
            operation.handle_alternates(now, places);
        }
        if answer.news && !fresh.is_empty() {
            self.fill_at = None;
        }
        for check in &answer.checks {
            self.on_check(now, check.migrated_at, check.seq, &answer.addrs);
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

    fn settle_permit(
        &mut self,
        now: Instant,
        endpoint: &Endpoint,
        permit: super::breaker::Permit,
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

/// What a job says about the endpoint that it dialled.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Failure,
    Success,
    Withdrawal,
}

/// What can be asked at any time, for statistics and tests.
impl Conductor {
    /// The state of each slot.
    pub(crate) fn seats(&self) -> impl Iterator<Item = SeatState> + '_ {
        self.slots.iter().map(|slot| slot.seat.state())
    }

    /// The peer of each slot's link.
    pub(crate) fn peer(&self, slot: SlotId) -> Option<SocketAddr> {
        self.slots.get(slot)?.seat.live()?.peer
    }

    /// The operations that still move slots.
    pub(crate) fn operations(&self, now: Instant) -> Vec<action::Operation> {
        self.operations
            .iter()
            .filter(|op| op.is_active())
            .map(|op| op.account(now))
            .collect()
    }

    /// The breakers.
    pub(crate) fn breakers(&self) -> impl Iterator<Item = (&Endpoint, BreakerStats)> {
        self.breakers.stats()
    }

    /// The windows.
    pub(crate) fn windows(&self) -> &Windows {
        &self.windows
    }

    /// The addresses that retire.
    pub(crate) fn redirects(&self) -> &Redirects {
        &self.redirects
    }

    /// How many replaced links have not ended.
    pub(crate) fn draining(&self) -> usize {
        self.draining.len()
    }

    /// How many offers the queue has refused.
    pub(crate) fn overflows(&self) -> u64 {
        self.overflows
    }
}

#[cfg(test)]
mod tests;
