//! Servers that lie, contradict themselves or never stop.

use super::super::*;
use super::world::*;
use crate::handoff::policy::Forbidden;

#[test]
fn h1_a_forbidden_target_leaves_everything_as_it_is() {
    for host in [
        "169.254.169.254",
        "127.0.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
    ] {
        let mut w = World::full(3);
        let verdicts = w.broadcast(node(1), &moving(1, 15, Some(Endpoint::tcp(host, 6379))));
        let (first, copies) = verdicts.split_first().unwrap();
        assert!(matches!(first, Verdict::Refused(_)), "{host}: {first:?}");
        assert_eq!(copies, [Verdict::Duplicate; 2], "{host}");
        w.run(secs(30));
        assert!(w.all_at(1));
        assert_eq!((w.moves().count(), w.started()), (0, 0), "{host}");
        assert_eq!(w.a.windows().iter_open().count(), 0, "{host}");
        let refused =
            |event: &MaintenanceEvent| matches!(event, MaintenanceEvent::TargetRefused { .. });
        assert_eq!(w.count(refused), 1, "{host}");
    }
}

#[test]
fn h1_a_refused_target_does_not_hide_a_later_good_one() {
    let mut w = World::full(1);
    let link = w.link(0);
    let bad = moving(1, 15, Some(Endpoint::tcp("169.254.169.254", 80)));
    assert_eq!(w.says(link, &bad), Verdict::Refused(Forbidden::LinkLocal));
    assert_eq!(w.says(link, &moving(1, 15, Some(named(2)))), Verdict::Acted);
    w.run(secs(2));
    assert!(w.all_at(2));
}

#[test]
fn h1_a_name_that_resolves_to_forbidden_addresses_only_is_not_dialled() {
    let mut w = World::full(2);
    w.names.insert(
        "meta.example".into(),
        Ok(vec!["169.254.169.254".parse().unwrap()]),
    );
    w.broadcast(
        node(1),
        &moving(1, 15, Some(Endpoint::tcp("meta.example", 6379))),
    );
    w.run(secs(30));
    assert!(w.all_at(1));
    let forbidden = Why::Failed(FailureKind::Forbidden);
    assert!(w.gave(forbidden) > 0);
    assert!(
        w.a.breakers().all(|(_, stats)| stats.failures == 0),
        "it says nothing about a server"
    );
}

#[test]
fn h5_the_configured_name_is_what_new_links_dial_after_the_window() {
    let mut w = World::full(2);
    w.list(&[1, 2]);
    w.broadcast(node(1), &moving(1, 5, Some(named(2))));
    w.run(secs(29));
    let link = w.link(0);
    w.end(link, false);
    w.run(ms(100));
    assert_eq!(
        w.jobs.last().unwrap().1.target,
        Target::Announced(named(2)),
        "within 30 s"
    );
    w.run(secs(2));
    let link = w.link(0);
    w.end(link, false);
    w.run(ms(100));
    assert_eq!(
        w.jobs.last().unwrap().1.target,
        Target::Configured,
        "after 30 s"
    );
    assert_eq!(w.jobs.last().unwrap().1.avoid, []);
}

#[test]
fn h5_the_name_ends_the_redirect_once_it_agrees() {
    let mut w = World::full(1);
    w.list(&[2]);
    w.broadcast(node(1), &moving(1, 60, Some(named(2))));
    w.run(secs(59));
    assert!(w.c.redirects().retiring(node(1), w.now));
    w.run(secs(3));
    assert!(
        !w.c.redirects().retiring(node(1), w.now),
        "well before twice the announced time"
    );
}

#[test]
fn h5_the_redirect_lasts_while_the_name_lags_behind() {
    let mut w = World::full(1);
    w.broadcast(node(1), &moving(1, 60, Some(named(2))));
    w.run(secs(119));
    assert!(w.c.redirects().retiring(node(1), w.now));
    let link = w.link(0);
    w.end(link, false);
    w.run(ms(50));
    assert!(
        w.all_at(2),
        "the dead address that the name still lists is not dialled"
    );
    w.run(secs(2));
    assert!(!w.c.redirects().retiring(node(1), w.now));
}

#[test]
fn h5_an_override_of_any_length_ends_within_the_hour() {
    let mut w = World::full(1);
    w.broadcast(node(1), &moving(1, i64::MAX, Some(named(2))));
    w.run(secs(3601));
    assert_eq!(w.c.redirects().newest_target(w.now), None);
}

#[test]
fn a_dead_target_does_not_pin_new_links() {
    let mut w = World::full(2);
    w.manners.insert(node(2), Manner::BlackHole);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.run(secs(16));
    w.manners.insert(node(1), Manner::Refuses);
    w.list(&[3]);
    w.close(node(1));
    w.run(ms(500));
    assert!(w.all_at(3), "{:?}", w.peers());
}

