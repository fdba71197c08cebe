//! One command that blocks on the server, on a connection that it has alone. It goes with its entry when that moves:
//! the engine has the old server give it up, and it is asked again on the new connection. Sends no UNBLOCK itself.
//!
//! ```text
//!   claim an entry ──> its link ──> sent ──> a reply: data, nil, an error ─────────────> done
//!                       ^             |
//!                       |             +── -UNBLOCKED that the engine has asked for ──> cancelled: done
//!                       '── again, with the time that is left <── moved ─────────────────'
//! ```
//!
//! An `-UNBLOCKED` says that the server has taken nothing, so that asking again neither loses nor doubles anything.

use super::attempts::{Attempts, Ended};
use super::blocking_time::BlockingTime;
use super::canceller::Canceller;
use super::carry::{Carrier, Inspector, Scene, Sending};
use super::{Calls, judge};
use crate::clock;
use crate::command::table::Dispatch;
use crate::command::{Cmd, Pipeline};
use crate::error::{CloseReason, Delivery, Error, ErrorKind, Phase, Result};
use crate::link::{Deadline, EndReason, Failure, Link, Outcome, Parts, Request, Unaccepted};
use crate::pool::{BlockingCall, Conclusion, OwnedClaim, Pool};
use crate::protocol::Value;
use crate::sync::Arc;
use std::borrow::Cow;
use std::cell::Cell;
use std::time::Duration;

/// Why such a command stays where it is.
const FROM_NOW: &str = "it was not, because it reads from the end ($), and what came before it was asked again would \
     be missed: give the last ID instead";
/// Why a command that the table does not have stays where it is.
const NOT_KNOWN: &str = "it was not, because this client does not know what the command does";

/// How long a server may take to say by which number it knows a connection, where the client sets no time.
const SHORT: Duration = Duration::from_secs(5);

/// What an attempt has come to.
enum Attempt {
    Done(Result<Value>),
    /// Nothing was taken, and another link is there, or will be.
    Again,
}

/// What a request on one link has come to.
enum Tried {
    /// It has replies.
    Answered(Outcome, Conclusion),
    /// Nothing of it can have run.
    Again,
    Failed(Box<Failure>, Scene, Conclusion),
}

/// How a command waits.
pub(super) struct Wait {
    times: BlockingTime,
    /// Why it does not go along with moves, if so.
    stays: Option<&'static str>,
    /// It takes nothing unless it says so.
    is_known: bool,
}

impl Wait {
    /// Of a command that blocks for so long (`None`: for ever) as it stands.
    pub(super) fn of(command: &Cmd, own: Option<Duration>, grace: Option<Duration>) -> Self {
        Self {
            times: BlockingTime::new(own, command.timeout, grace),
            stays: command.reads_from_now().then_some(FROM_NOW),
            is_known: true,
        }
    }

    /// Why it does not go along with moves, if so.
    pub(super) fn stays(&self) -> Option<&'static str> {
        self.stays
    }

    /// Of a command of which its server says that it blocks, and nobody how long.
    fn of_unknown(command: &Cmd) -> Self {
        Self {
            times: BlockingTime::as_it_stands(command.timeout.flatten()),
            stays: Some(NOT_KNOWN),
            is_known: false,
        }
    }
}

/// What such a request has for itself: an entry, whose links it is sent on, from one to the next.
pub(super) trait Reserved {
    fn pool(&self) -> &Pool;

    /// The link of now. Blocks while there is none: until the limit, or until the call is cancelled.
    fn link(&self, call: &BlockingCall, limit: &Deadline) -> Result<Arc<Link>>;

    fn call(
        &self,
        link: &Link,
        request: Request<'_>,
        limit: &Deadline,
    ) -> std::result::Result<Outcome, Unaccepted>;

    /// The request is not on this link any more, and nothing else of this caller will be.
    fn leave(&self, link: &Link);

    /// The call ends without a reply.
    fn fail(&self) {}
}

/// An entry that the caller has for this call.
struct Claimed<'a> {
    pool: &'a Pool,
    claim: &'a OwnedClaim,
}

impl Reserved for Claimed<'_> {
    fn pool(&self) -> &Pool {
        self.pool
    }

    fn link(&self, call: &BlockingCall, limit: &Deadline) -> Result<Arc<Link>> {
        (self.pool).link_unless(&|| call.is_cancelled(), self.claim, limit.checkout())
    }

    fn call(
        &self,
        link: &Link,
        request: Request<'_>,
        limit: &Deadline,
    ) -> std::result::Result<Outcome, Unaccepted> {
        link.call(request, limit)
    }

    fn leave(&self, link: &Link) {
        self.claim.lost(link);
    }
}

