//! What the planner asks of the thread around it. Carries nothing out.

use crate::events::MaintenanceEvent;
use crate::handoff::announcements::Effect;
use crate::handoff::breaker::BreakerState;
use crate::handoff::windows::Scope;
use crate::ids::{EntryId, HandoffId, LinkId};
use crate::protocol::Endpoint;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// How a link ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Ending {
    /// The client closed it.
    Planned,
    /// It was lost, and had answered a command: the server works.
    Proved,
    /// It was lost before it had answered any command after its opening.
    Unproved,
}

/// Something to carry out, in the order in which it was polled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// PING the idle links, at leisure: a failover may have killed some of them silently.
    CheckLiveness,
    /// End this link now, whatever it still waits for. To be answered by the link's end.
    Close {
        /// The link.
        link: LinkId,
    },
    /// End this link if it has no unanswered command, otherwise when it has none any more.
    CloseIfIdle {
        /// The link.
        link: LinkId,
    },
    /// Close the link of this dedicated entry. To be answered by the link's end, or, if somebody uses the
    /// entry again, by [`handle_idle`](super::Planner::handle_idle).
    CloseUnused {
        /// The entry.
        entry: EntryId,
        /// The link.
        link: LinkId,
    },
    /// Look since when nobody uses this dedicated entry. To be answered by
    /// [`handle_idle`](super::Planner::handle_idle).
    LookWhetherIdle {
        /// The entry.
        entry: EntryId,
        /// Its link.
        link: LinkId,
    },
    /// This link leaves its entry, with nothing in its place: it takes no new command, and ends once all
    /// are answered. (A link that is replaced is told so by the worker that replaces it.)
    Retire {
        /// The link.
        link: LinkId,
    },
    /// Offer this job to the workers' queue. To be answered by exactly one of link up (whose entry is
    /// the job's), job failed, or queue full.
    Enqueue(Job),
    /// The job of this entry is to end soon, or not to be begun. To be answered like any job, by
    /// [`FailureKind::Withdrawn`] unless it has ended otherwise.
    Interrupt {
        /// The entry.
        entry: EntryId,
    },
    /// Work that would outlive this link is to end: its server may close it in min(1 s, a quarter of the
    /// announced time), or has announced no time at all.
    LastCall {
        /// The link.
        link: LinkId,
        /// When a link that still lives is out of danger.
        until: Instant,
    },
    /// Tell hooks, log and metrics.
    Publish {
        /// What the hooks are told, as it is.
        event: MaintenanceEvent,
        /// What the log says besides.
        why: Option<Why>,
    },
    /// Tell all links of `scope` that timeouts are relaxed until `until`, all windows considered. It
    /// replaces what a link was told before. Waits in progress may only be extended by it.
    Relax {
        /// Whom it concerns.
        scope: Scope,
        /// The end, tail included.
        until: Instant,
    },
    /// Ask the resolver, past every cache, without making anyone wait.
    Resolve {
        /// The name.
        host: String,
    },
}

impl Action {
    /// Publishes an event of which the log has nothing more to say than the hooks.
    pub(super) fn publish(event: MaintenanceEvent) -> Self {
        Self::Publish { event, why: None }
    }
}

impl From<Effect> for Action {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::BreakerClosed(endpoint) => Self::publish(MaintenanceEvent::BreakerChanged {
                endpoint,
                state: BreakerState::Closed,
            }),
            Effect::CheckLiveness => Self::CheckLiveness,
            Effect::Relax { scope, until } => Self::Relax { scope, until },
            Effect::WindowClosed(window) => Self::publish(MaintenanceEvent::WindowClosed(window)),
            Effect::WindowOpened(window) => Self::publish(MaintenanceEvent::WindowOpened(window)),
        }
    }
}

/// Whether a job replaces a link or fills a vacant entry.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum JobKind {
    /// The entry is vacant.
    Fill,
    /// The entry has a link, which serves until it is replaced.
    Move,
}

/// What a job dials.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Target {
    /// This address, under the configured name.
    Address(SocketAddr),
    /// The configured endpoint.
    Configured,
    /// A place that a server named.
    Announced(Endpoint),
}

