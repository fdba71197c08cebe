//! Hashes. No field has an expiry of its own.

use super::notify::Topic;
use super::{Hash, Keyspace};
use crate::protocol::{ServerError, Value};
use crate::sim::answer::{
    Outcome, array, count, error, int, integer, integer_arg, map, maybe, okay, strings, wrong_arity,
};

/// Sets pairs of a field and a value, and returns how many fields are new. The arity that the table knows
/// does not see that a value is missing, so it is checked here.
fn put(keys: &mut Keyspace<'_>, args: &[Vec<u8>], name: &str) -> Result<usize, ServerError> {
    if args.len() % 2 != 0 {
        return Err(wrong_arity(name));
    }
    let hash = keys.make::<Hash>(&args[1])?;
    let pairs = args[2..].chunks_exact(2);
    let added = pairs
        .filter(|pair| hash.insert(pair[0].clone(), pair[1].clone()).is_none())
        .count();
    keys.changed(Topic::Hash, "hset", &args[1]);
    Ok(added)
}

/// `HSET key field value ...`: how many fields are new.
pub(super) fn hset(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    count(put(keys, args, "hset")?)
}

/// `HMSET key field value ...`: `OK`. Old clients still use it.
pub(super) fn hmset(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    put(keys, args, "hmset")?;
    okay()
}

/// `HSETNX key field value`: 1 if the field was set, 0 if it was there.
pub(super) fn hsetnx(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    if keys
        .find::<Hash>(&args[1])?
        .is_some_and(|h| h.contains_key(&args[2]))
    {
        return int(0);
    }
    keys.make::<Hash>(&args[1])?
        .insert(args[2].clone(), args[3].clone());
    keys.changed(Topic::Hash, "hset", &args[1]);
    int(1)
}

/// `HGET key field`: the value, or nil.
pub(super) fn hget(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    maybe(
        keys.find::<Hash>(&args[1])?
            .and_then(|hash| hash.get(&args[2]).cloned()),
    )
}

/// `HMGET key field ...`: a value or nil for each field, in the order asked for.
pub(super) fn hmget(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let hash = keys.find::<Hash>(&args[1])?;
    let one = |field: &Vec<u8>| {
        let value = hash.as_ref().and_then(|hash| hash.get(field).cloned());
        value.map_or(Value::Nil, Value::Bulk)
    };
    array(args[2..].iter().map(one).collect())
}

/// `HDEL key field ...`: how many fields there were. A hash without fields is gone, as on a server.
pub(super) fn hdel(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let Some(hash) = keys.find::<Hash>(&args[1])? else {
        return int(0);
    };
    let removed = args[2..]
        .iter()
        .filter(|field| hash.remove(*field).is_some())
        .count();
    if removed > 0 {
        keys.changed(Topic::Hash, "hdel", &args[1]);
        keys.prune(&args[1]);
    }
    count(removed)
}

/// `HGETALL key`: a map, which the encoder flattens for RESP2.
pub(super) fn hgetall(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let Some(hash) = keys.find::<Hash>(&args[1])? else {
        return map(Vec::new());
    };
    let pairs = hash
        .iter()
        .flat_map(|(field, value)| [field.clone(), value.clone()]);
    map(pairs.map(Value::Bulk).collect())
}

/// `HKEYS key`: the names of the fields.
pub(super) fn hkeys(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let hash = keys.find::<Hash>(&args[1])?;
    strings(hash.into_iter().flat_map(|hash| hash.keys().cloned()))
}

/// `HVALS key`: the values of the fields.
pub(super) fn hvals(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let hash = keys.find::<Hash>(&args[1])?;
    strings(hash.into_iter().flat_map(|hash| hash.values().cloned()))
}

/// `HLEN key`: the number of fields.
pub(super) fn hlen(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    count(keys.find::<Hash>(&args[1])?.map_or(0, |hash| hash.len()))
}

/// `HEXISTS key field`: 1 or 0.
pub(super) fn hexists(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let found = keys
        .find::<Hash>(&args[1])?
        .is_some_and(|h| h.contains_key(&args[2]));
    int(i64::from(found))
}

/// `HINCRBY key field number`: the new value. Overflow is an error and changes nothing.
pub(super) fn hincrby(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let by = integer_arg(&args[3])?;
    let old = keys
        .find::<Hash>(&args[1])?
        .and_then(|hash| hash.get(&args[2]).cloned());
    let old = match old {
        Some(text) => integer(&text).ok_or_else(|| error("ERR hash value is not an integer"))?,
        None => 0,
    };
    let new = old
        .checked_add(by)
        .ok_or_else(|| error("ERR increment or decrement would overflow"))?;
    let hash = keys.make::<Hash>(&args[1])?;
    hash.insert(args[2].clone(), new.to_string().into_bytes());
    keys.changed(Topic::Hash, "hincrby", &args[1]);
    int(new)
}
