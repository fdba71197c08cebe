//! Stops dialling an endpoint that keeps failing. Dials nothing, and counts only what it is told:
//! error replies of a server that was reached are no failures of its endpoint.
//!
//! ```text
//!              threshold failures in a row
//!   ┌──> Closed ────────────────────────────> Open <──────────────┐
//!   │      │ ^                                 │  ^               │
//!   │      └─┘ success, fewer failures         │  └┘ admits none  │
//!   │                                          │ reset elapsed    │ a probe failed
//!   │ as many probes succeeded                 v                  │ or never returned
//!   └───────────────────────────────────── HalfOpen ──────────────┘
//! ```
//!
//! Who dials within an announced time does not wait for the reset: it may end an open breaker's rest
//! with a single probe, whose success closes the breaker.
//!
//! Failures of one moment count once: an attempt that was admitted before another one failed says no
//! more than that one.
//!
//! Only the planners ask it, before they offer a dial for a handoff, so it is never a reason for a command to
//! fail: vacant entries are filled at the pace of `planner::refill` instead.
//!
//! Every edge starts a new generation. A result carries the generation in which its attempt was
//! admitted, and counts only while that generation lasts.

pub(crate) use crate::events::BreakerState;

use crate::protocol::Endpoint;
use crate::sorted::SortedMap;
use std::time::{Duration, Instant};

/// When a breaker opens and how it recovers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BreakerSettings {
    /// Failures in a row that open it; zero counts as one.
    pub(crate) threshold: u32,
    /// How long it stays open.
    pub(crate) reset: Duration,
    /// Probes that it admits while half open, and successes that close it; zero counts as one.
    pub(crate) max_requests: u32,
    /// How long a probe may take before it counts as failed.
    pub(crate) patience: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            threshold: 5,
            reset: Duration::from_secs(60),
            max_requests: 3,
            patience: Duration::from_secs(30),
        }
    }
}

/// Leave to make one attempt, to be given back with its result.
#[derive(Debug, Eq, PartialEq)]
#[must_use = "a probe whose permit is dropped occupies its place until it expires"]
pub(crate) struct Permit {
    /// Of the breaker, when it admitted the attempt.
    generation: u64,
    /// When the attempt was admitted.
    admitted: Instant,
    /// When the attempt counts as lost, where that is watched.
    expires: Option<Instant>,
}

/// What became of the attempts on one endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BreakerStats {
    /// What it lets through now.
    pub(crate) state: BreakerState,
    /// Failures since the last success.
    pub(crate) failures_in_a_row: u32,
    /// Attempts that succeeded.
    pub(crate) successes: u64,
    /// Attempts that failed, expired ones included.
    pub(crate) failures: u64,
    /// Attempts that were refused.
    pub(crate) rejections: u64,
    /// How often it has opened.
    pub(crate) openings: u64,
}

/// As the drawing above has it.
#[derive(Debug)]
enum State {
    /// Admits all.
    Closed,
    /// Admits up to `places` probes, and closes when so many have succeeded. `out` has the expiry of each
    /// that has not come back.
    ///
    /// Invariant: `out.len() + succeeded <= places`.
    HalfOpen {
        places: u32,
        out: Vec<Instant>,
        succeeded: u32,
    },
    /// Admits none until its reset.
    Open { since: Instant },
}

/// The breaker of one endpoint.
#[derive(Debug)]
pub(crate) struct Breaker {
    settings: BreakerSettings,
    state: State,
    /// Rises with each change of `state`.
    generation: u64,
    /// Failures that counted since the last success or closing.
    in_a_row: u32,
    /// When the last failure in a row was counted.
    failed_at: Option<Instant>,
    successes: u64,
    failures: u64,
    rejections: u64,
    openings: u64,
}

