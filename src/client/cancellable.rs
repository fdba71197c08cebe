//! A client whose calls another thread can stop. Stops none itself.

use super::Client;
use crate::call::Canceller;
use crate::command::{Cmd, Executor, Pipeline};
use crate::error::{Error, Result};
use crate::protocol::Value;

/// A [`Client`] whose calls a [`Canceller`] stops: see [`Client::cancelled_by`]. It has all commands.
#[derive(Clone, Debug)]
pub struct Cancellable {
    client: Client,
    canceller: Canceller,
}

impl Client {
    /// This client, for calls that `canceller` stops: those that block on the server while they wait, all others
    /// before they begin. The canceller may be shared by any number of threads and clients.
    ///
    /// ```no_run
    /// use hitless::{Canceller, Client, Commands};
    /// use std::time::Duration;
    ///
    /// # let client = Client::connect("redis://127.0.0.1")?;
    /// let canceller = Canceller::new();
    /// let consumer = client.cancelled_by(&canceller);
    /// // Waits for an element until another thread calls `canceller.cancel()`.
    /// let job: Option<((), String)> = consumer.blpop("jobs", Duration::ZERO)?;
    /// # Ok::<(), hitless::Error>(())
    /// ```
    pub fn cancelled_by(&self, canceller: &Canceller) -> Cancellable {
        Cancellable {
            client: self.clone(),
            canceller: canceller.clone(),
        }
    }
}

impl Executor for Cancellable {
    fn execute(&self, command: &Cmd) -> Result<Value> {
        let calls = &self.client.0.calls;
        (self.client.check_process())
            .and_then(|()| calls.execute_unless(command, &self.canceller))
            .map_err(|error| error.with_command(command.full_name()))
    }

    /// Refused once the canceller has cancelled; one that goes on ends by its own time, because a part of it may
    /// have run.
    fn execute_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        if self.canceller.is_cancelled() {
            return pipeline.results(|| vec![Err(Error::cancelled()); pipeline.len()]);
        }
        self.client.execute_pipeline(pipeline)
    }
}
