//! Addresses that stay while what answers behind them changes.

use super::super::*;
use super::world::*;

/// The end of what is said again to those who opt in at node 1: from then on its address leads to a
/// new node.
fn leads_on(w: &mut World, after: Duration) {
    w.at(after, |w| {
        w.replays.remove(&node(1));
    });
}

/// A pool whose servers have announced a move within so many seconds, to whoever opts in too.
fn announced(mut w: World, time: i64, target: Option<Endpoint>) -> World {
    let said = moving(1, time, target);
    w.replays.insert(node(1), vec![said.clone()]);
    w.broadcast(node(1), &said);
    w
}

fn literal(entries: usize) -> World {
    World::with(Settings::new(named(1), entries), 1).filled()
}

/// When moves were dialled.
fn dials(w: &World) -> Vec<Duration> {
    w.moves().map(|(at, _)| *at).collect()
}

#[test]
fn a_name_that_keeps_its_one_address_is_dialled_from_half_time_until_it_leads_to_a_new_node() {
    let mut w = announced(World::full(3), 15, None);
    let before: Vec<_> = (0..3).map(|entry| w.link(entry)).collect();
    leads_on(&mut w, ms(8600));
    w.run(ms(7490));
    assert!(dials(&w).is_empty(), "nothing before half time");
    w.run(ms(1400));
    assert_eq!(dials(&w), [ms(7500)], "one probe");
    assert!(
        w.all_at(1) && w.link(0) == before[0],
        "the old node: dropped"
    );
    w.run(ms(1110));
    let rest = &dials(&w)[1..];
    assert_eq!(rest[0], ms(9000), "again a tenth of the time later");
    let spread = ms(9000) + ms(5) + ms(250);
    assert_eq!(
        rest[1..],
        [spread; 2],
        "the pool follows once nothing was said for 250 ms"
    );
    w.run(secs(3));
    assert!((0..3).all(|entry| w.link(entry) != before[entry]));
    assert_eq!((w.completed(), w.moves().count()), (1, 4));
    assert!(w.moves().all(|(_, job)| job.target == Target::Configured));
    assert!(w.moves().all(|(_, job)| !job.avoid.contains(&node(1))));
    w.run(secs(60));
    assert_eq!(w.moves().count(), 4, "and that is all");
}

#[test]
fn a_front_that_stays_the_old_node_is_dialled_until_shortly_before_the_end() {
    for (time, pauses) in [
        (15, vec![7500, 9000, 10_500, 12_000, 13_500, 14_375]),
        (4, vec![2000, 2400, 2800, 3200, 3375]),
        (2, vec![1000, 1200, 1400, 1500]),
    ] {
        for world in [World::full(3), literal(3)] {
            let mut w = announced(world, time, None);
            w.run(secs(60));
            let expected: Vec<_> = pauses.iter().map(|at| ms(*at)).collect();
            assert_eq!(dials(&w), expected, "of {time} s");
            let failed = |e: &MaintenanceEvent| matches!(e, MaintenanceEvent::HandoffFailed(_, 3));
            assert_eq!((w.count(failed), w.completed()), (1, 0));
        }
    }
}

#[test]
fn each_connection_through_a_front_is_judged_not_the_probe_alone() {
    let mut w = announced(World::full(3), 15, None);
    leads_on(&mut w, ms(8600));
    // The next dials lead to the old node once more.
    w.at(ms(9100), |w| {
        w.replays.insert(node(1), vec![moving(1, 15, None)]);
    });
    leads_on(&mut w, ms(10_000));
    w.run(secs(14));
    let all = dials(&w);
    assert_eq!(all[..2], [ms(7500), ms(9000)]);
    assert_eq!(
        all[2..4],
        [ms(9255); 2],
        "sent on, and found at the old node"
    );
    // The probe's own link was told too, later than its dial.
    let again = [ms(10_500), ms(10_755), ms(10_755)];
    assert_eq!(all[4..], again, "dialled again, and moved");
    assert_eq!(w.completed(), 1);
}

