//! How connections are made, and what is said when they are not.
#![cfg(all(feature = "sim", unix))]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::fake::{Fake, Peer};
use common::redis::Redis;
use common::{SOON, by_name, eventually, fill, options};
use hitless::sim::{Fault, HOST, Sim};
use hitless::{
    Client, Commands, Delivery, Endpoint, ErrorKind, Options, Phase, Protocol, TcpOptions, cmd,
};
use std::net::{Ipv6Addr, TcpListener};
use std::time::{Duration, Instant};

/// An address where nobody listens.
fn nowhere() -> (socket2::Socket, String) {
    // Bound and not listening: nobody else gets the port meanwhile.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(
            &"127.0.0.1:0"
                .parse::<std::net::SocketAddr>()
                .unwrap()
                .into(),
        )
        .unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address.to_string())
}

#[test]
fn a_refused_connection_is_an_error_of_connect() {
    let (_guard, address) = nowhere();
    let options = common::patient(Options::new(&address).unwrap());
    let start = Instant::now();
    let error = Client::connect(options).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Connect, "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
    let text = error.to_string();
    assert_eq!(text.matches(&address).count(), 1, "said once: {text}");
    assert!(std::error::Error::source(&error).is_some());
    // The first refusal is the answer: a wrong address shows at once.
    assert!(start.elapsed() < SOON / 2, "{:?}", start.elapsed());
}

#[test]
fn a_name_that_is_not_known_is_an_error_of_connect() {
    let sim = Sim::builder().start().unwrap();
    let options = Options::new("nowhere.hitless.test:1")
        .unwrap()
        .resolver(sim.resolver());
    let error = Client::connect(options).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Connect, "{error:?}");
    assert!(
        error.to_string().contains("nowhere.hitless.test"),
        "{error}"
    );
}

#[test]
fn a_path_that_is_too_long_for_a_unix_socket_is_found_before_anything_is_dialled() {
    let path = format!("/{}", "x".repeat(199));
    for address in [path.clone(), format!("unix://{path}")] {
        let error = Client::lazy(&*address).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Config, "{error:?}");
        let text = error.to_string();
        assert!(text.contains("path of 200 bytes"), "{text}");
        assert!(text.contains("use a shorter path"), "{text}");
    }
}

#[test]
fn a_failed_lookup_or_a_local_address_that_cannot_be_had_says_why() {
    let sim = Sim::builder().start().unwrap();
    let options = Options::new("nowhere.hitless.test:1").unwrap();
    let error = Client::connect(options.resolver(sim.resolver())).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("host name not resolved: "), "{text}");
    let tcp = TcpOptions::default().local_address(std::net::IpAddr::from([192, 0, 2, 7]));
    let options = Options::new("127.0.0.1:1").unwrap().tcp(tcp);
    let error = Client::connect(options).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Config, "{error:?}");
    let text = error.to_string();
    assert!(
        text.starts_with("local_address 192.0.2.7 is no address of this machine"),
        "{text}"
    );
}

#[test]
fn a_unix_socket_and_an_address_with_a_zone_take_a_login() {
    let redis = Redis::with(&["--requirepass", "se@ret"]);
    let url = format!("unix://default:se%40ret@{}?db=2", redis.socket.display());
    let client = Client::connect(&*url).unwrap();
    client.set("key", "value").unwrap();
    let error = Client::connect(url.replace("ret", "cret")).unwrap_err();
    assert_eq!(error.code(), Some("WRONGPASS"), "{error:?}");
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        // The machine has no such address, which only the system can change.
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let _fake = Fake::on(listener, |peer: &mut Peer| peer.serve());
    // Zone 1 is the loopback interface.
    let url = format!("valkey://user:secret@[::1%251]:{port}");
    Client::connect(url).unwrap().ping().unwrap();
}

#[test]
fn a_name_with_no_address_is_an_error_of_connect() {
    let sim = Sim::builder().start().unwrap();
    sim.resolver().set("empty.hitless.test", vec![]);
    let options = Options::new("empty.hitless.test:1")
        .unwrap()
        .resolver(sim.resolver());
    let error = Client::connect(options).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Connect, "{error:?}");
}

