//! Servers, networks and users that do what they should not.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

#[path = "adversity/bytes.rs"]
mod bytes;
mod common;
#[path = "adversity/configuration.rs"]
mod configuration;

use common::fake::{Fake, Peer, answer, opening_answer};
use common::redis::Redis;
use common::{SOON, by_name, eventually, fill, options, within};
use hitless::sim::{Fault, Moving, Sim, Target};
use hitless::{
    Client, Cmd, Commands, Delivery, ErrorKind, MaintenanceOptions, Mode, Options, Protocol,
    TcpOptions, pipe,
};
use hitless::{Push, Value};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn echo(client: &Client, text: &str) -> hitless::Result<String> {
    client.query(&Cmd::new("ECHO").arg(text))
}

fn to(fake: &Fake) -> Options {
    common::patient(Options::new(&fake.address.to_string()).unwrap())
}

// What a server says about maintenance.

#[test]
fn a_malformed_moving_is_counted_and_ignored() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let client = Client::connect(options(&sim, a).pool_size(2)).unwrap();
    fill(&client, 2);
    let bulk = |text: &str| Value::Bulk(text.into());
    let shapes: Vec<Vec<Value>> = vec![
        vec![],
        vec![Value::Int(1)],
        vec![Value::Int(1), bulk("soon"), bulk("127.0.0.2:6379")],
        vec![Value::Int(1), Value::Int(2), bulk("nowhere:port")],
        vec![Value::Int(1), Value::Int(2), bulk("127.0.0.2:99999")],
        vec![Value::Int(1), Value::Int(2), Value::Bulk(vec![0xff, 0xfe])],
        vec![
            Value::Int(1),
            Value::Int(2),
            Value::array(vec![bulk("127.0.0.2:6379")]),
        ],
    ];
    let mut sent = 0;
    for args in shapes {
        sent += sim.push(
            a,
            &Push {
                kind: b"MOVING".to_vec(),
                args: args.into(),
            },
        ) as u64;
        eventually("the push is counted", || {
            client.stats().notifications_malformed == sent
        });
    }
    let stats = client.stats();
    assert_eq!(
        (stats.handoffs_started, stats.connections_lost),
        (0, 0),
        "{stats:?}"
    );
    assert_eq!(
        (stats.connections(), stats.connections_opened),
        (2, 2),
        "{stats:?}"
    );
    client.ping().unwrap();
    // A good one is still heard.
    sim.start_moving(Moving::new(a, Target::Node(sim.node(1))).announce(1));
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(sim.node(1)) == 2));
}

#[test]
fn a_notification_that_comes_with_the_end_of_the_opening_is_heard_at_once() {
    let fake = Fake::start(|peer| {
        let mut out = Vec::new();
        for _ in 0..4 {
            let words = peer.read()?;
            out.extend_from_slice(opening_answer(&words).unwrap().as_bytes());
        }
        // In one write: nothing more follows that would show that there is something to read.
        out.extend_from_slice(b">4\r\n$9\r\nMIGRATING\r\n:1\r\n:2\r\n$2\r\n[]\r\n");
        peer.send(out)?;
        peer.serve()
    });
    let client = Client::connect(to(&fake)).unwrap();
    eventually("it is heard", || client.stats().notifications == 1);
    client.ping().unwrap();
}

#[test]
fn a_place_that_may_not_be_dialled_is_refused_and_nothing_moves() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let client = Client::connect(options(&sim, a)).unwrap();
    for (count, place) in [
        "169.254.169.254:80",
        "0.0.0.0:6379",
        "224.0.0.1:6379",
        "255.255.255.255:6379",
    ]
    .into_iter()
    .enumerate()
    {
        sim.start_moving(Moving::new(a, Target::Text(place.into())).announce(1));
        let refused = count as u64 + 1;
        eventually("the place is refused", || {
            client.stats().targets_refused == refused
        });
    }
    assert_eq!(client.stats().handoffs_started, 0);
    client.ping().unwrap();
    assert_eq!(sim.connections().len(), 1);
}

