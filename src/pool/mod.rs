//! Chooses an entry for each command. Dials nothing, sends nothing.
//!
//! A free shared entry first: the one that this thread used last, else the lowest. When every one is
//! busy the least busy one is shared, and one more connection is wanted. Nobody waits for a free one.
//!
//! A command that blocks on the server gets a dedicated entry, which is its own until it leaves:
//!
//! ```text
//!   one with a link is free ──────────────────────────────> taken
//!   else one without is free ──> taken, its link is asked for, and waited for
//!   else all are taken ────────> waits until one of these is left
//! ```

mod demand;
mod entries;
mod entry;
#[cfg(all(test, hitless_model))]
mod model;
#[cfg(all(test, not(hitless_model)))]
mod tests;

pub(crate) use demand::{Demand, Requests};
pub(crate) use entries::Entries;
pub(crate) use entry::{Entry, FailedFill, Installed};

use crate::clock;
use crate::counters::Counters;
use crate::error::{Delivery, Error, ErrorKind, Phase, Result};
use crate::ids::EntryId;
use crate::link::{Deadline, Link};
use crate::sync::{self, Arc};
use entries::WaitError;
use std::cell::Cell;
use std::fmt;
use std::time::{Duration, Instant};

#[cfg(hitless_model)]
shuttle::thread_local! {
    static LAST: Cell<(usize, EntryId)> = const { Cell::new((0, EntryId::new(0))) };
}

#[cfg(not(hitless_model))]
thread_local! {
    /// The pool and entry that this thread used last. A hint, whatever it says.
    static LAST: Cell<(usize, EntryId)> = const { Cell::new((0, EntryId::new(0))) };
}

/// The entries of one client, as callers see them.
pub(crate) struct Pool {
    entries: Arc<Entries>,
    requests: Box<dyn Requests>,
    counters: Arc<Counters>,
    timeout: Option<Duration>,
    /// At how many moments dials may fail while a caller waits, before it is told.
    patience: u64,
}

/// The use of an entry for one request, with others or alone.
#[derive(Debug)]
pub(crate) struct Checkout<'a> {
    /// Given up when the checkout ends.
    _hold: Hold<'a>,
    pub(crate) link: Arc<Link>,
    /// The caller had to wait for it.
    pub(crate) waited: bool,
}

