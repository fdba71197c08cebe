//! What a client takes of the machine, and that it gives all of it back.
//!
//! These tests count threads and descriptors of the process, so each waits for its turn.
#![cfg(all(feature = "sim", target_os = "linux"))]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;
#[path = "lifecycle/connecting.rs"]
mod connecting;

use common::{SOON, by_name, eventually, fill, options, threads, within};
use hitless::sim::{Fault, Happened, Happening, Moving, Sim, Snapshot, Target};
use hitless::{
    Client, CloseReason, Commands, ErrorKind, MaintenanceOptions, Mode, Options,
    StreamConsumerOptions,
};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a close may take on a busy machine; what it would wait for in vain here lasts longer.
const CLOSE: Duration = Duration::from_secs(10);

/// Closes the client, and claims that it took no longer than promised and left no thread.
#[track_caller]
fn close_in_time(client: &Client) {
    let start = Instant::now();
    client.close();
    let took = start.elapsed();
    assert!(took <= CLOSE, "the close took {took:?}");
    no_threads();
}

/// Claims that no thread of a client is left. The system lists a thread for a moment after it was joined.
#[track_caller]
fn no_threads() {
    eventually("no thread is left", || threads::of_clients().is_empty());
}

/// Claims that a command failed because its client was closed.
#[track_caller]
fn ended_by_close<T: std::fmt::Debug>(result: hitless::Result<T>) {
    let error = result.unwrap_err();
    let closed = ErrorKind::Closed(CloseReason::ByUser);
    assert_eq!(*error.kind(), closed, "{error:?}");
}

/// Calls `command` until the client is closed, and yields how often it succeeded. Any other error
/// fails the test.
fn until_closed(mut command: impl FnMut() -> hitless::Result<()>) -> u64 {
    for count in 0.. {
        if let Err(error) = command() {
            let closed = ErrorKind::Closed(CloseReason::ByUser);
            assert_eq!(*error.kind(), closed, "{error:?}");
            return count;
        }
    }
    unreachable!()
}

#[test]
fn a_thousand_moves_leave_no_thread_and_no_descriptor_behind() {
    const NODES: usize = 240;
    const MOVES: usize = 1_000;
    /// As many as a client makes before its slots rest between moves.
    const MOVES_OF_ONE: usize = 3;
    let _alone = threads::alone();
    let sim = Sim::builder().nodes(NODES).start().unwrap();
    // Later than announced, as real servers do, and late enough for the slowest of machines.
    let close = Duration::from_secs(4);
    let begin = || {
        let client = Client::connect(by_name(&sim).pool_size(2)).unwrap();
        fill(&client, 2);
        client
    };
    // The harness starts and ends threads of its own.
    let taken = || {
        let threads = threads::of_clients().len() + threads::named("sim-").len();
        (threads, threads::descriptors())
    };
    // The first client warms up what the process keeps.
    begin().close();
    eventually("the first client is gone", || {
        sim.wait_until(SOON, |now| now.open() == 0)
    });
    eventually("no thread is left", || threads::of_clients().is_empty());
    let client = begin();
    let before = taken();
    client.close();
    drop(client);

    let mut moves = 0;
    let verified = AtomicU64::new(0);
    // Lets a node listen again that has been left, once it has closed what was left on it.
    let revive = |index: usize, left: usize| {
        let node = sim.node(index);
        let retired =
            |one: &Happened| matches!(one.what, Happening::Retired(gone, _) if gone == node);
        let all_gone =
            |now: &Snapshot<'_>| now.timeline().iter().filter(|&one| retired(one)).count() == left;
        assert!(
            sim.wait_until(SOON, all_gone),
            "node {index} does not retire"
        );
        sim.revive(node).unwrap();
    };
    while moves < MOVES {
        let client = begin();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let (client, stop, verified) = (&client, &stop, &verified);
                scope.spawn(move || {
                    let key = format!("count:{moves}:{thread}");
                    let mut count = 0;
                    while !stop.load(Ordering::Relaxed) {
                        count += 1;
                        assert_eq!(client.incr(&key).unwrap(), count);
                    }
                    verified.fetch_add(1, Ordering::Relaxed);
                });
            }
            for _ in 0..MOVES_OF_ONE {
                let [from, to] = [sim.node(moves % NODES), sim.node((moves + 1) % NODES)];
                if moves + 1 >= NODES {
                    revive((moves + 1) % NODES, (moves + 1) / NODES);
                }
                sim.advertise(&[to]);
                let target = if moves % 4 == 3 {
                    Target::Null(to)
                } else {
                    Target::Node(to)
                };
                let moving = Moving::new(from, target).announce(1).close_after(close);
                sim.start_moving(moving);
                let moved = sim.wait_until(SOON, |now| now.opted_in_on(to) == 2);
                let left = sim.wait_until(SOON, |now| now.open_on(from) == 0);
                assert!(moved && left, "move {moves}: {:?}", client.stats());
                moves += 1;
            }
            stop.store(true, Ordering::Relaxed);
        });
        let all = 2 * MOVES_OF_ONE as u64;
        eventually("every slot's move is counted", || {
            client.stats().connections_moved == all
        });
        let stats = client.stats();
        assert_eq!(stats.connections_lost, 0, "{stats:?}");
        client.close();
    }
    assert!(verified.into_inner() >= 2 * (MOVES / MOVES_OF_ONE) as u64);
    for index in (0..NODES).filter(|&index| index != moves % NODES) {
        revive(index, (moves - 1 - index) / NODES + 1);
    }
    let client = begin();
    let deadline = Instant::now() + SOON;
    // What the last client had is on its way out when the next one is there.
    while taken() != before && Instant::now() < deadline {
        sim.wait_until(Duration::from_millis(10), |_| false);
    }
    assert_eq!(taken(), before, "threads and descriptors");
    close_in_time(&client);
}

