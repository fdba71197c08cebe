//! Maps, tuples, and lists of tuples: what RESP3 nests and RESP2 sends flat. Both become the same value, so
//! that no program depends on the protocol.

use super::list::{are_rows, at, elements, flatten, room};
use super::{Form, FromValue, Reply, plain};
use crate::error::{Error, Result};
use crate::protocol::Value;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::vec::IntoIter;

/// Turns each row of a table into a value: `turn` takes `width` values off the front.
///
/// A row is an array where all elements are arrays, else so many elements of a flat one. A map has rows
/// of two.
pub(super) fn rows<T>(
    value: Value,
    width: usize,
    mut turn: impl FnMut(&mut IntoIter<Value>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut list = Vec::new();
    each_row(value, width, &mut |left, row| {
        // Now it is known how many there may be.
        if list.is_empty() {
            list.reserve_exact(room(left, size_of::<T>()));
        }
        list.push(turn(row)?);
        Ok(())
    })?;
    Ok(list)
}

/// As [`rows`], compiled once for all types. `turn` also gets how many rows there are from this one on.
fn each_row(
    value: Value,
    width: usize,
    turn: &mut dyn FnMut(usize, &mut IntoIter<Value>) -> Result<()>,
) -> Result<()> {
    let value = plain(value)?;
    let is_map = matches!(value, Value::Map(_)) && width == 2;
    let values = elements(value, "a list")?;
    let is_array = |value: &Value| matches!(value.plain(), Value::Array(_));
    // One array for each row: RESP3, and some commands on RESP2 too.
    if !is_map && values.iter().all(is_array) {
        let count = values.len();
        for (index, row) in values.into_iter().enumerate() {
            let row = elements(row, "a list").and_then(|row| sized(row, width));
            row.and_then(|mut row| turn(count - index, &mut row))
                .map_err(|error| at(index, error))?;
        }
        return Ok(());
    }
    // Flat, as RESP2 has it.
    let count = values.len();
    // Checked before the first row is made, so that no rows are made of shifted fields.
    if width == 0 || count % width != 0 {
        let text = format!("{count} elements cannot be divided into rows of {width}");
        return Err(Error::conversion(text));
    }
    let count = count / width;
    let mut values = values.into_iter();
    for index in 0..count {
        turn(count - index, &mut values).map_err(|error| at(index, error))?;
    }
    Ok(())
}

/// As many elements as a tuple has fields. Pairs, which RESP3 nests, may be the fields in turn.
fn sized(mut values: Vec<Value>, width: usize) -> Result<IntoIter<Value>> {
    // Pairs inside of a row, as RESP3 has them, are two fields each.
    if values.len() != width && values.len() * 2 == width && are_rows(&values, 2) {
        values = flatten(values);
    }
    if values.len() == width {
        return Ok(values.into_iter());
    }
    let text = format!("{} elements cannot become {width} fields", values.len());
    Err(Error::conversion(text))
}

/// The keys and values of a map.
fn pairs<K: FromValue, V: FromValue>(value: Value) -> Result<Vec<(K, V)>> {
    rows(value, 2, |row| {
        let key = field(row, format_args!("key"))?;
        Ok((key, field(row, format_args!("value"))?))
    })
}

/// The next value; an error says which it is.
fn field<T: FromValue>(row: &mut IntoIter<Value>, name: fmt::Arguments<'_>) -> Result<T> {
    T::from_value(row.next().unwrap_or(Value::Nil)).map_err(|error| error.within(name))
}

/// What the next command of a pipeline replied.
fn next<'a, T: FromValue>(replies: &mut impl Iterator<Item = Reply<'a>>) -> Result<T> {
    match replies.next() {
        Some(reply) => T::from_reply(reply),
        // Not reached: tuples count their replies first.
        None => T::from_value(Value::Nil),
    }
}

impl<K, V, S> FromValue for HashMap<K, V, S>
where
    K: FromValue + Eq + Hash,
    V: FromValue,
    S: BuildHasher + Default,
{
    fn from_value(value: Value) -> Result<Self> {
        let pairs = pairs(value)?;
        let mut map = Self::with_capacity_and_hasher(pairs.len(), S::default());
        for (key, value) in pairs {
            map.insert(key, value);
        }
        Ok(map)
    }
}

impl<K: FromValue + Ord, V: FromValue> FromValue for BTreeMap<K, V> {
    fn from_value(value: Value) -> Result<Self> {
        Ok(pairs(value)?.into_iter().collect())
    }
}

/// A tuple is one row, a list of tuples is many, and from a pipeline each field is a reply.
macro_rules! tuples {
    ($($width:literal: $($name:ident $field:literal)*;)*) => {$(
        impl<$($name: FromValue),*> FromValue for ($($name,)*) {
            const FORM: Form = Form::Row;

            fn from_value(value: Value) -> Result<Self> {
                let values = elements(value, concat!("a tuple of ", $width))?;
                let mut row = sized(values, $width)?;
                Ok(($(field::<$name>(&mut row, format_args!("field {}", $field))?,)*))
            }

            fn list_from_value(value: Value) -> Result<Vec<Self>> {
                rows(value, $width, |row| {
                    Ok(($(field::<$name>(row, format_args!("field {}", $field))?,)*))
                })
            }

            fn from_replies<'a>(
                mut replies: impl ExactSizeIterator<Item = Reply<'a>>,
            ) -> Result<Self> {
                let count = replies.len();
                if count != $width {
                    let text = format!(
                        "the replies of {count} commands cannot become {} fields", $width
                    );
                    return Err(Error::conversion(text));
                }
                Ok(($(next::<$name>(&mut replies)?,)*))
            }
        }
    )*};
}

tuples! {
    1: A 0;
    2: A 0 B 1;
    3: A 0 B 1 C 2;
    4: A 0 B 1 C 2 D 3;
    5: A 0 B 1 C 2 D 3 E 4;
    6: A 0 B 1 C 2 D 3 E 4 F 5;
    7: A 0 B 1 C 2 D 3 E 4 F 5 G 6;
    8: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7;
    9: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8;
    10: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9;
    11: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10;
    12: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11;
}
