//! What a server says about its own maintenance. Decides nothing about it, and keeps no history.

use super::{BadEndpoint, Endpoint, Push, SHOWN, Value, cut};
use std::fmt;
use std::ops::RangeInclusive;

/// Hash slots are numbered from 0 to this.
const LAST_SLOT: u16 = 16_383;

/// Most ranges of slots in one notification: no more than there are slots.
const MOST_RANGES: usize = 16_384;

/// Most moves in one notification. A cluster has at most about a thousand nodes (Redis cluster
/// specification), and one notification tells what moved together.
const MOST_MOVES: usize = 1024;

/// A maintenance notification, as the server sent it. Times are whole seconds and may be negative.
///
/// ```
/// use hitless::{Endpoint, Notification};
///
/// let moving = Notification::Moving {
///     seq: Some(4),
///     time: 15,
///     target: Some(Endpoint::tcp("10.0.0.2", 6379)),
/// };
/// assert_eq!((moving.name(), moving.seq()), ("MOVING", Some(4)));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Notification {
    /// A failover has ended.
    FailedOver {
        /// Number of the event in its database; `None` where the server sent none that can be read.
        seq: Option<i64>,
        /// The shards concerned: opaque text, cut at 4 KiB.
        shards: String,
    },
    /// A failover begins within `time` seconds.
    FailingOver {
        /// Number of the event in its database.
        seq: Option<i64>,
        /// Seconds within which it begins; zero or less for now.
        time: i64,
        /// The shards concerned: opaque text, cut at 4 KiB.
        shards: String,
    },
    /// A shard has moved.
    Migrated {
        /// Number of the event in its database.
        seq: Option<i64>,
        /// The shards concerned: opaque text, cut at 4 KiB.
        shards: String,
    },
    /// A shard moves within `time` seconds.
    Migrating {
        /// Number of the event in its database.
        seq: Option<i64>,
        /// Seconds within which it begins; zero or less for now.
        time: i64,
        /// The shards concerned: opaque text, cut at 4 KiB.
        shards: String,
    },
    /// The endpoint goes away in `time` seconds.
    Moving {
        /// Number of the event in its database.
        seq: Option<i64>,
        /// Seconds until the server may close the connection.
        time: i64,
        /// Where to go; `None` where the server leaves that to the client.
        target: Option<Endpoint>,
    },
    /// Hash slots have moved between nodes of a cluster.
    SlotsMigrated {
        /// Number of the event in its database.
        seq: Option<i64>,
        /// What moved where.
        moves: Vec<SlotMove>,
        /// How many of the moves could not be read.
        unreadable: usize,
    },
    /// Hash slots are moving between nodes of a cluster.
    SlotsMigrating {
        /// Number of the event in its database.
        seq: Option<i64>,
        /// The slots.
        slots: Vec<RangeInclusive<u16>>,
    },
}

/// The maintenance that a window, an error or a handoff is owed to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Maintenance {
    /// The name of the notification that announced it, such as `MOVING`.
    pub name: &'static str,
    /// Its number in its database, where the server sent one.
    pub seq: Option<i64>,
}

impl fmt::Display for Maintenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seq {
            Some(seq) => write!(f, "{} {seq}", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// Hash slots that went from one node to another.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SlotMove {
    /// The node that had them.
    pub source: Option<Endpoint>,
    /// The node that has them.
    pub destination: Option<Endpoint>,
    /// The slots.
    pub slots: Vec<RangeInclusive<u16>>,
}

impl SlotMove {
    /// A move of `slots` from one node to another; `None` for a node whose address could not be read.
    pub fn new(
        source: Option<Endpoint>,
        destination: Option<Endpoint>,
        slots: Vec<RangeInclusive<u16>>,
    ) -> Self {
        Self {
            source,
            destination,
            slots,
        }
    }
}

/// Why a maintenance push cannot be acted upon. Holds nothing of its text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BadPush {
    /// A list of slot moves is missing or no list.
    Moves,
    /// A list of slots is missing or cannot be read.
    Slots,
    /// The place to move to is no text.
    Target,
    /// The place to move to cannot be read.
    TargetText(BadEndpoint),
    /// A time is missing or no integer.
    Time,
    /// More than 16,384 ranges of slots, or more than 1,024 moves.
    TooLong,
}

