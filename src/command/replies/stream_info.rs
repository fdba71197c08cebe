//! What servers tell of streams, groups and consumers. Names of groups and consumers are bytes here, as keys are: one
//! that is no text is no reason to lose what stands beside it.

use super::server::moment;
use super::{Fields, Parts, Shown, StreamEntry, StreamId, turned};
use crate::command::FromValue;
use crate::error::Result;
use crate::protocol::Value;
use std::fmt;
use std::time::{Duration, SystemTime};

/// What `XINFO STREAM` tells: see [`Commands::xinfo_stream`](crate::Commands::xinfo_stream).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// How many entries it has.
    pub length: u64,
    /// The keys of the tree in which the server keeps it.
    pub radix_tree_keys: u64,
    /// The nodes of that tree.
    pub radix_tree_nodes: u64,
    /// The greatest ID that was ever given.
    pub last_generated_id: StreamId,
    /// The greatest ID of those that were deleted.
    pub max_deleted_entry_id: Option<StreamId>,
    /// How many entries were ever added.
    pub entries_added: Option<u64>,
    /// The ID of the first entry, as the server has written it down.
    pub recorded_first_entry_id: Option<StreamId>,
    /// How many groups it has.
    pub groups: u64,
    /// The first entry, if there is any.
    pub first_entry: Option<StreamEntry>,
    /// The last entry, if there is any.
    pub last_entry: Option<StreamEntry>,
}

impl FromValue for StreamInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of XINFO STREAM")?;
        let made = Self {
            length: fields.need("length"),
            radix_tree_keys: fields.need("radix-tree-keys"),
            radix_tree_nodes: fields.need("radix-tree-nodes"),
            last_generated_id: fields.need("last-generated-id"),
            // These three came with 7.0.
            max_deleted_entry_id: fields.take("max-deleted-entry-id"),
            entries_added: fields.take("entries-added"),
            recorded_first_entry_id: fields.take("recorded-first-entry-id"),
            groups: fields.need("groups"),
            // Nil in a stream without entries, which a group or a deletion leaves.
            first_entry: fields.take("first-entry"),
            last_entry: fields.take("last-entry"),
        };
        fields.end()?;
        Ok(made)
    }
}

/// One group, as `XINFO GROUPS` tells of it.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamGroupInfo {
    /// Its name, which may be any bytes.
    pub name: Vec<u8>,
    /// How many consumers it has.
    pub consumers: u64,
    /// How many entries were delivered and not acknowledged.
    pub pending: u64,
    /// The ID of the last entry that was delivered.
    pub last_delivered_id: StreamId,
    /// How many entries it has read. `None`: the server does not know.
    pub entries_read: Option<u64>,
    /// How many entries it has not read yet. `None`: the server does not know.
    pub lag: Option<u64>,
}

impl fmt::Debug for StreamGroupInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamGroupInfo")
            .field("name", &Shown(&self.name))
            .field("consumers", &self.consumers)
            .field("pending", &self.pending)
            .field("last_delivered_id", &self.last_delivered_id)
            .field("entries_read", &self.entries_read)
            .field("lag", &self.lag)
            .finish()
    }
}

impl FromValue for StreamGroupInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of XINFO GROUPS")?;
        let made = Self {
            name: fields.need("name"),
            consumers: fields.need("consumers"),
            pending: fields.need("pending"),
            last_delivered_id: fields.need("last-delivered-id"),
            // Nil after `XGROUP SETID` to a place in the middle, of which the server has no count.
            entries_read: fields.take("entries-read"),
            lag: fields.take("lag"),
        };
        fields.end()?;
        Ok(made)
    }
}

/// One consumer, as `XINFO CONSUMERS` tells of it.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamConsumerInfo {
    /// Its name, which may be any bytes.
    pub name: Vec<u8>,
    /// How many entries it has taken and not acknowledged.
    pub pending: u64,
    /// How long ago it last asked, in steps of 1 ms.
    pub idle: Duration,
    /// How long ago it last got something, in steps of 1 ms. `None`: never, or the server is older than 7.2.
    pub inactive: Option<Duration>,
}

impl fmt::Debug for StreamConsumerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamConsumerInfo")
            .field("name", &Shown(&self.name))
            .field("pending", &self.pending)
            .field("idle", &self.idle)
            .field("inactive", &self.inactive)
            .finish()
    }
}

