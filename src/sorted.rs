//! Tables in the order of their keys, for the few things that a client keeps count of: connections, places,
//! endpoints. Decides nothing.
//!
//! The standard library's ordered map is compiled anew for each pair of types, about 8,000 lines of the
//! compiler's own language each time: with a dozen pairs it was an eighth of what there was to compile. A sorted
//! vector takes a sixth of that, and is as fast for some hundreds of keys, or where new keys are the highest.
//! A key that comes or goes in front of `n` others costs a move of `n` places: tables of any size, such as the names
//! of subscriptions and the entries of a stream that a user holds, stay with the standard library.

/// Values by key, in the order of the keys.
#[derive(Debug)]
pub(crate) struct SortedMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K, V> SortedMap<K, V> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All, the lowest key first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The keys, the lowest first.
    pub(crate) fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values, that of the lowest key first.
    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// The values, that of the lowest key first, to be changed.
    pub(crate) fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Removes those of which `keep` does not say so.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keep(key, value));
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Where the key is, or where it would be.
    fn find(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(key))
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let at = self.find(key).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// The value of a key, which gets this one if it has none.
    pub(crate) fn or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let at = self.find(&key).unwrap_or_else(|at| {
            self.0.insert(at, (key, make()));
            at
        });
        // Inside: just found there or put there.
        &mut self.0[at].1
    }

    /// Puts a value in, in place of the one that this key had.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self.find(&key) {
            Ok(at) => {
                if let Some((_, old)) = self.0.get_mut(at) {
                    *old = value;
                }
            }
            Err(at) => self.0.insert(at, (key, value)),
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.find(key).ok()?;
        Some(self.0.remove(at).1)
    }
}

/// These keys in order, each once.
pub(crate) fn in_order<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<K> {
    let mut ordered = Vec::new();
    for key in keys {
        if let Err(at) = ordered.binary_search(&key) {
            ordered.insert(at, key);
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// Every sequence of four steps on three keys, beside the standard library's tables.
    #[test]
    fn they_hold_what_the_library_s_tables_hold() {
        let steps = (0..9_usize.pow(4)).map(|number| [1, 9, 81, 729].map(|by| number / by % 9));
        for (number, sequence) in steps.enumerate() {
            let (mut map, mut of_library) = (SortedMap::new(), BTreeMap::new());
            let mut keys = Vec::new();
            for (at, step) in sequence.into_iter().enumerate() {
                let (key, what) = (step % 3, step / 3);
                match what {
                    0 => {
                        map.insert(key, at);
                        of_library.insert(key, at);
                        keys.push(key);
                    }
                    1 => {
                        assert_eq!(map.remove(&key), of_library.remove(&key));
                    }
                    _ => {
                        *map.or_insert_with(key, || at) += 10;
                        *of_library.entry(key).or_insert(at) += 10;
                    }
                }
                assert_eq!(map.get(&key), of_library.get(&key), "{number}");
                assert_eq!(map.contains_key(&key), of_library.contains_key(&key));
            }
            assert!(map.iter().eq(&of_library), "{number}: {map:?}");
            assert!(map.keys().eq(of_library.keys()) && map.values().eq(of_library.values()));
            let ordered = in_order(keys.iter().copied());
            assert!(
                ordered.into_iter().eq(BTreeSet::from_iter(keys)),
                "{number}"
            );
            map.retain(|key, _| *key != 1);
            of_library.retain(|key, _| *key != 1);
            assert_eq!(
                (map.len(), map.is_empty()),
                (of_library.len(), of_library.is_empty())
            );
            assert!(map.values_mut().eq(of_library.values_mut()));
        }
    }

    #[test]
    fn of_equal_keys_one_is_left() {
        assert_eq!(in_order([3, 1, 3, 2, 1].into_iter()), [1, 2, 3]);
    }
}
