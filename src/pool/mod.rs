//! Chooses a slot for each command. Dials nothing, sends nothing.
//!
//! A free slot first: the one that this thread used last, else the lowest. When every slot is busy
//! the least busy one is shared, and one more connection is wanted. Nobody waits for a free slot,
//! except who needs one alone: it claims one, which nobody enters from then on.

use crate::clock;
use crate::counters::Counters;
use crate::error::{Delivery, Error, ErrorKind, Phase, Result};
use crate::link::{Awaited, Deadline, Link, Roster, Slot};
use crate::sync::Arc;
use std::cell::Cell;
use std::fmt;
use std::time::{Duration, Instant};

#[cfg(hitless_model)]
shuttle::thread_local! {
    static LAST: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

#[cfg(not(hitless_model))]
thread_local! {
    /// The pool and slot that this thread used last. A hint, whatever it says.
    static LAST: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// A caller that waits for a slot alone asks again after this: what it asked for may have failed.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How the pool says that one more connection would be of use. Must not block.
pub(crate) type Want = Box<dyn Fn(Wish) + Send + Sync>;

/// For what one more connection would be of use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wish {
    /// For one caller alone, who waits: each such wish counts.
    Alone,
    /// To be shared, like those there are. Said again while it would be of use.
    Shared,
}

/// The slots of one client, as callers see them.
pub(crate) struct Pool {
    roster: Arc<Roster>,
    want: Want,
    counters: Arc<Counters>,
    timeout: Option<Duration>,
    /// At how many moments dials may fail while a caller waits, before it is told.
    patience: u64,
}

/// The use of a slot for one request, with others or alone.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    roster: &'a Roster,
    slot: &'a Slot,
    pub(crate) link: Arc<Link>,
    /// The caller had to wait for it.
    pub(crate) waited: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.slot.leave() {
            self.roster.freed();
        }
    }
}

impl Pool {
    pub(crate) fn new(
        roster: Arc<Roster>,
        want: Want,
        counters: Arc<Counters>,
        timeout: Option<Duration>,
        patience: u64,
    ) -> Self {
        Self {
            roster,
            want,
            counters,
            timeout,
            patience,
        }
    }

