//! Servers that become something else while a client is connected: replicas, strangers, signposts.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::fake::{Fake, Peer, answer};
use common::redis::{Redis, Version};
use common::{eventually, fill, patient};
use hitless::sim::SimResolver;
use hitless::{Client, Cmd, Commands, ErrorKind, Options, cmd};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const NAME: &str = "database.hitless.test";

/// The code of the error that the server answers with, if it does.
fn refusal(client: &Client, command: &Cmd) -> Option<String> {
    match client.query::<()>(command) {
        Ok(()) => None,
        Err(error) => match error.kind() {
            ErrorKind::Server(reply) => Some(reply.code().to_owned()),
            other => panic!("{other:?}: {error}"),
        },
    }
}

fn set(value: u64) -> Cmd {
    Cmd::new("SET").arg("key").arg(value)
}

/// Lets another server listen at 127.0.0.2, at the port of this one.
fn at_the_same_port(master: &Client, port: u16) {
    for setting in [("bind", "127.0.0.2".to_owned()), ("port", port.to_string())] {
        let set = cmd("CONFIG").arg("SET").arg(setting.0).arg(setting.1);
        master.query::<()>(&set).unwrap();
    }
}

fn follows_the_name_to_the_new_master(version: Version, protocol: u8) {
    const POOL: usize = 3;
    let old = Redis::of(version, &[]);
    let new = Redis::of(version, &["--protected-mode", "no"]);
    let port = old.address.port();
    let admin = Client::connect(patient(Options::new(&new.url()).unwrap())).unwrap();
    let names = SimResolver::default();
    names.set(NAME, vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    let url = format!("redis://{NAME}:{port}?protocol={protocol}");
    let options = patient(Options::new(&url).unwrap()).resolver(names.clone());
    let client = Client::connect(options.pool_size(POOL)).unwrap();
    fill(&client, POOL);
    // The name leads to the new master from the first moment; the old one has become its replica.
    at_the_same_port(&admin, port);
    names.set(NAME, vec![IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))]);
    let demoted = Client::connect(patient(Options::new(&old.url()).unwrap())).unwrap();
    let replicaof = cmd("REPLICAOF").arg("127.0.0.2").arg(port);
    demoted.query::<()>(&replicaof).unwrap();
    let mut count = 0;
    eventually("writes go on", || {
        count += 1;

        let refused = refusal(&client, &set(count));
        assert!(
            refused.is_none() || refused.as_deref() == Some("READONLY"),
            "{refused:?}"
        );
        refused.is_none()
    });
    eventually("the whole pool has followed", || {
        // Where servers do not say what they are, each connection is found out by a write.
        let _ = client.query::<()>(&set(0));
        let all = client.stats().shared;
        let there = |ip: IpAddr| ip == IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        all.len() == POOL
            && all
                .iter()
                .all(|one| one.peer.is_some_and(|at| there(at.ip())))
    });
    for value in 1..50 {
        assert_eq!(refusal(&client, &set(value)), None);
    }
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_master_that_has_become_a_replica_is_left_for_the_new_master() {
    for version in Version::ALL {
        follows_the_name_to_the_new_master(version, 3);
    }
}

#[test]
fn a_master_that_has_become_a_replica_is_left_where_servers_do_not_say_what_they_are() {
    follows_the_name_to_the_new_master(Version::Redis70, 2);
}

#[test]
fn a_client_that_is_meant_to_talk_to_a_replica_keeps_its_connections() {
    let server = Redis::start();
    let admin = Client::connect(patient(Options::new(&server.url()).unwrap())).unwrap();
    admin.set("key", "value").unwrap();
    let client =
        Client::connect(patient(Options::new(&server.url()).unwrap()).pool_size(2)).unwrap();
    fill(&client, 2);
    // Of nobody who is there: it goes on answering from what it has.
    let nobody = cmd("REPLICAOF").arg("127.0.0.1").arg(1);
    admin.query::<()>(&nobody).unwrap();
    let before = client.stats().connections_opened;
    let dialled = || -> u64 {
        let info: String = admin.query(&cmd("INFO").arg("stats")).unwrap();
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix("total_connections_received:"));
        line.unwrap().parse().unwrap()
    };
    let start = dialled();
    let mut writes = 0;
    eventually("it has looked twice for a master", || {
        writes += 1;
        assert_eq!(refusal(&client, &set(writes)).as_deref(), Some("READONLY"));
        dialled() >= start + 2
    });
    let value: Option<String> = client.get("key").unwrap();
    assert_eq!(value.as_deref(), Some("value"));
    let stats = client.stats();
    assert_eq!(
        (stats.connections_opened, stats.connections_lost),
        (before, 0),
        "{stats:?}"
    );
    assert_eq!(stats.dials_failed, 0, "{stats:?}");
}

/// A server that answers every command with this error on its first connections.
///
/// `PORT` in it stands for the server's own.
fn refuses_on(first: usize, error: &'static str) -> (Fake, Arc<AtomicUsize>) {
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    let fake = Fake::start(move |peer: &mut Peer| -> io::Result<()> {
        let mut answered = 0;
        loop {
            let words = peer.next()?;
            answered += 1;
            // The first command of each is answered: only later is it a stranger.
            if peer.number < first && answered > 1 {
                count.fetch_add(1, Ordering::AcqRel);
                let port = peer.stream.local_addr()?.port();
                peer.send(error.replace("PORT", &port.to_string()))?;
            } else {
                peer.send(answer(&words))?;
            }
        }
    });
    (fake, refused)
}

fn is_made_anew(error: &'static str, login: &str) {
    let (fake, refused) = refuses_on(1, error);
    let url = format!("redis://{login}{}", fake.address);
    let client = Client::connect(patient(Options::new(&url).unwrap()).pool_size(1)).unwrap();
    client.ping().unwrap();
    eventually("the connection is made anew", || {
        refusal(&client, &set(1)).is_none()
    });
    // Nothing was repeated: each refusal was somebody's reply.
    assert!(refused.load(Ordering::Acquire) >= 1);
    assert_eq!(fake.accepted(), 2);
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_connection_that_the_server_no_longer_knows_is_logged_in_again() {
    is_made_anew("-NOAUTH Authentication required.\r\n", "user:secret@");
}

#[test]
fn a_moved_to_the_sender_itself_makes_the_connection_anew() {
    is_made_anew("-MOVED 42 127.0.0.1:PORT\r\n", "");
}

#[test]
fn a_server_that_knows_nobody_is_logged_in_to_once() {
    let (fake, refused) = refuses_on(usize::MAX, "-NOAUTH Authentication required.\r\n");
    let url = format!("redis://user:secret@{}", fake.address);
    let client = Client::connect(patient(Options::new(&url).unwrap()).pool_size(1)).unwrap();
    client.ping().unwrap();
    eventually("it was logged in to again", || {
        let _ = refusal(&client, &set(1));
        fake.accepted() == 2
    });
    let before = refused.load(Ordering::Acquire);
    eventually("it goes on refusing", || {
        let _ = refusal(&client, &set(1));
        refused.load(Ordering::Acquire) >= before + 500
    });
    assert_eq!(fake.accepted(), 2);
}