/// What stays the same for all attempts of one call.
pub(super) struct Blocking<'a> {
    calls: &'a Calls,
    call: &'a Arc<BlockingCall>,
    reserved: &'a dyn Reserved,
}

impl Calls {
    /// As [`execute`](Self::execute), of a call that can be cancelled where it blocks on the server. Another ends
    /// by its own time; it is refused once the canceller has cancelled.
    pub(crate) fn execute_unless(&self, command: &Cmd, canceller: &Canceller) -> Result<Value> {
        canceller.check()?;
        match command.dispatch() {
            Dispatch::Exclusive(own) => {
                let wait = Wait::of(command, own, self.command_timeout);
                self.execute_blocking(command, &wait, Some(canceller), None)
            }
            Dispatch::Asked => self.execute_unknown(command, Some(canceller)),
            _ => self.execute(command),
        }
    }

    /// As [`execute_pipeline`](Self::execute_pipeline), of one that can be cancelled where a command of it (`WAIT`)
    /// blocks on the server. Another ends by its own time; it is refused once the canceller has cancelled.
    pub(crate) fn execute_pipeline_unless(
        &self,
        pipeline: &Pipeline,
        canceller: &Canceller,
    ) -> Vec<Result<Value>> {
        if let Err(error) = canceller.check() {
            return vec![Err(error); pipeline.len()];
        }
        if pipeline.blocks.is_none() {
            return self.execute_pipeline(pipeline);
        }
        let carrier = CancelledBy {
            calls: self,
            canceller,
            is_ours: Cell::new(false),
        };
        let mut results = self.execute_pipeline_by(&carrier, pipeline);
        for result in &mut results {
            let is_unblocked = (result.as_ref()).is_err_and(|e| e.code() == Some("UNBLOCKED"));
            if is_unblocked && carrier.is_ours.get() {
                *result = Err(Error::cancelled());
            }
        }
        results
    }

    /// Sends a command that the table does not have and that its server says to block, on a connection that it has
    /// alone. `inspector`: asks the server.
    pub(super) fn execute_blocking_unknown(
        &self,
        command: &Cmd,
        canceller: Option<&Canceller>,
        inspector: &dyn Inspector,
    ) -> Result<Value> {
        let wait = Wait::of_unknown(command);
        self.execute_blocking(command, &wait, canceller, Some(inspector))
    }

    /// Sends a command that blocks on the server, and yields its reply. Called by a thread of the user, which blocks
    /// until the reply, or the end of the call.
    #[cold]
    #[inline(never)]
    pub(super) fn execute_blocking(
        &self,
        command: &Cmd,
        wait: &Wait,
        canceller: Option<&Canceller>,
        inspector: Option<&dyn Inspector>,
    ) -> Result<Value> {
        let call = Arc::new(BlockingCall::new(self.pool.requests(), wait.stays));
        let _registered = canceller.map(|canceller| canceller.register(&call));
        // Registered before the wait for an entry, so that it can be cut short.
        let begin = Deadline::new(clock::now(), self.pool.timeout(), None, true);
        let claim = (self.pool).claim_unless(&|| call.is_cancelled(), &begin)?;
        // Before the first look at the link: a move from here on finds the call.
        claim.show(&call);
        let claimed = Claimed {
            pool: &self.pool,
            claim: &claim,
        };
        Blocking::new(self, &call, &claimed).run(command, wait, inspector, begin)
    }

    /// Finds out by which number the server knows a link whose opening has not said it: without HELLO, once.
    fn learn_client_id(&self, link: &Link, limit: &Deadline) {
        const CLIENT_ID: &[u8] = b"*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n";
        if link.client_id() != Err(false) {
            return;
        }
        let request = Request {
            parts: CLIENT_ID.into(),
            replies: 1,
        };
        // Never for as long as the command may block: nobody could cancel it meanwhile.
        let own = self.command_timeout.unwrap_or(SHORT);
        let limit = limit.for_quick(clock::now(), Some(own));
        // Without an answer the link is of no use, which the command itself finds out.
        if let Ok(Outcome::One(reply)) = link.call(request, &limit) {
            let id = match reply.plain() {
                Value::Int(id) => u64::try_from(*id).ok(),
                _ => None,
            };
            link.set_client_id(id);
        }
    }
}

