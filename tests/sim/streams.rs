//! Streams and groups of the embedded store against a table of replies, and against real servers.

use crate::client::{Client, show};
use crate::common::redis::{Redis, Version};
use hitless::Value;
use hitless::sim::Sim;

/// Commands and the replies that servers give to them in RESP2. Behind `; 7.0:` stands what that version
/// answers, where it differs from later ones.
const SCRIPT: &str = include_str!("streams.txt");

/// A value as the script writes it, without what the clock decides, nor what servers guess if `guesses`.
fn normal(value: &Value, guesses: bool) -> String {
    match value {
        Value::Array(items) => {
            let mut all = list(items, guesses);
            // A line of XPENDING: number, consumer, how long ago, how often.
            if let [
                Value::Bulk(id),
                Value::Bulk(_),
                Value::Int(_),
                Value::Int(_),
            ] = &items[..]
            {
                if id.contains(&b'-') {
                    all[2] = "ms".to_owned();
                }
            }
            format!("[{}]", all.join(" "))
        }
        Value::Map(pairs) => {
            let flat = pairs.iter().flat_map(|(key, value)| [key, value]);
            let flat: Vec<Value> = flat.cloned().collect();
            format!("<{}>", list(&flat, guesses).join(" "))
        }
        // A time of the epoch, which passes between the two.
        Value::Int(1_000_000..) => "ms".to_owned(),
        other => show(other),
    }
}

/// The parts of an array or a map.
fn list(items: &[Value], guesses: bool) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for item in items {
        let text = match all.last().map(String::as_str) {
            Some("idle" | "inactive" | "seen-time" | "active-time") => "ms".to_owned(),
            // Each version guesses in its own way where it was told nonsense.
            Some("entries-read" | "lag") if guesses => "n".to_owned(),
            _ => normal(item, guesses),
        };
        all.push(text);
    }
    all
}

/// Runs the script; the replies that are not as it says, those of an old server where `old`.
fn differences(mut client: Client, old: bool) -> Vec<String> {
    assert_eq!(client.call("FLUSHALL"), Value::Okay);
    let lines = SCRIPT.lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut wrong = Vec::new();
    for line in lines {
        let (command, replies) = line.split_once(" => ").expect(line);
        let expected = match replies.split_once(" ; 7.0: ") {
            Some((_, of_old)) if old => of_old,
            Some((of_new, _)) => of_new,
            None => replies,
        };
        let reply = normal(&client.call(command), false);
        if reply != expected {
            wrong.push(format!("{command} => {reply}, not {expected}"));
        }
    }
    wrong
}

