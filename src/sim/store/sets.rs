//! Sets. No command here combines two of them.

use super::notify::Topic;
use super::{Keyspace, Set};
use crate::protocol::Value;
use crate::sim::answer::{Outcome, count, int, maybe, positive, set, syntax};

/// `SADD key member ...`: how many are new.
pub(super) fn sadd(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let members = keys.make::<Set>(&args[1])?;
    let added = args[2..]
        .iter()
        .filter(|&m| members.insert(m.clone()))
        .count();
    if added > 0 {
        keys.changed(Topic::Set, "sadd", &args[1]);
    }
    count(added)
}

/// `SREM key member ...`: how many there were. A set without members is gone.
pub(super) fn srem(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let Some(members) = keys.find::<Set>(&args[1])? else {
        return int(0);
    };
    let removed = args[2..].iter().filter(|&m| members.remove(m)).count();
    if removed > 0 {
        keys.changed(Topic::Set, "srem", &args[1]);
        keys.prune(&args[1]);
    }
    count(removed)
}

/// `SPOP`: takes the first members, which are as good as any.
pub(super) fn spop(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let amount = match &args[2..] {
        [] => None,
        [amount] => Some(positive(amount)?),
        _ => return Err(syntax()),
    };
    let mut taken = Vec::new();
    if let Some(members) = keys.find::<Set>(&args[1])? {
        while taken.len() < amount.unwrap_or(1) {
            let Some(member) = members.pop_first() else {
                break;
            };
            taken.push(member);
        }
    }
    if !taken.is_empty() {
        keys.changed(Topic::Set, "spop", &args[1]);
        keys.prune(&args[1]);
    }
    match amount {
        None => maybe(taken.pop()),
        Some(_) => set(taken.into_iter().map(Value::Bulk).collect()),
    }
}

/// `SMEMBERS key`: a set, which the encoder makes an array for RESP2.
pub(super) fn smembers(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let members = keys.find::<Set>(&args[1])?;
    let all = members
        .into_iter()
        .flat_map(|members| members.iter().cloned());
    set(all.map(Value::Bulk).collect())
}

/// `SISMEMBER key member`: 1 or 0.
pub(super) fn sismember(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let found = keys
        .find::<Set>(&args[1])?
        .is_some_and(|set| set.contains(&args[2]));
    int(i64::from(found))
}

/// `SCARD key`: the number of members.
pub(super) fn scard(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    count(keys.find::<Set>(&args[1])?.map_or(0, |set| set.len()))
}
