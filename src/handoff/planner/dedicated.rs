//! Slots that serve one caller at a time: filled for that caller alone, moved like all others, and
//! closed when nobody has used them for a while. They stand behind the shared slots.

use super::Planner;
use super::action::Action;
use crate::handoff::announcements::Announcements;
use crate::handoff::later;
use crate::ids::{EntryId, LinkId};
use std::time::{Duration, Instant};

/// A dedicated connection that nobody uses is closed after this: callers who block come in bursts, and
/// the server's places are not to be held beyond them.
const IDLE: Duration = Duration::from_secs(30);

impl Planner {
    /// Whether this slot serves one caller at a time.
    pub(super) fn is_dedicated(&self, slot: EntryId) -> bool {
        slot.index() >= self.settings.slots
    }

    /// The caller that has this dedicated slot waits for a link in it. A slot that has one by now has met that
    /// wish; whoever waits when that link ends is to be reported again then.
    pub(crate) fn handle_wanted_alone(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        slot: EntryId,
    ) {
        let now = self.tick(now);
        let end = self.settings.slots.saturating_add(self.settings.dedicated);
        if self.is_dedicated(slot) && slot.index() < end {
            self.entries.reach(slot);
            if let Some(slot) = self.entries.get_mut(slot) {
                slot.wanted = slot.state.live().is_none();
            }
        }
        self.advance(now, ann);
    }

    /// Nobody waits for a link in this dedicated slot any more.
    pub(crate) fn handle_unwanted_alone(&mut self, slot: EntryId) {
        if let Some(slot) = self.entries.get_mut(slot) {
            slot.wanted = false;
        }
    }

    /// Nobody has used this dedicated slot since then; `None`: a caller has it.
    pub(crate) fn handle_idle(
        &mut self,
        now: Instant,
        slot: EntryId,
        link: LinkId,
        since: Option<Instant>,
    ) {
        let now = self.tick(now);
        let Some(mine) = self.entries.get_mut(slot) else {
            return;
        };
        if mine.state.live().is_none_or(|live| live.link != link) {
            return;
        }
        let until = later(since.unwrap_or(now), IDLE);
        if until <= now {
            self.actions.push_back(Action::CloseUnused { slot, link });
        } else {
            mine.look_at = Some(until);
        }
    }

    /// A link has come up in this slot.
    pub(super) fn watch_idleness(&mut self, now: Instant, slot: EntryId) {
        if self.is_dedicated(slot) {
            if let Some(slot) = self.entries.get_mut(slot) {
                slot.look_at = Some(later(now, IDLE));
            }
        }
    }

    pub(super) fn look_for_idle(&mut self, now: Instant) {
        for (at, slot) in self.entries.numbered_mut() {
            let is_due = slot.look_at.is_some_and(|at| at <= now);
            if let Some(live) = slot.state.live().filter(|_| is_due) {
                let link = live.link;
                let action = Action::LookWhetherIdle { slot: at, link };
                self.actions.push_back(action);
            }
            if is_due {
                slot.look_at = None;
            }
        }
    }

    /// When the next look is due.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.entries.iter().filter_map(|slot| slot.look_at).min()
    }
}
