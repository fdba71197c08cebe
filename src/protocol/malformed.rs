//! Why bytes are no RESP. Holds nothing of the bytes.

use std::fmt;

/// Why the decoder gave up. The stream has lost its framing: the connection must be closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Malformed {
    /// A boolean is neither `t` nor `f`.
    Boolean,
    /// A big number is not decimal.
    BigNumber,
    /// A bulk string is longer than [`Limits::bulk`](super::Limits::bulk).
    BulkTooLong,
    /// A floating-point number cannot be read.
    Double,
    /// A bulk string does not end where its length says.
    EndOfBulk,
    /// A carriage return or line feed stands alone in a line.
    EndOfLine,
    /// An integer is not decimal or needs more than 64 bits.
    Integer,
    /// A length is not exact decimal: a sign, a leading zero, a space, too many digits.
    Length,
    /// A line is longer than [`Limits::line`](super::Limits::line).
    LineTooLong,
    /// A push stands inside a reply.
    NestedPush,
    /// A nil has content.
    Nil,
    /// A push does not begin with the name of its kind.
    PushKind,
    /// A reply is larger than [`Limits::total`](super::Limits::total).
    ReplyTooLarge,
    /// Aggregates are nested deeper than [`Limits::depth`](super::Limits::depth).
    TooDeep,
    /// An aggregate has more than [`Limits::elements`](super::Limits::elements) elements.
    TooManyElements,
    /// No type begins with this byte.
    UnknownType,
    /// A verbatim string does not begin with three letters and a colon.
    Verbatim,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "boolean is neither true nor false",
            Self::BigNumber => "big number is not decimal",
            Self::BulkTooLong => "bulk string exceeds the limit",
            Self::Double => "floating-point number cannot be read",
            Self::EndOfBulk => "bulk string does not end where its length says",
            Self::EndOfLine => "line holds a bare carriage return or line feed",
            Self::Integer => "integer is not decimal or exceeds 64 bits",
            Self::Length => "length is not exact decimal",
            Self::LineTooLong => "line exceeds the limit",
            Self::NestedPush => "push inside a reply",
            Self::Nil => "nil with content",
            Self::PushKind => "push without a kind",
            Self::ReplyTooLarge => "reply exceeds the limit",
            Self::TooDeep => "nesting exceeds the limit",
            Self::TooManyElements => "aggregate exceeds the limit of elements",
            Self::UnknownType => "unknown type byte",
            Self::Verbatim => "verbatim string without a format",
        })
    }
}

impl std::error::Error for Malformed {}
