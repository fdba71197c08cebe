//! The entries of a node's pool by their numbers, and which of them callers wait for. Dials nothing, and moves
//! nothing: it answers what is asked about all of them.

use super::entry::Entry;
use super::state::Phase;
use crate::ids::{EntryId, HandoffId};
use std::ops::{Deref, DerefMut};

/// All entries that the planner knows: the shared ones, and then as many of the dedicated ones as were ever
/// wanted. A slice in all else: what has no number is asked of all.
#[derive(Debug)]
pub(super) struct Entries {
    all: Vec<Entry>,
    /// How many of them, from the front, are shared by all callers. The rest serve one caller at a time.
    shared: usize,
    /// The pool has reported callers who cannot go on without another link, and has not withdrawn that.
    awaited: bool,
}

impl Entries {
    /// So many shared entries, all vacant; one at least, so that somebody can be served.
    pub(super) fn new(shared: usize) -> Self {
        let shared = shared.max(1);
        Self {
            all: (0..shared).map(|_| Entry::new()).collect(),
            shared,
            awaited: false,
        }
    }

    /// Has at least this entry, and all before it.
    pub(super) fn reach(&mut self, id: EntryId) {
        if !self.has(id) {
            self.all
                .resize_with(id.index().saturating_add(1), Entry::new);
        }
    }

    pub(super) fn has(&self, id: EntryId) -> bool {
        id.index() < self.all.len()
    }

    pub(super) fn get(&self, id: EntryId) -> Option<&Entry> {
        self.all.get(id.index())
    }

    pub(super) fn get_mut(&mut self, id: EntryId) -> Option<&mut Entry> {
        self.all.get_mut(id.index())
    }

    /// All numbers, in order.
    pub(super) fn ids(&self) -> impl Iterator<Item = EntryId> + use<> {
        (0..self.all.len()).map(EntryId::new)
    }

    /// All entries with their numbers.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        self.ids().zip(&self.all)
    }

    /// All entries with their numbers, to be changed.
    pub(super) fn numbered_mut(&mut self) -> impl Iterator<Item = (EntryId, &mut Entry)> {
        self.ids().zip(&mut self.all)
    }

    /// The entries that all callers share.
    pub(super) fn shared(&self) -> impl Iterator<Item = &Entry> {
        self.all.iter().take(self.shared)
    }

    /// The entries that all callers share.
    pub(super) fn shared_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.all.iter_mut().take(self.shared)
    }

    /// Whether this entry serves one caller at a time. One that is out of bounds does not serve at all, but
    /// would.
    pub(super) fn is_dedicated(&self, id: EntryId) -> bool {
        id.index() >= self.shared
    }

    /// So many more shared entries are wanted. A fill under way that nobody has claimed is claimed first: its
    /// link comes soonest, and from now on it is tried again until it succeeds.
    pub(super) fn want(&mut self, count: usize, awaited: bool) {
        self.awaited |= awaited;
        let is_filling = |entry: &Entry| entry.state.phase() == Phase::Filling;
        let is_free = |entry: &Entry| !entry.wanted && (is_filling(entry) || entry.is_fillable());
        let mut left = count;
        for fills in [true, false] {
            for entry in self.shared_mut() {
                if left > 0 && is_free(entry) && is_filling(entry) == fills {
                    entry.wanted = true;
                    left -= 1;
                }
            }
        }
    }

    /// No caller waits for a shared entry any more.
    pub(super) fn unwant(&mut self) {
        self.awaited = false;
        self.shared_mut().for_each(|entry| entry.wanted = false);
    }

    /// Whether a caller waits until an entry is filled. Without any link, whoever wants one does, and whoever
    /// wants a dedicated one always does.
    pub(super) fn is_awaited(&self) -> bool {
        let is_wanted = |entry: &Entry| entry.wanted;
        let mut dedicated = self.all.iter().skip(self.shared);
        dedicated.any(is_wanted)
            || self.shared().any(is_wanted) && (self.awaited || self.serving() == 0)
    }

    /// How many shared entries have a link that takes commands.
    pub(super) fn serving(&self) -> usize {
        let serves = |entry: &&Entry| entry.state.live().is_some();
        self.shared().filter(serves).count()
    }

    /// How many shared entries have a link or a job.
    pub(super) fn shared_held(&self) -> usize {
        self.shared().filter(|entry| is_held(entry)).count()
    }

    /// How many entries, dedicated ones included, have a link or a job: each has a socket, or is about to.
    pub(super) fn held(&self) -> usize {
        self.all.iter().filter(|entry| is_held(entry)).count()
    }

    /// How many entries have two sockets, because a job prepares a second link.
    pub(super) fn moving(&self) -> usize {
        let is_moving = |entry: &&Entry| entry.state.phase() == Phase::Handing;
        self.all.iter().filter(is_moving).count()
    }

    /// How many entries have yet to move for this handoff.
    pub(super) fn left(&self, id: HandoffId) -> usize {
        self.all.iter().filter(|entry| entry.is_left_to(id)).count()
    }

    /// Entries that wait for this handoff stay where they are.
    pub(super) fn unmark(&mut self, id: HandoffId) {
        let is_marked = |entry: &&mut Entry| entry.state.is_marked_for(id);
        let marked = self.all.iter_mut().filter(is_marked);
        marked.for_each(|entry| entry.state.unmark());
    }
}

fn is_held(entry: &Entry) -> bool {
    entry.state.phase() != Phase::Vacant
}

impl Deref for Entries {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        &self.all
    }
}

impl DerefMut for Entries {
    fn deref_mut(&mut self) -> &mut [Entry] {
        &mut self.all
    }
}
