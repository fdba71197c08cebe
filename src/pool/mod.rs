//! The connections of one node, as callers see them. Dials nothing, sends nothing, and decides no move.
//!
//! Who wakes whom:
//!
//! ```text
//!   caller                       Entries                              engine
//!   checkout ── free or shared ──> Checkout, at once
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
//!      +── waits at `freed`   <─────── drop of a Checkout ──────────── another caller
//!
//!   everybody who waits       <─────── shut ────────────────────────── Client::close, or a thread that died
//! ```
//!
//! `Entries` is what both sides share: callers through [`Pool`], the engine directly. A request for a shared
//! connection is sent once until the engine acknowledges it (`demand`).

mod checkout;
mod demand;
mod entries;
mod entry;
#[cfg(all(test, hitless_model))]
mod model;
mod refusals;
#[cfg(all(test, not(hitless_model)))]
mod tests;

pub(crate) use checkout::Checkout;
pub(crate) use demand::{Demand, Requests};
pub(crate) use entries::Entries;
pub(crate) use entry::{Entry, FailedFill, Installed};

use crate::counters::Counters;
use crate::link::Link;
use crate::sync::Arc;
use std::fmt;
use std::time::{Duration, Instant};

/// The entries of one node, as callers see them.
pub(crate) struct Pool {
    entries: Arc<Entries>,
    requests: Box<dyn Requests>,
    counters: Arc<Counters>,
    timeout: Option<Duration>,
    /// At how many moments dials may fail while a caller waits, before it is told.
    patience: u64,
}

impl Pool {
    pub(crate) fn new(
        entries: Arc<Entries>,
        requests: Box<dyn Requests>,
        counters: Arc<Counters>,
        timeout: Option<Duration>,
        patience: u64,
    ) -> Self {
        Self {
            entries,
            requests,
            counters,
            timeout,
            patience,
        }
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
        if !sent {
            self.requests.look();
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

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}