impl Breaker {
    /// A closed breaker.
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: State::Closed,
            generation: 0,
            in_a_row: 0,
            failed_at: None,
            successes: 0,
            failures: 0,
            rejections: 0,
            openings: 0,
        }
    }

    /// Leave to attempt, or the time at which asking again may help.
    pub(crate) fn try_admit(&mut self, now: Instant) -> Result<Permit, Instant> {
        // No timer half-opens a breaker: each call first does what has become due since the last one.
        self.handle_timeout(now);
        let patience = self.settings.patience;
        let mut expires = None;
        let refused = match &mut self.state {
            State::Closed => None,
            State::HalfOpen {
                places,
                out,
                succeeded,
            } => {
                let left = places.saturating_sub(*succeeded);
                if out.len() < usize::try_from(left).unwrap_or(usize::MAX) {
                    out.push(super::later(now, patience));
                    expires = out.last().copied();
                    None
                } else {
                    // All places are taken: the first that may become free does so at its expiry.
                    Some(out.iter().min().copied().unwrap_or(now))
                }
            }
            State::Open { since } => Some(super::later(*since, self.settings.reset)),
        };
        match refused {
            None => Ok(Permit {
                generation: self.generation,
                admitted: now,
                expires,
            }),
            Some(at) => {
                self.rejections += 1;
                Err(at)
            }
        }
    }

    /// Since when it is open.
    pub(crate) fn open_since(&self) -> Option<Instant> {
        match self.state {
            State::Open { since } => Some(since),
            State::Closed | State::HalfOpen { .. } => None,
        }
    }

    /// Ends the rest of an open breaker early: the next attempt is admitted as its only probe, and
    /// closes it where it succeeds.
    ///
    /// For dials that cannot wait, because the connections that they would replace are about to be
    /// closed by the server.
    pub(crate) fn force_probe(&mut self) {
        if matches!(self.state, State::Open { .. }) {
            self.half_open(1);
        }
    }

    /// The endpoint was reached by an attempt that was not asked for here.
    pub(crate) fn handle_reached(&mut self) {
        if !matches!(self.state, State::Closed) {
            self.turn(State::Closed);
        }
    }

    /// An attempt ended: the endpoint was reached.
    pub(crate) fn handle_success(&mut self, now: Instant, permit: Permit) {
        self.handle_timeout(now);
        self.successes += 1;
        // Admitted before the last change: it says how things were, and must not close what has opened since.
        if permit.generation != self.generation {
            return;
        }
        self.in_a_row = 0;
        self.failed_at = None;
        if let State::HalfOpen {
            places,
            out,
            succeeded,
        } = &mut self.state
        {
            remove(out, &permit);
            *succeeded += 1;
            if *succeeded >= *places {
                self.turn(State::Closed);
            }
        }
    }

    /// An attempt ended: the endpoint could not be reached, or spoke no sense.
    pub(crate) fn handle_failure(&mut self, now: Instant, permit: Permit) {
        self.handle_timeout(now);
        self.failures += 1;
        if permit.generation != self.generation {
            return;
        }
        // Eight connections that are dialled at once and refused at once are one failure, not eight.
        if self.failed_at.is_some_and(|at| permit.admitted < at) {
            return;
        }
        self.failed_at = Some(now);
        self.in_a_row = self.in_a_row.saturating_add(1);
        // One failed probe is enough: half open means that failures were many before.
        let worn = self.in_a_row >= self.settings.threshold.max(1);
        if worn || matches!(self.state, State::HalfOpen { .. }) {
            self.open(now);
        }
    }

    /// An attempt was not made after all, or its outcome says nothing about the endpoint.
    pub(crate) fn handle_withdrawal(&mut self, permit: Permit) {
        // Only a half-open breaker counts its places.
        if let State::HalfOpen { out, .. } = &mut self.state {
            if permit.generation == self.generation {
                remove(out, &permit);
            }
        }
    }

    /// Half-opens a breaker that has rested, and opens one whose probe never returned.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        match &self.state {
            State::Open { since } if super::later(*since, self.settings.reset) <= now => {
                self.half_open(self.settings.max_requests.max(1));
            }
            State::HalfOpen { out, .. } if out.iter().any(|expiry| *expiry <= now) => {
                self.failures += 1;
                self.in_a_row = self.in_a_row.saturating_add(1);
                self.open(now);
            }
            _ => {}
        }
    }

    /// What it lets through, as of the last call.
    pub(crate) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
            State::Open { .. } => BreakerState::Open,
        }
    }

    /// Counts and state, as of the last call.
    pub(crate) fn stats(&self) -> BreakerStats {
        BreakerStats {
            state: self.state(),
            failures_in_a_row: self.in_a_row,
            successes: self.successes,
            failures: self.failures,
            rejections: self.rejections,
            openings: self.openings,
        }
    }

    /// Begins to probe, with so many places.
    fn half_open(&mut self, places: u32) {
        self.turn(State::HalfOpen {
            places,
            out: Vec::new(),
            succeeded: 0,
        });
    }

    /// Begins to rest. The reset counts from here, whatever opened it.
    fn open(&mut self, now: Instant) {
        self.openings += 1;
        self.turn(State::Open { since: now });
    }

    /// Every change of state goes through here, so that none forgets the generation.
    fn turn(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
        self.failed_at = None;
        // Kept otherwise: statistics show how many failures led here.
        if matches!(self.state, State::Closed) {
            self.in_a_row = 0;
        }
    }
}

