//! The embedded store against a table of replies, and against a real server.

use crate::client::{Client, SOON, now, show};
use crate::server::Server;
use hitless::Value;
use hitless::sim::Sim;

/// Commands and the replies that a server gives to them in RESP2, one script after the other.
const SCRIPT: &str = include_str!("store.txt");

fn commands() -> impl Iterator<Item = (&'static str, &'static str)> {
    SCRIPT
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            line.split_once(" => ")
                .unwrap_or_else(|| panic!("no reply in: {line}"))
        })
}

/// A value as the script writes it, sorted where a server promises no order.
fn normal(command: &str, value: &Value) -> String {
    let unordered = [
        "HGETALL",
        "HKEYS",
        "HVALS",
        "SMEMBERS",
        "SPOP",
        "KEYS",
        "CONFIG",
        "COMMAND LIST",
    ];
    let sorted = |items: &[Value]| {
        let mut all: Vec<String> = items.iter().map(show).collect();
        all.sort();
        format!("[{}]", all.join(" "))
    };
    match value {
        Value::Array(items) if unordered.iter().any(|name| command.starts_with(name)) => {
            sorted(items)
        }
        Value::Array(items) if command == "EXEC" => {
            let all: Vec<String> = items.iter().map(|item| normal("KEYS", item)).collect();
            format!("[{}]", all.join(" "))
        }
        Value::Set(items) => format!("set {}", sorted(items)),
        Value::Map(pairs) => {
            let mut all: Vec<String> = pairs
                .iter()
                .map(|(k, v)| format!("{}={}", show(k), show(v)))
                .collect();
            all.sort();
            format!("map {}", all.join(" "))
        }
        // The time passes between the two.
        Value::Int(1_000_000..) => "some time".to_owned(),
        other => show(other),
    }
}

fn run(mut client: Client) -> Vec<String> {
    assert_eq!(client.call("FLUSHALL"), Value::Okay);
    commands()
        .map(|(command, _)| {
            let reply = client.call(command);
            let shown = match reply {
                Value::Int(_) => show(&reply),
                reply => normal(command, &reply),
            };
            format!("{command} => {shown}")
        })
        .collect()
}

fn expected() -> Vec<String> {
    commands()
        .map(|(command, reply)| format!("{command} => {reply}"))
        .collect()
}

#[track_caller]
fn same(actual: &[String], expected: &[String]) {
    let differ: Vec<_> = actual
        .iter()
        .zip(expected)
        .filter(|(a, e)| a != e)
        .collect();
    assert!(differ.is_empty(), "{differ:#?}");
    assert_eq!(actual.len(), expected.len());
}

#[test]
fn the_embedded_store_answers_as_the_table_says() {
    let sim = Sim::builder().start().unwrap();
    same(&run(Client::on(&sim, sim.node(0))), &expected());
}

#[test]
fn a_real_server_answers_as_the_table_says() {
    let server = Server::start();
    same(&run(Client::dial(server.addr)), &expected());
}

#[test]
fn a_real_server_behind_the_simulator_answers_as_the_table_says() {
    let server = Server::start();
    let sim = Sim::builder().proxy_to(server.addr).start().unwrap();
    same(&run(Client::on(&sim, sim.node(0))), &expected());
}

