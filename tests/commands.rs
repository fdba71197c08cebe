//! Every command that has a name, against a real server.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]
#![cfg(feature = "sim")]

mod common;

use common::redis::{Redis, Version};
use common::{SOON, eventually};
use hitless::{
    Client, Commands, Delivery, ErrorKind, Expiry, Options, Protocol, SetOptions, Value, cmd, pipe,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant, SystemTime};

/// A server, and a client for each protocol.
fn both(version: Version) -> (Redis, [Client; 2]) {
    let redis = Redis::of(version, &[]);
    let clients = [Protocol::Resp2, Protocol::Resp3].map(|protocol| {
        let number = if protocol == Protocol::Resp2 { 2 } else { 3 };
        let options = Options::new(&redis.url())
            .unwrap()
            .protocol(protocol)
            .database(number);
        Client::connect(options.pool_size(4)).unwrap()
    });
    (redis, clients)
}

/// Runs the claims on every server in both protocols, each in a database of its own.
fn in_both(claims: impl Fn(&Client)) {
    for version in Version::ALL {
        let (_redis, clients) = both(version);
        clients.iter().for_each(&claims);
    }
}

#[test]
fn strings_are_set_read_counted_and_removed() {
    in_both(|client| {
        client.ping().unwrap();
        assert_eq!(client.get::<Option<String>>("name").unwrap(), None);
        client.set("name", "value").unwrap();
        assert_eq!(client.get::<String>("name").unwrap(), "value");
        assert_eq!(
            client.get::<Option<Vec<u8>>>("name").unwrap(),
            Some(b"value".to_vec())
        );
        client.mset([("a", 1), ("b", 2)]).unwrap();
        assert_eq!(
            client.mget::<Vec<Option<i64>>>(["a", "none", "b"]).unwrap(),
            [Some(1), None, Some(2)]
        );
        assert_eq!(client.exists(["a", "b", "none", "a"]).unwrap(), 3);
        assert_eq!(client.exists("a").unwrap(), 1);
        assert_eq!(client.incr("a").unwrap(), 2);
        assert_eq!(client.incr_by("a", 40).unwrap(), 42);
        assert_eq!(client.incr_by("a", -2).unwrap(), 40);
        assert_eq!(client.decr("a").unwrap(), 39);
        assert_eq!(client.decr("new").unwrap(), -1);
        assert_eq!(client.del(["a", "b", "none"]).unwrap(), 2);
        assert_eq!(client.del("a").unwrap(), 0);
        client.set(b"\x00\xff", i64::MIN).unwrap();
        assert_eq!(client.get::<i64>(b"\x00\xff").unwrap(), i64::MIN);
        client.set("float", 0.1).unwrap();
        assert_eq!(client.get::<f64>("float").unwrap(), 0.1);
    });
}

#[test]
fn keys_expire() {
    in_both(|client| {
        client.set("key", 1).unwrap();
        assert!(client.expire("key", Duration::from_secs(100)).unwrap());
        assert!(!client.expire("none", Duration::from_secs(100)).unwrap());
        let left: i64 = client.query(&cmd("PTTL").arg("key")).unwrap();
        assert!((90_000..=100_000).contains(&left), "{left}");
        assert!(client.expire("key", Duration::from_millis(1)).unwrap());
        eventually("the key vanishes", || client.exists("key").unwrap() == 0);
    });
}

