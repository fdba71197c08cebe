//! Entries that serve one caller at a time: filled for that caller alone, moved like all others, and
//! closed when nobody has used them for a while. They stand behind the shared entries.

use super::Planner;
use super::action::Action;
use super::timer::Soonest;
use crate::handoff::announcements::Announcements;
use crate::handoff::later;
use crate::ids::{EntryId, LinkId};
use std::time::{Duration, Instant};

/// A dedicated connection that nobody uses is closed after this: callers who block come in bursts, and
/// the server's places are not to be held beyond them.
const IDLE: Duration = Duration::from_secs(30);

impl Planner {
    /// The caller that has this dedicated entry waits for a link in it. An entry that has one by now has met that
    /// wish; whoever waits when that link ends is to be reported again then.
    pub(crate) fn handle_wanted_alone(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        entry: EntryId,
    ) {
        let now = self.tick(now);
        let end = self
            .settings
            .pool_size
            .saturating_add(self.settings.dedicated);
        if self.entries.is_dedicated(entry) && entry.index() < end {
            self.entries.reach(entry);
            if let Some(entry) = self.entries.get_mut(entry) {
                entry.wanted = entry.state.live().is_none();
            }
        }
        self.advance(now, ann);
    }

    /// Nobody waits for a link in this dedicated entry any more.
    pub(crate) fn handle_unwanted_alone(&mut self, entry: EntryId) {
        if let Some(entry) = self.entries.get_mut(entry) {
            entry.wanted = false;
        }
    }

    /// Nobody has used this dedicated entry since then; `None`: a caller has it.
    pub(crate) fn handle_idle(
        &mut self,
        now: Instant,
        entry: EntryId,
        link: LinkId,
        since: Option<Instant>,
    ) {
        let now = self.tick(now);
        let Some(mine) = self.entries.get_mut(entry) else {
            return;
        };
        if mine.state.live().is_none_or(|live| live.link != link) {
            return;
        }
        let until = later(since.unwrap_or(now), IDLE);
        if until <= now {
            self.actions.push_back(Action::CloseUnused { entry, link });
        } else {
            mine.look_at = Some(until);
        }
    }

    /// A link has come up in this entry.
    pub(super) fn watch_idleness(&mut self, now: Instant, entry: EntryId) {
        if self.entries.is_dedicated(entry) {
            if let Some(entry) = self.entries.get_mut(entry) {
                entry.look_at = Some(later(now, IDLE));
            }
        }
    }

    pub(super) fn look_for_idle(&mut self, now: Instant) {
        for (at, entry) in self.entries.numbered_mut() {
            let is_due = entry.look_at.is_some_and(|at| at <= now);
            if let Some(live) = entry.state.live().filter(|_| is_due) {
                let link = live.link;
                let action = Action::LookWhetherIdle { entry: at, link };
                self.actions.push_back(action);
            }
            if is_due {
                entry.look_at = None;
            }
        }
    }

    /// When a dedicated entry is to be looked at.
    pub(super) fn note_idle_looks(&self, soonest: &mut Soonest) {
        for entry in self.entries.iter() {
            soonest.note(entry.look_at);
        }
    }
}
