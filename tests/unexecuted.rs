//! Errors with which real servers refuse a command before they execute it, on three servers and in both
//! protocols: the error says so. `src/client/judge.rs` has every word without a network.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]
#![cfg(feature = "sim")]

mod common;

use common::redis::{Redis, Version};
use common::{eventually, patient};
use hitless::{Client, Cmd, Commands, Delivery, Error, Options, Protocol, cmd, pipe};

/// Runs the claims on each server in each protocol, with a client of one connection and another of an
/// administrator.
fn everywhere(claims: impl Fn(&Client, &Client)) {
    for version in Version::ALL {
        let redis = Redis::of(
            version,
            &["--loading-process-events-interval-bytes", "1024"],
        );
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let connect = || {
                let options = patient(Options::new(&redis.url()).unwrap());
                Client::connect(options.protocol(protocol).pool_size(1)).unwrap()
            };
            let (client, admin) = (connect(), connect());
            admin.execute(&cmd("FLUSHALL")).unwrap();
            claims(&client, &admin);
        }
    }
}

fn is_unexecuted(error: &Error, code: &str) {
    assert_eq!(error.code(), Some(code), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent, "{error:?}");
    assert!(error.is_safe_to_retry(), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("the command was not executed"), "{text}");
}

/// Both by itself and in a pipeline.
fn refused(client: &Client, command: Cmd, code: &str) {
    is_unexecuted(&client.execute(&command).unwrap_err(), code);
    let results = pipe().cmd(command).cmd(cmd("ECHO still")).run(client);
    is_unexecuted(results[0].as_ref().unwrap_err(), code);
}

fn set() -> Cmd {
    cmd("SET").arg("key").arg("value")
}

/// A script that would write.
fn script() -> Cmd {
    let text = "redis.call('incr', 'counted') return redis.call('set', 'key', 'value')";
    cmd("EVAL").arg(text).arg(0)
}

fn answered(client: &Client, command: &Cmd) -> Error {
    let error = client.execute(command).unwrap_err();
    assert_eq!(error.delivery(), Delivery::Replied, "{error:?}");
    assert!(!error.is_safe_to_retry(), "{error:?}");
    error
}

#[test]
fn a_write_without_enough_replicas_says_that_it_was_not_executed() {
    everywhere(|client, admin| {
        let need = |count: u32| cmd("CONFIG SET min-replicas-to-write").arg(count);
        admin.execute(&need(1)).unwrap();
        refused(client, set(), "NOREPLICAS");
        // A script may have written before.
        assert_eq!(answered(client, &script()).code(), Some("NOREPLICAS"));
        admin.execute(&need(0)).unwrap();
        assert_eq!(client.exists(["key", "counted"]).unwrap(), 0);
    });
}

#[test]
fn a_replica_says_that_it_did_not_execute_a_write_and_without_its_master_nothing_at_all() {
    everywhere(|client, admin| {
        // A master that is not there.
        admin.execute(&cmd("REPLICAOF 127.0.0.1 1")).unwrap();
        let read_only = client.execute(&set()).unwrap_err();
        is_unexecuted(&read_only, "READONLY");
        assert_eq!(answered(client, &script()).delivery(), Delivery::Replied);
        let stale = |word: &str| cmd("CONFIG SET replica-serve-stale-data").arg(word);
        admin.execute(&stale("no")).unwrap();
        let error = client.execute(&cmd("GET").arg("key")).unwrap_err();
        is_unexecuted(&error, "MASTERDOWN");
        admin.execute(&stale("yes")).unwrap();
        admin.execute(&cmd("REPLICAOF NO ONE")).unwrap();
        assert_eq!(client.exists(["key", "counted"]).unwrap(), 0);
    });
}

#[test]
fn a_server_that_runs_a_long_script_says_that_it_executes_nothing_else() {
    everywhere(|client, admin| {
        admin
            .execute(&cmd("CONFIG SET busy-reply-threshold 1"))
            .unwrap();
        std::thread::scope(|scope| {
            let busy = scope.spawn(|| {
                let endless = cmd("EVAL").arg("while true do end").arg(0);
                admin.execute(&endless.no_timeout()).unwrap_err()
            });
            let mut last = None;
            eventually("the server is busy", || {
                last = client.execute(&cmd("GET").arg("key")).err();
                last.is_some()
            });
            is_unexecuted(&last.unwrap(), "BUSY");
            refused(client, set(), "BUSY");
            answered(client, &script());
            // Nothing of a transaction either, which may be sent again as a whole.
            let results = pipe().atomic().cmd(set()).cmd(set()).run(client);
            for result in results {
                is_unexecuted(&result.unwrap_err(), "BUSY");
            }
            client.execute(&cmd("SCRIPT KILL")).unwrap();
            busy.join().unwrap();
        });
        assert_eq!(client.exists(["key", "counted"]).unwrap(), 0);
        assert!(client.execute(&set()).unwrap().is_okay());
    });
}

#[test]
fn a_server_that_reads_its_data_says_that_it_executes_nothing() {
    everywhere(|client, admin| {
        for key in 0..20 {
            admin.set(format!("big{key}"), "x".repeat(10_000)).unwrap();
        }
        // In microseconds, for each key.
        let delay = |micros: u32| cmd("CONFIG SET key-load-delay").arg(micros);
        admin.execute(&delay(50_000)).unwrap();
        std::thread::scope(|scope| {
            let reload = scope.spawn(|| admin.execute(&cmd("DEBUG RELOAD").no_timeout()));
            let mut last = None;
            eventually("the server reads its data", || {
                last = client.execute(&set()).err();
                last.is_some()
            });
            is_unexecuted(&last.unwrap(), "LOADING");
            reload.join().unwrap().unwrap();
        });
        admin.execute(&delay(0)).unwrap();
        client.execute(&set()).unwrap();
    });
}
