//! A client whose calls another thread can stop. Stops none itself.

use super::Client;
use crate::call::Canceller;
use crate::command::{Cmd, Executor, Pipeline};
use crate::error::Result;
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

    /// Refused once the canceller has cancelled. Of one that goes on the commands that wait on the server (`WAIT`) are
    /// ended; all others are executed.
    fn execute_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        let calls = &self.client.0.calls;
        pipeline.results(|| match self.client.check_process() {
            Ok(()) => calls.execute_pipeline_unless(pipeline, &self.canceller),
            Err(error) => vec![Err(error); pipeline.len()],
        })
    }
}
