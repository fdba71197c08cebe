//! How things stand with the coordinator at one moment, in the user's words. Never kept: made when somebody
//! asks, and old at once.

use super::node::Node;
use crate::events::{BreakerState, Handoff, MaintenanceWindow};
use crate::handoff::announcements::Announcements;
use crate::handoff::planner::Phase;
use crate::protocol::Endpoint;
use std::time::Instant;

/// A circuit breaker at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BreakerStats {
    /// The place whose dials it judges.
    pub endpoint: Endpoint,
    /// What it lets through at this moment.
    pub state: BreakerState,
    /// Dials that failed in a row.
    pub failures_in_a_row: u32,
    /// Dials that succeeded.
    pub successes: u64,
    /// Dials that failed.
    pub failures: u64,
    /// Dials that it did not let through.
    pub rejections: u64,
    /// How often it opened.
    pub openings: u64,
}

/// What only the coordinator knows. It answers [`Client::maintenance`](crate::Client::maintenance) with
/// one; what can be counted without it is read from the counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// Those that go on, node by node.
    pub(crate) handoffs: Vec<Handoff>,
    /// Those of all endpoints that were dialled lately.
    pub(crate) breakers: Vec<BreakerStats>,
    /// Those that are open, each once, however many addresses announced it.
    pub(crate) windows: Vec<MaintenanceWindow>,
    /// Connections that were replaced and have not ended.
    pub(crate) draining: usize,
    /// Connections that wait for their move, or are on it.
    pub(crate) moving: usize,
}

impl Snapshot {
    /// How things stand with all nodes together.
    pub(super) fn of<'a>(
        nodes: impl Iterator<Item = &'a Node>,
        announcements: &Announcements,
        now: Instant,
    ) -> Self {
        let mut all = Self::announced(announcements, now);
        for node in nodes {
            all.add(node, now);
        }
        all
    }

    /// What is known of the database, whatever its nodes.
    fn announced(announcements: &Announcements, now: Instant) -> Self {
        let open = announcements.windows().iter_open();
        let breakers = announcements.breakers();
        Self {
            windows: open
                // An echo is the window of an event that another address has announced first: shown once.
                .filter(|window| !window.echo)
                .map(|window| window.told(now))
                .collect(),
            breakers: breakers
                .map(|(endpoint, stats)| BreakerStats {
                    endpoint: endpoint.clone(),
                    state: stats.state,
                    failures_in_a_row: stats.failures_in_a_row,
                    successes: stats.successes,
                    failures: stats.failures,
                    rejections: stats.rejections,
                    openings: stats.openings,
                })
                .collect(),
            ..Self::default()
        }
    }

    /// Adds what is known of one node.
    fn add(&mut self, node: &Node, now: Instant) {
        let planner = &node.planner;
        let moving = |state: &Phase| matches!(state, Phase::Marked | Phase::Handing);
        self.handoffs.extend(planner.handoffs(now));
        self.draining += planner.draining();
        self.moving += planner.phases().filter(moving).count();
    }
}