#[test]
fn a_connection_through_a_front_that_is_told_late_goes_on() {
    let mut w = announced(World::full(2), 15, None);
    leads_on(&mut w, secs(1));
    w.run(ms(8500));
    assert_eq!(w.completed(), 1);
    let (first, dialled) = (w.link(0), w.moves().count());
    // More than 250 ms after it was made: it was made to the old node all the same.
    assert_eq!(w.says(first, &moving(1, 15, None)), Verdict::Duplicate);
    w.run(secs(2));
    assert_ne!(w.link(0), first);
    assert_eq!(w.moves().count(), dialled + 1);
}

#[test]
fn copies_of_a_refused_target_do_not_send_a_connection_through_a_front_on() {
    let mut w = announced(World::full(2), 15, None);
    leads_on(&mut w, secs(1));
    w.run(ms(8500));
    let (first, dialled) = (w.link(0), w.moves().count());
    // The number and the address of the move that led here, and a place where no Redis is.
    let bad = moving(1, 15, Some(Endpoint::tcp("169.254.169.254", 80)));
    assert!(matches!(w.says(first, &bad), Verdict::Refused(_)));
    assert_eq!(w.says(first, &bad), Verdict::Duplicate);
    w.run(secs(2));
    assert_eq!((w.link(0), w.moves().count()), (first, dialled));
}

#[test]
fn a_connection_filled_through_a_front_is_judged_like_the_moved_ones() {
    let mut w = announced(literal(2), 15, None);
    w.at(ms(7800), |w| {
        let link = w.link(1);
        w.end(link, false);
    });
    leads_on(&mut w, ms(8600));
    w.run(ms(8500));
    let filled = w.link(1);
    w.run(secs(6));
    assert_ne!(w.link(1), filled, "it was made to the old node");
    assert_eq!(w.completed(), 1);
}

#[test]
fn where_nothing_is_said_again_a_front_is_swapped_to_in_the_last_quarter() {
    let mut w = World::full(3);
    w.opts_in = false;
    w.broadcast(node(1), &moving(1, 16, None));
    w.run(secs(15));
    let all = dials(&w);
    assert_eq!(all[..2], [secs(8), secs(12)], "half, and three quarters");
    assert_eq!(all.len(), 4);
    assert_eq!(w.completed(), 1);
}

#[test]
fn a_moving_to_its_own_address_behind_a_name_is_a_front() {
    for target in [named(1), Endpoint::tcp(NAME, 6379)] {
        let mut w = announced(World::full(2), 15, Some(target.clone()));
        leads_on(&mut w, ms(8600));
        w.run(secs(14));
        assert_eq!(dials(&w)[..2], [ms(7500), ms(9000)]);
        assert_eq!(w.completed(), 1, "{target}");
    }
}

/// A client of node 1 whose servers name a name that leads back to it.
fn led_back(mut w: World) -> World {
    w.names
        .insert("back.example".into(), Ok(vec![node(1).ip()]));
    announced(w, 15, Some(Endpoint::tcp("back.example", 6379)))
}

#[test]
fn a_pushed_name_that_leads_back_is_a_front() {
    for world in [World::full(3), literal(3)] {
        let mut w = led_back(world);
        leads_on(&mut w, ms(8600));
        w.run(secs(14));
        let all = dials(&w);
        assert!(all[0] < secs(2), "the name is tried first");
        assert_eq!(all[1..3], [ms(7500), ms(9000)]);
        assert_eq!((w.completed(), all.len()), (1, 5));
    }
}

#[test]
fn a_pushed_name_that_leads_back_to_another_address_than_the_configured_is_a_front_there() {
    let mut w = World::with(Settings::new(named(9), 2), 1).filled();
    for entry in 0..2 {
        w.bring_up(entry, node(1), named(1));
    }
    w.run(secs(1));
    w.jobs.clear();
    w.start = w.now;
    w.manners.insert(node(9), Manner::Refuses);
    let mut w = led_back(w);
    leads_on(&mut w, ms(8600));
    w.run(secs(14));
    assert_eq!(w.completed(), 1, "{:?}", w.peers());
    assert!(w.all_at(1));
}

