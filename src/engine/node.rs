//! One node of the engine: its planner, its pool and its links. Carries out what the planner asks for;
//! decides nothing, and dials nothing. All of it runs on the coordinator's thread.
//!
//! ```text
//!   Report (of a link, a worker, a caller, the resolver) --> Node --input--> Planner
//!                                                             ^                |
//!                            links, entries, jobs <--carry out-'----Action-----'
//! ```

mod actions;
mod closing;
mod dedicated;
mod unblock;

use super::connector::Connector;
use super::hooks::Hooks;
use super::inbox::{Arrival, Inbox, Port, Report};
use super::report;
use super::worker::Task;
use crate::counters::Counters;
use crate::error::CloseReason;
use crate::handoff::announcements::Announcements;
use crate::handoff::estranged::Estrangement;
use crate::handoff::planner::{Action, Ending, FailureKind, LinkUp, Planner};
use crate::ids::{EntryId, LinkId, NodeId};
use crate::link::{EndReason, Link, Ticket};
use crate::pool::{Demand, Entries, Entry};
use crate::sorted::SortedMap;
use crate::sync::{Arc, Sender};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use unblock::Unblocks;

/// What the nodes of one engine share. Owned by the coordinator, whose thread alone reads and writes it.
pub(super) struct Context {
    /// What the database announces: of the planners of all nodes.
    pub(super) announcements: Announcements,
    /// Looks names up, interrupts dials, and is told of windows. The workers have it too.
    pub(super) connector: Arc<dyn Connector>,
    /// What happens, in numbers.
    pub(super) counters: Arc<Counters>,
    /// The coordinator's own, for its flags: closing, missed, asked.
    pub(super) inbox: Inbox,
    /// Told of events, without waiting.
    pub(super) hooks: Hooks,
    /// The workers' queue. `None` once the client closes: the workers see the end of it.
    pub(super) jobs: Option<Sender<Task>>,
    /// How long an idle link has to answer a PING.
    pub(super) probe_timeout: Duration,
    /// For how long a loss in a window excuses dials that fail.
    pub(super) loss_grace: Duration,
}

/// A node with all that the engine has of it. Its [`Pool`](crate::pool::Pool) is its callers': the engine
/// knows the entries of it. Only the coordinator's thread has it, so nothing here is locked.
pub(super) struct Node {
    /// Decides all that happens at this node.
    pub(super) planner: Planner,
    /// What its links and jobs report to.
    pub(super) port: Arc<Port>,
    /// All links whose reader thread has not said that it ends: serving and draining ones.
    pub(super) links: SortedMap<LinkId, Arc<Link>>,
    /// Makes the job of an entry end early. One for each job that is out: at most one for an entry.
    stops: SortedMap<EntryId, Arc<AtomicBool>>,
    /// PINGs on idle links, and until when they may go unanswered.
    probes: Vec<(LinkId, Ticket, Instant)>,
    /// What goes on for commands that block and are to end.
    unblocks: Unblocks,
}

impl Node {
    /// A node without a link. Its first timer has the idle minimum filled.
    pub(super) fn new(planner: Planner, port: Arc<Port>) -> Self {
        Self {
            planner,
            port,
            links: SortedMap::new(),
            stops: SortedMap::new(),
            probes: Vec::new(),
            unblocks: Unblocks::default(),
        }
    }

    /// Its number, by which messages say whose they are.
    pub(super) fn id(&self) -> NodeId {
        self.port.node
    }

    /// The places of its pool, which callers and workers use at the same time.
    pub(super) fn entries(&self) -> &Entries {
        &self.port.entries
    }

