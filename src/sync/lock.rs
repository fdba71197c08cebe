//! Locks and condition variables of the standard library that ignore poison. Knows no ranks.
//!
//! Not `parking_lot`: its waiting threads stand in one table for the whole process, with nodes in the
//! memory of each thread. A child of `fork` inherits the table, and a client made there would hang in it.

use std::sync::{self, MutexGuard, PoisonError};
use std::time::Instant;

/// A lock. No critical section can panic, so that ignoring poison hides nothing.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A lock of this rank. The table in `sync` says what each rank guards.
    pub(crate) const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    /// Takes the lock. A thread that panicked under it leaves it usable: critical sections hold no code of
    /// the user, and leave what they guard in order at each step.
    #[inline(always)]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        // No critical section can panic (see the table in `sync`), so poison would say nothing true.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A condition variable.
#[derive(Debug, Default)]
pub(crate) struct Condvar(sync::Condvar);

impl Condvar {
    /// Waits for a wake-up or until `deadline`; may return without either.
    pub(crate) fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, T> {
        let Some(deadline) = deadline else {
            return self.0.wait(guard).unwrap_or_else(PoisonError::into_inner);
        };
        // May wake early or for nothing: every caller looks at its condition again.
        let patience = deadline.saturating_duration_since(crate::clock::now());
        let waited = self.0.wait_timeout(guard, patience);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Wakes all who wait. Those whose reason has not come wait again.
    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
