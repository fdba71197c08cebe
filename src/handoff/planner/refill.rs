//! How often vacant entries are dialled. Knows no entry: all dial the same service, so they share one
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
//! While unsure, one dial at a time shows whether there is anything to reach. Dials that were begun
//! before one of them failed say no more than that one. A link that has answered a command shows that
//! the server works, however soon it is lost: only its own entry keeps account of that.

use crate::handoff::backoff::{Backoff, Jitter};
use crate::handoff::later;
use std::time::{Duration, Instant};

/// While a caller waits, no pause is longer.
const AWAITED: Duration = Duration::from_millis(200);
/// An entry that has lost its link is dialled without a pause once in this time.
const GRANT_EVERY: Duration = Duration::from_secs(1);
/// Failures in a row after which an entry that nobody wants stays vacant.
const EAGER: u32 = 3;
/// A link that dies within this time of coming up has shown nothing.
const YOUNG: Duration = Duration::from_secs(1);
/// After this without another, links that died young are forgiven.
const FORGIVEN: Duration = Duration::from_secs(10);

/// A time in which nothing is dialled.
#[derive(Clone, Copy, Debug)]
struct Pause {
    since: Instant,
    length: Duration,
}

impl Pause {
    /// Its end, as far as it is later than `now`.
    fn left(self, now: Instant, awaited: bool) -> Option<Instant> {
        Some(self.end(awaited)).filter(|end| *end > now)
    }

    fn end(self, awaited: bool) -> Instant {
        let length = if awaited {
            self.length.min(AWAITED)
        } else {
            self.length
        };
        later(self.since, length)
    }
}

/// The pace at which vacant entries are dialled.
#[derive(Debug)]
pub(super) struct Refill {
    pace: Backoff,
    misses: u32,
    /// Links in a row that died young. Those that die together count once.
    deaths: u32,
    died_at: Option<Instant>,
    missed: Option<Pause>,
    died: Option<Pause>,
    /// Whether the last dial that had the choice went to a place that a server named.
    went_to_place: bool,
}

impl Refill {
    /// Nothing has failed yet.
    pub(super) fn new(pace: Backoff) -> Self {
        Self {
            pace,
            misses: 0,
            deaths: 0,
            died_at: None,
            missed: None,
            died: None,
            went_to_place: false,
        }
    }

    /// A dial succeeded.
    pub(super) fn handle_success(&mut self) {
        self.misses = 0;
        self.missed = None;
    }

    /// A dial that was offered at `offered` failed. One that did not wait for the end of the pause, or
    /// was offered before that began, is no further try.
    pub(super) fn handle_failure(&mut self, now: Instant, offered: Instant, jitter: &mut Jitter) {
        if self.missed.is_some_and(|pause| offered < pause.end(true)) {
            return;
        }
        let length = self.pace.delay(self.misses, jitter);
        self.misses = self.misses.saturating_add(1);
        self.missed = Some(Pause { since: now, length });
    }

    /// A link that came up at `up_at` and never answered a command has died. False: it was not young.
    pub(super) fn handle_death(
        &mut self,
        now: Instant,
        up_at: Instant,
        jitter: &mut Jitter,
    ) -> bool {
        if now.saturating_duration_since(up_at) >= YOUNG {
            return false;
        }
        if self
            .died_at
            .is_some_and(|at| up_at <= at && now < later(at, FORGIVEN))
        {
            // It came up before the last one died, so it is not another try that failed.
            return true;
        }
        self.forgive(now);
        self.deaths = self.deaths.saturating_add(1);
        self.died_at = Some(now);
        // A single early death is an accident.
        self.died = self.deaths.checked_sub(2).map(|again| Pause {
            since: now,
            length: self.pace.delay(again, jitter),
        });
        true
    }

    /// There is news that makes another attempt worth while at once.
    pub(super) fn handle_news(&mut self) {
        self.missed = None;
        self.died = None;
    }

    /// Forgives early deaths that are long ago.
    pub(super) fn forgive(&mut self, now: Instant) {
        if self.died_at.is_some_and(|at| later(at, FORGIVEN) <= now) {
            self.deaths = 0;
            self.died_at = None;
            self.died = None;
        }
    }

    /// How many dials have failed in a row.
    pub(super) fn misses(&self) -> u32 {
        self.misses
    }

    /// Whether entries that nobody wants are dialled.
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

    /// Until when no dial is made, if that is known to be later than `now`. `awaited`: by a caller.
    pub(super) fn paused_until(&self, now: Instant, awaited: bool) -> Option<Instant> {
        let left = |pause: Option<Pause>| pause?.left(now, awaited);
        left(self.missed).max(left(self.died))
    }

    /// Whether the next dial goes to the place that a server named, rather than to the configured name. After
    /// a failure they take turns. A `silent` place lets each dial wait for its end, so it has every fourth turn
    /// only: an address that retires accepts a third dial, if there is no other.
    pub(super) fn takes_named_place(&mut self, silent: bool, doubted: bool) -> bool {
        self.went_to_place = if silent {
            self.misses % 4 == 3
        } else if self.misses == 0 {
            !doubted
        } else {
            !self.went_to_place
        };
        self.went_to_place
    }

    /// The pace of attempts.
    pub(super) fn pace(&self) -> Backoff {
        self.pace
    }
}

/// How soon one entry is dialled again whose links are lost although the server works.
#[derive(Debug, Default)]
pub(super) struct Renewal {
    granted_at: Option<Instant>,
    /// Losses since then.
    losses: u32,
    next: Next,
}

#[derive(Debug, Default)]
enum Next {
    /// Like any entry's.
    #[default]
    Usual,
    /// Without a pause.
    Granted,
    /// After a pause of its own.
    Paused(Pause),
}

impl Renewal {
    /// The entry has lost its link.
    pub(super) fn handle_loss(&mut self, now: Instant, pace: Backoff, jitter: &mut Jitter) {
        let over = |at| later(at, GRANT_EVERY) <= now;
        if self.granted_at.is_none_or(over) {
            self.granted_at = Some(now);
            self.losses = 0;
            self.next = Next::Granted;
        } else {
            let length = pace.delay(self.losses, jitter);
            self.losses = self.losses.saturating_add(1);
            self.next = Next::Paused(Pause { since: now, length });
        }
    }

    /// The entry is dialled.
    pub(super) fn handle_dial(&mut self) {
        self.next = Next::Usual;
    }

    /// Whether the next dial waits for nothing.
    pub(super) fn is_granted(&self) -> bool {
        matches!(self.next, Next::Granted)
    }

    /// Until when this entry is not dialled, if that is later than `now`.
    pub(super) fn paused_until(&self, now: Instant, awaited: bool) -> Option<Instant> {
        match self.next {
            Next::Paused(pause) => pause.left(now, awaited),
            Next::Granted | Next::Usual => None,
        }
    }
}

#[cfg(test)]
mod tests;
