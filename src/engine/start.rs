//! Starts the threads of an engine and gives it its nodes. Ends nothing: the coordinator does. Runs on the
//! thread of whoever makes the client or adds a node.

mod plan;

use super::connector::Connector;
use super::coordinator::Coordinator;
use super::hooks::Hooks;
use super::inbox::{Inbox, Message, NodeInbox, Port};
use super::node::{Context, Node};
use super::worker::WorkerContext;
use crate::counters::Counters;
use crate::handoff::announcements::{AnnouncementSettings, Announcements};
use crate::handoff::planner::{Planner, Settings};
use crate::ids::NodeId;
use crate::lane::Lane;
use crate::link::Relaxed;
use crate::pool::{Entries, Pool};
use crate::sorted::SortedMap;
use crate::sync::{self, Arc, AtomicU64, JoinHandle};
use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What an engine is made of, whatever the number of its nodes. Made of the options by [`Plan::of`].
pub(crate) struct Plan {
    /// What all nodes are told by their database is judged by these.
    pub(crate) announcements: AnnouncementSettings,
    /// Dials for the workers, looks names up for the coordinator.
    pub(crate) connector: Arc<dyn Connector>,
    /// Those of the client, which its nodes share.
    pub(crate) counters: Arc<Counters>,
    /// Where lines of the log and numbers go.
    pub(crate) lane: Lane,
    /// Empty at first: the client adds what the options name once the coordinator runs.
    pub(crate) hooks: Hooks,
    /// Threads that make connections; at least 1.
    pub(crate) workers: usize,
    /// Jobs that may wait for one of them. The planner is told when it is full, and offers the job again.
    pub(crate) queue: usize,
    /// About how many connections all nodes together will have.
    pub(crate) connections: usize,
    /// The timeouts in a window. The longer of them and the own one of a command counts.
    pub(crate) relaxed: Relaxed,
    /// How long an idle link has to answer a PING.
    pub(crate) probe_timeout: Duration,
}

/// What one node is made of. The first is that of the configured endpoint.
pub(crate) struct NewNode {
    /// Its configured endpoint and the size of its pool among them.
    pub(crate) settings: Settings,
    /// Spreads the attempts of its planner in time.
    pub(crate) seed: u64,
    /// How long a caller waits for a connection of it; `None`: until the command's own deadline.
    pub(crate) checkout_timeout: Option<Duration>,
    /// At how many moments its dials may fail while a caller waits, before it is told.
    pub(crate) patience: u64,
    /// So many commands may be in flight on one connection, as long as another has room.
    pub(crate) max_in_flight: usize,
}

/// One coordinator and one set of workers, for all nodes of a client. Held by the client.
pub(crate) struct Engine {
    /// The sending side of the coordinator's queue, for `close` and for questions.
    pub(crate) inbox: Inbox,
    counters: Arc<Counters>,
    /// For the ports of nodes that are added.
    lane: Lane,
    /// The number of the next node. Numbers are not given twice, so that no late message is taken for one
    /// of another node.
    next_node: AtomicU32,
}

impl Engine {
    /// Starts the coordinator and its workers, without a node. An error: the system refused a thread, and
    /// none of ours is left.
    pub(crate) fn start(plan: Plan) -> io::Result<(Self, JoinHandle<()>)> {
        // Every connection can report several times over before anything is lost, and a loss is noticed.
        let room = 1024.max(plan.connections.saturating_mul(8));
        let (sender, receiver) = sync::bounded(room);
        let inbox = Inbox::new(sender, Arc::clone(&plan.counters));
        let context = Arc::new(WorkerContext {
            connector: Arc::clone(&plan.connector),
            inbox: inbox.clone(),
            counters: Arc::clone(&plan.counters),
            next: AtomicU64::new(1),
            relaxed: plan.relaxed,
        });
        let (jobs, queue) = sync::bounded(plan.queue);
        let mut workers = Vec::with_capacity(plan.workers);
        for number in 0..plan.workers {
            let (context, queue) = (Arc::clone(&context), queue.clone());
            // Linux cuts the number off at 15 bytes: which worker it is makes no difference.
            let started = sync::spawn(format!("hitless-handoff-{number}"), move || {
                context.work(&queue)
            });
            match started {
                Ok(worker) => workers.push(worker),
                Err(error) => {
                    // Ends the queue, and with it those that have started.
                    drop(jobs);
                    workers.into_iter().for_each(|worker| drop(worker.join()));
                    return Err(error);
                }
            }
        }
        drop(queue);
        let engine = Self {
            inbox: inbox.clone(),
            counters: Arc::clone(&plan.counters),
            lane: plan.lane.clone(),
            next_node: AtomicU32::new(0),
        };
        let coordinator = Coordinator {
            nodes: SortedMap::new(),
            context: Context {
                announcements: Announcements::new(plan.announcements),
                connector: plan.connector,
                counters: Arc::clone(&plan.counters),
                inbox,
                hooks: plan.hooks.clone(),
                jobs: Some(jobs),
                probe_timeout: plan.probe_timeout,
                loss_grace: plan.relaxed.timeout,
            },
            counters: plan.counters,
            lane: plan.lane,
            receiver,
            working: workers.len(),
            workers,
            hooks: plan.hooks,
            #[cfg(feature = "metrics")]
            gauges: None,
        };
        // If this thread is refused, the closure is dropped with the queue's sender: the workers end.
        let thread = sync::spawn("hitless-coordinator".to_owned(), move || coordinator.run())?;
        Ok((engine, thread))
    }

    /// Adds a node with an endpoint and a pool of its own; no thread is started for it. Called by any
    /// thread; blocks only while the coordinator's queue is full. Once the engine closes, the pool is closed
    /// from the start.
    pub(crate) fn add_node(&self, mut new: NewNode) -> Pool {
        let id = NodeId::new(self.next_node.fetch_add(1, Ordering::Relaxed));
        // Before anything is decided: each event of the planner carries it.
        new.settings.node = id;
        let inbox = NodeInbox {
            node: id,
            inbox: self.inbox.clone(),
        };
        let (shared, dedicated) = (new.settings.pool_size, new.settings.dedicated);
        let entries = Arc::new(Entries::new(shared, dedicated));
        let pool = Pool::new(
            Arc::clone(&entries),
            Arc::new(inbox.clone()),
            Arc::clone(&self.counters),
            new.checkout_timeout,
            new.patience,
            new.max_in_flight,
        );
        let port = Arc::new(Port {
            node: id,
            configured: new.settings.configured.clone(),
            inbox,
            entries,
            counters: Arc::clone(&self.counters),
            lane: self.lane.clone(),
        });
        let node = Node::new(Planner::new(new.settings, new.seed), port);
        // A node that does not arrive is dropped, which closes its pool.
        self.inbox.deliver(Message::Added(Box::new(node)));
        pool
    }
}
