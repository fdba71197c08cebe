//! Who is told what, and when which socket closes.

use crate::client::{Client, End, SOON, line};
use hitless::sim::{CloseCause, Moving, Replay, Sim, Target};
use std::time::Duration;

fn sim() -> Sim {
    Sim::builder()
        .nodes(3)
        .replay(Replay::WithReply)
        .start()
        .unwrap()
}

#[test]
fn moving_names_the_target_as_each_connection_asked() {
    let sim = sim();
    let [a, b] = [sim.node(0), sim.node(1)];
    let (ip, port) = (sim.addr(b), sim.addr(b).port());
    let expected = [
        ("internal-ip", ip.to_string()),
        ("external-ip", ip.to_string()),
        ("internal-fqdn", format!("node2.hitless.test:{port}")),
        ("external-fqdn", format!("node2.hitless.test:{port}")),
        ("none", "nil".into()),
        ("", "nil".into()),
    ];
    let mut clients: Vec<_> = expected
        .iter()
        .map(|(kind, _)| Client::opted_in(&sim, a, kind))
        .collect();
    let seq = sim.start_moving(Moving::new(a, Target::Node(b)).announce(15));
    assert_eq!(seq, 0);
    for (client, (kind, target)) in clients.iter_mut().zip(&expected) {
        assert_eq!(
            line(&client.push()),
            format!("MOVING :0 :15 {target}"),
            "{kind}"
        );
    }
}

#[test]
fn a_moved_node_closes_every_socket_and_warns_only_those_that_opted_in() {
    let sim = sim();
    let [a, b] = [sim.node(0), sim.node(1)];
    let mut opted = Client::opted_in(&sim, a, "internal-ip");
    let mut plain = Client::resp3(&sim, a);
    let mut resp2 = Client::on(&sim, a);
    let mut elsewhere = Client::opted_in(&sim, b, "internal-ip");
    sim.start_moving(Moving::new(a, Target::Node(b)).close_after(Duration::from_millis(50)));
    assert!(line(&opted.push()).starts_with("MOVING"));
    assert_eq!(opted.end(), End::Closed);
    assert_eq!(plain.try_push(SOON).unwrap_err(), End::Closed);
    assert_eq!(resp2.end(), End::Closed);
    assert!(elsewhere.pushes_so_far().is_empty());
    for record in sim.connections().iter().filter(|record| record.node == a) {
        assert_eq!(
            record.closed.map(|(_, cause)| cause),
            Some(CloseCause::Maintenance)
        );
    }
    assert!(std::net::TcpStream::connect(sim.addr(a)).is_err());
}