/// A connection to make.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Job {
    /// For which entry.
    pub(crate) entry: EntryId,
    /// Whether the entry has a link meanwhile.
    pub(crate) kind: JobKind,
    /// What to dial.
    pub(crate) target: Target,
    /// Addresses that retire: to be dialled last, and a connection that is found to have reached one
    /// is closed again and reported as [`FailureKind::Retiring`].
    pub(crate) avoid: Vec<SocketAddr>,
    /// The address of the server that named the target: what it may name depends on that.
    pub(crate) origin: Option<IpAddr>,
    /// The handoff that led to the target, where one did.
    pub(crate) handoff: Option<HandoffId>,
    /// Where the address may still lead to the node that leaves: how to tell.
    pub(crate) front: Option<Front>,
    /// Whether a replica is of no use: a master is looked for.
    pub(crate) shuns_replicas: bool,
    /// When the connection should be established, so that there is time for another attempt.
    pub(crate) connect_by: Instant,
    /// When all must be done, handshake included.
    pub(crate) give_up: Instant,
}

/// How to tell whether a connection leads to the node that leaves: a server that has announced a MOVING
/// says so again to whoever asks for notifications.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Front {
    /// The number of the MOVING that shows it.
    pub(crate) seq: Option<i64>,
    /// How long to wait for it, once the server has agreed to announce its maintenance.
    pub(crate) patience: Duration,
    /// Whether a connection is good enough on which the server announces nothing.
    pub(crate) untold_will_do: bool,
}

/// A link that serves its entry from now on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LinkUp {
    /// The entry of the pool that it serves.
    pub(crate) entry: EntryId,
    /// Its own number, by which the planner tells it from the link before.
    pub(crate) link: LinkId,
    /// The address of the other side, if it has one.
    pub(crate) peer: Option<SocketAddr>,
    /// Whether the server agreed to announce its maintenance on it.
    pub(crate) opted_in: bool,
    /// What was dialled.
    pub(crate) via: Endpoint,
    /// Whether the server says that it is a replica, if it says what it is.
    pub(crate) is_replica: Option<bool>,
    /// All addresses that this resolved to, where it is a name.
    pub(crate) listed: Vec<IpAddr>,
}

/// How a job failed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct JobFailure {
    /// The address that was reached, if any.
    pub(crate) reached: Option<SocketAddr>,
    /// In which step.
    pub(crate) kind: FailureKind,
}

/// The step in which a job failed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum FailureKind {
    /// The client closes, or the system refused what the job needed. Says nothing about the endpoint.
    Closed,
    /// No connection.
    Dial,
    /// The name resolved to forbidden addresses only.
    Forbidden,
    /// The server has as many clients as it accepts.
    Full,
    /// A connection, but no agreement.
    Handshake,
    /// A replica, where a master was looked for.
    Replica,
    /// An agreement refused by any other error reply.
    Refused,
    /// Only an address that was to be avoided could be reached.
    Retiring,
    /// A front still leads to the node that leaves.
    StillThere,
    /// The server behind a front announces nothing, so nothing shows which one it is.
    Untold,
    /// The job was interrupted, or waited for a worker for too long. Says nothing about the endpoint, and
    /// counts nowhere.
    Withdrawn,
}

impl FailureKind {
    /// Whether the place was reached and does not take this connection.
    pub(crate) fn turns_away(self) -> bool {
        matches!(self, Self::Full | Self::Refused)
    }

    /// Whether it says that the endpoint is of no use.
    pub(crate) fn blames_endpoint(self) -> bool {
        matches!(self, Self::Dial | Self::Handshake)
    }

    /// Whether a good connection was made, only not to where it was to lead: no failure at all.
    pub(crate) fn is_too_early(self) -> bool {
        matches!(self, Self::Replica | Self::StillThere | Self::Untold)
    }
}

/// What the log says of an event, and the event does not.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Why {
    /// Why a handoff ended early.
    Abandoned(AbandonReason),
    /// How a dial failed.
    Failed(FailureKind),
}

/// Why a handoff ended early.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum AbandonReason {
    /// The client closes.
    Closed,
    /// The links it was to replace ended first; their entries are filled like any vacant entry.
    LinksGone,
    /// A newer notification says otherwise.
    Superseded,
}
