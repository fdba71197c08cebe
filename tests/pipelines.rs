//! What becomes of each command of a pipeline, whatever the server and the caller do.
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
use common::{SOON, eventually, patient};
use hitless::{Client, Cmd, Commands, Delivery, ErrorKind, Options, Protocol, Value, cmd, pipe};

fn to(fake: &Fake) -> Client {
    Client::connect(patient(Options::new(&fake.address.to_string()).unwrap())).unwrap()
}

/// A server that answers each `ECHO` with its argument, as bytes of the wire.
fn dictated() -> Fake {
    Fake::start(|peer| {
        loop {
            let words = peer.next()?;
            match words[0].as_slice() {
                b"ECHO" => peer.send(&words[1])?,
                _ => peer.send(answer(&words))?,
            }
        }
    })
}

fn said(reply: &str) -> Cmd {
    cmd("ECHO").arg(reply)
}

#[test]
fn an_error_behind_an_attribute_is_an_error() {
    let fake = dictated();
    let client = to(&fake);
    let error = "|1\r\n+ttl\r\n:1\r\n|1\r\n+popularity\r\n:2\r\n-WRONGTYPE no\r\n";
    let value = "|1\r\n+ttl\r\n:1\r\n:7\r\n";
    let failed = client.execute(&said(error)).unwrap_err();
    assert_eq!(failed.code(), Some("WRONGTYPE"));
    assert_eq!(client.execute(&said(value)).unwrap().as_int(), Some(7));
    for run in [
        client.query::<Value>(&said(error)),
        client
            .query::<Option<Value>>(&said(error))
            .map(Option::unwrap),
    ] {
        assert_eq!(run.unwrap_err().code(), Some("WRONGTYPE"));
    }
    let results = pipe().cmd(said(error)).cmd(said(value)).run(&client);
    assert_eq!(results[0].as_ref().unwrap_err().code(), Some("WRONGTYPE"));
    assert_eq!(results[1].as_ref().unwrap().as_int(), Some(7));
    let alone = pipe().cmd(said(error)).run(&client);
    assert_eq!(alone[0].as_ref().unwrap_err().code(), Some("WRONGTYPE"));
    // Within a list too, where the list is not asked for as such.
    let failed = client.query::<Vec<i64>>(&said(&format!("*2\r\n:1\r\n{error}")));
    assert_eq!(failed.unwrap_err().code(), Some("WRONGTYPE"));
}

#[test]
fn a_transaction_is_judged_without_its_attributes() {
    let attribute = "|1\r\n+ttl\r\n:1\r\n";
    let fake = Fake::start(move |peer| {
        loop {
            let words = peer.next()?;
            match words[0].as_slice() {
                b"MULTI" => peer.send(format!("{attribute}+OK\r\n"))?,
                b"EXEC" => peer.send(format!(
                    "{attribute}*2\r\n{attribute}:1\r\n{attribute}-WRONGTYPE no\r\n"
                ))?,
                b"INCR" => peer.send(format!("{attribute}+QUEUED\r\n"))?,
                _ => peer.send(answer(&words))?,
            }
        }
    });
    let client = to(&fake);
    let results = pipe()
        .atomic()
        .cmd(cmd("INCR").arg("a"))
        .cmd(cmd("INCR").arg("b"))
        .run(&client);
    assert_eq!(results.len(), 2);
    assert_eq!(results[0].as_ref().unwrap().as_int(), Some(1));
    assert_eq!(results[1].as_ref().unwrap_err().code(), Some("WRONGTYPE"));
}