    /// A slot for one request, shared with others when all are busy.
    ///
    /// Waits only while there is no connection that may be shared: none at all, or all are used by callers
    /// alone.
    #[inline]
    pub(crate) fn enter(&self, deadline: &Deadline) -> Result<Turn<'_>> {
        self.check_open()?;
        self.try_enter().map_or_else(
            || self.await_turn(deadline.checkout(), self.patience, || self.try_enter()),
            Ok,
        )
    }

    /// A slot for one caller alone: a free one, or the least busy one once those who use it have left.
    pub(crate) fn enter_alone(&self, deadline: &Deadline) -> Result<Turn<'_>> {
        self.check_open()?;
        if let Some(turn) = self.lease_free(0).and_then(|slot| self.turn(slot)) {
            return Ok(turn);
        }
        let deadline = deadline.checkout();
        loop {
            let mut asked = None;
            let found = self
                .roster
                .await_turn(true, deadline, self.patience, || self.claim(&mut asked));
            let slot = found.map_err(|why| self.failure(why))?;
            if !slot.await_alone(deadline, || self.roster.is_closed()) {
                if slot.unclaim() {
                    self.roster.freed();
                }
                self.check_open()?;
                return Err(self.exhausted());
            }
            if let Some(mut turn) = self.turn(slot) {
                turn.waited = true;
                return Ok(turn);
            }
        }
    }

    /// As [`enter`](Self::enter), but fails with the first dial that does, and waits for `timeout`.
    pub(crate) fn enter_first(&self, timeout: Duration) -> Result<Turn<'_>> {
        let deadline = clock::now().checked_add(timeout);
        self.await_turn(deadline, 0, || self.try_enter())
    }

    /// How long a call waits for connections; `None` for ever.
    #[inline]
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The most connections that there are.
    pub(crate) fn size(&self) -> usize {
        self.roster.slots().len()
    }

    /// Whether maintenance goes on, or has just cost connections, so that failures do not count.
    pub(crate) fn is_in_window(&self, now: Instant) -> bool {
        self.roster.is_in_window(now)
    }

    /// Forgets a link that took no command.
    pub(crate) fn lost(&self, link: &Link) {
        self.roster.lost(link);
    }

    /// From the first moment of a close on, nothing is begun.
    #[inline]
    fn check_open(&self) -> Result<()> {
        if self.roster.is_closed() {
            return Err(self.roster.closed_error());
        }
        Ok(())
    }

    fn await_turn<'a>(
        &'a self,
        deadline: Option<Instant>,
        patience: u64,
        attempt: impl FnMut() -> Option<Turn<'a>>,
    ) -> Result<Turn<'a>> {
        match self.roster.await_turn(false, deadline, patience, attempt) {
            Ok(mut turn) => {
                turn.waited = true;
                Ok(turn)
            }
            Err(why) => Err(self.failure(why)),
        }
    }

    fn failure(&self, why: Awaited) -> Error {
        let error = match why {
            Awaited::Closed => return self.roster.closed_error(),
            Awaited::Failed(error) | Awaited::TimedOut(Some(error)) => {
                error.with_delivery(Delivery::NotSent)
            }
            Awaited::TimedOut(None) if self.roster.live().next().is_some() => {
                return self.exhausted();
            }
            Awaited::TimedOut(None) => Error::new(
                ErrorKind::Timeout(Phase::Checkout),
                Delivery::NotSent,
                "no connection could be made in time",
            ),
        };
        self.blame(error)
    }

    /// Nobody gave a connection back in time.
    fn exhausted(&self) -> Error {
        let text = "no connection became free in time";
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
        let cause = self.roster.blame(clock::now());
        error.with_maintenance(cause)
    }

    fn try_enter(&self) -> Option<Turn<'_>> {
        if let Some(turn) = self.last_used().and_then(|slot| self.enter_free(slot)) {
            return Some(turn);
        }
        let mut live = 0;
        let mut least: Option<(usize, &Slot)> = None;
        for slot in self.roster.live() {
            live += 1;
            let load = slot.load();
            if load == 0 {
                if let Some(turn) = self.enter_free(slot) {
                    return Some(turn);
                }
            }
            if least.is_none_or(|(least, _)| load < least) {
                least = Some((load, slot));
            }
        }
        if live < self.roster.slots().len() {
            (self.want)(Wish::Shared);
        }
        let (_, slot) = least?;
        if !slot.try_enter() {
            return None;
        }
        self.counters.shared.count();
        self.turn(slot)
    }

    /// A free slot, leased for a caller who has not asked for one to be made. Where more callers wait
    /// than `known`, it may be the one that another has asked for, and this one asks in its place.
    fn lease_free(&self, known: u64) -> Option<&Slot> {
        let others = self.roster.awaited_alone() > known;
        let slot = self.find_free()?;
        if others {
            (self.want)(Wish::Alone);
        }
        Some(slot)
    }

    fn find_free(&self) -> Option<&Slot> {
        let mut live = self.roster.live();
        live.find(|slot| slot.load() == 0 && slot.try_lease())
    }

    /// A slot that is leased or claimed for the caller. While the pool may grow, a new connection is
    /// asked for and waited for once: it disturbs nobody.
    fn claim(&self, asked: &mut Option<Instant>) -> Option<&Slot> {
        let free = match asked {
            Some(_) => self.find_free(),
            None => self.lease_free(1),
        };
        if free.is_some() {
            return free;
        }
        if self.roster.live().count() < self.roster.slots().len() {
            let now = clock::now();
            let is_first = asked.is_none();
            if asked.is_none_or(|at| now.saturating_duration_since(at) >= ASK_AGAIN) {
                *asked = Some(now);
                (self.want)(Wish::Alone);
            }
            if is_first {
                return None;
            }
        }
        // Another may be faster with the least busy one.
        let mut busy: Vec<&Slot> = self.roster.live().collect();
        busy.sort_by_key(|slot| slot.load());
        busy.into_iter().find(|slot| slot.try_claim())
    }

    #[inline]
    fn enter_free<'a>(&'a self, slot: &'a Slot) -> Option<Turn<'a>> {
        if slot.try_enter_free() {
            self.turn(slot)
        } else {
            None
        }
    }

    /// The turn of a caller who has entered the slot.
    #[inline]
    fn turn<'a>(&'a self, slot: &'a Slot) -> Option<Turn<'a>> {
        match slot.link() {
            Some(link) => {
                let _ = LAST.try_with(|last| last.set((self.key(), slot.id())));
                Some(Turn {
                    roster: &self.roster,
                    slot,
                    link,
                    waited: false,
                })
            }
            None => {
                if slot.leave() {
                    self.roster.freed();
                }
                None
            }
        }
    }

    #[inline]
    fn last_used(&self) -> Option<&Slot> {
        let (pool, slot) = LAST.try_with(Cell::get).ok()?;
        if pool != self.key() || !self.roster.is_live(slot) {
            return None;
        }
        self.roster.slot(slot)
    }

    /// Tells pools apart. Another pool at the same address later is no harm: a slot is only a hint.
    fn key(&self) -> usize {
        std::ptr::from_ref(&*self.roster).addr()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("roster", &self.roster)
            .finish_non_exhaustive()
    }
}
