//! What becomes of a handoff, as events, as numbers and as the list of what goes on.

use crate::support::{Gate, SOON, Tape, connect, fill, patient, same, until};
use hitless::Endpoint;
use hitless::sim::{Fault, Moving, Node, Sim, Target};
use hitless::{
    BreakerState, Commands, Handoff, HandoffStage, MaintenanceEvent, MaintenanceWindow,
    TargetVerdict, Trigger, WindowScope,
};
use std::time::Duration;

fn endpoint(sim: &Sim, node: Node) -> Endpoint {
    sim.addr(node).to_string().parse().unwrap()
}

/// What windows are owed to.
fn names(windows: &[MaintenanceWindow]) -> Vec<String> {
    let name = |window: &MaintenanceWindow| window.maintenance.to_string();
    windows.iter().map(name).collect()
}

/// The events of handoffs, each by its name.
fn lifecycle(events: &[MaintenanceEvent]) -> Vec<(&'static str, Handoff, usize)> {
    events
        .iter()
        .filter_map(|event| match event {
            MaintenanceEvent::HandoffStarted(handoff, connections) => {
                Some(("started", handoff.clone(), *connections))
            }
            MaintenanceEvent::HandoffCompleted(handoff) => Some(("completed", handoff.clone(), 0)),
            MaintenanceEvent::HandoffFailed(handoff, left) => {
                Some(("failed", handoff.clone(), *left))
            }
            MaintenanceEvent::HandoffAbandoned(handoff) => Some(("abandoned", handoff.clone(), 0)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_named_move_is_listed_while_it_goes_on_and_reported_when_it_has_ended() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let (tape, gate) = (Tape::new(), Gate::new());
    let held = gate.clone();
    let maintenance = patient().hook(tape.clone()).target_policy(move |_| {
        held.pass();
        TargetVerdict::Allow
    });
    let client = connect(&sim, a, 4, maintenance);
    fill(&sim, a, &client, 4);
    sim.set_next_seq(7);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
    gate.wait_arrival();
    let stats = client.maintenance();
    assert_eq!(stats.moving, 4);
    assert_eq!(names(&stats.windows), ["MOVING 7"]);
    let window = &stats.windows[0];
    assert_eq!(window.scope, WindowScope::Peer(sim.addr(a)));
    // It outlasts the announced time by 5 s, in which servers close.
    let longest = Duration::from_secs(35);
    assert!(!window.time_left.is_zero() && window.time_left <= longest);
    assert_eq!(stats.handoffs.len(), 1);
    let listed = &stats.handoffs[0];
    assert_eq!((listed.moved, listed.trigger), (0, Trigger::Push));
    assert_eq!(
        (listed.stage, listed.connections_left),
        (HandoffStage::Probing, 4)
    );
    assert!(!listed.time_left.is_zero() && listed.time_left <= Duration::from_secs(30));
    assert_eq!(
        (listed.from, listed.to.clone()),
        (Some(sim.addr(a)), Some(endpoint(&sim, b)))
    );
    assert_eq!((stats.handoffs_started, stats.handoffs_completed), (1, 0));
    gate.open();
    tape.wait_event(|event| matches!(event, MaintenanceEvent::HandoffCompleted(_)));
    let stats = client.maintenance();
    assert_eq!((stats.handoffs.len(), stats.moving), (0, 0));
    assert_eq!((stats.handoffs_started, stats.handoffs_completed), (1, 1));
    assert_eq!((stats.handoffs_failed, stats.handoffs_abandoned), (0, 0));
    assert_eq!(
        (stats.connections_moved, stats.handoff_dials_failed),
        (4, 0)
    );
    assert_eq!(
        stats.move_times.iter().map(|(_, count)| count).sum::<u64>(),
        4
    );
    assert!(stats.move_time_longest <= stats.move_time_total);

    let events = tape.events();
    let all = lifecycle(&events);
    same(all.len(), 2, &events);
    let (started, completed) = (&all[0], &all[1]);
    assert_eq!((started.0, started.2), ("started", 4));
    assert_eq!(
        (started.1.stage, started.1.connections_left),
        (HandoffStage::Waiting, 4)
    );
    assert_eq!((completed.0, completed.1.moved), ("completed", 4));
    assert_eq!(
        (completed.1.stage, completed.1.connections_left),
        (HandoffStage::Ended, 0)
    );
    assert!(completed.1.time_left <= listed.time_left);
    assert_eq!(
        (completed.1.id, completed.1.maintenance.seq),
        (started.1.id, Some(7))
    );
    assert!(completed.1.took >= started.1.took && completed.1.took < SOON);
    let mut moved: Vec<usize> = events
        .iter()
        .filter_map(|event| match event {
            MaintenanceEvent::ConnectionMoved {
                node,
                connection,
                from,
                to,
                took,
            } => {
                assert_eq!((*from, *to), (Some(sim.addr(a)), Some(sim.addr(b))));
                assert_eq!(node.number(), 0, "the client has one node");
                assert!(*took <= completed.1.took);
                Some(connection.index())
            }
            _ => None,
        })
        .collect();
    moved.sort_unstable();
    assert_eq!(moved, [0, 1, 2, 3]);
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    until(|| client.maintenance().draining == 0);
}

#[test]
fn a_move_that_nobody_can_make_fails_in_time_and_opens_the_breaker() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.fault(b, Fault::Refuse);
    let tape = Tape::new();
    let maintenance = patient()
        .hook(tape.clone())
        .handoff_timeout(Duration::from_secs(3))
        .breaker_threshold(2)
        .breaker_reset(Duration::from_secs(60));
    let client = connect(&sim, a, 4, maintenance);
    fill(&sim, a, &client, 4);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(3));
    let opened = |event: &MaintenanceEvent| {
        let state = BreakerState::Open;
        *event
            == MaintenanceEvent::BreakerChanged {
                endpoint: endpoint(&sim, b),
                state,
            }
    };
    tape.wait_event(opened);
    let stats = client.maintenance();
    let breaker = stats
        .breakers
        .iter()
        .find(|breaker| breaker.endpoint == endpoint(&sim, b));
    let breaker = breaker.unwrap();
    assert!(
        breaker.failures >= 2 && breaker.openings >= 1,
        "{breaker:?}"
    );
    tape.wait_event(|event| matches!(event, MaintenanceEvent::HandoffFailed(..)));
    let events = tape.events();
    let all = lifecycle(&events);
    same(all.len(), 2, &events);
    assert_eq!((all[0].0, all[0].2), ("started", 4));
    assert_eq!((all[1].0, all[1].2, all[1].1.moved), ("failed", 4, 0));
    assert_eq!(
        (all[1].1.connections_left, all[1].1.time_left),
        (4, Duration::ZERO)
    );
    assert!(all[1].1.took >= Duration::from_secs(3), "{:?}", all[1].1);
    let place = endpoint(&sim, b);
    let dials = |event: &&MaintenanceEvent| matches!(event, MaintenanceEvent::DialFailed { to, serving: true, .. } if *to == place);
    // One that had begun may have failed since.
    until(|| {
        let told = tape.events().iter().filter(dials).count() as u64;
        told > 0 && told == client.maintenance().handoff_dials_failed
    });
    let stats = client.maintenance();
    assert_eq!((stats.handoffs_failed, stats.handoffs_completed), (1, 0));
    assert!(stats.handoffs.is_empty() && stats.connections_moved == 0);
    // The old connections serve on.
    client.set("key", "value").unwrap();
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(a) == 4));
    assert_eq!(
        (
            client.stats().connections_lost,
            client.stats().commands_unknown
        ),
        (0, 0)
    );
}

