//! Which entries are offered to the workers to be moved, and what they are to dial. Gives an entry no second
//! job, and offers nothing while the queue is known to be full.

use super::Planner;
use super::action::{Action, Job, JobKind, Target};
use super::entry::Entry;
use super::handoff::{Destination, Handoff, Stage};
use super::state::{Assignment, Phase};
use crate::events::MaintenanceEvent;
use crate::handoff::announcements::Announcements;
use crate::handoff::breaker::Permit;
use crate::handoff::{endpoint_of, later};
use crate::ids::{EntryId, HandoffId};
use crate::protocol::Endpoint;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A dial is given at least this long, however little time is left.
const SHORTEST_DIAL: Duration = Duration::from_millis(250);
/// A job is given at least this long, where the handoff lasts that long.
const SHORTEST_JOB: Duration = Duration::from_secs(2);

/// The handoff on whose behalf something is dialled, and the address that retires.
pub(super) type Errand = (HandoffId, Option<SocketAddr>);

impl Planner {
    /// Offers the moves that may begin. A handoff that probes sends one entry ahead at a time, so that a target that
    /// is out of reach costs one dial and not one for each entry; once one has arrived the others follow.
    pub(super) fn offer_moves(&mut self, now: Instant, ann: &mut Announcements) {
        // The workers' queue is full: whatever is offered now would come back at once.
        if self.blocked_until.is_some() {
            return;
        }
        let stages: Vec<(HandoffId, Stage)> =
            self.handoffs.iter().map(|op| (op.id, op.stage)).collect();
        for (id, stage) in stages {
            let candidates = match stage {
                // One at a time: a target that is out of reach costs one dial, not a pool of them.
                Stage::Probing => self.next_probe(now, id).into_iter().collect(),
                Stage::Spreading => self.ready_entries(now, id),
                Stage::Waiting | Stage::Ended => continue,
            };
            for entry in candidates {
                if !self.has_place(now, id) {
                    break;
                }
                self.offer_move(now, ann, id, entry);
            }
        }
    }

    /// Whether another entry may be on the move for this handoff. Where there is no room, the draining link that
    /// would end soonest is asked to end, and from half of the announced time on it is ended: until then the
    /// server keeps the old links, so nothing is lost by waiting.
    fn has_place(&mut self, now: Instant, id: HandoffId) -> bool {
        if self.has_room() {
            return true;
        }
        let cap = self.settings.handoff_concurrency;
        if cap > 0 && self.entries.moving() >= cap {
            return false;
        }
        // Waiting for a draining link is right as long as the entry's own link is in no hurry.
        let Some(handoff) = self.handoffs.get(id) else {
            return false;
        };
        let urgent = handoff.half <= now;
        let room = self.draining.make_room(urgent);
        self.act(room);
        false
    }

    /// The entry to send ahead, if none is out that may still arrive: the one that has tried least.
    fn next_probe(&self, now: Instant, id: HandoffId) -> Option<EntryId> {
        let handoff = self.handoffs.get(id)?;
        // A place that turns everybody away is asked a bounded number of times in each part of the
        // announced time.
        if !handoff.may_probe(now, self.settings.max_retries) {
            return None;
        }
        let drains = |entry: &Entry| entry.released_first_for(id) && !entry.is_fillable();
        // One that hangs holds up no other.
        let rest = handoff.rest(now);
        let answers = |entry: &Entry| {
            let job = entry.state.assignment();
            job.is_some_and(|job| later(job.offered_at, rest) > now)
        };
        let out = |entry: &Entry| entry.works_for(id) && answers(entry) || drains(entry);
        let out = self.entries.iter().any(out);
        if out || handoff.retry_at.is_some_and(|at| at > now) {
            return None;
        }
        let entries = self.with_allowance(now, id);
        entries.into_iter().min().map(|(_, entry)| entry)
    }