#[test]
fn the_override_is_kept_across_reconnect_attempts() {
    let mut w = World::full(1);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.run(secs(2));
    w.manners.insert(node(1), Manner::Refuses);
    w.manners.insert(node(2), Manner::Refuses);
    w.close(node(2));
    w.want();
    w.at(secs(2), |w| {
        w.manners.insert(node(2), Manner::Accepts);
    });
    w.run(secs(5));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn h6_ten_thousand_alternating_movings_cost_one_dial_per_entry_at_a_time() {
    let mut w = World::full(8);
    w.latency = ms(50);
    for seq in 0..10_000 {
        let target = named(2 + u8::try_from(seq % 2).unwrap());
        let link = w.link(0);
        w.says(link, &moving(seq, 10, Some(target)));
        if seq % 100 == 0 {
            w.run(ms(1));
        }
    }
    let dials = w.moves().count();
    assert!(dials <= 24, "{dials} dials in 100 ms of flood");
    assert!(w.c.handoffs.iter().len() <= 4);
    assert!(w.a.breakers.len() <= 3);
    w.run(secs(5));
    assert!(w.all_at(3), "the newest wins: {:?}", w.peers());
    assert!(w.most_sockets <= 16);
    w.run(secs(30));
    assert_eq!((w.sockets(), w.c.draining()), (8, 0));
}

#[test]
fn h6_ever_new_targets_displace_only_each_other() {
    let mut w = World::full(2);
    for seq in 0..10_000_u16 {
        let [high, low] = seq.to_be_bytes();
        let target = Endpoint::tcp(format!("10.1.{high}.{low}"), 6379);
        w.broadcast(node(1), &moving(i64::from(seq), 2, Some(target)));
    }
    assert!(w.a.breakers.len() <= 128);
    assert!(w.a.remembered() <= 256);
    assert!(w.c.redirects.len() <= 64);
    w.run(secs(60));
    assert_eq!(w.a.windows().iter_open().count(), 0);
    assert_eq!(w.sockets(), 2);
}

#[test]
fn h6_a_flood_of_every_kind_stays_small() {
    let mut w = World::full(2);
    let link = w.link(0);
    for seq in 0..10_000 {
        for notice in [
            migrating(seq),
            failing_over(seq),
            slots_migrating(seq),
            migrated(seq),
        ] {
            w.says(link, &notice);
        }
    }
    w.run(secs(300));
    assert_eq!(w.a.windows().iter_open().count(), 0);
    assert!(w.lookups.len() <= 16, "{}", w.lookups.len());
}

#[test]
fn h8_there_and_back_again_converges() {
    let mut w = World::full(4);
    w.broadcast(node(1), &moving(1, 10, Some(named(2))));
    w.run(secs(2));
    assert!(w.all_at(2));
    w.broadcast(node(2), &moving(2, 10, Some(named(1))));
    w.run(secs(2));
    assert!(w.all_at(1), "{:?}", w.peers());
    w.run(secs(60));
    assert!(w.all_at(1));
    assert_eq!((w.moves().count(), w.completed()), (8, 2));
}

#[test]
fn h8_back_while_there_is_still_under_way_converges() {
    let mut w = World::full(4);
    w.latency = ms(300);
    w.broadcast(node(1), &moving(1, 2, Some(named(2))));
    w.run(ms(350));
    assert_eq!(
        w.c.peer(0),
        Some(node(2)),
        "the probe is there, the rest under way"
    );
    w.broadcast(node(2), &moving(2, 2, Some(named(1))));
    w.run(secs(10));
    assert!(w.all_at(1), "{:?}", w.peers());
    w.run(secs(60));
    assert!(w.all_at(1));
    assert!(w.moves().count() <= 12, "{}", w.moves().count());
}

#[test]
fn h8_back_by_name_converges() {
    let mut w = World::full(2);
    w.names.insert("one.example".into(), Ok(vec![node(1).ip()]));
    w.names.insert("two.example".into(), Ok(vec![node(2).ip()]));
    w.broadcast(
        node(1),
        &moving(1, 10, Some(Endpoint::tcp("two.example", 6379))),
    );
    w.run(secs(2));
    assert!(w.all_at(2));
    w.broadcast(
        node(2),
        &moving(2, 10, Some(Endpoint::tcp("one.example", 6379))),
    );
    w.run(secs(3));
    assert!(w.all_at(1), "{:?}", w.peers());
    w.run(secs(60));
    assert!(w.all_at(1));
}

#[test]
fn h8_a_chain_of_moves_is_followed_to_its_end() {
    let mut w = World::full(4);
    for n in 1..8 {
        w.at(secs(u64::from(n)), move |w| {
            w.broadcast(node(n), &moving(i64::from(n), 2, Some(named(n + 1))));
        });
    }
    w.run(secs(12));
    assert!(w.all_at(8), "{:?}", w.peers());
    w.want();
    let link = w.link(2);
    w.end(link, false);
    w.run(secs(1));
    assert!(
        w.all_at(8),
        "new links go to the end of the chain: {:?}",
        w.peers()
    );
}

#[test]
fn h8_a_move_announced_on_the_freshly_swapped_link_is_followed() {
    let mut w = World::full(3);
    w.replays
        .insert(node(2), vec![moving(2, 10, Some(named(3)))]);
    w.broadcast(node(1), &moving(1, 10, Some(named(2))));
    w.run(secs(5));
    assert!(w.all_at(3), "{:?}", w.peers());
    w.run(secs(60));
    assert_eq!((w.sockets(), w.c.draining()), (3, 0));
}

#[test]
fn h8_two_servers_that_send_everyone_to_each_other_cause_no_storm() {
    let mut w = World::full(4);
    let seq = std::cell::Cell::new(0);
    w.broadcast(node(1), &moving(0, 10, Some(named(2))));
    for _ in 0..100 {
        w.run(ms(100));
        for (here, there) in [(1, 2), (2, 1)] {
            if w.peers().contains(&Some(node(here))) {
                seq.set(seq.get() + 1);
                w.broadcast(node(here), &moving(seq.get(), 10, Some(named(there))));
            }
        }
    }
    // Three at once, then ever longer rests of up to two seconds, for each of four entries.
    let dials = w.moves().count();
    assert!((16..=60).contains(&dials), "{dials} dials in 10 s");
    w.run(secs(60));
    assert_eq!((w.sockets(), w.c.draining()), (4, 0));
}

#[test]
fn h8_a_target_equal_to_what_was_dialled_is_no_move() {
    let mut w = World::full(1);
    w.names.insert("two.example".into(), Ok(vec![node(2).ip()]));
    let there = Endpoint::tcp("two.example", 6379);
    w.broadcast(node(1), &moving(1, 10, Some(there.clone())));
    w.run(secs(2));
    // The same event, told again long after the link came up.
    assert_eq!(
        w.broadcast(node(2), &moving(1, 10, Some(there))),
        [Verdict::Duplicate]
    );
}

#[test]
fn overlapping_overrides_end_in_the_right_order() {
    let mut w = World::full(2);
    w.bring_up(1, node(3), named(3));
    w.run(secs(1));
    w.list(&[5]);
    w.broadcast(node(1), &moving(1, 5, Some(named(2))));
    w.run(secs(10));
    w.broadcast(node(3), &moving(2, 5, Some(named(4))));
    w.run(secs(2));
    let newest = w.c.redirects().newest_target(w.now);
    assert_eq!(newest.map(|(_, target)| target), Some(named(4)));
    w.run(secs(60));
    assert_eq!(w.c.redirects().newest_target(w.now), None);
}

#[test]
fn h8_a_pending_move_follows_its_target_when_that_retires_too() {
    let mut w = World::full(4);
    w.bring_up(3, node(2), named(2));
    w.run(secs(1));
    w.manners.insert(node(2), Manner::Stalls);
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    w.run(secs(2));
    w.broadcast(node(2), &moving(2, 20, Some(named(3))));
    w.run(secs(12));
    assert!(w.all_at(3), "{:?}", w.peers());
}

#[test]
fn h8_a_pending_move_by_name_follows_where_that_name_has_led() {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), 3);
    settings.handoff_concurrency = 1;
    let mut w = World::with(settings, 1).filled();
    w.names.insert("two.example".into(), Ok(vec![node(2).ip()]));
    w.latency = secs(1);
    w.broadcast(
        node(1),
        &moving(1, 20, Some(Endpoint::tcp("two.example", 6379))),
    );
    w.run(secs(3));
    assert_eq!(w.c.peer(0), Some(node(2)));
    w.latency = ms(5);
    w.broadcast(node(2), &moving(2, 20, Some(named(3))));
    w.run(secs(5));
    assert!(w.all_at(3), "{:?}", w.peers());
}

