//! What commands of a cluster reply, but for `CLUSTER NODES`. Follows no slots.

use super::server::moment;
use super::{Fields, Parts, turned};
use crate::command::FromValue;
use crate::error::Result;
use crate::protocol::Value;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

/// A shard of a cluster: see [`Commands::cluster_shards`](crate::Commands::cluster_shards).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ClusterShard {
    /// What it has.
    pub slots: Vec<RangeInclusive<u16>>,
    /// Its primary and replicas.
    pub nodes: Vec<ShardNode>,
    /// Its number. Valkey 8.1, Redis 8.4.
    pub id: Option<String>,
}

/// A node of a [`ClusterShard`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ShardNode {
    /// Its number.
    pub id: String,
    /// How clients reach it; `None`: as this server.
    pub endpoint: Option<String>,
    /// Empty as long as it is not known.
    pub ip: String,
    /// If it was given one.
    pub hostname: Option<String>,
    /// Without TLS, if it listens so.
    pub port: Option<u16>,
    /// With TLS, if it listens so.
    pub tls_port: Option<u16>,
    /// `master` or `replica`.
    pub role: String,
    /// How many bytes of replication it has.
    pub replication_offset: u64,
    /// `online`, `failed` or `loading`.
    pub health: String,
}

/// Slots in a row: see [`Commands::cluster_slots`](crate::Commands::cluster_slots).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SlotRange {
    /// Which they are.
    pub slots: RangeInclusive<u16>,
    /// The primary that has them, and behind it its replicas.
    pub nodes: Vec<SlotNode>,
}

/// A node of a [`SlotRange`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SlotNode {
    /// How clients reach it; `None`: as this server. `?` is not known.
    pub endpoint: Option<String>,
    /// With TLS or without, as this connection is.
    pub port: u16,
    /// Its number.
    pub id: String,
    /// Such as `ip` or `hostname`. From 7.0 on.
    pub metadata: HashMap<String, String>,
}

/// A connection between nodes: see [`Commands::cluster_links`](crate::Commands::cluster_links).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ClusterLink {
    /// `to` or `from`.
    pub direction: String,
    /// The number of the other node.
    pub node: String,
    /// Since when, in steps of 1 ms.
    pub created: SystemTime,
    /// What this node waits for: `r`, `w` or both.
    pub events: String,
    /// Of its buffer, in bytes.
    pub send_buffer_allocated: u64,
    /// Of its buffer, in bytes.
    pub send_buffer_used: u64,
}

/// What a node counts of a slot: see [`Commands::cluster_slot_stats`](crate::Commands::cluster_slot_stats).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SlotStats {
    /// Which it is.
    pub slot: u16,
    /// By the server's names, such as `key-count` or `cpu-usec`.
    pub counts: HashMap<String, u64>,
}

/// A text that may be absent in more than one way.
fn known(text: Option<String>) -> Option<String> {
    // A server that does not know its own address says nil in one place and an empty text in another.
    text.filter(|text| !text.is_empty())
}

impl FromValue for ClusterShard {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a shard")?;
        // First and last in turn, on both protocols.
        let slots: Vec<(u16, u16)> = fields.take("slots");
        let made = Self {
            slots: turned(slots, |(first, last)| first..=last),
            nodes: fields.take("nodes"),
            id: fields.take("id"),
        };
        fields.end()?;
        Ok(made)
    }
}

impl FromValue for ShardNode {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a node")?;
        let made = Self {
            id: fields.need("id"),
            endpoint: known(fields.take("endpoint")),
            ip: fields.take::<Option<String>>("ip").unwrap_or_default(),
            hostname: known(fields.take("hostname")),
            // One of the two, or both, by how the node listens.
            port: fields.take("port"),
            tls_port: fields.take("tls-port"),
            role: fields.need("role"),
            replication_offset: fields.need("replication-offset"),
            health: fields.need("health"),
        };
        fields.end()?;
        Ok(made)
    }
}

impl FromValue for SlotRange {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut parts = Parts::of(value)?;
        // Two numbers, and behind them as many nodes as there are.
        let slots = parts.next()..=parts.next();
        let more = parts.rest();
        parts.end()?;
        let mut nodes = Vec::with_capacity(more.len());
        for node in more {
            nodes.push(SlotNode::from_value(node)?);
        }
        Ok(Self { slots, nodes })
    }
}

impl FromValue for SlotNode {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut parts = Parts::of(value)?;
        let made = Self {
            endpoint: known(parts.next()),
            port: parts.next(),
            id: parts.next(),
            // Servers before 7.0 have no fourth element, and nil is an empty map.
            metadata: parts.next(),
        };
        parts.end()?;
        Ok(made)
    }
}

impl FromValue for ClusterLink {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a connection of nodes")?;
        let made = Self {
            direction: fields.need("direction"),
            node: fields.need("node"),
            created: moment(Duration::from_millis(fields.need("create-time"))),
            events: fields.need("events"),
            send_buffer_allocated: fields.need("send-buffer-allocated"),
            send_buffer_used: fields.need("send-buffer-used"),
        };
        fields.end()?;
        Ok(made)
    }
}

impl FromValue for SlotStats {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut parts = Parts::of(value)?;
        let made = Self {
            slot: parts.next(),
            counts: parts.next(),
        };
        parts.end()?;
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read() {
        // A node that is alone has none.
        let text = |text: &str| Value::bulk(text);
        let fields = [
            (text("direction"), text("to")),
            (
                text("node"),
                text("8149d745fa551e40764fecaf7cab9dbdf6b659ae"),
            ),
            (text("create-time"), Value::Int(1_639_442_739_375)),
            (text("events"), text("rw")),
            (text("send-buffer-allocated"), Value::Int(4512)),
            (text("send-buffer-used"), Value::Int(7)),
        ];
        let link = ClusterLink::from_value(Value::Map(fields.into_iter().collect())).unwrap();
        assert_eq!(
            (link.direction.as_str(), link.events.as_str()),
            ("to", "rw")
        );
        assert_eq!(
            (link.send_buffer_allocated, link.send_buffer_used),
            (4512, 7)
        );
        let since = link.created.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since.as_millis(), 1_639_442_739_375);
    }
}
