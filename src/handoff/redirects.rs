//! Which addresses retire, and what replaces them. Changes no configured endpoint: every redirect
//! expires, after which the configured name alone decides again.
//!
//! The table is flat. When B retires in favour of C, a redirect A→B becomes A→C; when B retires in
//! favour of A, the redirect A→B is dropped. So no lookup follows a chain, and none can go in circles.

use super::expiring::Expiring;
use super::{LONGEST, is_at, later};
use crate::protocol::Endpoint;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// What replaces an address that retires.
#[derive(Debug)]
struct Redirect {
    /// Where to go; `None` while that is being found out.
    target: Option<Endpoint>,
    /// Addresses that dials of `target` have reached.
    landed: Vec<SocketAddr>,
    /// When that was announced: connections dialled before are old.
    since: Instant,
    /// Before this the redirect stays, whatever the name resolves to.
    binding: Instant,
    /// How often a dial that avoided this address reached it all the same.
    reached: u8,
}

impl Redirect {
    /// Whether this place is what replaces the address.
    fn leads_to(&self, place: &Endpoint) -> bool {
        self.target.as_ref() == Some(place)
    }

    /// Changes the target. Where dials of the old one arrived says nothing about the new one.
    fn retarget(&mut self, target: Option<Endpoint>) {
        self.target = target;
        self.landed.clear();
    }
}

/// The addresses that retire, the newest last.
///
/// Invariant: no redirect's target is an address that retires.
#[derive(Debug)]
pub(crate) struct Redirects(Expiring<SocketAddr, Redirect>);

/// Addresses remembered at once; beyond that the oldest redirect goes.
const CAP: usize = 64;
/// Landing addresses remembered for one target.
const LANDINGS: usize = 8;
/// A redirect lasts at least this long: names follow moves with a delay.
const SHORTEST: Duration = Duration::from_secs(30);
/// A retiring address that is the only one to be had is good enough after this many dials.
const FORGIVEN: u8 = 2;

impl Redirects {
    /// Nothing retires.
    pub(crate) fn new() -> Self {
        Self(Expiring::new(CAP))
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
        // First, so that what retired long ago is not led on to the new target.
        self.0.purge(now);
        self.0.remove(&from);
        // There and back again: the newer word says that this address stays.
        if let Some(target) = &target {
            self.0.retain(|addr, _| !is_at(target, *addr));
        }
        for (_, redirect) in self.0.held_mut() {
            // A chain is cut when it arises, by what a target is or by where dials of it arrived.
            let led_here = redirect.landed.contains(&from)
                || redirect.target.as_ref().is_some_and(|t| is_at(t, from));
            if led_here {
                redirect.retarget(target.clone());
            }
        }
        let grace = grace.min(LONGEST);
        let span = grace.saturating_mul(2).clamp(SHORTEST, LONGEST);
        let redirect = Redirect {
            target,
            landed: Vec::new(),
            since: now,
            binding: later(now, grace),
            reached: 0,
        };
        self.0.insert(now, from, redirect, later(now, span));
    }

    /// A dial of `target` reached `addr`: what it replaces is not the only address to be had.
    pub(crate) fn handle_landed(&mut self, target: &Endpoint, addr: SocketAddr) {
        let redirects = self.0.held_mut().map(|(_, redirect)| redirect);
        for redirect in redirects.filter(|redirect| redirect.leads_to(target)) {
            // The old address was not the only one to be had after all: it is avoided again.
            redirect.reached = 0;
            if !redirect.landed.contains(&addr) && redirect.landed.len() < LANDINGS {
                redirect.landed.push(addr);
            }
        }
    }

    /// A dial that was to avoid `addr` found nothing else. Returns how often that has happened since a
    /// dial has reached what replaces it.
    pub(crate) fn handle_reached(&mut self, addr: SocketAddr) -> u8 {
        self.held_mut(addr).map_or(0, |redirect| {
            redirect.reached = redirect.reached.saturating_add(1);
            redirect.reached
        })
    }

    /// The configured name resolves to `answer`. Redirects whose address is not among it have done
    /// their duty, once their announced time is over. An empty answer says nothing.
    pub(crate) fn handle_resolved(&mut self, now: Instant, answer: &[IpAddr]) {
        if answer.is_empty() {
            return;
        }
        // Ports are not compared: a name resolves to hosts.
        let listed = |addr: SocketAddr| answer.iter().any(|ip| ip.to_canonical() == addr.ip());
        self.0
            .retain(|from, redirect| listed(*from) || now < redirect.binding);
    }

    /// Ends the retirement of `addr`: a newer statement says to go there.
    pub(crate) fn reinstate(&mut self, addr: SocketAddr) {
        self.0.remove(&addr);
    }

    /// What was to replace `addr` is out of reach: it still retires, in favour of nothing known.
    pub(crate) fn forget_target(&mut self, addr: SocketAddr) {
        if let Some(redirect) = self.held_mut(addr) {
            redirect.retarget(None);
        }
    }

    /// This place may not be dialled: what it was to replace still retires, in favour of nothing known.
    pub(crate) fn forget_place(&mut self, place: &Endpoint) {
        let redirects = self.0.held_mut().map(|(_, redirect)| redirect);
        for redirect in redirects.filter(|redirect| redirect.leads_to(place)) {
            redirect.retarget(None);
        }
    }

    /// Whether `addr` retires.
    pub(crate) fn retiring(&self, addr: SocketAddr, now: Instant) -> bool {
        self.0.get(now, &addr).is_some()
    }

    /// Since when `addr` retires.
    pub(crate) fn retiring_since(&self, addr: SocketAddr, now: Instant) -> Option<Instant> {
        self.0.get(now, &addr).map(|redirect| redirect.since)
    }

    /// What replaces `addr`, if it retires and that is known.
    pub(crate) fn target_for(&self, addr: SocketAddr, now: Instant) -> Option<Endpoint> {
        self.0.get(now, &addr)?.target.clone()
    }

    /// Whether a dial of this place, which replaces an address, has ever reached it.
    pub(crate) fn has_landed(&self, place: &Endpoint) -> bool {
        let mut redirects = self.0.held().map(|(_, redirect)| redirect);
        redirects.any(|redirect| redirect.leads_to(place) && !redirect.landed.is_empty())
    }

    /// Where new connections go: the target that was named last, and the address that it replaces.
    pub(crate) fn newest_target(&self, now: Instant) -> Option<(SocketAddr, Endpoint)> {
        let redirects = self.0.iter(now);
        redirects
            .filter_map(|(from, redirect)| Some((*from, redirect.target.clone()?)))
            .last()
    }

    /// The addresses that a dial should avoid. An address that dials reached twice all the same is
    /// the only one to be had, and better than none.
    pub(crate) fn avoided(&self, now: Instant) -> Vec<SocketAddr> {
        let redirects = self.0.iter(now);
        redirects
            .filter(|(_, redirect)| redirect.reached < FORGIVEN)
            .map(|(from, _)| *from)
            .collect()
    }

    /// Forgets what has expired.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.0.purge(now);
    }

    /// When asking the name may end a redirect: the end of the earliest announced time.
    pub(crate) fn binding_until(&self) -> Option<Instant> {
        self.0.held().map(|(_, redirect)| redirect.binding).min()
    }

    /// How many addresses retire.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What replaces this address, to be changed.
    fn held_mut(&mut self, addr: SocketAddr) -> Option<&mut Redirect> {
        let mut redirects = self.0.held_mut();
        redirects.find_map(|(from, redirect)| (*from == addr).then_some(redirect))
    }
}

#[cfg(test)]
mod tests;
