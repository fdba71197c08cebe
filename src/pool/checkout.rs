//! Chooses an entry for each command, and waits for one. Dials nothing and sends nothing.
//!
//! Shared: the first link that is not held up, used by others or not, as [`placement`](super::placement) decides.
//! Nobody waits where any link is live.
//!
//! ```text
//!   a small request: the first link is not held up ──> joined, under its lock 2
//!   else all are looked at, and the verdict is carried out: one is joined, one more may be asked for
//!        all are full, and none was left while they were looked at ──> the least loaded is joined
//! ```
//!
//! Exclusive, for a command that blocks on the server:
//!
//! ```text
//!   one with a link is free ──────────────────────────────> claimed
//!   else one without is free ──> claimed, its link is asked for, and waited for
//!   else all are taken ────────> waits until one of them is left
//! ```

use super::entries::{RoomSought, WaitError};
use super::entry::Joined;
use super::placement::{Fit, Load, Survey, Verdict, Wanted};
use super::{BlockingCall, Demand, Entries, Entry, FailedFill, Pool};
use crate::clock;
use crate::error::{Error, Result};
use crate::ids::EntryId;
use crate::link::{Deadline, Link, Outcome};
use crate::sync::{self, Arc};
use std::time::{Duration, Instant};

/// A connection for one request, shared with other callers or not. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Checkout<'a> {
    _claim: Claim<'a>,
    pub(crate) link: Arc<Link>,
    /// The caller had to wait for it.
    pub(crate) waited: bool,
    /// The time of the request is to be taken.
    pub(crate) is_sample: bool,
}

impl Checkout<'_> {
    /// The request whose time is to be taken is answered, or has failed.
    #[cold]
    pub(crate) fn note_round_trip(&self, outcome: &Outcome, deadline: &Deadline) {
        if let Outcome::Failed(_) = outcome {
            return;
        }
        let time = clock::now().saturating_duration_since(deadline.sent());
        self.link.pulse().note_round_trip(time);
    }
}

/// The use of an entry, with or without a link: counted from its start until it is dropped.
#[derive(Debug)]
struct Claim<'a> {
    entries: &'a Entries,
    entry: &'a Entry,
    load: Load,
}

impl Drop for Claim<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.entries.leave(self.entry, self.load);
    }
}

/// The use of a dedicated entry beyond one call: whoever has it is alone there until it is dropped.
#[derive(Debug)]
pub(crate) struct OwnedClaim {
    entries: Arc<Entries>,
    id: EntryId,
}

impl OwnedClaim {
    pub(crate) fn entry(&self) -> Option<&Entry> {
        self.entries.get(self.id)
    }

    /// Forgets a link that takes no command any more.
    pub(crate) fn lost(&self, link: &Link) {
        self.entries.lost(link);
    }

    /// From now on the engine sees this call as that of the entry.
    pub(crate) fn show(&self, call: &Arc<BlockingCall>) {
        if let Some(entry) = self.entry() {
            entry.set_blocking(Some(Arc::clone(call)));
        }
    }

    /// The call that was [shown](Self::show) is over, and the entry stays with its user.
    pub(crate) fn hide(&self) {
        if let Some(entry) = self.entry() {
            entry.set_blocking(None);
        }
    }
}

/// Of a wait that nobody cuts short.
fn never() -> bool {
    false
}

impl Drop for OwnedClaim {
    fn drop(&mut self) {
        if let Some(entry) = self.entry() {
            entry.set_blocking(None);
            self.entries.leave_dedicated(entry);
        }
    }
}

