//! Bytes in parts that follow one another, where their owner has them, and how much of them is left. Copies
//! nothing unless it is asked to, and writes nothing.

use std::iter;

/// What is left of bytes that lie in several places.
///
/// Invariant: `front` is empty only if nothing is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    front: &'a [u8],
    /// The parts behind `front`. Some may be empty.
    behind: &'a [&'a [u8]],
}

impl<'a> From<&'a [u8]> for Parts<'a> {
    #[inline]
    fn from(front: &'a [u8]) -> Self {
        let behind = &[];
        Self { front, behind }
    }
}

impl<'a> From<&'a [&'a [u8]]> for Parts<'a> {
    fn from(parts: &'a [&'a [u8]]) -> Self {
        match parts {
            [front, behind @ ..] => Self::new(front, behind),
            [] => Self::new(&[], &[]),
        }
    }
}

impl<'a> Parts<'a> {
    /// `front`, and behind it the others. Any of them may be empty.
    #[inline]
    pub(crate) fn new(front: &'a [u8], behind: &'a [&'a [u8]]) -> Self {
        let mut parts = Self { front, behind };
        if front.is_empty() {
            parts.advance(0);
        }
        parts
    }

    /// What follows in one piece.
    #[inline]
    pub(crate) fn front(&self) -> &'a [u8] {
        self.front
    }

    /// Whether nothing is left behind [`front`](Self::front).
    #[inline(always)]
    pub(crate) fn is_one(&self) -> bool {
        self.behind.is_empty()
    }

    /// How many bytes are left.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        if self.is_one() {
            return self.front.len();
        }
        let behind = self.behind.iter().map(|part| part.len());
        behind.fold(self.front.len(), usize::saturating_add)
    }

    /// What is left, part by part.
    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        iter::once(self.front).chain(self.behind.iter().copied())
    }

    /// Passes over so many bytes, or as many as there are.
    pub(crate) fn advance(&mut self, mut count: usize) {
        // Not beyond the last part: nothing is left behind it to go on with.
        while let Some((next, others)) = self.behind.split_first() {
            if count < self.front.len() {
                break;
            }
            count -= self.front.len();
            (self.front, self.behind) = (next, others);
        }
        self.front = self.front.get(count..).unwrap_or_default();
    }

    /// A copy of what is left, in one piece.
    pub(crate) fn to_vec(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.iter().for_each(|part| bytes.extend_from_slice(part));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to divide bytes among so many parts, empty ones among them.
    fn divisions(bytes: &[u8], parts: usize) -> Vec<Vec<&[u8]>> {
        if parts == 1 {
            return vec![vec![bytes]];
        }
        let first_is = |at| {
            let (first, others) = bytes.split_at(at);
            let with_first = move |mut division: Vec<_>| {
                division.insert(0, first);
                division
            };
            divisions(others, parts - 1).into_iter().map(with_first)
        };
        (0..=bytes.len()).flat_map(first_is).collect()
    }

    fn check(parts: Parts<'_>, left: &[u8]) {
        assert_eq!(parts.to_vec(), left);
        assert_eq!(parts.len(), left.len());
        assert_eq!(parts.front().is_empty(), left.is_empty(), "{parts:?}");
        assert!(left.starts_with(parts.front()));
        assert!(!parts.is_one() || parts.front() == left);
    }

    #[test]
    fn however_bytes_are_divided_and_passed_over_the_rest_is_what_is_left() {
        let whole = b"012345";
        for count in 1..=4 {
            for division in divisions(whole, count) {
                let [front, behind @ ..] = &division[..] else {
                    panic!("no part");
                };
                let all = Parts::new(front, behind);
                check(all, whole);
                for once in 0..=whole.len() {
                    for twice in once..=whole.len() + 1 {
                        let mut parts = all;
                        parts.advance(once);
                        check(parts, &whole[once..]);
                        parts.advance(twice - once);
                        check(parts, whole.get(twice..).unwrap_or_default());
                    }
                }
            }
        }
    }

    #[test]
    fn no_byte_is_moved() {
        let (first, second) = (b"first".to_vec(), b"second".to_vec());
        let behind = [&second[..]];
        let mut parts = Parts::new(&first, &behind);
        assert_eq!(parts.front().as_ptr(), first.as_ptr());
        parts.advance(first.len() + 1);
        assert_eq!(parts.front().as_ptr(), second[1..].as_ptr());
    }
}