/// The switches of all threads of the clients, once they have come to rest.
#[track_caller]
fn at_rest() -> std::collections::BTreeMap<(u64, String), u64> {
    let deadline = Instant::now() + SOON;
    let (mut seen, mut since) = (threads::switches(), Instant::now());
    loop {
        common::pause(Duration::from_millis(20));
        let now = threads::switches();
        if now != seen {
            (seen, since) = (now, Instant::now());
        } else if since.elapsed() > Duration::from_millis(500) {
            return seen;
        }
        assert!(
            Instant::now() < deadline,
            "the threads do not come to rest: {seen:?}"
        );
    }
}

/// Measures for so long whether any thread of a client runs.
#[track_caller]
fn nothing_runs_for(span: Duration) {
    let before = at_rest();
    assert!(before.len() >= 3, "{before:?}");
    common::pause(span);
    assert_eq!(threads::switches(), before);
}

#[test]
fn an_idle_client_wakes_no_thread() {
    let _alone = threads::alone();
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0)).pool_size(4)).unwrap();
    client.ping().unwrap();
    nothing_runs_for(Duration::from_secs(10));
    // After a burst the threads look a few more times whether there is more.
    fill(&client, 4);
    nothing_runs_for(Duration::from_secs(5));
    client.ping().unwrap();
    close_in_time(&client);
}

#[test]
fn work_that_keeps_connections_wakes_no_thread_and_ends_with_the_client() {
    let _alone = threads::alone();
    // A real server: the simulator has no MONITOR.
    let redis = common::redis::Redis::start();
    let client = Client::connect(common::patient(Options::new(&redis.url()).unwrap())).unwrap();
    let lease = client.lease().unwrap();
    lease.watch("key").unwrap();
    let mut subscriber = client.subscriber().unwrap();
    subscriber.subscribe("channel").unwrap();
    let mut monitor = client.monitor().unwrap();
    std::thread::scope(|scope| {
        let _closing = common::Closing(&client);
        let taken = scope.spawn(|| client.blpop::<(), String>("queue", Duration::ZERO));
        let group = StreamConsumerOptions::new("stream", "group", "me").create_group("$");
        let mut consumer = client.stream_consumer(&group);
        let delivered = scope.spawn(move || consumer.next());
        let blocked = || client.info_sections("clients").unwrap();
        eventually("both wait", || blocked().get("blocked_clients") == Some(2));
        // Those who wait are threads of the program; the consumer asks again after its own time.
        nothing_runs_for(Duration::from_secs(5));
        close_in_time(&client);
        ended_by_close(taken.join().unwrap());
        assert!(delivered.join().unwrap().is_none_or(|item| item.is_err()));
    });
    ended_by_close(lease.get::<Option<i64>>("key"));
    ended_by_close(subscriber.next_within(SOON));
    let told = std::iter::from_fn(|| monitor.next()).find_map(Result::err);
    assert_eq!(
        *told.unwrap().kind(),
        ErrorKind::Closed(CloseReason::ByUser)
    );
    drop((lease, subscriber, monitor));
    no_threads();
}

