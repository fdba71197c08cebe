//! Remembers which callers and which commands had large requests or replies last. Chooses no connection.
//!
//! A thread is remembered by its own note, a command by a bit for its name and the pattern of its key. Both
//! are forgotten at the next small reply, and both are guesses: two patterns may have the same bit.

use super::placement::pattern;
use crate::link::Request;
use crate::sync::{AtomicBool, AtomicU64, Ordering};
use std::cell::Cell;

/// Bits, a power of two: 64 bytes for each pool.
const BITS: u64 = 512;

#[cfg(hitless_model)]
shuttle::thread_local! {
    static LARGE_LAST: Cell<usize> = const { Cell::new(0) };
}

#[cfg(not(hitless_model))]
thread_local! {
    /// The pool in which this thread's last request was large; zero if it was small.
    static LARGE_LAST: Cell<usize> = const { Cell::new(0) };
}

/// What is remembered of the requests to one pool.
#[derive(Debug, Default)]
pub(super) struct Learned {
    patterns: [AtomicU64; (BITS / 64) as usize],
    /// How many bits are set, so that nobody works out a pattern while none is.
    count: AtomicU64,
    /// Something was large once: before that, nobody looks.
    is_used: AtomicBool,
}

impl Learned {
    /// Whether this thread, or this command, was large last.
    #[inline]
    pub(super) fn is_large(&self, request: &Request<'_>) -> bool {
        // Relaxed throughout: a guess that comes late costs a less suitable connection, never a wrong reply.
        self.is_used.load(Ordering::Relaxed) && self.was_large(request)
    }

    #[inline(never)]
    fn was_large(&self, request: &Request<'_>) -> bool {
        let last = LARGE_LAST.try_with(Cell::get);
        last.is_ok_and(|pool| pool == self.key())
            || self.count.load(Ordering::Relaxed) > 0 && self.has_pattern(request)
    }

    fn has_pattern(&self, request: &Request<'_>) -> bool {
        place(request).is_some_and(|(word, bit)| {
            let word = self.patterns.get(word);
            word.is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
        })
    }

    /// The request was large or small, with its reply.
    #[cold]
    pub(super) fn note(&self, request: &Request<'_>, is_large: bool) {
        self.is_used.store(true, Ordering::Relaxed);
        let _ = LARGE_LAST.try_with(|last| match is_large {
            true => last.set(self.key()),
            // What another pool has noted of this thread is not this one's to forget.
            false if last.get() == self.key() => last.set(0),
            false => {}
        });
        let Some((word, bit)) = place(request) else {
            return;
        };
        let Some(word) = self.patterns.get(word) else {
            return;
        };
        // Of several threads that set or clear a bit at once only the one that changed it counts. A clear may be
        // counted before its set: the number wraps for a moment, and somebody looks at bits for nothing.
        if is_large && word.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            self.count.fetch_add(1, Ordering::Relaxed);
        } else if !is_large && word.fetch_and(!bit, Ordering::Relaxed) & bit != 0 {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Tells pools apart. Another pool at the same address later is no harm: it is a guess.
    fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

/// The word and the bit of a command. `None`: the request is a pipeline, whose commands are many.
fn place(request: &Request<'_>) -> Option<(usize, u64)> {
    if request.replies != 1 {
        return None;
    }
    let place = pattern(request.parts) % BITS;
    Some((usize::try_from(place / 64).ok()?, 1 << (place % 64)))
}
