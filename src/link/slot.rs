//! A seat in the pool: its identity survives every connection that sits in it.

use super::Link;
use crate::handoff::conductor::{LinkId, SlotId};
use crate::sync::{Arc, AtomicUsize, Ordering, Ranked};

/// Set in a slot's load while one caller has it for itself.
const LEASED: usize = 1 << (usize::BITS - 1);

/// A seat in the pool.
#[derive(Debug)]
pub(crate) struct Slot {
    id: SlotId,
    seat: Ranked<Seat, 2>,
    /// How many callers use the slot, and [`LEASED`]. Sequentially consistent, so that a caller who
    /// leaves sees whoever began to wait before (`Roster::freed`).
    load: AtomicUsize,
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

    /// Leaves the slot. True: it is free now.
    #[inline]
    pub(crate) fn leave(&self) -> bool {
        let before = self.load.fetch_sub(1, Ordering::SeqCst);
        if before == LEASED | 1 {
            self.load.store(0, Ordering::SeqCst);
            return true;
        }
        before == 1
    }
}
