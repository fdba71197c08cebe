//! What a node does about entries that serve one caller at a time: those of commands that block on the
//! server. Decides nothing: when one is closed for want of use, its planner says. Runs on the coordinator's
//! thread, while callers take entries and leave them.

use super::Node;
use crate::error::CloseReason;
use crate::ids::{EntryId, LinkId};
use crate::pool::Entry;
use std::time::Instant;

impl Node {
    /// Whether a caller has this slot.
    pub(super) fn has_caller(&self, slot: EntryId) -> bool {
        self.entries().get(slot).is_some_and(|slot| slot.load() > 0)
    }

    /// Whether the caller that has this slot waits for a link in it, which is not on its way.
    pub(super) fn is_awaited_alone(&self, slot: EntryId) -> bool {
        let slot = self.entries().get(slot);
        slot.is_some_and(|slot| slot.is_awaited() && slot.link().is_none())
    }

    /// Tells the planner since when this dedicated slot has not been used.
    pub(super) fn look_whether_idle(&mut self, now: Instant, slot: EntryId, link: LinkId) {
        let since = self.entries().get(slot).and_then(Entry::idle_since);
        self.planner.handle_idle(now, slot, link, since);
    }

    /// Closes the link of a dedicated slot, unless a caller has just taken the slot.
    pub(super) fn close_unused(&mut self, now: Instant, slot: EntryId, id: LinkId) {
        let (Some(seat), Some(link)) = (self.entries().get(slot), self.links.get(&id)) else {
            return;
        };
        // Claimed like by a caller: whoever comes now takes another entry, or waits for this one to be
        // left.
        if !seat.try_claim() {
            return self.planner.handle_idle(now, slot, id, None);
        }
        self.entries().lost(link);
        link.close_if_idle(CloseReason::Idle);
        self.entries().leave(seat);
    }
}
