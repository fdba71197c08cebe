//! Groups of consumers: what each has read and not acknowledged. Delivers nothing itself.

use super::{Fields, Id, Stream, limit, no_group};
use crate::protocol::{Items, ServerError, Value};
use crate::sim::answer::{
    Answer, Outcome, array, count, error, int, integer_arg, lower, okay, syntax,
};
use crate::sim::store::Keyspace;
use crate::sim::store::notify::Topic;
use std::collections::BTreeMap;

/// What is told of a stream that has a consumer more.
pub(super) const CONSUMER_MADE: &str = "xgroup-createconsumer";

/// One group of a stream.
#[derive(Debug)]
pub(super) struct Group {
    /// The last entry that was given to any of its consumers.
    pub(super) last: Id,
    /// How many entries were given out, as far as that is known.
    pub(super) read: Option<u64>,
    /// What was given out and not acknowledged.
    pub(super) pending: BTreeMap<Id, Pending>,
    pub(super) consumers: BTreeMap<Vec<u8>, Consumer>,
}

/// An entry that was given to a consumer, which has not acknowledged it.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    /// Whose it is.
    pub(super) consumer: Vec<u8>,
    /// When it was given out last, in milliseconds of the epoch.
    pub(super) since: i64,
    /// How often.
    pub(super) times: i64,
}

/// One consumer of a group.
#[derive(Debug)]
pub(super) struct Consumer {
    /// When it asked for something last, in milliseconds of the epoch.
    pub(super) seen: i64,
    /// When it got something last.
    pub(super) active: Option<i64>,
}

impl Group {
    /// A group that has read up to this entry.
    pub(super) fn new(last: Id, read: Option<u64>) -> Self {
        Self {
            last,
            read,
            pending: BTreeMap::new(),
            consumers: BTreeMap::new(),
        }
    }

    /// A consumer asks for something: it is there from now on.
    pub(super) fn see(&mut self, consumer: &[u8], now: i64) -> &mut Consumer {
        let known = self.consumers.entry(consumer.to_vec()).or_insert(Consumer {
            seen: now,
            active: None,
        });
        known.seen = now;
        known
    }

    /// How many entries wait for the acknowledgement of a consumer.
    pub(super) fn owed(&self, consumer: &[u8]) -> usize {
        let of = |pending: &&Pending| pending.consumer == consumer;
        self.pending.values().filter(of).count()
    }

    /// What a consumer has not acknowledged, from a number on, at most so many. Each counts as given out once
    /// more, unless its entry is gone.
    pub(super) fn history(
        &mut self,
        entries: &BTreeMap<Id, Fields>,
        consumer: &[u8],
        from: Option<Id>,
        most: usize,
        now: i64,
    ) -> Vec<Value> {
        let Some(from) = from else {
            return Vec::new();
        };
        // Each look counts, whether the consumer does anything with the entry or not: so one that a consumer
        // dies of can be told by its count.
        let own = self
            .pending
            .range_mut(from..)
            .filter(|(_, pending)| pending.consumer == consumer);
        own.take(most)
            .map(|(id, pending)| match entries.get(id) {
                Some(fields) => {
                    pending.since = now;
                    pending.times += 1;
                    super::entry(*id, fields)
                }
                // Deleted or trimmed, and still pending: the consumer has to be told, or it could never acknowledge it.
                None => Value::Array(Items(vec![(*id).into(), Value::Nil])),
            })
            .collect()
    }
}

/// The error of a group that a stream does not have.
pub(super) fn no_such_group(key: &[u8], group: &[u8]) -> ServerError {
    error(format!(
        "NOGROUP No such consumer group '{}' for key name '{}'",
        String::from_utf8_lossy(group),
        String::from_utf8_lossy(key)
    ))
}

/// The options of `XGROUP CREATE` and `XGROUP SETID`: whether a stream is made, and what was read before.
fn options(sub: &str, args: &[Vec<u8>]) -> Result<(bool, Option<u64>), ServerError> {
    let (mut make, mut read) = (false, None);
    let mut words = args.get(5..).unwrap_or_default().iter();
    while let Some(word) = words.next() {
        match (lower(word).as_str(), words.len()) {
            ("mkstream", _) if sub == "create" => make = true,
            ("entriesread", 1..) if matches!(sub, "create" | "setid") => {
                let given = words.next().map_or(Ok(-1), |value| integer_arg(value))?;
                if given < -1 {
                    return Err(error("ERR value for ENTRIESREAD must be positive or -1"));
                }
                read = u64::try_from(given).ok();
            }
            _ => {
                return Err(error(format!(
                    "ERR unknown subcommand or wrong number of arguments for '{}'. Try XGROUP HELP.",
                    String::from_utf8_lossy(&args[1])
                )));
            }
        }
    }
    Ok((make, read))
}

