//! Which connections commands use, how many there are, and what one that breaks takes along.

#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use common::{Closing, Stop, eventually, patient};
use hitless::sim::{Fault, Sim};
use hitless::{Client, Commands, Delivery, ErrorKind, Options, cmd, pipe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CALLERS: usize = 64;
const BOUND: usize = 16;

/// Options as users have them: commands share the first connection.
fn options(sim: &Sim) -> Options {
    let options = Options::new(&sim.addr(sim.node(0)).to_string()).unwrap();
    patient(options).max_in_flight(512)
}

/// A client of one connection more than the callers need.
fn bounded(sim: &Sim) -> Client {
    let client = Client::connect(options(sim).min_connections(5).max_in_flight(BOUND)).unwrap();
    eventually("all are made", || client.stats().connections() == 5);
    client
}

/// How many commands wait on each connection.
fn loads(client: &Client) -> Vec<usize> {
    client
        .stats()
        .shared
        .iter()
        .map(|one| one.requests)
        .collect()
}

#[test]
fn a_connection_that_is_killed_takes_along_what_is_in_flight_on_it_and_no_more_than_the_bound() {
    let sim = Sim::builder().start().unwrap();
    let client = bounded(&sim);
    let open = sim.connections();
    // Nothing is answered, so that all commands are in flight; and no connection is made for those lost.
    sim.fault(sim.node(0), Fault::Silence);
    std::thread::scope(|scope| {
        let closing = Closing(&client);
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| scope.spawn(|| client.incr("count")))
            .collect();
        eventually("all wait", || {
            loads(&client).iter().sum::<usize>() == CALLERS
        });
        assert!(loads(&client).iter().all(|load| *load <= BOUND));
        let mut taken = Vec::new();
        for (number, connection) in (1..).zip(&open) {
            let before = client.stats().commands_unknown;
            assert!(sim.kill(connection.id));
            eventually("the loss is noticed", || {
                client.stats().connections_lost == number
            });
            eventually("who waited there is told", || {
                // Those who have yet to leave the lost connection count there.
                let stats = client.stats();
                let lost = stats.shared.iter().filter(|one| one.endpoint.is_none());
                let lost: Vec<usize> = lost.map(|one| one.requests).collect();
                let waiting: usize = stats.shared.iter().map(|one| one.requests).sum();
                // It is counted before it leaves its place.
                let is_gone = stats.connections() as u64 + number == open.len() as u64;
                let have_left = is_gone && lost.iter().all(|one| *one == 0);
                have_left && waiting + client.stats().commands_unknown as usize == CALLERS
            });
            taken.push(client.stats().commands_unknown - before);
        }
        assert!(
            taken.iter().all(|taken| *taken <= BOUND as u64),
            "{taken:?}"
        );
        assert_eq!(taken.iter().sum::<u64>(), CALLERS as u64);
        drop(closing);
        for caller in callers {
            let error = caller.join().unwrap().unwrap_err();
            assert_eq!(error.delivery(), Delivery::Unknown, "{error:?}");
        }
    });
}

#[test]
fn under_load_too_a_connection_that_is_killed_takes_no_more_than_the_bound_along() {
    let sim = Sim::builder().start().unwrap();
    let client = bounded(&sim);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stopping = Stop(&stop);
        for _ in 0..CALLERS {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    if let Err(error) = client.incr("count") {
                        assert_eq!(error.delivery(), Delivery::Unknown, "{error:?}");
                    }
                }
            });
        }
        for number in 1..=20 {
            // Fewer than five are too few for all callers at some moment.
            eventually("there are enough", || client.stats().connections() >= 5);
            // One that has served: to lose one that is being opened is a failed dial.
            eventually("one that has served is killed", || {
                let all = sim.connections();
                let mut serving = (all.iter()).filter(|one| one.is_open() && one.count("incr") > 0);
                serving.next().is_some_and(|one| sim.kill(one.id))
            });
            eventually("the loss is noticed", || {
                client.stats().connections_lost >= number
            });
            // Of all so far: on a busy machine callers learn of a loss only after the next one.
            let taken = client.stats().commands_unknown;
            assert!(taken <= BOUND as u64 * number, "{taken} of {number}");
        }
        drop(stopping);
    });
}

#[test]
fn callers_share_the_first_connection_and_one_more_is_kept_as_a_spare() {
    let sim = Sim::builder().start().unwrap();
    // On a busy machine a connection may seem held up, and a third would be opened in a larger pool.
    let client = Client::connect(options(&sim).pool_size(2)).unwrap();
    client.ping().unwrap();
    assert_eq!(client.stats().connections(), 1, "a caller alone has one");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stopping = Stop(&stop);
        for _ in 0..8 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    client.ping().unwrap();
                }
            });
        }
        eventually("a spare", || client.stats().connections() == 2);
    });
    // What the first one loses, the spare takes over at once: nothing can be dialled.
    sim.fault(sim.node(0), Fault::Refuse);
    let first = sim.connections()[0].id;
    assert!(sim.kill(first));
    eventually("the loss is noticed", || {
        client.stats().connections_lost == 1
    });
    for _ in 0..100 {
        client.ping().unwrap();
    }
    assert_eq!(client.stats().connections(), 1);
}

