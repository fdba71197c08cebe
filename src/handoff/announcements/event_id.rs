//! What makes two notifications copies of one event. Remembers none.
//!
//! A pool of eight connections hears one event eight times, and again on each connection that it makes while
//! the event lasts.

use crate::handoff::windows::{Cause, Family};
use crate::protocol::{Endpoint, Notification};
use std::net::SocketAddr;

/// The kind of a notification.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Kind {
    /// A failover has ended.
    FailedOver,
    /// A failover begins.
    FailingOver,
    /// A shard has moved.
    Migrated,
    /// A shard moves.
    Migrating,
    /// An address retires.
    Moving,
    /// Hash slots have moved.
    SlotsMigrated,
    /// Hash slots move.
    SlotsMigrating,
}

impl Kind {
    /// The kind of `notification`.
    pub(super) fn of(notification: &Notification) -> Self {
        match notification {
            Notification::FailedOver { .. } => Self::FailedOver,
            Notification::FailingOver { .. } => Self::FailingOver,
            Notification::Migrated { .. } => Self::Migrated,
            Notification::Migrating { .. } => Self::Migrating,
            Notification::Moving { .. } => Self::Moving,
            Notification::SlotsMigrated { .. } => Self::SlotsMigrated,
            Notification::SlotsMigrating { .. } => Self::SlotsMigrating,
        }
    }

    /// The kind that ends what this one starts; itself where it ends something. `None` for MOVING, which has
    /// no completion on the wire.
    pub(super) fn completion(self) -> Option<Self> {
        match self {
            Self::FailedOver | Self::FailingOver => Some(Self::FailedOver),
            Self::Migrated | Self::Migrating => Some(Self::Migrated),
            Self::Moving => None,
            Self::SlotsMigrated | Self::SlotsMigrating => Some(Self::SlotsMigrated),
        }
    }

    /// Whether it ends what another kind starts.
    pub(super) fn is_completion(self) -> bool {
        self.completion() == Some(self)
    }

    /// The family of windows that it opens or closes.
    pub(super) fn family(self) -> Family {
        match self {
            Self::FailedOver | Self::FailingOver => Family::Failover,
            Self::Migrated | Self::Migrating => Family::Migration,
            Self::Moving => Family::Moving,
            Self::SlotsMigrated | Self::SlotsMigrating => Family::SlotMigration,
        }
    }
}

/// What makes two notifications the same event: kind and number, and for a MOVING also the address that
/// retires and the target, because overlapping moves may share a number. Without a number, all of one kind
/// that arrive while the first of them lasts are the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EventId {
    pub(super) kind: Kind,
    /// The number that the database gave it, one sequence for all kinds.
    pub(super) seq: Option<i64>,
    /// The address that retires. Of a MOVING alone.
    peer: Option<SocketAddr>,
    /// Where the server says to go. Of a MOVING alone.
    pub(super) target: Option<Endpoint>,
}

impl EventId {
    /// The event that `notification` tells, over a connection to `peer`.
    pub(super) fn of(notification: &Notification, peer: Option<SocketAddr>) -> Self {
        let seq = notification.seq();
        match notification {
            Notification::Moving { target, .. } => Self::moving(peer, seq, target.clone()),
            // Not by the shards or hash slots that it lists: its number names it.
            other => Self::other(Kind::of(other), seq),
        }
    }

    /// A MOVING.
    pub(super) fn moving(
        peer: Option<SocketAddr>,
        seq: Option<i64>,
        target: Option<Endpoint>,
    ) -> Self {
        Self {
            kind: Kind::Moving,
            seq,
            peer,
            target,
        }
    }

    /// An event of any other kind.
    pub(super) fn other(kind: Kind, seq: Option<i64>) -> Self {
        Self {
            kind,
            seq,
            // Every node of the database may tell it.
            peer: None,
            target: None,
        }
    }

    /// What its window is opened for.
    pub(super) fn cause(&self) -> Cause {
        Cause {
            family: self.kind.family(),
            seq: self.seq,
        }
    }
}
