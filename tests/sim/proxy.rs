//! A real server behind the simulator.

use crate::client::{Client, End, SOON, line, now, show};
use crate::server::Server;
use hitless::Value;
use hitless::sim::{CloseCause, Fault, Moving, Replay, Sim, Target, Times};
use std::time::Duration;

struct Both {
    sim: Sim,
    server: Server,
}

fn both() -> Both {
    let server = Server::start();
    let sim = Sim::builder()
        .proxy_to(server.addr)
        .replay(Replay::WithReply)
        .start()
        .unwrap();
    Both { sim, server }
}

#[test]
fn the_server_answers_everything_but_the_opt_in() {
    let Both { sim, server } = both();
    let node = sim.node(0);
    let mut direct = Client::dial(server.addr);
    assert!(
        direct
            .refusal("CLIENT MAINT_NOTIFICATIONS ON")
            .starts_with("ERR unknown subcommand")
    );
    let mut client = Client::opted_in(&sim, node, "internal-ip");
    assert_eq!(client.call("SET k v"), Value::Okay);
    assert_eq!(show(&direct.call("GET k")), "v");
    let info = show(&client.call("INFO server"));
    assert!(info.contains("redis_version:7"), "{info}");
}

#[test]
fn own_answers_keep_their_place_among_the_servers() {
    let Both {
        sim,
        server: _server,
    } = both();
    sim.migrated("s");
    let mut client = Client::on(&sim, sim.node(0));
    // One write, as a pipelining client sends it.
    for command in [
        "HELLO 3",
        "SET k v",
        "CLIENT MAINT_NOTIFICATIONS ON",
        "GET k",
        "CLIENT MAINT_NOTIFICATIONS NONSENSE",
        "INCR n",
    ] {
        client.send(command);
    }
    assert!(matches!(client.reply(), Value::Map(_)));
    assert_eq!(client.reply(), Value::Okay);
    assert_eq!(client.reply(), Value::Okay);
    assert_eq!(show(&client.reply()), "v");
    assert_eq!(show(&client.reply()), "-ERR syntax error");
    assert_eq!(show(&client.reply()), ":1");
    assert_eq!(line(&client.push()), "MIGRATED :0 s");
}

#[test]
fn replies_stay_in_step_whatever_a_client_says_about_replies() {
    let Both {
        sim,
        server: _server,
    } = both();
    let direct = Sim::builder().start().unwrap();
    for (sim, opt_in) in [
        (&sim, "CLIENT MAINT_NOTIFICATIONS ON"),
        (&direct, "CLIENT MAINT_NOTIFICATIONS ON"),
        (&sim, "CLIENT MAINT_NOTIFICATIONS NONSENSE"),
        (&sim, "GET k"),
        (&sim, "NOSUCH"),
        (&direct, "NOSUCH"),
    ] {
        let mut client = Client::resp3(sim, sim.node(0));
        for command in ["CLIENT REPLY SKIP", opt_in, "ECHO one"] {
            client.send(command);
        }
        assert_eq!(show(&client.reply()), "one", "{opt_in}");
        for command in ["CLIENT REPLY OFF", opt_in, "INCR n", "CLIENT REPLY SKIP"] {
            client.send(command);
        }
        for command in ["ECHO lost", "SUBSCRIBE news", "CLIENT REPLY ON", "ECHO two"] {
            client.send(command);
        }
        // Confirmations are pushes, and come all the same.
        assert_eq!(line(&client.push()), "subscribe news :1", "{opt_in}");
        assert_eq!(client.reply(), Value::Okay, "{opt_in}");
        assert_eq!(show(&client.reply()), "two", "{opt_in}");
        let syntax = client.refusal("CLIENT REPLY PERHAPS");
        assert_eq!(syntax, "ERR syntax error");
        assert!(
            client
                .refusal("CLIENT REPLY")
                .starts_with("ERR wrong number")
        );
        // The opt-in was made, though nobody has said so.
        if opt_in.ends_with(" ON") {
            sim.migrated("s");
            assert!(line(&client.push()).starts_with("MIGRATED"));
        }
        client.send("CLIENT REPLY OFF");
        client.send("RESET");
        assert_eq!(show(&client.reply()), "+RESET");
        assert_eq!(show(&client.call("ECHO three")), "three");
    }
}

#[test]
fn notifications_come_between_whole_replies() {
    let Both {
        sim,
        server: _server,
    } = both();
    let mut client = Client::opted_in(&sim, sim.node(0), "none");
    let value = vec![b'>'; 300_000];
    client.send_args(&[b"SET", b"big", &value]);
    assert_eq!(client.reply(), Value::Okay);
    for round in 0..200 {
        client.send("GET big");
        assert_eq!(sim.migrating(1, "s"), round);
        assert_eq!(client.try_reply(SOON).unwrap(), Value::Bulk(value.clone()));
        assert_eq!(line(&client.push()), format!("MIGRATING :{round} :1 s"));
    }
}

