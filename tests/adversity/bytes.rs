//! Bytes that are no reply, or no reply to what was asked.

use super::{echo, to};
use crate::common::fake::{Fake, Peer, answer, bulk, moving, opening_answer};
use crate::common::{SOON, eventually};
use hitless::{Client, Cmd, Commands, Delivery, ErrorKind, pipe};
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Serves the first connection by `script`, all later ones as a server should.
fn misbehave_once(
    script: impl Fn(&mut Peer) -> std::io::Result<()> + Send + Sync + 'static,
) -> Fake {
    Fake::start(move |peer| {
        if peer.number == 0 {
            script(peer)
        } else {
            peer.serve()
        }
    })
}

#[test]
fn after_malformed_bytes_each_waiter_gets_one_error_and_the_connection_is_replaced() {
    const THREADS: usize = 8;
    let fake = misbehave_once(|peer| {
        let commands: Vec<_> = (0..THREADS)
            .map(|_| peer.next())
            .collect::<Result<_, _>>()?;
        let mut out: Vec<u8> = commands[..3].iter().flat_map(answer).collect();
        out.extend_from_slice(b"?what\r\n");
        // What follows looks like replies, but nobody may trust it.
        out.extend(commands[3..].iter().flat_map(answer));
        peer.send(out)?;
        peer.next().map(drop)
    });
    let client = Client::connect(to(&fake).pool_size(1)).unwrap();
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let client = &client;
                scope.spawn(move || (thread, echo(client, &format!("<{thread}>"))))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut answered = 0;
    for (thread, result) in results {
        match result {
            Ok(text) => {
                assert_eq!(text, format!("<{thread}>"));
                answered += 1;
            }
            Err(error) => {
                assert_eq!(*error.kind(), ErrorKind::Protocol, "{error:?}");
                assert_eq!(error.delivery(), Delivery::Unknown, "{error:?}");
            }
        }
    }
    assert_eq!(answered, 3);
    assert_eq!(echo(&client, "later").unwrap(), "later");
    eventually("the loss is counted", || {
        client.stats().connections_lost == 1
    });
    assert_eq!(fake.accepted(), 2);
}

#[test]
fn a_pipeline_keeps_the_replies_that_came_before_malformed_bytes() {
    let fake = misbehave_once(|peer| {
        let commands: Vec<_> = (0..4).map(|_| peer.next()).collect::<Result<_, _>>()?;
        let mut out: Vec<u8> = commands[..2].iter().flat_map(answer).collect();
        out.extend_from_slice(b"$5\r\nhello?!");
        peer.send(out)?;
        peer.next().map(drop)
    });
    let client = Client::connect(to(&fake).pool_size(1)).unwrap();
    let mut pipeline = pipe();
    for word in ["a", "b", "c", "d"] {
        pipeline.add(&Cmd::new("ECHO").arg(word));
    }
    let results = pipeline.run(&client);
    assert_eq!(results.len(), 4);
    assert_eq!(results[0].as_ref().unwrap().as_str(), Some("a"));
    assert_eq!(results[1].as_ref().unwrap().as_str(), Some("b"));
    for result in &results[2..] {
        let error = result.as_ref().unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Protocol, "{error:?}");
        assert_eq!(error.delivery(), Delivery::Unknown, "{error:?}");
    }
    let (c, d): (String, String) = {
        pipe()
            .cmd(Cmd::new("ECHO").arg("c"))
            .cmd(Cmd::new("ECHO").arg("d"))
            .query(&client)
            .unwrap()
    };
    assert_eq!((c.as_str(), d.as_str()), ("c", "d"));
}

#[test]
fn a_reply_that_nobody_asked_for_reaches_nobody() {
    let fake = misbehave_once(|peer| {
        let mut out = answer(&peer.next()?);
        out.extend(bulk(b"for nobody"));
        peer.send(out)?;
        peer.serve()
    });
    let client = Client::connect(to(&fake).pool_size(1)).unwrap();
    assert_eq!(echo(&client, "first").unwrap(), "first");
    assert_eq!(echo(&client, "second").unwrap(), "second");
    eventually("the connection is given up", || {
        client.stats().connections_lost == 1
    });
    assert_eq!(fake.accepted(), 2);
}

#[test]
fn a_reply_to_an_idle_connection_ends_it() {
    let fake = misbehave_once(|peer| {
        let first = peer.next()?;
        peer.send(answer(&first))?;
        // The client says this on purpose: from here on the connection is idle.
        peer.send(bulk(b"for nobody"))?;
        peer.serve()
    });
    let client = Client::connect(to(&fake).pool_size(1)).unwrap();
    client.ping().unwrap();
    eventually("the connection is given up", || {
        client.stats().connections_lost == 1
    });
    for word in ["one", "two"] {
        assert_eq!(echo(&client, word).unwrap(), word);
    }
}

