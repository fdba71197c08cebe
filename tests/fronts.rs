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
    let client = Client::connect(options.pool_size(size)).unwrap();
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
        (stats.handoffs, stats.operations_started),
        (0, 0),
        "{stats:?}"
    );
    let elsewhere = sim.connections().iter().filter(|one| one.node == b).count();
    assert_eq!(elsewhere, 0, "it went to a place that a server named");
}
