//! What atomic pipelines say of their commands, on three servers and in both protocols, and when the
//! connection breaks anywhere. `src/client/transaction/tests.rs` has every case without a network.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]
#![cfg(feature = "sim")]

mod common;

use common::fake::{Fake, answer};
use common::redis::{Redis, Version};
use common::{SOON, patient};
use hitless::{
    Client, Commands, Delivery, ErrorKind, Options, Pipeline, Protocol, Result, Value, cmd, pipe,
};
use std::io;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

/// Runs the claims on each server and in each protocol, with a client of an administrator. The first
/// argument is a URL for other users.
fn everywhere(claims: impl Fn(&dyn Fn(&str) -> Client, &Client)) {
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let user = |name: &str| {
                let url = format!("redis://{name}:secret@{}", redis.address);
                let options = patient(Options::new(&url).unwrap());
                Client::connect(options.protocol(protocol).pool_size(2)).unwrap()
            };
            let options = patient(Options::new(&redis.url()).unwrap());
            let admin = Client::connect(options).unwrap();
            admin.execute(&cmd("FLUSHALL")).unwrap();
            claims(&user, &admin);
        }
    }
}

fn allow(admin: &Client, user: &str, rules: &str) {
    let all = format!("ACL SETUSER {user} reset on >secret ~* &* {rules}");
    admin.execute(&cmd(&all)).unwrap();
}

fn two_incr() -> Pipeline {
    pipe().atomic().incr("a").incr("b").clone()
}

fn codes(results: &[Result<Value>]) -> Vec<String> {
    let code = |result: &Result<Value>| match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    };
    results.iter().map(code).collect()
}

