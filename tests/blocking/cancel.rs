//! Commands that block are ended from another thread.

use super::{ClosedIfFailed, blocked, client, forms, prepare};
use crate::common::fake::{Fake, answer};
use crate::common::redis::{Redis, Version};
use crate::common::{self, SOON, eventually};
use hitless::{
    Canceller, Client, Commands, Delivery, Error, ErrorKind, Executor as _, Options, Protocol,
    Value, cmd, pipe,
};
use std::thread;
use std::time::Duration;

/// The command took nothing.
#[track_caller]
fn cancelled(error: &Error) {
    assert_eq!(*error.kind(), ErrorKind::Cancelled, "{error}");
    assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
    assert!(error.is_safe_to_retry(), "{error}");
}

#[test]
fn every_form_is_ended_and_its_connection_serves_on() {
    for (version, protocol) in [
        (Version::Redis70, Protocol::Resp2),
        (Version::Redis70, Protocol::Resp3),
        (Version::Redis82, Protocol::Resp3),
        (Version::Valkey91, Protocol::Resp2),
        (Version::Valkey91, Protocol::Resp3),
    ] {
        let server = Redis::of(version, &[]);
        let client = client(&server, protocol);
        prepare(&client);
        for command in forms() {
            let canceller = Canceller::new();
            thread::scope(|scope| {
                let _ends = ClosedIfFailed(&client);
                let consumer = scope.spawn(|| client.cancelled_by(&canceller).execute(&command));
                blocked(&client, 1);
                canceller.cancel();
                cancelled(&consumer.join().unwrap().unwrap_err());
            });
            blocked(&client, 0);
        }
        let stats = client.stats();
        // What is shared, and what blocks.
        assert_eq!(
            (stats.connections_opened, stats.connections_lost),
            (2, 0),
            "{version:?} {protocol:?}"
        );
        assert_eq!(stats.commands_unknown, 0);
    }
}

#[test]
fn what_begins_afterwards_is_refused_unsent() {
    let server = Redis::start();
    let client = client(&server, Protocol::Resp3);
    let canceller = Canceller::new();
    let mine = client.cancelled_by(&canceller);
    mine.set("key", "value").unwrap();
    assert!(!canceller.is_cancelled());
    canceller.clone().cancel();
    assert!(canceller.is_cancelled());
    cancelled(&mine.set("key", "other").unwrap_err());
    let wait = Duration::ZERO;
    cancelled(&mine.blpop::<(), String>("key", wait).unwrap_err());
    let results = pipe().set("key", "other").run(&mine);
    assert_eq!(results.len(), 1);
    cancelled(results[0].as_ref().unwrap_err());
    let value: String = client.get("key").unwrap();
    assert_eq!(value, "value");
    assert_eq!(client.stats().connections_opened, 1);
}

#[test]
fn many_consumers_of_one_canceller_end_together() {
    let server = Redis::start();
    let client = client(&server, Protocol::Resp3);
    let canceller = Canceller::new();
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let consume = || {
            let mine = client.cancelled_by(&canceller);
            mine.blpop::<(), String>("empty", Duration::ZERO)
        };
        let consumers: Vec<_> = (0..16).map(|_| scope.spawn(consume)).collect();
        blocked(&client, 16);
        canceller.cancel();
        for consumer in consumers {
            cancelled(&consumer.join().unwrap().unwrap_err());
        }
    });
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_call_that_waits_for_a_connection_is_woken() {
    let server = Redis::start();
    let options = Options::new(&server.address.to_string()).unwrap();
    let options = options.pool_size(1).max_active_connections(2);
    let client = Client::connect(common::patient(options)).unwrap();
    let first = Canceller::new();
    let second = Canceller::new();
    let consume = |canceller: &Canceller| {
        let mine = client.cancelled_by(canceller);
        mine.blpop::<(), String>("empty", Duration::ZERO)
    };
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let one = scope.spawn(|| consume(&first));
        blocked(&client, 1);
        // The only place is taken: this one waits for it, whether it has come to that by now or not.
        let two = scope.spawn(|| consume(&second));
        second.cancel();
        cancelled(&two.join().unwrap().unwrap_err());
        blocked(&client, 1);
        first.cancel();
        cancelled(&one.join().unwrap().unwrap_err());
    });
}

