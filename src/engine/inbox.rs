//! What the coordinator is told, and by whom. Does nothing about it.
//!
//! ```text
//!   readers  --Ended, Unusable, Notified, Estranged--+
//!   workers  --Up, Failed, WorkerEnded---------------+
//!   callers  --Requested (a connection is wanted)----+--> bounded queue --> coordinator
//!   resolver --Resolved------------------------------+         ^
//!   hooks    --Said----------------------------------+         '-- flags: closing, asked, missed
//! ```
//!
//! Who may not wait posts: a message that does not fit is lost and sets `missed`, upon which the coordinator
//! looks at every link and waiter itself. Who may wait (workers, reader threads at their end, the hooks)
//! delivers. Nothing that must arrive depends on room: closing and questions are flags.

use super::hooks::Said;
use super::node::Node;
use super::snapshot::Snapshot;
use crate::counters::{Counter, Counters};
use crate::error::Error;
use crate::handoff::estranged::Estrangement;
use crate::handoff::planner::JobFailure;
use crate::ids::{ConnectionName, EntryId, LinkId, NodeId};
use crate::lane::{Lane, say};
use crate::link::{EndReason, Link, Mailbox, Outcome, Supervisor, Ticket, is_invalidation};
use crate::pool::{Demand, Entries, Requests};
use crate::protocol::{Endpoint, Notification, Push, Value};
use crate::sync::{Arc, AtomicBool, OneshotSender, Ordering, Ranked, Sender};
use std::fmt;
use std::net::IpAddr;

/// Callers that may ask how things stand at the same time; one more gets no answer. Each has a channel of
/// its own.
const MOST_ASKERS: usize = 1024;

/// A message to the coordinator.
pub(super) enum Message {
    /// A node joins the engine. From whoever adds it.
    Added(Box<Node>),
    /// Somebody has asked for the end or for how things stand: see [`Inbox::close`] and
    /// [`Inbox::inspect`].
    Look,
    /// Something has happened at a node.
    Of(NodeId, Report),
    /// The hooks have looked at a notification. From their thread.
    Said(Said),
    /// A worker ends; its last message.
    WorkerEnded,
}

/// What has happened at a node.
#[derive(Debug)]
pub(crate) enum Report {
    /// A link is gone. From its reader thread.
    Ended {
        entry: EntryId,
        link: LinkId,
        reason: EndReason,
    },
    /// A link leads to the wrong server, or is not known there. From whoever reads.
    Estranged { link: LinkId, why: Estrangement },
    /// A request of the client itself was answered. From whoever reads.
    Answered {
        link: LinkId,
        ticket: Ticket,
        reply: Value,
    },
    /// A command that blocks on the server is cancelled, or its link was replaced. From whoever did that.
    Blocked,
    /// A connection could not be made. From a worker.
    Failed {
        entry: EntryId,
        failure: JobFailure,
        error: Error,
    },
    /// A maintenance notification came. From whoever reads.
    Notified {
        link: LinkId,
        notification: Notification,
    },
    /// A caller asks for one more connection.
    Requested(Demand),
    /// A host was looked up. From a resolver thread.
    Resolved {
        host: String,
        answer: Result<Vec<IpAddr>, ()>,
    },
    /// A worker has ended commands that block, or could not. From the worker.
    Unblocked,
    /// A link takes no new command. From whoever noticed.
    Unusable { entry: EntryId, link: LinkId },
    /// A link is about to serve its entry. From a worker.
    Up(Arrival),
}

/// A link that is about to serve its entry.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) link: Arc<Link>,
    /// What the server said during the handshake.
    pub(crate) said: Vec<Notification>,
    /// Whether the server says that it is a replica, if it says what it is.
    pub(crate) is_replica: Option<bool>,
    /// All addresses of the name that was dialled.
    pub(crate) listed: Vec<IpAddr>,
}

/// The sending side of the coordinator's queue.
#[derive(Clone)]
pub(crate) struct Inbox {
    /// Bounded: 8 messages for each connection, and 1,024 at least.
    sender: Sender<Message>,
    /// Of all handles.
    flags: Arc<Flags>,
    counters: Arc<Counters>,
}

/// What must get through however full the queue is.
#[derive(Debug, Default)]
struct Flags {
    /// A message did not fit: the coordinator must look for itself. Set by senders.
    missed: AtomicBool,
    /// The client is to close. Set by the caller of `close`.
    closing: AtomicBool,
    /// Somebody is among `askers`. Set by callers, cleared by the coordinator.
    asked: AtomicBool,
    /// Locked by callers who ask, and by the coordinator to take them all.
    askers: Ranked<Askers, 5>,
}

