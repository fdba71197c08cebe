//! Which address is tried when. Opens no socket and reads no clock: `now` is an argument, and the
//! caller does what [`Plan::poll`] says.
//!
//! ```text
//!  0 ms    250 ms   500 ms   750 ms   1000 ms   1500 ms
//!  A ------|--------|--------|--------|---------|------> stays: its answer may only be slow
//!          B -------|--------|--------|---------|------>
//!                   A' ------|--------|---------x        three at an address: the middle one ends
//!                            B' ------|---------|------>
//!                                     A'' ------|------>
//!                                               A''' -->
//! ```

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// After this the next address is tried beside the ones still unanswered (RFC 8305, section 8).
const STAGGER: Duration = Duration::from_millis(250);

/// After this an address that has not answered gets a fresh attempt. The kernel repeats a lost SYN
/// after 1, 2 and 4 s: too late for a network that comes back in between.
const AGAIN: Duration = Duration::from_millis(500);

/// So long before its end a dial makes a last attempt: the next dial, after a pause, is not to be the
/// first that meets a network which is back.
const LAST_CALL: Duration = Duration::from_millis(250);

/// The most attempts alive at one address.
const MOST_ALIVE: usize = 3;

/// The most attempts alive in all, unless there are more addresses: for names that have many.
const MOST_IN_ALL: usize = 24;

/// Names one attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct AttemptId(u64);

/// What to do now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Close this attempt.
    Close(AttemptId),
    /// Nothing is under way and nothing left to try.
    GiveUp,
    /// Begin to connect.
    Start(AttemptId, SocketAddr),
    /// Nothing before this time, unless an attempt ends.
    Wait(Instant),
}

/// An address under way.
#[derive(Debug)]
struct Track {
    /// Tried again and again, with fresh sockets, until the race is over.
    address: SocketAddr,
    /// Oldest first. Invariant: between 1 and [`MOST_ALIVE`].
    alive: Vec<AttemptId>,
    /// When it gets a fresh attempt.
    again_at: Instant,
}

/// The attempts of one dial.
#[derive(Debug)]
pub(super) struct Plan {
    /// Addresses not tried yet, the families in turn (RFC 8305).
    first: VecDeque<SocketAddr>,
    /// Addresses that are tried when nothing else works.
    last: VecDeque<SocketAddr>,
    /// From here on the last resorts are tried too, even if a first choice has not failed yet.
    desperate_at: Instant,
    /// When each address under way gets its last attempt.
    last_call: Instant,
    /// When the next address may be tried.
    next_at: Instant,
    /// Addresses that are being tried.
    tracks: Vec<Track>,
    /// How many attempts have begun.
    begun: u64,
}

impl Plan {
    /// Tries `first`; `last` only if all of those failed or half of the time is gone.
    pub(super) fn new(
        now: Instant,
        deadline: Instant,
        first: Vec<SocketAddr>,
        last: Vec<SocketAddr>,
    ) -> Self {
        let time = deadline.saturating_duration_since(now);
        Self {
            first: interleave(first),
            last: interleave(last),
            desperate_at: now + time / 2,
            last_call: now + time.saturating_sub(LAST_CALL),
            next_at: now,
            tracks: Vec::new(),
            begun: 0,
        }
    }

    /// What to do next. To be called until it says [`Step::Wait`] or [`Step::GiveUp`].
    pub(super) fn poll(&mut self, now: Instant) -> Step {
        if self.tracks.is_empty() || now >= self.next_at {
            if let Some(address) = self.next(now) {
                self.next_at = now + STAGGER;
                self.begun += 1;
                let id = AttemptId(self.begun);
                self.tracks.push(Track {
                    address,
                    alive: vec![id],
                    again_at: self.again_after(now),
                });
                return Step::Start(id, address);
            }
        }
        let in_all: usize = self.tracks.iter().map(|track| track.alive.len()).sum();
        let is_full = in_all >= MOST_IN_ALL;
        let again_at = self.again_after(now);
        while let Some(track) = self.tracks.iter_mut().find(|track| track.again_at <= now) {
            let full_here = is_full || track.alive.len() >= MOST_ALIVE;
            if full_here && track.alive.len() > 1 {
                return Step::Close(track.alive.remove(1));
            }
            track.again_at = again_at;
            if !full_here {
                self.begun += 1;
                let id = AttemptId(self.begun);
                track.alive.push(id);
                return Step::Start(id, track.address);
            }
        }
        let again = self.tracks.iter().map(|track| track.again_at).min();
        let Some(again) = again else {
            return Step::GiveUp;
        };
        Step::Wait(self.next_due().map_or(again, |next| next.min(again)))
    }

    /// An attempt has failed. `refused`: the machine said that nobody listens, which holds for the
    /// address. Returns the other attempts at it that are to be closed.
    pub(super) fn handle_failure(
        &mut self,
        now: Instant,
        failed: AttemptId,
        refused: bool,
    ) -> Vec<AttemptId> {
        let mine = |track: &Track| track.alive.contains(&failed);
        let Some(index) = self.tracks.iter().position(mine) else {
            return Vec::new();
        };
        let alive = &mut self.tracks[index].alive;
        alive.retain(|id| *id != failed);
        if !refused && !alive.is_empty() {
            return Vec::new();
        }
        self.next_at = now;
        self.tracks.remove(index).alive
    }

    /// When an address whose latest attempt is of `now` gets a fresh one.
    fn again_after(&self, now: Instant) -> Instant {
        let usual = now + AGAIN;
        if now < self.last_call {
            usual.min(self.last_call)
        } else {
            usual
        }
    }

    /// The address to try next: first choices in their order; a last resort only when nothing else is under
    /// way, or once half of the time is over.
    fn next(&mut self, now: Instant) -> Option<SocketAddr> {
        if let Some(address) = self.first.pop_front() {
            return Some(address);
        }
        if self.tracks.is_empty() || now >= self.desperate_at {
            return self.last.pop_front();
        }
        None
    }

    /// When the next address is due, if there is one.
    fn next_due(&self) -> Option<Instant> {
        if !self.first.is_empty() {
            Some(self.next_at)
        } else if !self.last.is_empty() {
            Some(self.next_at.max(self.desperate_at))
        } else {
            None
        }
    }
}

/// Takes turns between the families, beginning with the one of the first address, so that a machine
/// whose IPv6 leads nowhere loses one stagger and not one per address.
fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let v4_first = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (mut front, mut back): (VecDeque<_>, VecDeque<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv4() == v4_first);
    let mut mixed = VecDeque::with_capacity(front.len() + back.len());
    while !front.is_empty() || !back.is_empty() {
        mixed.extend(front.pop_front());
        mixed.extend(back.pop_front());
    }
    mixed
}

#[cfg(test)]
mod tests;
