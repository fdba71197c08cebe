//! Commands that block while their server is moved.

use super::{ClosedIfFailed, blocked, change, eager, moves};
use crate::common::redis::{Redis, Version};
use crate::common::{SOON, eventually, options, under_load};
use hitless::sim::{Fault, Moving, Sim, Target};
use hitless::{
    Canceller, Client, Commands, Delivery, ErrorKind, Executor as _, MaintenanceOptions, Protocol,
    Value, cmd,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const FOR_EVER: Duration = Duration::ZERO;

/// Takes from a queue until it is cancelled.
fn consume(client: &Client, canceller: &Canceller, got: &AtomicU64) -> Vec<u64> {
    let mine = client.cancelled_by(canceller);
    let mut elements = Vec::new();
    loop {
        match mine.blpop::<(), u64>("queue", FOR_EVER) {
            Ok(Some(((), element))) => {
                elements.push(element);
                got.fetch_add(1, Ordering::Relaxed);
            }
            Ok(None) => panic!("it waits for ever"),
            Err(error) if *error.kind() == ErrorKind::Cancelled => {
                assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
                return elements;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// A server behind a simulator of two nodes, and a client of the server itself, which sees who blocks.
fn behind() -> (Redis, Sim, Client) {
    let redis = Redis::of(Version::Redis82, &[]);
    let sim = Sim::builder().nodes(2).proxy_to(redis.address);
    let watcher = super::client(&redis, Protocol::Resp3);
    (redis, sim.start().unwrap(), watcher)
}

#[test]
fn without_another_connection_to_the_old_server_one_is_dialled() {
    let (_redis, sim, watcher) = behind();
    let maintenance = MaintenanceOptions::new().max_jitter(Duration::ZERO);
    let options = options(&sim, sim.node(0)).maintenance(maintenance);
    // Its only connection is the one that blocks.
    let client = Client::lazy(options).unwrap();
    let canceller = Canceller::new();
    let got = AtomicU64::new(0);
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let consumer = scope.spawn(|| consume(&client, &canceller, &got));
        for (from, to) in moves(&sim, 4) {
            blocked(&watcher, 1);
            change(&sim, from, to);
        }
        watcher.rpush("queue", 7).unwrap();
        eventually("it is taken", || got.load(Ordering::Relaxed) == 1);
        canceller.cancel();
        assert_eq!(consumer.join().unwrap(), [7]);
    });
    let stats = client.stats();
    assert_eq!((stats.commands_unknown, stats.connections_lost), (0, 0));
}

#[test]
fn where_the_old_server_takes_no_connection_all_go_along_by_one_that_was_kept() {
    let (_redis, sim, watcher) = behind();
    let options = options(&sim, sim.node(0)).pool_size(1);
    let client = eager(options.max_active_connections(5));
    let canceller = Canceller::new();
    let got = AtomicU64::new(0);
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let consume = || consume(&client, &canceller, &got);
        let consumers: Vec<_> = (0..4).map(|_| scope.spawn(consume)).collect();
        for (from, to) in moves(&sim, 6) {
            blocked(&watcher, 4);
            // Nobody can dial it any more, and the shared connection moves before the others.
            sim.fault(from, Fault::Refuse);
            under_load(&client, || change(&sim, from, to));
            sim.clear_faults(from).unwrap();
        }
        blocked(&watcher, 4);
        for element in 0..4 {
            watcher.rpush("queue", element).unwrap();
        }
        eventually("all is delivered", || got.load(Ordering::Relaxed) == 4);
        canceller.cancel();
        for consumer in consumers {
            consumer.join().unwrap();
        }
    });
    let stats = client.stats();
    assert_eq!((stats.commands_unknown, stats.connections_lost), (0, 0));
}

#[test]
fn every_form_goes_along_and_gets_what_comes() {
    let (_redis, sim, watcher) = behind();
    super::prepare(&watcher);
    let client = eager(options(&sim, sim.node(0)).pool_size(1));
    let mut moves = moves(&sim, usize::MAX);
    for command in super::forms() {
        let gets = thread::scope(|scope| {
            let _ends = ClosedIfFailed(&client);
            let consumer = scope.spawn(|| client.execute(&command));
            blocked(&watcher, 1);
            let (from, to) = moves.next().unwrap();
            change(&sim, from, to);
            blocked(&watcher, 1);
            for key in ["empty", "empty:1"] {
                watcher.rpush(key, "element").unwrap();
            }
            watcher.query::<()>(&cmd("ZADD empty:z 1 element")).unwrap();
            for key in ["empty:x", "group:x"] {
                let add = cmd("XADD").arg(key).arg("*").arg("field").arg("element");
                watcher.query::<()>(&add).unwrap();
            }
            let gets = consumer.join().unwrap().unwrap();
            watcher
                .query::<()>(&cmd("DEL empty empty:1 empty:z empty:x other"))
                .unwrap();
            watcher
                .query::<()>(&cmd("XGROUP SETID group:x BLOCK $"))
                .unwrap();
            gets
        });
        assert!(format!("{gets:?}").contains("element"), "{command:?}");
    }
    let stats = client.stats();
    assert_eq!((stats.commands_unknown, stats.connections_lost), (0, 0));
}

#[test]
fn where_the_server_refuses_it_the_command_rides_to_the_end_and_the_error_says_so() {
    let (_redis, sim, watcher) = behind();
    let user = "ACL SETUSER worker on >secret ~* &* +@all -client|unblock";
    watcher.query::<()>(&cmd(user)).unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = eager(options(&sim, a).username("worker").password("secret"));
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let consumer = scope.spawn(|| client.blpop::<(), u64>("queue", FOR_EVER));
        blocked(&watcher, 1);
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
        eventually("the server has refused it", || {
            let log: Value = watcher.query(&cmd("ACL LOG")).unwrap();
            format!("{log:?}").contains("client|unblock")
        });
        // The new connection is there, and nothing was asked again on it.
        blocked(&watcher, 1);
        // The other connections leave once they are answered, the one that was refused among them.
        let left = sim.wait_until(SOON, |now| now.open_on(a) == 1);
        assert!(left, "{:?}", sim.connections());
        sim.retire(a);
        let error = consumer.join().unwrap().unwrap_err();
        assert_eq!(error.delivery(), Delivery::Unknown, "{error}");
        let text = error.to_string();
        assert!(text.contains("NOPERM"), "{text}");
        assert!(text.contains("+client|unblock"), "{text}");
    });
    assert_eq!(client.stats().commands_unknown, 1);
}

