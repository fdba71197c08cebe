//! The commands: name, arity, what runs them. Anything not listed is unknown to the simulator.

use super::{Keyspace, hashes, keys, lists, sets, sorted, streams, strings};
use crate::sim::answer::Outcome;

/// What runs a command.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) enum Run {
    /// A function of the keys of one database.
    Keys(fn(&mut Keyspace<'_>, &[Vec<u8>]) -> Outcome),
    /// The session: the command is about the connection, or about more than one database.
    Session,
}

/// One command.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Spec {
    /// In lower case.
    pub(in crate::sim) name: &'static str,
    /// How many words, the name included; negative: at least that many.
    pub(in crate::sim) arity: i8,
    /// Who runs it.
    pub(in crate::sim) run: Run,
}

impl Spec {
    /// Whether a command may have so many words, its name included. A negative arity is the least number.
    pub(in crate::sim) fn admits(&self, words: usize) -> bool {
        let least = usize::from(self.arity.unsigned_abs());
        words == least || self.arity < 0 && words > least
    }
}

/// An entry for a command that needs the keys alone.
const fn on_keys(
    name: &'static str,
    arity: i8,
    run: fn(&mut Keyspace<'_>, &[Vec<u8>]) -> Outcome,
) -> Spec {
    Spec {
        name,
        arity,
        run: Run::Keys(run),
    }
}

/// An entry for a command that needs its connection: protocol, transaction, subscriptions.
const fn on_session(name: &'static str, arity: i8) -> Spec {
    Spec {
        name,
        arity,
        run: Run::Session,
    }
}

/// Every command, sorted by name.
pub(in crate::sim) static COMMANDS: &[Spec] = &[
    on_keys("append", 3, strings::append),
    on_session("auth", -2),
    on_session("blmove", 6),
    on_session("blpop", -3),
    on_session("brpop", -3),
    on_session("brpoplpush", 4),
    on_session("client", -2),
    on_session("command", -1),
    on_session("config", -2),
    on_keys("dbsize", 1, keys::dbsize),
    on_keys("decr", 2, strings::decr),
    on_keys("decrby", 3, strings::decrby),
    on_keys("del", -2, keys::del),
    on_session("discard", 1),
    on_session("echo", 2),
    on_session("exec", 1),
    on_keys("exists", -2, keys::exists),
    on_keys("expire", -3, keys::expire),
    on_keys("expireat", -3, keys::expireat),
    on_keys("expiretime", 2, keys::expiretime),
    on_session("flushall", -1),
    on_keys("flushdb", -1, keys::flushdb),
    on_keys("get", 2, strings::get),
    on_keys("getdel", 2, strings::getdel),
    on_keys("getex", -2, strings::getex),
    on_keys("getset", 3, strings::getset),
    on_keys("hdel", -3, hashes::hdel),
    on_session("hello", -1),
    on_keys("hexists", 3, hashes::hexists),
    on_keys("hget", 3, hashes::hget),
    on_keys("hgetall", 2, hashes::hgetall),
    on_keys("hincrby", 4, hashes::hincrby),
    on_keys("hkeys", 2, hashes::hkeys),
    on_keys("hlen", 2, hashes::hlen),
    on_keys("hmget", -3, hashes::hmget),
    on_keys("hmset", -4, hashes::hmset),
    on_keys("hset", -4, hashes::hset),
    on_keys("hsetnx", 4, hashes::hsetnx),
    on_keys("hvals", 2, hashes::hvals),
    on_keys("incr", 2, strings::incr),
    on_keys("incrby", 3, strings::incrby),
    on_keys("incrbyfloat", 3, strings::incrbyfloat),
    on_session("info", -1),
    on_keys("keys", 2, keys::list),
    on_keys("llen", 2, lists::llen),
    on_keys("lmove", 5, lists::lmove),
    on_keys("lpop", -2, lists::lpop),
    on_keys("lpush", -3, lists::lpush),
    on_keys("lrange", 4, lists::lrange),
    on_keys("mget", -2, strings::mget),
    on_keys("mset", -3, strings::mset),
    on_session("multi", 1),
    on_keys("persist", 2, keys::persist),
    on_keys("pexpire", -3, keys::pexpire),
    on_keys("pexpireat", -3, keys::pexpireat),
    on_keys("pexpiretime", 2, keys::pexpiretime),
    on_session("ping", -1),
    on_keys("psetex", 4, strings::psetex),
    on_session("psubscribe", -2),
    on_keys("pttl", 2, keys::pttl),
    on_session("publish", 3),
    on_session("pubsub", -2),
    on_session("punsubscribe", -1),
    on_session("quit", -1),
    on_session("reset", 1),
    on_keys("rpop", -2, lists::rpop),
    on_keys("rpoplpush", 3, lists::rpoplpush),
    on_keys("rpush", -3, lists::rpush),
    on_keys("sadd", -3, sets::sadd),
    on_keys("scan", -2, keys::scan),
    on_keys("scard", 2, sets::scard),
    on_session("select", 2),
    on_keys("set", -3, strings::set),
    on_keys("setex", 4, strings::setex),
    on_keys("setnx", 3, strings::setnx),
    on_keys("sismember", 3, sets::sismember),
    on_keys("smembers", 2, sets::smembers),
    on_keys("spop", -2, sets::spop),
    on_session("spublish", 3),
    on_keys("srem", -3, sets::srem),
    on_session("ssubscribe", -2),
    on_keys("strlen", 2, strings::strlen),
    on_session("subscribe", -2),
    on_session("sunsubscribe", -1),
    on_session("time", 1),
    on_keys("ttl", 2, keys::ttl),
    on_keys("type", 2, keys::kind),
    on_keys("unlink", -2, keys::del),
    on_session("unsubscribe", -1),
    on_session("unwatch", 1),
    on_session("watch", -2),
    on_keys("xack", -4, streams::xack),
    on_keys("xadd", -5, streams::xadd),
    on_keys("xautoclaim", -6, streams::xautoclaim),
    on_keys("xclaim", -6, streams::xclaim),
    on_keys("xdel", -3, streams::xdel),
    on_keys("xgroup", -2, streams::xgroup),
    on_keys("xinfo", -2, streams::xinfo),
    on_keys("xlen", 2, streams::xlen),
    on_keys("xpending", -3, streams::xpending),
    on_keys("xrange", -4, streams::xrange),
    on_session("xread", -4),
    on_session("xreadgroup", -7),
    on_keys("xrevrange", -4, streams::xrevrange),
    on_keys("xsetid", -3, streams::xsetid),
    on_keys("xtrim", -4, streams::xtrim),
    on_keys("zadd", -4, sorted::zadd),
    on_keys("zcard", 2, sorted::zcard),
    on_keys("zincrby", 4, sorted::zincrby),
    on_keys("zpopmax", -2, sorted::zpopmax),
    on_keys("zpopmin", -2, sorted::zpopmin),
    on_keys("zrange", -4, sorted::zrange),
    on_keys("zrangebyscore", -4, sorted::zrange),
    on_keys("zrem", -3, sorted::zrem),
    on_keys("zscore", 3, sorted::zscore),
];

/// Finds a command by its name in any case.
pub(in crate::sim) fn find(name: &[u8]) -> Option<&'static Spec> {
    let folded = name.iter().map(u8::to_ascii_lowercase);
    COMMANDS
        .binary_search_by(|spec| spec.name.bytes().cmp(folded.clone()))
        .ok()
        .and_then(|at| COMMANDS.get(at))
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, find};

    #[test]
    fn the_table_is_sorted_and_every_command_is_found_in_any_case() {
        assert!(COMMANDS.is_sorted_by(|a, b| a.name < b.name));
        for spec in COMMANDS {
            let upper = spec.name.to_uppercase();
            assert_eq!(find(upper.as_bytes()).map(|s| s.name), Some(spec.name));
        }
        assert!(find(b"nonsense").is_none());
    }
}
