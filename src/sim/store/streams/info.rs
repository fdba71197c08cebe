//! `XINFO`: what a stream and its groups look like from outside. Changes nothing. There are no trees here: of
//! them it tells what a server would that has never deleted an entry.

use super::groups::{Consumer, Group, no_such_group};
use super::{Id, Stream, entry};
use crate::protocol::{Items, Pairs, Value};
use crate::sim::answer::{Outcome, array, error, integer_arg, lower, map};
use crate::sim::store::Keyspace;

/// A number of an answer.
fn int(n: impl TryInto<i64>) -> Value {
    Value::Int(n.try_into().unwrap_or(i64::MAX))
}

/// Names and values, one after the other.
fn fields<const N: usize>(pairs: [(&str, Value); N]) -> Vec<Value> {
    let flat = pairs
        .into_iter()
        .flat_map(|(name, value)| [Value::Bulk(name.into()), value]);
    flat.collect()
}

/// A map of an answer. RESP2 gets it flat.
fn inner(flat: Vec<Value>) -> Value {
    Value::Map(Pairs(Items(flat)))
}

/// A list within an answer.
fn list(values: impl IntoIterator<Item = Value>) -> Value {
    Value::Array(values.into_iter().collect())
}

impl Stream {
    /// Whether entries were deleted one by one behind a number: how many there were is not known then.
    pub(super) fn has_holes_behind(&self, id: Id) -> bool {
        !self.entries.is_empty() && self.deleted != Id::MIN && id <= self.deleted
    }

    /// The first number that is left.
    fn first(&self) -> Id {
        self.entries
            .first_key_value()
            .map_or(Id::MIN, |(id, _)| *id)
    }

