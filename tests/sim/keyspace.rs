//! Keyspace notifications and `PUBSUB` of the embedded store, message by message against real servers; and who
//! watches what.

use crate::client::{Client, SOON, line, show};
use crate::common::redis::{Redis, Version};
use crate::{store, streams};
use hitless::Value;
use hitless::sim::Sim;
use std::net::SocketAddr;

/// A connection that works, and one that listens to all that is told of keys.
struct Pair {
    works: Client,
    listens: Client,
}

impl Pair {
    fn of(address: SocketAddr, hello: &str, letters: &str) -> Self {
        let mut works = Client::dial(address);
        works.call(hello);
        let set = format!("CONFIG SET notify-keyspace-events {letters}");
        assert_eq!(works.call(&set), Value::Okay);
        let mut listens = Client::dial(address);
        listens.call("HELLO 3");
        listens.send("PSUBSCRIBE __key*");
        listens.push();
        Self { works, listens }
    }

    /// The reply to a command, and what was told of keys meanwhile.
    fn call(&mut self, command: &str) -> (Value, Vec<String>) {
        let reply = self.works.call(command);
        // Also inside of MULTI, where a message of the same connection would wait.
        let told = self.told();
        (reply, told)
    }

    /// What was told until now.
    fn told(&mut self) -> Vec<String> {
        // Published by the listener itself: it comes behind all that was told before.
        self.listens.send("PUBLISH __key-fence x");
        let mut told = Vec::new();
        loop {
            let text = line(&self.listens.push());
            if text.contains("__key-fence") {
                assert!(matches!(self.listens.reply(), Value::Int(1)));
                return told;
            }
            told.push(text.replace("pmessage __key* ", ""));
        }
    }
}

/// The embedded store's own address, and the simulator that has it.
fn embedded() -> (Sim, SocketAddr) {
    let sim = Sim::builder().start().unwrap();
    let address = sim.addr(sim.node(0));
    (sim, address)
}

#[test]
fn a_command_is_told_in_the_words_and_the_order_of_servers() {
    // Commands, and what all of these servers tell of them with all letters on.
    let script = [
        ("SET k v", "@k new, @k set"),
        ("SET k v EX 100", "@k set, @k expire"),
        ("SETEX k 100 v", "@k set, @k expire"),
        ("SET k w KEEPTTL", "@k set"),
        ("SET k w NX", ""),
        ("PERSIST k", "@k persist"),
        ("PERSIST k", ""),
        ("GETEX k EX 9", "@k expire"),
        ("GETEX k PERSIST", "@k persist"),
        ("EXPIRE k 100", "@k expire"),
        ("EXPIRE k 200 LT", ""),
        ("APPEND k x", "@k append"),
        ("GETSET k 1", "@k set"),
        ("INCR k", "@k incrby"),
        ("DECRBY k 2", "@k incrby"),
        ("INCRBYFLOAT k 2", "@k incrbyfloat"),
        ("GETDEL k", "@k del"),
        ("GET k", "@k keymiss"),
        ("EXISTS k", "@k keymiss"),
        ("MGET k m", "@k keymiss, @m keymiss"),
        ("DEL k", ""),
        ("MSET k 1 m 2", "@k new, @k set, @m new, @m set"),
        ("DEL k x m", "@k del, @m del"),
        ("RPUSH l a b c", "@l new, @l rpush"),
        ("LPOP l 2", "@l lpop"),
        ("LPOP l 0", ""),
        ("LMOVE l m LEFT RIGHT", "@m new, @m rpush, @l lpop, @l del"),
        ("BRPOPLPUSH m m 1", "@m lpush, @m rpop"),
        ("BLPOP l m 1", "@m lpop, @m del"),
        ("HSET h f 1 g 2", "@h new, @h hset"),
        ("HSETNX h f 2", ""),
        ("HINCRBY h f 2", "@h hincrby"),
        ("HDEL h x", ""),
        ("HDEL h f g", "@h hdel, @h del"),
        ("SADD s a b", "@s new, @s sadd"),
        ("SADD s a", ""),
        ("SREM s a", "@s srem"),
        ("SPOP s 5", "@s spop, @s del"),
        ("ZADD z 1 a 2 b", "@z new, @z zadd"),
        ("ZADD z 1 a", ""),
        ("ZADD z XX CH 3 b", "@z zadd"),
        ("ZINCRBY z 1 a", "@z zincr"),
        ("ZREM z a", "@z zrem"),
        ("ZPOPMAX z", "@z zpopmax, @z del"),
        ("XADD x 1-1 f v", "@x new, @x xadd"),
        ("XADD x MAXLEN 1 1-2 f v", "@x xadd, @x xtrim"),
        ("XGROUP CREATE x g 0", "@x xgroup-create"),
        (
            "XREADGROUP GROUP g c STREAMS x >",
            "@x xgroup-createconsumer",
        ),
        ("XACK x g 1-2", ""),
        ("XGROUP SETID x g 0", "@x xgroup-setid"),
        ("XGROUP CREATECONSUMER x g d", "@x xgroup-createconsumer"),
        ("XGROUP DELCONSUMER x g d", "@x xgroup-delconsumer"),
        ("XGROUP DESTROY x g", "@x xgroup-destroy"),
        ("XSETID x 5-0", "@x xsetid"),
        ("XDEL x 1-2", "@x xdel"),
        ("XTRIM x MAXLEN 0", ""),
        ("MULTI", ""),
        ("SET k v", ""),
        ("DEL k", ""),
        ("EXEC", "@k new, @k set, @k del"),
        ("SELECT 3", ""),
        ("SET k v", "3@k new, 3@k set"),
        ("EXPIREAT k 1", "3@k del"),
        ("FLUSHDB", ""),
    ];
    // Valkey says of a time that is past already that the key has expired.
    let of_valkey = |event: String| event.replace("del", "expired");
    let (_sim, ours) = embedded();
    let servers = Version::ALL.map(|version| Redis::of(version, &[]));
    let addresses = servers.iter().map(|server| server.address).chain([ours]);
    for (place, address) in addresses.enumerate() {
        let mut pair = Pair::of(address, "HELLO 3", "KEAmn");
        for (command, expected) in script {
            let (_, told) = pair.call(command);
            let is_valkey = place == 2 && command.starts_with("EXPIREAT");
            // Each event comes by key and by event.
            let expected = expected.split(", ").filter(|one| !one.is_empty());
            let expected: Vec<String> = expected
                .flat_map(|one| {
                    let (of, event) = one.split_once(' ').unwrap();
                    let (db, key) = of.split_once('@').unwrap();
                    let db = if db.is_empty() { "0" } else { db };
                    [
                        format!("__keyspace@{db}__:{key} {event}"),
                        format!("__keyevent@{db}__:{event} {key}"),
                    ]
                })
                .map(|one| if is_valkey { of_valkey(one) } else { one })
                .collect();
            assert_eq!(told, expected, "{command}, on {place}");
        }
    }
}

