//! How much of what one connection brought another had brought before. Compares, and knows no connection.
//!
//! ```text
//!   old:   a b c d e            old:   a b c d          old:  a b c d
//!   new:         d e f          new:     b c            new:        e f
//!   border of 2                 within, 1 behind        none
//! ```

use std::collections::HashSet;
use std::hash::Hash;
use std::ops::RangeInclusive;

/// Where the messages of a new connection can lie on those of an old one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Overlaps {
    /// How many messages at the beginning of the new ones may be the last old ones, longest first; zero is not
    /// among them, because it is always possible.
    pub(super) borders: Vec<usize>,
    /// How often all new ones lie within the old ones with others behind them.
    pub(super) within: usize,
}

impl Overlaps {
    /// Compares in time linear in both.
    pub(super) fn of<T: PartialEq>(old: &[T], new: &[T]) -> Self {
        // How long the longest beginning is that is also the end of the first messages, up to each of them
        // (Knuth, Morris, Pratt).
        let mut borders: Vec<usize> = Vec::with_capacity(new.len());
        for message in new {
            let length = match borders.last() {
                Some(length) => extend(new, &borders, *length, message),
                // The first message ends with itself, which says nothing.
                None => 0,
            };
            borders.push(length);
        }
        let mut overlaps = Self::default();
        let mut length = 0;
        for message in old {
            // All new ones lay here, and another old one follows.
            overlaps.within += usize::from(length > 0 && length == new.len());
            length = extend(new, &borders, length, message);
        }
        while length > 0 {
            overlaps.borders.push(length);
            length = shorter(&borders, length);
        }
        overlaps
    }

    /// How many new messages to drop, of which the old connection has brought so many for certain at least and
    /// at most; and how many more may be doubles. `None`: nothing fits.
    ///
    /// `is_telling`: equal messages are the same message. Otherwise the fewest that fit are dropped: what may be
    /// missing elsewhere is delivered.
    pub(super) fn choose(
        &self,
        certain: &RangeInclusive<usize>,
        is_telling: bool,
    ) -> Option<(usize, usize)> {
        let fits = |length: &&usize| certain.contains(*length);
        // The longest first, and behind them all none, which may fit as well.
        let none = Some(&0).filter(fits);
        let longest = *self.borders.iter().find(fits).or(none)?;
        if is_telling {
            return Some((longest, 0));
        }
        let shortest = none.or_else(|| self.borders.iter().rev().find(fits));
        let shortest = shortest.copied().unwrap_or(longest);
        Some((shortest, longest - shortest))
    }

    /// As [`choose`](Self::choose), where nothing is known for certain. `count`: how many new ones there are.
    pub(super) fn guess(&self, count: usize, is_telling: bool) -> (usize, usize) {
        let most = match (self.borders.first(), self.within) {
            (longest, 0) => longest.copied().unwrap_or(0),
            _ => count,
        };
        if is_telling { (most, 0) } else { (0, most) }
    }
}

/// Whether the messages of two connections are such that equal ones are the same: no one of them repeats a message,
/// and not all are alike.
pub(super) fn are_telling<T: Eq + Hash>(old: &[T], new: &[T]) -> bool {
    let distinct = |messages: &[T]| {
        let mut seen = HashSet::with_capacity(messages.len());
        messages.iter().all(|message| seen.insert(message))
    };
    let first = old.first();
    distinct(old) && distinct(new) && old.iter().chain(new).any(|message| Some(message) != first)
}

/// How many messages at the beginning of `new` end with `message`, where `length` of them ended before it.
fn extend<T: PartialEq>(new: &[T], borders: &[usize], mut length: usize, message: &T) -> usize {
    loop {
        if new.get(length) == Some(message) {
            return length + 1;
        }
        if length == 0 {
            return 0;
        }
        length = shorter(borders, length);
    }
}

/// The next shorter beginning that ends where one of this length does.
fn shorter(borders: &[usize], length: usize) -> usize {
    let last = length.checked_sub(1).and_then(|last| borders.get(last));
    last.copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All words of up to this length over two letters.
    fn words(longest: u32) -> Vec<Vec<u8>> {
        let of_length = |length| (0..1_u32 << length).map(move |word| (length, word));
        let letters = |(length, word)| (0..length).map(|at| (word >> at & 1) as u8).collect();
        (0..=longest).flat_map(of_length).map(letters).collect()
    }

    #[test]
    fn overlaps_are_those_that_a_comparison_of_all_places_finds() {
        for old in words(7) {
            for new in words(4) {
                let ends = |length: &usize| old.ends_with(&new[..*length]);
                let lengths = (1..=new.len().min(old.len())).rev();
                let borders: Vec<usize> = lengths.filter(ends).collect();
                let places = old.len().saturating_sub(new.len());
                let lies = |at: &usize| !new.is_empty() && old[*at..].starts_with(&new);
                let within = (0..places).filter(lies).count();
                assert_eq!(
                    Overlaps::of(&old, &new),
                    Overlaps { borders, within },
                    "{old:?} {new:?}"
                );
            }
        }
    }

    #[test]
    fn what_fits_loses_nothing_and_doubles_no_more_than_it_says() {
        // Everything that was published; the old connection brought it up to `cut`, the new one from `from` on.
        for all in words(8) {
            for cut in 0..=all.len() {
                for from in 0..=cut {
                    let overlaps = Overlaps::of(&all[..cut], &all[from..]);
                    let truth = cut - from;
                    // Fences say what lies between: anything that holds the truth.
                    for least in 0..=truth {
                        for most in truth..=all.len() - from {
                            let certain = least..=most;
                            let (dropped, doubles) = overlaps.choose(&certain, false).unwrap();
                            assert!(
                                dropped <= truth,
                                "loses: {all:?} {cut} {from} {least} {most}"
                            );
                            assert!(truth - dropped <= doubles);
                            // Exact fences need no look at the messages.
                            assert!(least < most || dropped == truth && doubles == 0);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn different_messages_are_matched_exactly() {
        let all: Vec<usize> = (0..9).collect();
        for cut in 0..=all.len() {
            for from in 0..=cut {
                for end in from..=all.len() {
                    let (old, new) = (&all[..cut], &all[from..end]);
                    let overlaps = Overlaps::of(old, new);
                    let truth = cut.min(end) - from;
                    assert!(cut < 2 || are_telling(old, new), "{old:?} {new:?}");
                    assert_eq!(
                        overlaps.guess(new.len(), true),
                        (truth, 0),
                        "{old:?} {new:?}"
                    );
                    if end >= cut {
                        let choice = overlaps.choose(&(0..=new.len()), true);
                        assert_eq!(choice, Some((truth, 0)), "{old:?} {new:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn equal_messages_are_delivered_rather_than_dropped() {
        let overlaps = Overlaps::of(b"xx", b"xx");
        assert_eq!(overlaps.guess(2, false), (0, 2));
        assert_eq!(overlaps.choose(&(1..=2), false), Some((1, 1)));
        assert_eq!(overlaps.choose(&(3..=4), false), None);
        assert_eq!(Overlaps::of(b"xxx", b"x").guess(1, false), (0, 1));
        for (old, new) in [("x", "x"), ("xyx", "xz"), ("yx", "xzz")] {
            assert!(!are_telling(old.as_bytes(), new.as_bytes()), "{old} {new}");
        }
        assert!(are_telling(b"yx", b"xz") && !are_telling::<u8>(b"", b""));
    }
}
