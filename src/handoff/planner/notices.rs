//! What each notification starts, extends or ends. Trusts none before it was validated and told
//! apart from its copies.

use super::action::{AbandonReason, Action, Event, Verdict};
use super::handoff::{Destination, Handoff, Stage, Trigger};
use super::state::{Live, PendingMove};
use super::{CATCH_UP, Planner, Witness};
use crate::handoff::identity::{Identity, Kind};
use crate::handoff::windows::{Cause, Family, Scope, Window};
use crate::handoff::{announced, canonical, is_at, later, policy};
use crate::ids::HandoffId;
use crate::protocol::{Endpoint, Notification};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// An event is remembered this much longer than its window and tail.
const MEMORY: Duration = Duration::from_secs(60);
/// Servers close a link this much later than announced, at the latest.
const LATE_CLOSE: Duration = Duration::from_secs(5);
/// After a handoff, the name is asked for so much longer: it may follow the move late.
pub(super) const SEARCH_ON: Duration = Duration::from_secs(10);
/// After MIGRATED, links to a peer that the name no longer lists are closed this much later.
const UNLISTED_GRACE: Duration = Duration::from_secs(16);

/// A handoff to begin.
pub(super) struct Plan {
    pub(super) retiring: Option<SocketAddr>,
    pub(super) seq: Option<i64>,
    pub(super) target: Option<Endpoint>,
    /// Whether the server named the retiring address itself.
    pub(super) led_back: bool,
    pub(super) found: Vec<SocketAddr>,
    pub(super) trigger: Trigger,
    pub(super) grace: Duration,
}

impl Planner {
    /// Whether what this link said at the time `at` is news: no copy, no memory, and asked for. News
    /// may still be refused. Changes nothing.
    pub(crate) fn is_news(
        &self,
        now: Instant,
        at: Instant,
        witness: &Witness,
        notification: &Notification,
    ) -> bool {
        let verdict = self.verdict_on(now, &witness.0, witness.is_fresh(at), notification);
        matches!(verdict, Verdict::Acted | Verdict::Refused(_))
    }

    /// Judges a notification, and acts upon it. `fresh`: it may be what the server tells every new link.
    pub(super) fn on_notification(
        &mut self,
        now: Instant,
        live: &Live,
        fresh: bool,
        notification: &Notification,
    ) -> Verdict {
        let verdict = self.verdict_on(now, live, fresh, notification);
        match (verdict, notification) {
            (Verdict::Acted, Notification::Moving { seq, time, target }) => {
                self.on_moving(now, live, *seq, *time, target.as_ref());
            }
            (Verdict::Refused(why), Notification::Moving { target, .. }) => {
                if let Some(target) = target.clone() {
                    let from = live.peer;
                    self.publish(Event::TargetRefused { from, target, why });
                }
            }
            (Verdict::Duplicate, Notification::Moving { seq, .. }) => {
                self.on_repeated_moving(now, live, *seq);
            }
            _ => {}
        }
        let Some((kind, cause)) = kind_of(notification) else {
            return verdict;
        };
        let scope = match kind {
            Kind::SlotsMigrating => scope_of(live.peer),
            _ => Scope::Database,
        };
        match verdict {
            Verdict::Acted if kind.completion() == kind => self.on_completion(now, kind, cause),
            Verdict::Acted => self.on_start(now, kind, cause, scope),
            Verdict::Duplicate if kind.completion() != kind => self.spread(now, cause, scope),
            _ => {}
        }
        verdict
    }

    fn verdict_on(
        &self,
        now: Instant,
        live: &Live,
        fresh: bool,
        notification: &Notification,
    ) -> Verdict {
        if !live.opted_in {
            return Verdict::NotOptedIn;
        }
        if let Notification::Moving { seq, target, .. } = notification {
            return self.verdict_on_moving(now, live, fresh, *seq, target.as_ref());
        }
        let Some((kind, cause)) = kind_of(notification) else {
            return Verdict::Stale;
        };
        let identity = Identity::Other(kind, cause.seq);
        if self.seen.first(&identity, now).is_some() {
            return Verdict::Duplicate;
        }
        if kind.completion() == kind {
            // Servers keep no SMIGRATED for those who join later: none is a catch-up.
            let fresh = fresh && kind != Kind::SlotsMigrated;
            if fresh && !self.windows.matches(cause.family, cause.seq) {
                return Verdict::CatchUp;
            }
        } else if self.seen.is_beyond(kind.completion(), cause.seq, now) {
            return Verdict::Stale;
        }
        Verdict::Acted
    }

