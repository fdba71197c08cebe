//! Servers, networks and users that do what they should not.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::fake::{Fake, Peer, answer, bulk, moving, opening_answer};
use common::redis::Redis;
use common::{SOON, by_name, eventually, fill, options, within};
use hitless::protocol::{Push, Value};
use hitless::sim::{Fault, Moving, Sim, Target};
use hitless::{
    Client, Cmd, Commands, Delivery, ErrorKind, MaintenanceOptions, Mode, Options, Protocol,
    TcpOptions, pipe,
};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
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
        (stats.operations_started, stats.connections_lost),
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
    assert_eq!(client.stats().operations_started, 0);
    client.ping().unwrap();
    assert_eq!(sim.connections().len(), 1);
}

/// Sends verified commands until `end`, at a pace that leaves the machine to others. Yields the time
/// within which 99 of 100 took place, and that of the slowest.
fn measure(client: &Client, end: Instant) -> (Duration, Duration) {
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                scope.spawn(move || {
                    let mut times = Vec::new();
                    while Instant::now() < end || times.len() < 10 {
                        let text = format!("{thread}:{}", times.len());
                        let start = Instant::now();
                        assert_eq!(echo(client, &text).unwrap(), text);
                        times.push(start.elapsed());
                        std::thread::park_timeout(Duration::from_millis(1));
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
    (times[times.len() * 99 / 100], times[times.len() - 1])
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
    let (before, _) = measure(&client, Instant::now() + Duration::from_millis(300));
    let opened = client.stats().connections_opened;
    sim.fault(b, fault);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(2));
    let end = Instant::now() + WINDOW + Duration::from_millis(200);
    let ((during, slowest), (beside, slowest_beside)) = std::thread::scope(|scope| {
        let beside = scope.spawn(|| measure(&bystander, end));
        (measure(&client, end), beside.join().unwrap())
    });
    bystander.close();
    let stats = client.stats();
    assert_eq!(
        (stats.operations_started, stats.connections_lost),
        (1, 0),
        "{stats:?}"
    );
    assert!(stats.dials_failed > 0, "{stats:?}");
    assert_eq!(
        (stats.handoffs, stats.connections_opened),
        (0, opened),
        "{stats:?}"
    );
    let open = sim
        .connections()
        .iter()
        .filter(|one| one.is_open() && one.node == a)
        .count();
    assert_eq!(open, 3);
    let bound = (before.max(beside) * 20).max(Duration::from_millis(200));
    assert!(
        during <= bound,
        "p99 {before:?} before, {during:?} in the window, {beside:?} beside"
    );
    let bound = slowest_beside * 2 + Duration::from_millis(500);
    assert!(
        slowest <= bound,
        "slowest {slowest:?}, beside {slowest_beside:?}"
    );
    // What was configured leads elsewhere now, and the old node dies.
    sim.advertise(&[c]);
    sim.retire(a);
    eventually("the client connects by its configured name", || {
        client.ping().is_ok()
    });
    let peer = client.stats().slots.iter().find_map(|slot| slot.peer);
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
            stats.slots.iter().all(|slot| !slot.opted_in),
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
    assert_eq!(client.hgetall::<String, i64>("hash").unwrap()["field"], 1);
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

// Bytes that are no reply.

/// Serves the first connection by `script`, all later ones as a server should.
fn misbehave_once(
    script: impl Fn(&mut Peer) -> std::io::Result<()> + Send + Sync + 'static,
) -> Fake {
    Fake::start(move |peer| {
        if peer.number == 0 {
            script(peer)
        } else {
            peer.serve()
        }
    })
}

#[test]
fn after_malformed_bytes_each_waiter_gets_one_error_and_the_connection_is_replaced() {
    const THREADS: usize = 8;
    let fake = misbehave_once(|peer| {
        let commands: Vec<_> = (0..THREADS)
            .map(|_| peer.next())
            .collect::<Result<_, _>>()?;
        let mut out: Vec<u8> = commands[..3].iter().flat_map(answer).collect();
        out.extend_from_slice(b"?what\r\n");
        // What follows looks like replies, but nobody may trust it.
        out.extend(commands[3..].iter().flat_map(answer));
        peer.send(out)?;
        peer.next().map(drop)
    });
    let client = Client::connect(to(&fake).pool_size(1)).unwrap();
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let client = &client;
                scope.spawn(move || (thread, echo(client, &format!("<{thread}>"))))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut answered = 0;
    for (thread, result) in results {
        match result {
            Ok(text) => {
                assert_eq!(text, format!("<{thread}>"));
                answered += 1;
            }
            Err(error) => {
                assert_eq!(*error.kind(), ErrorKind::Protocol, "{error:?}");
                assert_eq!(error.delivery(), Delivery::Unknown, "{error:?}");
            }
        }
    }
    assert_eq!(answered, 3);
    assert_eq!(echo(&client, "later").unwrap(), "later");
    eventually("the loss is counted", || {
        client.stats().connections_lost == 1
    });
    assert_eq!(fake.accepted(), 2);
}

#[test]
fn a_pipeline_keeps_the_replies_that_came_before_malformed_bytes() {
    let fake = misbehave_once(|peer| {
        let commands: Vec<_> = (0..4).map(|_| peer.next()).collect::<Result<_, _>>()?;
        let mut out: Vec<u8> = commands[..2].iter().flat_map(answer).collect();
        out.extend_from_slice(b"$5\r\nhello?!");
        peer.send(out)?;
        peer.next().map(drop)
    });
    let client = Client::connect(to(&fake).pool_size(1)).unwrap();
    let mut pipeline = pipe();
    for word in ["a", "b", "c", "d"] {
        pipeline.add(&Cmd::new("ECHO").arg(word));
    }
    let results = pipeline.run(&client);
    assert_eq!(results.len(), 4);
    assert_eq!(results[0].as_ref().unwrap().as_str(), Some("a"));
    assert_eq!(results[1].as_ref().unwrap().as_str(), Some("b"));
    for result in &results[2..] {
        let error = result.as_ref().unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Protocol, "{error:?}");
        assert_eq!(error.delivery(), Delivery::Unknown, "{error:?}");
    }
    let (c, d): (String, String) = {
        let pipeline = pipe()
            .cmd(Cmd::new("ECHO").arg("c"))
            .cmd(Cmd::new("ECHO").arg("d"));
        pipeline.query(&client).unwrap()
    };
    assert_eq!((c.as_str(), d.as_str()), ("c", "d"));
}

#[test]
fn a_reply_that_nobody_asked_for_reaches_nobody() {
    let fake = misbehave_once(|peer| {
        let mut out = answer(&peer.next()?);
        out.extend(bulk(b"for nobody"));
        peer.send(out)?;
        peer.serve()
    });
    let client = Client::connect(to(&fake).pool_size(1)).unwrap();
    assert_eq!(echo(&client, "first").unwrap(), "first");
    assert_eq!(echo(&client, "second").unwrap(), "second");
    eventually("the connection is given up", || {
        client.stats().connections_lost == 1
    });
    assert_eq!(fake.accepted(), 2);
}

#[test]
fn a_reply_to_an_idle_connection_ends_it() {
    let fake = misbehave_once(|peer| {
        let first = peer.next()?;
        peer.send(answer(&first))?;
        // The client says this on purpose: from here on the connection is idle.
        peer.send(bulk(b"for nobody"))?;
        peer.serve()
    });
    let client = Client::connect(to(&fake).pool_size(1)).unwrap();
    client.ping().unwrap();
    eventually("the connection is given up", || {
        client.stats().connections_lost == 1
    });
    for word in ["one", "two"] {
        assert_eq!(echo(&client, word).unwrap(), word);
    }
}

#[test]
fn a_reply_that_ends_too_early_is_never_delivered() {
    let keep = Arc::new(AtomicUsize::new(0));
    let fake = Fake::start({
        let keep = Arc::clone(&keep);
        move |peer| {
            let command = peer.next()?;
            let reply = answer(&command);
            peer.send(&reply[..keep.load(Ordering::Acquire).min(reply.len())])
        }
    });
    let client = Client::connect(to(&fake).pool_size(1)).unwrap();
    let whole = bulk(b"0123456789").len();
    for length in 0..whole {
        keep.store(length, Ordering::Release);
        let error = echo(&client, "0123456789").unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Io, "{length}: {error:?}");
        assert_eq!(error.delivery(), Delivery::Unknown, "{length}: {error:?}");
    }
    keep.store(whole, Ordering::Release);
    assert_eq!(echo(&client, "0123456789").unwrap(), "0123456789");
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

#[test]
fn a_storm_of_notifications_leaves_the_client_usable() {
    const STORM: usize = 100_000;
    let fake = Fake::start(|peer| {
        loop {
            let command = peer.next()?;
            if command[0] == b"STORM" {
                let mut storm = Vec::new();
                for number in 0..STORM {
                    match number % 4 {
                        0 => storm.extend(moving(7, 1, Some("127.0.0.77:1"))),
                        1 => storm.extend(b">2\r\n$9\r\nMIGRATING\r\n:1\r\n"),
                        2 => storm.extend(format!(">2\r\n$8\r\nMIGRATED\r\n:{number}\r\n").bytes()),
                        _ => storm.extend(b">1\r\n$7\r\nunknown\r\n"),
                    }
                }
                peer.send(storm)?;
            }
            peer.send(answer(&command))?;
        }
    });
    let client = Client::connect(to(&fake).pool_size(2)).unwrap();
    std::thread::scope(|scope| {
        let storm = scope.spawn(|| client.query::<()>(&Cmd::new("STORM").timeout(SOON)));
        while !storm.is_finished() {
            assert_eq!(echo(&client, "meanwhile").unwrap(), "meanwhile");
        }
        storm.join().unwrap().unwrap();
    });
    let stats = client.stats();
    let heard = stats.notifications + stats.notifications_malformed + stats.pushes_unknown;
    assert_eq!(heard, STORM as u64, "{stats:?}");
    assert_eq!(stats.connections_lost, 0, "{stats:?}");
    assert_eq!(echo(&client, "after").unwrap(), "after");
    let start = Instant::now();
    client.close();
    assert!(start.elapsed() < Duration::from_secs(1));
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
            pause(&redis, 0.3);
            assert!(late.load(Ordering::Relaxed) > before, "round {round}");
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
    let mut pipeline = pipe().timeout(Duration::from_secs(60));
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

// What users get wrong.

#[test]
fn what_cannot_be_read_is_refused_by_name_and_without_its_secrets() {
    let urls = [
        ("127.0.0.1", "address"),
        ("c4n4ry@", "address"),
        ("http://u:c4n4ry@h", "redis://"),
        ("://c4n4ry", "redis://"),
        ("redis://u:c4n4ry@h:port", "port"),
        ("redis://u:c4n4ry@h:99999", "port"),
        ("redis://u:c4n4ry@[::1", "host"),
        ("redis://u:c4n4ry@h/zero", "database"),
        ("redis://u:c4n4ry@h/-1", "database"),
        ("redis://u:c4n4ry@h#x", "fragment"),
        ("redis://u:c4n4ry#x@h", "fragment"),
        ("redis://u:%c4n4ry%ff@h", "password"),
        ("redis://u%ff:c4n4ry@h", "username"),
        ("redis://u:c4n4ry@h?c4n4ry", "="),
        ("redis://u:c4n4ry@h?c4n4ry=1", "option"),
        ("redis://u:c4n%34ry@h?pool_size=many", "pool_size"),
        ("redis://u:c4n%34ry@h?db=c4n4ry", "db"),
        ("redis://u:c4n4ry@h?command_timeout=5", "command_timeout"),
        ("redis://u:c4n4ry@h?command_timeout=5h", "command_timeout"),
        ("redis://u:c4n4ry@h?connect_timeout=ms", "connect_timeout"),
        (
            "redis://u:c4n4ry@h?checkout_timeout=-5s",
            "checkout_timeout",
        ),
        ("redis://u:c4n4ry@h?connect_retries=-1", "connect_retries"),
        ("redis://u:c4n4ry@h?protocol=4", "protocol"),
        ("redis://u:c4n4ry@h?maintenance=c4n4ry", "maintenance"),
        ("redis://u:c4n4ry@h?endpoint_type=c4n4ry", "endpoint_type"),
        ("unix://c4n4ry", "path"),
    ];
    for (url, names) in urls {
        let error = Options::new(url).unwrap_err();
        refused_without_secrets(url, &error, names);
    }
}

#[track_caller]
fn refused_without_secrets(what: &str, error: &hitless::Error, names: &str) {
    assert_eq!(*error.kind(), ErrorKind::Config, "{what}");
    let text = error.to_string();
    assert!(text.contains(names), "{what}: {text}");
    for shown in [text, format!("{error:?}"), format!("{error:#?}")] {
        assert!(
            !shown.contains("c4n4ry") && !shown.contains("c4n%34ry"),
            "{what}: {shown}"
        );
    }
}

#[test]
fn what_cannot_work_is_refused_by_name_and_without_its_secrets() {
    let plain = || Options::new("redis://u:c4n%34ry@127.0.0.1:1").unwrap();
    let maintenance = MaintenanceOptions::new;
    let enabled = maintenance().mode(Mode::Enabled);
    let cases: Vec<(Options, &str)> = vec![
        (
            Options::new("127.0.0.1:1").unwrap().username("u"),
            "username",
        ),
        (plain().pool_size(0), "pool_size"),
        (plain().pool_size(5_000), "pool_size"),
        (plain().connect_timeout(Duration::ZERO), "connect_timeout"),
        (plain().command_timeout(Duration::ZERO), "command_timeout"),
        (plain().client_name("two words"), "client_name"),
        (plain().client_name("line\nbreak"), "client_name"),
        (plain().library_name("two words"), "library_name"),
        (
            plain().protocol(Protocol::Resp2).maintenance(enabled),
            "RESP3",
        ),
        (
            plain().maintenance(maintenance().handoff_timeout(Duration::ZERO)),
            "handoff_timeout",
        ),
        (
            plain().maintenance(maintenance().max_workers(5_000)),
            "max_workers",
        ),
        (
            Options::new("unix:///tmp/socket")
                .unwrap()
                .tls(hitless::TlsOptions::default()),
            "tls",
        ),
    ];
    for (options, names) in cases {
        let shown = format!("{options:?}");
        assert!(!shown.contains("c4n4ry"), "{shown}");
        refused_without_secrets(&shown, &Client::lazy(options.clone()).unwrap_err(), names);
        refused_without_secrets(&shown, &Client::connect(options).unwrap_err(), names);
    }
}