#[test]
fn where_the_server_refuses_it_the_connection_is_ended_and_the_error_says_so() {
    let server = Redis::start();
    let admin = client(&server, Protocol::Resp3);
    let user = "ACL SETUSER worker on >secret ~* &* +@all -client|unblock";
    admin.query::<()>(&cmd(user)).unwrap();
    let url = format!("redis://worker:secret@{}", server.address);
    let client = Client::connect(common::patient(Options::new(&url).unwrap())).unwrap();
    let canceller = Canceller::new();
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let consumer = scope.spawn(|| {
            let mine = client.cancelled_by(&canceller);
            mine.blpop::<(), String>("empty", Duration::ZERO)
        });
        blocked(&admin, 1);
        canceller.cancel();
        let error = consumer.join().unwrap().unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Cancelled, "{error}");
        assert_eq!(error.delivery(), Delivery::Unknown, "{error}");
        let text = error.to_string();
        assert!(text.contains("NOPERM"), "{text}");
        assert!(text.contains("+client|unblock"), "{text}");
    });
    blocked(&admin, 0);
    assert_eq!(client.stats().commands_unknown, 1);
}

#[test]
fn an_unblock_of_the_users_own_is_an_answer_of_the_server() {
    let server = Redis::start();
    let client = client(&server, Protocol::Resp3);
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let consumer = scope.spawn(|| client.blpop::<(), String>("empty", Duration::ZERO));
        blocked(&client, 1);
        let list: String = client.query(&cmd("CLIENT LIST")).unwrap();
        let line = list.lines().find(|line| line.contains("cmd=blpop"));
        let id = line.unwrap().split(['=', ' ']).nth(1).unwrap().to_owned();
        let freed: i64 = client
            .query(&cmd("CLIENT UNBLOCK").arg(id).arg("ERROR"))
            .unwrap();
        assert_eq!(freed, 1);
        let error = consumer.join().unwrap().unwrap_err();
        assert_eq!(error.code(), Some("UNBLOCKED"));
        assert_eq!(error.delivery(), Delivery::Replied);
    });
}

#[test]
fn what_comes_in_the_same_moment_is_delivered_and_nothing_is_lost() {
    let server = Redis::start();
    let client = client(&server, Protocol::Resp3);
    let mut taken = 0;
    for round in 0..200_i64 {
        let canceller = Canceller::new();
        let outcome = thread::scope(|scope| {
            let _ends = ClosedIfFailed(&client);
            let consumer = scope.spawn(|| {
                let mine = client.cancelled_by(&canceller);
                mine.blpop::<(), i64>("queue", Duration::ZERO)
            });
            let producer = scope.spawn(|| client.rpush("queue", round).unwrap());
            canceller.cancel();
            producer.join().unwrap();
            consumer.join().unwrap()
        });
        match outcome {
            Ok(Some(((), element))) => {
                assert_eq!(element, round);
                taken += 1;
            }
            Ok(None) => panic!("it waits for ever"),
            Err(error) => {
                cancelled(&error);
                // It is still there.
                assert_eq!(client.lpop::<i64>("queue").unwrap(), Some(round));
            }
        }
    }
    assert_eq!(client.llen("queue").unwrap(), 0, "{taken} taken");
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_server_that_has_stopped_costs_the_connection_after_a_second() {
    let server = Redis::start();
    let client = client(&server, Protocol::Resp3);
    let canceller = Canceller::new();
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let consumer = scope.spawn(|| {
            let mine = client.cancelled_by(&canceller);
            mine.blpop::<(), String>("empty", Duration::ZERO)
        });
        blocked(&client, 1);
        let _stopped = Stopped::of(&server);
        canceller.cancel();
        let error = consumer.join().unwrap().unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Cancelled, "{error}");
        assert_eq!(error.delivery(), Delivery::Unknown, "{error}");
    });
    eventually("the server goes on", || client.ping().is_ok());
}

/// A server whose process stands still.
struct Stopped<'a>(&'a Redis);

impl<'a> Stopped<'a> {
    fn of(server: &'a Redis) -> Self {
        server.signal("STOP");
        Self(server)
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.signal("CONT");
    }
}

