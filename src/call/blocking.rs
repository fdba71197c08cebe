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

use super::attempts::Attempts;
use super::blocking_time::BlockingTime;
use super::canceller::Canceller;
use super::carry::{Inspector, Scene, Sending};
use super::{Calls, judge};
use crate::clock;
use crate::command::Cmd;
use crate::command::table::Dispatch;
use crate::error::{Delivery, Error, ErrorKind, Phase, Result};
use crate::link::{Deadline, Failure, Link, Outcome, Parts, Request, Unaccepted};
use crate::pool::{BlockingCall, Conclusion, OwnedClaim};
use crate::protocol::Value;
use crate::sync::Arc;
use std::borrow::Cow;
use std::time::Duration;

/// Why such a command stays where it is.
const FROM_NOW: &str = "it was not, because it reads from the end ($), and what came before it was asked again would \
     be missed: give the last ID instead";

/// What an attempt has come to.
enum Attempt {
    Done(Result<Value>),
    /// Nothing was taken, and the entry has another link, or will have.
    Again,
}

/// What stays the same for all attempts of one call.
struct Blocking<'a> {
    calls: &'a Calls,
    command: &'a Cmd,
    times: BlockingTime,
    call: &'a Arc<BlockingCall>,
    claim: &'a OwnedClaim,
    inspector: Option<&'a dyn Inspector>,
}

impl Calls {
    /// As [`execute`](Self::execute), of a call that can be cancelled where it blocks on the server. Another ends
    /// by its own time; it is refused once the canceller has cancelled.
    pub(crate) fn execute_unless(&self, command: &Cmd, canceller: &Canceller) -> Result<Value> {
        if canceller.is_cancelled() {
            return Err(Error::cancelled());
        }
        match command.dispatch() {
            Dispatch::Exclusive(own) => self.execute_blocking(command, own, Some(canceller), None),
            _ => self.execute(command),
        }
    }

    /// Sends a command that blocks on the server for so long (`None`: for ever), and yields its reply. Called by a
    /// thread of the user, which blocks until the reply, or the end of the call.
    #[cold]
    #[inline(never)]
    pub(super) fn execute_blocking(
        &self,
        command: &Cmd,
        own: Option<Duration>,
        canceller: Option<&Canceller>,
        inspector: Option<&dyn Inspector>,
    ) -> Result<Value> {
        let stays = command.reads_from_now().then_some(FROM_NOW);
        let call = Arc::new(BlockingCall::new(self.pool.requests(), stays));
        let _registered = canceller.map(|canceller| canceller.register(&call));
        // Registered before the wait for an entry, so that it can be cut short.
        let begin = Deadline::new(clock::now(), self.pool.timeout(), None, true);
        let claim = (self.pool).claim_unless(&|| call.is_cancelled(), &begin)?;
        // Before the first look at the link: a move from here on finds the call.
        claim.show(&call);
        let times = BlockingTime::new(own, command.timeout, self.command_timeout);
        let blocking = Blocking {
            calls: self,
            command,
            times,
            call: &call,
            claim: &claim,
            inspector,
        };
        blocking.run(begin)
    }

    /// Finds out by which number the server knows a link whose opening has not said it: without HELLO, once.
    fn learn_client_id(link: &Link, limit: &Deadline) {
        const CLIENT_ID: &[u8] = b"*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n";
        if link.client_id() != Err(false) {
            return;
        }
        let request = Request {
            parts: CLIENT_ID.into(),
            replies: 1,
        };
        // Without an answer the link is of no use, which the command itself finds out.
        if let Ok(Outcome::One(reply)) = link.call(request, limit) {
            let id = match reply.plain() {
                Value::Int(id) => u64::try_from(*id).ok(),
                _ => None,
            };
            link.set_client_id(id);
        }
    }
}

impl Blocking<'_> {
    /// Sends the command, and again on each further link that its entry gets.
    fn run(&self, mut begin: Deadline) -> Result<Value> {
        let pool = &self.calls.pool;
        let mut attempts = Attempts::new(self.calls.connect_retries, pool.size());
        // When the server began to count.
        let mut since = None;
        loop {
            if self.call.is_cancelled() {
                return Err(Error::cancelled());
            }
            let stop = || self.call.is_cancelled();
            let link = pool.link_unless(&stop, self.claim, begin.checkout())?;
            let now = clock::now();
            let elapsed = now.saturating_duration_since(*since.get_or_insert(now));
            let asked = self.times.ask(elapsed);
            let limit = Deadline::new(now, pool.timeout(), asked.patience, true);
            if let Some(inspector) = self.inspector {
                inspector.inspect(&link, &limit)?;
            }
            Calls::learn_client_id(&link, &limit);
            // The rest of the time is written where the command says its own.
            let shorter = asked
                .rewritten
                .and_then(|time| self.command.blocking_for(time));
            let command = shorter.map_or(Cow::Borrowed(self.command), Cow::Owned);
            match self.attempt(&command, &link, &limit, &mut attempts) {
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
        // Seen by the coordinator before a byte of it leaves: an UNBLOCK that comes first is asked again.
        self.call.sent_on(link);
        let called = link.call(sending.request, limit);
        let is_alive = !matches!(called, Ok(Outcome::Failed(_)) | Err(Unaccepted));
        let conclusion = (self.call).concluded(self.calls.pool.entries(), is_alive);
        // Before the entry is left, and so before anybody else can get this link.
        if conclusion.is_used_up {
            self.discard(link);
        }
        let failure = match called {
            Ok(Outcome::One(value)) => return self.judge(value, link, &conclusion),
            Ok(Outcome::Many(_)) => return Attempt::Done(Err(super::execute::impossible())),
            Ok(Outcome::Failed(failure)) => failure,
            Err(Unaccepted) => Box::new(Failure {
                reason: Some(link.refusal()),
                got: Vec::new(),
                sent: 0,
            }),
        };
        let now = clock::now();
        let pool = &self.calls.pool;
        if let Some(ended) = sending.ended(&failure) {
            self.claim.lost(link);
            let may = attempts.may_go_on(ended, pool.is_in_window(now));
            if may && link.has_time(limit, now) {
                return Attempt::Again;
            }
        }
        let scene = Scene {
            via: link.via().clone(),
            maintenance: link.blame(now, sending.timeout),
        };
        let error = self.calls.failed(*failure, &sending, Some(&scene));
        Attempt::Done(Err(explained(error, conclusion.refusal)))
    }

    /// What a reply comes to.
    fn judge(&self, value: Value, link: &Link, conclusion: &Conclusion) -> Attempt {
        let is_unblocked =
            matches!(value.plain(), Value::Error(error) if error.code() == "UNBLOCKED");
        if is_unblocked && conclusion.is_ours {
            if self.call.is_cancelled() {
                return Attempt::Done(Err(Error::cancelled()));
            }
            // Its server is about to close it, and nothing has taken its place yet.
            if !link.is_draining() {
                self.discard(link);
            }
            return Attempt::Again;
        }
        if matches!(value.plain(), Value::Nil) && self.times.is_cut_short() {
            let text = "nothing came within the time that the command was given";
            let kind = ErrorKind::Timeout(Phase::AwaitReply);
            return Attempt::Done(Err(Error::new(kind, Delivery::NotSent, text)));
        }
        Attempt::Done(judge::reply(value, self.command.command))
    }

    /// Lets nobody send anything on this link any more.
    fn discard(&self, link: &Link) {
        self.claim.lost(link);
        link.retire();
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
