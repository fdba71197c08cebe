//! Sets.

use super::{Keyspace, Set};
use crate::protocol::Value;
use crate::sim::answer::{Outcome, count, int, set};

pub(super) fn sadd(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let members = keys.make::<Set>(&args[1])?;
    let added = args[2..]
        .iter()
        .filter(|&m| members.insert(m.clone()))
        .count();
    if added > 0 {
        keys.touch(&args[1]);
    }
    count(added)
}

pub(super) fn srem(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let Some(members) = keys.find::<Set>(&args[1])? else {
        return int(0);
    };
    let removed = args[2..].iter().filter(|&m| members.remove(m)).count();
    if removed > 0 {
        keys.touch(&args[1]);
        keys.prune(&args[1]);
    }
    count(removed)
}

pub(super) fn smembers(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let members = keys.find::<Set>(&args[1])?;
    let all = members
        .into_iter()
        .flat_map(|members| members.iter().cloned());
    set(all.map(Value::Bulk).collect())
}

pub(super) fn sismember(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let found = keys
        .find::<Set>(&args[1])?
        .is_some_and(|set| set.contains(&args[2]));
    int(i64::from(found))
}

pub(super) fn scard(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    count(keys.find::<Set>(&args[1])?.map_or(0, |set| set.len()))
}
