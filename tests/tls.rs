//! The same promises over TLS.
#![cfg(feature = "sim-tls")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::certificates::{Authority, demand_certificates};
use common::fake::{Fake, Peer};
use common::redis::Redis;
use common::{SOON, by_name, eventually, fill, patient};
use hitless::sim::{Fault, Flaw, Moving, Sim, Target};
use hitless::{
    Client, Cmd, Commands, Delivery, ErrorKind, MaintenanceOptions, Options, TcpOptions,
    TlsOptions, pipe,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn deployment(nodes: usize) -> (Sim, Options) {
    let sim = Sim::builder().nodes(nodes).tls().start().unwrap();
    let options = by_name(&sim).tls(TlsOptions::default().ca_pem(sim.ca_pem().unwrap()));
    (sim, options)
}

#[test]
fn a_pool_moves_over_tls_without_an_error() {
    let (sim, options) = deployment(4);
    let client = Client::connect(options.pool_size(3)).unwrap();
    fill(&client, 3);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (client, stop) = (&client, &stop);
            scope.spawn(move || {
                let key = format!("count:{thread}");
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    count += 1;
                    assert_eq!(client.incr(&key).unwrap(), count);
                }
            });
        }
        // Named first, then by the name of the deployment, then named again.
        for step in 0..3 {
            let [from, to] = [sim.node(step), sim.node(step + 1)];
            let target = if step == 1 {
                Target::Null(to)
            } else {
                Target::Node(to)
            };
            sim.advertise(&[to]);
            sim.start_moving(Moving::new(from, target).announce(2));
            let arrived = sim.wait_until(SOON, |now| now.opted_in_on(to) == 3);
            let left = sim.wait_until(SOON, |now| now.open_on(from) == 0);
            if !(arrived && left) {
                stop.store(true, Ordering::Relaxed);
            }
            assert!(arrived && left, "step {step}: {:?}", client.stats());
        }
        stop.store(true, Ordering::Relaxed);
    });
    let stats = client.stats();
    assert_eq!(
        (stats.connections_lost, stats.dials_failed),
        (0, 0),
        "{stats:?}"
    );
}

#[test]
fn a_certificate_that_proves_nothing_is_refused() {
    let (sim, options) = deployment(1);
    let a = sim.node(0);
    for flaw in [Flaw::Expired, Flaw::UnknownAuthority, Flaw::WrongName] {
        sim.fault(a, Fault::Certificate(flaw));
        let error = Client::connect(options.clone()).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Tls, "{flaw:?}: {error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        sim.clear_faults(a).unwrap();
    }
    // Without the authority the good one proves nothing either.
    let error = Client::connect(by_name(&sim).tls(TlsOptions::default())).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Tls, "{error:?}");
    let other = TlsOptions::default()
        .ca_pem(sim.ca_pem().unwrap())
        .server_name("other.test");
    let error = Client::connect(by_name(&sim).tls(other)).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Tls, "{error:?}");
    let careless = TlsOptions::default().danger_accept_invalid_certs(true);
    Client::connect(by_name(&sim).tls(careless))
        .unwrap()
        .ping()
        .unwrap();
    Client::connect(options).unwrap().ping().unwrap();
}

#[test]
fn while_the_new_place_has_a_wrong_certificate_the_old_sockets_serve_on() {
    let (sim, options) = deployment(2);
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.fault(b, Fault::Certificate(Flaw::WrongName));
    let maintenance = MaintenanceOptions::new().handoff_timeout(Duration::from_secs(2));
    let client = Client::connect(options.pool_size(2).maintenance(maintenance)).unwrap();
    fill(&client, 2);
    sim.start_moving(Moving::new(a, Target::Node(b)));
    eventually("the new place was tried", || {
        client.ping().unwrap();
        client.stats().dials_failed > 0
    });
    eventually("the operation is given up", || {
        client.ping().unwrap();
        client.stats().handoffs_failed == 1
    });
    let stats = client.stats();
    assert_eq!(
        (stats.connections(), stats.connections_lost),
        (2, 0),
        "{stats:?}"
    );
    assert!(
        stats.shared.iter().all(|one| one.peer == Some(sim.addr(a))),
        "{stats:?}"
    );
}

#[test]
fn who_speaks_tls_to_a_plain_server_or_plain_to_a_tls_server_is_told() {
    let fake = Fake::start(|peer: &mut Peer| peer.send("-ERR Protocol error\r\n"));
    let options = Options::new(&fake.address.to_string())
        .unwrap()
        .tls(TlsOptions::default());
    let error = Client::connect(options).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Tls, "{error:?}");
    let (sim, _) = deployment(1);
    let error = Client::connect(by_name(&sim).connect_timeout(SOON)).unwrap_err();
    assert!(!error.is_timeout(), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
}

