//! The move of all entries away from one address: its times, its stage and its destination. Chooses no entry.
//!
//! ```text
//!          jitter over, destination known      first link up
//!   Waiting ─────────────────────────> Probing ─────────────> Spreading
//!      │                                │ ^ ^ └─┐ failed,         │ ^ │
//!      │                                │ │ └───┘ try again       │ │ │ a straggler
//!      │                                │ └── turned away ────────┘ │
//!      │   all moved, links gone,       │                         v │ came up
//!      └─── superseded, or time over ───┴──────────────────────> Ended
//! ```
//!
//! One probe dials before the rest, so that a target out of reach costs one dial at a time. A place that
//! turns connections away (it is full, say) is probed again before the rest goes on.

pub(crate) use crate::events::{HandoffStage as Stage, Trigger};

use super::draining::DrainEnd;
use crate::events;
use crate::handoff::backoff::{Backoff, Jitter};
use crate::handoff::windows::{Cause, Family};
use crate::handoff::{LONGEST, later};
use crate::ids::{HandoffId, NodeId};
use crate::protocol::Endpoint;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Where to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Destination {
    /// Addresses that the configured name has been found to resolve to.
    Resolved(Vec<SocketAddr>),
    /// The configured endpoint, from half time on: what stands behind it may have moved already.
    Configured,
    /// The place that the server named.
    Announced(Endpoint),
    /// Not known: the configured name is asked until it gives another address.
    Unknown,
}

/// The move of all entries away from one address.
#[derive(Debug)]
pub(super) struct Handoff {
    pub(super) id: HandoffId,
    /// The node whose entries move.
    pub(super) node: NodeId,
    pub(super) seq: Option<i64>,
    pub(super) trigger: Trigger,
    pub(super) retiring: Option<SocketAddr>,
    pub(super) destination: Destination,
    /// Whether the configured name is known to list the retiring address and nothing else.
    pub(super) stays: bool,
    /// Whether the server has named the retiring address itself as the place.
    pub(super) led_back: bool,
    /// Further addresses to try, from half time on.
    pub(super) alternates: Vec<SocketAddr>,
    pub(super) stage: Stage,
    /// Whether its end was published: stragglers do not end it twice.
    pub(super) reported: bool,
    pub(super) moved: usize,
    /// Failures of probes, which pace the next one.
    pub(super) misses: u32,
    /// When the last of them was counted.
    missed_at: Option<Instant>,
    /// A job of it has hung, and nothing has reached the place since.
    pub(super) hung: bool,
    /// Probes since the last success that the place answered by turning them away.
    pub(super) refusals: u32,
    pub(super) retry_at: Option<Instant>,
    /// Whether `retry_at` is a breaker's: a success elsewhere ends that.
    pub(super) blocked: bool,
    /// Whether the next dial goes to an alternate rather than to the named place.
    pub(super) turn: bool,
    pub(super) first_seen: Instant,
    /// When the jitter is over.
    pub(super) starts: Instant,
    /// Half of the announced time.
    pub(super) half: Instant,
    /// A second before the deadline, or three quarters of the announced time where that is later.
    pub(super) last_chance: Instant,
    /// When the server may close the old links.
    pub(super) deadline: Instant,
    /// When no more is tried.
    pub(super) give_up: Instant,
}

/// Between attempts to reach a target.
pub(super) const RETRY: Backoff = Backoff {
    floor: Duration::from_millis(250),
    cap: Duration::from_secs(2),
};
/// An open breaker is not asked more often than that.
const PROBE_EVERY: Duration = Duration::from_millis(250);
/// The last probe of an open breaker is made so long before the end.
const LAST_CHANCE: Duration = Duration::from_secs(1);
/// So many probes that are turned away follow each other like other failures; the next ones are spread.
const QUICK_PROBES: u32 = 3;
/// The least that old links live beyond an announced deadline.
const SERVER_PATIENCE: Duration = Duration::from_secs(5);

impl Handoff {
    /// A handoff announced at `now` to take place within `grace`.
    pub(super) fn new(
        id: HandoffId,
        now: Instant,
        grace: Duration,
        handoff_timeout: Duration,
        retiring: Option<SocketAddr>,
        destination: Destination,
    ) -> Self {
        let grace = grace.min(LONGEST);
        let mut span = grace.max(handoff_timeout.min(LONGEST));
        if destination == Destination::Unknown {
            // Names follow moves late, sometimes only after the announced close.
            span = span.max(grace + SERVER_PATIENCE);
        }
        // Where no time is announced, the handoff's own counts in its place.
        let announced = if grace.is_zero() { span } else { grace };
        Self {
            id,
            node: NodeId::default(),
            seq: None,
            trigger: Trigger::Push,
            retiring,
            destination,
            stays: false,
            led_back: false,
            alternates: Vec::new(),
            stage: Stage::Waiting,
            reported: false,
            moved: 0,
            misses: 0,
            missed_at: None,
            hung: false,
            refusals: 0,
            retry_at: None,
            blocked: false,
            turn: false,
            first_seen: now,
            starts: now,
            half: later(now, grace / 2),
            last_chance: later(now, announced - (announced / 4).min(LAST_CHANCE)),
            deadline: later(now, grace),
            give_up: later(now, span),
        }
    }

