//! A pool moves to another node while threads use it.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::{Closing, SOON, Stop, by_name, eventually, fill, options, under_load};
use hitless::sim::{CloseCause, Fault, Moving, Node, OptIn, Sim, Target};
use hitless::{Client, Cmd, Commands, Options, cmd, pipe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A pool that has all its connections.
fn full(options: Options, size: usize) -> Client {
    let client = Client::connect(options.pool_size(size)).unwrap();
    fill(&client, size);
    client
}

/// Waits until the pool has left one node for another.
#[track_caller]
fn moved(sim: &Sim, client: &Client, from: Node, to: Node, slots: usize) {
    let arrived = sim.wait_until(SOON, |now| now.opted_in_on(to) == slots);
    let left = sim.wait_until(SOON, |now| now.open_on(from) == 0);
    assert!(
        arrived && left,
        "arrived {arrived}, left {left}: {:?}",
        client.stats()
    );
}

/// Claims that the client itself closed every connection to this node.
#[track_caller]
fn left_of_itself(sim: &Sim, node: Node) {
    for record in sim
        .connections()
        .iter()
        .filter(|record| record.node == node)
    {
        assert!(
            matches!(record.closed, Some((_, CloseCause::Client))),
            "{record:?}"
        );
    }
}

#[test]
fn a_named_moving_moves_every_slot_while_threads_use_them() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 4);
    under_load(&client, || {
        // Time enough for a machine that stands still: whoever is late is closed by the server.
        sim.start_moving(
            Moving::new(a, Target::Node(b))
                .announce(60)
                .close_after(SOON),
        );
        moved(&sim, &client, a, b, 4);
    });
    left_of_itself(&sim, a);
    let stats = client.stats();
    assert!(
        stats.shared.iter().all(|one| one.peer == Some(sim.addr(b))),
        "{stats:?}"
    );
    assert_eq!(
        (stats.connections_lost, stats.dials_failed),
        (0, 0),
        "{stats:?}"
    );
}

#[test]
fn a_moving_with_a_null_endpoint_follows_the_name() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(by_name(&sim), 3);
    under_load(&client, || {
        let moving = Moving::new(a, Target::Null(b)).announce(3);
        sim.start_moving(
            moving
                .dns_after(Duration::from_millis(300))
                .close_after(Duration::from_secs(4)),
        );
        moved(&sim, &client, a, b, 3);
    });
    left_of_itself(&sim, a);
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_moving_that_every_connection_hears_is_one_operation() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 8);
    under_load(&client, || {
        sim.start_moving(Moving::new(a, Target::Node(b)));
        moved(&sim, &client, a, b, 8);
    });
    eventually("the operation is over", || {
        client.stats().handoffs_completed == 1
    });
    let stats = client.stats();
    assert_eq!(
        (stats.handoffs_started, stats.connections_moved),
        (1, 8),
        "{stats:?}"
    );
    assert_eq!(stats.connections_opened, 16, "{stats:?}");
    let heard = sim
        .connections()
        .iter()
        .filter(|one| one.pushes_of("MOVING") == 1)
        .count();
    assert_eq!(heard, 8);
}

#[test]
fn a_connection_that_is_opened_in_the_window_moves_at_once() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.start_moving(Moving::new(a, Target::Node(b)));
    // Its first connection hears it in the opening.
    let client = Client::connect(options(&sim, a).pool_size(2)).unwrap();
    moved(&sim, &client, a, b, 1);
    under_load(&client, || fill(&client, 2));
    // What is opened later goes to the new place, of which the configuration knows nothing.
    assert_eq!(
        sim.connections().iter().filter(|one| one.node == a).count(),
        1
    );
    assert_eq!(client.stats().handoffs_started, 1);
}

#[test]
fn a_blocked_command_survives_the_swap_and_gets_its_element() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 2);
    std::thread::scope(|scope| {
        let _closing = Closing(&client);
        let waiting =
            scope.spawn(|| client.blpop::<String, String>("queue", Duration::from_secs(60)));
        assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
        // All have moved, the dedicated one too, whose old connection waits for its reply.
        assert!(sim.wait_until(SOON, |now| now.opted_in_on(b) == 3 && now.open_on(a) == 1));
        client.rpush("queue", "late").unwrap();
        let popped = waiting.join().unwrap().unwrap();
        assert_eq!(popped, Some(("queue".into(), "late".into())));
        assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    });
    assert_eq!(client.stats().connections_lost, 0);
    left_of_itself(&sim, a);
}

