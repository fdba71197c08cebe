//! Replies with named fields: maps on RESP3, names and values in turn on RESP2. Knows
//! no reply.

use crate::command::FromValue;
use crate::error::{Error, Result};
use crate::protocol::Value;

/// The named fields of one reply.
pub(super) struct Fields(Vec<(String, Value)>);

impl Fields {
    /// `what`: what the reply is, for an error.
    pub(super) fn of(value: Value, what: &str) -> Result<Self> {
        Vec::<(String, Value)>::from_value(value)
            .map(Self)
            .map_err(|error| error.within(format_args!("{what}")))
    }

    /// A copy of all fields, in the order of the server.
    pub(super) fn all(&self) -> Vec<(String, Value)> {
        self.0.clone()
    }

    /// Takes a field out. One that is not there is nil.
    pub(super) fn take<T: FromValue>(&mut self, name: &str) -> Result<T> {
        T::from_value(self.remove(name)).map_err(|error| of_field(error, name))
    }

    /// What a field holds. One that is not there is nil.
    fn remove(&mut self, name: &str) -> Value {
        let at = self.0.iter().position(|(known, _)| known == name);
        at.map_or(Value::Nil, |at| self.0.swap_remove(at).1)
    }

    /// Takes a field out without which the reply is none.
    pub(super) fn need<T: FromValue>(&mut self, name: &str) -> Result<T> {
        match self.take(name)? {
            Some(value) => Ok(value),
            None => Err(absent(name)),
        }
    }
}

#[cold]
fn of_field(error: Error, name: &str) -> Error {
    error.within(format_args!("field {name}"))
}

#[cold]
fn absent(name: &str) -> Error {
    Error::conversion(format!("the reply has no field {name}"))
}
