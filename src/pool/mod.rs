//! Chooses a slot for each command. Dials nothing, sends nothing.
//!
//! A free slot first: the one that this thread used last, else the lowest. When every slot is busy
//! the least busy one is shared, and one more connection is wanted. Nobody waits for a free slot,
//! except who needs one alone.

use crate::clock;
use crate::counters::Counters;
use crate::error::{Delivery, Error, ErrorKind, Phase, Result};
use crate::link::{Awaited, Link, Roster, Slot};
use crate::sync::Arc;
use std::cell::Cell;
use std::fmt;
use std::time::Duration;

#[cfg(hitless_model)]
shuttle::thread_local! {
    static LAST: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

#[cfg(not(hitless_model))]
thread_local! {
    /// The pool and slot that this thread used last. A hint, whatever it says.
    static LAST: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// How the pool says that one more connection would be of use. Must not block.
pub(crate) type Want = Box<dyn Fn() + Send + Sync>;

/// The slots of one client, as callers see them.
pub(crate) struct Pool {
    roster: Arc<Roster>,
    want: Want,
    counters: Arc<Counters>,
    timeout: Option<Duration>,
    /// Dials that may fail while a caller waits, before it is told.
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
    /// Waits only while there is no connection at all.
    #[inline]
    pub(crate) fn enter(&self) -> Result<Turn<'_>> {
        self.check_open()?;
        self.try_enter().map_or_else(
            || self.await_turn(self.timeout, self.patience, || self.try_enter()),
            Ok,
        )
    }

    /// A slot for one caller alone. Waits until one is free.
    pub(crate) fn enter_alone(&self) -> Result<Turn<'_>> {
        self.check_open()?;
        self.try_enter_alone().map_or_else(
            || self.await_turn(self.timeout, self.patience, || self.try_enter_alone()),
            Ok,
        )
    }

    /// As [`enter`](Self::enter), but fails with the first dial that does, and waits for `timeout`.
    pub(crate) fn enter_first(&self, timeout: Duration) -> Result<Turn<'_>> {
        self.await_turn(Some(timeout), 0, || self.try_enter())
    }

    /// From the first moment of a close on, nothing is begun.
    #[inline]
    fn check_open(&self) -> Result<()> {
        if self.roster.is_closed() {
            return Err(Error::closed_by_user());
        }
        Ok(())
    }

    fn await_turn<'a>(
        &'a self,
        timeout: Option<Duration>,
        patience: u64,
        attempt: impl FnMut() -> Option<Turn<'a>>,
    ) -> Result<Turn<'a>> {
        let start = clock::now();
        let deadline = timeout.and_then(|timeout| start.checked_add(timeout));
        match self.roster.await_turn(deadline, patience, attempt) {
            Ok(mut turn) => {
                turn.waited = true;
                Ok(turn)
            }
            Err(Awaited::Closed) => Err(Error::closed_by_user()),
            Err(Awaited::Failed(error) | Awaited::TimedOut(Some(error))) => {
                Err(error.with_delivery(Delivery::NotSent))
            }
            Err(Awaited::TimedOut(None)) if self.roster.live().next().is_some() => Err(Error::new(
                ErrorKind::PoolExhausted,
                Delivery::NotSent,
                "no connection became free in time",
            )),
            Err(Awaited::TimedOut(None)) => Err(Error::new(
                ErrorKind::Timeout(Phase::Checkout),
                Delivery::NotSent,
                "no connection could be made in time",
            )),
        }
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
            (self.want)();
        }
        let (_, slot) = least?;
        if !slot.try_enter() {
            return None;
        }
        self.counters.shared.count();
        self.turn(slot)
    }

    fn try_enter_alone(&self) -> Option<Turn<'_>> {
        let mut live = 0;
        for slot in self.roster.live() {
            live += 1;
            if slot.load() == 0 && slot.try_lease() {
                if let Some(turn) = self.turn(slot) {
                    return Some(turn);
                }
            }
        }
        if live < self.roster.slots().len() {
            (self.want)();
        }
        None
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
