//! Many commands in one write.

use super::{Client, Cmd, FromValue};
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::Value;
use std::fmt;
use std::time::Duration;

/// Commands that are sent in one write and answered together.
///
/// All of them travel on one connection, in order, and no handoff divides them.
///
/// ```no_run
/// use hitless::{Client, Cmd, pipe};
///
/// # let client = Client::connect("redis://127.0.0.1")?;
/// let (before, after): (Option<i64>, i64) =
///     pipe().cmd(Cmd::new("GET").arg("n")).cmd(Cmd::new("INCR").arg("n")).query(&client)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Default)]
pub struct Pipeline {
    bytes: Vec<u8>,
    /// Where each command ends.
    ends: Vec<u64>,
    /// The first command that must not be sent, and why.
    refused: Option<Error>,
    pub(super) timeout: Option<Option<Duration>>,
    atomic: bool,
}

/// An empty pipeline.
pub fn pipe() -> Pipeline {
    Pipeline::default()
}

impl Pipeline {
    /// As [`pipe`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the server execute the commands without any other client's in between (`MULTI` and
    /// `EXEC`). Must come before the first command.
    #[must_use]
    pub fn atomic(mut self) -> Self {
        if self.ends.is_empty() {
            self.atomic = true;
            self.append(&Cmd::new("MULTI"));
        } else {
            self.refused = Some(Error::usage("atomic() must come before the first command"));
        }
        self
    }

    /// Adds a command.
    #[must_use]
    pub fn cmd(mut self, command: Cmd) -> Self {
        self.add(&command);
        self
    }

    /// Adds a command.
    pub fn add(&mut self, command: &Cmd) -> &mut Self {
        use super::cmd::Manner;
        let refusal = match command.manner() {
            _ if command.check().is_err() => Some("a command needs a name"),
            Manner::Alone(_) => Some("a command that blocks cannot be part of a pipeline"),
            Manner::Never(why) => Some(why),
            Manner::Shared => None,
        };
        match refusal {
            Some(why) if self.refused.is_none() => {
                let error = Error::usage(format!("not sent: {why}"));
                self.refused = Some(error.with_command(command.name()));
            }
            _ => self.append(command),
        }
        self
    }

    fn append(&mut self, command: &Cmd) {
        command.write_to(&mut self.bytes);
        self.ends.push(self.bytes.len() as u64);
    }

    /// The time that the whole pipeline may take, instead of
    /// [`Options::command_timeout`](crate::Options::command_timeout).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(Some(timeout.max(Duration::from_millis(1))));
        self
    }

    /// How many commands it holds.
    pub fn len(&self) -> usize {
        self.ends.len() - usize::from(self.atomic)
    }

    /// Whether it holds no command.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all commands out, and keeps the room for the next.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.refused = None;
        self.atomic = false;
    }

    /// Sends all commands and yields what became of each, in order: a command that the server refused
    /// does not hide the others' replies.
    ///
    /// Blocks until the last reply or the timeout. When the connection breaks, the replies that had
    /// come are kept, and each of the others says for itself whether it may have run
    /// ([`Error::delivery`]). If the transaction of an atomic pipeline was not executed, every
    /// command has that error.
    pub fn run(&self, client: &Client) -> Vec<Result<Value>> {
        if let Some(error) = &self.refused {
            return vec![Err(error.clone()); self.len().max(1)];
        }
        if !self.atomic {
            return client.send_pipeline(self);
        }
        if self.is_empty() {
            return Vec::new();
        }
        let mut whole = Self {
            bytes: self.bytes.clone(),
            ends: self.ends.clone(),
            ..Self::default()
        };
        whole.timeout = self.timeout;
        whole.append(&Cmd::new("EXEC"));
        let mut replies = client.send_pipeline(&whole);
        let failed = |error: Error| vec![Err(error); self.len()];
        match replies.pop() {
            Some(Ok(Value::Array(results))) if results.len() == self.len() => results
                .into_iter()
                .map(|value| match value {
                    Value::Error(error) => Err(error.into()),
                    value => Ok(value),
                })
                .collect(),
            Some(Err(error)) => {
                // The server says of the command itself why it was not queued.
                let cause = replies.into_iter().find_map(Result::err).filter(|cause| {
                    error.code() == Some("EXECABORT") || cause.delivery() != Delivery::Replied
                });
                // Nothing runs before EXEC has arrived whole.
                failed(
                    cause
                        .unwrap_or_else(|| error.clone())
                        .with_delivery(error.delivery()),
                )
            }
            Some(Ok(Value::Nil)) => failed(Error::new(
                ErrorKind::Conversion,
                Delivery::Replied,
                "the transaction was not executed",
            )),
            Some(Ok(_)) | None => failed(Error::new(
                ErrorKind::Protocol,
                Delivery::Unknown,
                "the reply to EXEC does not fit the commands",
            )),
        }
    }

    /// Sends all commands and turns their replies into one value, such as a tuple or a list.
    ///
    /// # Errors
    ///
    /// The first command's that failed; [`run`](Self::run) keeps the results of all.
    pub fn query<T: FromValue>(&self, client: &Client) -> Result<T> {
        let values: Vec<Value> = self.run(client).into_iter().collect::<Result<_>>()?;
        T::from_value(Value::Array(values.into()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn ends(&self) -> &[u64] {
        &self.ends
    }
}

impl fmt::Debug for Pipeline {
    /// The number of commands, never their arguments: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pipeline({} commands)", self.len())
    }
}