/// Consumers that block while their server moves and will not unblock them: each element is delivered once, but for
/// those of consumers that were told that they may have lost one.
#[track_caller]
fn without_unblock(sim: &Sim, refusal: &str) {
    let threads = 4;
    // By a node that stays.
    let watcher = Client::connect(options(sim, sim.node(2))).unwrap();
    for node in [0, 1] {
        let fault = Fault::Answer("client|unblock".to_owned(), refusal.to_owned());
        sim.fault(sim.node(node), fault);
    }
    let client = eager(options(sim, sim.node(0)).pool_size(2));
    let canceller = Canceller::new();
    let (mut sent, unknown) = (0, AtomicU64::new(0));
    let got = AtomicU64::new(0);
    let consume = || {
        let mine = client.cancelled_by(&canceller);
        let mut taken = Vec::new();
        loop {
            match mine.blpop::<(), u64>("queue", FOR_EVER) {
                Ok(element) => {
                    taken.extend(element.map(|(_, element)| element));
                    got.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) if error.delivery() == Delivery::Unknown => {
                    // With the refusal, or where the server ended sooner than it could refuse.
                    let text = error.to_string();
                    assert!(text.contains("+client|unblock"), "{text}");
                    unknown.fetch_add(1, Ordering::Relaxed);
                }
                // Cancelled where it blocks on a server that does not end that.
                Err(error) => {
                    assert_eq!(*error.kind(), ErrorKind::Cancelled, "{error:?}");
                    return taken;
                }
            }
        }
    };
    let taken = thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let consumers: Vec<_> = (0..threads).map(|_| scope.spawn(consume)).collect();
        for (from, to) in moves(sim, 4) {
            blocked(&watcher, threads);
            // Nothing of the others is delayed or lost by those who stay.
            under_load(&client, || {
                sim.start_moving(Moving::new(from, Target::Node(to)).announce(60));
                let left = sim.wait_until(SOON, |now| now.open_on(from) == threads);
                assert!(left, "{:?}", sim.connections());
                eventually("each has a new connection", || {
                    let place = Some(sim.addr(to));
                    let stats = client.stats();
                    stats.dedicated.iter().all(|one| one.peer == place)
                });
                // What comes meanwhile comes over the old connections, and who has got it goes on over a new one.
                for _ in 0..2 {
                    watcher.rpush("queue", sent).unwrap();
                    sent += 1;
                }
                eventually("both are taken", || got.load(Ordering::Relaxed) == sent);
                blocked(&watcher, threads);
                let left = sim.wait_until(SOON, |now| now.open_on(from) == threads - 2);
                assert!(left, "{:?}", sim.connections());
                sim.retire(from);
            });
            blocked(&watcher, threads);
            sim.revive(from).unwrap();
        }
        for node in [0, 1] {
            sim.clear_faults(sim.node(node)).unwrap();
        }
        canceller.cancel();
        let taken = consumers.into_iter().flat_map(|one| one.join().unwrap());
        taken.collect::<Vec<u64>>()
    });
    let mut each = taken.clone();
    each.sort_unstable();
    assert_eq!(
        each,
        (0..sent).collect::<Vec<_>>(),
        "each once, in any order"
    );
    // Two of four each time, and nobody else.
    assert_eq!(unknown.into_inner(), 8);
    assert_eq!(client.stats().commands_unknown, 8);
    assert_eq!(watcher.llen("queue").unwrap(), 0);
}

