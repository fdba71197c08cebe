//! Whole replies. Never looks at the stream they came from.

/// A reply, whole.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Elements in order.
    Array(Items),
    /// A reply with attributes in front of it: `(attributes, reply)`.
    Attributed(Box<(Pairs, Value)>),
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

/// The elements of an array or set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Items(pub(crate) Vec<Value>);

/// The keys and values of a map, flat: key, value, key, value.
///
/// Invariant: the length is even.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs(pub(crate) Items);

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