/// Sends verified commands until `end`, at a pace that leaves the machine to others. Yields how long each took with
/// the pause behind it, the shortest first: a moment in which the machine stands still is in a time of every thread.
fn measure(client: &Client, end: Instant) -> Vec<Duration> {
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                scope.spawn(move || {
                    let mut times = Vec::new();
                    while Instant::now() < end || times.len() < 10 {
                        let text = format!("{thread}:{}", times.len());
                        let start = Instant::now();
                        assert_eq!(echo(client, &text).unwrap(), text);
                        common::pause(Duration::from_millis(1));
                        times.push(start.elapsed());
                    }
                    times
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    times.sort();
    times
}

/// Moves a pool to a node that cannot be used, and then lets the old node die.
fn old_sockets_serve_on(fault: Fault) {
    const WINDOW: Duration = Duration::from_secs(2);
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b, c] = [sim.node(0), sim.node(1), sim.node(2)];
    let maintenance = MaintenanceOptions::new().handoff_timeout(WINDOW);
    let client = Client::connect(by_name(&sim).pool_size(3).maintenance(maintenance)).unwrap();
    fill(&client, 3);
    // It goes through the same pauses of the machine, and takes no part in the move.
    let bystander = Client::connect(options(&sim, c).pool_size(3)).unwrap();
    fill(&bystander, 3);
    let before = measure(&client, Instant::now() + Duration::from_millis(300));
    let opened = client.stats().connections_opened;
    sim.fault(b, fault);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(2));
    let end = Instant::now() + WINDOW + Duration::from_millis(200);
    let (during, beside) = std::thread::scope(|scope| {
        let beside = scope.spawn(|| measure(&bystander, end));
        (measure(&client, end), beside.join().unwrap())
    });
    bystander.close();
    // On a machine that stood still, the end of the measurement may come before the first dial.
    eventually("the move has been tried", || {
        client.stats().dials_failed > 0
    });
    let stats = client.stats();
    assert_eq!(
        (stats.handoffs_started, stats.connections_lost),
        (1, 0),
        "{stats:?}"
    );
    assert_eq!(
        (stats.connections_moved, stats.connections_opened),
        (0, opened),
        "{stats:?}"
    );
    let open = sim
        .connections()
        .iter()
        .filter(|one| one.is_open() && one.node == a)
        .count();
    assert_eq!(open, 3);
    let bound = (before[before.len() * 99 / 100] * 20).max(Duration::from_millis(200));
    let slow = |times: &[Duration]| times.iter().filter(|&&time| time > bound).count();
    let (own, others) = (slow(&during), slow(&beside));
    assert!(
        own <= others + (during.len() / 100).max(3),
        "{own} of {} took longer than {bound:?}, {others} of {} beside",
        during.len(),
        beside.len()
    );
    let slowest = |times: &[Duration]| times[times.len() - 1];
    let bound = slowest(&beside) * 2 + Duration::from_millis(500);
    assert!(
        slowest(&during) <= bound,
        "slowest {:?}, beside {:?}",
        slowest(&during),
        slowest(&beside)
    );
    // What was configured leads elsewhere now, and the old node dies.
    sim.advertise(&[c]);
    sim.retire(a);
    eventually("the client connects by its configured name", || {
        client.ping().is_ok()
    });
    let peer = client.stats().shared.iter().find_map(|one| one.peer);
    assert_eq!(peer, Some(sim.addr(c)));
}

#[test]
fn while_the_new_place_refuses_connections_the_old_sockets_serve_on() {
    old_sockets_serve_on(Fault::Refuse);
}

#[test]
fn while_the_new_place_answers_nothing_the_old_sockets_serve_on() {
    old_sockets_serve_on(Fault::HangAfter(0));
}

#[test]
fn while_the_new_place_closes_in_the_opening_the_old_sockets_serve_on() {
    old_sockets_serve_on(Fault::CloseAfter(30));
}

#[test]
fn while_the_new_place_rejects_the_password_the_old_sockets_serve_on() {
    let line = "WRONGPASS invalid username-password pair or user is disabled.";
    old_sockets_serve_on(Fault::Answer("hello".into(), line.into()));
}

#[test]
fn a_server_without_notifications_is_served_in_mode_auto_and_refused_in_mode_enabled() {
    use hitless::sim::OptIn;
    for refusal in [
        OptIn::Disabled,
        OptIn::Forbidden,
        OptIn::Nil,
        OptIn::UnknownToRedis6,
        OptIn::UnknownToRedis7,
    ] {
        let sim = Sim::builder().opt_in(refusal).start().unwrap();
        let a = sim.node(0);
        let client = Client::connect(options(&sim, a).pool_size(3)).unwrap();
        fill(&client, 3);
        let stats = client.stats();
        assert!(
            stats.shared.iter().all(|one| !one.opted_in),
            "{refusal:?}: {stats:?}"
        );
        // A refusal counts among the server's errors, so it is asked for once.
        assert_eq!(stats.opt_ins_refused, 1, "{refusal:?}");
        let required = MaintenanceOptions::new().mode(Mode::Enabled);
        let error = Client::connect(options(&sim, a).maintenance(required)).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("maintenance notifications are required"),
            "{refusal:?}: {text}"
        );
        assert_eq!(error.delivery(), Delivery::NotSent);
    }
}

