//! The time that a command may take which has one of its own.

use super::{client, forms, prepare};
use crate::common::redis::{Redis, Version};
use hitless::{Client, Commands, Delivery, ErrorKind, Phase, Protocol, Value, cmd};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(30);

/// How many connections the client has made for what blocks.
fn opened(client: &Client) -> u64 {
    client.stats().connections_opened
}

#[test]
fn a_timeout_ends_the_wait_of_every_form_and_takes_nothing() {
    for (version, protocol) in [
        (Version::Redis70, Protocol::Resp2),
        (Version::Redis82, Protocol::Resp3),
        (Version::Valkey91, Protocol::Resp3),
    ] {
        let server = Redis::of(version, &[]);
        let client = client(&server, protocol);
        prepare(&client);
        for command in forms() {
            let error = client.execute(&command.timeout(SHORT)).unwrap_err();
            assert_eq!(
                *error.kind(),
                ErrorKind::Timeout(Phase::AwaitReply),
                "{error}"
            );
            assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
        }
        // One for what is shared, and one that has served all of these.
        assert_eq!(opened(&client), 2, "{version:?}");
        assert_eq!(client.stats().connections_lost, 0);
    }
}

#[test]
fn a_timeout_means_the_same_whether_the_command_has_a_time_or_none() {
    let server = Redis::start();
    let client = client(&server, Protocol::Resp3);
    for own in ["0", "100", "0.5", "inf"] {
        let command = cmd("BLPOP").arg("empty").arg(own).timeout(SHORT);
        let error = client.execute(&command).unwrap_err();
        assert!(error.is_timeout(), "{own}: {error}");
    }
    // The command's own time, where that is shorter, ends as the server says.
    let command = cmd("BLPOP").arg("empty").arg("0.01");
    let whole = Duration::from_secs(60);
    assert_eq!(client.execute(&command.timeout(whole)).unwrap(), Value::Nil);
    // And what is there comes at once.
    client.rpush("full", "element").unwrap();
    let command = cmd("BLPOP").arg("full").arg(0).timeout(SHORT);
    let taken: (String, String) = client.query(&command).unwrap();
    assert_eq!(taken.1, "element");
    assert_eq!(opened(&client), 2);
}
