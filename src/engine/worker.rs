//! Makes connections and puts them into the entries of their nodes. Decides nothing.

use super::connector::{ConnectFailure, Connected, Connector};
use super::inbox::{Arrival, Inbox, Message, Port, Report};
use crate::clock;
use crate::counters::Counters;
use crate::error::{CloseReason, Delivery, Error, ErrorKind};
use crate::handoff::patience::FailedDial;
use crate::handoff::planner::{FailureKind, Job, JobFailure, JobKind, Target};
use crate::ids::LinkId;
use crate::link::{EndReason, Link, NewLink, Relaxed, Routes};
use crate::pool::{FailedFill, Installed};
use crate::sync::{self, Arc, AtomicU64, Ordering, Receiver};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// A job of a node, and whether it is to end early.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) port: Arc<Port>,
    pub(super) job: Job,
    pub(super) stop: Arc<AtomicBool>,
}

/// What all workers of one client share.
pub(super) struct WorkerContext {
    pub(super) connector: Arc<dyn Connector>,
    pub(super) inbox: Inbox,
    pub(super) counters: Arc<Counters>,
    /// The number of the next link.
    pub(super) next: AtomicU64,
    pub(super) relaxed: Relaxed,
}

impl WorkerContext {
    /// The body of a worker thread: lives until the coordinator drops the queue.
    pub(super) fn work(&self, queue: &Receiver<Task>) {
        let _exit = ExitGuard(&self.inbox);
        while let Ok(Task { port, job, stop }) = sync::receive(queue, None) {
            if port.entries.is_closed() {
                // Not begun any more.
                continue;
            }
            let began = clock::now();
            // Code of the user is guarded where it is called. A defect of ours costs this job only.
            let done = catch_unwind(AssertUnwindSafe(|| self.carry_out(&port, &job, &stop)));
            if let Err(mut failure) = done.unwrap_or_else(|_| Err(panicked())) {
                if stop.load(Ordering::SeqCst) {
                    failure.failure.kind = FailureKind::Withdrawn;
                }
                let kind = failure.failure.kind;
                if kind != FailureKind::Withdrawn && !kind.is_too_early() {
                    self.counters.dials_failed.count();
                }
                report(&port, &job, failure, began);
            }
        }
    }

    fn carry_out(
        &self,
        port: &Arc<Port>,
        job: &Job,
        stop: &AtomicBool,
    ) -> Result<(), ConnectFailure> {
        let Connected {
            wire,
            inbound,
            via,
            opted_in,
            protocol,
            early,
            is_replica,
            listed,
        } = self.connector.open(port, job, stop)?;
        let reached = wire.peer();
        let new = NewLink {
            id: LinkId::new(self.next.fetch_add(1, Ordering::Relaxed)),
            node: port.node,
            entry: job.slot,
            wire,
            inbound,
            via,
            opted_in,
            protocol,
            routes: Routes::of_commands(port),
            relaxed: self.relaxed,
        };
        let link = Link::start(new).map_err(|source| ConnectFailure {
            failure: JobFailure {
                reached,
                kind: FailureKind::Closed,
            },
            error: Error::new(
                ErrorKind::Connect,
                Delivery::NotSent,
                "the system refused a thread for the connection",
            )
            .with_source(source),
        })?;
        self.counters.connections_opened.count();
        // The coordinator must know the link before anything that the link says.
        let said = early.iter().filter_map(|push| port.read(&link, push));
        let known = port.inbox.deliver(Report::Up(Arrival {
            link: Arc::clone(&link),
            said: said.collect(),
            is_replica,
            listed,
        }));
        // Acknowledge the demand only now, so that the pool grows by one connection at a time. And before
        // installing: a waiter that does not get this link asks again on wake-up, and that request must
        // not be swallowed.
        port.entries.ack_demand();
        match port.entries.install(Arc::clone(&link)) {
            Installed::InPlaceOf(Some(old)) => old.retire(),
            Installed::InPlaceOf(None) => {}
            // Another worker was faster with the link that is to replace this one.
            Installed::Overtaken => link.retire(),
            Installed::Refused => link.end(EndReason::Closed(CloseReason::ByUser)),
        }
        link.open_gate();
        if !known {
            link.end(EndReason::Closed(CloseReason::ByUser));
            link.join();
        }
        Ok(())
    }
}

/// Tells the coordinator of a job that failed, and those who wait for its connection.
fn report(port: &Port, job: &Job, failure: ConnectFailure, began: Instant) {
    let ConnectFailure { failure, error } = failure;
    let is_full = failure.kind == FailureKind::Full;
    // What may not be dialled, and what is avoided at first, is no attempt that a caller should run
    // out of patience with: another place is tried next.
    let counts = !matches!(
        failure.kind,
        FailureKind::Forbidden | FailureKind::Retiring | FailureKind::Withdrawn
    );
    let dedicated = port.entries.is_dedicated(job.slot);
    // A server that has no room for one connection more has not failed: only who needs it is told.
    let is_last = is_full && job.kind == JobKind::Fill && job.target == Target::Configured;
    let alone = dedicated && is_full || failure.kind == FailureKind::Withdrawn;
    if job.kind == JobKind::Fill && !alone {
        let dial = FailedDial {
            began,
            ended: clock::now(),
        };
        port.entries
            .dial_failed(error.clone(), counts.then_some(dial));
    }
    port.inbox.deliver(Report::Failed {
        slot: job.slot,
        failure,
        error: error.clone(),
    });
    // After that, so that the next who takes the slot is not heard before its failure.
    if dedicated && counts {
        (port.entries).fill_failed(job.slot, FailedFill { error, is_last });
    }
}

fn panicked() -> ConnectFailure {
    ConnectFailure {
        failure: JobFailure {
            reached: None,
            kind: FailureKind::Closed,
        },
        error: Error::new(
            ErrorKind::Connect,
            Delivery::NotSent,
            "the client panicked while it made the connection, which is a defect of the client",
        ),
    }
}

/// Reports the end of a worker, even of one that panics: who closes the client waits for it.
struct ExitGuard<'a>(&'a Inbox);

impl Drop for ExitGuard<'_> {
    fn drop(&mut self) {
        self.0.deliver(Message::WorkerEnded);
    }
}