#[test]
fn a_wrong_password_is_said_in_the_servers_own_code() {
    let redis = Redis::with(&["--requirepass", "right"]);
    let plain = Options::new(&redis.url()).unwrap();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let plain = plain.clone().protocol(protocol);
        for options in [
            plain.clone().password("wr0ng"),
            plain.clone().username("nobody").password("wr0ng"),
        ] {
            let error = Client::connect(options).unwrap_err();
            assert_eq!(error.code(), Some("WRONGPASS"), "{error:?}");
            assert_eq!(error.delivery(), Delivery::NotSent);
            assert!(!format!("{error} {error:?}").contains("wr0ng"), "{error:?}");
        }
        let error = Client::connect(plain.clone()).unwrap_err();
        assert_eq!(error.code(), Some("NOAUTH"), "{error:?}");
        let client = Client::connect(plain.password("right")).unwrap();
        client.ping().unwrap();
    }
    let url = format!("redis://default:right@{}/5", redis.address);
    let client = Client::connect(url).unwrap();
    client.set("here", 1).unwrap();
}

#[test]
fn a_user_of_the_servers_own_list_is_logged_in() {
    let redis = Redis::start();
    let admin = Client::connect(redis.url()).unwrap();
    let words = ["on", ">p%40ss", "~*", "+@all"];
    admin
        .query::<()>(&cmd("ACL SETUSER alice").args(words))
        .unwrap();
    for protocol in ["2", "3"] {
        let url = format!(
            "redis://alice:p%2540ss@{}?protocol={protocol}",
            redis.address
        );
        let client = Client::connect(url).unwrap();
        assert_eq!(client.query::<String>(&cmd("ACL WHOAMI")).unwrap(), "alice");
    }
}

#[test]
fn a_wrong_database_is_an_error_of_connect() {
    let redis = Redis::start();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let options = Options::new(&redis.url())
            .unwrap()
            .protocol(protocol)
            .database(99);
        let error = Client::connect(options).unwrap_err();
        assert_eq!(error.code(), Some("ERR"), "{error:?}");
        assert!(error.to_string().contains("SELECT"), "{error}");
    }
}

#[test]
fn each_connection_selects_the_database() {
    let redis = Redis::start();
    for protocol in ["2", "3"] {
        let url = format!("{}/7?protocol={protocol}&pool_size=3", redis.url());
        // A connection for each thread that asks.
        let url = format!("{url}&max_in_flight=1");
        let client = Client::connect(url).unwrap();
        fill(&client, 3);
        let clients: String = client.query(&cmd("CLIENT LIST")).unwrap();
        let ours = |line: &&str| line.contains("lib-name=hitless") || line.contains(" db=7 ");
        assert_eq!(clients.lines().filter(ours).count(), 3, "{clients}");
        client.set(protocol, 1).unwrap();
        let other = Client::connect(format!("{}?db=7", redis.url())).unwrap();
        assert_eq!(other.exists(protocol).unwrap(), 1);
        let zero = Client::connect(redis.url()).unwrap();
        assert_eq!(zero.exists(protocol).unwrap(), 0);
    }
}

#[test]
fn connections_bear_the_name_that_was_given() {
    let redis = Redis::start();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let options = Options::new(&redis.url())
            .unwrap()
            .client_name("till-4")
            .protocol(protocol);
        let client = Client::connect(options.pool_size(2)).unwrap();
        fill(&client, 2);
        let clients: String = client.query(&cmd("CLIENT LIST")).unwrap();
        let ours: Vec<&str> = clients
            .lines()
            .filter(|line| line.contains("name=till-4"))
            .collect();
        assert_eq!(ours.len(), 2, "{clients}");
        let version = if protocol == Protocol::Resp2 {
            "resp=2"
        } else {
            "resp=3"
        };
        assert!(ours.iter().all(|line| line.contains(version)), "{clients}");
    }
}

