//! Until when timeouts are relaxed, for whom, and because of what. Changes no timeout itself.
//!
//! `announcements` opens and closes them; from here it learns until when, and the coordinator tells the links,
//! the connector and those who wait for a connection. Calls do not ask here: each link has the time that it
//! was told.
//!
//! ```text
//!             start                  completion of the same family with a higher number,
//!   (none) ──────────> Open ───────> or the cap passed            ┌──────────────────┐
//!                      │  ^          ───────────────────────────> Tail ── post time ─┴─> (none)
//!                      └──┘ start again: later end only
//! ```

pub(crate) use crate::events::WindowScope as Scope;

use crate::events::MaintenanceWindow;
use crate::protocol::Maintenance;
use crate::sorted::in_order;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What opened a window. A start and its completion belong to one family.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Family {
    /// FAILING_OVER and FAILED_OVER.
    Failover,
    /// MIGRATING and MIGRATED.
    Migration,
    /// MOVING, which has no completion on the wire.
    Moving,
    /// SMIGRATING and SMIGRATED.
    SlotMigration,
    /// A move away from an address that the configured name has ceased to list after a MIGRATED: like
    /// a MOVING, it has no completion on the wire.
    Unlisted,
}

/// The event that a window, and thus a late reply, is owed to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Cause {
    /// Its family.
    pub(crate) family: Family,
    /// Its number.
    pub(crate) seq: Option<i64>,
}

impl Cause {
    /// The name and number of the notification, for users.
    pub(crate) fn maintenance(self) -> Maintenance {
        let name = match self.family {
            Family::Failover => "FAILING_OVER",
            Family::Migration => "MIGRATING",
            Family::Moving => "MOVING",
            Family::SlotMigration => "SMIGRATING",
            Family::Unlisted => "MIGRATED",
        };
        Maintenance {
            name,
            seq: self.seq,
        }
    }
}

/// A window, open or in its tail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Window {
    /// Whom it concerns.
    pub(crate) scope: Scope,
    /// What opened it.
    pub(crate) cause: Cause,
    /// When it opened.
    pub(crate) opened: Instant,
    /// When it ends, or ended. The tail is counted from here and not in it.
    pub(crate) until: Instant,
    /// Whether it has ended, so that only its tail lasts.
    pub(crate) ended: bool,
    /// Whether it repeats for one more peer what another window says already.
    pub(crate) echo: bool,
}

impl Window {
    /// As users are told of it at `now`.
    pub(crate) fn told(&self, now: Instant) -> MaintenanceWindow {
        MaintenanceWindow {
            maintenance: self.cause.maintenance(),
            scope: self.scope,
            time_left: if self.ended {
                Duration::ZERO
            } else {
                self.until.saturating_duration_since(now)
            },
        }
    }
}

/// The windows of a client.
///
/// Invariant: `entries.len() <= CAP`.
#[derive(Debug)]
pub(crate) struct Windows {
    /// How long timeouts stay relaxed after a window has ended.
    tail: Duration,
    /// In no order: few are open at a time.
    entries: Vec<Window>,
}

/// Windows remembered at once; beyond that the one that ends first goes.
const CAP: usize = 64;
/// How long the end of a tail is remembered, to explain a timeout that is noticed late.
const MEMORY: Duration = Duration::from_secs(60);

impl Windows {
    /// No windows; each is to have this tail.
    pub(crate) fn new(tail: Duration) -> Self {
        Self {
            tail,
            entries: Vec::new(),
        }
    }

