//! What a user is told of maintenance, and how one steers it. Calls nothing itself, and stands below the I/O
//! line: the planner speaks of handoffs, breakers and causes in these very types.

use crate::ids::{EntryId, HandoffId, NodeId};
use crate::protocol::{Endpoint, Maintenance, Notification};
use std::net::SocketAddr;
use std::time::Duration;

/// A notification as it came, before anything was done about it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Notice {
    /// What the server said.
    pub notification: Notification,
    /// The address of the server that said it, on the connection whose copy came first.
    pub peer: Option<SocketAddr>,
    /// What that connection had been dialled as.
    pub endpoint: Endpoint,
}

/// What a hook wants done with a notification.
///
/// ```
/// use hitless::{Notice, Notification, NotificationHook, Reaction};
///
/// /// Moves nothing while a batch runs that must not be disturbed.
/// struct NotNow(fn() -> bool);
///
/// impl NotificationHook for NotNow {
///     fn before(&self, notice: &Notice) -> Reaction {
///         match notice.notification {
///             Notification::Moving { .. } if (self.0)() => Reaction::Skip,
///             _ => Reaction::Continue,
///         }
///     }
/// }
/// # let _ = NotNow(|| false);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reaction {
    /// The usual.
    #[default]
    Continue,
    /// The usual, with this notification in its place.
    Replace(Notification),
    /// Nothing: the notification and its copies are forgotten.
    Skip,
}

/// What was done with a notification.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Treatment {
    /// It was acted upon.
    Acted,
    /// It said again what was known.
    Duplicate,
    /// It named a place that may not be dialled, and was not acted upon.
    Refused,
    /// A hook wanted nothing done.
    Skipped,
    /// It came from a connection that had been replaced meanwhile.
    Stale,
}

/// Watches and steers maintenance.
///
/// Hooks run on a thread of their own, `hitless-hooks`, in the order in which they were added, with
/// no lock held: they may call the client, add hooks, or drop the client. There is one call for each
/// event of the server, not for each connection that was told of it. A hook that panics is counted
/// ([`MaintenanceStats::hook_panics`](crate::MaintenanceStats::hook_panics)) and treated as if it had
/// done nothing. A hook that takes longer than
/// [`MaintenanceOptions::hook_timeout`](crate::MaintenanceOptions::hook_timeout) over
/// [`before`](Self::before) is no longer waited for.
///
/// ```
/// use hitless::{MaintenanceEvent, NotificationHook};
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// /// Counts the moves that have succeeded.
/// #[derive(Default)]
/// struct Moves(AtomicUsize);
///
/// impl NotificationHook for Moves {
///     fn event(&self, event: &MaintenanceEvent) {
///         if let MaintenanceEvent::HandoffCompleted(handoff) = event {
///             self.0.fetch_add(1, Ordering::Relaxed);
///             println!("{} connections moved in {:?}", handoff.moved, handoff.took);
///         }
///     }
/// }
/// # let _ = Moves::default();
/// ```
pub trait NotificationHook: Send + Sync {
    /// Called before a notification is acted upon; may change it, or let it be forgotten. Every hook
    /// sees what the hooks before it have made of it.
    fn before(&self, notice: &Notice) -> Reaction {
        let _ = notice;
        Reaction::Continue
    }

    /// Called when a notification was dealt with.
    fn after(&self, notice: &Notice, treatment: Treatment) {
        let _ = (notice, treatment);
    }

    /// Called when something about a handoff, a window or a breaker changes. Events that come faster
    /// than hooks handle them are dropped, the oldest first, and counted
    /// ([`MaintenanceStats::events_dropped`](crate::MaintenanceStats::events_dropped)).
    fn event(&self, event: &MaintenanceEvent) {
        let _ = event;
    }
}

/// What started a handoff.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Trigger {
    /// The configured name no longer gives the address, after a migration.
    DnsGone,
    /// A notification.
    Push,
}

/// How far a handoff has come.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum HandoffStage {
    /// Not begun: it lets a random pause pass, or half of the announced time, or it does not know yet
    /// where to go.
    Waiting,
    /// One connection at a time, to see whether the new place can be reached.
    Probing,
    /// The new place was reached: all connections go there.
    Spreading,
    /// Over. What [`MaintenanceStats::handoffs`](crate::MaintenanceStats::handoffs) lists is not; the
    /// events of its end are in this stage.
    Ended,
}

