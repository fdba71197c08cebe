//! The thread that feeds the conductor and carries out what it asks for. Decides nothing itself, and
//! dials nothing.

use super::inbox::{Inbox, Message, Port};
use super::opener::Opener;
use super::worker::Workshop;
use crate::clock;
use crate::counters::Counters;
use crate::error::{CloseReason, Error};
use crate::handoff::canonical;
use crate::handoff::conductor::{
    Action, Conductor, Event, FailureKind, Job, JobFailure, JobKind, LinkId, LinkUp, OperationReport, SlotId,
    Verdict,
};
use crate::handoff::windows::Scope;
use crate::link::{EndReason, Link, Roster};
use crate::sync::{
    self, Arc, AtomicU64, JoinHandle, Receiver, RecvTimeoutError, Sender, TrySendError,
};
use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

/// How long a close waits for threads that hang in the system.
const CLOSE_WITHIN: Duration = Duration::from_millis(800);

/// What the coordinator is made of.
pub(crate) struct Plan {
    pub(crate) conductor: Conductor,
    pub(crate) opener: Arc<dyn Opener>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) workers: usize,
    pub(crate) queue: usize,
    pub(crate) relaxed: Duration,
}

/// Starts the coordinator and its workers. An error: the system refused a thread, and none of ours
/// is left.
pub(crate) fn start(plan: Plan) -> io::Result<(Inbox, JoinHandle<()>)> {
    let slots = plan.roster.slots().len();
    // Every slot can report several times over before anything is lost, and a loss is noticed.
    let (sender, receiver) = sync::bounded(1024.max(8 * slots));
    let inbox = Inbox::new(sender, Arc::clone(&plan.counters));
    let port = Arc::new(Port {
        inbox: inbox.clone(),
        roster: Arc::clone(&plan.roster),
        counters: Arc::clone(&plan.counters),
    });
    let workshop = Arc::new(Workshop {
        opener: Arc::clone(&plan.opener),
        roster: Arc::clone(&plan.roster),
        inbox: inbox.clone(),
        port,
        counters: Arc::clone(&plan.counters),
        next: AtomicU64::new(1),
        relaxed: plan.relaxed,
    });
    let (jobs, queue) = sync::bounded(plan.queue);
    let mut workers = Vec::with_capacity(plan.workers);
    for number in 0..plan.workers {
        let (workshop, queue) = (Arc::clone(&workshop), queue.clone());
        let started =
            sync::spawn(format!("hitless-handoff-{number}"), move || workshop.work(&queue));
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
        conductor: plan.conductor,
        opener: plan.opener,
        roster: plan.roster,
        counters: plan.counters,
        inbox: inbox.clone(),
        receiver,
        jobs: Some(jobs),
        workers,
        links: HashMap::new(),
    };
    // If this thread is refused, the closure is dropped with the queue's sender: the workers end.
    let thread = sync::spawn("hitless-coordinator".to_owned(), move || coordinator.run())?;
    Ok((inbox, thread))
}

struct Coordinator {
    conductor: Conductor,
    opener: Arc<dyn Opener>,
    roster: Arc<Roster>,
    counters: Arc<Counters>,
    inbox: Inbox,
    receiver: Receiver<Message>,
    /// `None` once the client closes: the workers see the end of their queue.
    jobs: Option<Sender<Job>>,
    workers: Vec<JoinHandle<()>>,
    /// All links whose reader thread has not said that it ends: serving and draining ones.
    links: HashMap<LinkId, Arc<Link>>,
}

impl Coordinator {
    fn run(mut self) {
        loop {
            let message = sync::receive(&self.receiver, self.conductor.poll_timeout());
            let now = clock::now();
            match message {
                Ok(Message::Close) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(message) => self.handle(now, message),
                Err(RecvTimeoutError::Timeout) => self.conductor.handle_timeout(now),
            }
            if self.inbox.has_missed() {
                self.look_around(now);
            }
            while let Some(action) = self.conductor.poll_action() {
                self.carry_out(now, action);
            }
        }
        self.close();
    }

    fn handle(&mut self, now: Instant, message: Message) {
        match message {
            Message::Close => {}
            Message::Ended { slot, link, reason } => self.bury(now, slot, link, &reason),
            Message::Failed { slot, failure, error } => {
                self.inbox.heard_want();
                log::debug!("slot {slot}: no connection: {error}");
                self.conductor.handle_job_failed(now, slot, failure);
            }
            Message::Notified { link, notification } => {
                let verdict = self.conductor.handle_notification(now, link, &notification);
                log::debug!("link {}: {} {verdict:?}", link.0, notification.name());
                if let Verdict::Refused(_) = verdict {
                    self.counters.targets_refused.count();
                }
            }
            Message::Resolved { host, answer } => {
                self.conductor.handle_resolved(now, &host, answer);
            }
            Message::Unusable { slot, link } => {
                self.inbox.heard_want();
                self.conductor.handle_link_down(now, slot, link, false);
            }
            Message::Up(link) => {
                let up = LinkUp {
                    slot: link.slot(),
                    link: link.id(),
                    peer: link.peer(),
                    opted_in: link.opted_in(),
                    via: link.via().clone(),
                };
                self.links.insert(link.id(), link);
                self.conductor.handle_link_up(now, up);
            }
            Message::Wanted => self.conductor.handle_wanted(now),
            Message::WorkerEnded => {}
        }
    }

