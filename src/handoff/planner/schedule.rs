//! What is due, after every input and whenever a timer fires. Everything here can be repeated at any time
//! without harm: each room does what its own clock says, and nothing twice.

use super::Planner;
use super::action::AbandonReason;
use super::entry::Entry;
use super::handoff::Stage;
use super::state::Phase;
use super::timer::Timer;
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
        let timers = Timer::ALL.iter();
        timers.filter_map(|timer| self.next_at(now, *timer)).min()
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
            Timer::Draining => self.actions.extend(self.draining.handle_timeout(now)),
            Timer::Lookup => {
                if self.next_lookup().is_some_and(|at| at <= now) {
                    let question = self.lookups.ask(now);
                    self.actions.extend(question);
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
        fn soonest(now: Instant, times: impl IntoIterator<Item = Instant>) -> Option<Instant> {
            times.into_iter().filter(|at| *at > now).min()
        }
        match timer {
            Timer::Queue => soonest(now, self.blocked_until),
            Timer::Handoff => soonest(now, self.handoffs.times()),
            Timer::LastCall => soonest(now, self.last_calls()),
            Timer::Draining => soonest(now, self.draining.times()),
            Timer::Lookup => soonest(now, self.next_lookup()),
            Timer::Idle => soonest(now, self.idle_looks()),
            Timer::Search => soonest(now, self.looks.due()),
            Timer::Fill => {
                let needy = self.entries.ids().filter(|at| self.needs_fill(*at));
                soonest(now, needy.filter_map(|at| self.fill_paused_until(now, at)))
            }
            Timer::Move => soonest(now, self.move_times(now)),
            Timer::Interrupt => soonest(now, self.interrupts_due()),
        }
    }

    /// When to ask for the configured name: handoffs that search set the pace, and the end of a redirect's announced
    /// time is a reason to ask even if none does.
    fn next_lookup(&self) -> Option<Instant> {
        let binding = self.redirects.binding_until();
        self.lookups.due(self.handoffs.searching(), binding)
    }

    /// When an entry may move that must not yet, and when a probe has been out for so long that another may go.
    fn move_times(&self, now: Instant) -> impl Iterator<Item = Instant> + '_ {
        let marked = |entry: &&Entry| entry.state.phase() == Phase::Marked;
        let pauses = self.entries.iter().filter(marked).flat_map(|entry| {
            let pending = entry.state.pending();
            let handoff = pending.and_then(|pending| self.handoffs.get(pending.handoff));
            let rest = handoff.and_then(|handoff| entry.rests_until(handoff));
            let pause = pending.and_then(|pending| pending.not_before);
            pause.into_iter().chain(rest)
        });
        let jobs = self
            .entries
            .iter()
            .filter_map(|entry| entry.state.assignment());
        let probes = jobs.filter_map(move |job| {
            let (id, _) = job.handoff?;
            let handoff = self
                .handoffs
                .get(id)
                .filter(|handoff| handoff.is_active())?;
            Some(later(job.offered_at, handoff.rest(now)))
        });
        pauses.chain(probes)
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
