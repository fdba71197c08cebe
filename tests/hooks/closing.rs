//! What becomes of the handoffs in flight when a client is closed, and who is told.

use crate::support::{SOON, Tape, connect, now};
use hitless::sim::{Fault, Moving, Sim, Target};
use hitless::{Client, MaintenanceEvent, MaintenanceOptions};
use std::sync::Arc;
use std::time::Duration;

/// A client whose only connection is about to move, to a server with this fault.
fn on_the_move(fault: Fault) -> (Client, Arc<Tape>, Sim) {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.fault(b, fault);
    let tape = Tape::new();
    let client = connect(&sim, a, 1, MaintenanceOptions::new().hook(tape.clone()));
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
    assert!(sim.wait_until(SOON, |now| now.open_on(b) == 1));
    (client, tape, sim)
}

/// How many handoffs began, were completed and ended otherwise, as the hooks were told.
fn told(tape: &Tape) -> [usize; 3] {
    let mut counts = [0; 3];
    for event in tape.events() {
        match event {
            MaintenanceEvent::HandoffStarted(..) => counts[0] += 1,
            MaintenanceEvent::HandoffCompleted(..) => counts[1] += 1,
            MaintenanceEvent::HandoffAbandoned(..) | MaintenanceEvent::HandoffFailed(..) => {
                counts[2] += 1;
            }
            _ => {}
        }
    }
    counts
}

#[test]
fn a_handoff_that_is_about_to_end_is_let_end() {
    // A busy machine may need more than the close waits: so there are many tries.
    let ended_well = (0..50).any(|_| {
        let (client, tape, _sim) = on_the_move(Fault::Delay(Duration::from_millis(20)));
        client.close();
        let [started, completed, other] = told(&tape);
        assert_eq!((started, completed + other), (1, 1), "{:?}", tape.events());
        completed == 1
    });
    assert!(ended_well, "a close lets no handoff end");
}

#[test]
fn a_handoff_that_hangs_is_abandoned_and_told() {
    let (client, tape, _sim) = on_the_move(Fault::HangAfter(0));
    let start = now();
    client.close();
    assert!(now() - start < SOON / 3);
    assert_eq!(told(&tape), [1, 0, 1], "{:?}", tape.events());
    let stats = client.maintenance();
    assert_eq!(
        (stats.handoffs_started, stats.handoffs_abandoned),
        (1, 1),
        "{stats:?}"
    );
}