impl Pool {
    /// A connection that may be shared, for a request of this kind that begins at `now`.
    ///
    /// Blocks only while no shared connection is live: until `deadline`, or until dials have failed too often.
    #[inline]
    pub(crate) fn checkout(&self, wanted: &Wanted, deadline: &Deadline) -> Result<Checkout<'_>> {
        self.check_open()?;
        // Nearly every call of a thread that has the client to itself ends here.
        if !wanted.is_large() {
            if let Some(entry) = self.entries.first() {
                // One thread alone, and threads that come one after the other, always use the first
                // connection.
                if let Some(link) = entry.try_join_free(wanted.load) {
                    return Ok(self.checkout_of(entry, link, wanted.load));
                }
            }
        }
        // A further attempt of a call that has waited for others: a link would seem silent by as much.
        let now = if deadline.is_first() {
            deadline.sent()
        } else {
            clock::now()
        };
        match self.try_checkout(wanted, now) {
            Some(checkout) => Ok(checkout),
            None => self.wait_for_entry(wanted, deadline.checkout(), self.patience),
        }
    }

    /// As [`checkout`](Self::checkout), but waits for `timeout` and fails with the first dial that does.
    pub(crate) fn checkout_first(&self, timeout: Duration) -> Result<Checkout<'_>> {
        // For the first connection of all: whatever comes first will do.
        let wanted = Wanted::small(self.max_in_flight as u64);
        self.wait_for_entry(&wanted, clock::now().checked_add(timeout), 0)
    }

    /// A connection for one caller alone.
    ///
    /// Blocks while other callers have all dedicated entries, and while a connection is made for the one
    /// that this caller gets.
    pub(crate) fn checkout_exclusive(&self, deadline: &Deadline) -> Result<Checkout<'_>> {
        let (claim, mut waited) = self.claim_in_turn(deadline, &never)?;
        let link = match claim.entry.link() {
            Some(link) => link,
            None => {
                waited = true;
                self.await_link(claim.entry, deadline.checkout(), &never)?
            }
        };
        Ok(Checkout {
            _claim: claim,
            link,
            waited,
            is_sample: false,
        })
    }

    /// A dedicated entry for one user alone, who keeps it beyond one call.
    ///
    /// Blocks while other callers have all of them, and makes no connection.
    pub(crate) fn claim(&self, deadline: &Deadline) -> Result<OwnedClaim> {
        self.claim_unless(&never, deadline)
    }

    /// As [`claim`](Self::claim), for a call that waits no longer once `stop` is true. Whoever makes it true unparks
    /// the caller.
    pub(crate) fn claim_unless(
        &self,
        stop: &dyn Fn() -> bool,
        deadline: &Deadline,
    ) -> Result<OwnedClaim> {
        let (claim, _) = self.claim_in_turn(deadline, stop)?;
        let id = claim.entry.id();
        // The claim goes on in the other one, which leaves the entry when it is dropped.
        std::mem::forget(claim);
        Ok(OwnedClaim {
            entries: Arc::clone(&self.entries),
            id,
        })
    }

    /// The link that serves an entry which the caller has claimed.
    ///
    /// Blocks while there is none, and has one made: until `until`, or until dials have failed too often.
    pub(crate) fn link_of(&self, claim: &OwnedClaim, until: Option<Instant>) -> Result<Arc<Link>> {
        self.link_unless(&never, claim, until)
    }

    /// As [`link_of`](Self::link_of), for a call that waits no longer once `stop` is true. Whoever makes it true
    /// unparks the caller.
    pub(crate) fn link_unless(
        &self,
        stop: &dyn Fn() -> bool,
        claim: &OwnedClaim,
        until: Option<Instant>,
    ) -> Result<Arc<Link>> {
        self.check_open()?;
        let entry = claim.entry().ok_or_else(|| self.entries.closed_error())?;
        match entry.link() {
            Some(link) => Ok(link),
            None => self.await_link(entry, until, stop),
        }
    }

    /// A dedicated entry that nobody else uses, and whether the caller had to wait for it.
    fn claim_in_turn(
        &self,
        deadline: &Deadline,
        stop: &dyn Fn() -> bool,
    ) -> Result<(Claim<'_>, bool)> {
        self.check_open()?;
        // Whoever waits came first.
        if !self.entries.is_awaited_in_turn() {
            if let Some(claim) = self.claim_dedicated() {
                return Ok((claim, false));
            }
        }
        Ok((self.wait_for_dedicated(deadline.checkout(), stop)?, true))
    }

    /// Has a link made for an entry that the caller has claimed, and waits for it.
    fn await_link(
        &self,
        entry: &Entry,
        until: Option<Instant>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Arc<Link>> {
        entry.begin_wait();
        let link = self.wait_for_link(entry, until, stop);
        entry.end_wait();
        link
    }

    /// Tries again at each change until there is a connection to share.
    #[cold]
    fn wait_for_entry(
        &self,
        wanted: &Wanted,
        until: Option<Instant>,
        patience: u64,
    ) -> Result<Checkout<'_>> {
        let attempt = || self.try_checkout(wanted, clock::now());
        let found = (self.entries).wait_for_entry(until, patience, attempt);
        let mut checkout = found.map_err(|why| self.failure(why))?;
        checkout.waited = true;
        Ok(checkout)
    }

    /// Tries again whenever a dedicated entry was left.
    fn wait_for_dedicated(
        &self,
        until: Option<Instant>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Claim<'_>> {
        let attempt = || self.claim_dedicated();
        let found = (self.entries).wait_in_turn(until, stop, attempt);
        found.map_err(|why| match why {
            WaitError::Cancelled => Error::cancelled(),
            WaitError::Closed => self.entries.closed_error(),
            WaitError::Failed(_) | WaitError::TimedOut(_) => self.exhausted(),
        })
    }

    /// Waits until a dedicated entry, which the caller has claimed, gets its link.
    fn wait_for_link(
        &self,
        entry: &Entry,
        until: Option<Instant>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Arc<Link>> {
        let since = self.entries.moments();
        let mut last = None;
        loop {
            self.check_open()?;
            if stop() {
                return Err(Error::cancelled());
            }
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

    /// A connection that may be shared, if one is live.
    fn try_checkout(&self, wanted: &Wanted, now: Instant) -> Option<Checkout<'_>> {
        if !wanted.is_large() {
            if let Some(entry) = self.entries.first() {
                if let Some(joined) = entry.try_join(wanted, Fit::Open, false, now) {
                    // The first sharing of the only connection owes a spare.
                    if joined.is_shared && self.may_grow(1) && !self.entries.are_several() {
                        self.request_more(1);
                    }
                    return Some(self.checkout_of_joined(entry, joined, wanted.load));
                }
            }
        }
        self.choose(wanted, now)
    }

    /// Looks at all connections, and joins one.
    #[inline(never)]
    fn choose(&self, wanted: &Wanted, now: Instant) -> Option<Checkout<'_>> {
        let mut sought = None;
        loop {
            let left = sought.as_ref().map(RoomSought::left);
            let (live, verdict) = self.look(wanted, now);
            let Some((id, fit, is_kept)) = verdict.join else {
                self.request_connection(Demand::Shared);
                return None;
            };
            // Asked for and not waited for: this caller shares meanwhile.
            if verdict.grows {
                self.request_more(live);
            }
            // Full ones are shared only as the last resort, so the look must not have been overtaken.
            if fit == Fit::Full {
                // They may have been full one after the other. To say that all are, none may have been left.
                let room = sought.get_or_insert_with(|| self.entries.seek_room());
                if left != Some(room.left()) {
                    continue;
                }
            }
            // Others may have come first, or the link may have gone: then the next look says so.
            let entry = self.entries.get(id)?;
            if let Some(joined) = entry.try_join(wanted, fit, is_kept, now) {
                return Some(self.checkout_of_joined(entry, joined, wanted.load));
            }
        }
    }

    /// How many connections are live, and what a look at them leads to.
    fn look(&self, wanted: &Wanted, now: Instant) -> (usize, Verdict) {
        let live = self.entries.live().count();
        let mut survey = Survey::new(*wanted, live, self.entries.shared().len());
        for entry in self.entries.live() {
            if let Some(report) = entry.report(now) {
                survey.see(entry.id(), &report);
            }
        }
        (live, survey.verdict())
    }

    /// Whether there may be more connections than these.
    #[inline]
    fn may_grow(&self, live: usize) -> bool {
        live < self.entries.shared().len()
    }

    /// The checkout of an entry that the caller has just joined.
    fn checkout_of_joined<'a>(
        &'a self,
        entry: &'a Entry,
        joined: Joined,
        load: Load,
    ) -> Checkout<'a> {
        if joined.is_shared {
            // Tells the user how much goes along with others, which `max_in_flight` bounds.
            self.counters.requests_shared.count();
        }
        Checkout {
            is_sample: joined.is_sample,
            ..self.checkout_of(entry, joined.link, load)
        }
    }

    #[inline]
    fn checkout_of<'a>(&'a self, entry: &'a Entry, link: Arc<Link>, load: Load) -> Checkout<'a> {
        Checkout {
            _claim: Claim {
                entries: &self.entries,
                entry,
                load,
            },
            link,
            waited: false,
            is_sample: false,
        }
    }

    /// A dedicated entry that nobody uses: one with a link if there is one.
    fn claim_dedicated(&self) -> Option<Claim<'_>> {
        let free = |entry: &&Entry| entry.load() == 0;
        let candidates = || self.entries.dedicated().iter().filter(free);
        let linked = candidates().find(|entry| entry.link().is_some() && entry.try_claim());
        let entry = linked.or_else(|| candidates().find(|entry| entry.try_claim()))?;
        let entries = &self.entries;
        Some(Claim {
            entries,
            entry,
            load: Load::ONE,
        })
    }
}
