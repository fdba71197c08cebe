//! How long commands wait during maintenance, and what a failure says of it.

use crate::common::{Closing, SOON, eventually, options};
use crate::support::{full, ms, peers, together};
use hitless::sim::{Fault, Moving, Sim, Target, Times};
use hitless::{Client, Commands, ErrorKind, MaintenanceOptions, Options};
use std::time::{Duration, Instant};

/// A client with a short timeout, which is relaxed to a long one.
fn impatient(options: Options) -> Options {
    options.pool_size(1).command_timeout(ms(300))
}

/// No tail: what a window relaxes ends with it.
fn without_tail() -> MaintenanceOptions {
    MaintenanceOptions::new().post_handoff_relaxed(Duration::ZERO)
}

/// Longer than the timeout, shorter than the relaxed one.
const SLOW: Duration = ms(900);

#[test]
fn a_start_without_an_end_is_ended_by_its_cap() {
    let _together = together();
    let second = Duration::from_secs(1);
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let maintenance = without_tail()
        .migration_cap(second)
        .failover_cap(second)
        .slot_migration_cap(second);
    let client = full(impatient(options(&sim, a)).maintenance(maintenance), 1);
    sim.migrating(2, "[\"1\"]");
    sim.failing_over(2, "[\"1\"]");
    sim.slots_migrating("1-5");
    eventually("three windows open", || {
        client.maintenance().windows_opened == 3
    });
    eventually("three windows close", || {
        client.maintenance().windows_closed == 3
    });
    assert!(client.maintenance().windows.is_empty());
    sim.fault(a, Fault::Silence);
    let start = Instant::now();
    let error = client.ping().unwrap_err();
    assert!(
        error.is_timeout() && start.elapsed() < Duration::from_secs(8),
        "{error:?}"
    );
}

#[test]
fn a_client_without_a_timeout_has_none_before_during_and_after_a_move() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let maintenance = without_tail().relaxed_timeout(ms(50));
    let options = options(&sim, a)
        .no_command_timeout()
        .maintenance(maintenance);
    let client = full(options, 1);
    let slow = |node| {
        sim.fault_times(node, Fault::Delay(SLOW), Times::Next(1));
        let start = Instant::now();
        client.ping().unwrap();
        assert!(start.elapsed() >= SLOW, "the command was not slow");
    };
    slow(a);
    sim.migrating(2, "[\"1\"]");
    eventually("a window opens", || {
        client.maintenance().windows_opened == 1
    });
    slow(a);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(1));
    eventually("the connection has moved", || {
        peers(&client) == [sim.addr(b)]
    });
    slow(b);
    sim.migrated("[\"1\"]");
    eventually("the windows have ended", || {
        client.maintenance().windows.is_empty()
    });
    slow(b);
    assert_eq!(client.stats().connections_lost, 0);
}

/// Times of a command that a window makes longer: on a busy machine it may open too late for the shorter ones.
const TIMES: [Duration; 3] = [ms(500), ms(1500), ms(8000)];

/// Whether a command whose reply takes longer than `time` is answered, because a window opens meanwhile.
fn waits_longer(time: Duration) -> bool {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let client = full(impatient(options(&sim, a)).command_timeout(time), 1);
    let answered = std::thread::scope(|scope| {
        let _closing = Closing(&client);
        sim.fault_times(a, Fault::Delay(time * 2), Times::Next(1));
        let waiting = scope.spawn(|| client.ping());
        eventually("the command is under way", || {
            client.stats().shared[0].requests == 1 || waiting.is_finished()
        });
        sim.migrating(2, "[\"1\"]");
        waiting.join().unwrap().is_ok()
    });
    answered && client.stats().connections_lost == 0
}

#[test]
fn a_thread_that_waits_for_its_reply_when_a_window_opens_waits_longer() {
    let _together = together();
    assert!(TIMES.into_iter().any(waits_longer));
}

/// Whether no command fails in a failover that takes longer than the `time` of each.
fn survives_a_failover(time: Duration) -> bool {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let client = full(options(&sim, a).command_timeout(time), 4);
    let all = std::thread::scope(|scope| {
        let _closing = Closing(&client);
        sim.failover(time * 2);
        let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| client.ping())).collect();
        let answered = waiting.into_iter().map(|one| one.join().unwrap().is_ok());
        answered.filter(|answered| *answered).count() == 8
    });
    all && client.stats().connections_lost == 0
}

#[test]
fn a_failover_that_takes_longer_than_the_timeout_costs_no_command() {
    let _together = together();
    assert!(TIMES.into_iter().any(survives_a_failover));
}

