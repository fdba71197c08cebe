//! The thread that feeds the planner and carries out what it asks for. Decides nothing itself, and
//! dials nothing.

mod closing;

use super::connector::Connector;
#[cfg(feature = "metrics")]
use super::gauges;
use super::hooks::Hooks;
use super::inbox::{Arrival, Inbox, Message, Port};
use super::notices::{Copy, MOST_WAITING, Teller};
use super::report;
use super::snapshot::Snapshot;
use super::worker::{Task, WorkerContext};
use crate::clock;
use crate::counters::Counters;
use crate::error::CloseReason;
use crate::handoff::bounded::Bounded;
use crate::handoff::estranged::Estrangement;
use crate::handoff::gate::{self, Gate};
use crate::handoff::planner::{
    Action, Ending, Event, FailureKind, Job, JobFailure, LinkUp, Planner,
};
use crate::handoff::windows::Scope;
use crate::handoff::{canonical, later};
use crate::ids::{EntryId, LinkId};
#[cfg(feature = "metrics")]
use crate::lane::Gauges;
use crate::lane::{Lane, guard};
use crate::link::{EndReason, Link, Probe, Relaxed};
use crate::pool::{Demand, Entries, Entry};
use crate::sync::{
    self, Arc, AtomicU64, JoinHandle, Receiver, RecvTimeoutError, Sender, TrySendError,
};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the coordinator is made of.
pub(crate) struct Plan {
    pub(crate) planner: Planner,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) entries: Arc<Entries>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) lane: Lane,
    pub(crate) workers: usize,
    pub(crate) queue: usize,
    pub(crate) relaxed: Relaxed,
    pub(crate) hooks: Hooks,
    /// How long a notification waits for the hooks.
    pub(crate) hook_timeout: Duration,
    /// How long an idle link has to answer a PING.
    pub(crate) probe_timeout: Duration,
}

/// Starts the coordinator and its workers. An error: the system refused a thread, and none of ours
/// is left.
pub(crate) fn start(plan: Plan) -> io::Result<(Inbox, JoinHandle<()>)> {
    let slots = plan.entries.all().len();
    // Every slot can report several times over before anything is lost, and a loss is noticed.
    let (sender, receiver) = sync::bounded(1024.max(8 * slots));
    let inbox = Inbox::new(sender, Arc::clone(&plan.counters));
    let port = Arc::new(Port {
        inbox: inbox.clone(),
        entries: Arc::clone(&plan.entries),
        counters: Arc::clone(&plan.counters),
        lane: plan.lane.clone(),
    });
    let context = Arc::new(WorkerContext {
        connector: Arc::clone(&plan.connector),
        entries: Arc::clone(&plan.entries),
        inbox: inbox.clone(),
        port,
        counters: Arc::clone(&plan.counters),
        next: AtomicU64::new(1),
        relaxed: plan.relaxed,
    });
    let (jobs, queue) = sync::bounded(plan.queue);
    let mut workers = Vec::with_capacity(plan.workers);
    for number in 0..plan.workers {
        let (context, queue) = (Arc::clone(&context), queue.clone());
        let started = sync::spawn(format!("hitless-handoff-{number}"), move || {
            context.work(&queue)
        });
        match started {
            Ok(worker) => workers.push(worker),
            Err(error) => {
                drop(jobs);
                workers.into_iter().for_each(|worker| drop(worker.join()));
                return Err(error);
            }
        }
    }
    drop(queue);
    let coordinator = Coordinator {
        planner: plan.planner,
        connector: plan.connector,
        entries: plan.entries,
        counters: plan.counters,
        lane: plan.lane,
        inbox: inbox.clone(),
        receiver,
        jobs: Some(jobs),
        stops: BTreeMap::new(),
        working: workers.len(),
        workers,
        links: BTreeMap::new(),
        hooks: plan.hooks,
        hook_timeout: plan.hook_timeout,
        gate: Gate::new(),
        waiting: Bounded::new(MOST_WAITING, gate::MOST_WEIGHT),
        probe_timeout: plan.probe_timeout,
        loss_grace: plan.relaxed.timeout,
        probes: Vec::new(),
        #[cfg(feature = "metrics")]
        gauges: None,
    };
    // If this thread is refused, the closure is dropped with the queue's sender: the workers end.
    let thread = sync::spawn("hitless-coordinator".to_owned(), move || coordinator.run())?;
    Ok((inbox, thread))
}

