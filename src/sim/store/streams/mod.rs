//! Streams: their entries, and the groups that read them. Nothing waits here: whoever adds an entry has those
//! served who wait for it.
//!
//! | file | commands |
//! |---|---|
//! | `mod` | `XADD` `XDEL` `XLEN` `XRANGE` `XREVRANGE` `XSETID` `XTRIM` |
//! | `read` | `XREAD` `XREADGROUP`, at once or when an entry comes |
//! | `groups` | `XACK` `XGROUP` `XPENDING` |
//! | `claim` | `XAUTOCLAIM` `XCLAIM` |
//! | `info` | `XINFO` |

mod claim;
mod groups;
mod id;
mod info;
mod read;
mod trim;

pub(super) use claim::{xautoclaim, xclaim};
pub(super) use groups::{xack, xgroup, xpending};
pub(super) use info::xinfo;
pub(in crate::sim) use read::{Read, Reading};

use super::notify::Topic;
use super::{Content, Keyspace};
use crate::protocol::{Items, ServerError, Value};
use crate::sim::answer::{
    Answer, Outcome, array, count, error, integer_arg, lower, nil, okay, syntax, wrong_arity,
};
use groups::Group;
use id::{Id, Wish};
use std::collections::BTreeMap;
use trim::Options;

/// Fields and values of an entry, one after the other, as `XADD` gave them.
type Fields = Vec<Vec<u8>>;
/// The entries of a stream, which nobody changes, beside one of its groups.
type Place<'s> = (&'s BTreeMap<Id, Fields>, &'s mut Group);

/// Entries in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Stream {
    entries: BTreeMap<Id, Fields>,
    /// The highest number that was ever given, whatever has become of its entry.
    last: Id,
    /// The highest number whose entry `XDEL` took.
    deleted: Id,
    /// How many entries were ever added.
    added: u64,
    groups: BTreeMap<Vec<u8>, Group>,
}

/// An entry as commands answer it.
fn entry(id: Id, fields: &[Vec<u8>]) -> Value {
    let fields = fields.iter().cloned().map(Value::Bulk).collect();
    Value::Array(Items(vec![id.into(), Value::Array(fields)]))
}

impl Stream {
    /// The entries in a range, both ends included, at most so many.
    fn range(&self, from: Id, to: Id, most: usize) -> Vec<Value> {
        if from > to {
            return Vec::new();
        }
        let found = self.entries.range(from..=to).take(most);
        found.map(|(id, fields)| entry(*id, fields)).collect()
    }

    /// Whether there is an entry behind this number.
    fn has_behind(&self, id: Id) -> bool {
        self.entries
            .last_key_value()
            .is_some_and(|(last, _)| *last > id)
    }

    /// The number that the next entry gets; `now` is in milliseconds of the epoch.
    fn number(&self, wish: Wish, now: i64) -> Result<Id, ServerError> {
        if self.last == Id::MAX {
            return Err(error(
                "ERR The stream has exhausted the last possible ID, unable to add more items",
            ));
        }
        // The number decides where the entry stands: one that is not behind all others would be in front of what
        // readers have already passed, and they would never see it.
        let id = match wish {
            Wish::Exactly(id) => Some(id),
            Wish::Within(ms) if ms == self.last.ms => {
                let seq = self.last.seq.checked_add(1);
                seq.map(|seq| Id { ms, seq })
            }
            Wish::Within(ms) => Some(Id { ms, seq: 0 }),
            Wish::Any => match u64::try_from(now) {
                Ok(ms) if ms > self.last.ms => Some(Id { ms, seq: 0 }),
                // The clock stands, or was set back: numbers never are.
                _ => self.last.next(),
            },
        };
        id.filter(|id| *id > self.last).ok_or_else(|| {
            error(
                "ERR The ID specified in XADD is equal or smaller than the target stream top item",
            )
        })
    }
}

impl Keyspace<'_> {
    /// The stream of a key for a command on one that must be there.
    fn stream(&mut self, key: &[u8]) -> Result<&mut Stream, ServerError> {
        self.find::<Stream>(key)?
            .ok_or_else(|| error("ERR no such key"))
    }

    /// The stream of a key and a group of it.
    fn group(&mut self, key: &[u8], group: &[u8]) -> Result<Option<Place<'_>>, ServerError> {
        Ok(self.find::<Stream>(key)?.and_then(|stream| {
            let group = stream.groups.get_mut(group);
            group.map(|group| (&stream.entries, group))
        }))
    }
}

/// The error of a key or a group that is not there.
fn no_group(key: &[u8], group: &[u8]) -> ServerError {
    error(format!(
        "NOGROUP No such key '{}' or consumer group '{}'",
        String::from_utf8_lossy(key),
        String::from_utf8_lossy(group)
    ))
}

/// Reads a `COUNT`, whose absence means all; what is negative counts as none.
fn limit(text: &[u8]) -> Result<usize, ServerError> {
    Ok(usize::try_from(integer_arg(text)?).unwrap_or(0))
}

