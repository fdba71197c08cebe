//! The client against real servers: Redis 7.0, Redis 8.2 and Valkey 9.1, on RESP2 and RESP3.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test panics when a claim is false"
)]

mod common;

use common::patient;
use common::redis::{Redis, Version};
use hitless::{Client, Commands, Options, Protocol, cmd, pipe};
use std::time::Duration;

/// Calls `test` with a client of each server and protocol.
fn everywhere(test: impl Fn(&Client)) {
    for version in Version::ALL {
        let server = Redis::of(version, &[]);
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            println!("{version:?}, {protocol:?}");
            let options = patient(Options::new(&server.url()).unwrap()).protocol(protocol);
            let client = Client::connect(options).unwrap();
            client.query::<()>(&cmd("FLUSHALL")).unwrap();
            test(&client);
            client.close();
        }
    }
}

#[test]
fn commands_pipelines_transactions_and_blocking_commands_work_on_every_server() {
    everywhere(|client| {
        client.set("greeting", "hello").unwrap();
        assert_eq!(client.get::<String>("greeting").unwrap(), "hello");
        let (first, second): (i64, i64) = pipe()
            .atomic()
            .cmd(cmd("INCR").arg("n"))
            .cmd(cmd("INCR").arg("n"))
            .query(client)
            .unwrap();
        assert_eq!((first, second), (1, 2));
        let replies = pipe()
            .cmd(cmd("GET").arg("greeting"))
            .cmd(cmd("INCR").arg("greeting"))
            .cmd(cmd("GET").arg("n"))
            .run(client);
        assert_eq!(replies.len(), 3);
        assert!(replies[1].is_err() && replies[2].is_ok(), "{replies:?}");
        client.rpush("queue", "element").unwrap();
        let popped: (String, String) = client.query(&cmd("BLPOP").arg("queue").arg(1)).unwrap();
        assert_eq!(popped, ("queue".to_owned(), "element".to_owned()));
        let nothing: Option<(String, String)> = client
            .query(
                &cmd("BLPOP")
                    .arg("queue")
                    .arg(0.01)
                    .timeout(Duration::from_secs(20)),
            )
            .unwrap();
        assert_eq!(nothing, None);
    });
}
