//! Leases and transactions of many threads while connections are killed and the server moves: what is acknowledged is
//! there, what was not sent is not, and afterwards every connection can be leased and is as it was.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::{SOON, options};
use hitless::sim::{Moving, Sim, Target};
use hitless::{Client, Commands, Delivery, ErrorKind, Result, cmd, pipe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How often each counter was changed, as far as its threads know.
#[derive(Default)]
struct Tally {
    done: AtomicU64,
    unknown: AtomicU64,
    turns: AtomicU64,
}

impl Tally {
    #[track_caller]
    fn note<T>(&self, result: Result<T>) {
        self.turns.fetch_add(1, Ordering::Relaxed);
        match result {
            Ok(_) => drop(self.done.fetch_add(1, Ordering::Relaxed)),
            Err(error) => match error.delivery() {
                Delivery::Unknown => drop(self.unknown.fetch_add(1, Ordering::Relaxed)),
                Delivery::NotSent => {}
                _ if *error.kind() == ErrorKind::Conflict => {}
                _ => panic!("{error}"),
            },
        }
    }

    #[track_caller]
    fn check(&self, counted: u64) {
        let (done, unknown) = (
            self.done.load(Ordering::Relaxed),
            self.unknown.load(Ordering::Relaxed),
        );
        assert!(
            done <= counted && counted <= done + unknown,
            "{done} {counted} {unknown}"
        );
    }
}

/// By hand, in another database.
fn by_hand(client: &Client) -> Result<()> {
    let lease = client.lease()?;
    lease.select(5)?;
    lease.watch("hand")?;
    let next = lease.get::<Option<u64>>("hand")?.unwrap_or_default() + 1;
    pipe().atomic().set("hand", next).exec(&lease)
}

fn by_helper(client: &Client) -> Result<()> {
    client.transaction("helper", |tx| {
        let next = tx.get::<Option<u64>>("helper")?.unwrap_or_default() + 1;
        tx.commit(|pipe| pipe.set("helper", next))
    })
}

/// Leaves everything behind that one can.
fn untidy(client: &Client, turn: u64) -> Result<()> {
    let lease = client.lease()?;
    lease.select(7)?;
    lease.watch("untidy")?;
    match turn % 3 {
        0 => cmd("CLIENT NO-EVICT on").exec(&lease)?,
        1 => cmd("CLIENT SETNAME untidy").exec(&lease)?,
        _ => {}
    }
    cmd("MULTI").exec(&lease)?;
    cmd("INCR").arg("untidy").query::<String>(&lease)?;
    Ok(())
}

#[test]
fn whatever_happens_what_is_acknowledged_is_there_and_nothing_is_left_behind() {
    let sim = Sim::builder().start().unwrap();
    let nodes = [sim.node(0), sim.node(1)];
    let options = options(&sim, nodes[0])
        .pool_size(1)
        .max_active_connections(5);
    let client = Client::connect(options).unwrap();
    let (hand, helper, left) = (Tally::default(), Tally::default(), Tally::default());
    let stop = AtomicBool::new(false);
    let run = |tally: &Tally, work: &dyn Fn(u64) -> Result<()>| {
        while !stop.load(Ordering::Relaxed) {
            tally.note(work(tally.turns.load(Ordering::Relaxed)));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| run(&hand, &|_| by_hand(&client)));
            scope.spawn(|| run(&helper, &|_| by_helper(&client)));
            scope.spawn(|| run(&left, &|turn| untidy(&client, turn)));
        }
        let turns = || [&hand, &helper, &left].map(|tally| tally.turns.load(Ordering::Relaxed));
        let mut killed = 0;
        for round in 0..12_usize {
            let before = turns();
            let (from, to) = (nodes[round / 3 % 2], nodes[(round / 3 + 1) % 2]);
            if round % 3 == 2 {
                // The first half ends by itself, the other by force.
                sim.start_moving(
                    Moving::new(from, Target::Node(to))
                        .announce(60)
                        .close_after(SOON),
                );
                let arrived = sim.wait_until(SOON, |now| now.opted_in_on(to) > 0);
                assert!(arrived, "{:?}", sim.connections());
                if round < 6 {
                    let left = sim.wait_until(SOON, |now| now.open_on(from) == 0);
                    assert!(left, "{:?}", sim.connections());
                }
                sim.retire(from);
                sim.revive(from).unwrap();
            } else {
                let open = sim.connections().into_iter().filter(|one| one.is_open());
                for (number, record) in open.enumerate() {
                    if number % 2 == round % 2 && sim.kill(record.id) {
                        killed += 1;
                    }
                }
            }
            common::eventually("every kind of work goes on", || {
                let now = turns();
                (0..3).all(|kind| now[kind] > before[kind] + 1)
            });
        }
        stop.store(true, Ordering::Relaxed);
        // The first of those that are open in each even round, at the least.
        assert!(killed >= 4, "{killed}");
    });
    // All at once: none was lost on the way.
    common::eventually("every connection can be leased", || {
        let leases: Result<Vec<_>> = (0..4).map(|_| client.lease()).collect();
        leases.is_ok_and(|leases| {
            leases.iter().all(|lease| {
                // As it was: database 0, outside of a transaction, nothing watched, its own name.
                let fresh = || -> Result<bool> {
                    let name: Option<String> = cmd("CLIENT GETNAME").query(lease)?;
                    lease.set("left", 1)?;
                    pipe().atomic().set("left", 2).exec(lease)?;
                    Ok(name.as_deref() != Some("untidy") && client.get::<u64>("left")? == 2)
                };
                fresh().unwrap_or(false)
            })
        })
    });
    assert_eq!(client.get::<Option<u64>>("untidy").unwrap(), None);
    helper.check(client.get("helper").unwrap());
    let lease = client.lease().unwrap();
    lease.select(5).unwrap();
    hand.check(lease.get("hand").unwrap());
    lease.select(7).unwrap();
    assert_eq!(lease.get::<Option<u64>>("untidy").unwrap(), None);
}
