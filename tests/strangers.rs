//! Commands that the client has never heard of: renamed ones, here. The server is asked what they do.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics when a claim is false"
)]
#![cfg(feature = "sim")]

mod common;

use common::redis::{Redis, Version};
use common::{eventually, options};
use hitless::sim::Sim;
use hitless::{Client, Commands, Delivery, ErrorKind, Options, Protocol, Result, Value, cmd, pipe};
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