#[test]
fn set_has_conditions_and_expiries() {
    in_both(|client| {
        let (absent, present) = (
            SetOptions::new().if_absent(),
            SetOptions::new().if_present(),
        );
        let ttl = |key: &str| client.query::<i64>(&cmd("PTTL").arg(key)).unwrap();
        assert!(!client.set_options("key", 0, &present).unwrap());
        assert!(client.set_options("key", 1, &absent).unwrap());
        assert!(!client.set_options("key", 2, &absent).unwrap());
        assert!(client.set_options("key", 3, &present).unwrap());
        assert!(client.set_options("key", 4, &absent.if_present()).unwrap());
        assert_eq!(ttl("key"), -1);
        let soon = SetOptions::new().expiry(Expiry::In(Duration::from_secs(50)));
        assert!(client.set_options("key", 5, &soon).unwrap());
        assert!((40_000..=50_000).contains(&ttl("key")));
        let kept = SetOptions::new().keep_ttl();
        assert!(client.set_options("key", 6, &kept).unwrap());
        assert!((40_000..=50_000).contains(&ttl("key")));
        let at = SetOptions::new().expiry(Expiry::At(SystemTime::now() + Duration::from_secs(90)));
        assert_eq!(client.set_get::<i64>("key", 7, &at).unwrap(), 6);
        assert!((80_000..=91_000).contains(&ttl("key")));
        let plain = SetOptions::new();
        assert_eq!(
            client.set_get::<Option<i64>>("fresh", 1, &plain).unwrap(),
            None
        );
        let zero = SetOptions::new().expiry(Expiry::In(Duration::ZERO));
        let error = client.set_options("key", 8, &zero).unwrap_err();
        assert_eq!(error.code(), Some("ERR"), "{error:?}");
        assert_eq!(client.get::<i64>("key").unwrap(), 7);
    });
}

#[test]
fn hashes_are_maps_in_both_protocols() {
    in_both(|client| {
        assert!(
            client
                .hgetall::<HashMap<String, String>>("hash")
                .unwrap()
                .is_empty()
        );
        assert!(client.hset("hash", "a", 1).unwrap());
        assert!(!client.hset("hash", "a", 2).unwrap());
        assert_eq!(
            client
                .hset_multiple("hash", [("b", 3), ("c", 4), ("a", 5)])
                .unwrap(),
            2
        );
        assert_eq!(client.hget::<i64>("hash", "b").unwrap(), 3);
        assert_eq!(client.hget::<Option<i64>>("hash", "none").unwrap(), None);
        let all = client.hgetall::<HashMap<String, i64>>("hash").unwrap();
        let expected = [("a", 5), ("b", 3), ("c", 4)].map(|(k, v)| (k.to_owned(), v));
        assert_eq!(all, HashMap::from(expected.clone()));
        let sorted: BTreeMap<String, i64> = client.query(&cmd("HGETALL").arg("hash")).unwrap();
        assert_eq!(sorted, BTreeMap::from(expected.clone()));
        let mut pairs: Vec<String> = client.query(&cmd("HGETALL").arg("hash")).unwrap();
        assert_eq!(pairs.len(), 6);
        pairs.sort();
        assert_eq!(pairs, ["3", "4", "5", "a", "b", "c"]);
        client.hset_multiple("copy", &all).unwrap();
        assert_eq!(client.hgetall::<HashMap<String, i64>>("copy").unwrap(), all);
        assert_eq!(client.hdel("hash", ["a", "none", "c"]).unwrap(), 2);
        assert_eq!(client.hdel("hash", "b").unwrap(), 1);
        assert_eq!(client.exists("hash").unwrap(), 0);
    });
}

#[test]
fn lists_are_pushed_popped_and_read() {
    in_both(|client| {
        assert_eq!(client.rpush("list", ["b", "c"]).unwrap(), 2);
        assert_eq!(client.lpush("list", "a").unwrap(), 3);
        assert_eq!(client.lpush("numbers", vec![1, 2, 3]).unwrap(), 3);
        assert_eq!(
            client.lrange::<Vec<i64>>("numbers", 0, -1).unwrap(),
            [3, 2, 1]
        );
        assert_eq!(
            client.lrange::<Vec<String>>("list", 0, -1).unwrap(),
            ["a", "b", "c"]
        );
        assert_eq!(
            client.lrange::<Vec<String>>("list", -2, -1).unwrap(),
            ["b", "c"]
        );
        assert_eq!(
            client.lrange::<Vec<String>>("none", 0, -1).unwrap(),
            [""; 0]
        );
        assert_eq!(client.llen("list").unwrap(), 3);
        assert_eq!(client.lpop::<String>("list").unwrap().as_deref(), Some("a"));
        assert_eq!(client.lpop::<String>("none").unwrap(), None);
        assert_eq!(client.llen("none").unwrap(), 0);
    });
}

