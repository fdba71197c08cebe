//! The handoffs that go on, or ended so lately that stragglers may still reopen them. Begins none, and
//! publishes nothing.

use super::handoff::{Destination, Handoff, Stage};
use super::lookups::Lookups;
use super::timer::Soonest;
use crate::ids::HandoffId;
use crate::protocol::Endpoint;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// All handoffs that are remembered.
///
/// Invariant: at most one for each retiring address, because whoever adds one takes out the older one first.
#[derive(Debug, Default)]
pub(super) struct Handoffs {
    list: Vec<Handoff>,
    next: HandoffId,
}

impl Handoffs {
    /// A number that no handoff of this planner had.
    pub(super) fn number(&mut self) -> HandoffId {
        let id = self.next;
        self.next = id.next();
        id
    }

    pub(super) fn add(&mut self, handoff: Handoff) {
        self.list.push(handoff);
    }

    pub(super) fn get(&self, id: HandoffId) -> Option<&Handoff> {
        self.list.iter().find(|handoff| handoff.id == id)
    }

    pub(super) fn get_mut(&mut self, id: HandoffId) -> Option<&mut Handoff> {
        self.list.iter_mut().find(|handoff| handoff.id == id)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Handoff> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Handoff> {
        self.list.iter_mut()
    }

    /// Those that still move entries.
    pub(super) fn active(&self) -> impl Iterator<Item = &Handoff> {
        self.list.iter().filter(|handoff| handoff.is_active())
    }

    /// Those that still move entries.
    pub(super) fn active_mut(&mut self) -> impl Iterator<Item = &mut Handoff> {
        self.list.iter_mut().filter(|handoff| handoff.is_active())
    }

    /// Whether this one still moves entries.
    pub(super) fn is_active(&self, id: HandoffId) -> bool {
        self.get(id).is_some_and(Handoff::is_active)
    }

    /// The one that moves entries away from this address.
    pub(super) fn away_from(&self, addr: SocketAddr) -> Option<&Handoff> {
        self.list
            .iter()
            .find(|handoff| handoff.retiring == Some(addr))
    }

    /// Takes out the one that concerns the same address, so that a newer one can stand in its place.
    pub(super) fn take(&mut self, retiring: Option<SocketAddr>) -> Option<Handoff> {
        let is_same = |handoff: &Handoff| handoff.retiring == retiring;
        let at = self.list.iter().position(is_same)?;
        Some(self.list.swap_remove(at))
    }

    /// Forgets those that are over and whose stragglers nobody waits for.
    pub(super) fn forget(&mut self, now: Instant) {
        self.list
            .retain(|handoff| handoff.is_active() || handoff.give_up > now);
    }

    /// Whether a dial on behalf of one has failed, and none has reached this place.
    pub(super) fn has_missed(&self, place: &Endpoint) -> bool {
        let missed = |handoff: &Handoff| handoff.misses > 0 && handoff.has_not_reached(place);
        self.list.iter().any(missed)
    }

    /// Whether a dial on behalf of one has hung, and none has reached this place.
    pub(super) fn has_hung(&self, place: &Endpoint) -> bool {
        let hung = |handoff: &Handoff| handoff.hung && handoff.has_not_reached(place);
        self.list.iter().any(hung)
    }

    /// A breaker may admit more than it did: those that wait for one ask again at once.
    pub(super) fn unblock(&mut self) {
        for handoff in self.list.iter_mut().filter(|handoff| handoff.blocked) {
            handoff.blocked = false;
            handoff.retry_at = None;
        }
    }

    /// Since when one waits for what the configured name resolves to, and how often one of them asks.
    pub(super) fn searching(&self) -> Option<(Instant, Duration)> {
        let searches = self.active().filter_map(|handoff| {
            let since = match handoff.destination {
                _ if handoff.stage == Stage::Spreading => None,
                Destination::Unknown | Destination::Resolved(_) => Some(handoff.first_seen),
                Destination::Announced(_) => Some(handoff.half),
                Destination::Configured => handoff.retiring.map(|_| handoff.first_seen),
            };
            Some((since?, Lookups::pace(handoff.announced())))
        });
        searches.reduce(|one, other| (one.0.min(other.0), one.1.min(other.1)))
    }

    /// When one begins, tries again, or reaches half of its time, its last chance or its end.
    pub(super) fn note_times(&self, soonest: &mut Soonest) {
        for handoff in self.active() {
            soonest.note(Some(handoff.half));
            soonest.note(Some(handoff.last_chance));
            soonest.note(Some(handoff.give_up));
            soonest.note(handoff.begins());
            soonest.note(handoff.retry_at);
        }
    }
}