/// Random commands to the simulator and to a server, of which the same must be told.
fn compare(
    version: Version,
    seed: u64,
    letters: &str,
    next: impl Fn(&mut fastrand::Rng) -> String,
) {
    let server = Redis::of(version, &[]);
    let (_sim, address) = embedded();
    let [mut real, mut ours] =
        [server.address, address].map(|address| Pair::of(address, "HELLO 3", letters));
    // Each of them costs two further round trips.
    let commands = 3_000;
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut history: Vec<String> = Vec::new();
    let (mut total, mut in_multi) = (0, false);
    // Valkey calls a deletion by a time that is past an expiry, which the others do not.
    let alike = |told: Vec<String>| -> Vec<String> {
        let told = told.into_iter();
        match version {
            Version::Valkey91 => told.map(|one| one.replace("expired", "del")).collect(),
            _ => told.collect(),
        }
    };
    for _ in 0..commands {
        let command = next(&mut dice);
        match command.split(' ').next() {
            // Refused by all, but only Valkey lets the transaction fail by it.
            Some("MULTI" | "WATCH") if in_multi => continue,
            Some("MULTI") => in_multi = true,
            Some("DISCARD" | "EXEC") => in_multi = false,
            _ => {}
        }
        let ((_, real), (_, ours)) = (real.call(&command), ours.call(&command));
        let (real, ours) = (alike(real), alike(ours));
        total += real.len();
        history.push(format!("{command} => {real:?}"));
        let recent = &history[history.len().saturating_sub(25)..];
        assert_eq!(ours, real, "{version:?}, seed {seed}, after {recent:#?}");
    }
    assert!(total > 100, "{total} messages only");
}

#[test]
fn of_random_commands_the_same_is_told_as_by_servers() {
    for (version, seed) in Version::ALL.into_iter().zip(51..) {
        compare(version, seed, "KEA", store::random_command);
        compare(version, seed, "Kxg$hn", store::random_command);
    }
    // What gives way to something else, which this server alone of them tells.
    compare(Version::Redis82, 55, "KEocn$x", store::random_command);
    compare(Version::Redis82, 56, "KAoc", store::random_command);
    // Valkey reads the words of a GETEX before it looks for the key, and tells no miss of those that are wrong.
    for version in [Version::Redis70, Version::Redis82] {
        compare(version, 54, "Em", store::random_command);
    }
}