#[test]
fn blpop_waits_for_an_element_and_no_longer_than_told() {
    in_both(|client| {
        client.rpush("ready", "at once").unwrap();
        let popped = client
            .blpop::<String, String>(["none", "ready"], Duration::from_secs(5))
            .unwrap();
        assert_eq!(popped, Some(("ready".into(), "at once".into())));
        let start = Instant::now();
        let wait = Duration::from_millis(150);
        assert_eq!(client.blpop::<String, String>("none", wait).unwrap(), None);
        assert!(start.elapsed() >= wait);
        std::thread::scope(|scope| {
            let _closing = common::Closing(client);
            let waiting = scope.spawn(|| client.blpop::<String, String>("queue", Duration::ZERO));
            let blocked = || {
                let info: String = client.query(&cmd("INFO clients")).unwrap();
                info.contains("blocked_clients:1")
            };
            eventually("the command blocks", blocked);
            // Meanwhile others are served, on other connections.
            client.ping().unwrap();
            client.rpush("queue", "late").unwrap();
            let popped = waiting.join().unwrap().unwrap();
            assert_eq!(popped, Some(("queue".into(), "late".into())));
        });
    });
}

#[test]
fn the_blocking_time_of_a_command_comes_on_top_of_its_timeout() {
    let redis = Redis::start();
    let timeout = Duration::from_secs(1);
    let options = Options::new(&redis.url()).unwrap().command_timeout(timeout);
    let client = Client::connect(options).unwrap();
    let commands = [
        cmd("BLPOP").arg("none").arg(1.5),
        cmd("BRPOP").arg("none").arg(1.5),
        cmd("BRPOPLPUSH").arg("none").arg("none").arg(1.5),
        cmd("BLMOVE")
            .args(["none", "none", "LEFT", "LEFT"])
            .arg(1.5),
        cmd("BZPOPMIN").arg("none").arg(1.5),
        cmd("BZPOPMAX").arg("none").arg(1.5),
        cmd("BLMPOP").arg(1.5).args(["1", "none", "LEFT"]),
        cmd("BZMPOP").arg(1.5).args(["1", "none", "MIN"]),
        cmd("XREAD").args(["BLOCK", "1500", "STREAMS", "none", "$"]),
    ];
    let start = Instant::now();
    std::thread::scope(|scope| {
        for command in &commands {
            let client = &client;
            scope.spawn(move || {
                let reply = client.execute(command);
                assert!(reply.is_ok(), "{command:?}: {reply:?}");
            });
        }
    });
    assert!(start.elapsed() >= Duration::from_millis(1500));
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn scripts_get_keys_and_arguments() {
    in_both(|client| {
        let script = "return {KEYS[1], KEYS[2], ARGV[1], #KEYS, #ARGV}";
        let reply: (String, String, String, i64, i64) =
            client.eval(script, ["a", "b"], ["x"]).unwrap();
        assert_eq!(reply, ("a".into(), "b".into(), "x".into(), 2, 1));
        let none: [&str; 0] = [];
        assert_eq!(
            client
                .eval::<(i64, i64)>("return {#KEYS, #ARGV}", none, none)
                .unwrap(),
            (0, 0)
        );
        let error = client.eval::<Value>("return redis.error_reply('MINE of mine')", none, none);
        let error = error.unwrap_err();
        assert_eq!(error.code(), Some("MINE"), "{error:?}");
        assert!(error.to_string().contains("of mine"), "{error}");
    });
}

#[test]
fn replies_become_the_type_that_was_asked_for() {
    in_both(|client| {
        client
            .query::<u64>(&cmd("SADD").arg("set").args(["a", "b"]))
            .unwrap();
        let set: HashSet<String> = client.query(&cmd("SMEMBERS").arg("set")).unwrap();
        assert_eq!(set, HashSet::from(["a".into(), "b".into()]));
        let set: BTreeSet<Vec<u8>> = client.query(&cmd("SMEMBERS").arg("set")).unwrap();
        assert_eq!(set.len(), 2);
        client
            .query::<u64>(&cmd("ZADD").arg("z").arg(1.5).arg("m"))
            .unwrap();
        let score: f64 = client.query(&cmd("ZSCORE").arg("z").arg("m")).unwrap();
        assert_eq!(score, 1.5);
        // A flat list in RESP2, pairs in RESP3.
        let ranked: BTreeMap<String, f64> = client
            .query(&cmd("ZRANGE").args(["z", "0", "-1", "WITHSCORES"]))
            .unwrap();
        assert_eq!(ranked, BTreeMap::from([("m".to_owned(), 1.5)]));
        let truth: bool = client.query(&cmd("SISMEMBER").arg("set").arg("a")).unwrap();
        assert!(truth);
        let text: String = client.query(&cmd("INCR").arg("n")).unwrap();
        assert_eq!(text, "1");
    });
}

#[test]
fn a_reply_of_another_shape_is_an_error_that_keeps_the_connection() {
    in_both(|client| {
        client.set("text", "words").unwrap();
        client.rpush("list", ["a", "b", "c"]).unwrap();
        client.set("binary", [0xff, 0xfe]).unwrap();
        client.set("big", u64::MAX).unwrap();
        let results = [
            client.get::<i64>("text").map(drop),
            client.get::<bool>("text").map(drop),
            client.get::<String>("none").map(drop),
            client.get::<String>("binary").map(drop),
            client.get::<i64>("big").map(drop),
            client.get::<Vec<String>>("text").map(drop),
            client.lrange::<String>("list", 0, -1).map(drop),
            client.lrange::<(String, String)>("list", 0, -1).map(drop),
            client
                .lrange::<HashMap<String, String>>("list", 0, -1)
                .map(drop),
        ];
        for (number, result) in results.into_iter().enumerate() {
            let error = result.unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Conversion, "{number}: {error:?}");
            assert_eq!(error.delivery(), Delivery::Replied, "{number}: {error:?}");
            assert!(!error.to_string().contains("words"), "{error}");
        }
        let error = client.hset("text", "field", 1).unwrap_err();
        assert_eq!(
            (error.code(), error.delivery()),
            (Some("WRONGTYPE"), Delivery::Replied)
        );
        assert_eq!(error.command(), Some("HSET"));
        client.ping().unwrap();
        let stats = client.stats();
        assert_eq!(
            (stats.connections_opened, stats.connections_lost),
            (1, 0),
            "{stats:?}"
        );
    });
}