#[test]
fn the_waits_of_a_pipeline_are_ended_and_its_other_commands_executed() {
    for version in Version::ALL {
        let server = Redis::of(version, &[]);
        let client = client(&server, Protocol::Resp3);
        let canceller = Canceller::new();
        let mut pipeline = pipe();
        let wait = Duration::ZERO;
        pipeline.set("n", 1).wait(1, wait).incr("n").wait(2, wait);
        pipeline.incr("n");
        let results = thread::scope(|scope| {
            let _ends = ClosedIfFailed(&client);
            let waits = scope.spawn(|| pipeline.run(&client.cancelled_by(&canceller)));
            blocked(&client, 1);
            canceller.cancel();
            waits.join().unwrap()
        });
        for place in [1, 3] {
            cancelled(results[place].as_ref().unwrap_err());
        }
        assert_eq!(results[2].as_ref().unwrap(), &Value::Int(2));
        assert_eq!(results[4].as_ref().unwrap(), &Value::Int(3));
        let stats = client.stats();
        assert_eq!((stats.connections_lost, stats.commands_unknown), (0, 0));
    }
}

#[test]
fn what_nobody_knows_is_ended_and_told_as_unknown() {
    let server = Redis::of(Version::Redis70, &["--rename-command", "BLPOP", "POPPER"]);
    let client = client(&server, Protocol::Resp3);
    let canceller = Canceller::new();
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let mine = client.cancelled_by(&canceller);
        let consumer = scope.spawn(move || mine.execute(&cmd("POPPER empty 0")));
        blocked(&client, 1);
        canceller.cancel();
        let error = consumer.join().unwrap().unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Cancelled, "{error}");
        assert_eq!(error.delivery(), Delivery::Unknown, "{error}");
    });
    assert_eq!(client.stats().commands_unknown, 1);
    assert_eq!(client.stats().connections_lost, 0);
    // Its time is that of its caller, as it stands.
    let command = cmd("POPPER empty 0").timeout(Duration::from_millis(20));
    let error = client.execute(&command).unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[test]
fn a_connection_whose_number_the_server_does_not_say_is_not_waited_for() {
    let fake = Fake::start(|peer| {
        loop {
            let words = peer.next()?;
            match words[0].as_slice() {
                // As servers before Redis 6 do.
                b"CLIENT" if words[1] == b"ID" => while peer.read().is_ok() {},
                _ => peer.send(answer(&words))?,
            }
        }
    });
    let options = Options::new(&fake.address.to_string()).unwrap();
    let options = options.protocol(Protocol::Resp2).connect_retries(0);
    let options = options.command_timeout(Duration::from_millis(100));
    let client = Client::connect(options.pool_size(1).max_active_connections(2)).unwrap();
    let error = client.blpop::<(), ()>("q", Duration::ZERO).unwrap_err();
    assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
}

#[test]
fn who_comes_after_a_command_without_an_answer_does_not_wait_behind_it() {
    let fake = Fake::start(|peer| {
        loop {
            let words = peer.next()?;
            match words[0].as_slice() {
                // The connection shows that it is alive, and the command does not end.
                b"BLPOP" if words[1] == b"empty" => peer.send(">2\r\n+hello\r\n+all\r\n")?,
                b"BLPOP" => peer.send("*2\r\n+q\r\n+element\r\n")?,
                _ => peer.send(answer(&words))?,
            }
        }
    });
    let options = Options::new(&fake.address.to_string()).unwrap();
    let options = options.pool_size(1).max_active_connections(2);
    let client = Client::connect(options.command_timeout(Duration::from_millis(300))).unwrap();
    let short = Duration::from_millis(10);
    let error = client.blpop::<(), String>("empty", short).unwrap_err();
    assert_eq!(error.delivery(), Delivery::Unknown, "{error}");
    let taken = client.query::<(String, String)>(&cmd("BLPOP q 0").timeout(SOON));
    assert_eq!(taken.unwrap().1, "element");
}

#[test]
fn a_master_that_becomes_a_replica_costs_a_consumer_nothing() {
    for version in Version::ALL {
        let server = Redis::of(version, &[]);
        let client = client(&server, Protocol::Resp3);
        thread::scope(|scope| {
            let _ends = ClosedIfFailed(&client);
            let consumer = scope.spawn(|| client.blpop::<(), String>("q", Duration::ZERO));
            blocked(&client, 1);
            // In one: a client that asks in between is refused as by a replica, which it may try again after.
            let pair = pipe()
                .cmd(cmd("REPLICAOF 127.0.0.1 1"))
                .cmd(cmd("REPLICAOF NO ONE"))
                .clone();
            pair.exec(&client).unwrap();
            blocked(&client, 1);
            client.rpush("q", "element").unwrap();
            let taken = consumer.join().unwrap().unwrap();
            assert_eq!(taken.unwrap().1, "element");
        });
        assert_eq!(client.stats().commands_unknown, 0);
    }
}
