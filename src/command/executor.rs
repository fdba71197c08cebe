//! Whatever sends commands. Knows neither connections nor nodes.

use super::lent::Lent;
use super::{Cmd, Pipeline};
use crate::error::Result;
use crate::protocol::Value;

/// Something that sends commands: a [`Client`](crate::Client), and references to one.
///
/// Every executor has [`Commands`](crate::Commands), and runs [`Pipeline`]s. One of your own wraps another,
/// to count, to record or to fail on purpose:
///
/// ```
/// use hitless::{Cmd, Executor, Pipeline, Result, Value};
/// use std::cell::Cell;
///
/// struct Counting<E> {
///     inner: E,
///     sent: Cell<usize>,
/// }
///
/// impl<E: Executor> Executor for Counting<E> {
///     fn execute(&self, command: &Cmd) -> Result<Value> {
///         self.sent.set(self.sent.get() + 1);
///         self.inner.execute(command)
///     }
///
///     fn execute_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
///         self.sent.set(self.sent.get() + pipeline.len());
///         self.inner.execute_pipeline(pipeline)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot send commands",
    note = "`hitless::Client` and references to it can; a generic function takes `&impl hitless::Commands`"
)]
pub trait Executor {
    /// Sends one command and yields its reply; an error reply is an `Err`. What a client does, and which
    /// errors there are: [`Client::execute`](crate::Client::execute).
    fn execute(&self, command: &Cmd) -> Result<Value>;

    /// As [`execute`](Self::execute), and says which server answered, if that is known.
    #[doc(hidden)]
    fn execute_traced(&self, command: &Cmd) -> (Result<Value>, Option<Origin>) {
        (self.execute(command), None)
    }

    /// Sends a pipeline and yields what became of each command, in order: see [`Pipeline::run`].
    fn execute_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>>;

    /// As [`execute`](Self::execute), of a command whose long arguments are still where its caller has them. By
    /// itself it puts the whole command together, so that an executor of your own sees every command in
    /// [`execute`](Self::execute).
    #[doc(hidden)]
    fn execute_lent(&self, command: &Lent<'_>) -> Result<Value> {
        self.execute(&command.to_cmd())
    }
}

impl<E: Executor + ?Sized> Executor for &E {
    #[inline]
    fn execute(&self, command: &Cmd) -> Result<Value> {
        (**self).execute(command)
    }

    fn execute_traced(&self, command: &Cmd) -> (Result<Value>, Option<Origin>) {
        (**self).execute_traced(command)
    }

    fn execute_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        (**self).execute_pipeline(pipeline)
    }

    fn execute_lent(&self, command: &Lent<'_>) -> Result<Value> {
        (**self).execute_lent(command)
    }
}

/// Which server process answered a command, as far as a client knows. Equal ones: the same.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(
    unnameable_types,
    reason = "users implement and call nothing that has it"
)]
pub struct Origin {
    /// The address.
    pub(crate) server: String,
    /// How often another process may have come to stand behind an address until then.
    pub(crate) changes: u64,
}