impl fmt::Display for BadPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moves => f.write_str("list of slot moves is missing or cannot be read"),
            Self::Slots => f.write_str("list of slots is missing or cannot be read"),
            Self::Target => f.write_str("target is not a text"),
            Self::TargetText(reason) => write!(f, "target: {reason}"),
            Self::Time => f.write_str("time is missing or not an integer"),
            Self::TooLong => f.write_str("more slots or moves than a cluster has"),
        }
    }
}

impl std::error::Error for BadPush {}

impl Notification {
    /// Reads a push; `None` where it is no maintenance notification.
    ///
    /// Takes every form that servers have been seen to send: the name in upper or lower case,
    /// numbers as text, no endpoint, no shards, more elements than expected.
    ///
    /// # Errors
    ///
    /// [`BadPush`] where what matters cannot be read. The connection is none the worse for it.
    pub fn classify(push: &Push, current_port: u16) -> Option<Result<Self, BadPush>> {
        let args = &push.args;
        // Also where it comes as text. Without a number the event is known by its content alone.
        let seq = args.first().and_then(Value::parse_int);
        Some(Ok(match push.kind.as_slice() {
            b"FAILED_OVER" | b"failed_over" => Self::FailedOver {
                seq,
                shards: shards(args.get(1)),
            },
            b"FAILING_OVER" | b"failing_over" => {
                // Without a time it begins now: see `start`.
                let (time, shards) = start(args);
                Self::FailingOver { seq, time, shards }
            }
            b"MIGRATED" | b"migrated" => Self::Migrated {
                seq,
                shards: shards(args.get(1)),
            },
            b"MIGRATING" | b"migrating" => {
                let (time, shards) = start(args);
                Self::Migrating { seq, time, shards }
            }
            b"MOVING" | b"moving" => return Some(moving(seq, args, current_port)),
            b"SMIGRATED" | b"smigrated" => return Some(slots_migrated(seq, args, current_port)),
            b"SMIGRATING" | b"smigrating" => return Some(slots_migrating(seq, args)),
            _ => return None,
        }))
    }

    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::FailedOver { .. } => "FAILED_OVER",
            Self::FailingOver { .. } => "FAILING_OVER",
            Self::Migrated { .. } => "MIGRATED",
            Self::Migrating { .. } => "MIGRATING",
            Self::Moving { .. } => "MOVING",
            Self::SlotsMigrated { .. } => "SMIGRATED",
            Self::SlotsMigrating { .. } => "SMIGRATING",
        }
    }

    /// About how much memory it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let place = |place: &Option<Endpoint>| match place {
            Some(Endpoint::Tcp { host, .. }) => host.len(),
            _ => 0,
        };
        let ranges = |slots: &Vec<_>| slots.len().saturating_mul(size_of::<RangeInclusive<u16>>());
        let parts = match self {
            Self::FailedOver { shards, .. }
            | Self::FailingOver { shards, .. }
            | Self::Migrated { shards, .. }
            | Self::Migrating { shards, .. } => shards.len(),
            Self::Moving { target, .. } => place(target),
            Self::SlotsMigrated { moves, .. } => moves.iter().fold(0_usize, |sum, one| {
                sum.saturating_add(size_of::<SlotMove>())
                    .saturating_add(place(&one.source))
                    .saturating_add(place(&one.destination))
                    .saturating_add(ranges(&one.slots))
            }),
            Self::SlotsMigrating { slots, .. } => ranges(slots),
        };
        size_of::<Self>().saturating_add(parts)
    }

    /// Number of the event in its database. Zero is a number like any other.
    pub fn seq(&self) -> Option<i64> {
        match self {
            Self::FailedOver { seq, .. }
            | Self::FailingOver { seq, .. }
            | Self::Migrated { seq, .. }
            | Self::Migrating { seq, .. }
            | Self::Moving { seq, .. }
            | Self::SlotsMigrated { seq, .. }
            | Self::SlotsMigrating { seq, .. } => *seq,
        }
    }
}

/// Reads `MOVING seq time target`. A target that is missing or nil means that the server names none; one
/// that cannot be read is an error, because moving elsewhere would be a guess.
fn moving(seq: Option<i64>, args: &[Value], port: u16) -> Result<Notification, BadPush> {
    let time = args
        .get(1)
        .and_then(Value::parse_int)
        // Unlike the other kinds: to move at a guessed time could be to move too late.
        .ok_or(BadPush::Time)?;
    let target = args
        .get(2)
        .map_or(Ok(None), |value| endpoint(value, port))?;
    Ok(Notification::Moving { seq, time, target })
}