pub(super) struct Coordinator {
    pub(super) planner: Planner,
    connector: Arc<dyn Connector>,
    pub(super) entries: Arc<Entries>,
    pub(super) counters: Arc<Counters>,
    pub(super) lane: Lane,
    inbox: Inbox,
    receiver: Receiver<Message>,
    /// `None` once the client closes: the workers see the end of their queue.
    jobs: Option<Sender<Task>>,
    /// Makes the job of a slot end early.
    stops: BTreeMap<EntryId, Arc<AtomicBool>>,
    workers: Vec<JoinHandle<()>>,
    /// Workers that have not said that they end.
    working: usize,
    /// All links whose reader thread has not said that it ends: serving and draining ones.
    pub(super) links: BTreeMap<LinkId, Arc<Link>>,
    pub(super) hooks: Hooks,
    pub(super) hook_timeout: Duration,
    /// Notifications that wait for the hooks' word.
    pub(super) gate: Gate<Teller>,
    /// What came while the hooks were asked, in order.
    pub(super) waiting: Bounded<Copy>,
    probe_timeout: Duration,
    /// For how long a loss in a window excuses dials that fail.
    loss_grace: Duration,
    /// PINGs on idle links, and until when they may go unanswered.
    probes: Vec<(LinkId, Probe, Instant)>,
    #[cfg(feature = "metrics")]
    /// Those that the lane was last given.
    gauges: Option<Gauges>,
}

impl Coordinator {
    fn run(mut self) {
        // No code of the user runs here: a panic is a defect of ours.
        let reason = guard(|| self.serve()).unwrap_or(CloseReason::ThreadDied);
        if reason == CloseReason::ThreadDied {
            // At once, so that nobody waits for what cannot come any more.
            self.entries.shut_dead();
            report::died(&self.lane);
        }
        if guard(|| self.close(reason)).is_none() {
            self.abandon();
        }
    }