/// Random commands on few keys, so that types clash and collections empty themselves.
pub fn random_command(dice: &mut fastrand::Rng) -> String {
    let key = ["a", "b", "c", "d"][dice.usize(0..4)];
    let other = ["a", "b", "c", "d"][dice.usize(0..4)];
    let word = ["x", "y", "z", "10", "-3", "2.5", ""][dice.usize(0..7)];
    let n = dice.i32(-4..5);
    let m = dice.i32(-4..5);
    // None of these ends while the two are compared.
    let times = [
        "-1",
        "0",
        "5000000",
        "99999999999",
        "33177117420000",
        "9223372036854775807",
        "x",
    ];
    let time = times[dice.usize(0..times.len())];
    let flag = ["NX", "XX", "gt", "LT", "no"][dice.usize(0..5)];
    let templates = [
        "SET K W",
        "SET K W NX",
        "SET K W XX GET",
        "SET K W EX 100 KEEPTTL",
        "SET K W EX 0",
        "SET K W KEEPTTL",
        "GET K",
        "GETSET K W",
        "GETDEL K",
        "APPEND K W",
        "STRLEN K",
        "MGET K O",
        "MSET K W O W",
        "MSET K W O",
        "SETNX K W",
        "SETEX K X W",
        "INCR K",
        "DECR K",
        "INCRBY K N",
        "DECRBY K W",
        "DEL K O",
        "UNLINK K",
        "EXISTS K O K",
        "EXPIRE K X",
        "EXPIRE K X NX",
        "PEXPIRE K X XX",
        "EXPIRE K x F F",
        "EXPIREAT K X F",
        "PEXPIREAT K X F F",
        "PEXPIREAT K X",
        "EXPIRETIME K",
        "PEXPIRETIME O",
        "GETEX K EX X",
        "GETEX K PXAT X",
        "GETEX K PERSIST",
        "SET K W EX X NX",
        "SET K W PX X GET",
        "SET K W KEEPTTL GET XX",
        "PERSIST K",
        "TYPE K",
        "TTL K",
        "DBSIZE",
        "HSET K W N",
        "HSET K W N W",
        "HGET K W",
        "HDEL K W x",
        "HLEN K",
        "HEXISTS K W",
        "HMGET K W x y",
        "HINCRBY K W N",
        "HSETNX K W N",
        "HGETALL K",
        "LPUSH K W N",
        "RPUSH K W",
        "LPOP K",
        "RPOP K",
        "LPOP K N",
        "RPOP K 2",
        "LLEN K",
        "LRANGE K N M",
        "LMOVE K O LEFT RIGHT",
        "LMOVE K O RIGHT UP",
        "RPOPLPUSH K O",
        "BLPOP K O 0.001",
        "BLMOVE K O LEFT LEFT 0.001",
        "BLPOP K -1",
        "BLPOP K x",
        "SADD K W N",
        "SREM K W",
        "SMEMBERS K",
        "SISMEMBER K W",
        "SCARD K",
        "ZADD K N W",
        "ZADD K NX N W",
        "ZADD K XX CH N W",
        "ZADD K GT N W",
        "ZADD K GT NX N W",
        "ZADD K INCR N W",
        "ZADD K W",
        "ZSCORE K W",
        "ZRANGE K N M",
        "ZRANGE K N M WITHSCORES",
        "ZRANGE K N M REV",
        "ZRANGE K N M BYSCORE",
        "ZRANGEBYSCORE K (N M",
        "ZRANGEBYSCORE K -inf +inf WITHSCORES LIMIT 0 2",
        "ZREM K W",
        "ZPOPMIN K",
        "ZPOPMAX K N",
        "ZPOPMIN K W",
        "SPOP K 100",
        "SPOP K -1",
        "SPOP K 1 2",
        "ZCARD K",
        "ZINCRBY K N W",
        "GET",
        "SET K",
        "NOSUCH K W",
        "SELECT N",
        "SELECT 0",
        "MULTI",
        "EXEC",
        "DISCARD",
        "WATCH K",
        "UNWATCH",
        "ECHO W",
        "FLUSHDB",
        "PING",
        "PING W W",
        "CLIENT NOSUCH",
        "CLIENT GETNAME",
        "CLIENT SETNAME W",
        "TYPE",
        "SCAN x",
    ];
    let template = templates[dice.usize(0..templates.len())];
    let words = template.split(' ').map(|slot| match slot {
        "K" => key.to_owned(),
        "O" => other.to_owned(),
        "W" => word.to_owned(),
        "N" => n.to_string(),
        "(N" => format!("({n}"),
        "M" => m.to_string(),
        "X" => time.to_owned(),
        "F" => flag.to_owned(),
        fixed => fixed.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn compare(seed: u64, hello: &str) {
    let server = Server::start();
    let sim = Sim::builder().start().unwrap();
    let mut real = Client::dial(server.addr);
    let mut ours = Client::on(&sim, sim.node(0));
    for client in [&mut real, &mut ours] {
        client.call(hello);
    }
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut history: Vec<String> = Vec::new();
    for _ in 0..10_000 {
        let command = random_command(&mut dice);
        real.send(&command);
        ours.send(&command);
        let (real, ours) = (real.reply(), ours.reply());
        let (real, ours) = (normal(&command, &real), normal(&command, &ours));
        history.push(command);
        let recent = &history[history.len().saturating_sub(12)..];
        assert_eq!(ours, real, "with seed {seed} after {recent:#?}");
    }
}

/// A value with the order taken out of its sets and maps, and the free text out of its maps.
fn sorted(value: &Value) -> String {
    let list = |items: &[Value]| items.iter().map(sorted).collect::<Vec<_>>();
    match value {
        Value::Array(items) => format!("[{}]", list(items).join(" ")),
        Value::Set(items) => {
            let mut all = list(items);
            all.sort();
            format!("{{{}}}", all.join(" "))
        }
        Value::Map(pairs) => {
            let mut all: Vec<String> = pairs
                .iter()
                .filter(|(key, _)| show(key) != "notes")
                .map(|(key, value)| format!("{}={}", show(key), sorted(value)))
                .collect();
            all.sort();
            format!("<{}>", all.join(" "))
        }
        other => show(other),
    }
}

/// The parts of an array.
fn parts(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        other => panic!("{other:?} is no array"),
    }
}

#[test]
fn what_a_server_tells_of_a_command_is_told_whole() {
    let server = Server::start();
    let sim = Sim::builder().start().unwrap();
    for hello in ["HELLO 2", "HELLO 3"] {
        let mut real = Client::dial(server.addr);
        let mut ours = Client::on(&sim, sim.node(0));
        real.call(hello);
        ours.call(hello);
        let all = ours.call("COMMAND");
        assert_eq!(
            show(&ours.call("COMMAND COUNT")),
            format!(":{}", parts(&all).len())
        );
        assert_eq!(parts(&ours.call("COMMAND LIST")).len(), parts(&all).len());
        for entry in parts(&all) {
            let entry = parts(entry);
            assert_eq!(entry.len(), 10);
            let name = show(&entry[0]);
            let told = real.call(&format!("COMMAND INFO {name}"));
            let told = parts(&parts(&told)[0]);
            for (at, (ours, real)) in entry[..9].iter().zip(told).enumerate() {
                let resp2 = hello == "HELLO 2";
                // In RESP2 the sets and maps are lists, which the other run compares.
                if !resp2 || at < 6 && at != 2 {
                    assert_eq!(sorted(ours), sorted(real), "{name}, element {at}");
                }
            }
            for ours in parts(&entry[9]) {
                let ours = parts(ours);
                let inner = show(&ours[0]);
                // Younger than this server.
                if matches!(
                    inner.as_str(),
                    "client|maint_notifications" | "client|no-touch" | "client|setinfo"
                ) {
                    continue;
                }
                let real = parts(&told[9]).iter().map(parts);
                let real: Vec<_> = real.filter(|one| show(&one[0]) == inner).collect();
                assert_eq!(real.len(), 1, "{inner}");
                for (ours, real) in ours.iter().zip(real[0]).take(9) {
                    assert_eq!(ours.kind(), real.kind(), "{inner}");
                    if hello == "HELLO 3" {
                        assert_eq!(sorted(ours), sorted(real), "{inner}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_documentation_of_a_command_says_what_it_is_for() {
    let server = Server::start();
    let sim = Sim::builder().start().unwrap();
    let mut real = Client::dial(server.addr);
    let mut ours = Client::resp3(&sim, sim.node(0));
    real.call("HELLO 3");
    let docs = |client: &mut Client, line: &str| -> Vec<(String, Value)> {
        match client.call(line) {
            Value::Map(pairs) => pairs
                .iter()
                .map(|(key, value)| (show(key), value.clone()))
                .collect(),
            other => panic!("{other:?}"),
        }
    };
    let field = |docs: &Value, name: &str| match docs {
        Value::Map(pairs) => pairs
            .iter()
            .find(|(key, _)| show(key) == name)
            .map(|(_, value)| show(value)),
        other => panic!("{other:?}"),
    };
    let all = docs(&mut ours, "COMMAND DOCS");
    assert_eq!(all.len(), parts(&ours.call("COMMAND")).len());
    for (name, told) in &all {
        assert!(
            field(told, "summary").is_some_and(|text| text.ends_with('.')),
            "{name}"
        );
        let real = docs(&mut real, &format!("COMMAND DOCS {name}"));
        for key in ["since", "group"] {
            assert_eq!(field(told, key), field(&real[0].1, key), "{name}");
        }
    }
    let some = docs(&mut ours, "COMMAND DOCS GET nosuch client|id");
    let names: Vec<&str> = some.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["get", "client|id"]);
}

#[test]
fn the_settings_that_tools_ask_for_are_there() {
    let server = Server::start();
    let sim = Sim::builder().start().unwrap();
    let mut real = Client::dial(server.addr);
    let mut ours = Client::on(&sim, sim.node(0));
    let settings = ours.call("CONFIG GET *");
    let (names, values): (Vec<_>, Vec<_>) = parts(&settings)
        .chunks_exact(2)
        .map(|pair| (show(&pair[0]), show(&pair[1])))
        .unzip();
    assert!(names.len() > 10);
    for (name, ours) in names.iter().zip(values) {
        let told = real.call(&format!("CONFIG GET {name}"));
        let real = show(&parts(&told)[1]);
        // What belongs to this server alone, or to how much each lets wait.
        let own = ["bind", "port", "client-output-buffer-limit"].contains(&name.as_str());
        assert!(own || real == ours, "{name}: {ours}, not {real}");
    }
    assert!(
        ours.refusal("CONFIG SET maxmemory 1")
            .contains("fixed at its start")
    );
    let info = show(&ours.call("INFO"));
    for line in info.lines().filter_map(|line| line.split_once(':')) {
        let real = show(&real.call("INFO everything"));
        let own = line.0.starts_with("db");
        assert!(own || real.contains(&format!("{}:", line.0)), "{}", line.0);
    }
    for text in [
        "redis_version:",
        "loading:0",
        "role:master",
        "maxmemory_policy:",
    ] {
        assert!(info.contains(text), "{text} in {info}");
    }
    let part = show(&ours.call("INFO server"));
    assert!(
        part.contains("redis_version:") && !part.contains("role:"),
        "{part}"
    );
    ours.call("SET k v EX 100");
    assert!(show(&ours.call("INFO keyspace")).contains("db0:keys=1,expires=1"));
}

#[test]
fn a_script_is_refused_with_what_to_do_about_it() {
    let sim = Sim::builder().start().unwrap();
    let mut client = Client::on(&sim, sim.node(0));
    for line in [
        "EVAL x 0",
        "EVALSHA x 0",
        "SCRIPT LOAD x",
        "fcall f 0",
        "FUNCTION LIST",
    ] {
        let refusal = client.refusal(line);
        let name = line.split(' ').next().unwrap().to_lowercase();
        assert!(
            refusal.starts_with(&format!("ERR '{name}' is not supported")),
            "{refusal}"
        );
        assert!(refusal.contains("real server behind it"), "{refusal}");
    }
}

#[test]
fn a_key_expires_without_being_read() {
    let sim = Sim::builder().start().unwrap();
    let mut client = Client::on(&sim, sim.node(0));
    for n in 0..100 {
        client.call(&format!("SET {n} v PX {}", 1 + n % 5));
    }
    client.call("RPUSH list x");
    client.call("PEXPIRE list 1");
    client.call("SET left v PX 7776000000");
    // Counting reads no key.
    let deadline = now() + SOON;
    while show(&client.call("DBSIZE")) != ":1" && now() < deadline {}
    assert_eq!(show(&client.call("DBSIZE")), ":1");
}

#[test]
fn random_commands_are_answered_as_a_real_server_answers_them() {
    compare(7, "HELLO 2");
}

#[test]
fn random_commands_are_answered_in_resp3_as_a_real_server_answers_them() {
    compare(8, "HELLO 3");
}
