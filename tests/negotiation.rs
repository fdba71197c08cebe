//! Who is asked for maintenance notifications, in which words, and how often.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test panics when a claim is false, and does not use all of what the tests share"
)]

#[path = "hooks/raw.rs"]
mod raw;
#[path = "hooks/support.rs"]
mod support;

use hitless::sim::MovingEndpointType;
use hitless::sim::{Fault, HOST, Node, OptIn, Record, Sim, Times};
use hitless::{
    Client, Commands, EndpointType, ErrorKind, MaintenanceOptions, Mode, Options, Protocol,
};
use raw::{Answers, serve};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::{SOON, fill, options, until};

/// How often the connections to a node, open or closed, asked.
fn asked(sim: &Sim, node: Node) -> usize {
    sim.connections()
        .iter()
        .filter(|one| one.node == node)
        .flat_map(|one| one.commands.iter())
        .filter(|words| {
            words
                .get(1)
                .is_some_and(|word| word == b"MAINT_NOTIFICATIONS")
        })
        .count()
}

fn kinds(sim: &Sim) -> Vec<Option<MovingEndpointType>> {
    sim.connections().iter().map(|one| one.opted_in).collect()
}

#[test]
fn the_form_that_is_asked_for_is_the_one_that_was_chosen() {
    for (chosen, asked) in [
        (EndpointType::ExternalFqdn, MovingEndpointType::ExternalFqdn),
        (EndpointType::ExternalIp, MovingEndpointType::ExternalIp),
        (EndpointType::InternalFqdn, MovingEndpointType::InternalFqdn),
        (EndpointType::InternalIp, MovingEndpointType::InternalIp),
        (EndpointType::None, MovingEndpointType::None),
        // The simulator is on loopback, which is inside, and speaks plain text.
        (EndpointType::Auto, MovingEndpointType::InternalIp),
    ] {
        let sim = Sim::builder().start().unwrap();
        let maintenance = MaintenanceOptions::new().endpoint_type(chosen);
        let client = support::connect(&sim, sim.node(0), 2, maintenance);
        fill(&sim, sim.node(0), &client, 2);
        let kinds: Vec<_> = kinds(&sim).into_iter().flatten().collect();
        assert_eq!(kinds, [asked, asked], "{chosen:?}");
    }
}

#[test]
fn a_name_makes_no_difference_to_the_form_on_plain_text() {
    let sim = Sim::builder().start().unwrap();
    let options = Options::new(&format!("{HOST}:{}", sim.addr(sim.node(0)).port())).unwrap();
    let client = Client::connect(options.resolver(sim.resolver())).unwrap();
    assert_eq!(kinds(&sim), [Some(MovingEndpointType::InternalIp)]);
    drop(client);
}

#[cfg(feature = "sim-tls")]
#[test]
fn on_tls_names_are_asked_for() {
    let sim = Sim::builder().tls().start().unwrap();
    let tls = hitless::TlsOptions::default().ca_pem(sim.ca_pem().unwrap());
    let options = Options::new(&format!("{HOST}:{}", sim.addr(sim.node(0)).port())).unwrap();
    let client = Client::connect(options.resolver(sim.resolver()).tls(tls)).unwrap();
    assert_eq!(kinds(&sim), [Some(MovingEndpointType::InternalFqdn)]);
    assert!(client.stats().shared[0].opted_in);
}

#[test]
fn a_server_that_has_refused_is_not_asked_again() {
    for opt_in in [OptIn::Disabled, OptIn::Forbidden, OptIn::Nil] {
        let sim = Sim::builder()
            .opt_in(opt_in)
            .record(Record::Commands(100_000))
            .start()
            .unwrap();
        let a = sim.node(0);
        let client = support::connect(&sim, a, 4, MaintenanceOptions::new());
        fill(&sim, a, &client, 4);
        assert_eq!(asked(&sim, a), 1, "{opt_in:?}");
        assert_eq!(client.maintenance().opt_ins_refused, 1);
        // Nor by connections that replace lost ones.
        for one in sim.connections() {
            sim.kill(one.id);
        }
        until(|| client.stats().connections_lost == 4);
        fill(&sim, a, &client, 4);
        assert_eq!(asked(&sim, a), 1, "{opt_in:?}");
        assert!(client.stats().shared.iter().all(|one| !one.opted_in));
        assert_eq!(
            (client.stats().dials_failed, client.stats().notifications),
            (0, 0)
        );
    }
}