    /// Serves until the client is to close. Yields why.
    fn serve(&mut self) -> CloseReason {
        let start = clock::now();
        self.planner.handle_timeout(start);
        self.carry_out_all(start);
        loop {
            let message = sync::receive(&self.receiver, self.poll_timeout());
            let now = clock::now();
            match message {
                Ok(message) => self.handle(now, message),
                Err(RecvTimeoutError::Disconnected) => return CloseReason::ByUser,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.inbox.is_closing() {
                return CloseReason::ByUser;
            }
            if self.working < self.workers.len() {
                // The job that it had will never end.
                return CloseReason::ThreadDied;
            }
            self.answer(now);
            self.handle_timeout(now);
            if self.inbox.has_missed() {
                self.look_around(now);
            }
            self.carry_out_all(now);
            #[cfg(feature = "metrics")]
            self.show_gauges(gauges::of(&self.planner, now));
        }
    }

    /// Tells who has asked how things stand.
    fn answer(&mut self, now: Instant) {
        let askers = self.inbox.take_askers();
        if askers.is_empty() {
            return;
        }
        // What is out of date by now is not told.
        self.planner.handle_timeout(now);
        let snapshot = Snapshot::of(&self.planner, now);
        for asker in askers {
            // Who asked may have given up.
            let _ = asker.try_send(snapshot.clone());
        }
    }

    fn carry_out_all(&mut self, now: Instant) {
        while let Some(action) = self.planner.poll_action() {
            self.carry_out(now, action);
        }
    }

    fn handle(&mut self, now: Instant, message: Message) {
        match message {
            Message::Ended { slot, link, reason } => self.on_link_ended(now, slot, link, &reason),
            Message::Estranged { link, why } => {
                self.planner.handle_estranged(now, link, why);
            }
            Message::Failed {
                slot,
                failure,
                error,
            } => {
                self.stops.remove(&slot);
                self.entries.ack_demand();
                report::not_connected(&self.lane, slot, &error);
                // Whoever begins to wait from here on says so again.
                if self.entries.is_dedicated(slot) {
                    if !self.has_caller(slot) {
                        self.planner.handle_unwanted_alone(slot);
                    }
                } else if !self.entries.is_awaited() {
                    self.planner.handle_unwanted();
                }
                self.planner.handle_job_failed(now, slot, failure);
            }
            Message::Look => {}
            Message::Notified { link, notification } => self.notified(now, link, notification),
            Message::Resolved { host, answer } => {
                self.planner.handle_resolved(now, &host, answer);
            }
            Message::Said(said) => self.said(now, said),
            Message::Unusable { slot, link } => {
                self.entries.ack_demand();
                let ending = ending(self.links.get(&link));
                (self.planner).handle_link_unusable(now, slot, link, ending);
                self.hear_waiting(now, slot);
            }
            Message::Up(Arrival {
                link,
                said,
                is_replica,
                listed,
            }) => {
                let up = LinkUp {
                    is_replica,
                    listed,
                    slot: link.slot(),
                    link: link.id(),
                    peer: link.peer(),
                    opted_in: link.opted_in(),
                    via: link.via().clone(),
                };
                let id = link.id();
                self.stops.remove(&link.slot());
                self.links.insert(id, link);
                self.planner.handle_link_up(now, up);
                for notification in said {
                    self.notified(now, id, notification);
                }
            }
            Message::Requested(Demand::Shared) => {
                let awaited = self.entries.is_awaited();
                self.planner.handle_wanted(now, 1, awaited);
            }
            Message::Requested(Demand::Exclusive(slot)) => {
                self.planner.handle_wanted_alone(now, slot)
            }
            Message::WorkerEnded => self.working = self.working.saturating_sub(1),
        }
    }

    /// A link's reader thread ends: it is waited for, and its slot is vacant if it served.
    fn on_link_ended(&mut self, now: Instant, slot: EntryId, id: LinkId, reason: &EndReason) {
        let planned = matches!(
            reason,
            EndReason::Closed(CloseReason::Drained | CloseReason::DrainExpired | CloseReason::Idle)
        );
        let link = self.links.remove(&id);
        let ending = if planned {
            Ending::Planned
        } else {
            ending(link.as_ref())
        };
        if !planned && self.planner.is_draining(id) {
            report::drained(&self.lane, slot, reason);
        } else if !planned {
            self.counters.connections_lost.count();
            if link.as_ref().is_some_and(|link| link.is_relaxed(now)) {
                self.counters.connections_lost_in_window.count();
                self.entries.lost_in_window(now, self.loss_grace);
            }
            report::lost(&self.lane, slot, reason);
        }
        if let Some(link) = link {
            link.join();
        }
        self.entries.ack_demand();
        self.planner.handle_link_down(now, slot, id, ending);
        self.hear_waiting(now, slot);
    }

    /// Who found no link may have asked before the planner knew of the loss, and sleeps by now. So may who has
    /// this slot alone.
    fn hear_waiting(&mut self, now: Instant, lost: EntryId) {
        if self.entries.is_awaited() {
            self.planner.handle_wanted(now, 1, true);
        }
        if self.entries.is_dedicated(lost) && self.is_awaited_alone(lost) {
            self.planner.handle_wanted_alone(now, lost);
        }
    }

    /// Messages were lost for want of room: finds out what they may have said.
    fn look_around(&mut self, now: Instant) {
        let unusable: Vec<(EntryId, LinkId, Ending)> = self
            .links
            .values()
            .filter(|link| !link.is_open() && !self.is_draining(link))
            .map(|link| (link.slot(), link.id(), ending(Some(link))))
            .collect();
        for (slot, link, ending) in unusable {
            (self.planner).handle_link_unusable(now, slot, link, ending);
        }
        let awaited = self.entries.is_awaited();
        (self.planner).handle_wanted(now, usize::from(awaited), awaited);
        let alone: Vec<EntryId> = self.entries.dedicated().iter().map(Entry::id).collect();
        for slot in alone {
            if self.is_awaited_alone(slot) {
                self.planner.handle_wanted_alone(now, slot);
            }
        }
        // What links have told already is told once more: that changes nothing.
        let told: Vec<(LinkId, Estrangement)> = self
            .links
            .values()
            .flat_map(|link| link.estrangements().map(|why| (link.id(), why)))
            .collect();
        for (link, why) in told {
            self.planner.handle_estranged(now, link, why);
        }
    }

    fn is_draining(&self, link: &Link) -> bool {
        !self.entries.serves(link.slot(), link.id()) && link.is_draining()
    }

    fn carry_out(&mut self, now: Instant, action: Action) {
        match action {
            Action::CheckLiveness => self.check_liveness(now),
            Action::Close { link } => {
                if let Some(link) = self.links.get(&link) {
                    self.counters.drains_forced.count();
                    link.end(EndReason::Closed(CloseReason::DrainExpired));
                }
            }
            Action::CloseIfIdle { link } => {
                if let Some(link) = self.links.get(&link) {
                    // Until its worker has put the new link in its place, it serves.
                    if !self.entries.serves(link.slot(), link.id()) {
                        link.close_if_idle(CloseReason::Drained);
                    }
                }
            }
            Action::CloseUnused { slot, link } => self.close_unused(now, slot, link),
            Action::Enqueue(job) => self.enqueue(now, job),
            Action::LookWhetherIdle { slot, link } => self.look_whether_idle(now, slot, link),
            Action::Retire { link } => {
                if let Some(link) = self.links.get(&link) {
                    self.entries.lost(link);
                    link.retire();
                }
            }
            Action::Interrupt { slot } => {
                if let Some(stop) = self.stops.get(&slot) {
                    stop.store(true, Ordering::SeqCst);
                    self.connector.interrupt();
                }
            }
            Action::Publish(event) => self.publish(now, event),
            Action::Relax { scope, until } => self.relax(now, &scope, until),
            Action::Resolve { host } => {
                let (inbox, asked) = (self.inbox.clone(), host.clone());
                let answered = move |answer| {
                    inbox.post(Message::Resolved {
                        host: asked,
                        answer,
                    })
                };
                self.connector.look_up(&host, Box::new(answered));
            }
        }
    }

    fn enqueue(&mut self, now: Instant, job: Job) {
        let Some(jobs) = &self.jobs else { return };
        let stop = Arc::new(AtomicBool::new(false));
        self.stops.insert(job.slot, Arc::clone(&stop));
        match jobs.try_send(Task { job, stop }) {
            Ok(()) => {}
            Err(TrySendError::Full(Task { job, .. })) => {
                self.counters.queue_overflows.count();
                self.planner.handle_queue_full(now, job.slot);
            }
            Err(TrySendError::Disconnected(Task { job, .. })) => {
                let failure = JobFailure {
                    reached: None,
                    kind: FailureKind::Closed,
                };
                self.planner.handle_job_failed(now, job.slot, failure);
            }
        }
    }

    fn relax(&self, now: Instant, scope: &Scope, until: Instant) {
        let peer = match scope {
            Scope::Database => None,
            Scope::Peer(peer) => Some(*peer),
        };
        if let Some(cause) = self.planner.windows().blame(peer, now, Duration::ZERO) {
            self.connector
                .note_window(report::maintenance(cause), until);
        }
        let latest = self.planner.windows().latest(now);
        let latest = latest.map(|(until, cause)| (report::maintenance(cause), until));
        self.entries.set_window(now, latest);
        for link in self.links.values() {
            let concerned = match scope {
                Scope::Database => true,
                Scope::Peer(peer) => link.peer().map(canonical) == Some(canonical(*peer)),
            };
            if concerned {
                let cause = self
                    .planner
                    .windows()
                    .blame(link.peer(), now, Duration::ZERO);
                link.relax(until, cause.map(report::maintenance));
            }
        }
    }

    /// Sends a PING over each idle link.
    fn check_liveness(&mut self, now: Instant) {
        let until = later(now, self.probe_timeout);
        let serving = self.links.values().filter(|link| link.is_open());
        self.probes
            .extend(serving.filter_map(|link| link.probe().map(|probe| (link.id(), probe, until))));
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let probes = self.probes.iter().map(|(_, _, until)| *until).min();
        [
            self.planner.poll_timeout(),
            self.gate.poll_timeout(),
            probes,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What is due at `now`. Early and repeated calls do nothing.
    fn handle_timeout(&mut self, now: Instant) {
        if self.planner.poll_timeout().is_some_and(|at| at <= now) {
            self.planner.handle_timeout(now);
        }
        if self.gate.poll_timeout().is_some_and(|at| at <= now) {
            self.stop_asking(now);
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

    /// Tells the hooks, the log and the counters.
    fn publish(&self, now: Instant, event: Event) {
        report::publish(now, event, &self.counters, &self.hooks, &self.lane);
    }

    /// Has the lane publish how things stand, if that has changed.
    #[cfg(feature = "metrics")]
    fn show_gauges(&mut self, now: Gauges) {
        if self.gauges.as_ref() != Some(&now) {
            self.lane.show(now.clone());
            self.gauges = Some(now);
        }
    }
}

/// How a link has ended that nobody closed.
fn ending(link: Option<&Arc<Link>>) -> Ending {
    match link {
        Some(link) if link.has_answered() => Ending::Proved,
        _ => Ending::Unproved,
    }
}
