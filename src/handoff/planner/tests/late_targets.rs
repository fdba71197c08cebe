//! Targets that are out of reach at first: no failure costs a move that is announced in time.

use super::super::*;
use super::world::*;
use crate::handoff::breaker::BreakerState;

/// A move announced `grace` seconds ahead to a node that refuses until `back`. Returns the world at the
/// announced end.
fn late(entries: usize, seed: u64, grace: u64, back: Duration, manner: Manner) -> World {
    let mut w = World::with(Settings::new(named(1), entries), seed).filled();
    w.latency = ms(1);
    w.manners.insert(node(2), manner);
    w.at(back, |w| {
        w.manners.insert(node(2), Manner::Accepts);
    });
    let said = moving(1, i64::try_from(grace).unwrap(), Some(named(2)));
    w.broadcast(node(1), &said);
    w.run(secs(grace));
    w
}

#[test]
fn a_target_that_recovers_in_time_is_not_shut_out_by_its_breaker() {
    // The whole pool follows the probe that finds it recovered.
    for (grace, back) in [
        (10, 4_500),
        (15, 12_000),
        (15, 13_900),
        (5, 3_900),
        (30, 28_000),
    ] {
        for (entries, seed) in [(1, 1), (2, 2), (6, 3), (30, 4)] {
            let w = late(entries, seed, grace, ms(back), Manner::Refuses);
            assert!(w.all_at(2), "{grace} s, back at {back} ms: {:?}", w.peers());
            assert_eq!(w.failed, 0);
        }
    }
}

#[test]
fn a_target_that_recovers_is_reached_within_an_eighth_of_the_announced_time() {
    for (grace, back) in [(10, 4_500), (16, 9_000), (60, 40_000)] {
        for seed in 0..10 {
            let w = late(16, seed, grace, ms(back), Manner::HangsUp);
            let reached = |(_, event): &&(Duration, MaintenanceEvent)| {
                matches!(event, MaintenanceEvent::ConnectionMoved { .. })
            };
            let first = w.events.iter().find(reached).map(|(at, _)| *at).unwrap();
            let most = ms(back) + secs(grace) / 8 + ms(10);
            assert!(first <= most, "{grace} s, back at {back} ms: {first:?}");
        }
    }
}

#[test]
fn the_last_moment_for_a_target_to_recover_is_a_second_or_a_quarter_before_the_end() {
    for grace in 1..=20 {
        let last = ms(1000 * grace) - ms(250 * grace).min(secs(1));
        for (entries, seed) in [(1, 1), (3, 2), (12, 3)] {
            let w = late(entries, seed, grace, last - ms(2), Manner::Refuses);
            assert!(w.all_at(2), "{grace} s: {:?}", w.peers());
        }
    }
}

#[test]
fn a_breaker_that_was_open_before_costs_no_move() {
    for seed in 0..10 {
        let mut w = World::with(Settings::new(named(1), 5), seed).filled();
        w.latency = ms(1);
        w.manners.insert(node(2), Manner::Refuses);
        w.broadcast(node(1), &moving(1, 10, Some(named(2))));
        w.run(secs(11));
        assert!(
            w.a.breakers()
                .any(|(_, stats)| stats.state == BreakerState::Open)
        );
        w.manners.insert(node(2), Manner::Accepts);
        w.broadcast(node(1), &moving(2, 10, Some(named(2))));
        w.run(ms(1300));
        assert!(w.all_at(2), "seed {seed}: {:?}", w.peers());
    }
}

#[test]
fn outside_of_an_announced_time_a_breaker_keeps_to_its_reset_time() {
    let mut w = World::with(Settings::new(named(1), 3), 1).filled();
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(1, 10, Some(named(2))));
    w.run(secs(50));
    let open = |w: &World| {
        w.a.breakers()
            .any(|(_, stats)| stats.state == BreakerState::Open)
    };
    assert!(open(&w));
    let dials = w.moves().count();
    w.run(secs(100));
    assert_eq!(w.moves().count(), dials);
}

#[test]
fn eight_moves_of_a_second_each_in_a_row_are_all_in_time() {
    for (entries, seed) in [(1, 1), (4, 2), (16, 3)] {
        for chain in [true, false] {
            let mut w = World::with(Settings::new(named(1), entries), seed).filled();
            w.latency = ms(5);
            for n in 1..=8_u8 {
                // On to ever new nodes, or there and back again.
                let (here, there) = match chain {
                    true => (n, n + 1),
                    false => (2 - n % 2, 1 + n % 2),
                };
                w.broadcast(node(here), &moving(i64::from(n), 1, Some(named(there))));
                w.run(secs(1));
                assert!(w.all_at(there), "move {n}: {:?}", w.peers());
                w.close(node(here));
            }
        }
    }
}

#[test]
fn a_rest_ends_at_half_of_the_announced_time() {
    for grace in [1, 2, 3, 10] {
        let mut w = World::with(Settings::new(named(1), 2), 1).filled();
        w.latency = ms(1);
        for n in 1..=7_u8 {
            w.broadcast(node(n), &moving(i64::from(n), 0, Some(named(n + 1))));
            w.run(ms(300));
        }
        assert!(w.all_at(8), "{:?}", w.peers());
        w.jobs.clear();
        let told = w.elapsed();
        w.broadcast(node(8), &moving(20, grace, Some(named(9))));
        w.run(secs(20));
        let first = w.moves().next().unwrap().0 - told;
        let half = ms(500) * u32::try_from(grace).unwrap();
        assert!(
            first > ms(200) && first <= half.min(secs(2)),
            "{grace} s: {first:?}"
        );
    }
}

#[test]
fn servers_that_send_each_other_everybody_at_once_cause_no_storm() {
    let mut w = World::with(Settings::new(named(1), 4), 1).filled();
    w.latency = ms(1);
    for seq in 0..1000 {
        for (here, there) in [(1, 2), (2, 1)] {
            if w.peers().contains(&Some(node(here))) {
                w.broadcast(
                    node(here),
                    &moving(2 * seq + i64::from(here), 0, Some(named(there))),
                );
            }
        }
        w.run(ms(10));
    }
    // Three at once, and then each 250 ms at most, for each of four entries.
    let dials = w.moves().count();
    assert!((12..=4 * 44).contains(&dials), "{dials} dials in 10 s");
}
