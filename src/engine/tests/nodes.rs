//! One engine with two nodes, each a simulated deployment of its own.

use super::ends;
use crate::clock;
use crate::counters::Counters;
use crate::engine::{Engine, Hooks, NetworkConnector, NewNode, Plan};
use crate::error::{CloseReason, ErrorKind};
use crate::lane::Lane;
use crate::link::Outcome;
use crate::link::fake::{one, patient};
use crate::options::{MaintenanceOptions, Options};
use crate::pool::Pool;
use crate::protocol::Value;
use crate::sim::{Fault, Node, Sim, Target};
use crate::sync::{Arc, JoinHandle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Connections of each node.
const EACH: usize = 3;

/// How long anything may take that must happen.
const SOON: Duration = Duration::from_secs(20);

/// Two deployments, and an engine with a node for the first server of each.
struct Rig {
    sims: [Sim; 2],
    engine: Engine,
    coordinator: JoinHandle<()>,
    pools: [Pool; 2],
    options: Options,
}

fn first(sim: &Sim) -> Node {
    sim.node(0)
}

fn options(sim: &Sim) -> Options {
    Options::new(&sim.addr(first(sim)).to_string())
        .expect("an address")
        .connect_timeout(SOON)
        .pool_size(EACH)
        .min_connections(EACH)
        .maintenance(MaintenanceOptions::new().max_workers(8))
}

impl Rig {
    /// Both nodes have all their connections.
    fn start() -> Self {
        let sims = [(); 2].map(|()| Sim::builder().nodes(2).start().expect("a simulator"));
        let (counters, options) = (Arc::new(Counters::default()), options(&sims[0]));
        let lane = Lane::new(Arc::clone(&counters));
        let connector = NetworkConnector::new(&options, Arc::clone(&counters), lane.clone());
        let (engine, coordinator) = Engine::start(Plan::of(
            &options,
            Arc::new(connector.expect("options that can work")),
            Arc::clone(&counters),
            lane.clone(),
            Hooks::new(counters, lane),
        ))
        .expect("threads");
        let pools = [0, 1].map(|at| {
            let of = self::options(&sims[at]);
            engine.add_node(NewNode::of(&of))
        });
        for sim in &sims {
            assert!(sim.wait_until(SOON, |now| now.opted_in_on(first(sim)) == EACH));
        }
        Self {
            sims,
            engine,
            coordinator,
            pools,
            options,
        }
    }

    /// Closes the engine and yields its pools, which nobody else has closed.
    fn close(self) -> ([Sim; 2], [Pool; 2]) {
        self.engine.inbox.close();
        ends("the coordinator", || self.coordinator.join()).expect("it has ended in order");
        let late = self.engine.add_node(NewNode::of(&self.options));
        assert!(late.checkout(&patient()).is_err(), "the engine has ended");
        (self.sims, self.pools)
    }
}

/// Waits for what must happen, but of which nobody is told.
#[track_caller]
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let start = clock::now();
    while !is_so() {
        let waited = clock::now().saturating_duration_since(start);
        assert!(waited < SOON, "not within {SOON:?}: {what}");
        thread::yield_now();
    }
}

/// The client sends a command and has its reply.
fn ping(pool: &Pool) {
    let checkout = pool.checkout(&patient()).expect("a connection");
    let reply = checkout.link.call(one(b"*1\r\n$4\r\nPING\r\n"), &patient());
    let reply = reply.expect("a link that accepts commands");
    let pong = |value: &Value| *value == Value::Simple("PONG".into());
    assert!(
        matches!(&reply, Outcome::One(value) if pong(value)),
        "{reply:?}"
    );
}

/// The numbers of all connections that are open, and of those that there ever were.
fn connections(sim: &Sim) -> (usize, usize) {
    let all = sim.connections();
    (all.iter().filter(|one| one.is_open()).count(), all.len())
}