    /// Whether it still moves entries.
    pub(super) fn is_active(&self) -> bool {
        self.stage != Stage::Ended
    }

    /// A link has come up that has to go, although the handoff was over.
    pub(super) fn reopen(&mut self) {
        self.stage = if self.moved > 0 {
            Stage::Spreading
        } else {
            Stage::Waiting
        };
    }

    /// Whether a link that was dialled then, to the retiring address, has to go.
    pub(super) fn concerns(&self, dialled_at: Instant) -> bool {
        self.destination != Destination::Configured || dialled_at < self.half
    }

    /// The announced time.
    pub(super) fn announced(&self) -> Duration {
        self.deadline.saturating_duration_since(self.first_seen)
    }

    /// Three quarters of the announced time.
    pub(super) fn late(&self) -> Instant {
        let rest = self.deadline.saturating_duration_since(self.half);
        later(self.half, rest / 2)
    }

    /// When it may begin, as far as that is known.
    pub(super) fn begins(&self) -> Option<Instant> {
        match self.destination {
            Destination::Announced(_) | Destination::Resolved(_) => Some(self.starts),
            Destination::Configured => Some(self.half),
            Destination::Unknown => None,
        }
    }

    /// How many attempts an entry may have made by `now`: a fresh allowance at half time, when there
    /// may be another address to try, and one at the last chance.
    pub(super) fn allowance(&self, now: Instant, max_retries: u32) -> u32 {
        let rounds = 1 + u32::from(now >= self.half) + u32::from(now >= self.last_chance);
        max_retries.saturating_add(1).saturating_mul(rounds)
    }

    /// When the server may close the old links, and when work that would outlive them is to end.
    pub(super) fn drain_end(&self) -> DrainEnd {
        DrainEnd::new(self.first_seen, self.deadline)
    }

    /// What is left of the announced time, or after that of the handoff's own.
    pub(super) fn time_left(&self, now: Instant) -> Duration {
        let end = if now < self.deadline {
            self.deadline
        } else {
            self.give_up
        };
        end.saturating_duration_since(now)
    }

    /// How long an open breaker of its target rests: an eighth of the announced time, or of what time is
    /// left after that.
    pub(super) fn rest(&self, now: Instant) -> Duration {
        let span = if now < self.deadline {
            self.announced()
        } else {
            self.give_up.saturating_duration_since(self.deadline)
        };
        (span / 8).max(PROBE_EVERY)
    }

    /// When a breaker that is open since then is to be probed: after its rest, but once at the last
    /// chance whatever happens.
    pub(super) fn probe_due(&self, now: Instant, since: Instant) -> Instant {
        let rested = later(since, self.rest(now));
        if since < self.last_chance {
            rested.min(self.last_chance)
        } else {
            rested
        }
    }

    /// The end of a pause that begins now: none goes beyond the next milestone, so that no backoff
    /// reaches over half of the announced time or over the last chance. What is left then is halved.
    pub(super) fn pause_end(&self, now: Instant, pause: Duration) -> Instant {
        let left = self.deadline.saturating_duration_since(now);
        let pause = if now >= self.last_chance && !left.is_zero() {
            pause.min((left / 2).max(PROBE_EVERY))
        } else {
            pause
        };
        later(now, pause).min(self.milestone(now))
    }

    /// The next time at which something changes whatever happens, after `now`.
    pub(super) fn milestone(&self, now: Instant) -> Instant {
        [self.half, self.last_chance, self.give_up]
            .into_iter()
            .filter(|at| *at > now)
            .min()
            .unwrap_or(self.give_up)
    }

    /// Where to, as far as that is one place.
    pub(super) fn place(&self) -> Option<Endpoint> {
        match &self.destination {
            Destination::Announced(endpoint) => Some(endpoint.clone()),
            Destination::Resolved(addrs) => {
                addrs.first().map(|addr| crate::handoff::endpoint_of(*addr))
            }
            Destination::Configured | Destination::Unknown => None,
        }
    }

    /// Whether this place is its destination, and no dial has reached it.
    pub(super) fn has_not_reached(&self, place: &Endpoint) -> bool {
        self.moved == 0
            && self
                .place()
                .is_some_and(|destination| destination == *place)
    }

