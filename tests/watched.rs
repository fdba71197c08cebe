//! Transactions that depend on what they read: tried again after a conflict and after a move, and never twice.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::fake::{Fake, answer};
use common::redis::{Redis, Version};
use common::{SOON, options, patient};
use hitless::sim::{Fault, Moving, Node, Sim, Target, Times};
use hitless::{
    Client, CloseReason, Commands, Delivery, Error, ErrorKind, Executor, Options, Protocol, Result,
    TransactionOptions, cmd, pipe,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

fn everywhere(claims: impl Fn(&Client)) {
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let options = patient(Options::new(&redis.url()).unwrap()).protocol(protocol);
            let options = options.pool_size(1).max_active_connections(2);
            let client = Client::connect(options).unwrap();
            cmd("FLUSHALL").exec(&client).unwrap();
            claims(&client);
        }
    }
}

/// Adds one, by way of a transaction.
fn increment(client: &Client, key: &str) -> Result<i64> {
    client.transaction(key, |tx| {
        let next = tx.get::<Option<i64>>(key)?.unwrap_or_default() + 1;
        tx.commit::<()>(|pipe| pipe.set(key, next))?;
        Ok(next)
    })
}

/// Whether the connection for leases has a watch left: a change of the key would then stop this transaction.
#[track_caller]
fn nothing_is_watched(client: &Client, key: &str) {
    let lease = client.lease().unwrap();
    client.set(key, 1).unwrap();
    pipe().atomic().get(key).exec(&lease).unwrap();
}

#[test]
fn a_conflict_is_tried_again_with_what_is_there_by_then() {
    everywhere(|client| {
        let mut seen = Vec::new();
        let last: (i64, i64) = client
            .transaction(["n", "m"], |tx| {
                let n = tx.get::<Option<i64>>("n")?.unwrap_or_default();
                seen.push(n);
                if seen.len() < 4 {
                    client.incr("n")?;
                }
                tx.commit(|pipe| pipe.incr_by("n", 10).incr("m"))
            })
            .unwrap();
        assert_eq!((seen, last), (vec![0, 1, 2, 3], (13, 1)));
        nothing_is_watched(client, "n");
    });
}

#[test]
fn attempts_that_are_used_up_say_so_whatever_the_closure_returns() {
    everywhere(|client| {
        let options = TransactionOptions::new().attempts(3);
        for hides in [false, true] {
            let mut calls = 0;
            let outcome: Result<bool> = client.transaction_with(&options, "n", |tx| {
                calls += 1;
                client.incr("n")?;
                let committed = tx.commit::<()>(|pipe| pipe.set("n", 0));
                if hides {
                    return Ok(committed.is_ok());
                }
                committed.map(|()| true)
            });
            let error = outcome.unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Conflict, "{error}");
            assert_eq!(calls, 3);
        }
        assert_eq!(client.get::<i64>("n").unwrap(), 6);
    });
}

#[derive(Debug)]
enum Mine {
    SoldOut,
    Redis,
}

impl From<Error> for Mine {
    fn from(_: Error) -> Self {
        Self::Redis
    }
}

#[test]
fn an_error_or_a_panic_of_the_closure_ends_it_and_nothing_is_watched() {
    everywhere(|client| {
        let mut calls = 0;
        let outcome = client.transaction("n", |tx| {
            calls += 1;
            tx.get::<Option<i64>>("n")?;
            Err::<(), _>(Mine::SoldOut)
        });
        assert!(matches!(outcome, Err(Mine::SoldOut)) && calls == 1);
        nothing_is_watched(client, "n");
        let panics = catch_unwind(AssertUnwindSafe(|| {
            client.transaction("n", |_| -> Result<()> { panic!("of the user") })
        }));
        assert!(panics.is_err());
        nothing_is_watched(client, "n");
        // Nor after a closure that commits nothing.
        client.transaction("n", |_| Ok::<_, Error>(())).unwrap();
        nothing_is_watched(client, "n");
    });
}

