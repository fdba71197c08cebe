//! Who is told of a notification, how often, in which order, and what the word of a hook does.

use crate::support::{Call, Gate, SOON, Tape, connect, fill, is_moving, patient, until};
use hitless::Endpoint;
use hitless::sim::{Moving, Replay, Sim, Target};
use hitless::{Notification, Reaction};
use std::time::Duration;

#[test]
fn one_call_for_each_event_however_many_connections_are_told() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let tape = Tape::new();
    let client = connect(&sim, a, 8, patient().hook(tape.clone()));
    fill(&sim, a, &client, 8);
    sim.migrating(1, r#"["1"]"#);
    sim.migrated(r#"["1"]"#);
    sim.failing_over(1, r#"["1"]"#);
    sim.failed_over(r#"["1"]"#);
    sim.slots_migrating("1-5");
    sim.slots_migrated(&[]);
    until(|| client.stats().notifications == 48);
    until(|| {
        let stats = client.maintenance();
        stats.notifications_acted + stats.notifications_duplicate == 48
    });
    // Connections may move and end before they have read their copies of this one.
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
    tape.wait_brief("after MOVING 6 Acted");
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(b) == 8));
    assert_eq!(client.maintenance().notifications_acted, 7);
    let names = [
        "MIGRATING 0",
        "MIGRATED 1",
        "FAILING_OVER 2",
        "FAILED_OVER 3",
        "SMIGRATING 4",
        "SMIGRATED 5",
        "MOVING 6",
    ];
    let wanted: Vec<String> = names
        .iter()
        .flat_map(|name| [format!("before {name}"), format!("after {name} Acted")])
        .collect();
    assert_eq!(tape.briefs(), wanted);
    for call in tape.calls() {
        if let Call::Before(notice) | Call::After(notice, _) = call {
            assert_eq!(notice.peer, Some(sim.addr(a)));
            assert_eq!(
                notice.endpoint,
                sim.addr(a).to_string().parse::<Endpoint>().unwrap()
            );
        }
    }
    client.close();
}

#[test]
fn no_completion_overtakes_its_start() {
    const PAIRS: usize = 50;
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let tape = Tape::new();
    // Two hooks, so that asking takes longer than the next copy needs to arrive.
    let maintenance = patient().hook(tape.clone()).hook(Tape::new());
    let client = connect(&sim, a, 4, maintenance);
    fill(&sim, a, &client, 4);
    for _ in 0..PAIRS {
        sim.migrating(1, "1");
        sim.migrated("1");
    }
    tape.wait_brief(&format!("after MIGRATED {} Acted", 2 * PAIRS - 1));
    let wanted: Vec<String> = (0..2 * PAIRS)
        .flat_map(|seq| {
            let name = if seq % 2 == 0 {
                "MIGRATING"
            } else {
                "MIGRATED"
            };
            [
                format!("before {name} {seq}"),
                format!("after {name} {seq} Acted"),
            ]
        })
        .collect();
    assert_eq!(tape.briefs(), wanted);
    // Hooks run on a thread of their own, which does not wait for the numbers.
    until(|| {
        let stats = client.maintenance();
        (stats.windows_opened, stats.windows_closed) == (50, 50) && stats.windows.is_empty()
    });
}

#[test]
fn a_replaced_target_is_where_the_pool_goes() {
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b, c] = [0, 1, 2].map(|node| sim.node(node));
    let to: Endpoint = sim.addr(c).to_string().parse().unwrap();
    let wanted = to.clone();
    let tape = Tape::reacting(move |notice| match &notice.notification {
        Notification::Moving { seq, time, .. } => Reaction::Replace(Notification::Moving {
            seq: *seq,
            time: *time,
            target: Some(to.clone()),
        }),
        _ => Reaction::Continue,
    });
    let client = connect(&sim, a, 8, patient().hook(tape.clone()));
    fill(&sim, a, &client, 4);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(c) == 4));
    tape.wait_brief("after MOVING 0 Acted");
    assert!(
        sim.wait_until(SOON, |now| now.open_on(a) == 0),
        "{:?}",
        client.stats()
    );
    // Further connections go there too.
    fill(&sim, c, &client, 8);
    assert_eq!(
        sim.connections().iter().filter(|one| one.node == b).count(),
        0
    );
    assert_eq!(client.maintenance().handoffs_started, 1);
    assert_eq!(tape.briefs(), ["before MOVING 0", "after MOVING 0 Acted"]);
    let last = tape.calls().into_iter().rev().find_map(|call| match call {
        Call::After(notice, _) => Some(notice.notification),
        _ => None,
    });
    assert_eq!(
        last,
        Some(Notification::Moving {
            seq: Some(0),
            time: 30,
            target: Some(wanted)
        })
    );
}

#[test]
fn a_skipped_move_is_forgotten_with_its_copies_and_replays() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let tape = Tape::reacting(|notice| {
        if is_moving(&notice.notification) {
            Reaction::Skip
        } else {
            Reaction::Continue
        }
    });
    let client = connect(&sim, a, 8, patient().hook(tape.clone()));
    fill(&sim, a, &client, 4);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
    until(|| client.maintenance().notifications_skipped == 4);
    // Four more connections, each of which is told again.
    fill(&sim, a, &client, 8);
    until(|| client.maintenance().notifications_skipped == 8);
    // What follows is not held up by it.
    sim.migrating(1, "1");
    tape.wait_brief("after MIGRATING 1 Acted");
    assert_eq!(
        tape.briefs(),
        [
            "before MOVING 0",
            "after MOVING 0 Skipped",
            "before MIGRATING 1",
            "after MIGRATING 1 Acted"
        ]
    );
    let stats = client.maintenance();
    assert_eq!((stats.handoffs_started, stats.windows_opened), (0, 1));
    assert_eq!(
        sim.connections().iter().filter(|one| one.node == b).count(),
        0
    );
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 8));
}

