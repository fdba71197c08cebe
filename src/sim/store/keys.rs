//! Commands about keys, whatever they hold.

use super::Keyspace;
use super::strings::expiry;
use crate::protocol::{Items, Value};
use crate::sim::answer::{
    Outcome, array, count, error, int, integer, integer_arg, lower, strings, syntax,
};
use crate::sim::glob;
use std::time::Duration;

pub(super) fn del(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let mut removed = 0;
    for key in &args[1..] {
        if keys.exists(key) && keys.remove(key) {
            removed += 1;
        }
    }
    count(removed)
}

pub(super) fn exists(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    count(args[1..].iter().filter(|key| keys.exists(key)).count())
}

fn expire_in(keys: &mut Keyspace<'_>, args: &[Vec<u8>], unit: Duration, name: &str) -> Outcome {
    let amount = integer_arg(&args[2])?;
    if args.len() > 3 {
        return Err(error(format!(
            "ERR Unsupported option {}",
            String::from_utf8_lossy(&args[3])
        )));
    }
    if !keys.exists(&args[1]) {
        return int(0);
    }
    if amount <= 0 {
        keys.remove(&args[1]);
        return int(1);
    }
    let at = expiry(keys.now, amount, unit, name)?;
    if let Some(entry) = keys.entry(&args[1]) {
        entry.expires = Some(at);
    }
    keys.touch(&args[1]);
    int(1)
}

pub(super) fn expire(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    expire_in(keys, args, Duration::from_secs(1), "expire")
}

pub(super) fn pexpire(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    expire_in(keys, args, Duration::from_millis(1), "pexpire")
}

/// The milliseconds that a key has left: -1 without expiry, -2 without the key.
fn left(keys: &mut Keyspace<'_>, key: &[u8]) -> i64 {
    let now = keys.now;
    match keys.entry(key) {
        None => -2,
        Some(entry) => entry.expires.map_or(-1, |at| {
            let left = at.saturating_duration_since(now);
            // Rounded up: the clock has moved on a little since the expiry was set.
            i64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i64::MAX)
        }),
    }
}

pub(super) fn ttl(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let left = left(keys, &args[1]);
    int(if left < 0 {
        left
    } else {
        left.saturating_add(500) / 1000
    })
}

pub(super) fn pttl(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    int(left(keys, &args[1]))
}

pub(super) fn persist(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let had = keys
        .entry(&args[1])
        .and_then(|entry| entry.expires.take())
        .is_some();
    if had {
        keys.touch(&args[1]);
    }
    int(i64::from(had))
}

pub(super) fn kind(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let name = keys.entry(&args[1]).map_or("none", |e| e.content.name());
    Ok(Value::Simple(name.into()).into())
}

/// All keys that have not expired, in order.
fn all(keys: &Keyspace<'_>) -> Vec<Vec<u8>> {
    let live = |at: Option<std::time::Instant>| at.is_none_or(|at| at > keys.now);
    let mut names: Vec<Vec<u8>> = keys
        .keys
        .iter()
        .filter(|(_, entry)| live(entry.expires))
        .map(|(key, _)| key.clone())
        .collect();
    names.sort_unstable();
    names
}

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

pub(super) fn dbsize(keys: &mut Keyspace<'_>, _: &[Vec<u8>]) -> Outcome {
    count(keys.keys.len())
}

pub(super) fn flushdb(keys: &mut Keyspace<'_>, _: &[Vec<u8>]) -> Outcome {
    keys.clear();
    crate::sim::answer::okay()
}
