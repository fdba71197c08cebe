//! Chooses a slot for each command. Dials nothing, sends nothing.
//!
//! A free shared slot first: the one that this thread used last, else the lowest. When every one is
//! busy the least busy one is shared, and one more connection is wanted. Nobody waits for a free one.
//!
//! A command that blocks on the server gets a dedicated slot, which is its own until it leaves:
//!
//! ```text
//!   one with a link is free ──────────────────────────────> taken
//!   else one without is free ──> taken, its link is asked for, and waited for
//!   else all are taken ────────> waits until one of these is left
//! ```

use crate::clock;
use crate::counters::Counters;
use crate::error::{Delivery, Error, ErrorKind, Phase, Result};
use crate::link::{Awaited, Deadline, FailedFill, Link, Roster, Slot, SlotId};
use crate::sync::{self, Arc};
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

/// How the pool says that one more connection would be of use. Must not block.
pub(crate) type Want = Box<dyn Fn(Wish) + Send + Sync>;

/// For what one more connection would be of use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wish {
    /// In this dedicated slot, for the caller who has it and waits.
    Alone(SlotId),
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
    /// Given up when the turn ends.
    _hold: Hold<'a>,
    pub(crate) link: Arc<Link>,
    /// The caller had to wait for it.
    pub(crate) waited: bool,
}

/// A slot that a caller has entered.
#[derive(Debug)]
struct Hold<'a> {
    roster: &'a Roster,
    slot: &'a Slot,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.roster.leave(self.slot);
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

    /// A dedicated slot for one caller alone.
    ///
    /// Blocks while others have all of them, and while its connection is made.
    pub(crate) fn enter_alone(&self, deadline: &Deadline) -> Result<Turn<'_>> {
        self.check_open()?;
        let mut waited = false;
        let hold = match self.take_dedicated() {
            Some(hold) => hold,
            None => {
                waited = true;
                let by = deadline.checkout();
                let found = (self.roster).await_turn(true, by, 0, || self.take_dedicated());
                found.map_err(|why| match why {
                    Awaited::Closed => self.roster.closed_error(),
                    Awaited::Failed(_) | Awaited::TimedOut(_) => self.exhausted(),
                })?
            }
        };
        if let Some(link) = hold.slot.link() {
            return Ok(Turn {
                _hold: hold,
                link,
                waited,
            });
        }
        hold.slot.begin_wait();
        let link = self.await_link(hold.slot, deadline);
        hold.slot.end_wait();
        Ok(Turn {
            link: link?,
            _hold: hold,
            waited: true,
        })
    }

    /// A dedicated slot that nobody uses, one with a link if there is one.
    fn take_dedicated(&self) -> Option<Hold<'_>> {
        let free = |slot: &&Slot| slot.load() == 0;
        let slots = || self.roster.dedicated().iter().filter(free);
        let linked = slots().find(|slot| slot.link().is_some() && slot.try_enter_free());
        let slot = linked.or_else(|| slots().find(|slot| slot.try_enter_free()))?;
        let roster = &self.roster;
        Some(Hold { roster, slot })
    }

    /// Waits until the slot that the caller has, and waits in, gets its link.
    fn await_link(&self, slot: &Slot, deadline: &Deadline) -> Result<Arc<Link>> {
        let (since, by) = (self.roster.moments(), deadline.checkout());
        let mut last = None;
        loop {
            self.check_open()?;
            if let Some(link) = slot.link() {
                return Ok(link);
            }
            if let Some(FailedFill { error, is_last }) = slot.take_failure() {
                if is_last || self.roster.is_over(since, self.patience) {
                    return Err(self.failure(Awaited::Failed(error)));
                }
                last = Some(error);
            }
            if by.is_some_and(|by| by <= clock::now()) {
                return Err(self.failure(Awaited::TimedOut(last)));
            }
            // A word too many does no harm, and the link that came may be gone already.
            (self.want)(Wish::Alone(slot.id()));
            sync::park(by);
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
            Awaited::TimedOut(None) => Error::new(
                ErrorKind::Timeout(Phase::Checkout),
                Delivery::NotSent,
                "no connection could be made in time",
            ),
        };
        self.blame(error)
    }

    /// Nobody gave a dedicated connection back in time.
    fn exhausted(&self) -> Error {
        let all = self.roster.slots().len();
        let taken = |slot: &&Slot| slot.load() > 0;
        let blocking = self.roster.dedicated().iter().filter(taken).count();
        let shared = self.roster.shared().len();
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
        if live < self.roster.shared().len() {
            (self.want)(Wish::Shared);
        }
        let (_, slot) = least?;
        slot.enter();
        self.counters.shared.count();
        self.turn(slot)
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
        let hold = Hold {
            roster: &self.roster,
            slot,
        };
        let link = slot.link()?;
        let _ = LAST.try_with(|last| last.set((self.key(), slot.id())));
        Some(Turn {
            _hold: hold,
            link,
            waited: false,
        })
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