#[test]
fn the_library_tells_its_name_and_version_unless_told_not_to() {
    use std::sync::{Arc, Mutex};
    let said = Arc::new(Mutex::new(Vec::new()));
    let fake = Fake::start({
        let said = Arc::clone(&said);
        move |peer: &mut Peer| {
            let command = peer.next()?;
            said.lock().unwrap().push(peer.said.clone());
            peer.send(common::fake::answer(&command))?;
            peer.serve()
        }
    });
    let to = || Options::new(&fake.address.to_string()).unwrap();
    let names = [to(), to().library_name("mine"), to().library_name("")];
    for options in names {
        Client::connect(options).unwrap().ping().unwrap();
    }
    let said = said.lock().unwrap();
    let info = |index: usize| -> Vec<String> {
        let words = |words: &Vec<Vec<u8>>| {
            words
                .iter()
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect::<Vec<_>>()
        };
        let all = said[index].iter().map(words);
        all.filter(|words| words.get(1).is_some_and(|word| word == "SETINFO"))
            .map(|words| words[2..].join(" "))
            .collect()
    };
    let version = format!("LIB-VER {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(info(0), ["LIB-NAME hitless".to_owned(), version.clone()]);
    assert_eq!(info(1), ["LIB-NAME mine".to_owned(), version]);
    assert_eq!(info(2), [""; 0]);
}

#[test]
fn an_older_server_that_knows_no_setinfo_is_served() {
    let redis = Redis::start();
    let client = Client::connect(redis.url()).unwrap();
    client.ping().unwrap();
    let error = client.execute(&cmd("CLIENT NOSUCHTHING")).unwrap_err();
    assert_eq!(error.code(), Some("ERR"));
}

#[test]
fn a_unix_socket_serves_like_any_other() {
    let redis = Redis::start();
    let path = redis.socket.display();
    for url in [
        format!("{path}"),
        format!("unix://{path}?db=3"),
        format!("redis+unix://{path}"),
    ] {
        let client = Client::connect(&*url).unwrap();
        client.set("key", "value").unwrap();
        assert_eq!(client.get::<String>("key").unwrap(), "value");
        let one = client.stats().shared[0].clone();
        assert_eq!(one.peer, None);
        assert!(matches!(one.endpoint, Some(Endpoint::Unix(_))), "{one:?}");
        assert!(!one.opted_in);
    }
    let error = Client::connect("/nowhere/at/all.sock").unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Connect, "{error:?}");
}

#[test]
fn a_server_behind_an_address_of_version_6_is_reached() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        // The machine has no such address, which only the system can change.
        assert!(!std::path::Path::new("/proc/net/if_inet6").exists() || no_loopback());
        return;
    };
    let fake = Fake::on(listener, Peer::serve);
    let client = Client::connect(format!("redis://{}", fake.address)).unwrap();
    client.ping().unwrap();
    let one = client.stats().shared[0].clone();
    assert_eq!(one.peer, Some(fake.address));
    let local =
        TcpOptions::default().local_address("127.0.0.1".parse::<std::net::IpAddr>().unwrap());
    let options = Options::new(&fake.address.to_string()).unwrap().tcp(local);
    assert!(
        Client::connect(options).is_err(),
        "an address of version 4 reaches no version 6"
    );
}

/// Whether the system says that it has no loopback address of version 6.
fn no_loopback() -> bool {
    let known = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    !known.contains("00000000000000000000000000000001")
}

#[test]
fn a_lazy_client_connects_with_its_first_command() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::lazy(options(&sim, sim.node(0))).unwrap();
    assert_eq!(client.stats().connections_opened, 0);
    assert!(sim.connections().is_empty());
    client.ping().unwrap();
    assert_eq!(client.stats().connections_opened, 1);
    let (_guard, address) = nowhere();
    let client = Client::lazy(Options::new(&address).unwrap().connect_retries(0)).unwrap();
    let error = client.ping().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Connect, "{error:?}");
    assert!(error.is_safe_to_retry());
}

#[test]
fn an_eager_client_makes_one_connection_and_more_only_when_threads_need_them() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0)).pool_size(8)).unwrap();
    for _ in 0..100 {
        client.ping().unwrap();
    }
    assert_eq!(client.stats().connections_opened, 1);
    fill(&client, 8);
    assert_eq!(sim.connections().len(), 8);
}

#[test]
fn a_command_tries_a_connection_as_often_as_told_before_it_fails() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    sim.fault(a, Fault::CloseAfter(0));
    let client = Client::lazy(options(&sim, a).connect_retries(2)).unwrap();
    let error = client.ping().unwrap_err();
    assert_eq!(error.delivery(), Delivery::NotSent, "{error:?}");
    // Those that fail at the same moment count once.
    let failed = client.stats().dials_failed;
    assert!(failed >= 3, "{failed}");
    sim.clear_faults(a).unwrap();
    client.ping().unwrap();
}