#[test]
fn a_server_that_knows_resp2_only_is_served_in_mode_auto_and_refused_in_mode_enabled() {
    let sim = Sim::builder()
        .resp2_only()
        .password("right")
        .start()
        .unwrap();
    let options = options(&sim, sim.node(0)).password("right").database(3);
    let client = Client::connect(options.clone().pool_size(2)).unwrap();
    client.hset("hash", "field", 1).unwrap();
    assert_eq!(
        client.hgetall::<HashMap<String, i64>>("hash").unwrap()["field"],
        1
    );
    assert!(
        sim.connections()
            .iter()
            .all(|one| one.protocol == Protocol::Resp2)
    );
    let required = MaintenanceOptions::new().mode(Mode::Enabled);
    let error = Client::connect(options.maintenance(required)).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("maintenance notifications are required"),
        "{text}"
    );
}

#[test]
fn pushes_of_unknown_kinds_are_counted_and_stand_in_nobodys_way() {
    const STORM: usize = 100_000;
    let fake = Fake::start(|peer| {
        let push = |number| format!(">3\r\n$4\r\nnews\r\n:{number}\r\n_\r\n");
        loop {
            let command = peer.next()?;
            let mut out = answer(&command);
            if command[0] == b"STORM" {
                let before: String = (0..STORM / 2).map(push).collect();
                let after: String = (STORM / 2..STORM).map(push).collect();
                out = [before.as_bytes(), &out, after.as_bytes()].concat();
            }
            peer.send(out)?;
        }
    });
    let client = Client::connect(to(&fake).pool_size(1)).unwrap();
    let storm = Cmd::new("STORM").timeout(SOON);
    client.query::<()>(&storm).unwrap();
    assert_eq!(echo(&client, "after").unwrap(), "after");
    let stats = client.stats();
    assert_eq!(stats.pushes_unknown, STORM as u64, "{stats:?}");
    assert_eq!(
        (stats.notifications, stats.connections_lost),
        (0, 0),
        "{stats:?}"
    );
    assert_eq!(fake.accepted(), 1);
}

// Commands that take too long, and servers that die.

/// Stops a real server for a while; the reply shows that it is over.
fn pause(redis: &Redis, seconds: f64) {
    let mut stream = TcpStream::connect(redis.address).unwrap();
    write!(stream, "DEBUG SLEEP {seconds}\r\n").unwrap();
    let mut reply = [0; 5];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"+OK\r\n");
}

#[test]
fn a_late_reply_reaches_nobody_and_the_pool_recovers() {
    let redis = Redis::start();
    let options = Options::new(&redis.url()).unwrap().pool_size(4);
    let client = Client::connect(options.command_timeout(Duration::from_millis(100))).unwrap();
    let stop = AtomicBool::new(false);
    let (late, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (client, stop, late, done) = (&client, &stop, &late, &done);
            scope.spawn(move || {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    let text = format!("{thread}:{number}");
                    match echo(client, &text) {
                        Ok(back) => {
                            assert_eq!(back, text);
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) if error.delivery() == Delivery::Unknown => {
                            assert!(error.is_timeout(), "{error:?}");
                            late.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => assert_eq!(error.delivery(), Delivery::NotSent, "{error:?}"),
                    }
                }
            });
        }
        for round in 1..=4 {
            let before = late.load(Ordering::Relaxed);
            // Again, if this machine stood still as long as the server did.
            eventually(&format!("some replies come late, round {round}"), || {
                pause(&redis, 0.3);
                late.load(Ordering::Relaxed) > before
            });
            let since = done.load(Ordering::Relaxed);
            eventually("the pool recovers", || {
                done.load(Ordering::Relaxed) > since + 100
            });
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(echo(&client, "after").unwrap(), "after");
}

#[test]
fn a_command_that_times_out_says_that_it_may_have_run() {
    let sim = Sim::builder().start().unwrap();
    let timeout = Duration::from_millis(80);
    let client = Client::connect(options(&sim, sim.node(0)).command_timeout(timeout)).unwrap();
    sim.fault(sim.node(0), Fault::Silence);
    let start = Instant::now();
    let error = client.incr("count").unwrap_err();
    assert!(start.elapsed() >= timeout);
    assert_eq!(
        *error.kind(),
        ErrorKind::Timeout(hitless::Phase::AwaitReply),
        "{error:?}"
    );
    assert_eq!(
        (error.delivery(), error.is_safe_to_retry()),
        (Delivery::Unknown, false)
    );
    assert_eq!(error.command(), Some("INCR"));
    sim.clear_faults(sim.node(0)).unwrap();
    eventually("the client recovers", || client.incr("count").is_ok());
}

#[test]
fn a_server_that_is_killed_and_restarted_loses_nothing_acknowledged_and_doubles_nothing() {
    const THREADS: usize = 6;
    // Its log is written before each reply: with a sync every second it might be written later.
    let mut redis = Redis::with(&["--appendonly", "yes", "--appendfsync", "no"]);
    let client = Client::connect(Options::new(&redis.url()).unwrap().pool_size(3)).unwrap();
    let stop = AtomicBool::new(false);
    let (acknowledged, unknown) = (AtomicI64::new(0), AtomicI64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let (client, stop) = (&client, &stop);
            let (acknowledged, unknown) = (&acknowledged, &unknown);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    match client.incr("count") {
                        Ok(_) => acknowledged.fetch_add(1, Ordering::Relaxed),
                        Err(error) => match error.delivery() {
                            Delivery::NotSent => 0,
                            Delivery::Unknown => unknown.fetch_add(1, Ordering::Relaxed),
                            _ => {
                                // Refused, and thereby not executed.
                                assert_eq!(error.code(), Some("LOADING"), "{error:?}");
                                0
                            }
                        },
                    };
                }
            });
        }
        for _ in 0..3 {
            let before = acknowledged.load(Ordering::Relaxed);
            eventually("work is done", || {
                acknowledged.load(Ordering::Relaxed) > before + 200
            });
            redis.kill();
            redis.restart();
            let before = acknowledged.load(Ordering::Relaxed);
            within(
                Duration::from_secs(5),
                "a first success after the restart",
                || acknowledged.load(Ordering::Relaxed) > before,
            );
        }
        stop.store(true, Ordering::Relaxed);
    });
    let executed: i64 = client.get("count").unwrap();
    let (acknowledged, unknown) = (acknowledged.into_inner(), unknown.into_inner());
    assert!(
        acknowledged <= executed,
        "{acknowledged} acknowledged, {executed} executed"
    );
    assert!(
        executed <= acknowledged + unknown,
        "{executed} executed, {acknowledged} acknowledged, {unknown} unknown"
    );
    // At each of the three deaths, every thread may meet every connection before its end shows.
    assert!(unknown <= 3 * 3 * THREADS as i64, "{unknown} unknown");
}

