//! Which places a server may name (H1), and the user's say in it.

use crate::support::{Call, SOON, Tape, connect, fill, patient, until};
use hitless::sim::{Moving, Sim, Target};
use hitless::{Commands, MaintenanceEvent, TargetVerdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn h1_a_place_that_the_policy_denies_is_never_dialled() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let tape = Tape::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, denied) = (Arc::clone(&asked), sim.addr(b).to_string());
    let maintenance = patient()
        .hook(tape.clone())
        .handoff_timeout(Duration::from_secs(2))
        .target_policy(move |place| {
            assert_eq!(place.to_string(), denied);
            count.fetch_add(1, Ordering::Relaxed);
            TargetVerdict::Deny
        });
    let client = connect(&sim, a, 4, maintenance);
    fill(&sim, a, &client, 2);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(2));
    tape.wait_event(|event| matches!(event, MaintenanceEvent::HandoffFailed(..)));
    let stats = client.maintenance();
    assert_eq!(
        (stats.targets_refused, asked.load(Ordering::Relaxed)),
        (1, 1)
    );
    assert_eq!(stats.hook_panics, 0);
    client.set("key", "value").unwrap();
    assert!(sim.connections().iter().all(|one| one.node == a));
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(a) == 2));
    // New connections go to the configured place, and so do those that replace a lost one.
    for one in sim.connections() {
        sim.kill(one.id);
    }
    until(|| client.get::<String>("key").is_ok());
    assert!(sim.connections().iter().all(|one| one.node == a));
}

#[test]
fn h1_a_lost_connection_is_replaced_while_the_named_place_is_denied() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let maintenance = patient().target_policy(|_| TargetVerdict::Deny);
    let client = connect(&sim, a, 2, maintenance);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
    until(|| client.maintenance().targets_refused > 0);
    sim.kill(sim.connections()[0].id);
    until(|| client.stats().connections_lost == 1);
    // One command, no second try by the caller.
    client.set("key", "value").unwrap();
    assert!(sim.connections().iter().all(|one| one.node == a));
}

#[test]
fn h1_a_policy_that_panics_denies() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let maintenance = patient().target_policy(|_| panic!("a clumsy policy, on purpose"));
    let client = connect(&sim, a, 2, maintenance);
    fill(&sim, a, &client, 2);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
    until(|| client.maintenance().targets_refused > 0);
    until(|| {
        let panics = client.stats().user_panics;
        panics > 0 && panics == client.maintenance().targets_refused
    });
    assert_eq!(client.maintenance().hook_panics, 0, "a policy is no hook");
    client.set("key", "value").unwrap();
    assert!(sim.connections().iter().all(|one| one.node == a));
}

#[test]
fn h1_places_that_are_no_host_are_refused_whatever_the_policy_says() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let (tape, asked) = (Tape::new(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    let maintenance = patient().hook(tape.clone()).target_policy(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        TargetVerdict::Allow
    });
    let client = connect(&sim, a, 1, maintenance);
    let places = [
        "169.254.169.254:80",
        "[fe80::1]:6379",
        "0.0.0.0:6379",
        "224.0.0.1:6379",
        "255.255.255.255:6379",
        "[::ffff:169.254.169.254]:6379",
    ];
    for (place, count) in places.iter().zip(1..) {
        sim.start_moving(Moving::new(a, Target::Text((*place).to_owned())).announce(30));
        until(|| client.maintenance().targets_refused == count);
    }
    let refused = |event: &MaintenanceEvent| matches!(event, MaintenanceEvent::TargetRefused { from, .. } if *from == Some(sim.addr(a)));
    tape.wait(|calls| {
        let is = |call: &&Call| matches!(call, Call::Event(event) if refused(event));
        calls.iter().filter(is).count() == places.len()
    });
    assert_eq!(client.maintenance().handoffs_started, 0);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    client.set("key", "value").unwrap();
}

#[test]
fn h1_a_refused_place_is_reported_once_however_many_connections_are_told() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let tape = Tape::new();
    let client = connect(&sim, a, 4, patient().hook(tape.clone()));
    fill(&sim, a, &client, 4);
    sim.start_moving(Moving::new(a, Target::Text("169.254.169.254:80".into())).announce(30));
    sim.migrating(1, "1");
    tape.wait_brief("after MIGRATING 1 Acted");
    until(|| client.stats().notifications == 8);
    until(|| {
        client.maintenance().notifications_acted + client.maintenance().notifications_duplicate >= 4
    });
    let refused =
        |event: &&MaintenanceEvent| matches!(event, MaintenanceEvent::TargetRefused { .. });
    assert_eq!(tape.events().iter().filter(refused).count(), 1);
}
