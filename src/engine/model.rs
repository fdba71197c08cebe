//! Coordinator, workers, links and callers together under many thread schedules.

use super::fake::{FakeConnector, Fortune, Works, home};
use crate::link::fake::{forever, one};
use crate::link::model::{explore, rarely};
use crate::link::{Failure, Outcome};
use crate::pool::{Entries, Pool, Wanted};
use crate::protocol::Value;
use crate::sync::{Arc, AtomicBool, Ordering};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};
use std::collections::HashMap;
use std::net::SocketAddr;

/// What became of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Answered,
    Closed,
    Lost,
    NotSent,
}

/// Asks as the client does: another link only while nothing was accepted.
fn ask(pool: &Pool, entries: &Entries, id: i64, alone: bool) -> Fate {
    let line = format!("{id}\n");
    loop {
        let checkout = if alone {
            pool.checkout_exclusive(&forever())
        } else {
            pool.checkout(&Wanted::small(512), &forever())
        };
        let Ok(checkout) = checkout else {
            return Fate::Closed;
        };
        match checkout.link.call(one(line.as_bytes()), &forever()) {
            Err(_) => entries.lost(&checkout.link),
            Ok(Outcome::One(value)) => {
                assert_eq!(value, Value::Int(id), "a reply reached the wrong caller");
                return Fate::Answered;
            }
            Ok(Outcome::Failed(failure)) => {
                let Failure { sent, .. } = *failure;
                return if sent < line.len() as u64 {
                    Fate::NotSent
                } else {
                    Fate::Lost
                };
            }
            Ok(Outcome::Many(_)) => panic!("one reply was asked for"),
        }
    }
}

/// The third caller is alone on its connections.
fn callers(works: &Works, count: i64, each: i64) -> Vec<JoinHandle<Vec<(i64, Fate)>>> {
    callers_alone(works, count, each, |caller| caller == 2)
}

fn callers_alone(
    works: &Works,
    count: i64,
    each: i64,
    alone: fn(i64) -> bool,
) -> Vec<JoinHandle<Vec<(i64, Fate)>>> {
    (0..count)
        .map(|caller| {
            let (pool, entries) = (Arc::clone(&works.pool), Arc::clone(&works.entries));
            thread::spawn(move || {
                let ids = (0..each).map(|number| caller * 10 + number);
                ids.map(|id| (id, ask(&pool, &entries, id, alone(caller))))
                    .collect()
            })
        })
        .collect()
}

/// What the servers have received is what callers were told.
fn told_the_truth(fates: &[(i64, Fate)], lines: &[String]) {
    let mut seen: HashMap<i64, usize> = HashMap::new();
    for line in lines {
        *seen.entry(line.parse().expect("a number")).or_default() += 1;
    }
    assert!(
        seen.values().all(|count| *count == 1),
        "executed twice: {lines:?}"
    );
    for (id, fate) in fates {
        match fate {
            Fate::Answered => assert!(seen.contains_key(id)),
            Fate::Closed | Fate::NotSent => assert!(!seen.contains_key(id), "{id}: {fate:?}"),
            Fate::Lost => {}
        }
    }
}

/// The frame of a model: all callers come to an end, what has become of them is looked at, the engine closes,
/// and the servers have received what the callers were told.
fn run(
    connector: &Arc<FakeConnector>,
    works: Works,
    callers: Vec<JoinHandle<Vec<(i64, Fate)>>>,
    look: impl FnOnce(&Works, &[(i64, Fate)]),
) {
    let fates = fates(callers);
    look(&works, &fates);
    works.close();
    told_the_truth(&fates, &connector.reap());
}

fn fates(callers: Vec<JoinHandle<Vec<(i64, Fate)>>>) -> Vec<(i64, Fate)> {
    let joined = callers.into_iter().map(|caller| caller.join().unwrap());
    joined.flatten().collect()
}

/// Nobody was turned away.
fn all_served(_: &Works, fates: &[(i64, Fate)]) {
    assert!(
        fates.iter().all(|(_, fate)| *fate != Fate::Closed),
        "{fates:?}"
    );
}

fn away() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7001))
}

/// Home moves away, and says so in front of its first reply.
fn moving() -> impl Fn(SocketAddr, &str) -> Vec<u8> + Send + Sync {
    let told = AtomicBool::new(false);
    move |addr, _| {
        if addr == home() && !told.swap(true, Ordering::SeqCst) {
            return format!(">4\r\n+MOVING\r\n:1\r\n:2\r\n+{}\r\n", away()).into_bytes();
        }
        Vec::new()
    }
}