#[test]
fn a_server_that_comes_up_late_is_found_while_a_command_waits_for_it() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    sim.fault(a, Fault::Refuse);
    let options = options(&sim, a)
        .connect_retries(1_000)
        .checkout_timeout(SOON);
    let client = Client::lazy(options).unwrap();
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..4).map(|_| scope.spawn(|| client.ping())).collect();
        eventually("some dials have failed", || {
            client.stats().dials_failed >= 3
        });
        sim.clear_faults(a).unwrap();
        for thread in waiting {
            thread.join().unwrap().unwrap();
        }
    });
}

#[test]
fn a_command_waits_for_a_connection_no_longer_than_told() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    sim.fault(a, Fault::HangAfter(0));
    let wait = Duration::from_millis(150);
    let client = Client::lazy(options(&sim, a).checkout_timeout(wait)).unwrap();
    let start = Instant::now();
    let error = client.ping().unwrap_err();
    let took = start.elapsed();
    assert_eq!(
        *error.kind(),
        ErrorKind::Timeout(Phase::Checkout),
        "{error:?}"
    );
    assert!(error.is_safe_to_retry());
    assert!(took >= wait && took < SOON / 2, "{took:?}");
}

#[test]
fn an_opening_takes_no_longer_than_told() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    for fault in [Fault::HangAfter(0), Fault::HangAfter(20), Fault::Silence] {
        sim.fault(a, fault);
        let limit = Duration::from_millis(150);
        let start = Instant::now();
        let error = Client::connect(options(&sim, a).connect_timeout(limit)).unwrap_err();
        let took = start.elapsed();
        // The dial itself says why, unless the machine stands still for a second when it ends.
        let says = |phase| *error.kind() == ErrorKind::Timeout(phase);
        assert!(
            says(Phase::Connect) || took > limit + Duration::from_secs(1) && says(Phase::Checkout),
            "{error:?}"
        );
        assert!(took >= limit && took < SOON / 2, "{took:?}");
        sim.clear_faults(a).unwrap();
    }
}

#[test]
fn a_server_that_cannot_serve_now_says_why() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let cases = [
        (Fault::MaxClients, Some("ERR"), "too many clients"),
        (
            Fault::Garble(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
            None,
            "protocol",
        ),
        (Fault::CloseAfter(0), None, "closed"),
        // The reset may come while it is dialled.
        (Fault::ResetAfter(0), None, "connection"),
    ];
    for (fault, code, says) in cases {
        sim.fault(a, fault.clone());
        let error = Client::connect(options(&sim, a)).unwrap_err();
        assert_eq!(error.code(), code, "{fault:?}: {error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent, "{fault:?}");
        assert!(
            error.to_string().to_lowercase().contains(says),
            "{fault:?}: {error}"
        );
        sim.clear_faults(a).unwrap();
    }
    Client::connect(options(&sim, a)).unwrap();
}

#[test]
fn of_several_addresses_of_a_name_one_that_serves_is_found() {
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b, c] = [sim.node(0), sim.node(1), sim.node(2)];
    sim.fault(a, Fault::Refuse);
    sim.advertise(&[a, b, c]);
    let client = Client::connect(by_name(&sim)).unwrap();
    client.ping().unwrap();
    let one = client.stats().shared[0].clone();
    assert!(
        [sim.addr(b), sim.addr(c)].contains(&one.peer.unwrap()),
        "{one:?}"
    );
    let port = sim.addr(a).port();
    assert_eq!(one.endpoint, Some(Endpoint::tcp(HOST, port)));
}

#[cfg(target_os = "linux")]
#[test]
fn a_connection_that_the_system_gives_up_under_a_write_is_named_so() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let fake = Fake::start(move |peer: &mut Peer| {
        let command = peer.next()?;
        peer.send(common::fake::answer(&command))?;
        // Reads no more until the test is over.
        let _ = held.lock().unwrap().recv();
        Ok(())
    });
    // Dropped before the server, even where the test fails.
    let hold = hold;
    let tcp = TcpOptions::default().user_timeout(Duration::from_millis(50));
    let options = Options::new(&fake.address.to_string())
        .unwrap()
        .tcp(tcp.send_buffer(16 << 10))
        .connect_retries(0)
        .no_command_timeout();
    let client = Client::connect(options).unwrap();
    client.ping().unwrap();
    let error = client.set("key", vec![7; 64 << 20]).unwrap_err();
    drop(hold);
    assert_eq!(*error.kind(), ErrorKind::Io, "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(
        error.to_string().contains("stopped acknowledging"),
        "{error}"
    );
}