/// `XGROUP CREATE|CREATECONSUMER|DELCONSUMER|DESTROY|SETID key group ...`.
pub(in crate::sim::store) fn xgroup(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let sub = lower(&args[1]);
    let (key, name) = (&args[2], &args[3]);
    let (make, read) = options(&sub, args)?;
    let now = keys.now;
    if keys.find::<Stream>(key)?.is_none() && !make {
        return Err(error(
            "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
             the MKSTREAM option to create an empty stream automatically.",
        ));
    }
    // The number is read before the stream is made, and the group is looked for behind it: the words of an
    // error depend on that order.
    if sub == "create" {
        let last = start(keys, key, &args[4])?;
        let stream = keys.make::<Stream>(key)?;
        if stream.groups.contains_key(name) {
            return Err(error("BUSYGROUP Consumer Group name already exists"));
        }
        stream.groups.insert(name.clone(), Group::new(last, read));
        keys.tell(Topic::Stream, "xgroup-create", key);
        return okay();
    }
    if sub == "destroy" {
        let gone = keys.stream(key)?.groups.remove(name).is_some();
        if gone {
            // Those who wait for the group are told.
            keys.grew(key);
            keys.tell(Topic::Stream, "xgroup-destroy", key);
        }
        return int(i64::from(gone));
    }
    let Some((_, group)) = keys.group(key, name)? else {
        return Err(no_such_group(key, name));
    };
    match sub.as_str() {
        "createconsumer" => {
            let new = !group.consumers.contains_key(&args[4]);
            if new {
                group.see(&args[4], now);
                keys.tell(Topic::Stream, CONSUMER_MADE, key);
            }
            int(i64::from(new))
        }
        "delconsumer" => {
            // What it has not acknowledged is lost to the group with it, which is why a server says how much that is.
            let owed = group.owed(&args[4]);
            group
                .pending
                .retain(|_, pending| pending.consumer != args[4]);
            if group.consumers.remove(&args[4]).is_some() {
                keys.tell(Topic::Stream, "xgroup-delconsumer", key);
            }
            count(owed)
        }
        _ => {
            let last = start(keys, key, &args[4])?;
            if let Some((_, group)) = keys.group(key, name)? {
                (group.last, group.read) = (last, read);
            }
            keys.tell(Topic::Stream, "xgroup-setid", key);
            okay()
        }
    }
}

/// The place from which a group reads: a number, or `$` for the end.
fn start(keys: &mut Keyspace<'_>, key: &[u8], text: &[u8]) -> Result<Id, ServerError> {
    match text {
        b"$" => Ok(keys
            .find::<Stream>(key)?
            .map_or(Id::MIN, |stream| stream.last)),
        text => Id::parse(text, 0),
    }
}

/// `XACK key group id ...`: how many of them were pending.
pub(in crate::sim::store) fn xack(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let Some((_, group)) = keys.group(&args[1], &args[2])? else {
        return count(0);
    };
    let ids = args[3..].iter().map(|id| Id::parse(id, 0));
    // All are read first: a wrong number acknowledges nothing.
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let acknowledged = ids.iter().filter(|id| group.pending.remove(id).is_some());
    count(acknowledged.count())
}

/// `XPENDING key group`, which sums up, and `XPENDING key group [IDLE ms] start end count [consumer]`.
pub(in crate::sim::store) fn xpending(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let now = keys.now;
    if args.len() == 3 {
        let Some((_, group)) = keys.group(&args[1], &args[2])? else {
            return Err(no_group(&args[1], &args[2]));
        };
        return summary(group);
    }
    if !(6..=9).contains(&args.len()) {
        return Err(syntax());
    }
    let (mut idle, mut at) = (0, 3);
    if lower(&args[3]) == "idle" {
        idle = integer_arg(&args[4])?;
        if args.len() < 8 {
            return Err(syntax());
        }
        at += 2;
    }
    let most = limit(&args[at + 2])?;
    let (from, to) = (Id::lower(&args[at])?, Id::upper(&args[at + 1])?);
    let consumer = args.get(at + 3);
    let Some((_, group)) = keys.group(&args[1], &args[2])? else {
        return Err(no_group(&args[1], &args[2]));
    };
    if from > to {
        return array(Vec::new());
    }
    let wanted = group.pending.range(from..=to).filter(|(_, pending)| {
        consumer.is_none_or(|name| *name == pending.consumer) && now - pending.since >= idle
    });
    let rows = wanted.take(most).map(|(id, pending)| {
        Value::Array(Items(vec![
            (*id).into(),
            Value::Bulk(pending.consumer.clone()),
            Value::Int((now - pending.since).max(0)),
            Value::Int(pending.times),
        ]))
    });
    array(rows.collect())
}

/// How many entries are pending, the first and the last, and how many of each consumer.
fn summary(group: &Group) -> Outcome {
    let ends = [
        group.pending.first_key_value(),
        group.pending.last_key_value(),
    ];
    let [Some((first, _)), Some((last, _))] = ends else {
        return Ok(Answer::Value(Value::Array(Items(vec![
            Value::Int(0),
            Value::Nil,
            Value::Nil,
            Value::Nil,
        ]))));
    };
    let consumers = group.consumers.keys().map(|name| (name, group.owed(name)));
    let owing = consumers.filter(|(_, owed)| *owed > 0).map(|(name, owed)| {
        Value::Array(Items(vec![
            Value::Bulk(name.clone()),
            Value::Bulk(owed.to_string().into_bytes()),
        ]))
    });
    array(vec![
        Value::Int(i64::try_from(group.pending.len()).unwrap_or(i64::MAX)),
        (*first).into(),
        (*last).into(),
        Value::Array(owing.collect()),
    ])
}
