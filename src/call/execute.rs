//! One command: whether it may be sent on shared connections, how long it may take, and what its failure
//! means. Chooses no connection.
//!
//! | what `carry` yields | what the caller gets |
//! |---|---|
//! | a reply | the value, or the server's error as `judge` reads it; the connection is fine |
//! | a failure, the last byte had not left | [`Delivery::NotSent`] |
//! | a failure, the last byte had left | [`Delivery::Unknown`], which is counted |
//! | an error | as it is: no connection in time, or a closed client; nothing was sent |

use super::blocking::Wait;
use super::canceller::Canceller;
use super::carry::{Carrier, Inspector, Scene, Sending, carry};
use super::gate::Gate;
use super::inquiry::Inquiry;
use super::{Calls, judge};
use crate::command::table::{Dispatch, flags};
use crate::command::{Cmd, Lent};
use crate::error::{CloseReason, Delivery, Error, ErrorKind, Phase, Result};
use crate::link::{EndReason, Failure, Outcome, Parts, Request};
use crate::protocol::Value;
use std::time::Duration;

impl Calls {
    /// Sends one command and yields its reply. Called by a thread of the user, which blocks until the reply
    /// or the end of the call.
    #[inline]
    pub(crate) fn execute(&self, command: &Cmd) -> Result<Value> {
        self.execute_with(command, None)
    }

    /// As [`execute`](Self::execute), with a look at each connection before it is used.
    #[inline(always)]
    pub(super) fn execute_with(
        &self,
        command: &Cmd,
        inspector: Option<&dyn Inspector>,
    ) -> Result<Value> {
        match command.dispatch() {
            Dispatch::Shared => {}
            Dispatch::Exclusive(time) => {
                let wait = Wait::of(command, time, self.command_timeout);
                return self.execute_blocking(command, &wait, None, inspector);
            }
            Dispatch::Behind(_) => {
                return Err(Error::usage(format!("not sent: {}", Dispatch::BEHIND)));
            }
            Dispatch::Refused(reason) => {
                let why = command.refusal(reason);
                return Err(Error::usage(format!("not sent: {why}")));
            }
            Dispatch::Asked => return self.execute_unknown(command, None),
        }
        self.send(command, None, inspector)
    }

    /// Sends a command that the table does not have, as the server says that it must be sent. One that
    /// blocks may take for ever, unless it was given a time, or is cancelled.
    #[cold]
    #[inline(never)]
    pub(super) fn execute_unknown(
        &self,
        command: &Cmd,
        canceller: Option<&Canceller>,
    ) -> Result<Value> {
        let name = || vec![command.full_name()];
        let inquiry = Inquiry::new(&self.answers, name(), false);
        let result = self.send(command, None, Some(&inquiry));
        if !inquiry.needs_alone.get() {
            return result;
        }
        // Asked again: another server may answer there.
        let inquiry = Inquiry::new(&self.answers, name(), true);
        self.execute_blocking_unknown(command, canceller, &inquiry)
    }

    /// Sends a command that may be sent. `blocks`: for how long it blocks on the server (`None`: for ever),
    /// if it does.
    #[inline(always)]
    fn send(
        &self,
        command: &Cmd,
        blocks: Option<Option<Duration>>,
        inspector: Option<&dyn Inspector>,
    ) -> Result<Value> {
        // One limit for the whole call, whatever becomes of its attempts.
        let timeout = self.timeout(command.timeout, blocks);
        let exclusive = blocks.is_some();
        let value = match command.whole() {
            Some(bytes) => self.send_one(command, bytes.into(), timeout, exclusive, inspector)?,
            None => self.send_long(command, timeout, exclusive, inspector)?,
        };
        judge::reply(value, command.command)
    }

    /// Sends a command with so many arguments that its header has no room in front of it.
    #[cold]
    #[inline(never)]
    fn send_long(
        &self,
        command: &Cmd,
        timeout: Option<Duration>,
        exclusive: bool,
        inspector: Option<&dyn Inspector>,
    ) -> Result<Value> {
        let mut header = Vec::new();
        let [header, body] = command.parts(&mut header);
        let behind = [body];
        let parts = Parts::new(header, &behind);
        self.send_parts(command, parts, timeout, exclusive, inspector)
    }

    /// Sends a command whose long arguments are where the caller has them, and yields its reply.
    #[cold]
    #[inline(never)]
    pub(crate) fn execute_lent(&self, command: &Lent<'_>) -> Result<Value> {
        let beginning = command.beginning();
        // How it is sent is said by arguments behind those that are known here.
        if !beginning.command.is_plain() {
            return self.execute(&command.to_cmd());
        }
        let timeout = self.timeout(beginning.timeout, None);
        let mut header = Vec::new();
        let parts = command.parts(&mut header);
        let value = self.send_parts(beginning, parts[..].into(), timeout, false, None)?;
        judge::reply(value, beginning.command)
    }

    /// Sends a request of one command that is not in one piece.
    #[cold]
    #[inline(never)]
    fn send_parts(
        &self,
        command: &Cmd,
        parts: Parts<'_>,
        timeout: Option<Duration>,
        exclusive: bool,
        inspector: Option<&dyn Inspector>,
    ) -> Result<Value> {
        self.send_one(command, parts, timeout, exclusive, inspector)
    }