/// Who wants to know how things stand.
#[derive(Debug, Default)]
struct Askers {
    /// Giving an answer never blocks the coordinator.
    replies: Vec<OneshotSender<Snapshot>>,
    /// The coordinator ends: nobody is answered any more.
    over: bool,
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

impl Inbox {
    /// The sending side for a queue of which the coordinator has the other end.
    pub(super) fn new(sender: Sender<Message>, counters: Arc<Counters>) -> Self {
        Self {
            sender,
            flags: Arc::default(),
            counters,
        }
    }

    /// Never blocks. A message that does not fit is counted; for what must not be lost the
    /// coordinator looks at the entries itself.
    pub(super) fn post(&self, message: Message) {
        if self.sender.try_send(message).is_err() {
            self.counters.inbox_overflows.count();
            self.note_missed();
        }
    }

    /// The coordinator has missed a message and must look for itself. It may have emptied its queue since,
    /// and would sleep: it is woken after the mark is set.
    fn note_missed(&self) {
        self.flags.missed.store(true, Ordering::Release);
        self.wake();
    }

    /// Blocks while the queue is full. False: the coordinator has ended.
    pub(super) fn deliver(&self, message: Message) -> bool {
        self.sender.send(message).is_ok()
    }

    /// Has the coordinator close all and end. Never blocks, however full the queue is: the coordinator
    /// looks after each message.
    pub(crate) fn close(&self) {
        self.flags.closing.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Asks how things stand. Never blocks. False: nobody will answer.
    pub(crate) fn inspect(&self, reply: OneshotSender<Snapshot>) -> bool {
        let mut askers = self.flags.askers.lock();
        if askers.over || askers.replies.len() >= MOST_ASKERS {
            return false;
        }
        askers.replies.push(reply);
        drop(askers);
        // After the question is in the list: the coordinator clears the flag before it takes the list.
        self.flags.asked.store(true, Ordering::SeqCst);
        self.wake();
        true
    }

    /// A queue without room has enough in it to keep the coordinator awake.
    fn wake(&self) {
        let _ = self.sender.try_send(Message::Look);
    }

    /// Whether the client is to close. By the coordinator.
    pub(super) fn is_closing(&self) -> bool {
        self.flags.closing.load(Ordering::SeqCst)
    }

    /// Who has asked how things stand since the last call. By the coordinator.
    pub(super) fn take_askers(&self) -> Vec<OneshotSender<Snapshot>> {
        if !self.flags.asked.load(Ordering::SeqCst) {
            return Vec::new();
        }
        self.flags.asked.store(false, Ordering::SeqCst);
        std::mem::take(&mut self.flags.askers.lock().replies)
    }

    /// Turns away who has asked, and whoever will. By the coordinator, when it ends.
    pub(super) fn turn_askers_away(&self) {
        let mut askers = self.flags.askers.lock();
        askers.over = true;
        let replies = std::mem::take(&mut askers.replies);
        drop(askers);
        drop(replies);
    }

    /// Whether a message did not fit since the last call. By the coordinator.
    pub(super) fn has_missed(&self) -> bool {
        // The plain load first: this runs for every message, and the swap would take the cache line from
        // the senders.
        self.flags.missed.load(Ordering::Relaxed) && self.flags.missed.swap(false, Ordering::AcqRel)
    }
}

/// The inbox as the parts of one node see it.
#[derive(Clone, Debug)]
pub(crate) struct NodeInbox {
    pub(super) node: NodeId,
    pub(super) inbox: Inbox,
}

impl NodeInbox {
    /// Never blocks: see [`Inbox::post`].
    pub(super) fn post(&self, report: Report) {
        self.inbox.post(Message::Of(self.node, report));
    }

    /// Blocks while the queue is full. False: the coordinator has ended.
    pub(super) fn deliver(&self, report: Report) -> bool {
        self.inbox.deliver(Message::Of(self.node, report))
    }
}

/// By callers who found no connection. Neither blocks.
impl Requests for NodeInbox {
    fn try_send(&self, demand: Demand) -> bool {
        let message = Message::Of(self.node, Report::Requested(demand));
        self.inbox.sender.try_send(message).is_ok()
    }

    fn look(&self) {
        self.inbox.note_missed();
    }