/// What servers say who will not: that the user may not, and that they do not know it.
const REFUSALS: [&str; 2] = [
    "NOPERM User worker has no permissions to run the 'client|unblock' command",
    "ERR unknown subcommand 'unblock'. Try CLIENT HELP.",
];

#[test]
fn where_the_simulators_store_refuses_to_unblock_nothing_is_lost_or_doubled_untold() {
    for refusal in REFUSALS {
        without_unblock(&Sim::builder().nodes(3).start().unwrap(), refusal);
    }
}

#[test]
fn where_a_server_refuses_to_unblock_nothing_is_lost_or_doubled_untold() {
    for (version, refusal) in Version::ALL.into_iter().zip(REFUSALS.into_iter().cycle()) {
        let redis = Redis::of(version, &[]);
        let sim = Sim::builder().nodes(3).proxy_to(redis.address);
        without_unblock(&sim.start().unwrap(), refusal);
    }
}

#[test]
fn an_old_server_that_dies_in_the_middle_costs_at_most_what_is_told() {
    let (_redis, sim, watcher) = behind();
    let client = eager(options(&sim, sim.node(0)).pool_size(2));
    let mut unknown = 0;
    for (element, (from, to)) in moves(&sim, 10).enumerate() {
        let outcome = thread::scope(|scope| {
            let _ends = ClosedIfFailed(&client);
            let consumer = scope.spawn(|| client.blpop::<(), usize>("queue", FOR_EVER));
            blocked(&watcher, 1);
            sim.start_moving(Moving::new(from, Target::Node(to)).announce(60));
            watcher.rpush("queue", element).unwrap();
            // Wherever the move stands: before the new connection is there, or after.
            sim.wait_until(SOON, |now| now.open_on(to) >= element % 3);
            sim.retire(from);
            let outcome = consumer.join().unwrap();
            sim.revive(from).unwrap();
            outcome
        });
        match outcome {
            Ok(taken) => assert_eq!(taken.map(|(_, taken)| taken), Some(element)),
            Err(error) => {
                assert_eq!(error.delivery(), Delivery::Unknown, "{error}");
                unknown += 1;
                watcher.query::<()>(&cmd("DEL queue")).unwrap();
            }
        }
        assert_eq!(watcher.llen("queue").unwrap(), 0);
        eventually("the client serves", || client.ping().is_ok());
    }
    assert_eq!(client.stats().commands_unknown, unknown);
}

