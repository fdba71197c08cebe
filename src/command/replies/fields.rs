//! Replies with named fields, which are maps on RESP3 and names and values in turn on RESP2, and replies whose
//! parts have their places. Knows no reply.
//!
//! A part that does not fit is noted, and what is made goes on with a default: [`Fields::end`] and [`Parts::end`]
//! say so in the end. A `?` behind each part would drop all that was made before it, in code that is compiled for
//! each of them.

use super::lossy;
use crate::command::FromValue;
use crate::error::{Error, Result};
use crate::protocol::Value;
use std::mem;

/// The named fields of one reply.
pub(super) struct Fields {
    values: Vec<(String, Value)>,
    failed: Failed,
}

impl Fields {
    /// `what`: what the reply is, for an error.
    #[inline]
    pub(super) fn of(value: Value, what: &str) -> Result<Self> {
        match Vec::from_value(value) {
            Ok(values) => Ok(Self {
                values,
                failed: Failed(None),
            }),
            Err(error) => Err(error.within(format_args!("{what}"))),
        }
    }

    /// A copy of all fields, in the order of the server.
    pub(super) fn all(&self) -> Vec<(String, Value)> {
        self.values.clone()
    }

    /// Takes a field out. One that is not there is nil.
    #[inline(never)]
    pub(super) fn take<T: FromValue + Default>(&mut self, name: &str) -> T {
        match T::from_value(self.remove(name)) {
            Ok(value) => value,
            Err(error) => {
                self.failed.note(of_field(error, name));
                T::default()
            }
        }
    }

    /// Takes a field out without which the reply is none.
    #[inline(never)]
    pub(super) fn need<T: FromValue + Default>(&mut self, name: &str) -> T {
        match self.take(name) {
            Some(value) => value,
            None => {
                self.failed.note(absent(name));
                T::default()
            }
        }
    }

    /// As [`need`](Self::need), of a type without a default.
    pub(super) fn must<T: FromValue>(&mut self, name: &str) -> Result<T> {
        match self.take(name) {
            Some(value) => Ok(value),
            None => Err(self.failed.first(absent(name))),
        }
    }

    /// As [`need`](Self::need), of a text that may not be UTF-8.
    pub(super) fn need_lossy(&mut self, name: &str) -> String {
        match self.must(name).and_then(lossy) {
            Ok(text) => text,
            Err(error) => {
                self.failed.note(error);
                String::new()
            }
        }
    }

    /// What a field holds. One that is not there is nil.
    fn remove(&mut self, name: &str) -> Value {
        let at = self.values.iter().position(|(known, _)| known == name);
        at.map_or(Value::Nil, |at| self.values.swap_remove(at).1)
    }

    /// Whether all fields did fit.
    pub(super) fn end(self) -> Result<()> {
        self.failed.end()
    }
}

/// The parts of one reply, each at its place.
pub(super) struct Parts {
    values: Vec<Value>,
    next: usize,
    failed: Failed,
}

impl Parts {
    #[inline]
    pub(super) fn of(value: Value) -> Result<Self> {
        let values = Vec::from_value(value)?;
        let failed = Failed(None);
        Ok(Self {
            values,
            next: 0,
            failed,
        })
    }

    /// The part at this place. One that is not there is nil.
    #[inline(never)]
    pub(super) fn at<T: FromValue + Default>(&mut self, place: usize) -> T {
        match T::from_value(self.remove(place)) {
            Ok(value) => value,
            Err(error) => {
                self.failed.note(of_element(error, place));
                T::default()
            }
        }
    }

    /// As [`at`](Self::at), of a type without a default.
    pub(super) fn must<T: FromValue>(&mut self, place: usize) -> Result<T> {
        let part = T::from_value(self.remove(place));
        part.map_err(|error| self.failed.first(of_element(error, place)))
    }

    /// The part behind the last one that this was asked for. One that is not there is nil.
    #[inline(never)]
    pub(super) fn next<T: FromValue + Default>(&mut self) -> T {
        let part = self.remove(self.next);
        self.next += 1;
        match T::from_value(part) {
            Ok(value) => value,
            Err(error) => {
                self.failed.note(error);
                T::default()
            }
        }
    }

    /// All parts behind the last one that [`next`](Self::next) was asked for.
    pub(super) fn rest(&mut self) -> Vec<Value> {
        self.values.split_off(self.next.min(self.values.len()))
    }

    fn remove(&mut self, place: usize) -> Value {
        let part = self.values.get_mut(place);
        part.map_or(Value::Nil, |part| mem::replace(part, Value::Nil))
    }

    /// Whether all parts did fit.
    pub(super) fn end(self) -> Result<()> {
        self.failed.end()
    }
}

/// The error of the first part that did not fit. Nobody is told of those behind it.
struct Failed(Option<Error>);

impl Failed {
    #[cold]
    fn note(&mut self, error: Error) {
        self.0.get_or_insert(error);
    }

    /// The first error, where this is the last.
    #[cold]
    fn first(&mut self, last: Error) -> Error {
        self.0.take().unwrap_or(last)
    }

    fn end(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

#[cold]
fn of_field(error: Error, name: &str) -> Error {
    error.within(format_args!("field {name}"))
}

#[cold]
fn of_element(error: Error, place: usize) -> Error {
    error.within(format_args!("element {place}"))
}

#[cold]
fn absent(name: &str) -> Error {
    Error::conversion(format!("the reply has no field {name}"))
}
