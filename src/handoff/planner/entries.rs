//! The entries of a node's pool by their numbers. Keeps them, and decides nothing about them.

use super::entry::Entry;
use crate::ids::EntryId;
use std::ops::{Deref, DerefMut};

/// All entries that the planner knows: the shared ones, and then as many of the dedicated ones as were ever
/// wanted. A slice in all else: what has no number is asked of all.
#[derive(Debug)]
pub(super) struct Entries(Vec<Entry>);

impl Entries {
    /// So many vacant entries.
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).map(|_| Entry::new()).collect())
    }

    /// Has at least this entry, and all before it.
    pub(super) fn reach(&mut self, id: EntryId) {
        if !self.has(id) {
            self.0.resize_with(id.index().saturating_add(1), Entry::new);
        }
    }

    pub(super) fn has(&self, id: EntryId) -> bool {
        id.index() < self.0.len()
    }

    pub(super) fn get(&self, id: EntryId) -> Option<&Entry> {
        self.0.get(id.index())
    }

    pub(super) fn get_mut(&mut self, id: EntryId) -> Option<&mut Entry> {
        self.0.get_mut(id.index())
    }

    /// All numbers, in order.
    pub(super) fn ids(&self) -> impl Iterator<Item = EntryId> + use<> {
        (0..self.0.len()).map(EntryId::new)
    }

    /// All entries with their numbers.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        self.ids().zip(&self.0)
    }

    /// All entries with their numbers, to be changed.
    pub(super) fn numbered_mut(&mut self) -> impl Iterator<Item = (EntryId, &mut Entry)> {
        self.ids().zip(&mut self.0)
    }
}

impl Deref for Entries {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        &self.0
    }
}

impl DerefMut for Entries {
    fn deref_mut(&mut self) -> &mut [Entry] {
        &mut self.0
    }
}
