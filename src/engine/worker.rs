//! Makes connections and puts them into the entries of their nodes. Decides nothing.
//!
//! ```text
//!   bounded queue --Task--> open (dial, TLS, handshake) --> start the reader thread, gate shut
//!                             |                                |
//!                             |                                v
//!                             |        1. the tenant of the entry, if there is one, settles in
//!                             |        2. Report::Up to the coordinator  3. acknowledge demand
//!                             |        4. install into the entry, which retires the old link  5. open the gate
//!                             v
//!                         Report::Failed, and those told who wait for it
//! ```
//!
//! The order matters: the coordinator must know a link before the link says anything, and callers must find
//! the new link before the old one takes no more commands.

use super::connector::{ConnectFailure, Connected, Connector};
use super::handshake::exchange;
use super::inbox::{Arrival, Inbox, Message, Port, Report};
use super::unannounced::{Unannounced, routes_of};
use super::unblock;
use crate::clock;
use crate::counters::Counters;
use crate::error::{CloseReason, Delivery, Error, ErrorKind};
use crate::handoff::patience::FailedDial;
use crate::handoff::planner::{FailureKind, Job, JobFailure, JobKind, Target};
use crate::ids::LinkId;
use crate::link::{EndReason, Link, NewLink, Relaxed};
use crate::pool::{Answer, FailedFill, Installed, Tenant};
use crate::sync::{self, Arc, AtomicU64, Ordering, Receiver};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// What a worker makes a connection for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// It serves an entry of the pool.
    Serve,
    /// It ends commands that block at this server on other connections, and is closed again. Links before this
    /// one lead to another server at the same address.
    Unblock(Option<LinkId>),
}

/// A job of a node, and whether it is to end early. From the coordinator to whichever worker is free.
#[derive(Debug)]
pub(super) struct Task {
    /// The node that it is for: where the link goes, and where the outcome is reported.
    pub(super) port: Arc<Port>,
    /// What to dial, by when, and what to avoid.
    pub(super) job: Job,
    pub(super) purpose: Purpose,
    /// Set by the coordinator to interrupt the job. Looked at between the steps, and within 50 ms while one
    /// blocks.
    pub(super) stop: Arc<AtomicBool>,
}

/// What all workers of one client share. No lock: each part guards itself.
pub(super) struct WorkerContext {
    /// Dials and shakes hands.
    pub(super) connector: Arc<dyn Connector>,
    /// The coordinator's, for the last word of a worker; reports go by the port of the node.
    pub(super) inbox: Inbox,
    /// Attempts that failed, connections that were opened.
    pub(super) counters: Arc<Counters>,
    /// The number of the next link.
    pub(super) next: AtomicU64,
    /// The timeouts in a window, which each link keeps.
    pub(super) relaxed: Relaxed,
}

