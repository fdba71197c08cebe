//! The lines of `CLUSTER NODES`. Connects to none of the nodes.

use super::lossy;
use super::server::moment;
use crate::command::FromValue;
use crate::error::{Error, Result};
use crate::protocol::Value;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

/// A node of a cluster: see [`Commands::cluster_nodes`](crate::Commands::cluster_nodes).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ClusterNode {
    /// Its number, 40 hexadecimal digits.
    pub id: String,
    /// Empty as long as it is not known.
    pub host: String,
    /// For clients.
    pub port: u16,
    /// For other nodes.
    pub bus_port: Option<u16>,
    /// If it was given one. From 7.0 on.
    pub hostname: Option<String>,
    /// Such as `myself`, `master`, `slave`, `fail?` or `fail`.
    pub flags: Vec<String>,
    /// The number of its primary, if it is a replica.
    pub primary: Option<String>,
    /// When this server asked it for a sign of life that has not come yet, in steps of 1 ms.
    pub ping_sent: Option<SystemTime>,
    /// When its last sign of life came, in steps of 1 ms.
    pub pong_received: Option<SystemTime>,
    /// The number of its last change.
    pub config_epoch: u64,
    /// Whether this server is connected to it.
    pub is_connected: bool,
    /// What it has.
    pub slots: Vec<RangeInclusive<u16>>,
    /// What comes to it, and the number of the node from which. Of this server itself only.
    pub importing: Vec<(u16, String)>,
    /// What goes from it, and the number of the node to which. Of this server itself only.
    pub migrating: Vec<(u16, String)>,
}

impl ClusterNode {
    #[inline]
    fn read(line: &str) -> Result<Self> {
        Self::of_line(line).ok_or_else(|| Error::conversion("the line of a node has another form"))
    }

    #[inline]
    fn of_line(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let id = words.next()?.to_owned();
        // host:port@bus,hostname,name=value... The part behind the first comma came with 7.0, what is behind the
        // second with 7.2.
        let mut address = words.next()?.split(',');
        let place = address.next()?;
        let (place, bus) = place.split_once('@').unwrap_or((place, ""));
        // An IPv6 address has colons too.
        let (host, port) = place.rsplit_once(':')?;
        let hostname = address
            .next()
            .filter(|name| !name.is_empty() && !name.contains('='));
        let mut flags = Vec::new();
        for flag in words.next()?.split(',') {
            // It stands for none.
            if flag != "noflags" {
                flags.push(flag.to_owned());
            }
        }
        let primary = words.next()?;
        let mut millis = || -> Option<Option<SystemTime>> {
            let millis: u64 = words.next()?.parse().ok()?;
            // Zero: none is on its way, or none has ever come.
            Some((millis > 0).then(|| moment(Duration::from_millis(millis))))
        };
        let mut node = Self {
            id,
            host: host.to_owned(),
            port: port.parse().ok()?,
            bus_port: bus.parse().ok(),
            hostname: hostname.map(str::to_owned),
            flags,
            primary: (primary != "-").then(|| primary.to_owned()),
            ping_sent: millis()?,
            pong_received: millis()?,
            config_epoch: words.next()?.parse().ok()?,
            is_connected: words.next()? == "connected",
            slots: Vec::new(),
            importing: Vec::new(),
            migrating: Vec::new(),
        };
        // A replica has none.
        for word in words {
            node.add_slots(word)?;
        }
        Some(node)
    }

    /// `7`, `0-100`, `[93-<-from]` or `[77->-to]`.
    #[inline]
    fn add_slots(&mut self, word: &str) -> Option<()> {
        let moving = word
            .strip_prefix('[')
            .and_then(|word| word.strip_suffix(']'));
        if let Some(moving) = moving {
            let (slot, other) = moving.split_once('-')?;
            let (moves, other) = if let Some(from) = other.strip_prefix("<-") {
                (&mut self.importing, from)
            } else {
                (&mut self.migrating, other.strip_prefix(">-")?)
            };
            moves.push((slot.parse().ok()?, other.to_owned()));
        } else {
            // One slot is not written as a range.
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            self.slots.push(first.parse().ok()?..=last.parse().ok()?);
        }
        Some(())
    }
}

impl FromValue for ClusterNode {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        Self::read(&lossy(value)?)
    }

    /// `CLUSTER NODES` is one text with a line for each, `CLUSTER REPLICAS` an array of lines.
    #[inline]
    fn list_from_value(value: Value) -> Result<Vec<Self>> {
        let mut list = Vec::new();
        match value.into_plain() {
            lines @ (Value::Array(_) | Value::Nil) => {
                for line in Vec::<Value>::from_value(lines)? {
                    list.push(Self::from_value(line)?);
                }
            }
            text => {
                for line in lossy(text)?.lines() {
                    list.push(Self::read(line)?);
                }
            }
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_forms_are_read() {
        let text = "\
07c37df 127.0.0.1:30004@31004,a.example,shard-id=x slave,fail? e7d1eec 0 1426238317239 4 connected\n\
67ed2db fe80::1:30002@31002 myself,master - 1426238316232 0 2 disconnected 5461-10922 7 [93-<-292f8b3] [77->-e7d1eec]\n\
292f8b3 :0 noaddr,noflags - 0 0 0 connected\n";
        let nodes = Vec::<ClusterNode>::from_value(Value::bulk(text)).unwrap();
        let lines = text.lines().map(Value::bulk).collect::<Vec<_>>();
        assert_eq!(
            Vec::<ClusterNode>::from_value(Value::array(lines)).unwrap(),
            nodes
        );
        let [replica, primary, lost] = &nodes[..] else {
            panic!("{nodes:?}")
        };
        assert_eq!(replica.hostname.as_deref(), Some("a.example"));
        assert_eq!(replica.flags, ["slave", "fail?"]);
        assert_eq!(replica.primary.as_deref(), Some("e7d1eec"));
        assert_eq!((replica.ping_sent, replica.config_epoch), (None, 4));
        assert!(replica.pong_received.is_some() && replica.is_connected);
        assert_eq!((primary.host.as_str(), primary.port), ("fe80::1", 30002));
        assert_eq!((primary.bus_port, &primary.primary), (Some(31002), &None));
        assert!(primary.ping_sent.is_some() && !primary.is_connected);
        assert_eq!(primary.slots, [5461..=10922, 7..=7]);
        assert_eq!(primary.importing, [(93, "292f8b3".to_owned())]);
        assert_eq!(primary.migrating, [(77, "e7d1eec".to_owned())]);
        assert_eq!((lost.host.as_str(), lost.bus_port), ("", None));
        assert_eq!(lost.flags, ["noaddr"]);
        assert!(ClusterNode::from_value(Value::bulk("07c37df 127.0.0.1")).is_err());
    }
}
