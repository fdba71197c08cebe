//! What a link shows of itself to callers that choose among links: whether something arrives, and how long
//! requests usually take. Read without a lock, so each number is a hint; written by whoever has the read role.

use crate::sync::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// How many reads have brought something.
    moved: AtomicU64,
    has_large_reply: AtomicBool,
    /// In microseconds, averaged over about eight samples; zero before the first.
    round_trip: AtomicU64,
}

impl Pulse {
    /// How often something has arrived.
    #[inline]
    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Something has arrived. Only the reader calls this, so that no count is lost.
    #[inline]
    pub(super) fn note_arrival(&self) {
        // A load and a store instead of an atomic addition: there is one writer.
        let moved = self.moved.load(Ordering::Relaxed);
        self.moved.store(moved.wrapping_add(1), Ordering::Relaxed);
    }

    /// Whether a part of a large reply has arrived, and its end has not.
    #[inline]
    pub(crate) fn has_large_reply(&self) -> bool {
        self.has_large_reply.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn set_large_reply(&self, has: bool) {
        // Written only when it changes, so that the cache line stays shared while nothing large comes.
        if self.has_large_reply() != has {
            self.has_large_reply.store(has, Ordering::Relaxed);
        }
    }

    /// How long requests usually take.
    pub(crate) fn round_trip(&self) -> Duration {
        Duration::from_micros(self.round_trip.load(Ordering::Relaxed))
    }

    /// A request has taken so long. Samples that come at the same time may overwrite each other.
    pub(crate) fn note_round_trip(&self, time: Duration) {
        let sample = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        // A load and a store: a sample that is lost to another one costs nothing but itself.
        let before = self.round_trip.load(Ordering::Relaxed);
        let after = match before {
            // The first sample as it is: an average that began at zero would take dozens to get there.
            0 => sample,
            // The weights of TCP's smoothed round-trip time (RFC 6298, section 2: 7/8 and 1/8).
            _ => (before - before / 8).saturating_add(sample / 8),
        };
        self.round_trip.store(after, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests {
    use super::*;

    #[test]
    fn the_usual_time_follows_the_samples() {
        let pulse = Pulse::default();
        pulse.note_round_trip(Duration::from_micros(800));
        assert_eq!(pulse.round_trip(), Duration::from_micros(800));
        pulse.note_round_trip(Duration::from_micros(1600));
        assert_eq!(pulse.round_trip(), Duration::from_micros(900));
        for _ in 0..100 {
            pulse.note_round_trip(Duration::MAX);
        }
        assert!(pulse.round_trip() > Duration::from_secs(4000));
    }

    #[test]
    fn arrivals_are_counted_round_and_round() {
        let pulse = Pulse::default();
        pulse.moved.store(u64::MAX, Ordering::Relaxed);
        pulse.note_arrival();
        assert_eq!(pulse.moved(), 0);
    }
}
