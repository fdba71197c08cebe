//! A seat in the pool: its identity survives every connection that sits in it.

use super::Link;
use crate::error::Error;
use crate::handoff::planner::{LinkId, SlotId};
use crate::sync::{self, Arc, AtomicUsize, Ordering, Ranked, Thread};
use std::time::Instant;

/// A seat in the pool.
#[derive(Debug)]
pub(crate) struct Slot {
    id: SlotId,
    seat: Ranked<Seat, 2>,
    /// How many callers use the slot. Sequentially consistent, so that a caller who leaves sees whoever
    /// began to wait before (`Roster::leave`).
    load: AtomicUsize,
    lease: Ranked<Lease, 4>,
}

/// What one caller at a time knows of a dedicated slot. Unused in shared ones.
#[derive(Debug, Default)]
struct Lease {
    /// The caller that waits for a link in the slot.
    waiter: Option<Thread>,
    /// The dial for that caller has failed since it looked last.
    failed: Option<FailedFill>,
    /// When the slot was used last, or its link came.
    used: Option<Instant>,
}

/// A dial for one caller that failed.
#[derive(Debug)]
pub(crate) struct FailedFill {
    pub(crate) error: Error,
    /// The server has as many clients as it accepts: the caller waits no longer.
    pub(crate) is_last: bool,
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
            lease: Ranked::new(Lease::default()),
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

    /// How many callers use the slot.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::SeqCst)
    }

    /// Joins the callers that use the slot, if it is free of any.
    #[inline]
    pub(crate) fn try_enter_free(&self) -> bool {
        self.load
            .compare_exchange(0, 1, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Joins the callers that use the slot.
    pub(crate) fn enter(&self) {
        self.load.fetch_add(1, Ordering::SeqCst);
    }

    /// Leaves the slot.
    #[inline]
    pub(super) fn leave(&self) {
        self.load.fetch_sub(1, Ordering::SeqCst);
    }

    /// The calling thread, which has the slot, waits for its link from now on and is woken by
    /// [`wake`](Self::wake) and [`fail`](Self::fail).
    pub(crate) fn begin_wait(&self) {
        let mut lease = self.lease.lock();
        lease.waiter = Some(sync::current());
        lease.failed = None;
    }

    /// The wait is over.
    pub(crate) fn end_wait(&self) {
        self.lease.lock().waiter = None;
    }

    /// How the dial for the caller who waits has failed, if it has since the last call.
    pub(crate) fn take_failure(&self) -> Option<FailedFill> {
        self.lease.lock().failed.take()
    }

    /// The dial for the caller who waits has failed.
    pub(super) fn fail(&self, failed: FailedFill) {
        let mut lease = self.lease.lock();
        let waiter = lease.waiter.clone();
        if waiter.is_some() {
            lease.failed = Some(failed);
        }
        drop(lease);
        if let Some(thread) = waiter {
            thread.unpark();
        }
    }

    /// Makes whoever waits for a link in the slot look again.
    pub(super) fn wake(&self) {
        let waiter = self.lease.lock().waiter.clone();
        if let Some(thread) = waiter {
            thread.unpark();
        }
    }

    /// The slot is used, or has got its link, at `now`.
    pub(super) fn set_used(&self, now: Instant) {
        self.lease.lock().used = Some(now);
    }

    /// Since when nobody uses the slot. `None`: somebody does.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let used = self.lease.lock().used;
        used.filter(|_| self.load() == 0)
    }
}