#[test]
fn a_move_that_a_newer_one_replaces_is_abandoned() {
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b, c] = [0, 1, 2].map(|node| sim.node(node));
    sim.fault(b, Fault::Refuse);
    let tape = Tape::new();
    let client = connect(&sim, a, 2, patient().hook(tape.clone()));
    fill(&sim, a, &client, 2);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
    tape.wait_event(|event| matches!(event, MaintenanceEvent::DialFailed { .. }));
    sim.start_moving(Moving::new(a, Target::Node(c)).announce(60));
    tape.wait_event(|event| matches!(event, MaintenanceEvent::HandoffCompleted(_)));
    let all = lifecycle(&tape.events());
    let names: Vec<_> = all
        .iter()
        .map(|(name, handoff, _)| (*name, handoff.id))
        .collect();
    let [first, second] = [all[0].1.id, all[2].1.id];
    assert_eq!(
        names,
        [
            ("started", first),
            ("abandoned", first),
            ("started", second),
            ("completed", second)
        ]
    );
    assert_eq!(all[1].1.to, Some(endpoint(&sim, b)));
    assert_eq!(
        (all[1].1.stage, all[1].1.connections_left),
        (HandoffStage::Ended, 2)
    );
    let stats = client.maintenance();
    assert_eq!((stats.handoffs_started, stats.handoffs_abandoned), (2, 1));
    assert_eq!((stats.handoffs_completed, stats.connections_moved), (1, 2));
}

#[test]
fn a_move_whose_connections_end_first_is_abandoned() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.fault(b, Fault::Refuse);
    let tape = Tape::new();
    let client = connect(&sim, a, 2, patient().hook(tape.clone()));
    fill(&sim, a, &client, 2);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
    tape.wait_event(|event| matches!(event, MaintenanceEvent::DialFailed { .. }));
    sim.retire(a);
    tape.wait_event(|event| matches!(event, MaintenanceEvent::HandoffAbandoned(_)));
    until(|| client.maintenance().connections_lost_in_window == 2);
    assert!(client.maintenance().handoffs.is_empty());
}

#[test]
fn windows_are_reported_once_and_listed_while_they_are_open() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let tape = Tape::new();
    let client = connect(&sim, a, 4, patient().hook(tape.clone()));
    fill(&sim, a, &client, 4);
    sim.failing_over(1, "1");
    tape.wait_brief("after FAILING_OVER 0 Acted");
    let open = client.maintenance().windows;
    assert_eq!(names(&open), ["FAILING_OVER 0"]);
    let cap = Duration::from_secs(60);
    assert!(!open[0].time_left.is_zero() && open[0].time_left <= cap);
    sim.failed_over("1");
    tape.wait_event(|event| matches!(event, MaintenanceEvent::WindowClosed(_)));
    let events = tape.events();
    let [
        MaintenanceEvent::WindowOpened(opened),
        MaintenanceEvent::WindowClosed(closed),
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    for window in [opened, closed] {
        assert_eq!(window.maintenance, open[0].maintenance);
        assert_eq!(window.scope, WindowScope::Database);
    }
    assert!(opened.time_left >= open[0].time_left && opened.time_left <= cap);
    assert_eq!(closed.time_left, Duration::ZERO);
    assert_eq!(client.maintenance().windows, []);
}
