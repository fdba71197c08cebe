//! What a server says about its own maintenance.

use super::Endpoint;
use std::ops::RangeInclusive;

/// A maintenance notification, as the server sent it. Times are whole seconds and may be negative.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notification {
    /// A failover has ended.
    FailedOver {
        /// Number of the event in its database; `None` where the server sent none that can be read.
        seq: Option<i64>,
        /// The shards concerned: opaque text.
        shards: String,
    },
    /// A failover begins within `time` seconds.
    FailingOver {
        /// Number of the event in its database.
        seq: Option<i64>,
        /// Seconds.
        time: i64,
        /// The shards concerned: opaque text.
        shards: String,
    },
    /// A shard has moved.
    Migrated {
        /// Number of the event in its database.
        seq: Option<i64>,
        /// The shards concerned: opaque text.
        shards: String,
    },
    /// A shard moves within `time` seconds.
    Migrating {
        /// Number of the event in its database.
        seq: Option<i64>,
        /// Seconds.
        time: i64,
        /// The shards concerned: opaque text.
        shards: String,
    },
    /// The endpoint goes away in `time` seconds.
    Moving {
        /// Number of the event in its database.
        seq: Option<i64>,
        /// Seconds until the server may close the connection.
        time: i64,
        /// Where to go; `None` where the server leaves that to the client.
        target: Option<Endpoint>,
    },
    /// Hash slots have moved between nodes of a cluster.
    SlotsMigrated {
        /// Number of the event in its database.
        seq: Option<i64>,
        /// What moved where.
        moves: Vec<SlotMove>,
        /// How many of the moves could not be read.
        unreadable: usize,
    },
    /// Hash slots are moving between nodes of a cluster.
    SlotsMigrating {
        /// Number of the event in its database.
        seq: Option<i64>,
        /// The slots.
        slots: Vec<RangeInclusive<u16>>,
    },
}

/// Hash slots that went from one node to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SlotMove {
    /// The node that had them.
    pub source: Option<Endpoint>,
    /// The node that has them.
    pub destination: Option<Endpoint>,
    /// The slots.
    pub slots: Vec<RangeInclusive<u16>>,
}