#[test]
fn any_bytes_are_a_value_and_any_bytes_are_a_key() {
    in_both(|client| {
        let mega: Vec<u8> = (0..1 << 20).map(|n: u32| (n % 251) as u8).collect();
        let values: Vec<Vec<u8>> = vec![
            vec![],
            b"\r\n".to_vec(),
            b"\0".to_vec(),
            b"$5\r\nhello\r\n*1\r\n".to_vec(),
            b"+OK\r\n-ERR\r\n>1\r\n$1\r\nx\r\n".to_vec(),
            (0..=255).collect(),
            mega,
        ];
        for value in &values {
            client.set("key", value).unwrap();
            assert!(client.get::<Vec<u8>>("key").unwrap() == *value);
            let key = &value[..value.len().min(1000)];
            client.set(key, "by this key").unwrap();
            assert_eq!(client.get::<String>(key).unwrap(), "by this key");
        }
        client.set("", "the empty key").unwrap();
        assert_eq!(client.get::<String>("").unwrap(), "the empty key");
    });
}

#[test]
fn pipelines_answer_each_command_in_order() {
    in_both(|client| {
        let results = pipe()
            .cmd(cmd("SET").arg("a").arg(1))
            .cmd(cmd("LPUSH").arg("a").arg("x"))
            .cmd(cmd("NOSUCHCOMMAND"))
            .cmd(cmd("INCR").arg("a"))
            .run(client);
        assert_eq!(results.len(), 4);
        assert!(results[0].as_ref().unwrap().is_okay());
        assert_eq!(results[1].as_ref().unwrap_err().code(), Some("WRONGTYPE"));
        assert_eq!(results[2].as_ref().unwrap_err().code(), Some("ERR"));
        assert_eq!(results[3].as_ref().unwrap().as_int(), Some(2));
        let typed: (Option<String>, i64, Vec<String>) = pipe()
            .cmd(cmd("GET").arg("none"))
            .cmd(cmd("INCR").arg("a"))
            .cmd(cmd("LRANGE").arg("none").arg(0).arg(-1))
            .query(client)
            .unwrap();
        assert_eq!(typed, (None, 3, vec![]));
        let many: Vec<i64> = {
            let mut many = pipe();
            for _ in 0..1_000 {
                many.add(&cmd("INCR").arg("many"));
            }
            many.query(client).unwrap()
        };
        assert!(many.into_iter().eq(1..=1_000));
        let error = pipe()
            .get("a")
            .lpop("a")
            .query::<(i64, i64)>(client)
            .unwrap_err();
        assert_eq!(error.code(), Some("WRONGTYPE"));
        assert!(pipe().run(client).is_empty());
        assert_eq!(pipe().query::<Vec<i64>>(client).unwrap(), [0; 0]);
    });
}

