//! Servers that send a client where it should not go, and places that are not what they were said to be.
//! The machine has tests of its own; these are about the whole client.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;
#[path = "pitfalls/support.rs"]
#[allow(dead_code, reason = "shared with the drills of pitfalls")]
mod support;

use common::{SOON, eventually, options};
use hitless::sim::{Fault, Moving, Sim, Target, Times};
use hitless::{Commands, Delivery, ErrorKind};
use support::{all_at, full, ms, peers, under_load};

#[test]
fn h2_places_that_cannot_be_read_are_counted_and_move_nothing() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 1);
    let port = sim.addr(b).port();
    let long = format!("{}.test:{port}", "a".repeat(250));
    let places = [
        ":6379",
        "127.0.0.2:",
        "127.0.0.2:0",
        "127.0.0.2:65536",
        "127.0.0.2:+1",
        "127.0.0.2:6379x",
        "127.0.0.2 :6379",
        "user@127.0.0.2:6379",
        "127.0.0.2/0:6379",
        "127.0.0.2\u{0}:6379",
        "127.0.0.2\r\n:6379",
        "[::1:6379",
        &long,
    ];
    for (place, count) in places.iter().zip(1..) {
        sim.start_moving(Moving::new(a, Target::Text((*place).to_owned())).announce(60));
        eventually(place, || {
            client.maintenance().notifications_malformed == count
        });
    }
    let stats = client.maintenance();
    assert_eq!((stats.handoffs_started, stats.windows_opened), (0, 0));
    assert_eq!(stats.targets_refused, 0);
    // What can be read is acted upon all the same.
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
    eventually("it has moved", || peers(&client) == [sim.addr(b)]);
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn h5_a_place_that_was_named_is_forgotten_with_its_time() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 1);
    // A place for the moment: the configured one goes on listening.
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(1));
    eventually("it has moved", || peers(&client) == [sim.addr(b)]);
    assert_eq!(
        client.options().get_endpoint().to_string(),
        sim.addr(a).to_string()
    );
    eventually("its time is over", || {
        client.maintenance().windows.is_empty()
    });
    sim.retire(b);
    eventually("it is back", || {
        // Which of them finds it out is not the question.
        let _ = client.ping();
        peers(&client) == [sim.addr(a)]
    });
    client.ping().unwrap();
}

#[test]
fn h6_a_flood_of_alternating_places_ends_at_one_of_them() {
    const FLOOD: usize = 2000;
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b, c] = [0, 1, 2].map(|node| sim.node(node));
    let client = full(options(&sim, a), 2);
    let (_, tally) = under_load(&client, 2, Some(ms(1)), || {
        for number in 0..FLOOD {
            let target = if number % 2 == 0 { b } else { c };
            sim.start_moving(Moving::new(a, Target::Node(target)).announce(60));
        }
        eventually("both have moved", || {
            let peers = peers(&client);
            peers.len() == 2 && !peers.contains(&sim.addr(a))
        });
        assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    });
    assert!(tally.errors.is_empty(), "{tally:?}");
    let dials = sim.connections().len();
    assert!(dials < 100, "{dials} dials for {FLOOD} notifications");
}

#[test]
fn h9_a_connection_that_dies_while_its_successor_is_dialled_fails_its_own_command_only() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    // The dial begins and does not end.
    sim.fault_times(b, Fault::HangAfter(0), Times::Next(1));
    let client = full(options(&sim, a), 1);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(6));
    assert!(sim.wait_until(SOON, |now| now.open_on(b) == 1));
    sim.fault_times(a, Fault::CloseUnanswered, Times::Next(1));
    let error = client.incr("key").unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (&ErrorKind::Io, Delivery::Unknown)
    );
    assert!(error.maintenance().is_some(), "{error}");
    // It was executed, and is not executed again.
    assert_eq!(client.incr("key").unwrap(), 2);
    eventually("it has moved", || peers(&client) == [sim.addr(b)]);
    assert_eq!(client.incr("key").unwrap(), 3);
}

#[test]
fn h9_a_connection_that_dies_right_after_the_swap_is_an_ordinary_loss() {
    for fault in [
        Fault::CloseUnanswered,
        Fault::CloseUnexecuted,
        Fault::ResetUnexecuted,
    ] {
        let sim = Sim::builder().nodes(2).start().unwrap();
        let [a, b] = [sim.node(0), sim.node(1)];
        let client = full(options(&sim, a), 1);
        assert_eq!(client.incr("key").unwrap(), 1);
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
        eventually("it has moved", || peers(&client) == [sim.addr(b)]);
        sim.fault_times(b, fault.clone(), Times::Next(1));
        let error = client.incr("key").unwrap_err();
        assert_eq!(
            (error.kind(), error.delivery()),
            (&ErrorKind::Io, Delivery::Unknown),
            "{fault:?}: {error}"
        );
        let executed = i64::from(fault == Fault::CloseUnanswered);
        assert_eq!(client.incr("key").unwrap(), 2 + executed, "{fault:?}");
        eventually("the loss is counted", || {
            client.stats().connections_lost == 1
        });
    }
}

