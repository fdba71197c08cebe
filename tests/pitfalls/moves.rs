//! Whole moves, with what goes wrong in them.

use crate::common::{Closing, SOON, by_name, eventually, options, within};
use crate::support::{Asked, Watch, all_at, fill, full, ms, peers, together, under_load};
use hitless::sim::{Fault, Moving, OptIn, Record, Sim, Target};
use hitless::{Client, Cmd, Commands, MaintenanceEvent, MaintenanceOptions, TargetVerdict, pipe};
use hitless::{Push, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn kill_all(sim: &Sim) {
    for one in sim.connections().iter().filter(|one| one.is_open()) {
        sim.kill(one.id);
    }
}

#[test]
fn a_connection_that_was_being_made_when_its_server_said_goodbye_moves_too() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = Client::connect(options(&sim, a).pool_size(2)).unwrap();
    // The second connection is not told anything: its server refuses to.
    sim.set_opt_in(a, OptIn::UnknownToRedis7);
    sim.fault(a, Fault::Delay(ms(700)));
    std::thread::scope(|scope| {
        let _closing = Closing(&client);
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| client.ping())).collect();
        assert!(sim.wait_until(SOON, |now| now.open_on(a) == 2));
        sim.start_moving(Moving::new(a, Target::Node(b)));
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
        eventually("both have moved", || all_at(&client, sim.addr(b), 2));
    });
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    let stats = client.stats();
    assert_eq!(
        (stats.handoffs_started, stats.connections_lost),
        (1, 0),
        "{stats:?}"
    );
}

#[test]
fn connections_to_another_address_of_the_name_stay_where_they_are() {
    let _together = together();
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b, c] = [sim.node(0), sim.node(1), sim.node(2)];
    sim.advertise(&[a, c]);
    let client = Client::connect(by_name(&sim).pool_size(4)).unwrap();
    fill(&client, 2);
    sim.advertise(&[c, a]);
    fill(&client, 4);
    let count = |node| {
        peers(&client)
            .iter()
            .filter(|peer| **peer == sim.addr(node))
            .count()
    };
    assert_eq!((count(a), count(c)), (2, 2));
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(1));
    eventually("the connections to the one address have moved", || {
        count(b) == 2
    });
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    assert_eq!(count(c), 2);
    let stats = client.stats();
    assert_eq!(
        (stats.connections_opened, stats.connections_lost),
        (6, 0),
        "{stats:?}"
    );
}

#[test]
fn a_target_that_refuses_for_a_while_is_reached_soon_after() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 3);
    sim.fault(b, Fault::Refuse);
    let (_, tally) = under_load(&client, 3, Some(ms(1)), || {
        sim.start_moving(Moving::new(a, Target::Node(b)));
        eventually("the target was tried", || client.stats().dials_failed >= 2);
        assert!(all_at(&client, sim.addr(a), 3), "{:?}", client.stats());
        sim.clear_faults(b).unwrap();
        within(ms(7000), "the pool has moved", || {
            all_at(&client, sim.addr(b), 3)
        });
    });
    assert!(tally.errors.is_empty(), "{tally:?}");
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_target_that_is_dead_is_left_for_what_the_name_says() {
    let _together = together();
    let sim = Sim::builder().nodes(4).start().unwrap();
    let [a, b, c, d] = [sim.node(0), sim.node(1), sim.node(2), sim.node(3)];
    let maintenance = MaintenanceOptions::new().handoff_timeout(ms(10_000));
    let client = full(by_name(&sim).maintenance(maintenance), 3);
    sim.fault(b, Fault::Refuse);
    let (_, tally) = under_load(&client, 3, Some(ms(1)), || {
        sim.start_moving(
            Moving::new(a, Target::Node(b))
                .announce(10)
                .close_after(SOON),
        );
        sim.advertise(&[c]);
        eventually("the pool has moved", || all_at(&client, sim.addr(c), 3));
        assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    });
    assert!(tally.errors.is_empty(), "{tally:?}");
    assert_eq!(client.stats().connections_lost, 0, "{:?}", client.stats());
    // New connections are not sent to the dead place either, whatever the name says next.
    sim.advertise(&[d]);
    sim.retire(c);
    eventually("the client connects by its name", || {
        client.ping().is_ok() && peers(&client).contains(&sim.addr(d))
    });
}

