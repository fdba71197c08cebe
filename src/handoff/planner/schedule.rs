//! What is due, after every input and whenever a timer fires. Everything here can be repeated at any time
//! without harm: each room does what its own clock says, and nothing twice.

use super::Planner;
use super::action::AbandonReason;
use super::entry::Entry;
use super::handoff::Stage;
use super::state::Phase;
use super::timer::{Soonest, Timer};
use crate::events::MaintenanceEvent;
use crate::handoff::announcements::Announcements;
use crate::handoff::later;
use std::time::Instant;

impl Planner {
    /// Does all that is due.
    pub(super) fn advance(&mut self, now: Instant, ann: &mut Announcements) {
        ann.handle_timeout(now);
        self.take_effects(ann);
        // What these forget is not found any more once its time is over, so nobody is woken for it.
        self.redirects.handle_timeout(now);
        self.refill.forgive(now);
        for timer in Timer::ALL {
            self.handle_timer(now, ann, *timer);
        }
    }

    /// When [`Planner::handle_timeout`] is to be called at the latest: later than every input so far. What the
    /// announcements wait for comes beside it.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let now = self.clock?;
        let mut soonest = Soonest::after(now);
        for timer in Timer::ALL {
            soonest.note(self.next_at(now, *timer));
        }
        soonest.get()
    }

    /// Does what is due of this kind. The order of the kinds matters: a handoff that ends gives back its entries
    /// before fills are offered, and fills come before moves because callers wait for them.
    fn handle_timer(&mut self, now: Instant, ann: &mut Announcements, timer: Timer) {
        match timer {
            Timer::Queue => self.blocked_until = self.blocked_until.filter(|until| *until > now),
            Timer::Handoff => {
                // Before the handoffs: a name that lists nothing but the retiring address becomes a
                // front at half time.
                self.advance_fronts(now);
                self.advance_handoffs(now);
            }
            Timer::LastCall => self.call_last(now),
            Timer::Draining => self.draining.handle_timeout(now, &mut self.actions),
            Timer::Lookup => {
                if self.next_lookup().is_some_and(|at| at <= now) {
                    let question = self.lookups.ask(now);
                    self.act(question);
                }
            }
            Timer::Idle => self.look_for_idle(now),
            Timer::Search => self.advance_search(now, ann),
            Timer::Fill => self.offer_fills(now, ann),
            Timer::Move => self.offer_moves(now, ann),
            Timer::Interrupt => self.interrupt_moves(now),
        }
    }

    /// The next instant after `now` at which something of this kind is due. What was due by `now` is done, or
    /// waits for an input and not for time: to be woken for it would be to spin.
    fn next_at(&self, now: Instant, timer: Timer) -> Option<Instant> {
        let mut soonest = Soonest::after(now);
        match timer {
            Timer::Queue => soonest.note(self.blocked_until),
            Timer::Handoff => self.handoffs.note_times(&mut soonest),
            Timer::LastCall => self.note_last_calls(&mut soonest),
            Timer::Draining => self.draining.note_times(&mut soonest),
            Timer::Lookup => soonest.note(self.next_lookup()),
            Timer::Idle => self.note_idle_looks(&mut soonest),
            Timer::Search => soonest.note(self.looks.due()),
            Timer::Fill => {
                for at in self.entries.ids().filter(|at| self.needs_fill(*at)) {
                    soonest.note(self.fill_paused_until(now, at));
                }
            }
            Timer::Move => self.note_moves(now, &mut soonest),
            Timer::Interrupt => self.note_interrupts(&mut soonest),
        }
        soonest.get()
    }

    /// When to ask for the configured name: handoffs that search set the pace, and the end of a redirect's announced
    /// time is a reason to ask even if none does.
    fn next_lookup(&self) -> Option<Instant> {
        let binding = self.redirects.binding_until();
        self.lookups.due(self.handoffs.searching(), binding)
    }

    /// When an entry may move that must not yet, and when a probe has been out for so long that another may go.
    fn note_moves(&self, now: Instant, soonest: &mut Soonest) {
        for entry in self.entries.iter() {
            if entry.state.phase() == Phase::Marked {
                if let Some(pending) = entry.state.pending() {
                    let handoff = self.handoffs.get(pending.handoff);
                    soonest.note(pending.not_before);
                    soonest.note(handoff.and_then(|handoff| entry.rests_until(handoff)));
                }
            }
            if let Some(job) = entry.state.assignment() {
                let handoff = job.handoff.and_then(|(id, _)| self.handoffs.get(id));
                let active = handoff.filter(|handoff| handoff.is_active());
                soonest.note(active.map(|handoff| later(job.offered_at, handoff.rest(now))));
            }
        }
    }

    /// Begins the handoffs whose time has come, and ends those that have nobody left to move or no time left. One
    /// that ends is told of once: as completed, as failed for so many entries, or as abandoned if the links that it
    /// was to move ended by themselves. It is remembered until `give_up`, for connections that still arrive.
    fn advance_handoffs(&mut self, now: Instant) {
        let mut ended = Vec::new();
        for handoff in self.handoffs.active_mut() {
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
            // An entry whose link gave way waits too, although it is not marked: it has no link to mark.
            let out = |entry: &Entry| entry.works_for(id) || entry.released_first_for(id);
            let under_way = self.entries.iter().any(out);
            let over = handoff.give_up <= now;
            if (waiting == 0 && !under_way) || over {
                handoff.stage = Stage::Ended;
                ended.push((id, waiting));
            }
        }
        // In a second pass, because an end changes entries, redirects and actions.
        for (id, left) in ended {
            self.entries.unmark(id);
            let Some(handoff) = self.handoffs.get_mut(id) else {
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
        self.handoffs.forget(now);
    }
}
