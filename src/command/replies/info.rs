//! What `INFO` and `CLUSTER INFO` reply: lines of names and values. Does not know most of the names.

use super::{lossy, value_of};
use crate::command::FromValue;
use crate::error::{Error, Result};
use crate::protocol::Value;
use std::iter;
use std::str::FromStr;
use std::time::Duration;

/// What a server says of itself: see [`Commands::info`](crate::Commands::info).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Info {
    text: String,
}

/// A database with keys: see [`Info::keyspace`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Keyspace {
    /// Its number.
    pub number: u64,
    /// How many keys it has.
    pub keys: u64,
    /// How many of them vanish by themselves.
    pub expires: u64,
    /// How long these have to live on average, in steps of 1 ms, as far as the server has looked.
    pub average_ttl: Duration,
}

impl Info {
    /// The whole, as the server sent it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A field by its name, such as `redis_version` or `used_memory`. `None`: there is none, or it is no such
    /// type.
    pub fn get<T: FromStr>(&self, name: &str) -> Option<T> {
        value_of(name, self.text.lines(), ':')?.parse().ok()
    }

    /// All fields in the order of the server, with their names.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        // The value of some is a path or a list, which may have colons: the first one ends the name.
        // Sections begin with `#`, and end with an empty line.
        self.text.lines().filter_map(|line| line.split_once(':'))
    }

    /// The fields of one section, such as `Memory`; the case of letters does not matter.
    pub fn section(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let is_title = move |line: &str| {
            let title = line.strip_prefix("# ");
            title.is_some_and(|title| title.trim_end().eq_ignore_ascii_case(name))
        };
        let mut lines = self.text.lines();
        let mut is_inside = false;
        iter::from_fn(move || {
            loop {
                let line = lines.next()?;
                if !is_inside {
                    is_inside = is_title(line);
                } else if line.starts_with('#') {
                    // The title of the next one.
                    lines = "".lines();
                } else if let Some(field) = line.split_once(':') {
                    return Some(field);
                }
            }
        })
    }

    /// The databases that have keys.
    pub fn keyspace(&self) -> Vec<Keyspace> {
        let mut databases = Vec::new();
        for (name, text) in self.section("Keyspace") {
            // Servers with more than one kind of data may put other lines here.
            databases.extend(Keyspace::of(name, text));
        }
        databases
    }
}

impl Keyspace {
    #[inline]
    fn of(name: &str, text: &str) -> Option<Self> {
        // `keys=3,expires=1,avg_ttl=250`, and more from newer servers.
        let part = |wanted| value_of(wanted, text.split(','), '=')?.parse::<u64>().ok();
        Some(Self {
            number: name.strip_prefix("db")?.parse().ok()?,
            keys: part("keys")?,
            expires: part("expires").unwrap_or_default(),
            average_ttl: Duration::from_millis(part("avg_ttl").unwrap_or_default()),
        })
    }
}

impl FromValue for Info {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let text = lossy(value)?;
        Ok(Self { text })
    }
}

/// How a server sees its cluster: see [`Commands::cluster_info`](crate::Commands::cluster_info).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ClusterInfo {
    /// Whether it answers commands of keys (`cluster_state:ok`).
    pub is_ok: bool,
    /// How many slots belong to a node.
    pub slots_assigned: u64,
    /// How many of them belong to a node that answers.
    pub slots_ok: u64,
    /// How many of them belong to a node that this server alone thinks has failed.
    pub slots_pfail: u64,
    /// How many of them belong to a node that has failed.
    pub slots_fail: u64,
    /// How many nodes it knows.
    pub known_nodes: u64,
    /// How many primaries have slots.
    pub size: u64,
    /// The number of the last change that the cluster agreed on.
    pub current_epoch: u64,
    /// The number of the last change of this node's own slots.
    pub my_epoch: u64,
    /// All of it.
    pub info: Info,
}

impl FromValue for ClusterInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let info = Info::from_value(value)?;
        // Servers have added fields with every version: one that is not there counts as zero.
        let number = |name| info.get::<u64>(name).unwrap_or_default();
        // The one field without which it is no such reply: a server that is in no cluster refuses instead.
        let Some(state) = info.get::<String>("cluster_state") else {
            return Err(Error::conversion("the reply has no field cluster_state"));
        };
        Ok(Self {
            is_ok: state == "ok",
            slots_assigned: number("cluster_slots_assigned"),
            slots_ok: number("cluster_slots_ok"),
            slots_pfail: number("cluster_slots_pfail"),
            slots_fail: number("cluster_slots_fail"),
            known_nodes: number("cluster_known_nodes"),
            size: number("cluster_size"),
            current_epoch: number("cluster_current_epoch"),
            my_epoch: number("cluster_my_epoch"),
            info,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_fields_are_found() {
        let text = "# Server\r\nredis_version:7.0.15\r\nexecutable:/a:b\r\n\r\n# Keyspace\r\n\
                    db0:keys=3,expires=1,avg_ttl=250,subexpiry=0\r\ndb9:keys=1\r\n";
        let info = Info::from_value(Value::bulk(text)).unwrap();
        assert_eq!(info.get("executable"), Some("/a:b".to_owned()));
        assert_eq!(info.get::<u64>("redis_version"), None);
        assert_eq!(info.fields().count(), 4);
        let server: Vec<_> = info.section("SERVER").collect();
        assert_eq!(
            server,
            [("redis_version", "7.0.15"), ("executable", "/a:b")]
        );
        assert_eq!(info.section("Clients").count(), 0);
        let [first, last] = info.keyspace()[..] else {
            panic!("{info:?}")
        };
        assert_eq!((first.number, first.keys, first.expires), (0, 3, 1));
        assert_eq!(first.average_ttl, Duration::from_millis(250));
        assert_eq!((last.number, last.keys, last.expires), (9, 1, 0));
        assert!(ClusterInfo::from_value(Value::bulk(text)).is_err());
    }
}
