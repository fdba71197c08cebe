//! Chooses an entry for each command, and waits for one. Dials nothing and sends nothing.
//!
//! Shared: the free entry that this thread used last, else the lowest free one. When all are in use the one
//! with the fewest callers is shared, and one more connection is asked for. Nobody waits for a free one.
//!
//! Exclusive, for a command that blocks on the server:
//!
//! ```text
//!   one with a link is free ──────────────────────────────> claimed
//!   else one without is free ──> claimed, its link is asked for, and waited for
//!   else all are taken ────────> waits until one of them is left
//! ```

use super::{Demand, Entries, Entry, FailedFill, Pool, entries::WaitError};
use crate::clock;
use crate::error::Result;
use crate::ids::EntryId;
use crate::link::{Deadline, Link};
use crate::sync::{self, Arc};
use std::cell::Cell;
use std::time::{Duration, Instant};

#[cfg(hitless_model)]
shuttle::thread_local! {
    static LAST_USED: Cell<(usize, EntryId)> = const { Cell::new((0, EntryId::new(0))) };
}

#[cfg(not(hitless_model))]
thread_local! {
    /// The pool and entry that this thread used last. A hint, whatever it says.
    static LAST_USED: Cell<(usize, EntryId)> = const { Cell::new((0, EntryId::new(0))) };
}

/// A connection for one request, shared with other callers or not. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Checkout<'a> {
    _claim: Claim<'a>,
    pub(crate) link: Arc<Link>,
    /// The caller had to wait for it.
    pub(crate) waited: bool,
}

/// The use of an entry, with or without a link: counted from its start until it is dropped.
#[derive(Debug)]
struct Claim<'a> {
    entries: &'a Entries,
    entry: &'a Entry,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.entries.leave(self.entry);
    }
}

