//! Link, slot and roster under many thread schedules. Run with
//! `RUSTFLAGS="--cfg hitless_model" cargo test --lib --release model`; the environment variable
//! `HITLESS_MODEL_SCHEDULES` says how many schedules each model tries, half of them chosen at random
//! and half by priorities. A failing one is printed, to be repeated with `shuttle::replay`.

use super::fake::{self, Far, Note, forever, one, within};
use super::{
    Deadline, EndReason, FailedFill, Failure, Installed, Link, Outcome, Request, Roster, Sink,
};
use crate::clock;
use crate::counters::Counters;
use crate::error::CloseReason;
use crate::handoff::patience::FailedDial;
use crate::pool::Pool;
use crate::protocol::{Push, Value};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering};
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread::{self, JoinHandle};
use std::time::Duration;

const BY_USER: EndReason = EndReason::Closed(CloseReason::ByUser);

/// Shorter than what a reading caller sleeps in one piece, so that the checker chooses timeouts.
const SHORT: Duration = Duration::from_millis(50);

/// Steps that no schedule of these models needs: more is a thread that spins.
const MOST_STEPS: usize = 200_000;

/// Runs a model under schedules of both kinds.
pub(crate) fn explore(share: usize, model: fn()) {
    let schedules = std::env::var("HITLESS_MODEL_SCHEDULES")
        .ok()
        .and_then(|schedules| schedules.parse().ok())
        .unwrap_or(6_000_usize);
    let each = (schedules * share / 200).max(1);
    let mut config = shuttle::Config::new();
    config.max_steps = shuttle::MaxSteps::FailAfter(MOST_STEPS);
    config.silence_warnings = true;
    config.stack_size = 256 * 1024;
    shuttle::Runner::new(RandomScheduler::new(each), config.clone()).run(model);
    shuttle::Runner::new(PctScheduler::new(3, each), config).run(model);
}

/// One time in `n`.
pub(crate) fn rarely(n: u32) -> bool {
    thread_rng().gen_ratio(1, n)
}

/// Answers each line with its number, and says other things in between, until the wire is shut.
pub(crate) fn serve(far: Far, noise: bool) -> JoinHandle<Vec<i64>> {
    thread::spawn(move || {
        let mut seen = Vec::new();
        while let Some(line) = far.line() {
            let id = number(&line);
            seen.push(id);
            if noise && rarely(3) {
                far.send(">1\r\n+noise\r\n");
            }
            far.send(format!(":{id}\r\n"));
        }
        seen
    })
}

fn number(line: &[u8]) -> i64 {
    String::from_utf8_lossy(line)
        .trim()
        .parse()
        .expect("a number")
}

/// What became of a request of one number.
#[derive(Debug, Eq, PartialEq)]
enum Fate {
    /// The number came back.
    Answered,
    /// Failed, and all bytes may have left.
    Lost,
    /// Failed, and not all bytes have left.
    NotSent,
    Unaccepted,
}

fn ask(link: &Link, id: i64, limit: Deadline) -> (Fate, bool) {
    let line = format!("{id}\n");
    let Ok(outcome) = link.call(one(line.as_bytes()), &limit) else {
        return (Fate::Unaccepted, false);
    };
    match outcome {
        Outcome::One(value) => {
            assert_eq!(value, Value::Int(id), "a reply reached the wrong caller");
            (Fate::Answered, false)
        }
        Outcome::Failed(Failure { reason, sent, .. }) => {
            let whole = sent >= line.len() as u64;
            (
                if whole { Fate::Lost } else { Fate::NotSent },
                reason.is_none(),
            )
        }
        Outcome::Many(_) => panic!("one reply was asked for"),
    }
}

