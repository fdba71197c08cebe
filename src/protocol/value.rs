//! Whole replies. Never looks at the stream they came from, and never recurses: a reply nested a
//! million deep is cloned, compared, printed and dropped on a small stack.

mod aggregate;
mod deep;

pub use aggregate::{Attributed, Items, Pairs, PairsIntoIter, PairsIter};
pub(super) use deep::Shape;
use std::fmt;

/// A reply, whole.
///
/// Comparison is by content and order; a `Double` that is not a number equals nothing.
///
/// ```
/// use hitless::Value;
///
/// let reply = Value::array(vec![Value::Int(1), Value::bulk("two"), Value::Nil]);
/// assert_eq!(reply.kind(), "array");
/// let items = reply.as_items().unwrap();
/// assert_eq!(items[1].as_bytes(), Some(&b"two"[..]));
/// assert!(items[2].is_nil());
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Elements in order.
    Array(Items),
    /// A reply with attributes in front of it.
    Attributed(Attributed),
    /// An integer of any size, as the server wrote it.
    BigNumber(Vec<u8>),
    /// True or false.
    Bool(bool),
    /// A string of bytes.
    Bulk(Vec<u8>),
    /// A floating-point number; may be infinite or not a number.
    Double(f64),
    /// An error reply.
    Error(ServerError),
    /// An integer.
    Int(i64),
    /// Keys and values in order.
    Map(Pairs),
    /// The absent value: a key that does not exist, a pop that timed out.
    Nil,
    /// The simple string `OK`, which costs no allocation.
    Okay,
    /// Elements without order.
    Set(Items),
    /// Any other simple string.
    Simple(Vec<u8>),
    /// Text with a three-letter format such as `txt` or `mkd`.
    Verbatim {
        /// The format's three letters.
        format: [u8; 3],
        /// The text.
        text: Vec<u8>,
    },
}

impl Value {
    /// A string of bytes, copied.
    pub fn bulk(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bulk(bytes.as_ref().to_vec())
    }

    /// An array of these elements.
    pub fn array(elements: impl Into<Items>) -> Self {
        Self::Array(elements.into())
    }

    /// An error reply made of its first word and the rest of its line.
    pub fn error(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Error(ServerError::new(&code.into(), &text.into()))
    }