#[test]
fn a_policy_that_panics_in_the_middle_of_a_move_stops_nobody() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let maintenance = MaintenanceOptions::new()
        .handoff_timeout(ms(1000))
        .target_policy(|_| -> TargetVerdict { panic!("a policy that panics") });
    let client = full(options(&sim, a).maintenance(maintenance), 2);
    let (_, tally) = under_load(&client, 2, Some(ms(1)), || {
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(3));
        eventually("the move is given up", || {
            client.stats().handoffs_failed == 1
        });
    });
    assert!(tally.errors.is_empty(), "{tally:?}");
    assert!(all_at(&client, sim.addr(a), 2), "{:?}", client.stats());
    // The move can be over before the system has printed the panic, after which it is counted.
    eventually("the panic is counted", || client.stats().user_panics > 0);
}

#[test]
fn connections_that_die_while_they_are_to_move_disturb_no_other() {
    let _together = together();
    const POOL: usize = 8;
    let sim = Sim::builder().nodes(6).start().unwrap();
    let client = full(options(&sim, sim.node(0)), POOL);
    for step in 0..5 {
        let [from, to] = [sim.node(step), sim.node(step + 1)];
        sim.start_moving(Moving::new(from, Target::Node(to)).announce(2));
        // Every second connection, old and new ones alike, in the middle of it.
        let open = sim
            .connections()
            .into_iter()
            .filter(|one| one.is_open() && one.id % 2 == 0);
        open.for_each(|one| {
            sim.kill(one.id);
        });
        let complete = || all_at(&client, sim.addr(to), POOL);
        eventually("the pool is complete at its new place", || {
            client.ping().is_ok() && complete()
        });
        assert!(
            sim.wait_until(SOON, |now| now.open() == POOL),
            "{:?}",
            client.stats()
        );
    }
    eventually("nothing goes on", || {
        let maintenance = client.maintenance();
        maintenance.handoffs.is_empty() && maintenance.moving == 0 && maintenance.draining == 0
    });
}

#[test]
fn a_move_of_one_client_leaves_others_of_the_same_options_alone() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let options = options(&sim, a).pool_size(2);
    let moved = Client::connect(options.clone()).unwrap();
    let stays = Client::connect(options).unwrap();
    let target = Value::Bulk(sim.addr(b).to_string().into_bytes());
    let args = vec![Value::Int(1), Value::Int(1), target].into();
    assert!(sim.push_to(
        sim.connections()[0].id,
        &Push {
            kind: b"MOVING".to_vec(),
            args
        }
    ));
    eventually("the one has moved", || peers(&moved) == [sim.addr(b)]);
    fill(&stays, 2);
    assert!(all_at(&stays, sim.addr(a), 2), "{:?}", stays.stats());
    assert_eq!(stays.stats().handoffs_started, 0);
}

#[test]
fn a_command_that_blocks_goes_along_and_stalls_no_other() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 3);
    std::thread::scope(|scope| {
        let _closing = Closing(&client);
        let waiting = scope.spawn(|| client.blpop::<String, String>("list", Duration::ZERO));
        assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
        let (_, tally) = under_load(&client, 3, Some(ms(1)), || {
            sim.start_moving(Moving::new(a, Target::Node(b)));
            eventually("the pool has moved", || all_at(&client, sim.addr(b), 3));
            // The old connections end, also the one that is kept to end the command there.
            assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0 && now.blocked() == 1));
        });
        assert!(tally.errors.is_empty(), "{tally:?}");
        client.rpush("list", "element").unwrap();
        let got = waiting.join().unwrap().unwrap();
        assert_eq!(got, Some(("list".into(), "element".into())));
    });
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_transaction_is_never_torn_by_a_move() {
    let _together = together();
    let sim = Sim::builder().nodes(5).start().unwrap();
    let client = full(options(&sim, sim.node(0)), 3);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _closing = Closing(&client);
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let (client, stop) = (&client, &stop);
                scope.spawn(move || {
                    let [one, two] = [format!("one:{thread}"), format!("two:{thread}")];
                    let mut count = 0;
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        count += 1;
                        let both: (i64, i64) = pipe()
                            .atomic()
                            .cmd(Cmd::new("INCR").arg(&one))
                            .cmd(Cmd::new("INCR").arg(&two))
                            .query(client)
                            .unwrap();
                        assert_eq!(both, (count, count));
                    }
                    count
                })
            })
            .collect();
        for step in 0..4 {
            let [from, to] = [sim.node(step), sim.node(step + 1)];
            sim.start_moving(Moving::new(from, Target::Node(to)).announce(5));
            eventually("the pool has moved", || all_at(&client, sim.addr(to), 3));
            assert!(sim.wait_until(SOON, |now| now.open_on(from) == 0));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() > 0));
    });
}

