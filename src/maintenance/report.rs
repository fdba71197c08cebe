//! What the conductor publishes, in the user's words: log lines, events, numbers. Changes nothing.

use super::hooks::Hooks;
use crate::counters::Counters;
use crate::handoff::breaker;
use crate::handoff::conductor::{Event, JobKind, OperationReport, Trigger as Cause};
use crate::handoff::windows::{Cause as WindowCause, Family, Window};
use crate::options::{BreakerState, Handoff, MaintenanceEvent, Trigger};
use crate::protocol::Maintenance;

/// The name under which users know the start of a window.
pub(super) fn maintenance(cause: WindowCause) -> Maintenance {
    let name = match cause.family {
        Family::Failover => "FAILING_OVER",
        Family::Migration => "MIGRATING",
        Family::Moving => "MOVING",
        Family::SlotMigration => "SMIGRATING",
    };
    Maintenance {
        name,
        seq: cause.seq,
    }
}

pub(super) fn handoff(report: &OperationReport) -> Handoff {
    Handoff {
        id: report.id,
        trigger: match report.trigger {
            Cause::DnsGone => Trigger::DnsGone,
            Cause::Push => Trigger::Push,
        },
        maintenance: maintenance(report.cause),
        from: report.from,
        to: report.to.clone(),
        moved: report.moved,
        took: report.took,
    }
}

pub(super) fn breaker_state(state: breaker::BreakerState) -> BreakerState {
    match state {
        breaker::BreakerState::Closed => BreakerState::Closed,
        breaker::BreakerState::HalfOpen => BreakerState::HalfOpen,
        breaker::BreakerState::Open => BreakerState::Open,
    }
}

/// Logs an event, counts it and tells the hooks.
pub(super) fn publish(event: Event, counters: &Counters, hooks: &Hooks) {
    note(&event, counters);
    hooks.publish(|| translate(event));
}

fn note(event: &Event, counters: &Counters) {
    match event {
        Event::BreakerChanged { endpoint, state } => {
            counters.breaker_changes.count();
            log::warn!("breaker of {endpoint}: {:?}", breaker_state(*state));
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
            log::debug!("slot {slot}: no connection to {to}: {:?}", failure.kind);
        }
        Event::OperationAbandoned { operation, why } => {
            counters.operations_abandoned.count();
            log::info!("handoff abandoned ({why:?}): {}", describe(operation));
        }
        Event::OperationCompleted { operation } => {
            counters.operations_completed.count();
            log::info!("handoff completed: {}", describe(operation));
        }
        Event::OperationFailed { operation, left } => {
            counters.operations_failed.count();
            log::warn!(
                "handoff ran out of time, {left} slots left: {}",
                describe(operation)
            );
        }
        Event::OperationStarted { operation, slots } => {
            counters.operations_started.count();
            log::info!("handoff of {slots} slots: {}", describe(operation));
        }
        Event::SlotMoved { slot, took, .. } => {
            counters.handoffs.count();
            counters.handoff_times.record(*took);
            log::debug!("slot {slot}: moved in {took:?}");
        }
        Event::TargetRefused { from, target, .. } => {
            counters.targets_refused.count();
            let from = from.map_or_else(|| "a server".to_owned(), |from| from.to_string());
            log::warn!("{from} names {target}, which may not be dialled");
        }
        Event::WindowClosed(window) => {
            counters.windows_closed.count();
            log::debug!("window of {} closed", maintenance(window.cause));
        }
        Event::WindowOpened(window) => {
            counters.windows_opened.count();
            log::info!(
                "window of {} opened: timeouts are relaxed",
                maintenance(window.cause)
            );
        }
    }
}

fn translate(event: Event) -> MaintenanceEvent {
    let cause = |window: &Window| maintenance(window.cause);
    match event {
        Event::BreakerChanged { endpoint, state } => MaintenanceEvent::BreakerChanged {
            endpoint,
            state: breaker_state(state),
        },
        Event::JobFailed { slot, kind, to, .. } => MaintenanceEvent::DialFailed {
            slot,
            to,
            serving: kind == JobKind::Move,
        },
        Event::OperationAbandoned { operation, .. } => {
            MaintenanceEvent::HandoffAbandoned(handoff(&operation))
        }
        Event::OperationCompleted { operation } => {
            MaintenanceEvent::HandoffCompleted(handoff(&operation))
        }
        Event::OperationFailed { operation, left } => {
            MaintenanceEvent::HandoffFailed(handoff(&operation), left)
        }
        Event::OperationStarted { operation, slots } => {
            MaintenanceEvent::HandoffStarted(handoff(&operation), slots)
        }
        Event::SlotMoved {
            slot,
            from,
            to,
            took,
        } => MaintenanceEvent::SlotMoved {
            slot,
            from,
            to,
            took,
        },
        Event::TargetRefused { from, target, .. } => {
            MaintenanceEvent::TargetRefused { from, target }
        }
        Event::WindowClosed(window) => MaintenanceEvent::WindowClosed(cause(&window)),
        Event::WindowOpened(window) => MaintenanceEvent::WindowOpened(cause(&window)),
    }
}

/// What a handoff is about, for the log.
fn describe(operation: &OperationReport) -> String {
    let place = |place: Option<String>| place.unwrap_or_else(|| "a place not yet known".to_owned());
    format!(
        "{} from {} to {}, {} moved after {:?}",
        maintenance(operation.cause),
        place(operation.from.map(|from| from.to_string())),
        place(operation.to.as_ref().map(ToString::to_string)),
        operation.moved,
        operation.took,
    )
}
