//! One caller that waits for its replies. Reads no socket: it is told by whoever does.

use super::in_flight::Outcome;
use crate::sync::{self, Arc, AtomicBool, Ordering, Ranked, Thread};
use std::time::Instant;

/// Where a caller's outcome is put, and how the caller is woken.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// Written once per request, under lock 3, by the thread that holds the read role or
    /// ends the connection.
    outcome: Ranked<Option<Outcome>, 4>,
    /// There is an outcome. Written with the lock of `outcome` held; read without it, so that looking
    /// costs a load.
    settled: AtomicBool,
    /// Something changed since the caller last looked.
    called: AtomicBool,
    /// The caller was asked to take a role and must pass the request on if it does not. Set under
    /// lock 3 while the queue names the caller, so that the caller sees it before it
    /// goes, whatever became of its request meanwhile.
    appointed: AtomicBool,
    thread: Thread,
}

/// A waiter compares by identity.
#[derive(Clone, Debug)]
pub(crate) struct Handle(Arc<Waiter>);

impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl std::ops::Deref for Handle {
    type Target = Waiter;

    fn deref(&self) -> &Waiter {
        &self.0
    }
}

#[cfg(not(hitless_model))]
thread_local! {
    /// The waiter that this thread used last and may use again.
    static MINE: std::cell::Cell<Option<Handle>> = const { std::cell::Cell::new(None) };
}

impl Handle {
    /// The calling thread's waiter.
    #[inline]
    pub(crate) fn current() -> Self {
        #[cfg(not(hitless_model))]
        if let Some(handle) = MINE.try_with(std::cell::Cell::take).ok().flatten() {
            // Taken out of its place, so that a call within a call, in a destructor say, gets one of its own.
            return handle;
        }
        Self(Arc::new(Waiter {
            outcome: Ranked::new(None),
            settled: AtomicBool::new(false),
            called: AtomicBool::new(false),
            appointed: AtomicBool::new(false),
            thread: sync::current(),
        }))
    }

    /// Keeps the waiter for the thread's next request. Only for one whose outcome was taken: an
    /// abandoned one may still be named in the queue.
    #[inline]
    pub(crate) fn recycle(self) {
        #[cfg(not(hitless_model))]
        let _ = MINE.try_with(|mine| mine.set(Some(self)));
    }
}

impl Waiter {
    /// Puts the outcome in place. Called under lock 3: rank 3 -> 4.
    pub(crate) fn deliver(&self, outcome: Outcome) {
        let mut place = self.outcome.lock();
        *place = Some(outcome);
        // After the outcome, under its lock: who sees the flag finds the outcome.
        self.settled.store(true, Ordering::Release);
    }

    #[inline]
    pub(crate) fn take(&self) -> Option<Outcome> {
        if !self.has_outcome() {
            return None;
        }
        let mut place = self.outcome.lock();
        // Relaxed, because only this thread reads it until its next request is appended under lock 3.
        self.settled.store(false, Ordering::Relaxed);
        place.take()
    }

    #[inline]
    pub(crate) fn has_outcome(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// Makes the caller look again.
    pub(crate) fn wake(&self) {
        // Before the unpark: a thread that is about to park sees it and does not.
        self.called.store(true, Ordering::Release);
        self.thread.unpark();
    }

    /// Makes the caller answer for the free roles. Called under lock 3, and followed by
    /// [`wake`](Self::wake) without it.
    pub(crate) fn appoint(&self) {
        self.appointed.store(true, Ordering::Release);
    }

    /// Says that both roles were seen to be taken. Called under lock 3, or by a caller
    /// whom no queue names any more; true if the caller had been appointed.
    #[inline]
    pub(crate) fn answer(&self) -> bool {
        // The load first: nearly no caller is appointed, and a swap would cost each of them.
        self.appointed.load(Ordering::Relaxed) && self.appointed.swap(false, Ordering::AcqRel)
    }

    /// Sleeps until woken or until `deadline`. Called by the waiter's own thread.
    pub(crate) fn wait(&self, deadline: Option<Instant>) {
        // A call that came before this wait counts: otherwise it would be slept through.
        if !self.called.swap(false, Ordering::AcqRel) {
            sync::park(deadline);
        }
    }
}
