//! What is said of what happens: log lines, numbers, and events for the hooks. Runs on the coordinator's
//! thread, hands all of it over to `hitless-lane` and `hitless-hooks`, and waits for neither. Changes
//! nothing.
//!
//! The planner makes the events, in the public types: nothing is translated here. What hooks are not told
//! (why a handoff was given up, in which step a dial failed) goes to the log as [`Why`].
//!
//! Lines name a connection `<node>.<entry>`, as its reader thread is named, and a handoff by its node and
//! addresses.

use super::hooks::Hooks;
use super::inbox::Port;
use crate::error::Error;
use crate::events::{Handoff, MaintenanceEvent};
use crate::handoff::planner::Why;
use crate::ids::{ConnectionName, EntryId, NodeId};
use crate::lane::{Lane, say};
use crate::link::EndReason;
use std::fmt;

/// The coordinator has panicked; callers and readers are told by the end of their connections. The only
/// line at `error` beside that of a hook that panicked.
pub(super) fn died(lane: &Lane) {
    say!(
        lane,
        CLIENT,
        Error,
        "a thread of the client has panicked, which is a defect: the client is closed"
    );
}

/// A job has made no connection. At `debug`, because the planner tries again, and callers who wait get the
/// error itself.
pub(super) fn not_connected(port: &Port, entry: EntryId, error: &Error) {
    say!(
        port.lane,
        CONNECTION,
        Debug,
        "connection {}: no connection: {error}",
        port.name(entry)
    );
}

/// A connection that was replaced has ended, by the server or a fault, while it still answered what it had
/// been asked. Nobody else needs it: the entry has its successor.
pub(super) fn drained(port: &Port, entry: EntryId, reason: &EndReason) {
    say!(
        port.lane,
        CONNECTION,
        Debug,
        "connection {}: a replaced connection ended: {reason}",
        port.name(entry)
    );
}

/// A connection ended that nobody had replaced: commands in flight on it have failed.
pub(super) fn lost(port: &Port, entry: EntryId, reason: &EndReason) {
    say!(
        port.lane,
        CONNECTION,
        Info,
        "connection {}: lost a connection: {reason}",
        port.name(entry)
    );
}

/// The client closes while code of the user runs on a worker, which is left behind: it cannot be ended from
/// outside.
pub(super) fn policy_runs(lane: &Lane) {
    say!(
        lane,
        HANDOFF,
        Warn,
        "a target policy still runs; the thread of its worker ends with it"
    );
}

/// Counts an event, logs it and tells the hooks, in this order: a hook that reads the numbers finds the
/// event in them. On the coordinator's thread, which waits for none of them.
pub(super) fn publish(port: &Port, event: MaintenanceEvent, why: Option<Why>, hooks: &Hooks) {
    let lane = &port.lane;
    count(&event, port);
    note(&event, why, lane);
    hooks.publish(event);
}

/// Adds an event to the numbers of the client. Each event has one counter, as [`Stats`](crate::Stats) lists
/// them; the time of a move goes to the histogram too.
fn count(event: &MaintenanceEvent, port: &Port) {
    let counters = &port.counters;
    match event {
        MaintenanceEvent::BreakerChanged { .. } => counters.breaker_changes.count(),
        // Numbers before the line: whoever waits for the line may read them.
        MaintenanceEvent::ConnectionMoved { took, .. } => {
            counters.connections_moved.count();
            counters.move_times.record(*took);
            #[cfg(feature = "metrics")]
            port.lane.sample(*took);
        }
        // What was dialled for a vacant entry is no part of a handoff.
        MaintenanceEvent::DialFailed { serving: false, .. } => {}
        MaintenanceEvent::DialFailed { .. } => counters.handoff_dials_failed.count(),
        MaintenanceEvent::HandoffAbandoned(_) => counters.handoffs_abandoned.count(),
        MaintenanceEvent::HandoffCompleted(_) => counters.handoffs_completed.count(),
        MaintenanceEvent::HandoffFailed(..) => counters.handoffs_failed.count(),
        MaintenanceEvent::HandoffStarted(..) => counters.handoffs_started.count(),
        // A policy that refuses counts where it is asked, on a worker: it publishes nothing.
        MaintenanceEvent::TargetRefused { .. } => counters.targets_refused.count(),
        MaintenanceEvent::WindowClosed(_) => counters.windows_closed.count(),
        MaintenanceEvent::WindowOpened(_) => counters.windows_opened.count(),
    }
}