/// Nothing fails and nobody closes: every request is answered, whatever moves meanwhile.
fn callers_notice_no_move() {
    let connector = FakeConnector::new(|_| Fortune::Succeed, moving());
    let works = Works::start(&connector, 2, 2);
    let callers = callers(&works, 3, 2);
    run(&connector, works, callers, |works, fates| {
        // The checker may let the time of an old link run out; nothing else costs a reply.
        let forced = works.counters.drains_forced.read() > 0;
        assert!(
            forced || fates.iter().all(|(_, fate)| *fate == Fate::Answered),
            "{fates:?}"
        );
    });
}

#[test]
fn model_of_a_move_under_callers() {
    explore(40, callers_notice_no_move);
}

/// A close at any moment, with dials that fail and hang: all threads end, and all callers are told.
fn close_meets_everything() {
    let chance = |_| match thread_rng().gen_range(0..8) {
        0 => Fortune::Fail,
        1 => Fortune::Hang,
        _ => Fortune::Succeed,
    };
    let connector = FakeConnector::new(chance, moving());
    let works = Works::start(&connector, 2, 2);
    let callers = callers(&works, 3, 2);
    while !rarely(20) {
        thread::yield_now();
    }
    let pool = Arc::clone(&works.pool);
    works.close();
    let fates = fates(callers);
    assert!(pool.checkout(&Wanted::small(512), &forever()).is_err());
    told_the_truth(&fates, &connector.reap());
}

#[test]
fn model_of_a_close_against_everything() {
    explore(60, close_meets_everything);
}

/// A link is lost and dials fail many times over: who waits is served by the first that succeeds.
fn patience_is_rewarded() {
    let fortune = |attempt| match attempt {
        0 => Fortune::Brief,
        1..6 => Fortune::Fail,
        _ => Fortune::Succeed,
    };
    let connector = FakeConnector::new(fortune, |_, _| Vec::new());
    let works = Works::start(&connector, 1, 1);
    let callers = callers(&works, 2, 2);
    run(&connector, works, callers, all_served);
}

#[test]
fn model_of_waits_through_failed_dials() {
    explore(60, patience_is_rewarded);
}

/// The coordinator dies in the middle of a move: all callers are told, and all threads end.
fn a_death_leaves_nobody_waiting() {
    let connector = FakeConnector::new(|_| Fortune::Succeed, moving());
    connector.be_deadly();
    let works = Works::start(&connector, 2, 2);
    let callers = callers(&works, 3, 2);
    run(&connector, works, callers, |_, _| {});
}

#[test]
fn model_of_a_coordinator_that_dies_under_callers() {
    explore(20, a_death_leaves_nobody_waiting);
}

/// The target hangs, and the old link ends: the only worker is taken from the move that hangs, and the
/// caller is served by a new link.
fn a_move_that_hangs_is_interrupted() {
    let fortune = |attempt| match attempt {
        0 => Fortune::Short,
        _ => Fortune::HangMoves,
    };
    let connector = FakeConnector::new(fortune, moving());
    let works = Works::start(&connector, 1, 1);
    let callers = callers(&works, 1, 4);
    run(&connector, works, callers, all_served);
}

#[test]
fn model_of_a_move_that_hangs() {
    explore(60, a_move_that_hangs_is_interrupted);
}

/// Three callers block by turns on one dedicated entry, whose connection breaks, and is refused once: only
/// the caller for whom it was dialled is told.
fn callers_take_turns_on_one_dedicated_slot() {
    let fortune = |attempt| match attempt {
        0 => Fortune::Brief,
        1 => Fortune::Full,
        2 => Fortune::Fail,
        _ => Fortune::Succeed,
    };
    let connector = FakeConnector::new(fortune, |_, _| Vec::new());
    let works = Works::start(&connector, 1, 1);
    let callers = callers_alone(&works, 3, 2, |_| true);
    run(&connector, works, callers, |_, fates| {
        let refused = fates.iter().filter(|(_, fate)| *fate == Fate::Closed);
        assert!(refused.count() <= 1, "{fates:?}");
    });
}

#[test]
fn model_of_turns_on_a_dedicated_entry() {
    explore(60, callers_take_turns_on_one_dedicated_slot);
}