    /// Something has happened at this node. Notifications are the coordinator's to judge.
    ///
    /// Demand is acknowledged before the planner is told that a fill came to nothing: a caller who begins
    /// to wait in between asks again, and is heard.
    pub(super) fn handle(&mut self, now: Instant, report: Report, context: &mut Context) {
        match report {
            Report::Ended {
                entry,
                link,
                reason,
            } => self.on_link_ended(now, entry, link, &reason, context),
            Report::Estranged { link, why } => {
                self.planner
                    .handle_estranged(now, &mut context.announcements, link, why);
            }
            Report::Failed {
                entry,
                mut failure,
                error,
            } => {
                self.stops.remove(&entry);
                // Nobody is told and gives up: a tenant waits for room, at the pace of all that fails.
                if failure.kind == FailureKind::Full
                    && self.is_awaited_alone(entry)
                    && self.entries().tenant(entry).is_some()
                {
                    failure.kind = FailureKind::Closed;
                }
                self.entries().ack_demand();
                report::not_connected(&self.port, entry, &error);
                // Whoever begins to wait from here on says so again.
                if self.entries().is_dedicated(entry) {
                    if !self.has_caller(entry) {
                        self.planner.handle_unwanted_alone(entry);
                    }
                } else if !self.entries().is_awaited() {
                    self.planner.handle_unwanted();
                }
                self.planner
                    .handle_job_failed(now, &mut context.announcements, entry, failure);
            }
            Report::Answered {
                link,
                ticket,
                reply,
            } => self.on_answer(now, link, ticket, &reply),
            Report::Blocked => self.look_at_blocked(now, context),
            Report::Unblocked => {
                self.unblocks.dial_ended();
                self.look_at_blocked(now, context);
            }
            Report::Requested(Demand::Shared) => {
                let awaited = self.entries().is_awaited();
                self.planner
                    .handle_wanted(now, &mut context.announcements, 1, awaited);
            }
            Report::Requested(Demand::Exclusive(entry)) => {
                self.planner
                    .handle_wanted_alone(now, &mut context.announcements, entry);
            }
            Report::Resolved { host, answer } => {
                self.planner
                    .handle_resolved(now, &mut context.announcements, &host, answer);
            }
            Report::Unusable { entry, link } => {
                self.entries().ack_demand();
                self.on_link_unusable(now, entry, link, context);
                self.hear_waiting(now, entry, context);
            }
            Report::Notified { .. } | Report::Up(_) => {
                debug_assert!(false, "the coordinator takes these itself");
            }
        }
    }

    /// A link is about to serve its entry. The worker that made it waits for nothing: it may be installed
    /// already.
    pub(super) fn handle_up(&mut self, now: Instant, arrival: Arrival, context: &mut Context) {
        let Arrival {
            link,
            is_replica,
            listed,
            ..
        } = arrival;
        let up = LinkUp {
            is_replica,
            listed,
            entry: link.entry(),
            link: link.id(),
            peer: link.peer(),
            opted_in: link.opted_in(),
            via: link.via().clone(),
        };
        self.stops.remove(&link.entry());
        self.on_way_found(&link);
        self.links.insert(link.id(), link);
        self.planner
            .handle_link_up(now, &mut context.announcements, up);
    }

    /// A link's reader thread ends: it is waited for, and its entry is vacant if it served.
    fn on_link_ended(
        &mut self,
        now: Instant,
        entry: EntryId,
        id: LinkId,
        reason: &EndReason,
        context: &mut Context,
    ) {
        let planned = matches!(
            reason,
            EndReason::Closed(
                CloseReason::Drained
                    | CloseReason::DrainExpired
                    | CloseReason::Idle
                    | CloseReason::LeaseEnded
                    | CloseReason::Stopped
            )
        );
        let link = self.links.remove(&id);
        let ending = if planned {
            Ending::Planned
        } else {
            ending(link.as_ref())
        };
        if !planned && self.planner.is_draining(id) {
            report::drained(&self.port, entry, reason);
        } else if !planned {
            context.counters.connections_lost.count();
            // Servers and proxies end connections in a failover; whoever waits for a new one is given the
            // longer timeout.
            if link.as_ref().is_some_and(|link| link.is_relaxed(now)) {
                context.counters.connections_lost_in_window.count();
                self.entries().lost_in_window(now, context.loss_grace);
            }
            report::lost(&self.port, entry, reason);
        }
        self.on_way_lost(now, id);
        // Its reader reported as its last act, so this is short. Before the planner is told: there are
        // never more threads than it counts links.
        if let Some(link) = link {
            link.join();
        }
        self.entries().ack_demand();
        self.planner
            .handle_link_down(now, &mut context.announcements, entry, id, ending);
        self.hear_waiting(now, entry, context);
    }

    /// Who found no link may have asked before the planner knew of the loss, and sleeps by now. So may who
    /// has this entry alone.
    fn hear_waiting(&mut self, now: Instant, lost: EntryId, context: &mut Context) {
        if self.entries().is_awaited() {
            self.planner
                .handle_wanted(now, &mut context.announcements, 1, true);
        }
        if self.entries().is_dedicated(lost) && self.is_awaited_alone(lost) {
            self.planner
                .handle_wanted_alone(now, &mut context.announcements, lost);
        }
    }

