//! What has happened since the client began, in numbers. Each is written where it happens.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn count(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The numbers of one client.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) dials_failed: Counter,
    pub(crate) handoffs: Counter,
    pub(crate) inbox_overflows: Counter,
    pub(crate) links_lost: Counter,
    pub(crate) links_opened: Counter,
    pub(crate) malformed_pushes: Counter,
    pub(crate) operations_completed: Counter,
    pub(crate) operations_failed: Counter,
    pub(crate) operations_started: Counter,
    pub(crate) opt_ins_refused: Counter,
    pub(crate) pushes: Counter,
    pub(crate) queue_overflows: Counter,
    pub(crate) shared: Counter,
    pub(crate) targets_refused: Counter,
    pub(crate) unknown_pushes: Counter,
}
