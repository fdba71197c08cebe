//! How vacant entries are filled: which of them, and what they are to dial. Gives an entry no second job, and
//! offers nothing while the queue is known to be full.
//!
//! An entry is filled because a caller wants it, because its link gave way to a move, or because its link was lost.
//! The last is a reason only while dials do not keep failing, or while the idle minimum lacks the entry. How soon
//! is for `refill`, whose pace all entries share, and for the entry's own renewal.

use super::Planner;
use super::action::{Job, JobKind, Target};
use super::entry::Entry;
use super::handoff::{Destination, Handoff};
use super::offers::{Errand, choices};
use super::state::Phase;
use crate::handoff::announcements::Announcements;
use crate::handoff::breaker::BreakerState;
use crate::handoff::{LONGEST, later};
use crate::ids::EntryId;
use crate::protocol::Endpoint;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A fill is given this long at first for a place that nothing is known of. Part of it may be
/// spent waiting for a worker.
const SHORT_DIAL: Duration = Duration::from_millis(750);

impl Planner {
    /// Whether this entry is to be dialled for once its pause is over. Dedicated ones only for a caller, or after
    /// their link gave way.
    pub(super) fn needs_fill(&self, entry: EntryId) -> bool {
        let shared = !self.entries.is_dedicated(entry);
        self.entries.get(entry).is_some_and(|entry| {
            let owed = entry.released_first.as_ref().is_some_and(|old| {
                let mut under_way = self.handoffs.active();
                under_way.any(|op| op.id == old.pending.handoff)
            });
            let tried = self.refill.is_eager() || self.lacks_idle() || entry.renewal.is_granted();
            entry.is_fillable() && (entry.wanted || owed || (shared && entry.eager && tried))
        })
    }

    /// Whether fewer entries have a link or a job than the idle minimum demands.
    fn lacks_idle(&self) -> bool {
        let idle = self.settings.min_connections.min(self.settings.pool_size);
        self.entries.shared_held() < idle
    }

    /// Until when this entry is not dialled, if that is later than `now`.
    pub(super) fn fill_paused_until(&self, now: Instant, entry: EntryId) -> Option<Instant> {
        let entry = self.entries.get(entry)?;
        let awaited = self.entries.is_awaited();
        if entry.renewal.is_granted() {
            return None;
        }
        // The later of both: neither a service that fails nor an entry that keeps losing links is hurried.
        let own = entry.renewal.paused_until(now, awaited);
        own.max(self.refill.paused_until(now, awaited))
    }

    /// Offers a job for each vacant entry that needs one and may be dialled for, the wanted ones first: as many at
    /// once as `refill` allows, and no more shared ones than there is room for beside the links that were condemned.
    pub(super) fn offer_fills(&mut self, now: Instant, ann: &mut Announcements) {
        let vacant = |entry: &Entry| entry.state.phase() == Phase::Vacant;
        let shared = self.settings.pool_size;
        let idle = self.settings.min_connections.min(shared);
        let spoken_for = |entry: &&Entry| !vacant(entry) || entry.eager || entry.wanted;
        let missing = idle.saturating_sub(self.entries.shared().filter(spoken_for).count());
        let idle_ones = (self.entries.shared_mut()).filter(|entry| vacant(entry) && !entry.eager);
        idle_ones.take(missing).for_each(|entry| entry.eager = true);
        if self.blocked_until.is_some() {
            return;
        }
        // A move whose entry has lost its link is no fill.
        let filling = |entry: &Entry| {
            let job = entry.state.assignment();
            job.is_some_and(|job| job.kind == JobKind::Fill)
        };
        let under_way = self.entries.iter().filter(|entry| filling(entry)).count();
        let mut places = self.refill.at_once().saturating_sub(under_way);
        let mut room = self.room_beside_condemned();
        let is_wanted = |at: &EntryId| self.entries.get(*at).is_some_and(|entry| entry.wanted);
        let needy = self.entries.ids().filter(|at| self.needs_fill(*at));
        let (wanted, others): (Vec<_>, Vec<_>) = needy.partition(is_wanted);
        for entry in [wanted, others].concat() {
            if self.fill_paused_until(now, entry).is_some() {
                continue;
            }
            let Some(renewal) = self.entries.get_mut(entry).map(|entry| &mut entry.renewal) else {
                continue;
            };
            let is_shared = entry.index() < shared;
            if places == 0 && !renewal.is_granted() || is_shared && room == 0 {
                continue;
            }
            renewal.handle_dial();
            places = places.saturating_sub(1);
            room = room.saturating_sub(usize::from(is_shared));
            let (errand, origin, target) = self.fill_of(now, ann, entry);
            let to = self.endpoint(&target);
            let mut avoid = self.redirects.avoided(now);
            if let Target::Address(addr) = target {
                avoid.retain(|avoided| *avoided != addr);
            }
            let led = |op: &&Handoff| op.retiring == origin && origin.is_some();
            // The fill moves nothing, but what the user's policy has refused it is not asked about again within
            // one handoff.
            let handoff = self.handoffs.iter().find(led).map(|op| op.id);
            // How long it may take is the user's connect timeout, from when a worker begins; but no
            // caller is to wait so long for a place of which nothing is known.
            let give_up = later(now, LONGEST);
            let doubt = match &target {
                Target::Address(_) => true,
                Target::Announced(place) => !self.redirects.has_landed(place),
                Target::Configured => false,
            };
            // Twice as long with every second failure: a slow place is reached in the end.
            let factor = 1_u32 << (self.refill.misses() / 2).min(8);
            let give_up = if doubt {
                later(now, SHORT_DIAL.saturating_mul(factor))
            } else {
                give_up
            };
            self.offer(
                now,
                errand,
                None,
                to,
                Job {
                    entry,
                    kind: JobKind::Fill,
                    target,
                    avoid,
                    origin: origin.map(|addr| addr.ip()),
                    handoff,
                    front: None,
                    shuns_replicas: false,
                    connect_by: give_up,
                    give_up,
                },
            );
        }
    }