#[test]
fn commands_in_flight_end_with_closed_when_the_client_closes() {
    let _alone = threads::alone();
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0)).pool_size(3)).unwrap();
    fill(&client, 3);
    sim.fault(sim.node(0), Fault::Silence);
    std::thread::scope(|scope| {
        let _closing = common::Closing(&client);
        let waiting: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| until_closed(|| client.ping())))
            .collect();
        let in_flight = || {
            client
                .stats()
                .shared
                .iter()
                .map(|one| one.requests)
                .sum::<usize>()
        };
        eventually("every thread waits for a reply", || in_flight() == 12);
        close_in_time(&client);
        for thread in waiting {
            thread.join().unwrap();
        }
    });
    let error = client.ping().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Closed(CloseReason::ByUser));
    assert_eq!(error.delivery(), hitless::Delivery::NotSent);
}

#[test]
fn blocked_commands_end_with_closed_when_the_client_closes() {
    let _alone = threads::alone();
    let sim = Sim::builder().start().unwrap();
    let options = options(&sim, sim.node(0)).pool_size(1);
    let client = Client::connect(options.max_active_connections(3)).unwrap();
    std::thread::scope(|scope| {
        let _closing = common::Closing(&client);
        let waiting: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| client.blpop::<String, String>("queue", Duration::ZERO)))
            .collect();
        // Both dedicated slots are taken, so that this one waits for a free one.
        assert!(sim.wait_until(SOON, |now| now.blocked() == 2));
        let third = scope.spawn(|| client.blpop::<String, String>("queue", Duration::ZERO));
        close_in_time(&client);
        for thread in waiting.into_iter().chain([third]) {
            ended_by_close(thread.join().unwrap());
        }
    });
}

#[test]
fn a_client_closes_while_old_connections_drain() {
    let _alone = threads::alone();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = Client::connect(options(&sim, a).pool_size(2)).unwrap();
    fill(&client, 2);
    std::thread::scope(|scope| {
        let _closing = common::Closing(&client);
        let waiting = scope.spawn(|| client.blpop::<String, String>("queue", Duration::ZERO));
        assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
        sim.start_moving(Moving::new(a, Target::Node(b)));
        assert!(sim.wait_until(SOON, |now| now.opted_in_on(b) == 3 && now.open_on(a) == 1));
        client.ping().unwrap();
        close_in_time(&client);
        ended_by_close(waiting.join().unwrap());
    });
}

#[test]
fn a_client_closes_while_its_connections_are_to_move_and_cannot() {
    let _alone = threads::alone();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    for fault in [Fault::Refuse, Fault::HangAfter(0)] {
        sim.fault(b, fault);
        // The second client is told of the move at once, and tries the place that hangs for as long.
        let options = options(&sim, a).connect_timeout(Duration::from_secs(2));
        let client = Client::connect(options.pool_size(4)).unwrap();
        fill(&client, 4);
        sim.start_moving(Moving::new(a, Target::Node(b)));
        eventually("the move has begun", || {
            client.stats().handoffs_started >= 1
        });
        close_in_time(&client);
        sim.clear_faults(b).unwrap();
    }
}

#[test]
fn a_second_close_returns_at_once() {
    let _alone = threads::alone();
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0))).unwrap();
    let clone = client.clone();
    close_in_time(&client);
    let start = Instant::now();
    client.close();
    clone.close();
    drop(client);
    assert!(start.elapsed() < CLOSE);
    assert!(clone.ping().is_err());
}

