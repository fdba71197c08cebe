//! Addresses that stay while what answers behind them changes. Chooses no entry.
//!
//! From half of the announced time on such an address is dialled beside the old links. A server that
//! has announced a MOVING says it again to whoever asks for notifications on it, so what a new link is
//! told shows whether it leads to the node that leaves. That is judged for each link: behind a front
//! every dial may lead elsewhere.

use super::action::{FailureKind, Front, Target};
use super::entry::Entry;
use super::handoff::{Destination, Handoff};
use super::notices::SEARCH_ON;
use super::state::{PendingMove, Phase};
use super::{Planner, lookups};
use crate::handoff::announcements::{Announcements, Source};
use crate::handoff::later;
use crate::ids::{EntryId, HandoffId};
use crate::protocol::Endpoint;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// How long a server is given at most to say again that it leaves. Servers were seen to do so 16 to 17 ms
/// after the opt-in.
const PATIENCE: Duration = Duration::from_millis(250);
/// Between dials of a front that leads to the old node: this, or a tenth of the announced time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

impl Handoff {
    /// When the front is to be dialled again, after a dial at `dialled` that has led to the old node, where
    /// the workers need so many `rounds` for the rest of the pool. `None`: not any more.
    ///
    /// The last dial leaves time for its own connection, for all others after it, and half a round for what
    /// connecting itself takes: each round lasts as long as a server is given to speak.
    fn next_dial(&self, now: Instant, dialled: Instant, rounds: u32) -> Option<Instant> {
        let round = self.patience();
        let lead = round.saturating_mul(rounds.saturating_add(1)) + round / 2;
        let last = self.deadline.checked_sub(lead).unwrap_or(self.half);
        let last = last.max(self.half);
        let pause = (self.announced() / 10).max(SHORTEST_PAUSE);
        let next = later(dialled, pause).max(now);
        (dialled < last).then(|| next.min(last))
    }

    /// How long a server is given to say again that it leaves: a tenth of a short notice.
    fn patience(&self) -> Duration {
        PATIENCE.min(self.announced() / 10)
    }

    /// What a dial of its destination is judged by, where that is a front.
    pub(super) fn front(&self, now: Instant) -> Option<Front> {
        (self.destination == Destination::Configured).then(|| Front {
            seq: self.seq,
            patience: self.patience(),
            untold_will_do: now >= self.late(),
        })
    }

    /// What leads to the front: an address that the server itself has named, or what is configured.
    pub(super) fn front_target(&self, has_name: bool) -> Target {
        match self.retiring {
            Some(addr) if self.led_back && !has_name => Target::Address(addr),
            _ => Target::Configured,
        }
    }
}

impl Planner {
    /// At half time, a name that lists nothing but the retiring address is a front.
    pub(super) fn advance_fronts(&mut self, now: Instant) {
        let stays = |op: &&mut Handoff| {
            op.is_active() && op.destination == Destination::Unknown && op.stays && op.half <= now
        };
        for handoff in self.handoffs.iter_mut().filter(stays) {
            handoff.destination = Destination::Configured;
            handoff.retry_at = None;
            if let Some(retiring) = handoff.retiring {
                // New links go there too: there is nothing else.
                self.redirects.reinstate(retiring);
            }
        }
    }

    /// The place of a handoff is none, or may not be dialled: it leads back to the address that retires, or the policy
    /// denies it. The handoff goes on with what the configured name gives, or with the configured address itself.
    pub(super) fn lose_target(&mut self, id: HandoffId) {
        let has_name = self.lookups.has_name();
        let Some(handoff) = self.handoffs.get_mut(id) else {
            return;
        };
        handoff.lose_target(has_name);
        match handoff.destination {
            Destination::Unknown => {
                let until = later(handoff.give_up, SEARCH_ON);
                self.lookups.search_until(until);
            }
            Destination::Configured => {
                if let Some(retiring) = handoff.retiring {
                    self.redirects.reinstate(retiring);
                }
            }
            Destination::Resolved(_) | Destination::Announced(_) => {}
        }
    }

    /// A place was denied: for all that goes on, it is none.
    pub(super) fn on_forbidden(&mut self, place: &Endpoint) {
        self.redirects.forget_place(place);
        let aims = |op: &&Handoff| {
            op.is_active()
                && matches!(&op.destination, Destination::Announced(endpoint) if endpoint == place)
        };
        let denied: Vec<HandoffId> = (self.handoffs.iter().filter(aims))
            .map(|op| op.id)
            .collect();
        for id in denied {
            self.lose_target(id);
        }
    }