#[test]
fn records_that_come_byte_by_byte_are_read() {
    let (sim, options) = deployment(1);
    sim.fault(sim.node(0), Fault::OneByteWrites);
    let client = Client::connect(options.pool_size(1)).unwrap();
    for length in [0, 1, 100, 3_000] {
        let value = vec![7; length];
        let back: Vec<u8> = client.query(&Cmd::new("ECHO").arg(&value)).unwrap();
        assert_eq!(back, value);
    }
}

#[test]
fn more_than_fits_goes_in_and_out_of_one_tls_connection_at_the_same_time() {
    const COUNT: usize = 64;
    let (_sim, options) = deployment(1);
    let tcp = TcpOptions::default()
        .send_buffer(8 << 10)
        .receive_buffer(8 << 10);
    let client = Client::connect(options.pool_size(1).tcp(tcp)).unwrap();
    let mut pipeline = pipe();
    pipeline.timeout(Duration::from_secs(60));
    let value = |number: usize| vec![number as u8; 1 << 20];
    for number in 0..COUNT {
        pipeline.add(&Cmd::new("ECHO").arg(value(number)));
    }
    let results = pipeline.run(&client);
    assert_eq!(results.len(), COUNT);
    for (number, result) in results.into_iter().enumerate() {
        let back = result.unwrap().into_bytes().unwrap();
        assert!(back == value(number), "reply {number} is not its command's");
    }
    assert_eq!(client.stats().connections_opened, 1);
}

#[test]
fn pushes_are_heard_over_an_idle_tls_connection() {
    let (sim, options) = deployment(2);
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = Client::connect(options.pool_size(2)).unwrap();
    fill(&client, 2);
    sim.migrating(1, "[]");
    eventually("both hear it", || client.stats().notifications == 2);
    sim.start_moving(Moving::new(a, Target::Node(b)));
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(b) == 2 && now.open_on(a) == 0));
}

#[test]
fn a_tls_client_closes_in_time_whatever_it_does() {
    let (sim, options) = deployment(2);
    let a = sim.node(0);
    for fault in [
        None,
        Some(Fault::HangAfter(0)),
        Some(Fault::HangAfter(100)),
        Some(Fault::Silence),
    ] {
        let client = match &fault {
            Some(fault) => {
                sim.fault(a, fault.clone());
                Client::lazy(options.clone()).unwrap()
            }
            None => Client::connect(options.clone()).unwrap(),
        };
        let accepted = sim.connections().len();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| while client.ping().is_ok() {});
            if fault.is_some() {
                assert!(sim.wait_until(SOON, |now| now.connections().len() > accepted));
            }
            let start = std::time::Instant::now();
            client.close();
            let took = start.elapsed();
            assert!(took < SOON / 2, "{fault:?}: {took:?}");
            waiting.join().unwrap();
        });
        sim.clear_faults(a).unwrap();
    }
}

#[test]
fn a_client_certificate_that_the_server_demands_is_an_error_of_tls() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("theirs"));
    // TLS 1.3 tells after the handshake what it thinks of the client's certificate, 1.2 during it.
    for protocols in ["TLSv1.3", "TLSv1.2"] {
        let server = Redis::start();
        let address = demand_certificates(&server, &authority, protocols);
        let connect = |tls: TlsOptions| {
            let options = Options::new(&address.to_string()).unwrap();
            Client::connect(patient(options).tls(tls))
        };
        let trusting = || TlsOptions::default().ca_pem(&authority.ca);
        let error = connect(trusting()).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Tls, "{protocols}: {error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        let text = error.to_string();
        assert!(text.contains("certificate of the client"), "{text}");
        assert!(text.contains("identity_pem"), "{text}");
        let unknown = trusting().identity_pem(&stranger.certificate, &stranger.key);
        let error = connect(unknown).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Tls, "{protocols}: {error:?}");
        assert!(
            error.to_string().contains("certificate of the client"),
            "{error}"
        );
        let error = connect(TlsOptions::default().ca_pem(&stranger.ca)).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Tls, "{protocols}: {error:?}");
        assert!(error.to_string().contains("ca_file"), "{error}");
        // One text that holds both, with what openssl writes around them.
        let Authority {
            certificate, key, ..
        } = &authority;
        let both =
            format!("Bag Attributes\n    localKeyID: 01\n{certificate}Key Attributes\n{key}");
        let client = connect(trusting().identity_pem(&both, &both)).unwrap();
        client.ping().unwrap();
        client.close();
        // And from files, by URL.
        let path = |name: &str| {
            server
                .socket
                .parent()
                .unwrap()
                .join(name)
                .display()
                .to_string()
        };
        let url = format!(
            "rediss://{address}?tls_ca_file={}&tls_cert_file={}&tls_key_file={}",
            path("ca.pem"),
            path("certificate.pem"),
            path("key.pem"),
        );
        Client::connect(url).unwrap().ping().unwrap();
    }
}