impl<'a> Blocking<'a> {
    pub(super) fn new(
        calls: &'a Calls,
        call: &'a Arc<BlockingCall>,
        reserved: &'a dyn Reserved,
    ) -> Self {
        Self {
            calls,
            call,
            reserved,
        }
    }

    /// Sends the command, and again on each further link that its entry gets.
    pub(super) fn run(
        &self,
        command: &Cmd,
        wait: &Wait,
        inspector: Option<&dyn Inspector>,
        mut begin: Deadline,
    ) -> Result<Value> {
        let pool = self.reserved.pool();
        let mut attempts = Attempts::new(self.calls.connect_retries, pool.size());
        // When the server began to count.
        let mut since = None;
        loop {
            if self.call.is_cancelled() {
                return Err(Error::cancelled());
            }
            let link = self.reserved.link(self.call, &begin)?;
            let now = clock::now();
            let elapsed = now.saturating_duration_since(*since.get_or_insert(now));
            let asked = wait.times.ask(elapsed);
            let limit = Deadline::new(now, pool.timeout(), asked.patience, true);
            if let Some(inspector) = inspector {
                inspector.inspect(&link, &limit)?;
            }
            self.calls.learn_client_id(&link, &limit);
            // The rest of the time is written where the command says its own.
            let shorter = asked.rewritten.and_then(|time| command.blocking_for(time));
            let command = shorter.map_or(Cow::Borrowed(command), Cow::Owned);
            match self.attempt(&command, wait, &link, &limit, &mut attempts) {
                Attempt::Done(result) => return result,
                // The wait for a connection has its own time again: the last one brought the command to a server.
                Attempt::Again => begin = Deadline::new(clock::now(), pool.timeout(), None, true),
            }
        }
    }

    /// Sends the command on one link.
    fn attempt(
        &self,
        command: &Cmd,
        wait: &Wait,
        link: &Arc<Link>,
        limit: &Deadline,
        attempts: &mut Attempts,
    ) -> Attempt {
        let mut header = Vec::new();
        let [header, body] = command.parts(&mut header);
        let behind = [body];
        let parts = Parts::new(header, &behind);
        let ends = [parts.len() as u64];
        let sending = Sending {
            request: Request { parts, replies: 1 },
            ends: &ends,
            timeout: limit.timeout(),
            exclusive: true,
            is_long: false,
            inspector: None,
        };
        match self.send_on(link, &sending, limit, attempts) {
            Tried::Answered(Outcome::One(value), conclusion) => {
                self.judge(command, wait, value, link, &conclusion, attempts)
            }
            Tried::Answered(..) => Attempt::Done(Err(super::execute::impossible())),
            Tried::Again => Attempt::Again,
            Tried::Failed(failure, scene, conclusion) => {
                let error = self.calls.failed(*failure, &sending, Some(&scene));
                Attempt::Done(Err(explained(error, conclusion.refusal)))
            }
        }
    }

    /// Sends a request on one link, while the engine may have the server give it up.
    fn send_on(
        &self,
        link: &Arc<Link>,
        sending: &Sending<'_>,
        limit: &Deadline,
        attempts: &mut Attempts,
    ) -> Tried {
        let pool = self.reserved.pool();
        // Seen by the coordinator before a byte of it leaves: an UNBLOCK that comes first is asked again.
        self.call.sent_on(link);
        let called = self.reserved.call(link, sending.request, limit);
        let is_alive = !matches!(called, Ok(Outcome::Failed(_)) | Err(Unaccepted));
        let conclusion = self.call.concluded(pool.entries(), is_alive);
        // Before the entry is left, and so before anybody else can get this link.
        if conclusion.is_used_up {
            self.discard(link);
        }
        let failure = match called {
            Ok(Outcome::Failed(failure)) => failure,
            Ok(outcome) => return Tried::Answered(outcome, conclusion),
            Err(Unaccepted) => Box::new(Failure {
                reason: Some(link.refusal()),
                got: Vec::new(),
                sent: 0,
            }),
        };
        let now = clock::now();
        let scene = Scene {
            via: link.via().clone(),
            maintenance: link.blame(now, sending.timeout),
        };
        if let Some(ended) = sending.ended(&failure) {
            self.reserved.leave(link);
            let may = attempts.may_go_on(ended, pool.is_in_window(now));
            if may && link.has_time(limit, now) {
                return Tried::Again;
            }
        }
        if failure.reason.is_none() && failure.sent > 0 {
            // Nobody waits for it any more, but it may block on: it would take what comes from others, and whoever
            // got this link next would wait behind it.
            self.reserved.leave(link);
            link.end(EndReason::Closed(CloseReason::Condemned));
        }
        self.reserved.fail();
        Tried::Failed(failure, scene, conclusion)
    }

