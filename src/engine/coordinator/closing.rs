//! How the coordinator ends all threads of the client. Starts nothing, and answers no question any more.
//!
//! ```text
//!   close called --> no new job, pools shut --> 200 ms for moves under way --> all jobs told to stop,
//!   hooks ended (300 ms), all links ended --> workers and readers say that they end --> joined
//!   --> resolver threads --> lane, which writes the last lines (200 ms)
//! ```
//!
//! Each step wakes the next: an ended link makes its reader report, a worker that returns reports as its last
//! act. Only code of the user can keep one of them, and that is waited for until 600 ms after the beginning
//! at most.

use super::Coordinator;
use crate::clock;
use crate::engine::inbox::Message;
use crate::engine::node::Node;
use crate::engine::report;
use crate::error::CloseReason;
use crate::handoff::later;
#[cfg(feature = "metrics")]
use crate::lane::Gauges;
use crate::sync;
use std::time::Duration;

/// How long a close waits for threads that hang in the system.
const CLOSE_WITHIN: Duration = Duration::from_millis(600);

/// How long a close lets handoffs in flight go on.
const FINISH_WITHIN: Duration = Duration::from_millis(200);

impl Coordinator {
    /// Lets the handoffs in flight end, for a moment, and tells how all have ended.
    fn finish_handoffs(&mut self) {
        let until = later(clock::now(), FINISH_WITHIN);
        while self.working > 0 && clock::now() < until {
            // New notifications are still heard, but no job can follow from them: the queue is gone.
            let Ok(message) = sync::receive(&self.receiver, Some(until)) else {
                break;
            };
            let now = clock::now();
            self.handle(now, message);
            self.carry_out_all(now);
        }
        let now = clock::now();
        for node in self.nodes.values_mut() {
            node.planner.handle_close(now);
        }
        self.carry_out_all(now);
    }

    /// Ends all threads of the client but this one, which is the caller's to wait for.
    pub(super) fn close(&mut self, reason: CloseReason) {
        let deadline = later(clock::now(), CLOSE_WITHIN);
        // What waits in the queue is not begun any more; what was begun has a moment to end.
        self.context.jobs = None;
        // First of all, so that callers who wait in a pool are told now, and not after the moves.
        self.nodes.values().for_each(|node| node.entries().shut());
        self.context.inbox.turn_askers_away();
        if reason == CloseReason::ByUser {
            self.finish_handoffs();
        }
        self.nodes.values().for_each(Node::stop_jobs);
        self.context.connector.cancel();
        // Before the links end, so that a command that a hook has in flight gets its reply.
        self.hooks.close();
        for node in self.nodes.values() {
            node.end_links(reason);
            let entries = node.entries();
            entries.dial_failed(entries.closed_error(), None);
        }
        while self.working > 0 || self.has_links() {
            // Links end, and so do workers, but for code of the user: it may hang, or wait for this
            // very close.
            // While links are left their readers will report, so there is no need for a limit: a limit that
            // is too short on a busy machine would leave threads behind.
            let hangs = !self.has_links() && self.context.connector.is_in_user_code();
            match sync::receive(&self.receiver, hangs.then_some(deadline)) {
                Ok(Message::Of(id, report)) => {
                    if let Some(node) = self.nodes.get_mut(&id) {
                        node.handle_closing(report, reason);
                    }
                }
                Ok(Message::WorkerEnded) => self.working = self.working.saturating_sub(1),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        if self.working > 0 {
            report::policy_runs(&self.lane);
            // Dropping a handle detaches its thread. The policy that it is in may wait for this very close,
            // so joining it could never end.
            self.workers.clear();
        }
        for worker in self.workers.drain(..) {
            // A worker that panicked has ended all the same.
            let _ = worker.join();
        }
        self.context.connector.close(deadline);
        // What this client has added to the gauges, it takes back.
        #[cfg(feature = "metrics")]
        self.lane.show(Gauges::default());
        self.lane.close();
    }

    /// What is left to do when even the close has failed: nobody waits, and the threads end by themselves.
    pub(super) fn abandon(&mut self) {
        self.context.jobs = None;
        self.context.connector.cancel();
        for node in self.nodes.values() {
            node.end_links(CloseReason::ThreadDied);
        }
        self.context.inbox.turn_askers_away();
    }

    /// Whether a reader thread has not said that it ends.
    fn has_links(&self) -> bool {
        self.nodes.values().any(|node| !node.links.is_empty())
    }
}
