//! Messages, waits and their disturbances, on the embedded store and before a real server.

use crate::client::{Client, End, SOON, line, now, show};
use crate::common::redis::{Redis, Version};
use hitless::sim::{Fault, Moving, Sim, Target, Times};
use hitless::{Push, Value};
use std::time::Duration;

/// Runs a test on the embedded store, and before each of two servers.
fn on_each(test: impl Fn(&Sim)) {
    test(&Sim::builder().nodes(2).start().unwrap());
    for version in [Version::Redis70, Version::Redis82] {
        let server = Redis::of(version, &[]);
        let sim = Sim::builder().nodes(2).proxy_to(server.address);
        test(&sim.start().unwrap());
    }
}

/// A subscriber, once all its subscriptions are confirmed.
fn subscriber(sim: &Sim, node: usize, resp3: bool, commands: &[&str]) -> Client {
    let node = sim.node(node);
    let mut client = match resp3 {
        true => Client::opted_in(sim, node, ""),
        false => Client::on(sim, node),
    };
    for command in commands {
        client.send(command);
        for _ in command.split(' ').skip(1) {
            next(&mut client, resp3, &mut 0);
        }
    }
    client
}

/// The next message of a subscriber as a line; counts notifications of maintenance on the way.
fn next(client: &mut Client, resp3: bool, notifications: &mut usize) -> String {
    if !resp3 {
        let Value::Array(items) = client.reply() else {
            panic!("no message");
        };
        let words: Vec<String> = items.iter().map(show).collect();
        return words.join(" ");
    }
    loop {
        let push: Push = client.push();
        if push.kind.starts_with(b"MIGRAT") {
            *notifications += 1;
        } else {
            return line(&push);
        }
    }
}

#[test]
fn messages_reach_all_subscribers_of_all_nodes_in_one_order() {
    const EACH: usize = 300;
    on_each(|sim| {
        let all = ["SUBSCRIBE one two", "SSUBSCRIBE three"];
        let mut whole: Vec<(Client, bool)> = [(0, true), (1, true), (0, false), (1, false)]
            .map(|(node, resp3)| (subscriber(sim, node, resp3, &all), resp3))
            .into();
        let mut pattern = subscriber(sim, 1, true, &["PSUBSCRIBE *"]);
        std::thread::scope(|threads| {
            for (node, name) in [(0, "a"), (1, "b"), (1, "c")] {
                threads.spawn(move || {
                    let mut publisher = Client::on(sim, sim.node(node));
                    for n in 0..EACH {
                        for command in ["PUBLISH one", "PUBLISH two", "SPUBLISH three"] {
                            publisher.send(&format!("{command} {name}{n}"));
                        }
                        for _ in 0..3 {
                            assert!(matches!(publisher.reply(), Value::Int(4..)));
                        }
                    }
                });
            }
            for _ in 0..20 {
                sim.migrating(1, "s");
                sim.migrated("s");
            }
        });
        let mut seen = Vec::new();
        for (client, resp3) in &mut whole {
            let mut notifications = 0;
            let messages: Vec<String> = (0..9 * EACH)
                .map(|_| next(client, *resp3, &mut notifications))
                .collect();
            if *resp3 {
                // Those that came behind the last message are still unread.
                let more = client.pushes_so_far().len();
                assert_eq!(notifications + more, 40);
            }
            seen.push(messages);
        }
        for other in &seen[1..] {
            assert!(*other == seen[0], "two orders");
        }
        let of_channels = seen[0]
            .iter()
            .filter_map(|text| text.strip_prefix("message "));
        for message in of_channels {
            let told = next(&mut pattern, true, &mut 0);
            assert_eq!(told, format!("pmessage * {message}"));
        }
    });
}

#[test]
fn a_message_to_oneself_comes_behind_the_answer_as_on_a_server() {
    let told = |client: &mut Client| {
        assert!(matches!(client.call("HELLO 3"), Value::Map(_)));
        client.send("SUBSCRIBE a");
        assert_eq!(line(&client.push()), "subscribe a :1");
        client.send("PUBLISH a hi");
        let raw = client.raw(32);
        String::from_utf8(raw).unwrap()
    };
    let sim = Sim::builder().start().unwrap();
    let server = Redis::of(Version::Redis82, &[]);
    let ours = told(&mut Client::on(&sim, sim.node(0)));
    assert_eq!(ours, told(&mut Client::dial(server.address)));
}