    /// How many shared entries may be filled beside the links on which callers still wait, although these take
    /// no command any more. One always may where no entry has a link or is filled: somebody must serve.
    fn room_beside_condemned(&self) -> usize {
        let shared = self.settings.pool_size;
        let held = self.entries.shared_held();
        let least = usize::from(held == 0);
        shared
            .saturating_sub(held.saturating_add(self.draining.condemned()))
            .max(least)
    }

    /// What a vacant entry dials: for which handoff, the address that is replaced by it, and the target.
    fn fill_of(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        entry: EntryId,
    ) -> (Option<Errand>, Option<SocketAddr>, Target) {
        if let Some((errand, target)) = self.after_release(entry) {
            return (errand, errand.and_then(|(_, retiring)| retiring), target);
        }
        if let Some(addr) = self.lost_address(now, ann, entry) {
            return (None, None, Target::Address(addr));
        }
        let (origin, target) = self.fill_target(now, ann);
        (None, origin, target)
    }

    /// The address that this entry's link was lost to, where that retires and what is to replace it may be
    /// out of reach: it may still accept.
    fn lost_address(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        at: EntryId,
    ) -> Option<SocketAddr> {
        let addr = self.entries.get(at)?.lost?;
        let handoff = self.handoffs.away_from(addr)?;
        let Destination::Announced(place) = handoff.destination.clone() else {
            return None;
        };
        let retires = self.redirects.retiring(addr, now);
        if !retires || !(self.is_doubted(now, ann, &place) || self.refill.misses() > 0) {
            return None;
        }
        // Taken, not read: each loss is good for one such dial.
        self.entries.get_mut(at)?.lost.take()
    }

    /// Whether something speaks against a place that a server named.
    fn is_doubted(&self, now: Instant, ann: &mut Announcements, place: &Endpoint) -> bool {
        let broken = (ann.breakers.known(place))
            .is_some_and(|breaker| breaker.state() == BreakerState::Open);
        broken || self.handoffs.has_missed(place) || self.is_silent(now, place)
    }

    /// Whether a place that a server named lets dials wait for their end.
    fn is_silent(&self, now: Instant, place: &Endpoint) -> bool {
        self.handoffs.has_hung(place) || self.hangs_at(now, place)
    }

    /// An entry whose link gave way goes where that was to move to, then back where it was, and then
    /// wherever any other goes; and so on.
    fn after_release(&mut self, at: EntryId) -> Option<(Option<Errand>, Target)> {
        let has_name = self.lookups.has_name();
        let old = self.entries.get_mut(at)?.released_first.as_mut()?;
        let (turn, id, from) = (old.tries % 3, old.pending.handoff, old.from);
        old.tries = old.tries.wrapping_add(1);
        let handoff = self.handoffs.get(id)?;
        match turn {
            0 if handoff.is_active() => {
                let (target, _) = choices(handoff, has_name, at, 0)?;
                Some((Some((id, handoff.retiring)), target))
            }
            1 => Some((None, Target::Address(from?))),
            _ => None,
        }
    }

    /// New connections go to the place named last until the name agrees, but first by the name where
    /// something speaks against the place. After a failure they take turns; a place that answers nothing
    /// is dialled every fourth time. Also says which address the place replaces.
    pub(super) fn fill_target(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
    ) -> (Option<SocketAddr>, Target) {
        let Some((from, place)) = self.redirects.newest_target(now) else {
            return (None, Target::Configured);
        };
        let (silent, doubted) = (
            self.is_silent(now, &place),
            self.is_doubted(now, ann, &place),
        );
        if self.refill.takes_named_place(silent, doubted) {
            (Some(from), Target::Announced(place))
        } else {
            (None, Target::Configured)
        }
    }
}
