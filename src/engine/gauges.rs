//! What goes on now, for the gauges of the feature `metrics`; not compiled without it. Decides nothing,
//! publishes nothing, and reads only what `Client::maintenance` shows too.

use super::node::Node;
use crate::handoff::announcements::Announcements;
use crate::handoff::breaker::BreakerState;
use crate::handoff::planner::Phase;
use crate::lane::Gauges;
use std::time::Instant;

/// How things stand with all nodes together. Called by the coordinator after each message; the lane
/// publishes what has changed.
///
/// A breaker that has never opened has no gauge: servers that name ever new places make no new ones.
pub(super) fn of<'a>(
    nodes: impl Iterator<Item = &'a Node>,
    announcements: &Announcements,
    now: Instant,
) -> Gauges {
    let moving = |state: &Phase| matches!(state, Phase::Marked | Phase::Handing);
    let mut all = Gauges::default();
    for planner in nodes.map(|node| &node.planner) {
        all.handoffs += planner.handoffs(now).len();
        all.draining += planner.draining();
        all.moving += planner.phases().filter(moving).count();
    }
    let open = announcements.windows().iter_open();
    // As in `Client::maintenance`: an event that several addresses announce is one window.
    all.windows = open.filter(|window| !window.echo).count();
    let breakers = announcements.breakers().filter_map(|(endpoint, stats)| {
        let state = match stats.state {
            BreakerState::Closed => return None,
            BreakerState::HalfOpen => "half_open",
            BreakerState::Open => "open",
        };
        Some((endpoint.to_string(), state))
    });
    all.breakers.extend(breakers);
    all
}