#[test]
fn atomic_pipelines_run_as_one_or_not_at_all() {
    in_both(|client| {
        let (a, b): (i64, i64) = pipe()
            .atomic()
            .cmd(cmd("INCR").arg("a"))
            .cmd(cmd("INCRBY").arg("b").arg(10))
            .query(client)
            .unwrap();
        assert_eq!((a, b), (1, 10));
        // An error of one command while they run leaves the others' results.
        let results = pipe()
            .atomic()
            .cmd(cmd("INCR").arg("a"))
            .cmd(cmd("LPUSH").arg("a").arg("x"))
            .cmd(cmd("INCR").arg("b"))
            .run(client);
        assert_eq!(results[0].as_ref().unwrap().as_int(), Some(2));
        assert_eq!(results[1].as_ref().unwrap_err().code(), Some("WRONGTYPE"));
        assert_eq!(results[2].as_ref().unwrap().as_int(), Some(11));
        // A command that cannot be queued: it is told why, and nothing runs.
        let results = pipe()
            .atomic()
            .cmd(cmd("INCR").arg("a"))
            .cmd(cmd("NOSUCHCOMMAND"))
            .run(client);
        assert_eq!(results.len(), 2);
        // Whoever asks for all as one sees the first error alone, and learns why all the same.
        let (error, why) = (&results[0], &results[1]);
        let why = why.as_ref().unwrap_err().server_error().unwrap().clone();
        let why = format!("because of the one at index 1: {why}");
        assert!(error.as_ref().unwrap_err().to_string().contains(&why));
        let errors = results.into_iter().map(Result::unwrap_err);
        for (error, code) in errors.zip(["EXECABORT", "ERR"]) {
            assert_eq!(error.code(), Some(code), "{error:?}");
            assert_eq!(error.delivery(), Delivery::Replied);
        }
        assert_eq!(client.get::<i64>("a").unwrap(), 2);
        assert!(pipe().atomic().run(client).is_empty());
        let late = pipe().cmd(cmd("INCR").arg("a")).atomic().run(client);
        assert_eq!(*late[0].as_ref().unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(client.get::<i64>("a").unwrap(), 2);
    });
}

#[test]
fn atomic_pipelines_of_many_threads_do_not_mix() {
    let redis = Redis::start();
    let client = Client::connect(Options::new(&redis.url()).unwrap().pool_size(2)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let (first, second): (i64, i64) = pipe()
                        .atomic()
                        .cmd(cmd("INCR").arg("both"))
                        .cmd(cmd("INCR").arg("both"))
                        .query(&client)
                        .unwrap();
                    assert_eq!(second, first + 1);
                }
            });
        }
    });
    assert_eq!(client.get::<i64>("both").unwrap(), 1_200);
}