    fn verdict_on_moving(
        &self,
        now: Instant,
        live: &Live,
        fresh: bool,
        seq: Option<i64>,
        target: Option<&Endpoint>,
    ) -> Verdict {
        // Where nothing is moved, no place is dialled because a server names it.
        if let Some(target) = target.filter(|_| self.settings.handoffs) {
            if let Err(why) = policy::judge(target, live.peer.map(|addr| addr.ip())) {
                return Verdict::Refused(why);
            }
        }
        let identity = Identity::Moving {
            peer: live.peer,
            seq,
            target: target.cloned(),
        };
        if self.seen.first(&identity, now).is_some() {
            return Verdict::Duplicate;
        }
        let elsewhere = self.seen.first_move(seq, target, now);
        if elsewhere.is_some_and(|first| first <= live.dialled_at)
            && (fresh || names_itself(live, target))
        {
            // The event that this link was made for, told again because the link is new.
            return Verdict::Duplicate;
        }
        Verdict::Acted
    }

    fn on_start(&mut self, now: Instant, kind: Kind, cause: Cause, scope: Scope) {
        let until = later(
            now,
            match cause.family {
                Family::Failover => self.settings.failover_cap,
                Family::SlotMigration => self.settings.slot_migration_cap,
                Family::Migration | Family::Moving | Family::Unlisted => {
                    self.settings.migration_cap
                }
            },
        );
        let expires = match cause.seq {
            Some(_) => later(later(until, self.settings.post_handoff), MEMORY),
            None => until,
        };
        let identity = Identity::Other(kind, cause.seq);
        self.seen.remember(identity, now, expires);
        self.open_window(now, scope, cause, until);
    }

    /// The same event, perhaps at another peer.
    fn spread(&mut self, now: Instant, cause: Cause, scope: Scope) {
        if self.windows.spread(now, cause, scope).is_some() {
            self.relax(now, scope);
        }
    }

    fn on_completion(&mut self, now: Instant, kind: Kind, cause: Cause) {
        let memory = match cause.seq {
            Some(_) => self.settings.post_handoff.saturating_add(MEMORY),
            None => CATCH_UP,
        };
        let identity = Identity::Other(kind, cause.seq);
        self.seen.remember(identity, now, later(now, memory));
        for window in self.windows.close(now, cause.family, cause.seq) {
            self.on_window_end(now, &window);
        }
        match kind {
            Kind::FailedOver => self.actions.push_back(Action::CheckLiveness),
            Kind::Migrated if self.settings.handoffs => {
                self.lookups.check_after(now, cause.seq);
            }
            _ => {}
        }
    }

