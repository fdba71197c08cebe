//! A list with expiry and cap: what is remembered for a while, and the oldest forgotten first for want of room.
//! Wakes nobody: what has expired is not found any more, and goes with the next insertion.

use std::time::Instant;

#[derive(Debug)]
struct Item<K, V> {
    key: K,
    value: V,
    until: Instant,
}

/// Values by key, each with the time until which it is remembered.
///
/// Invariant: at most `cap` items, one for each key, the oldest first.
#[derive(Debug)]
pub(super) struct Expiring<K, V> {
    cap: usize,
    items: Vec<Item<K, V>>,
}

impl<K: PartialEq, V> Expiring<K, V> {
    /// Remembers at most `cap` items.
    pub(super) fn new(cap: usize) -> Self {
        Self {
            cap,
            items: Vec::new(),
        }
    }

    /// What is remembered of this key at `now`.
    pub(super) fn get(&self, now: Instant, key: &K) -> Option<&V> {
        let (_, value) = self.iter(now).find(|(known, _)| *known == key)?;
        Some(value)
    }

    /// Remembers a value until then, in place of any other of this key.
    pub(super) fn insert(&mut self, now: Instant, key: K, value: V, until: Instant) {
        self.items
            .retain(|item| item.until > now && item.key != key);
        if self.items.len() >= self.cap {
            // The order of insertion is the order of age, because retain keeps it.
            self.items.remove(0);
        }
        self.items.push(Item { key, value, until });
    }

    /// All that is remembered at `now`, the oldest first.
    pub(super) fn iter(&self, now: Instant) -> impl Iterator<Item = (&K, &V)> {
        let held = self.items.iter().filter(move |item| item.until > now);
        held.map(|item| (&item.key, &item.value))
    }

    /// How many items take up memory.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }
}
