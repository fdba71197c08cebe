//! The way of one request to a connection that takes it. Interprets no command and no reply.

use super::attempts::{Attempts, Ended};
use super::gate::Gate;
use crate::clock;
use crate::error::{CloseReason, Result};
use crate::link::{Deadline, EndReason, Failure, Outcome, Request, Unaccepted};
use crate::pool::{Checkout, Pool};
use crate::protocol::{Endpoint, Maintenance};
use std::time::Duration;

/// Where and when a request failed.
pub(super) struct Scene {
    pub(super) via: Endpoint,
    pub(super) maintenance: Option<Maintenance>,
}

/// A request and where its commands end, for the truth about each when it fails.
pub(super) struct Sending<'a> {
    pub(super) request: Request<'a>,
    pub(super) ends: &'a [u64],
    pub(super) timeout: Option<Duration>,
    pub(super) alone: bool,
    /// What an atomic pipeline has to pass.
    pub(super) gate: Option<&'a Gate<'a>>,
}

impl Sending<'_> {
    /// How the try ended, if the connection ended, other than by the user, before any command can have
    /// run.
    fn ended(&self, failure: &Failure) -> Option<Ended> {
        let reason = failure.reason.as_ref()?;
        let first = self.ends.first()?;
        let by_user = matches!(reason, EndReason::Closed(CloseReason::ByUser));
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

/// Sends a request on a connection of the pool that accepts it. Another one is chosen only while no
/// command of it can have run: none was accepted, or the connection ended before the last byte of the
/// first one had left. `scene` is where the request failed, if it did.
///
/// Blocks until the reply, or until the deadline of the call, which is made here, once.
#[inline]
pub(super) fn carry(
    pool: &Pool,
    retries: u32,
    sending: &Sending<'_>,
    scene: &mut Option<Scene>,
) -> Result<Outcome> {
    let mut deadline = Deadline::new(clock::now(), pool.timeout(), sending.timeout, sending.alone);
    let mut attempts = Attempts::new(retries, pool.size());
    loop {
        let checkout = if sending.alone {
            pool.checkout_exclusive(&deadline)?
        } else {
            pool.checkout(&deadline)?
        };
        if checkout.waited {
            deadline = deadline.sent_at(clock::now());
        }
        if let Some(gate) = sending.gate {
            gate.check(&checkout.link, &deadline)?;
            deadline = deadline.again();
        }
        let failure = match checkout.link.call(sending.request, &deadline) {
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

/// A try that yielded no reply.
struct Lost<'a> {
    pool: &'a Pool,
    sending: &'a Sending<'a>,
    checkout: Checkout<'a>,
    deadline: &'a Deadline,
}

impl Lost<'_> {
    /// Why the call ends here; `None`: it goes to another connection. `failure`: how the try failed, if
    /// the connection accepted the request.
    #[cold]
    #[inline(never)]
    fn give_up(
        self,
        failure: Option<Failure>,
        attempts: &mut Attempts,
        scene: &mut Option<Scene>,
    ) -> Option<Failure> {
        let link = &self.checkout.link;
        let failure = failure.unwrap_or_else(|| Failure {
            reason: Some(link.refusal()),
            got: Vec::new(),
            sent: 0,
        });
        let now = clock::now();
        if let Some(ended) = self.sending.ended(&failure) {
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