#[test]
fn the_end_of_idle_connections_is_noticed_without_a_command_and_costs_none() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0)).pool_size(2)).unwrap();
    fill(&client, 2);
    for record in sim.connections() {
        sim.kill(record.id);
    }
    eventually("both ends are noticed", || {
        client.stats().connections_lost == 2
    });
    for _ in 0..10 {
        client.ping().unwrap();
    }
}

// Much data, little room.

/// Sends 64 MiB through a connection and gets them back.
fn flood(client: &Client, count: usize, size: usize) {
    let mut pipeline = pipe();
    pipeline.timeout(Duration::from_secs(60));
    let value = |number: usize| {
        let mut value = vec![b'a' + (number % 26) as u8; size];
        value[..8].copy_from_slice(&(number as u64).to_le_bytes());
        value
    };
    for number in 0..count {
        pipeline.add(&Cmd::new("ECHO").arg(value(number)));
    }
    let results = pipeline.run(client);
    assert_eq!(results.len(), count);
    for (number, result) in results.into_iter().enumerate() {
        let back = result.unwrap().into_bytes().unwrap();
        assert!(back == value(number), "reply {number} is not its command's");
    }
}

#[test]
fn more_than_fits_goes_in_and_out_of_one_connection_at_the_same_time() {
    // It reads no command before it has written the reply to the last one.
    let fake = Fake::start(Peer::serve);
    let tcp = TcpOptions::default()
        .send_buffer(8 << 10)
        .receive_buffer(8 << 10);
    let client = Client::connect(to(&fake).pool_size(1).tcp(tcp)).unwrap();
    flood(&client, 64, 1 << 20);
    assert_eq!(client.stats().connections_opened, 1);
}

#[test]
fn many_threads_send_more_than_fits_through_one_connection() {
    let fake = Fake::start(Peer::serve);
    let tcp = TcpOptions::default()
        .send_buffer(8 << 10)
        .receive_buffer(8 << 10);
    let options = to(&fake)
        .pool_size(1)
        .tcp(tcp)
        .command_timeout(Duration::from_secs(60));
    let client = Client::connect(options).unwrap();
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let (client, start) = (&client, &start);
            scope.spawn(move || {
                start.wait();
                for size in [1, 300 << 10, 3, 1 << 20] {
                    let value = vec![thread; size];
                    let back: Vec<u8> = client.query(&Cmd::new("ECHO").arg(&value)).unwrap();
                    assert!(
                        back == value,
                        "a reply of {} bytes is not its command's",
                        back.len()
                    );
                }
            });
        }
    });
}
