//! Every option reaches what it governs. What the options mean in detail is shown where that is.

use crate::support::{SOON, Tape, alone, connect, fill, now, options, threads, until};
use hitless::sim::{Fault, Moving, Sim, Target};
use hitless::{
    BreakerState, Client, Commands, MaintenanceEvent, MaintenanceOptions, Options, TargetVerdict,
    cmd,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(100);

/// How long a `BLPOP` of a tenth of a second waits for a server that is silent in a failover.
fn blocked(maintenance: MaintenanceOptions) -> Duration {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let tape = Tape::new();
    let maintenance = maintenance.relaxed_timeout(SHORT).hook(tape.clone());
    let options = options(&sim, a, 1, maintenance).command_timeout(SHORT);
    let client = Client::connect(options.connect_timeout(SOON)).unwrap();
    // So that its connection is there.
    let brief = cmd("BLPOP").arg("list").arg("0.01");
    assert_eq!(client.query::<Option<String>>(&brief).unwrap(), None);
    let start = now();
    sim.failing_over(1, "1");
    tape.wait_event(|event| matches!(event, MaintenanceEvent::WindowOpened(_)));
    // The word to the connections follows the event: asking the coordinator waits for it.
    client.maintenance();
    sim.fault(a, Fault::Silence);
    let pop = cmd("BLPOP").arg("list").arg("0.1");
    let error = client.query::<Option<String>>(&pop).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    now() - start
}

#[test]
fn a_command_that_blocks_waits_for_the_relaxed_time_that_was_chosen() {
    const TIME: Duration = Duration::from_secs(2);
    let new = MaintenanceOptions::new().failover_cap(Duration::from_secs(60));
    let took = blocked(new.relaxed_blocking_timeout(TIME));
    // By default it would wait for the end of the window.
    assert!(took >= TIME && took < SOON, "{took:?}");
}

#[test]
fn a_command_that_blocks_waits_for_the_end_of_the_window_by_default() {
    const CAP: Duration = Duration::from_secs(3);
    let took = blocked(MaintenanceOptions::new().failover_cap(CAP));
    assert!(took >= CAP, "{took:?}");
}

#[test]
fn without_jitter_moves_begin_at_once() {
    const MOVES: usize = 40;
    let mut took = Duration::ZERO;
    for _ in 0..MOVES {
        let sim = Sim::builder().nodes(2).start().unwrap();
        let [a, b] = [sim.node(0), sim.node(1)];
        let maintenance = MaintenanceOptions::new().max_jitter(Duration::ZERO);
        let client = connect(&sim, a, 1, maintenance);
        let start = now();
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
        until(|| client.stats().connections_moved == 1);
        took += now() - start;
    }
    // With the pause of up to a second that is the default they would take about twenty seconds.
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// Moves four connections with four workers. Yields how many were dialled for at the same time at most:
/// each, but for the first, which goes alone, waits until there have been so many.
fn at_once(maintenance: MaintenanceOptions, company: usize) -> usize {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let counts: Arc<[AtomicUsize; 3]> = Arc::default();
    let told = Arc::clone(&counts);
    let maintenance = maintenance.max_workers(4).target_policy(move |_| {
        let [inside, most, calls] = &*told;
        let here = inside.fetch_add(1, Ordering::SeqCst) + 1;
        most.fetch_max(here, Ordering::SeqCst);
        let end = now() + Duration::from_millis(20);
        let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
        while now() < end || !first && most.load(Ordering::SeqCst) < company {
            std::thread::yield_now();
        }
        inside.fetch_sub(1, Ordering::SeqCst);
        TargetVerdict::Allow
    });
    let client = connect(&sim, a, 4, maintenance);
    fill(&sim, a, &client, 4);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(b) == 4));
    until(|| client.stats().connections_moved == 4);
    counts[1].load(Ordering::SeqCst)
}

#[test]
fn no_more_connections_move_at_once_than_was_chosen() {
    assert_eq!(
        at_once(MaintenanceOptions::new().handoff_concurrency(1), 1),
        1
    );
    assert_eq!(
        at_once(MaintenanceOptions::new().handoff_concurrency(2), 2),
        2
    );
}

