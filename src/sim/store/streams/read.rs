//! `XREAD` and `XREADGROUP`: what there is, now or when a stream has grown. Holds nobody up.

use super::groups::{CONSUMER_MADE, Pending};
use super::{Fields, Id, Stream, entry};
use crate::protocol::{Items, Pairs, ServerError, Value};
use crate::sim::answer::{error, integer, integer_arg, lower, syntax};
use crate::sim::store::Keyspace;
use crate::sim::store::notify::Topic;
use std::collections::BTreeMap;
use std::time::Duration;

/// From where a stream is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum From {
    /// Behind this number: new entries, or what a consumer has not acknowledged.
    Behind(Id),
    /// `>`: what no consumer of the group has got.
    New,
}

/// Who reads for a group.
#[derive(Debug)]
struct Reader {
    group: Vec<u8>,
    consumer: Vec<u8>,
    /// `NOACK`: what it gets is not pending.
    no_ack: bool,
}

/// What a command reads, and from where on.
#[derive(Debug)]
pub(in crate::sim) struct Reading {
    reader: Option<Reader>,
    /// From each stream.
    most: Option<usize>,
    places: Vec<(Vec<u8>, From)>,
}

/// A command as it was read.
#[derive(Debug)]
pub(in crate::sim) struct Read {
    pub(in crate::sim) reading: Reading,
    /// How long it may wait, zero for ever; `None` if it does not.
    pub(in crate::sim) wait: Option<Duration>,
}

/// The options in front of the streams.
struct Options {
    wait: Option<Duration>,
    most: Option<usize>,
    reader: Option<(Vec<u8>, Vec<u8>)>,
    no_ack: bool,
    /// The place behind `STREAMS`.
    streams: usize,
}

impl Options {
    fn read(args: &[Vec<u8>], of_group: bool) -> Result<Self, ServerError> {
        let mut options = Self {
            wait: None,
            most: None,
            reader: None,
            no_ack: false,
            streams: 0,
        };
        let not_for_read = |option: &str| {
            error(format!(
                "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
            ))
        };
        let mut at = 1;
        while let Some(word) = args.get(at) {
            let more = &args[at + 1..];
            match (lower(word).as_str(), more) {
                ("block", [time, ..]) => {
                    let time = integer(time)
                        .ok_or_else(|| error("ERR timeout is not an integer or out of range"))?;
                    let time = u64::try_from(time).map_err(|_| error("ERR timeout is negative"))?;
                    options.wait = Some(Duration::from_millis(time));
                    at += 1;
                }
                ("count", [most, ..]) => {
                    // None and less than none mean all.
                    options.most = usize::try_from(integer_arg(most)?).ok().filter(|&n| n > 0);
                    at += 1;
                }
                ("streams", [_, ..]) => {
                    options.streams = at + 1;
                    break;
                }
                ("group", [_, _, ..]) if !of_group => return Err(not_for_read("GROUP")),
                ("group", [group, consumer, ..]) => {
                    options.reader = Some((group.clone(), consumer.clone()));
                    at += 2;
                }
                ("noack", _) if !of_group => return Err(not_for_read("NOACK")),
                ("noack", _) => options.no_ack = true,
                _ => return Err(syntax()),
            }
            at += 1;
        }
        Ok(options)
    }
}

impl Read {
    /// Reads a command and looks its streams and groups up, as far as a server does before it reads.
    pub(in crate::sim) fn parse(
        keys: &mut Keyspace<'_>,
        args: &[Vec<u8>],
    ) -> Result<Self, ServerError> {
        let of_group = args[0].eq_ignore_ascii_case(b"xreadgroup");
        let options = Options::read(args, of_group)?;
        // Only now: a wrong option in front of STREAMS is named first.
        if options.streams == 0 {
            return Err(syntax());
        }
        let rest = &args[options.streams..];
        if rest.len() % 2 != 0 {
            let (name, ids) = match of_group {
                true => ("xreadgroup", "an ID or '>'"),
                false => ("xread", "an ID, '+', or '$'"),
            };
            return Err(error(format!(
                "ERR Unbalanced '{name}' list of streams: for each stream key {ids} must be specified."
            )));
        }
        if of_group && options.reader.is_none() {
            return Err(error("ERR Missing GROUP option for XREADGROUP"));
        }
        let reader = options.reader.map(|(group, consumer)| Reader {
            group,
            consumer,
            no_ack: options.no_ack,
        });
        let (names, ids) = rest.split_at(rest.len() / 2);
        let mut places = Vec::with_capacity(names.len());
        // Key by key, with its group and its number, as a server does: which of several errors comes depends on
        // the order of the streams.
        for (key, id) in names.iter().zip(ids) {
            let stream = keys.find::<Stream>(key)?;
            if let Some(reader) = &reader {
                if !stream
                    .as_ref()
                    .is_some_and(|s| s.groups.contains_key(&reader.group))
                {
                    return Err(not_there(key, &reader.group));
                }
            }
            let from = match (id.as_slice(), of_group) {
                (b"$", true) => {
                    return Err(error(
                        "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
                         history of this consumer by specifying a proper ID, or use the > ID to get new \
                         messages. The $ ID would just return an empty result set.",
                    ));
                }
                // Fixed now and not when an entry comes: what is added while the command waits is new.
                (b"$", false) => From::Behind(stream.map_or(Id::MIN, |stream| stream.last)),
                // The last entry alone, known since 7.4.
                (b"+", false) => From::Behind(stream.map_or(Id::MIN, |stream| {
                    let top = stream.entries.last_key_value().map(|(id, _)| *id);
                    top.and_then(Id::previous).unwrap_or(stream.last)
                })),
                (b">", true) => From::New,
                (b">", false) => {
                    return Err(error(
                        "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
                         <consumer> option.",
                    ));
                }
                (id, _) => From::Behind(Id::parse(id, 0)?),
            };
            places.push((key.clone(), from));
        }
        let reading = Reading {
            reader,
            most: options.most,
            places,
        };
        Ok(Self {
            reading,
            wait: options.wait,
        })
    }
}