#[test]
fn a_pipeline_that_is_cleared_keeps_its_mode_and_its_time() {
    let redis = Redis::start();
    let options = Options::new(&redis.url()).unwrap();
    let short = options.command_timeout(std::time::Duration::from_secs(1));
    let client = Client::connect(short).unwrap();
    let mut pipeline = pipe();
    pipeline.atomic().timeout(SOON).incr("n");
    pipeline.clear();
    assert!(pipeline.is_empty());
    assert!(pipeline.run(&client).is_empty());
    pipeline.add(&cmd("INCR").arg("n"));
    pipeline.add(&cmd("DEBUG").arg("SLEEP").arg(1.2));
    pipeline.add(&cmd("INCR").arg("n"));
    assert_eq!(pipeline.len(), 3);
    let results: Vec<Value> = pipeline.query(&client).unwrap();
    assert_eq!(
        (results[0].as_int(), results[2].as_int()),
        (Some(1), Some(2))
    );
    let sent: String = client.query(&cmd("INFO").arg("commandstats")).unwrap();
    assert!(sent.contains("cmdstat_exec:calls=1,"), "{sent}");
    // What was refused is forgotten with the commands, and so is nothing else.
    let mut pipeline = pipe();
    pipeline.cmd(cmd("SELECT").arg(1));
    pipeline.clear();
    pipeline.add(&cmd("INCR").arg("n"));
    assert_eq!(pipeline.query::<(i64,)>(&client).unwrap(), (3,));
}

#[test]
fn every_command_has_a_result_where_it_stands_even_if_one_is_refused() {
    let redis = Redis::start();
    let client = Client::connect(Options::new(&redis.url()).unwrap()).unwrap();
    let usage = |result: &hitless::Result<Value>, command: &str, says: &str| {
        let error = result.as_ref().unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Usage, "{error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent, "{error:?}");
        assert_eq!(error.command().unwrap_or_default(), command, "{error:?}");
        let text = error.to_string();
        assert!(
            text.starts_with("not sent: ") && text.contains(says),
            "{text}"
        );
    };
    for atomic in [false, true] {
        let start = || {
            let mut begun = pipe();
            if atomic {
                begun.atomic();
            }
            begun
        };
        let pipeline = start()
            .cmd(cmd("GET").arg("n"))
            .cmd(cmd("SELECT").arg(1))
            .cmd(cmd("INCR").arg("n"))
            .cmd(cmd("BLPOP").arg("list").arg(0))
            .cmd(cmd(""))
            .cmd(cmd("").arg("SELECT").arg(1))
            .clone();
        assert_eq!(pipeline.len(), 6);
        let results = pipeline.run(&client);
        assert_eq!(results.len(), 6);
        usage(&results[0], "GET", "SELECT");
        usage(&results[1], "SELECT", "changes the state");
        usage(&results[2], "INCR", "SELECT");
        usage(&results[3], "BLPOP", "blocks");
        usage(&results[4], "", "needs a name");
        usage(&results[5], "SELECT", "needs a name");
        let typed = pipeline.query::<Vec<Value>>(&client).unwrap_err();
        assert_eq!(*typed.kind(), ErrorKind::Usage);
        // Only what was refused.
        let results = start().cmd(cmd("SELECT").arg(1)).run(&client);
        assert_eq!(results.len(), 1);
        usage(&results[0], "SELECT", "changes the state");
    }
    let late = pipe()
        .cmd(cmd("GET").arg("n"))
        .atomic()
        .cmd(cmd("INCR").arg("n"))
        .clone();
    assert_eq!(late.len(), 2);
    let results = late.run(&client);
    assert_eq!(results.len(), 2);
    usage(&results[0], "GET", "atomic() must come before");
    usage(&results[1], "INCR", "atomic() must come before");
    assert_eq!(client.get::<Option<i64>>("n").unwrap(), None);
}

