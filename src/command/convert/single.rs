//! Types that are made from one flat reply: texts, bytes, numbers, truth values. A reply that nests is never
//! looked into.

use super::{Form, FromValue, failed, misfit, mismatch, plain};
use crate::error::{Error, Result};
use crate::protocol::Value;
use std::borrow::Cow;
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
    NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;

/// 2^53: doubles up to here hold every integer, and servers write them in digits only.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The text of a flat reply, as RESP2 would send it.
fn text(value: &Value) -> Option<Cow<'_, [u8]>> {
    // What a server sends as a number or a truth on RESP3 and as a text on RESP2 reads the same from
    // both.
    let text = match value {
        Value::Int(number) => number.to_string(),
        Value::Double(number) if number.is_nan() => "nan".to_owned(),
        Value::Double(number) => number.to_string(),
        Value::Bool(truth) => u8::from(*truth).to_string(),
        other => return other.as_bytes().map(Cow::Borrowed),
    };
    Some(Cow::Owned(text.into_bytes()))
}

/// The bytes of a flat reply, without a copy where it has some.
#[inline]
pub(in crate::command) fn bytes(value: Value, wanted: &str) -> Result<Vec<u8>> {
    match value {
        Value::Bulk(bytes) => Ok(bytes),
        other => other_bytes(other, wanted),
    }
}

/// As [`bytes`], for what is rarely asked for as such.
fn other_bytes(value: Value, wanted: &str) -> Result<Vec<u8>> {
    let value = plain(value)?;
    match text(&value) {
        Some(Cow::Owned(text)) => Ok(text),
        _ => value.into_bytes().or_else(|value| mismatch(wanted, value)),
    }
}

impl FromValue for String {
    const FORM: Form = Form::Scalar;

    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        // The vector of the reply itself becomes the text: no copy, one allocation in all.
        let bytes = bytes(value, "a text")?;
        Self::from_utf8(bytes).or_else(|error| {
            let bytes = Value::Bulk(error.into_bytes());
            failed(
                "bytes that are not UTF-8 cannot become a text; Vec<u8> holds them",
                bytes,
            )
        })
    }
}

/// Texts that are made from a `String`.
macro_rules! texts {
    ($($type:ty)*) => {$(
        impl FromValue for $type {
            const FORM: Form = Form::Scalar;

            fn from_value(value: Value) -> Result<Self> {
                String::from_value(value).map(Self::from)
            }
        }
    )*};
}

texts! { Box<str> Rc<str> Arc<str> }

impl FromValue for char {
    const FORM: Form = Form::Scalar;

    fn from_value(value: Value) -> Result<Self> {
        let value = plain(value)?;
        let mut only = None;
        if let Some(text) = text(&value) {
            let mut letters = std::str::from_utf8(&text).unwrap_or_default().chars();
            // Exactly one letter, which may be several bytes.
            only = letters.next().filter(|_| letters.next().is_none());
        }
        match only {
            Some(letter) => Ok(letter),
            None => mismatch("a single letter", value),
        }
    }
}

impl FromValue for bool {
    const FORM: Form = Form::Scalar;

    fn from_value(value: Value) -> Result<Self> {
        let value = plain(value)?;
        let truth = match &value {
            Value::Bool(truth) => Some(*truth),
            // `SET .. NX` answers nil where it did not set, and OK where it did: a condition reads as a
            // truth.
            Value::Nil | Value::Int(0) => Some(false),
            Value::Int(1) | Value::Okay => Some(true),
            other => match text(other).as_deref() {
                Some(b"1" | b"true" | b"OK") => Some(true),
                Some(b"0" | b"false") => Some(false),
                _ => None,
            },
        };
        truth.map_or_else(|| mismatch("a truth value", value), Ok)
    }
}

/// What a flat reply is as an integer.
enum Integer {
    /// One of 64 bits, as nearly all are.
    Common(i64),
    /// One that does not fit into 64 bits with a sign.
    Wide,
    None,
}

/// A flat reply as an integer, whatever type becomes of it: compiled once for all of them.
fn integer(value: &Value) -> Integer {
    match value {
        Value::Int(number) => Integer::Common(*number),
        Value::Bool(truth) => Integer::Common(i64::from(*truth)),
        #[allow(clippy::cast_possible_truncation, reason = "it is a small integer")]
        // Above two to the 53rd a double does not hold every integer, and would yield one
        // that nobody sent.
        Value::Double(number) if number.fract() == 0.0 && number.abs() <= EXACT => {
            Integer::Common(*number as i64)
        }
        other => match other.as_str().map(|text| (text.parse(), text)) {
            Some((Ok(number), _)) => Integer::Common(number),
            // Told apart from what is no number: the one is mended by a wider type, the
            // other is not.
            Some((Err(_), text)) if is_integer(text) => Integer::Wide,
            _ => Integer::None,
        },
    }
}

/// The error of an integer that is none, or does not fit into its type.
#[cold]
fn no_integer(found: &Integer, wanted: &str, value: Value) -> Error {
    match found {
        Integer::None => misfit(wanted, value),
        Integer::Common(_) | Integer::Wide => {
            Error::conversion(format!("out of range for {wanted}")).with_reply(value)
        }
    }
}