    /// The entries that may follow, once a probe has arrived: those whose own pause is over.
    fn ready_entries(&self, now: Instant, id: HandoffId) -> Vec<EntryId> {
        let ready = |entry: &EntryId| {
            let pending = self
                .entries
                .get(*entry)
                .and_then(|entry| entry.state.pending());
            pending.is_some_and(|pending| pending.not_before.is_none_or(|at| at <= now))
        };
        self.with_allowance(now, id)
            .into_iter()
            .map(|(_, entry)| entry)
            .filter(ready)
            .collect()
    }

    /// The entries that wait for this handoff and may try again, with the attempts they have made.
    fn with_allowance(&self, now: Instant, id: HandoffId) -> Vec<(u32, EntryId)> {
        let Some(handoff) = self.handoffs.get(id) else {
            return Vec::new();
        };
        let allowance = handoff.allowance(now, self.settings.max_retries);
        let rested = |entry: &Entry| entry.rests_until(handoff).is_none_or(|until| until <= now);
        self.entries
            .numbered()
            .filter(|(_, entry)| entry.state.phase() == Phase::Marked && rested(entry))
            .filter_map(|(at, entry)| entry.state.pending().map(|pending| (pending, at)))
            .filter(|(pending, _)| pending.handoff == id && pending.attempts < allowance)
            .map(|(pending, at)| (pending.attempts, at))
            .collect()
    }

    /// Offers the move of one entry, if the breaker of what it would dial admits it, or else that of the second
    /// choice. If neither does, the entry and its handoff wait until one may, and at most to the next milestone.
    fn offer_move(&mut self, now: Instant, ann: &mut Announcements, id: HandoffId, entry: EntryId) {
        let Some(handoff) = self.handoffs.get(id) else {
            return;
        };
        let Some(state) = self.entries.get(entry).map(|entry| &entry.state) else {
            return;
        };
        let attempts = state.pending().map_or(0, |pending| pending.attempts);
        let (retiring, give_up) = (handoff.retiring, handoff.give_up);
        let left = handoff.time_left(now);
        let (milestone, half) = (handoff.milestone(now), handoff.half);
        let front = handoff.front(now);
        let Some((first, second)) = choices(handoff, self.lookups.has_name(), entry, attempts)
        else {
            return;
        };
        // The second is asked only if the first is refused: a breaker on trial spends a probe on the answer.
        let mut admitted = self.admit(now, ann, id, first);
        // The breaker of the first choice is open: the other place may be dialled meanwhile.
        if let (Err(at), Some(second)) = (&admitted, second) {
            let at = *at;
            let other = self.admit(now, ann, id, second);
            admitted = other.map_err(|other| other.min(at));
        }
        match admitted {
            Ok((target, permit)) => {
                let mut avoid = self.redirects.avoided(now);
                if let (Some(retiring), None) = (retiring, front) {
                    if !avoid.contains(&retiring) {
                        avoid.push(retiring);
                    }
                }
                let to = self.endpoint(&target);
                let mut patience = self.settings.handoff_timeout.min(left / 2);
                if self.lookups.has_name() && now < half {
                    // At half time there is another address to try: no dial is to be in its way.
                    patience = patience.min(half.saturating_duration_since(now));
                }
                let give_up = later(now, patience.max(SHORTEST_JOB)).min(give_up);
                // A third, so that a dial that hangs leaves time for another and its handshake.
                let dial = (left / 3).max(SHORTEST_DIAL);
                if let Some(handoff) = self.handoffs.get_mut(id) {
                    handoff.turn = !handoff.turn;
                }
                self.offer(
                    now,
                    Some((id, retiring)),
                    Some(permit),
                    to,
                    Job {
                        entry,
                        kind: JobKind::Move,
                        target,
                        avoid,
                        origin: retiring.map(|addr| addr.ip()),
                        handoff: Some(id),
                        front,
                        shuns_replicas: false,
                        connect_by: later(now, dial).min(give_up),
                        give_up,
                    },
                );
            }
            Err(at) => {
                let at = at.min(milestone);
                if let Some(handoff) = self.handoffs.get_mut(id) {
                    handoff.retry_at = Some(at);
                    handoff.blocked = true;
                }
                let pending = self
                    .entries
                    .get_mut(entry)
                    .and_then(|entry| entry.state.pending_mut());
                if let Some(pending) = pending {
                    pending.not_before = Some(at);
                    pending.blocked = true;
                }
            }
        }
    }

