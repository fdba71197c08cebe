//! Which notifications are one event, and which are not.

use crate::common::{SOON, by_name, eventually, options};
use crate::support::{Asked, Watch, all_at, fill, full, ms, peers, together, under_load};
use hitless::sim::{Moving, Replay, Sim, Target};
use hitless::{Client, Commands, MaintenanceEvent, MaintenanceOptions, Notification, Treatment};
use hitless::{Push, Value};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn two_hundred_connections_that_hear_of_a_move_move_once() {
    let _together = together();
    const POOL: usize = 200;
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), POOL);
    let (_, tally) = under_load(&client, 2, Some(ms(1)), || {
        sim.start_moving(Moving::new(a, Target::Node(b)));
        eventually("the pool has moved", || all_at(&client, sim.addr(b), POOL));
        assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    });
    assert!(tally.errors.is_empty(), "{tally:?}");
    eventually("the handoff is over", || {
        client.stats().handoffs_completed == 1
    });
    let stats = client.stats();
    assert_eq!(stats.handoffs_started, 1, "{stats:?}");
    assert_eq!(
        stats.connections_opened,
        2 * POOL as u64,
        "each was replaced once: {stats:?}"
    );
    assert_eq!(
        (stats.connections_moved, stats.connections_lost),
        (POOL as u64, 0),
        "{stats:?}"
    );
}

#[test]
fn new_connections_that_hear_of_the_move_that_made_them_do_not_move_again() {
    let _together = together();
    const POOL: u64 = 3;
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = Client::connect(options(&sim, a).pool_size(POOL as usize)).unwrap();
    // The address stays: connections that are made while the old node serves there are told again.
    sim.start_moving(
        Moving::new(a, Target::Null(b))
            .announce(12)
            .front(b, Duration::from_secs(2)),
    );
    fill(&client, POOL as usize);
    eventually("the pool has moved", || {
        client.stats().handoffs_completed == 1
    });
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(b) == POOL as usize));
    client.ping().unwrap();
    let (stats, maintenance) = (client.stats(), client.maintenance());
    assert_eq!(stats.handoffs_started, 1, "{stats:?}");
    let told = maintenance.notifications_moving;
    assert_eq!(stats.connections_opened, POOL + told, "{stats:?}");
    assert_eq!(maintenance.windows_opened, 1, "{maintenance:?}");
    assert!(maintenance.handoffs.is_empty(), "{maintenance:?}");
}

/// Moves a pool from node to node, with these numbers, and claims that it follows each time.
fn follows(numbers: &[i64]) {
    let sim = Sim::builder().nodes(numbers.len() + 1).start().unwrap();
    let client = full(options(&sim, sim.node(0)), 3);
    for (step, number) in numbers.iter().enumerate() {
        sim.set_next_seq(*number);
        let [from, to] = [sim.node(step), sim.node(step + 1)];
        sim.start_moving(
            Moving::new(from, Target::Node(to))
                .announce(30)
                .close_after(SOON),
        );
        eventually("the pool has moved", || all_at(&client, sim.addr(to), 3));
        assert!(sim.wait_until(SOON, |now| now.open_on(from) == 0));
    }
    let stats = client.stats();
    assert_eq!(stats.handoffs_started, numbers.len() as u64, "{stats:?}");
    assert_eq!(stats.connections_lost, 0, "{stats:?}");
}

#[test]
fn moves_with_one_number_and_different_places_are_different_moves() {
    let _together = together();
    follows(&[7, 7]);
}

#[test]
fn a_move_with_a_lower_number_than_the_last_is_a_move() {
    let _together = together();
    follows(&[100, 5, 0]);
}

#[test]
fn an_address_that_is_left_twice_is_left_twice() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 2);
    for (from, to, number) in [(a, b, 2), (b, a, 3), (a, b, 5)] {
        sim.set_next_seq(number);
        sim.revive(to).unwrap();
        sim.start_moving(
            Moving::new(from, Target::Node(to))
                .announce(30)
                .close_after(SOON),
        );
        eventually("the pool has moved", || all_at(&client, sim.addr(to), 2));
        assert!(sim.wait_until(SOON, |now| now.open_on(from) == 0));
        // By hand, and not by the clock, which a busy machine may be late for.
        sim.retire(from);
    }
    let stats = client.stats();
    assert_eq!(
        (stats.handoffs_started, stats.connections_lost),
        (3, 0),
        "{stats:?}"
    );
}

