//! Which connection a request joins, whether the pool grows, and whether a spare connection is owed. Reads no
//! clock, holds no lock and knows no connection: it judges what connections report.
//!
//! ```text
//!   small request ──> the first connection, in the order of numbers, that is not held up
//!   large request ──> likewise, but the first of all is left to small ones
//!   none is left  ──> the one that is held up least, and of these the least loaded
//! ```
//!
//! One connection carries more than several do: each read and write then serves many callers. So a connection
//! in use is joined rather than a free one, and the next is used when the first is held up, not when it is
//! busy. [`Fit`] lists what holds a connection up.
//!
//! One more connection is asked for
//! - when all are held up, unless nothing moves on any of them: then the server stands still;
//! - as a spare, when a connection is shared and none is free: whoever loses a connection finds another.

use crate::ids::EntryId;
use crate::link::Parts;
use std::time::Duration;

/// A pipeline of more commands counts as a large request.
pub(crate) const MANY: usize = 128;

/// Silence that is shorter shows nothing. Linux lets a thread run for 3 to 4 ms before another one gets its
/// turn, so that on a busy machine the caller that reads may be late by as much.
const SHORTEST_SILENCE: Duration = Duration::from_millis(5);

/// What uses a connection, in one word: how many commands are in flight, how many requests they belong to, and
/// how many of these are large.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Load(u64);

impl Load {
    /// One request of one small command.
    pub(crate) const ONE: Self = Self::of(1, false);

    const REQUEST: u64 = 1 << 28;
    const LARGE: u64 = 1 << 46;

    /// One request counts as at most so many commands. With fewer than 65,536 threads no field overflows.
    const MOST: u64 = 4096;

    /// One request of so many commands.
    #[inline]
    pub(crate) const fn of(commands: usize, is_large: bool) -> Self {
        let commands = if commands as u64 > Self::MOST {
            Self::MOST
        } else {
            commands as u64
        };
        // Three counts in one word, so that joining and leaving are one atomic addition each.
        let large = if is_large { Self::LARGE } else { 0 };
        Self(commands + Self::REQUEST + large)
    }

    #[inline]
    pub(crate) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    #[inline]
    pub(crate) const fn word(self) -> u64 {
        self.0
    }

    pub(crate) const fn commands(self) -> u64 {
        self.0 & (Self::REQUEST - 1)
    }

    pub(crate) const fn requests(self) -> u64 {
        (self.0 & (Self::LARGE - 1)) / Self::REQUEST
    }

    pub(crate) const fn large(self) -> u64 {
        self.0 / Self::LARGE
    }

    #[inline]
    pub(crate) const fn is_free(self) -> bool {
        self.0 == 0
    }
}

/// What one connection reports.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Report {
    pub(crate) load: Load,
    /// A reply of more than 64 KiB is on its way.
    pub(crate) has_large_reply: bool,
    /// Something has arrived since it was free last.
    pub(crate) has_moved: bool,
    /// For how long nothing has arrived although somebody waits.
    pub(crate) silence: Duration,
    /// How long its requests usually take.
    pub(crate) round_trip: Duration,
}

impl Report {
    /// Nobody uses it, and what the last one asked has come, even if its caller has given up.
    fn is_free(&self) -> bool {
        self.load.is_free() && !self.has_large_reply
    }

    fn is_silent(&self) -> bool {
        !self.load.is_free() && self.silence > self.round_trip.max(SHORTEST_SILENCE)
    }
}

/// How well a connection suits a request, the best first. All but the first are held up.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fit {
    /// It is free, or those in front are of the same kind and get their replies.
    Open,
    /// Requests of the other kind use it: large ones in front of a small one, or small ones that a large one
    /// would hold up.
    Mixed,
    /// A large reply is on its way, even if its caller has given up.
    LargeReply,
    /// Nothing arrives.
    Silent,
    /// The first connection, which large requests leave to small ones.
    Kept,
    /// It has as many commands in flight as one may have.
    Full,
}

/// A request that looks for a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) load: Load,
    /// So many commands may be in flight on one connection, as long as another has room.
    pub(crate) most: u64,
    /// It counts as large because it, or its caller, was so before.
    pub(crate) is_learned: bool,
}

impl Wanted {
    /// A request of one small command.
    pub(crate) const fn small(most: u64) -> Self {
        Self {
            load: Load::ONE,
            most,
            is_learned: false,
        }
    }

    #[inline]
    pub(crate) fn is_large(&self) -> bool {
        self.load.large() > 0
    }

    /// How well a connection with this report suits. `is_kept`: it is the first of several.
    #[inline]
    pub(crate) fn fit(&self, report: &Report, is_kept: bool) -> Fit {
        let load = report.load;
        if report.is_free() && !(is_kept && self.is_large()) {
            // However long it is: it has to go somewhere.
            return Fit::Open;
        }
        // Small requests do not mind each other, and large ones do not mind each other.
        let is_mixed = if self.is_large() {
            load.requests() > load.large()
        } else {
            load.large() > 0
        };
        // Before all else: the bound is what a broken connection may take along.
        if load.commands() + self.load.commands() > self.most && !load.is_free() {
            Fit::Full
        } else if is_kept && self.is_large() {
            Fit::Kept
        } else if report.is_silent() {
            Fit::Silent
        } else if report.has_large_reply {
            Fit::LargeReply
        } else if is_mixed {
            Fit::Mixed
        } else {
            Fit::Open
        }
    }
}

