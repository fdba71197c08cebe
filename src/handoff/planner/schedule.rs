//! What is due: timers, ends of handoffs, and which entries are offered to the workers. Everything
//! here can be repeated at any time without harm.

use super::action::{AbandonReason, Action};
use super::entry::Entry;
use super::handoff::{Destination, Stage};
use super::lookups::Lookups;
use super::state::Phase;
use super::{DrainsUntil, Planner};
use crate::events::MaintenanceEvent;
use crate::handoff::announcements::Announcements;
use crate::handoff::later;
use std::time::{Duration, Instant};

impl Planner {
    /// Does all that is due.
    pub(super) fn advance(&mut self, now: Instant, ann: &mut Announcements) {
        if self.blocked_until.is_some_and(|until| until <= now) {
            self.blocked_until = None;
        }
        ann.handle_timeout(now);
        self.take_effects(ann);
        self.redirects.handle_timeout(now);
        self.advance_fronts(now);
        self.advance_handoffs(now);
        self.advance_draining(now);
        let due = self
            .lookups
            .due(self.searching(), self.redirects.binding_until());
        if due.is_some_and(|at| at <= now) {
            let question = self.lookups.ask(now);
            self.actions.extend(question);
        }
        self.look_for_idle(now);
        self.refill.forgive(now);
        self.advance_search(now, ann);
        self.offer_fills(now, ann);
        self.offer_moves(now, ann);
        self.interrupt_moves(now);
    }

    /// When [`Planner::handle_timeout`] is to be called at the latest: later than every input so far. What the
    /// announcements wait for comes beside it.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let now = self.clock?;
        let mut timers: Vec<Option<Instant>> = vec![
            self.blocked_until,
            self.next_look(),
            self.search.due(),
            self.lookups
                .due(self.searching(), self.redirects.binding_until()),
        ];
        let needy = self.entries.ids().filter(|at| self.needs_fill(*at));
        timers.extend(needy.map(|at| self.fill_paused_until(now, at)));
        for handoff in self.handoffs.iter().filter(|op| op.is_active()) {
            timers.push(handoff.begins());
            timers.push(handoff.retry_at);
            timers.extend([handoff.half, handoff.last_chance, handoff.give_up].map(Some));
            let mine = self
                .entries
                .iter()
                .filter(|entry| entry.works_for(handoff.id));
            let jobs = mine.filter_map(|entry| entry.state.assignment());
            timers.extend(jobs.map(|job| Some(later(job.offered_at, handoff.rest(now)))));
        }
        timers.extend(self.interrupts_due().map(Some));
        for entry in self
            .entries
            .iter()
            .filter(|entry| entry.state.phase() == Phase::Marked)
        {
            timers.push(entry.state.pending().and_then(|pending| pending.not_before));
            let mine = entry.state.pending().map(|pending| pending.handoff);
            let handoff = self.handoffs.iter().find(|op| Some(op.id) == mine);
            timers.push(handoff.and_then(|handoff| entry.rests_until(handoff)));
        }
        for old in self.draining.iter().filter(|old| !old.forced) {
            if let DrainsUntil::Replaced { hard_end, close_at } = old.until {
                timers.extend([Some(close_at), Some(hard_end)]);
            }
        }
        timers.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Since when a handoff waits for what the configured name resolves to, and how often one of them asks.
    fn searching(&self) -> Option<(Instant, Duration)> {
        let searches = self.handoffs.iter().filter_map(|op| {
            if !op.is_active() || op.stage == Stage::Spreading {
                return None;
            }
            let since = match op.destination {
                Destination::Unknown | Destination::Resolved(_) => Some(op.first_seen),
                Destination::Announced(_) => Some(op.half),
                Destination::Configured => op.retiring.map(|_| op.first_seen),
            };
            Some((since?, Lookups::pace(op.announced())))
        });
        searches.reduce(|one, other| (one.0.min(other.0), one.1.min(other.1)))
    }

    fn advance_handoffs(&mut self, now: Instant) {
        let mut ended = Vec::new();
        for handoff in self.handoffs.iter_mut().filter(|op| op.is_active()) {
            let id = handoff.id;
            handoff.handle_late_wakeup(now, self.settings.handoff_timeout);
            if handoff.stage == Stage::Waiting && handoff.begins().is_some_and(|at| at <= now) {
                handoff.stage = Stage::Probing;
                handoff.retry_at = None;
            }
            let waiting = self
                .entries
                .iter()
                .filter(|entry| {
                    entry
                        .state
                        .pending()
                        .is_some_and(|pending| pending.handoff == id)
                })
                .count();
            let out = |entry: &Entry| entry.works_for(id) || entry.released_first_for(id);
            let under_way = self.entries.iter().any(out);
            let over = handoff.give_up <= now;
            if (waiting == 0 && !under_way) || over {
                handoff.stage = Stage::Ended;
                ended.push((id, waiting));
            }
        }
        for (id, left) in ended {
            self.unmark(id);
            let Some(handoff) = self.handoffs.iter_mut().find(|op| op.id == id) else {
                continue;
            };
            if handoff.reported {
                continue;
            }
            handoff.reported = true;
            if let (Some(retiring), true) = (handoff.retiring, left > 0 && handoff.moved == 0) {
                // Nobody ever reached the place: new connections are not to be sent there either.
                self.redirects.forget_target(retiring);
            }
            let handoff = handoff.account(now, left);
            match (left, handoff.moved) {
                (0, 0) => self.abandon(handoff, AbandonReason::LinksGone),
                (0, _) => self.publish(MaintenanceEvent::HandoffCompleted(handoff)),
                (left, _) => self.publish(MaintenanceEvent::HandoffFailed(handoff, left)),
            }
        }
        self.handoffs
            .retain(|op| op.is_active() || op.give_up > now);
    }

    fn advance_draining(&mut self, now: Instant) {
        for old in self.draining.iter_mut().filter(|old| !old.forced) {
            let link = old.link;
            let DrainsUntil::Replaced { hard_end, close_at } = old.until else {
                continue;
            };
            if hard_end <= now {
                old.forced = true;
                self.actions.push_back(Action::Close { link });
            } else if close_at <= now && !old.asked {
                old.asked = true;
                self.actions.push_back(Action::CloseIfIdle { link });
            }
        }
    }
}
