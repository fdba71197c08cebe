//! Every command that servers know is judged: whether it may travel on a connection that others share.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]
#![cfg(feature = "sim")]

mod common;
#[path = "words/facts.rs"]
mod facts;
#[path = "words/judged.rs"]
mod judged;
#[path = "words/keys.rs"]
mod keys;
#[path = "words/rows.rs"]
mod rows;
// The table itself, which is nobody's from outside the crate.
#[allow(dead_code, reason = "what only the client asks of it")]
#[path = "../src/command/table/mod.rs"]
mod table;

use common::fake::{Fake, opening_answer};
use common::patient;
use common::redis::{Redis, Version};
use facts::Told;
use hitless::{Client, Commands, Delivery, ErrorKind, Options, cmd, pipe};
use judged::judged;
use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Set to write the rows of the table instead of comparing them.
const WRITE: &str = "HITLESS_WRITE_TABLE";

#[test]
fn the_table_is_what_servers_say_and_what_was_judged() {
    let (judged, told) = (judged(), Told::all());
    let known: BTreeSet<&str> = (told.iter().flat_map(|told| told.facts.keys()))
        .map(String::as_str)
        .collect();
    let unjudged: Vec<_> = (known.iter().filter(|word| !judged.contains_key(**word))).collect();
    assert!(
        unjudged.is_empty(),
        "nobody has judged these in src/command/table/judged.txt: {unjudged:?}"
    );
    for (word, one) in &judged {
        assert_ne!(
            known.contains(word),
            one.is_beyond,
            "{word}: is it known to a server?"
        );
        let blocks = |told: &Told| {
            let fact = told.facts.get(*word);
            fact.is_some_and(|fact| fact.flags.contains("blocking"))
        };
        assert!(
            !matches!(one.sent, "long" | "shared" | "increments") || !told.iter().any(blocks),
            "{word} blocks"
        );
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/command/table/groups");
    let files = rows::files(&told, &judged);
    let names = |file: std::io::Result<DirEntry>| file.unwrap().file_name().into_string().unwrap();
    if std::env::var_os(WRITE).is_some() {
        for old in fs::read_dir(&folder).unwrap().map(names) {
            fs::remove_file(folder.join(old)).unwrap();
        }
        for (name, text) in &files {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let there: BTreeSet<String> = fs::read_dir(&folder).unwrap().map(names).collect();
    assert_eq!(there, files.keys().cloned().collect());
    for (name, text) in files {
        let here = fs::read_to_string(folder.join(&name)).unwrap();
        let differ = |(here, new): &(&str, &str)| here != new;
        let difference = here.lines().zip(text.lines()).find(differ);
        assert!(
            here == text,
            "{name} is not up to date ({WRITE}=1): {difference:?}"
        );
    }
}

#[test]
fn the_table_finds_the_keys_that_servers_find() {
    let told = Told::all();
    keys::check(&told);
    keys::check_classes(&told);
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
    for (word, one) in judged() {
        let verdict = one.sent;
        for text in [
            word.replace('|', " "),
            word.replace('|', " ").to_uppercase(),
        ] {
            seen.lock().unwrap().clear();
            let result = client.execute(&cmd(&text));
            // A connection alone is asked for its number before its first command, by which it is ended at a move.
            let asks = |words: &Vec<Vec<u8>>| {
                words.len() == 2
                    && words[0] == b"CLIENT"
                    && words[1] == b"ID"
                    && verdict == "blocks"
            };
            let sent = (seen.lock().unwrap().iter().filter(|words| !asks(words))).count();
            if matches!(verdict, "shared" | "long" | "increments" | "blocks") {
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
