//! A queue with bounds that drops its oldest items. Knows no thread and no time: its owner locks it.
//!
//! For whatever may come faster than it is taken away and must not cost memory without end: log lines and
//! samples on the lane, tasks of the hooks, notifications that wait while hooks are asked. Who would rather
//! refuse the newest asks [`has_room`](Bounded::has_room) first.

use std::collections::VecDeque;

/// Items in the order in which they came: at most `most` of them, and at most `most_weight` bytes in
/// sum. Each item is pushed with its weight.
#[derive(Debug)]
pub(crate) struct Bounded<T> {
    items: VecDeque<(T, usize)>,
    most: usize,
    most_weight: usize,
    /// The sum of the weights in `items`.
    weight: usize,
}

impl<T> Bounded<T> {
    /// An empty queue with these bounds. `usize::MAX` is none.
    pub(crate) fn new(most: usize, most_weight: usize) -> Self {
        Self {
            items: VecDeque::new(),
            most,
            most_weight,
            weight: 0,
        }
    }

    /// Whether one more item of this weight fits without another being dropped.
    pub(crate) fn has_room(&self, weight: usize) -> bool {
        self.items.len() < self.most && self.weight.saturating_add(weight) <= self.most_weight
    }

    /// Adds an item behind the others, and drops the oldest ones that leave no room for it. An item
    /// that would not fit into an empty queue is dropped itself. Yields how many were dropped.
    #[must_use]
    pub(crate) fn push(&mut self, item: T, weight: usize) -> u64 {
        if weight > self.most_weight || self.most == 0 {
            return 1;
        }
        let mut dropped = 0;
        // Ends: an empty queue has room for any item that has come this far.
        while !self.has_room(weight) {
            let _ = self.pop();
            dropped += 1;
        }
        self.weight += weight;
        self.items.push_back((item, weight));
        dropped
    }

    /// Takes the oldest item.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let (item, weight) = self.items.pop_front()?;
        // Saturating, because a sum that were wrong must not end the thread that owns the queue.
        self.weight = self.weight.saturating_sub(weight);
        Some(item)
    }

    /// Whether there is nothing to [`pop`](Self::pop).
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Drops all items, and yields how many there were.
    pub(crate) fn clear(&mut self) -> u64 {
        let count = self.items.len() as u64;
        self.items.clear();
        self.weight = 0;
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(queue: &mut Bounded<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn the_oldest_gives_way_to_the_newest_by_number() {
        let mut queue = Bounded::new(3, 100);
        let dropped: u64 = (0..5).map(|item| queue.push(item, 1)).sum();
        assert_eq!(dropped, 2);
        assert_eq!(drain(&mut queue), [2, 3, 4]);
        assert!(queue.is_empty());
    }

    #[test]
    fn the_oldest_give_way_to_the_newest_by_weight() {
        let mut queue = Bounded::new(100, 10);
        assert_eq!(queue.push(1, 4) + queue.push(2, 4), 0);
        assert!(queue.has_room(2) && !queue.has_room(3));
        assert_eq!(queue.push(3, 10), 2);
        assert_eq!(queue.push(4, 11), 1, "heavier than all that may be kept");
        assert_eq!(drain(&mut queue), [3]);
        assert!(queue.has_room(10));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_uncounted_and_no_bound_is_passed(
            weights in proptest::collection::vec(0usize..30, 0..200),
            most in 0usize..20,
            most_weight in 0usize..60,
        ) {
            let mut queue = Bounded::new(most, most_weight);
            let mut dropped = 0;
            for (item, weight) in weights.iter().enumerate() {
                dropped += queue.push(item, *weight);
                prop_assert!(queue.items.len() <= most);
                let sum: usize = queue.items.iter().map(|(_, weight)| weight).sum();
                prop_assert!(sum <= most_weight);
                prop_assert_eq!(sum, queue.weight);
            }
            let left: Vec<usize> = std::iter::from_fn(|| queue.pop()).collect();
            prop_assert!(left.is_sorted());
            prop_assert_eq!(left.len() as u64 + dropped, weights.len() as u64);
            prop_assert_eq!(queue.weight, 0);
        }
    }
}