#[test]
fn commands_behind_a_refused_multi_are_told_as_run_outside_of_a_transaction() {
    everywhere(|user, admin| {
        allow(admin, "one", "+@all -multi");
        let client = user("one");
        let mut wrong = two_incr();
        wrong.lpush("a", "x");
        let results = wrong.run(&client);
        assert_eq!(results.len(), 3);
        for (place, result) in results.iter().enumerate() {
            let error = result.as_ref().unwrap_err();
            assert_eq!(error.delivery(), Delivery::Replied, "{error:?}");
            assert!(!error.is_safe_to_retry());
            let text = error.to_string();
            assert!(text.contains("outside of a transaction"), "{text}");
            assert!(text.contains("refused MULTI (NOPERM"), "{text}");
            if place < 2 {
                assert_eq!(*error.kind(), ErrorKind::NotAtomic, "{error:?}");
                assert_eq!(error.reply(), Some(&Value::Int(1)), "{error:?}");
            } else {
                assert_eq!(error.code(), Some("WRONGTYPE"), "{error:?}");
            }
        }
        assert_eq!(admin.get::<i64>("a").unwrap(), 1);
        // Who asks for all as one has all of them in the error.
        allow(admin, "other", "+@all -multi");
        let error = two_incr().exec(&user("other")).unwrap_err();
        let all = Value::array(vec![Value::Int(2), Value::Int(2)]);
        assert_eq!(
            (error.kind(), error.reply()),
            (&ErrorKind::NotAtomic, Some(&all))
        );
        admin.decr("a").unwrap();
        admin.decr("b").unwrap();
        // From now on nothing is sent to that server; what is not atomic goes on.
        let calls = || {
            let info: String = admin.query(&cmd("INFO commandstats")).unwrap();
            let lines = info
                .lines()
                .filter(|line| line.starts_with("cmdstat_multi:"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let before = calls();
        for result in two_incr().run(&client) {
            let error = result.unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Usage, "{error:?}");
            assert_eq!(error.delivery(), Delivery::NotSent);
            assert!(
                error.to_string().contains("refused MULTI to this user"),
                "{error}"
            );
        }
        assert_eq!(calls(), before);
        assert_eq!(admin.get::<i64>("a").unwrap(), 1);
        assert_eq!(client.incr("a").unwrap(), 2);
        // Another user is another matter.
        allow(admin, "two", "+@all");
        assert_eq!(codes(&two_incr().run(&user("two"))), ["Int(3)", "Int(2)"]);
    });
}

#[test]
fn each_command_of_a_refused_transaction_has_its_own_error() {
    everywhere(|user, admin| {
        allow(admin, "one", "+@all -hset");
        let client = user("one");
        let results = two_incr()
            .cmd(cmd("NOSUCHCOMMAND"))
            .cmd(cmd("HSET").arg("hash").arg("field").arg(1))
            .run(&client);
        let expected = ["EXECABORT", "EXECABORT", "ERR", "NOPERM"];
        assert_eq!(codes(&results), expected);
        for result in results {
            assert_eq!(result.unwrap_err().delivery(), Delivery::Replied);
        }
        assert_eq!(admin.exists(["a", "b", "hash"]).unwrap(), 0);
        // A refusal that passes: all of it may be sent again.
        admin
            .execute(&cmd("CONFIG SET min-replicas-to-write 1"))
            .unwrap();
        let results = pipe()
            .atomic()
            .cmd(cmd("GET").arg("a"))
            .cmd(cmd("SET").arg("a").arg(1))
            .run(&client);
        admin
            .execute(&cmd("CONFIG SET min-replicas-to-write 0"))
            .unwrap();
        assert_eq!(codes(&results), ["EXECABORT", "NOREPLICAS"]);
        for result in results {
            let error = result.unwrap_err();
            assert!(error.is_safe_to_retry(), "{error:?}");
            assert!(error.to_string().contains("executed"), "{error}");
        }
        // A refusal of EXEC itself leaves no transaction open behind it.
        allow(admin, "one", "+@all -exec");
        let results = two_incr().run(&client);
        assert_eq!(codes(&results), ["EXECABORT", "EXECABORT"]);
        assert!(
            results[0]
                .as_ref()
                .unwrap_err()
                .to_string()
                .contains("NOPERM")
        );
        assert_eq!(admin.exists(["a", "b"]).unwrap(), 0);
        assert_eq!(client.incr("a").unwrap(), 1);
        // What fails as it runs.
        allow(admin, "one", "+@all");
        let results = two_incr().cmd(cmd("LPUSH").arg("a").arg("x")).run(&client);
        assert_eq!(codes(&results), ["Int(2)", "Int(1)", "WRONGTYPE"]);
    });
}

/// Runs two commands as one, on a server that reads all four of the wire, sends the first `count` of the
/// replies and closes the connection.
fn cut(replies: &'static [&'static str], count: usize) -> Vec<Result<Value>> {
    let fake = Fake::start(move |peer| {
        loop {
            let words = peer.next()?;
            if words[0] != b"MULTI" {
                peer.send(answer(&words))?;
                continue;
            }
            for _ in 0..3 {
                peer.next()?;
            }
            peer.send(replies[..count].concat())?;
            return Ok(());
        }
    });
    let options = patient(Options::new(&fake.address.to_string()).unwrap());
    two_incr().run(&Client::connect(options.connect_retries(0)).unwrap())
}

#[test]
fn a_transaction_whose_connection_breaks_says_what_is_known_of_each_command() {
    let accepted = &["+OK\r\n", "+QUEUED\r\n", "-OOM no\r\n", "-EXECABORT no\r\n"];
    let refused = &[
        "-NOPERM no\r\n",
        ":7\r\n",
        "-OOM no\r\n",
        "-ERR EXEC without MULTI\r\n",
    ];
    let told = |result: &Result<Value>| {
        let error = result.as_ref().unwrap_err();
        (error.code().map(str::to_owned), error.delivery())
    };
    let lost = || (None, Delivery::Unknown);
    let own = |code: &str| (Some(code.to_owned()), Delivery::Replied);
    for count in 0..=4 {
        let [first, second] = [0, 1].map(|place| told(&cut(accepted, count)[place]));
        assert_eq!(
            first,
            if count < 4 { lost() } else { own("EXECABORT") },
            "{count}"
        );
        assert_eq!(
            second,
            if count < 3 { lost() } else { own("OOM") },
            "{count}"
        );
        let results = cut(refused, count);
        let (first, second) = (told(&results[0]), told(&results[1]));
        let ran = *results[0].as_ref().unwrap_err().kind() == ErrorKind::NotAtomic;
        assert_eq!(ran, count >= 2, "{count}: {results:?}");
        if !ran {
            assert_eq!(first, lost());
        }
        assert_eq!(
            second,
            if count < 3 { lost() } else { own("OOM") },
            "{count}"
        );
    }
}

#[test]
fn a_transaction_is_not_sent_only_where_its_end_has_not_left() {
    // More than fits into sockets, so that EXEC stays behind while the server does not read on.
    let big = vec![b'x'; 32 << 20];
    let run = &|is_accepted: bool| {
        let (tell, told) = mpsc::channel();
        let told = Mutex::new(told);
        let fake = Fake::start(move |peer| {
            // Does not grow from now on.
            socket2::SockRef::from(&peer.stream).set_recv_buffer_size(64 << 10)?;
            loop {
                let words = peer.next()?;
                if words[0] != b"MULTI" {
                    peer.send(answer(&words))?;
                    continue;
                }
                peer.next()?;
                if is_accepted {
                    peer.send("+OK\r\n+QUEUED\r\n")?;
                }
                let told = told.lock().unwrap().recv_timeout(SOON);
                return told.map_err(io::Error::other);
            }
        });
        let options = patient(Options::new(&fake.address.to_string()).unwrap());
        let client = Client::connect(options).unwrap();
        let results = pipe()
            .atomic()
            .timeout(Duration::from_secs(3))
            .cmd(cmd("INCR").arg("a"))
            .cmd(cmd("SET").arg("b").arg(big.as_slice()))
            .run(&client);
        tell.send(()).unwrap();
        let expected = if is_accepted {
            Delivery::NotSent
        } else {
            Delivery::Unknown
        };
        for result in results {
            let error = result.unwrap_err();
            assert!(error.is_timeout(), "{error:?}");
            assert_eq!(error.delivery(), expected, "{is_accepted}: {error:?}");
        }
    };
    std::thread::scope(|scope| {
        for is_accepted in [true, false] {
            scope.spawn(move || run(is_accepted));
        }
    });
}