    /// Reports were lost for want of room: finds out what they may have said. Looks at the links themselves
    /// (unusable, estranged) and at who waits in the pool; a lost copy of a notification is not missed,
    /// because the other connections have it too.
    pub(super) fn look_around(&mut self, now: Instant, context: &mut Context) {
        // By the state of the links: those that ended report by themselves, and that message waits for
        // room.
        let unusable: Vec<(EntryId, LinkId)> = self
            .links
            .values()
            .filter(|link| !link.is_open() && !self.is_draining(link))
            .map(|link| (link.entry(), link.id()))
            .collect();
        for (entry, link) in unusable {
            self.on_link_unusable(now, entry, link, context);
        }
        self.look_at_blocked(now, context);
        let awaited = self.entries().is_awaited();
        (self.planner).handle_wanted(
            now,
            &mut context.announcements,
            usize::from(awaited),
            awaited,
        );
        let alone: Vec<EntryId> = self.entries().dedicated().iter().map(Entry::id).collect();
        for entry in alone {
            if self.is_awaited_alone(entry) {
                self.planner
                    .handle_wanted_alone(now, &mut context.announcements, entry);
            }
        }
        // What links have told already is told once more: that changes nothing.
        // Links keep what they have reported, so nothing is lost with the message.
        let told: Vec<(LinkId, Estrangement)> = self
            .links
            .values()
            .flat_map(|link| link.estrangements().map(|why| (link.id(), why)))
            .collect();
        for (link, why) in told {
            self.planner
                .handle_estranged(now, &mut context.announcements, link, why);
        }
    }

    /// A link takes no new command: a command timed out on it, or its socket broke. It may still answer
    /// what was asked.
    fn on_link_unusable(
        &mut self,
        now: Instant,
        entry: EntryId,
        link: LinkId,
        context: &mut Context,
    ) {
        let ending = ending(self.links.get(&link));
        (self.planner).handle_link_unusable(now, &mut context.announcements, entry, link, ending);
    }

    /// Whether a link was replaced and only answers what was asked. Its worker has put another in its
    /// place, whatever the planner knows by now.
    fn is_draining(&self, link: &Link) -> bool {
        !self.entries().serves(link.entry(), link.id()) && link.is_draining()
    }

    /// What its planner asks for next. Nothing is left when the coordinator sleeps.
    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.planner.poll_action()
    }

    /// When something of this node is due: a timer of its planner, or a PING that has not been answered.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let probes = self.probes.iter().map(|(_, _, until)| *until).min();
        let timers = [self.planner.poll_timeout(), self.unblocks.poll_timeout()];
        timers.into_iter().flatten().chain(probes).min()
    }

    /// What is due at `now`. Early and repeated calls do nothing. The planner is also called for the timers
    /// of the announcements, which have no thread of their own.
    pub(super) fn handle_timeout(&mut self, now: Instant, context: &mut Context) {
        let timers = [
            self.planner.poll_timeout(),
            context.announcements.poll_timeout(),
        ];
        if timers.into_iter().flatten().any(|at| at <= now) {
            self.planner.handle_timeout(now, &mut context.announcements);
        }
        if self.unblocks.poll_timeout().is_some_and(|at| at <= now) {
            self.look_at_blocked(now, context);
        }
        let (due, rest): (Vec<_>, Vec<_>) = self
            .probes
            .drain(..)
            .partition(|(_, _, until)| *until <= now);
        self.probes = rest;
        for (link, probe, _) in due {
            if let Some(link) = self.links.get(&link) {
                link.end_probe(probe);
            }
        }
    }
}

impl Drop for Node {
    /// Whatever becomes of a node, nobody waits in its pool for what cannot come: not even when the engine
    /// had ended before the node reached it.
    fn drop(&mut self) {
        drop(self.entries().close());
    }
}

/// How a link has ended that nobody closed. One that has answered a command proves that the server works;
/// the next dial then comes at once.
fn ending(link: Option<&Arc<Link>>) -> Ending {
    match link {
        Some(link) if link.has_answered() => Ending::Proved,
        _ => Ending::Unproved,
    }
}
