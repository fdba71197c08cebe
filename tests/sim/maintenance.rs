//! Who is told what, and when which socket closes.

use crate::client::{Client, End, SOON, line, now};
use hitless::sim::{
    CloseCause, Event, HOST, Happening, Moving, Replay, Scenario, Sim, Snapshot, Target,
};
use hitless::{Items, Push, Value};
use std::time::Duration;

fn sim() -> Sim {
    Sim::builder()
        .nodes(3)
        .replay(Replay::WithReply)
        .start()
        .unwrap()
}

const SHORT: Duration = Duration::from_millis(50);

fn lines(client: &mut Client) -> Vec<String> {
    client.pushes_so_far().iter().map(line).collect()
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
fn moving_is_the_frame_that_real_servers_send() {
    let sim = sim();
    let mut client = Client::opted_in(&sim, sim.node(0), "internal-ip");
    sim.start_moving(Moving::new(sim.node(0), Target::Null(sim.node(1))).announce(15));
    sim.start_moving(
        Moving::new(sim.node(0), Target::Text("54.78.247.156:12075".into())).announce(-3),
    );
    sim.migrating(2, r#"["21"]"#);
    sim.migrated(r#"["21"]"#);
    sim.failing_over(2, r#"["21"]"#);
    sim.failed_over(r#"["21"]"#);
    sim.slots_migrating("123,456,789-1000");
    sim.slots_migrated(&[("a:1", "b:2", "1,3-5")]);
    let bytes: &[u8] = b">4\r\n$6\r\nMOVING\r\n:0\r\n:15\r\n_\r\n\
        >4\r\n$6\r\nMOVING\r\n:1\r\n:-3\r\n$19\r\n54.78.247.156:12075\r\n\
        >4\r\n$9\r\nMIGRATING\r\n:2\r\n:2\r\n$6\r\n[\"21\"]\r\n\
        >3\r\n$8\r\nMIGRATED\r\n:3\r\n$6\r\n[\"21\"]\r\n\
        >4\r\n$12\r\nFAILING_OVER\r\n:4\r\n:2\r\n$6\r\n[\"21\"]\r\n\
        >3\r\n$11\r\nFAILED_OVER\r\n:5\r\n$6\r\n[\"21\"]\r\n\
        >3\r\n$10\r\nSMIGRATING\r\n:6\r\n$16\r\n123,456,789-1000\r\n\
        >3\r\n$9\r\nSMIGRATED\r\n:7\r\n*1\r\n*3\r\n$3\r\na:1\r\n$3\r\nb:2\r\n$5\r\n1,3-5\r\n";
    assert_eq!(client.raw(bytes.len()), bytes);
}

#[test]
fn a_moved_node_closes_every_socket_and_warns_only_those_that_opted_in() {
    let sim = sim();
    let [a, b] = [sim.node(0), sim.node(1)];
    let mut opted = Client::opted_in(&sim, a, "internal-ip");
    let mut plain = Client::resp3(&sim, a);
    let mut resp2 = Client::on(&sim, a);
    assert_eq!(resp2.call("CLIENT MAINT_NOTIFICATIONS ON"), Value::Okay);
    let mut elsewhere = Client::opted_in(&sim, b, "internal-ip");
    sim.start_moving(Moving::new(a, Target::Node(b)).close_after(SHORT));
    assert!(line(&opted.push()).starts_with("MOVING"));
    assert_eq!(opted.end(), End::Closed);
    assert_eq!(plain.try_push(SOON).unwrap_err(), End::Closed);
    assert_eq!(resp2.try_reply(SOON).unwrap_err(), End::Closed);
    assert!(lines(&mut elsewhere).is_empty());
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    for record in sim.connections().iter().filter(|record| record.node == a) {
        assert_eq!(
            record.closed.map(|(_, cause)| cause),
            Some(CloseCause::Maintenance)
        );
    }
    assert!(std::net::TcpStream::connect(sim.addr(a)).is_err());
    sim.revive(a).unwrap();
    Client::opted_in(&sim, a, "internal-ip");
}

#[test]
fn a_moved_front_address_closes_the_old_sockets_and_goes_on_listening() {
    let sim = sim();
    let a = sim.node(0);
    let mut client = Client::opted_in(&sim, a, "none");
    sim.start_moving(
        Moving::new(a, Target::Null(a))
            .close_after(SHORT)
            .keep_listening(),
    );
    assert_eq!(client.end(), End::Closed);
    Client::opted_in(&sim, a, "none");
}

#[test]
fn moving_is_repeated_with_its_number_to_those_who_opt_in_while_its_window_is_open() {
    let sim = sim();
    let [a, b] = [sim.node(0), sim.node(1)];
    assert_eq!(sim.migrating(1, "x"), 0);
    let seq = sim.start_moving(Moving::new(a, Target::Node(b)).announce(9));
    assert_eq!(seq, 1);
    let mut late = Client::opted_in(&sim, a, "internal-ip");
    assert_eq!(lines(&mut late), [format!("MOVING :1 :9 {}", sim.addr(b))]);
    let mut elsewhere = Client::opted_in(&sim, b, "internal-ip");
    assert!(lines(&mut elsewhere).is_empty());
}

#[test]
fn moving_is_not_repeated_after_its_window() {
    let sim = sim();
    let a = sim.node(0);
    sim.start_moving(
        Moving::new(a, Target::Null(sim.node(1)))
            .close_after(SHORT)
            .keep_listening(),
    );
    let closed = |what: &Happening| matches!(what, Happening::Retired(..));
    assert!(sim.wait_until(SOON, |now| {
        now.timeline().iter().any(|one| closed(&one.what))
    }));
    let mut late = Client::opted_in(&sim, a, "internal-ip");
    assert!(lines(&mut late).is_empty());
}

#[test]
fn all_kinds_of_events_share_one_count_from_zero_and_everyone_sees_the_same_numbers() {
    let sim = sim();
    let mut one = Client::opted_in(&sim, sim.node(0), "internal-ip");
    let mut two = Client::opted_in(&sim, sim.node(1), "none");
    assert_eq!(sim.migrating(2, "s"), 0);
    assert_eq!(sim.migrated("s"), 1);
    assert_eq!(sim.slots_migrating("1"), 2);
    assert_eq!(sim.failing_over(2, "s"), 3);
    assert_eq!(sim.failed_over("s"), 4);
    let seen = lines(&mut one);
    assert_eq!(
        seen,
        [
            "MIGRATING :0 :2 s",
            "MIGRATED :1 s",
            "SMIGRATING :2 1",
            "FAILING_OVER :3 :2 s",
            "FAILED_OVER :4 s"
        ]
    );
    assert_eq!(seen, lines(&mut two));
    sim.set_next_seq(100);
    assert_eq!(sim.migrating(2, "s"), 100);
}

#[test]
fn the_latest_completion_is_repeated_to_everyone_who_opts_in_and_nothing_else_is() {
    let sim = sim();
    sim.migrating(2, "old");
    sim.migrated("old");
    sim.failing_over(2, "new");
    let seq = sim.failed_over("new");
    sim.slots_migrating("1");
    sim.slots_migrated(&[("a:1", "b:2", "1")]);
    for node in sim.nodes() {
        let mut client = Client::opted_in(&sim, node, "none");
        assert_eq!(lines(&mut client), [format!("FAILED_OVER :{seq} new")]);
        // Not consumed by delivery: another opt-in on the same connection gets it again.
        assert_eq!(client.call("CLIENT MAINT_NOTIFICATIONS ON"), Value::Okay);
        assert_eq!(lines(&mut client), [format!("FAILED_OVER :{seq} new")]);
    }
}

#[test]
fn a_completion_may_be_repeated_16_ms_after_the_reply() {
    let sim = Sim::builder().replay(Replay::Later).start().unwrap();
    sim.migrated("s");
    let mut client = Client::resp3(&sim, sim.node(0));
    let before = now();
    assert_eq!(client.call("CLIENT MAINT_NOTIFICATIONS ON"), Value::Okay);
    assert_eq!(line(&client.push()), "MIGRATED :0 s");
    let wait = client.last_push.unwrap().duration_since(before);
    assert!(wait >= Duration::from_millis(16), "{wait:?}");
}

#[test]
fn a_resp2_connection_may_opt_in_and_is_told_nothing() {
    let sim = sim();
    sim.migrated("s");
    let mut client = Client::on(&sim, sim.node(0));
    assert_eq!(client.call("CLIENT MAINT_NOTIFICATIONS ON"), Value::Okay);
    sim.migrating(1, "s");
    assert!(lines(&mut client).is_empty());
    assert!(matches!(client.call("ECHO x"), Value::Bulk(_)));
}

#[test]
fn opting_out_ends_the_notifications() {
    let sim = sim();
    let mut client = Client::opted_in(&sim, sim.node(0), "none");
    assert_eq!(client.call("CLIENT MAINT_NOTIFICATIONS OFF"), Value::Okay);
    sim.migrating(1, "s");
    assert!(lines(&mut client).is_empty());
    assert!(
        client
            .refusal("CLIENT MAINT_NOTIFICATIONS MAYBE")
            .starts_with("ERR ")
    );
    assert!(
        client
            .refusal("CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type carrier-pigeon")
            .starts_with("ERR ")
    );
}

#[test]
fn notifications_reach_blocked_and_subscribed_connections_at_once() {
    let sim = sim();
    let node = sim.node(0);
    let mut blocked = Client::opted_in(&sim, node, "none");
    blocked.send("BLPOP q 0");
    let mut subscribed = Client::opted_in(&sim, node, "none");
    subscribed.send("SUBSCRIBE news");
    subscribed.push();
    assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
    sim.migrating(2, "s");
    assert_eq!(line(&blocked.push()), "MIGRATING :0 :2 s");
    assert_eq!(line(&subscribed.push()), "MIGRATING :0 :2 s");
}

#[test]
fn commands_wait_while_a_failover_lasts_and_are_answered_after_it() {
    let sim = sim();
    let mut client = Client::opted_in(&sim, sim.node(0), "none");
    let pause = Duration::from_millis(80);
    let start = now();
    let seq = sim.failover(pause);
    assert_eq!(
        line(&client.push()),
        format!("FAILING_OVER :{seq} :1 [\"1\"]")
    );
    assert_eq!(client.call("SET k v"), Value::Okay);
    assert!(start.elapsed() >= pause, "{:?}", start.elapsed());
    assert_eq!(
        line(&client.push()),
        format!("FAILED_OVER :{} [\"1\"]", seq + 1)
    );
}

#[test]
fn dns_shows_the_target_some_time_after_moving_and_before_the_close() {
    let sim = Sim::builder().nodes(2).time_scale(0.02).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let dns = sim.resolver();
    assert_eq!(dns.resolve(HOST).unwrap(), [sim.addr(a).ip()]);
    sim.moving(a, Target::Null(b), Duration::from_secs(15));
    // Asked at once, the name still gives the node that is being left.
    let changed = Happening::DnsChanged;
    let shown = dns.resolve(HOST).unwrap();
    // At this scale a busy machine may be too late for that.
    let is_early = !sim.timeline()[1..].iter().any(|one| one.what == changed);
    assert!(
        !is_early || shown == [sim.addr(a).ip()],
        "{:?}",
        sim.timeline()
    );
    assert!(sim.wait_until(SOON, |now| {
        now.timeline()
            .iter()
            .filter(|one| one.what == changed)
            .count()
            == 2
    }));
    assert_eq!(dns.resolve(HOST).unwrap(), [sim.addr(b).ip()]);
    let retired = |what: &Happening| matches!(what, Happening::Retired(..));
    assert!(sim.wait_until(SOON, |now| {
        now.timeline().iter().any(|one| retired(&one.what))
    }));
    let timeline = sim.timeline();
    let at = |wanted: &dyn Fn(&Happening) -> bool| {
        timeline
            .iter()
            .rfind(|one| wanted(&one.what))
            .unwrap()
            .after
    };
    let moving = at(&|what| matches!(what, Happening::Moving(..)));
    let waits = (at(&|what| *what == changed) - moving, at(&retired) - moving);
    // 4.4 s and 15.7 s at this scale, and never before.
    assert!(waits.0 >= Duration::from_millis(88), "{waits:?}");
    assert!(waits.1 >= Duration::from_millis(314), "{waits:?}");
    assert_eq!(
        dns.resolve("node2.hitless.test").unwrap(),
        [sim.addr(b).ip()]
    );
    assert_eq!(dns.resolve("10.1.2.3").unwrap().len(), 1);
    assert!(dns.resolve("unheard.of").is_err());
}

#[test]
fn a_proxy_of_many_is_maintained_without_a_moving() {
    let sim = Sim::builder()
        .nodes(2)
        .advertised(2)
        .time_scale(0.01)
        .start()
        .unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let mut victim = Client::opted_in(&sim, a, "none");
    let mut sibling = Client::opted_in(&sim, b, "none");
    sim.multi_proxy(a);
    assert!(line(&victim.push()).starts_with("MIGRATING :0 "));
    assert!(line(&victim.push()).starts_with("MIGRATED :1 "));
    assert_eq!(victim.try_push(SOON).unwrap_err(), End::Closed);
    assert_eq!(sim.resolver().resolve(HOST).unwrap(), [sim.addr(b).ip()]);
    assert_eq!(lines(&mut sibling).len(), 2);
}

#[test]
fn a_name_keeps_an_address_whichever_proxy_goes() {
    let gone = |now: &Snapshot<'_>| {
        let happened = now.timeline();
        happened
            .iter()
            .filter(|one| matches!(one.what, Happening::Retired(..)))
            .count()
    };
    for (nodes, expected) in [(1, vec![0]), (3, vec![1, 2])] {
        // One address at first, as at every start that does not say otherwise.
        let sim = Sim::builder()
            .nodes(nodes)
            .time_scale(0.001)
            .start()
            .unwrap();
        sim.multi_proxy(sim.node(0));
        assert!(sim.wait_until(SOON, |now| gone(now) == 1));
        let shown = sim.resolver().resolve(HOST).unwrap();
        let expected: Vec<_> = expected
            .iter()
            .map(|&n| sim.addr(sim.node(n)).ip())
            .collect();
        assert_eq!(shown, expected);
    }
}

#[test]
fn a_node_can_be_retired_without_a_word() {
    let sim = sim();
    let mut client = Client::opted_in(&sim, sim.node(0), "none");
    assert_eq!(sim.retire(sim.node(0)), 1);
    assert_eq!(client.try_push(SOON).unwrap_err(), End::Closed);
}

#[test]
fn any_frame_can_be_sent_to_a_node_or_a_connection() {
    let sim = sim();
    let mut one = Client::resp3(&sim, sim.node(0));
    let mut two = Client::resp3(&sim, sim.node(0));
    let push = Push {
        kind: b"SOMETHING".to_vec(),
        args: Items::from(vec![Value::Int(7), Value::Nil]),
    };
    assert_eq!(sim.push(sim.node(0), &push), 2);
    assert_eq!(sim.push(sim.node(1), &push), 0);
    assert!(sim.push_to(1, &push));
    assert!(!sim.push_to(99, &push));
    assert!(sim.send_raw(2, b">1\r\n+raw\r\n"));
    assert_eq!(lines(&mut one), ["SOMETHING :7 nil", "SOMETHING :7 nil"]);
    assert_eq!(lines(&mut two), ["SOMETHING :7 nil", "raw"]);
    let first = &sim.connections()[0];
    assert_eq!((first.id, first.pushes_of("SOMETHING")), (1, 2));
}

#[test]
fn the_same_seed_gives_the_same_scenario_and_another_seed_another() {
    let ten = Duration::from_secs(10);
    let scenario = Scenario::random(5, ten, &Event::ALL);
    assert_eq!(scenario, Scenario::random(5, ten, &Event::ALL));
    assert_ne!(scenario, Scenario::random(6, ten, &Event::ALL));
    assert_eq!(scenario.events().len(), 10);
    for kind in Event::ALL {
        assert!(
            scenario.events().iter().any(|(_, event)| *event == kind),
            "{kind}"
        );
    }
    assert!(scenario.events().is_sorted_by_key(|(at, _)| *at));
    assert!(Scenario::random(5, ten, &[]).events().is_empty());
}

#[test]
fn a_scenario_moves_round_and_leaves_a_node_to_serve() {
    let sim = Sim::builder().nodes(3).time_scale(0.02).start().unwrap();
    let events: Vec<_> = (0..12)
        .map(|n| (Duration::from_millis(n * 30), Event::ALL[n as usize % 6]))
        .collect();
    let scenario = Scenario::new(events)
        .grace(Duration::from_secs(1))
        .failover_pause(Duration::from_millis(5));
    sim.play(&scenario);
    let moves = |now: &Snapshot<'_>| {
        let timeline = now.timeline();
        let retired = |what: &Happening| matches!(what, Happening::Retired(..));
        timeline.iter().filter(|one| retired(&one.what)).count()
    };
    assert!(sim.wait_until(SOON, |now| now.scenario_ended() && moves(now) == 8));
    // DNS may follow after the close.
    let dns = sim.resolver();
    let serves = |node: &hitless::sim::Node| {
        let shown = dns.resolve(HOST).unwrap();
        shown == [sim.addr(*node).ip()] && std::net::TcpStream::connect(sim.addr(*node)).is_ok()
    };
    assert!(
        sim.wait_until(SOON, |_| sim.nodes().any(|node| serves(&node))),
        "{:?}",
        sim.timeline()
    );
    let node = sim.nodes().find(serves).unwrap();
    assert_eq!(Client::on(&sim, node).call("SET k v"), Value::Okay);
}

#[test]
fn a_slow_resolver_answers_late_or_when_it_is_fast_again() {
    let sim = sim();
    let dns = sim.resolver();
    let delay = Duration::from_millis(40);
    dns.set_delay(delay);
    let start = now();
    assert!(dns.resolve(HOST).is_ok());
    assert!(start.elapsed() >= delay);
    dns.set_delay(Duration::from_secs(3600));
    std::thread::scope(|threads| {
        let answer = threads.spawn(|| dns.resolve(HOST));
        dns.set_delay(Duration::ZERO);
        assert!(answer.join().unwrap().is_ok());
    });
    dns.remove(HOST);
    assert!(dns.resolve(HOST).is_err());
    dns.set(HOST, Vec::new());
    assert!(dns.resolve(HOST).unwrap().is_empty());
}
