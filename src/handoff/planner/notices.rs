//! What a notification that counts moves, and how handoffs begin and give way to newer ones. Judges none: that
//! is for the announcements.
//!
//! A handoff concerns one retiring address. The newest word about an address stands: a further MOVING for it
//! supersedes the handoff that goes on, and so does one that names the address as a target. Jobs under way are
//! not called back for that; the entry is judged anew when its job ends.

use super::Planner;
use super::action::{AbandonReason, Action, Why};
use super::handoff::{Destination, Handoff, Stage, Trigger};
use super::state::PendingMove;
use crate::events::{self, MaintenanceEvent};
use crate::handoff::announcements::{Announcements, LATE_CLOSE, Source, Verdict, scope_of};
use crate::handoff::{announced, is_at, later};
use crate::protocol::{Endpoint, Notification};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// After a handoff, the name is asked for so much longer: it may follow the move late.
pub(super) const SEARCH_ON: Duration = Duration::from_secs(10);
/// After MIGRATED, links to a peer that the name no longer lists are closed this much later.
const UNLISTED_GRACE: Duration = Duration::from_secs(16);

/// A handoff to begin.
pub(super) struct Plan {
    /// The address that retires; `None` if links do not know their peer.
    pub(super) retiring: Option<SocketAddr>,
    /// The number of the notification that led to it.
    pub(super) seq: Option<i64>,
    /// Where the server says to go; `None`: the client is to find that out by the configured name.
    pub(super) target: Option<Endpoint>,
    /// Whether the server named the retiring address itself.
    pub(super) led_back: bool,
    /// Addresses that the name gives already, and that do not retire.
    pub(super) found: Vec<SocketAddr>,
    pub(super) trigger: Trigger,
    /// How long until the server closes what is left.
    pub(super) grace: Duration,
}

impl Planner {
    /// A link that served at the time told something then. By the coordinator, once for each copy, after the hooks
    /// have looked at it. The verdict is for log and statistics.
    pub(crate) fn handle_notification(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        source: &Source,
        said: &Notification,
    ) -> Verdict {
        let now = self.tick(now);
        let verdict = ann.handle_notification(now, source, said);
        self.take_effects(ann);
        match (verdict, said) {
            (Verdict::Acted, Notification::Moving { seq, time, target })
                if self.settings.handoffs =>
            {
                self.on_moving(now, ann, source, *seq, *time, target.as_ref());
            }
            (Verdict::Acted, Notification::Migrated { seq, .. }) if self.settings.handoffs => {
                self.lookups.check_after(now, *seq);
            }
            (Verdict::Refused(_), Notification::Moving { target, .. }) => {
                if let Some(target) = target.clone() {
                    let from = source.peer;
                    self.publish(MaintenanceEvent::TargetRefused { from, target });
                }
            }
            // What was refused moves nothing, however often it is said: it may bear the number and the
            // address of a move that counts.
            (Verdict::Duplicate, Notification::Moving { seq, .. })
                if !ann.has_refused(now, source, said) =>
            {
                self.on_repeated_moving(now, source, *seq);
            }
            _ => {}
        }
        self.advance(now, ann);
        verdict
    }

    /// A MOVING that counts: its handoff begins. A target that is where the link is already names no other place.
    fn on_moving(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        source: &Source,
        seq: Option<i64>,
        time: i64,
        target: Option<&Endpoint>,
    ) {
        let grace = announced(time);
        let led_back = source.is_at(target);
        let target = target.filter(|_| !led_back).cloned();
        self.begin(
            now,
            ann,
            Plan {
                retiring: source.peer,
                seq,
                target,
                led_back,
                found: Vec::new(),
                trigger: Trigger::Push,
                grace,
            },
        );
    }

    /// Begins a handoff, in place of any other that concerns the same address.
    pub(super) fn begin(&mut self, now: Instant, ann: &mut Announcements, plan: Plan) {
        let id = self.handoffs.number();
        let destination = match (plan.target, plan.retiring) {
            (Some(target), _) => Destination::Announced(target),
            (None, _) if !plan.found.is_empty() => Destination::Resolved(plan.found),
            (None, Some(_)) if self.lookups.has_name() => Destination::Unknown,
            (None, _) => Destination::Configured,
        };
        let timeout = self.settings.handoff_timeout;
        let mut handoff = Handoff::new(id, now, plan.grace, timeout, plan.retiring, destination);
        handoff.node = self.settings.node;
        handoff.seq = plan.seq;
        handoff.trigger = plan.trigger;
        handoff.led_back = plan.led_back;
        // The clients of a server hear of its move at the same moment: they do not all dial the target at once.
        // With a short notice there is no time to give away.
        if plan.grace > Duration::from_secs(2) {
            let spread = (plan.grace / 10).min(self.settings.max_jitter);
            handoff.starts = later(now, self.jitter.up_to(spread));
        }
        self.supersede(now, plan.retiring);
        if let Some(retiring) = plan.retiring {
            // A stable front is not to be avoided: it is where the new connections go.
            if handoff.destination != Destination::Configured {
                let place = match &handoff.destination {
                    Destination::Announced(endpoint) => Some(endpoint.clone()),
                    _ => None,
                };
                if let Some(place) = &place {
                    self.supersede_towards(now, place);
                }
                self.redirects.insert(now, retiring, place, plan.grace);
            }
        }
        self.follow_chains(now);
        if handoff.destination == Destination::Unknown {
            let until = later(handoff.give_up, SEARCH_ON);
            self.lookups.search_until(until);
        }
        let mut entries = 0;
        for entry in self.entries.iter_mut() {
            if entry
                .state
                .live()
                .is_some_and(|live| live.peer == plan.retiring)
            {
                entry.state.mark_for(PendingMove::new(id));
                entries += 1;
            }
        }
        let window_end = later(handoff.deadline, LATE_CLOSE);
        let cause = handoff.cause();
        let started = handoff.account(now, entries);
        self.publish(MaintenanceEvent::HandoffStarted(started, entries));
        self.handoffs.add(handoff);
        ann.open_window(now, scope_of(plan.retiring), cause, window_end);
        self.take_effects(ann);
    }