#[test]
fn of_random_commands_on_streams_the_same_is_told_as_by_servers() {
    for (version, seed) in [(Version::Redis82, 61), (Version::Valkey91, 62)] {
        compare(version, seed, "KEA", streams::random_command);
    }
}

#[test]
fn what_gives_way_to_something_else_is_told_as_by_the_servers_that_know_the_letters() {
    let script = [
        ("SET k v", "new set"),
        ("SET k w EX 100", "overwritten set expire"),
        ("SETEX k 100 w", "overwritten set expire"),
        ("SET k x XX KEEPTTL", "overwritten set"),
        ("SET k x NX", ""),
        ("GETSET k y", "overwritten set"),
        ("MSET k 1 k 2", "overwritten set overwritten set"),
        ("INCR k", "incrby"),
        ("APPEND k x", "append"),
        ("DEL k", "del"),
        ("RPUSH k x", "new rpush"),
        ("RPUSH k y", "rpush"),
        ("SET k v", "overwritten type_changed set"),
        ("DEL k", "del"),
        ("XADD k 1-1 f v", "new xadd"),
        ("PSETEX k 100000 v", "overwritten type_changed set expire"),
    ];
    let (_sim, ours) = embedded();
    let server = Redis::of(Version::Redis82, &[]);
    for address in [server.address, ours] {
        let mut pair = Pair::of(address, "HELLO 3", "KAnoc");
        for (command, expected) in script {
            let (_, told) = pair.call(command);
            let events = told.iter().filter_map(|one| one.split(' ').nth(1));
            let expected: Vec<&str> = expected.split_whitespace().collect();
            assert_eq!(events.collect::<Vec<_>>(), expected, "{command}");
        }
        for (letters, shown) in [("Kcognm", "gnocKm"), ("KEAoc", "AKE"), ("Koy", "AKE")] {
            pair.works
                .call(&format!("CONFIG SET notify-keyspace-events {letters}"));
            let told = show(&pair.works.call("CONFIG GET notify-keyspace-events"));
            assert!(
                told.contains(&format!("(\"{shown}\")")),
                "{letters}: {told}"
            );
        }
    }
    // The others know no such letters.
    for version in [Version::Redis70, Version::Valkey91] {
        let server = Redis::of(version, &[]);
        let reply = Client::dial(server.address).call("CONFIG SET notify-keyspace-events Ko");
        assert!(matches!(reply, Value::Error(_)), "{reply:?}");
    }
}

#[test]
fn what_expires_is_told_though_nobody_reads_it() {
    let (_sim, ours) = embedded();
    let server = Redis::start();
    for address in [ours, server.address] {
        let mut pair = Pair::of(address, "HELLO 2", "Ex");
        for key in ["a", "b"] {
            pair.works.call(&format!("SET {key} v PX 20"));
            let told = line(&pair.listens.try_push(SOON).unwrap());
            assert_eq!(
                told,
                format!("pmessage __key* __keyevent@0__:expired {key}")
            );
        }
        // A key that a command finds expired is told in front of what the command does.
        pair.works.call("CONFIG SET notify-keyspace-events KA");
        pair.works.call("SET c v PX 1");
        let mut told = pair.told();
        while !told.iter().any(|one| one.ends_with("expired")) {
            pair.works.call("EXISTS c");
            told.extend(pair.told());
        }
        pair.works.call("RPUSH c x");
        told.extend(pair.told());
        let events: Vec<&str> = told
            .iter()
            .filter_map(|one| one.split(' ').nth(1))
            .collect();
        assert_eq!(events, ["set", "expire", "expired", "rpush"]);
    }
}

