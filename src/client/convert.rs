//! Replies as values of Rust. Works on whole replies; a reply of another shape is an error that costs
//! nothing but itself.

use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::{Items, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

/// A type that a reply can be turned into.
pub trait FromValue: Sized {
    /// Turns a reply into this type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Server`] if the reply is an error, [`ErrorKind::Conversion`] if it has another
    /// shape. The connection is fine in both cases.
    fn from_value(value: Value) -> Result<Self>;
}

/// The reply does not have the shape that was asked for.
fn mismatch<T>(wanted: &str, value: &Value) -> Result<T> {
    let text = format!(
        "the reply is {}, which cannot become {wanted}",
        value.kind()
    );
    Err(Error::new(ErrorKind::Conversion, Delivery::Replied, text))
}

/// The reply without attributes, unless it is an error.
fn plain(value: Value) -> Result<Value> {
    match value.into_plain() {
        Value::Error(error) => Err(error.into()),
        value => Ok(value),
    }
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self> {
        value.into_result().map_err(Error::from)
    }
}

impl FromValue for () {
    fn from_value(value: Value) -> Result<Self> {
        plain(value).map(drop)
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self> {
        match plain(value)? {
            Value::Bulk(bytes) => Ok(bytes),
            Value::Int(number) => Ok(number.to_string().into_bytes()),
            Value::Double(number) => Ok(number.to_string().into_bytes()),
            other => other
                .into_bytes()
                .or_else(|value| mismatch("bytes", &value)),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self> {
        Self::from_utf8(Vec::from_value(value)?).map_err(|_| {
            let text = "the reply is not UTF-8, which cannot become a text";
            Error::new(ErrorKind::Conversion, Delivery::Replied, text)
        })
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self> {
        match plain(value)? {
            Value::Bool(truth) => Ok(truth),
            Value::Int(0) | Value::Nil => Ok(false),
            Value::Int(1) | Value::Okay => Ok(true),
            other => match other.as_bytes() {
                Some(b"0") => Ok(false),
                Some(b"1") => Ok(true),
                _ => mismatch("a truth value", &other),
            },
        }
    }
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self> {
                let value = plain(value)?;
                let number = match &value {
                    Value::Int(number) => Self::try_from(*number).ok(),
                    Value::Bool(truth) => Some(Self::from(*truth)),
                    other => other.as_str().and_then(|text| text.parse().ok()),
                };
                number.map_or_else(|| mismatch(stringify!($type), &value), Ok)
            }
        }
    )*};
}

// Not u8: `Vec<u8>` is bytes, not many numbers.
integers! { i8 i16 i32 i64 i128 isize u16 u32 u64 u128 usize }

macro_rules! floats {
    ($($type:ty)*) => {$(
        impl FromValue for $type {
            #[allow(clippy::cast_possible_truncation, reason = "the caller chose the precision")]
            fn from_value(value: Value) -> Result<Self> {
                let value = plain(value)?;
                let number = match &value {
                    Value::Double(number) => Some(*number as Self),
                    Value::Int(number) => Some(*number as Self),
                    other => other.as_str().and_then(|text| text.parse().ok()),
                };
                number.map_or_else(|| mismatch(stringify!($type), &value), Ok)
            }
        }
    )*};
}

floats! { f32 f64 }

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self> {
        match plain(value)? {
            Value::Nil => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// The elements of an array or set; of a map its keys and values in turn; nothing of nil.
fn elements(value: Value, wanted: &str) -> Result<Items> {
    match plain(value)? {
        Value::Array(items) | Value::Set(items) => Ok(items),
        Value::Map(pairs) => Ok(pairs.into_flat()),
        Value::Nil => Ok(Items::default()),
        other => mismatch(wanted, &other),
    }
}

/// Types that can be elements of a sequence; bytes are not, so that `Vec<u8>` stays bytes.
pub trait FromElement: FromValue {}

macro_rules! from_elements {
    ($($type:ty)*) => {$(impl FromElement for $type {})*};
}

from_elements! { Value String Vec<u8> bool i8 i16 i32 i64 i128 isize u16 u32 u64 u128 usize f32 f64 }
impl<T: FromValue> FromElement for Option<T> {}
impl<T: FromElement> FromElement for Vec<T> {}
impl<A: FromValue, B: FromValue> FromElement for (A, B) {}
impl<K: FromValue + Eq + Hash, V: FromValue, S: BuildHasher + Default> FromElement
    for HashMap<K, V, S>
{
}

impl<T: FromElement> FromValue for Vec<T> {
    fn from_value(value: Value) -> Result<Self> {
        elements(value, "a list")?
            .into_iter()
            .map(T::from_value)
            .collect()
    }
}

impl<T: FromValue + Eq + Hash, S: BuildHasher + Default> FromValue for HashSet<T, S> {
    fn from_value(value: Value) -> Result<Self> {
        elements(value, "a set")?
            .into_iter()
            .map(T::from_value)
            .collect()
    }
}

impl<T: FromValue + Ord> FromValue for BTreeSet<T> {
    fn from_value(value: Value) -> Result<Self> {
        elements(value, "a set")?
            .into_iter()
            .map(T::from_value)
            .collect()
    }
}

/// Keys and values: of a map, of a flat array (RESP2), or of an array of pairs.
fn pairs<K: FromValue, V: FromValue>(value: Value) -> Result<Vec<(K, V)>> {
    let items = elements(value, "a map")?;
    let mut pairs = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let Some(key) = items.next() {
        let (key, value) = match key {
            Value::Array(pair) if pair.len() == 2 => {
                <(Value, Value)>::from_value(Value::Array(pair))?
            }
            key => match items.next() {
                Some(value) => (key, value),
                None => return mismatch("a map: it has a key without a value", &Value::Nil),
            },
        };
        pairs.push((K::from_value(key)?, V::from_value(value)?));
    }
    Ok(pairs)
}

impl<K, V, S> FromValue for HashMap<K, V, S>
where
    K: FromValue + Eq + Hash,
    V: FromValue,
    S: BuildHasher + Default,
{
    fn from_value(value: Value) -> Result<Self> {
        Ok(pairs(value)?.into_iter().collect())
    }
}

impl<K: FromValue + Ord, V: FromValue> FromValue for BTreeMap<K, V> {
    fn from_value(value: Value) -> Result<Self> {
        Ok(pairs(value)?.into_iter().collect())
    }
}

macro_rules! tuples {
    ($($count:literal: $($name:ident)*;)*) => {$(
        impl<$($name: FromValue),*> FromValue for ($($name,)*) {
            fn from_value(value: Value) -> Result<Self> {
                let items = elements(value, concat!("a tuple of ", $count))?;
                if items.len() != $count {
                    let text = format!(
                        "the reply has {} elements, not {}", items.len(), $count
                    );
                    return Err(Error::new(ErrorKind::Conversion, Delivery::Replied, text));
                }
                let mut items = items.into_iter();
                Ok(($($name::from_value(items.next().unwrap_or(Value::Nil))?,)*))
            }
        }
    )*};
}

tuples! {
    1: A;
    2: A B;
    3: A B C;
    4: A B C D;
    5: A B C D E;
    6: A B C D E F;
    7: A B C D E F G;
    8: A B C D E F G H;
}
