//! Hooks that panic, block, or have a bad end.

use crate::support::{
    Call, Everywhere, Gate, Place, SOON, Tape, alone, connect, fill, no_threads, now, until,
};
use hitless::sim::{Moving, Sim, Target};
use hitless::{
    Commands, MaintenanceEvent, MaintenanceOptions, Notice, NotificationHook, Reaction,
    TargetVerdict,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Prints no panic that is meant.
fn hush() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref::<&str>() != Some(&"on purpose") {
            usual(panic);
        }
    }));
}

#[test]
fn a_hook_that_panics_ten_thousand_times_disturbs_nobody() {
    if alone("rudeness::a_hook_that_panics_ten_thousand_times_disturbs_nobody") {
        return;
    }
    const PAIRS: u64 = 1_700;
    hush();
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let maintenance = MaintenanceOptions::new()
        .hook(Arc::new(Everywhere(|_| panic!("on purpose"))))
        .hook(Arc::new(Everywhere(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        })))
        .hook_timeout(Duration::from_secs(10));
    let client = connect(&sim, a, 2, maintenance);
    fill(&sim, a, &client, 2);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                count += 1;
                assert_eq!(client.incr("count").unwrap(), count);
            }
        });
        for pair in 1..=PAIRS {
            sim.migrating(1, "1");
            sim.migrated("1");
            if pair % 20 == 0 {
                // A start and a completion: before, after and an event each.
                until(|| client.maintenance().hook_panics >= 6 * pair);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let stats = client.maintenance();
    assert_eq!(
        (stats.hook_panics, stats.hooks_late),
        (6 * PAIRS, 0),
        "{stats:?}"
    );
    assert_eq!(
        (stats.notifications_acted, stats.events_dropped),
        (2 * PAIRS, 0),
        "{stats:?}"
    );
    until(|| calls.load(Ordering::Relaxed) as u64 == 6 * PAIRS);
    assert_eq!(client.stats().connections_lost, 0);
    client.close();
    no_threads();
}

#[test]
fn a_hook_that_blocks_is_not_waited_for_and_delays_no_command() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let gate = Gate::new();
    let tape = Tape::held_at(&gate, Reaction::Skip);
    let maintenance = MaintenanceOptions::new()
        .hook(tape.clone())
        .hook_timeout(Duration::from_millis(50));
    let client = connect(&sim, a, 4, maintenance);
    fill(&sim, a, &client, 4);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
    gate.wait_arrival();
    client.set("key", "value").unwrap();
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(b) == 4));
    assert_eq!(client.get::<String>("key").unwrap(), "value");
    assert_eq!(client.maintenance().hooks_late, 1);
    assert_eq!(tape.briefs(), ["before MOVING 0"]);
    gate.open();
    // Its word came too late, and it is told so.
    tape.wait_brief("after MOVING 0 Acted");
    assert_eq!(client.maintenance().notifications_skipped, 0);
}

#[test]
fn what_waits_behind_a_hook_that_blocks_waits_no_longer_than_its_own_time() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let gate = Gate::new();
    let tape = Tape::held_at(&gate, Reaction::Continue);
    let maintenance = MaintenanceOptions::new()
        .hook(tape.clone())
        .hook_timeout(Duration::from_secs(1));
    let client = connect(&sim, a, 2, maintenance);
    fill(&sim, a, &client, 2);
    let start = now();
    for _ in 0..30 {
        sim.migrating(1, "1");
    }
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
    let moved = sim.wait_until(SOON, |now| now.opted_in_on(b) == 2);
    let took = start.elapsed();
    gate.open();
    assert!(
        moved && took < Duration::from_secs(10),
        "{took:?} for a hook_timeout of 1 s"
    );
    assert_eq!(client.maintenance().hooks_late, 31);
}

