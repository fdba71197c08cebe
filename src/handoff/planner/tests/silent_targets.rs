//! Targets that are dialled and never answer: a move that hangs costs nobody else anything.

use super::super::*;
use super::world::*;
use crate::handoff::sizing;

/// A pool of `entries` links with as many workers as it gets.
fn pool(entries: usize, seed: u64) -> World {
    let mut settings = Settings::new(named(1), entries);
    settings.workers = sizing::workers(entries);
    let mut w = World::with(settings, seed).filled();
    w.latency = ms(1);
    w
}

const SILENT: [Manner; 2] = [Manner::BlackHole, Manner::Stalls];

#[test]
fn a_move_that_hung_holds_up_no_caller_when_the_old_address_still_accepts() {
    for (entries, seed) in [(1, 1), (2, 2), (3, 3), (8, 4), (30, 5)] {
        for manner in SILENT {
            // Before the end, at it, and long after it.
            for cut in [10, 100, 400, 1200, 3700, 7000] {
                let mut w = pool(entries, seed);
                w.manners.insert(node(2), manner);
                w.broadcast(node(1), &moving(1, 3, Some(named(2))));
                w.run(ms(cut));
                w.close(node(1));
                let took = w.until_served();
                let context = format!("{entries} entries, {manner:?}, cut at {cut} ms");
                assert!(took <= secs(1), "{took:?}: {context}");
                for _ in 0..100 {
                    w.want();
                    w.run(ms(20));
                }
                assert_eq!(w.live(), entries, "{:?}: {context}", w.peers());
            }
        }
    }
}

#[test]
fn a_link_that_is_lost_goes_back_to_its_address_at_once_while_the_target_hangs() {
    let mut w = pool(8, 1);
    w.manners.insert(node(2), Manner::BlackHole);
    w.broadcast(node(1), &moving(1, 3, Some(named(2))));
    w.run(ms(3700));
    w.close(node(1));
    w.run(ms(20));
    assert!(
        w.live() >= 7,
        "but for the one whose move hangs: {:?}",
        w.peers()
    );
}

#[test]
fn a_fill_takes_the_only_worker_from_a_move_that_hangs_and_gives_it_back() {
    let mut w = pool(3, 1);
    assert_eq!(w.c.settings.workers, 1);
    w.manners.insert(node(2), Manner::Stalls);
    w.broadcast(node(1), &moving(1, 10, Some(named(2))));
    w.run(secs(2));
    assert!(
        w.c.phases().any(|state| state == Phase::Handing),
        "it hangs"
    );
    // A caller needs a link of its own, and an entry is free.
    let link = w.link(2);
    w.end(link, true);
    w.c.handle_wanted(w.now, &mut w.a, 1, true);
    w.late_wakeup(Duration::ZERO);
    w.run(ms(400));
    assert_eq!(w.live(), 3, "{:?}", w.peers());
    assert!((1..=2).contains(&w.interrupts), "{}", w.interrupts);
    // The move goes on, and has lost nothing by that.
    w.manners.insert(node(2), Manner::Accepts);
    w.run(secs(5));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!((w.completed(), w.failed), (1, 0));
}

#[test]
fn moves_that_are_quick_are_not_interrupted() {
    let mut w = pool(3, 1);
    w.latency = ms(200);
    w.broadcast(node(1), &moving(1, 10, Some(named(2))));
    for _ in 0..60 {
        w.want();
        w.run(ms(50));
    }
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!(w.interrupts, 0);
}

#[test]
fn a_move_that_hangs_holds_up_no_other_entry() {
    let mut w = World::with(Settings::new(named(1), 4), 1).filled();
    w.latency = ms(1);
    w.manners.insert(node(2), Manner::Stalls);
    w.broadcast(node(1), &moving(1, 16, Some(named(2))));
    w.run(ms(1200));
    assert_eq!(w.moves().count(), 1);
    // The first dial gets no answer; any other would.
    w.manners.insert(node(2), Manner::Accepts);
    w.run(ms(2100));
    let there = w.peers().into_iter().filter(|peer| *peer == Some(node(2)));
    assert_eq!(
        there.count(),
        3,
        "after an eighth of the time: {:?}",
        w.peers()
    );
    w.run(secs(13));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn no_dial_of_a_move_outlasts_its_share_of_the_announced_time() {
    for grace in [1, 3, 6, 15, 60] {
        for manner in SILENT {
            let mut w = World::with(Settings::new(named(1), 3), 1).filled();
            w.manners.insert(node(2), manner);
            let said = moving(1, i64::try_from(grace).unwrap(), Some(named(2)));
            w.broadcast(node(1), &said);
            w.run(secs(grace));
            let start = w.start;
            let in_time = |(at, _): &&(Duration, Job)| *at < secs(grace);
            for (at, job) in w.moves().filter(in_time) {
                let left = secs(grace).saturating_sub(*at);
                let connect = job.connect_by.duration_since(start) - *at;
                assert!(
                    connect <= (left / 3).max(ms(250)),
                    "{grace} s: {connect:?} at {at:?}"
                );
                let whole = job.give_up.duration_since(start) - *at;
                assert!(
                    whole <= (left / 2).max(secs(2)),
                    "{grace} s: {whole:?} at {at:?}"
                );
            }
        }
    }
}

#[test]
fn a_job_that_waited_for_a_worker_for_too_long_counts_nowhere() {
    let mut settings = Settings::new(named(1), 6);
    settings.workers = 1;
    settings.max_retries = 0;
    let mut w = World::with(settings, 1).filled();
    w.latency = ms(1);
    w.broadcast(node(1), &moving(1, 10, Some(named(2))));
    // The first is there; then each dial hangs for as long as it may, one after the other.
    w.run(ms(900));
    w.manners.insert(node(2), Manner::Stalls);
    w.run(secs(3));
    let failed = Why::Failed(FailureKind::Withdrawn);
    assert_eq!(w.gave(failed), 0);
    w.manners.insert(node(2), Manner::Accepts);
    w.run(secs(5));
    assert!(w.all_at(2), "{:?}", w.peers());
}
