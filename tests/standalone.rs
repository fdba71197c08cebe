//! Drills of a standalone database whose maintenance takes its time, and of pools that are large.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;
#[path = "pitfalls/support.rs"]
#[allow(dead_code, reason = "shared with the drills of pitfalls")]
mod support;

use common::{SOON, by_name, eventually, options, within};
use hitless::sim::{Happened, Happening, Moving, Sim, Target};
use hitless::{MaintenanceEvent, MaintenanceOptions, Notification, Trigger, WindowScope};
use std::sync::Arc;
use std::time::Duration;
use support::{Watch, all_at, alone, full, ms, peers, under_load};

/// Waits until something has happened; yields when.
#[track_caller]
fn happened(sim: &Sim, which: impl Fn(&Happening) -> bool) -> std::time::Instant {
    let matches = |one: &&Happened| which(&one.what);
    let limit = Duration::from_secs(60);
    assert!(sim.wait_until(limit, |now| now.timeline().iter().any(|one| matches(&one))));
    sim.timeline().iter().find(matches).unwrap().at
}

#[test]
fn a_proxy_of_several_that_closes_without_a_moving_costs_busy_connections_nothing() {
    const POOL: usize = 6;
    let _alone = alone();
    // The client asks the name 2, 5, 10 and 20 s after MIGRATED, in real time. The measured times,
    // three fifths as long: the name drops the proxy after 2.9 s, which closes after 10.9 s.
    let sim = Sim::builder()
        .nodes(2)
        .advertised(2)
        .time_scale(0.6)
        .start()
        .unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let watch = Arc::new(Watch::default());
    let maintenance = MaintenanceOptions::new().hook(watch.clone());
    let client = full(by_name(&sim).maintenance(maintenance), POOL);
    assert!(all_at(&client, sim.addr(a), POOL), "{:?}", peers(&client));
    let (moved, tally) = under_load(&client, 8, Some(ms(1)), || {
        sim.multi_proxy(a);
        happened(&sim, |what| matches!(what, Happening::Migrated(_)));
        eventually("the pool is at the proxy that stays", || {
            all_at(&client, sim.addr(b), POOL)
        });
        assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
        let moved = std::time::Instant::now();
        let closed = happened(
            &sim,
            |what| matches!(what, Happening::Retired(node, _) if *node == a),
        );
        assert!(moved < closed, "it was {:?} too late", moved - closed);
        moved
    });
    assert!(tally.errors.is_empty(), "{tally:?}");
    assert!(
        tally.commands > 1000,
        "the connections were busy: {tally:?}"
    );
    let retired = |one: &Happened| matches!(one.what, Happening::Retired(_, 0)) && one.at > moved;
    assert!(
        sim.timeline().iter().any(retired),
        "nothing was left to close: {:?}",
        sim.timeline()
    );
    let stats = client.stats();
    assert_eq!(
        (stats.connections_lost, stats.commands_unknown),
        (0, 0),
        "{stats:?}"
    );
    let migrated = watch.before().iter().find_map(|said| match said {
        Notification::Migrated { seq, .. } => *seq,
        _ => None,
    });
    assert!(migrated.is_some(), "{watch:?}");
    let gone = |event: &MaintenanceEvent| {
        matches!(event, MaintenanceEvent::HandoffStarted(one, POOL)
            if one.trigger == Trigger::DnsGone && one.from == Some(sim.addr(a))
                && one.maintenance.name == "MIGRATED" && one.maintenance.seq == migrated)
    };
    assert_eq!(watch.count(gone), 1, "{:?}", watch.events());
    let relaxed = |event: &MaintenanceEvent| {
        matches!(event, MaintenanceEvent::WindowOpened(window)
            if window.maintenance.name == "MIGRATED" && window.maintenance.seq == migrated
                && window.scope == WindowScope::Peer(sim.addr(a)))
    };
    assert_eq!(watch.count(relaxed), 1, "{:?}", watch.events());
    let told = |event: &MaintenanceEvent| match event {
        MaintenanceEvent::HandoffStarted(one, _) => one.maintenance.name == "MOVING",
        MaintenanceEvent::WindowOpened(window) => window.maintenance.name == "MOVING",
        _ => false,
    };
    assert_eq!(watch.count(told), 0, "nobody has said so: {watch:?}");
}

#[test]
fn five_hundred_connections_move_through_a_queue_of_two() {
    const POOL: usize = 500;
    let _alone = alone();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let maintenance = MaintenanceOptions::new().queue_size(2);
    let start = || full(options(&sim, a).maintenance(maintenance.clone()), POOL);
    // What the process keeps for itself, it has after the first client.
    start().close();
    assert!(sim.wait_until(SOON, |now| now.open() == 0));
    #[cfg(target_os = "linux")]
    let settled = {
        use common::threads::{descriptors, of_clients};
        eventually("the first client is gone", || of_clients().is_empty());
        let before = descriptors();
        // The simulator may not have closed its ends when they were counted.
        move || of_clients().is_empty() && descriptors() <= before
    };
    let client = start();
    let (_, tally) = under_load(&client, 2, Some(ms(1)), || {
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
        within(3 * SOON, "the pool has moved", || {
            all_at(&client, sim.addr(b), POOL)
        });
        assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    });
    assert!(tally.errors.is_empty(), "{tally:?}");
    eventually("the move is over", || {
        client.stats().handoffs_completed == 1
    });
    let stats = client.stats();
    assert!(stats.queue_overflows > 0, "{stats:?}");
    assert_eq!(
        (stats.connections_moved, stats.connections_lost),
        (POOL as u64, 0),
        "{stats:?}"
    );
    assert_eq!(stats.connections_opened, 2 * POOL as u64, "{stats:?}");
    client.close();
    assert!(sim.wait_until(SOON, |now| now.open() == 0));
    #[cfg(target_os = "linux")]
    eventually("no thread and no descriptor is left", settled);
}
