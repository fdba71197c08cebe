//! What a node does about entries that serve one caller at a time: those of commands that block on the
//! server. Decides nothing: when one is closed for want of use, its planner says. Runs on the coordinator's
//! thread, while callers take entries and leave them.

use super::Node;
use crate::error::CloseReason;
use crate::ids::{EntryId, LinkId};
use crate::pool::Entry;
use std::time::Instant;

impl Node {
    /// Whether a caller has this entry.
    pub(super) fn has_caller(&self, entry: EntryId) -> bool {
        self.entries()
            .get(entry)
            .is_some_and(|entry| entry.load() > 0)
    }

    /// Whether the caller that has this entry waits for a link in it, which is not on its way.
    pub(super) fn is_awaited_alone(&self, entry: EntryId) -> bool {
        let mine = self.entries().get(entry);
        mine.is_some_and(|entry| entry.is_awaited() && entry.link().is_none())
    }

    /// Tells the planner since when this dedicated entry has not been used.
    pub(super) fn look_whether_idle(&mut self, now: Instant, entry: EntryId, link: LinkId) {
        // Its link is used as long as it is there, so that nobody need look again.
        if self.entries().tenant(entry).is_some() {
            return;
        }
        let since = self.entries().get(entry).and_then(Entry::idle_since);
        self.planner.handle_idle(now, entry, link, since);
    }

    /// Closes the link of a dedicated entry, unless a caller has just taken the entry.
    pub(super) fn close_unused(&mut self, now: Instant, id: EntryId, link: LinkId) {
        let (Some(entry), Some(open)) = (self.entries().get(id), self.links.get(&link)) else {
            return;
        };
        // Claimed like by a caller: whoever comes now takes another entry, or waits for this one to be
        // left.
        if !entry.try_claim() {
            return self.planner.handle_idle(now, id, link, None);
        }
        self.entries().lost(open);
        open.close_if_idle(CloseReason::Idle);
        self.entries().leave_dedicated(entry);
    }
}
