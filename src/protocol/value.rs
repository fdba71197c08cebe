//! Whole replies. Never looks at the stream they came from, and never recurses: a reply nested a
//! million deep is cloned, compared, printed and dropped on a small stack.

mod deep;

pub(super) use deep::Shape;
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// A reply, whole.
///
/// Comparison is by content and order; a `Double` that is not a number equals nothing.
#[derive(Clone, PartialEq)]
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
    /// Nothing.
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
        Self::Error(ServerError {
            code: code.into(),
            text: text.into(),
        })
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

/// The elements of an array or set. Reads as a slice of values.
#[derive(Default)]
pub struct Items(pub(crate) Vec<Value>);

impl Items {
    /// The elements, without a copy.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<Value> {
        std::mem::take(&mut self.0)
    }
}

impl Deref for Items {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.0
    }
}

impl From<Vec<Value>> for Items {
    fn from(elements: Vec<Value>) -> Self {
        Self(elements)
    }
}

impl FromIterator<Value> for Items {
    fn from_iter<I: IntoIterator<Item = Value>>(elements: I) -> Self {
        Self(elements.into_iter().collect())
    }
}

impl IntoIterator for Items {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a Items {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// The keys and values of a map, flat: key, value, key, value.
///
/// Invariant: the length is even; only [`Pairs::from_flat`], collecting and the decoder make one.
#[derive(Clone, Default, PartialEq)]
pub struct Pairs(pub(crate) Items);

impl Pairs {
    /// Keys and values in turn.
    ///
    /// # Errors
    ///
    /// An odd number of elements comes back as it was.
    pub fn from_flat(elements: impl Into<Items>) -> Result<Self, Items> {
        let elements = elements.into();
        if elements.len() % 2 == 0 {
            Ok(Self(elements))
        } else {
            Err(elements)
        }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each key with its value, in the order the server sent them.
    pub fn iter(&self) -> PairsIter<'_> {
        PairsIter(self.0.0.iter())
    }

    /// The value of the first key that is this string.
    pub fn get(&self, key: &[u8]) -> Option<&Value> {
        self.iter()
            .find(|(name, _)| name.as_bytes() == Some(key))
            .map(|(_, value)| value)
    }

    /// Keys and values in turn, without a copy.
    #[must_use]
    pub fn into_flat(self) -> Items {
        self.0
    }
}

impl FromIterator<(Value, Value)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (Value, Value)>>(pairs: I) -> Self {
        Self(pairs.into_iter().flat_map(|(k, v)| [k, v]).collect())
    }
}

impl IntoIterator for Pairs {
    type Item = (Value, Value);
    type IntoIter = PairsIntoIter;

    fn into_iter(self) -> PairsIntoIter {
        PairsIntoIter(self.0.into_iter())
    }
}

impl<'a> IntoIterator for &'a Pairs {
    type Item = (&'a Value, &'a Value);
    type IntoIter = PairsIter<'a>;

    fn into_iter(self) -> PairsIter<'a> {
        self.iter()
    }
}

/// Yields each key of a map with its value.
#[derive(Clone, Debug)]
pub struct PairsIter<'a>(std::slice::Iter<'a, Value>);

impl<'a> Iterator for PairsIter<'a> {
    type Item = (&'a Value, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let pairs = self.0.len() / 2;
        (pairs, Some(pairs))
    }
}

impl ExactSizeIterator for PairsIter<'_> {}

/// Yields each key of a map with its value, owned.
#[derive(Debug)]
pub struct PairsIntoIter(std::vec::IntoIter<Value>);

impl Iterator for PairsIntoIter {
    type Item = (Value, Value);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let pairs = self.0.len() / 2;
        (pairs, Some(pairs))
    }
}

impl ExactSizeIterator for PairsIntoIter {}

/// A reply with attributes in front of it.
///
/// Invariant: keys and values in turn, then the reply, so the length is odd. One flat list, so that
/// attributes need no cases of their own where values are walked.
#[derive(Clone, PartialEq)]
pub struct Attributed(pub(super) Items);

impl Attributed {
    /// A reply with these attributes.
    pub fn new(attributes: Pairs, reply: Value) -> Self {
        let mut elements = attributes.into_flat();
        elements.0.push(reply);
        Self(elements)
    }

    /// Each attribute's name and value.
    pub fn attributes(&self) -> PairsIter<'_> {
        let attributes = self.0.split_last().map_or(&[][..], |(_, rest)| rest);
        PairsIter(attributes.iter())
    }

    /// The reply that the attributes belong to.
    pub fn reply(&self) -> &Value {
        self.0.last().unwrap_or(&Value::Nil)
    }

    /// The reply; the attributes are dropped.
    #[must_use]
    pub fn into_reply(mut self) -> Value {
        self.0.0.pop().unwrap_or(Value::Nil)
    }

    /// The attributes and the reply.
    #[must_use]
    pub fn into_parts(mut self) -> (Pairs, Value) {
        let reply = self.0.0.pop().unwrap_or(Value::Nil);
        (Pairs(self.0), reply)
    }
}

/// A frame that answers no command.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// What it is, for example `message` or `MOVING`.
    pub kind: Vec<u8>,
    /// All that follows the kind.
    pub args: Items,
}

/// An error that the server replied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerError {
    /// The first word, for example `WRONGTYPE`.
    pub code: String,
    /// Everything after the first word.
    pub text: String,
}

impl ServerError {
    /// Splits an error line at its first space. Bytes that are not UTF-8 are replaced.
    pub fn parse(line: &[u8]) -> Self {
        let line = String::from_utf8_lossy(line);
        let (code, text) = line.split_once(' ').unwrap_or((&line, ""));
        Self {
            code: code.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The same error without its text: servers repeat arguments in it, secrets included.
    #[must_use]
    pub fn without_text(self) -> Self {
        Self {
            code: self.code,
            text: String::new(),
        }
    }

    pub(super) fn line(&self) -> Cow<'_, str> {
        if self.text.is_empty() {
            Cow::Borrowed(&self.code)
        } else {
            Cow::Owned(format!("{} {}", self.code, self.text))
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())
    }
}
