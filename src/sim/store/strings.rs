//! Strings and counters. Knows no bits and no ranges.

use super::expiry::{Unit, invalid};
use super::notify::Topic;
use super::{Content, Keyspace};
use crate::protocol::{ServerError, Value};
use crate::sim::answer::integer;
use crate::sim::answer::{
    Outcome, array, bulk, count, decimal, error, float, float_arg, int, integer_arg, lower, maybe,
    nil, not_an_integer, okay, syntax, wrong_arity,
};

/// The text under a key; a key of another type is an error.
fn text(keys: &mut Keyspace<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, ServerError> {
    Ok(keys.find::<Vec<u8>>(key)?.cloned())
}

/// The text under a key for a command that also writes: that it finds nothing is told as of one that only reads.
fn old_text(keys: &mut Keyspace<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, ServerError> {
    let found = text(keys, key)?;
    if found.is_none() {
        keys.tell(Topic::Miss, "keymiss", key);
    }
    Ok(found)
}

/// `GET key`: the text or nil.
pub(super) fn get(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    maybe(text(keys, &args[1])?)
}

/// The words of `SET` and `GETEX` behind key and value.
#[derive(Default)]
struct SetOptions<'a> {
    /// `NX`: only if there is no key.
    absent: bool,
    /// `XX`: only if there is one.
    present: bool,
    /// `GET`: answer the old text.
    get: bool,
    /// `KEEPTTL`: the expiry stays.
    keep: bool,
    /// `PERSIST`: the expiry goes.
    persist: bool,
    /// The time, in its unit, not read as a number yet.
    expires: Option<(Unit, &'a Vec<u8>)>,
}

impl<'a> SetOptions<'a> {
    /// Reads the options of `SET`, or of `GETEX`, which writes nothing.
    fn read(args: &'a [Vec<u8>], writes: bool) -> Result<Self, ServerError> {
        let mut options = Self::default();
        let mut rest = args.iter();
        while let Some(word) = rest.next() {
            let word = lower(word);
            // A server refuses two words about the expiry, whatever their order.
            let kept = options.keep || options.persist;
            match (word.as_str(), Unit::of_option(&word)) {
                ("nx", _) if writes && !options.present => options.absent = true,
                ("xx", _) if writes && !options.absent => options.present = true,
                ("get", _) if writes => options.get = true,
                ("keepttl", _) if writes && options.expires.is_none() => options.keep = true,
                ("persist", _) if !writes && options.expires.is_none() => options.persist = true,
                // The same unit twice is no contradiction.
                (_, Some(unit)) if !kept && options.expires.is_none_or(|(u, _)| u == unit) => {
                    options.expires = Some((unit, rest.next().ok_or_else(syntax)?));
                }
                _ => return Err(syntax()),
            }
        }
        Ok(options)
    }

    /// The expiry that is asked for, in milliseconds of the epoch.
    fn expiry(&self, now: i64, command: &str) -> Result<Option<i64>, ServerError> {
        self.expires
            .map(|(unit, amount)| later(now, unit, amount, command))
            .transpose()
    }
}

/// Sets a key to a text.
fn store(keys: &mut Keyspace<'_>, key: &[u8], text: &[u8], expires: Option<i64>) {
    keys.put(key, Content::Text(text.to_vec()), expires);
    keys.tell(Topic::Text, "set", key);
}

/// Reads a time that lies in the future of whatever it is counted from.
fn later(now: i64, unit: Unit, amount: &[u8], command: &str) -> Result<i64, ServerError> {
    let amount = integer_arg(amount)?;
    if amount <= 0 {
        return Err(invalid(command));
    }
    unit.after(now, amount, command)
}

/// `SET key value [NX|XX] [GET] [EX|PX|EXAT|PXAT time] [KEEPTTL]`: `OK`, nil if the condition did not hold,
/// or with `GET` the old text.
pub(super) fn set(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let options = SetOptions::read(&args[3..], true)?;
    let expires = options.expiry(keys.now, "set")?;
    let key = &args[1];
    // Read before anything is written: SET with GET is an error for a key of another type, and then
    // changes nothing.
    let old = match options.get {
        true => Some(old_text(keys, key)?),
        false => None,
    };
    let exists = keys.exists(key);
    let allowed = !(options.absent && exists || options.present && !exists);
    if allowed {
        let ends = expires.is_some();
        let expires = match options.keep {
            true => keys.expiry(key).flatten(),
            false => expires,
        };
        store(keys, key, &args[2], expires);
        if ends {
            keys.tell(Topic::Generic, "expire", key);
        }
    }
    match old {
        Some(old) => maybe(old),
        None if allowed => okay(),
        None => nil(),
    }
}

/// `GETEX key [EX|PX|EXAT|PXAT time] [PERSIST]`: the text, whose expiry changes.
pub(super) fn getex(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let options = SetOptions::read(&args[2..], false)?;
    let key = &args[1];
    let Some(found) = old_text(keys, key)? else {
        return nil();
    };
    let expires = options.expiry(keys.now, "getex")?;
    match expires {
        // A time that is past deletes the key, as servers do, after it was read.
        Some(at) if at <= keys.now => {
            keys.delete(key);
        }
        Some(_) => keys.expire(key, expires),
        None if options.persist && keys.expiry(key).flatten().is_some() => keys.expire(key, None),
        None => {}
    }
    bulk(found)
}

/// What `SETEX` and `PSETEX` have in common.
fn set_for(keys: &mut Keyspace<'_>, args: &[Vec<u8>], unit: Unit, name: &str) -> Outcome {
    let expires = later(keys.now, unit, &args[2], name)?;
    store(keys, &args[1], &args[3], Some(expires));
    keys.tell(Topic::Generic, "expire", &args[1]);
    okay()
}

/// `SETEX key seconds value`: `OK`.
pub(super) fn setex(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    set_for(keys, args, Unit::SECONDS, "setex")
}

/// `PSETEX key milliseconds value`: `OK`.
pub(super) fn psetex(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    set_for(keys, args, Unit::MILLIS, "psetex")
}

/// `SETNX key value`: 1 if it was set, 0 if there was a key of any type.
pub(super) fn setnx(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    if keys.exists(&args[1]) {
        return int(0);
    }
    store(keys, &args[1], &args[2], None);
    int(1)
}

/// `GETSET key value`: the old text or nil.
pub(super) fn getset(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let old = old_text(keys, &args[1])?;
    store(keys, &args[1], &args[2], None);
    maybe(old)
}

/// `GETDEL key`: the text, whose key is gone.
pub(super) fn getdel(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let old = old_text(keys, &args[1])?;
    keys.delete(&args[1]);
    maybe(old)
}

/// `APPEND key text`: the new length in bytes. The expiry stays.
pub(super) fn append(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    // A key that does not exist is the empty string to APPEND.
    let value = keys.make::<Vec<u8>>(&args[1])?;
    value.extend_from_slice(&args[2]);
    let len = value.len();
    keys.changed(Topic::Text, "append", &args[1]);
    count(len)
}

/// `STRLEN key`: the length in bytes, 0 without a key.
pub(super) fn strlen(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    count(
        keys.find::<Vec<u8>>(&args[1])?
            .map_or(0, |value| value.len()),
    )
}

/// `MGET key ...`: a text or nil for each key.
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

/// `MSET key value ...`: `OK`, always.
pub(super) fn mset(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    if args.len() % 2 == 0 {
        return Err(wrong_arity("mset"));
    }
    for pair in args[1..].chunks_exact(2) {
        store(keys, &pair[0], &pair[1], None);
    }
    okay()
}

/// Adds to the number under a key, and answers the sum. No text counts as 0; overflow is an error and
/// changes nothing.
fn add(keys: &mut Keyspace<'_>, key: &[u8], by: i64) -> Outcome {
    let old = match keys.find::<Vec<u8>>(key)? {
        Some(value) => integer(value).ok_or_else(not_an_integer)?,
        None => 0,
    };
    let new = old
        .checked_add(by)
        .ok_or_else(|| error("ERR increment or decrement would overflow"))?;
    *keys.make::<Vec<u8>>(key)? = new.to_string().into_bytes();
    keys.changed(Topic::Text, "incrby", key);
    int(new)
}

/// `INCR key`. Tests of lost and doubled commands count by it.
pub(super) fn incr(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    add(keys, &args[1], 1)
}

/// `DECR key`: one less, and the new value.
pub(super) fn decr(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    add(keys, &args[1], -1)
}

/// `INCRBY key number`: the sum.
pub(super) fn incrby(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let by = integer_arg(&args[2])?;
    add(keys, &args[1], by)
}

/// `DECRBY key number`. The lowest number of 64 bits has no opposite, and is refused.
pub(super) fn decrby(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let by = integer_arg(&args[2])?
        .checked_neg()
        .ok_or_else(|| error("ERR decrement would overflow"))?;
    add(keys, &args[1], by)
}

/// `INCRBYFLOAT key number`: the sum as a text. Infinity and what is no number are refused.
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
    // In place, so that the expiry stays: counters with a time to live are the usual rate limiter.
    *keys.make::<Vec<u8>>(&args[1])? = text.clone();
    keys.changed(Topic::Text, "incrbyfloat", &args[1]);
    bulk(text)
}