#[test]
fn subscriptions_pass_through_in_both_protocols() {
    let Both {
        sim,
        server: _server,
    } = both();
    let mut publisher = Client::on(&sim, sim.node(1));
    let mut resp3 = Client::opted_in(&sim, sim.node(0), "none");
    resp3.send("SUBSCRIBE a b");
    assert_eq!(line(&resp3.push()), "subscribe a :1");
    assert_eq!(line(&resp3.push()), "subscribe b :2");
    let mut resp2 = Client::on(&sim, sim.node(0));
    assert_eq!(show(&resp2.call("SUBSCRIBE a")), "[subscribe a :1]");
    assert_eq!(show(&publisher.call("PUBLISH a hello")), ":2");
    assert_eq!(show(&resp2.reply()), "[message a hello]");
    assert_eq!(line(&resp3.push()), "message a hello");
    resp3.send("UNSUBSCRIBE");
    // Own answers wait for all confirmations before them.
    assert_eq!(resp3.call("CLIENT MAINT_NOTIFICATIONS OFF"), Value::Okay);
    let left: Vec<String> = resp3.pushes_so_far().iter().map(line).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    resp3.send("UNSUBSCRIBE");
    assert_eq!(line(&resp3.push()), "unsubscribe nil :0");
    assert_eq!(show(&resp3.call("ECHO done")), "done");
}

#[test]
fn a_moved_node_closes_its_sockets_and_the_server_goes_on() {
    let Both {
        sim,
        server: _server,
    } = both();
    let [a, b] = [sim.node(0), sim.node(1)];
    let mut client = Client::opted_in(&sim, a, "internal-ip");
    client.call("SET k v");
    sim.start_moving(Moving::new(a, Target::Node(b)).close_after(Duration::from_millis(30)));
    assert_eq!(
        line(&client.push()),
        format!("MOVING :0 :15 {}", sim.addr(b))
    );
    assert_eq!(client.end(), End::Closed);
    assert_eq!(show(&Client::on(&sim, b).call("GET k")), "v");
}

#[test]
fn faults_work_in_front_of_a_server_too() {
    let Both { sim, server } = both();
    let node = sim.node(0);
    let mut direct = Client::dial(server.addr);
    for (fault, executed) in [
        (Fault::CloseUnexecuted, "nil"),
        (Fault::CloseUnanswered, "1"),
    ] {
        let mut client = Client::on(&sim, node);
        client.call("PING");
        sim.fault_times(node, fault.clone(), Times::Next(1));
        client.send("INCR k");
        assert_eq!(client.end(), End::Closed, "{fault:?}");
        assert_eq!(show(&direct.call("GET k")), executed, "{fault:?}");
    }
    let mut client = Client::on(&sim, node);
    sim.fault_times(
        node,
        Fault::Answer("get".into(), "ERR no".into()),
        Times::Next(1),
    );
    assert_eq!(client.refusal("GET k"), "ERR no");
    assert_eq!(show(&client.call("GET k")), "1");
    sim.fault_times(node, Fault::Truncate(2), Times::Next(1));
    client.send("GET k");
    assert_eq!(client.raw(2), b"$1");
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn commands_wait_for_the_end_of_a_failover_before_they_reach_the_server() {
    let Both { sim, server } = both();
    let mut direct = Client::dial(server.addr);
    let mut client = Client::on(&sim, sim.node(0));
    client.call("PING");
    sim.failover(Duration::from_millis(80));
    client.send("SET k v");
    assert_eq!(show(&direct.call("GET k")), "nil");
    assert_eq!(client.reply(), Value::Okay);
    assert_eq!(show(&direct.call("GET k")), "v");
}

#[test]
fn a_client_that_hangs_up_is_recorded_as_the_one_who_did() {
    let Both { sim, server } = both();
    let mut client = Client::on(&sim, sim.node(0));
    client.call("PING");
    drop(client);
    assert!(sim.wait_until(SOON, |now| now.open() == 0));
    let ended = sim.connections()[0].closed.map(|(_, cause)| cause);
    assert_eq!(ended, Some(CloseCause::Client));
    // The server has lost its connection too: soon this one is alone there.
    let mut direct = Client::dial(server.addr);
    let clients = |direct: &mut Client| show(&direct.call("CLIENT LIST")).matches(" addr=").count();
    let deadline = now() + SOON;
    while clients(&mut direct) != 1 && now() < deadline {}
    assert_eq!(clients(&mut direct), 1);
}

#[test]
fn a_server_that_ends_closes_the_connections_in_front_of_it() {
    let Both { sim, server } = both();
    let mut client = Client::on(&sim, sim.node(0));
    client.call("PING");
    drop(server);
    assert_eq!(client.end(), End::Closed);
    assert!(sim.wait_until(SOON, |now| now.open() == 0));
    let ended = sim.connections()[0].closed.map(|(_, cause)| cause);
    assert_eq!(ended, Some(CloseCause::Upstream));
    // Nobody is behind it now: new connections end at once.
    assert_eq!(Client::on(&sim, sim.node(0)).end(), End::Closed);
}