/// Requests on one link that is never ended: nobody may wait in vain.
fn hand_over(callers: i64, each: i64, limit: fn() -> Deadline, prepare: fn(&Far)) {
    let (link, far, notes) = fake::link();
    prepare(&far);
    let server = serve(far.clone(), true);
    let callers: Vec<_> = (0..callers)
        .map(|caller| {
            let link = Arc::clone(&link);
            thread::spawn(move || {
                let mut fates = Vec::new();
                for number in 0..each {
                    let id = caller * 10 + number;
                    fates.push((id, ask(&link, id, limit())));
                }
                fates
            })
        })
        .collect();
    let fates: Vec<_> = callers
        .into_iter()
        .flat_map(|caller| caller.join().unwrap())
        .collect();
    link.end(BY_USER);
    link.join();
    let seen = server.join().unwrap();
    let gave_up = fates.iter().any(|(_, (_, timed_out))| *timed_out);
    for (id, (fate, _)) in &fates {
        match fate {
            Fate::Answered => assert!(seen.contains(id)),
            Fate::NotSent | Fate::Unaccepted => {
                assert!(
                    !seen.contains(id),
                    "{id} was said not to be sent, and arrived"
                );
            }
            Fate::Lost => {}
        }
        assert!(
            *fate == Fate::Answered || gave_up,
            "{id} failed, although nobody gave up"
        );
    }
    assert_eq!(
        notes
            .all()
            .iter()
            .filter(|note| matches!(note, Note::Ended(..)))
            .count(),
        1
    );
    assert_eq!(notes.count(&Note::Unusable(1)), 1);
}

fn reading_is_handed_over() {
    hand_over(3, 2, forever, |_| {});
}

fn reading_is_handed_over_by_those_who_give_up() {
    // Whoever reads and is left with bytes to write finds that at its next tick.
    hand_over(3, 2, || within(SHORT), Far::set_ticks);
}

fn some_give_up() -> Deadline {
    if rarely(3) { within(SHORT) } else { forever() }
}

fn writing_is_handed_over_by_those_who_give_up() {
    hand_over(3, 1, some_give_up, |far| {
        far.set_room(2);
        far.set_ticks();
    });
}

#[test]
fn model_of_the_read_role() {
    explore(100, reading_is_handed_over);
}

#[test]
fn model_of_the_read_role_with_timeouts() {
    explore(100, reading_is_handed_over_by_those_who_give_up);
}

#[test]
fn model_of_the_write_role_with_timeouts() {
    explore(60, writing_is_handed_over_by_those_who_give_up);
}

/// Both directions are full: the server takes nothing more until its replies are read.
fn both_directions_fill() {
    let (link, far, _notes) = fake::link();
    far.set_room(5);
    far.set_ticks();
    let server = {
        let far = far.clone();
        thread::spawn(move || {
            while let Some(line) = far.line() {
                far.send(format!(":{}\r\n", number(&line)));
                far.until_consumed();
            }
        })
    };
    let callers: Vec<_> = (1..3)
        .map(|caller| {
            let link = Arc::clone(&link);
            thread::spawn(move || {
                let ids = [caller * 10, caller * 10 + 1, caller * 10 + 2];
                let bytes: String = ids.iter().map(|id| format!("{id}\n")).collect();
                let request = Request {
                    parts: [bytes.as_bytes(), &[]],
                    replies: 3,
                };
                match link.call(request, &forever()) {
                    Ok(Outcome::Many(values)) => {
                        assert_eq!(values, ids.map(Value::Int));
                    }
                    other => panic!("{other:?}"),
                }
            })
        })
        .collect();
    callers
        .into_iter()
        .for_each(|caller| caller.join().unwrap());
    link.end(BY_USER);
    link.join();
    server.join().unwrap();
}

#[test]
fn model_of_both_directions_full() {
    explore(60, both_directions_fill);
}

/// A link ends at any moment while callers use it.
fn ends_at_any_moment() {
    let (link, far, notes) = fake::link();
    let server = serve(far.clone(), false);
    let callers: Vec<_> = (0..2)
        .map(|id| {
            let link = Arc::clone(&link);
            thread::spawn(move || (id, ask(&link, id, forever()).0))
        })
        .collect();
    match thread_rng().gen_range(0..5) {
        0 => link.end(BY_USER),
        1 => link.retire(),
        2 => drop(link.close_if_idle(CloseReason::Drained)),
        3 => far.end(),
        _ => far.send("!!\r\n"),
    }
    let fates: Vec<_> = callers
        .into_iter()
        .map(|caller| caller.join().unwrap())
        .collect();
    link.end(BY_USER);
    link.join();
    let seen = server.join().unwrap();
    for (id, fate) in fates {
        match fate {
            Fate::Answered => assert!(seen.contains(&id)),
            Fate::NotSent | Fate::Unaccepted => assert!(!seen.contains(&id)),
            Fate::Lost => {}
        }
    }
    assert_eq!(
        notes
            .all()
            .iter()
            .filter(|note| matches!(note, Note::Ended(..)))
            .count(),
        1
    );
}