/// `XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value ...`: the number.
pub(super) fn xadd(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let options = Options::read(args, true)?;
    let key = &args[1];
    let Some((wish, at)) = options.id else {
        return Err(wrong_arity("xadd"));
    };
    let fields = &args[at..];
    if fields.is_empty() || fields.len() % 2 != 0 {
        return Err(wrong_arity("xadd"));
    }
    if wish == Wish::Exactly(Id::MIN) {
        return Err(error(
            "ERR The ID specified in XADD must be greater than 0-0",
        ));
    }
    // Before the stream is made: NOMKSTREAM may not leave an empty one behind.
    if options.only_existing && keys.find::<Stream>(key)?.is_none() {
        return nil();
    }
    let now = keys.now;
    let stream = keys.make::<Stream>(key)?;
    let id = stream.number(wish, now)?;
    stream.entries.insert(id, fields.to_vec());
    stream.last = id;
    stream.added += 1;
    // Behind the entry, in a server's order: MAXLEN 0 takes the new one too.
    let cut = options.trim.map_or(0, |trim| stream.trim(trim));
    keys.changed(Topic::Stream, "xadd", key);
    if cut > 0 {
        keys.tell(Topic::Stream, "xtrim", key);
    }
    keys.grew(key);
    Ok(Value::from(id).into())
}

/// `XLEN key`: how many entries, 0 without a key.
pub(super) fn xlen(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let stream = keys.find::<Stream>(&args[1])?;
    count(stream.map_or(0, |stream| stream.entries.len()))
}

/// `XDEL key id ...`: how many entries there were. An empty stream stays.
pub(super) fn xdel(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let Some(stream) = keys.find::<Stream>(&args[1])? else {
        return count(0);
    };
    // All numbers are read before any entry goes: a wrong one at the end deletes nothing.
    let ids = args[2..].iter().map(|id| Id::parse(id, 0));
    let mut gone = 0;
    for id in ids.collect::<Result<Vec<_>, _>>()? {
        if stream.entries.remove(&id).is_some() {
            // The highest of them makes all lags unknown that would have to be counted across it.
            stream.deleted = stream.deleted.max(id);
            gone += 1;
        }
    }
    if gone > 0 {
        keys.changed(Topic::Stream, "xdel", &args[1]);
    }
    count(gone)
}

/// `XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count]`: how many entries went.
pub(super) fn xtrim(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let options = Options::read(args, false)?;
    let cut = match (keys.find::<Stream>(&args[1])?, options.trim) {
        (Some(stream), Some(trim)) => stream.trim(trim),
        _ => 0,
    };
    if cut > 0 {
        keys.changed(Topic::Stream, "xtrim", &args[1]);
    }
    count(cut)
}

/// `XRANGE` and `XREVRANGE`, whose ends come the other way round.
fn between(keys: &mut Keyspace<'_>, args: &[Vec<u8>], ends: [&[u8]; 2], back: bool) -> Outcome {
    let (from, to) = (Id::lower(ends[0])?, Id::upper(ends[1])?);
    let mut most = usize::MAX;
    let mut options = args[4..].chunks(2);
    for option in &mut options {
        match option {
            [word, value] if lower(word) == "count" => most = limit(value)?,
            _ => return Err(syntax()),
        }
    }
    // A server looks at the key before it looks at the count: no key is an empty array, and no entries asked
    // for is nil.
    let Some(stream) = keys.find::<Stream>(&args[1])? else {
        return array(Vec::new());
    };
    if most == 0 {
        return Ok(Answer::NilArray);
    }
    if !back {
        return array(stream.range(from, to, most));
    }
    if from > to {
        return array(Vec::new());
    }
    let found = stream.entries.range(from..=to).rev().take(most);
    array(found.map(|(id, fields)| entry(*id, fields)).collect())
}

/// `XRANGE key start end [COUNT count]`: entries in the order of their numbers.
pub(super) fn xrange(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    between(keys, args, [&args[2], &args[3]], false)
}

/// `XREVRANGE key end start [COUNT count]`: the other way round.
pub(super) fn xrevrange(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    between(keys, args, [&args[3], &args[2]], true)
}

/// `XSETID key last [ENTRIESADDED count] [MAXDELETEDID id]`: what is remembered of entries that are gone.
pub(super) fn xsetid(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let last = Id::parse(&args[2], 0)?;
    let (mut added, mut deleted) = (None, None);
    for option in args[3..].chunks(2) {
        match option {
            [word, value] if lower(word) == "entriesadded" => {
                added = Some(
                    u64::try_from(integer_arg(value)?)
                        .map_err(|_| error("ERR entries_added must be positive"))?,
                );
            }
            [word, value] if lower(word) == "maxdeletedid" => {
                let id = Id::parse(value, 0)?;
                if last < id {
                    return Err(error(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
                deleted = Some(id);
            }
            _ => return Err(syntax()),
        }
    }
    let stream = keys.stream(&args[1])?;
    if last < stream.deleted {
        return Err(error(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if stream
        .entries
        .last_key_value()
        .is_some_and(|(top, _)| last < *top)
    {
        return Err(error(
            "ERR The ID specified in XSETID is smaller than the target stream top item",
        ));
    }
    if added.is_some_and(|added| added < stream.entries.len() as u64) {
        return Err(error(
            "ERR The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    stream.last = last;
    stream.added = added.unwrap_or(stream.added);
    stream.deleted = deleted.unwrap_or(stream.deleted);
    keys.changed(Topic::Stream, "xsetid", &args[1]);
    okay()
}

impl Keyspace<'_> {
    /// Whether the key holds a stream.
    pub(super) fn holds_stream(&mut self, key: &[u8]) -> bool {
        self.entry(key)
            .is_some_and(|entry| entry.content.is_stream())
    }
}

impl Content {
    /// Whether it is a stream.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }
}
