//! Where a moved endpoint is found, and what a later event changes about an earlier one.

use crate::client::{Client, End, SOON, line};
use hitless::Value;
use hitless::sim::{Event, HOST, Happening, Moving, Node, Replay, Scenario, Sim, Target};
use std::net::TcpStream;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(50);

fn sim() -> Sim {
    Sim::builder().nodes(3).start().unwrap()
}

fn lines(client: &mut Client) -> Vec<String> {
    client.pushes_so_far().iter().map(line).collect()
}

/// Waits until the deployment has done something so often.
#[track_caller]
fn wait_for(sim: &Sim, times: usize, what: impl Fn(&Happening) -> bool) {
    let done = sim.wait_until(SOON, |now| {
        let timeline = now.timeline();
        timeline.iter().filter(|one| what(&one.what)).count() >= times
    });
    assert!(done, "{:?}", sim.timeline());
}

fn listens(sim: &Sim, node: Node) -> bool {
    TcpStream::connect(sim.addr(node)).is_ok()
}

#[test]
fn a_front_that_keeps_its_address_leads_to_the_new_node_from_its_time_on() {
    let sim = sim();
    let [a, b] = [sim.node(0), sim.node(1)];
    let mut old = Client::opted_in(&sim, a, "none");
    sim.start_moving(
        Moving::new(a, Target::Null(b))
            .front(b, SHORT)
            .close_after(6 * SHORT),
    );
    assert_eq!(line(&old.push()), "MOVING :0 :15 nil");
    // Before its time a connection leads to the old node, and is told so.
    let mut early = Client::opted_in(&sim, a, "none");
    let early_node = sim.connections()[1].node;
    assert_eq!(lines(&mut early).len(), usize::from(early_node == a));
    wait_for(&sim, 1, |what| *what == Happening::FrontMoved(a, b));
    let mut new = Client::opted_in(&sim, a, "none");
    assert!(lines(&mut new).is_empty(), "it leaves nothing");
    assert_eq!(sim.connections()[2].node, b);
    assert_eq!(old.try_push(SOON).unwrap_err(), End::Closed);
    wait_for(&sim, 1, |what| matches!(what, Happening::Retired(..)));
    // Neither closed with the old ones, nor is the address deaf.
    assert_eq!(new.call("SET k v"), Value::Okay);
    assert_eq!(sim.resolver().resolve(HOST).unwrap(), [sim.addr(a).ip()]);
    Client::opted_in(&sim, a, "none");
    assert_eq!(sim.connections().last().unwrap().node, b);
}

#[test]
fn a_front_goes_on_from_node_to_node() {
    let sim = sim();
    let [a, b, c] = [sim.node(0), sim.node(1), sim.node(2)];
    for (from, to) in [(a, b), (b, c), (c, a)] {
        let mut client = Client::opted_in(&sim, a, "none");
        assert_eq!(sim.connections().last().unwrap().node, from);
        let own = Target::Text(sim.addr(a).to_string());
        sim.start_moving(
            Moving::new(from, own)
                .front(to, Duration::ZERO)
                .close_after(SHORT),
        );
        assert!(line(&client.push()).ends_with(&sim.addr(a).to_string()));
        assert_eq!(client.end(), End::Closed);
    }
    assert!(listens(&sim, a));
}

#[test]
fn a_front_whose_node_moves_to_another_address_goes_deaf_and_leaves_dns() {
    let sim = sim();
    let [a, b, c] = [sim.node(0), sim.node(1), sim.node(2)];
    sim.start_moving(
        Moving::new(a, Target::Null(b))
            .front(b, Duration::ZERO)
            .close_after(Duration::ZERO),
    );
    wait_for(&sim, 1, |what| matches!(what, Happening::Retired(..)));
    sim.start_moving(
        Moving::new(b, Target::Node(c))
            .dns_after(2 * SHORT)
            .close_after(SHORT),
    );
    wait_for(&sim, 2, |what| matches!(what, Happening::Retired(..)));
    assert!(!listens(&sim, a) && !listens(&sim, b));
    wait_for(&sim, 2, |what| *what == Happening::DnsChanged);
    assert_eq!(sim.resolver().resolve(HOST).unwrap(), [sim.addr(c).ip()]);
    sim.revive(a).unwrap();
    Client::opted_in(&sim, a, "none");
    assert_eq!(sim.connections().last().unwrap().node, a);
}

#[test]
fn a_measured_move_may_be_behind_a_front_or_show_in_dns_after_the_close() {
    let [a, b] = [0, 1];
    let sim = Sim::builder().time_scale(0.01).start().unwrap();
    let [a, b] = [sim.node(a), sim.node(b)];
    let events = [
        (Duration::ZERO, Event::MovingFront),
        (Duration::from_millis(400), Event::MovingLate),
    ];
    sim.play(&Scenario::new(events).grace(Duration::from_secs(15)));
    wait_for(&sim, 2, |what| matches!(what, Happening::Retired(..)));
    wait_for(&sim, 2, |what| *what == Happening::DnsChanged);
    let order: Vec<_> = sim.timeline().into_iter().map(|one| one.what).collect();
    let at = |what: &Happening| order.iter().position(|one| one == what).unwrap();
    let retired = |node: Node| {
        let is = |one: &Happening| matches!(one, Happening::Retired(which, _) if *which == node);
        order.iter().position(is).unwrap()
    };
    assert!(at(&Happening::FrontMoved(a, b)) < retired(a), "{order:?}");
    let shown = order.iter().rposition(|one| *one == Happening::DnsChanged);
    assert!(shown.unwrap() > retired(b), "{order:?}");
}

