//! What the planner is told at its start, and cannot be told again.

use crate::ids::NodeId;
use crate::protocol::Endpoint;
use std::time::Duration;

/// Fixed for the life of a client.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Which node of its engine it plans for: events name it.
    pub(crate) node: NodeId,
    /// What the user configured. No notification changes it.
    pub(crate) configured: Endpoint,
    /// Entries in the pool; at least one.
    pub(crate) pool_size: usize,
    /// Jobs that are carried out at once; what is offered beyond that waits for the end of one.
    pub(crate) workers: usize,
    /// Further entries, after these, that serve one caller each and are filled for nobody else.
    pub(crate) dedicated: usize,
    /// Entries that are filled without being wanted.
    pub(crate) min_connections: usize,
    /// How long one handoff may take; also what a handoff with less announced time is given.
    pub(crate) handoff_timeout: Duration,
    /// Attempts after the first that an entry makes in one part of a window.
    pub(crate) max_retries: u32,
    /// Bound of the first delay between attempts to fill an entry.
    pub(crate) backoff_floor: Duration,
    /// Bound of every such delay.
    pub(crate) backoff_cap: Duration,
    /// Whether there is a password to log in with.
    pub(crate) has_login: bool,
    /// Whether entries are moved at all. Where not, a MOVING relaxes timeouts and does nothing else.
    pub(crate) handoffs: bool,
    /// Entries that may be on the move at once; zero means all.
    pub(crate) handoff_concurrency: usize,
    /// The longest random pause before a handoff begins.
    pub(crate) max_jitter: Duration,
}

impl Settings {
    /// Defaults for everything else.
    pub(crate) fn new(configured: Endpoint, pool_size: usize) -> Self {
        Self {
            node: NodeId::default(),
            configured,
            pool_size: pool_size.max(1),
            workers: usize::MAX,
            dedicated: 0,
            min_connections: 0,
            handoff_timeout: Duration::from_secs(15),
            max_retries: 3,
            backoff_floor: Duration::from_millis(10),
            backoff_cap: Duration::from_secs(1),
            has_login: false,
            handoffs: true,
            handoff_concurrency: 0,
            max_jitter: Duration::from_secs(1),
        }
    }
}
