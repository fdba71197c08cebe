//! Types with many elements of one kind, from arrays, sets, maps and the replies of a pipeline. Knows no
//! rows of several fields: `table` does.

use super::table::rows;
use super::{Form, FromValue, Reply, mismatch, plain};
use crate::error::{Error, Result};
use crate::protocol::Value;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::rc::Rc;
use std::sync::Arc;

/// The elements of an array or set; of a map its keys and values in turn; none of nil.
pub(super) fn elements(value: Value, wanted: &str) -> Result<Vec<Value>> {
    match plain(value)? {
        Value::Array(items) | Value::Set(items) => Ok(items.into_vec()),
        // So that a list of keys and values is the same on both protocols.
        Value::Map(pairs) => Ok(pairs.into_flat().into_vec()),
        // What is absent has no elements: `LRANGE` of no key, for one.
        Value::Nil => Ok(Vec::new()),
        other => mismatch(wanted, other),
    }
}

/// Whether each of these is an array of `width` elements.
pub(super) fn are_rows(values: &[Value], width: usize) -> bool {
    // An empty list has no rows: it stays what it is.
    let is_row =
        |value: &Value| matches!(value.plain(), Value::Array(items) if items.len() == width);
    !values.is_empty() && values.iter().all(is_row)
}

/// Pairs as keys and values in turn, which is how RESP2 sends them; everything else as it is.
pub(super) fn flatten(values: Vec<Value>) -> Vec<Value> {
    if !are_rows(&values, 2) {
        return values;
    }
    // RESP3 nests pairs where RESP2 sends them flat (`ZRANGE` with scores): one form for both.
    let mut flat = Vec::with_capacity(2 * values.len());
    for pair in values {
        flat.extend(pair.into_items().unwrap_or_default().into_vec());
    }
    flat
}

/// The elements of a list of types of this form: those that are flat take pairs as keys and values in turn.
pub(super) fn elements_of(value: Value, form: Form) -> Result<Vec<Value>> {
    let values = elements(value, "a list")?;
    Ok(match form {
        Form::Byte | Form::Scalar => flatten(values),
        Form::Compound | Form::Row | Form::Whole => values,
    })
}

/// Turns each value; the first error ends it, and says at which index it was.
pub(super) fn each<T>(values: Vec<Value>, turn: impl Fn(Value) -> Result<T>) -> Result<Vec<T>> {
    // A loop: of adapters that end in `collect` the compiler makes a dozen functions for each type.
    let mut list = Vec::new();
    // Not `with_capacity`, which is compiled into each of these.
    list.reserve_exact(room(values.len(), size_of::<T>()));
    for value in values {
        match turn(value) {
            Ok(element) => list.push(element),
            Err(error) => return Err(at(list.len(), error)),
        }
    }
    Ok(list)
}

/// For how many of so many elements of this size room is made before there is one. A server that sends many short
/// elements gets no more than eight times the memory that they are in by now, whatever a program wants them to be; more
/// comes with elements that fit.
pub(super) fn room(count: usize, size: usize) -> usize {
    count / size.div_ceil(8 * size_of::<Value>()).max(1)
}

/// The error of the element at this index.
#[cold]
pub(super) fn at(index: usize, error: Error) -> Error {
    error.within(format_args!("element {index}"))
}

impl<T: FromValue> FromValue for Vec<T> {
    const FORM: Form = T::FORM.in_a_row();

    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        T::list_from_value(value)
    }

    fn from_replies<'a>(replies: impl ExactSizeIterator<Item = Reply<'a>>) -> Result<Self> {
        // `Vec<u8>` is bytes, not a list of small numbers.
        if T::FORM.is_byte() {
            let count = replies.len();
            let text = format!("the replies of {count} commands cannot become bytes");
            return Err(Error::conversion(text));
        }
        // Of the vector of a pipeline's results this makes the list where the results are.
        replies.map(T::from_reply).collect()
    }
}

/// Lists that are made from a `Vec` in one step.
macro_rules! lists {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<$($generics)*> FromValue for $type {
            const FORM: Form = Vec::<T>::FORM;

            fn from_value(value: Value) -> Result<Self> {
                Vec::<T>::from_value(value).map(Self::from)
            }

            fn from_replies<'a>(
                replies: impl ExactSizeIterator<Item = Reply<'a>>,
            ) -> Result<Self> {
                Vec::<T>::from_replies(replies).map(Self::from)
            }
        }
    )*};
}

lists! {
    [T: FromValue] Box<[T]>;
    [T: FromValue] Rc<[T]>;
    [T: FromValue] Arc<[T]>;
}

/// Sets and queues have elements, also of numbers of 8 bits.
macro_rules! collections {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<$($generics)*> FromValue for $type {
            fn from_value(value: Value) -> Result<Self> {
                let list = if T::FORM.is_byte() {
                    each(elements_of(value, T::FORM)?, T::from_value)
                } else {
                    T::list_from_value(value)
                };
                list.map(|list| list.into_iter().collect())
            }

            fn from_replies<'a>(
                replies: impl ExactSizeIterator<Item = Reply<'a>>,
            ) -> Result<Self> {
                replies.map(T::from_reply).collect()
            }
        }
    )*};
}

collections! {
    [T: FromValue] VecDeque<T>;
    [T: FromValue + Eq + Hash, S: BuildHasher + Default] HashSet<T, S>;
    [T: FromValue + Ord] BTreeSet<T>;
}

impl<T: FromValue, const N: usize> FromValue for [T; N] {
    const FORM: Form = if N == 0 { Form::Compound } else { Form::Row };

    fn from_value(value: Value) -> Result<Self> {
        exactly(T::list_from_value(value)?)
    }

    fn list_from_value(value: Value) -> Result<Vec<Self>> {
        // A list of `[u8; N]` has a text for each element, not `N` numbers.
        if T::FORM.is_byte() {
            return each(elements_of(value, T::FORM)?, Self::from_value);
        }
        rows(value, N, |row| {
            exactly(each(row.take(N).collect(), T::from_value)?)
        })
    }

    fn from_replies<'a>(replies: impl ExactSizeIterator<Item = Reply<'a>>) -> Result<Self> {
        exactly(Vec::<T>::from_replies(replies)?)
    }
}

/// A list as an array of its very length.
fn exactly<T, const N: usize>(list: Vec<T>) -> Result<[T; N]> {
    list.try_into().map_err(|list: Vec<T>| {
        let text = format!("{} elements cannot become an array of {N}", list.len());
        Error::conversion(text)
    })
}
