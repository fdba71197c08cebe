//! Each fault, seen from the other end of the socket.

use crate::client::{Client, End, SOON, now, show};
use hitless::Value;
use hitless::sim::{CloseCause, Fault, Sim, Times};
use std::net::TcpStream;
use std::time::Duration;

fn sim() -> Sim {
    Sim::builder().seed(1).start().unwrap()
}

#[test]
fn a_refusing_node_keeps_its_connections_and_takes_no_new_one() {
    let sim = sim();
    let node = sim.node(0);
    let mut old = Client::on(&sim, node);
    assert_eq!(old.call("SET k v"), Value::Okay);
    sim.fault(node, Fault::Refuse);
    assert!(TcpStream::connect(sim.addr(node)).is_err());
    sim.revive(node).unwrap();
    assert!(TcpStream::connect(sim.addr(node)).is_err());
    assert_eq!(show(&old.call("GET k")), "v");
    sim.clear_faults(node).unwrap();
    assert_eq!(show(&Client::on(&sim, node).call("GET k")), "v");
}

#[test]
fn a_silent_node_accepts_and_answers_nothing_until_it_is_cleared() {
    let sim = sim();
    let node = sim.node(0);
    let mut old = Client::on(&sim, node);
    old.call("PING");
    sim.fault(node, Fault::Silence);
    let mut new = Client::on(&sim, node);
    old.send("PING");
    new.send("PING");
    let brief = Duration::from_millis(50);
    assert_eq!(old.try_reply(brief), Err(End::Silence));
    assert_eq!(new.try_reply(brief), Err(End::Silence));
    sim.clear_faults(node).unwrap();
    assert_eq!(show(&old.reply()), "+PONG");
    assert_eq!(show(&new.reply()), "+PONG");
}

#[test]
fn a_connection_ends_after_so_many_bytes_in_the_way_that_was_asked_for() {
    let sim = sim();
    let node = sim.node(0);
    for (fault, end) in [
        (Fault::CloseAfter(3), End::Closed),
        (Fault::ResetAfter(3), End::Reset),
        (Fault::HangAfter(3), End::Silence),
    ] {
        sim.fault_times(node, fault.clone(), Times::Next(1));
        let mut client = Client::on(&sim, node);
        client.send("PING");
        // A reset may overtake the bytes before it; the other endings may not.
        if end != End::Reset {
            assert_eq!(client.raw(3), b"+PO", "{fault:?}");
        }
        if end == End::Silence {
            assert_eq!(client.try_reply(Duration::from_millis(50)), Err(end));
        } else {
            assert_eq!(client.end(), end, "{fault:?}");
        }
        // Spent: the next connection is a good one.
        assert_eq!(show(&Client::on(&sim, node).call("PING")), "+PONG");
    }
}

