//! Moves to places that refuse, are full or say nothing: what they cost, and what they do not.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::{SOON, fill, options};
use hitless::sim::{CloseCause, Fault, Moving, Node, Sim, Target};
use hitless::{
    BreakerState, Client, Commands, Delivery, MaintenanceEvent, MaintenanceOptions,
    NotificationHook, Options,
};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// Passes on what happens.
struct Reporter(Sender<MaintenanceEvent>);

impl NotificationHook for Reporter {
    fn event(&self, event: &MaintenanceEvent) {
        // Whoever listened may have heard enough.
        let _ = self.0.send(event.clone());
    }
}

/// A pool that has all its connections, and what happens in it.
fn full(
    options: Options,
    size: usize,
    maintenance: MaintenanceOptions,
) -> (Client, Receiver<MaintenanceEvent>) {
    let (sender, events) = channel();
    let maintenance = maintenance.hook(Arc::new(Reporter(sender)));
    let options = options
        .pool_size(size)
        .max_in_flight(1)
        .maintenance(maintenance);
    let client = Client::connect(options).unwrap();
    fill(&client, size);
    (client, events)
}

/// Waits until so many such events have come.
#[track_caller]
fn hear(
    events: &Receiver<MaintenanceEvent>,
    mut count: usize,
    which: impl Fn(&MaintenanceEvent) -> bool,
) {
    let deadline = Instant::now() + SOON;
    while count > 0 {
        let left = deadline.saturating_duration_since(Instant::now());
        let event = events.recv_timeout(left).expect("such an event");
        count -= usize::from(which(&event));
    }
}

/// How the connections to a node were closed.
fn ends(sim: &Sim, node: Node) -> Vec<Option<CloseCause>> {
    let all = sim.connections().into_iter();
    all.filter(|one| one.node == node)
        .map(|one| one.closed.map(|(_, cause)| cause))
        .collect()
}

#[test]
fn a_silent_target_and_a_loss_cost_no_service_while_the_old_address_listens() {
    // A dial of the move may take longer than a caller waits.
    let maintenance = || {
        MaintenanceOptions::new()
            .handoff_timeout(Duration::from_secs(90))
            .max_jitter(Duration::ZERO)
    };
    for size in [1, 3] {
        let sim = Sim::builder().start().unwrap();
        let [a, b] = [sim.node(0), sim.node(1)];
        let options = options(&sim, a).checkout_timeout(SOON / 2);
        let (client, _events) = full(options, size, maintenance());
        sim.fault(b, Fault::Silence);
        let moving = Moving::new(a, Target::Node(b)).announce(300);
        sim.start_moving(moving.close_after(SOON * 30));
        assert!(
            sim.wait_until(SOON, |now| now.open_on(b) == 1),
            "the move hangs"
        );
        for id in 1..=size as u64 {
            sim.kill(id);
        }
        // What the close has hit may have run; nothing after that fails.
        while let Err(error) = client.ping() {
            assert_eq!(error.delivery(), Delivery::Unknown, "{error}");
        }
        client.set("key", "value").unwrap();
        let dialled = sim.connections();
        assert!(
            dialled.iter().any(|one| one.node == b),
            "the target was tried"
        );
    }
}

#[test]
fn a_full_target_costs_a_few_dials_and_no_connection() {
    const SLOTS: usize = 4;
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let maintenance = MaintenanceOptions::new()
        .handoff_timeout(Duration::from_secs(2))
        .handoff_concurrency(1);
    let (client, events) = full(options(&sim, a), SLOTS, maintenance);
    sim.fault(b, Fault::MaxClients);
    let moving = Moving::new(a, Target::Node(b)).announce(2);
    sim.start_moving(moving.close_after(SOON * 2));
    hear(
        &events,
        1,
        |event| matches!(event, MaintenanceEvent::HandoffFailed(_, left) if *left > 0),
    );
    let stats = client.stats();
    let dials = stats.dials_failed + stats.connections_opened - SLOTS as u64;
    assert!(dials <= 2 * SLOTS as u64 + 12, "{stats:?}");
    assert!(stats.dials_failed >= 3, "{stats:?}");
    assert_eq!(stats.connections_moved, 0, "{stats:?}");
    client.set("key", "value").unwrap();
}

#[test]
fn a_target_that_recovers_in_the_announced_time_takes_all_before_the_close() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let maintenance = MaintenanceOptions::new().breaker_threshold(2);
    let (client, events) = full(options(&sim, a), 6, maintenance);
    sim.fault(b, Fault::Refuse);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(8));
    hear(&events, 1, |event| {
        let MaintenanceEvent::BreakerChanged { state, .. } = event else {
            return false;
        };
        *state == BreakerState::Open
    });
    sim.clear_faults(b).unwrap();
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(b) == 6 && now.open_on(a) == 0));
    let by_client = |end: &Option<CloseCause>| matches!(end, Some(CloseCause::Client));
    assert!(ends(&sim, a).iter().all(by_client), "{:?}", ends(&sim, a));
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn an_idle_minimum_comes_back_after_an_outage_of_any_length() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let (sender, events) = channel();
    let maintenance = MaintenanceOptions::new().hook(Arc::new(Reporter(sender)));
    let options = options(&sim, a).pool_size(4).min_connections(2);
    let _client = Client::connect(options.maintenance(maintenance)).unwrap();
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(a) == 2));
    sim.fault(a, Fault::Refuse);
    let open: Vec<u64> = (sim.connections().iter())
        .filter(|one| one.is_open())
        .map(|one| one.id)
        .collect();
    assert!(open.into_iter().all(|id| sim.kill(id)));
    // Nobody needs a connection, and nothing can be reached.
    hear(&events, 8, |event| {
        matches!(event, MaintenanceEvent::DialFailed { .. })
    });
    sim.clear_faults(a).unwrap();
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 2));
}