#[test]
fn the_embedded_store_answers_as_the_table_says() {
    let sim = Sim::builder().start().unwrap();
    let wrong = differences(Client::on(&sim, sim.node(0)), false);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn real_servers_answer_as_the_table_says_with_and_without_the_simulator_before_them() {
    for version in Version::ALL {
        let server = Redis::of(version, &[]);
        let old = version == Version::Redis70;
        let wrong = differences(Client::dial(server.address), old);
        assert!(wrong.is_empty(), "{version:?}: {wrong:#?}");
        let sim = Sim::builder().proxy_to(server.address).start().unwrap();
        let wrong = differences(Client::on(&sim, sim.node(0)), old);
        assert!(wrong.is_empty(), "{version:?}, by proxy: {wrong:#?}");
    }
}

/// Random commands on few streams, groups and numbers, so that most of them meet something.
pub fn random_command(dice: &mut fastrand::Rng) -> String {
    let templates = [
        "XADD K I f v",
        "XADD K I f v",
        "XADD K NOMKSTREAM I f v",
        "XADD K MAXLEN N I f v",
        "XADD K MAXLEN ~ N I f v g w",
        "XADD K MINID I I f v",
        "XADD K MAXLEN = N LIMIT N I f v",
        "XADD K MAXLEN ~ N LIMIT N I f v",
        "XADD K I f v g",
        "XADD K LIMIT N I f v",
        "XLEN K",
        "XRANGE K R R",
        "XRANGE K - + COUNT N",
        "XREVRANGE K R R",
        "XREVRANGE K R R COUNT N",
        "XDEL K I",
        "XDEL K I I",
        "XTRIM K MAXLEN N",
        "XTRIM K MINID = I",
        "XTRIM K MAXLEN ~ N",
        "XTRIM K N",
        "XSETID K I",
        "XREAD STREAMS K I",
        "XREAD COUNT N STREAMS K O I I",
        "XREAD BLOCK N STREAMS K x",
        "XREAD STREAMS K $",
        "XREAD STREAMS K >",
        "XREADGROUP GROUP G C STREAMS K >",
        "XREADGROUP GROUP G C STREAMS K >",
        "XREADGROUP GROUP G C COUNT N STREAMS K >",
        "XREADGROUP GROUP G C NOACK STREAMS K >",
        "XREADGROUP GROUP G C COUNT N STREAMS K I",
        "XREADGROUP GROUP G C STREAMS K O > I",
        "XREADGROUP GROUP G C BLOCK 1 STREAMS K >",
        "XREADGROUP GROUP G C STREAMS K $",
        "XREADGROUP GROUP G C NOACK x STREAMS K >",
        "XGROUP CREATE K G I",
        "XGROUP CREATE K G $",
        "XGROUP CREATE K G I MKSTREAM",
        "XGROUP CREATE K G 0 ENTRIESREAD N",
        "XGROUP SETID K G I",
        "XGROUP SETID K G $ ENTRIESREAD N",
        "XGROUP DESTROY K G",
        "XGROUP CREATECONSUMER K G C",
        "XGROUP DELCONSUMER K G C",
        "XGROUP CREATE K G I x",
        "XACK K G I",
        "XACK K G I I",
        "XPENDING K G",
        "XPENDING K G R R N",
        "XPENDING K G R R N C",
        "XPENDING K G IDLE 0 R R N C",
        "XPENDING K G IDLE 5000000 - + 10",
        "XPENDING K G - +",
        "XCLAIM K G C 0 I",
        "XCLAIM K G C 0 I I FORCE",
        "XCLAIM K G C 0 I FORCE JUSTID",
        "XCLAIM K G C 5000000 I I JUSTID",
        "XCLAIM K G C 0 I RETRYCOUNT N",
        "XCLAIM K G C 0 I LASTID I",
        "XCLAIM K G C x I",
        "XCLAIM K G C 0 I IDLE x",
        "XAUTOCLAIM K G C 0 R",
        "XAUTOCLAIM K G C 0 R COUNT N",
        "XAUTOCLAIM K G C 0 - JUSTID",
        "XAUTOCLAIM K G C 5000000 -",
        "XAUTOCLAIM K G C x R",
        "XINFO STREAM K",
        "XINFO STREAM K FULL",
        "XINFO STREAM K FULL COUNT N",
        "XINFO GROUPS K",
        "XINFO CONSUMERS K G",
        "DEL K",
        "SET K x",
        "TYPE K",
        "WATCH K",
        "UNWATCH",
        "MULTI",
        "EXEC",
        "XADD",
        "XGROUP",
        "XINFO x K",
    ];
    let template = templates[dice.usize(0..templates.len())];
    let mut pick = |from: &[&str]| from[dice.usize(0..from.len())].to_owned();
    let ids = [
        "0", "1", "1-2", "2-*", "3", "3-1", "4-*", "5", "6-*", "7-7", "8-*", "9", "12-*", "0-0",
        "x",
    ];
    let ends = ["-", "+", "(3", "2", "5-1", "(0", "9", "(x", "-"];
    let words = template.split(' ').map(|slot| match slot {
        // The third one is mostly of another type.
        "K" | "O" => pick(&["a", "a", "a", "b", "b", "c"]),
        "I" => pick(&ids),
        "R" => pick(&ends),
        "N" => pick(&["-1", "0", "1", "2", "3", "100"]),
        "G" => pick(&["g", "g", "h"]),
        "C" => pick(&["c", "d"]),
        fixed => fixed.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// 10,000 random commands to the simulator and to a server, whose replies must be the same.
fn compare(version: Version, seed: u64, hello: &str) {
    let server = Redis::of(version, &[]);
    let sim = Sim::builder().start().unwrap();
    let mut real = Client::dial(server.address);
    let mut ours = Client::on(&sim, sim.node(0));
    for client in [&mut real, &mut ours] {
        client.call(hello);
    }
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut history: Vec<String> = Vec::new();
    let mut in_multi = false;
    for _ in 0..10_000 {
        let command = random_command(&mut dice);
        match command.split(' ').next() {
            // Each of these servers words this refusal in its own way.
            Some("MULTI" | "WATCH") if in_multi => continue,
            Some("MULTI") => in_multi = true,
            Some("EXEC") => in_multi = false,
            _ => {}
        }
        real.send(&command);
        ours.send(&command);
        let (real, ours) = (normal(&real.reply(), true), normal(&ours.reply(), true));
        history.push(format!("{command} => {real}"));
        let recent = &history[history.len().saturating_sub(25)..];
        assert_eq!(ours, real, "with seed {seed} after {recent:#?}");
    }
}

#[test]
fn random_commands_are_answered_as_redis_8_answers_them() {
    compare(Version::Redis82, 21, "HELLO 2");
    compare(Version::Redis82, 22, "HELLO 3");
}

#[test]
fn random_commands_are_answered_as_valkey_9_answers_them() {
    compare(Version::Valkey91, 23, "HELLO 3");
}
