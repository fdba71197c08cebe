//! The numbers of entries, and the ranges of them that commands take. Knows no stream.

use crate::protocol::{ServerError, Value};
use crate::sim::answer::error;
use std::fmt;

/// A number of an entry: a time in milliseconds, and a count within it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Id {
    pub(super) ms: u64,
    pub(super) seq: u64,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl From<Id> for Value {
    fn from(id: Id) -> Self {
        Self::Bulk(id.to_string().into_bytes())
    }
}

/// The error of a number that is none.
fn invalid() -> ServerError {
    error("ERR Invalid stream ID specified as stream command argument")
}

/// Reads one half. As a server does, this takes `007`, which it does not for an integer.
fn half(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

impl Id {
    pub(super) const MIN: Self = Self { ms: 0, seq: 0 };
    pub(super) const MAX: Self = Self {
        ms: u64::MAX,
        seq: u64::MAX,
    };

    /// Reads `ms-seq`, or `ms` alone, whose other half is `missing` then.
    pub(super) fn parse(text: &[u8], missing: u64) -> Result<Self, ServerError> {
        let mut halves = text.splitn(2, |&c| c == b'-');
        let ms = halves.next().and_then(half).ok_or_else(invalid)?;
        let seq = match halves.next() {
            None => missing,
            Some(seq) => half(seq).ok_or_else(invalid)?,
        };
        Ok(Self { ms, seq })
    }

    /// The number after this one; `None` behind the last.
    pub(super) fn next(self) -> Option<Self> {
        let within = self.seq.checked_add(1).map(|seq| Self { seq, ..self });
        within.or_else(|| self.ms.checked_add(1).map(|ms| Self { ms, seq: 0 }))
    }

    /// The number before this one; `None` in front of the first.
    pub(super) fn previous(self) -> Option<Self> {
        let within = self.seq.checked_sub(1).map(|seq| Self { seq, ..self });
        within.or_else(|| {
            let seq = u64::MAX;
            self.ms.checked_sub(1).map(|ms| Self { ms, seq })
        })
    }

    /// Reads one end of a range: a number, `-`, `+`, or a number behind `(`, which is not part of it.
    fn bound(text: &[u8], missing: u64) -> Result<(Self, bool), ServerError> {
        Ok(match text {
            b"-" => (Self::MIN, false),
            b"+" => (Self::MAX, false),
            [b'(', rest @ ..] if !rest.is_empty() => (Self::parse(rest, missing)?, true),
            plain => (Self::parse(plain, missing)?, false),
        })
    }

    /// Reads the lower end of a range, which belongs to it.
    pub(super) fn lower(text: &[u8]) -> Result<Self, ServerError> {
        match Self::bound(text, 0)? {
            (id, false) => Ok(id),
            (id, true) => id
                .next()
                .ok_or_else(|| error("ERR invalid start ID for the interval")),
        }
    }

    /// Reads the upper end of a range, which belongs to it.
    pub(super) fn upper(text: &[u8]) -> Result<Self, ServerError> {
        match Self::bound(text, u64::MAX)? {
            (id, false) => Ok(id),
            (id, true) => id
                .previous()
                .ok_or_else(|| error("ERR invalid end ID for the interval")),
        }
    }
}

/// The number that an entry is to get.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wish {
    /// `*`: by the clock.
    Any,
    /// `ms-*`: the next one within this millisecond.
    Within(u64),
    /// This one.
    Exactly(Id),
}

impl Wish {
    /// Reads the number of `XADD`.
    pub(super) fn parse(text: &[u8]) -> Result<Self, ServerError> {
        match text {
            b"*" => Ok(Self::Any),
            [ms @ .., b'-', b'*'] => half(ms).map(Self::Within).ok_or_else(invalid),
            plain => Id::parse(plain, 0).map(Self::Exactly),
        }
    }
}
