//! What the replies to `MULTI`, to the commands behind it and to `EXEC` say about each command. Pure:
//! takes the replies as far as they came, knows no connection and no clock.
//!
//! All of it is one write, so nothing is known of the server when the commands leave. `MULTI` decides
//! first: where it was refused, the commands behind it ran as they came, each by itself.
//!
//! ```text
//!   MULTI: no reply --> not one command had left: NotSent, else Unknown
//!          error -----> each command has its own reply, outside of a transaction
//!          OK --------> EXEC: a list --> each command has its reply
//!                             error ---> nothing ran: a refused command has its own error
//!                             no reply > left whole: Unknown, else NotSent
//! ```

use super::judge;
use crate::command::table::Command;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::{ServerError, Value};

/// What became of one command of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fate {
    /// It ran as part of the transaction, and this is its reply.
    Ran(Value),
    /// It ran as part of the transaction, and failed.
    Failed(ServerError),
    /// It was refused when it came, so that nothing ran.
    Refused(ServerError),
    /// `EXEC` was refused with this, so that nothing ran. `cause`: the first command that was refused, by its place,
    /// and with what. `may_pass`: because of refusals after which the same transaction may be sent again.
    Aborted {
        exec: ServerError,
        cause: Option<(usize, ServerError)>,
        may_pass: bool,
    },
    /// `MULTI` was refused with this; the command was executed by itself, with this reply.
    Outside {
        multi: ServerError,
        reply: std::result::Result<Value, ServerError>,
    },
    /// A watched key has changed, so that nothing ran.
    NotRun,
    /// Its reply did not come.
    Lost(Delivery),
    /// The replies are none that a transaction has.
    Unfit,
}

/// What became of each command. `ends`: where `MULTI`, each command and `EXEC` end on the wire; `sent`:
/// how many of these bytes had left when the connection was lost, `None` if every reply came.
pub(super) fn judge(replies: Vec<Value>, sent: Option<u64>, ends: &[u64]) -> Vec<Fate> {
    // `MULTI` and `EXEC` are no commands of the caller.
    let count = ends.len().saturating_sub(2);
    let has_left = |place: usize| match (sent, ends.get(place)) {
        (Some(sent), Some(end)) => sent >= *end,
        _ => true,
    };
    let mut replies = replies.into_iter();
    let multi = replies.next().map(Value::into_result);
    // Loops here and below: of adapters that end in `collect` the compiler makes a dozen functions each.
    let mut commands = Vec::with_capacity(count.min(replies.len()));
    for reply in replies.by_ref().take(count) {
        commands.push(reply.into_result());
    }
    let exec = replies.next().map(Value::into_result);
    match multi {
        // Not even the first command behind it had left, or else it may have run by itself.
        None => vec![Fate::Lost(unanswered(has_left(1))); count],
        // Without MULTI the server ran each command as it came, and EXEC was an error of no meaning.
        Some(Err(multi)) => {
            let mut fates = Vec::with_capacity(count);
            for reply in commands {
                let multi = multi.clone();
                fates.push(Fate::Outside { multi, reply });
            }
            while fates.len() < count {
                let has_left = has_left(fates.len() + 1);
                fates.push(Fate::Lost(unanswered(has_left)));
            }
            fates
        }
        Some(Ok(multi)) => {
            let is_queued = |reply: &std::result::Result<Value, _>| match reply {
                Ok(value) => value.as_bytes() == Some(b"QUEUED"),
                Err(_) => true,
            };
            if !multi.is_okay() || !commands.iter().all(is_queued) {
                return vec![Fate::Unfit; count];
            }
            let mut refusals = Vec::with_capacity(commands.len());
            for reply in commands {
                refusals.push(reply.err());
            }
            executed(refusals, exec, has_left(count + 1), count)
        }
    }
}

