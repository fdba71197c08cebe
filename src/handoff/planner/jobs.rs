//! What follows when a job ends without a link. Offers no other: that is for the schedule, which runs
//! after every input.
//!
//! A failure says something about up to four things, and each has its own account:
//!
//! - the endpoint: its breaker, by the permit of the job ([`settle_permit`](Planner::settle_permit));
//! - the handoff: whether its target is missed, hangs, or has turned somebody away;
//! - the entry: how often it has tried for this handoff, and before when it does not try again;
//! - the service as a whole: the pace of fills (`refill`), which moves do not slow down.
//!
//! The serving link is not touched by any of them: it goes on until its server closes it. The one exception is
//! [`try_release_first`](Planner::try_release_first).

use super::action::{Action, FailureKind, JobFailure, JobKind, Why};
use super::entry::{Entry, ReleasedFirst};
use super::handoff::{Destination, RETRY};
use super::permits::Outcome;
use super::state::{Assignment, Phase};
use super::{Planner, interrupts};
use crate::events::MaintenanceEvent;
use crate::handoff::announcements::Announcements;
use crate::handoff::{canonical, later};
use crate::ids::{EntryId, HandoffId};
use std::net::SocketAddr;
use std::time::Instant;

impl Planner {
    /// A worker reports that the job of this entry made no link, or no worker was left to take it. If the entry has
    /// no job, the report was overtaken by a link that came up, and changes nothing.
    pub(super) fn on_job_failed(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        entry: EntryId,
        failure: JobFailure,
    ) {
        let Some(mut job) = self.entries.get_mut(entry).and_then(|s| s.state.settle()) else {
            return;
        };
        let reached = failure.reached.map(canonical);
        // First, whatever else follows: a permit that is not given back occupies a place of a half-open breaker.
        if let Some(permit) = job.permit.take() {
            let outcome = match failure.kind {
                kind if kind.blames_endpoint() => Outcome::Failure,
                // The server was reached and answered; only the time was wrong.
                // The server answered, only too early: its endpoint is as healthy as can be.
                kind if kind.is_too_early() => Outcome::Success,
                _ => Outcome::Withdrawal,
            };
            self.settle_permit(now, ann, &job.to, permit, outcome);
        }
        // A job that never began says nothing about the place, and must not slow its handoff down.
        // Nobody has tried: neither a breaker nor an allowance is charged.
        if failure.kind == FailureKind::Withdrawn {
            self.on_job_withdrawn(now, entry, &job);
            return;
        }
        // Only the address that a dial was to avoid is news: any other was meant.
        let landed = reached.filter(|_| failure.kind == FailureKind::Retiring);
        if failure.kind == FailureKind::Forbidden {
            self.on_forbidden(&job.to);
        }
        match job.handoff {
            Some((id, _)) if failure.kind.is_too_early() => {
                self.on_too_early(now, entry, id, failure.kind, job.offered_at);
                self.release_orphans();
                return;
            }
            None if job.kind == JobKind::Move => {
                self.on_look_failed(now, entry, failure.kind);
                if failure.kind.is_too_early() {
                    return;
                }
            }
            Some((id, _)) if job.kind == JobKind::Move => {
                let full = failure.kind == FailureKind::Full;
                if job.probe && failure.kind.turns_away() {
                    self.note_turned_away(id, true);
                }
                if !(full && self.try_release_first(now, entry, id)) {
                    if failure.kind.turns_away() {
                        self.note_turned_away(id, false);
                    }
                    self.on_move_failed(now, entry, id, job.offered_at, landed);
                }
            }
            _ => {
                if let Some((id, _)) = job.handoff {
                    let old = self
                        .entries
                        .get(entry)
                        .and_then(|entry| entry.released_first.as_ref());
                    let first = old.is_some_and(|old| old.tries == 1);
                    // The first try after the old link had ended for it: the room went to somebody else.
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
                if self.entries.is_dedicated(entry) && is_full && configured {
                    // The server works: it has no room for this one caller more, who is told. A place
                    // that a server named may be full while the configured one is not.
                    self.handle_unwanted_alone(entry);
                } else {
                    (self.refill).handle_failure(now, job.offered_at, &mut self.jitter);
                }
            }
        }
        self.actions.push_back(Action::Publish {
            event: MaintenanceEvent::DialFailed {
                node: self.settings.node,
                connection: entry,
                to: job.to,
                serving: job.kind == JobKind::Move,
            },
            why: Some(Why::Failed(failure.kind)),
        });
    }

    /// The place accepts a connection and refuses its login, or has no room: it is asked less at a time. `probe`:
    /// by one of those that were sent ahead to find that out.
    fn note_turned_away(&mut self, id: HandoffId, probe: bool) {
        if let Some(handoff) = self.handoffs.get_mut(id) {
            handoff.handle_turned_away(probe);
        }
    }

    /// The place that this entry moves to has no room for one connection more. True: its old link ends first, to
    /// make room, and the entry is filled like a vacant one.
    ///
    /// Not in the first half of the announced time, in which room may come by itself; the last link that serves
    /// waits until three quarters of it. No entry does so twice for one handoff. One shows whether it helps, and then
    /// up to a quarter of the pool at a time, so that the others serve.
    fn try_release_first(&mut self, now: Instant, at: EntryId, id: HandoffId) -> bool {
        let Some(handoff) = self.handoffs.get(id) else {
            return false;
        };
        let is_last = self.entries.serving() < 2;
        let from = if is_last {
            handoff.late()
        } else {
            handoff.half
        };
        let most = if handoff.moved == 0 {
            1
        } else {
            // Dedicated entries serve nobody but their callers: a quarter of those that serve all.
            (self.settings.pool_size / 4).max(1)
        };
        let may = handoff.is_active() && now >= from;
        let (attempts, pause_end) =
            match self.entries.get(at).and_then(|entry| entry.state.pending()) {
                Some(pending) => {
                    let pause = RETRY.steady_delay(pending.attempts, &mut self.jitter);
                    (pending.attempts, handoff.pause_end(now, pause))
                }
                None => return false,
            };
        let end = handoff.drain_end();
        let gone = |entry: &&Entry| entry.released_first_for(id);
        // Too early, or enough have given way: the others serve on their old links.
        if !may || self.entries.iter().filter(gone).count() >= most {
            return false;
        }
        let Some(entry) = self.entries.get_mut(at) else {
            return false;
        };
        if entry.yielded == Some(id) {
            return false;
        }
        let mine = entry
            .state
            .pending()
            .filter(|pending| pending.handoff == id);
        let (Some(live), Some(mine)) = (entry.state.live(), mine) else {
            return false;
        };
        let link = live.link;
        let mut pending = mine.clone();
        pending.attempts = attempts.saturating_add(1);
        pending.not_before = Some(pause_end);
        entry.released_first = Some(ReleasedFirst {
            link,
            from: live.peer,
            since: pending.began.unwrap_or(now),
            pending,
            tries: 0,
            ended: false,
        });
        entry.yielded = Some(id);
        entry.eager = true;
        entry.state.handle_down();
        // It answers what it was asked; nobody is cut off for the sake of the room.
        self.drain(now, link, Some(end));
        self.actions.push_back(Action::Retire { link });
        true
    }

    /// A job ended because it was to, or was never begun. A move starts again, but not before the fills
    /// for whose sake it was interrupted have had their turn.
    fn on_job_withdrawn(&mut self, now: Instant, entry: EntryId, job: &Assignment) {
        if job.handoff.is_none() && job.kind == JobKind::Move {
            return self.on_look_failed(now, entry, FailureKind::Withdrawn);
        }
        let mine = job.handoff.filter(|_| job.interrupted).map(|(id, _)| id);
        let mut handoffs = self.handoffs.iter_mut();
        let mut until = None;
        if let Some(handoff) = handoffs.find(|op| Some(op.id) == mine) {
            handoff.hung = true;
            until = Some(handoff.pause_end(now, interrupts::STAND_BACK));
            handoff.retry_at = until;
        }
        if let Some(entry) = self.entries.get_mut(entry) {
            entry.eager |= entry.state.phase() == Phase::Vacant;
            if let Some(pending) = entry.state.pending_mut() {
                pending.not_before = until.or(pending.not_before);
            }
        }
        self.release_orphans();
    }

    /// A move has made no link. The entry pauses and counts an attempt; the handoff remembers the miss. `landed`:
    /// the dial found only this address, which it was to avoid.
    ///
    /// If that is the very address that retires, the named place leads back to it and is given up as a target. If
    /// it is one that retires because of something older, the newer statement holds and it is in use again.
    fn on_move_failed(
        &mut self,
        now: Instant,
        entry: EntryId,
        id: HandoffId,
        offered: Instant,
        landed: Option<SocketAddr>,
    ) {
        let mut reinstated = None;
        let mut lost = false;
        if let Some(handoff) = self.handoffs.get_mut(id) {
            if let Some(addr) = landed {
                let named = matches!(handoff.destination, Destination::Announced(_));
                if handoff.retiring == Some(addr) && named {
                    // The name that the server gave leads to the server that leaves: a front, or a name
                    // that follows late.
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
            // A job that took that long would hold its worker again: the next one may be interrupted for
            // a waiting caller.
            handoff.hung |= later(offered, interrupts::HANGS) <= now;
            handoff.handle_miss(now, offered, &mut self.jitter);
        }
        let handoff = self.handoffs.get(id);
        if let Some(entry) = self.entries.get_mut(entry) {
            if let Some(pending) = entry
                .state
                .pending_mut()
                .filter(|pending| pending.handoff == id)
            {
                let pause = RETRY.steady_delay(pending.attempts, &mut self.jitter);
                pending.attempts = pending.attempts.saturating_add(1);
                pending.not_before = handoff.map(|handoff| handoff.pause_end(now, pause));
                pending.blocked = false;
            }
            entry.eager |= entry.state.phase() == Phase::Vacant;
        }
        // Last, because these take handoffs out of the list in which `id` was just looked up.
        if reinstated.is_some() {
            self.supersede(now, reinstated);
        }
        if lost {
            self.lose_target(id);
        }
        self.release_orphans();
    }

    /// Entries that wait for a handoff that is over go on with their old links.
    fn release_orphans(&mut self) {
        for entry in self.entries.iter_mut() {
            let Some(pending) = entry.state.pending() else {
                continue;
            };
            let id = pending.handoff;
            if !self.handoffs.is_active(id) {
                entry.state.unmark();
            }
        }
    }
}
