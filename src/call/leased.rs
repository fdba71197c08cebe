//! Takes one request to the connection of a lease. Chooses no entry: the lease has claimed one. Interprets no
//! command, and does not know what state the connection has: its lease does.
//!
//! ```text
//!   the link of the last request is held, or can be ──> Link::call_leased
//!   it was replaced, and is not held ──> the entry's link ──> held ──> made ready ──'
//! ```

use super::Calls;
use super::attempts::Attempts;
use super::blocking::{Blocking, Reserved, Wait};
use super::carry::{Inspector, Scene, Sending};
use crate::clock;
use crate::command::Cmd;
use crate::error::{CloseReason, Result};
use crate::link::{Deadline, EndReason, Failure, Link, Outcome, Request, Unaccepted};
use crate::pool::{BlockingCall, OwnedClaim, Pool};
use crate::protocol::Value;
use crate::sync::Arc;
use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::time::Duration;

/// The link of a lease. While the lease holds it, it takes the requests of the lease even after it was replaced;
/// it is let go when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    link: Arc<Link>,
    holds: bool,
}

impl Held {
    fn new(link: Arc<Link>) -> Self {
        Self { link, holds: false }
    }

    /// Holds the link from now on. False: it takes no new request, and was not held.
    fn hold(&mut self) -> bool {
        self.holds = self.holds || self.link.hold();
        self.holds
    }

    /// Lets go of the link, which ends by that if it was replaced and has nothing else to do.
    pub(crate) fn release(&mut self) {
        if std::mem::take(&mut self.holds) {
            self.link.release();
        }
    }
}

impl Deref for Held {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

/// A lease as what a command that blocks has for itself.
struct Seat<'a, 'b> {
    pool: &'a Pool,
    leased: RefCell<&'b mut Leased<'a>>,
    is_lost: Cell<bool>,
}

impl Reserved for Seat<'_, '_> {
    fn pool(&self) -> &Pool {
        self.pool
    }

    /// Nobody cancels the call of a lease.
    fn link(&self, _: &BlockingCall, limit: &Deadline) -> Result<Arc<Link>> {
        let mut leased = self.leased.borrow_mut();
        leased.get_ready(limit)?;
        let held = leased.held.as_ref();
        held.map_or_else(
            || Err(self.pool.entries().closed_error()),
            |held| Ok(Arc::clone(&held.link)),
        )
    }

    fn call(
        &self,
        link: &Link,
        request: Request<'_>,
        limit: &Deadline,
    ) -> std::result::Result<Outcome, Unaccepted> {
        link.call_leased(request, limit)
    }

    fn leave(&self, link: &Link) {
        let mut leased = self.leased.borrow_mut();
        leased.claim.lost(link);
        // Released by that: one that was replaced ends.
        *leased.held = None;
    }

    fn fail(&self) {
        self.is_lost.set(true);
    }
}

/// What a request of a lease is sent on.
pub(crate) struct Leased<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) retries: u32,
    pub(crate) claim: &'a OwnedClaim,
    /// The link of the last request. Held, if the lease stays there.
    pub(crate) held: &'a mut Option<Held>,
    /// The link has state that no other has, so that no other will do.
    pub(crate) stays: bool,
    /// Asked about each link that the lease comes to, before anything else is sent there.
    pub(crate) newcomer: &'a dyn Inspector,
}

impl Leased<'_> {
    /// Sends a request. As long as the lease may move, another link is tried while nothing of it can have run.
    ///
    /// Blocks until the reply, or until the deadline of the call, which is made here, once.
    pub(crate) fn carry(
        &mut self,
        sending: &Sending<'_>,
        scene: &mut Option<Scene>,
    ) -> Result<Outcome> {
        let mut deadline = Deadline::new(
            clock::now(),
            self.pool.timeout(),
            sending.timeout,
            sending.exclusive,
        );
        let mut attempts = Attempts::new(self.retries, self.pool.size());
        loop {
            if self.get_ready(&deadline)? {
                deadline = deadline.sent_at(clock::now());
            }
            let Some(link) = self.held.as_deref() else {
                // It was put in just now, if it was not there.
                return Err(self.pool.entries().closed_error());
            };
            if let Some(inspector) = sending.inspector {
                inspector.inspect(link, &deadline)?;
                deadline = deadline.again();
            }
            let failure = match link.call_leased(sending.request, &deadline) {
                Ok(Outcome::Failed(failure)) => failure,
                Ok(outcome) => return Ok(outcome),
                Err(Unaccepted) => Box::new(Failure {
                    reason: Some(link.refusal()),
                    got: Vec::new(),
                    sent: 0,
                }),
            };
            let now = clock::now();
            let ended = sending.ended(&failure).filter(|_| !self.stays);
            let in_window = self.pool.is_in_window(now);
            // The time of this link says how long the call may still take.
            let again = ended.is_some_and(|ended| attempts.may_go_on(ended, in_window))
                && link.has_time(&deadline, now);
            *scene = Some(Scene {
                via: link.via().clone(),
                maintenance: link.blame(now, sending.timeout),
            });
            if !again {
                return Ok(Outcome::Failed(failure));
            }
            // Out of the entry before the next look, which would find it again; released only then, because a
            // link that is draining ends with that.
            self.claim.lost(link);
            *self.held = None;
            deadline = deadline.again();
        }
    }

    /// Sends a command that blocks on the server for so long (`None`: for ever), and goes along where the server moves
    /// meanwhile: of a lease that may move. True: it was sent, and has no reply.
    ///
    /// Blocks until the reply, or until the end of the call.
    pub(crate) fn carry_blocking(
        &mut self,
        calls: &Calls,
        command: &Cmd,
        own: Option<Duration>,
    ) -> (Result<Value>, bool) {
        let (pool, claim) = (self.pool, self.claim);
        let wait = Wait::of(command, own, calls.command_timeout);
        let call = Arc::new(BlockingCall::new(pool.requests(), wait.stays()));
        // Before the first look at the link: a move from here on finds the call.
        claim.show(&call);
        let seat = Seat {
            pool,
            leased: RefCell::new(self),
            is_lost: Cell::new(false),
        };
        let begin = Deadline::new(clock::now(), pool.timeout(), None, true);
        let result = Blocking::new(calls, &call, &seat).run(command, &wait, None, begin);
        claim.hide();
        (result, seat.is_lost.get())
    }

    /// Has a link to send on, which the lease holds for this request at least. True: the lease has just come to it.
    fn get_ready(&mut self, deadline: &Deadline) -> Result<bool> {
        // At the boundary of two requests: none is divided between two links. One that stays is held already.
        if self.held.as_mut().is_some_and(|held| !held.hold()) {
            *self.held = None;
        }
        let mut came = false;
        while self.held.is_none() {
            let link = self.pool.link_of(self.claim, deadline.checkout())?;
            let mut held = Held::new(Arc::clone(&link));
            if !held.hold() {
                // It ended, or was replaced, between the look and the hold: the next look finds another.
                self.claim.lost(&link);
                continue;
            }
            if let Err(error) = self.newcomer.inspect(&held, deadline) {
                // Half ready: nobody may use it like that.
                held.end(EndReason::Closed(CloseReason::LeaseEnded));
                return Err(error);
            }
            came = true;
            *self.held = Some(held);
        }
        Ok(came)
    }
}
