//! Who gets a connection when there are fewer than callers, or than a server has room for.

#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{SOON, eventually, fill, options};
use hitless::sim::{Fault, Moving, Sim, Target};
use hitless::{Client, Commands, Delivery, ErrorKind, Phase};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Runs `work` while twice as many threads as the client has slots send one command after the other.
fn under_load(client: &Client, threads: usize, work: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    client.ping().unwrap();
                }
            });
        }
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn a_blocking_command_gets_a_connection_under_steady_load() {
    for slots in [1, 2] {
        let sim = Sim::builder().start().unwrap();
        let client = Client::connect(options(&sim, sim.node(0)).pool_size(slots)).unwrap();
        fill(&client, slots);
        under_load(&client, 2 * slots, || {
            for round in 0..20 {
                client.rpush("queue", [round]).unwrap();
                let popped = client.blpop::<String, u64>("queue", Duration::from_secs(10));
                assert_eq!(popped.unwrap().map(|(_, value)| value), Some(round));
            }
        });
    }
}

#[test]
fn callers_that_block_on_a_cold_pool_are_all_served() {
    const CALLERS: usize = 60;
    let sim = Sim::builder().start().unwrap();
    let client = Client::lazy(options(&sim, sim.node(0)).pool_size(CALLERS + 1)).unwrap();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| scope.spawn(|| client.blpop::<String, u64>("queue", Duration::ZERO)))
            .collect();
        assert!(sim.wait_until(SOON, |now| now.blocked() == CALLERS));
        for number in 0..CALLERS {
            client.rpush("queue", [number as u64]).unwrap();
        }
        for caller in callers {
            assert!(caller.join().unwrap().unwrap().is_some());
        }
    });
}

#[test]
fn callers_that_block_take_turns_on_few_connections() {
    let sim = Sim::builder().start().unwrap();
    let options = options(&sim, sim.node(0)).pool_size(1);
    let client = Client::connect(options.max_active_connections(3)).unwrap();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| client.blpop::<String, u64>("nothing", Duration::from_millis(20)))
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.join().unwrap().unwrap(), None);
        }
    });
    client.ping().unwrap();
    let stats = client.stats();
    let all = stats.shared.iter().chain(&stats.dedicated);
    assert_eq!(all.map(|one| one.requests).sum::<usize>(), 0);
    assert!((1..=2).contains(&stats.dedicated.len()), "{stats:?}");
}

/// A client of one shared and one dedicated connection, and a caller that blocks on the latter.
fn while_one_blocks(work: impl FnOnce(&Sim, &Client)) {
    let sim = Sim::builder().start().unwrap();
    let options = options(&sim, sim.node(0)).pool_size(1);
    let options = options.checkout_timeout(Duration::from_millis(50));
    let client = Client::connect(options.max_active_connections(2)).unwrap();
    std::thread::scope(|scope| {
        // On a busy machine the connection may not be made within the time to wait for one.
        let block = || loop {
            match client.blpop::<String, u64>("queue", Duration::ZERO) {
                Err(error) if error.is_safe_to_retry() => {}
                outcome => return outcome,
            }
        };
        let blocks = scope.spawn(block);
        assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
        work(&sim, &client);
        client.rpush("queue", [1]).unwrap();
        assert!(blocks.join().unwrap().unwrap().is_some());
    });
}

#[test]
fn commands_that_block_take_no_shared_connection() {
    while_one_blocks(|_, client| {
        for _ in 0..100 {
            client.ping().unwrap();
        }
    });
}

#[test]
fn who_finds_the_bound_of_connections_reached_is_told_who_holds_them() {
    while_one_blocks(|_, client| {
        let error = client
            .blpop::<String, u64>("other", Duration::from_secs(1))
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.delivery()),
            (&ErrorKind::PoolExhausted, Delivery::NotSent)
        );
        let text = error.to_string();
        assert!(text.contains("max_active_connections"), "{text}");
        assert!(text.contains("1 are held by commands that block"), "{text}");
        assert!(text.contains("1 are shared"), "{text}");
    });
}

#[test]
fn who_cannot_have_a_connection_alone_in_time_gives_its_place_up() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let options = options(&sim, a).pool_size(1).max_active_connections(2);
    let options = options.connect_timeout(Duration::from_secs(4));
    let client = Client::connect(options.checkout_timeout(Duration::from_millis(50))).unwrap();
    // Its dial hangs.
    sim.fault(a, Fault::HangAfter(0));
    let error = client
        .blpop::<String, u64>("queue", Duration::from_secs(1))
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (&ErrorKind::Timeout(Phase::Checkout), Delivery::NotSent)
    );
    sim.clear_faults(a).unwrap();
    client.ping().unwrap();
    client.rpush("queue", [7]).unwrap();
    let mut popped = None;
    eventually("the place is taken again", || {
        popped = client
            .blpop::<String, u64>("queue", Duration::from_secs(1))
            .ok();
        popped.is_some()
    });
    assert_eq!(popped.flatten().map(|(_, value)| value), Some(7));
}

#[test]
fn a_server_without_room_for_one_more_fails_only_the_caller_that_needs_it() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let client = Client::connect(options(&sim, a).pool_size(2)).unwrap();
    sim.fault(a, Fault::MaxClients);
    let error = client
        .blpop::<String, u64>("queue", Duration::from_secs(1))
        .unwrap_err();
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(error.to_string().contains("too many clients"), "{error}");
    client.ping().unwrap();
    let stats = client.stats();
    assert_eq!((stats.dials_failed, stats.connections_lost), (1, 0));
    sim.clear_faults(a).unwrap();
    client.rpush("queue", [7]).unwrap();
    let popped = client.blpop::<String, u64>("queue", Duration::from_secs(1));
    assert_eq!(popped.unwrap().map(|(_, value)| value), Some(7));
}

