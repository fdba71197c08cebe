//! Which addresses retire, and what replaces them. Changes no configured endpoint: every entry
//! expires, after which the configured name alone decides again.
//!
//! The table is flat. When B retires in favour of C, an entry A→B becomes A→C; when B retires in
//! favour of A, the entry A→B is dropped. So no lookup follows a chain, and none can go in circles.

use super::{LONGEST, is_at, later};
use crate::protocol::Endpoint;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
struct Redirect {
    from: SocketAddr,
    /// Where to go; `None` while that is being found out.
    target: Option<Endpoint>,
    /// Addresses that dials of `target` have reached.
    landed: Vec<SocketAddr>,
    since: Instant,
    /// Before this the entry stays, whatever the name resolves to.
    binding: Instant,
    expires: Instant,
    /// How often a dial that avoided this address reached it all the same.
    reached: u8,
}

/// The addresses that retire.
///
/// Invariant: no entry's target is the address of an entry; `entries.len() <= CAP`.
#[derive(Debug, Default)]
pub(crate) struct Redirects {
    entries: Vec<Redirect>,
}

/// Addresses remembered at once; beyond that the oldest entry goes.
const CAP: usize = 64;
/// Landing addresses remembered for one target.
const LANDINGS: usize = 8;
/// An entry lasts at least this long: names follow moves with a delay.
const SHORTEST: Duration = Duration::from_secs(30);
/// A retiring address that is the only one to be had is good enough after this many dials.
const FORGIVEN: u8 = 2;

impl Redirects {
    /// Nothing retires.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Notes that `from` retires within `grace`, in favour of `target` if that is known. An address that
    /// is now a target retires no longer.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        from: SocketAddr,
        target: Option<Endpoint>,
        grace: Duration,
    ) {
        self.handle_timeout(now);
        self.entries.retain(|e| e.from != from);
        if let Some(target) = &target {
            self.entries.retain(|e| !is_at(target, e.from));
        }
        for entry in &mut self.entries {
            let led_here = entry.landed.contains(&from)
                || entry.target.as_ref().is_some_and(|t| is_at(t, from));
            if led_here {
                entry.target.clone_from(&target);
                entry.landed.clear();
            }
        }
        if self.entries.len() >= CAP {
            self.entries.remove(0);
        }
        let grace = grace.min(LONGEST);
        let span = grace.saturating_mul(2).clamp(SHORTEST, LONGEST);
        self.entries.push(Redirect {
            from,
            target,
            landed: Vec::new(),
            since: now,
            binding: later(now, grace),
            expires: later(now, span),
            reached: 0,
        });
    }

    /// A dial of `target` reached `addr`: what it replaces is not the only address to be had.
    pub(crate) fn handle_landed(&mut self, target: &Endpoint, addr: SocketAddr) {
        for entry in &mut self.entries {
            if entry.target.as_ref() == Some(target) {
                entry.reached = 0;
            }
            let fits = entry.target.as_ref() == Some(target) && !entry.landed.contains(&addr);
            if fits && entry.landed.len() < LANDINGS {
                entry.landed.push(addr);
            }
        }
    }

    /// A dial that was to avoid `addr` found nothing else. Returns how often that has happened since a
    /// dial has reached what replaces it.
    pub(crate) fn handle_reached(&mut self, addr: SocketAddr) -> u8 {
        let entry = self.entries.iter_mut().find(|e| e.from == addr);
        entry.map_or(0, |entry| {
            entry.reached = entry.reached.saturating_add(1);
            entry.reached
        })
    }

    /// The configured name resolves to `answer`. Entries whose address is not among it have done
    /// their duty, once their announced time is over. An empty answer says nothing.
    pub(crate) fn handle_resolved(&mut self, now: Instant, answer: &[IpAddr]) {
        if answer.is_empty() {
            return;
        }
        let listed = |addr: SocketAddr| answer.iter().any(|ip| ip.to_canonical() == addr.ip());
        self.entries.retain(|e| listed(e.from) || now < e.binding);
    }

    /// Ends the retirement of `addr`: a newer statement says to go there.
    pub(crate) fn reinstate(&mut self, addr: SocketAddr) {
        self.entries.retain(|e| e.from != addr);
    }

    /// What was to replace `addr` is out of reach: it still retires, in favour of nothing known.
    pub(crate) fn forget_target(&mut self, addr: SocketAddr) {
        for entry in self.entries.iter_mut().filter(|e| e.from == addr) {
            entry.target = None;
            entry.landed.clear();
        }
    }

    /// This place may not be dialled: what it was to replace still retires, in favour of nothing known.
    pub(crate) fn forget_place(&mut self, place: &Endpoint) {
        for entry in &mut self.entries {
            if entry.target.as_ref() == Some(place) {
                entry.target = None;
                entry.landed.clear();
            }
        }
    }

    /// Whether `addr` retires.
    pub(crate) fn retiring(&self, addr: SocketAddr, now: Instant) -> bool {
        self.live(now).any(|e| e.from == addr)
    }

    /// Since when `addr` retires.
    pub(crate) fn retiring_since(&self, addr: SocketAddr, now: Instant) -> Option<Instant> {
        self.live(now).find(|e| e.from == addr).map(|e| e.since)
    }

    /// What replaces `addr`, if it retires and that is known.
    pub(crate) fn target_for(&self, addr: SocketAddr, now: Instant) -> Option<Endpoint> {
        self.live(now)
            .find(|e| e.from == addr)
            .and_then(|e| e.target.clone())
    }

    /// Whether a dial of this place, which replaces an address, has ever reached it.
    pub(crate) fn has_landed(&self, place: &Endpoint) -> bool {
        let reached = |e: &Redirect| e.target.as_ref() == Some(place) && !e.landed.is_empty();
        self.entries.iter().any(reached)
    }

    /// Where new connections go: the target that was named last, and the address that it replaces.
    pub(crate) fn newest_target(&self, now: Instant) -> Option<(SocketAddr, Endpoint)> {
        let named = |e: &Redirect| Some((e.from, e.target.clone()?));
        self.live(now).filter_map(named).last()
    }

    /// The addresses that a dial should avoid. An address that dials reached twice all the same is
    /// the only one to be had, and better than none.
    pub(crate) fn avoided(&self, now: Instant) -> Vec<SocketAddr> {
        self.live(now)
            .filter(|e| e.reached < FORGIVEN)
            .map(|e| e.from)
            .collect()
    }

    /// Forgets what has expired.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.entries.retain(|e| e.expires > now);
    }

    /// When asking the name may end an entry: the end of the earliest announced time.
    pub(crate) fn binding_until(&self) -> Option<Instant> {
        self.entries.iter().map(|e| e.binding).min()
    }

    /// How many addresses retire.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn live(&self, now: Instant) -> impl Iterator<Item = &Redirect> {
        self.entries.iter().filter(move |e| e.expires > now)
    }
}

#[cfg(test)]
mod tests;
