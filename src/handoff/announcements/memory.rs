//! The events seen lately, so that the first copy of one is told from its other copies. Keeps no order: an
//! old number that was not seen before is new.
//!
//! A database announces one event on every connection, and again to each connection that opts in
//! while the event lasts. Only the first copy counts; it also anchors the event's deadline.

use super::event_id::{EventId, Kind};
use crate::handoff::expiring::Expiring;
use crate::protocol::Endpoint;
use std::time::Instant;

/// Events remembered at once; beyond that the oldest is forgotten.
const CAP: usize = 256;

/// The events seen lately, and when their first copies came.
#[derive(Debug)]
pub(super) struct Memory(Expiring<EventId, Instant>);

impl Memory {
    /// Nothing seen.
    pub(super) fn new() -> Self {
        Self(Expiring::new(CAP))
    }

    /// When the first copy was seen, if it was and is remembered.
    pub(super) fn first(&self, id: &EventId, now: Instant) -> Option<Instant> {
        self.0.get(now, id).copied()
    }

    /// Whether a completion of this kind with a higher number was seen: a start that comes after it is
    /// late, not new.
    pub(super) fn is_beyond(&self, completion: Kind, seq: Option<i64>, now: Instant) -> bool {
        let ids = self.0.iter(now).map(|(id, _)| id);
        ids.filter(|id| id.kind == completion)
            .any(|id| id.seq.zip(seq).is_some_and(|(seen, seq)| seq < seen))
    }

    /// When a move with this number and target, from whatever address, was first seen.
    pub(super) fn first_move(
        &self,
        seq: Option<i64>,
        target: Option<&Endpoint>,
        now: Instant,
    ) -> Option<Instant> {
        let mut earliest: Option<Instant> = None;
        for (id, first) in self.0.iter(now) {
            if id.kind == Kind::Moving && id.seq == seq && id.target.as_ref() == target {
                earliest = Some(earliest.map_or(*first, |known| known.min(*first)));
            }
        }
        earliest
    }

    /// Remembers a first copy until `expires`.
    pub(super) fn remember(&mut self, id: EventId, now: Instant, expires: Instant) {
        self.0.insert(now, id, now, expires);
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests;