    /// What kind of reply this is, in lower case, for messages. Says `attributed` for a reply with
    /// attributes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Array(_) => "array",
            Self::Attributed(_) => "attributed",
            Self::BigNumber(_) => "big number",
            Self::Bool(_) => "boolean",
            Self::Bulk(_) => "bulk string",
            Self::Double(_) => "double",
            Self::Error(_) => "error",
            Self::Int(_) => "integer",
            Self::Map(_) => "map",
            Self::Nil => "nil",
            Self::Okay | Self::Simple(_) => "simple string",
            Self::Set(_) => "set",
            Self::Verbatim { .. } => "verbatim string",
        }
    }

    /// The reply itself, without any attributes in front of it.
    pub fn plain(&self) -> &Self {
        let mut value = self;
        while let Self::Attributed(inner) = value {
            value = inner.reply();
        }
        value
    }

    /// The reply itself; any attributes in front of it are dropped.
    #[must_use]
    #[inline]
    pub fn into_plain(self) -> Self {
        let mut value = self;
        loop {
            match value {
                Self::Attributed(inner) => value = inner.into_reply(),
                plain => return plain,
            }
        }
    }

    /// The bytes of any kind of string (bulk, simple, verbatim, big number), seen through attributes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self.plain() {
            Self::BigNumber(bytes) | Self::Bulk(bytes) | Self::Simple(bytes) => Some(bytes),
            Self::Okay => Some(b"OK"),
            Self::Verbatim { text, .. } => Some(text),
            _ => None,
        }
    }

    /// As [`Value::as_bytes`], where the bytes are valid UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The number, where this is an integer reply, seen through attributes.
    pub fn as_int(&self) -> Option<i64> {
        match self.plain() {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The number, where this is an integer reply or a string that spells one in decimal.
    pub fn parse_int(&self) -> Option<i64> {
        match self.plain() {
            Self::Int(number) => Some(*number),
            other => other.as_str()?.parse().ok(),
        }
    }

    /// The elements of an array or set, seen through attributes.
    pub fn as_items(&self) -> Option<&Items> {
        match self.plain() {
            Self::Array(items) | Self::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The keys and values of a map, seen through attributes.
    pub fn as_pairs(&self) -> Option<&Pairs> {
        match self.plain() {
            Self::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// The error, where this is an error reply, seen through attributes.
    pub fn as_error(&self) -> Option<&ServerError> {
        match self.plain() {
            Self::Error(error) => Some(error),
            _ => None,
        }
    }

    /// The value, or the error where this is an error reply: attributes come off before that is judged,
    /// and stay in front of a value.
    #[inline]
    pub(crate) fn into_result(self) -> Result<Self, ServerError> {
        match self {
            Self::Error(error) => Err(error),
            Self::Attributed(_) => match self.as_error() {
                Some(error) => Err(error.clone()),
                None => Ok(self),
            },
            value => Ok(value),
        }
    }

    /// Whether the reply is nothing, seen through attributes.
    pub fn is_nil(&self) -> bool {
        matches!(self.plain(), Self::Nil)
    }

    /// Whether the reply says `OK`, as a simple or bulk string, seen through attributes.
    pub fn is_okay(&self) -> bool {
        self.as_bytes() == Some(b"OK")
    }

    /// The bytes of any kind of string, without a copy; attributes are dropped.
    ///
    /// # Errors
    ///
    /// Any other reply comes back as it was, without its attributes.
    pub fn into_bytes(self) -> Result<Vec<u8>, Self> {
        match self.into_plain() {
            Self::BigNumber(bytes) | Self::Bulk(bytes) | Self::Simple(bytes) => Ok(bytes),
            Self::Okay => Ok(b"OK".to_vec()),
            Self::Verbatim { text, .. } => Ok(text),
            other => Err(other),
        }
    }

    /// The elements of an array or set; attributes are dropped.
    ///
    /// # Errors
    ///
    /// Any other reply comes back as it was, without its attributes.
    pub fn into_items(self) -> Result<Items, Self> {
        match self.into_plain() {
            Self::Array(items) | Self::Set(items) => Ok(items),
            other => Err(other),
        }
    }

    /// The keys and values of a map, or of an array of even length as RESP2 sends them; attributes
    /// are dropped.
    ///
    /// # Errors
    ///
    /// Any other reply comes back as it was, without its attributes.
    pub fn into_pairs(self) -> Result<Pairs, Self> {
        match self.into_plain() {
            Self::Map(pairs) => Ok(pairs),
            Self::Array(items) => Pairs::from_flat(items).map_err(Self::Array),
            other => Err(other),
        }
    }
}

impl From<ServerError> for Value {
    fn from(error: ServerError) -> Self {
        Self::Error(error)
    }
}

/// A frame that answers no command.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "closed: RESP3 gives a push a kind and arguments"
)]
pub struct Push {
    /// What it is, for example `message` or `MOVING`.
    pub kind: Vec<u8>,
    /// All that follows the kind.
    pub args: Items,
}

/// An error that the server replied.
///
/// ```
/// use hitless::Value;
///
/// let reply = Value::error("WRONGTYPE", "Operation against a key of another kind");
/// let Value::Error(error) = reply else { unreachable!() };
/// assert_eq!(error.code(), "WRONGTYPE");
/// assert_eq!(error.to_string(), "WRONGTYPE Operation against a key of another kind");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerError {
    /// As the server sent it, without the leading `-`. One piece, so that a [`Value`] has 32 bytes: it is
    /// moved from hand to hand on the way of every reply.
    line: Box<str>,
    /// Invariant: where the first word ends in `line`, which has a space and more behind it, or nothing.
    code_end: usize,
}

impl ServerError {
    /// Splits an error line at its first space. Bytes that are not UTF-8 are replaced.
    pub fn parse(line: &[u8]) -> Self {
        let line = String::from_utf8_lossy(line);
        let (code, text) = line.split_once(' ').unwrap_or((&line, ""));
        Self::new(code, text)
    }

    /// An error of this first word, and of all that follows it.
    pub(crate) fn new(code: &str, text: &str) -> Self {
        let line = match text {
            "" => code.into(),
            text => format!("{code} {text}").into(),
        };
        let code_end = code.len();
        Self { line, code_end }
    }

    /// The first word, for example `WRONGTYPE`. Programs may decide by it: servers keep it.
    pub fn code(&self) -> &str {
        self.line.get(..self.code_end).unwrap_or_default()
    }

    /// Everything after the first word, for people: servers reword it, and may repeat arguments in it. Empty
    /// where there was one word only.
    pub fn text(&self) -> &str {
        self.line
            .get(self.code_end.saturating_add(1)..)
            .unwrap_or_default()
    }

    /// The same error without its text: servers repeat arguments in it, secrets included.
    #[must_use]
    pub fn without_text(self) -> Self {
        Self::new(self.code(), "")
    }

    /// The error as the server sent it, without the leading `-`.
    pub(super) fn line(&self) -> &str {
        &self.line
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}
