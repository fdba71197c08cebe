//! The breakers' permits: what a job that has one says about the endpoint that it dialled. Keeps no breaker.

use super::Planner;
use crate::events::MaintenanceEvent;
use crate::handoff::announcements::Announcements;
use crate::handoff::breaker::{BreakerState, Permit};
use crate::protocol::Endpoint;
use std::time::Instant;

/// What a job says about the endpoint that it dialled.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Failure,
    Success,
    Withdrawal,
}

impl Planner {
    /// A breaker may admit more than it did.
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
