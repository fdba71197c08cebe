//! Pool, entries and links under many thread schedules.

use super::{Demand, Entries, FailedFill, Installed, Pool, Wanted};
use crate::clock;
use crate::counters::Counters;
use crate::handoff::patience::FailedDial;
use crate::ids::EntryId;
use crate::link::fake::{self, Far, forever, one};
use crate::link::model::{BY_USER, Fate, SHORT, ask, explore, rarely, serve};
use crate::link::{EndReason, Link, Mailbox, Outcome, Routes, Supervisor};
use crate::protocol::{Push, Value};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};
use std::time::Duration;

/// A sink that reports to the pool, as the one of a client does.
#[derive(Debug)]
struct ToEntries {
    entries: Arc<Entries>,
    ended: AtomicUsize,
}

impl Mailbox for ToEntries {
    fn push(&self, _: &Link, _: Push) {}
}

impl Supervisor for ToEntries {
    fn unusable(&self, link: &Link) {
        self.entries.lost(link);
    }

    fn ended(&self, link: &Link, _: EndReason) {
        self.entries.lost(link);
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// A link with a server behind it, as a worker makes it.
fn open(id: u64, entry: usize, sink: &Arc<ToEntries>) -> (Arc<Link>, Far, JoinHandle<Vec<i64>>) {
    let (wire, far) = fake::cable(None);
    let link = fake::start(id, entry, wire, SHORT, Routes::of_commands(sink));
    let server = serve(far.clone(), false);
    (link, far, server)
}

fn swap_in(entries: &Entries, link: &Arc<Link>) {
    match entries.install(Arc::clone(link)) {
        Installed::InPlaceOf(Some(old)) => old.retire(),
        Installed::InPlaceOf(None) => {}
        Installed::Overtaken => link.retire(),
        Installed::Refused => link.end(BY_USER),
    }
    link.open_gate();
}

fn pool(entries: &Arc<Entries>) -> Arc<Pool> {
    pool_of(entries, 512)
}

fn pool_of(entries: &Arc<Entries>, max_in_flight: usize) -> Arc<Pool> {
    let counters = Arc::new(Counters::default());
    Arc::new(Pool::new(
        Arc::clone(entries),
        Arc::new(|_: Demand| {}),
        counters,
        None,
        0,
        max_in_flight,
    ))
}

/// Every bit says whether its entry has a link, once nobody changes anything.
fn bits_are_right(entries: &Entries) {
    for entry in entries.all() {
        let live = !entries.is_dedicated(entry.id()) && entry.link().is_some();
        assert_eq!(entries.is_live(entry.id()), live);
        assert!(
            entry.link().is_none_or(|link| link.is_open()),
            "a link serves that does not"
        );
        assert_eq!(entry.load(), 0);
    }
}

/// Callers use an entry whose link is swapped under them; nothing breaks, so nothing may fail.
fn callers_meet_swaps() {
    let entries = Arc::new(Entries::new(1, 0));
    let sink = Arc::new(ToEntries {
        entries: Arc::clone(&entries),
        ended: AtomicUsize::new(0),
    });
    let pool = pool(&entries);
    let callers: Vec<_> = (0..2)
        .map(|caller| {
            let (pool, entries) = (Arc::clone(&pool), Arc::clone(&entries));
            thread::spawn(move || {
                for number in 0..2 {
                    let id = caller * 10 + number;
                    loop {
                        let checkout = pool
                            .checkout(&Wanted::small(512), &forever())
                            .expect("a checkout");
                        match ask(&checkout.link, id, forever()).0 {
                            Fate::Answered => break,
                            Fate::Unaccepted => entries.lost(&checkout.link),
                            fate => panic!("{id}: {fate:?}, although no link broke"),
                        }
                    }
                }
                [caller * 10, caller * 10 + 1]
            })
        })
        .collect();
    let mut servers = Vec::new();
    let mut links = Vec::new();
    for id in 1..4 {
        let (link, far, server) = open(id, 0, &sink);
        swap_in(&entries, &link);
        servers.push(server);
        links.push((link, far));
    }
    let mut asked: Vec<i64> = callers
        .into_iter()
        .flat_map(|caller| caller.join().unwrap())
        .collect();
    bits_are_right(&entries);
    // The ones that were replaced end by themselves, and nothing follows.
    for (link, far) in &links[..2] {
        far.until_shut();
        link.join();
    }
    entries.close().iter().for_each(|link| link.end(BY_USER));
    links.iter().for_each(|(link, _)| link.join());
    let mut seen: Vec<i64> = servers
        .into_iter()
        .flat_map(|server| server.join().unwrap())
        .collect();
    asked.sort_unstable();
    seen.sort_unstable();
    assert_eq!(seen, asked, "each is executed once");
    assert_eq!(sink.ended.load(Ordering::SeqCst), 3);
}

#[test]
fn model_of_swaps_under_callers() {
    explore(60, callers_meet_swaps);
}

/// A lease asks twice over one link while that is replaced: both are answered there, and the link ends once
/// the lease is released.
fn a_lease_meets_a_swap() {
    let entries = Arc::new(Entries::new(1, 0));
    let sink = Arc::new(ToEntries {
        entries: Arc::clone(&entries),
        ended: AtomicUsize::new(0),
    });
    let (old, far, server) = open(1, 0, &sink);
    swap_in(&entries, &old);
    let lease = {
        let old = Arc::clone(&old);
        thread::spawn(move || {
            if !old.hold() {
                return vec![];
            }
            for id in [1, 2] {
                let line = format!("{id}\n");
                match old.call_leased(one(line.as_bytes()), &forever()) {
                    Ok(Outcome::One(value)) => assert_eq!(value, Value::Int(id)),
                    other => panic!("{other:?}, although nothing broke"),
                }
            }
            old.release();
            vec![1, 2]
        })
    };
    let (new, _, next_server) = open(2, 0, &sink);
    swap_in(&entries, &new);
    let asked = lease.join().unwrap();
    far.until_shut();
    old.join();
    assert_eq!(server.join().unwrap(), asked);
    bits_are_right(&entries);
    entries.close().iter().for_each(|link| link.end(BY_USER));
    new.join();
    assert!(next_server.join().unwrap().is_empty());
    assert_eq!(sink.ended.load(Ordering::SeqCst), 2);
}

#[test]
fn model_of_a_lease_over_a_swap() {
    explore(60, a_lease_meets_a_swap);
}

/// Two workers bring links for one entry while links end: the newest serves, or none.
fn workers_race_for_an_entry() {
    let entries = Arc::new(Entries::new(1, 0));
    let sink = Arc::new(ToEntries {
        entries: Arc::clone(&entries),
        ended: AtomicUsize::new(0),
    });
    let opened: Vec<_> = (1..4).map(|id| open(id, 0, &sink)).collect();
    let breaks = thread_rng().gen_range(0..4);
    let workers: Vec<_> = opened
        .iter()
        .map(|(link, far, _)| {
            let (link, far, entries) = (Arc::clone(link), far.clone(), Arc::clone(&entries));
            thread::spawn(move || {
                swap_in(&entries, &link);
                if link.id().number() <= breaks {
                    far.end();
                }
            })
        })
        .collect();
    workers
        .into_iter()
        .for_each(|worker| worker.join().unwrap());
    for (link, far, _) in &opened {
        if link.id().number() < 3 || breaks == 3 {
            // Replaced, overtaken or broken: it ends without being told.
            far.until_shut();
            link.join();
        }
    }
    bits_are_right(&entries);
    let serving = entries.all()[0].link().map(|link| link.id().number());
    assert_eq!(serving, (breaks < 3).then_some(3));
    entries.close().iter().for_each(|link| link.end(BY_USER));
    for (link, _, server) in opened {
        link.join();
        server.join().unwrap();
    }
}

#[test]
fn model_of_workers_that_race_for_an_entry() {
    explore(100, workers_race_for_an_entry);
}

/// As many callers as there are places: however they come, go and look for room, and whatever link is swapped
/// under them, no entry has more than its bound.
fn callers_look_for_room() {
    const BOUND: usize = 1;
    let entries = Arc::new(Entries::new(2, 0));
    let sink = Arc::new(ToEntries {
        entries: Arc::clone(&entries),
        ended: AtomicUsize::new(0),
    });
    let mut opened: Vec<_> = (0..2)
        .map(|entry| open(entry as u64 + 1, entry, &sink))
        .collect();
    opened.iter().for_each(|(link, ..)| swap_in(&entries, link));
    let pool = pool_of(&entries, BOUND);
    let inside: Arc<[AtomicUsize; 2]> = Arc::default();
    let callers: Vec<_> = (0..2)
        .map(|number| {
            let (pool, inside) = (Arc::clone(&pool), Arc::clone(&inside));
            thread::spawn(move || {
                for turn in 0..3 {
                    // One of them is large now and then: it leaves the first to the other, if there is room.
                    let line = format!("{number}\n");
                    let request = one(line.as_bytes());
                    let wanted = pool.wanted(&request, number == 1 && turn == 1);
                    let checkout = pool.checkout(&wanted, &forever()).expect("a checkout");
                    let entry = checkout.link.entry().index();
                    let before = inside[entry].fetch_add(1, Ordering::SeqCst);
                    assert!(before < BOUND, "{before} beside this one");
                    thread::yield_now();
                    inside[entry].fetch_sub(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let next = open(3, 0, &sink);
    swap_in(&entries, &next.0);
    opened.push(next);
    callers
        .into_iter()
        .for_each(|caller| caller.join().unwrap());
    bits_are_right(&entries);
    entries.close().iter().for_each(|link| link.end(BY_USER));
    for (link, _, server) in opened {
        link.join();
        server.join().unwrap();
    }
}

#[test]
fn model_of_callers_that_look_for_room() {
    explore(100, callers_look_for_room);
}

/// A dedicated entry has one caller at a time, and who waits for one gets it; sharing goes on beside.
fn dedicated_and_shared() {
    let entries = Arc::new(Entries::new(1, 2));
    let sink = Arc::new(ToEntries {
        entries: Arc::clone(&entries),
        ended: AtomicUsize::new(0),
    });
    let opened: Vec<_> = (0..3)
        .map(|entry| open(entry as u64 + 1, entry, &sink))
        .collect();
    opened.iter().for_each(|(link, ..)| swap_in(&entries, link));
    let pool = pool(&entries);
    let inside: Arc<[AtomicUsize; 3]> = Arc::default();
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let (pool, inside) = (Arc::clone(&pool), Arc::clone(&inside));
            thread::spawn(move || {
                for _ in 0..2 {
                    let alone = number < 3;
                    let checkout = if alone {
                        pool.checkout_exclusive(&forever())
                    } else {
                        pool.checkout(&Wanted::small(512), &forever())
                    };
                    let checkout = checkout.expect("a checkout");
                    let entry = checkout.link.entry().index();
                    assert_eq!(entry > 0, alone);
                    let before = inside[entry].fetch_add(1, Ordering::SeqCst);
                    assert!(!alone || before == 0, "{before}");
                    thread::yield_now();
                    inside[entry].fetch_sub(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    bits_are_right(&entries);
    entries.close().iter().for_each(|link| link.end(BY_USER));
    for (link, _, server) in opened {
        link.join();
        server.join().unwrap();
    }
}

#[test]
fn model_of_dedicated_entries() {
    explore(60, dedicated_and_shared);
}

/// Who waits for a connection is told whatever comes: a link, a failed dial, or the end.
fn waits_for_a_connection() {
    let entries = Arc::new(Entries::new(1, 1));
    let sink = Arc::new(ToEntries {
        entries: Arc::clone(&entries),
        ended: AtomicUsize::new(0),
    });
    let pool = pool(&entries);
    let callers: Vec<_> = (0..2)
        .map(|alone| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let checkout = if alone == 0 {
                    pool.checkout_exclusive(&forever())
                } else {
                    pool.checkout(&Wanted::small(512), &forever())
                };
                checkout.map(drop).is_ok()
            })
        })
        .collect();
    let opened = [open(1, 0, &sink), open(2, 1, &sink)];
    match thread_rng().gen_range(0..3) {
        0 => opened.iter().for_each(|(link, ..)| swap_in(&entries, link)),
        1 => {
            // One failure for each: who begins to wait later does not count the first.
            let done = Arc::new(AtomicBool::new(false));
            let fails = Arc::clone(&done);
            let failing = {
                let entries = Arc::clone(&entries);
                thread::spawn(move || {
                    let mut at = clock::now();
                    while !fails.load(Ordering::SeqCst) {
                        at += Duration::from_secs(1);
                        let dial = FailedDial {
                            began: at,
                            ended: at,
                        };
                        let error = crate::Error::closed_by_user();
                        entries.dial_failed(error.clone(), Some(dial));
                        let is_last = rarely(2);
                        entries.fill_failed(EntryId::new(1), FailedFill { error, is_last });
                        thread::yield_now();
                    }
                })
            };
            for caller in callers {
                assert!(!caller.join().unwrap());
            }
            done.store(true, Ordering::SeqCst);
            failing.join().unwrap();
            end_all(opened);
            return;
        }
        _ => entries.shut(),
    }
    let closed = entries.is_closed();
    for caller in callers {
        assert_eq!(caller.join().unwrap(), !closed);
    }
    end_all(opened);
}

fn end_all(opened: [(Arc<Link>, Far, JoinHandle<Vec<i64>>); 2]) {
    for (link, _, server) in opened {
        link.end(BY_USER);
        link.join();
        server.join().unwrap();
    }
}

#[test]
fn model_of_waits_for_a_connection() {
    explore(60, waits_for_a_connection);
}