    /// Ends what is going on for this address, because something newer has been said. Its entries go back to steady,
    /// and whoever begins the newer handoff marks them again with fresh attempts.
    pub(super) fn supersede(&mut self, now: Instant, retiring: Option<SocketAddr>) {
        while let Some(mut old) = self.handoffs.take(retiring) {
            let left = self.entries.left(old.id);
            self.entries.unmark(old.id);
            if !old.reported {
                old.stage = Stage::Ended;
                self.abandon(old.account(now, left), AbandonReason::Superseded);
            }
        }
    }

    /// A target that retires in turn leads on to what replaces it, if that is known.
    fn follow_chains(&mut self, now: Instant) {
        let mut lost = Vec::new();
        for handoff in self.handoffs.active_mut() {
            let (Destination::Announced(place), Some(from)) =
                (&handoff.destination, handoff.retiring)
            else {
                continue;
            };
            match self.redirects.target_for(from, now) {
                Some(end) if end == *place => {}
                Some(end) => {
                    handoff.destination = Destination::Announced(end);
                    handoff.retry_at = None;
                }
                None if self.redirects.retiring(from, now) => lost.push(handoff.id),
                None => {}
            }
        }
        // What replaces the target is not known: these go on with what the configured name gives.
        for id in lost {
            self.lose_target(id);
        }
    }

    /// What retires an address that is now a target is out of date.
    fn supersede_towards(&mut self, now: Instant, place: &Endpoint) {
        let retires = |op: &Handoff| op.retiring.filter(|addr| is_at(place, *addr));
        while let Some(addr) = self.handoffs.iter().find_map(retires) {
            self.supersede(now, Some(addr));
        }
    }

    /// The configured name resolves to `listed`, some time after a MIGRATED: peers that it has ceased
    /// to list are about to be closed without a word. `fresh` are those that do not retire.
    pub(super) fn on_check(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        migrated_at: Instant,
        seq: Option<i64>,
        listed: &[SocketAddr],
        fresh: &[SocketAddr],
    ) {
        let mut peers: Vec<SocketAddr> = Vec::new();
        let mut gone: Vec<SocketAddr> = Vec::new();
        for live in self.entries.iter().filter_map(|entry| entry.state.live()) {
            let Some(peer) = live.peer else { continue };
            if peers.contains(&peer) {
                continue;
            }
            peers.push(peer);
            let unlisted = listed.iter().all(|addr| addr.ip() != peer.ip());
            if unlisted && self.lookups.was_listed(peer.ip()) {
                gone.push(peer);
            }
        }
        // A name that gives one address at a time may give another each time: that shows nothing.
        if !self.lookups.several() {
            return;
        }
        for peer in gone {
            if self.handoffs.away_from(peer).is_some() {
                continue;
            }
            let close = later(migrated_at, UNLISTED_GRACE);
            self.begin(
                now,
                ann,
                Plan {
                    retiring: Some(peer),
                    seq,
                    target: None,
                    led_back: false,
                    found: fresh.to_vec(),
                    trigger: Trigger::DnsGone,
                    grace: close.saturating_duration_since(now),
                },
            );
        }
    }

    /// Passes on what has followed from the announcements.
    pub(super) fn take_effects(&mut self, ann: &mut Announcements) {
        for effect in ann.take_effects() {
            self.actions.push_back(Action::from(effect));
        }
    }

    /// Queues what is to be done, if anything is.
    pub(super) fn act(&mut self, action: Option<Action>) {
        if let Some(action) = action {
            self.actions.push_back(action);
        }
    }

    /// Queues what hooks, log and metrics are told, behind the actions that led to it.
    pub(super) fn publish(&mut self, event: MaintenanceEvent) {
        self.actions.push_back(Action::publish(event));
    }

    /// Has told that a handoff ended early.
    pub(super) fn abandon(&mut self, handoff: events::Handoff, why: AbandonReason) {
        self.actions.push_back(Action::Publish {
            event: MaintenanceEvent::HandoffAbandoned(handoff),
            why: Some(Why::Abandoned(why)),
        });
    }
}
