//! Takes one request to a connection that accepts it, and to a further one while nothing of it can have
//! run. Interprets no command and no reply.
//!
//! ```text
//!   checkout ──> inspector, if any ──> Link::call ──> replies: done
//!      ^                                 |
//!      |                                 +── failed ──> something may have run: done
//!      +── Attempts and the time say yes ┘
//! ```

use super::attempts::{Attempts, Ended};
use crate::clock;
use crate::error::{CloseReason, Delivery, Error, ErrorKind, Phase, Result};
use crate::link::{Deadline, EndReason, Failure, Link, Outcome, Request, Unaccepted};
use crate::pool::{Checkout, Pool};
use crate::protocol::{Endpoint, Maintenance};
use std::time::Duration;

/// Where a request failed: told in the error.
pub(crate) struct Scene {
    /// The address that the connection was made to.
    pub(crate) via: Endpoint,
    /// The maintenance that went on there.
    pub(crate) maintenance: Option<Maintenance>,
}

/// A request, and what `carry` has to know to send it.
pub(crate) struct Sending<'a> {
    pub(crate) request: Request<'a>,
    /// Where each of its commands ends on the wire, in bytes from the start: how many of them had left says
    /// which commands may have run.
    pub(crate) ends: &'a [u64],
    /// From sending to the last reply; `None`: for ever.
    pub(crate) timeout: Option<Duration>,
    /// It blocks on the server, so that it gets a connection alone.
    pub(crate) exclusive: bool,
    /// It may keep the server busy for long.
    pub(crate) is_long: bool,
    /// Asked about each connection before it is used, by requests that care which it is.
    pub(crate) inspector: Option<&'a dyn Inspector>,
}

/// Takes requests to connections.
pub(crate) trait Carrier {
    /// Sends a request. A failure that belongs to its commands is an outcome; an error means that nothing was
    /// sent at all. `scene`: where it failed.
    ///
    /// Called by the thread of the caller, which blocks until the replies, or until the end of the call.
    fn carry(&self, sending: &Sending<'_>, scene: &mut Option<Scene>) -> Result<Outcome>;

    /// Whether nobody else uses the connection, so that a command which nobody knows disturbs nobody.
    fn is_alone(&self) -> bool {
        false
    }

    /// Whether the client may send something of its own in front of the request. Not where a `MULTI` is open,
    /// which would swallow it, and not where keys are watched: a transaction that asks whether there may be one
    /// would end that.
    fn may_ask(&self) -> bool {
        true
    }
}

/// Looks at the connection that was chosen.
pub(crate) trait Inspector {
    /// Called by the thread of the caller after each checkout, before a byte of the request is written; may
    /// use the connection, until `limit`.
    ///
    /// # Errors
    ///
    /// Nothing of the request is to be sent, there or elsewhere.
    fn inspect(&self, link: &Link, limit: &Deadline) -> Result<()>;
}

/// The error of a request in front of which a server was asked, and did not say this in time. What the server
/// has on the same connection to answer may still come: the request must not follow.
pub(super) fn unanswered(what: &str) -> Error {
    let text = format!("not sent: the server did not say in time {what}");
    Error::new(ErrorKind::Timeout(Phase::Write), Delivery::NotSent, text)
}

impl Sending<'_> {
    /// How the attempt ended, if it may be repeated: the connection ended before a whole command had left,
    /// and it was not the user who closed it. A timeout (no reason) is never repeated.
    pub(super) fn ended(&self, failure: &Failure) -> Option<Ended> {
        // Without a reason the time was over: there is none left for another attempt.
        let reason = failure.reason.as_ref()?;
        let first = self.ends.first()?;
        let by_user = matches!(reason, EndReason::Closed(CloseReason::ByUser));
        // A reply shows that the server works on it; the last byte of the first command, that it may.
        if by_user || !failure.got.is_empty() || failure.sent >= *first {
            return None;
        }
        Some(if failure.sent == 0 {
            Ended::Untouched
        } else {
            Ended::Partly
        })
    }
}