#[test]
fn a_reply_that_ends_too_early_is_never_delivered() {
    let keep = Arc::new(AtomicUsize::new(0));
    let fake = Fake::start({
        let keep = Arc::clone(&keep);
        move |peer| {
            let command = peer.next()?;
            let reply = answer(&command);
            peer.send(&reply[..keep.load(Ordering::Acquire).min(reply.len())])
        }
    });
    let client = Client::connect(to(&fake).pool_size(1)).unwrap();
    let whole = bulk(b"0123456789").len();
    for length in 0..whole {
        keep.store(length, Ordering::Release);
        let error = echo(&client, "0123456789").unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Io, "{length}: {error:?}");
        assert_eq!(error.delivery(), Delivery::Unknown, "{length}: {error:?}");
    }
    keep.store(whole, Ordering::Release);
    assert_eq!(echo(&client, "0123456789").unwrap(), "0123456789");
}

#[test]
fn a_storm_of_notifications_leaves_the_client_usable() {
    const STORM: usize = 100_000;
    let fake = Fake::start(|peer| {
        loop {
            let command = peer.next()?;
            if command[0] == b"STORM" {
                let mut storm = Vec::new();
                for number in 0..STORM {
                    match number % 4 {
                        0 => storm.extend(moving(7, 1, Some("127.0.0.77:1"))),
                        1 => storm.extend(b">2\r\n$9\r\nMIGRATING\r\n:1\r\n"),
                        2 => storm.extend(format!(">2\r\n$8\r\nMIGRATED\r\n:{number}\r\n").bytes()),
                        _ => storm.extend(b">1\r\n$7\r\nunknown\r\n"),
                    }
                }
                peer.send(storm)?;
            }
            peer.send(answer(&command))?;
        }
    });
    let client = Client::connect(to(&fake).pool_size(2)).unwrap();
    std::thread::scope(|scope| {
        let storm = scope.spawn(|| client.query::<()>(&Cmd::new("STORM").timeout(SOON)));
        while !storm.is_finished() {
            assert_eq!(echo(&client, "meanwhile").unwrap(), "meanwhile");
        }
        storm.join().unwrap().unwrap();
    });
    let stats = client.stats();
    let heard = stats.notifications + stats.notifications_malformed + stats.pushes_unknown;
    assert_eq!(heard, STORM as u64, "{stats:?}");
    assert_eq!(stats.connections_lost, 0, "{stats:?}");
    assert_eq!(echo(&client, "after").unwrap(), "after");
    let start = Instant::now();
    client.close();
    assert!(start.elapsed() < SOON);
}

/// Answers the opening, and ends at the first byte of the first command.
fn taste(peer: &mut Peer) -> std::io::Result<()> {
    loop {
        let words = peer.read()?;
        peer.send(opening_answer(&words).unwrap_or("+OK\r\n"))?;
        if words[0] == b"PING" {
            return peer.stream.read_exact(&mut [0]);
        }
    }
}

/// What becomes of a command that is longer than what the system keeps for a connection that nobody
/// reads, and that ends in the middle.
fn too_long(retries: u32) -> (hitless::Result<()>, Client) {
    let fake = misbehave_once(taste);
    let client = Client::connect(to(&fake).pool_size(1).connect_retries(retries)).unwrap();
    let result = client.set("key", vec![b'x'; 32 << 20]);
    client.ping().unwrap();
    (result, client)
}

#[test]
fn a_command_of_which_the_end_never_left_goes_to_another_connection() {
    // Where the end is noticed during the very call that writes, nobody can tell how much has left.
    let unclear = |result: &hitless::Result<()>| {
        let delivery = result.as_ref().map_err(hitless::Error::delivery);
        delivery == Err(Delivery::Unknown)
    };
    let mut results = std::iter::repeat_with(|| too_long(3)).take(20);
    let (result, client) = results.find(|(result, _)| !unclear(result)).unwrap();
    result.unwrap();
    let stats = client.stats();
    assert_eq!((stats.connections_opened, stats.commands_unknown), (2, 0));

    let mut results = std::iter::repeat_with(|| too_long(0)).take(20);
    let (result, _) = results.find(|(result, _)| !unclear(result)).unwrap();
    let error = result.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (&ErrorKind::Io, Delivery::NotSent),
        "{error}"
    );
}
