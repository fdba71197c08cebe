//! Which shared entries have a link. Guards nothing: an entry is marked under its own lock.

use crate::ids::EntryId;
use crate::sync::{AtomicU64, Ordering};

/// The shared entries that have a link: a bit each.
#[derive(Debug)]
pub(super) struct LiveEntries(Box<[AtomicU64]>);

impl LiveEntries {
    pub(super) fn new(count: usize) -> Self {
        Self((0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn set(&self, id: EntryId) {
        if let Some(word) = self.0.get(id.index() / 64) {
            word.fetch_or(1 << (id.index() % 64), Ordering::AcqRel);
        }
    }

    pub(super) fn clear(&self, id: EntryId) {
        if let Some(word) = self.0.get(id.index() / 64) {
            word.fetch_and(!(1 << (id.index() % 64)), Ordering::AcqRel);
        }
    }

    #[cfg(test)]
    pub(super) fn has(&self, id: EntryId) -> bool {
        self.0
            .get(id.index() / 64)
            .is_some_and(|word| word.load(Ordering::Acquire) >> (id.index() % 64) & 1 == 1)
    }

    /// The lowest one.
    #[inline]
    pub(super) fn first(&self) -> Option<EntryId> {
        let mut words = self.0.iter().enumerate();
        words.find_map(|(index, word)| {
            // A link may go right after this look: the entry, under its own lock, has the last word.
            let word = word.load(Ordering::Acquire);
            let bit = word.trailing_zeros() as usize;
            // An empty word has 64 zeros, and no entry.
            (word != 0).then(|| EntryId::new(index * 64 + bit))
        })
    }

    /// Whether there are two at least.
    #[inline]
    pub(super) fn are_several(&self) -> bool {
        // Words are read one after the other, which is no snapshot: callers take the answer as a hint.
        let mut found = 0;
        for word in &self.0 {
            found += word.load(Ordering::Acquire).count_ones();
            if found > 1 {
                return true;
            }
        }
        false
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = EntryId> {
        self.0.iter().enumerate().flat_map(|(index, word)| {
            // One load for each word: entries that come or go during the walk may be missed or be in it.
            let mut rest = word.load(Ordering::Acquire);
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                Some(EntryId::new(index * 64 + bit))
            })
        })
    }
}