/// An integer of at most 64 bits with a sign, compiled once for all of them.
fn narrow(value: Value, range: RangeInclusive<i64>, wanted: &str) -> Result<i64> {
    let value = plain(value)?;
    match integer(&value) {
        Integer::Common(number) if range.contains(&number) => Ok(number),
        other => Err(no_integer(&other, wanted, value)),
    }
}

/// An integer without a sign that may be wider, compiled once for all of them.
fn unsigned(value: Value, most: u128, wanted: &str) -> Result<u128> {
    let value = plain(value)?;
    let found = integer(&value);
    let number = match found {
        Integer::Common(number) => u128::try_from(number).ok(),
        // The text again: it holds more than 64 bits with a sign.
        Integer::Wide => value.as_str().and_then(|text| text.parse().ok()),
        Integer::None => None,
    };
    match number {
        Some(number) if number <= most => Ok(number),
        _ => Err(no_integer(&found, wanted, value)),
    }
}

/// Integers, from any reply that is one: RESP3 has booleans and doubles where RESP2 has integers and texts.
macro_rules! integer {
    (@narrow $value:ident) => {
        narrow($value, Self::MIN as i64..=Self::MAX as i64, NAME)
    };
    (@unsigned $value:ident) => {
        unsigned($value, Self::MAX as u128, NAME)
    };
    ($form:ident $width:ident $type:ty $({ $($more:tt)* })?) => {
        impl FromValue for $type {
            const FORM: Form = Form::$form;

            #[allow(
                clippy::cast_lossless,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is in range"
            )]
            #[inline]
            fn from_value(value: Value) -> Result<Self> {
                const NAME: &str = stringify!($type);
                integer!(@$width value).map(|number| number as Self)
            }

            $($($more)*)?
        }
    };
}

/// Whether this is an integer of whatever size, so that the error can say "out of range".
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

integer! { Byte narrow u8 {
    #[inline]
    // A list of these is the bytes of one text, not a list of numbers.
    fn list_from_value(value: Value) -> Result<Vec<Self>> {
        bytes(value, "bytes")
    }
} }
integer! { Scalar narrow i8 }
integer! { Scalar narrow i16 }
integer! { Scalar narrow i32 }
integer! { Scalar narrow i64 }
integer! { Scalar narrow isize }
integer! { Scalar narrow u16 }
integer! { Scalar narrow u32 }
integer! { Scalar unsigned u64 }
integer! { Scalar unsigned u128 }
integer! { Scalar unsigned usize }

impl FromValue for i128 {
    const FORM: Form = Form::Scalar;

    fn from_value(value: Value) -> Result<Self> {
        let value = plain(value)?;
        let found = integer(&value);
        let number = match found {
            Integer::Common(number) => Some(number.into()),
            Integer::Wide => value.as_str().and_then(|text| text.parse().ok()),
            Integer::None => None,
        };
        number.ok_or_else(|| no_integer(&found, "i128", value))
    }
}

/// A reply that is not zero, compiled once for all numbers: zero is an error that keeps the reply.
fn no_zero(value: Value, wanted: &str) -> Result<Value> {
    match integer(value.plain()) {
        Integer::Common(0) => failed(format!("zero cannot become {wanted}"), value),
        _ => Ok(value),
    }
}

/// Numbers that are anything but zero.
macro_rules! nonzero {
    ($($type:ty: $number:ty;)*) => {$(
        impl FromValue for $type {
            const FORM: Form = Form::Scalar;

            #[inline]
            fn from_value(value: Value) -> Result<Self> {
                let number = <$number>::from_value(no_zero(value, stringify!($type))?)?;
                // Not reached: zero has gone above.
                Self::new(number).ok_or_else(|| misfit(stringify!($type), Value::Nil))
            }
        }
    )*};
}

nonzero! {
    NonZeroI8: i8;
    NonZeroI16: i16;
    NonZeroI32: i32;
    NonZeroI64: i64;
    NonZeroI128: i128;
    NonZeroIsize: isize;
    NonZeroU8: u8;
    NonZeroU16: u16;
    NonZeroU32: u32;
    NonZeroU64: u64;
    NonZeroU128: u128;
    NonZeroUsize: usize;
}

/// Floats, rounded to the precision that the caller chose.
macro_rules! floats {
    ($($type:ty)*) => {$(
        impl FromValue for $type {
            const FORM: Form = Form::Scalar;

            #[allow(clippy::cast_possible_truncation, reason = "the caller chose the precision")]
            fn from_value(value: Value) -> Result<Self> {
                let value = plain(value)?;
                let number = match &value {
                    Value::Double(number) => Some(*number as Self),
                    Value::Int(number) => Some(*number as Self),
                    Value::Bool(truth) => Some(f64::from(u8::from(*truth)) as Self),
                    other => other
                        .as_str()
                        .and_then(|text| text.parse::<f64>().ok())
                        .map(|number| number as Self),
                };
                number.map_or_else(|| mismatch(stringify!($type), value), Ok)
            }
        }
    )*};
}

floats! { f32 f64 }
