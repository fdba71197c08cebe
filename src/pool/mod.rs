//! The connections of one node, as callers see them. Dials nothing, sends nothing, and decides no move.
//!
//! Who wakes whom:
//!
//! ```text
//!   caller                       Entries                              engine
//!   checkout ── the first that is not held up ──> Checkout, at once
//!      |   one more is needed ───── Demand::Shared ────────────────> coordinator
//!      |
//!      |  none is live
//!      +── request_connection ─────── Demand::Shared ────────────────> coordinator
//!      |   waits at `arrived` <─────── install ─────────────────────── worker, with a new link
//!      |                      <─────── dial_failed ─────────────────── worker, without; coordinator, closing
//!      |
//!   checkout_exclusive ── a dedicated one is free, with a link ──> Checkout, at once
//!      |
//!      |  free, without a link
//!      +── request_connection ─────── Demand::Exclusive ─────────────> coordinator
//!      |   parks, alone       <─────── install, fill_failed ────────── worker
//!      |
//!      |  all are taken
//!      +── parks, in turn     <─────── drop of a Checkout or claim ─── another caller
//!
//!   a call that blocks on the server: `blocking`, with its state in `unblocking`
//!
//!   everybody who waits       <─────── shut ────────────────────────── Client::close, or a thread that died
//! ```
//!
//! `Entries` is what both sides share: callers through [`Pool`], the engine directly. A request for a shared
//! connection is sent once until the engine acknowledges it (`demand`).

mod blocking;
mod checkout;
mod demand;
mod entries;
mod entry;
mod learned;
#[cfg(all(test, hitless_model))]
mod model;
mod placement;
mod refusals;
mod tenant;
#[cfg(all(test, not(hitless_model)))]
mod tests;
mod unblocking;

pub(crate) use blocking::BlockingCall;
pub(crate) use checkout::{Checkout, OwnedClaim};
pub(crate) use demand::{Demand, Requests};
pub(crate) use entries::Entries;
pub(crate) use entry::{Entry, FailedFill, Installed};
pub(crate) use placement::Wanted;
pub(crate) use tenant::{Listener, Tenant};
pub(crate) use unblocking::{Answer, Conclusion, Step};

use crate::counters::Counters;
use crate::link::{LARGE, Link, Outcome, Request};
use crate::protocol::Value;
use crate::sync::Arc;
use learned::Learned;
use placement::{Load, MANY};
use std::fmt;
use std::time::{Duration, Instant};

/// The entries of one node, as callers see them.
pub(crate) struct Pool {
    entries: Arc<Entries>,
    requests: Arc<dyn Requests>,
    counters: Arc<Counters>,
    timeout: Option<Duration>,
    /// At how many moments dials may fail while a caller waits, before it is told.
    patience: u64,
    /// So many commands may be in flight on one connection, as long as another has room.
    max_in_flight: usize,
    /// Behind a pointer: threads know it by its address.
    learned: Box<Learned>,
}

impl Pool {
    pub(crate) fn new(
        entries: Arc<Entries>,
        requests: Arc<dyn Requests>,
        counters: Arc<Counters>,
        timeout: Option<Duration>,
        patience: u64,
        max_in_flight: usize,
    ) -> Self {
        Self {
            entries,
            requests,
            counters,
            timeout,
            patience,
            max_in_flight,
            learned: Box::default(),
        }
    }

    /// Where calls ask the coordinator for something.
    pub(crate) fn requests(&self) -> Arc<dyn Requests> {
        Arc::clone(&self.requests)
    }

    /// The entries that callers choose from.
    pub(crate) fn entries(&self) -> &Arc<Entries> {
        &self.entries
    }

    /// Asks the coordinator for one more connection. Never blocks.
    fn request_connection(&self, demand: Demand) {
        let send = || self.requests.try_send(demand);
        let sent = match demand {
            Demand::Exclusive(_) => send(),
            Demand::Shared => self.entries.demand.raise(send),
        };
        // The queue was full: the coordinator then looks for itself who waits.
        if !sent {
            self.requests.look();
        }
    }

    /// Asks for one more connection than the `live` ones, of which the caller has one. Never blocks.
    fn request_more(&self, live: usize) {
        let is_outdated = || self.entries.live().count() > live;
        let send = || self.requests.try_send(Demand::Shared);
        if !self.entries.demand.raise_more(is_outdated, send) {
            self.requests.look();
        }
    }

    /// What this request asks for. `is_long`: its command may keep the server busy, as the table of commands or
    /// a transaction says.
    #[inline]
    pub(crate) fn wanted(&self, request: &Request<'_>, is_long: bool) -> Wanted {
        let is_learned = self.learned.is_large(request);
        let is_small = request.replies == 1 && !is_large(request) && !is_long;
        let load = if is_small && !is_learned {
            Load::ONE
        } else {
            let is_large = is_large(request) || request.replies > MANY || is_long;
            Load::of(request.replies, is_large || is_learned)
        };
        Wanted {
            load,
            most: self.max_in_flight as u64,
            is_learned,
        }
    }

    /// Remembers whether the request that asked for this was large, with its reply.
    #[inline]
    pub(crate) fn learn(&self, wanted: &Wanted, request: &Request<'_>, outcome: &Outcome) {
        let has_large_reply = match outcome {
            // The most frequent reply of all.
            Outcome::One(Value::Bulk(bytes)) => bytes.len() > LARGE,
            other => has_large_reply(other),
        };
        if has_large_reply || wanted.is_large() {
            self.note(wanted, request, outcome, has_large_reply);
        }
    }

    #[cold]
    fn note(
        &self,
        wanted: &Wanted,
        request: &Request<'_>,
        outcome: &Outcome,
        has_large_reply: bool,
    ) {
        // Nobody knows how large the reply would have been.
        if let Outcome::Failed(_) = outcome {
            return;
        }
        let is_large = has_large_reply || is_large(request);
        // A transaction, say, is known by itself: it says nothing of what this caller asks otherwise.
        if is_large || wanted.is_learned {
            self.learned.note(request, is_large);
        }
    }

    /// How long a call waits for connections; `None` for ever.
    #[inline]
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The most connections that there are.
    pub(crate) fn size(&self) -> usize {
        self.entries.all().len()
    }

    /// Whether maintenance goes on, or has just cost connections, so that failures do not count.
    pub(crate) fn is_in_window(&self, now: Instant) -> bool {
        self.entries.is_in_window(now)
    }

    /// Forgets a link that took no command.
    pub(crate) fn lost(&self, link: &Link) {
        self.entries.lost(link);
    }
}

#[inline]
fn is_large(request: &Request<'_>) -> bool {
    request.parts.len() > LARGE
}

fn has_large_reply(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed(_) => false,
        Outcome::Many(values) => Value::exceed(values, LARGE),
        Outcome::One(value) => Value::exceed(std::slice::from_ref(value), LARGE),
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}
