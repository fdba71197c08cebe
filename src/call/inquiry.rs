//! Asks servers about commands that the table does not have: once for each name and server, by `COMMAND INFO`.
//! Decides nothing: `command` reads the answer.

use super::carry::{Inspector, unanswered};
use super::judge;
use crate::clock;
use crate::command::unknown::{Verdict, question};
use crate::error::{Error, Result};
use crate::handoff::expiring::Expiring;
use crate::handoff::{canonical, endpoint_of, later};
use crate::link::{Deadline, Link, Outcome, Request};
use crate::protocol::Endpoint;
use crate::sync::Ranked;
use std::cell::Cell;
use std::time::Duration;

/// How long an answer is remembered: a module may be loaded or upgraded meanwhile.
const MEMORY: Duration = Duration::from_secs(3600);

/// Answers that are remembered at once; beyond that the oldest goes.
const CAP: usize = 256;

/// What servers said of which command. Locked by calls of such commands only, never over a wait.
pub(super) type Answers = Ranked<Expiring<(Endpoint, String), Verdict>, 4>;

pub(super) fn no_answers() -> Answers {
    Ranked::new(Expiring::new(CAP))
}

/// The question about the commands of one call. Used by the thread of its caller only.
pub(super) struct Inquiry<'a> {
    answers: &'a Answers,
    /// The whole names of the commands.
    names: Vec<String>,
    /// The call has a connection alone, so that a command may block it.
    is_alone: bool,
    /// A command blocks, and the call has no connection alone.
    pub(super) needs_alone: Cell<bool>,
}

impl<'a> Inquiry<'a> {
    pub(super) fn new(answers: &'a Answers, names: Vec<String>, is_alone: bool) -> Self {
        Self {
            answers,
            names,
            is_alone,
            needs_alone: Cell::new(false),
        }
    }

    /// What the server of this connection says of a command. `None`: the connection is lost.
    ///
    /// # Errors
    ///
    /// The server did not answer in time, or answers nothing for now.
    fn ask(&self, link: &Link, limit: &Deadline, name: &str) -> Result<Option<Verdict>> {
        let peer = link.peer().map(|peer| endpoint_of(canonical(peer)));
        let server = peer.unwrap_or_else(|| link.via().clone());
        let key = (server, name.to_owned());
        let known = self.answers.lock().get(clock::now(), &key).copied();
        if known.is_some() {
            return Ok(known);
        }
        let question = question(name);
        let request = Request {
            parts: (&question[..]).into(),
            replies: 1,
        };
        let verdict = match link.call(request, limit) {
            Ok(Outcome::One(reply)) => match reply.plain().as_error() {
                // A server that loads its data would refuse the command as well; a moment later it would not.
                Some(error) if judge::is_unexecuted(error) => {
                    return Err(judge::unexecuted(error.clone()));
                }
                _ => Verdict::of(&reply),
            },
            Ok(Outcome::Failed(failure)) if failure.reason.is_none() => {
                return Err(unanswered(&format!("how {name} may be sent")));
            }
            _ => return Ok(None),
        };
        // A module that has it may be loaded at any time.
        if verdict == Verdict::Unknown {
            return Ok(Some(verdict));
        }
        let now = clock::now();
        let until = later(now, MEMORY);
        self.answers.lock().insert(now, key, verdict, until);
        Ok(Some(verdict))
    }
}

impl Inspector for Inquiry<'_> {
    /// Lets the call pass, unless a command of it cannot be sent on a connection such as this. Blocks until
    /// `limit` at most, where the server has to be asked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage), or why the server was not asked: nothing is to be sent.
    fn inspect(&self, link: &Link, limit: &Deadline) -> Result<()> {
        for name in &self.names {
            match self.ask(link, limit, name)? {
                Some(Verdict::OfConnection) => {
                    return Err(Error::usage(format!(
                        "not sent: {name} belongs to its connection, as the server says of it, and other threads \
                         share that"
                    )));
                }
                Some(Verdict::Blocks) if !self.is_alone => {
                    self.needs_alone.set(true);
                    return Err(Error::usage(format!(
                        "not sent: {name} blocks, as the server says of it, and cannot be part of a pipeline"
                    )));
                }
                // Of a lost connection the call itself finds out, and goes elsewhere.
                Some(Verdict::Blocks | Verdict::Shared | Verdict::Unknown) | None => {}
            }
        }
        Ok(())
    }
}
