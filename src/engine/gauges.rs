//! What goes on now, for the gauges of the feature `metrics`; not compiled without it. Decides nothing,
//! publishes nothing, and reads only what `Client::maintenance` shows too.

use crate::handoff::breaker::BreakerState;
use crate::handoff::planner::{Phase, Planner};
use crate::lane::Gauges;
use std::time::Instant;

/// How things stand. A breaker that has never opened has no gauge: servers that name ever new places
/// make no new ones.
pub(super) fn of(planner: &Planner, now: Instant) -> Gauges {
    let moving = |state: &Phase| matches!(state, Phase::Marked | Phase::Handing);
    let open = planner.windows().iter_open();
    let breakers = planner.breakers().filter_map(|(endpoint, stats)| {
        let state = match stats.state {
            BreakerState::Closed => return None,
            BreakerState::HalfOpen => "half_open",
            BreakerState::Open => "open",
        };
        Some((endpoint.to_string(), state))
    });
    Gauges {
        handoffs: planner.handoffs(now).len(),
        windows: open.filter(|window| !window.echo).count(),
        draining: planner.draining(),
        moving: planner.seats().filter(moving).count(),
        breakers: breakers.collect(),
    }
}
