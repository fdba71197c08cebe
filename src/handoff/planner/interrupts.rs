//! Which moves are interrupted, so that callers who wait do not wait for them too. Interrupts no fill.
//!
//! A move that hangs costs nobody anything while its entry has a link and a worker is free. Where either
//! is not so, whoever waits for a link would wait for the end of that dial.

use super::Planner;
use super::action::{Action, JobKind};
use super::entry::Entry;
use super::state::{Assignment, Phase};
use super::timer::Soonest;
use crate::handoff::later;
use crate::protocol::Endpoint;
use std::time::{Duration, Instant};

/// A dial that takes longer than this may never end.
pub(super) const HANGS: Duration = Duration::from_millis(250);
/// A move that was interrupted does not start again before this.
pub(super) const STAND_BACK: Duration = Duration::from_millis(500);

impl Planner {
    /// Interrupts the moves that are in the way of callers who wait.
    pub(super) fn interrupt_moves(&mut self, now: Instant) {
        let held_up = self.has_held_up_fill(now);
        for (at, entry) in self.entries.numbered_mut() {
            // The caller was promised this entry, whose link ended while the move was under way.
            let promised = entry.wanted && entry.state.phase() == Phase::Filling;
            let Some(job) = entry.state.assignment_mut() else {
                continue;
            };
            if (promised || held_up) && !job.interrupted && is_hanging(job, now) {
                job.interrupted = true;
                self.actions.push_back(Action::Interrupt { entry: at });
            }
        }
    }

    /// When there may be something to interrupt.
    pub(super) fn note_interrupts(&self, soonest: &mut Soonest) {
        if !self.entries.iter().any(|entry| entry.wanted) {
            return;
        }
        for entry in self.entries.iter() {
            let job = entry.state.assignment().filter(|job| !job.interrupted);
            soonest.note(job.map(|job| later(job.offered_at, HANGS)));
        }
    }

    /// Whether a move to this place is out for so long that it may be out of reach.
    pub(super) fn hangs_at(&self, now: Instant, place: &Endpoint) -> bool {
        let mut jobs = self
            .entries
            .iter()
            .filter_map(|entry| entry.state.assignment());
        jobs.any(|job| job.to == *place && is_hanging(job, now))
    }

    /// Whether a caller waits for a fill that may have no worker.
    fn has_held_up_fill(&self, now: Instant) -> bool {
        let working = |entry: &&Entry| entry.state.assignment().is_some();
        if self.entries.iter().filter(working).count() <= self.settings.workers {
            return false;
        }
        // A connection of a caller who blocks serves nobody else.
        let dark = self.entries.serving() == 0;
        let fill = |entry: &Entry| {
            let job = entry
                .state
                .assignment()
                .filter(|job| job.kind == JobKind::Fill);
            // Who can go on meanwhile waits a little for moves that are quick.
            entry.wanted && job.is_some_and(|job| dark || later(job.offered_at, HANGS) <= now)
        };
        self.entries.iter().any(fill)
    }
}

fn is_hanging(job: &Assignment, now: Instant) -> bool {
    job.kind == JobKind::Move && later(job.offered_at, HANGS) <= now
}