#[test]
fn a_server_that_knows_no_such_command_serves_as_usual() {
    for opt_in in [OptIn::UnknownToRedis6, OptIn::UnknownToRedis7] {
        let sim = Sim::builder().opt_in(opt_in).start().unwrap();
        let a = sim.node(0);
        let client = support::connect(&sim, a, 4, MaintenanceOptions::new());
        fill(&sim, a, &client, 4);
        client.set("key", "value").unwrap();
        assert_eq!(client.get::<String>("key").unwrap(), "value");
        assert_eq!(client.maintenance().opt_ins_refused, 1, "{opt_in:?}");
    }
}

/// A client of a deployment whose name stands for two nodes, with eight connections in all.
fn mixed_fleet(first: OptIn, second: OptIn) -> (Sim, Client) {
    let sim = Sim::builder()
        .nodes(2)
        .advertised(2)
        .record(Record::Commands(100_000))
        .start()
        .unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.set_opt_in(a, first);
    sim.set_opt_in(b, second);
    // Both nodes have the same port.
    assert_eq!(sim.addr(a).port(), sim.addr(b).port());
    let options = Options::new(&format!("{HOST}:{}", sim.addr(a).port())).unwrap();
    let options = options.resolver(sim.resolver()).pool_size(2);
    sim.advertise(&[a]);
    let client = Client::connect(options).unwrap();
    sim.advertise(&[b]);
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 1));
    // The next connection reaches the other one, by the same name.
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    client.ping().unwrap();
                }
            });
        }
        let both = sim.wait_until(SOON, |now| now.open_on(b) == 1);
        stop.store(true, Ordering::Relaxed);
        assert!(both, "{:?}", client.stats());
    });
    until(|| client.stats().connections() == 2);
    (sim, client)
}

#[test]
fn one_server_of_a_name_that_accepts_and_one_that_refuses() {
    let (sim, client) = mixed_fleet(OptIn::Accepted, OptIn::Disabled);
    let opted_in: Vec<bool> = client
        .stats()
        .shared
        .iter()
        .map(|one| one.opted_in)
        .collect();
    assert_eq!(opted_in, [true, false]);
    assert_eq!((asked(&sim, sim.node(0)), asked(&sim, sim.node(1))), (1, 1));
    // Accepting once has promoted nothing: the refusing one is still welcome.
    client.set("key", "value").unwrap();
}

#[test]
fn one_server_of_a_name_that_refuses_and_one_that_accepts() {
    let (sim, client) = mixed_fleet(OptIn::Disabled, OptIn::Accepted);
    let opted_in: Vec<bool> = client
        .stats()
        .shared
        .iter()
        .map(|one| one.opted_in)
        .collect();
    assert_eq!(opted_in, [false, true]);
    assert_eq!((asked(&sim, sim.node(0)), asked(&sim, sim.node(1))), (1, 1));
}

#[test]
fn a_required_server_that_refuses_is_an_error_and_leaves_nothing() {
    let sim = Sim::builder().opt_in(OptIn::Disabled).start().unwrap();
    let a = sim.node(0);
    let required = MaintenanceOptions::new().mode(Mode::Enabled);
    let error = Client::connect(options(&sim, a, 2, required.clone())).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Server(_)), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("maintenance notifications are required"),
        "{error}"
    );
    assert!(sim.wait_until(SOON, |now| now.open() == 0));
    // A refusal is not remembered against a server that is required to accept.
    sim.set_opt_in(a, OptIn::Accepted);
    let client = Client::connect(options(&sim, a, 2, required)).unwrap();
    assert!(client.stats().shared[0].opted_in);
}

#[test]
fn resp2_never_asks() {
    let sim = Sim::builder()
        .record(Record::Commands(100_000))
        .start()
        .unwrap();
    let a = sim.node(0);
    let chosen = options(&sim, a, 2, MaintenanceOptions::new()).protocol(Protocol::Resp2);
    let client = Client::connect(chosen).unwrap();
    fill(&sim, a, &client, 2);
    assert_eq!(
        (asked(&sim, a), client.maintenance().opt_ins_refused),
        (0, 0)
    );
}

