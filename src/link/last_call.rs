//! Whether the server is about to close a link. Closes nothing.

use crate::clock;
use crate::sync::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Until when a link is in danger. Written by the coordinator, read by who has work on the link.
#[derive(Debug)]
pub(super) struct LastCall {
    base: Instant,
    /// In nanoseconds after `base`; zero: nothing was announced.
    until: AtomicU64,
}

impl LastCall {
    pub(super) fn new(base: Instant) -> Self {
        Self {
            base,
            until: AtomicU64::new(0),
        }
    }

    /// Lasts until then at least.
    pub(super) fn set(&self, until: Instant) {
        let nanos = until.saturating_duration_since(self.base).as_nanos();
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        self.until.fetch_max(nanos, Ordering::AcqRel);
    }

    pub(super) fn is_on(&self) -> bool {
        let nanos = self.until.load(Ordering::Acquire);
        // Without a look at the clock on nearly every link.
        nanos > 0 && {
            let until = self.base.checked_add(Duration::from_nanos(nanos));
            // Beyond what the clock can hold is for ever.
            until.is_none_or(|until| clock::now() < until)
        }
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests {
    use super::*;

    #[test]
    fn the_latest_end_counts() {
        let now = clock::now();
        let call = LastCall::new(now);
        assert!(!call.is_on());
        call.set(now);
        assert!(!call.is_on(), "out of danger by now");
        call.set(now + Duration::from_secs(1000));
        call.set(now + Duration::from_nanos(1));
        assert!(call.is_on());
    }
}
