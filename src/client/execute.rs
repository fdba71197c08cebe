//! The path of every command: choose a slot, send, wait, say what became of it. Retries nothing that
//! may have left.

use super::cmd::Manner;
use super::{Client, Cmd, Pipeline};
use crate::clock;
use crate::error::{CloseReason, Delivery, Error, ErrorKind, Phase, Result};
use crate::link::{EndReason, Failure, Limit, Outcome, Request};
use crate::pool::Turn;
use crate::protocol::{Endpoint, Maintenance, Value};
use std::time::Duration;

/// Where and when a request failed.
struct Scene {
    via: Endpoint,
    maintenance: Option<Maintenance>,
}

/// A request and where its commands end, for the truth about each when it fails.
struct Sending<'a> {
    request: Request<'a>,
    ends: &'a [u64],
    timeout: Option<Duration>,
    alone: bool,
}

impl Sending<'_> {
    /// Whether the link ended, other than by the user, before any command can have run.
    fn may_go_elsewhere(&self, failure: &Failure) -> bool {
        let ended = failure.reason.as_ref();
        ended.is_some_and(|why| !matches!(why, EndReason::Closed(CloseReason::ByUser)))
            && failure.got.is_empty()
            && self.ends.first().is_some_and(|end| failure.sent < *end)
    }
}

impl Client {
    /// Sends one command and yields its reply; an error reply is an `Err`.
    ///
    /// Blocks until the reply or the command's timeout, and before that on a connection if there is
    /// none. A command that blocks on the server (such as `BLPOP`) gets a connection alone, and its
    /// own blocking time on top of the timeout.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Server`]: the server's error; the connection is fine.
    /// [`ErrorKind::Timeout`] and [`ErrorKind::Io`]: the connection is given up, and
    /// [`Error::delivery`] says whether the command may have run.
    /// [`ErrorKind::Usage`]: a command that changes the state of a shared connection.
    pub fn execute(&self, command: &Cmd) -> Result<Value> {
        self.send(command)
            .map_err(|error| error.with_command(command.name()))
    }

    fn send(&self, command: &Cmd) -> Result<Value> {
        command.check()?;
        let timeout = command.timeout.unwrap_or(self.0.options.command_timeout);
        let (timeout, alone) = match command.manner() {
            Manner::Shared => (timeout, false),
            Manner::Alone(Some(time)) => (timeout.map(|own| time.saturating_add(own)), true),
            // For ever, unless this very command was given a time.
            Manner::Alone(None) => (command.timeout.flatten(), true),
            Manner::Never(why) => return Err(Error::usage(format!("not sent: {why}"))),
        };
        let (header, body) = (command.header(), command.body());
        let end = [(header.as_bytes().len() + body.len()) as u64];
        let request = Request {
            parts: [header.as_bytes(), body],
            replies: 1,
        };
        match self.carry(&Sending {
            request,
            ends: &end,
            timeout,
            alone,
        })? {
            Outcome::One(Value::Error(error)) => Err(error.into()),
            Outcome::One(value) => Ok(value),
            Outcome::Many(_) | Outcome::Failed(_) => Err(impossible()),
        }
    }