    /// The named place is none: where to go must be found out.
    pub(super) fn lose_target(&mut self, has_name: bool) {
        let found = std::mem::take(&mut self.alternates);
        self.destination = match has_name {
            _ if !found.is_empty() => Destination::Resolved(found),
            true => Destination::Unknown,
            false => Destination::Configured,
        };
        self.stage = Stage::Waiting;
    }

    /// A dial of `to` has reached `addr`: the rest follows there.
    pub(super) fn handle_reached(&mut self, to: &Endpoint, addr: Option<SocketAddr>) {
        self.moved = self.moved.saturating_add(1);
        self.misses = 0;
        self.missed_at = None;
        self.refusals = 0;
        self.hung = false;
        self.retry_at = None;
        if let (Destination::Announced(place), Some(addr)) = (&self.destination, addr) {
            if place != to && self.alternates.contains(&addr) {
                self.destination = Destination::Resolved(vec![addr]);
            }
        }
        if matches!(self.destination, Destination::Announced(_)) {
            self.alternates.clear();
        }
        if self.is_active() {
            self.stage = Stage::Spreading;
        }
    }

    /// A job that was offered at `offered` has failed. Those of one moment count once.
    pub(super) fn handle_miss(&mut self, now: Instant, offered: Instant, jitter: &mut Jitter) {
        if self.missed_at.is_some_and(|at| offered < at) {
            return;
        }
        let mut pause = RETRY.steady_delay(self.misses, jitter);
        if self.refusals >= QUICK_PROBES {
            pause = pause.max(self.rest(now));
        }
        self.misses = self.misses.saturating_add(1);
        self.missed_at = Some(now);
        self.retry_at = Some(self.pause_end(now, pause));
        self.blocked = false;
    }

    /// The place turned a job away. One entry at a time shows whether it takes any more.
    pub(super) fn handle_turned_away(&mut self, probe: bool) {
        self.refusals = self.refusals.saturating_add(u32::from(probe));
        if self.stage == Stage::Spreading {
            self.stage = Stage::Probing;
        }
    }

    /// Whether the place may be asked once more, although it turns everybody away.
    pub(super) fn may_probe(&self, now: Instant, max_retries: u32) -> bool {
        self.refusals < self.allowance(now, max_retries)
    }

    /// The thread around the planner may be kept from running for a while. A handoff whose whole
    /// time has passed in one such sleep, without a single attempt, is given a handoff's time from now.
    pub(super) fn handle_late_wakeup(&mut self, now: Instant, handoff_timeout: Duration) {
        let ready = self.stage == Stage::Waiting && self.begins().is_some();
        if ready && self.give_up <= now {
            self.give_up = later(now, handoff_timeout.min(LONGEST));
        }
    }

    /// The configured name resolves to `addrs` too, none of which retires.
    pub(super) fn handle_alternates(&mut self, now: Instant, addrs: Vec<SocketAddr>) {
        match &self.destination {
            Destination::Unknown => self.destination = Destination::Resolved(addrs),
            // The address did not stay after all.
            Destination::Configured
                if self.retiring.is_some() && self.stage != Stage::Spreading =>
            {
                self.destination = Destination::Resolved(addrs);
                self.retry_at = None;
            }
            // What was reached stays the destination.
            Destination::Resolved(_) if self.stage != Stage::Spreading => {
                self.destination = Destination::Resolved(addrs)
            }
            Destination::Announced(_) if now >= self.half && self.stage != Stage::Spreading => {
                self.turn |= self.alternates.is_empty();
                self.alternates = addrs;
            }
            Destination::Resolved(_) | Destination::Announced(_) | Destination::Configured => {}
        }
    }

    /// As those who watch see it; `left` entries have yet to move.
    pub(super) fn account(&self, now: Instant, left: usize) -> events::Handoff {
        events::Handoff {
            id: self.id,
            node: self.node,
            trigger: self.trigger,
            maintenance: self.cause().maintenance(),
            stage: self.stage,
            from: self.retiring,
            to: self.place(),
            moved: self.moved,
            connections_left: left,
            time_left: self.deadline.saturating_duration_since(now),
            took: now.saturating_duration_since(self.first_seen),
        }
    }

    /// What its window is owed to.
    pub(super) fn cause(&self) -> Cause {
        let family = match self.trigger {
            // Its number is that of the MIGRATED: nobody has sent a MOVING.
            Trigger::DnsGone => Family::Unlisted,
            Trigger::Push => Family::Moving,
        };
        Cause {
            family,
            seq: self.seq,
        }
    }
}

#[cfg(test)]
mod tests;
