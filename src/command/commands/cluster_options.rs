//! The options of commands of a cluster. Checks no number of a node: the server does.

use crate::command::{ArgWriter, ToArgs};

/// How a node is to see a slot: see [`Commands::cluster_setslot`](crate::Commands::cluster_setslot).
///
/// ```no_run
/// use hitless::{Commands, SlotState};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let node = client.cluster_myid()?;
/// client.cluster_setslot(42, SlotState::Node(&node))?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SlotState<'a> {
    /// It comes from this node.
    Importing(&'a str),
    /// It goes to this node.
    Migrating(&'a str),
    /// It belongs to this node.
    Node(&'a str),
    /// It neither comes nor goes.
    Stable,
}

impl ToArgs for SlotState<'_> {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        match *self {
            Self::Importing(node) => ("IMPORTING", node).write_args(out),
            Self::Migrating(node) => ("MIGRATING", node).write_args(out),
            Self::Node(node) => ("NODE", node).write_args(out),
            Self::Stable => out.write(b"STABLE"),
        }
    }
}

/// Whom a replica asks that becomes a primary: see
/// [`Commands::cluster_failover_mode`](crate::Commands::cluster_failover_mode).
///
/// ```no_run
/// use hitless::{ClusterFailover, Commands};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// // The primary of this replica is down.
/// client.cluster_failover_mode(ClusterFailover::Force)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClusterFailover {
    /// The other primaries, and not its own, which is down. Its last writes may be lost.
    Force,
    /// Nobody: for when most primaries are down.
    Takeover,
}

impl ToArgs for ClusterFailover {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(match self {
            Self::Force => b"FORCE",
            Self::Takeover => b"TAKEOVER",
        });
    }
}