#[test]
fn a_moving_of_one_node_moves_only_its_connections_and_commands_go_on_on_both() {
    let rig = Rig::start();
    let [sim, other] = &rig.sims;
    let (from, to) = (first(sim), sim.node(1));
    let over = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let callers = rig.pools.each_ref().map(|pool| {
            scope.spawn(|| {
                let mut sent = 0;
                while !over.load(Ordering::SeqCst) {
                    ping(pool);
                    sent += 1;
                }
                // And once more after the move.
                ping(pool);
                sent
            })
        });
        sim.moving(from, Target::Node(to), Duration::from_secs(2));
        let moved = sim.wait_until(SOON, |now| {
            now.opted_in_on(to) == EACH && now.open_on(from) == 0
        });
        over.store(true, Ordering::SeqCst);
        assert!(moved, "{:?}", sim.connections());
        callers.map(|caller| caller.join().expect("no command failed"))
    });
    assert!(sent.iter().all(|sent| *sent > 0), "{sent:?}");
    assert_eq!(connections(sim), (EACH, 2 * EACH));
    assert_eq!(connections(other), (EACH, EACH), "nothing has moved there");
    rig.close();
}

#[test]
fn a_lost_node_does_not_hold_up_the_other() {
    let rig = Rig::start();
    let [sim, lost] = &rig.sims;
    // The dials of the lost node hang until the test has ended.
    lost.fault(first(lost), Fault::HangAfter(0));
    for one in lost.connections() {
        lost.kill(one.id);
    }
    assert!(lost.wait_until(SOON, |now| now.connections().len() > EACH));
    // The other side of a socket is told last.
    let is_lost = || rig.pools[1].entries().live().next().is_none();
    eventually("all links of the lost node have ended", is_lost);
    // What the other loses meanwhile, it gets back, by the same workers.
    for one in sim.connections() {
        sim.kill(one.id);
    }
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(first(sim)) == EACH));
    ping(&rig.pools[0]);
    assert!(is_lost(), "its dials still hang");
    rig.close();
}

#[test]
fn a_close_ends_all_nodes_and_what_is_added_later() {
    let (sims, pools) = Rig::start().close();
    for (sim, pool) in sims.iter().zip(&pools) {
        let error = pool.checkout(&patient()).expect_err("it is closed");
        assert_eq!(error.kind(), &ErrorKind::Closed(CloseReason::ByUser));
        assert!(sim.wait_until(SOON, |now| now.open() == 0));
    }
}

/// In a process of its own, so that no other test's threads are counted.
#[test]
#[cfg(target_os = "linux")]
fn two_nodes_share_one_coordinator_and_eight_workers() {
    const NAME: &str = "engine::tests::nodes::two_nodes_share_one_coordinator_and_eight_workers";
    const ALONE: &str = "HITLESS_TEST_COUNTS_THREADS";
    if std::env::var_os(ALONE).is_none() {
        let this = std::env::current_exe().expect("this program");
        let child = std::process::Command::new(this)
            .args(["--exact", NAME])
            .env(ALONE, "1")
            .output();
        let child = child.expect("a process");
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(
            child.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    }
    let rig = Rig::start();
    // The system cuts names to 15 bytes.
    for (name, count) in [
        ("hitless-coordin", 1),
        ("hitless-handoff", 8),
        // Its own numbers are published by the one lane.
        ("hitless-lane", usize::from(cfg!(feature = "metrics"))),
        (
            "hitless-",
            1 + 8 + 2 * EACH + usize::from(cfg!(feature = "metrics")),
        ),
    ] {
        until_threads(name, count);
    }
    for node in 0..2 {
        for entry in 0..EACH {
            until_threads(&format!("hitless-r{node}.{entry}"), 1);
        }
    }
    rig.close();
    until_threads("hitless-", 0);
}

/// Waits until there are so many: a thread names itself when it begins, and is gone after it has ended.
#[cfg(target_os = "linux")]
fn until_threads(prefix: &str, count: usize) {
    let what = format!("{count} threads {prefix}");
    eventually(&what, || threads(prefix).len() == count);
}

/// The names of all threads but the first, whose name is the program's.
#[cfg(target_os = "linux")]
fn threads(prefix: &str) -> Vec<String> {
    let all = std::fs::read_dir("/proc/self/task")
        .expect("Linux")
        .flatten();
    let main = std::process::id().to_string();
    let others = all.filter(|entry| *entry.file_name() != *main);
    let names = others.filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok());
    names
        .map(|name| name.trim().to_owned())
        .filter(|name| name.starts_with(prefix))
        .collect()
}