/// Frees the place of a probe. Probes that were admitted in one instant share an expiry, and it does not
/// matter which of them goes.
fn remove(out: &mut Vec<Instant>, permit: &Permit) {
    if let Some(at) = out
        .iter()
        .position(|expiry| Some(*expiry) == permit.expires)
    {
        out.swap_remove(at);
    }
}

/// The breakers of a client, one for each endpoint that it has tried to move to.
///
/// Invariant: `entries.len() <= CAP`.
#[derive(Debug)]
pub(crate) struct Breakers {
    settings: BreakerSettings,
    entries: SortedMap<Endpoint, Entry>,
}

/// A breaker that is remembered.
#[derive(Debug)]
struct Entry {
    breaker: Breaker,
    /// When it was last asked for leave to dial.
    used: Instant,
}

/// Endpoints remembered at once; a server that names ever new ones only displaces its own.
const CAP: usize = 128;
/// A breaker that nobody has asked for this long is forgotten.
const IDLE: Duration = Duration::from_secs(30 * 60);

impl Breakers {
    /// No breakers yet; each new one gets these settings.
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            entries: SortedMap::new(),
        }
    }

    /// The breaker of this endpoint, closed if there was none.
    pub(crate) fn of(&mut self, endpoint: &Endpoint, now: Instant) -> &mut Breaker {
        // Looked up again, because room can be made only while nothing is borrowed.
        if !self.entries.contains_key(endpoint) {
            self.make_room();
        }
        let settings = self.settings;
        let entry = self.entries.or_insert_with(endpoint.clone(), || Entry {
            breaker: Breaker::new(settings),
            used: now,
        });
        entry.used = now;
        &mut entry.breaker
    }

    /// The breaker of this endpoint, if there is one: results of forgotten breakers count nowhere.
    pub(crate) fn known(&mut self, endpoint: &Endpoint) -> Option<&mut Breaker> {
        self.entries
            .get_mut(endpoint)
            .map(|entry| &mut entry.breaker)
    }

    /// Counts and state of each.
    pub(crate) fn stats(&self) -> impl Iterator<Item = (&Endpoint, BreakerStats)> {
        self.entries
            .iter()
            .map(|(endpoint, entry)| (endpoint, entry.breaker.stats()))
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets idle breakers. Yields the endpoints of those that were not closed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<Endpoint> {
        let mut changed = Vec::new();
        self.entries.retain(|endpoint, entry| {
            // One that is not closed changes for those who watch: it counts as closed once it is forgotten.
            let idle = now.saturating_duration_since(entry.used) >= IDLE;
            if idle && entry.breaker.state() != BreakerState::Closed {
                changed.push(endpoint.clone());
            }
            !idle
        });
        changed
    }

    /// Forgets the least recently used breaker when there is no place for another.
    fn make_room(&mut self) {
        if self.entries.len() >= CAP {
            let stalest = self.entries.iter().min_by_key(|(_, entry)| entry.used);
            if let Some(endpoint) = stalest.map(|(endpoint, _)| endpoint.clone()) {
                self.entries.remove(&endpoint);
            }
        }
    }
}

#[cfg(test)]
mod tests;
