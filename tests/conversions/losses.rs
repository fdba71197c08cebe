//! A command that takes something and a type that does not fit: what was taken is in the error.

use super::common::fake::{Fake, answer};
use super::common::patient;
use super::everywhere;
use hitless::{
    Client, Commands, Delivery, Error, ErrorKind, FromValue, Options, Result, Value, cmd, pipe,
};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroU8;
use std::time::Duration;

const SECRET: &str = "no number, and nobody else's business";

/// An error of a conversion that has this reply, and shows none of it.
#[track_caller]
fn carries(error: &Error, reply: &Value) {
    assert_eq!(*error.kind(), ErrorKind::Conversion, "{error:?}");
    assert_eq!(error.delivery(), Delivery::Replied);
    assert_eq!(error.reply(), Some(reply));
    assert!(!error.is_safe_to_retry());
    for shown in [format!("{error:?}"), error.to_string()] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

fn bulk(text: &str) -> Value {
    Value::bulk(text)
}

#[test]
fn a_key_of_any_bytes_is_no_reason_to_lose_the_element() {
    everywhere(|client| {
        let key = b"\xff\xfe";
        client.rpush(key, "job").unwrap();
        let wait = Duration::from_secs(10);
        let popped: Option<(Vec<u8>, String)> = client.blpop(key, wait).unwrap();
        assert_eq!(popped, Some((key.to_vec(), "job".into())));
        client.rpush(key, "job").unwrap();
        let popped = client.blpop::<(), String>(key, wait).unwrap();
        assert_eq!(popped, Some(((), "job".into())));
        client.rpush(key, "job").unwrap();
        let error = client.blpop::<String, String>(key, wait).unwrap_err();
        carries(&error, &Value::array(vec![bulk_of(key), bulk("job")]));
        let fields = client.hset_multiple("hash", [(key, 1)]).unwrap();
        assert_eq!(fields, 1);
        assert_eq!(
            client
                .hgetall::<HashMap<Vec<u8>, i64>>("hash")
                .unwrap()
                .len(),
            1
        );
    });
}

fn bulk_of(bytes: &[u8]) -> Value {
    Value::bulk(bytes)
}

/// A type of a user, which fails.
#[derive(Debug)]
struct Never;

impl FromValue for Never {
    fn from_value(_: Value) -> Result<Self> {
        Err(Error::conversion("it never fits"))
    }
}

#[test]
fn whatever_takes_an_element_leaves_it_in_the_error() {
    everywhere(|client| {
        let fill = || {
            cmd("DEL")
                .args(["list", "set", "hash", "text"])
                .exec(client)
                .unwrap();
            client.rpush("list", SECRET).unwrap();
            cmd("SADD").arg("set").arg(SECRET).exec(client).unwrap();
            client.hset("hash", "field", SECRET).unwrap();
            client.set("text", SECRET).unwrap();
        };
        let takers = [
            cmd("LPOP").arg("list"),
            cmd("RPOP").arg("list"),
            cmd("RPOPLPUSH").args(["list", "other"]),
            cmd("LMOVE").args(["list", "other", "LEFT", "LEFT"]),
            cmd("BLMOVE").args(["list", "other", "LEFT", "LEFT", "1"]),
            cmd("SPOP").arg("set"),
            cmd("GETDEL").arg("text"),
            cmd("GETSET").args(["text", "new"]),
            cmd("SET").args(["text", "new", "GET"]),
            cmd("EVAL").args(["return redis.call('GETDEL', KEYS[1])", "1", "text"]),
        ];
        for taker in &takers {
            fill();
            carries(&client.query::<i64>(taker).unwrap_err(), &bulk(SECRET));
            fill();
            carries(
                &client.query::<Option<f64>>(taker).unwrap_err(),
                &bulk(SECRET),
            );
            fill();
            carries(
                &client.query::<Vec<String>>(taker).unwrap_err(),
                &bulk(SECRET),
            );
            fill();
            carries(&client.query::<[u8; 3]>(taker).unwrap_err(), &bulk(SECRET));
            fill();
            carries(
                &client.query::<Option<Never>>(taker).unwrap_err(),
                &bulk(SECRET),
            );
            fill();
            carries(
                &client.query::<Result<char>>(taker).unwrap().unwrap_err(),
                &bulk(SECRET),
            );
        }
    });
}

#[test]
fn a_zero_that_was_taken_is_in_the_error_as_it_came() {
    everywhere(|client| {
        client.rpush("list", "0").unwrap();
        let error = client.lpop::<NonZeroU8>("list").unwrap_err();
        carries(&error, &bulk("0"));
        assert_eq!(
            error.to_string(),
            "zero cannot become NonZeroU8 (command LPOP)"
        );
    });
}

#[test]
fn all_elements_that_were_taken_are_in_the_error_not_only_the_one_that_does_not_fit() {
    everywhere(|client| {
        let elements = ["1", "2", SECRET, "4"];
        let whole = Value::array(elements.map(bulk).to_vec());
        let take = |taker: &str| {
            client.del("list").unwrap();
            client.rpush("list", elements).unwrap();
            cmd(taker).arg("list").arg(4)
        };
        carries(
            &client.query::<Vec<i64>>(&take("LPOP")).unwrap_err(),
            &whole,
        );
        carries(
            &client.query::<VecDeque<u8>>(&take("LPOP")).unwrap_err(),
            &whole,
        );
        carries(
            &client.query::<Vec<(i64, i64)>>(&take("LPOP")).unwrap_err(),
            &whole,
        );
        carries(
            &client
                .query::<HashMap<i64, i64>>(&take("LPOP"))
                .unwrap_err(),
            &whole,
        );
        carries(
            &client
                .query::<BTreeMap<u8, f64>>(&take("LPOP"))
                .unwrap_err(),
            &whole,
        );
        carries(
            &client
                .query::<(i64, i64, i64, i64)>(&take("LPOP"))
                .unwrap_err(),
            &whole,
        );
        carries(
            &client.query::<[i64; 4]>(&take("LPOP")).unwrap_err(),
            &whole,
        );
        carries(
            &client.query::<[i64; 2]>(&take("LPOP")).unwrap_err(),
            &whole,
        );
        carries(&client.query::<Vec<u8>>(&take("LPOP")).unwrap_err(), &whole);
        carries(&client.query::<String>(&take("LPOP")).unwrap_err(), &whole);
        carries(
            &client.query::<Vec<Never>>(&take("LPOP")).unwrap_err(),
            &whole,
        );
        let error = client.query::<Vec<i64>>(&take("RPOP")).unwrap_err();
        assert_eq!(error.reply().unwrap().as_items().unwrap().len(), 4);
        let shown = format!("{error:?}");
        assert!(shown.contains("array of length 4"), "{shown}");
    });
}

#[test]
fn what_the_other_commands_of_a_pipeline_took_is_in_the_error_too() {
    everywhere(|client| {
        let fill = || {
            client.del(["a", "b"]).unwrap();
            client.rpush("a", "first").unwrap();
            client.rpush("b", SECRET).unwrap();
        };
        let whole = Value::array(vec![bulk("first"), bulk(SECRET)]);
        for atomic in [false, true] {
            let pipeline = || {
                let mut begun = pipe();
                if atomic {
                    begun.atomic();
                }
                begun.lpop("a").lpop("b").clone()
            };
            fill();
            let error = pipeline().query::<(String, i64)>(client).unwrap_err();
            carries(&error, &whole);
            assert_eq!((error.index(), error.command()), (Some(1), Some("LPOP")));
            fill();
            let error = pipeline().query::<(i64, String)>(client).unwrap_err();
            carries(&error, &whole);
            assert_eq!(error.index(), Some(0));
            fill();
            carries(&pipeline().query::<Vec<i64>>(client).unwrap_err(), &whole);
            fill();
            carries(&pipeline().query::<(String,)>(client).unwrap_err(), &whole);
            fill();
            let (first, second): (Result<i64>, Result<i64>) = pipeline().query(client).unwrap();
            carries(&first.unwrap_err(), &bulk("first"));
            carries(&second.unwrap_err(), &bulk(SECRET));
        }
    });
}

#[test]
fn what_a_pipeline_took_is_in_the_error_of_a_command_that_failed() {
    everywhere(|client| {
        let fill = || {
            client.del(["a", "b"]).unwrap();
            client.rpush("a", "first").unwrap();
            client.rpush("b", SECRET).unwrap();
            client.set("text", "no number").unwrap();
        };
        let keeps = |error: &Error, index: Option<usize>| {
            assert!(error.server_error().is_some(), "{error:?}");
            assert_eq!(error.index(), index);
            let reply = error.reply().unwrap().as_items().unwrap();
            assert_eq!((&reply[0], &reply[2]), (&bulk("first"), &bulk(SECRET)));
            assert!(reply[1].as_error().is_some());
            assert!(!format!("{error:?} {error}").contains(SECRET));
        };
        for atomic in [false, true] {
            let mut pipeline = pipe();
            if atomic {
                pipeline.atomic();
            }
            pipeline.lpop("a").incr("text").lpop("b");
            fill();
            let all = pipeline.query::<(String, i64, String)>(client);
            keeps(&all.unwrap_err(), Some(1));
            fill();
            keeps(&pipeline.exec(client).unwrap_err(), Some(1));
            // Nothing was taken where everything failed.
            let mut pipeline = pipe();
            pipeline.lpop("text").rpop("text");
            assert_eq!(pipeline.exec(client).unwrap_err().reply(), None);
        }
        // By hand it is one reply.
        fill();
        let lease = client.lease().unwrap();
        for command in [cmd("MULTI"), cmd("LPOP a"), cmd("INCR text"), cmd("LPOP b")] {
            command.query::<String>(&lease).unwrap();
        }
        let exec = cmd("EXEC").query::<Vec<String>>(&lease);
        keeps(&exec.unwrap_err(), None);
        fill();
        let script = "return {redis.call('LPOP', KEYS[1]), redis.pcall('INCR', KEYS[2]), redis.call('LPOP', KEYS[3])}";
        let parts = client.eval::<Vec<String>>(script, ["a", "text", "b"], ());
        keeps(&parts.unwrap_err(), None);
    });
}

#[test]
fn what_came_before_the_connection_broke_is_in_the_error_of_the_pipeline() {
    let fake = Fake::start(|peer| {
        loop {
            let words = peer.next()?;
            if words[0] != b"LPOP" {
                peer.send(answer(&words))?;
                continue;
            }
            peer.next()?;
            peer.send("$5\r\nfirst\r\n")?;
            return Ok(());
        }
    });
    let options = patient(Options::new(&fake.address.to_string()).unwrap());
    let client = Client::connect(options.connect_retries(0)).unwrap();
    let both = pipe()
        .lpop("a")
        .lpop("b")
        .query::<(String, String)>(&client);
    let error = both.unwrap_err();
    assert_eq!(
        (error.delivery(), error.index()),
        (Delivery::Unknown, Some(1))
    );
    let came = Value::array(vec![bulk("first"), Value::Nil]);
    assert_eq!(error.reply(), Some(&came), "{error:?}");
}

#[test]
fn the_reply_is_whole_or_absent_after_a_command_that_only_reads() {
    let claims = |client: &Client| {
        client.rpush("list", ["1", SECRET]).unwrap();
        let error = client.lrange::<Vec<i64>>("list", 0, -1).unwrap_err();
        assert_eq!(error.reply(), None);
        client.set("text", SECRET).unwrap();
        carries(&client.get::<i64>("text").unwrap_err(), &bulk(SECRET));
    };
    everywhere(claims);
}