#[test]
fn what_one_does_oneself_is_told_behind_the_answer_and_what_that_sets_off_behind_it() {
    let (_sim, ours) = embedded();
    let server = Redis::of(Version::Redis82, &[]);
    for address in [server.address, ours] {
        let told = |own: &str, waits: Option<&str>, size: usize| {
            let mut other = Client::dial(address);
            let mut client = Client::dial(address);
            client.call("HELLO 3");
            client.call("CONFIG SET notify-keyspace-events KA");
            client.send("PSUBSCRIBE __key*");
            client.push();
            if let Some(waits) = waits {
                other.send(waits);
                while !show(&client.call("INFO clients")).contains("blocked_clients:1") {}
            }
            client.send(own);
            String::from_utf8(client.raw(size)).unwrap()
        };
        let message = |key: &str, event: &str| {
            let channel = format!("__keyspace@0__:{key}");
            format!(
                ">4\r\n$8\r\npmessage\r\n$6\r\n__key*\r\n${}\r\n{channel}\r\n${}\r\n{event}\r\n",
                channel.len(),
                event.len()
            )
        };
        let expected = format!("+OK\r\n{}", message("k", "set"));
        assert_eq!(told("SET k v", None, expected.len()), expected);
        let events = ["rpush", "lpop", "del"].map(|event| message("q", event));
        let expected = format!(":1\r\n{}", events.concat());
        let told = told("RPUSH q x", Some("BLPOP q 0"), expected.len());
        assert_eq!(told, expected);
    }
}

#[test]
fn who_listens_to_what_is_told_as_by_servers() {
    let (_sim, ours) = embedded();
    let servers = Version::ALL.map(|version| Redis::of(version, &[]));
    let addresses = servers.iter().map(|server| server.address).chain([ours]);
    let mut all = Vec::new();
    for address in addresses {
        let mut listeners = Vec::new();
        for command in [
            "SUBSCRIBE b a",
            "SUBSCRIBE a",
            "PSUBSCRIBE p* q*",
            "PSUBSCRIBE p*",
            "SSUBSCRIBE s",
        ] {
            let mut client = Client::dial(address);
            client.send(command);
            command
                .split(' ')
                .skip(1)
                .for_each(|_| drop(client.reply()));
            listeners.push(client);
        }
        let mut told = Vec::new();
        for hello in ["HELLO 2", "HELLO 3"] {
            let mut client = Client::dial(address);
            client.call(hello);
            for command in [
                "PUBSUB",
                "PUBSUB nope",
                "PUBSUB CHANNELS",
                "PUBSUB channels a*",
                "PUBSUB CHANNELS none*",
                "PUBSUB CHANNELS a b",
                "PUBSUB NUMSUB",
                "PUBSUB NUMSUB a b s c",
                "PUBSUB NUMPAT",
                "PUBSUB NUMPAT x",
                "PUBSUB HELP",
                "PUBSUB help x",
                "PUBSUB SHARDCHANNELS",
                "PUBSUB SHARDCHANNELS x*",
                "PUBSUB SHARDNUMSUB s a",
                "CONFIG SET notify-keyspace-events KEAmn",
                "CONFIG GET notify-keyspace-events",
                "CONFIG SET notify-keyspace-events K$ngm",
                "CONFIG GET notify-keyspace-*",
                "CONFIG SET notify-keyspace-events KEy",
                "CONFIG GET notify-keyspace-events",
            ] {
                let reply = client.call(command);
                let text = match &reply {
                    // In no order that a server promises.
                    Value::Array(items) if command.contains("CHANNELS") => {
                        let mut names: Vec<String> = items.iter().map(show).collect();
                        names.sort();
                        names.join(" ")
                    }
                    // Of two wordings of the last line.
                    reply => show(reply).replace("Prints this help.", "Print this help."),
                };
                told.push(format!("{command} => {text}"));
            }
        }
        all.push(told);
    }
    for other in &all[1..] {
        assert_eq!(all[0], *other);
    }
}

#[test]
fn who_watches_a_key_is_seen_until_it_does_no_more() {
    let (sim, address) = embedded();
    let [mut one, mut two] = [(); 2].map(|()| Client::dial(address));
    let ids = [&mut one, &mut two].map(|client| match client.call("CLIENT ID") {
        Value::Int(id) => u64::try_from(id).unwrap(),
        other => panic!("{other:?}"),
    });
    one.call("WATCH a b");
    two.call("SELECT 1");
    two.call("WATCH a");
    assert_eq!(sim.watchers("a"), ids);
    assert_eq!(
        (sim.watchers("b"), sim.watchers("c")),
        (vec![ids[0]], vec![])
    );
    // Also while it is known that its transaction will fail, and while that is being queued.
    two.call("SET a x");
    two.call("MULTI");
    assert_eq!(sim.watchers("a"), ids);
    two.call("EXEC");
    assert_eq!(sim.watchers("a"), ids[..1]);
    one.call("UNWATCH");
    assert!(sim.watchers("a").is_empty() && sim.watchers("b").is_empty());
    // One that waits is told of both, and of a connection that ends.
    one.send("WATCH a");
    assert!(sim.wait_until(SOON, |now| now.watchers("a") == ids[..1]));
    drop(one);
    assert!(sim.wait_until(SOON, |now| now.watchers("a").is_empty()));
}