    /// Sends a pipeline and yields what became of each command, in order.
    pub(super) fn send_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        let count = pipeline.ends().len();
        if count == 0 {
            return Vec::new();
        }
        let request = Request {
            parts: [pipeline.bytes(), &[]],
            replies: count,
        };
        let timeout = pipeline.timeout.unwrap_or(self.0.options.command_timeout);
        let sending = Sending {
            request,
            ends: pipeline.ends(),
            timeout,
            alone: false,
        };
        let mut scene = None;
        let outcome = match self.try_carry(&sending, &mut scene) {
            Ok(outcome) => outcome,
            Err(error) => return vec![Err(error); count],
        };
        let each = |value| match value {
            Value::Error(error) => Err(Error::from(error)),
            value => Ok(value),
        };
        match outcome {
            Outcome::One(value) => vec![each(value)],
            Outcome::Many(values) => values.into_iter().map(each).collect(),
            Outcome::Failed(Failure { reason, got, sent }) => {
                let answered = got.len();
                let mut results: Vec<_> = got.into_iter().map(each).collect();
                results.extend(pipeline.ends().iter().skip(answered).map(|end| {
                    let delivery = if sent < *end {
                        Delivery::NotSent
                    } else {
                        Delivery::Unknown
                    };
                    Err(self.failure(reason.as_ref(), delivery, scene.as_ref()))
                }));
                results
            }
        }
    }

    /// Sends a request of one command; a failure becomes an error.
    fn carry(&self, sending: &Sending<'_>) -> Result<Outcome> {
        let mut scene = None;
        match self.try_carry(sending, &mut scene)? {
            Outcome::Failed(Failure { reason, sent, .. }) => {
                let whole = sending.ends.last().is_none_or(|end| sent >= *end);
                let delivery = if whole {
                    Delivery::Unknown
                } else {
                    Delivery::NotSent
                };
                Err(self.failure(reason.as_ref(), delivery, scene.as_ref()))
            }
            outcome => Ok(outcome),
        }
    }

    /// Sends a request on a link that accepts it. Another link is chosen only while no command of it can
    /// have run: none was accepted, or the link ended before the last byte of the first one had left.
    /// `scene` is where the request failed, if it did.
    fn try_carry(&self, sending: &Sending<'_>, scene: &mut Option<Scene>) -> Result<Outcome> {
        let mut start = clock::now();
        let mut attempts = self.0.options.connect_retries;
        loop {
            let turn = self.enter(sending.alone)?;
            if turn.waited {
                start = clock::now();
            }
            let limit = Limit {
                start,
                timeout: sending.timeout,
                blocking: sending.alone,
            };
            match turn.link.call(sending.request, limit) {
                Ok(outcome) => {
                    if let Outcome::Failed(failure) = &outcome {
                        let again = attempts > 0 && sending.may_go_elsewhere(failure);
                        if again && turn.link.has_time(limit) {
                            attempts -= 1;
                            self.0.roster.lost(&turn.link);
                            continue;
                        }
                        *scene = Some(Scene {
                            via: turn.link.via().clone(),
                            maintenance: turn.link.blame(clock::now(), sending.timeout),
                        });
                    }
                    return Ok(outcome);
                }
                Err(_) => self.0.roster.lost(&turn.link),
            }
        }
    }

    fn failure(
        &self,
        reason: Option<&EndReason>,
        delivery: Delivery,
        scene: Option<&Scene>,
    ) -> Error {
        if delivery == Delivery::Unknown {
            self.0.counters.commands_unknown.count();
        }
        let error = bare_failure(reason, delivery);
        match scene {
            Some(scene) => error
                .with_endpoint(scene.via.clone())
                .with_maintenance(scene.maintenance),
            None => error,
        }
    }

    fn enter(&self, alone: bool) -> Result<Turn<'_>> {
        if alone {
            self.0.pool.enter_alone()
        } else {
            self.0.pool.enter()
        }
    }
}

/// What a caller is told of a connection that ended under its command.
fn bare_failure(reason: Option<&EndReason>, delivery: Delivery) -> Error {
    let Some(reason) = reason else {
        let phase = if delivery == Delivery::NotSent {
            Phase::Write
        } else {
            Phase::AwaitReply
        };
        return Error::new(ErrorKind::Timeout(phase), delivery, "no reply in time");
    };
    let kind = match reason {
        EndReason::Closed(reason) => ErrorKind::Closed(*reason),
        EndReason::EndOfStream | EndReason::Io(_) => ErrorKind::Io,
        EndReason::Malformed(_) | EndReason::Unsolicited => ErrorKind::Protocol,
    };
    let error = Error::new(kind, delivery, reason.to_string());
    match reason {
        EndReason::Io(source) => error.with_source(std::sync::Arc::clone(source)),
        _ => error,
    }
}

/// A link yields as many replies as were asked for.
fn impossible() -> Error {
    Error::new(
        ErrorKind::Protocol,
        Delivery::Unknown,
        "the number of replies is wrong",
    )
}