#[test]
fn a_command_that_asks_about_the_writes_before_it_shares_their_connection() {
    // It says which of its connections has written.
    let fake = Fake::start(|peer| {
        let mut written = 0;
        loop {
            let words = peer.next()?;
            match words[0].to_ascii_uppercase().as_slice() {
                b"SET" => {
                    written += 1;
                    peer.send("+OK\r\n")?;
                }
                b"WAIT" | b"WAITAOF" => {
                    peer.send(format!(":{written}\r\n"))?;
                    written = 0;
                }
                _ => peer.send(answer(&words))?,
            }
        }
    });
    let client = to(&fake);
    let set = || cmd("SET").arg("key").arg("value");
    let (wait, aof) = (
        cmd("WAIT").arg(1).arg(0),
        cmd("waitaof").arg(1).arg(0).arg(100),
    );
    for waits in [&wait, &aof] {
        let error = client.execute(waits).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Usage, "{error}");
        assert!(
            error
                .to_string()
                .contains("in a pipeline, behind the writes"),
            "{error}"
        );
        // The same where nothing stands in front of it.
        let mut first = pipe();
        first.add(waits).add(&set());
        let results = first.run(&client);
        assert_eq!(results.len(), 2);
        assert_eq!(*results[0].as_ref().unwrap_err().kind(), ErrorKind::Usage);
        let mut inside = pipe();
        inside.atomic().cmd(set());
        inside.add(waits);
        let error = inside.run(&client).remove(1).unwrap_err();
        assert!(
            error.to_string().contains("does not wait in a transaction"),
            "{error}"
        );
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    client.query::<()>(&set()).unwrap();
                }
            });
            scope.spawn(|| {
                for _ in 0..50 {
                    let mut pipeline = pipe();
                    pipeline.cmd(set());
                    let (_, _, first, _, second): ((), (), i64, (), i64) = pipeline
                        .add(&set())
                        .add(&wait)
                        .add(&set())
                        .add(&aof)
                        .query(&client)
                        .unwrap();
                    // The writes of others may have come before, on the same connection.
                    assert!(first >= 2, "{first}");
                    assert_eq!(second, 1);
                }
            });
        }
    });
}

#[test]
fn a_pipeline_that_waits_on_the_server_has_that_time_on_top_of_its_own() {
    let redis = Redis::start();
    let options = Options::new(&redis.url()).unwrap();
    let short = options.command_timeout(std::time::Duration::from_secs(1));
    let client = Client::connect(short).unwrap();
    let set = || cmd("SET").arg("key").arg("value");
    // No replica ever says that it has the write: the server waits to the end.
    let waits = pipe().cmd(set()).cmd(cmd("WAIT").arg(1).arg(1500)).clone();
    assert_eq!(waits.query::<((), i64)>(&client).unwrap(), ((), 0));
    let twice = pipe()
        .cmd(set())
        .cmd(cmd("WAIT").arg(1).arg(750))
        .cmd(cmd("WAIT").arg(1).arg(750))
        .clone();
    assert_eq!(twice.query::<((), i64, i64)>(&client).unwrap(), ((), 0, 0));
    // For ever, unless the pipeline has a time of its own.
    let mut ever = pipe().cmd(set()).cmd(cmd("WAIT").arg(1).arg(0)).clone();
    let error = ever
        .timeout(std::time::Duration::from_millis(100))
        .run(&client);
    assert!(error[1].as_ref().unwrap_err().is_timeout());
}

#[test]
fn a_replica_that_a_wait_has_counted_has_the_writes_in_front_of_it() {
    for version in Version::ALL {
        let master = Redis::of(version, &["--repl-diskless-sync-delay", "0"]);
        let replica = Redis::of(version, &[]);
        let connect = |redis: &Redis, protocol| {
            let options = patient(Options::new(&redis.url()).unwrap());
            Client::connect(options.protocol(protocol).pool_size(2)).unwrap()
        };
        let copy = connect(&replica, Protocol::Resp3);
        let of = format!(
            "REPLICAOF {} {}",
            master.address.ip(),
            master.address.port()
        );
        copy.execute(&cmd(&of)).unwrap();
        eventually("the replica is in step", || {
            let info: String = copy.query(&cmd("INFO replication")).unwrap();
            info.contains("master_link_status:up")
        });
        for (number, protocol) in [(2, Protocol::Resp2), (3, Protocol::Resp3)] {
            let client = connect(&master, protocol);
            std::thread::scope(|scope| {
                for thread in 0..3 {
                    let (client, copy) = (&client, &copy);
                    scope.spawn(move || {
                        for round in 0..20 {
                            let key = format!("{number}:{thread}:{round}");
                            let (_, acknowledged): ((), i64) = pipe()
                                .cmd(cmd("SET").arg(&key).arg(round))
                                .cmd(cmd("WAIT").arg(1).arg(20_000))
                                .query(client)
                                .unwrap();
                            assert_eq!(acknowledged, 1);
                            assert_eq!(copy.get::<Option<i64>>(&key).unwrap(), Some(round));
                        }
                    });
                }
            });
        }
    }
}
