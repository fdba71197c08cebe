//! Tells the first copy of an event from its other copies. Keeps no order: an old number that was
//! not seen before is new.
//!
//! A database announces one event on every connection, and again to each connection that opts in
//! while the event lasts. Only the first copy counts; it also anchors the event's deadline.

use crate::protocol::Endpoint;
use std::net::SocketAddr;
use std::time::Instant;

/// What notifications other than MOVING are told apart by.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Kind {
    /// A failover has ended.
    FailedOver,
    /// A failover begins.
    FailingOver,
    /// A shard has moved.
    Migrated,
    /// A shard moves.
    Migrating,
    /// Hash slots have moved.
    SlotsMigrated,
    /// Hash slots move.
    SlotsMigrating,
}

impl Kind {
    /// What ends what this starts.
    pub(crate) fn completion(self) -> Self {
        match self {
            Self::FailedOver | Self::FailingOver => Self::FailedOver,
            Self::Migrated | Self::Migrating => Self::Migrated,
            Self::SlotsMigrated | Self::SlotsMigrating => Self::SlotsMigrated,
        }
    }
}

/// What makes two notifications the same event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Identity {
    /// The address that retires, the number, the target. Numbers alone do not do: overlapping moves
    /// may share one.
    Moving {
        /// The address that retires.
        peer: Option<SocketAddr>,
        /// The number.
        seq: Option<i64>,
        /// Where to go.
        target: Option<Endpoint>,
    },
    /// Kind and number. Without a number, all of one kind that arrive in one window are the same.
    Other(Kind, Option<i64>),
}

#[derive(Debug)]
struct Sighting {
    identity: Identity,
    first: Instant,
    expires: Instant,
}

/// The events seen lately.
///
/// Invariant: `sightings.len() <= CAP`.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    sightings: Vec<Sighting>,
}

/// Events remembered at once; beyond that the oldest is forgotten.
const CAP: usize = 256;

impl Seen {
    /// Nothing seen.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// When the first copy was seen, if it was and is remembered.
    pub(crate) fn first(&self, identity: &Identity, now: Instant) -> Option<Instant> {
        self.sightings
            .iter()
            .find(|s| s.identity == *identity && s.expires > now)
            .map(|s| s.first)
    }

    /// Whether a completion of this kind with a higher number was seen: a start that comes after it is
    /// late, not new.
    pub(crate) fn is_beyond(&self, completion: Kind, seq: Option<i64>, now: Instant) -> bool {
        self.sightings
            .iter()
            .filter(|s| s.expires > now)
            .any(|s| match s.identity {
                Identity::Other(kind, Some(seen)) => {
                    kind == completion && seq.is_some_and(|seq| seq < seen)
                }
                _ => false,
            })
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
                matches!(&s.identity, Identity::Moving { seq: q, target: t, .. }
                    if *q == seq && t.as_ref() == target)
            })
            .map(|s| s.first)
            .min()
    }

    /// Remembers a first copy until `expires`.
    pub(crate) fn remember(&mut self, identity: Identity, now: Instant, expires: Instant) {
        self.sightings
            .retain(|s| s.expires > now && s.identity != identity);
        if self.sightings.len() >= CAP {
            // The order of insertion is the order of age, because retain keeps it.
            self.sightings.remove(0);
        }
        self.sightings.push(Sighting {
            identity,
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
