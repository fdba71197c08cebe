//! What commands of the server as a whole reply. Reads no clock: moments are the server's.

use super::{Fields, Parts};
use crate::command::FromValue;
use crate::error::Result;
use crate::protocol::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The moment so long after the beginning of 1970; that beginning itself if no clock holds it.
pub(super) fn moment(since: Duration) -> SystemTime {
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

/// From an integer, which are seconds since 1970, or from two: seconds, and microseconds on top.
impl FromValue for SystemTime {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let (seconds, micros) = match value.into_plain() {
            // `TIME`, which has texts; `LASTSAVE` has a number.
            value @ Value::Array(_) => <(u64, u64)>::from_value(value)?,
            value => (u64::from_value(value)?, 0),
        };
        Ok(moment(
            Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros)),
        ))
    }
}

/// A server's part in replication: see [`Commands::role`](crate::Commands::role).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Role {
    /// It takes writes.
    Primary {
        /// How many bytes of replication it has sent out, its own and those of primaries before it.
        offset: u64,
        /// Those that are connected.
        replicas: Vec<RoleReplica>,
    },
    /// It follows a primary.
    Replica {
        /// Of its primary.
        host: String,
        /// Of its primary.
        port: u16,
        /// `connect`, `connecting`, `sync` or `connected`.
        state: String,
        /// How many bytes of replication it has taken in; `None` before the first.
        offset: Option<u64>,
    },
    /// It is no server of data, but watches some.
    Sentinel {
        /// The names of the primaries that it watches.
        primaries: Vec<String>,
    },
    /// A part that is not known here, by the server's word for it.
    Other(String),
}

/// A replica of a [`Role::Primary`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RoleReplica {
    /// Where it is.
    pub host: String,
    /// Where it is.
    pub port: u16,
    /// How many bytes of replication it has confirmed.
    pub offset: u64,
}

impl FromValue for Role {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut parts = Parts::of(value)?;
        let word: String = parts.next();
        let made = match word.as_str() {
            // Servers say the old words to this day; the others are for those that will not.
            "master" | "primary" => Self::Primary {
                offset: parts.next(),
                replicas: parts.next(),
            },
            "slave" | "replica" => Self::Replica {
                host: parts.next(),
                port: parts.next(),
                state: parts.next(),
                // -1 before the first byte.
                offset: parts.next::<i64>().try_into().ok(),
            },
            "sentinel" => Self::Sentinel {
                primaries: parts.next(),
            },
            _ => Self::Other(word),
        };
        parts.end()?;
        Ok(made)
    }
}

impl FromValue for RoleReplica {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        // Numbers come as texts here, and as numbers one level above.
        let mut parts = Parts::of(value)?;
        let made = Self {
            host: parts.next(),
            port: parts.next(),
            offset: parts.next(),
        };
        parts.end()?;
        Ok(made)
    }
}

/// A module that a server has loaded: see [`Commands::module_list`](crate::Commands::module_list).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ModuleInfo {
    /// Its name.
    pub name: String,
    /// Its version, as it numbers them.
    pub version: i64,
    /// The file on the server; none of a module that is a part of it. From 7.0 on.
    pub path: Option<String>,
    /// What it was loaded with. From 7.0 on.
    pub arguments: Vec<Vec<u8>>,
}

impl FromValue for ModuleInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a module")?;
        let made = Self {
            name: fields.need("name"),
            version: fields.need("ver"),
            // Parts of the server that are modules have an empty one, or their name.
            path: fields
                .take::<Option<String>>("path")
                .filter(|path| !path.is_empty()),
            arguments: fields.take("args"),
        };
        fields.end()?;
        Ok(made)
    }
}

impl Role {
    /// Whether it takes writes.
    pub fn is_primary(&self) -> bool {
        matches!(self, Self::Primary { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_of_all_kinds_are_read() {
        let text = |text: &str| Value::bulk(text);
        // A newer server may have more behind these.
        let replica = [text("10.0.0.2"), text("6379"), text("42"), text("more")];
        let replica = Value::array(replica.to_vec());
        let role = |parts: Vec<Value>| Role::from_value(Value::array(parts)).unwrap();
        let primary = role(vec![
            text("master"),
            Value::Int(43),
            Value::array(vec![replica]),
        ]);
        let Role::Primary {
            offset: 43,
            replicas,
        } = &primary
        else {
            panic!("{primary:?}")
        };
        assert_eq!(replicas[0].host, "10.0.0.2");
        assert_eq!((replicas[0].port, replicas[0].offset), (6379, 42));
        assert!(primary.is_primary());
        let at = |offset| {
            vec![
                text("slave"),
                text("a"),
                Value::Int(1),
                text("sync"),
                Value::Int(offset),
            ]
        };
        let replica = |offset| Role::Replica {
            host: "a".to_owned(),
            port: 1,
            state: "sync".to_owned(),
            offset,
        };
        assert_eq!(role(at(-1)), replica(None));
        assert_eq!(role(at(7)), replica(Some(7)));
        let names = Value::array(vec![text("m")]);
        let primaries = vec!["m".to_owned()];
        assert_eq!(
            role(vec![text("sentinel"), names]),
            Role::Sentinel { primaries }
        );
        assert_eq!(role(vec![text("proxy")]), Role::Other("proxy".to_owned()));
        assert!(Role::from_value(Value::array(vec![])).is_err());
    }

    #[test]
    fn moments_are_read_from_both_forms() {
        let time = Value::array(vec![Value::bulk("7"), Value::bulk("12")]);
        let expected = UNIX_EPOCH + Duration::new(7, 12_000);
        assert_eq!(SystemTime::from_value(time).unwrap(), expected);
        let whole = UNIX_EPOCH + Duration::from_secs(7);
        assert_eq!(SystemTime::from_value(Value::Int(7)).unwrap(), whole);
        assert!(SystemTime::from_value(Value::Int(-1)).is_err());
        let late = Value::array(vec![Value::bulk(u64::MAX.to_string()), Value::Int(0)]);
        assert_eq!(SystemTime::from_value(late).unwrap(), UNIX_EPOCH);
    }
}