/// Waits until so many commands block, as the server sees it.
fn until_blocked(client: &mut Client, count: usize) {
    let wanted = format!("blocked_clients:{count}\r\n");
    let deadline = now() + SOON;
    while !show(&client.call("INFO clients")).contains(&wanted) {
        assert!(now() < deadline, "{count} commands do not block");
    }
}

/// The number that the server knows a connection by.
fn id(client: &mut Client) -> String {
    show(&client.call("CLIENT ID")).replace(':', "")
}

#[test]
fn notifications_come_to_those_who_wait_and_unblock_reaches_them() {
    on_each(|sim| {
        let mut other = Client::on(sim, sim.node(0));
        let mut waiter = Client::opted_in(sim, sim.node(0), "");
        let number = id(&mut waiter);
        waiter.send("BLPOP q 0");
        waiter.send("PING");
        until_blocked(&mut other, 1);
        sim.migrating(5, "s");
        assert!(line(&waiter.push()).starts_with("MIGRATING"));
        assert_eq!(
            show(&other.call(&format!("CLIENT UNBLOCK {number} ERROR"))),
            ":1"
        );
        assert!(show(&waiter.reply()).starts_with("-UNBLOCKED"));
        assert_eq!(show(&waiter.reply()), "+PONG");
        // There is nothing to end any more, and an element that comes stays.
        assert_eq!(
            show(&other.call(&format!("CLIENT UNBLOCK {number} ERROR"))),
            ":0"
        );
        assert_eq!(show(&other.call("RPUSH q x")), ":1");
        waiter.send("BLPOP q 0");
        assert_eq!(show(&waiter.reply()), "[q x]");
    });
}

#[test]
fn those_who_wait_and_subscribe_are_kept_until_the_node_closes_and_get_no_answer() {
    on_each(|sim| {
        let (old, new) = (sim.node(0), sim.node(1));
        let mut waiter = Client::opted_in(sim, old, "");
        // It has not asked to be told, and is closed all the same.
        let mut plain = subscriber(sim, 0, false, &["SUBSCRIBE one"]);
        let mut other = Client::on(sim, new);
        waiter.send("BLPOP q 0");
        until_blocked(&mut other, 1);
        sim.failover(Duration::from_millis(5));
        assert!(line(&waiter.push()).starts_with("FAILING_OVER"));
        assert!(line(&waiter.push()).starts_with("FAILED_OVER"));
        let moving = Moving::new(old, Target::Node(new)).close_after(Duration::from_millis(50));
        sim.start_moving(moving);
        assert!(line(&waiter.push()).starts_with("MOVING"));
        assert_eq!(waiter.try_reply(SOON), Err(End::Closed));
        assert_eq!(plain.end(), End::Closed);
        until_blocked(&mut other, 0);
        // Nobody is left who could take it.
        assert_eq!(show(&other.call("RPUSH q x")), ":1");
        assert_eq!(show(&other.call("LLEN q")), ":1");
    });
}

#[test]
fn publishing_may_be_forbidden_in_both_protocols() {
    on_each(|sim| {
        let node = sim.node(0);
        let line = "NOPERM User default has no permissions to run the 'publish' command";
        sim.fault(node, Fault::Answer("publish".into(), line.into()));
        sim.fault(node, Fault::Answer("spublish".into(), "NOPERM no".into()));
        let mut resp2 = Client::on(sim, node);
        let mut resp3 = Client::resp3(sim, node);
        let mut elsewhere = Client::on(sim, sim.node(1));
        for client in [&mut resp2, &mut resp3] {
            assert_eq!(client.refusal("PUBLISH one x"), line);
            assert_eq!(client.refusal("SPUBLISH one x"), "NOPERM no");
            assert_eq!(show(&client.call("PING")), "+PONG");
        }
        assert_eq!(show(&elsewhere.call("PUBLISH one x")), ":0");
        // A subscriber is refused like anybody else, and what others publish reaches it.
        resp3.send("SUBSCRIBE one");
        resp3.push();
        assert_eq!(resp3.refusal("PUBLISH one x"), line);
        assert_eq!(show(&elsewhere.call("PUBLISH one y")), ":1");
        assert_eq!(show(&resp3.push().args[1]), "y");
    });
}

