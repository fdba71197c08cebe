//! Commands that the client has never heard of: renamed ones, here. The server is asked what they do.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics when a claim is false"
)]
#![cfg(feature = "sim")]

mod common;

use common::fake::Fake;
use common::redis::{Redis, Version};
use common::{eventually, options, patient};
use hitless::sim::Sim;
use hitless::{Client, Commands, Delivery, ErrorKind, Options, Protocol, Result, Value, cmd, pipe};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Servers that call three commands otherwise, each with a client of one connection.
fn everywhere(claims: impl Fn(&Client)) {
    let renamed = [
        "--rename-command BLPOP ZZTAKE",
        "--rename-command SELECT ZZSELECT",
        "--rename-command GET ZZGET",
        "--rename-command SUBSCRIBE ZZLISTEN",
    ];
    let words: Vec<&str> = renamed.iter().flat_map(|one| one.split(' ')).collect();
    for version in Version::ALL {
        let redis = Redis::of(version, &words);
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let options = Options::new(&redis.url()).unwrap().protocol(protocol);
            let client = Client::connect(options.pool_size(1)).unwrap();
            cmd("FLUSHALL").exec(&client).unwrap();
            cmd("CONFIG RESETSTAT").exec(&client).unwrap();
            claims(&client);
        }
    }
}

/// How often the server was asked about a command.
fn questions(client: &Client) -> usize {
    let text: String = cmd("INFO commandstats").query(client).unwrap();
    let line = (text.lines()).find_map(|line| line.strip_prefix("cmdstat_command|info:calls="));
    line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, says: &str) {
    let error = result.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Usage, "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn a_command_that_shares_is_sent_after_one_question() {
    everywhere(|client| {
        client.set("key", 1).unwrap();
        for _ in 0..3 {
            assert_eq!(cmd("zzget").arg("key").query::<i64>(client).unwrap(), 1);
            let both: (i64, i64) = (pipe().cmd(cmd("ZZGET").arg("key")).incr("n"))
                .query(client)
                .unwrap();
            assert_eq!(both.0, 1);
        }
        assert_eq!(questions(client), 1);
        // The server does not know it either, and says so.
        let error = cmd("ZZNONE").exec(client).unwrap_err();
        assert_eq!(
            (error.code(), error.delivery()),
            (Some("ERR"), Delivery::Replied)
        );
    });
}

#[test]
fn a_command_that_blocks_has_a_connection_alone_and_others_go_on() {
    everywhere(|client| {
        std::thread::scope(|scope| {
            let take = || {
                cmd("ZZTAKE")
                    .arg("list")
                    .arg(0)
                    .query::<(String, i64)>(client)
            };
            let waiting = scope.spawn(take);
            eventually("it waits alone", || {
                client.stats().dedicated.iter().any(|one| one.requests == 1)
            });
            client.rpush("list", 7).unwrap();
            assert_eq!(waiting.join().unwrap().unwrap(), ("list".into(), 7));
        });
        // Its time is over after what it was given itself, and after nothing else.
        let short = (cmd("ZZTAKE").arg("none").arg(0)).timeout(Duration::from_millis(20));
        assert!(short.exec(client).unwrap_err().is_timeout());
        let results = pipe()
            .set("key", 2)
            .cmd(cmd("ZZTAKE").arg("list").arg(0))
            .run(client);
        results
            .into_iter()
            .for_each(|result| refused(result, "ZZTAKE blocks"));
        assert_eq!(client.exists("key").unwrap(), 0, "nothing was sent");
    });
}

#[test]
fn a_command_of_its_connection_is_not_sent() {
    everywhere(|client| {
        for command in [cmd("ZZSELECT").arg(1), cmd("ZZLISTEN").arg("channel")] {
            refused(command.exec(client), "belongs to its connection");
            for pipeline in [
                pipe().set("key", 2).cmd(command.clone()),
                pipe().atomic().cmd(command),
            ] {
                for result in pipeline.run(client) {
                    refused(result, "belongs to its connection");
                }
            }
        }
        assert_eq!(client.exists("key").unwrap(), 0, "nothing was sent");
    });
}