#[test]
fn connections_move_at_once_by_default() {
    assert_eq!(at_once(MaintenanceOptions::new(), 3), 3);
}

#[test]
fn a_connection_tries_as_often_as_was_chosen() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.fault(b, Fault::Refuse);
    let patient = |retries| {
        let maintenance = MaintenanceOptions::new().max_retries(retries);
        connect(&sim, a, 1, maintenance.breaker_threshold(1000))
    };
    let (none, five, many) = (patient(0), patient(5), patient(1000));
    // The first half of the time lasts longer than this test.
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(600));
    until(|| many.maintenance().handoff_dials_failed >= 8);
    until(|| five.maintenance().handoff_dials_failed == 6);
    assert_eq!(none.maintenance().handoff_dials_failed, 1);
    // The default, 3, is neither.
    until(|| many.maintenance().handoff_dials_failed >= 9);
    assert_eq!(five.maintenance().handoff_dials_failed, 6);
}

#[test]
fn a_breaker_tries_again_when_and_as_often_as_was_chosen() {
    for probes in [1, 2] {
        let sim = Sim::builder().nodes(2).start().unwrap();
        let [a, b] = [sim.node(0), sim.node(1)];
        sim.fault(b, Fault::Refuse);
        let tape = Tape::new();
        let maintenance = MaintenanceOptions::new()
            .breaker_threshold(1)
            .breaker_reset(SHORT)
            .breaker_probes(probes)
            .hook(tape.clone());
        let client = connect(&sim, a, 1, maintenance);
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(600));
        let turned = |wanted: BreakerState| {
            tape.wait_event(|event| matches!(event, MaintenanceEvent::BreakerChanged { state, .. } if *state == wanted));
        };
        turned(BreakerState::Open);
        sim.clear_faults(b).unwrap();
        // By default after a minute.
        turned(BreakerState::HalfOpen);
        tape.wait_event(|event| matches!(event, MaintenanceEvent::HandoffCompleted(_)));
        // The one connection made one dial that succeeded; by default three must.
        let breakers = client.maintenance().breakers;
        let breaker = breakers
            .iter()
            .find(|one| one.endpoint.to_string() == sim.addr(b).to_string());
        let wanted = if probes == 1 {
            BreakerState::Closed
        } else {
            BreakerState::HalfOpen
        };
        assert_eq!(breaker.map(|one| one.state), Some(wanted), "{breakers:?}");
    }
}

#[test]
fn there_are_as_many_workers_as_the_size_of_the_pool_asks_for() {
    if alone("wiring::there_are_as_many_workers_as_the_size_of_the_pool_asks_for") {
        return;
    }
    let all = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let table = [
        (1, 0, 1),
        (2, 0, 1),
        (4, 0, 2),
        (10, 0, 5),
        (20, 0, 10),
        (30, 0, 10),
        (50, 0, 16),
        (100, 0, 33),
        (100, 3, 3),
        (1, 7, 7),
    ];
    for (pool, chosen, workers) in table {
        let before = all();
        let options = Options::new("127.0.0.1:1").unwrap().pool_size(pool);
        let maintenance = MaintenanceOptions::new().max_workers(chosen);
        let client = Client::lazy(options.maintenance(maintenance)).unwrap();
        // The workers and the coordinator. Each gives itself its name.
        assert_eq!(all() - before, workers + 1, "pool {pool}, chosen {chosen}");
        until(|| {
            // The system cuts names to 15 letters.
            let named = |name: &&String| name.trim() == "hitless-handoff";
            threads().iter().filter(named).count() == workers
        });
        client.close();
        until(|| all() == before);
    }
}

#[test]
fn what_a_handoff_may_take_bounds_no_other_connection() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    sim.fault(a, Fault::Delay(SHORT));
    let maintenance = MaintenanceOptions::new().handoff_timeout(Duration::from_millis(1));
    let options = options(&sim, a, 1, maintenance).connect_timeout(SOON);
    Client::connect(options).unwrap();
}
