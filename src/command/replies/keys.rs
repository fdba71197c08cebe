//! What is replied about keys, and about fields of hashes with an end of their own.
//! Reads no clock: what is left was left when the server replied.

use crate::command::FromValue;
use crate::error::{Error, Result};
use crate::protocol::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// For how long a key or a field still is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ttl {
    /// It is not there.
    Absent,
    /// It does not vanish by itself.
    Forever,
    /// It vanishes after this time, in steps of 1 ms.
    Left(Duration),
}

/// When a key or a field vanishes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ExpireTime {
    /// It is not there.
    Absent,
    /// It does not vanish by itself.
    Never,
    /// At this moment of the server's clock, in steps of 1 ms.
    At(SystemTime),
}

/// A number of milliseconds, or what stands for it: -2 and -1.
enum Millis {
    Absent,
    None,
    Some(Duration),
}

impl Millis {
    #[inline]
    fn of(value: Value) -> Result<Self> {
        match i64::from_value(value)? {
            -2 => Ok(Self::Absent),
            -1 => Ok(Self::None),
            millis => match u64::try_from(millis) {
                Ok(millis) => Ok(Self::Some(Duration::from_millis(millis))),
                Err(_) => Err(Error::conversion(
                    "a time of less than -2 ms has no meaning",
                )),
            },
        }
    }
}

impl FromValue for Ttl {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        Ok(match Millis::of(value)? {
            Millis::Absent => Self::Absent,
            Millis::None => Self::Forever,
            Millis::Some(left) => Self::Left(left),
        })
    }
}

impl FromValue for ExpireTime {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        match Millis::of(value)? {
            Millis::Absent => Ok(Self::Absent),
            Millis::None => Ok(Self::Never),
            Millis::Some(since) => match UNIX_EPOCH.checked_add(since) {
                Some(at) => Ok(Self::At(at)),
                None => Err(Error::conversion(
                    "the moment is beyond what this system's clock can say",
                )),
            },
        }
    }
}

/// What a key holds: see [`Commands::key_type`](crate::Commands::key_type).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum KeyType {
    /// There is no such key.
    Absent,
    /// Bytes, and so also a number, a bitmap or a HyperLogLog.
    String,
    /// Elements in an order, as `RPUSH` makes them.
    List,
    /// Members without an order, as `SADD` makes them.
    Set,
    /// Members with scores, as `ZADD` makes them, and so also places (`GEOADD`).
    SortedSet,
    /// Fields with values, as `HSET` makes them.
    Hash,
    /// Entries with fields, as `XADD` makes them.
    Stream,
    /// What a module or a newer server calls so, such as `ReJSON-RL`.
    Other(String),
}

impl FromValue for KeyType {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let name = String::from_value(value)?;
        Ok(match name.as_str() {
            "none" => Self::Absent,
            "string" => Self::String,
            "list" => Self::List,
            "set" => Self::Set,
            "zset" => Self::SortedSet,
            "hash" => Self::Hash,
            "stream" => Self::Stream,
            _ => Self::Other(name),
        })
    }
}

/// What became of keys that were to move: see [`Commands::migrate`](crate::Commands::migrate).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Migrated {
    /// Those of them that exist are there.
    Keys,
    /// None of them exists.
    Nothing,
}

impl FromValue for Migrated {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        match String::from_value(value)?.as_str() {
            "OK" => Ok(Self::Keys),
            "NOKEY" => Ok(Self::Nothing),
            _ => Err(Error::conversion("neither OK nor NOKEY")),
        }
    }
}

/// What became of a field that was to get an end: see [`Commands::hexpire`](crate::Commands::hexpire).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FieldExpire {
    /// There is no such field, or no such key.
    Absent,
    /// The condition is not met.
    Unmet,
    /// The field vanishes then.
    Set,
    /// The end has passed, and the field is gone.
    Removed,
    /// A number that a newer server has a meaning for.
    Other(i64),
}

impl FromValue for FieldExpire {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        Ok(match i64::from_value(value)? {
            -2 => Self::Absent,
            0 => Self::Unmet,
            1 => Self::Set,
            2 => Self::Removed,
            other => Self::Other(other),
        })
    }
}

/// What became of a field that was to stay: see [`Commands::hpersist`](crate::Commands::hpersist).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FieldPersist {
    /// There is no such field, or no such key.
    Absent,
    /// It did not vanish by itself.
    Forever,
    /// It no longer vanishes by itself.
    Persisted,
    /// A number that a newer server has a meaning for.
    Other(i64),
}

impl FromValue for FieldPersist {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        Ok(match i64::from_value(value)? {
            -2 => Self::Absent,
            -1 => Self::Forever,
            1 => Self::Persisted,
            other => Self::Other(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn from<T: FromValue>(number: i64) -> Result<T> {
        T::from_value(Value::Int(number))
    }

    #[test]
    fn what_a_newer_server_says_is_kept() {
        let kind = KeyType::from_value(Value::bulk("vectorset")).unwrap();
        assert_eq!(kind, KeyType::Other("vectorset".to_owned()));
        let each = Vec::<FieldExpire>::from_value(Value::array(vec![Value::Int(3), Value::Int(1)]));
        assert_eq!(each.unwrap(), [FieldExpire::Other(3), FieldExpire::Set]);
        assert_eq!(from::<FieldPersist>(0).unwrap(), FieldPersist::Other(0));
    }

    #[test]
    fn a_time_is_what_the_server_can_mean_by_it() {
        assert_eq!(from::<Ttl>(0).unwrap(), Ttl::Left(Duration::ZERO));
        let longest = Duration::from_millis(i64::MAX.unsigned_abs());
        assert_eq!(from::<Ttl>(i64::MAX).unwrap(), Ttl::Left(longest));
        let error = from::<Ttl>(-3).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Conversion);
        assert!(from::<ExpireTime>(-3).is_err());
    }
}