#[test]
fn pipelines_are_whole_on_either_side_of_the_swap() {
    let sim = Sim::builder().nodes(4).start().unwrap();
    let client = full(options(&sim, sim.node(0)), 3);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stopping = Stop(&stop);
        for thread in 0..4_i64 {
            let (client, stop) = (&client, &stop);
            scope.spawn(move || {
                let key = format!("count:{thread}");
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    let mut pipeline = if thread % 2 == 0 {
                        pipe()
                    } else {
                        pipe().atomic().clone()
                    };
                    for _ in 0..20 {
                        pipeline.add(&Cmd::new("INCR").arg(&key));
                    }
                    let sums: Vec<i64> = pipeline.query(client).unwrap();
                    assert!(
                        sums.iter().copied().eq(count + 1..=count + 20),
                        "{count}: {sums:?}"
                    );
                    count += 20;
                }
            });
        }
        for step in 0..3 {
            let [from, to] = [sim.node(step), sim.node(step + 1)];
            sim.start_moving(Moving::new(from, Target::Node(to)));
            moved(&sim, &client, from, to, 3);
        }
        drop(stopping);
    });
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_pool_moves_away_and_back_again() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 3);
    under_load(&client, || {
        sim.start_moving(
            Moving::new(a, Target::Node(b))
                .announce(30)
                .close_after(SOON),
        );
        moved(&sim, &client, a, b, 3);
        // The first move is over when the way back is announced.
        sim.retire(a);
        sim.revive(a).unwrap();
        sim.start_moving(Moving::new(b, Target::Node(a)));
        moved(&sim, &client, b, a, 3);
    });
    let stats = client.stats();
    assert_eq!(
        (stats.handoffs_started, stats.connections_lost),
        (2, 0),
        "{stats:?}"
    );
}

#[test]
fn of_two_movings_in_a_row_the_last_one_counts() {
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b, c] = [sim.node(0), sim.node(1), sim.node(2)];
    let client = full(options(&sim, a), 3);
    // What has moved before the second is heard stays: so the first is to take its time.
    sim.fault(b, Fault::HangAfter(0));
    under_load(&client, || {
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(6));
        sim.start_moving(Moving::new(a, Target::Node(c)).announce(6));
        let arrived = sim.wait_until(SOON, |now| {
            now.opted_in_on(c) == 3 && now.open_on(a) == 0 && now.open_on(b) == 0
        });
        assert!(arrived, "{:?}", client.stats());
    });
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_moving_without_time_moves_at_once() {
    let sim = Sim::builder().nodes(3).start().unwrap();
    let client = full(options(&sim, sim.node(0)), 3);
    under_load(&client, || {
        for (step, seconds) in [0, -5].into_iter().enumerate() {
            let [from, to] = [sim.node(step), sim.node(step + 1)];
            sim.start_moving(Moving::new(from, Target::Node(to)).announce(seconds));
            moved(&sim, &client, from, to, 3);
        }
    });
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_node_that_closes_without_a_moving_is_an_ordinary_reconnect() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(by_name(&sim), 2);
    sim.advertise(&[b]);
    assert_eq!(sim.retire(a), 2);
    eventually("both ends are noticed", || {
        client.stats().connections_lost == 2
    });
    under_load(&client, || fill(&client, 2));
    let stats = client.stats();
    assert_eq!(
        (stats.handoffs_started, stats.connections_moved),
        (0, 0),
        "{stats:?}"
    );
    assert!(
        stats.shared.iter().all(|one| one.peer == Some(sim.addr(b))),
        "{stats:?}"
    );
}

#[test]
fn connections_that_never_opted_in_move_with_the_others() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = Client::connect(options(&sim, a).pool_size(4)).unwrap();
    sim.set_opt_in(a, OptIn::UnknownToRedis7);
    fill(&client, 4);
    let hears = client
        .stats()
        .shared
        .iter()
        .filter(|one| one.opted_in)
        .count();
    assert_eq!(hears, 1);
    under_load(&client, || {
        sim.start_moving(Moving::new(a, Target::Node(b)));
        moved(&sim, &client, a, b, 4);
    });
    left_of_itself(&sim, a);
    eventually("the operation is over", || {
        client.stats().handoffs_completed == 1
    });
    let stats = client.stats();
    assert_eq!(
        (stats.notifications, stats.connections_moved),
        (1, 4),
        "{stats:?}"
    );
}

#[test]
fn many_threads_that_block_each_get_a_connection_of_their_own() {
    let sim = Sim::builder().start().unwrap();
    for _ in 0..20 {
        let client = Client::connect(options(&sim, sim.node(0)).pool_size(4)).unwrap();
        std::thread::scope(|scope| {
            let _closing = Closing(&client);
            let waiting: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| client.blpop::<String, i64>("queue", Duration::from_secs(60)))
                })
                .collect();
            assert!(
                sim.wait_until(SOON, |now| now.blocked() == 4),
                "{:?}",
                client.stats()
            );
            let pusher = Client::connect(options(&sim, sim.node(0))).unwrap();
            pusher.rpush("queue", [1, 2, 3, 4]).unwrap();
            for thread in waiting {
                assert!(thread.join().unwrap().unwrap().is_some());
            }
        });
    }
}

#[test]
fn an_operation_against_a_real_server_loses_and_doubles_nothing() {
    let redis = common::redis::Redis::start();
    let sim = Sim::builder()
        .nodes(4)
        .proxy_to(redis.address)
        .start()
        .unwrap();
    let client = full(options(&sim, sim.node(0)), 3);
    under_load(&client, || {
        for step in 0..3 {
            let [from, to] = [sim.node(step), sim.node(step + 1)];
            sim.start_moving(Moving::new(from, Target::Node(to)));
            moved(&sim, &client, from, to, 3);
        }
    });
    let stats = client.stats();
    assert_eq!(
        (stats.handoffs_started, stats.connections_lost),
        (3, 0),
        "{stats:?}"
    );
    let server: String = client.query(&cmd("INFO server")).unwrap();
    assert!(server.contains("redis_version"), "{server}");
}
