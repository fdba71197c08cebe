//! Frames of every shape, and in every place between others.

use crate::common::fake::{Fake, answer, moving};
use crate::common::{SOON, eventually, options};
use crate::support::{all_at, full, peers, together};
use hitless::sim::{Fault, Moving, Sim, Target, Times};
use hitless::{Client, Cmd, Commands, Delivery, ErrorKind, Options, pipe};
use hitless::{Push, Value};

fn push(kind: &str, args: Vec<Value>) -> Push {
    Push {
        kind: kind.into(),
        args: args.into(),
    }
}

fn text(text: &str) -> Value {
    Value::Bulk(text.into())
}

#[test]
fn a_moving_that_cannot_be_read_moves_nothing_and_relaxes_nothing() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let client = full(options(&sim, a), 1);
    let shapes = [
        vec![],
        vec![Value::Int(1), text("soon"), text("127.0.0.2:6379")],
        vec![Value::Int(1), Value::Int(15), text("127.0.0.2:0x50")],
        vec![Value::Int(1), Value::Int(15), text("127.0.0.2:123456")],
    ];
    for (args, count) in shapes.into_iter().zip(1..) {
        sim.push(a, &push("MOVING", args));
        eventually("it is counted", || {
            client.stats().notifications_malformed == count
        });
    }
    let maintenance = client.maintenance();
    assert_eq!(
        (maintenance.windows_opened, maintenance.handoffs_started),
        (0, 0)
    );
    assert_eq!(client.stats().connections_opened, 1);
}

#[test]
fn a_place_with_another_port_is_dialled_at_that_port() {
    let _together = together();
    let [sim, other] = [
        Sim::builder().start().unwrap(),
        Sim::builder().start().unwrap(),
    ];
    let [from, to] = [sim.addr(sim.node(0)), other.addr(other.node(1))];
    assert_ne!(from.port(), to.port());
    let client = full(options(&sim, sim.node(0)), 2);
    let target = Target::Text(to.to_string());
    sim.start_moving(Moving::new(sim.node(0), target).announce(1));
    eventually("the pool has moved", || all_at(&client, to, 2));
}

#[test]
fn a_time_of_nothing_or_less_means_at_once() {
    let _together = together();
    for announced in [0, -7, i64::MIN] {
        let sim = Sim::builder().start().unwrap();
        let [a, b] = [sim.node(0), sim.node(1)];
        let client = full(options(&sim, a), 2);
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(announced));
        eventually("the pool has moved", || all_at(&client, sim.addr(b), 2));
        assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
        let stats = client.stats();
        assert_eq!(
            (stats.notifications_malformed, stats.connections_lost),
            (0, 0),
            "{stats:?}"
        );
    }
}

#[test]
fn a_push_of_another_feature_is_nobodys_reply() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let client = full(options(&sim, a), 1);
    let mut sent = 0;
    for round in 0..50 {
        for args in [
            ("message", vec![text("channel"), text("payload")]),
            ("sunsubscribe", vec![text("shard channel"), Value::Int(0)]),
            ("unsubscribe", vec![Value::Nil, Value::Int(0)]),
            ("invalidate", vec![Value::Array(vec![text("key")].into())]),
        ] {
            sent += sim.push(a, &push(args.0, args.1)) as u64;
        }
        let word = format!("<{round}>");
        assert_eq!(
            client
                .query::<String>(&Cmd::new("ECHO").arg(&word))
                .unwrap(),
            word
        );
    }
    eventually("all pushes are counted", || {
        client.stats().pushes_unknown == sent
    });
    let stats = client.stats();
    assert_eq!(
        (stats.connections_opened, stats.connections_lost),
        (1, 0),
        "{stats:?}"
    );
}

#[test]
fn a_moving_between_the_replies_of_one_read_costs_no_reply() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let b = sim.addr(sim.node(1));
    let fake = Fake::start(move |peer| {
        let commands: Vec<_> = (0..3).map(|_| peer.next()).collect::<Result<_, _>>()?;
        let mut out = answer(&commands[0]);
        out.extend(moving(1, 15, Some(&b.to_string())));
        out.extend(commands[1..].iter().flat_map(answer));
        peer.send(out)?;
        peer.serve()
    });
    let client = Client::connect(
        Options::new(&fake.address.to_string())
            .unwrap()
            .pool_size(1),
    )
    .unwrap();
    let mut pipeline = pipe();
    for word in ["a", "b", "c"] {
        pipeline.add(&Cmd::new("ECHO").arg(word));
    }
    let replies = pipeline.run(&client);
    let words: Vec<_> = replies
        .iter()
        .map(|one| one.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(words, [Some("a"), Some("b"), Some("c")]);
    eventually("the connection has moved", || peers(&client) == [b]);
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn hash_slots_that_leave_a_node_take_no_connection_with_them() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 3);
    let [from, to] = [sim.addr(a).to_string(), sim.addr(b).to_string()];
    sim.slots_migrating("0-100");
    sim.slots_migrated(&[(&from, &to, "0-50"), (&from, &to, "51-100")]);
    eventually("both are heard", || {
        let heard = client.maintenance();
        (
            heard.notifications_smigrating,
            heard.notifications_smigrated,
        ) == (3, 3)
    });
    client.ping().unwrap();
    let stats = client.stats();
    assert!(all_at(&client, sim.addr(a), 3), "{stats:?}");
    assert_eq!(
        (stats.handoffs_started, stats.connections_opened),
        (0, 3),
        "{stats:?}"
    );
}

#[test]
fn a_redirection_is_an_error_and_is_not_followed() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 1);
    client.set("key", "value").unwrap();
    // To another node, and to where the connection is already.
    for (word, to) in [("MOVED", b), ("ASK", b), ("MOVED", a)] {
        let line = format!("{word} 3999 {}", sim.addr(to));
        sim.fault_times(a, Fault::Answer("get".into(), line.clone()), Times::Next(1));
        let error = client.get::<String>("key").unwrap_err();
        assert_eq!(error.delivery(), Delivery::NotSent);
        assert!(matches!(error.kind(), ErrorKind::Server(_)), "{error:?}");
        assert!(error.to_string().contains(&line), "{error}");
        assert_eq!(client.get::<String>("key").unwrap(), "value");
    }
    // A server that closes the connection after it has said so costs no command either.
    // Sent to where it is already, the connection was made anew.
    let open = || sim.connections().into_iter().filter(|one| one.is_open());
    eventually("the old connection has drained", || {
        !sim.connections()[0].is_open() && open().count() == 1
    });
    assert!(open().all(|one| sim.kill(one.id)));
    eventually("the loss is noticed", || {
        client.stats().connections_lost == 1
    });
    assert_eq!(client.get::<String>("key").unwrap(), "value");
    assert!(sim.connections().iter().all(|one| one.node == a));
    assert_eq!(client.maintenance().handoffs_started, 0);
}
