//! The embedded store against a table of replies, and against a real server.

use crate::client::{Client, show};
use crate::server::Server;
use hitless::protocol::Value;
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
    let unordered = ["HGETALL", "HKEYS", "HVALS", "SMEMBERS", "KEYS"];
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
        other => show(other),
    }
}

fn run(mut client: Client) -> Vec<String> {
    assert_eq!(client.call("FLUSHALL"), Value::Okay);
    commands()
        .map(|(command, _)| {
            let reply = client.call(command);
            format!("{command} => {}", normal(command, &reply))
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
fn random_command(dice: &mut fastrand::Rng) -> String {
    let key = ["a", "b", "c", "d"][dice.usize(0..4)];
    let other = ["a", "b", "c", "d"][dice.usize(0..4)];
    let word = ["x", "y", "z", "10", "-3", "2.5", ""][dice.usize(0..7)];
    let n = dice.i32(-4..5);
    let m = dice.i32(-4..5);
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
        "SETEX K N W",
        "INCR K",
        "DECR K",
        "INCRBY K N",
        "DECRBY K W",
        "DEL K O",
        "UNLINK K",
        "EXISTS K O K",
        "EXPIRE K N",
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

#[test]
fn random_commands_are_answered_as_a_real_server_answers_them() {
    compare(7, "HELLO 2");
}

#[test]
fn random_commands_are_answered_in_resp3_as_a_real_server_answers_them() {
    compare(8, "HELLO 3");
}