#[test]
fn what_a_connection_says_after_it_was_replaced_is_not_acted_upon() {
    let _together = together();
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b, c] = [sim.node(0), sim.node(1), sim.node(2)];
    let client = full(options(&sim, a), 2);
    // One connection has something to finish where it is.
    let lease = client.lease().unwrap();
    lease.watch("key").unwrap();
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(15));
    eventually("all has moved", || {
        let dedicated = client.stats().dedicated;
        all_at(&client, sim.addr(b), 2) && dedicated[0].peer == Some(sim.addr(b))
    });
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 1));
    let old = sim
        .connections()
        .into_iter()
        .find(|one| one.is_open() && one.node == a)
        .unwrap();
    let target = Value::Bulk(sim.addr(c).to_string().into_bytes());
    let args = vec![Value::Int(50), Value::Int(15), target];
    assert!(sim.push_to(
        old.id,
        &Push {
            kind: b"MOVING".to_vec(),
            args: args.into()
        }
    ));
    eventually("it is heard", || {
        client.maintenance().notifications_stale == 1
    });
    drop(lease);
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    assert!(all_at(&client, sim.addr(b), 2), "{:?}", client.stats());
    assert_eq!(client.stats().handoffs_started, 1);
}

#[test]
fn the_memory_of_a_migration_long_past_is_no_event() {
    let _together = together();
    let sim = Sim::builder().replay(Replay::WithReply).start().unwrap();
    sim.migrating(2, "[\"1\"]");
    sim.migrated("[\"1\"]");
    let (asked, watch) = (Asked::of(&sim), Arc::new(Watch::default()));
    let maintenance = MaintenanceOptions::new().hook(watch.clone());
    let options = by_name(&sim)
        .resolver(asked.clone())
        .maintenance(maintenance);
    let client = full(options, 5);
    eventually("every connection is told", || {
        client.maintenance().notifications_caught_up == 5
    });
    let maintenance = client.maintenance();
    assert_eq!(
        (maintenance.notifications_acted, maintenance.windows_opened),
        (0, 0),
        "{maintenance:?}"
    );
    client.close();
    assert!(
        watch.before().is_empty() && watch.events().is_empty(),
        "{watch:?}"
    );
    // Nobody looks for peers that have gone: the name was asked for the connections only.
    assert!(asked.count() <= 6, "{}", asked.count());
}

#[test]
fn an_event_that_many_connections_hear_of_is_told_once() {
    let _together = together();
    let sim = Sim::builder().replay(Replay::WithReply).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let watch = Arc::new(Watch::default());
    let maintenance = MaintenanceOptions::new().hook(watch.clone());
    let client = full(options(&sim, a).maintenance(maintenance), 10);
    sim.migrating(2, "[\"1\"]");
    eventually("the start is heard", || {
        client.maintenance().windows_opened == 1
    });
    sim.migrated("[\"1\"]");
    eventually("the end is heard", || {
        client.maintenance().windows_closed == 1
    });
    // The new connections are told of the migration again.
    sim.start_moving(Moving::new(a, Target::Node(b)));
    eventually("the pool has moved", || {
        client.stats().handoffs_completed == 1
    });
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    // An idle connection may have left before its reader thread, which naps, came to its copy.
    eventually("the new connections are told again", || {
        client.maintenance().notifications_migrated > 10
    });
    eventually("the hooks are told", || watch.after().len() == 3);
    client.close();
    let names: Vec<&str> = watch.before().iter().map(Notification::name).collect();
    assert_eq!(names, ["MIGRATING", "MIGRATED", "MOVING"]);
    assert!(
        watch
            .after()
            .iter()
            .all(|(_, treatment)| *treatment == Treatment::Acted),
        "{watch:?}"
    );
    let opened = |event: &MaintenanceEvent| matches!(event, MaintenanceEvent::WindowOpened(_));
    let started = |event: &MaintenanceEvent| matches!(event, MaintenanceEvent::HandoffStarted(..));
    let moved =
        |event: &MaintenanceEvent| matches!(event, MaintenanceEvent::ConnectionMoved { .. });
    assert_eq!(
        (
            watch.count(opened),
            watch.count(started),
            watch.count(moved)
        ),
        (2, 1, 10)
    );
    assert_eq!(peers(&client).len(), 0, "closed");
}