#[test]
fn a_server_without_resp3_is_served_unless_notifications_are_required() {
    let sim = Sim::builder()
        .resp2_only()
        .record(Record::Commands(100_000))
        .start()
        .unwrap();
    let a = sim.node(0);
    let client = support::connect(&sim, a, 2, MaintenanceOptions::new());
    fill(&sim, a, &client, 2);
    client.set("key", "value").unwrap();
    assert!(!client.stats().shared[0].opted_in);
    assert_eq!(asked(&sim, a), 2, "each connection asks");
    let required = MaintenanceOptions::new().mode(Mode::Enabled);
    let error = Client::connect(options(&sim, a, 2, required)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("maintenance notifications are required"),
        "{error}"
    );
}

#[test]
fn a_disabled_client_never_asks() {
    let sim = Sim::builder()
        .record(Record::Commands(100_000))
        .start()
        .unwrap();
    let a = sim.node(0);
    let disabled = MaintenanceOptions::new().mode(Mode::Disabled);
    let client = support::connect(&sim, a, 2, disabled);
    fill(&sim, a, &client, 2);
    assert_eq!(
        (asked(&sim, a), client.maintenance().opt_ins_refused),
        (0, 0)
    );
}

#[test]
fn a_unix_socket_never_asks() {
    let directory =
        std::env::temp_dir().join(format!("hitless-negotiation-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("redis.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::Builder::new()
        .spawn(move || serve(&mut listener.accept().unwrap().0, &Answers::Accept))
        .unwrap();
    let client = Client::connect(Options::new(path.to_str().unwrap()).unwrap()).unwrap();
    client.ping().unwrap();
    assert!(!client.stats().shared[0].opted_in);
    client.close();
    let seen = server.join().unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(
        seen.commands
            .iter()
            .any(|command| command.starts_with("HELLO 3")),
        "{seen:?}"
    );
    assert!(seen.commands.contains(&"PING".to_owned()), "{seen:?}");
    assert!(
        !seen
            .commands
            .iter()
            .any(|command| command.contains("MAINT")),
        "{seen:?}"
    );
}

#[test]
fn the_opening_is_one_segment_with_notifications_and_without() {
    for mode in [Mode::Auto, Mode::Disabled] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::Builder::new()
            .spawn(move || serve(&mut listener.accept().unwrap().0, &Answers::Accept))
            .unwrap();
        let options = Options::new(&address)
            .unwrap()
            .username("user")
            .password("secret")
            .database(3)
            .client_name("me")
            .maintenance(MaintenanceOptions::new().mode(mode));
        let client = Client::connect(options).unwrap();
        client.close();
        let seen = server.join().unwrap();
        // All that was ever read came with the first read, before a single reply was sent.
        assert_eq!(seen.reads, 1, "{seen:?}");
        let asks = seen
            .commands
            .iter()
            .any(|command| command.contains("MAINT_NOTIFICATIONS"));
        assert_eq!(asks, mode == Mode::Auto, "{seen:?}");
        assert!(
            seen.commands.iter().any(|command| command == "SELECT 3"),
            "{seen:?}"
        );
    }
}

#[test]
fn a_push_in_the_segment_that_grants_is_acted_upon() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::Builder::new()
        .spawn(move || {
            let push = b">4\r\n$9\r\nMIGRATING\r\n:7\r\n:1\r\n$5\r\n[\"1\"]\r\n".to_vec();
            serve(
                &mut listener.accept().unwrap().0,
                &Answers::AcceptWith(push),
            )
        })
        .unwrap();
    let client = Client::connect(Options::new(&address).unwrap()).unwrap();
    until(|| client.maintenance().notifications_acted == 1);
    assert_eq!(
        client.maintenance().windows[0].maintenance.to_string(),
        "MIGRATING 7"
    );
    client.ping().unwrap();
    client.close();
    server.join().unwrap();
}

#[test]
fn a_slow_answer_to_the_request_is_waited_for_within_the_opening() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    sim.fault_times(a, Fault::Delay(Duration::from_millis(200)), Times::Next(1));
    let client = support::connect(&sim, a, 1, MaintenanceOptions::new());
    assert!(client.stats().shared[0].opted_in);
}
