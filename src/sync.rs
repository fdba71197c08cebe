//! Every lock of the client goes through this module, and with it every condition variable, atomic, queue
//! and thread that link, pool, engine and lane coordinate by, so that a model checker can run the same code
//! under `--cfg hitless_model`. Plain counters, and the threads of the resolver, stand outside of it.
//!
//! # Locks
//!
//! | rank | lock | guards | never while held |
//! |---|---|---|---|
//! | 1 | pool, `Entries::waiting` | who waits for a connection, the last dial error, what failed dials mean to them | dial, read, write, close, log, callback |
//! | 2 | entry, `Entry::state` | the entry's link and generation | dial, read, write, close, log, callback |
//! | 3 | link, `Link::in_flight` | waiters in wire order, unsent bytes, the two roles of one link | anything that can block |
//! | 4 | waiter, `Waiter::outcome` | the outcome of one command | anything that can block |
//! | 4 | entry, `Entry::dedicated`; link, `Link::reader`, `RelaxedUntil::cause`; `BlockingCall::state`; `Canceller`, `calls`; client, `Shared::coordinator`; calls, `Calls::refusals` | one value each | anything that can block |
//! | 4 | subscriber, `Desk::state`; engine, `Unannounced::kept` | what a subscriber shares with its connections; what a link has said before it was announced | anything that can block |
//! | 5 | hooks, `Hooks::state` | the hooks and what waits for them | code of the user, anything that can block |
//! | 5 | inbox, `Flags::askers` | who has asked how things stand | anything that can block |
//! | 6 | `MetricsHook`, `numbers` | what the hook has counted | code of the user, anything that can block |
//! | 7 | lane, `Core::state` | lines and numbers that wait for the user's code | code of the user, anything that can block |
//! | 8 | consumer, `Work::agenda` | what a consumer of a stream does next | anything that can block |
//! | 9 | `oneshot` | one answer | anything that can block |
//!
//! Ranks rise: a thread that holds a lock takes only locks of a higher rank. The one nesting in use
//! is 3 -> 4. Debug builds check it. No critical section runs code of the user and none can panic,
//! so that the lack of poisoning hides nothing.
//!
//! Invariant A: the order of waiters in a queue equals the order of commands on the wire, because
//! both are appended under lock 3. Invariant B: an entry's generation changes only under lock 2.

pub(crate) mod lock;
#[cfg(hitless_model)]
mod model;
mod oneshot;
mod process;
#[cfg(not(hitless_model))]
mod system;

#[cfg(hitless_model)]
pub(crate) use model::*;
pub(crate) use oneshot::{OneshotSender, oneshot};
pub(crate) use process::Process;
#[cfg(not(hitless_model))]
pub(crate) use system::*;

use std::ops::{Deref, DerefMut};
use std::time::Instant;

#[cfg(all(debug_assertions, not(hitless_model)))]
thread_local! {
    /// One bit for each rank that this thread holds.
    // Has no destructor, so that locks may be taken while a thread ends.
    static HELD: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// A lock with its place in the order of all locks.
#[derive(Debug, Default)]
pub(crate) struct Ranked<T, const RANK: u8>(RawMutex<T>);

/// Possession of a [`Ranked`] lock.
#[derive(Debug)]
pub(crate) struct RankedGuard<'a, T, const RANK: u8>(RawGuard<'a, T>, Held<RANK>);

/// The mark that this thread holds a lock of the rank. Dropped after the guard beside it.
#[derive(Debug)]
struct Held<const RANK: u8>;

impl<T, const RANK: u8> Ranked<T, RANK> {
    pub(crate) const fn new(value: T) -> Self {
        Self(raw_mutex(value))
    }

    #[inline(always)]
    pub(crate) fn lock(&self) -> RankedGuard<'_, T, RANK> {
        #[cfg(all(debug_assertions, not(hitless_model)))]
        // Before the lock is asked for: out of order it might never be had, and the test would hang instead of fail.
        HELD.with(|held| {
            assert!(
                // The same rank counts as well: two threads may take two locks of one rank in either order.
                held.get() >> RANK == 0,
                "lock of rank {RANK} taken out of order"
            );
            held.set(held.get() | 1 << RANK);
        });
        RankedGuard(raw_lock(&self.0), Held)
    }
}

impl<T, const RANK: u8> Deref for RankedGuard<'_, T, RANK> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T, const RANK: u8> DerefMut for RankedGuard<'_, T, RANK> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

#[cfg(all(debug_assertions, not(hitless_model)))]
impl<const RANK: u8> Drop for Held<RANK> {
    fn drop(&mut self) {
        HELD.with(|held| held.set(held.get() & !(1 << RANK)));
    }
}

/// A condition variable: threads wait at it with a [`Ranked`] lock given up.
#[derive(Debug, Default)]
pub(crate) struct Condvar(RawCondvar);

impl Condvar {
    /// Waits for a ring or until `deadline`; may return without either. `guard` is of `lock`.
    ///
    /// The rank stays marked as held: a thread that sleeps takes no other lock.
    pub(crate) fn wait<'a, T, const RANK: u8>(
        &self,
        lock: &'a Ranked<T, RANK>,
        guard: RankedGuard<'a, T, RANK>,
        deadline: Option<Instant>,
    ) -> RankedGuard<'a, T, RANK> {
        raw_wait(&self.0, lock, guard, deadline)
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
