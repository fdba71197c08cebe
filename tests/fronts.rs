//! Servers that stand behind something: a proxy, or an address that stays while what answers changes.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::{SOON, eventually, fill};
use hitless::sim::{CloseCause, Moving, Node, Sim, Target};
use hitless::{Client, Commands, Options};
use std::time::Duration;

/// A pool that has all its connections.
fn full(options: Options, size: usize) -> Client {
    let client = Client::connect(options.pool_size(size).max_in_flight(1)).unwrap();
    fill(&client, size);
    client
}

/// How often each end of a connection to this node was seen.
fn ends(sim: &Sim, node: Node, cause: CloseCause) -> usize {
    let ended = |one: &&hitless::sim::ConnectionRecord| {
        one.node == node && one.closed.is_some_and(|(_, why)| why == cause)
    };
    sim.connections().iter().filter(ended).count()
}

#[test]
fn without_handoffs_a_moving_relaxes_timeouts_and_moves_nothing() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let url = format!("redis://{}?handoffs=false", sim.addr(a));
    let client = full(Options::new(&url).unwrap(), 3);
    sim.start_moving(
        Moving::new(a, Target::Node(b))
            .announce(1)
            .close_after(Duration::from_secs(1))
            .keep_listening(),
    );
    eventually("timeouts are relaxed", || {
        let known = client.maintenance();
        assert!(known.handoffs.is_empty(), "{known:?}");
        let named = |window: &hitless::MaintenanceWindow| window.maintenance.name == "MOVING";
        known.windows.iter().any(named)
    });
    let all_ended = || ends(&sim, a, CloseCause::Maintenance) == 3;
    assert!(sim.wait_until(SOON, |_| all_ended()));
    eventually("the client has reconnected", || client.ping().is_ok());
    let stats = client.stats();
    assert_eq!(
        (stats.connections_moved, stats.handoffs_started),
        (0, 0),
        "{stats:?}"
    );
    let elsewhere = sim.connections().iter().filter(|one| one.node == b).count();
    assert_eq!(elsewhere, 0, "it went to a place that a server named");
}

/// A pool that is told to leave, behind an address that stays, moves to what the address leads to then.
fn follows_the_front(client: impl Fn(&Sim) -> Options, target: impl Fn(&Sim) -> Target) {
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(client(&sim), 3);
    common::under_load(&client, || {
        // Half of the announced time is over when it is dialled: once in vain, and then not.
        sim.start_moving(
            Moving::new(a, target(&sim))
                .announce(6)
                .front(b, Duration::from_millis(3300))
                .close_after(Duration::from_secs(15)),
        );
        let moved = sim.wait_until(SOON, |now| now.opted_in_on(b) == 3 && now.open_on(a) == 0);
        assert!(moved, "{:?}", client.stats());
    });
    assert_eq!(
        ends(&sim, a, CloseCause::Maintenance),
        0,
        "cut at the deadline"
    );
    eventually("the handoff is over", || {
        client.stats().handoffs_completed == 1
    });
    let stats = client.stats();
    assert_eq!(stats.connections_lost, 0, "{stats:?}");
    assert_eq!(
        (stats.connections_moved, stats.handoffs_started),
        (3, 1),
        "{stats:?}"
    );
}

/// The address at which all nodes are reached.
fn own(sim: &Sim) -> String {
    sim.addr(sim.node(0)).to_string()
}

#[test]
fn a_name_that_keeps_its_one_address_leads_the_pool_to_the_new_node() {
    follows_the_front(common::by_name, |sim| Target::Null(sim.node(1)));
}

#[test]
fn an_address_that_stays_leads_the_pool_to_the_new_node() {
    follows_the_front(
        |sim| common::options(sim, sim.node(0)),
        |sim| Target::Null(sim.node(1)),
    );
}

#[test]
fn a_moving_to_its_own_address_behind_a_name_leads_the_pool_to_the_new_node() {
    follows_the_front(common::by_name, |sim| Target::Text(own(sim)));
}

#[test]
fn a_pushed_name_that_leads_back_to_the_configured_address_leads_the_pool_to_the_new_node() {
    follows_the_front(
        |sim| {
            let back = sim.addr(sim.node(0)).ip();
            sim.resolver().set("back.hitless.test", vec![back]);
            common::options(sim, sim.node(0)).resolver(sim.resolver())
        },
        |sim| {
            Target::Text(format!(
                "back.hitless.test:{}",
                sim.addr(sim.node(0)).port()
            ))
        },
    );
}

#[test]
fn a_front_that_leads_to_the_old_node_until_the_end_leaves_the_old_connections_in_place() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(common::by_name(&sim), 2);
    sim.start_moving(Moving::new(a, Target::Null(b)).announce(6));
    // Dialled at half time, and each second from then on.
    assert!(sim.wait_until(SOON, |now| now.connections().len() >= 4));
    eventually("all were dropped", || {
        let all = sim.connections();
        all[2..].iter().all(|one| !one.is_open())
    });
    assert!(sim.connections()[..2].iter().all(|one| one.is_open()));
    assert!(ends(&sim, a, CloseCause::Client) >= 2);
    client.ping().unwrap();
    let stats = client.stats();
    assert_eq!(
        (stats.connections_moved, stats.dials_failed),
        (0, 0),
        "{stats:?}"
    );
}
