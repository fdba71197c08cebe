//! The events seen lately, so that the first copy of one is told from its other copies. Keeps no order: an
//! old number that was not seen before is new.
//!
//! A database announces one event on every connection, and again to each connection that opts in
//! while the event lasts. Only the first copy counts; it also anchors the event's deadline.

use super::event_id::{EventId, Kind};
use crate::protocol::Endpoint;
use std::time::Instant;

#[derive(Debug)]
struct Sighting {
    id: EventId,
    first: Instant,
    expires: Instant,
}

/// The events seen lately.
///
/// Invariant: `sightings.len() <= CAP`.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    sightings: Vec<Sighting>,
}

/// Events remembered at once; beyond that the oldest is forgotten.
const CAP: usize = 256;

impl Memory {
    /// Nothing seen.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// When the first copy was seen, if it was and is remembered.
    pub(crate) fn first(&self, id: &EventId, now: Instant) -> Option<Instant> {
        self.sightings
            .iter()
            .find(|s| s.id == *id && s.expires > now)
            .map(|s| s.first)
    }

    /// Whether a completion of this kind with a higher number was seen: a start that comes after it is
    /// late, not new.
    pub(crate) fn is_beyond(&self, completion: Kind, seq: Option<i64>, now: Instant) -> bool {
        self.sightings
            .iter()
            .filter(|s| s.expires > now)
            .filter(|s| s.id.kind == completion)
            .any(|s| s.id.seq.zip(seq).is_some_and(|(seen, seq)| seq < seen))
    }

    /// When a move with this number and target, from whatever address, was first seen.
    pub(crate) fn first_move(
        &self,
        seq: Option<i64>,
        target: Option<&Endpoint>,
        now: Instant,
    ) -> Option<Instant> {
        self.sightings
            .iter()
            .filter(|s| s.expires > now)
            .filter(|s| {
                s.id.kind == Kind::Moving && s.id.seq == seq && s.id.target.as_ref() == target
            })
            .map(|s| s.first)
            .min()
    }

    /// Remembers a first copy until `expires`.
    pub(crate) fn remember(&mut self, id: EventId, now: Instant, expires: Instant) {
        self.sightings.retain(|s| s.expires > now && s.id != id);
        if self.sightings.len() >= CAP {
            // The order of insertion is the order of age, because retain keeps it.
            self.sightings.remove(0);
        }
        self.sightings.push(Sighting {
            id,
            first: now,
            expires,
        });
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.sightings.len()
    }
}

#[cfg(test)]
mod tests;