#[test]
fn a_moving_that_an_idle_connection_hears_relaxes_the_commands_that_follow() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let client = full(impatient(options(&sim, a)), 1);
    // By address and without a target: nothing moves before half of the time.
    sim.start_moving(Moving::new(a, Target::Null(a)).keep_listening());
    eventually("the window opens", || {
        client.maintenance().windows_opened == 1
    });
    sim.fault_times(a, Fault::Delay(SLOW), Times::Next(1));
    let start = Instant::now();
    client.ping().unwrap();
    assert!(start.elapsed() >= SLOW, "the command was not slow");
}

#[test]
fn replacements_are_made_with_patience_and_timeouts_are_the_own_ones_afterwards() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let options = impatient(options(&sim, a)).connect_timeout(ms(3500));
    let client = full(options.maintenance(without_tail()), 1);
    sim.fault(b, Fault::Delay(ms(4500)));
    sim.start_moving(Moving::new(a, Target::Node(b)));
    eventually("the connection has moved", || {
        peers(&client) == [sim.addr(b)]
    });
    assert_eq!(client.stats().dials_failed, 0, "{:?}", client.stats());
    sim.clear_faults(b).unwrap();
    sim.fault(b, Fault::Silence);
    let start = Instant::now();
    let error = client.ping().unwrap_err();
    let took = start.elapsed();
    assert!(error.is_timeout(), "{error:?}");
    assert!(took >= ms(300) && took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn a_relaxed_timeout_of_zero_relaxes_nothing_and_shortens_nothing() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let maintenance = without_tail().relaxed_timeout(Duration::ZERO);
    let client = full(impatient(options(&sim, a)).maintenance(maintenance), 1);
    sim.migrating(2, "[\"1\"]");
    eventually("the window opens", || {
        client.maintenance().windows_opened == 1
    });
    client.ping().unwrap();
    sim.fault(a, Fault::Silence);
    let start = Instant::now();
    let error = client.ping().unwrap_err();
    let took = start.elapsed();
    assert!(error.is_timeout(), "{error:?}");
    assert!(took >= ms(300) && took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn a_failure_during_maintenance_says_so_and_a_planned_move_is_none() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 2);
    sim.migrating(2, "[\"1\"]");
    eventually("the window opens", || {
        client.maintenance().windows_opened == 1
    });
    sim.fault_times(a, Fault::CloseUnanswered, Times::Next(1));
    let error = client.ping().unwrap_err();
    let maintenance = error.maintenance().unwrap();
    assert_eq!((maintenance.name, maintenance.seq), ("MIGRATING", Some(0)));
    assert!(error.to_string().ends_with("during MIGRATING 0"), "{error}");
    assert_eq!(*error.kind(), ErrorKind::Io);
    eventually("the loss is counted", || {
        client.stats().connections_lost == 1
    });
    eventually("the pool is complete", || peers(&client).len() == 2);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(2));
    eventually("the pool has moved", || {
        client.stats().handoffs_completed == 1
    });
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    assert_eq!(client.stats().connections_lost, 1, "{:?}", client.stats());
    assert_eq!(client.maintenance().connections_lost_in_window, 1);
}

#[test]
fn a_timeout_shortly_after_the_end_of_a_window_names_it() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let maintenance = without_tail()
        .relaxed_timeout(ms(1))
        .migration_cap(ms(2000));
    let options = options(&sim, a)
        .command_timeout(ms(3500))
        .maintenance(maintenance);
    let client = full(options, 1);
    sim.fault(a, Fault::Silence);
    sim.migrating(2, "[\"1\"]");
    eventually("the window opens", || {
        client.maintenance().windows_opened == 1
    });
    let error = client.ping().unwrap_err();
    assert_eq!(
        client.maintenance().windows_closed,
        1,
        "the window was over"
    );
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(
        error.maintenance().map(|one| one.name),
        Some("MIGRATING"),
        "{error:?}"
    );
}

#[test]
fn one_client_is_relaxed_and_another_of_the_same_options_is_not() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let options = impatient(options(&sim, a));
    let [told, other] = [
        Client::connect(options.clone()).unwrap(),
        Client::connect(options).unwrap(),
    ];
    let first = sim.connections()[0].id;
    let push = hitless::Push {
        kind: b"MIGRATING".to_vec(),
        args: vec![hitless::Value::Int(4), hitless::Value::Int(2)].into(),
    };
    assert!(sim.push_to(first, &push));
    eventually("the window opens", || {
        told.maintenance().windows_opened == 1
    });
    sim.fault_times(a, Fault::Delay(SLOW), Times::Next(1));
    told.ping().unwrap();
    sim.fault_times(a, Fault::Delay(Duration::from_secs(5)), Times::Next(1));
    assert!(other.ping().unwrap_err().is_timeout());
}
