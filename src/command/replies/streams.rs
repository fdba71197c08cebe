//! Entries of streams and their IDs. Fields stay bytes until somebody asks for them, so that an entry that was
//! taken is never lost to a field that does not fit.

use super::ShownFields;
use crate::command::{ArgWriter, FromValue, ToArg, ToArgs};
use crate::error::{Error, Result};
use crate::protocol::Value;
use std::fmt;
use std::str::FromStr;

/// The ID of an entry of a stream. IDs grow within a stream, and are ordered as the entries are.
///
/// ```
/// use hitless::StreamId;
///
/// let id: StreamId = "1700000000000-3".parse()?;
/// assert_eq!((id.millis, id.sequence), (1_700_000_000_000, 3));
/// assert!(id > StreamId::new(1_700_000_000_000, 2));
/// assert_eq!(id.to_string(), "1700000000000-3");
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct StreamId {
    /// When the entry was added, in milliseconds since 1970 by the clock of the server, unless whoever added it
    /// chose another number.
    pub millis: u64,
    /// Which one it is of those with the same milliseconds.
    pub sequence: u64,
}

impl StreamId {
    /// Before every entry (`0-0`): reads a stream from its start.
    pub const MIN: Self = Self::new(0, 0);

    /// The greatest ID that there can be.
    pub const MAX: Self = Self::new(u64::MAX, u64::MAX);

    /// The ID of these two numbers.
    pub const fn new(millis: u64, sequence: u64) -> Self {
        Self { millis, sequence }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

impl FromStr for StreamId {
    type Err = Error;

    /// Reads two numbers with `-` between them. A single number is one whose sequence is 0.
    fn from_str(text: &str) -> Result<Self> {
        // Servers take a single number, too, and never send one.
        let (millis, sequence) = text.split_once('-').unwrap_or((text, "0"));
        match (millis.parse(), sequence.parse()) {
            (Ok(millis), Ok(sequence)) => Ok(Self::new(millis, sequence)),
            _ => Err(Error::conversion(
                "not the id of an entry of a stream, which is two numbers with - between them",
            )),
        }
    }
}

impl ToArgs for StreamId {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(self.to_string().as_bytes());
    }
}

impl ToArg for StreamId {}

impl FromValue for StreamId {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        String::from_value(value)?.parse()
    }
}

/// One entry of a stream. `Debug` shows its bytes as text, with escapes for what is none.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamEntry {
    /// Its ID.
    pub id: StreamId,
    /// Names and values of its fields, in the order in which they were added. Empty if the entry is still pending
    /// in its group but was deleted from the stream.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl StreamEntry {
    /// The value of one field, from a copy of its bytes; `None` if there is none of this name. If there are many,
    /// the last.
    ///
    /// ```no_run
    /// use hitless::Commands;
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// for entry in client.xrange_all("readings")? {
    ///     let celsius: Option<f64> = entry.get("celsius")?;
    ///     println!("{}: {celsius:?}", entry.id);
    /// }
    /// # Ok::<(), hitless::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion): the field is there, and its value is not of this
    /// type. The entry stays as it is.
    pub fn get<T: FromValue>(&self, field: impl AsRef<[u8]>) -> Result<Option<T>> {
        let field = field.as_ref();
        // A map made of all fields would have the last of those with one name, too.
        let found = self.fields.iter().rev().find(|(name, _)| name == field);
        let value = found.map(|(_, value)| T::from_value(Value::bulk(value)));
        value
            .transpose()
            .map_err(|error| error.within(format_args!("entry {}", self.id)))
    }

    /// All fields as a map, a list of pairs, or a type of your own, from a copy of their bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion): a name or a value does not fit. The entry stays as
    /// it is.
    pub fn fields_as<T: FromValue>(&self) -> Result<T> {
        let fields = self.fields.iter();
        let flat = fields.flat_map(|(name, value)| [Value::bulk(name), Value::bulk(value)]);
        T::from_value(Value::array(flat.collect::<Vec<_>>()))
            .map_err(|error| error.within(format_args!("entry {}", self.id)))
    }
}

impl fmt::Debug for StreamEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamEntry")
            .field("id", &format_args!("{}", self.id))
            .field("fields", &ShownFields(&self.fields))
            .finish()
    }
}

impl FromValue for StreamEntry {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        // Newer servers may have more than the two behind each other.
        let mut parts = Vec::<Value>::from_value(value)?.into_iter();
        let mut next = || parts.next().unwrap_or(Value::Nil);
        let id = StreamId::from_value(next())?;
        // Nil for an entry that is pending but deleted, which reads as no fields.
        let fields = FromValue::from_value(next())
            .map_err(|error: Error| error.within(format_args!("entry {id}")))?;
        Ok(Self { id, fields })
    }
}

/// What `XAUTOCLAIM` has taken over: entries, or their IDs.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamAutoClaim<T> {
    /// Where the next call goes on. [`StreamId::MIN`]: all that is pending was looked at.
    pub next: StreamId,
    /// What belongs to the consumer now.
    pub claimed: Vec<T>,
    /// Entries that are no longer in the stream: they are not pending any more either.
    pub deleted: Vec<StreamId>,
}

impl<T: FromValue> FromValue for StreamAutoClaim<T> {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut parts = Vec::<Value>::from_value(value)?.into_iter();
        let mut next = || parts.next().unwrap_or(Value::Nil);
        Ok(Self {
            next: StreamId::from_value(next())?,
            claimed: FromValue::from_value(next())?,
            // Servers before 7.0 do not have it.
            deleted: FromValue::from_value(next())?,
        })
    }
}

/// What became of one entry that was to be deleted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum StreamDeletion {
    /// There was no such entry; of `xack_del`: none that was pending in this group.
    NotFound,
    /// It is gone.
    Deleted,
    /// It was not deleted, because groups have not acknowledged it. Redis says so also of an ID that they have not
    /// come to yet, whether there is such an entry or not.
    Kept,
    /// A number of a newer server.
    Other(i64),
}

impl FromValue for StreamDeletion {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        // -1, 1 and 2 are all that Redis 8.2 sends. A number of a newer one must not cost the whole list, whose
        // other entries are gone.
        Ok(match i64::from_value(value)? {
            -1 => Self::NotFound,
            1 => Self::Deleted,
            2 => Self::Kept,
            other => Self::Other(other),
        })
    }
}
