//! How a node carries out what its planner asks for. Decides nothing, and waits for nothing: what takes time
//! goes to a worker or to a resolver thread, which report to the inbox. All of it runs on the coordinator's
//! thread.

use super::{Context, Node};
use crate::engine::inbox::Report;
use crate::engine::report;
use crate::engine::worker::{Purpose, Task};
use crate::error::CloseReason;
use crate::events::MaintenanceEvent;
use crate::handoff::planner::{Action, FailureKind, Job, JobFailure};
use crate::handoff::windows::{Cause, Scope};
use crate::handoff::{canonical, later};
use crate::link::EndReason;
use crate::sync::{Arc, TrySendError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

impl Node {
    /// Carries out what the planner of this node asks for. What concerns the links of all nodes (timeouts,
    /// liveness) is the coordinator's to pass on.
    ///
    /// An action for a link that has ended meanwhile does nothing: its end was reported, or is on its way.
    pub(in crate::engine) fn carry_out(
        &mut self,
        now: Instant,
        action: Action,
        context: &mut Context,
    ) {
        match action {
            // The announced time is nearly over, or a place is needed: what it still waits for fails as
            // `Closed`.
            Action::Close { link } => {
                if let Some(link) = self.links.get(&link) {
                    context.counters.drains_forced.count();
                    link.end(EndReason::Closed(CloseReason::DrainExpired));
                }
            }
            Action::CloseIfIdle { link } => {
                if let Some(link) = self.links.get(&link) {
                    // Until its worker has put the new link in its place, it serves.
                    if !self.entries().serves(link.entry(), link.id()) {
                        link.close_if_idle(CloseReason::Drained);
                    }
                }
            }
            Action::CloseUnused { entry, link } => self.close_unused(now, entry, link),
            Action::Enqueue(job) => self.enqueue(now, job, context),
            Action::LookWhetherIdle { entry, link } => self.look_whether_idle(now, entry, link),
            // No worker replaces this link, so nobody else takes it out of its entry.
            Action::Retire { link } => {
                if let Some(link) = self.links.get(&link) {
                    self.entries().lost(link);
                    link.retire();
                }
            }
            Action::LastCall { link, until } => {
                self.on_last_call(now, link, until, context);
            }
            // The job answers by its end. One that waits for a server looks within 50 ms; one in the queue is
            // not begun.
            Action::Interrupt { entry } => {
                if let Some(stop) = self.stops.get(&entry) {
                    stop.store(true, Ordering::SeqCst);
                    context.connector.interrupt();
                }
            }
            Action::Publish { event, why } => {
                if let MaintenanceEvent::HandoffStarted(handoff, _) = &event {
                    self.on_move(handoff.from, handoff.to.as_ref());
                }
                report::publish(&self.port, event, why, &context.hooks);
            }
            Action::CheckLiveness | Action::Relax { .. } => {
                debug_assert!(false, "the coordinator takes these itself");
            }
            // The answer comes as a report, like everything else: the coordinator does not wait for the
            // system.
            Action::Resolve { host } => {
                let (inbox, asked) = (self.port.inbox.clone(), host.clone());
                let answered = move |answer| {
                    inbox.post(Report::Resolved {
                        host: asked,
                        answer,
                    })
                };
                context.connector.look_up(&host, Box::new(answered));
            }
        }
    }

    /// Offers a job to the workers. Never blocks: a full queue is told to the planner, which offers the job
    /// again when another ends, or after 10 ms.
    ///
    /// Jobs of all nodes wait in one queue, first come, first served.
    fn enqueue(&mut self, now: Instant, job: Job, context: &mut Context) {
        let Some(jobs) = &context.jobs else { return };
        let stop = Arc::new(AtomicBool::new(false));
        // Before the job is offered: a worker may be done with it before this returns.
        self.stops.insert(job.entry, Arc::clone(&stop));
        let port = Arc::clone(&self.port);
        let purpose = Purpose::Serve;
        match jobs.try_send(Task {
            port,
            job,
            purpose,
            stop,
        }) {
            Ok(()) => {}
            Err(TrySendError::Full(Task { job, .. })) => {
                context.counters.queue_overflows.count();
                self.planner
                    .handle_queue_full(now, &mut context.announcements, job.entry);
            }
            // All workers have ended, which only happens while the client closes or dies.
            Err(TrySendError::Disconnected(Task { job, .. })) => {
                let failure = JobFailure {
                    reached: None,
                    kind: FailureKind::Closed,
                };
                self.planner
                    .handle_job_failed(now, &mut context.announcements, job.entry, failure);
            }
        }
    }

    /// The timeouts of the links of a scope are relaxed until then; callers who wait already get the longer
    /// limit. `told`: by this node's own planner, so that its dials are relaxed too, although no link to
    /// that peer may be left.
    pub(in crate::engine) fn relax(
        &self,
        now: Instant,
        scope: &Scope,
        until: Instant,
        told: bool,
        context: &Context,
    ) {
        let windows = context.announcements.windows();
        let (peer, mut is_mine) = match scope {
            Scope::Database => (None, true),
            Scope::Peer(peer) => (Some(canonical(*peer)), told),
        };
        for link in self.links.values() {
            if peer.is_none() || link.peer().map(canonical) == peer {
                is_mine = true;
                let cause = windows.blame(link.peer(), now, Duration::ZERO);
                link.relax(until, cause.map(Cause::maintenance));
            }
        }
        if let Some(cause) = windows.blame(peer, now, Duration::ZERO).filter(|_| is_mine) {
            let maintenance = cause.maintenance();
            (context.connector).note_window(self.id(), maintenance, until);
        }
        // Whoever waits for a connection is excused by any window of the database.
        let latest = windows.latest(now);
        let latest = latest.map(|(until, cause)| (cause.maintenance(), until));
        self.entries().set_window(now, latest);
    }

    /// Sends a PING over each idle link. A failover can end a connection without a word to this side; the
    /// next command would find out only by its timeout. A link that does not answer by `probe_timeout`
    /// ends.
    pub(in crate::engine) fn check_liveness(&mut self, now: Instant, context: &Context) {
        let until = later(now, context.probe_timeout);
        // A draining link has commands in flight, whose deadlines notice the same.
        let serving = self.links.values().filter(|link| link.is_open());
        self.probes
            .extend(serving.filter_map(|link| link.probe().map(|probe| (link.id(), probe, until))));
    }

    /// All jobs of this node end soon, those in the queue included. When the client closes.
    pub(in crate::engine) fn stop_jobs(&self) {
        let stops = self.stops.values().map(Arc::as_ref);
        for stop in stops.chain(self.unblocks.stop()) {
            stop.store(true, Ordering::SeqCst);
        }
    }
}