    /// Sends a request of one command.
    #[inline(always)]
    fn send_one(
        &self,
        command: &Cmd,
        parts: Parts<'_>,
        timeout: Option<Duration>,
        exclusive: bool,
        inspector: Option<&dyn Inspector>,
    ) -> Result<Value> {
        let end = [parts.len() as u64];
        let request = Request { parts, replies: 1 };
        match self.carry(&Sending {
            request,
            ends: &end,
            timeout,
            exclusive,
            is_long: command.command.has(flags::LONG),
            inspector,
        })? {
            Outcome::One(value) => Ok(value),
            Outcome::Many(_) | Outcome::Failed(_) => Err(impossible()),
        }
    }

    /// The time that a request may take. `own`: what it was given itself; `blocks`: for how long it
    /// blocks on the server, if it does.
    pub(super) fn timeout(
        &self,
        own: Option<Option<Duration>>,
        blocks: Option<Option<Duration>>,
    ) -> Option<Duration> {
        let timeout = own.unwrap_or(self.command_timeout);
        match blocks {
            None => timeout,
            // The server answers after that time, and then the answer travels.
            Some(Some(time)) => timeout.map(|timeout| time.saturating_add(timeout)),
            // For ever, unless this very request was given a time.
            Some(None) => own.flatten(),
        }
    }

    /// Sends a request of one command; a failure becomes an error. The command may have run once its last
    /// byte has left.
    #[inline(always)]
    fn carry(&self, sending: &Sending<'_>) -> Result<Outcome> {
        let mut scene = None;
        match self.try_carry(sending, &mut scene)? {
            Outcome::Failed(failure) => Err(self.failed(*failure, sending, scene.as_ref())),
            outcome => Ok(outcome),
        }
    }

    /// The error of a request of one command that has no reply: it may have run once its last byte has left.
    #[cold]
    pub(super) fn failed(
        &self,
        failure: Failure,
        sending: &Sending<'_>,
        scene: Option<&Scene>,
    ) -> Error {
        let Failure { reason, sent, .. } = failure;
        let whole = sending.ends.last().is_none_or(|end| sent >= *end);
        let delivery = if whole {
            Delivery::Unknown
        } else {
            Delivery::NotSent
        };
        self.failure(reason.as_ref(), delivery, scene)
    }

    /// Sends a command by way of `carrier`, and yields its reply. `blocks`: for how long it blocks on the server
    /// (`None`: for ever), if it does. `is_gated`: it is of no use at a server that refuses `MULTI`.
    pub(crate) fn execute_by(
        &self,
        carrier: &dyn Carrier,
        command: &Cmd,
        blocks: Option<Option<Duration>>,
        is_gated: bool,
    ) -> Result<Value> {
        let gate = is_gated.then(|| Gate::new(&self.refusals, carrier.may_ask()));
        let mut header = Vec::new();
        let [header, body] = command.parts(&mut header);
        let behind = [body];
        let parts = Parts::new(header, &behind);
        let ends = [parts.len() as u64];
        let sending = Sending {
            request: Request { parts, replies: 1 },
            ends: &ends,
            timeout: self.timeout(command.timeout, blocks),
            exclusive: blocks.is_some(),
            is_long: false,
            inspector: gate.as_ref().map(|gate| gate as &dyn Inspector),
        };
        let mut scene = None;
        match carrier.carry(&sending, &mut scene)? {
            Outcome::One(value) => judge::reply(value, command.command),
            Outcome::Failed(failure) => Err(self.failed(*failure, &sending, scene.as_ref())),
            Outcome::Many(_) => Err(impossible()),
        }
    }

    /// Sends a request. A failure that belongs to its commands is an outcome; an error means that nothing was
    /// sent at all. `scene`: where it failed.
    #[inline(always)]
    pub(super) fn try_carry(
        &self,
        sending: &Sending<'_>,
        scene: &mut Option<Scene>,
    ) -> Result<Outcome> {
        carry(&self.pool, self.connect_retries, sending, scene)
    }

    /// The error of a command whose reply did not come: why, whether it may have run, and where. Counts it
    /// if it may have run.
    pub(super) fn failure(
        &self,
        reason: Option<&EndReason>,
        delivery: Delivery,
        scene: Option<&Scene>,
    ) -> Error {
        // The number to watch: each is a command of which the program does not know whether it ran.
        if delivery == Delivery::Unknown {
            self.counters.commands_unknown.count();
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

/// The error of a command whose connection ended under it for this reason; without a reason, its time
/// was over.
fn bare_failure(reason: Option<&EndReason>, delivery: Delivery) -> Error {
    let Some(reason) = reason else {
        let phase = if delivery == Delivery::NotSent {
            Phase::Write
        } else {
            Phase::AwaitReply
        };
        return Error::new(ErrorKind::Timeout(phase), delivery, "no reply in time");
    };
    // The connection is gone in all of these cases; the kind says whose doing it was.
    let kind = match reason {
        EndReason::Closed(CloseReason::Cancelled) => ErrorKind::Cancelled,
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

/// A link yields as many replies as were asked for, or a failure. Should it ever not, the caller gets an
/// error instead of a panic.
pub(super) fn impossible() -> Error {
    Error::new(
        ErrorKind::Protocol,
        Delivery::Unknown,
        "the number of replies is wrong",
    )
}