    /// A link's reader thread ends: it is waited for, and its slot is vacant if it served.
    fn bury(&mut self, now: Instant, slot: SlotId, id: LinkId, reason: &EndReason) {
        let planned = matches!(
            reason,
            EndReason::Closed(CloseReason::Drained | CloseReason::DrainExpired | CloseReason::Idle)
        );
        if !planned {
            self.counters.links_lost.count();
            log::info!("slot {slot}: lost a connection: {reason}");
        }
        if let Some(link) = self.links.remove(&id) {
            link.join();
        }
        self.inbox.heard_want();
        self.conductor.handle_link_down(now, slot, id, planned);
    }

    /// Messages were lost for want of room: finds out what they may have said.
    fn look_around(&mut self, now: Instant) {
        let unusable: Vec<(SlotId, LinkId)> = self
            .links
            .values()
            .filter(|link| !link.is_open() && !self.is_draining(link))
            .map(|link| (link.slot(), link.id()))
            .collect();
        for (slot, link) in unusable {
            self.conductor.handle_link_down(now, slot, link, false);
        }
        if self.roster.is_awaited() {
            self.conductor.handle_wanted(now);
        }
    }

    fn is_draining(&self, link: &Link) -> bool {
        !self.roster.serves(link.slot(), link.id()) && link.is_draining()
    }

    fn carry_out(&mut self, now: Instant, action: Action) {
        match action {
            Action::CheckLiveness => {}
            Action::Close { link, .. } => {
                if let Some(link) = self.links.get(&link) {
                    link.end(EndReason::Closed(CloseReason::DrainExpired));
                }
            }
            Action::CloseIfIdle { link } => {
                if let Some(link) = self.links.get(&link) {
                    link.close_if_idle(CloseReason::Drained);
                }
            }
            Action::Drain { link, .. } => {
                if let Some(link) = self.links.get(&link) {
                    link.retire();
                }
            }
            Action::Enqueue(job) => self.enqueue(now, job),
            Action::Publish(event) => self.publish(&event),
            Action::Relax { scope, until } => self.relax(&scope, until),
            Action::Resolve { host } => {
                let (inbox, asked) = (self.inbox.clone(), host.clone());
                let answered = move |answer| inbox.post(Message::Resolved { host: asked, answer });
                self.opener.look_up(&host, Box::new(answered));
            }
        }
    }

    fn enqueue(&mut self, now: Instant, job: Job) {
        let Some(jobs) = &self.jobs else { return };
        match jobs.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(job)) => {
                self.counters.queue_overflows.count();
                self.conductor.handle_queue_full(now, job.slot);
            }
            Err(TrySendError::Disconnected(job)) => {
                let failure = JobFailure { reached: None, kind: FailureKind::Closed };
                self.conductor.handle_job_failed(now, job.slot, failure);
            }
        }
    }

    fn relax(&self, scope: &Scope, until: Instant) {
        for link in self.links.values() {
            let concerned = match scope {
                Scope::Database => true,
                Scope::Peer(peer) => link.peer().map(canonical) == Some(canonical(*peer)),
            };
            if concerned {
                link.relax(until);
            }
        }
    }

    fn publish(&self, event: &Event) {
        match event {
            Event::OperationStarted { operation, slots } => {
                self.counters.operations_started.count();
                log::info!("maintenance: {slots} connections are to move: {}", describe(operation));
            }
            Event::OperationCompleted { operation } => {
                self.counters.operations_completed.count();
                log::info!("maintenance: connections have moved: {}", describe(operation));
            }
            Event::OperationFailed { operation, left } => {
                self.counters.operations_failed.count();
                let what = describe(operation);
                log::warn!("maintenance: {left} connections have not moved in time: {what}");
            }
            Event::SlotMoved { slot, took, .. } => {
                self.counters.handoffs.count();
                log::debug!("slot {slot}: moved in {took:?}");
            }
            Event::JobFailed { slot, kind: JobKind::Move, to, failure } => {
                log::debug!("slot {slot}: no connection to {to} yet: {:?}", failure.kind);
            }
            other => log::debug!("maintenance: {other:?}"),
        }
    }

    /// Ends all threads of the client but this one, which is the caller's to wait for.
    fn close(mut self) {
        let deadline = clock::now() + CLOSE_WITHIN;
        self.opener.cancel();
        self.jobs = None;
        let serving = self.roster.close();
        for link in serving.iter().chain(self.links.values()) {
            link.end(EndReason::Closed(CloseReason::ByUser));
        }
        drop(serving);
        self.roster.dial_failed(Error::closed_by_user());
        let mut working = self.workers.len();
        while working > 0 || !self.links.is_empty() {
            match sync::receive(&self.receiver, None) {
                Ok(Message::Ended { link, .. }) => {
                    if let Some(link) = self.links.remove(&link) {
                        link.join();
                    }
                }
                Ok(Message::Up(link)) => {
                    link.end(EndReason::Closed(CloseReason::ByUser));
                    self.links.insert(link.id(), link);
                }
                Ok(Message::WorkerEnded) => working -= 1,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        for worker in self.workers.drain(..) {
            // A worker that panicked has ended all the same.
            let _ = worker.join();
        }
        self.opener.close(deadline);
    }
}

/// What an operation is about, for the log.
fn describe(operation: &OperationReport) -> String {
    let address = |address: Option<String>| address.unwrap_or_else(|| "a place not yet known".into());
    format!(
        "{:?} from {} to {}, {} moved after {:?}",
        operation.trigger,
        address(operation.from.map(|from| from.to_string())),
        address(operation.to.as_ref().map(|to| to.to_string())),
        operation.moved,
        operation.took,
    )
}
