//! The thread that feeds the planners of all nodes and has carried out what they ask for. Decides nothing
//! itself, and dials nothing.
//!
//! ```text
//!   inbox (bounded) --> handle --> the node's planner      one message, or one timer, each time round
//!                         |
//!                         v
//!    poll_timeout <-- carry_out_all <-- handle_timeout <-- answer who asks how things stand
//! ```
//!
//! It sleeps in its inbox until the next timer of any node. Messages wake it, and so do
//! [`Inbox::close`](super::inbox::Inbox::close) and [`Inbox::inspect`](super::inbox::Inbox::inspect), which
//! set a flag and then post [`Message::Look`]: the flag is looked at after every message, so a full inbox
//! hides neither.

mod closing;
mod notices;

#[cfg(feature = "metrics")]
use super::gauges;
use super::hooks::Hooks;
use super::inbox::{Message, Report};
use super::node::{Context, Node};
use super::report;
use super::snapshot::Snapshot;
use crate::clock;
use crate::counters::Counters;
use crate::error::CloseReason;
use crate::handoff::planner::Action;
use crate::ids::NodeId;
#[cfg(feature = "metrics")]
use crate::lane::Gauges;
use crate::lane::{Lane, guard};
use crate::sorted::SortedMap;
use crate::sync::{self, Arc, JoinHandle, Receiver, RecvTimeoutError};
use std::time::Instant;

/// The state of the coordinator's thread, which alone has it: no lock guards it.
pub(super) struct Coordinator {
    /// In the order in which they were added. A message for a node that is not here is dropped.
    pub(super) nodes: SortedMap<NodeId, Node>,
    /// What the nodes share.
    pub(super) context: Context,
    /// Those that [`Client::stats`](crate::Client::stats) shows; any thread may read them meanwhile.
    pub(super) counters: Arc<Counters>,
    /// Where lines of the log go, so that a slow log backend does not hold up a move.
    pub(super) lane: Lane,
    /// Its inbox. All others have the sending side.
    pub(super) receiver: Receiver<Message>,
    /// Joined when the client closes, and never before: a worker that ends early is a defect.
    pub(super) workers: Vec<JoinHandle<()>>,
    /// Workers that have not said that they end.
    pub(super) working: usize,
    /// What is asked about notifications and told of events, on a thread of its own.
    pub(super) hooks: Hooks,
    #[cfg(feature = "metrics")]
    /// Those that the lane was last given.
    pub(super) gauges: Option<Gauges>,
}

impl Coordinator {
    /// The body of the coordinator's thread. Returns when the client is closed; a panic in it closes the
    /// client, whose callers then get [`CloseReason::ThreadDied`].
    pub(super) fn run(mut self) {
        // No code of the user runs here: a panic is a defect of ours.
        let reason = guard(|| self.serve()).unwrap_or(CloseReason::ThreadDied);
        if reason == CloseReason::ThreadDied {
            // At once, so that nobody waits for what cannot come any more.
            for node in self.nodes.values() {
                node.entries().shut_dead();
            }
            report::died(&self.lane);
        }
        if guard(|| self.close(reason)).is_none() {
            self.abandon();
        }
    }

