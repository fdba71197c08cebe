//! A seat in the pool: its identity survives every connection that sits in it.

use super::Link;
use crate::clock;
use crate::handoff::conductor::{LinkId, SlotId};
use crate::sync::{self, Arc, AtomicUsize, Ordering, Ranked, Thread};
use std::time::Instant;

/// Set in a slot's load while one caller has it for itself, or waits until all others have left.
const LEASED: usize = 1 << (usize::BITS - 1);

/// A seat in the pool.
#[derive(Debug)]
pub(crate) struct Slot {
    id: SlotId,
    seat: Ranked<Seat, 2>,
    /// How many callers use the slot, and [`LEASED`]. Sequentially consistent, so that a caller who
    /// leaves sees whoever began to wait before (`Roster::freed`).
    load: AtomicUsize,
    /// Who waits until it has the slot alone.
    claimant: Ranked<Option<Thread>, 4>,
}

#[derive(Debug, Default)]
struct Seat {
    link: Option<Arc<Link>>,
    /// The newest link that was ever put in: an older one comes too late.
    newest: Option<LinkId>,
    /// Invariant B: changes only under the lock of the seat, at every change of `link`.
    generation: u64,
    closed: bool,
}

/// What became of a link that was to be installed.
#[derive(Debug)]
pub(crate) enum Installed {
    /// It serves; this one served before.
    InPlaceOf(Option<Arc<Link>>),
    /// A newer link has been put in: this one is not wanted.
    Overtaken,
    /// The pool is closed: the link is not wanted.
    Refused,
}

impl Slot {
    pub(super) fn new(id: SlotId) -> Self {
        Self {
            id,
            seat: Ranked::new(Seat::default()),
            load: AtomicUsize::new(0),
            claimant: Ranked::new(None),
        }
    }

    pub(crate) fn id(&self) -> SlotId {
        self.id
    }

    /// The link that serves now.
    #[inline]
    pub(crate) fn link(&self) -> Option<Arc<Link>> {
        self.seat.lock().link.clone()
    }

    /// How many links have been put in and taken out.
    pub(crate) fn generation(&self) -> u64 {
        self.seat.lock().generation
    }

    /// Puts a link in and calls `mark` under the lock. The caller retires the one that served before.
    pub(super) fn install(&self, link: Arc<Link>, mark: impl FnOnce()) -> Installed {
        let mut seat = self.seat.lock();
        if seat.closed {
            return Installed::Refused;
        }
        if seat.newest > Some(link.id()) {
            return Installed::Overtaken;
        }
        seat.newest = Some(link.id());
        seat.generation += 1;
        mark();
        Installed::InPlaceOf(seat.link.replace(link))
    }

    /// Takes the link out and calls `mark` under the lock, if it is the one that serves.
    pub(super) fn vacate(&self, id: LinkId, mark: impl FnOnce()) {
        let mut seat = self.seat.lock();
        if seat.link.as_ref().is_none_or(|link| link.id() != id) {
            return;
        }
        seat.generation += 1;
        mark();
        let link = seat.link.take();
        drop(seat);
        drop(link);
    }

    /// Takes the link out, calls `mark` under the lock and accepts no link from now on.
    pub(super) fn close(&self, mark: impl FnOnce()) -> Option<Arc<Link>> {
        let mut seat = self.seat.lock();
        mark();
        seat.closed = true;
        seat.generation += 1;
        seat.link.take()
    }

    /// How many callers use the slot; a leased one counts as very many.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::SeqCst)
    }

    /// How many requests use the slot.
    pub(crate) fn requests(&self) -> usize {
        self.load() & !LEASED
    }

    /// Joins the callers that use the slot, if it is free of any.
    #[inline]
    pub(crate) fn try_enter_free(&self) -> bool {
        self.load
            .compare_exchange(0, 1, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Joins the callers that use the slot, unless it is leased.
    pub(crate) fn try_enter(&self) -> bool {
        self.load
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, |load| {
                (load & LEASED == 0).then_some(load + 1)
            })
            .is_ok()
    }

    /// Takes the slot for one caller alone, if it is free.
    pub(crate) fn try_lease(&self) -> bool {
        self.load
            .compare_exchange(0, LEASED | 1, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes the slot for one caller alone as soon as those who use it have left: nobody enters it any
    /// more, however many want to. Followed by [`await_alone`](Self::await_alone).
    pub(crate) fn try_claim(&self) -> bool {
        let claimed = self
            .load
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, |load| {
                (load & LEASED == 0).then_some((load + 1) | LEASED)
            })
            .is_ok();
        if claimed {
            // Whoever leaves before this is seen by the claimant, who looks before it sleeps.
            *self.claimant.lock() = Some(sync::current());
        }
        claimed
    }

    /// Waits until the caller, who has a claim or a lease, has the slot alone. False, and the claim is
    /// given up: `deadline` has passed, or `stop` says so; [`wake_claimant`](Self::wake_claimant) makes
    /// it ask.
    pub(crate) fn await_alone(&self, deadline: Option<Instant>, stop: impl Fn() -> bool) -> bool {
        loop {
            let alone = self.load() == LEASED | 1;
            let late = || deadline.is_some_and(|deadline| deadline <= clock::now());
            if alone || stop() || late() {
                *self.claimant.lock() = None;
                return alone;
            }
            sync::park(deadline);
        }
    }

    /// Gives a claim up. True: the slot is free now.
    pub(crate) fn unclaim(&self) -> bool {
        let after = |load: usize| (load & !LEASED) - 1;
        self.load
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, |load| {
                Some(after(load))
            })
            .is_ok_and(|before| after(before) == 0)
    }

    /// Makes whoever waits for the slot look again.
    pub(crate) fn wake_claimant(&self) {
        let claimant = self.claimant.lock().clone();
        if let Some(thread) = claimant {
            thread.unpark();
        }
    }

    /// Leaves the slot. True: it is free now.
    #[inline]
    pub(crate) fn leave(&self) -> bool {
        const LAST_BUT_CLAIMANT: usize = LEASED | 2;
        const LESSEE: usize = LEASED | 1;
        match self.load.fetch_sub(1, Ordering::SeqCst) {
            LESSEE => {
                self.load.store(0, Ordering::SeqCst);
                true
            }
            LAST_BUT_CLAIMANT => {
                self.wake_claimant();
                false
            }
            before => before == 1,
        }
    }
}