#[test]
fn model_of_the_end_of_a_link() {
    explore(100, ends_at_any_moment);
}

/// A sink that reports to a roster, as the one of a client does.
#[derive(Debug)]
struct ToRoster {
    roster: Arc<Roster>,
    ended: AtomicUsize,
}

impl Sink for ToRoster {
    fn pushed(&self, _: &Link, _: Push) {}

    fn unusable(&self, link: &Link) {
        self.roster.lost(link);
    }

    fn ended(&self, link: &Link, _: EndReason) {
        self.roster.lost(link);
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// A link with a server behind it, as a worker makes it.
fn open(id: u64, slot: usize, sink: &Arc<ToRoster>) -> (Arc<Link>, Far, JoinHandle<Vec<i64>>) {
    let (wire, far) = fake::cable(None);
    let sink: Arc<dyn Sink> = Arc::<ToRoster>::clone(sink);
    let link = fake::start(id, slot, wire, SHORT, sink);
    let server = serve(far.clone(), false);
    (link, far, server)
}

fn swap_in(roster: &Roster, link: &Arc<Link>) {
    match roster.install(Arc::clone(link)) {
        Installed::InPlaceOf(Some(old)) => old.retire(),
        Installed::InPlaceOf(None) => {}
        Installed::Overtaken => link.retire(),
        Installed::Refused => link.end(BY_USER),
    }
    link.open_gate();
}

fn pool(roster: &Arc<Roster>) -> Arc<Pool> {
    let counters = Arc::new(Counters::default());
    Arc::new(Pool::new(
        Arc::clone(roster),
        Box::new(|_| {}),
        counters,
        None,
        0,
    ))
}

/// Every bit says whether its slot has a link, once nobody changes anything.
fn bits_are_right(roster: &Roster) {
    for slot in roster.slots() {
        let live = !roster.is_dedicated(slot.id()) && slot.link().is_some();
        assert_eq!(roster.is_live(slot.id()), live);
        assert!(
            slot.link().is_none_or(|link| link.is_open()),
            "a link serves that does not"
        );
        assert_eq!(slot.load(), 0);
    }
}

/// Callers use a slot whose link is swapped under them; nothing breaks, so nothing may fail.
fn callers_meet_swaps() {
    let roster = Arc::new(Roster::new(1, 0));
    let sink = Arc::new(ToRoster {
        roster: Arc::clone(&roster),
        ended: AtomicUsize::new(0),
    });
    let pool = pool(&roster);
    let callers: Vec<_> = (0..2)
        .map(|caller| {
            let (pool, roster) = (Arc::clone(&pool), Arc::clone(&roster));
            thread::spawn(move || {
                for number in 0..2 {
                    let id = caller * 10 + number;
                    loop {
                        let turn = pool.enter(&forever()).expect("a turn");
                        match ask(&turn.link, id, forever()).0 {
                            Fate::Answered => break,
                            Fate::Unaccepted => roster.lost(&turn.link),
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
        swap_in(&roster, &link);
        servers.push(server);
        links.push((link, far));
    }
    let mut asked: Vec<i64> = callers
        .into_iter()
        .flat_map(|caller| caller.join().unwrap())
        .collect();
    bits_are_right(&roster);
    // The ones that were replaced end by themselves, and nothing follows.
    for (link, far) in &links[..2] {
        far.until_shut();
        link.join();
    }
    roster.close().iter().for_each(|link| link.end(BY_USER));
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

/// Two workers bring links for one slot while links end: the newest serves, or none.
fn workers_race_for_a_slot() {
    let roster = Arc::new(Roster::new(1, 0));
    let sink = Arc::new(ToRoster {
        roster: Arc::clone(&roster),
        ended: AtomicUsize::new(0),
    });
    let opened: Vec<_> = (1..4).map(|id| open(id, 0, &sink)).collect();
    let breaks = thread_rng().gen_range(0..4);
    let workers: Vec<_> = opened
        .iter()
        .map(|(link, far, _)| {
            let (link, far, roster) = (Arc::clone(link), far.clone(), Arc::clone(&roster));
            thread::spawn(move || {
                swap_in(&roster, &link);
                if link.id().0 <= breaks {
                    far.end();
                }
            })
        })
        .collect();
    workers
        .into_iter()
        .for_each(|worker| worker.join().unwrap());
    for (link, far, _) in &opened {
        if link.id().0 < 3 || breaks == 3 {
            // Replaced, overtaken or broken: it ends without being told.
            far.until_shut();
            link.join();
        }
    }
    bits_are_right(&roster);
    let serving = roster.slots()[0].link().map(|link| link.id().0);
    assert_eq!(serving, (breaks < 3).then_some(3));
    roster.close().iter().for_each(|link| link.end(BY_USER));
    for (link, _, server) in opened {
        link.join();
        server.join().unwrap();
    }
}

#[test]
fn model_of_workers_that_race_for_a_slot() {
    explore(100, workers_race_for_a_slot);
}

/// A dedicated slot has one caller at a time, and who waits for one gets it; sharing goes on beside.
fn dedicated_and_shared() {
    let roster = Arc::new(Roster::new(1, 2));
    let sink = Arc::new(ToRoster {
        roster: Arc::clone(&roster),
        ended: AtomicUsize::new(0),
    });
    let opened: Vec<_> = (0..3)
        .map(|slot| open(slot as u64 + 1, slot, &sink))
        .collect();
    opened.iter().for_each(|(link, ..)| swap_in(&roster, link));
    let pool = pool(&roster);
    let inside: Arc<[AtomicUsize; 3]> = Arc::default();
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let (pool, inside) = (Arc::clone(&pool), Arc::clone(&inside));
            thread::spawn(move || {
                for _ in 0..2 {
                    let alone = number < 3;
                    let turn = if alone {
                        pool.enter_alone(&forever())
                    } else {
                        pool.enter(&forever())
                    };
                    let turn = turn.expect("a turn");
                    let slot = turn.link.slot();
                    assert_eq!(slot > 0, alone);
                    let before = inside[slot].fetch_add(1, Ordering::SeqCst);
                    assert!(!alone || before == 0, "{before}");
                    thread::yield_now();
                    inside[slot].fetch_sub(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    bits_are_right(&roster);
    roster.close().iter().for_each(|link| link.end(BY_USER));
    for (link, _, server) in opened {
        link.join();
        server.join().unwrap();
    }
}

#[test]
fn model_of_dedicated_slots() {
    explore(60, dedicated_and_shared);
}

/// Who waits for a connection is told whatever comes: a link, a failed dial, or the end.
fn waits_for_a_connection() {
    let roster = Arc::new(Roster::new(1, 1));
    let sink = Arc::new(ToRoster {
        roster: Arc::clone(&roster),
        ended: AtomicUsize::new(0),
    });
    let pool = pool(&roster);
    let callers: Vec<_> = (0..2)
        .map(|alone| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let turn = if alone == 0 {
                    pool.enter_alone(&forever())
                } else {
                    pool.enter(&forever())
                };
                turn.map(drop).is_ok()
            })
        })
        .collect();
    let opened = [open(1, 0, &sink), open(2, 1, &sink)];
    match thread_rng().gen_range(0..3) {
        0 => opened.iter().for_each(|(link, ..)| swap_in(&roster, link)),
        1 => {
            // One failure for each: who begins to wait later does not count the first.
            let done = Arc::new(AtomicBool::new(false));
            let fails = Arc::clone(&done);
            let failing = {
                let roster = Arc::clone(&roster);
                thread::spawn(move || {
                    let mut at = clock::now();
                    while !fails.load(Ordering::SeqCst) {
                        at += Duration::from_secs(1);
                        let dial = FailedDial {
                            began: at,
                            ended: at,
                        };
                        let error = crate::Error::closed_by_user();
                        roster.dial_failed(error.clone(), Some(dial));
                        let is_last = rarely(2);
                        roster.fill_failed(1, FailedFill { error, is_last });
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
        _ => roster.shut(),
    }
    let closed = roster.is_closed();
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