    /// How many entries were added up to a number, as far as that can be told.
    pub(super) fn place_of(&self, id: Id) -> Option<u64> {
        if self.added == 0 {
            return Some(0);
        }
        if self.entries.is_empty() && id <= self.last || id == self.last {
            return Some(self.added);
        }
        // Somewhere between holes, or ahead of all: how many entries lie before it was never counted.
        if id != Id::MIN && id < self.deleted || id > self.last {
            return None;
        }
        // A hole behind the first entry: the entries in front of a number cannot be told from its distance.
        let first = self.first();
        if self.deleted != Id::MIN && self.deleted >= first {
            return None;
        }
        // What was trimmed came first, so an entry's place is known from both ends.
        let gone = self.added.saturating_sub(self.entries.len() as u64);
        match id.cmp(&first) {
            std::cmp::Ordering::Less => Some(gone),
            std::cmp::Ordering::Equal => Some(gone + 1),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// How many entries a group has still to get, as far as that can be told.
    fn lag(&self, group: &Group) -> Value {
        if self.added == 0 {
            return Value::Int(0);
        }
        let read = match group.read {
            Some(read) if !self.has_holes_behind(group.last) => Some(read),
            _ => self.place_of(group.last),
        };
        read.map_or(Value::Nil, |read| int(self.added.saturating_sub(read)))
    }

    /// What both forms of `XINFO STREAM` begin with.
    fn head(&self) -> Vec<Value> {
        let nodes = self.entries.len().div_ceil(100);
        fields([
            ("length", int(self.entries.len())),
            ("radix-tree-keys", int(nodes)),
            ("radix-tree-nodes", int(nodes + 1)),
            ("last-generated-id", self.last.into()),
            ("max-deleted-entry-id", self.deleted.into()),
            ("entries-added", int(self.added)),
            ("recorded-first-entry-id", self.first().into()),
        ])
    }

    /// All that is known of it: so many entries, and of each group so many that are pending.
    fn full(&self, most: usize) -> Vec<Value> {
        let mut flat = self.head();
        let groups = self
            .groups
            .iter()
            .map(|(name, group)| self.full_group(name, group, most));
        flat.extend(fields([
            ("entries", list(self.range(Id::MIN, Id::MAX, most))),
            ("groups", list(groups)),
        ]));
        flat
    }

    /// A group, with what is pending of it.
    fn full_group(&self, name: &[u8], group: &Group, most: usize) -> Value {
        let pending = group.pending.iter().take(most).map(|(id, one)| {
            list([
                (*id).into(),
                Value::Bulk(one.consumer.clone()),
                Value::Int(one.since),
                Value::Int(one.times),
            ])
        });
        let consumers = group.consumers.iter().map(|(name, consumer)| {
            let own = group
                .pending
                .iter()
                .filter(|(_, one)| one.consumer == *name)
                .take(most)
                .map(|(id, one)| {
                    list([(*id).into(), Value::Int(one.since), Value::Int(one.times)])
                });
            inner(fields([
                ("name", Value::Bulk(name.clone())),
                ("seen-time", Value::Int(consumer.seen)),
                ("active-time", Value::Int(consumer.active.unwrap_or(-1))),
                ("pel-count", int(group.owed(name))),
                ("pending", list(own)),
            ]))
        });
        inner(fields([
            ("name", Value::Bulk(name.to_vec())),
            ("last-delivered-id", group.last.into()),
            ("entries-read", group.read.map_or(Value::Nil, int)),
            ("lag", self.lag(group)),
            ("pel-count", int(group.pending.len())),
            ("pending", list(pending)),
            ("consumers", list(consumers)),
        ]))
    }

    /// The line of a group in `XINFO GROUPS`.
    fn group_line(&self, name: &[u8], group: &Group) -> Value {
        inner(fields([
            ("name", Value::Bulk(name.to_vec())),
            ("consumers", int(group.consumers.len())),
            ("pending", int(group.pending.len())),
            ("last-delivered-id", group.last.into()),
            ("entries-read", group.read.map_or(Value::Nil, int)),
            ("lag", self.lag(group)),
        ]))
    }
}

/// The line of a consumer in `XINFO CONSUMERS`.
fn consumer_line(name: &[u8], consumer: &Consumer, owed: usize, now: i64) -> Value {
    let since = |time: i64| Value::Int((now - time).max(0));
    inner(fields([
        ("name", Value::Bulk(name.to_vec())),
        ("pending", int(owed)),
        ("idle", since(consumer.seen)),
        ("inactive", consumer.active.map_or(Value::Int(-1), since)),
    ]))
}

/// `XINFO CONSUMERS|GROUPS|STREAM key ...`.
pub(in crate::sim::store) fn xinfo(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let now = keys.now;
    let sub = lower(&args[1]);
    let stream = keys.stream(&args[2])?;
    match sub.as_str() {
        "groups" => array(
            stream
                .groups
                .iter()
                .map(|(name, group)| stream.group_line(name, group))
                .collect(),
        ),
        "consumers" => {
            let Some(group) = stream.groups.get(&args[3]) else {
                return Err(no_such_group(&args[2], &args[3]));
            };
            let lines = group
                .consumers
                .iter()
                .map(|(name, consumer)| consumer_line(name, consumer, group.owed(name), now));
            array(lines.collect())
        }
        _ => match &args[3..] {
            [] => {
                let mut flat = stream.head();
                let show = |found: Option<(&Id, &super::Fields)>| {
                    found.map_or(Value::Nil, |(id, fields)| entry(*id, fields))
                };
                flat.extend(fields([
                    ("groups", int(stream.groups.len())),
                    ("first-entry", show(stream.entries.first_key_value())),
                    ("last-entry", show(stream.entries.last_key_value())),
                ]));
                map(flat)
            }
            [full] if lower(full) == "full" => map(stream.full(10)),
            [full, word, most] if lower(full) == "full" && lower(word) == "count" => {
                // None means all, and less than none the same as nothing said.
                let most = match usize::try_from(integer_arg(most)?) {
                    Ok(0) => usize::MAX,
                    Ok(most) => most,
                    Err(_) => 10,
                };
                map(stream.full(most))
            }
            _ => Err(error(format!(
                "ERR unknown subcommand or wrong number of arguments for '{}'. Try XINFO HELP.",
                String::from_utf8_lossy(&args[1])
            ))),
        },
    }
}
