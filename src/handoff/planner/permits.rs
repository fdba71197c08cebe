//! The breakers' permits: what a job that has one says about the endpoint that it dialled. Keeps no breaker:
//! the announcements do, for all nodes of the database.
//!
//! Moves have permits; fills and looks have none, because they keep to paces of their own. But a fill that
//! arrives shows as well as any probe that the endpoint works.

use super::Planner;
use crate::events::MaintenanceEvent;
use crate::handoff::announcements::Announcements;
use crate::handoff::breaker::{BreakerState, Permit};
use crate::protocol::Endpoint;
use std::time::Instant;

/// What a job says about the endpoint that it dialled.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// It could not be reached, or spoke no sense.
    Failure,
    /// It was reached, and a connection came of it, or would have at another time.
    Success,
    /// Nothing against it: the job was not begun or was interrupted, or the server has no room or wants another login.
    Withdrawal,
}

impl Planner {
    /// A breaker may admit more than it did: entries and handoffs that wait for one ask again at once. Those that
    /// wait for another breaker are refused again, which costs nothing but the question.
    fn unblock(&mut self) {
        for pending in self
            .entries
            .iter_mut()
            .filter_map(|entry| entry.state.pending_mut())
        {
            if pending.blocked {
                pending.blocked = false;
                pending.not_before = None;
            }
        }
        self.handoffs.unblock();
    }

    /// A dial that no breaker was asked about has reached this endpoint: whoever waits for it need not.
    pub(super) fn note_reached(&mut self, ann: &mut Announcements, endpoint: &Endpoint) {
        let Some(breaker) = ann.breakers.known(endpoint) else {
            return;
        };
        if breaker.state() == BreakerState::Closed {
            return;
        }
        breaker.handle_reached();
        self.unblock();
        self.publish(MaintenanceEvent::BreakerChanged {
            endpoint: endpoint.clone(),
            state: BreakerState::Closed,
        });
    }

    /// Gives a permit back with what its job has found out, and tells of a breaker that changes by it. Results for
    /// a breaker that was forgotten meanwhile count nowhere.
    pub(super) fn settle_permit(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        endpoint: &Endpoint,
        permit: Permit,
        outcome: Outcome,
    ) {
        let Some(breaker) = ann.breakers.known(endpoint) else {
            return;
        };
        let before = breaker.state();
        match outcome {
            Outcome::Failure => breaker.handle_failure(now, permit),
            Outcome::Success => breaker.handle_success(now, permit),
            Outcome::Withdrawal => breaker.handle_withdrawal(permit),
        }
        let state = breaker.state();
        // A withdrawal frees a place too, if the breaker is half open.
        if !matches!(outcome, Outcome::Failure) {
            self.unblock();
        }
        if state != before {
            self.publish(MaintenanceEvent::BreakerChanged {
                endpoint: endpoint.clone(),
                state,
            });
        }
    }
}
