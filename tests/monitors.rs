//! What servers execute, told as they execute it, on three servers and in both protocols, across moves and losses.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::redis::{Redis, Version};
use common::{SOON, patient};
use hitless::sim::{Moving, Sim, Target};
use hitless::{
    Client, CloseReason, Commands, ErrorKind, Monitor, MonitorEntry, Options, Protocol, cmd,
};
use std::time::{Duration, SystemTime};

fn everywhere(claims: impl Fn(&Redis, &Client)) {
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let options = patient(Options::new(&redis.url()).unwrap()).protocol(protocol);
            let options = options.pool_size(1).max_active_connections(2);
            claims(&redis, &Client::connect(options).unwrap());
        }
    }
}

/// The next command of this name.
#[track_caller]
fn told(monitor: &mut Monitor, name: &str) -> MonitorEntry {
    loop {
        let entry = monitor.next_within(SOON).unwrap().expect("a command");
        if entry.arguments[0].eq_ignore_ascii_case(name.as_bytes()) {
            return entry;
        }
    }
}

#[test]
fn each_command_is_told_with_who_sent_it_when_and_where() {
    everywhere(|_, client| {
        let mut monitor = client.monitor().unwrap();
        let begin = SystemTime::now();
        client.set("a key", b"\0\xff\"\\\r\n").unwrap();
        let entry = told(&mut monitor, "SET");
        assert_eq!(
            entry.arguments[1..],
            [b"a key".to_vec(), b"\0\xff\"\\\r\n".to_vec()]
        );
        assert_eq!(entry.database, 0);
        assert!(entry.client.starts_with("127.0.0.1:"), "{entry:?}");
        // The same clock, of which the server keeps microseconds.
        assert!(entry.time + Duration::from_millis(1) >= begin && entry.time <= SystemTime::now());
        assert_eq!(monitor.try_next().unwrap(), None);
        let mut scripted = 0;
        cmd("EVAL")
            .arg("return redis.call('GET', 'a key')")
            .arg(0)
            .exec(client)
            .unwrap();
        for entry in monitor.by_ref().take(2) {
            scripted += usize::from(entry.unwrap().client == "lua");
        }
        assert_eq!(
            (scripted, monitor.dropped(), monitor.reconnects()),
            (1, 0, 0)
        );
        // Its connection is not given to anybody else.
        drop(monitor);
        client.lease().unwrap().ping().unwrap();
    });
}

#[test]
fn who_may_not_monitor_is_told_so_and_holds_nothing() {
    everywhere(|redis, client| {
        cmd("ACL SETUSER mute on >secret ~* &* +@all -monitor")
            .exec(client)
            .unwrap();
        let url = format!("redis://mute:secret@{}", redis.address);
        let options = patient(Options::new(&url).unwrap())
            .pool_size(1)
            .max_active_connections(2);
        let mute = Client::connect(options).unwrap();
        for _ in 0..3 {
            assert_eq!(mute.monitor().unwrap_err().code(), Some("NOPERM"));
        }
        mute.lease().unwrap().ping().unwrap();
    });
}

#[test]
fn one_that_is_refused_after_a_loss_ends_with_what_the_server_says() {
    everywhere(|redis, client| {
        cmd("ACL SETUSER curious on >secret ~* &* +@all")
            .exec(client)
            .unwrap();
        let url = format!("redis://curious:secret@{}", redis.address);
        let options = patient(Options::new(&url).unwrap())
            .pool_size(1)
            .max_active_connections(2);
        let curious = Client::connect(options).unwrap();
        let mut monitor = curious.monitor().unwrap();
        cmd("ACL SETUSER curious -monitor").exec(client).unwrap();
        cmd("CLIENT KILL USER curious").exec(client).unwrap();
        // Behind all that was told before.
        let error = monitor.find_map(Result::err).unwrap();
        assert_eq!(error.code(), Some("NOPERM"), "{error}");
        assert!(monitor.next().is_none());
        drop(monitor);
        curious.lease().unwrap().ping().unwrap();
        cmd("ACL DELUSER curious").exec(client).unwrap();
    });
}

#[test]
fn large_values_fill_its_room_sooner() {
    let redis = Redis::start();
    let options = patient(Options::new(&redis.url()).unwrap());
    let client = Client::connect(options.pool_size(1).max_active_connections(2)).unwrap();
    let mut monitor = client.monitor().unwrap();
    for number in 0..20 {
        client.set(number, vec![b'v'; 4 << 20]).unwrap();
    }
    client.ping().unwrap();
    // 64 MiB, with what is told beside the values: 15 of 4 MiB.
    common::eventually("some are dropped", || monitor.dropped() >= 5);
    let first = told(&mut monitor, "SET").arguments;
    assert_eq!(first[1], b"5");
    told(&mut monitor, "PING");
    // None of them was too long for its connection.
    assert_eq!(monitor.reconnects(), 0);
}

#[test]
fn a_monitor_that_is_killed_goes_on_and_says_so_and_a_close_ends_it() {
    everywhere(|_, client| {
        let mut monitor = client.monitor().unwrap();
        let monitors = || -> Vec<i64> {
            let list: String = cmd("CLIENT LIST").query(client).unwrap();
            let lines = list.lines().filter(|line| line.contains("cmd=monitor"));
            lines
                .map(|line| line.split(['=', ' ']).nth(1).unwrap().parse().unwrap())
                .collect()
        };
        let [id] = monitors()[..] else {
            panic!("{:?}", monitors());
        };
        cmd("CLIENT KILL ID").arg(id).exec(client).unwrap();
        common::eventually("another connection is monitored", || {
            monitor.reconnects() == 1
        });
        client.set("k", 1).unwrap();
        told(&mut monitor, "SET");
        client.close();
        let error = monitor.find_map(Result::err).unwrap();
        assert_eq!(
            *error.kind(),
            ErrorKind::Closed(CloseReason::ByUser),
            "{error}"
        );
        assert!(monitor.next().is_none());
    });
}

#[test]
fn a_monitor_goes_along_with_a_move() {
    let redis = Redis::start();
    let sim = Sim::builder().proxy_to(redis.address).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let options = common::options(&sim, a)
        .pool_size(1)
        .max_active_connections(2);
    let client = Client::connect(options).unwrap();
    let mut monitor = client.monitor().unwrap();
    sim.start_moving(
        Moving::new(a, Target::Node(b))
            .announce(60)
            .close_after(SOON),
    );
    let left = sim.wait_until(SOON, |now| now.open_on(a) == 0);
    assert!(left, "{:?}", sim.connections());
    sim.retire(a);
    for number in 0..100 {
        client.set("n", number).unwrap();
        let entry = told(&mut monitor, "SET");
        assert_eq!(entry.arguments[2], number.to_string().into_bytes());
    }
    assert_eq!(
        (monitor.reconnects(), client.stats().connections_lost),
        (1, 0)
    );
}