#[test]
fn a_server_that_does_not_answer_the_question_gets_the_command() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0))).unwrap();
    let error = cmd("ZZNONE").arg(1).query::<Value>(&client).unwrap_err();
    assert_eq!(error.code(), Some("ERR"), "{error:?}");
}

/// What came to a server behind the openings: the number of the connection, and the name of the command.
type Seen = Arc<Mutex<Vec<(usize, String)>>>;

/// A server that answers questions about commands with these lines in turn (`None`: not at all) and every other
/// command with OK; and what came behind the opening.
fn questioned(answers: Vec<Option<&'static str>>) -> (Fake, Seen) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let fake = Fake::start({
        let seen = Arc::clone(&seen);
        move |peer| {
            loop {
                let words = peer.next()?;
                let name = String::from_utf8_lossy(&words[0]).into_owned();
                seen.lock().unwrap().push((peer.number, name));
                if words[0] == b"COMMAND" {
                    let answer = answers.lock().unwrap().next();
                    if let Some(answer) = answer.flatten() {
                        peer.send(answer)?;
                    }
                } else {
                    peer.send("+OK\r\n")?;
                }
            }
        }
    });
    (fake, seen)
}

const BLOCKS: &str = "*1\r\n*3\r\n$6\r\nzztake\r\n:-2\r\n*2\r\n+write\r\n+blocking\r\n";

#[test]
fn a_command_is_not_sent_when_the_answer_does_not_come_in_time() {
    // Something comes, so that the connection is not given up.
    let other = Some(">2\r\n+news\r\n:1\r\n");
    let (fake, seen) = questioned(vec![other, other]);
    let options = patient(Options::new(&fake.address.to_string()).unwrap());
    let client = Client::connect(options.pool_size(1)).unwrap();
    let command = cmd("ZZTAKE").arg("list").timeout(Duration::from_millis(50));
    let error = command.exec(&client).unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent, "{error:?}");
    let mut pipeline = pipe();
    pipeline
        .set("a", 1)
        .add(&command)
        .timeout(Duration::from_millis(50));
    for result in pipeline.run(&client) {
        let error = result.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent, "{error:?}");
    }
    drop(client);
    drop(fake);
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|(_, name)| name == "COMMAND"), "{seen:?}");
    assert!(!seen.is_empty());
}

#[test]
fn a_refusal_that_passes_is_no_answer_about_a_command() {
    let loading = "-LOADING Redis is loading the dataset in memory\r\n";
    let (fake, seen) = questioned(vec![Some(loading), Some(BLOCKS)]);
    let options = patient(Options::new(&fake.address.to_string()).unwrap());
    let client = Client::connect(options.pool_size(1)).unwrap();
    let command = cmd("ZZTAKE").arg("list");
    let error = command.exec(&client).unwrap_err();
    assert_eq!(error.code(), Some("LOADING"), "{error:?}");
    assert!(error.is_safe_to_retry(), "{error:?}");
    command.exec(&client).unwrap();
    let seen = seen.lock().unwrap();
    let sent: Vec<&usize> = (seen.iter().filter(|(_, name)| name == "ZZTAKE"))
        .map(|(number, _)| number)
        .collect();
    assert_eq!(sent, [&1], "once, and alone: {seen:?}");
}

#[test]
fn a_command_that_a_module_brings_later_is_asked_about_again() {
    let (fake, seen) = questioned(vec![Some("*1\r\n*-1\r\n"), Some(BLOCKS)]);
    let options = patient(Options::new(&fake.address.to_string()).unwrap());
    let client = Client::connect(options.pool_size(1)).unwrap();
    for _ in 0..2 {
        cmd("ZZTAKE").arg("list").exec(&client).unwrap();
    }
    let seen = seen.lock().unwrap();
    let sent: Vec<&usize> = (seen.iter().filter(|(_, name)| name == "ZZTAKE"))
        .map(|(number, _)| number)
        .collect();
    assert_eq!(sent, [&0, &1], "{seen:?}");
}