#[test]
fn a_commit_that_fails_otherwise_is_the_callers() {
    everywhere(|client| {
        let mut calls = 0;
        client.set("text", "x").unwrap();
        let outcome: Result<()> = client.transaction("n", |tx| {
            calls += 1;
            tx.commit(|pipe| pipe.incr("text"))
        });
        assert_eq!(outcome.unwrap_err().index(), Some(0));
        // Refused when it came: EXECABORT.
        let outcome: Result<()> = client.transaction("n", |tx| {
            calls += 1;
            tx.commit(|pipe| pipe.set("n", 1).cmd(cmd("INCR")))
        });
        assert_eq!(outcome.unwrap_err().code(), Some("EXECABORT"));
        assert_eq!((calls, client.get::<Option<i64>>("n").unwrap()), (2, None));
    });
}

#[test]
fn what_is_decided_is_not_committed_again() {
    everywhere(|client| {
        let outcome: Result<()> = client.transaction("n", |tx| {
            tx.commit::<()>(|pipe| pipe.incr("n"))?;
            tx.commit(|pipe| pipe.incr("n"))
        });
        let error = outcome.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Usage, "{error}");
        assert_eq!(client.get::<i64>("n").unwrap(), 1);
    });
}

#[test]
fn exec_by_hand_is_a_commit_too() {
    everywhere(|client| {
        let mut calls = 0;
        let n: Vec<i64> = client
            .transaction("n", |tx| {
                calls += 1;
                if calls == 1 {
                    client.incr("n")?;
                }
                cmd("MULTI").exec(tx)?;
                cmd("INCR").arg("n").query::<String>(tx)?;
                let replies = tx.execute(&cmd("EXEC"))?;
                Ok::<_, Error>(hitless::FromValue::from_value(replies).unwrap_or_default())
            })
            .unwrap();
        assert_eq!((calls, n), (2, vec![2]));
    });
}

/// Announces a move that ends by hand, and waits until so many connections have their replacement.
fn move_away(sim: &Sim, from: Node, to: Node, connections: usize) {
    sim.start_moving(
        Moving::new(from, Target::Node(to))
            .announce(60)
            .close_after(SOON),
    );
    let arrived = sim.wait_until(SOON, |now| now.opted_in_on(to) >= connections);
    assert!(arrived, "{:?}", sim.connections());
}

#[test]
fn a_watch_that_a_move_took_is_tried_again_by_itself() {
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let options = options(&sim, a).pool_size(1).max_active_connections(2);
    let client = Client::connect(options).unwrap();
    let mut calls = 0;
    client
        .transaction("n", |tx| {
            calls += 1;
            if calls == 1 {
                move_away(&sim, a, b, 2);
                sim.retire(a);
                common::eventually("the end is noticed", || tx.get::<Option<i64>>("n").is_ok());
            }
            tx.commit::<(i64,)>(|pipe| pipe.incr("n"))
        })
        .unwrap();
    assert_eq!((calls, client.get::<i64>("n").unwrap()), (2, 1));
}

#[test]
fn a_read_whose_connection_is_lost_starts_it_once_more_and_a_write_does_not() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0))).unwrap();
    let lose = || sim.fault_times(sim.node(0), Fault::CloseUnanswered, Times::Next(1));
    let mut calls = 0;
    let outcome: Result<(i64,)> = client.transaction("n", |tx| {
        calls += 1;
        if calls == 1 {
            lose();
        }
        tx.get::<Option<i64>>("n")?;
        tx.commit(|pipe| pipe.incr("n"))
    });
    assert_eq!((calls, outcome.unwrap()), (2, (1,)));
    // An error that the closure has dealt with is none.
    let outcome: Result<bool> = client.transaction("n", |tx| {
        calls += 1;
        lose();
        Ok(tx.get::<Option<i64>>("n").is_ok())
    });
    assert_eq!((calls, outcome.unwrap()), (3, false));
    let outcome: Result<()> = client.transaction("n", |tx| {
        calls += 1;
        lose();
        tx.incr("m")?;
        tx.commit(|pipe| pipe.incr("n"))
    });
    let error = outcome.unwrap_err();
    assert_eq!((error.delivery(), calls), (Delivery::Unknown, 4), "{error}");
    assert_eq!(client.get::<i64>("n").unwrap(), 1);
}

