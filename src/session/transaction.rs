//! A transaction with `WATCH`, tried again after a conflict. Decides nothing about connections: its lease does.

mod attempts;

use super::{Host, Lease};
use crate::clock;
use crate::command::{Cmd, Executor, FromValue, Pipeline, ToArgs, cmd, pipe};
use crate::error::{CloseReason, Delivery, Error, ErrorKind, Result};
use crate::handoff::later;
use crate::protocol::Value;
use crate::sync::{self, Arc};
use attempts::{Attempts, Verdict};
use std::cell::Cell;
use std::fmt;

/// How often a transaction is tried: see [`Client::transaction_with`](crate::Client::transaction_with).
///
/// ```no_run
/// use hitless::{Client, Commands, TransactionOptions};
///
/// # let client = Client::connect("redis://127.0.0.1")?;
/// let options = TransactionOptions::new().attempts(3);
/// let n: i64 = client.transaction_with(&options, "n", |tx| {
///     let n: i64 = tx.get::<Option<i64>>("n")?.unwrap_or_default();
///     tx.commit::<()>(|pipe| pipe.set("n", n + 1))?;
///     Ok::<_, hitless::Error>(n + 1)
/// })?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TransactionOptions {
    attempts: u32,
}

impl TransactionOptions {
    /// 64 attempts.
    pub fn new() -> Self {
        // Of eight clients that do nothing but to change the same key each loses 7 of 8 at worst, if nobody
        // paused between two attempts: 64 of those in a row are once in 5,000.
        Self { attempts: 64 }
    }

    /// So many attempts at most; 1 is no repetition, and 0 counts as that. Defaults to 64.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }
}

impl Default for TransactionOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// One attempt of a transaction: what [`Client::transaction`](crate::Client::transaction) hands to its closure.
///
/// It has all methods of [`Commands`](crate::Commands): they are executed at once, before the transaction, on the
/// connection on which the keys are watched. [`commit`](Self::commit) executes the transaction. Nothing else is
/// needed: a closure that returns without it changes nothing, and the keys are no longer watched then.
pub struct Transaction<'a> {
    lease: &'a Lease,
    fate: Cell<Fate>,
}

/// What became of the transaction of one attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// A watched key had changed.
    Conflict,
    /// It was executed, or failed otherwise, or may have been executed.
    Decided,
    /// It was not committed, and the connection with the watch ended under a command that changes nothing.
    Interrupted,
    /// It was not committed.
    Open,
    /// A move, or the loss of the connection, took the watch: nothing was sent.
    WatchLost,
}

impl Transaction<'_> {
    /// Executes what `fill` puts into the pipeline as one transaction (`MULTI` and `EXEC`), if no watched key has
    /// changed. Blocks until its reply, or until the time of the pipeline.
    ///
    /// An error goes back to the caller through the closure, as `?` does it; where a key had changed, or a move took
    /// the watch, [`Client::transaction`](crate::Client::transaction) then calls the closure again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`]: a key had changed, and nothing was executed. [`CloseReason::WatchLost`]: nothing was
    /// sent. `EXECABORT` and errors of single commands: [`ErrorKind::Server`], with [`Error::index`]. Otherwise as
    /// [`Pipeline::query`].
    pub fn commit<T: FromValue>(
        &self,
        fill: impl for<'p> FnOnce(&'p mut Pipeline) -> &'p mut Pipeline,
    ) -> Result<T> {
        let mut pipeline = pipe();
        // Atomic before the first command, whatever the closure does: nobody can forget it.
        fill(pipeline.atomic());
        pipeline.query(self)
    }

    fn note(&self, error: Option<&Error>) {
        let is_unsent = error.is_some_and(|error| error.delivery() == Delivery::NotSent);
        let fate = match error.map(Error::kind) {
            Some(ErrorKind::Conflict) => Fate::Conflict,
            Some(ErrorKind::Closed(CloseReason::WatchLost)) => Fate::WatchLost,
            // The connection ended before the transaction had left.
            Some(ErrorKind::Io | ErrorKind::Closed(_)) if is_unsent => Fate::WatchLost,
            _ => Fate::Decided,
        };
        self.fate.set(fate);
    }
}

