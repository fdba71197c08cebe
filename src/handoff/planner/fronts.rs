//! Addresses that stay while what answers behind them changes. Chooses no slot.
//!
//! From half of the announced time on such an address is dialled beside the old links. A server that
//! has announced a MOVING says it again to whoever asks for notifications on it, so what a new link is
//! told shows whether it leads to the node that leaves. That is judged for each link: behind a front
//! every dial may lead elsewhere.

use super::action::{FailureKind, Front, SlotId, Target};
use super::notices::SEARCH_ON;
use super::operation::{Aim, Operation, OperationId};
use super::seat::{Live, Mark, SeatState};
use super::slot::Slot;
use super::{Planner, lookups};
use crate::handoff::later;
use crate::protocol::Endpoint;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// How long a server is given to say again that it leaves.
const PATIENCE: Duration = Duration::from_millis(250);
/// Between dials of a front that leads to the old node: this, or a tenth of the announced time.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The last dial of a front is made so long before the end.
const LAST_DIAL: Duration = Duration::from_millis(500);

impl Operation {
    /// When the front is to be dialled again, after a dial at `dialled` that has led to the old node.
    /// `None`: not any more.
    fn next_dial(&self, now: Instant, dialled: Instant) -> Option<Instant> {
        let last = self.deadline.checked_sub(LAST_DIAL).unwrap_or(self.half);
        let last = last.max(self.half);
        let announced = self.deadline.saturating_duration_since(self.first_seen);
        let next = later(dialled, (announced / 10).max(SHORTEST_PAUSE)).max(now);
        (dialled < last).then(|| next.min(last))
    }

    /// What a dial of its aim is judged by, where that is a front.
    pub(super) fn front(&self, now: Instant) -> Option<Front> {
        (self.aim == Aim::Front).then(|| Front {
            seq: self.seq,
            patience: PATIENCE,
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
        let stays = |op: &&mut Operation| {
            op.is_active() && op.aim == Aim::Searching && op.stays && op.half <= now
        };
        for operation in self.operations.iter_mut().filter(stays) {
            operation.aim = Aim::Front;
            operation.retry_at = None;
            if let Some(retiring) = operation.retiring {
                // New links go there too: there is nothing else.
                self.redirects.pardon(retiring);
            }
        }
    }

    /// The place of an operation is none, or may not be dialled.
    pub(super) fn lose_place(&mut self, id: OperationId) {
        let has_name = self.lookups.has_name();
        let Some(operation) = self.operations.iter_mut().find(|op| op.id == id) else {
            return;
        };
        operation.lose_place(has_name);
        match operation.aim {
            Aim::Searching => {
                let until = later(operation.give_up, SEARCH_ON);
                self.lookups.search_until(until);
            }
            Aim::Front => {
                if let Some(retiring) = operation.retiring {
                    self.redirects.pardon(retiring);
                }
            }
            Aim::Found(_) | Aim::Named(_) => {}
        }
    }

    /// A place was denied: for all that goes on, it is none.
    pub(super) fn on_forbidden(&mut self, place: &Endpoint) {
        self.redirects.forget_place(place);
        let aims = |op: &&Operation| {
            op.is_active() && matches!(&op.aim, Aim::Named(endpoint) if endpoint == place)
        };
        let denied: Vec<OperationId> = (self.operations.iter().filter(aims))
            .map(|op| op.id)
            .collect();
        for id in denied {
            self.lose_place(id);
        }
    }

    /// The front, dialled at `dialled` for this slot, did not show a new node.
    pub(super) fn on_too_early(
        &mut self,
        now: Instant,
        slot: SlotId,
        id: OperationId,
        kind: FailureKind,
        dialled: Instant,
    ) {
        let Some(operation) = self.operations.iter_mut().find(|op| op.id == id) else {
            return;
        };
        let next = match kind {
            FailureKind::Untold => Some(operation.late()).filter(|late| *late > now),
            _ => operation.next_dial(now, dialled),
        };
        let next = next.unwrap_or(operation.give_up);
        operation.retry_at = Some(next);
        operation.blocked = false;
        let mark = (self.slots.get_mut(slot)).and_then(|slot| slot.seat.mark_mut());
        if let Some(mark) = mark.filter(|mark| mark.operation == id) {
            mark.not_before = Some(next);
            mark.blocked = false;
        }
    }

    /// A link has said again that its node leaves. If it was made through a front after half time, it
    /// was made in vain.
    pub(super) fn on_repeated_moving(&mut self, now: Instant, live: &Live, seq: Option<i64>) {
        let leads_back = |op: &&mut Operation| {
            op.aim == Aim::Front
                && (op.retiring, op.seq) == (live.peer, seq)
                && !op.concerns(live.dialled_at)
                && now < op.give_up
        };
        let Some(operation) = self.operations.iter_mut().find(leads_back) else {
            return;
        };
        let serves = |slot: &&mut Slot| {
            let link = slot.seat.live().map(|known| known.link);
            slot.seat.state() == SeatState::Steady && link == Some(live.link)
        };
        let slot = self.slots.iter_mut().find(serves);
        let next = operation.next_dial(now, live.dialled_at);
        let (Some(slot), Some(next)) = (slot, next) else {
            return;
        };
        if !operation.is_active() {
            operation.reopen();
        }
        let mut mark = Mark::new(operation.id);
        mark.not_before = Some(next);
        slot.seat.mark_for(mark);
    }

    /// The configured name gives these addresses: what goes on may go there, unless they all retire.
    pub(super) fn on_answer(&mut self, now: Instant, answer: &lookups::Answer) {
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
        for operation in self.operations.iter_mut().filter(|op| op.is_active()) {
            let retiring = operation.retiring;
            let elsewhere = |addr: &SocketAddr| retiring.map(|r| r.ip()) != Some(addr.ip());
            let places: Vec<SocketAddr> = fresh.iter().copied().filter(elsewhere).collect();
            operation.stays = !answer.addrs.iter().any(elsewhere);
            if places.is_empty() {
                continue;
            }
            let was_front = operation.aim == Aim::Front;
            operation.handle_alternates(now, places);
            if let (Some(retiring), true, Aim::Found(_)) = (retiring, was_front, &operation.aim) {
                let left = operation.deadline.saturating_duration_since(now);
                self.redirects.insert(now, retiring, None, left);
            }
        }
        if answer.news && !fresh.is_empty() {
            self.refill.handle_news();
        }
        for check in &answer.checks {
            self.on_check(now, check.migrated_at, check.seq, &answer.addrs, &fresh);
        }
    }
}
