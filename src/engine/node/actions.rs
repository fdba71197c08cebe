//! How a node carries out what its planner asks for. Decides nothing, and waits for nothing.

use super::{Context, Node};
use crate::engine::inbox::Report;
use crate::engine::report;
use crate::engine::worker::Task;
use crate::error::CloseReason;
use crate::handoff::planner::{Action, FailureKind, Job, JobFailure};
use crate::handoff::windows::Scope;
use crate::handoff::{canonical, later};
use crate::link::EndReason;
use crate::sync::{Arc, TrySendError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

impl Node {
    /// Carries out all that the planner asks for by now.
    pub(in crate::engine) fn carry_out_all(&mut self, now: Instant, context: &Context) {
        while let Some(action) = self.planner.poll_action() {
            self.carry_out(now, action, context);
        }
    }

    fn carry_out(&mut self, now: Instant, action: Action, context: &Context) {
        match action {
            Action::CheckLiveness => self.check_liveness(now, context),
            Action::Close { link } => {
                if let Some(link) = self.links.get(&link) {
                    context.counters.drains_forced.count();
                    link.end(EndReason::Closed(CloseReason::DrainExpired));
                }
            }
            Action::CloseIfIdle { link } => {
                if let Some(link) = self.links.get(&link) {
                    // Until its worker has put the new link in its place, it serves.
                    if !self.entries().serves(link.slot(), link.id()) {
                        link.close_if_idle(CloseReason::Drained);
                    }
                }
            }
            Action::CloseUnused { slot, link } => self.close_unused(now, slot, link),
            Action::Enqueue(job) => self.enqueue(now, job, context),
            Action::LookWhetherIdle { slot, link } => self.look_whether_idle(now, slot, link),
            Action::Retire { link } => {
                if let Some(link) = self.links.get(&link) {
                    self.entries().lost(link);
                    link.retire();
                }
            }
            Action::Interrupt { slot } => {
                if let Some(stop) = self.stops.get(&slot) {
                    stop.store(true, Ordering::SeqCst);
                    context.connector.interrupt();
                }
            }
            Action::Publish(event) => {
                let Context {
                    counters,
                    hooks,
                    lane,
                    ..
                } = context;
                report::publish(now, self.id(), event, counters, hooks, lane);
            }
            Action::Relax { scope, until } => self.relax(now, &scope, until, context),
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

    fn enqueue(&mut self, now: Instant, job: Job, context: &Context) {
        let Some(jobs) = &context.jobs else { return };
        let stop = Arc::new(AtomicBool::new(false));
        self.stops.insert(job.slot, Arc::clone(&stop));
        let port = Arc::clone(&self.port);
        match jobs.try_send(Task { port, job, stop }) {
            Ok(()) => {}
            Err(TrySendError::Full(Task { job, .. })) => {
                context.counters.queue_overflows.count();
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

    fn relax(&self, now: Instant, scope: &Scope, until: Instant, context: &Context) {
        let peer = match scope {
            Scope::Database => None,
            Scope::Peer(peer) => Some(*peer),
        };
        if let Some(cause) = self.planner.windows().blame(peer, now, Duration::ZERO) {
            let maintenance = report::maintenance(cause);
            (context.connector).note_window(self.id(), maintenance, until);
        }
        let latest = self.planner.windows().latest(now);
        let latest = latest.map(|(until, cause)| (report::maintenance(cause), until));
        self.entries().set_window(now, latest);
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
    fn check_liveness(&mut self, now: Instant, context: &Context) {
        let until = later(now, context.probe_timeout);
        let serving = self.links.values().filter(|link| link.is_open());
        self.probes
            .extend(serving.filter_map(|link| link.probe().map(|probe| (link.id(), probe, until))));
    }

    /// All jobs of this node end soon. When the client closes.
    pub(in crate::engine) fn stop_jobs(&self) {
        for stop in self.stops.values() {
            stop.store(true, Ordering::SeqCst);
        }
    }
}