#[test]
fn a_pool_of_one_connection_has_no_spare() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim).pool_size(1)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..200).for_each(|_| client.ping().unwrap()));
        }
    });
    assert!(client.stats().requests_shared > 0);
    assert_eq!(client.stats().connections_opened, 1);
}

/// How often the command of this name was executed on each connection of a client that has two.
fn where_executed(sim: &Sim, name: &str) -> [u64; 2] {
    let all = sim.connections();
    let mut counts: Vec<_> = all.iter().map(|one| one.count(name)).collect();
    counts.resize(2, 0);
    counts.sort_unstable();
    [counts[1], counts[0]]
}

#[test]
fn large_requests_and_those_that_take_long_leave_the_first_connection_to_small_ones() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim).min_connections(2)).unwrap();
    eventually("both are made", || client.stats().connections() == 2);
    // All of these from one thread: no two are in flight at the same time.
    for _ in 0..10 {
        client.incr("count").unwrap();
    }
    let all = sim.connections();
    let first = all.iter().find(|one| one.count("incr") == 10).unwrap().id;
    let on_first = |name: &str| {
        let all = sim.connections();
        let one = all.iter().find(|one| one.id == first).unwrap();
        one.count(name)
    };
    let large = vec![b'x'; 100_000];
    client.set("large:1", &large).unwrap();
    assert_eq!(on_first("set"), 0, "a request of more than 64 KiB");
    pipe().atomic().incr("count").exec(&client).unwrap();
    assert_eq!(on_first("exec"), 0, "a transaction");
    let mut many = pipe();
    for _ in 0..200 {
        many.decr("count");
    }
    many.exec(&client).unwrap();
    assert_eq!(on_first("decr"), 0, "a pipeline of many commands");
    cmd("KEYS").arg("*").exec(&client).unwrap();
    assert_eq!(on_first("keys"), 0, "a command that goes through all keys");
    // Among others, too; and what was taken out counts no more.
    let mut few = pipe();
    few.add(&cmd("GET").arg("count")).add(&cmd("KEYS").arg("*"));
    few.run(&client);
    assert_eq!((on_first("keys"), on_first("get")), (0, 0));
    few.clear();
    few.add(&cmd("GET").arg("count"))
        .add(&cmd("GET").arg("count"));
    few.run(&client);
    assert_eq!(on_first("get"), 2);
    assert_eq!(on_first("incr"), 10, "nor that within the transaction");
}

#[test]
fn the_size_of_replies_is_learned_by_command_and_pattern_of_the_key() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim).min_connections(2)).unwrap();
    eventually("both are made", || client.stats().connections() == 2);
    let large = vec![b'x'; 100_000];
    for number in 0..10 {
        client.set(format!("photo:{number}"), &large).unwrap();
    }
    let get = |key: String| {
        let value: Vec<u8> = client.get(key).unwrap();
        value.len()
    };
    // Unknown at first: the thread that sent large requests is remembered, and this is another one.
    let other = |work: &(dyn Fn() + Sync)| {
        std::thread::scope(|scope| scope.spawn(work).join().unwrap());
    };
    other(&|| assert_eq!(get("photo:0".to_owned()), large.len()));
    let [before, rest] = where_executed(&sim, "get");
    assert_eq!((before, rest), (1, 0));
    // Each from a thread of its own, so that the pattern decides.
    for number in 1..10 {
        other(&move || assert_eq!(get(format!("photo:{number}")), 100_000));
    }
    assert_eq!(
        where_executed(&sim, "get"),
        [9, 1],
        "the others went elsewhere"
    );
}

#[test]
fn no_reply_reaches_another_caller_however_short_their_time_is() {
    const MANY: usize = 512;
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim).pool_size(1)).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..MANY {
            let client = &client;
            scope.spawn(move || {
                for round in 0..40 {
                    let mine = format!("{caller}:{round}");
                    let mut ask = cmd("ECHO").arg(&mine);
                    // Most of them give up, and some of these while they write or read for others.
                    if (caller + round) % 4 > 0 {
                        ask = ask.timeout(Duration::from_nanos(1));
                    }
                    match ask.query::<String>(client) {
                        Ok(reply) => assert_eq!(reply, mine),
                        Err(error) => assert_ne!(*error.kind(), ErrorKind::Protocol, "{error:?}"),
                    }
                }
            });
        }
    });
    assert_eq!(cmd("ECHO").arg("x").query::<String>(&client).unwrap(), "x");
    let stats = client.stats();
    assert_eq!(
        stats.shared.iter().map(|one| one.requests).sum::<usize>(),
        0
    );
}