#[test]
fn a_reader_from_the_end_stays_so_that_it_misses_nothing() {
    let (_redis, sim, watcher) = behind();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = eager(options(&sim, a).pool_size(1));
    let read = cmd("XREAD BLOCK 0 STREAMS stream $");
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let consumer = scope.spawn(|| client.execute(&read));
        blocked(&watcher, 1);
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
        // Both connections have moved, and the old one that blocks is still there.
        let moved = sim.wait_until(SOON, |now| now.open_on(b) == 2 && now.open_on(a) == 1);
        assert!(moved, "{:?}", sim.connections());
        blocked(&watcher, 1);
        let add = cmd("XADD stream * field element");
        watcher.query::<()>(&add).unwrap();
        let gets = consumer.join().unwrap().unwrap();
        assert!(format!("{gets:?}").contains("element"));
    });
}

#[test]
fn what_stays_can_be_cancelled_all_the_same() {
    let (_redis, sim, watcher) = behind();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = eager(options(&sim, a).pool_size(1));
    let canceller = Canceller::new();
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let mine = client.cancelled_by(&canceller);
        let consumer = scope.spawn(move || mine.execute(&cmd("XREAD BLOCK 0 STREAMS stream $")));
        blocked(&watcher, 1);
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
        let moved = sim.wait_until(SOON, |now| now.open_on(b) == 2 && now.open_on(a) == 1);
        assert!(moved, "{:?}", sim.connections());
        canceller.cancel();
        let error = consumer.join().unwrap().unwrap_err();
        assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
    });
    assert_eq!(client.stats().commands_unknown, 0);
}

#[test]
fn sixty_four_consumers_leave_other_commands_their_connections() {
    let (_redis, sim, watcher) = behind();
    let options = options(&sim, sim.node(0)).pool_size(8);
    let client = eager(options.max_active_connections(72));
    let canceller = Canceller::new();
    let got = AtomicU64::new(0);
    thread::scope(|scope| {
        let _ends = ClosedIfFailed(&client);
        let consume = || consume(&client, &canceller, &got);
        let consumers: Vec<_> = (0..64).map(|_| scope.spawn(consume)).collect();
        blocked(&watcher, 64);
        under_load(&client, || {
            for (from, to) in moves(&sim, 2) {
                change(&sim, from, to);
                blocked(&watcher, 64);
            }
        });
        for element in 0..64 {
            watcher.rpush("queue", element).unwrap();
        }
        eventually("all is delivered", || got.load(Ordering::Relaxed) == 64);
        blocked(&watcher, 64);
        canceller.cancel();
        for consumer in consumers {
            consumer.join().unwrap();
        }
    });
    let stats = client.stats();
    assert_eq!((stats.commands_unknown, stats.connections_lost), (0, 0));
    assert!(stats.shared.len() <= 8, "{stats:?}");
}

#[test]
fn a_close_ends_a_consumer_in_the_middle_of_a_move() {
    let (_redis, sim, watcher) = behind();
    for (from, to) in moves(&sim, 6) {
        let client = eager(options(&sim, from).pool_size(2));
        thread::scope(|scope| {
            let _ends = ClosedIfFailed(&client);
            let consumer = scope.spawn(|| client.blpop::<(), u64>("queue", FOR_EVER));
            blocked(&watcher, 1);
            sim.start_moving(Moving::new(from, Target::Node(to)).announce(60));
            client.close();
            let error = consumer.join().unwrap().unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Closed(_)), "{error:?}");
        });
        sim.retire(from);
        sim.revive(from).unwrap();
    }
}