#[test]
fn commands_that_would_change_a_shared_connection_are_refused_unsent() {
    let redis = Redis::start();
    let client = Client::connect(Options::new(&redis.url()).unwrap()).unwrap();
    let refused = [
        "AUTH secret",
        "HELLO 3",
        "SELECT 1",
        "RESET",
        "QUIT",
        "READONLY",
        "READWRITE",
        "ASKING",
        "MULTI",
        "EXEC",
        "DISCARD",
        "WATCH key",
        "UNWATCH",
        "SUBSCRIBE channel",
        "PSUBSCRIBE channel*",
        "SSUBSCRIBE channel",
        "UNSUBSCRIBE",
        "PUNSUBSCRIBE",
        "SUNSUBSCRIBE",
        "MONITOR",
        "SYNC",
        "PSYNC ? -1",
        // Servers take both for the first words of a browser, and close the connection.
        "POST",
        "HOST:",
        "CLIENT REPLY OFF",
        "CLIENT TRACKING ON",
        "CLIENT SETNAME other",
        "CLIENT SETINFO LIB-NAME other",
        "CLIENT CACHING YES",
        "CLIENT NO-EVICT ON",
        "CLIENT NO-TOUCH ON",
        "CLIENT MAINT_NOTIFICATIONS OFF",
    ];
    let info = || client.query::<String>(&cmd("INFO commandstats")).unwrap();
    for text in refused {
        for spelling in [text.to_owned(), text.to_lowercase()] {
            let error = client.execute(&cmd(&spelling)).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Usage, "{spelling}");
            assert_eq!(error.delivery(), Delivery::NotSent);
            let results = pipe()
                .cmd(cmd("INCR").arg("n"))
                .cmd(cmd(&spelling))
                .run(&client);
            for result in results {
                assert_eq!(*result.unwrap_err().kind(), ErrorKind::Usage, "{spelling}");
            }
        }
    }
    let results = pipe().cmd(cmd("BLPOP").arg("none").arg(0)).run(&client);
    assert_eq!(*results[0].as_ref().unwrap_err().kind(), ErrorKind::Usage);
    // An argument is no name: nobody has looked up what it would do.
    for nameless in [
        cmd(""),
        cmd("").arg("SELECT").arg(1),
        cmd(" ").arg("MONITOR"),
    ] {
        let error = client.execute(&nameless).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Usage, "{nameless:?}");
        assert!(error.to_string().contains("needs a name"), "{error}");
    }
    let sent = info();
    for name in [
        "incr",
        "select",
        "multi",
        "subscribe",
        "client|reply",
        "blpop",
        "monitor",
    ] {
        assert!(
            !sent.contains(&format!("cmdstat_{name}:")),
            "{name} was sent:\n{sent}"
        );
    }
    client.ping().unwrap();
    assert_eq!(client.stats().connections_opened, 1);
    // What only asks about a connection is fine.
    assert!(client.query::<i64>(&cmd("CLIENT ID")).unwrap() > 0);
}

#[test]
fn a_command_may_have_a_time_of_its_own() {
    let redis = Redis::start();
    let options = Options::new(&redis.url())
        .unwrap()
        .command_timeout(Duration::from_millis(100));
    let client = Client::connect(options).unwrap();
    let sleep = || cmd("DEBUG").arg("SLEEP").arg(0.3);
    assert!(client.execute(&sleep()).unwrap_err().is_timeout());
    // The server sleeps on for a while, and a new connection waits for it.
    eventually("the server is awake", || client.ping().is_ok());
    client.query::<()>(&sleep().timeout(SOON)).unwrap();
    client.query::<()>(&sleep().no_timeout()).unwrap();
    let mut pipeline = pipe();
    pipeline.cmd(sleep()).ping().timeout(SOON);
    assert!(pipeline.run(&client).iter().all(Result::is_ok));
}
