//! What is due: timers, ends of operations, and which slots are offered to the workers. Everything
//! here can be repeated at any time without harm.

use super::Planner;
use super::action::{AbandonReason, Action, Event};
use super::operation::{Aim, Stage};
use super::seat::SeatState;
use super::slot::Slot;
use crate::handoff::breaker::BreakerState;
use crate::handoff::later;
use std::time::Instant;

impl Planner {
    /// Does all that is due.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.blocked_until.is_some_and(|until| until <= now) {
            self.blocked_until = None;
        }
        for window in self.windows.handle_timeout(now) {
            self.on_window_end(now, &window);
        }
        self.redirects.handle_timeout(now);
        for endpoint in self.breakers.handle_timeout(now) {
            let state = BreakerState::Closed;
            self.publish(Event::BreakerChanged { endpoint, state });
        }
        self.advance_fronts(now);
        self.advance_operations(now);
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
        self.advance_search(now);
        self.offer_fills(now);
        self.offer_moves(now);
        self.interrupt_moves(now);
    }

    /// When [`Planner::handle_timeout`] is to be called at the latest: later than every input so far.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let now = self.clock?;
        let mut timers: Vec<Option<Instant>> = vec![
            self.blocked_until,
            self.next_look(),
            self.windows.poll_timeout(),
            self.search.due(),
            self.lookups
                .due(self.searching(), self.redirects.binding_until()),
        ];
        let needy = (0..self.slots.len()).filter(|at| self.needs_fill(*at));
        timers.extend(needy.map(|at| self.fill_paused_until(now, at)));
        for operation in self.operations.iter().filter(|op| op.is_active()) {
            timers.push(operation.begins());
            timers.push(operation.retry_at);
            timers.extend([operation.half, operation.last_chance, operation.give_up].map(Some));
            let mine = self
                .slots
                .iter()
                .filter(|slot| slot.works_for(operation.id));
            let jobs = mine.filter_map(|slot| slot.seat.assignment());
            timers.extend(jobs.map(|job| Some(later(job.offered_at, operation.rest(now)))));
        }
        timers.extend(self.interrupts_due().map(Some));
        for slot in self
            .slots
            .iter()
            .filter(|slot| slot.seat.state() == SeatState::Marked)
        {
            timers.push(slot.seat.mark().and_then(|mark| mark.not_before));
            let mine = slot.seat.mark().map(|mark| mark.operation);
            let operation = self.operations.iter().find(|op| Some(op.id) == mine);
            timers.push(operation.and_then(|operation| slot.rests_until(operation)));
        }
        for old in self.draining.iter().filter(|old| !old.forced) {
            timers.extend([Some(old.close_at), Some(old.hard_end)]);
        }
        timers.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Since when an operation waits for what the configured name resolves to.
    fn searching(&self) -> Option<Instant> {
        self.operations
            .iter()
            .filter(|op| op.is_active() && op.stage != Stage::Spreading)
            .filter_map(|op| match op.aim {
                Aim::Searching | Aim::Found(_) => Some(op.first_seen),
                Aim::Named(_) => Some(op.half),
                Aim::Front => op.retiring.map(|_| op.first_seen),
            })
            .min()
    }

    fn advance_operations(&mut self, now: Instant) {
        let mut ended = Vec::new();
        for operation in self.operations.iter_mut().filter(|op| op.is_active()) {
            let id = operation.id;
            operation.handle_oversleep(now, self.settings.handoff_timeout);
            if operation.stage == Stage::Waiting && operation.begins().is_some_and(|at| at <= now) {
                operation.stage = Stage::Probing;
                operation.retry_at = None;
            }
            let waiting = self
                .slots
                .iter()
                .filter(|slot| slot.seat.mark().is_some_and(|mark| mark.operation == id))
                .count();
            let out = |slot: &Slot| slot.works_for(id) || slot.gave_way_for(id);
            let under_way = self.slots.iter().any(out);
            let over = operation.give_up <= now;
            if (waiting == 0 && !under_way) || over {
                operation.stage = Stage::Ended;
                ended.push((id, waiting));
            }
        }
        for (id, left) in ended {
            self.absolve(id);
            let Some(operation) = self.operations.iter_mut().find(|op| op.id == id) else {
                continue;
            };
            if operation.reported {
                continue;
            }
            operation.reported = true;
            if let (Some(retiring), true) = (operation.retiring, left > 0 && operation.moved == 0) {
                // Nobody ever reached the place: new connections are not to be sent there either.
                self.redirects.forget_target(retiring);
            }
            let operation = operation.account(now, left);
            let why = AbandonReason::LinksGone;
            self.publish(match (left, operation.moved) {
                (0, 0) => Event::OperationAbandoned { operation, why },
                (0, _) => Event::OperationCompleted { operation },
                (left, _) => Event::OperationFailed { operation, left },
            });
        }
        self.operations
            .retain(|op| op.is_active() || op.give_up > now);
    }

    fn advance_draining(&mut self, now: Instant) {
        for old in self.draining.iter_mut().filter(|old| !old.forced) {
            let link = old.link;
            if old.hard_end <= now {
                old.forced = true;
                self.actions.push_back(Action::Close { link });
            } else if old.close_at <= now && !old.asked {
                old.asked = true;
                self.actions.push_back(Action::CloseIfIdle { link });
            }
        }
    }
}