    /// Leave to dial the target on behalf of this handoff, or when to ask again.
    fn admit(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        id: HandoffId,
        target: Target,
    ) -> Result<(Target, Permit), Instant> {
        let endpoint = self.endpoint(&target);
        let handoff = self.handoffs.get(id);
        let breaker = ann.breakers.of(&endpoint, now);
        let before = breaker.state();
        let probe_due = |since| Some(handoff?.probe_due(now, since));
        let due = breaker.open_since().and_then(probe_due);
        // A probe that is out may come to nothing.
        let again = handoff.map(|handoff| later(now, handoff.rest(now)));
        if due.is_some_and(|at| at <= now) {
            breaker.force_probe();
        }
        let admitted = breaker.try_admit(now);
        let state = breaker.state();
        if state != before {
            self.publish(MaintenanceEvent::BreakerChanged { endpoint, state });
        }
        let soon = |at: Instant| [due, again].into_iter().flatten().fold(at, Instant::min);
        admitted.map(|permit| (target, permit)).map_err(soon)
    }

    /// What a target is to breakers and redirects, which know endpoints alone.
    pub(super) fn endpoint(&self, target: &Target) -> Endpoint {
        match target {
            Target::Address(addr) => endpoint_of(*addr),
            Target::Configured => self.settings.configured.clone(),
            Target::Announced(endpoint) => endpoint.clone(),
        }
    }

    /// Gives the entry its job and queues it for the workers. Nothing, if the entry has one: that is one job for each
    /// entry at a time, whoever offers.
    pub(super) fn offer(
        &mut self,
        now: Instant,
        handoff: Option<Errand>,
        permit: Option<Permit>,
        to: Endpoint,
        job: Job,
    ) {
        let kind = job.kind;
        let probing = |op: &Handoff| op.stage == Stage::Probing;
        let mut handoffs = self.handoffs.iter();
        let mine = handoffs.find(|op| Some(op.id) == handoff.map(|(id, _)| id));
        let assignment = Assignment {
            probe: mine.is_some_and(probing),
            kind,
            handoff,
            to,
            permit,
            interrupted: false,
            offered_at: now,
        };
        if let Some(entry) = self.entries.get_mut(job.entry) {
            if entry.state.assign(assignment) {
                self.actions.push_back(Action::Enqueue(job));
            }
        }
    }
}

/// What this entry dials next, and what instead if the breaker of that is open. Entries spread over the
/// addresses, and take turns between the named place and the others.
pub(super) fn choices(
    handoff: &Handoff,
    has_name: bool,
    entry: EntryId,
    attempts: u32,
) -> Option<(Target, Option<Target>)> {
    let first = entry.index();
    let turn = first.wrapping_add(usize::try_from(attempts).unwrap_or(0));
    let pick = |addrs: &[SocketAddr], turn: usize| {
        addrs
            .get(turn.checked_rem(addrs.len())?)
            .copied()
            .map(Target::Address)
    };
    match &handoff.destination {
        Destination::Unknown => None,
        Destination::Configured => Some((handoff.front_target(has_name), None)),
        Destination::Resolved(addrs) => {
            Some((pick(addrs, turn)?, pick(addrs, turn.wrapping_add(1))))
        }
        Destination::Announced(place) => {
            let named = Target::Announced(place.clone());
            match pick(&handoff.alternates, first) {
                Some(other) if handoff.turn => Some((other, Some(named))),
                other => Some((named, other)),
            }
        }
    }
}