impl Pool {
    /// A connection that may be shared. Uses one that is free, else shares the one with the fewest callers
    /// and asks for another.
    ///
    /// Blocks only while no shared connection is live: until `deadline`, or until dials have failed too often.
    #[inline]
    pub(crate) fn checkout(&self, deadline: &Deadline) -> Result<Checkout<'_>> {
        self.check_open()?;
        match self.try_checkout() {
            Some(checkout) => Ok(checkout),
            None => self.wait_for_entry(deadline.checkout(), self.patience),
        }
    }

    /// As [`checkout`](Self::checkout), but waits for `timeout` and fails with the first dial that does.
    pub(crate) fn checkout_first(&self, timeout: Duration) -> Result<Checkout<'_>> {
        self.wait_for_entry(clock::now().checked_add(timeout), 0)
    }

    /// A connection for one caller alone.
    ///
    /// Blocks while other callers have all dedicated entries, and while a connection is made for the one
    /// that this caller gets.
    pub(crate) fn checkout_exclusive(&self, deadline: &Deadline) -> Result<Checkout<'_>> {
        self.check_open()?;
        let (claim, mut waited) = match self.claim_dedicated() {
            Some(claim) => (claim, false),
            None => (self.wait_for_dedicated(deadline.checkout())?, true),
        };
        let link = match claim.entry.link() {
            Some(link) => link,
            None => {
                waited = true;
                claim.entry.begin_wait();
                let link = self.wait_for_link(claim.entry, deadline.checkout());
                claim.entry.end_wait();
                link?
            }
        };
        Ok(Checkout {
            _claim: claim,
            link,
            waited,
        })
    }

    /// Tries again at each change until there is a connection to share.
    #[cold]
    fn wait_for_entry(&self, until: Option<Instant>, patience: u64) -> Result<Checkout<'_>> {
        let attempt = || self.try_checkout();
        let found = (self.entries).wait_for_entry(false, until, patience, attempt);
        let mut checkout = found.map_err(|why| self.failure(why))?;
        checkout.waited = true;
        Ok(checkout)
    }

    /// Tries again whenever a dedicated entry was left.
    fn wait_for_dedicated(&self, until: Option<Instant>) -> Result<Claim<'_>> {
        let attempt = || self.claim_dedicated();
        let found = (self.entries).wait_for_entry(true, until, 0, attempt);
        found.map_err(|why| match why {
            WaitError::Closed => self.entries.closed_error(),
            WaitError::Failed(_) | WaitError::TimedOut(_) => self.exhausted(),
        })
    }

    /// Waits until a dedicated entry, which the caller has claimed, gets its link.
    fn wait_for_link(&self, entry: &Entry, until: Option<Instant>) -> Result<Arc<Link>> {
        let since = self.entries.moments();
        let mut last = None;
        loop {
            self.check_open()?;
            if let Some(link) = entry.link() {
                return Ok(link);
            }
            if let Some(FailedFill { error, is_last }) = entry.take_failure() {
                if is_last || self.entries.is_over(since, self.patience) {
                    return Err(self.failure(WaitError::Failed(error)));
                }
                last = Some(error);
            }
            if until.is_some_and(|until| until <= clock::now()) {
                return Err(self.failure(WaitError::TimedOut(last)));
            }
            // At each pass, because the link that came may be gone again. One request too many does no harm.
            self.request_connection(Demand::Exclusive(entry.id()));
            sync::park(until);
        }
    }

    /// A connection that may be shared, if one is live: the one that this thread used last if that is free, else
    /// the first that is, else the one with the fewest callers.
    fn try_checkout(&self) -> Option<Checkout<'_>> {
        if let Some(checkout) = self.last_used().and_then(|entry| self.claim_free(entry)) {
            return Some(checkout);
        }
        let mut live = 0;
        let mut least: Option<(usize, &Entry)> = None;
        for entry in self.entries.live() {
            live += 1;
            let load = entry.load();
            if load == 0 {
                if let Some(checkout) = self.claim_free(entry) {
                    return Some(checkout);
                }
            }
            if least.is_none_or(|(least, _)| load < least) {
                least = Some((load, entry));
            }
        }
        if live < self.entries.shared().len() {
            self.request_connection(Demand::Shared);
        }
        let (_, entry) = least?;
        entry.join();
        self.counters.requests_shared.count();
        self.checkout_of(entry)
    }

    /// A checkout of the entry if nobody uses it.
    #[inline]
    fn claim_free<'a>(&'a self, entry: &'a Entry) -> Option<Checkout<'a>> {
        if entry.try_claim() {
            self.checkout_of(entry)
        } else {
            None
        }
    }

    /// The checkout of an entry that the caller has just joined. `None`: its link has gone meanwhile.
    #[inline]
    fn checkout_of<'a>(&'a self, entry: &'a Entry) -> Option<Checkout<'a>> {
        let claim = Claim {
            entries: &self.entries,
            entry,
        };
        let link = entry.link()?;
        let _ = LAST_USED.try_with(|last| last.set((self.key(), entry.id())));
        Some(Checkout {
            _claim: claim,
            link,
            waited: false,
        })
    }

    /// The entry that this thread used last, if it is one of this pool and has a link.
    #[inline]
    fn last_used(&self) -> Option<&Entry> {
        let (pool, entry) = LAST_USED.try_with(Cell::get).ok()?;
        if pool != self.key() || !self.entries.is_live(entry) {
            return None;
        }
        self.entries.get(entry)
    }

    /// A dedicated entry that nobody uses: one with a link if there is one.
    fn claim_dedicated(&self) -> Option<Claim<'_>> {
        let free = |entry: &&Entry| entry.load() == 0;
        let candidates = || self.entries.dedicated().iter().filter(free);
        let linked = candidates().find(|entry| entry.link().is_some() && entry.try_claim());
        let entry = linked.or_else(|| candidates().find(|entry| entry.try_claim()))?;
        let entries = &self.entries;
        Some(Claim { entries, entry })
    }

    /// Tells pools apart. Another pool at the same address later is no harm: an entry is only a hint.
    fn key(&self) -> usize {
        std::ptr::from_ref(&*self.entries).addr()
    }
}