#[test]
fn h9_an_idle_connection_that_dies_right_after_the_swap_costs_no_command() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 1);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
    eventually("it has moved", || peers(&client) == [sim.addr(b)]);
    assert!(sim.kill(sim.connections().last().unwrap().id));
    eventually("it is noticed", || client.stats().connections_lost == 1);
    client.set("key", "value").unwrap();
    assert!(all_at(&client, sim.addr(b), 1), "{:?}", client.stats());
    assert_eq!(client.stats().commands_unknown, 0);
}

#[cfg(feature = "sim-tls")]
mod encrypted {
    use super::*;
    use hitless::sim::Flaw;
    use hitless::{MaintenanceOptions, Options, TlsOptions};
    use std::io::Read;
    use std::net::{SocketAddr, TcpListener};
    use std::sync::{Arc, Mutex};
    use support::together;

    /// A place that accepts connections, answers nothing and keeps what it is sent.
    struct Pit {
        address: SocketAddr,
        received: Arc<Mutex<Vec<Vec<u8>>>>,
    }

    impl Pit {
        fn dig() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let received = Arc::new(Mutex::new(Vec::new()));
            let keep = Arc::clone(&received);
            std::thread::spawn(move || {
                // Until the process ends.
                for stream in listener.incoming().map_while(Result::ok) {
                    let keep = Arc::clone(&keep);
                    std::thread::spawn(move || {
                        let (mut stream, mut bytes) = (stream, [0; 4096]);
                        let number = {
                            let mut all = keep.lock().unwrap();
                            all.push(Vec::new());
                            all.len() - 1
                        };
                        while let Ok(count @ 1..) = stream.read(&mut bytes) {
                            keep.lock().unwrap()[number].extend_from_slice(&bytes[..count]);
                        }
                    });
                }
            });
            Self { address, received }
        }

        fn received(&self) -> Vec<Vec<u8>> {
            self.received.lock().unwrap().clone()
        }
    }

    const PASSWORD: &str = "c4n4ry";

    fn deployment() -> (Sim, Options) {
        let sim = Sim::builder()
            .nodes(2)
            .tls()
            .password(PASSWORD)
            .start()
            .unwrap();
        let trust = TlsOptions::default().ca_pem(sim.ca_pem().unwrap());
        let maintenance = MaintenanceOptions::new().handoff_timeout(ms(1000));
        let options = common::by_name(&sim).tls(trust).password(PASSWORD);
        (sim, options.maintenance(maintenance.max_jitter(ms(0))))
    }

    /// Lets the first node send a pool of two to a place where nobody may go, until it is given up.
    fn sent_to(sim: &Sim, options: Options, target: Target, seconds: i64) {
        let a = sim.node(0);
        let client = full(options, 2);
        let (_, tally) = under_load(&client, 2, Some(ms(1)), || {
            sim.start_moving(Moving::new(a, target).announce(seconds));
            eventually("the move is given up", || {
                client.stats().handoffs_failed == 1
            });
        });
        assert!(tally.errors.is_empty(), "{tally:?}");
        assert!(all_at(&client, sim.addr(a), 2), "{:?}", client.stats());
        assert_eq!(client.stats().connections_lost, 0);
    }

    #[test]
    fn h3_and_h4_a_place_that_proves_to_be_another_is_told_nothing() {
        let _together = together();
        for flaw in [Flaw::Expired, Flaw::UnknownAuthority, Flaw::WrongName] {
            let (sim, options) = deployment();
            let b = sim.node(1);
            sim.fault(b, Fault::Certificate(flaw));
            sent_to(&sim, options, Target::Node(b), 1);
            let tried: Vec<_> = sim
                .connections()
                .into_iter()
                .filter(|one| one.node == b)
                .collect();
            assert!(!tried.is_empty(), "{flaw:?}");
            // No command was sent, and so no password.
            assert!(
                tried
                    .iter()
                    .all(|one| one.counts.is_empty() && one.opted_in.is_none()),
                "{flaw:?}: {tried:?}"
            );
        }
    }

    #[test]
    fn h4_and_h7_a_place_that_stalls_the_encryption_is_told_nothing_and_stops_nobody() {
        let _together = together();
        let (sim, options) = deployment();
        let pit = Pit::dig();
        sent_to(&sim, options, Target::Text(pit.address.to_string()), 3);
        let received = pit.received();
        assert!(!received.is_empty());
        for bytes in received {
            // The hello of TLS and not a word without it: a handshake begins with 22.
            assert!(bytes.first().is_none_or(|first| *first == 22), "{bytes:?}");
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(PASSWORD) && !text.contains("AUTH"), "{text}");
        }
    }
}