/// What became of the commands behind a `MULTI` that was accepted. `refusals`: of those that have been
/// answered; `is_whole`: `EXEC` had left.
fn executed(
    refusals: Vec<Option<ServerError>>,
    exec: Option<std::result::Result<Value, ServerError>>,
    is_whole: bool,
    count: usize,
) -> Vec<Fate> {
    let otherwise = match exec {
        Some(Ok(value)) => match value.into_plain() {
            Value::Array(results) if results.len() == count => {
                let mut fates = Vec::with_capacity(count);
                for value in results.into_vec() {
                    fates.push(match value.into_result() {
                        Ok(value) => Fate::Ran(value),
                        Err(error) => Fate::Failed(error),
                    });
                }
                return fates;
            }
            // A key that was watched has changed.
            Value::Nil => Fate::NotRun,
            _ => Fate::Unfit,
        },
        Some(Err(exec)) => {
            // `EXECABORT` because of refusals that may pass, and of nothing else: all may be sent again.
            let mut causes = refusals.iter().flatten().peekable();
            let may_pass = causes.peek().is_some() && causes.all(judge::is_unexecuted);
            // The others tell of it, or else whoever looks at the first error alone would not learn why.
            let mut places = refusals.iter().enumerate();
            let cause = places.find_map(|(place, refusal)| Some((place, refusal.clone()?)));
            Fate::Aborted {
                exec,
                cause,
                may_pass,
            }
        }
        None => Fate::Lost(unanswered(is_whole)),
    };
    // A command that was refused has its own error; the others share what became of `EXEC`.
    let mut refusals = refusals.into_iter();
    let mut fates = Vec::with_capacity(count);
    while fates.len() < count {
        fates.push(match refusals.next().flatten() {
            Some(error) => Fate::Refused(error),
            None => otherwise.clone(),
        });
    }
    fates
}

/// What is known of commands without a reply: they may have run if what makes them run had left.
fn unanswered(has_left: bool) -> Delivery {
    if has_left {
        Delivery::Unknown
    } else {
        Delivery::NotSent
    }
}

impl Fate {
    /// What the caller is told. `lost` makes the error of a command whose reply did not come.
    pub(super) fn into_result(
        self,
        command: impl FnOnce() -> &'static Command,
        lost: impl FnOnce(Delivery) -> Error,
    ) -> Result<Value> {
        Err(match self {
            Self::Ran(value) => return Ok(value),
            Self::Failed(error) => error.into(),
            Self::Refused(error) if judge::is_unexecuted(&error) => judge::unexecuted(error),
            Self::Refused(error) => error.into(),
            Self::Aborted {
                exec,
                cause,
                may_pass,
            } => {
                let mut text = format!(
                    "{}; no command of the transaction was executed",
                    judge::shown(&exec)
                );
                if let Some((place, error)) = cause {
                    text += &format!(", because of the one at index {place}: {error}");
                }
                let delivery = if may_pass {
                    Delivery::NotSent
                } else {
                    Delivery::Replied
                };
                Error::new(ErrorKind::Server(exec), delivery, text)
            }
            Self::Outside { multi, reply } => outside(&multi, reply, command()),
            Self::NotRun => Error::new(
                ErrorKind::Conflict,
                Delivery::Replied,
                "a key that was watched has changed; no command of the transaction was executed",
            ),
            Self::Lost(delivery) => lost(delivery),
            Self::Unfit => Error::new(
                ErrorKind::Protocol,
                Delivery::Unknown,
                "the replies do not fit a transaction",
            ),
        })
    }
}

/// The error of a command that the server executed by itself, because it had refused `MULTI`. The caller asked
/// for all or nothing, so that even a success is an error, which has the reply.
fn outside(
    multi: &ServerError,
    reply: std::result::Result<Value, ServerError>,
    command: &Command,
) -> Error {
    let why = format!("outside of a transaction, because the server refused MULTI ({multi})");
    match reply {
        Ok(value) => {
            let text = format!("the command was executed {why}");
            Error::new(ErrorKind::NotAtomic, Delivery::Replied, text).with_reply(value)
        }
        Err(error) => {
            let text = format!("{}; {why}", judge::shown(&error));
            let delivery = judge::refusal(error.clone(), command).delivery();
            Error::new(ErrorKind::Server(error), delivery, text)
        }
    }
}

#[cfg(test)]
mod tests;
