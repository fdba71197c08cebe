//! What follows when a link comes up, goes, or is replaced. Offers no job: that is for the schedule, which
//! runs after every input.
//!
//! Workers put links into the pool themselves and report afterwards. So a link that is reported up serves
//! already, whatever was decided meanwhile, and all that can be done is to have it go on from there: if its
//! address retires by now it is marked like any other.

use super::Planner;
use super::action::{Ending, LinkUp};
use super::draining::DrainEnd;
use super::handoff::Destination;
use super::permits::Outcome;
use super::search::LOOK;
use super::state::{Live, PendingMove};
use crate::events::MaintenanceEvent;
use crate::handoff::announcements::Announcements;
use crate::handoff::{canonical, later};
use crate::ids::{EntryId, HandoffId, LinkId};
use crate::protocol::Endpoint;
use std::net::SocketAddr;
use std::time::Instant;

/// A link that has just come up.
#[derive(Debug)]
struct Arrival {
    /// Which entry it serves.
    entry: EntryId,
    /// Where it leads.
    peer: Option<SocketAddr>,
    /// When its job was offered: what was announced since, it may not have known.
    dialled_at: Instant,
    /// Why the link before it was to be replaced, if it leads on from there.
    pending: Option<PendingMove>,
    /// The handoff whose job brought it.
    by: Option<HandoffId>,
    /// The handoff that has replaced that one meanwhile, and leads elsewhere.
    owed: Option<HandoffId>,
}

impl Planner {
    /// A link has ended, and its reader was joined: it takes no socket any more. Whether it still served its entry is
    /// found out by [`on_link_unusable`](Self::on_link_unusable), which may have been told before.
    pub(super) fn on_link_down(
        &mut self,
        now: Instant,
        entry: EntryId,
        link: LinkId,
        ending: Ending,
    ) {
        self.draining.handle_down(link);
        let mine = self.entries.get_mut(entry);
        if let Some(old) = mine.and_then(|entry| entry.released_first.as_mut()) {
            old.ended |= old.link == link;
        }
        self.on_link_unusable(now, entry, link, ending);
    }

    /// A link takes no command any more, and may have some to answer. Says whether it served its entry.
    pub(super) fn on_link_unusable(
        &mut self,
        now: Instant,
        entry: EntryId,
        link: LinkId,
        ending: Ending,
    ) -> bool {
        if let Some(entry) = self.entries.get_mut(entry) {
            if let Some(live) = entry.state.live().filter(|live| live.link == link) {
                // A link that this side ended was not lost: its entry is filled only if somebody wants it.
                if ending != Ending::Planned {
                    entry.lost = live.peer;
                    let died_young = ending == Ending::Unproved
                        && (self.refill).handle_death(now, live.up_at, &mut self.jitter);
                    // One that never answered a command slows down the fills of all; the loss of one that did
                    // slows down only its own entry.
                    if !died_young {
                        let pace = self.refill.pace();
                        entry.renewal.handle_loss(now, pace, &mut self.jitter);
                    }
                    entry.eager = true;
                }
                entry.state.handle_down();
                return true;
            }
        }
        false
    }

    /// A worker has installed a link. In this order: the entry takes it over, what the dial has shown is noted for
    /// names, redirects and breakers, the old link drains, the move is told, and only then is it asked whether the
    /// new link must move on in turn.
    pub(super) fn on_link_up(&mut self, now: Instant, ann: &mut Announcements, up: LinkUp) {
        let peer = up.peer.map(canonical);
        let Some(entry) = self.entries.get_mut(up.entry) else {
            return;
        };
        let dialled_at = entry.state.assignment().map_or(now, |job| job.offered_at);
        let live = Live {
            link: up.link,
            peer,
            opted_in: up.opted_in,
            via: up.via.clone(),
            up_at: now,
            dialled_at,
            estranged: None,
            called_for: None,
        };
        let (old, mut pending, job) = entry.state.handle_up(live);
        // A look moves nothing: the entry finds its server again.
        pending = pending.filter(|pending| pending.handoff != LOOK);
        entry.wanted = false;
        entry.eager = false;
        entry.lost = None;
        let released_first = entry.released_first.take();
        let was_look = self.end_look(up.entry);
        self.on_look_ended(was_look, old.as_ref(), peer, up.is_replica);
        self.refill.handle_success();
        // Its worker is free again and takes the next job from the queue.
        self.blocked_until = None;
        self.watch_idleness(now, up.entry);
        if let Some(addr) = peer {
            if up.via == self.settings.configured {
                self.lookups.note_listed(addr.ip());
                self.lookups.note_answer(&up.listed);
            } else {
                self.redirects.handle_landed(&up.via, addr);
            }
        }
        let mut close = None;
        let mut owed = None;
        let by = job.as_ref().and_then(|job| job.handoff).map(|(id, _)| id);
        if let Some(job) = job {
            match job.permit {
                Some(permit) => self.settle_permit(now, ann, &job.to, permit, Outcome::Success),
                None => self.note_reached(ann, &job.to),
            }
            if let Some((id, retiring)) = job.handoff {
                close = self.on_moved(now, ann, id, &job.to, peer);
                owed = self.debt(id, retiring, &up.via);
            }
        }
        if let Some(old) = old {
            self.drain(now, old.link, close);
            if pending.is_some() {
                if let Some(entry) = self.entries.get_mut(up.entry) {
                    entry.handle_hop(now);
                }
                let began = pending.as_ref().and_then(|pending| pending.began);
                self.publish(MaintenanceEvent::ConnectionMoved {
                    node: self.settings.node,
                    connection: up.entry,
                    from: old.peer,
                    to: peer,
                    took: now.saturating_duration_since(began.unwrap_or(dialled_at)),
                });
            }
        } else if let Some(old) = released_first {
            if old.from == peer && peer.is_some() {
                // Back where it was: no move, and its attempts count on.
                pending = Some(old.pending);
            } else {
                self.publish(MaintenanceEvent::ConnectionMoved {
                    node: self.settings.node,
                    connection: up.entry,
                    from: old.from,
                    to: peer,
                    took: now.saturating_duration_since(old.since),
                });
            }
        }
        ann.relax_new_link(now, peer);
        self.take_effects(ann);
        if let Some(peer) = peer {
            self.reinstate_newer(now, peer, by);
        }
        self.on_arrival(
            now,
            Arrival {
                entry: up.entry,
                peer,
                dialled_at,
                pending,
                by,
                owed,
            },
        );
    }