#[test]
fn some_may_be_forbidden_to_publish_and_to_unblock() {
    let sim = Sim::builder()
        .user("reader", "secret")
        .forbid("reader", &["publish", "spublish", "client|unblock"])
        .start()
        .unwrap();
    let mut reader = Client::on(&sim, sim.node(0));
    assert_eq!(reader.call("AUTH reader secret"), Value::Okay);
    assert!(reader.refusal("PUBLISH one x").starts_with("NOPERM"));
    assert!(reader.refusal("CLIENT UNBLOCK 1").starts_with("NOPERM"));
    assert!(matches!(reader.call("CLIENT ID"), Value::Int(_)));
    assert_eq!(
        show(&Client::on(&sim, sim.node(0)).call("PUBLISH one x")),
        ":0"
    );
}

#[test]
fn unblock_may_be_refused_and_the_wait_goes_on() {
    on_each(|sim| {
        let node = sim.node(0);
        let mut waiter = Client::on(sim, node);
        let mut other = Client::on(sim, node);
        let number = id(&mut waiter);
        waiter.send("BLPOP q 0");
        until_blocked(&mut other, 1);
        for line in [
            "NOPERM no",
            "ERR unknown subcommand 'UNBLOCK'. Try CLIENT HELP.",
        ] {
            let fault = Fault::Answer("client|unblock".into(), line.into());
            sim.fault_times(node, fault, Times::Next(1));
            assert_eq!(
                other.refusal(&format!("CLIENT UNBLOCK {number} ERROR")),
                line
            );
        }
        until_blocked(&mut other, 1);
        other.call("RPUSH q x");
        assert_eq!(show(&waiter.reply()), "[q x]");
    });
}

#[test]
fn a_node_dies_when_a_command_comes_for_the_nth_time() {
    on_each(|sim| {
        let (old, new) = (sim.node(0), sim.node(1));
        for (command, fault, executed) in [
            ("PUBLISH one x", Fault::Die("publish".into(), 3), 2),
            (
                "PUBLISH one x",
                Fault::DieUnanswered("publish".into(), 3),
                3,
            ),
            (
                "SUBSCRIBE two",
                Fault::DieUnanswered("subscribe".into(), 3),
                0,
            ),
        ] {
            let mut witness = subscriber(sim, 1, true, &["SUBSCRIBE one"]);
            let mut bystander = Client::on(sim, old);
            bystander.call("PING");
            sim.fault_times(old, fault, Times::Next(1));
            // On several connections: the node counts, and a connection does not.
            for _ in 0..2 {
                Client::on(sim, old).call(command);
            }
            let mut last = Client::on(sim, old);
            last.send(command);
            // A closed connection and one that was reset cannot be told apart where bytes were under way.
            assert_ne!(last.end(), End::Silence);
            assert_ne!(bystander.end(), End::Silence);
            assert!(std::net::TcpStream::connect(sim.addr(old)).is_err());
            for _ in 0..executed {
                assert_eq!(line(&witness.push()), "message one x");
            }
            assert!(matches!(
                Client::on(sim, new).call("PUBLISH one end"),
                Value::Int(1)
            ));
            assert_eq!(line(&witness.push()), "message one end");
            sim.revive(old).unwrap();
            assert_eq!(show(&Client::on(sim, old).call("PING")), "+PONG");
        }
    });
}

#[test]
fn a_node_that_moves_may_die_first_and_dns_follows_all_the_same() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let (old, new) = (sim.node(0), sim.node(1));
    let fault = Fault::Die("client|unblock".into(), 1);
    sim.fault_times(old, fault, Times::Next(1));
    let mut client = Client::opted_in(&sim, old, "none");
    let moving = Moving::new(old, Target::Null(new))
        .dns_after(Duration::from_millis(20))
        .close_after(Duration::from_millis(40));
    sim.start_moving(moving);
    assert!(line(&client.push()).starts_with("MOVING"));
    client.send("CLIENT UNBLOCK 1 ERROR");
    assert_ne!(client.end(), End::Silence);
    let host = hitless::sim::HOST;
    assert!(
        sim.wait_until(SOON, |_| sim.resolver().resolve(host).unwrap()
            == [sim.addr(new).ip()])
    );
}

#[test]
fn a_node_that_retires_may_accept_nobody_any_more() {
    on_each(|sim| {
        let (old, new) = (sim.node(0), sim.node(1));
        let mut client = Client::opted_in(sim, old, "");
        sim.fault(old, Fault::Refuse);
        sim.start_moving(Moving::new(old, Target::Node(new)));
        assert!(line(&client.push()).starts_with("MOVING"));
        assert!(std::net::TcpStream::connect(sim.addr(old)).is_err());
        assert_eq!(show(&client.call("PING")), "+PONG");
        sim.clear_faults(old).unwrap();
    });
}