#[test]
fn dns_that_moves_while_a_front_is_dialled_is_followed() {
    let mut w = announced(World::full(3), 15, None);
    w.at(ms(9700), |w| w.list(&[2]));
    w.run(secs(12));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!(w.completed(), 1);
    w.end(w.link(0), false);
    w.run(ms(100));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn without_an_answer_that_lists_it_the_retiring_address_is_no_front() {
    let mut w = World::full(2);
    w.names.insert(NAME.into(), Err(()));
    let mut w = announced(w, 15, None);
    w.run(secs(14));
    assert_eq!(w.moves().count(), 0);
}

#[test]
fn a_place_that_the_policy_denies_is_asked_for_once_per_handoff() {
    for world in [World::full(4), literal(4)] {
        let mut w = world;
        w.denied.insert(named(2));
        let mut w = announced(w, 15, Some(named(2)));
        w.run(secs(20));
        let asked = |w: &World| {
            w.moves()
                .filter(|(_, job)| job.target == Target::Announced(named(2)))
                .count()
        };
        assert_eq!(asked(&w), 1);
        w.broadcast(node(1), &moving(2, 15, Some(named(2))));
        w.run(secs(20));
        assert_eq!(asked(&w), 2, "another handoff, another question");
    }
}

#[test]
fn a_denied_place_is_no_place_for_fills_either_and_the_name_is_followed() {
    let mut w = World::full(2);
    w.denied.insert(named(2));
    let mut w = announced(w, 15, Some(named(2)));
    w.run(ms(100));
    let lost = w.link(1);
    w.end(lost, false);
    w.run(secs(4));
    let named = |(_, job): &&(Duration, Job)| job.target == Target::Announced(named(2));
    assert!(w.jobs.iter().filter(named).count() <= 2);
    w.list(&[3]);
    w.run(secs(2));
    assert!(w.all_at(3), "{:?}", w.peers());
}

/// A pool whose every second connection has a worker, as the engine has it.
fn with_half_as_many_workers(entries: usize) -> World {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), entries);
    settings.workers = entries.div_ceil(2);
    World::with(settings, 1).filled()
}

#[test]
fn a_name_that_follows_after_half_time_moves_a_pool_within_any_notice() {
    for seconds in [1_u64, 2, 3, 5, 10, 15, 30] {
        let mut w = announced(with_half_as_many_workers(8), seconds as i64, None);
        w.at(secs(seconds).mul_f64(8.6 / 15.0), |w| w.list(&[2]));
        w.run(secs(seconds).mul_f64(0.95));
        assert!(w.all_at(2), "of {seconds} s: {:?}", w.peers());
    }
}

#[test]
fn a_front_that_turns_after_half_time_moves_a_pool_within_any_notice() {
    for seconds in [2_u64, 3, 5, 10, 15, 30] {
        for world in [with_half_as_many_workers(8), with_half_as_many_workers(30)] {
            let mut w = announced(world, seconds as i64, None);
            let old: Vec<_> = (0..w.entries).map(|entry| w.link(entry)).collect();
            leads_on(&mut w, secs(seconds).mul_f64(8.6 / 15.0));
            w.run(secs(seconds));
            let kept = (0..w.entries).filter(|entry| w.link(*entry) == old[*entry]);
            assert_eq!(kept.count(), 0, "of {seconds} s: {:?}", dials(&w));
        }
    }
}

#[test]
fn the_last_dial_of_a_front_leaves_time_for_the_whole_pool() {
    for (seconds, turns) in [(2, 1250), (5, 4050), (15, 14_050)] {
        let mut w = announced(with_half_as_many_workers(8), seconds, None);
        let old: Vec<_> = (0..8).map(|entry| w.link(entry)).collect();
        leads_on(&mut w, ms(turns));
        w.run(ms(seconds as u64 * 1000));
        let kept = (0..8).filter(|entry| w.link(*entry) == old[*entry]);
        assert_eq!(kept.count(), 0, "of {seconds} s: {:?}", dials(&w));
    }
}