    /// A job of this handoff brought a link. Returns when the link it replaces is to end.
    fn on_moved(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        id: HandoffId,
        to: &Endpoint,
        peer: Option<SocketAddr>,
    ) -> Option<DrainEnd> {
        let handoff = self.handoffs.get_mut(id)?;
        let (cause, end) = (handoff.cause(), handoff.drain_end());
        let arrived = handoff.retiring.is_none()
            || handoff.retiring != peer
            || handoff.destination == Destination::Configured;
        if arrived {
            handoff.handle_reached(to, peer);
            if let (Some(retiring), Destination::Resolved(_)) =
                (handoff.retiring, &handoff.destination)
            {
                self.redirects.forget_target(retiring);
            }
        }
        ann.trail(now, peer, cause);
        self.take_effects(ann);
        Some(end)
    }

    /// The handoff that has replaced the one whose job just ended, if that leads elsewhere.
    fn debt(
        &self,
        id: HandoffId,
        retiring: Option<SocketAddr>,
        via: &Endpoint,
    ) -> Option<HandoffId> {
        if self.handoffs.get(id).is_some() {
            return None;
        }
        let newer = self
            .handoffs
            .iter()
            .find(|op| op.retiring == retiring && op.is_active())?;
        match &newer.destination {
            Destination::Announced(endpoint) if endpoint != via => Some(newer.id),
            _ => None,
        }
    }

    /// A newer handoff has led to `peer`, whatever an older one said about it: what was said last
    /// counts, so that address is in use again.
    fn reinstate_newer(&mut self, now: Instant, peer: SocketAddr, by: Option<HandoffId>) {
        let older = self
            .handoffs
            .iter()
            .find(|op| op.retiring == Some(peer))
            .map(|op| op.id);
        if older.is_some() && older < by {
            self.redirects.reinstate(peer);
            self.supersede(now, Some(peer));
        }
    }

    /// Marks a link that has just come up if it has to go on: a handoff away from its address concerns links of its
    /// age, or one that is newer than its job leads elsewhere. Its attempts count on, so that a target
    /// which leads back does not keep a connection on the move.
    fn on_arrival(&mut self, now: Instant, arrival: Arrival) {
        let mut lost = None;
        let retires = self.handoffs.iter_mut().find(|op| {
            (op.retiring.is_some() || op.destination == Destination::Configured)
                && op.retiring == arrival.peer
                && now < op.give_up
                && op.concerns(arrival.dialled_at)
        });
        let pending = match retires {
            Some(handoff) => {
                if arrival.by == Some(handoff.id)
                    && matches!(handoff.destination, Destination::Announced(_))
                {
                    // The named place is the retiring one: it names nothing.
                    handoff.led_back = true;
                    lost = Some(handoff.id);
                } else if !handoff.is_active() {
                    handoff.reopen();
                }
                let again = arrival
                    .pending
                    .filter(|pending| pending.handoff == handoff.id);
                let mut pending = again.unwrap_or_else(|| PendingMove::new(handoff.id));
                pending.attempts = pending.attempts.saturating_add(1);
                Some(pending)
            }
            None => arrival.owed.map(PendingMove::new),
        };
        if let (Some(pending), Some(entry)) = (pending, self.entries.get_mut(arrival.entry)) {
            entry.state.mark_for(pending);
        }
        if let Some(id) = lost {
            self.lose_target(id);
        }
    }

    /// Hands a link over to those that drain. Without an announced deadline it gets the time of a handoff.
    pub(super) fn drain(&mut self, now: Instant, link: LinkId, end: Option<DrainEnd>) {
        let most = self.settings.handoff_timeout;
        let end = end.unwrap_or_else(|| DrainEnd::new(now, later(now, most)));
        self.draining.replace(now, link, end);
    }
}