impl FromValue for StreamConsumerInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of XINFO CONSUMERS")?;
        let made = Self {
            name: fields.need("name"),
            pending: fields.need("pending"),
            idle: Duration::from_millis(fields.need("idle")),
            // -1 on 7.2 and later where the consumer never got an entry.
            inactive: unless_negative(fields.take("inactive")).map(Duration::from_millis),
        };
        fields.end()?;
        Ok(made)
    }
}

/// A number of milliseconds, where servers write -1 for none.
fn unless_negative(number: Option<i64>) -> Option<u64> {
    number.and_then(|number| u64::try_from(number).ok())
}

/// What `XPENDING` tells of a group as a whole.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamPending {
    /// How many entries were delivered and not acknowledged.
    pub count: u64,
    /// The smallest ID among them.
    pub smallest: Option<StreamId>,
    /// The greatest ID among them.
    pub greatest: Option<StreamId>,
    /// Each consumer that has some, and how many.
    pub consumers: Vec<(Vec<u8>, u64)>,
}

impl FromValue for StreamPending {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut parts = Parts::of(value)?;
        let made = Self {
            count: parts.next(),
            // Where nothing is pending, both IDs and the list are nil.
            smallest: parts.next(),
            greatest: parts.next(),
            consumers: parts.next(),
        };
        parts.end()?;
        Ok(made)
    }
}

/// One entry that was delivered and not acknowledged, as `XPENDING` tells of it.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamPendingEntry {
    /// Which entry it is.
    pub id: StreamId,
    /// Who has it: the name of a consumer, which may be any bytes.
    pub consumer: Vec<u8>,
    /// How long ago it was delivered last, in steps of 1 ms.
    pub idle: Duration,
    /// How many times it was delivered.
    pub deliveries: u64,
}

impl fmt::Debug for StreamPendingEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamPendingEntry")
            .field("id", &self.id)
            .field("consumer", &Shown(&self.consumer))
            .field("idle", &self.idle)
            .field("deliveries", &self.deliveries)
            .finish()
    }
}

impl FromValue for StreamPendingEntry {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut parts = Parts::of(value)?;
        let made = Self {
            id: parts.next(),
            consumer: parts.next(),
            idle: Duration::from_millis(parts.next()),
            deliveries: parts.next(),
        };
        parts.end()?;
        Ok(made)
    }
}

/// What `XINFO STREAM ... FULL` tells: see
/// [`Commands::xinfo_stream_full`](crate::Commands::xinfo_stream_full).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamFullInfo {
    /// How many entries it has.
    pub length: u64,
    /// The greatest ID that was ever given.
    pub last_generated_id: StreamId,
    /// The greatest ID of those that were deleted.
    pub max_deleted_entry_id: Option<StreamId>,
    /// How many entries were ever added.
    pub entries_added: Option<u64>,
    /// The first entries.
    pub entries: Vec<StreamEntry>,
    /// Its groups.
    pub groups: Vec<StreamFullGroup>,
}

impl FromValue for StreamFullInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of XINFO STREAM FULL")?;
        let made = Self {
            length: fields.need("length"),
            last_generated_id: fields.need("last-generated-id"),
            max_deleted_entry_id: fields.take("max-deleted-entry-id"),
            entries_added: fields.take("entries-added"),
            // The greatest lists of the reply: `COUNT` bounds each of them.
            entries: fields.take("entries"),
            groups: fields.take("groups"),
        };
        fields.end()?;
        Ok(made)
    }
}

/// One group, with what is pending in it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamFullGroup {
    /// Its name, which may be any bytes.
    pub name: Vec<u8>,
    /// The ID of the last entry that was delivered.
    pub last_delivered_id: StreamId,
    /// How many entries it has read. `None`: the server does not know.
    pub entries_read: Option<u64>,
    /// How many entries it has not read yet. `None`: the server does not know.
    pub lag: Option<u64>,
    /// How many entries were delivered and not acknowledged.
    pub pending_count: u64,
    /// The first of them: the ID, who has it, when it was delivered last, and how many times.
    pub pending: Vec<(StreamId, Vec<u8>, SystemTime, u64)>,
    /// Its consumers.
    pub consumers: Vec<StreamFullConsumer>,
}

