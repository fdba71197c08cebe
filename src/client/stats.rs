//! What a client has done and is doing, in numbers.

use crate::counters::Counters;
use crate::link::{Roster, Slot};
use crate::protocol::Endpoint;
use std::net::SocketAddr;

/// What a client has done since it began, and what it is doing now.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// The slots of the pool, in order.
    pub slots: Vec<SlotStats>,
    /// Connections that were made.
    pub connections_opened: u64,
    /// Connections that ended without being replaced first.
    pub connections_lost: u64,
    /// Attempts to make a connection that failed.
    pub dials_failed: u64,
    /// Slots that were moved to another connection while the old one served.
    pub handoffs: u64,
    /// Maintenance notifications that could be read, every copy counted.
    pub notifications: u64,
    /// Maintenance notifications that could not be read.
    pub notifications_malformed: u64,
    /// Pushes that are no maintenance notifications.
    pub pushes_unknown: u64,
    /// Moves of a whole address: begun, ended, and not ended in time.
    pub operations_started: u64,
    /// Of those, how many have moved every slot.
    pub operations_completed: u64,
    /// Of those, how many ran out of time.
    pub operations_failed: u64,
    /// Connections whose server refused maintenance notifications.
    pub opt_ins_refused: u64,
    /// Moves that had to be offered again because the workers' queue was full.
    pub queue_overflows: u64,
    /// Requests that shared a busy connection.
    pub requests_shared: u64,
    /// Places named by a server that may not be dialled.
    pub targets_refused: u64,
}

/// One slot of the pool.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SlotStats {
    /// The address at the other end; `None` without a connection, and for unix sockets.
    pub peer: Option<SocketAddr>,
    /// What was dialled; `None` without a connection.
    pub endpoint: Option<Endpoint>,
    /// Grows with every connection that is put in or taken out.
    pub generation: u64,
    /// How many requests use the slot now.
    pub requests: usize,
    /// Whether the server announces its maintenance on the connection.
    pub opted_in: bool,
}

impl Stats {
    pub(super) fn of(roster: &Roster, counters: &Counters) -> Self {
        Self {
            slots: roster.slots().iter().map(SlotStats::of).collect(),
            connections_opened: counters.links_opened.read(),
            connections_lost: counters.links_lost.read(),
            dials_failed: counters.dials_failed.read(),
            handoffs: counters.handoffs.read(),
            notifications: counters.pushes.read(),
            notifications_malformed: counters.malformed_pushes.read(),
            pushes_unknown: counters.unknown_pushes.read(),
            operations_started: counters.operations_started.read(),
            operations_completed: counters.operations_completed.read(),
            operations_failed: counters.operations_failed.read(),
            opt_ins_refused: counters.opt_ins_refused.read(),
            queue_overflows: counters.queue_overflows.read(),
            requests_shared: counters.shared.read(),
            targets_refused: counters.targets_refused.read(),
        }
    }

    /// How many slots have a connection.
    pub fn connections(&self) -> usize {
        self.slots.iter().filter(|slot| slot.endpoint.is_some()).count()
    }
}

impl SlotStats {
    fn of(slot: &Slot) -> Self {
        let link = slot.link();
        Self {
            peer: link.as_ref().and_then(|link| link.peer()),
            endpoint: link.as_ref().map(|link| link.via().clone()),
            generation: slot.generation(),
            requests: slot.requests(),
            opted_in: link.as_ref().is_some_and(|link| link.opted_in()),
        }
    }
}
