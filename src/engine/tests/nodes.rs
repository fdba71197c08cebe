//! One engine with many nodes, each a simulated deployment of its own.

use super::ends;
use crate::clock;
use crate::counters::Counters;
use crate::engine::{Engine, Hooks, NetworkConnector, NewNode, Plan};
use crate::error::{CloseReason, ErrorKind};
use crate::events::{Handoff, MaintenanceEvent, Notice, NotificationHook, Reaction};
use crate::ids::NodeId;
use crate::lane::Lane;
use crate::link::Outcome;
use crate::link::fake::{one, patient};
use crate::options::{MaintenanceOptions, Options};
use crate::pool::{Pool, Wanted};
use crate::protocol::{Endpoint, Value};
use crate::sim::{Fault, Moving, Node, Seq, Sim, Target};
use crate::sync::{Arc, JoinHandle, Ranked};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Connections of each node.
const EACH: usize = 3;

/// How long anything may take that must happen.
const SOON: Duration = Duration::from_secs(20);

/// Deployments, and an engine with a node for the first server of each.
struct Rig {
    sims: Vec<Sim>,
    engine: Engine,
    counters: Arc<Counters>,
    coordinator: JoinHandle<()>,
    pools: Vec<Pool>,
    options: Options,
}

fn first(sim: &Sim) -> Node {
    sim.node(0)
}

fn options(sim: &Sim, each: usize) -> Options {
    Options::new(&sim.addr(first(sim)).to_string())
        .expect("an address")
        .connect_timeout(SOON)
        .pool_size(each)
        .min_connections(each)
        .maintenance(
            MaintenanceOptions::new()
                .max_workers(8)
                .max_jitter(Duration::ZERO),
        )
}

impl Rig {
    /// Two nodes, which have all their connections.
    fn start() -> Self {
        Self::of(2, EACH, &|options| options)
    }

    /// So many nodes, which have all their connections: `each` of them.
    fn of(nodes: usize, each: usize, set: &dyn Fn(Options) -> Options) -> Self {
        let sims: Vec<Sim> = (0..nodes)
            .map(|_| Sim::builder().nodes(2).start().expect("a simulator"))
            .collect();
        for (sim, number) in sims.iter().zip(0..) {
            // As in one database, no number is given twice.
            sim.set_next_seq(Seq::from(number * 1000 + 1));
        }
        let with = |sim| set(options(sim, each));
        let (counters, any) = (Arc::new(Counters::default()), with(&sims[0]));
        let lane = Lane::new(Arc::clone(&counters));
        let connector = NetworkConnector::new(&any, Arc::clone(&counters), lane.clone());
        let hooks = Hooks::new(Arc::clone(&counters), lane.clone());
        let (engine, coordinator) = Engine::start(Plan::of(
            &any,
            Arc::new(connector.expect("options that can work")),
            Arc::clone(&counters),
            lane,
            hooks.clone(),
        ))
        .expect("threads");
        for hook in &any.maintenance.hooks {
            let added = hooks.add(Arc::clone(hook), &engine.inbox);
            added.expect("a thread");
        }
        let pools = sims
            .iter()
            .map(|sim| engine.add_node(NewNode::of(&with(sim))))
            .collect();
        for sim in &sims {
            assert!(sim.wait_until(SOON, |now| now.opted_in_on(first(sim)) == each));
        }
        Self {
            sims,
            engine,
            counters,
            coordinator,
            pools,
            options: any,
        }
    }

    /// Closes the engine and yields its pools, which nobody else has closed.
    fn close(self) -> (Vec<Sim>, Vec<Pool>) {
        self.engine.inbox.close();
        ends("the coordinator", || self.coordinator.join()).expect("it has ended in order");
        let late = self.engine.add_node(NewNode::of(&self.options));
        assert!(
            late.checkout(&Wanted::small(512), &patient()).is_err(),
            "the engine has ended"
        );
        (self.sims, self.pools)
    }
}

/// All connections of the first server move to the second, and none is left behind.
#[track_caller]
fn moves(sim: &Sim, each: usize) {
    let (from, to) = (first(sim), sim.node(1));
    let moved = sim.wait_until(SOON, |now| {
        now.opted_in_on(to) == each && now.open_on(from) == 0
    });
    assert!(moved, "{:?}", sim.connections());
}

/// Remembers what it was told, and panics over what an endpoint or its node says.
#[derive(Default)]
struct Witness {
    hates: Option<(Endpoint, NodeId)>,
    told: Ranked<Vec<MaintenanceEvent>, 9>,
}

impl Witness {
    /// How many handoffs of this node were completed.
    fn completed(&self, node: u32) -> usize {
        let told = self.told.lock();
        let of = told.iter().filter(|event| {
            matches!(event, MaintenanceEvent::HandoffCompleted(handoff)
                if handoff.node.number() == node)
        });
        of.count()
    }
}

impl NotificationHook for Witness {
    fn before(&self, notice: &Notice) -> Reaction {
        let hated = self.hates.as_ref();
        assert!(hated.is_none_or(|(endpoint, _)| *endpoint != notice.endpoint));
        Reaction::Continue
    }