#[test]
fn a_connection_made_between_two_moves_of_its_front_is_not_forgotten() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = Client::connect(options(&sim, a).pool_size(3)).unwrap();
    fill(&client, 2);
    // By address and without a target: at half time the front is dialled anew.
    let moving = |from, to| {
        Moving::new(from, Target::Null(to))
            .announce(2)
            .front(to, Duration::ZERO)
    };
    sim.start_moving(moving(a, b));
    eventually("the first move is over", || {
        client.stats().handoffs_completed == 1
    });
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    fill(&client, 3);
    sim.start_moving(moving(b, a));
    let said = Instant::now();
    eventually("the second move is over", || {
        client.stats().handoffs_completed == 2
    });
    assert!(sim.wait_until(SOON, |now| now.open() == 3));
    let old = sim
        .connections()
        .into_iter()
        .filter(|one| one.is_open() && one.opened < said);
    assert_eq!(old.count(), 0, "a connection of before is still in use");
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_move_without_a_target_waits_for_the_name_on_the_measured_timeline() {
    let _together = together();
    // 15 s are 9 s here: the name changes within 2.6 s to 5.8 s, the server closes after 9.4 s.
    let sim = Sim::builder().time_scale(0.6).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(by_name(&sim), 3);
    let asked = sim.connections().iter().find_map(|one| one.opted_in);
    assert_ne!(asked, Some(hitless::sim::MovingEndpointType::None));
    let (_, tally) = under_load(&client, 3, Some(ms(1)), || {
        sim.moving(a, Target::Null(b), Duration::from_secs(15));
        eventually("the pool has moved", || all_at(&client, sim.addr(b), 3));
        assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    });
    assert!(tally.errors.is_empty(), "{tally:?}");
    let stats = client.stats();
    assert_eq!(
        (stats.handoffs_started, stats.connections_lost),
        (1, 0),
        "{stats:?}"
    );
}

#[test]
fn idle_connections_end_with_the_move_and_not_with_its_deadline() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 5);
    let start = Instant::now();
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(3600));
    eventually("the pool has moved", || all_at(&client, sim.addr(b), 5));
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    assert!(start.elapsed() < SOON);
}

#[cfg(target_os = "linux")]
#[test]
fn a_thousand_movings_without_a_target_cost_no_thread() {
    use crate::common::threads::{named, of_clients};
    let _alone = crate::support::alone();
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let asked = Asked::of(&sim);
    let client = full(by_name(&sim).resolver(asked.clone()), 4);
    // A thread bears its name once it runs.
    eventually("all threads run", || {
        let counts =
            ["hitless-coordin", "hitless-handoff", "hitless-r0."].map(|of| named(of).len());
        counts == [1, 2, 4]
    });
    let before = of_clients().len();
    let mut most = 0;
    for number in 0..1000 {
        let args = vec![Value::Int(number), Value::Int(15), Value::Nil].into();
        assert_eq!(
            sim.push(
                a,
                &Push {
                    kind: b"MOVING".to_vec(),
                    args
                }
            ),
            4
        );
        most = most.max(of_clients().len());
    }
    eventually("all are heard", || {
        client.maintenance().notifications_moving == 4000
    });
    most = most.max(of_clients().len());
    // Two threads ask for names, whatever there is to ask.
    assert!(most <= before + 2, "{before} threads became {most}");
    client.ping().unwrap();
    let start = Instant::now();
    client.close();
    assert!(start.elapsed() < SOON / 2, "{:?}", start.elapsed());
    eventually("no thread is left", || of_clients().is_empty());
}