/// An entry that a caller has entered.
#[derive(Debug)]
struct Hold<'a> {
    entries: &'a Entries,
    entry: &'a Entry,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.entries.leave(self.entry);
    }
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

    /// An entry for one request, shared with others when all are busy.
    ///
    /// Waits only while there is no connection that may be shared: none at all, or all are used by callers
    /// alone.
    #[inline]
    pub(crate) fn checkout(&self, deadline: &Deadline) -> Result<Checkout<'_>> {
        self.check_open()?;
        self.try_checkout().map_or_else(
            || self.wait_for_entry(deadline.checkout(), self.patience, || self.try_checkout()),
            Ok,
        )
    }

    /// A dedicated entry for one caller alone.
    ///
    /// Blocks while others have all of them, and while its connection is made.
    pub(crate) fn checkout_exclusive(&self, deadline: &Deadline) -> Result<Checkout<'_>> {
        self.check_open()?;
        let mut waited = false;
        let hold = match self.take_dedicated() {
            Some(hold) => hold,
            None => {
                waited = true;
                let by = deadline.checkout();
                let found = (self.entries).wait_for_entry(true, by, 0, || self.take_dedicated());
                found.map_err(|why| match why {
                    WaitError::Closed => self.entries.closed_error(),
                    WaitError::Failed(_) | WaitError::TimedOut(_) => self.exhausted(),
                })?
            }
        };
        if let Some(link) = hold.entry.link() {
            return Ok(Checkout {
                _hold: hold,
                link,
                waited,
            });
        }
        hold.entry.begin_wait();
        let link = self.await_link(hold.entry, deadline);
        hold.entry.end_wait();
        Ok(Checkout {
            link: link?,
            _hold: hold,
            waited: true,
        })
    }

    /// A dedicated entry that nobody uses, one with a link if there is one.
    fn take_dedicated(&self) -> Option<Hold<'_>> {
        let free = |entry: &&Entry| entry.load() == 0;
        let entries = || self.entries.dedicated().iter().filter(free);
        let linked = entries().find(|entry| entry.link().is_some() && entry.try_claim());
        let entry = linked.or_else(|| entries().find(|entry| entry.try_claim()))?;
        let entries = &self.entries;
        Some(Hold { entries, entry })
    }

    /// Waits until the entry that the caller has, and waits in, gets its link.
    fn await_link(&self, entry: &Entry, deadline: &Deadline) -> Result<Arc<Link>> {
        let (since, by) = (self.entries.moments(), deadline.checkout());
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
            if by.is_some_and(|by| by <= clock::now()) {
                return Err(self.failure(WaitError::TimedOut(last)));
            }
            // A word too many does no harm, and the link that came may be gone already.
            self.request_connection(Demand::Exclusive(entry.id()));
            sync::park(by);
        }
    }

    /// as [`checkout`](Self::checkout), but fails with the first dial that does, and waits for `timeout`.
    pub(crate) fn checkout_first(&self, timeout: Duration) -> Result<Checkout<'_>> {
        let deadline = clock::now().checked_add(timeout);
        self.wait_for_entry(deadline, 0, || self.try_checkout())
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

    /// From the first moment of a close on, nothing is begun.
    #[inline]
    fn check_open(&self) -> Result<()> {
        if self.entries.is_closed() {
            return Err(self.entries.closed_error());
        }
        Ok(())
    }

    fn wait_for_entry<'a>(
        &'a self,
        deadline: Option<Instant>,
        patience: u64,
        attempt: impl FnMut() -> Option<Checkout<'a>>,
    ) -> Result<Checkout<'a>> {
        match self
            .entries
            .wait_for_entry(false, deadline, patience, attempt)
        {
            Ok(mut checkout) => {
                checkout.waited = true;
                Ok(checkout)
            }
            Err(why) => Err(self.failure(why)),
        }
    }

    fn failure(&self, why: WaitError) -> Error {
        let error = match why {
            WaitError::Closed => return self.entries.closed_error(),
            WaitError::Failed(error) | WaitError::TimedOut(Some(error)) => {
                error.with_delivery(Delivery::NotSent)
            }
            WaitError::TimedOut(None) => Error::new(
                ErrorKind::Timeout(Phase::Checkout),
                Delivery::NotSent,
                "no connection could be made in time",
            ),
        };
        self.blame(error)
    }

    /// Nobody gave a dedicated connection back in time.
    fn exhausted(&self) -> Error {
        let all = self.entries.all().len();
        let taken = |entry: &&Entry| entry.load() > 0;
        let blocking = self.entries.dedicated().iter().filter(taken).count();
        let shared = self.entries.shared().len();
        let text = format!(
            "no connection became free in time: of at most {all} (max_active_connections), {blocking} are held \
             by commands that block and {shared} are shared by all others"
        );
        self.blame(Error::new(
            ErrorKind::PoolExhausted,
            Delivery::NotSent,
            text,
        ))
    }

    /// Names the maintenance that goes on, or has just ended, unless the error names one.
    fn blame(&self, error: Error) -> Error {
        if error.maintenance().is_some() {
            return error;
        }
        let cause = self.entries.blame(clock::now());
        error.with_maintenance(cause)
    }

    fn try_checkout(&self) -> Option<Checkout<'_>> {
        if let Some(checkout) = self.last_used().and_then(|entry| self.claim(entry)) {
            return Some(checkout);
        }
        let mut live = 0;
        let mut least: Option<(usize, &Entry)> = None;
        for entry in self.entries.live() {
            live += 1;
            let load = entry.load();
            if load == 0 {
                if let Some(checkout) = self.claim(entry) {
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

    #[inline]
    fn claim<'a>(&'a self, entry: &'a Entry) -> Option<Checkout<'a>> {
        if entry.try_claim() {
            self.checkout_of(entry)
        } else {
            None
        }
    }

    /// The checkout of a caller who has entered the entry.
    #[inline]
    fn checkout_of<'a>(&'a self, entry: &'a Entry) -> Option<Checkout<'a>> {
        let hold = Hold {
            entries: &self.entries,
            entry,
        };
        let link = entry.link()?;
        let _ = LAST.try_with(|last| last.set((self.key(), entry.id())));
        Some(Checkout {
            _hold: hold,
            link,
            waited: false,
        })
    }

    #[inline]
    fn last_used(&self) -> Option<&Entry> {
        let (pool, entry) = LAST.try_with(Cell::get).ok()?;
        if pool != self.key() || !self.entries.is_live(entry) {
            return None;
        }
        self.entries.get(entry)
    }

    /// Tells pools apart. Another pool at the same address later is no harm: an entry is only a hint.
    fn key(&self) -> usize {
        std::ptr::from_ref(&*self.entries).addr()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}