    /// The front, dialled at `dialled` for this entry, did not show a new node: the new connection was told that its
    /// node leaves, or nothing while that proves nothing, or reached a replica. The old link serves on.
    pub(super) fn on_too_early(
        &mut self,
        now: Instant,
        entry: EntryId,
        id: HandoffId,
        kind: FailureKind,
        dialled: Instant,
    ) {
        let rounds = self.rounds(id);
        let Some(handoff) = self.handoffs.get_mut(id) else {
            return;
        };
        let next = match kind {
            // A server that does not repeat itself is taken for new in the last quarter, for want of a better sign.
            FailureKind::Untold => Some(handoff.late()).filter(|late| *late > now),
            _ => handoff.next_dial(now, dialled, rounds),
        };
        let next = next.unwrap_or(handoff.give_up);
        handoff.retry_at = Some(next);
        handoff.blocked = false;
        let pending = (self.entries.get_mut(entry)).and_then(|entry| entry.state.pending_mut());
        if let Some(pending) = pending.filter(|pending| pending.handoff == id) {
            pending.not_before = Some(next);
            pending.blocked = false;
        }
    }

    /// How many times the workers must begin anew to dial for each connection that waits for this handoff.
    fn rounds(&self, id: HandoffId) -> u32 {
        let mine = |entry: &&Entry| {
            let pending = entry.state.pending();
            pending.is_some_and(|pending| pending.handoff == id)
        };
        let at_once = match self.settings.handoff_concurrency {
            0 => self.settings.workers,
            cap => self.settings.workers.min(cap),
        };
        let waiting = self.entries.iter().filter(mine).count();
        u32::try_from(waiting.div_ceil(at_once.max(1))).unwrap_or(u32::MAX)
    }

    /// A link has said again that its node leaves. If it was made through a front after half time, it
    /// was made in vain.
    pub(super) fn on_repeated_moving(&mut self, now: Instant, source: &Source, seq: Option<i64>) {
        let leads_back = |op: &&Handoff| {
            op.destination == Destination::Configured
                && (op.retiring, op.seq) == (source.peer, seq)
                && !op.concerns(source.dialled_at)
                && now < op.give_up
        };
        let Some(id) = self.handoffs.iter().find(leads_back).map(|op| op.id) else {
            return;
        };
        let rounds = self.rounds(id);
        let Some(handoff) = self.handoffs.get_mut(id) else {
            return;
        };
        let serves = |entry: &&mut Entry| {
            let link = entry.state.live().map(|known| known.link);
            entry.state.phase() == Phase::Steady && link == Some(source.link)
        };
        let entry = self.entries.iter_mut().find(serves);
        let next = handoff.next_dial(now, source.dialled_at, rounds);
        let (Some(entry), Some(next)) = (entry, next) else {
            return;
        };
        if !handoff.is_active() {
            handoff.reopen();
        }
        let mut pending = PendingMove::new(id);
        pending.not_before = Some(next);
        entry.state.mark_for(pending);
    }

    /// The configured name gives these addresses: what goes on may go there, unless they all retire.
    pub(super) fn on_answer(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        answer: &lookups::Answer,
    ) {
        if answer.addrs.is_empty() {
            return;
        }
        let ips: Vec<IpAddr> = answer.addrs.iter().map(SocketAddr::ip).collect();
        let fresh: Vec<SocketAddr> = answer
            .addrs
            .iter()
            .copied()
            .filter(|a| !self.redirects.retiring(*a, now))
            .collect();
        self.redirects.handle_resolved(now, &ips);
        for handoff in self.handoffs.active_mut() {
            let retiring = handoff.retiring;
            let elsewhere = |addr: &SocketAddr| retiring.map(|r| r.ip()) != Some(addr.ip());
            let places: Vec<SocketAddr> = fresh.iter().copied().filter(elsewhere).collect();
            handoff.stays = !answer.addrs.iter().any(elsewhere);
            if places.is_empty() {
                continue;
            }
            let was_front = handoff.destination == Destination::Configured;
            handoff.handle_alternates(now, places);
            if let (Some(retiring), true, Destination::Resolved(_)) =
                (retiring, was_front, &handoff.destination)
            {
                let left = handoff.deadline.saturating_duration_since(now);
                self.redirects.insert(now, retiring, None, left);
            }
        }
        if answer.news && !fresh.is_empty() {
            self.refill.handle_news();
        }
        for check in &answer.checks {
            self.on_check(
                now,
                ann,
                check.migrated_at,
                check.seq,
                &answer.addrs,
                &fresh,
            );
        }
    }
}
