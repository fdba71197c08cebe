//! Commands about keys, whatever they hold. Does not look into what they hold.

use super::Keyspace;
use super::expiry::Unit;
use crate::protocol::{Items, ServerError, Value};
use crate::sim::answer::{
    Outcome, array, count, error, int, integer, integer_arg, lower, strings, syntax,
};
use crate::sim::glob;

/// `DEL key ...` and `UNLINK`: how many keys there were.
pub(super) fn del(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let mut removed = 0;
    for key in &args[1..] {
        // `exists` drops a key whose time is over, which a server does not count as deleted.
        if keys.exists(key) && keys.delete(key) {
            removed += 1;
        }
    }
    count(removed)
}

/// `EXISTS key ...`: how many of the keys there are; one named twice counts twice.
pub(super) fn exists(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    count(args[1..].iter().filter(|key| keys.exists(key)).count())
}

/// Which keys an expiry is set on.
#[derive(Default)]
struct Conditions {
    /// `NX`: only a key without expiry.
    absent: bool,
    /// `XX`: only a key with one.
    present: bool,
    /// `GT`: only to a later time.
    greater: bool,
    /// `LT`: only to an earlier time.
    less: bool,
}

impl Conditions {
    /// Reads the words behind the time of `EXPIRE` and its like. Contradictions are refused as a server
    /// does.
    fn read(words: &[Vec<u8>]) -> Result<Self, ServerError> {
        let mut conditions = Self::default();
        for word in words {
            match lower(word).as_str() {
                "nx" => conditions.absent = true,
                "xx" => conditions.present = true,
                "gt" => conditions.greater = true,
                "lt" => conditions.less = true,
                _ => {
                    return Err(error(format!(
                        "ERR Unsupported option {}",
                        String::from_utf8_lossy(word).replace(['\r', '\n'], " ")
                    )));
                }
            }
        }
        if conditions.absent && (conditions.present || conditions.greater || conditions.less) {
            return Err(error(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if conditions.greater && conditions.less {
            return Err(error(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(conditions)
    }

    /// Whether they allow a new expiry. A key without one counts as expiring never.
    fn allow(&self, old: Option<i64>, new: i64) -> bool {
        !(self.absent && old.is_some()
            || self.present && old.is_none()
            // A key without an expiry counts as one that never ends: GT never changes it, and LT always
            // does.
            || self.greater && old.is_none_or(|old| new <= old)
            || self.less && old.is_some_and(|old| new >= old))
    }
}

/// What the four commands of expiry have in common. A time that is over removes the key at once.
fn set_expiry(keys: &mut Keyspace<'_>, args: &[Vec<u8>], unit: Unit, name: &str) -> Outcome {
    let conditions = Conditions::read(&args[3..])?;
    let at = unit.after(keys.now, integer_arg(&args[2])?, name)?;
    let key = &args[1];
    // No such key. A key without an expiry is `Some(None)`.
    let Some(old) = keys.expiry(key) else {
        return int(0);
    };
    if !conditions.allow(old, at) {
        return int(0);
    }
    if at <= keys.now {
        keys.delete(key);
    } else {
        keys.expire(key, Some(at));
    }
    int(1)
}

/// `EXPIRE key seconds [NX|XX|GT|LT]`: 1 if the time was set.
pub(super) fn expire(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    set_expiry(keys, args, Unit::SECONDS, "expire")
}

/// `EXPIREAT key epoch-seconds [NX|XX|GT|LT]`: 1 if the time was set.
pub(super) fn expireat(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    set_expiry(keys, args, Unit::EPOCH_SECONDS, "expireat")
}

/// `PEXPIRE key milliseconds [NX|XX|GT|LT]`: 1 if the time was set.
pub(super) fn pexpire(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    set_expiry(keys, args, Unit::MILLIS, "pexpire")
}

/// `PEXPIREAT key epoch-milliseconds [NX|XX|GT|LT]`: 1 if the time was set.
pub(super) fn pexpireat(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    set_expiry(keys, args, Unit::EPOCH_MILLIS, "pexpireat")
}

/// What a key tells of its expiry: -1 without one, -2 without the key.
fn tell(keys: &mut Keyspace<'_>, key: &[u8], of: impl Fn(i64) -> i64) -> Outcome {
    int(match keys.expiry(key) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => of(at),
    })
}

/// Milliseconds as seconds, rounded as a server rounds them.
fn seconds(millis: i64) -> i64 {
    // TTL rounds to the nearest second, as servers do.
    millis.saturating_add(500) / 1000
}

/// `TTL key`: whole seconds left, -1 without an expiry, -2 without a key.
pub(super) fn ttl(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let now = keys.now;
    tell(keys, &args[1], |at| seconds(at.saturating_sub(now)))
}

/// `PTTL key`: milliseconds left, -1 without an expiry, -2 without a key.
pub(super) fn pttl(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let now = keys.now;
    tell(keys, &args[1], |at| at.saturating_sub(now))
}

/// `EXPIRETIME key`: seconds of the epoch, or -1, or -2.
pub(super) fn expiretime(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    tell(keys, &args[1], seconds)
}

/// `PEXPIRETIME key`: milliseconds of the epoch, or -1, or -2.
pub(super) fn pexpiretime(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    tell(keys, &args[1], |at| at)
}

/// `PERSIST key`: 1 if an expiry was taken away.
pub(super) fn persist(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let had = keys.expiry(&args[1]).flatten().is_some();
    if had {
        keys.expire(&args[1], None);
    }
    int(i64::from(had))
}

/// `TYPE key`: the name of the type, or `none`.
pub(super) fn kind(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let name = keys.entry(&args[1]).map_or("none", |e| e.content.name());
    Ok(Value::Simple(name.into()).into())
}

/// All keys that have not expired, in order.
fn all(keys: &Keyspace<'_>) -> Vec<Vec<u8>> {
    let live = |at: Option<i64>| at.is_none_or(|at| at >= keys.now);
    let mut names: Vec<Vec<u8>> = keys
        .keys
        .iter()
        .filter(|(_, entry)| live(entry.expires))
        .map(|(key, _)| key.clone())
        .collect();
    // In a fixed order, so that the cursor of SCAN can be a place in the list. A key that is added or
    // removed meanwhile shifts what follows: within SCAN's promise for keys that are there all the time
    // only while none is.
    names.sort_unstable();
    names
}

/// `KEYS pattern`: all keys that match. A test asks a real server the same, so the order is not promised.
pub(super) fn list(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let found = all(keys)
        .into_iter()
        .filter(|key| glob::matches(&args[1], key));
    strings(found)
}

/// `SCAN` in order of the keys: the cursor is a position, so keys that come or go may be missed.
pub(super) fn scan(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let cursor = integer(&args[1])
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| error("ERR invalid cursor"))?;
    let (mut pattern, mut size, mut kind) = (None, 10, None);
    let mut rest = args[2..].iter();
    while let Some(word) = rest.next() {
        let value = rest.next().ok_or_else(syntax)?;
        match lower(word).as_str() {
            "match" => pattern = Some(value),
            "type" => kind = Some(lower(value)),
            "count" => {
                size = usize::try_from(integer_arg(value)?)
                    .ok()
                    .filter(|&n| n > 0)
                    .ok_or_else(syntax)?;
            }
            _ => return Err(syntax()),
        }
    }
    let names = all(keys);
    let end = cursor.saturating_add(size);
    let next = if end >= names.len() { 0 } else { end };
    let found = names
        .into_iter()
        .skip(cursor)
        .take(size)
        .filter(|key| pattern.is_none_or(|p| glob::matches(p, key)))
        .filter(|key| {
            let name = keys.keys.get(key).map(|entry| entry.content.name());
            kind.is_none() || kind.as_deref() == name
        });
    let page = found.map(Value::Bulk).collect();
    array(vec![
        Value::Bulk(next.to_string().into_bytes()),
        Value::Array(Items(page)),
    ])
}

/// `DBSIZE`: the number of keys in the selected database.
pub(super) fn dbsize(keys: &mut Keyspace<'_>, _: &[Vec<u8>]) -> Outcome {
    count(keys.keys.len())
}

/// `FLUSHDB`: empties the selected database, and fails transactions that watch a key of it.
pub(super) fn flushdb(keys: &mut Keyspace<'_>, _: &[Vec<u8>]) -> Outcome {
    keys.clear();
    crate::sim::answer::okay()
}
