//! The nodes behind TLS.

use crate::client::{Client, End, SOON, Stream, line, show};
use hitless::Value;
use hitless::sim::{Fault, Flaw, HOST, Moving, Node, Sim, Target, Times};
use native_tls::{Certificate, TlsConnector, TlsStream};
use std::net::TcpStream;
use std::time::Duration;

impl Stream for TlsStream<TcpStream> {
    fn timeout(&self, wait: Duration) {
        self.get_ref().timeout(wait);
    }
}

fn dial(sim: &Sim, node: Node, name: &str) -> Result<Client, String> {
    let ca = Certificate::from_pem(sim.ca_pem().unwrap().as_bytes()).unwrap();
    let connector = TlsConnector::builder()
        .add_root_certificate(ca)
        .build()
        .unwrap();
    let tcp = TcpStream::connect_timeout(&sim.addr(node), SOON).unwrap();
    tcp.set_read_timeout(Some(SOON)).unwrap();
    connector
        .connect(name, tcp)
        .map(Client::new)
        .map_err(|error| error.to_string())
}

fn sim() -> Sim {
    Sim::builder().tls().start().unwrap()
}

#[test]
fn every_name_and_address_of_a_node_is_in_its_certificate() {
    let sim = sim();
    for name in [
        HOST,
        "localhost",
        "node2.hitless.test",
        "127.0.0.1",
        "127.0.0.2",
    ] {
        let mut client = dial(&sim, sim.node(1), name).unwrap();
        assert_eq!(show(&client.call("PING")), "+PONG", "{name}");
    }
    assert!(dial(&sim, sim.node(0), "elsewhere.test").is_err());
}

#[test]
fn a_flawed_certificate_is_refused_by_a_careful_client() {
    let sim = sim();
    let node = sim.node(0);
    for flaw in [Flaw::Expired, Flaw::UnknownAuthority, Flaw::WrongName] {
        sim.fault_times(node, Fault::Certificate(flaw), Times::Next(1));
        assert!(dial(&sim, node, HOST).is_err(), "{flaw:?}");
        assert!(dial(&sim, node, HOST).is_ok(), "{flaw:?}");
    }
}

#[test]
fn pushes_reach_an_idle_tls_connection_and_replies_keep_their_order() {
    let sim = sim();
    let [a, b] = [sim.node(0), sim.node(1)];
    let mut client = dial(&sim, a, HOST).unwrap();
    assert!(matches!(client.call("HELLO 3"), Value::Map(_)));
    assert_eq!(client.call("CLIENT MAINT_NOTIFICATIONS ON"), Value::Okay);
    let mut blocked = dial(&sim, a, HOST).unwrap();
    blocked.send("BLPOP q 0");
    assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
    client.send("RPUSH q x");
    assert_eq!(show(&client.reply()), ":1");
    assert_eq!(show(&blocked.reply()), "[q x]");
    let value = vec![b'v'; 200_000];
    for round in 0..20 {
        client.send_args(&[b"SET", b"k", &value]);
        client.send("GET k");
        assert_eq!(sim.migrating(1, "s"), round);
        assert_eq!(client.reply(), Value::Okay);
        assert_eq!(client.reply(), Value::Bulk(value.clone()));
        assert_eq!(line(&client.push()), format!("MIGRATING :{round} :1 s"));
    }
    sim.start_moving(Moving::new(a, Target::Node(b)).close_after(Duration::from_millis(20)));
    assert!(line(&client.push()).starts_with("MOVING"));
    assert!(matches!(client.end(), End::Closed | End::Reset));
}

#[test]
fn a_handshake_may_hang_or_end_after_any_byte() {
    let sim = sim();
    let node = sim.node(0);
    for bytes in [0, 1, 5, 100] {
        sim.fault_times(node, Fault::CloseAfter(bytes), Times::Next(1));
        assert!(dial(&sim, node, HOST).is_err(), "{bytes}");
    }
    sim.fault_times(node, Fault::HangAfter(20), Times::Next(1));
    let ca = Certificate::from_pem(sim.ca_pem().unwrap().as_bytes()).unwrap();
    let connector = TlsConnector::builder()
        .add_root_certificate(ca)
        .build()
        .unwrap();
    let tcp = TcpStream::connect_timeout(&sim.addr(node), SOON).unwrap();
    tcp.set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let stalled = connector.connect(HOST, tcp);
    assert!(matches!(
        stalled,
        Err(native_tls::HandshakeError::WouldBlock(_))
    ));
    assert!(dial(&sim, node, HOST).is_ok());
}

#[test]
fn a_simulator_stops_while_a_handshake_is_open() {
    let sim = sim();
    let tcp = TcpStream::connect(sim.addr(sim.node(0))).unwrap();
    assert!(sim.wait_until(SOON, |now| now.open() == 1));
    drop(sim);
    drop(tcp);
}