#[test]
fn a_skipped_notification_without_a_number_does_not_silence_its_kind() {
    use hitless::{Push, Value};
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let tape = Tape::reacting(|_| Reaction::Skip);
    let client = connect(&sim, a, 1, patient().hook(tape.clone()));
    let unnumbered = |kind: &str| Push {
        kind: kind.into(),
        args: vec![Value::Nil, Value::Int(1), Value::Bulk("1".into())].into(),
    };
    sim.push(a, &unnumbered("MIGRATING"));
    until(|| client.maintenance().notifications_skipped == 1);
    // Copies come within moments; this is another event.
    sim.wait_until(Duration::from_secs(3), |_| false);
    sim.push(a, &unnumbered("MIGRATING"));
    tape.wait(|calls| {
        calls
            .iter()
            .filter(|call| matches!(call, Call::Before(_)))
            .count()
            == 2
    });
}

#[test]
fn each_hook_sees_what_the_ones_before_made_of_it() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let shards = |notification: &Notification| match notification {
        Notification::Migrating { shards, .. } => shards.clone(),
        _ => String::new(),
    };
    let append = move |letter: &'static str| {
        Tape::reacting(move |notice| match &notice.notification {
            Notification::Migrating { seq, time, shards } => {
                Reaction::Replace(Notification::Migrating {
                    seq: *seq,
                    time: *time,
                    shards: format!("{shards}{letter}"),
                })
            }
            Notification::FailingOver { .. } if letter == "y" => Reaction::Skip,
            _ => Reaction::Continue,
        })
    };
    let hooks = [append("x"), append("y"), append("z")];
    let maintenance = hooks
        .iter()
        .fold(patient(), |options, hook| options.hook(hook.clone()));
    let client = connect(&sim, a, 2, maintenance);
    fill(&sim, a, &client, 2);
    sim.migrating(1, "s");
    sim.failing_over(1, "1");
    hooks[2].wait_brief("after FAILING_OVER 1 Skipped");
    for (hook, before) in hooks.iter().zip(["s", "sx", "sxy"]) {
        let seen: Vec<String> = hook
            .calls()
            .iter()
            .filter_map(|call| match call {
                Call::Before(notice) | Call::After(notice, _) => Some(shards(&notice.notification)),
                Call::Event(_) => None,
            })
            .collect();
        assert_eq!(seen[..2], [before, "sxyz"]);
    }
    assert!(
        hooks[1]
            .briefs()
            .contains(&"before FAILING_OVER 1".to_owned())
    );
    assert!(
        !hooks[2]
            .briefs()
            .contains(&"before FAILING_OVER 1".to_owned())
    );
    assert_eq!(client.maintenance().windows_opened, 1);
}

#[test]
fn a_hook_that_is_added_later_sees_what_comes_later() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let client = connect(&sim, a, 2, patient());
    sim.migrating(1, "1");
    until(|| client.maintenance().notifications_acted == 1);
    let first = Tape::new();
    client.add_hook(first.clone()).unwrap();
    sim.migrated("1");
    first.wait_brief("after MIGRATED 1 Acted");
    let second = Tape::new();
    client.add_hook(second.clone()).unwrap();
    sim.failing_over(1, "1");
    second.wait_brief("after FAILING_OVER 2 Acted");
    assert_eq!(first.briefs()[0], "before MIGRATED 1");
    assert_eq!(second.briefs()[0], "before FAILING_OVER 2");
}

#[test]
fn a_completion_of_long_ago_gives_no_call() {
    let sim = Sim::builder().replay(Replay::WithReply).start().unwrap();
    let a = sim.node(0);
    sim.migrated("1");
    let tape = Tape::new();
    let client = connect(&sim, a, 4, patient().hook(tape.clone()));
    fill(&sim, a, &client, 4);
    until(|| client.maintenance().notifications_caught_up == 4);
    assert_eq!(tape.calls(), []);
    assert_eq!(client.maintenance().notifications_acted, 0);
}

#[test]
fn a_completion_of_long_ago_gives_no_call_after_waiting_for_a_slow_hook() {
    let sim = Sim::builder().replay(Replay::WithReply).start().unwrap();
    let a = sim.node(0);
    sim.migrated("1");
    let gate = Gate::new();
    let tape = Tape::held_at(&gate, Reaction::Continue);
    let maintenance = patient().hook(tape.clone());
    let client = connect(&sim, a, 2, maintenance);
    until(|| client.maintenance().notifications_caught_up == 1);
    sim.failing_over(1, "1");
    gate.wait_arrival();
    // A connection that is told of the old completion while the hook still thinks.
    fill(&sim, a, &client, 2);
    until(|| client.stats().notifications == 3);
    // Longer than a completion may lag behind the connection that it is repeated to.
    sim.wait_until(Duration::from_millis(400), |_| false);
    gate.open();
    until(|| client.maintenance().notifications_caught_up == 2);
    tape.wait_brief("after FAILING_OVER 1 Acted");
    assert_eq!(
        tape.briefs(),
        ["before FAILING_OVER 1", "after FAILING_OVER 1 Acted"]
    );
}
