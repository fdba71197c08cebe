//! Strings and counters.

use super::{Content, Keyspace};
use crate::protocol::{ServerError, Value};
use crate::sim::answer::integer;
use crate::sim::answer::{
    Outcome, array, bulk, count, decimal, error, float, float_arg, int, integer_arg, lower, maybe,
    nil, not_an_integer, okay, syntax, wrong_arity,
};
use std::time::{Duration, Instant};

/// The time at which something set now for `amount` units expires.
pub(super) fn expiry(
    now: Instant,
    amount: i64,
    unit: Duration,
    command: &str,
) -> Result<Instant, ServerError> {
    u32::try_from(amount)
        .ok()
        .filter(|&n| n > 0)
        .and_then(|n| unit.checked_mul(n))
        .and_then(|wait| now.checked_add(wait))
        .ok_or_else(|| error(format!("ERR invalid expire time in '{command}' command")))
}

fn text(keys: &mut Keyspace<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, ServerError> {
    Ok(keys.find::<Vec<u8>>(key)?.cloned())
}

pub(super) fn get(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    maybe(text(keys, &args[1])?)
}

#[derive(Default)]
struct SetOptions {
    absent: bool,
    present: bool,
    get: bool,
    keep: bool,
    expires: Option<Instant>,
}

fn set_options(now: Instant, args: &[Vec<u8>]) -> Result<SetOptions, ServerError> {
    let mut options = SetOptions::default();
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        match lower(word).as_str() {
            "nx" if !options.present => options.absent = true,
            "xx" if !options.absent => options.present = true,
            "get" => options.get = true,
            "keepttl" if options.expires.is_none() => options.keep = true,
            unit @ ("ex" | "px") if options.expires.is_none() && !options.keep => {
                let amount = integer_arg(rest.next().ok_or_else(syntax)?)?;
                let unit = match unit {
                    "ex" => Duration::from_secs(1),
                    _ => Duration::from_millis(1),
                };
                options.expires = Some(expiry(now, amount, unit, "set")?);
            }
            _ => return Err(syntax()),
        }
    }
    Ok(options)
}

pub(super) fn set(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let options = set_options(keys.now, &args[3..])?;
    let key = &args[1];
    let old = match options.get {
        true => Some(text(keys, key)?),
        false => None,
    };
    let exists = keys.exists(key);
    let allowed = !(options.absent && exists || options.present && !exists);
    if allowed {
        let expires = match options.keep {
            true => keys.entry(key).and_then(|entry| entry.expires),
            false => options.expires,
        };
        keys.put(key, Content::Text(args[2].clone()), expires);
    }
    match old {
        Some(old) => maybe(old),
        None if allowed => okay(),
        None => nil(),
    }
}

fn set_for(keys: &mut Keyspace<'_>, args: &[Vec<u8>], unit: Duration, name: &str) -> Outcome {
    let amount = integer_arg(&args[2])?;
    let expires = expiry(keys.now, amount, unit, name)?;
    keys.put(&args[1], Content::Text(args[3].clone()), Some(expires));
    okay()
}

pub(super) fn setex(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    set_for(keys, args, Duration::from_secs(1), "setex")
}

pub(super) fn psetex(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    set_for(keys, args, Duration::from_millis(1), "psetex")
}

pub(super) fn setnx(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    if keys.exists(&args[1]) {
        return int(0);
    }
    keys.put(&args[1], Content::Text(args[2].clone()), None);
    int(1)
}

pub(super) fn getset(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let old = text(keys, &args[1])?;
    keys.put(&args[1], Content::Text(args[2].clone()), None);
    maybe(old)
}

pub(super) fn getdel(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let old = text(keys, &args[1])?;
    keys.remove(&args[1]);
    maybe(old)
}

pub(super) fn append(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let value = keys.make::<Vec<u8>>(&args[1])?;
    value.extend_from_slice(&args[2]);
    let len = value.len();
    keys.touch(&args[1]);
    count(len)
}

pub(super) fn strlen(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    count(
        keys.find::<Vec<u8>>(&args[1])?
            .map_or(0, |value| value.len()),
    )
}

pub(super) fn mget(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    // A key of another type reads as absent here, not as an error.
    let one = |key: &Vec<u8>| {
        text(keys, key)
            .ok()
            .flatten()
            .map_or(Value::Nil, Value::Bulk)
    };
    array(args[1..].iter().map(one).collect())
}

pub(super) fn mset(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    if args.len() % 2 == 0 {
        return Err(wrong_arity("mset"));
    }
    for pair in args[1..].chunks_exact(2) {
        keys.put(&pair[0], Content::Text(pair[1].clone()), None);
    }
    okay()
}

fn add(keys: &mut Keyspace<'_>, key: &[u8], by: i64) -> Outcome {
    let old = match keys.find::<Vec<u8>>(key)? {
        Some(value) => integer(value).ok_or_else(not_an_integer)?,
        None => 0,
    };
    let new = old
        .checked_add(by)
        .ok_or_else(|| error("ERR increment or decrement would overflow"))?;
    *keys.make::<Vec<u8>>(key)? = new.to_string().into_bytes();
    keys.touch(key);
    int(new)
}

pub(super) fn incr(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    add(keys, &args[1], 1)
}

pub(super) fn decr(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    add(keys, &args[1], -1)
}

pub(super) fn incrby(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let by = integer_arg(&args[2])?;
    add(keys, &args[1], by)
}

pub(super) fn decrby(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let by = integer_arg(&args[2])?
        .checked_neg()
        .ok_or_else(|| error("ERR decrement would overflow"))?;
    add(keys, &args[1], by)
}

pub(super) fn incrbyfloat(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let old = match keys.find::<Vec<u8>>(&args[1])? {
        Some(value) => float(value).ok_or_else(|| error("ERR value is not a valid float"))?,
        None => 0.0,
    };
    let new = old + float_arg(&args[2])?;
    if !new.is_finite() {
        return Err(error("ERR increment would produce NaN or Infinity"));
    }
    let text = decimal(new);
    *keys.make::<Vec<u8>>(&args[1])? = text.clone();
    keys.touch(&args[1]);
    bulk(text)
}