impl Executor for Transaction<'_> {
    fn execute(&self, command: &Cmd) -> Result<Value> {
        let result = self.lease.execute(command);
        if let Err(error) = &result {
            let was_lost = matches!(error.kind(), ErrorKind::Io | ErrorKind::Closed(_));
            let harmless = error.delivery() == Delivery::NotSent || command.is_read();
            if was_lost && harmless && self.fate.get() == Fate::Open {
                self.fate.set(Fate::Interrupted);
            }
        }
        // `EXEC` by hand has the same meaning; its nil is a value.
        let first = command.nth(0).unwrap_or_default();
        if first.eq_ignore_ascii_case(b"EXEC") {
            match &result {
                Ok(Value::Nil) => self.fate.set(Fate::Conflict),
                other => self.note(other.as_ref().err()),
            }
        }
        result
    }

    fn execute_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        if pipeline.atomic && !matches!(self.fate.get(), Fate::Interrupted | Fate::Open) {
            let text = "not sent: the transaction of this attempt is decided, and nothing is watched any more: return \
                        from the closure";
            return pipeline.results(|| vec![Err(Error::usage(text)); pipeline.len()]);
        }
        let results = self.lease.execute_pipeline(pipeline);
        if pipeline.atomic && !pipeline.is_empty() {
            // All have the same fate.
            self.note(results.first().and_then(|result| result.as_ref().err()));
        }
        results
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("fate", &self.fate.get())
            .finish_non_exhaustive()
    }
}

/// Tries a transaction until it is decided. Called by a thread of the user, on which `attempt` runs.
pub(crate) fn run<T, E: From<Error>>(
    host: Arc<dyn Host>,
    options: &TransactionOptions,
    keys: impl ToArgs,
    mut attempt: impl FnMut(&Transaction<'_>) -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    let mut lease = Some(Lease::new(Arc::clone(&host))?);
    let watch = cmd("WATCH").args(keys);
    let mut attempts = Attempts::new(options.attempts, fastrand::u64(..));
    loop {
        let current = match lease.take() {
            Some(current) => current,
            // The one before was dropped for this: there may be no other connection.
            None => Lease::new(Arc::clone(&host))?,
        };
        current.forget_lost_watch();
        if let Err(error) = current.execute(&watch) {
            // What the closure had set besides its transaction went with the connection, and no other can be given
            // it: the closure sets it again.
            let is_lost = *error.kind() == ErrorKind::Closed(CloseReason::StateLost);
            // Whether it ran does not matter: its connection is gone, and the next attempt watches again.
            let is_gone = matches!(error.kind(), ErrorKind::Io | ErrorKind::Closed(_));
            if is_lost || is_gone && error.delivery() == Delivery::Unknown {
                if let Verdict::Again { .. } = attempts.on_watch_lost() {
                    lease = Some(current).filter(|_| !is_lost);
                    continue;
                }
            }
            return Err(error.into());
        }
        let transaction = Transaction {
            lease: &current,
            fate: Cell::new(Fate::Open),
        };
        // A panic goes through here: the end of the lease takes the watch back.
        let result = attempt(&transaction);
        let verdict = match transaction.fate.get() {
            // What the closure returned is what it made of the loss, unless it went on without.
            Fate::Interrupted if result.is_err() => attempts.on_watch_lost(),
            Fate::Conflict => attempts.on_conflict(),
            Fate::WatchLost => attempts.on_watch_lost(),
            // What is still watched the end of the lease takes back.
            Fate::Decided | Fate::Interrupted | Fate::Open => Verdict::Done,
        };
        match verdict {
            Verdict::Done => return result,
            // A success of the closure would say that it was executed.
            Verdict::GiveUp => return result.and(Err(given_up(options.attempts).into())),
            Verdict::Again { pause } => {
                lease = Some(current);
                if !pause.is_zero() {
                    sync::pause(later(clock::now(), pause));
                }
            }
        }
    }
}

/// The closure has hidden that its last attempt was in vain.
fn given_up(attempts: u32) -> Error {
    let text = format!(
        "the transaction was not executed: in each of {attempts} attempts its keys had changed, or its connection had ended"
    );
    Error::new(ErrorKind::Conflict, Delivery::Replied, text)
}
