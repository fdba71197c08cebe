//! What errors say of the maintenance in which they happen.

use crate::support::{SOON, Tape, connect, options, until};
use hitless::sim::{Fault, Moving, Sim, Target, Times};
use hitless::{
    Client, Commands, Delivery, Error, ErrorKind, MaintenanceEvent, MaintenanceOptions, Phase,
};
use std::time::Duration;

fn said(error: &Error) -> Option<String> {
    error
        .maintenance()
        .map(|maintenance| maintenance.to_string())
}

fn opened(event: &MaintenanceEvent) -> bool {
    matches!(event, MaintenanceEvent::WindowOpened(_))
}

/// A client that waits 1 s for a reply, in a window 1.5 s.
fn impatient(sim: &Sim, maintenance: MaintenanceOptions) -> Client {
    let maintenance = maintenance.relaxed_timeout(Duration::from_millis(1500));
    let options = options(sim, sim.node(0), 1, maintenance.post_handoff_relaxed(SOON));
    Client::connect(options.command_timeout(Duration::from_secs(1))).unwrap()
}

#[test]
fn a_timeout_during_a_move_names_it() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.fault(b, Fault::Refuse);
    let tape = Tape::new();
    let client = impatient(&sim, MaintenanceOptions::new().hook(tape.clone()));
    sim.set_next_seq(7);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
    tape.wait_event(opened);
    sim.fault(a, Fault::Silence);
    let error = client.set("key", "value").unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Timeout(Phase::AwaitReply));
    assert_eq!(
        (said(&error), error.delivery()),
        (Some("MOVING 7".into()), Delivery::Unknown)
    );
    assert!(error.to_string().ends_with("during MOVING 7"), "{error}");
    assert!(format!("{error:?}").contains("MOVING"), "{error:?}");
}

#[test]
fn a_connection_lost_during_a_failover_names_it() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let tape = Tape::new();
    let client = connect(&sim, a, 1, MaintenanceOptions::new().hook(tape.clone()));
    sim.set_next_seq(3);
    sim.failing_over(1, "1");
    tape.wait_event(opened);
    sim.fault_times(a, Fault::CloseUnexecuted, Times::Next(1));
    let error = client.set("key", "value").unwrap_err();
    assert_eq!(
        (error.kind(), said(&error)),
        (&ErrorKind::Io, Some("FAILING_OVER 3".into()))
    );
    assert!(
        error.to_string().ends_with("during FAILING_OVER 3"),
        "{error}"
    );
    let stats = client.maintenance();
    until(|| client.maintenance().connections_lost_in_window == 1);
    assert_eq!(stats.handoffs_started, 0);
}

#[test]
fn a_timeout_shortly_after_a_failover_still_names_it() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let tape = Tape::new();
    let client = impatient(&sim, MaintenanceOptions::new().hook(tape.clone()));
    sim.failing_over(1, "1");
    sim.failed_over("1");
    tape.wait_event(|event| matches!(event, MaintenanceEvent::WindowClosed(_)));
    sim.fault(a, Fault::Silence);
    let error = client.set("key", "value").unwrap_err();
    assert_eq!(said(&error), Some("FAILING_OVER 0".into()));
}

#[test]
fn an_error_outside_maintenance_names_none() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let client = impatient(&sim, MaintenanceOptions::new());
    sim.fault_times(a, Fault::CloseUnexecuted, Times::Next(1));
    let lost = client.set("key", "value").unwrap_err();
    assert_eq!((lost.kind(), said(&lost)), (&ErrorKind::Io, None));
    until(|| client.get::<Option<String>>("key").is_ok());
    sim.fault(a, Fault::Silence);
    let late = client.set("key", "value").unwrap_err();
    assert_eq!((late.is_timeout(), said(&late)), (true, None));
    assert!(!late.to_string().contains("during"), "{late}");
    assert_eq!(client.maintenance().connections_lost_in_window, 0);
}

#[test]
fn a_connection_that_cannot_be_made_during_a_failover_names_it() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let tape = Tape::new();
    let client = connect(&sim, a, 1, MaintenanceOptions::new().hook(tape.clone()));
    sim.failing_over(1, "1");
    tape.wait_event(opened);
    sim.retire(a);
    until(|| client.stats().connections_lost == 1);
    let error = client.set("key", "value").unwrap_err();
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert_eq!(said(&error), Some("FAILING_OVER 0".into()), "{error}");
}
