//! One place of the pool for a connection: its identity survives every link that serves it. Chooses nothing:
//! the entries together do.

use crate::error::Error;
use crate::ids::{EntryId, LinkId};
use crate::link::Link;
use crate::sync::{self, Arc, AtomicUsize, Ordering, Ranked, Thread};
use std::time::Instant;

/// One place of the pool for a connection.
#[derive(Debug)]
pub(crate) struct Entry {
    id: EntryId,
    state: Ranked<EntryState, 2>,
    /// How many callers use the entry. Sequentially consistent, so that a caller who leaves sees whoever
    /// began to wait before (`Entries::leave`).
    load: AtomicUsize,
    dedicated: Ranked<Dedicated, 4>,
}

/// What one caller at a time knows of a dedicated entry. Unused in shared ones.
#[derive(Debug, Default)]
struct Dedicated {
    /// The caller that waits for a link in the entry.
    waiter: Option<Thread>,
    /// The dial for that caller has failed since it looked last.
    failed: Option<FailedFill>,
    /// When the entry was used last, or its link came.
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
struct EntryState {
    link: Option<Arc<Link>>,
    /// The newest link that was ever put in: an older one comes too late.
    newest: Option<LinkId>,
    /// Invariant B: changes only under lock 2, at every change of `link`.
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

impl Entry {
    pub(super) fn new(id: EntryId) -> Self {
        Self {
            id,
            state: Ranked::new(EntryState::default()),
            load: AtomicUsize::new(0),
            dedicated: Ranked::new(Dedicated::default()),
        }
    }

    pub(crate) fn id(&self) -> EntryId {
        self.id
    }

    /// The link that serves now.
    #[inline]
    pub(crate) fn link(&self) -> Option<Arc<Link>> {
        self.state.lock().link.clone()
    }

    /// How many links have been put in and taken out.
    pub(crate) fn generation(&self) -> u64 {
        self.state.lock().generation
    }

    /// Puts a link in and calls `mark` under the lock. The caller retires the one that served before.
    pub(super) fn install(&self, link: Arc<Link>, mark: impl FnOnce()) -> Installed {
        let mut state = self.state.lock();
        if state.closed {
            return Installed::Refused;
        }
        if state.newest > Some(link.id()) {
            return Installed::Overtaken;
        }
        state.newest = Some(link.id());
        state.generation += 1;
        mark();
        Installed::InPlaceOf(state.link.replace(link))
    }

    /// Takes the link out and calls `mark` under the lock, if it is the one that serves.
    pub(super) fn vacate(&self, id: LinkId, mark: impl FnOnce()) {
        let mut state = self.state.lock();
        if state.link.as_ref().is_none_or(|link| link.id() != id) {
            return;
        }
        state.generation += 1;
        mark();
        let link = state.link.take();
        drop(state);
        drop(link);
    }

    /// Takes the link out, calls `mark` under the lock and accepts no link from now on.
    pub(super) fn close(&self, mark: impl FnOnce()) -> Option<Arc<Link>> {
        let mut state = self.state.lock();
        mark();
        state.closed = true;
        state.generation += 1;
        state.link.take()
    }

    /// How many callers use the entry.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::SeqCst)
    }

    /// Joins the callers that use the entry, if it is free of any.
    #[inline]
    pub(crate) fn try_claim(&self) -> bool {
        self.load
            .compare_exchange(0, 1, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Joins the callers that use the entry.
    pub(crate) fn join(&self) {
        self.load.fetch_add(1, Ordering::SeqCst);
    }

    /// Leaves the entry.
    #[inline]
    pub(super) fn leave(&self) {
        self.load.fetch_sub(1, Ordering::SeqCst);
    }

    /// The calling thread, which has the entry, waits for its link from now on and is woken by
    /// [`wake`](Self::wake) and [`fail`](Self::fail).
    pub(crate) fn begin_wait(&self) {
        let mut dedicated = self.dedicated.lock();
        dedicated.waiter = Some(sync::current());
        dedicated.failed = None;
    }

    /// Whether a caller waits for a link in the entry.
    pub(crate) fn is_awaited(&self) -> bool {
        self.dedicated.lock().waiter.is_some()
    }

    /// The wait is over.
    pub(crate) fn end_wait(&self) {
        self.dedicated.lock().waiter = None;
    }

    /// How the dial for the caller who waits has failed, if it has since the last call.
    pub(crate) fn take_failure(&self) -> Option<FailedFill> {
        self.dedicated.lock().failed.take()
    }

    /// The dial for the caller who waits has failed.
    pub(super) fn fail(&self, failed: FailedFill) {
        let mut dedicated = self.dedicated.lock();
        let waiter = dedicated.waiter.clone();
        if waiter.is_some() {
            dedicated.failed = Some(failed);
        }
        drop(dedicated);
        if let Some(thread) = waiter {
            thread.unpark();
        }
    }

    /// Makes whoever waits for a link in the entry look again.
    pub(super) fn wake(&self) {
        let waiter = self.dedicated.lock().waiter.clone();
        if let Some(thread) = waiter {
            thread.unpark();
        }
    }

    /// The entry is used, or has got its link, at `now`.
    pub(super) fn set_used(&self, now: Instant) {
        self.dedicated.lock().used = Some(now);
    }

    /// Since when nobody uses the entry. `None`: somebody does.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let used = self.dedicated.lock().used;
        used.filter(|_| self.load() == 0)
    }
}