/// One after the other.
impl Inspector for [Option<&dyn Inspector>; 2] {
    fn inspect(&self, link: &Link, limit: &Deadline) -> Result<()> {
        let mut all = self.iter().flatten();
        all.try_for_each(|one| one.inspect(link, limit))
    }
}

/// Sends a request on a connection of the pool that accepts it. Another one is chosen only while no
/// command of it can have run: none was accepted, or the connection ended before the last byte of the
/// first one had left. `scene` is where the request failed, if it did.
///
/// Blocks until the reply, or until the deadline of the call, which is made here, once.
#[inline(always)]
pub(super) fn carry(
    pool: &Pool,
    retries: u32,
    sending: &Sending<'_>,
    scene: &mut Option<Scene>,
) -> Result<Outcome> {
    let mut deadline = Deadline::new(
        clock::now(),
        pool.timeout(),
        sending.timeout,
        sending.exclusive,
    );
    // Made once with the deadline: nothing renews either of them.
    let mut attempts = Attempts::new(retries, pool.size());
    let wanted = pool.wanted(&sending.request, sending.is_long);
    loop {
        let checkout = if sending.exclusive {
            pool.checkout_exclusive(&deadline)?
        } else {
            pool.checkout(&wanted, &deadline)?
        };
        // The clock is read again only where time has passed.
        if checkout.waited {
            deadline = deadline.sent_at(clock::now());
        }
        if let Some(inspector) = sending.inspector {
            // May ask the server, which takes some of the time.
            inspector.inspect(&checkout.link, &deadline)?;
            deadline = deadline.again();
        }
        // Nearly every call ends in this match; what follows is cold.
        let called = checkout.link.call(sending.request, &deadline);
        if let Ok(outcome) = &called {
            pool.learn(&wanted, &sending.request, outcome);
            if checkout.is_sample {
                checkout.note_round_trip(outcome, &deadline);
            }
        }
        let failure = match called {
            Ok(Outcome::Failed(failure)) => Some(failure),
            Ok(outcome) => return Ok(outcome),
            Err(Unaccepted) => None,
        };
        let lost = Lost {
            pool,
            sending,
            checkout,
            deadline: &deadline,
        };
        if let Some(failure) = lost.give_up(failure, &mut attempts, scene) {
            return Ok(Outcome::Failed(failure));
        }
        deadline = deadline.again();
    }
}

/// An attempt that yielded no reply, with what decides whether there is another.
struct Lost<'a> {
    pool: &'a Pool,
    sending: &'a Sending<'a>,
    checkout: Checkout<'a>,
    deadline: &'a Deadline,
}

impl Lost<'_> {
    /// Decides whether the call ends here: yields the failure if it does, and `None` if it goes to another
    /// connection. `failure`: what the connection said of the request; `None` if it did not accept it.
    #[cold]
    #[inline(never)]
    fn give_up(
        self,
        failure: Option<Box<Failure>>,
        attempts: &mut Attempts,
        scene: &mut Option<Scene>,
    ) -> Option<Box<Failure>> {
        let link = &self.checkout.link;
        let failure = failure.unwrap_or_else(|| {
            Box::new(Failure {
                reason: Some(link.refusal()),
                got: Vec::new(),
                sent: 0,
            })
        });
        let now = clock::now();
        if let Some(ended) = self.sending.ended(&failure) {
            // Whatever comes of this call, nobody else is to be sent there.
            // Before the next checkout, which could get the same dead connection otherwise.
            self.pool.lost(link);
            let may = attempts.may_go_on(ended, self.pool.is_in_window(now));
            if may && link.has_time(self.deadline, now) {
                return None;
            }
        }
        *scene = Some(Scene {
            via: link.via().clone(),
            maintenance: link.blame(now, self.sending.timeout),
        });
        Some(failure)
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests;