#[test]
fn many_threads_may_close_a_client_at_the_same_time() {
    let _alone = threads::alone();
    let sim = Sim::builder().start().unwrap();
    for _ in 0..20 {
        let client = Client::connect(options(&sim, sim.node(0)).pool_size(2)).unwrap();
        std::thread::scope(|scope| {
            let using: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| until_closed(|| client.ping())))
                .collect();
            for _ in 0..3 {
                scope.spawn(|| client.close());
            }
            for thread in using {
                thread.join().unwrap();
            }
        });
        no_threads();
    }
}

#[test]
fn dropping_the_last_clone_ends_all_threads() {
    let _alone = threads::alone();
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0)).pool_size(3)).unwrap();
    fill(&client, 3);
    let clone = client.clone();
    drop(client);
    clone.ping().unwrap();
    let start = Instant::now();
    drop(clone);
    assert!(start.elapsed() <= CLOSE);
    no_threads();
    assert!(sim.wait_until(SOON, |now| now.open() == 0));
}

#[test]
fn the_last_clone_may_be_dropped_by_any_thread() {
    let _alone = threads::alone();
    let sim = Sim::builder().start().unwrap();
    for _ in 0..20 {
        let client = Client::connect(options(&sim, sim.node(0)).pool_size(2)).unwrap();
        let users: Vec<_> = (0..4)
            .map(|_| {
                let client = client.clone();
                std::thread::spawn(move || {
                    for _ in 0..10 {
                        client.ping().unwrap();
                    }
                })
            })
            .collect();
        drop(client);
        for user in users {
            user.join().unwrap();
        }
        no_threads();
    }
}

#[test]
fn a_client_that_could_not_connect_leaves_no_thread() {
    let _alone = threads::alone();
    let sim = Sim::builder().password("right").start().unwrap();
    for password in ["", "wrong"] {
        let options = options(&sim, sim.node(0)).password(password);
        assert!(Client::connect(options).is_err());
        no_threads();
    }
}

#[test]
fn many_clients_come_and_go_at_the_same_time() {
    let _alone = threads::alone();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let before = {
        Client::connect(options(&sim, a)).unwrap().close();
        assert!(sim.wait_until(SOON, |now| now.open() == 0));
        threads::descriptors()
    };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let sim = &sim;
            scope.spawn(move || {
                for round in 0..8 {
                    let node = if thread % 2 == 0 { a } else { b };
                    let options = options(sim, node).pool_size(3);
                    let rude = round % 4;
                    let client = if rude == 0 {
                        Client::lazy(options).unwrap()
                    } else {
                        Client::connect(options).unwrap()
                    };
                    if rude == 1 {
                        // Commands under way when the last handle but theirs goes.
                        let users: Vec<_> = (0..2)
                            .map(|_| {
                                let client = client.clone();
                                std::thread::spawn(move || client.ping().unwrap())
                            })
                            .collect();
                        drop(client);
                        users.into_iter().for_each(|user| user.join().unwrap());
                    } else if rude == 2 {
                        client.ping().unwrap();
                        client.close();
                    }
                }
            });
        }
    });
    no_threads();
    assert!(sim.wait_until(SOON, |now| now.open() == 0));
    within(SOON, "every descriptor is closed", || {
        threads::descriptors() <= before
    });
}

#[test]
fn a_client_that_is_not_used_costs_its_coordinator_and_its_workers_only() {
    let _alone = threads::alone();
    let maintenance = MaintenanceOptions::new()
        .mode(Mode::Disabled)
        .max_workers(2);
    let options = Options::new("127.0.0.1:1")
        .unwrap()
        .maintenance(maintenance);
    let client = Client::lazy(options).unwrap();
    // A thread bears its name once it runs.
    let expected = ["hitless-coordin", "hitless-handoff", "hitless-handoff"];
    eventually("three threads run", || {
        let mut names: Vec<String> = threads::of_clients().into_values().collect();
        names.sort();
        names == expected
    });
    close_in_time(&client);
}