/// The move of all connections away from one address.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Handoff {
    /// Its number in the life of its node.
    pub id: HandoffId,
    /// The node whose connections move.
    pub node: NodeId,
    /// What started it.
    pub trigger: Trigger,
    /// The notification that started it: a `MOVING`, or the `MIGRATED` after which the configured
    /// name ceased to list the address ([`Trigger::DnsGone`]).
    pub maintenance: Maintenance,
    /// How far it has come.
    pub stage: HandoffStage,
    /// The address that goes away, if it is known.
    pub from: Option<SocketAddr>,
    /// Where the connections go, if it is known.
    pub to: Option<Endpoint>,
    /// How many connections have moved.
    pub moved: usize,
    /// How many connections have yet to move, those on the move included.
    pub connections_left: usize,
    /// How long until the server may close the old connections: what is left of the announced time,
    /// or, after a `MIGRATED`, of the time that servers have been seen to take. Zero once that is
    /// over; the handoff may go on a little longer.
    pub time_left: Duration,
    /// How long it has been going on.
    pub took: Duration,
}

/// Which connections have their timeouts relaxed by a window.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum WindowScope {
    /// All connections of the client.
    Database,
    /// The connections to this address. Where several addresses announce the same event, this is the
    /// first of them, and all are relaxed.
    Peer(SocketAddr),
}

/// A time in which timeouts are relaxed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MaintenanceWindow {
    /// The notification that opened it.
    pub maintenance: Maintenance,
    /// Which connections it concerns.
    pub scope: WindowScope,
    /// How long until it ends if nothing ends or extends it before; zero once it has ended. Timeouts
    /// stay relaxed for [`MaintenanceOptions::post_handoff_relaxed`](crate::MaintenanceOptions::post_handoff_relaxed)
    /// beyond that.
    pub time_left: Duration,
}

/// The state of a circuit breaker.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum BreakerState {
    /// Dials go ahead.
    Closed,
    /// A few dials go ahead, to see whether the place answers again.
    HalfOpen,
    /// No dials for a while: too many failed in a row.
    Open,
}

/// Something about a handoff, a window or a breaker.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum MaintenanceEvent {
    /// A breaker changed.
    BreakerChanged {
        /// The endpoint that the breaker guards.
        endpoint: Endpoint,
        /// Its new state.
        state: BreakerState,
    },
    /// A connection could not be made. The old one, if there is one, serves on.
    DialFailed {
        /// The node that it was for.
        node: NodeId,
        /// The number of its place in the pool.
        connection: EntryId,
        /// What was dialled.
        to: Endpoint,
        /// Whether there is an old connection that serves meanwhile.
        serving: bool,
    },
    /// A handoff ended early: its connections ended first, a newer notification took its place, or the
    /// client was closed.
    HandoffAbandoned(Handoff),
    /// All connections have moved.
    HandoffCompleted(Handoff),
    /// The time was over; so many connections have not moved, and serve while they last.
    HandoffFailed(Handoff, usize),
    /// A handoff begins, of so many connections.
    HandoffStarted(Handoff, usize),
    /// A connection was replaced by one to another place. A handoff is over when all have moved.
    ConnectionMoved {
        /// The node that it belongs to.
        node: NodeId,
        /// The number of its place in the pool, which the new connection takes.
        connection: EntryId,
        /// The address before.
        from: Option<SocketAddr>,
        /// The address now.
        to: Option<SocketAddr>,
        /// From the first attempt until the swap.
        took: Duration,
    },
    /// A server named a place that may not be dialled.
    TargetRefused {
        /// The server.
        from: Option<SocketAddr>,
        /// The place.
        target: Endpoint,
    },
    /// A window ended; timeouts stay relaxed for
    /// [`MaintenanceOptions::post_handoff_relaxed`](crate::MaintenanceOptions::post_handoff_relaxed).
    WindowClosed(MaintenanceWindow),
    /// A window opened: timeouts are relaxed.
    WindowOpened(MaintenanceWindow),
}
