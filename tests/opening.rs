//! What servers say while a connection is opened, and what comes of it.
#![cfg(all(feature = "sim", unix))]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::fake::{Fake, Peer, answer};
use common::redis::{Redis, Version};
use common::{SOON, patient};
use hitless::{Client, Commands, ErrorKind, MaintenanceOptions, Mode, Options, Protocol, cmd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server that answers `HELLO` with this line, and all else as an old server does.
fn refusing_hello(line: &'static str) -> (Fake, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let fake = Fake::start(move |peer: &mut Peer| {
        loop {
            let words = peer.read()?;
            let text = String::from_utf8_lossy(&words.join(&b' ')).into_owned();
            heard.lock().unwrap().push(text);
            match words[0].as_slice() {
                b"HELLO" => peer.send(format!("-{line}\r\n"))?,
                b"CLIENT" => peer.send("-ERR unknown command 'CLIENT'\r\n")?,
                _ => peer.send(answer(&words))?,
            }
        }
    });
    (fake, said)
}

fn protocols(client: &Client) -> Vec<Protocol> {
    let all = client.stats().shared.into_iter();
    all.filter_map(|one| one.protocol).collect()
}

#[test]
fn a_server_that_refuses_hello_in_its_own_words_is_served_in_resp2() {
    for line in [
        "unsupported command 'HELLO'",
        "NOPERM this user has no permissions to run the 'hello' command",
        "ERR",
        "NOPROTO unsupported protocol version",
        "ERR unknown command 'HELLO', with args beginning with: '3'",
    ] {
        let (fake, said) = refusing_hello(line);
        let options = || patient(Options::new(&fake.address.to_string()).unwrap());
        let login = || options().username("user").password("secret");
        let client = Client::connect(login()).unwrap();
        client.set("key", 1).unwrap();
        assert_eq!(protocols(&client), [Protocol::Resp2], "{line}");
        let logins = |said: &[String]| said.iter().filter(|text| text.starts_with("AUTH")).count();
        assert_eq!(logins(&said.lock().unwrap()), 1, "{line}");
        client.close();
        // The answer holds for that connection only.
        said.lock().unwrap().clear();
        let again = Client::connect(login()).unwrap();
        assert!(said.lock().unwrap()[0].starts_with("HELLO 3"), "{line}");
        again.close();
        let error = Client::connect(options().protocol(Protocol::Resp3)).unwrap_err();
        assert!(error.to_string().contains("RESP3 is asked for"), "{error}");
        let required = MaintenanceOptions::new().mode(Mode::Enabled);
        let error = Client::connect(options().maintenance(required)).unwrap_err();
        assert!(error.to_string().contains("are required"), "{error}");
    }
}

#[test]
fn every_connection_asks_a_server_without_resp3_anew() {
    let hellos = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&hellos);
    let fake = Fake::start(move |peer: &mut Peer| {
        loop {
            let words = peer.read()?;
            if words[0] == b"HELLO" {
                counted.fetch_add(1, Ordering::SeqCst);
                peer.send("-ERR unknown command 'HELLO'\r\n")?;
            } else {
                peer.send(answer(&words))?;
            }
        }
    });
    let options = patient(Options::new(&fake.address.to_string()).unwrap()).min_connections(3);
    let client = Client::connect(options).unwrap();
    common::eventually("three connections", || client.stats().connections() == 3);
    assert_eq!(hellos.load(Ordering::SeqCst), 3);
    assert_eq!(protocols(&client), [Protocol::Resp2; 3]);
}

#[test]
fn a_user_who_may_not_ping_is_served_by_every_server() {
    for version in Version::ALL {
        let server = Redis::of(version, &[]);
        let admin = Client::connect(server.url()).unwrap();
        let words = ["default", "-ping"];
        admin.query::<()>(&cmd("ACL SETUSER").args(words)).unwrap();
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let options = patient(Options::new(&server.url()).unwrap()).protocol(protocol);
            // Says nothing but what the protocol demands.
            let client = Client::connect(options.library_name("")).unwrap();
            client.set("key", "value").unwrap();
            assert_eq!(protocols(&client), [protocol], "{version:?}");
        }
    }
}

