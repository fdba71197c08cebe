//! The way into a client for commands and pipelines. Does nothing but to refuse a client of another process.

use super::Client;
use crate::command::{Cmd, Executor, Lent, Origin, Pipeline};
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::protocol::Value;

impl Client {
    /// Sends one command and yields its reply; an error reply is an `Err`.
    ///
    /// Blocks until the reply or the command's timeout, and before that on a connection if there is
    /// none. A command that blocks on the server (such as `BLPOP`) gets a connection alone, and its
    /// own blocking time on top of the timeout. Where its server moves, it is given up there and asked again on the new
    /// connection, with the time that is left; [`cancelled_by`](Self::cancelled_by) ends it from another thread.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Server`]: the server's error; the connection is fine. [`Error::is_safe_to_retry`] says
    /// yes where the server refused the command before it executed anything, for instance while it
    /// reads its data (`LOADING`) or as a replica (`READONLY`); never for scripts and functions, which
    /// may have written something before they failed.
    /// [`ErrorKind::Timeout`] and [`ErrorKind::Io`]: the connection is given up, and
    /// [`Error::delivery`] says whether the command may have run.
    /// [`ErrorKind::Usage`]: a command that changes the state of a shared connection, or one that asks
    /// about the writes before it (`WAIT`, `WAITAOF`) and goes in a [`Pipeline`] behind them.
    pub fn execute(&self, command: &Cmd) -> Result<Value> {
        (self.check_process())
            .and_then(|()| self.0.calls.execute(command))
            .map_err(|error| error.with_command(command.full_name()))
    }
}

impl Executor for Client {
    #[inline]
    fn execute(&self, command: &Cmd) -> Result<Value> {
        Self::execute(self, command)
    }

    fn execute_traced(&self, command: &Cmd) -> (Result<Value>, Option<Origin>) {
        if let Err(error) = self.check_process() {
            return (Err(error), None);
        }
        let (result, origin) = self.0.calls.execute_traced(command);
        let named = |error: Error| error.with_command(command.full_name());
        (result.map_err(named), origin)
    }

    fn execute_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        pipeline.results(|| match self.check_process() {
            Ok(()) => self.0.calls.execute_pipeline(pipeline),
            Err(error) => vec![Err(error); pipeline.len()],
        })
    }

    fn execute_lent(&self, command: &Lent<'_>) -> Result<Value> {
        (self.check_process())
            .and_then(|()| self.0.calls.execute_lent(command))
            .map_err(|error| error.with_command(command.beginning().full_name()))
    }
}
