//! Links that their server is about to close, while somebody may still do on them what would outlive them. Ends
//! none of that: it says when to.
//!
//! A link that was replaced is announced by [`Draining`](super::draining::Draining); here are those that still
//! serve, because the place that they are to move to was not reached.

use super::Planner;
use super::action::Action;
use super::state::Live;
use super::timer::Soonest;
use std::time::Instant;

impl Planner {
    /// Says of each link once in each handoff that it is about to be closed.
    pub(super) fn call_last(&mut self, now: Instant) {
        self.draining.call_last(now, &mut self.actions);
        for entry in self.entries.iter_mut() {
            let pending = entry.state.pending().map(|pending| pending.handoff);
            let Some(handoff) = pending.and_then(|id| self.handoffs.get(id)) else {
                continue;
            };
            let end = handoff.drain_end();
            let id = handoff.id;
            let is_due = handoff.is_active() && end.last_call <= now;
            // One that was dialled later is all that there is: to give its work up would only bring the next like it.
            let concerns = |live: &&mut Live| is_due && live.dialled_at <= end.last_call;
            if let Some(live) = entry.state.live_mut().filter(concerns) {
                if live.called_for.replace(id) != Some(id) {
                    self.actions.push_back(Action::LastCall {
                        link: live.link,
                        until: end.hard_end(),
                    });
                }
            }
        }
    }

    /// When something is to be said.
    pub(super) fn note_last_calls(&self, soonest: &mut Soonest) {
        self.draining.note_last_calls(soonest);
        for serving in self.handoffs.active() {
            soonest.note(Some(serving.drain_end().last_call));
        }
    }
}