#[test]
fn a_retired_node_that_is_revived_announces_nothing_old() {
    let sim = sim();
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.start_moving(Moving::new(a, Target::Node(b)));
    sim.start_moving(Moving::new(a, Target::Null(b)));
    assert_eq!(lines(&mut Client::opted_in(&sim, a, "none")).len(), 2);
    sim.retire(a);
    sim.revive(a).unwrap();
    assert!(lines(&mut Client::opted_in(&sim, a, "none")).is_empty());
}

#[test]
fn a_retired_node_that_is_revived_is_not_closed_by_what_was_planned_before() {
    let sim = sim();
    let [a, b] = [sim.node(0), sim.node(1)];
    let slow = Moving::new(a, Target::Node(b)).close_after(SHORT);
    sim.start_moving(slow.clone());
    sim.retire(a);
    sim.revive(a).unwrap();
    let mut client = Client::opted_in(&sim, a, "none");
    // Planned later, so done later.
    sim.start_moving(Moving::new(b, Target::Node(sim.node(2))).close_after(SHORT));
    wait_for(
        &sim,
        1,
        |what| matches!(what, Happening::Retired(node, _) if *node == b),
    );
    assert_eq!(client.call("PING"), Value::Simple("PONG".into()));
}

#[test]
fn a_move_to_a_node_that_does_not_listen_lets_it_listen() {
    let sim = sim();
    let [a, b] = [sim.node(0), sim.node(1)];
    for (from, to) in [(a, b), (b, a), (a, b)] {
        sim.start_moving(
            Moving::new(from, Target::Node(to))
                .dns_after(Duration::ZERO)
                .close_after(Duration::ZERO),
        );
        assert!(listens(&sim, to), "names lead nowhere");
        assert!(sim.wait_until(SOON, |_| !listens(&sim, from)));
    }
}

#[test]
fn a_node_to_which_a_later_move_leads_stays() {
    let sim = sim();
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.start_moving(Moving::new(a, Target::Node(b)).close_after(SHORT));
    // Announced before the first has closed its sockets.
    sim.start_moving(Moving::new(b, Target::Node(a)).close_after(2 * SHORT));
    wait_for(
        &sim,
        1,
        |what| matches!(what, Happening::Retired(node, _) if *node == b),
    );
    assert!(listens(&sim, a), "names lead nowhere");
    assert!(lines(&mut Client::opted_in(&sim, a, "none")).is_empty());
}

/// A simulator that repeats completions 16 ms after the opt-in.
fn repeats_later() -> Sim {
    Sim::builder().replay(Replay::Later).start().unwrap()
}

/// Waits until everything that is due by now has been repeated: what is due later has been.
fn let_replays_come(sim: &Sim) {
    let mut other = Client::opted_in(sim, sim.node(1), "none");
    assert!(line(&other.push()).starts_with("MIGRATED"));
}

#[test]
fn a_repeated_completion_never_comes_after_a_newer_one() {
    let sim = repeats_later();
    sim.migrated("old");
    let mut client = Client::opted_in(&sim, sim.node(0), "none");
    let newer = sim.migrated("new");
    let_replays_come(&sim);
    let seen = lines(&mut client);
    assert_eq!(
        seen.last(),
        Some(&format!("MIGRATED :{newer} new")),
        "{seen:?}"
    );
}

#[test]
fn a_repeated_completion_never_comes_after_the_opt_out_nor_twice() {
    let sim = repeats_later();
    sim.migrated("old");
    let mut client = Client::opted_in(&sim, sim.node(0), "none");
    assert_eq!(client.call("CLIENT MAINT_NOTIFICATIONS OFF"), Value::Okay);
    let before = client.pushes_read();
    let_replays_come(&sim);
    assert_eq!(lines(&mut client).len(), before);
    // Who opts in again hears it once more, not once for each time.
    for word in ["ON", "OFF"] {
        let said = format!("CLIENT MAINT_NOTIFICATIONS {word}");
        assert_eq!(client.call(&said), Value::Okay);
    }
    // Before the last opt-in: its repetition may be read with its reply.
    let before = client.pushes_read();
    assert_eq!(client.call("CLIENT MAINT_NOTIFICATIONS ON"), Value::Okay);
    let_replays_come(&sim);
    assert_eq!(lines(&mut client).len(), before + 1);
}

#[test]
fn dns_that_follows_late_follows_no_move_that_is_out_of_date() {
    let sim = sim();
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.start_moving(Moving::new(a, Target::Null(b)).dns_after(2 * SHORT));
    sim.start_moving(Moving::new(b, Target::Null(a)).dns_after(SHORT));
    // What is shown at the start is the first change.
    wait_for(&sim, 3, |what| *what == Happening::DnsChanged);
    assert_eq!(sim.resolver().resolve(HOST).unwrap(), [sim.addr(a).ip()]);
}