/// What a look at all connections leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    /// The connection to join, how well it suits, and whether it is the first of several. `None`: there is none.
    pub(crate) join: Option<(EntryId, Fit, bool)>,
    /// One more connection is to be asked for.
    pub(crate) grows: bool,
}

/// One look at all connections that are live, in the order of their numbers.
#[derive(Debug)]
pub(crate) struct Survey {
    wanted: Wanted,
    /// How many connections are live, and how many there may be.
    live: usize,
    size: usize,
    seen: usize,
    best: Option<(Fit, Load, EntryId, bool)>,
    free: usize,
    /// One of them is shared.
    is_shared: bool,
    /// One of them is silent.
    is_any_silent: bool,
    /// Somebody waits on one of them, which is not silent; and something has arrived there.
    is_any_awake: bool,
    has_any_moved: bool,
}

impl Survey {
    pub(crate) fn new(wanted: Wanted, live: usize, size: usize) -> Self {
        Self {
            wanted,
            live,
            size,
            seen: 0,
            best: None,
            free: 0,
            is_shared: false,
            is_any_silent: false,
            is_any_awake: false,
            has_any_moved: false,
        }
    }

    /// The next connection.
    pub(crate) fn see(&mut self, id: EntryId, report: &Report) {
        let load = report.load;
        // Of one connection alone nothing can be kept.
        let is_kept = self.seen == 0 && self.live > 1;
        self.seen += 1;
        self.free += usize::from(report.is_free());
        self.is_shared |= load.requests() > 1;
        self.is_any_silent |= report.is_silent();
        let is_awake = !report.is_free() && !report.is_silent();
        // Where nothing moves anywhere the server stands still, and more connections would only wait
        // with the others.
        self.is_any_awake |= is_awake;
        self.has_any_moved |= is_awake && report.has_moved;
        let fit = self.wanted.fit(report, is_kept);
        let is_better = self.best.is_none_or(|(best, least, ..)| {
            // Of the open ones the first is best: requests gather there, and reads and writes serve
            // many.
            fit < best || fit == best && fit != Fit::Open && load.commands() < least.commands()
        });
        if is_better {
            self.best = Some((fit, load, id, is_kept));
        }
    }

    /// What follows from what was seen.
    pub(crate) fn verdict(self) -> Verdict {
        // No connection is live: the caller waits for the first.
        let Some((fit, load, id, is_kept)) = self.best else {
            return Verdict {
                join: None,
                grows: true,
            };
        };
        let may_grow = self.live < self.size;
        let grows = if fit == Fit::Open {
            // The one that is being joined is no spare any more.
            let free = self.free - usize::from(load.is_free());
            let is_shared = self.is_shared || !load.is_free();
            // Where one is silent, another that is not must show that the server goes on.
            free == 0 && is_shared && (self.has_any_moved || !self.is_any_silent)
        } else {
            self.is_any_awake
        };
        Verdict {
            join: Some((id, fit, is_kept)),
            grows: grows && may_grow,
        }
    }
}

/// Finds out for how long nothing has arrived on a connection, from the times at which callers look at it: so
/// the one that reads need not read the clock.
#[derive(Debug)]
pub(crate) struct Watch<I> {
    /// How often something had arrived when the connection was free last.
    base: u64,
    /// How often something had arrived at the last look that found a change, and when that was.
    seen: Option<(u64, I)>,
}

impl<I> Default for Watch<I> {
    fn default() -> Self {
        Self {
            base: 0,
            seen: None,
        }
    }
}

impl<I: Copy> Watch<I> {
    /// A caller takes a connection that was free, on which something has arrived `moved` times.
    #[inline]
    pub(crate) fn restart(&mut self, moved: u64) {
        self.base = moved;
        self.seen = None;
    }

    /// A caller looks at a connection that others use. Says whether something has arrived since it was free,
    /// and since when nothing has.
    #[inline]
    pub(crate) fn look(&mut self, moved: u64, now: I) -> (bool, I) {
        let has_moved = moved != self.base;
        match self.seen {
            // Nothing since that look.
            Some((seen, since)) if seen == moved => (has_moved, since),
            _ => {
                self.seen = Some((moved, now));
                (has_moved, now)
            }
        }
    }
}

/// What a command may be told by: its name and its key, without the digits and letters that number it. Keys of
/// one kind (`user:17:photo`) have one pattern, however they are numbered, in hexadecimal digits too.
///
/// `parts`: the command in the form of the wire.
pub(crate) fn pattern(parts: Parts<'_>) -> u64 {
    /// A longer name and key count as far as this.
    const MOST: usize = 96;
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut ends = 0;
    for byte in parts.iter().flatten().take(MOST) {
        match byte {
            // Behind the number of arguments, and the lengths and texts of two, the value begins.
            b'\n' if ends == 4 => break,
            b'\n' => ends += 1,
            // Passed over: what numbers a key does not tell its kind.
            b'0'..=b'9' | b'a'..=b'f' => {}
            other => hash = (hash ^ u64::from(*other)).wrapping_mul(0x0100_0000_01b3),
        }
    }
    hash ^ (hash >> 32)
}

#[cfg(all(test, not(hitless_model)))]
mod tests;