#[test]
fn new_links_go_by_the_name_while_the_named_place_is_out_of_reach() {
    let mut w = World::new(3);
    w.want();
    w.run(ms(100));
    w.list(&[1, 3]);
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.run(secs(3));
    w.jobs.clear();
    w.want();
    w.run(ms(100));
    let fills: Vec<_> = w
        .jobs
        .iter()
        .filter(|(_, job)| job.kind == JobKind::Fill)
        .collect();
    assert_eq!(fills.len(), 1, "one dial, and it leads somewhere");
    assert_eq!(fills[0].1.target, Target::Configured);
    assert_eq!(w.c.peer(1), Some(node(3)));
}

#[test]
fn new_links_go_by_the_name_while_the_breaker_of_the_named_place_is_open() {
    let settings = Settings::new(Endpoint::tcp(NAME, 6379), 3);
    let mut announced = AnnouncementSettings::default();
    announced.breaker.threshold = 1;
    let mut w = World::announced(settings, announced, 1);
    w.want();
    w.run(ms(100));
    w.list(&[1, 3]);
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.run(secs(2));
    // A correction by another number: its handoff has not failed yet, the place has.
    w.broadcast(node(1), &moving(2, 15, Some(named(2))));
    w.want();
    w.run(ms(50));
    assert_eq!(w.c.peer(1), Some(node(3)));
}

#[test]
fn new_links_go_to_the_named_place_while_nothing_speaks_against_it() {
    let mut w = World::new(3);
    w.want();
    w.run(ms(100));
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.want();
    w.run(ms(50));
    assert_eq!(
        w.c.peer(1),
        Some(node(2)),
        "even before the others have moved"
    );
}