    fn on_moving(
        &mut self,
        now: Instant,
        live: &Live,
        seq: Option<i64>,
        time: i64,
        target: Option<&Endpoint>,
    ) {
        let grace = announced(time);
        let window_end = later(now, grace + LATE_CLOSE);
        let expires = match seq {
            Some(_) => later(later(window_end, self.settings.post_handoff), MEMORY),
            None => window_end,
        };
        let identity = Identity::Moving {
            peer: live.peer,
            seq,
            target: target.cloned(),
        };
        self.seen.remember(identity, now, expires);
        if !self.settings.handoffs {
            let family = Family::Moving;
            let cause = Cause { family, seq };
            self.open_window(now, scope_of(live.peer), cause, window_end);
            return;
        }
        let led_back = names_itself(live, target);
        let target = target.filter(|_| !led_back).cloned();
        self.begin(
            now,
            Plan {
                retiring: live.peer,
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
    pub(super) fn begin(&mut self, now: Instant, plan: Plan) {
        let id = self.next_handoff;
        self.next_handoff = id.next();
        let destination = match (plan.target, plan.retiring) {
            (Some(target), _) => Destination::Announced(target),
            (None, _) if !plan.found.is_empty() => Destination::Resolved(plan.found),
            (None, Some(_)) if self.lookups.has_name() => Destination::Unknown,
            (None, _) => Destination::Configured,
        };
        let timeout = self.settings.handoff_timeout;
        let mut handoff = Handoff::new(id, now, plan.grace, timeout, plan.retiring, destination);
        handoff.seq = plan.seq;
        handoff.trigger = plan.trigger;
        handoff.led_back = plan.led_back;
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
        let mut slots = 0;
        for slot in self.entries.iter_mut() {
            if slot
                .state
                .live()
                .is_some_and(|live| live.peer == plan.retiring)
            {
                slot.state.mark_for(PendingMove::new(id));
                slots += 1;
            }
        }
        let window_end = later(handoff.deadline, LATE_CLOSE);
        let cause = handoff.cause();
        self.publish(Event::HandoffStarted {
            handoff: handoff.account(now, slots),
            slots,
        });
        self.handoffs.push(handoff);
        self.open_window(now, scope_of(plan.retiring), cause, window_end);
    }

    /// Ends what is going on for this address, because something newer has been said.
    pub(super) fn supersede(&mut self, now: Instant, retiring: Option<SocketAddr>) {
        while let Some(at) = self.handoffs.iter().position(|op| op.retiring == retiring) {
            let mut old = self.handoffs.swap_remove(at);
            let left = self.left(old.id);
            self.unmark(old.id);
            if !old.reported {
                old.stage = Stage::Ended;
                let (handoff, why) = (old.account(now, left), AbandonReason::Superseded);
                self.publish(Event::HandoffAbandoned { handoff, why });
            }
        }
    }

    /// A target that retires in turn leads on to what replaces it, if that is known.
    fn follow_chains(&mut self, now: Instant) {
        let mut lost = Vec::new();
        for handoff in self.handoffs.iter_mut().filter(|op| op.is_active()) {
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

    /// Slots that wait for this handoff stay where they are.
    pub(super) fn unmark(&mut self, id: HandoffId) {
        for slot in self.entries.iter_mut() {
            if slot
                .state
                .pending()
                .is_some_and(|pending| pending.handoff == id)
            {
                slot.state.unmark();
            }
        }
    }

    /// The configured name resolves to `listed`, some time after a MIGRATED: peers that it has ceased
    /// to list are about to be closed without a word. `fresh` are those that do not retire.
    pub(super) fn on_check(
        &mut self,
        now: Instant,
        migrated_at: Instant,
        seq: Option<i64>,
        listed: &[SocketAddr],
        fresh: &[SocketAddr],
    ) {
        let mut peers: Vec<SocketAddr> = Vec::new();
        let mut gone: Vec<SocketAddr> = Vec::new();
        for live in self.entries.iter().filter_map(|slot| slot.state.live()) {
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
            if self.handoffs.iter().any(|op| op.retiring == Some(peer)) {
                continue;
            }
            let close = later(migrated_at, UNLISTED_GRACE);
            self.begin(
                now,
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

    fn open_window(&mut self, now: Instant, scope: Scope, cause: Cause, until: Instant) {
        let opened = self.windows.open(now, scope, cause, until);
        self.relax(now, scope);
        if let Some(window) = opened {
            // Last, so that it is true when a hook hears of it.
            self.publish(Event::WindowOpened(window));
        }
    }

    /// A window has ended: its tail is what holds now. Told once, however many peers it was for.
    pub(super) fn on_window_end(&mut self, now: Instant, window: &Window) {
        if !window.echo {
            self.publish(Event::WindowClosed(*window));
        }
        self.relax(now, window.scope);
    }

    /// Publishes what now holds for the links of a scope. What holds for all comes first, so that the
    /// peers for which more holds have the last word.
    pub(super) fn relax(&mut self, now: Instant, scope: Scope) {
        let mut peers = Vec::new();
        match scope {
            Scope::Peer(peer) => peers.push(peer),
            Scope::Database => {
                let until = self.windows.scope_until(scope, now).unwrap_or(now);
                self.actions.push_back(Action::Relax { scope, until });
                peers.extend(self.windows.peers(now));
            }
        }
        for peer in peers {
            let until = self
                .windows
                .relaxed_until(Some(peer), now)
                .map_or(now, |(until, _)| until);
            self.actions.push_back(Action::Relax {
                scope: Scope::Peer(peer),
                until,
            });
        }
    }

    pub(super) fn publish(&mut self, event: Event) {
        self.actions.push_back(Action::Publish(event));
    }
}

/// Whether a MOVING from this link names the place where the link is already.
fn names_itself(live: &Live, target: Option<&Endpoint>) -> bool {
    target.is_some_and(|t| *t == live.via || live.peer.is_some_and(|peer| is_at(t, peer)))
}

/// What every notification but MOVING starts or ends.
fn kind_of(notification: &Notification) -> Option<(Kind, Cause)> {
    let (kind, family) = match notification {
        Notification::FailedOver { .. } => (Kind::FailedOver, Family::Failover),
        Notification::FailingOver { .. } => (Kind::FailingOver, Family::Failover),
        Notification::Migrated { .. } => (Kind::Migrated, Family::Migration),
        Notification::Migrating { .. } => (Kind::Migrating, Family::Migration),
        Notification::Moving { .. } => return None,
        Notification::SlotsMigrated { .. } => (Kind::SlotsMigrated, Family::SlotMigration),
        Notification::SlotsMigrating { .. } => (Kind::SlotsMigrating, Family::SlotMigration),
    };
    let seq = notification.seq();
    Some((kind, Cause { family, seq }))
}

/// Links to an address, or all where none is known.
pub(super) fn scope_of(peer: Option<SocketAddr>) -> Scope {
    peer.map_or(Scope::Database, |addr| Scope::Peer(canonical(addr)))
}