#[test]
fn idle_connections_that_a_server_closed_cost_no_command() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let client = full(options(&sim, sim.node(0)), 3);
    assert!(client.stats().shared.iter().all(|one| one.opted_in));
    for round in 1..=4 {
        kill_all(&sim);
        eventually("the loss is noticed", || {
            client.stats().connections_lost == 3 * round
        });
        client.ping().unwrap();
        eventually("the pool is complete again", || {
            peers(&client).len() == 3 && sim.wait_until(SOON, |now| now.open() == 3)
        });
    }
    assert_eq!(client.stats().commands_unknown, 0);
}

#[test]
fn a_silent_close_is_an_ordinary_reconnect() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(by_name(&sim), 3);
    sim.advertise(&[b]);
    sim.retire(a);
    eventually("the loss is noticed", || {
        client.stats().connections_lost == 3
    });
    for _ in 0..50 {
        client.ping().unwrap();
    }
    eventually("the pool is at the other node", || {
        all_at(&client, sim.addr(b), 3)
    });
    let stats = client.stats();
    assert_eq!(
        (stats.handoffs_started, stats.commands_unknown),
        (0, 0),
        "{stats:?}"
    );
}

#[test]
fn a_connection_that_is_never_idle_moves() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(options(&sim, a), 1);
    // The server never closes: what ends the old connection is its last reply.
    let (_, tally) = under_load(&client, 4, None, || {
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(3600));
        eventually("the connection has moved", || {
            all_at(&client, sim.addr(b), 1)
        });
        assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    });
    assert!(tally.errors.is_empty(), "{tally:?}");
    let stats = client.stats();
    assert!(stats.requests_shared > 0, "{stats:?}");
    assert_eq!(client.maintenance().drains_forced, 0);
}

#[test]
fn what_was_set_for_a_connection_is_set_for_its_replacement() {
    let _together = together();
    let sim = Sim::builder()
        .password("secret")
        .record(Record::Commands(100_000))
        .start()
        .unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let options = options(&sim, a)
        .password("secret")
        .database(3)
        .client_name("drill");
    let client = full(options.library_name("library"), 2);
    client.set("key", "in database 3").unwrap();
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(1));
    eventually("the pool has moved", || all_at(&client, sim.addr(b), 2));
    assert_eq!(client.get::<String>("key").unwrap(), "in database 3");
    let words = |one: &hitless::sim::ConnectionRecord| -> Vec<Vec<Vec<u8>>> {
        // Until the pool is filled.
        one.commands
            .iter()
            .take_while(|words| words[0] != b"PING")
            .cloned()
            .collect()
    };
    let of = |node| {
        let all = sim.connections().into_iter();
        all.filter(|one| one.node == node && one.opted_in.is_some())
            .collect::<Vec<_>>()
    };
    let (old, new) = (of(a), of(b));
    assert_eq!((old.len(), new.len()), (2, 2));
    for one in &new {
        assert_eq!(one.name.as_deref(), Some("drill"));
        assert_eq!(one.count("select"), 1, "{one:?}");
        let opening = &words(&old[0]);
        assert!(opening.len() >= 4, "{opening:?}");
        assert_eq!(
            one.commands[..opening.len()],
            opening[..],
            "the same opening"
        );
    }
}

#[test]
fn a_move_that_runs_out_of_time_is_told_from_one_that_succeeds() {
    let _together = together();
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b, c] = [sim.node(0), sim.node(1), sim.node(2)];
    let watch = Arc::new(Watch::default());
    let maintenance = MaintenanceOptions::new()
        .handoff_timeout(ms(5000))
        .hook(watch.clone());
    let client = full(options(&sim, a).maintenance(maintenance), 2);
    // Connected is not enough: it accepts and never answers.
    sim.fault(b, Fault::HangAfter(0));
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(1));
    eventually("the failure is told", || {
        client.stats().handoffs_failed == 1
    });
    eventually("the hook hears of it", || {
        watch.count(|event| matches!(event, MaintenanceEvent::HandoffFailed(_, 2))) == 1
    });
    assert!(all_at(&client, sim.addr(a), 2), "{:?}", client.stats());
    client.ping().unwrap();
    sim.start_moving(Moving::new(a, Target::Node(c)).announce(1));
    eventually("the success is told", || {
        watch.count(|event| matches!(event, MaintenanceEvent::HandoffCompleted(_))) == 1
    });
    let stats = client.stats();
    assert_eq!(
        (stats.handoffs_failed, stats.handoffs_completed),
        (1, 1),
        "{stats:?}"
    );
}