impl WorkerContext {
    /// The body of a worker thread: lives until the coordinator drops the queue. Between two jobs it blocks
    /// in the queue and nothing else.
    pub(super) fn work(&self, queue: &Receiver<Task>) {
        let _exit = ExitGuard(&self.inbox);
        while let Ok(task) = sync::receive(queue, None) {
            if task.port.entries.is_closed() {
                // Not begun any more.
                continue;
            }
            if let Purpose::Unblock(first) = task.purpose {
                // A defect of ours costs this errand only, like a job.
                let _ = catch_unwind(AssertUnwindSafe(|| self.unblock(&task, first)));
                task.port.inbox.deliver(Report::Unblocked);
                continue;
            }
            let Task {
                port, job, stop, ..
            } = task;
            let began = clock::now();
            // Code of the user is guarded where it is called. A defect of ours costs this job only.
            let done = catch_unwind(AssertUnwindSafe(|| self.carry_out(&port, &job, &stop)));
            if let Err(mut failure) = done.unwrap_or_else(|_| Err(panicked())) {
                // Whatever the step that noticed says: it was told to stop, so nothing is held against the
                // endpoint.
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

    /// Ends the commands that block at a server and are to go on elsewhere, by a connection that is made for that
    /// alone. Blocks within the limits of the job.
    fn unblock(&self, task: &Task, first: Option<LinkId>) {
        let Task {
            port, job, stop, ..
        } = task;
        let Ok(mut connected) = self.connector.open(port, job, stop) else {
            return;
        };
        let peer = connected.wire.peer();
        // Others may have come to want it while this was dialled, or while some were ended: one dial is for all.
        loop {
            // The address may lead to another server by now, which has given the same numbers to others.
            if stop.load(Ordering::SeqCst) {
                return;
            }
            let asked = unblock::wanted_at(&port.entries, peer, first);
            if asked.is_empty() {
                return;
            }
            let mut request = Vec::new();
            (asked.iter()).for_each(|(_, id)| unblock::write(&mut request, *id));
            let Connected { wire, inbound, .. } = &mut connected;
            let mut asked = asked.iter().map(|(call, _)| call);
            // All in one write: a caller whose command is ended goes on at once.
            let outcome = exchange(
                wire.as_ref(),
                inbound,
                &request,
                asked.len(),
                job.give_up,
                stop,
                |reply| {
                    if let Some(call) = asked.next() {
                        call.answered(clock::now(), unblock::judge(&reply));
                    }
                },
            );
            if outcome.is_err() {
                asked.for_each(|call| call.answered(clock::now(), Answer::Lost));
                return;
            }
        }
    }

    /// Makes the connection of one job and puts it in its place. Blocks within the limits of the job.
    ///
    /// Takes no lock itself; [`Entries::install`](crate::pool::Entries::install) swaps under that of the
    /// entry.
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
            client_id,
            early,
            is_replica,
            listed,
        } = self.connector.open(port, job, stop)?;
        let reached = wire.peer();
        let tenant = port.entries.tenant(job.entry);
        // What a link says before the coordinator knows it is told afterwards.
        let unannounced = tenant.as_ref().map(|_| Unannounced::of(port));
        let new = NewLink {
            id: LinkId::new(self.next.fetch_add(1, Ordering::Relaxed)),
            node: port.node,
            entry: job.entry,
            wire,
            inbound,
            via,
            opted_in,
            protocol,
            client_id,
            routes: routes_of(port, job.entry, unannounced.as_ref()),
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
        if let Some(tenant) = &tenant {
            settle(tenant.as_ref(), &link, job.give_up, stop)?;
        }
        // The coordinator must know the link before anything that the link says.
        let said = early.iter().filter_map(|push| port.read(&link, push));
        let known = port.inbox.deliver(Report::Up(Arrival {
            link: Arc::clone(&link),
            said: said.collect(),
            is_replica,
            listed,
        }));
        // It acknowledges the demand, and only now, so that the pool grows by one connection at a time.
        match port.entries.install(Arc::clone(&link)) {
            // Only now, when callers find the new one: between the two no command is refused.
            Installed::InPlaceOf(Some(old)) => {
                // A server that moves may take no new connection: the coordinator lets go of it when nobody blocks
                // there any more, or another is kept.
                let is_shared = !port.entries.is_dedicated(job.entry);
                let is_way = is_shared && unblock::is_way(&port.entries, &old, |_| true);
                if is_way {
                    old.keep();
                }
                old.retire();
                // Whoever blocks on the old link goes on on the new one, and has to be told.
                let mine = port.entries.get(job.entry);
                if is_way || mine.is_some_and(|entry| entry.blocking().is_some()) {
                    port.inbox.post(Report::Blocked);
                }
            }
            Installed::InPlaceOf(None) => {}
            // Another worker was faster with the link that is to replace this one.
            Installed::Overtaken => link.retire(),
            Installed::Refused => link.end(EndReason::Closed(CloseReason::ByUser)),
        }
        // Somebody has moved in meanwhile, whom the link does not know.
        if tenant.is_none() && port.entries.tenant(job.entry).is_some() {
            link.end(EndReason::Closed(CloseReason::Drained));
        }
        // From here on the reader reads, and may report the end of the link: it is in its place by now.
        match &unannounced {
            Some(unannounced) => unannounced.announce(&link),
            None => link.open_gate(),
        }
        // The coordinator has ended: nobody else would wait for the reader thread.
        if !known {
            link.end(EndReason::Closed(CloseReason::ByUser));
            link.join();
        }
        Ok(())
    }
}

/// Has the tenant of an entry prepare a link, whose reader reads from here on. The link is ended if that fails.
fn settle(
    tenant: &dyn Tenant,
    link: &Arc<Link>,
    until: Instant,
    stop: &AtomicBool,
) -> Result<(), ConnectFailure> {
    // Before it is installed: nobody but the tenant is there to read.
    link.open_gate();
    tenant.settle_in(link, until, stop).map_err(|error| {
        link.end(EndReason::Closed(CloseReason::Drained));
        // Nobody else knows it.
        link.join();
        ConnectFailure {
            failure: JobFailure {
                reached: link.peer(),
                kind: FailureKind::Closed,
            },
            error,
        }
    })
}

/// Tells the coordinator of a job that failed, and those who wait for its connection. `began`: callers lose
/// patience over attempts that began after they did.
fn report(port: &Port, job: &Job, failure: ConnectFailure, began: Instant) {
    let ConnectFailure { failure, error } = failure;
    let is_full = failure.kind == FailureKind::Full;
    // What may not be dialled, and what is avoided at first, is no attempt that a caller should run
    // out of patience with: another place is tried next.
    let counts = !matches!(
        failure.kind,
        FailureKind::Forbidden | FailureKind::Retiring | FailureKind::Withdrawn
    );
    let dedicated = port.entries.is_dedicated(job.entry);
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
        entry: job.entry,
        failure,
        error: error.clone(),
    });
    // After that, so that the next who takes the entry is not heard before its failure.
    if dedicated && counts {
        (port.entries).fill_failed(job.entry, FailedFill { error, is_last });
    }
}

/// A job that ended by a defect of this client. The planner is told `Closed`, which blames no endpoint, and
/// tries again.
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

/// Reports the end of a worker, even of one that panics: who closes the client waits for it. The
/// coordinator closes the client if it comes at any other time, because the job that the worker had would
/// stay open for ever.
struct ExitGuard<'a>(&'a Inbox);

impl Drop for ExitGuard<'_> {
    fn drop(&mut self) {
        self.0.deliver(Message::WorkerEnded);
    }
}