    /// Opens a window, or extends the one that is open for the same cause. Shortens nothing.
    /// Returns the window if it is new.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        scope: Scope,
        cause: Cause,
        until: Instant,
    ) -> Option<Window> {
        // One that has ended is not opened again: its completion came, and this is a new start.
        let same = |w: &&mut Window| w.scope == scope && w.cause == cause && !w.ended;
        if let Some(window) = self.entries.iter_mut().find(same) {
            // A copy that is told late has less time left, and must not take from the others what they were given.
            window.until = window.until.max(until);
            return None;
        }
        let window = Window {
            scope,
            cause,
            opened: now,
            until,
            ended: false,
            echo: false,
        };
        self.insert(window);
        Some(window)
    }

    /// Opens the window of `cause` for a further peer, to end when it ends for the others.
    pub(crate) fn spread(&mut self, now: Instant, cause: Cause, scope: Scope) -> Option<Window> {
        let open = self.entries.iter().find(|w| w.cause == cause && !w.ended)?;
        let until = open.until;
        self.open(now, scope, cause, until)?;
        // What `open` has just inserted is the last.
        let echo = self.entries.last_mut()?;
        echo.echo = true;
        Some(*echo)
    }

    /// Starts a tail without a window: a connection that has just been replaced is slow for a while.
    pub(crate) fn trail(&mut self, now: Instant, scope: Scope, cause: Cause) {
        let same = |w: &&mut Window| w.scope == scope && w.cause == cause && w.ended;
        match self.entries.iter_mut().find(same) {
            // One tail for all connections of a handoff, from the last one that moved.
            Some(window) => window.until = window.until.max(now),
            None => self.insert(Window {
                scope,
                cause,
                opened: now,
                until: now,
                ended: true,
                echo: false,
            }),
        }
    }

    /// Whether a completion with this number would close anything. If not, and its connection is new, it is
    /// the memory of something that ended before.
    pub(crate) fn matches(&self, family: Family, seq: Option<i64>) -> bool {
        self.entries
            .iter()
            .any(|w| !w.ended && closes(w, family, seq))
    }

    /// A completion: ends the windows of its family that started before it. Returns these.
    pub(crate) fn close(&mut self, now: Instant, family: Family, seq: Option<i64>) -> Vec<Window> {
        self.end(now, |window| closes(window, family, seq))
    }

    /// Ends windows that reached their cap, and forgets those whose tail is long over.
    /// Returns those that ended.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<Window> {
        let ended = self.end(now, |window| window.until <= now);
        // Longer than the tail lasts: a timeout may be noticed late, and wants its cause.
        let tail = self.tail;
        self.entries
            .retain(|w| !w.ended || super::later(super::later(w.until, tail), MEMORY) > now);
        ended
    }

    /// When [`Windows::handle_timeout`] next ends a window.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.entries
            .iter()
            .filter(|w| !w.ended)
            .map(|w| w.until)
            .min()
    }

    /// Until when connections to `peer` are relaxed, tails included, and because of what.
    pub(crate) fn relaxed_until(
        &self,
        peer: Option<SocketAddr>,
        now: Instant,
    ) -> Option<(Instant, Cause)> {
        self.last(now, Duration::ZERO, &|w| concerns(w.scope, peer))
    }

    /// Until when any connection is relaxed, tails included, and because of what. For callers who wait for a
    /// connection: they do not know yet which server it will lead to.
    pub(crate) fn latest(&self, now: Instant) -> Option<(Instant, Cause)> {
        self.last(now, Duration::ZERO, &|_| true)
    }

    /// Until when this scope by itself is relaxed, tails included.
    pub(crate) fn scope_until(&self, scope: Scope, now: Instant) -> Option<Instant> {
        let last = self.last(now, Duration::ZERO, &|w| w.scope == scope);
        last.map(|(until, _)| until)
    }

    /// Of these windows the one whose tail ends last, so much later, and when that is; `None` if all have ended.
    fn last(
        &self,
        now: Instant,
        extra: Duration,
        are: &dyn Fn(&Window) -> bool,
    ) -> Option<(Instant, Cause)> {
        let mut last: Option<(Instant, Cause)> = None;
        for w in &self.entries {
            let until = super::later(super::later(w.until, self.tail), extra);
            if are(w) && until > now && last.is_none_or(|(known, _)| known <= until) {
                last = Some((until, w.cause));
            }
        }
        last
    }

    /// The peers for which something of their own holds, tails included. Each once.
    pub(crate) fn peers(&self, now: Instant) -> Vec<SocketAddr> {
        let open = (self.entries.iter()).filter(|w| super::later(w.until, self.tail) > now);
        let peers = open.filter_map(|w| match w.scope {
            Scope::Peer(peer) => Some(peer),
            Scope::Database => None,
        });
        in_order(peers)
    }

    /// What to blame for a timeout noticed `now` that may have begun to matter `grace` ago: the latest
    /// window that was open, or in its tail, at any time between.
    pub(crate) fn blame(
        &self,
        peer: Option<SocketAddr>,
        now: Instant,
        grace: Duration,
    ) -> Option<Cause> {
        let last =
            |ended: bool| self.last(now, grace, &|w| w.ended == ended && concerns(w.scope, peer));
        // A window that is open explains more than a tail that lasts longer.
        let (_, cause) = last(false).or_else(|| last(true))?;
        Some(cause)
    }

    /// The windows that are open, without tails.
    pub(crate) fn iter_open(&self) -> impl Iterator<Item = &Window> {
        self.entries.iter().filter(|w| !w.ended)
    }

    /// Turns those windows into tails, and yields them. None ends later than it was to end.
    fn end(&mut self, now: Instant, which: impl Fn(&Window) -> bool) -> Vec<Window> {
        let mut ended = Vec::new();
        for window in self.entries.iter_mut().filter(|w| !w.ended) {
            if which(window) {
                window.ended = true;
                window.until = window.until.min(now);
                ended.push(*window);
            }
        }
        ended
    }

    /// Adds a window, in place of the one that matters least if there is no room.
    fn insert(&mut self, window: Window) {
        if self.entries.len() >= CAP {
            let first = self
                .entries
                .iter()
                .enumerate()
                // Tails before open windows, and of these the one that ends first.
                .min_by_key(|(_, w)| (!w.ended, w.until));
            if let Some(at) = first.map(|(at, _)| at) {
                self.entries.swap_remove(at);
            }
        }
        self.entries.push(window);
    }
}

/// Whether a completion ends this window. A start and its completion never share a number. A window
/// whose start had none ends with any completion of its family, and a completion without a number
/// ends only such windows: the others keep their caps.
fn closes(window: &Window, family: Family, seq: Option<i64>) -> bool {
    window.cause.family == family
        && match (window.cause.seq, seq) {
            (Some(start), Some(completion)) => start < completion,
            (None, _) => true,
            (Some(_), None) => false,
        }
}

/// Whether a connection to `peer` is among those of the scope. An unknown peer has only what holds for all.
fn concerns(scope: Scope, peer: Option<SocketAddr>) -> bool {
    match scope {
        Scope::Database => true,
        Scope::Peer(addr) => peer.map(super::canonical) == Some(addr),
    }
}

#[cfg(test)]
mod tests;