    /// Serves until the client is to close. Yields why.
    ///
    /// The clock is read once for each message, after the wait: all nodes see the same instant. What has
    /// become due while the thread waited for a processor is done once, however late it is.
    fn serve(&mut self) -> CloseReason {
        loop {
            let message = sync::receive(&self.receiver, self.poll_timeout());
            let now = clock::now();
            // A client that does nothing yet has no lane, which the first gauges would start.
            #[cfg(feature = "metrics")]
            let is_news = !matches!(message, Ok(Message::Added(_)));
            match message {
                Ok(message) => self.handle(now, message),
                // Its own inbox has a sender, so this does not happen; it is no reason to go on.
                Err(RecvTimeoutError::Disconnected) => return CloseReason::ByUser,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.context.inbox.is_closing() {
                return CloseReason::ByUser;
            }
            if self.working < self.workers.len() {
                // The job that it had will never end.
                return CloseReason::ThreadDied;
            }
            self.answer(now);
            self.handle_timeout(now);
            // After the message and the timers, so that it sees what they have brought about.
            if self.context.inbox.has_missed() {
                for node in self.nodes.values_mut() {
                    node.look_around(now, &mut self.context);
                }
            }
            self.carry_out_all(now);
            #[cfg(feature = "metrics")]
            if is_news {
                self.show_gauges(gauges::of(
                    self.nodes.values(),
                    &self.context.announcements,
                    now,
                ));
            }
        }
    }

    /// Tells who has asked how things stand.
    fn answer(&mut self, now: Instant) {
        let askers = self.context.inbox.take_askers();
        if askers.is_empty() {
            return;
        }
        // What is out of date by now is not told.
        for node in self.nodes.values_mut() {
            let announcements = &mut self.context.announcements;
            node.planner.handle_timeout(now, announcements);
        }
        let snapshot = Snapshot::of(self.nodes.values(), &self.context.announcements, now);
        for asker in askers {
            // Who asked may have given up.
            asker.send(snapshot.clone());
        }
    }

    /// Has carried out what the planners ask for, node by node, until none asks for more. A step may lead
    /// to further ones: a full queue is told to the planner at once.
    fn carry_out_all(&mut self, now: Instant) {
        // Carrying out a step of one node may relax the links of another, so the map is not borrowed
        // meanwhile.
        let ids: Vec<NodeId> = self.nodes.keys().copied().collect();
        for id in ids {
            while let Some(action) = self.nodes.get_mut(&id).and_then(Node::poll_action) {
                self.carry_out(now, id, action);
            }
        }
    }

    /// Carries out what the planner of a node asks for. What the database announces concerns all nodes.
    fn carry_out(&mut self, now: Instant, id: NodeId, action: Action) {
        match action {
            Action::CheckLiveness => {
                for node in self.nodes.values_mut() {
                    node.check_liveness(now, &self.context);
                }
            }
            Action::Relax { scope, until } => {
                for node in self.nodes.values() {
                    node.relax(now, &scope, until, node.id() == id, &self.context);
                }
            }
            action => {
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.carry_out(now, action, &mut self.context);
                }
            }
        }
    }

    /// One message, from whatever thread.
    fn handle(&mut self, now: Instant, message: Message) {
        match message {
            Message::Added(mut node) => {
                // So that the idle minimum is filled.
                let announcements = &mut self.context.announcements;
                node.planner.handle_timeout(now, announcements);
                self.nodes.insert(node.id(), *node);
            }
            Message::Look => {}
            Message::Of(node, report) => self.handle_report(now, node, report),
            Message::Said(said) => self.said(now, said),
            Message::WorkerEnded => self.working = self.working.saturating_sub(1),
        }
    }

    /// What has happened at a node. Notifications go by the announcements, because the hooks are asked
    /// first and copies of other nodes may be waiting; everything else is the node's own.
    fn handle_report(&mut self, now: Instant, id: NodeId, report: Report) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        match report {
            Report::Notified { link, notification } => {
                self.notified(now, id, link, notification);
            }
            Report::Up(mut arrival) => {
                // The link first: what it said during its handshake is stale if the planner does not know
                // it.
                let (link, said) = (arrival.link.id(), std::mem::take(&mut arrival.said));
                node.handle_up(now, arrival, &mut self.context);
                for notification in said {
                    self.notified(now, id, link, notification);
                }
            }
            report => node.handle(now, report, &mut self.context),
        }
    }

    /// When it has to wake by itself: the earliest of all timers of nodes, windows and hooks that take too
    /// long.
    fn poll_timeout(&self) -> Option<Instant> {
        let nodes = self.nodes.values().filter_map(Node::poll_timeout);
        nodes
            .chain(self.context.announcements.poll_timeout())
            .chain(self.context.announcements.hooks_due())
            .min()
    }

    /// What is due at `now`. Early and repeated calls do nothing.
    fn handle_timeout(&mut self, now: Instant) {
        for node in self.nodes.values_mut() {
            node.handle_timeout(now, &mut self.context);
        }
        if self
            .context
            .announcements
            .hooks_due()
            .is_some_and(|at| at <= now)
        {
            self.stop_asking(now);
        }
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
