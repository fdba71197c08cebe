//! How often vacant slots are dialled. Knows no slot: all dial the same service, so they share one
//! pace.
//!
//! ```text
//!            a dial failed, or links died young
//!   Sure ─────────────────────────────────────────> Unsure ──┐ again: longer pause
//!    ^                                                │  ^ └─┘
//!    └── a dial succeeded, and no link died young ────┘
//!        for a while
//! ```
//!
//! While unsure, one dial at a time shows whether there is anything to reach.

use crate::handoff::backoff::{Backoff, Jitter};
use crate::handoff::later;
use std::time::{Duration, Instant};

/// Failures in a row after which a slot that nobody wants stays vacant.
const EAGER: u32 = 3;
/// A link that dies within this time of coming up has shown nothing.
const YOUNG: Duration = Duration::from_secs(1);
/// After this without another, links that died young are forgiven.
const FORGIVEN: Duration = Duration::from_secs(10);

/// The pace at which vacant slots are dialled.
#[derive(Debug)]
pub(super) struct Refill {
    pace: Backoff,
    misses: u32,
    /// Links in a row that died young. Those that die together count once.
    deaths: u32,
    died_at: Option<Instant>,
    missed_until: Option<Instant>,
    died_until: Option<Instant>,
}

impl Refill {
    /// Nothing has failed yet.
    pub(super) fn new(pace: Backoff) -> Self {
        Self {
            pace,
            misses: 0,
            deaths: 0,
            died_at: None,
            missed_until: None,
            died_until: None,
        }
    }

    /// A dial succeeded.
    pub(super) fn handle_success(&mut self) {
        self.misses = 0;
        self.missed_until = None;
    }

    /// A dial failed.
    pub(super) fn handle_failure(&mut self, now: Instant, jitter: &mut Jitter) {
        let pause = self.pace.delay(self.misses, jitter);
        self.misses = self.misses.saturating_add(1);
        self.missed_until = Some(later(now, pause));
    }

    /// A link that came up at `up_at` has died.
    pub(super) fn handle_death(&mut self, now: Instant, up_at: Instant, jitter: &mut Jitter) {
        if now.saturating_duration_since(up_at) >= YOUNG {
            return;
        }
        if self
            .died_at
            .is_some_and(|at| up_at <= at && now < later(at, FORGIVEN))
        {
            // It came up before the last one died, so it is not another try that failed.
            return;
        }
        self.forgive(now);
        self.deaths = self.deaths.saturating_add(1);
        self.died_at = Some(now);
        // A single early death is an accident.
        self.died_until = self.deaths.checked_sub(2).map(|again| {
            let pause = self.pace.delay(again, jitter);
            later(now, pause)
        });
    }

    /// There is news that makes another attempt worth while at once.
    pub(super) fn handle_news(&mut self) {
        self.missed_until = None;
        self.died_until = None;
    }

    /// Forgives early deaths that are long ago.
    pub(super) fn forgive(&mut self, now: Instant) {
        if self.died_at.is_some_and(|at| later(at, FORGIVEN) <= now) {
            self.deaths = 0;
            self.died_at = None;
            self.died_until = None;
        }
    }

    /// How many dials have failed in a row.
    pub(super) fn misses(&self) -> u32 {
        self.misses
    }

    /// Whether slots that nobody wants are dialled.
    pub(super) fn is_eager(&self) -> bool {
        self.misses < EAGER
    }

    /// How many dials may be under way.
    pub(super) fn at_once(&self) -> usize {
        if self.misses == 0 && self.deaths < 2 {
            usize::MAX
        } else {
            1
        }
    }

    /// Until when no dial is made, if that is known to be later than `now`.
    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.missed_until
            .max(self.died_until)
            .filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests;
