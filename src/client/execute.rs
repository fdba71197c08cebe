//! The path of every command: what it is allowed, what became of it. Chooses no connection.

use super::Client;
use crate::call::{Gate, Scene, Sending, carry, judge, transaction};
use crate::command::table::Dispatch;
use crate::command::{Cmd, Executor, Pipeline};
use crate::error::{Delivery, Error, ErrorKind, Phase, Result};
use crate::link::{EndReason, Failure, Outcome, Request};
use crate::protocol::Value;
use std::borrow::Cow;
use std::time::Duration;

/// The end of a transaction, in the form of the wire.
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

impl Client {
    /// Sends one command and yields its reply; an error reply is an `Err`.
    ///
    /// Blocks until the reply or the command's timeout, and before that on a connection if there is
    /// none. A command that blocks on the server (such as `BLPOP`) gets a connection alone, and its
    /// own blocking time on top of the timeout.
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
        self.send(command)
            .map_err(|error| error.with_command(command.full_name()))
    }

    fn send(&self, command: &Cmd) -> Result<Value> {
        self.check_process()?;
        command.check()?;
        let blocks = match command.dispatch() {
            Dispatch::Shared => None,
            Dispatch::Exclusive(time) => Some(time),
            Dispatch::Behind(_) => {
                return Err(Error::usage(format!("not sent: {}", Dispatch::BEHIND)));
            }
            Dispatch::Refused(why) => {
                return Err(Error::usage(format!("not sent: {}", why.why())));
            }
        };
        let timeout = self.timeout(command.timeout, blocks);
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
            alone: blocks.is_some(),
            gate: None,
        })? {
            Outcome::One(value) => judge::reply(value, command.command),
            Outcome::Many(_) | Outcome::Failed(_) => Err(impossible()),
        }
    }

    /// The time that a request may take. `own`: what it was given itself; `blocks`: for how long it
    /// blocks on the server, if it does.
    fn timeout(
        &self,
        own: Option<Option<Duration>>,
        blocks: Option<Option<Duration>>,
    ) -> Option<Duration> {
        let timeout = own.unwrap_or(self.0.options.command_timeout);
        match blocks {
            None => timeout,
            Some(Some(time)) => timeout.map(|timeout| time.saturating_add(timeout)),
            // For ever, unless this very request was given a time.
            Some(None) => own.flatten(),
        }
    }

    /// Sends a pipeline of which every command may be sent, and yields what became of each, in order.
    fn send_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        if let Err(error) = self.check_process() {
            return vec![Err(error); pipeline.len()];
        }
        let (mut exec, mut ends) = (&b""[..], Cow::Borrowed(pipeline.ends()));
        if pipeline.atomic {
            exec = EXEC;
            let end = pipeline.bytes().len() + exec.len();
            ends.to_mut().push(end as u64);
        }
        let request = Request {
            parts: [pipeline.bytes(), exec],
            replies: ends.len(),
        };
        let gate = pipeline.atomic.then(|| Gate::new(&self.0.refusers));
        let sending = Sending {
            request,
            ends: &ends,
            timeout: self.timeout(pipeline.timeout, pipeline.blocks),
            alone: pipeline.blocks.is_some(),
            gate: gate.as_ref(),
        };
        let mut scene = None;
        let (replies, failure) = match self.try_carry(&sending, &mut scene) {
            Ok(Outcome::One(value)) => (vec![value], None),
            Ok(Outcome::Many(values)) => (values, None),
            Ok(Outcome::Failed(Failure { reason, got, sent })) => (got, Some((reason, sent))),
            Err(error) => return vec![Err(error); pipeline.len()],
        };
        let (reason, sent) = failure.map_or((None, None), |(why, sent)| (why, Some(sent)));
        let lost = |delivery| self.failure(reason.as_ref(), delivery, scene.as_ref());
        if let Some(gate) = gate {
            gate.note(replies.first());
            return transaction::judge(replies, sent, &ends)
                .into_iter()
                .enumerate()
                .map(|(place, fate)| fate.into_result(|| pipeline.command(place), lost))
                .collect();
        }
        let mut replies = replies.into_iter();
        let each = |(place, end): (usize, &u64)| match replies.next() {
            Some(value) => (value.into_result())
                .map_err(|error| judge::refusal(error, pipeline.command(place))),
            None if sent.is_some_and(|sent| sent < *end) => Err(lost(Delivery::NotSent)),
            None => Err(lost(Delivery::Unknown)),
        };
        ends.iter().enumerate().map(each).collect()
    }

    /// Sends a request of one command; a failure becomes an error.
    #[inline]
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

    #[inline]
    fn try_carry(&self, sending: &Sending<'_>, scene: &mut Option<Scene>) -> Result<Outcome> {
        carry(&self.0.pool, self.0.options.connect_retries, sending, scene)
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
}

impl Executor for Client {
    fn execute(&self, command: &Cmd) -> Result<Value> {
        Self::execute(self, command)
    }

    fn execute_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        pipeline.results(|| self.send_pipeline(pipeline))
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