/// The error of a stream or a group that is not there, or not any more.
fn not_there(key: &[u8], group: &[u8]) -> ServerError {
    error(format!(
        "NOGROUP No such key '{}' or consumer group '{}' in XREADGROUP with GROUP option",
        String::from_utf8_lossy(key),
        String::from_utf8_lossy(group)
    ))
}

impl Reading {
    /// The streams, in the order in which they were named.
    pub(in crate::sim) fn keys(&self) -> Vec<Vec<u8>> {
        self.places.iter().map(|(key, _)| key.clone()).collect()
    }

    /// Whether it reads for a group, and so must know of the end of a stream.
    pub(in crate::sim) fn of_group(&self) -> bool {
        self.reader.is_some()
    }

    /// What all streams have, or nothing. Asked again when one of them has grown: servers since 7.2 run the
    /// whole command again.
    pub(in crate::sim) fn take(
        &self,
        keys: &mut Keyspace<'_>,
    ) -> Result<Option<Value>, ServerError> {
        let mut found = Vec::new();
        for (key, from) in &self.places {
            let most = self.most.unwrap_or(usize::MAX);
            if let Some(entries) = self.read(keys, key, *from, most)? {
                found.push((key.as_slice(), entries));
            }
        }
        Ok((!found.is_empty()).then(|| named(found, keys.resp3)))
    }

    /// The entries of one stream; nothing if the command would wait for more.
    fn read(
        &self,
        keys: &mut Keyspace<'_>,
        key: &[u8],
        from: From,
        most: usize,
    ) -> Result<Option<Vec<Value>>, ServerError> {
        let now = keys.now;
        let stream = keys.find::<Stream>(key)?;
        let Some(reader) = &self.reader else {
            // `>` is for groups alone.
            let From::Behind(id) = from else {
                return Ok(None);
            };
            let stream = stream.filter(|stream| stream.has_behind(id));
            return Ok(stream.map(|stream| {
                // Behind the highest number of all there is nothing, and no stream goes on.
                let first = id.next().unwrap_or(Id::MAX);
                stream.range(first, Id::MAX, most)
            }));
        };
        let stream = stream.filter(|stream| stream.groups.contains_key(&reader.group));
        let Some(stream) = stream else {
            return Err(not_there(key, &reader.group));
        };
        let group = stream.groups.get(&reader.group);
        let is_new = group.is_some_and(|group| !group.consumers.contains_key(&reader.consumer));
        let found = reader.read(stream, from, most, now);
        if is_new {
            keys.tell(Topic::Stream, CONSUMER_MADE, key);
        }
        Ok(found)
    }
}

impl Reader {
    /// Reads for the consumer, which exists from now on whether there is something for it or not.
    fn read(&self, stream: &mut Stream, from: From, most: usize, now: i64) -> Option<Vec<Value>> {
        let new: BTreeMap<Id, Fields> = {
            let group = stream.groups.get_mut(&self.group)?;
            group.see(&self.consumer, now);
            match from {
                From::Behind(id) => {
                    let entries = &stream.entries;
                    return Some(group.history(entries, &self.consumer, id.next(), most, now));
                }
                From::New => {
                    let first = group.last.next()?;
                    let entries = stream.entries.range(first..).take(most);
                    entries.map(|(id, fields)| (*id, fields.clone())).collect()
                }
            }
        };
        // The consumer is there all the same, and was seen: servers since 7.2 do so for one that waits.
        if new.is_empty() {
            return None;
        }
        // Also with NOACK: what was given to one consumer is given to no other.
        for &id in new.keys() {
            stream.advance(&self.group, id);
        }
        let group = stream.groups.get_mut(&self.group)?;
        group.see(&self.consumer, now).active = Some(now);
        if !self.no_ack {
            // An entry that was pending comes again after XGROUP SETID: it changes hands, and counts from one.
            for &id in new.keys() {
                let consumer = self.consumer.clone();
                let pending = Pending {
                    consumer,
                    since: now,
                    times: 1,
                };
                group.pending.insert(id, pending);
            }
        }
        Some(new.iter().map(|(id, fields)| entry(*id, fields)).collect())
    }
}

impl Stream {
    /// Notes that a group was given an entry, and counts it as far as the count is known.
    fn advance(&mut self, group: &[u8], id: Id) {
        let Some(place) = self.groups.get(group).map(|group| (group.last, group.read)) else {
            return;
        };
        let read = match place {
            (last, Some(read)) if !self.has_holes_behind(last) => Some(read + 1),
            _ => self.place_of(id),
        };
        if let Some(group) = self.groups.get_mut(group) {
            (group.last, group.read) = (id, read);
        }
    }
}

/// Entries by the name of their streams: a map in RESP3, pairs in RESP2.
fn named(found: Vec<(&[u8], Vec<Value>)>, resp3: bool) -> Value {
    let pairs = found
        .into_iter()
        .map(|(key, entries)| [Value::Bulk(key.to_vec()), Value::Array(Items(entries))]);
    if resp3 {
        return Value::Map(Pairs(Items(pairs.flatten().collect())));
    }
    Value::Array(
        pairs
            .map(|pair| Value::Array(pair.into_iter().collect()))
            .collect(),
    )
}
