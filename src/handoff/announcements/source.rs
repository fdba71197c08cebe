//! The connection over which a notification came, as it was then: it may be gone when the notification is
//! judged. Judges nothing.

use crate::handoff::is_at;
use crate::ids::{LinkId, NodeId};
use crate::protocol::Endpoint;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What comes this soon after its connection may be the memory of something long past: completions were seen
/// replayed 16-17 ms after the opt-in.
pub(super) const CATCH_UP: Duration = Duration::from_millis(250);

/// A connection that served its entry when it told something. The planner of its node vouches for that.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The node that it leads to.
    pub(crate) node: NodeId,
    /// The number of the link on which it came.
    pub(crate) link: LinkId,
    /// The address of the server.
    pub(crate) peer: Option<SocketAddr>,
    /// What was dialled.
    pub(crate) via: Endpoint,
    /// Whether the server was asked for notifications on it.
    pub(crate) opted_in: bool,
    /// When the connection was reported up.
    pub(crate) up_at: Instant,
    /// When its job was offered: it may be as old as that.
    pub(crate) dialled_at: Instant,
    /// When the notification came.
    pub(crate) at: Instant,
}

impl Source {
    /// Whether what came over it may be what the server tells every new connection.
    pub(super) fn is_fresh(&self) -> bool {
        self.at.saturating_duration_since(self.up_at) <= CATCH_UP
    }

    /// Whether a MOVING over it names the place where the connection is already.
    pub(crate) fn is_at(&self, target: Option<&Endpoint>) -> bool {
        target.is_some_and(|target| {
            *target == self.via || self.peer.is_some_and(|peer| is_at(target, peer))
        })
    }
}