    /// What a reply comes to.
    fn judge(
        &self,
        command: &Cmd,
        wait: &Wait,
        value: Value,
        link: &Link,
        conclusion: &Conclusion,
        attempts: &mut Attempts,
    ) -> Attempt {
        let unblocked = match value.plain() {
            Value::Error(error) if error.code() == "UNBLOCKED" => Some(error),
            _ => None,
        };
        if unblocked.is_some() && conclusion.is_ours {
            if self.call.is_cancelled() {
                return Attempt::Done(Err(self.cancelled(wait)));
            }
            self.reserved.leave(link);
            // Its server is about to close it, and nothing has taken its place yet.
            if !link.is_draining() {
                link.retire();
            }
            return Attempt::Again;
        }
        // A server that becomes a replica gives up what blocks, and closes the connection.
        if unblocked.is_some_and(judge::is_unexecuted) && wait.is_known {
            self.discard(link);
            let in_window = self.reserved.pool().is_in_window(clock::now());
            if attempts.may_go_on(Ended::Untouched, in_window) {
                return Attempt::Again;
            }
        }
        if matches!(value.plain(), Value::Nil) && wait.times.is_cut_short() {
            let text = "nothing came within the time that the command was given";
            let kind = ErrorKind::Timeout(Phase::AwaitReply);
            return Attempt::Done(Err(Error::new(kind, Delivery::NotSent, text)));
        }
        Attempt::Done(judge::reply(value, command.command))
    }

    /// The server has given the command up, because it was cancelled.
    fn cancelled(&self, wait: &Wait) -> Error {
        if wait.is_known {
            return Error::cancelled();
        }
        self.calls.counters.commands_unknown.count();
        let text = "cancelled: the server has given the command up, but this client does not know what it had done by \
                    then";
        Error::new(ErrorKind::Cancelled, Delivery::Unknown, text)
    }

    /// Lets nobody send anything on this link any more.
    fn discard(&self, link: &Link) {
        self.reserved.leave(link);
        link.retire();
    }
}

/// The way of a pipeline with commands that block, which can be cancelled. It stays where it is when that moves: a
/// part of it has run.
struct CancelledBy<'a> {
    calls: &'a Calls,
    canceller: &'a Canceller,
    /// An `-UNBLOCKED` is an answer to an UNBLOCK of ours.
    is_ours: Cell<bool>,
}

impl Carrier for CancelledBy<'_> {
    fn carry(&self, sending: &Sending<'_>, scene: &mut Option<Scene>) -> Result<Outcome> {
        let pool = &self.calls.pool;
        let call = Arc::new(BlockingCall::of_pipeline(pool.requests()));
        let _registered = self.canceller.register(&call);
        let stop = || call.is_cancelled();
        let mut begin = Deadline::new(clock::now(), pool.timeout(), sending.timeout, true);
        let claim = pool.claim_unless(&stop, &begin)?;
        claim.show(&call);
        let claimed = Claimed {
            pool,
            claim: &claim,
        };
        let blocking = Blocking::new(self.calls, &call, &claimed);
        let mut attempts = Attempts::new(self.calls.connect_retries, pool.size());
        loop {
            if stop() {
                return Err(Error::cancelled());
            }
            let link = claimed.link(&call, &begin)?;
            let limit = begin.sent_at(clock::now());
            if let Some(inspector) = sending.inspector {
                inspector.inspect(&link, &limit)?;
            }
            self.calls.learn_client_id(&link, &limit);
            match blocking.send_on(&link, sending, &limit, &mut attempts) {
                Tried::Answered(outcome, conclusion) => {
                    self.is_ours.set(conclusion.is_ours);
                    return Ok(outcome);
                }
                Tried::Again => begin = begin.again(),
                Tried::Failed(failure, there, _) => {
                    *scene = Some(there);
                    return Ok(Outcome::Failed(failure));
                }
            }
        }
    }
}

/// Says why a command of which nobody knows whether it took something could not be given up in time.
fn explained(error: Error, refusal: Option<String>) -> Error {
    match refusal {
        Some(why) if error.delivery() == Delivery::Unknown => error.explained(format_args!(
            "the server did not give the command up before (CLIENT UNBLOCK, for which a user needs \
             +client|unblock): {why}"
        )),
        _ => error,
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests;
