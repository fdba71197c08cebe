//! What a database announces, whichever of its nodes says so: which copies of an event count, until when
//! timeouts are relaxed, and which endpoints are not worth a dial. Moves no connection and asks no hook: the
//! planners of the nodes do the first, the coordinator the second.
//!
//! One thread owns it, beside the planners, and lends it to each of their calls. What follows from a call is
//! kept as effects, in order, which the planner takes over before it goes on.

mod event_id;
mod gate;
mod judge;
mod memory;
mod received;
mod source;

pub(crate) use gate::{HookVerdict, MOST_WEIGHT};
pub(super) use judge::LATE_CLOSE;
pub(crate) use judge::Verdict;
pub(crate) use received::{Received, Step};
pub(crate) use source::Source;

use super::bounded::Bounded;
use super::breaker::{BreakerSettings, BreakerStats, Breakers};
use super::canonical;
use super::windows::{Cause, Scope, Window, Windows};
use crate::events::MaintenanceWindow;
use crate::protocol::Endpoint;
use gate::Gate;
use memory::Memory;
use received::MOST_WAITING;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Fixed for the life of a client.
#[derive(Clone, Debug)]
pub(crate) struct AnnouncementSettings {
    /// How long timeouts stay relaxed after a window has ended or a connection has moved.
    pub(crate) post_handoff: Duration,
    /// When endpoints that fail are left alone.
    pub(crate) breaker: BreakerSettings,
    /// Whether connections are moved at all. Where not, a MOVING relaxes timeouts and does nothing else.
    pub(crate) handoffs: bool,
    /// How long a notification waits for the hooks.
    pub(crate) hook_timeout: Duration,
    /// How long a MIGRATING without a MIGRATED counts.
    pub(crate) migration_cap: Duration,
    /// How long a FAILING_OVER without a FAILED_OVER counts.
    pub(crate) failover_cap: Duration,
    /// How long an SMIGRATING without an SMIGRATED counts.
    pub(crate) slot_migration_cap: Duration,
}

impl Default for AnnouncementSettings {
    /// The documented defaults of the options.
    fn default() -> Self {
        Self {
            post_handoff: Duration::from_secs(20),
            breaker: BreakerSettings::default(),
            handoffs: true,
            hook_timeout: Duration::from_secs(1),
            migration_cap: Duration::from_secs(60),
            failover_cap: Duration::from_secs(60),
            slot_migration_cap: Duration::from_secs(120),
        }
    }
}

/// What follows from an announcement or from the time, for the planner to pass on.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// A breaker has closed for want of use.
    BreakerClosed(Endpoint),
    /// PING the idle connections: a failover may have killed some of them silently.
    CheckLiveness,
    /// Timeouts of these connections are relaxed until then, all windows considered.
    Relax { scope: Scope, until: Instant },
    /// A window ended, as hooks are told of it; its tail begins.
    WindowClosed(MaintenanceWindow),
    /// A window opened, as hooks are told of it.
    WindowOpened(MaintenanceWindow),
}

/// All that one database has announced lately.
#[derive(Debug)]
pub(crate) struct Announcements {
    settings: AnnouncementSettings,
    /// The first copies.
    memory: Memory,
    /// Notifications that wait for the hooks, and those that are forgotten or were refused.
    gate: Gate<Source>,
    /// What came while the hooks were asked, in order.
    waiting: Bounded<Received>,
    windows: Windows,
    /// By endpoint, whichever node it was dialled for.
    pub(super) breakers: Breakers,
    /// Invariant: empty between the calls of a planner.
    effects: Vec<Effect>,
}

impl Announcements {
    /// Nothing announced.
    pub(crate) fn new(settings: AnnouncementSettings) -> Self {
        Self {
            memory: Memory::new(),
            gate: Gate::new(),
            waiting: Bounded::new(MOST_WAITING, MOST_WEIGHT),
            windows: Windows::new(settings.post_handoff),
            breakers: Breakers::new(settings.breaker),
            effects: Vec::new(),
            settings,
        }
    }

    /// The windows, for errors, statistics and links.
    pub(crate) fn windows(&self) -> &Windows {
        &self.windows
    }

    /// The breakers, for statistics.
    pub(crate) fn breakers(&self) -> impl Iterator<Item = (&Endpoint, BreakerStats)> {
        self.breakers.stats()
    }

    /// When a window ends: a planner is to be called by then. What is late otherwise may wait for the next call.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.windows.poll_timeout()
    }

    /// Ends the windows that have reached their caps, and forgets breakers that nobody uses. By each planner,
    /// before it does what is due itself.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        // Whichever planner is first ends a window; the others find nothing due.
        for window in self.windows.handle_timeout(now) {
            self.on_window_end(now, &window);
        }
        let unused = self.breakers.handle_timeout(now);
        self.effects
            .extend(unused.into_iter().map(Effect::BreakerClosed));
    }

    /// What has followed from the calls since the last one, in order.
    pub(super) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Opens the window of `cause`, or extends it.
    pub(super) fn open_window(&mut self, now: Instant, scope: Scope, cause: Cause, until: Instant) {
        let opened = self.windows.open(now, scope, cause, until);
        // Even if the window is not new: its end may have moved.
        self.relax(now, scope);
        if let Some(window) = opened {
            // Last, so that it is true when a hook hears of it.
            self.effects.push(Effect::WindowOpened(window.told(now)));
        }
    }

    /// A connection to `peer` is new and has been told nothing so far.
    pub(super) fn relax_new_link(&mut self, now: Instant, peer: Option<SocketAddr>) {
        if self.windows.relaxed_until(peer, now).is_some() {
            self.relax(now, scope_of(peer));
        }
    }

    /// A connection has just been replaced by one to `peer`, which may be slow for a while.
    pub(super) fn trail(&mut self, now: Instant, peer: Option<SocketAddr>, cause: Cause) {
        let scope = scope_of(peer);
        self.windows.trail(now, scope, cause);
        self.relax(now, scope);
    }

    /// A window has ended: its tail is what holds now. Told once, however many peers it was for.
    fn on_window_end(&mut self, now: Instant, window: &Window) {
        // An echo repeats for one more peer a window of which hooks have been told.
        if !window.echo {
            self.effects.push(Effect::WindowClosed(window.told(now)));
        }
        self.relax(now, window.scope);
    }

    /// Tells what now holds for the links of a scope. What holds for all comes first, so that the peers for
    /// which more holds have the last word.
    fn relax(&mut self, now: Instant, scope: Scope) {
        let mut peers = Vec::new();
        match scope {
            Scope::Peer(peer) => peers.push(peer),
            Scope::Database => {
                let until = self.windows.scope_until(scope, now).unwrap_or(now);
                self.effects.push(Effect::Relax { scope, until });
                peers.extend(self.windows.peers(now));
            }
        }
        // All windows considered: a shorter one must not take from a peer what a longer one gives.
        for peer in peers {
            let until = self.windows.relaxed_until(Some(peer), now);
            self.effects.push(Effect::Relax {
                scope: Scope::Peer(peer),
                until: until.map_or(now, |(until, _)| until),
            });
        }
    }

    /// How many first copies are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.memory.len()
    }
}

/// Links to an address, or all where none is known.
pub(super) fn scope_of(peer: Option<SocketAddr>) -> Scope {
    peer.map_or(Scope::Database, |addr| Scope::Peer(canonical(addr)))
}