#[test]
fn a_node_may_close_or_reset_at_once() {
    let sim = sim();
    let node = sim.node(0);
    sim.fault_times(node, Fault::CloseAfter(0), Times::Next(1));
    assert_eq!(Client::on(&sim, node).end(), End::Closed);
    sim.fault_times(node, Fault::ResetAfter(0), Times::Next(1));
    // The reset may come so early that connecting fails already.
    match TcpStream::connect(sim.addr(node)) {
        Ok(stream) => assert_eq!(Client::new(stream).end(), End::Reset),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

#[test]
fn one_byte_at_a_time_says_the_same() {
    let sim = sim();
    let node = sim.node(0);
    sim.fault(node, Fault::OneByteWrites);
    let mut client = Client::resp3(&sim, node);
    client.call("SET k value");
    assert_eq!(show(&client.call("GET k")), "value");
}

#[test]
fn a_chosen_command_is_answered_with_a_chosen_error_and_not_executed() {
    let sim = sim();
    let node = sim.node(0);
    sim.fault(
        node,
        Fault::Answer("set".into(), "OOM command not allowed".into()),
    );
    sim.fault(
        node,
        Fault::Answer("client|setinfo".into(), "ERR unknown subcommand".into()),
    );
    let mut client = Client::on(&sim, node);
    assert_eq!(client.refusal("SET k v"), "OOM command not allowed");
    assert_eq!(
        client.refusal("CLIENT SETINFO LIB-NAME x"),
        "ERR unknown subcommand"
    );
    assert_eq!(client.call("CLIENT SETNAME x"), Value::Okay);
    assert_eq!(show(&client.call("GET k")), "nil");
    assert_eq!(sim.connections()[0].count("set"), 0);
}

#[test]
fn a_loading_server_answers_the_handshake_only() {
    let sim = sim();
    let node = sim.node(0);
    sim.fault_times(node, Fault::Loading, Times::Next(1));
    let mut client = Client::resp3(&sim, node);
    assert_eq!(
        client.refusal("GET k"),
        "LOADING Redis is loading the dataset in memory"
    );
    assert_eq!(show(&client.call("GET k")), "nil");
}

#[test]
fn too_many_clients_are_told_so_and_closed() {
    let sim = sim();
    let node = sim.node(0);
    sim.fault_times(node, Fault::MaxClients, Times::Next(1));
    let mut client = Client::on(&sim, node);
    assert_eq!(show(&client.reply()), "-ERR max number of clients reached");
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_delayed_reply_comes_late() {
    let sim = sim();
    let node = sim.node(0);
    let delay = Duration::from_millis(60);
    sim.fault_times(node, Fault::Delay(delay), Times::Next(1));
    let mut client = Client::on(&sim, node);
    let start = now();
    client.call("PING");
    assert!(start.elapsed() >= delay);
}

#[test]
fn a_command_may_be_executed_or_not_when_its_connection_dies() {
    let sim = sim();
    let [bad, good] = [sim.node(0), sim.node(1)];
    let mut check = Client::on(&sim, good);
    for (fault, end, executed) in [
        (Fault::CloseUnexecuted, End::Closed, "nil"),
        (Fault::ResetUnexecuted, End::Reset, "nil"),
        (Fault::CloseUnanswered, End::Closed, "1"),
    ] {
        let mut client = Client::on(&sim, bad);
        client.call("PING");
        sim.fault_times(bad, fault.clone(), Times::Next(1));
        client.send("INCR k");
        assert_eq!(client.end(), end, "{fault:?}");
        assert_eq!(show(&check.call("GET k")), executed, "{fault:?}");
        check.call("DEL k");
    }
    let causes = sim
        .connections()
        .into_iter()
        .filter(|record| record.node == bad);
    for record in causes {
        assert_eq!(
            record.closed.map(|(_, cause)| cause),
            Some(CloseCause::Fault)
        );
    }
}

#[test]
fn a_reply_may_be_cut_or_garbled() {
    let sim = sim();
    let node = sim.node(0);
    let mut client = Client::on(&sim, node);
    client.call("SET k value");
    sim.fault_times(node, Fault::Truncate(6), Times::Next(1));
    client.send("GET k");
    assert_eq!(client.raw(6), b"$5\r\nva");
    assert_eq!(client.end(), End::Closed);
    let mut client = Client::on(&sim, node);
    sim.fault_times(node, Fault::Garble(b"$-7\r\n".to_vec()), Times::Next(1));
    client.send("GET k");
    assert_eq!(client.end(), End::Malformed);
}

#[test]
fn a_random_fault_follows_the_seed() {
    let outcomes = |seed: u64| {
        let sim = Sim::builder().seed(seed).start().unwrap();
        let node = sim.node(0);
        sim.fault_times(
            node,
            Fault::Answer("get".into(), "ERR chance".into()),
            Times::OneIn(3),
        );
        let mut client = Client::on(&sim, node);
        let all: String = (0..60).map(|_| show(&client.call("GET k")) + " ").collect();
        assert!(all.contains("-ERR chance") && all.contains("nil"), "{all}");
        all
    };
    assert_eq!(outcomes(3), outcomes(3));
    assert_ne!(outcomes(3), outcomes(4));
}

#[test]
fn a_fault_of_one_node_leaves_the_others_alone() {
    let sim = sim();
    sim.fault(sim.node(0), Fault::Silence);
    assert_eq!(show(&Client::on(&sim, sim.node(1)).call("PING")), "+PONG");
}

#[test]
fn a_client_that_hangs_up_ends_its_record() {
    let sim = sim();
    drop(Client::on(&sim, sim.node(0)));
    let ended = |cause| {
        move |now: &hitless::sim::Snapshot<'_>| {
            now.connections()
                .iter()
                .any(|one| one.closed.is_some_and(|(_, c)| c == cause))
        }
    };
    assert!(sim.wait_until(SOON, ended(CloseCause::Client)));
    let open = Client::on(&sim, sim.node(0));
    assert!(sim.wait_until(SOON, |now| now.connections().len() == 2));
    let id = sim.connections()[1].id;
    assert!(sim.kill(id));
    assert!(sim.wait_until(SOON, ended(CloseCause::Killed)));
    assert!(sim.wait_until(SOON, |now| now.open() == 0));
    assert!(!sim.kill(id));
    drop(open);
}