#[test]
fn a_server_that_is_loading_is_waited_for_by_connect() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let fake = Fake::start(|peer: &mut Peer| {
            if peer.number < 3 {
                peer.read()?;
                return peer.send("-LOADING Redis is loading the dataset in memory\r\n");
            }
            peer.serve()
        });
        let options = patient(Options::new(&fake.address.to_string()).unwrap());
        let client = Client::connect(options.protocol(protocol).password("secret")).unwrap();
        client.ping().unwrap();
        assert!(fake.accepted() >= 4, "{}", fake.accepted());
    }
}

#[test]
fn a_real_server_that_is_loading_is_waited_for() {
    for version in Version::ALL {
        // A hundredth of a second for each key: the loading takes a second, and not many on a busy machine, where
        // each of these pauses is longer.
        let mut server = Redis::of(version, &["--key-load-delay", "10000"]);
        let client = Client::connect(server.url()).unwrap();
        let pairs = (0..100).map(|number| format!("key:{number}"));
        for key in pairs {
            client.set(&key, "value").unwrap();
        }
        client.query::<()>(&cmd("SAVE")).unwrap();
        client.close();
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            server.kill();
            server.restart();
            let options = patient(Options::new(&server.url()).unwrap());
            let client = Client::connect(options.protocol(protocol)).unwrap();
            assert_eq!(
                client.get::<String>("key:1").unwrap(),
                "value",
                "{version:?}"
            );
        }
    }
}

#[test]
fn a_server_that_does_not_end_loading_is_given_up_in_its_own_words() {
    let fake = Fake::start(|peer: &mut Peer| {
        peer.read()?;
        peer.send("-LOADING Redis is loading the dataset in memory\r\n")
    });
    let options = Options::new(&fake.address.to_string()).unwrap();
    let options = options
        .password("secret")
        .connect_timeout(Duration::from_secs(5));
    let error = Client::connect(options).unwrap_err();
    assert_eq!(error.code(), Some("LOADING"), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("Redis is loading the dataset in memory"),
        "{text}"
    );
    assert!(fake.accepted() > 1);
}

#[test]
fn a_server_that_wants_a_login_says_so_in_its_own_words() {
    for version in Version::ALL {
        let server = Redis::of(version, &["--requirepass", "secret"]);
        for protocol in ["2", "3"] {
            let url = format!("{}?protocol={protocol}", server.url());
            let error = Client::connect(url).unwrap_err();
            assert_eq!(error.code(), Some("NOAUTH"), "{error:?}");
            let words = ["Authentication required", "HELLO must be called"];
            let text = error.to_string();
            assert!(words.iter().any(|words| text.contains(words)), "{text}");
        }
    }
}

#[test]
fn a_server_in_protected_mode_keeps_its_words_where_no_secret_was_sent() {
    const WORDS: &str = "Redis is running in protected mode because protected mode is enabled";
    let fake = Fake::start(|peer: &mut Peer| {
        // Before anything is asked, as a server in protected mode does.
        peer.send(format!("-DENIED {WORDS}\r\n"))?;
        let _ = peer.read();
        Ok(())
    });
    let options = || {
        Options::new(&fake.address.to_string())
            .unwrap()
            .connect_timeout(SOON)
    };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let error = Client::connect(options().protocol(protocol)).unwrap_err();
        assert_eq!(error.code(), Some("DENIED"), "{error:?}");
        assert!(matches!(error.kind(), ErrorKind::Server(_)));
        assert!(error.to_string().contains(WORDS), "{error}");
        let login = options().protocol(protocol).password("c4n4ry");
        let error = Client::connect(login).unwrap_err();
        assert_eq!(error.code(), Some("DENIED"), "{error:?}");
        assert!(!error.to_string().contains(WORDS), "{error}");
    }
}
