//! What a command answers. Writes nothing: the connection encodes it.

use crate::protocol::{Items, Pairs, ServerError, Value};

/// The answer to one command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// The null array of RESP2, which RESP3 writes as its only null.
    NilArray,
    /// No frame at all now: it was written already, or comes when the command unblocks.
    Silent,
    /// An ordinary reply.
    Value(Value),
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

/// An answer, or the error that is the answer.
pub(super) type Outcome = Result<Answer, ServerError>;

/// Answers `+OK`.
pub(super) fn okay() -> Outcome {
    Ok(Value::Okay.into())
}

/// Answers an integer.
pub(super) fn int(n: i64) -> Outcome {
    Ok(Value::Int(n).into())
}

/// An integer reply from a length or a count.
pub(super) fn count(n: usize) -> Outcome {
    int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Answers a text or bytes.
pub(super) fn bulk(bytes: impl Into<Vec<u8>>) -> Outcome {
    Ok(Value::Bulk(bytes.into()).into())
}

/// Answers nothing: `_` in RESP3, the empty bulk string in RESP2.
pub(super) fn nil() -> Outcome {
    Ok(Value::Nil.into())
}

/// A string or nothing.
pub(super) fn maybe(bytes: Option<Vec<u8>>) -> Outcome {
    Ok(bytes.map_or(Value::Nil, Value::Bulk).into())
}

/// Answers an array of values.
pub(super) fn array(values: Vec<Value>) -> Outcome {
    Ok(Value::Array(Items(values)).into())
}

/// Answers a set, which RESP2 gets as an array.
pub(super) fn set(values: Vec<Value>) -> Outcome {
    Ok(Value::Set(Items(values)).into())
}

/// A map from a flat list of keys and values.
pub(super) fn map(flat: Vec<Value>) -> Outcome {
    Ok(Value::Map(Pairs(Items(flat))).into())
}

/// An array of strings.
pub(super) fn strings(all: impl IntoIterator<Item = Vec<u8>>) -> Outcome {
    array(all.into_iter().map(Value::Bulk).collect())
}

/// An error from its whole line, code first.
pub(super) fn error(line: impl AsRef<str>) -> ServerError {
    ServerError::parse(line.as_ref().as_bytes())
}

/// Refuses with this error line.
pub(super) fn refuse(line: impl AsRef<str>) -> Outcome {
    Err(error(line))
}

/// The error of words that do not belong together.
pub(super) fn syntax() -> ServerError {
    error("ERR syntax error")
}

/// The error of an argument that should be a number of 64 bits.
pub(super) fn not_an_integer() -> ServerError {
    error("ERR value is not an integer or out of range")
}

/// The error of a command on a key of another type. Clients look at its first word.
pub(super) fn wrong_type() -> ServerError {
    error("WRONGTYPE Operation against a key holding the wrong kind of value")
}

/// The error of too few or too many words, in the wording of a server.
pub(super) fn wrong_arity(name: &str) -> ServerError {
    error(format!(
        "ERR wrong number of arguments for '{name}' command"
    ))
}

/// Reads an integer as strictly as a server does: no plus sign, no leading zero, no blanks.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let strict = match digits {
        [] => false,
        // `-0` and `007` are no integers to a server.
        [b'0'] => digits.len() == text.len(),
        [first, rest @ ..] => (b'1'..=b'9').contains(first) && rest.iter().all(u8::is_ascii_digit),
    };
    if !strict {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Reads an integer argument.
pub(super) fn integer_arg(text: &[u8]) -> Result<i64, ServerError> {
    integer(text).ok_or_else(not_an_integer)
}

/// Reads how many a command is to take.
pub(super) fn positive(text: &[u8]) -> Result<usize, ServerError> {
    integer(text)
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| error("ERR value is out of range, must be positive"))
}

/// Reads a floating-point number; not-a-number is none.
pub(super) fn float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    // The standard parser does not take these either; said here because servers word it as an error of
    // their own.
    if text.is_empty() || text.starts_with(char::is_whitespace) {
        return None;
    }
    text.parse().ok().filter(|n: &f64| !n.is_nan())
}

/// Reads a floating-point argument.
pub(super) fn float_arg(text: &[u8]) -> Result<f64, ServerError> {
    float(text).ok_or_else(|| error("ERR value is not a valid float"))
}

/// Writes a number as `INCRBYFLOAT` does: no exponent, no trailing zeros.
///
/// Servers add in extended precision; fifteen significant digits hide the difference.
pub(super) fn decimal(n: f64) -> Vec<u8> {
    let magnitude = if n == 0.0 {
        0.0
    } else {
        n.abs().log10().floor()
    };
    // Fifteen significant digits: so many decimal places a double holds of any number.
    let places = (14.0 - magnitude).clamp(0.0, 17.0) as usize;
    let mut text = format!("{n:.places$}");
    if text.contains('.') {
        let kept = text.trim_end_matches('0').trim_end_matches('.').len();
        text.truncate(kept);
    }
    if text == "-0" {
        text.remove(0);
    }
    text.into_bytes()
}

/// The bounds of a range given as Redis gives them: both ends included, negative from the end.
pub(super) fn range(len: usize, start: i64, stop: i64) -> Option<std::ops::Range<usize>> {
    let size = i64::try_from(len).ok()?;
    let from_end = |n: i64| if n < 0 { n.saturating_add(size) } else { n };
    let first = from_end(start).max(0);
    // Places beyond the ends are cut, not refused.
    let last = from_end(stop).min(size - 1);
    if first > last {
        return None;
    }
    Some(usize::try_from(first).ok()?..usize::try_from(last).ok()? + 1)
}

/// Lower case, for names of commands and options.
pub(super) fn lower(text: &[u8]) -> String {
    String::from_utf8_lossy(text).to_ascii_lowercase()
}
