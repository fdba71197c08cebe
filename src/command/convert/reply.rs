//! What became of a command, on its way to a type; and the types that look at that first. Sends nothing: by
//! now the reply is here.

use super::list::{at, elements};
use super::{Form, FromValue, plain};
use crate::command::{Cmd, Pipeline};
use crate::error::{Error, Result};
use crate::protocol::Value;
use std::borrow::Cow;

/// What became of one command, and which it was, for the error of a conversion.
#[derive(Debug)]
#[allow(
    unnameable_types,
    reason = "users implement and call nothing that has it"
)]
pub struct Reply<'a> {
    result: Result<Value>,
    of: Of<'a>,
}

/// Which command it was, by reference: a name is made only for an error.
#[derive(Clone, Copy, Debug)]
enum Of<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline, usize),
}

impl<'a> Reply<'a> {
    #[inline]
    pub(in crate::command) fn new(result: Result<Value>, command: &'a Cmd) -> Self {
        let of = Of::Command(command);
        Self { result, of }
    }

    pub(in crate::command) fn of_pipeline(
        result: Result<Value>,
        pipeline: &'a Pipeline,
        index: usize,
    ) -> Self {
        let of = Of::Pipeline(pipeline, index);
        Self { result, of }
    }

    pub(super) fn into_result(self) -> Result<Value> {
        self.result
    }

    /// Turns the reply. An error names the command, and carries the reply if it may be the only copy.
    #[inline]
    pub(super) fn turn<T: FromValue>(self) -> Result<T> {
        let value = self.result?;
        // The copy costs: it is made only where the reply may exist nowhere else, and only of types that do
        // not hand back what they refuse.
        let kept = if T::FORM.hands_back() {
            None
        } else {
            self.of.kept(&value)
        };
        T::from_value(value).map_err(|error| self.of.misfit(error, kept))
    }
}

/// The error of what does not fit, or is an error in a part, with all of the reply if that was kept.
#[cold]
pub(in crate::command) fn with_kept(error: Error, kept: Option<Value>) -> Error {
    match kept {
        Some(reply) => error.with_reply(reply),
        None => error,
    }
}

impl Of<'_> {
    /// A copy of the reply, if it may be the only one of what it says.
    fn kept(self, reply: &Value) -> Option<Value> {
        let takes = match self {
            Self::Command(command) => command.may_take(),
            Self::Pipeline(pipeline, _) => pipeline.may_take(),
        };
        takes.then(|| reply.clone())
    }

    /// The error of a reply that does not fit: with the reply, if that was kept, and with the name of the command.
    #[cold]
    fn misfit(self, error: Error, kept: Option<Value>) -> Error {
        let error = with_kept(error, kept);
        // A type of a user may have sent a command of its own.
        match error.command() {
            Some(_) => error,
            None => self.named(error),
        }
    }

    /// The error with the name of the command, and its place in a pipeline.
    fn named(self, error: Error) -> Error {
        match self {
            Self::Command(command) => error.with_command(command.full_name()),
            Self::Pipeline(pipeline, index) => pipeline.named(error, index),
        }
    }
}

impl FromValue for Value {
    const FORM: Form = Form::Whole;

    fn from_value(value: Value) -> Result<Self> {
        value.into_result().map_err(Error::from)
    }

    fn list_from_value(value: Value) -> Result<Vec<Self>> {
        let values = elements(value, "a list")?;
        // They stay where they are: only an error among them is one of the list.
        for (index, value) in values.iter().enumerate() {
            if let Some(error) = value.as_error() {
                return Err(at(index, error.clone().into()));
            }
        }
        Ok(values)
    }
}

impl FromValue for () {
    const FORM: Form = Form::Scalar;

    fn from_value(value: Value) -> Result<Self> {
        plain(value).map(drop)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const FORM: Form = T::FORM.wrapped();

    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        // What most replies are has no attributes to come off.
        let present = match value {
            value @ Value::Bulk(_) => Some(value),
            other => present(other, T::FORM.is_row())?,
        };
        match present {
            Some(value) => T::from_value(value).map(Some),
            None => Ok(None),
        }
    }
}

/// What there is, of a reply that may say that there is nothing. Compiled once for all types.
fn present(value: Value, is_row: bool) -> Result<Option<Value>> {
    Ok(match plain(value)? {
        // The one place where nil is no error for every type.
        Value::Nil => None,
        // `ZPOPMIN` and its like say so that there is none.
        Value::Array(items) if items.is_empty() && is_row => None,
        // `HGETALL` too.
        Value::Map(pairs) if pairs.is_empty() && is_row => None,
        value => Some(value),
    })
}

impl<T: FromValue> FromValue for Result<T> {
    const FORM: Form = T::FORM.wrapped();

    fn from_value(value: Value) -> Result<Self> {
        Ok(T::from_value(value))
    }

    fn from_reply(reply: Reply<'_>) -> Result<Self> {
        Ok(T::from_reply(reply))
    }
}

impl<T: ToOwned<Owned: FromValue> + ?Sized> FromValue for Cow<'_, T> {
    const FORM: Form = T::Owned::FORM.wrapped();

    fn from_value(value: Value) -> Result<Self> {
        T::Owned::from_value(value).map(Cow::Owned)
    }
}