/// Writes the line of an event: `info` for what begins and ends well, `warn` for what the user should look
/// at, and `debug` for single connections. A move says three lines at `info`, however large the pool is.
fn note(event: &MaintenanceEvent, why: Option<Why>, lane: &Lane) {
    let name = |node: &NodeId, entry: &EntryId| ConnectionName {
        node: *node,
        entry: *entry,
    };
    let why = Reason(why);
    match event {
        // A warning also when it closes: whoever saw it open looks for that.
        MaintenanceEvent::BreakerChanged { endpoint, state } => {
            say!(lane, HANDOFF, Warn, "breaker of {endpoint}: {state:?}");
        }
        MaintenanceEvent::ConnectionMoved {
            node,
            connection,
            took,
            ..
        } => {
            let name = name(node, connection);
            say!(lane, HANDOFF, Debug, "connection {name}: moved in {took:?}");
        }
        MaintenanceEvent::DialFailed {
            node,
            connection,
            to,
            ..
        } => {
            let name = name(node, connection);
            say!(
                lane,
                CONNECTION,
                Debug,
                "connection {name}: no connection to {to}{why}"
            );
        }
        MaintenanceEvent::HandoffAbandoned(handoff) => {
            let about = describe(handoff);
            say!(lane, HANDOFF, Info, "handoff abandoned{why}: {about}");
        }
        MaintenanceEvent::HandoffCompleted(handoff) => {
            say!(
                lane,
                HANDOFF,
                Info,
                "handoff completed: {}",
                describe(handoff)
            );
        }
        // A warning: the server will close what is left, and commands in flight then fail.
        MaintenanceEvent::HandoffFailed(handoff, left) => {
            say!(
                lane,
                HANDOFF,
                Warn,
                "handoff ran out of time, {left} connections left: {}",
                describe(handoff)
            );
        }
        MaintenanceEvent::HandoffStarted(handoff, connections) => {
            say!(
                lane,
                HANDOFF,
                Info,
                "handoff of {connections} connections: {}",
                describe(handoff)
            );
        }
        MaintenanceEvent::TargetRefused { from, target } => {
            // A connection through a Unix socket has no address.
            let from = from.map_or_else(|| "a server".to_owned(), |from| from.to_string());
            say!(
                lane,
                HANDOFF,
                Warn,
                "{from} names {target}, which may not be dialled"
            );
        }
        // Lower than its beginning: nothing is to be done about it, and the handoff has its own line.
        MaintenanceEvent::WindowClosed(window) => {
            say!(
                lane,
                HANDOFF,
                Debug,
                "window of {} closed",
                window.maintenance
            );
        }
        MaintenanceEvent::WindowOpened(window) => {
            say!(
                lane,
                HANDOFF,
                Info,
                "window of {} opened: timeouts are relaxed",
                window.maintenance
            );
        }
    }
}

/// What only the log says of an event, behind what all are told: the step in which a dial failed, or why a
/// handoff was given up.
struct Reason(Option<Why>);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Why::Abandoned(why)) => write!(f, " ({why:?})"),
            Some(Why::Failed(step)) => write!(f, ": {step:?}"),
            None => Ok(()),
        }
    }
}

/// What a handoff is about, for the log: the notification, the node, both addresses and how far it came.
fn describe(handoff: &Handoff) -> String {
    // A MOVING may name no target, and then the name has to be looked up first.
    let place = |place: Option<String>| place.unwrap_or_else(|| "a place not yet known".to_owned());
    format!(
        "{} of node {} from {} to {}, {} moved after {:?}",
        handoff.maintenance,
        handoff.node,
        place(handoff.from.map(|from| from.to_string())),
        place(handoff.to.as_ref().map(ToString::to_string)),
        handoff.moved,
        handoff.took,
    )
}
