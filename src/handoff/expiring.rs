//! A list with expiry and cap: what is remembered for a while, and the oldest forgotten first for want of room.
//! Has no timer and wakes nobody: what has expired is not found any more, and goes with the next insertion.
//!
//! It is a vector that is searched from its start. The lists are short (64 to 256 items), change a few times
//! in a handoff, and are asked on the coordinator or for a new connection, never for each command.

use std::time::Instant;

#[derive(Debug)]
struct Item<K, V> {
    key: K,
    value: V,
    /// Not found at this time, nor after it.
    until: Instant,
}

/// Values by key, each with the time until which it is remembered.
///
/// Reads that take `now` ([`get`](Self::get), [`iter`](Self::iter)) find no expired item.
/// [`held`](Self::held), [`held_mut`](Self::held_mut) and [`retain`](Self::retain) see all items, with those
/// that have expired since the last insertion or [`purge`](Self::purge).
///
/// Invariant: at most `cap` items, one for each key, in the order of insertion. An insertion for a known key
/// makes its item the youngest.
#[derive(Debug)]
pub(crate) struct Expiring<K, V> {
    cap: usize,
    items: Vec<Item<K, V>>,
}

impl<K: PartialEq, V> Expiring<K, V> {
    /// Remembers nothing yet, and at most `cap` items later. Allocates with the first.
    pub(crate) const fn new(cap: usize) -> Self {
        Self {
            cap,
            items: Vec::new(),
        }
    }

    /// What is remembered of this key at `now`.
    pub(crate) fn get(&self, now: Instant, key: &K) -> Option<&V> {
        let (_, value) = self.iter(now).find(|(known, _)| *known == key)?;
        Some(value)
    }

    /// Remembers a value until then, in place of any other of this key. Drops what has expired, and the oldest
    /// item if there is no room even so.
    pub(crate) fn insert(&mut self, now: Instant, key: K, value: V, until: Instant) {
        self.purge(now);
        self.remove(&key);
        if self.items.len() >= self.cap {
            // The order of insertion is the order of age, because retain keeps it.
            self.items.remove(0);
        }
        self.items.push(Item { key, value, until });
    }

    /// Forgets this key.
    pub(crate) fn remove(&mut self, key: &K) {
        self.items.retain(|item| item.key != *key);
    }

    /// Forgets the items of which `keep` is false.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        self.items.retain(|item| keep(&item.key, &item.value));
    }

    /// Frees the memory of what has expired by `now`.
    pub(crate) fn purge(&mut self, now: Instant) {
        self.items.retain(|item| item.until > now);
    }

    /// All that is remembered at `now`, the oldest first.
    pub(crate) fn iter(&self, now: Instant) -> impl Iterator<Item = (&K, &V)> {
        let found = self.items.iter().filter(move |item| item.until > now);
        found.map(|item| (&item.key, &item.value))
    }

    /// All items that take up memory, the oldest first, whether they have expired or not.
    pub(crate) fn held(&self) -> impl Iterator<Item = (&K, &V)> {
        self.items.iter().map(|item| (&item.key, &item.value))
    }

    /// The same, to be changed. Their expiry stays as it is.
    pub(crate) fn held_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.items
            .iter_mut()
            .map(|item| (&item.key, &mut item.value))
    }

    /// How many items take up memory.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handoff::origin;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn keys(list: &Expiring<u8, char>, now: Instant) -> Vec<u8> {
        list.iter(now).map(|(key, _)| *key).collect()
    }

    #[test]
    fn an_item_is_found_until_its_time_and_not_at_it() {
        let (now, mut list) = (origin(), Expiring::new(4));
        list.insert(now, 1, 'a', now + SECOND);
        assert_eq!(list.get(now, &1), Some(&'a'));
        assert_eq!(list.get(now, &2), None);
        assert_eq!(list.get(now + SECOND, &1), None);
        assert_eq!(list.held().count(), 1, "it goes with the next insertion");
        list.insert(now + SECOND, 2, 'b', now + 2 * SECOND);
        assert_eq!(list.len(), 1);
    }

    #[test]
    fn the_oldest_gives_way_and_a_new_value_makes_a_key_young() {
        let (now, mut list) = (origin(), Expiring::new(3));
        for key in 1..=3 {
            list.insert(now, key, 'a', now + SECOND);
        }
        list.insert(now, 1, 'b', now + SECOND);
        assert_eq!(keys(&list, now), [2, 3, 1]);
        list.insert(now, 4, 'a', now + SECOND);
        assert_eq!(keys(&list, now), [3, 1, 4]);
        assert_eq!(list.get(now, &1), Some(&'b'));
    }

    #[test]
    fn what_has_expired_makes_room_before_the_oldest_does() {
        let (now, mut list) = (origin(), Expiring::new(2));
        list.insert(now, 1, 'a', now + 2 * SECOND);
        list.insert(now, 2, 'a', now + SECOND);
        list.insert(now + SECOND, 3, 'a', now + 2 * SECOND);
        assert_eq!(keys(&list, now + SECOND), [1, 3]);
    }

    #[test]
    fn items_are_changed_and_forgotten_one_by_one() {
        let (now, mut list) = (origin(), Expiring::new(8));
        for key in 1..=4 {
            list.insert(now, key, 'a', now + SECOND);
        }
        list.remove(&2);
        list.retain(|key, _| *key != 3);
        list.held_mut().for_each(|(_, value)| *value = 'b');
        assert_eq!(keys(&list, now), [1, 4]);
        assert_eq!(list.get(now, &4), Some(&'b'));
    }
}