#[test]
fn what_hooks_do_not_fetch_is_dropped_the_oldest_first() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let gate = Gate::new();
    let held = gate.clone();
    let first = AtomicBool::new(true);
    let tape = Tape::new();
    let maintenance = MaintenanceOptions::new()
        .hook(tape.clone())
        .hook(Arc::new(Everywhere(move |place| {
            if place == Place::Event && first.swap(false, Ordering::Relaxed) {
                held.pass();
            }
        })))
        .hook_timeout(Duration::from_millis(1));
    let client = connect(&sim, a, 1, maintenance);
    let mut pairs = 0;
    while client.maintenance().events_dropped < 1500 {
        assert!(pairs < 5_000);
        sim.migrating(1, "1");
        sim.migrated("1");
        pairs += 1;
        until(|| client.maintenance().notifications_acted == 2 * pairs);
    }
    let dropped = client.maintenance().events_dropped;
    gate.open();
    let last = i64::try_from(2 * pairs - 2).unwrap();
    let opened = |call: &Call| match call {
        Call::Event(MaintenanceEvent::WindowOpened(window)) => window.maintenance.seq,
        _ => None,
    };
    tape.wait(|calls| {
        calls.last().and_then(opened) == Some(last) || {
            calls.iter().any(|call| opened(call) == Some(last))
        }
    });
    tape.wait_brief(&format!("after MIGRATED {} Acted", 2 * pairs - 1));
    let seqs: Vec<i64> = tape.calls().iter().filter_map(opened).collect();
    assert_eq!(seqs[0], 0);
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
    // What is left are the latest, without a gap.
    assert!(seqs[1] > 2 && seqs.len() > 100, "{seqs:?}");
    assert_eq!(seqs[1..], (seqs[1]..=last).step_by(2).collect::<Vec<_>>());
    // Whatever was not dropped was told: before, after and an event for each.
    until(|| tape.calls().len() as u64 + dropped == 6 * pairs);
}

#[test]
fn after_is_called_although_the_connection_died_meanwhile() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let gate = Gate::new();
    let tape = Tape::held_at(&gate, Reaction::Continue);
    let maintenance = MaintenanceOptions::new()
        .hook(tape.clone())
        .hook_timeout(Duration::from_secs(10));
    let client = connect(&sim, a, 1, maintenance);
    sim.failing_over(1, "1");
    gate.wait_arrival();
    assert!(sim.kill(sim.connections()[0].id));
    until(|| client.stats().connections_lost == 1);
    gate.open();
    tape.wait(|calls| calls.iter().any(|call| matches!(call, Call::After(..))));
}

#[test]
fn a_hook_that_blocks_does_not_keep_close_waiting() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let gate = Gate::new();
    let held = gate.clone();
    let hook = Arc::new(Everywhere(move |_| held.pass()));
    let client = connect(&sim, a, 2, MaintenanceOptions::new().hook(hook));
    sim.migrating(1, "1");
    gate.wait_arrival();
    let start = now();
    client.close();
    let took = start.elapsed();
    gate.open();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_policy_that_blocks_does_not_keep_close_waiting() {
    if alone("rudeness::a_policy_that_blocks_does_not_keep_close_waiting") {
        return;
    }
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let gate = Gate::new();
    let held = gate.clone();
    let maintenance = MaintenanceOptions::new().target_policy(move |_| {
        held.pass();
        TargetVerdict::Allow
    });
    let client = connect(&sim, a, 2, maintenance);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
    gate.wait_arrival();
    let (closed, is_closed) = (Gate::new(), Arc::new(AtomicBool::new(false)));
    let (closes, told, flag) = (client.clone(), closed.clone(), Arc::clone(&is_closed));
    let start = now();
    let closer = std::thread::Builder::new()
        .spawn(move || {
            closes.close();
            flag.store(true, Ordering::Release);
            told.open();
        })
        .unwrap();
    until(|| is_closed.load(Ordering::Acquire) || start.elapsed() > Duration::from_secs(5));
    let in_time = is_closed.load(Ordering::Acquire);
    gate.open();
    closer.join().unwrap();
    assert!(in_time, "close waited for the policy");
    no_threads();
}

#[test]
fn a_hook_whose_end_panics_leaves_no_thread_behind() {
    struct Bomb;
    impl NotificationHook for Bomb {
        fn before(&self, _: &Notice) -> Reaction {
            Reaction::Continue
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    if alone("rudeness::a_hook_whose_end_panics_leaves_no_thread_behind") {
        return;
    }
    hush();
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let client = connect(&sim, a, 2, MaintenanceOptions::new());
    client.add_hook(Arc::new(Bomb)).unwrap();
    fill(&sim, a, &client, 2);
    sim.migrating(1, "1");
    until(|| client.maintenance().notifications_acted == 1);
    client.close();
    no_threads();
}
