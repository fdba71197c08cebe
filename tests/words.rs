//! Every command that servers know is judged: whether it may travel on a connection that others share.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]
#![cfg(feature = "sim")]

mod common;

use common::fake::{Fake, opening_answer};
use common::patient;
use common::redis::{Redis, Version};
use hitless::{Client, Commands, Delivery, ErrorKind, Options, Value, cmd, pipe};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

const JUDGED: &str = include_str!("words/judged.txt");

/// Each command, sub-commands as `client|id`, and how it is sent.
fn judged() -> BTreeMap<&'static str, &'static str> {
    let lines = JUDGED.lines().filter(|line| !line.starts_with('#'));
    let words: Vec<_> = lines.map(|line| line.split_once(' ').unwrap()).collect();
    let map: BTreeMap<_, _> = words.iter().copied().collect();
    assert_eq!(map.len(), words.len(), "a word is judged twice");
    map
}

fn names(client: &Client, command: &str) -> BTreeSet<String> {
    let names: Vec<String> = client.query(&cmd(command)).unwrap();
    names.into_iter().map(|name| name.to_lowercase()).collect()
}

#[test]
fn every_command_of_todays_servers_is_judged() {
    let (judged, mut known) = (judged(), BTreeSet::new());
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        let client = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
        let mut words = names(&client, "COMMAND LIST");
        // Once more from the other table, in case one of them leaves something out.
        let docs: BTreeMap<String, Value> = client.query(&cmd("COMMAND DOCS")).unwrap();
        for (name, doc) in docs {
            words.insert(name.to_lowercase());
            let doc = doc.into_pairs().unwrap();
            let Some(inner) = doc.get(b"subcommands") else {
                continue;
            };
            for (name, _) in &inner.clone().into_pairs().unwrap() {
                words.insert(name.as_str().unwrap().to_lowercase());
            }
        }
        let unjudged: Vec<_> = words
            .iter()
            .filter(|word| !judged.contains_key(word.as_str()))
            .collect();
        assert!(
            unjudged.is_empty(),
            "{version:?} knows commands that nobody has judged in tests/words/judged.txt and \
             src/client/manner.rs: {unjudged:?}"
        );
        for word in names(&client, "COMMAND LIST FILTERBY ACLCAT blocking") {
            assert_ne!(
                judged[word.as_str()],
                "shared",
                "{version:?}: {word} blocks"
            );
        }
        known.extend(words);
    }
    let gone: Vec<_> = judged
        .keys()
        .filter(|word| !known.contains(**word))
        .collect();
    assert!(gone.is_empty(), "no server knows these: {gone:?}");
}

#[test]
fn every_command_is_sent_as_it_was_judged() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let fake = Fake::start({
        let seen = Arc::clone(&seen);
        move |peer| {
            let mut is_open = false;
            loop {
                let words = peer.read()?;
                if is_open {
                    seen.lock().unwrap().push(words);
                    peer.send("+OK\r\n")?;
                } else {
                    peer.send(opening_answer(&words).unwrap_or("+PONG\r\n"))?;
                    // The last step of each opening; a command that blocks has a connection of its own.
                    is_open = words[0] == b"PING";
                }
            }
        }
    });
    let options = patient(Options::new(&fake.address.to_string()).unwrap());
    let client = Client::connect(options.pool_size(1)).unwrap();
    client.execute(&cmd("ECHO begin")).unwrap();
    // What Redis Enterprise knows besides.
    let mut judged = judged();
    judged.insert("client|maint_notifications", "refused");
    for (word, verdict) in judged {
        for text in [
            word.replace('|', " "),
            word.replace('|', " ").to_uppercase(),
        ] {
            seen.lock().unwrap().clear();
            let result = client.execute(&cmd(&text));
            let sent = seen.lock().unwrap().len();
            if matches!(verdict, "shared" | "blocks") {
                assert!(result.is_ok(), "{text} is judged as {verdict}: {result:?}");
                assert_eq!(sent, 1, "{text}");
                continue;
            }
            let error = result.unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Usage, "{text}: {error}");
            assert_eq!(error.delivery(), Delivery::NotSent, "{text}");
            assert!(error.to_string().starts_with("not sent: "), "{error}");
            let mut results = pipe().cmd(cmd("ECHO x")).cmd(cmd(&text)).run(&client);
            let is_behind = verdict == "behind";
            assert_eq!(results.remove(1).is_ok(), is_behind, "{text}");
            assert_eq!(results.remove(0).is_ok(), is_behind, "{text}");
            let sent = seen.lock().unwrap().len();
            assert_eq!(sent, if is_behind { 2 } else { 0 }, "{text} was sent");
        }
    }
}

#[test]
fn what_would_change_a_connection_leaves_it_as_it_was() {
    let redis = Redis::of(Version::Valkey91, &[]);
    let client = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
    let state = |client: &Client| {
        let text: String = client.query(&cmd("CLIENT INFO")).unwrap();
        let of = |name: &str| {
            let mut fields = text.split_whitespace();
            fields
                .find(|field| field.starts_with(name))
                .map(str::to_owned)
        };
        [
            "flags=",
            "name=",
            "lib-name=",
            "db=",
            "user=",
            "capa=",
            "resp=",
        ]
        .map(of)
    };
    let before = state(&client);
    for text in [
        "CLIENT CAPA redirect",
        "CLIENT IMPORT-SOURCE ON",
        "client capa redirect",
    ] {
        let error = client.execute(&cmd(text)).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Usage, "{error}");
        assert_eq!(state(&client), before);
    }
}