/// Reads an address, which servers send as a text or as nil. `port` is that of the connection, for servers
/// that name a host alone.
fn endpoint(value: &Value, port: u16) -> Result<Option<Endpoint>, BadPush> {
    if value.is_nil() {
        return Ok(None);
    }
    // A number or a list in this place is no address in any form that was ever seen.
    let bytes = value.as_bytes().ok_or(BadPush::Target)?;
    let text = std::str::from_utf8(bytes).map_err(|_| BadPush::TargetText(BadEndpoint::Host))?;
    Endpoint::from_notification(text, port).map_err(BadPush::TargetText)
}

/// Time and shards of an event that begins. The time is advice, so one that is missing means "now"
/// rather than nothing; what stands in its place is then taken for the shards.
fn start(args: &[Value]) -> (i64, String) {
    match args.get(1).and_then(Value::parse_int) {
        Some(time) => (time, shards(args.get(2))),
        None => (0, shards(args.get(1))),
    }
}

/// Names of shards as one text, usually JSON; an array's elements are joined by commas. Only shown, so
/// what is longer than [`SHOWN`] is cut.
fn shards(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return String::new();
    };
    let Some(items) = value.as_items() else {
        return text(value);
    };
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            joined.push(',');
        }
        joined.push_str(&text(item));
        // Cut in time: a list of a million shards must not be joined to be thrown away.
        if joined.len() > SHOWN {
            break;
        }
    }
    joined.truncate(cut(&joined, SHOWN).len());
    joined
}

/// The text of a value that is only shown, such as a list of shards: of any type, and never longer than
/// [`SHOWN`].
fn text(value: &Value) -> String {
    let Some(bytes) = value.as_bytes() else {
        return value.as_int().map_or_else(String::new, |n| n.to_string());
    };
    // A byte that is no text becomes three.
    let bytes = bytes.get(..SHOWN.saturating_add(4)).unwrap_or(bytes);
    cut(&String::from_utf8_lossy(bytes), SHOWN).to_owned()
}

/// How much a frame may still hold: beyond that it is malformed as a whole.
struct Room {
    /// Ranges of hash slots that may still be read.
    ranges: usize,
    /// Moves that may still be read.
    moves: usize,
    /// More came than there was room for: the whole notification is refused.
    is_over: bool,
}

impl Room {
    /// Room for one notification: as many ranges as a cluster has hash slots, as many moves as it may have
    /// nodes.
    fn new() -> Self {
        Self {
            ranges: MOST_RANGES,
            moves: MOST_MOVES,
            is_over: false,
        }
    }

    /// Takes the room for one range of hash slots; `None` where there is no more.
    fn take_range(&mut self) -> Option<()> {
        let left = self.ranges.checked_sub(1);
        self.is_over |= left.is_none();
        self.ranges = left?;
        Some(())
    }

    /// Takes the room for one move; `None` where there is no more.
    fn take_move(&mut self) -> Option<()> {
        let left = self.moves.checked_sub(1);
        self.is_over |= left.is_none();
        self.moves = left?;
        Some(())
    }
}

/// Reads `SMIGRATING seq slots`.
fn slots_migrating(seq: Option<i64>, args: &[Value]) -> Result<Notification, BadPush> {
    let mut room = Room::new();
    let slots = args.get(1).and_then(|value| slots(value, &mut room));
    if room.is_over {
        return Err(BadPush::TooLong);
    }
    let slots = slots.ok_or(BadPush::Slots)?;
    Ok(Notification::SlotsMigrating { seq, slots })
}

/// Slots as one text (`1,5-10`), one integer, or a list of those. `None` where any cannot be read.
fn slots(value: &Value, room: &mut Room) -> Option<Vec<RangeInclusive<u16>>> {
    match value.as_items() {
        Some(items) => slots_of(items, room),
        None => slots_of(std::slice::from_ref(value), room),
    }
}

/// Reads a list of hash slots: numbers, or texts such as `1,5-9`. An empty list counts as unreadable.
fn slots_of(values: &[Value], room: &mut Room) -> Option<Vec<RangeInclusive<u16>>> {
    let mut ranges = Vec::new();
    for value in values {
        match value.as_int() {
            Some(slot) => {
                let slot = u16::try_from(slot).ok().filter(|&s| s <= LAST_SLOT)?;
                room.take_range()?;
                ranges.push(slot..=slot);
            }
            None => slots_in_text(value.as_str()?, &mut ranges, room)?,
        }
    }
    if ranges.is_empty() {
        None
    } else {
        Some(ranges)
    }
}