#[test]
fn a_closure_whose_connection_no_other_can_replace_gets_another_lease() {
    let sim = Sim::builder().start().unwrap();
    let options = options(&sim, sim.node(0)).pool_size(1);
    let client = Client::connect(options.max_active_connections(2)).unwrap();
    let mut attempts = 0;
    let left: i64 = client
        .transaction("n", |tx| {
            attempts += 1;
            // Nobody knows what it leaves on the connection.
            cmd("SOME.MODULES COMMAND").exec(tx).unwrap_err();
            if attempts < 3 {
                let id: u64 = cmd("CLIENT ID").query(tx)?;
                assert!(sim.kill(id));
            }
            let n = tx.get::<Option<i64>>("n")?.unwrap_or_default();
            tx.commit::<()>(|pipe| pipe.set("n", n + 1))?;
            Ok::<_, Error>(n + 1)
        })
        .unwrap();
    assert_eq!((left, attempts), (1, 3));
}

#[test]
fn a_connection_whose_watch_may_still_be_there_serves_nobody_else() {
    for (answers, is_kept) in [("+OK\r\n", true), (":1\r\n", false), ("$-1\r\n", false)] {
        let fake = Fake::start(move |peer| {
            loop {
                let words = peer.next()?;
                match words[0].as_slice() {
                    b"UNWATCH" => peer.send(answers)?,
                    _ => peer.send(answer(&words))?,
                }
            }
        });
        let options = patient(Options::new(&fake.address.to_string()).unwrap());
        let options = options.pool_size(1).max_active_connections(2);
        let client = Client::connect(options).unwrap();
        let read = || client.transaction("n", |tx| tx.get::<String>("n"));
        read().unwrap();
        read().unwrap();
        // One for all others, and one or two for these.
        let expected = if is_kept { 2 } else { 3 };
        assert_eq!(fake.accepted(), expected, "{answers}");
    }
}

#[test]
fn a_commit_that_may_have_run_is_not_tried_again() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0))).unwrap();
    let mut calls = 0;
    let outcome: Result<()> = client.transaction("n", |tx| {
        calls += 1;
        // The whole transaction has left when the connection ends at its first command.
        sim.fault_times(sim.node(0), Fault::CloseUnanswered, Times::Next(1));
        tx.commit(|pipe| pipe.incr("n"))
    });
    let error = outcome.unwrap_err();
    assert_eq!((error.delivery(), calls), (Delivery::Unknown, 1), "{error}");
    assert_ne!(*error.kind(), ErrorKind::Closed(CloseReason::WatchLost));
}

#[test]
fn threads_that_change_one_key_across_moves_commit_as_often_as_it_grows() {
    let sim = Sim::builder().start().unwrap();
    let nodes = [sim.node(0), sim.node(1)];
    let client = Client::connect(options(&sim, nodes[0]).pool_size(2)).unwrap();
    let (commits, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let work = || {
            while !stop.load(Ordering::Relaxed) {
                increment(&client, "n").unwrap();
                commits.fetch_add(1, Ordering::Relaxed);
            }
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        for round in 0..6 {
            let (from, to) = (nodes[round % 2], nodes[(round + 1) % 2]);
            let before = commits.load(Ordering::Relaxed);
            sim.start_moving(
                Moving::new(from, Target::Node(to))
                    .announce(60)
                    .close_after(SOON),
            );
            // The old node empties by itself: every transaction there has ended.
            let left = sim.wait_until(SOON, |now| now.open_on(from) == 0);
            assert!(left, "{:?}", sim.connections());
            sim.retire(from);
            sim.revive(from).unwrap();
            common::eventually("transactions go on", || {
                commits.load(Ordering::Relaxed) > before || threads.iter().any(|t| t.is_finished())
            });
        }
        stop.store(true, Ordering::Relaxed);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
    let n: u64 = client.get("n").unwrap();
    assert_eq!(n, commits.into_inner());
    assert_eq!(client.stats().connections_lost, 0);
}