#[test]
fn a_connection_of_a_caller_that_blocked_moves_like_all_others() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = Client::connect(options(&sim, a).pool_size(1)).unwrap();
    client
        .blpop::<String, u64>("queue", Duration::from_millis(10))
        .unwrap();
    assert_eq!(client.stats().dedicated.len(), 1);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(5));
    eventually("both have moved", || {
        let stats = client.stats();
        let mut all = stats.shared.iter().chain(&stats.dedicated);
        all.all(|one| one.peer == Some(sim.addr(b)))
    });
    assert_eq!(client.stats().connections(), 2);
}

#[test]
fn a_bound_that_leaves_no_shared_connection_is_refused() {
    let sim = Sim::builder().start().unwrap();
    for bound in [0, 1, 16_385] {
        let options = options(&sim, sim.node(0)).max_active_connections(bound);
        let error = Client::lazy(options).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("max_active_connections"));
    }
    // Not above the pool's size, it makes the shared part smaller.
    let options = options(&sim, sim.node(0)).pool_size(8);
    let client = Client::lazy(options.clone().max_active_connections(4)).unwrap();
    assert_eq!(client.stats().shared.len(), 3);
    let client = Client::lazy(options).unwrap();
    assert_eq!(client.stats().shared.len(), 8);
}

#[test]
fn a_close_ends_the_wait_for_a_connection_alone() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let options = options(&sim, a).pool_size(1).max_active_connections(2);
    let client = Client::connect(options).unwrap();
    // The first waits for its dial, and the second for the first.
    sim.fault(a, Fault::HangAfter(0));
    std::thread::scope(|scope| {
        let waiting =
            [0, 1].map(|_| scope.spawn(|| client.blpop::<String, u64>("queue", Duration::ZERO)));
        let dialled = |now: &hitless::sim::Snapshot<'_>| now.open_on(a) == 2;
        assert!(sim.wait_until(SOON, dialled), "nothing is dialled");
        client.close();
        for caller in waiting {
            let error = caller.join().unwrap().unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Closed(_)), "{error:?}");
        }
    });
}

#[test]
fn a_full_target_gets_the_connections_as_soon_as_it_has_room() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = Client::connect(options(&sim, a).pool_size(4)).unwrap();
    fill(&client, 4);
    sim.fault(b, Fault::MaxClients);
    under_load(&client, 4, || {
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(6));
        // At half time one connection ends, to see whether that makes room.
        assert!(
            sim.wait_until(SOON, |now| now.open_on(a) == 3),
            "none gives way"
        );
        sim.clear_faults(b).unwrap();
        eventually("all have moved", || {
            let stats = client.stats();
            let there = |one: &&hitless::ConnectionStats| one.peer == Some(sim.addr(b));
            stats.shared.iter().filter(there).count() == 4
        });
    });
    // The coordinator hears of the last one later than who looks at the slots.
    let mut stats = client.maintenance();
    eventually("all are counted", || {
        stats = client.maintenance();
        (stats.handoffs_completed, stats.connections_moved) == (1, 4)
    });
    assert_eq!(
        stats.breakers.iter().map(|one| one.failures).sum::<u64>(),
        0
    );
}

#[test]
fn connections_that_are_to_be_kept_are_made_and_made_again_unasked() {
    let sim = Sim::builder().start().unwrap();
    let options = options(&sim, sim.node(0)).pool_size(8);
    let error = Client::lazy(options.clone().min_connections(9)).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Config);
    let client = Client::lazy(options.min_connections(3)).unwrap();
    eventually("they are made", || client.stats().connections() == 3);
    sim.kill(sim.connections()[0].id);
    eventually("it is made again", || {
        let stats = client.stats();
        (stats.connections_opened, stats.connections()) == (4, 3)
    });
    assert_eq!(
        sim.connections().iter().filter(|one| one.is_open()).count(),
        3
    );
}

/// Ends all connections of the client, and returns when it has noticed.
fn cut(sim: &Sim, client: &Client) {
    for connection in sim.connections() {
        sim.kill(connection.id);
    }
    eventually("the loss is noticed", || client.stats().connections() == 0);
}

#[test]
fn in_a_window_refused_dials_do_not_end_a_wait() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let options = options(&sim, a).pool_size(4).connect_retries(0);
    let client = Client::connect(options.checkout_timeout(SOON)).unwrap();
    fill(&client, 4);
    sim.failing_over(60, "1");
    eventually("the window", || !client.maintenance().windows.is_empty());
    sim.fault(a, Fault::Refuse);
    cut(&sim, &client);
    std::thread::scope(|scope| {
        let before = client.stats().dials_failed;
        let waits = scope.spawn(|| client.ping());
        eventually("dials fail", || client.stats().dials_failed >= before + 6);
        sim.clear_faults(a).unwrap();
        waits.join().unwrap().unwrap();
    });
}

#[test]
fn a_checkout_that_times_out_in_a_move_names_it() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let options = options(&sim, a).checkout_timeout(Duration::from_millis(100));
    let client = Client::connect(options.pool_size(1)).unwrap();
    sim.fault(b, Fault::Silence);
    sim.fault(a, Fault::HangAfter(0));
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
    eventually("the window", || !client.maintenance().windows.is_empty());
    cut(&sim, &client);
    let error = client.ping().unwrap_err();
    assert_eq!(
        error.kind(),
        &ErrorKind::Timeout(Phase::Checkout),
        "{error}"
    );
    let maintenance = error.maintenance().map(|maintenance| maintenance.name);
    assert_eq!(maintenance, Some("MOVING"), "{error}");
}