/// Reads `1,5-9` into ranges. A range that runs backwards spoils the whole text.
fn slots_in_text(text: &str, ranges: &mut Vec<RangeInclusive<u16>>, room: &mut Room) -> Option<()> {
    for piece in text.split(',').map(str::trim) {
        let (first, last) = piece.split_once('-').unwrap_or((piece, piece));
        let (first, last) = (slot(first)?, slot(last)?);
        if first > last {
            return None;
        }
        room.take_range()?;
        ranges.push(first..=last);
    }
    Some(())
}

/// Reads one hash slot, from 0 to 16383.
fn slot(text: &str) -> Option<u16> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|&slot| slot <= LAST_SLOT)
}

/// Reads the list of moves. Servers of different ages send
///
/// - `[[source, destination, slots], ...]`, the form of today,
/// - `[[destination, slots], ...]`,
/// - a count and `["destination slots", ...]`,
/// - `destination, slots...` without any list.
///
/// A move that cannot be read is counted; the others stand.
fn slots_migrated(seq: Option<i64>, args: &[Value], port: u16) -> Result<Notification, BadPush> {
    let rest = args.get(1..).unwrap_or_default();
    // A count says nothing that the list behind it does not.
    let rest = match rest {
        [count, behind @ ..] if count.parse_int().is_some() => behind,
        rest => rest,
    };
    let mut room = Room::new();
    let mut read = Reading::default();
    match rest {
        [] => return Err(BadPush::Moves),
        [list, ..] if list.as_items().is_some() => {
            for item in list.as_items().iter().flat_map(|items| items.iter()) {
                read.note(slot_move(item, port, &mut room), &mut room)?;
            }
        }
        [line, ..] if line.as_str().is_some_and(|text| text.contains(' ')) => {
            for line in rest {
                read.note(slot_move_in_text(line, port, &mut room), &mut room)?;
            }
        }
        [destination, slots @ ..] => {
            let only = slot_move_of(None, destination, slots, port, &mut room);
            read.note(only, &mut room)?;
        }
    }
    Ok(Notification::SlotsMigrated {
        seq,
        moves: read.moves,
        unreadable: read.unreadable,
    })
}

/// What was read of a list of moves.
#[derive(Default)]
struct Reading {
    /// Moves that could be read.
    moves: Vec<SlotMove>,
    /// How many could not.
    unreadable: usize,
}

impl Reading {
    /// Keeps a move that was read, and counts one that was not. The others still hold: a cluster of a
    /// hundred nodes must not lose all of its news by one entry.
    fn note(&mut self, read: Option<SlotMove>, room: &mut Room) -> Result<(), BadPush> {
        let _ = room.take_move();
        if room.is_over {
            return Err(BadPush::TooLong);
        }
        match read {
            Some(read) => self.moves.push(read),
            None => self.unreadable = self.unreadable.saturating_add(1),
        }
        Ok(())
    }
}

/// Reads one move, in each of the forms that were seen: `[destination, slots]`, `[source, destination,
/// slots]`, and the text `destination slots`.
fn slot_move(value: &Value, port: u16, room: &mut Room) -> Option<SlotMove> {
    let Some(parts) = value.as_items() else {
        return slot_move_in_text(value, port, room);
    };
    match &parts[..] {
        [destination, slots] => {
            slot_move_of(None, destination, std::slice::from_ref(slots), port, room)
        }
        [source, destination, slots, ..] => {
            let slots = std::slice::from_ref(slots);
            slot_move_of(Some(source), destination, slots, port, room)
        }
        _ => None,
    }
}

/// Reads one move of its parts.
fn slot_move_of(
    source: Option<&Value>,
    destination: &Value,
    slots: &[Value],
    port: u16,
    room: &mut Room,
) -> Option<SlotMove> {
    let slots = match slots {
        [one] => self::slots(one, room)?,
        many => slots_of(many, room)?,
    };
    Some(SlotMove {
        source: source
            .map_or(Ok(None), |source| endpoint(source, port))
            .ok()?,
        destination: endpoint(destination, port).ok()?,
        slots,
    })
}

/// Reads one move of the text `destination slots`.
fn slot_move_in_text(value: &Value, port: u16, room: &mut Room) -> Option<SlotMove> {
    let (destination, slots) = value.as_str()?.split_once(' ')?;
    let mut ranges = Vec::new();
    slots_in_text(slots, &mut ranges, room)?;
    Some(SlotMove {
        source: None,
        destination: Endpoint::from_notification(destination, port).ok()?,
        slots: ranges,
    })
}
