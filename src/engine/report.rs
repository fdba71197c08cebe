//! What the planner publishes, in the user's words: log lines, events, numbers. Changes nothing.

use super::hooks::Hooks;
use super::inbox::Port;
use crate::error::Error;
use crate::events::{Handoff, MaintenanceEvent};
use crate::handoff::planner::{Event, JobKind};
use crate::ids::{EntryId, NodeId};
use crate::lane::{Lane, say};
use crate::link::EndReason;
use std::time::Instant;

/// A handoff of this node: its planner does not know which node it plans for.
pub(super) fn of_node(node: NodeId, handoff: Handoff) -> Handoff {
    Handoff { node, ..handoff }
}

/// The coordinator has panicked; the others are told by the end of their connections.
pub(super) fn died(lane: &Lane) {
    say!(
        lane,
        CLIENT,
        Error,
        "a thread of the client has panicked, which is a defect: the client is closed"
    );
}

/// The first connection of a slot could not be made.
pub(super) fn not_connected(port: &Port, slot: EntryId, error: &Error) {
    say!(
        port.lane,
        CONNECTION,
        Debug,
        "connection {}: no connection: {error}",
        port.name(slot)
    );
}

/// A connection that was replaced has ended while it answered what it had been asked.
pub(super) fn drained(port: &Port, slot: EntryId, reason: &EndReason) {
    say!(
        port.lane,
        CONNECTION,
        Debug,
        "connection {}: a replaced connection ended: {reason}",
        port.name(slot)
    );
}

/// A connection ended that nobody had replaced.
pub(super) fn lost(port: &Port, slot: EntryId, reason: &EndReason) {
    say!(
        port.lane,
        CONNECTION,
        Info,
        "connection {}: lost a connection: {reason}",
        port.name(slot)
    );
}

/// The client closes while code of the user runs on a worker, which is left behind.
pub(super) fn policy_runs(lane: &Lane) {
    say!(
        lane,
        HANDOFF,
        Warn,
        "a target policy still runs; the thread of its worker ends with it"
    );
}

/// Logs an event, counts it and tells the hooks.
pub(super) fn publish(now: Instant, port: &Port, event: Event, hooks: &Hooks) {
    note(&event, port);
    hooks.publish(|| translate(now, port.node, event));
}

fn note(event: &Event, port: &Port) {
    let (counters, lane) = (&port.counters, &port.lane);
    match event {
        Event::BreakerChanged { endpoint, state } => {
            counters.breaker_changes.count();
            say!(lane, HANDOFF, Warn, "breaker of {endpoint}: {:?}", state);
        }
        Event::JobFailed {
            slot,
            kind,
            to,
            failure,
        } => {
            if *kind == JobKind::Move {
                counters.handoff_dials_failed.count();
            }
            say!(
                lane,
                CONNECTION,
                Debug,
                "connection {}: no connection to {to}: {:?}",
                port.name(*slot),
                failure.kind
            );
        }
        Event::HandoffAbandoned {
            handoff: operation,
            why,
        } => {
            counters.handoffs_abandoned.count();
            say!(
                lane,
                HANDOFF,
                Info,
                "handoff abandoned ({why:?}): {}",
                describe(port, operation)
            );
        }
        Event::HandoffCompleted { handoff: operation } => {
            counters.handoffs_completed.count();
            say!(
                lane,
                HANDOFF,
                Info,
                "handoff completed: {}",
                describe(port, operation)
            );
        }
        Event::HandoffFailed {
            handoff: operation,
            left,
        } => {
            counters.handoffs_failed.count();
            say!(
                lane,
                HANDOFF,
                Warn,
                "handoff ran out of time, {left} connections left: {}",
                describe(port, operation)
            );
        }
        Event::HandoffStarted {
            handoff: operation,
            slots,
        } => {
            counters.handoffs_started.count();
            say!(
                lane,
                HANDOFF,
                Info,
                "handoff of {slots} connections: {}",
                describe(port, operation)
            );
        }
        Event::SlotMoved { slot, took, .. } => {
            counters.connections_moved.count();
            counters.move_times.record(*took);
            #[cfg(feature = "metrics")]
            lane.sample(*took);
            say!(
                lane,
                HANDOFF,
                Debug,
                "connection {}: moved in {took:?}",
                port.name(*slot)
            );
        }
        Event::TargetRefused { from, target, .. } => {
            counters.targets_refused.count();
            let from = from.map_or_else(|| "a server".to_owned(), |from| from.to_string());
            say!(
                lane,
                HANDOFF,
                Warn,
                "{from} names {target}, which may not be dialled"
            );
        }
        Event::WindowClosed(window) => {
            counters.windows_closed.count();
            say!(
                lane,
                HANDOFF,
                Debug,
                "window of {} closed",
                window.cause.maintenance()
            );
        }
        Event::WindowOpened(window) => {
            counters.windows_opened.count();
            say!(
                lane,
                HANDOFF,
                Info,
                "window of {} opened: timeouts are relaxed",
                window.cause.maintenance()
            );
        }
    }
}

fn translate(now: Instant, node: NodeId, event: Event) -> MaintenanceEvent {
    match event {
        Event::BreakerChanged { endpoint, state } => {
            MaintenanceEvent::BreakerChanged { endpoint, state }
        }
        Event::JobFailed { slot, kind, to, .. } => MaintenanceEvent::DialFailed {
            node,
            connection: slot,
            to,
            serving: kind == JobKind::Move,
        },
        Event::HandoffAbandoned {
            handoff: operation, ..
        } => MaintenanceEvent::HandoffAbandoned(of_node(node, operation)),
        Event::HandoffCompleted { handoff: operation } => {
            MaintenanceEvent::HandoffCompleted(of_node(node, operation))
        }
        Event::HandoffFailed {
            handoff: operation,
            left,
        } => MaintenanceEvent::HandoffFailed(of_node(node, operation), left),
        Event::HandoffStarted {
            handoff: operation,
            slots,
        } => MaintenanceEvent::HandoffStarted(of_node(node, operation), slots),
        Event::SlotMoved {
            slot,
            from,
            to,
            took,
        } => MaintenanceEvent::ConnectionMoved {
            node,
            connection: slot,
            from,
            to,
            took,
        },
        Event::TargetRefused { from, target, .. } => {
            MaintenanceEvent::TargetRefused { from, target }
        }
        Event::WindowClosed(window) => MaintenanceEvent::WindowClosed(window.told(now)),
        Event::WindowOpened(window) => MaintenanceEvent::WindowOpened(window.told(now)),
    }
}

/// What a handoff is about, for the log.
fn describe(port: &Port, operation: &Handoff) -> String {
    let place = |place: Option<String>| place.unwrap_or_else(|| "a place not yet known".to_owned());
    format!(
        "{} of node {} from {} to {}, {} moved after {:?}",
        operation.maintenance,
        port.node,
        place(operation.from.map(|from| from.to_string())),
        place(operation.to.as_ref().map(ToString::to_string)),
        operation.moved,
        operation.took,
    )
}