    fn event(&self, event: &MaintenanceEvent) {
        if let (
            Some((_, hated)),
            MaintenanceEvent::HandoffStarted(Handoff { node, .. }, _)
            | MaintenanceEvent::ConnectionMoved { node, .. },
        ) = (&self.hates, event)
        {
            assert_ne!(hated, node);
        }
        self.told.lock().push(event.clone());
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
    let checkout = pool
        .checkout(&Wanted::small(512), &patient())
        .expect("a connection");
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
    let [sim, other] = &rig.sims[..] else {
        unreachable!("there are two")
    };
    let (from, to) = (first(sim), sim.node(1));
    let over = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let callers = [&rig.pools[0], &rig.pools[1]].map(|pool| {
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
        sim.start_moving(Moving::new(from, Target::Node(to)).announce(60));
        let moved = sim.wait_until(SOON, |now| {
            now.opted_in_on(to) == EACH && now.open_on(from) == 0
        });
        // Before the claim: the callers end with it.
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
    let [sim, lost] = &rig.sims[..] else {
        unreachable!("there are two")
    };
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
        let error = pool
            .checkout(&Wanted::small(512), &patient())
            .expect_err("it is closed");
        assert_eq!(error.kind(), &ErrorKind::Closed(CloseReason::ByUser));
        assert!(sim.wait_until(SOON, |now| now.open() == 0));
    }
}

#[test]
fn twelve_nodes_move_at_once_by_eight_workers_and_each_is_told_of_by_its_number() {
    const NODES: u32 = 12;
    let witness = Arc::new(Witness::default());
    let hooked = |options: Options| {
        let hook: Arc<dyn NotificationHook> = Arc::clone(&witness) as _;
        let maintenance = options.maintenance.clone().hook(hook);
        options.maintenance(maintenance)
    };
    let rig = Rig::of(NODES as usize, 2, &hooked);
    for sim in &rig.sims {
        sim.start_moving(Moving::new(first(sim), Target::Node(sim.node(1))));
    }
    for (sim, pool) in rig.sims.iter().zip(&rig.pools) {
        moves(sim, 2);
        ping(pool);
        assert_eq!(connections(sim), (2, 4), "no dial was in vain");
    }
    for node in 0..NODES {
        eventually("each handoff is told", || witness.completed(node) == 1);
    }
    assert_eq!(
        rig.counters.handoffs_completed.read(),
        u64::from(NODES),
        "one handoff a node"
    );
    rig.close();
}

#[test]
fn a_hook_that_panics_over_one_node_costs_neither_a_move() {
    let sim = std::cell::OnceCell::new();
    let witness = std::cell::OnceCell::new();
    let hooked = |options: Options| {
        // The first options are those of the first node.
        let hated = sim.get_or_init(|| options.endpoint.clone()).clone();
        let hook = witness.get_or_init(|| {
            Arc::new(Witness {
                hates: Some((hated, NodeId::new(0))),
                ..Witness::default()
            })
        });
        let hook: Arc<dyn NotificationHook> = Arc::clone(hook) as _;
        let maintenance = options.maintenance.clone().hook(hook);
        options.maintenance(maintenance)
    };
    let rig = Rig::of(2, EACH, &hooked);
    for sim in &rig.sims {
        sim.start_moving(Moving::new(first(sim), Target::Node(sim.node(1))));
    }
    for (sim, pool) in rig.sims.iter().zip(&rig.pools) {
        moves(sim, EACH);
        ping(pool);
    }
    let witness = witness.get().expect("the rig has asked for it");
    for node in 0..2 {
        eventually("both are told", || witness.completed(node) == 1);
    }
    let moved = |event: &&MaintenanceEvent| matches!(event, MaintenanceEvent::ConnectionMoved { node, .. } if node.number() == 1);
    assert_eq!(witness.told.lock().iter().filter(moved).count(), EACH);
    // Over the notification, its handoff and each connection.
    let panics = rig.counters.hook_panics.read();
    assert_eq!(panics, 2 + EACH as u64);
    rig.close();
}

#[test]
fn a_close_in_the_middle_of_the_handoffs_of_two_nodes_gives_both_up() {
    let rig = Rig::start();
    for sim in &rig.sims {
        // What is dialled hangs until the test has ended.
        sim.fault(sim.node(1), Fault::HangAfter(0));
        sim.start_moving(Moving::new(first(sim), Target::Node(sim.node(1))).announce(60));
    }
    for sim in &rig.sims {
        assert!(sim.wait_until(SOON, |now| now.open_on(sim.node(1)) > 0));
    }
    let counters = Arc::clone(&rig.counters);
    assert_eq!(counters.handoffs_started.read(), 2);
    let (sims, pools) = rig.close();
    assert_eq!(counters.handoffs_abandoned.read(), 2);
    for (sim, pool) in sims.iter().zip(&pools) {
        assert!(pool.checkout(&Wanted::small(512), &patient()).is_err());
        assert!(sim.wait_until(SOON, |now| now.open() == 0));
    }
}

#[test]
fn dials_that_hang_at_one_node_let_the_connections_of_another_move() {
    const MANY: usize = 12;
    // All workers are at the lost node; they get free when its dials run out of time.
    let rig = Rig::of(2, MANY, &|options| {
        options.connect_timeout(Duration::from_secs(1))
    });
    let [sim, lost] = &rig.sims[..] else {
        unreachable!("there are two")
    };
    lost.fault(first(lost), Fault::HangAfter(0));
    for one in lost.connections() {
        lost.kill(one.id);
    }
    assert!(lost.wait_until(SOON, |now| now.connections().len() >= MANY + 8));
    sim.start_moving(Moving::new(first(sim), Target::Node(sim.node(1))));
    moves(sim, MANY);
    ping(&rig.pools[0]);
    // The coordinator may be told later than the server.
    eventually("all are counted", || {
        rig.counters.connections_moved.read() == MANY as u64
    });
    rig.close();
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