    fn look_at_blocked(&self) {
        // One that is lost makes the coordinator look at all.
        self.post(Report::Blocked);
    }
}

/// What the links and the jobs of a node know of it, and report to: the entries at once, the coordinator by
/// message.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) node: NodeId,
    /// What the user configured for it.
    pub(crate) configured: Endpoint,
    pub(crate) inbox: NodeInbox,
    pub(crate) entries: Arc<Entries>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) lane: Lane,
}

impl Port {
    /// Tells who lives or listens in the entry of a link that it takes no new request.
    pub(super) fn tell_tenant(&self, link: &Link) {
        if let Some(tenant) = self.entries.tenant(link.entry()) {
            tenant.lost(link);
        }
        if let Some(listener) = self.entries.listener(link.entry()) {
            listener.ended();
        }
    }

    /// One of its connections, as log lines name it.
    pub(super) fn name(&self, entry: EntryId) -> ConnectionName {
        ConnectionName {
            node: self.node,
            entry,
        }
    }

    /// The counter of this kind of notification. Copies count: it is what has come over the wire.
    fn counter_of(&self, notification: &Notification) -> &Counter {
        match notification {
            Notification::FailedOver { .. } => &self.counters.notifications_failed_over,
            Notification::FailingOver { .. } => &self.counters.notifications_failing_over,
            Notification::Migrated { .. } => &self.counters.notifications_migrated,
            Notification::Migrating { .. } => &self.counters.notifications_migrating,
            Notification::Moving { .. } => &self.counters.notifications_moving,
            Notification::SlotsMigrated { .. } => &self.counters.notifications_smigrated,
            Notification::SlotsMigrating { .. } => &self.counters.notifications_smigrating,
        }
    }

    /// Counts a push, and yields the notification that it is. What is no notification, or a malformed one,
    /// changes nothing but a counter: the link goes on.
    pub(super) fn read(&self, link: &Link, push: &Push) -> Option<Notification> {
        // A server may name a target without a port: it is the one of this connection then.
        let port = match (link.peer(), link.via()) {
            (_, Endpoint::Tcp { port, .. }) => *port,
            (Some(peer), _) => peer.port(),
            _ => 0,
        };
        match Notification::classify(push, port) {
            Some(Ok(notification)) => {
                self.counters.notifications.count();
                self.counter_of(&notification).count();
                return Some(notification);
            }
            Some(Err(bad)) => {
                self.counters.notifications_malformed.count();
                say!(
                    self.lane,
                    NOTIFICATION,
                    Debug,
                    "connection {}: ignored a maintenance notification: {bad}",
                    self.name(link.entry())
                );
            }
            None => self.counters.pushes_unknown.count(),
        }
        None
    }
}

/// By whoever reads, between two replies, with the lock of the link released. Never blocks.
impl Mailbox for Port {
    fn push(&self, link: &Link, push: Push) {
        let listener = is_invalidation(&push).then(|| self.entries.listener(link.entry()));
        if let Some(listener) = listener.flatten() {
            listener.push(link, push);
        } else if let Some(notification) = self.read(link, &push) {
            self.inbox.post(Report::Notified {
                link: link.id(),
                notification,
            });
        }
    }
}

/// By whoever notices, a caller or the reader thread. Entries are told at once, so that no further caller
/// takes the link; the coordinator by message.
impl Supervisor for Port {
    fn answered(&self, link: &Link, ticket: Ticket, outcome: Outcome) {
        // A PING says all that it has to say by its arrival.
        if let Outcome::One(reply @ (Value::Int(_) | Value::Error(_))) = outcome {
            let link = link.id();
            self.inbox.post(Report::Answered {
                link,
                ticket,
                reply,
            });
        }
    }

    fn estranged(&self, link: &Link, why: Estrangement) {
        let (name, link) = (self.name(link.entry()), link.id());
        say!(self.lane, CONNECTION, Debug, "connection {name}: {why:?}");
        self.inbox.post(Report::Estranged { link, why });
    }

    fn unusable(&self, link: &Link) {
        self.entries.lost(link);
        self.tell_tenant(link);
        // May be lost: the coordinator finds such links itself when it has missed something.
        self.inbox.post(Report::Unusable {
            entry: link.entry(),
            link: link.id(),
        });
    }

    fn ended(&self, link: &Link, reason: EndReason) {
        self.entries.lost(link);
        self.tell_tenant(link);
        // Not by `post`: the coordinator joins the thread that says this, and a close waits for it.
        self.inbox.deliver(Report::Ended {
            entry: link.entry(),
            link: link.id(),
            reason,
        });
    }
}
