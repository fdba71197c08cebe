//! Iterators over SCAN and its like, against real servers, and while the server becomes another one.
#![allow(clippy::unwrap_used, reason = "a test panics when a claim is false")]
#![cfg(feature = "sim")]

mod common;

use common::redis::{Redis, Version};
use common::{eventually, options};
use hitless::sim::{Sim, Target};
use hitless::{Client, Commands, ErrorKind, Options, Protocol, ScanOptions, cmd, pipe};
use std::collections::{BTreeMap, BTreeSet};

/// Claims on every server in both protocols.
fn everywhere(claims: impl Fn(&Client, Version)) {
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let options = Options::new(&redis.url()).unwrap().protocol(protocol);
            let client = Client::connect(options).unwrap();
            cmd("FLUSHALL").exec(&client).unwrap();
            claims(&client, version);
        }
    }
}

/// Key number so and so, which is no text.
fn key(number: u32) -> Vec<u8> {
    [b"\xff:", number.to_string().as_bytes()].concat()
}

/// Sets so many keys.
fn fill(client: &Client, count: u32) -> BTreeSet<Vec<u8>> {
    let mut pipeline = pipe();
    for number in 0..count {
        pipeline.set(key(number), number);
    }
    pipeline.exec(client).unwrap();
    (0..count).map(key).collect()
}

#[test]
fn every_element_is_found_whatever_holds_it() {
    everywhere(|client, version| {
        let keys = fill(client, 3000);
        client.lpush("list", 1).unwrap();
        let all: BTreeSet<Vec<u8>> = client.scan().map(Result::unwrap).collect();
        assert_eq!(all.len(), 3001);
        let matching = client.scan_match::<Vec<u8>>(b"\xff:*");
        assert_eq!(matching.map(Result::unwrap).collect::<BTreeSet<_>>(), keys);
        let lists = ScanOptions::new().key_type("list").count(1000);
        let lists: Vec<String> = client.scan_options(&lists).map(Result::unwrap).collect();
        assert_eq!(lists, ["list"]);

        let mut pipeline = pipe();
        for number in 0..3000 {
            pipeline.hset("hash", key(number), number);
            pipeline.cmd(cmd("SADD").arg("set").arg(key(number)));
            pipeline.cmd(cmd("ZADD").arg("zset").arg(number).arg(key(number)));
        }
        pipeline.exec(client).unwrap();
        let expected: BTreeMap<Vec<u8>, u32> = (0..3000).map(|n| (key(n), n)).collect();
        let hash = client
            .hscan("hash")
            .map(Result::unwrap)
            .collect::<BTreeMap<_, _>>();
        assert_eq!(hash, expected);
        let members = client
            .sscan("set")
            .map(Result::unwrap)
            .collect::<BTreeSet<Vec<u8>>>();
        assert_eq!(members, keys);
        let scores = client
            .zscan("zset")
            .map(Result::unwrap)
            .collect::<BTreeMap<_, _>>();
        assert_eq!(scores, expected);
        let some: Vec<(Vec<u8>, f64)> = (client.zscan_match("zset", b"\xff:299?"))
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            some.iter()
                .map(|pair| &pair.0)
                .collect::<BTreeSet<_>>()
                .len(),
            10
        );
        let fields = ScanOptions::new().no_values().pattern(b"\xff:7");
        let fields: Result<Vec<Vec<u8>>, _> = client.hscan_options("hash", &fields).collect();
        match version {
            Version::Redis70 => assert_eq!(fields.unwrap_err().code(), Some("ERR")),
            _ => assert_eq!(fields.unwrap(), [key(7)]),
        }
        assert_eq!(client.sscan::<String>("none").count(), 0);
        let wrong = client.sscan::<String>("list").next().unwrap().unwrap_err();
        assert_eq!(
            (wrong.code(), wrong.command()),
            (Some("WRONGTYPE"), Some("SSCAN"))
        );
    });
}

/// What a scan finds that has begun before something happens. Lenient: everything, begun again. Strict: an
/// error.
fn across(client: &Client, keys: &BTreeSet<Vec<u8>>, happens: impl FnOnce()) {
    let mut scan = client.scan::<Vec<u8>>();
    let mut strict = client.scan_options::<Vec<u8>>(&ScanOptions::new().strict());
    let mut found = BTreeSet::from([scan.next().unwrap().unwrap()]);
    strict.next().unwrap().unwrap();
    happens();
    found.extend(scan.by_ref().map(Result::unwrap));
    assert_eq!(found, *keys);
    assert_eq!(scan.restarts(), 1, "{scan:?}");
    let ended = strict.find_map(Result::err).unwrap();
    assert_eq!(*ended.kind(), ErrorKind::CursorLost);
    assert!(strict.next().is_none());
}

#[test]
fn a_scan_begins_again_on_the_server_that_the_client_has_moved_to() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = Client::connect(options(&sim, a).pool_size(1)).unwrap();
    let keys = fill(&client, 50);
    across(&client, &keys, || {
        sim.moving(a, Target::Node(b), common::SOON);
        eventually("the client has moved", || {
            client.stats().connections_moved == 1
        });
    });
}

#[test]
fn a_scan_begins_again_when_the_process_behind_its_address_becomes_another() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0)).pool_size(1)).unwrap();
    let keys = fill(&client, 50);
    let told = || client.maintenance();
    across(&client, &keys, || {
        sim.migrating(30, "1");
        sim.migrated("1");
        eventually("MIGRATED has come", || told().notifications_migrated == 1);
    });
    across(&client, &keys, || {
        sim.failing_over(30, "1");
        sim.failed_over("1");
        eventually("FAILED_OVER has come", || {
            told().notifications_failed_over == 1
        });
    });
}

#[test]
fn a_scan_begins_again_when_its_connection_was_lost() {
    let redis = Redis::start();
    let url = redis.url();
    let client = Client::connect(Options::new(&url).unwrap().pool_size(1)).unwrap();
    let keys = fill(&client, 50);
    let other = Client::connect(url.as_str()).unwrap();
    across(&client, &keys, || {
        let killed: i64 = (cmd("CLIENT KILL").arg("SKIPME").arg("yes"))
            .query(&other)
            .unwrap();
        assert_eq!(killed, 1);
        eventually("the loss is noticed", || {
            client.stats().connections_lost == 1
        });
    });
}

#[test]
fn what_nothing_happens_to_does_not_begin_again() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0))).unwrap();
    fill(&client, 500);
    let mut scan = client.scan::<Vec<u8>>();
    let found: Vec<_> = scan.by_ref().map(Result::unwrap).collect();
    assert_eq!((found.len(), scan.restarts()), (500, 0));
}