impl FromValue for StreamFullGroup {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a group of XINFO STREAM FULL")?;
        // Moments here, where `XPENDING` has times since then.
        let pending: Vec<StreamPendingEntry> = fields.take("pending");
        let made = Self {
            name: fields.need("name"),
            last_delivered_id: fields.need("last-delivered-id"),
            entries_read: fields.take("entries-read"),
            lag: fields.take("lag"),
            // The list below may be cut off by `COUNT`; this number is not.
            pending_count: fields.need("pel-count"),
            pending: turned(pending, |one| {
                (one.id, one.consumer, moment(one.idle), one.deliveries)
            }),
            consumers: fields.take("consumers"),
        };
        fields.end()?;
        Ok(made)
    }
}

/// One entry that is pending with the consumer that tells of it.
struct Delivered {
    id: StreamId,
    at: SystemTime,
    times: u64,
}

impl FromValue for Delivered {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut parts = Parts::of(value)?;
        let made = Self {
            id: parts.next(),
            at: moment(Duration::from_millis(parts.next())),
            times: parts.next(),
        };
        parts.end()?;
        Ok(made)
    }
}

/// One consumer, with what is pending with it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamFullConsumer {
    /// Its name, which may be any bytes.
    pub name: Vec<u8>,
    /// When it last asked.
    pub seen: SystemTime,
    /// When it last got something. `None`: never, or the server is older than 7.2.
    pub active: Option<SystemTime>,
    /// How many entries it has taken and not acknowledged.
    pub pending_count: u64,
    /// The first of them: the ID, when it was delivered last, and how many times.
    pub pending: Vec<(StreamId, SystemTime, u64)>,
}

impl FromValue for StreamFullConsumer {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a consumer of XINFO STREAM FULL")?;
        let pending: Vec<Delivered> = fields.take("pending");
        let made = Self {
            name: fields.need("name"),
            seen: moment(Duration::from_millis(fields.need("seen-time"))),
            active: unless_negative(fields.take("active-time"))
                .map(|millis| moment(Duration::from_millis(millis))),
            pending_count: fields.need("pel-count"),
            pending: turned(pending, |one| (one.id, one.at, one.times)),
        };
        fields.end()?;
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn what_a_newer_server_has_behind_the_parts_that_are_known_is_passed_over() {
        let (text, more) = (Value::bulk("1-2"), Value::bulk("more"));
        let entry = [
            text.clone(),
            Value::bulk("me"),
            Value::Int(7),
            Value::Int(3),
        ];
        let mut longer = entry.to_vec();
        longer.push(more.clone());
        let entry = StreamPendingEntry::from_value(Value::array(longer.clone())).unwrap();
        assert_eq!(
            (entry.id, &*entry.consumer),
            (StreamId::new(1, 2), &b"me"[..])
        );
        assert_eq!(
            (entry.idle, entry.deliveries),
            (Duration::from_millis(7), 3)
        );
        let of_group = Value::array(vec![Value::array(longer)]);
        let of_consumer = Value::array(vec![Value::array(vec![
            text.clone(),
            Value::Int(8),
            Value::Int(4),
            more.clone(),
        ])]);
        let named = |name: &str, value: Value| [Value::bulk(name), value];
        let consumer = [
            named("name", Value::bulk("me")),
            named("seen-time", Value::Int(9)),
            named("pel-count", Value::Int(1)),
            named("pending", of_consumer),
        ];
        let group = [
            named("name", Value::bulk("g")),
            named("last-delivered-id", text.clone()),
            named("pel-count", Value::Int(1)),
            named("pending", of_group),
            named(
                "consumers",
                Value::array(vec![Value::array(consumer.concat())]),
            ),
        ];
        let group = StreamFullGroup::from_value(Value::array(group.concat())).unwrap();
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        let id = StreamId::new(1, 2);
        assert_eq!(group.pending, [(id, b"me".to_vec(), at(7), 3)]);
        assert_eq!(group.consumers[0].pending, [(id, at(8), 4)]);
        let whole = vec![Value::Int(1), text.clone(), text, Value::Nil, more];
        assert_eq!(
            StreamPending::from_value(Value::array(whole))
                .unwrap()
                .count,
            1
        );
    }
}
