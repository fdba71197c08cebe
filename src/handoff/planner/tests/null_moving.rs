//! MOVING without a target, and addresses that the name ceases to list.

use super::super::*;
use super::world::*;
use crate::handoff::windows::{Cause, Family, Scope};

fn literal(entries: usize) -> World {
    World::with(Settings::new(named(1), entries), 1).filled()
}

#[test]
fn a_null_moving_waits_for_dns() {
    let mut w = World::full(5);
    w.replays.insert(node(1), vec![moving(1, 15, None)]);
    w.broadcast(node(1), &moving(1, 15, None));
    w.at(ms(9700), |w| w.list(&[2]));
    w.run(ms(9600));
    assert!(w.all_at(1));
    let dialled: Vec<_> = w.moves().map(|(at, _)| *at).collect();
    assert_eq!(
        dialled,
        [ms(7500), secs(9)],
        "before the name has changed, only to see whether its address leads elsewhere"
    );
    let pauses: Vec<_> = w.lookups.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        w.lookups[0] == Duration::ZERO && pauses.len() >= 8,
        "{pauses:?}"
    );
    assert!(pauses.iter().all(|pause| *pause == secs(1)), "{pauses:?}");
    w.run(ms(1500));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!(w.completed(), 1);
}

#[test]
fn any_sibling_will_do() {
    let mut w = World::full(4);
    w.list(&[1, 2, 3]);
    w.broadcast(node(1), &moving(1, 15, None));
    w.run(secs(2));
    let at = |n| {
        w.peers()
            .iter()
            .filter(|peer| **peer == Some(node(n)))
            .count()
    };
    assert_eq!((at(2), at(3)), (2, 2), "spread over both: {:?}", w.peers());
}

#[test]
fn a_sibling_that_does_not_answer_is_not_insisted_on() {
    let mut w = World::full(4);
    w.list(&[1, 2, 3]);
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(1, 15, None));
    w.run(secs(8));
    assert!(w.all_at(3), "{:?}", w.peers());
}

#[test]
fn a_name_that_never_changes_leaves_the_old_links_in_place() {
    let mut w = World::full(3);
    let links: Vec<_> = (0..3).map(|entry| w.link(entry)).collect();
    w.replays.insert(node(1), vec![moving(1, 15, None)]);
    w.broadcast(node(1), &moving(1, 15, None));
    w.run(secs(60));
    assert!((0..3).all(|entry| w.link(entry) == links[entry]));
    assert!(w.c.handoffs(w.now).is_empty());
    let failed = |e: &MaintenanceEvent| matches!(e, MaintenanceEvent::HandoffFailed(_, 3));
    assert_eq!(w.count(failed), 1);
}

#[test]
fn a_name_that_changes_after_the_close_is_followed_at_once() {
    let mut w = World::full(3);
    w.broadcast(node(1), &moving(1, 15, None));
    w.at(ms(15_700), |w| {
        w.manners.insert(node(1), Manner::Refuses);
        w.close(node(1));
    });
    w.at(ms(18_700), |w| w.list(&[2]));
    w.run(ms(20_200));
    w.want();
    w.run(ms(100));
    assert!(w.c.peer(0) == Some(node(2)), "{:?}", w.peers());
    let late = w.lookups.iter().filter(|at| **at > secs(16)).count();
    assert!(
        late >= 4,
        "asked every second after the close too: {:?}",
        w.lookups
    );
    for _ in 0..3 {
        w.want();
    }
    w.run(secs(1));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn the_retiring_address_is_taken_when_it_is_the_only_one_and_accepts_twice() {
    let mut w = World::new(2);
    w.want();
    w.run(ms(100));
    w.broadcast(node(1), &moving(1, 15, None));
    w.want();
    w.run(secs(1));
    assert_eq!(w.c.peer(1), Some(node(1)));
    let retiring = Why::Failed(FailureKind::Retiring);
    assert_eq!(w.gave(retiring), 2, "refused twice, taken the third time");
    w.list(&[2]);
    w.run(secs(3));
    assert!(w.all_at(2), "and moved like the others: {:?}", w.peers());
}

#[test]
fn an_empty_or_failed_lookup_is_no_answer() {
    let mut w = World::full(2);
    w.names.insert(NAME.into(), Err(()));
    w.broadcast(node(1), &moving(1, 15, None));
    w.at(secs(5), |w| w.list(&[]));
    w.run(secs(10));
    assert!(w.all_at(1));
    assert_eq!(w.c.handoffs(w.now).len(), 1);
    w.list(&[2]);
    w.run(secs(2));
    assert!(w.all_at(2));
}

#[test]
fn a_resolver_that_hangs_is_asked_again_but_not_every_second() {
    let mut w = World::full(1);
    w.resolver_answers = false;
    w.broadcast(node(1), &moving(1, 15, None));
    w.run(secs(15));
    assert_eq!(w.lookups.len(), 2, "{:?}", w.lookups);
}

#[test]
fn answers_about_other_names_are_ignored() {
    let mut w = World::full(1);
    w.broadcast(node(1), &moving(1, 15, None));
    w.c.handle_resolved(w.now, &mut w.a, "other.example", Ok(vec![node(2).ip()]));
    w.resolver_answers = false;
    w.run(secs(3));
    assert!(w.all_at(1));
}

#[test]
fn a_literal_address_is_dialled_again_at_half_time() {
    let mut w = literal(3);
    w.broadcast(node(1), &moving(1, 10, None));
    w.run(ms(4900));
    assert_eq!(w.moves().count(), 0);
    w.run(ms(800));
    let moves: Vec<_> = w.moves().map(|(_, job)| job.clone()).collect();
    assert_eq!(moves.len(), 3);
    assert!(moves.iter().all(|job| job.target == Target::Configured));
    assert!(
        moves.iter().all(|job| !job.avoid.contains(&node(1))),
        "it is a stable front"
    );
    assert!(w.lookups.is_empty());
    assert_eq!(w.completed(), 1);
    w.run(secs(60));
    assert_eq!(w.moves().count(), 3, "and that is all");
}

#[test]
fn an_unknown_peer_is_replaced_at_half_time() {
    let mut w = World::new(3);
    w.hides_peers = true;
    (0..3).for_each(|_| w.want());
    w.run(ms(100));
    let link = w.link(1);
    assert_eq!(w.says(link, &moving(1, 10, None)), Verdict::Acted);
    w.run(secs(20));
    assert_eq!(w.moves().count(), 3);
    assert_eq!(w.completed(), 1);
}

#[test]
fn an_unknown_peer_goes_to_a_named_place_once() {
    let mut w = World::new(2);
    w.hides_peers = true;
    (0..2).for_each(|_| w.want());
    w.run(ms(100));
    let link = w.link(0);
    w.says(link, &moving(1, 10, Some(named(2))));
    w.run(secs(60));
    assert_eq!(w.moves().count(), 2);
    assert!(
        w.moves()
            .all(|(_, job)| job.target == Target::Announced(named(2)))
    );
}

#[test]
fn links_made_between_two_half_times_are_not_orphaned() {
    let mut w = World::with(Settings::new(named(1), 2), 1);
    w.want();
    w.run(ms(100));
    let link = w.link(0);
    w.says(link, &moving(1, 10, None));
    w.run(secs(2));
    // Before half time of the first: goes when that comes.
    w.want();
    w.run(secs(4));
    let (first, second) = (w.link(0), w.link(1));
    assert_eq!(w.moves().count(), 2);
    // After half time of the first, before half time of the second: goes with the second.
    w.says(first, &moving(2, 10, None));
    w.run(secs(6));
    assert_eq!(w.moves().count(), 4);
    assert!(w.link(0) != first && w.link(1) != second);
    w.run(secs(60));
    assert_eq!(w.moves().count(), 4);
}

#[test]
fn a_link_dialled_before_half_time_of_a_front_moves_with_the_rest() {
    let mut w = World::with(Settings::new(named(1), 2), 1);
    w.want();
    w.run(ms(100));
    let link = w.link(0);
    w.says(link, &moving(1, 10, None));
    w.latency = secs(2);
    w.run(secs(4));
    w.want();
    w.run(secs(1));
    w.latency = ms(5);
    w.run(secs(6));
    let second: Vec<_> = w.moves().filter(|(_, job)| job.entry == 1).collect();
    assert_eq!(
        second.len(),
        1,
        "dialled at 4 s, up at 6 s, half time at 5 s"
    );
}

#[test]
fn a_thousand_null_movings_cost_no_more_than_one() {
    let mut w = World::full(4);
    for seq in 0..1000 {
        w.broadcast(node(1), &moving(seq, 15, None));
    }
    assert_eq!(w.c.handoffs(w.now).len(), 1);
    w.run(secs(5));
    assert!(w.lookups.len() <= 6, "{:?}", w.lookups);
    w.list(&[2]);
    w.run(secs(3));
    assert!(w.all_at(2));
    assert_eq!(w.moves().count(), 4);
}

#[test]
fn a_target_that_is_the_retiring_address_is_no_target() {
    let mut w = World::full(3);
    w.broadcast(node(1), &moving(1, 15, Some(named(1))));
    w.run(secs(5));
    assert_eq!(w.moves().count(), 0);
    w.list(&[2]);
    w.run(secs(2));
    assert!(w.all_at(2));
}

#[test]
fn a_target_name_that_leads_back_is_no_target() {
    let mut w = World::full(3);
    let back = Endpoint::tcp("node2.example", 6379);
    w.replays.insert(node(1), vec![moving(1, 15, Some(back))]);
    w.names
        .insert("node2.example".into(), Ok(vec![node(1).ip()]));
    w.broadcast(
        node(1),
        &moving(1, 15, Some(Endpoint::tcp("node2.example", 6379))),
    );
    w.run(secs(8));
    assert!(w.all_at(1));
    assert!(w.moves().count() <= 2, "{}", w.moves().count());
    w.list(&[3]);
    w.run(secs(3));
    assert!(w.all_at(3), "{:?}", w.peers());
}

#[test]
fn a_worker_that_does_not_notice_where_it_landed_causes_no_storm() {
    let mut w = World::full(1);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.run(secs(1));
    // A second round, in which the place turns out to be the retiring address.
    w.broadcast(node(2), &moving(2, 15, Some(named(3))));
    for _ in 0..50 {
        w.run(ms(100));
        if w.c.phases().next() == Some(Phase::Handing) {
            w.bring_up(0, node(2), named(3));
        }
    }
    assert!(w.moves().count() <= 8, "{}", w.moves().count());
}

fn two_proxies() -> World {
    let mut w = World::new(4);
    w.list(&[1, 2]);
    (0..4).for_each(|_| w.want());
    w.run(ms(100));
    for entry in [1, 3] {
        w.bring_up(entry, node(2), Endpoint::tcp(NAME, 6379));
    }
    w.run(secs(5));
    w.events.clear();
    w.start = w.now;
    w
}

#[test]
fn a_peer_that_the_name_drops_after_a_migration_is_left_in_time() {
    let mut w = two_proxies();
    w.broadcast(node(1), &migrating(1));
    w.at(secs(12), |w| {
        w.broadcast(node(2), &migrated(2));
    });
    w.at(ms(16_800), |w| w.list(&[1]));
    w.run(secs(15));
    assert_eq!(w.started(), 0);
    w.run(secs(4));
    assert!(w.all_at(1), "{:?}", w.peers());
    let deadline = |(at, event): &(Duration, MaintenanceEvent)| match event {
        MaintenanceEvent::HandoffStarted(handoff, _) if handoff.trigger == Trigger::DnsGone => {
            Some(*at + handoff.time_left)
        }
        _ => None,
    };
    let deadlines: Vec<_> = w.events.iter().filter_map(deadline).collect();
    assert_eq!(deadlines, [secs(28)]);
}

#[test]
fn a_move_that_no_moving_announced_is_owed_to_the_migrated() {
    let mut w = two_proxies();
    w.broadcast(node(1), &migrated(2));
    w.manners.insert(node(1), Manner::Refuses);
    w.at(secs(3), |w| w.list(&[1]));
    w.run(secs(7));
    let cause = Cause {
        family: Family::Unlisted,
        seq: Some(2),
    };
    let handoffs = w.c.handoffs(w.now);
    let causes: Vec<_> = handoffs.iter().map(|op| op.maintenance).collect();
    assert_eq!(causes, [cause.maintenance()]);
    assert_eq!(
        (handoffs[0].stage, handoffs[0].connections_left),
        (Stage::Probing, 2)
    );
    // Nothing but its time ends the window, as with a MOVING: not even another MIGRATED.
    w.broadcast(node(1), &migrated(4));
    let open: Vec<_> = w.a.windows().iter_open().collect();
    assert_eq!(open.len(), 1);
    assert_eq!(
        (open[0].cause, open[0].scope),
        (cause, Scope::Peer(node(2)))
    );
    let blamed = w.a.windows().blame(Some(node(2)), w.now, Duration::ZERO);
    assert_eq!(blamed, Some(cause));
    // Servers close such links 16 s after the MIGRATED, and up to 5 s later.
    w.run(secs(13));
    assert_eq!(w.a.windows().iter_open().count(), 1);
    w.run(secs(2));
    assert_eq!(w.a.windows().iter_open().count(), 0);
}

#[test]
fn the_name_is_asked_two_five_ten_and_twenty_seconds_after_a_migration() {
    let mut w = two_proxies();
    w.lookups.clear();
    w.broadcast(node(1), &migrated(2));
    w.run(secs(60));
    assert_eq!(w.lookups, [2, 5, 10, 20].map(secs));
    assert_eq!(w.started(), 0);
}

#[test]
fn a_catch_up_asks_for_nothing() {
    let mut w = World::new(1);
    w.replays.insert(node(1), vec![migrated(7)]);
    w.want();
    w.run(secs(60));
    assert_eq!(w.verdicts, [Verdict::CatchUp]);
    assert!(w.lookups.is_empty());
}

#[test]
fn a_literal_address_is_never_asked_about() {
    let mut w = literal(2);
    w.broadcast(node(1), &migrated(2));
    w.run(secs(60));
    assert!(w.lookups.is_empty());
}

#[test]
fn a_name_that_gives_one_address_at_a_time_proves_nothing() {
    let mut w = World::full(2);
    w.broadcast(node(1), &migrated(2));
    w.at(secs(3), |w| w.list(&[2]));
    w.run(secs(60));
    assert_eq!(w.started(), 0);
    assert!(w.all_at(1));
}

#[test]
fn an_unknown_answer_after_a_migration_proves_nothing() {
    let mut w = two_proxies();
    w.broadcast(node(1), &migrated(2));
    w.at(secs(3), |w| {
        w.names.insert(NAME.into(), Err(()));
    });
    w.at(secs(7), |w| w.list(&[]));
    w.run(secs(60));
    assert_eq!(w.started(), 0);
}

#[test]
fn a_peer_that_was_never_listed_has_not_been_dropped() {
    let mut w = two_proxies();
    w.bring_up(0, node(9), named(9));
    w.run(secs(1));
    w.broadcast(node(2), &migrated(2));
    w.run(secs(60));
    assert_eq!(
        w.started(),
        0,
        "it was reached through a server's word, not through the name"
    );
}

#[test]
fn both_notices_of_one_maintenance_are_followed() {
    let mut w = World::full(2);
    w.replays.insert(node(1), vec![moving(2, 15, None)]);
    w.broadcast(node(1), &moving(2, 15, None));
    w.at(secs(9), |w| w.list(&[2]));
    w.at(secs(82), |w| {
        w.replays.insert(node(2), vec![moving(3, 15, None)]);
        w.broadcast(node(2), &moving(3, 15, None));
    });
    w.at(secs(91), |w| w.list(&[1]));
    w.run(secs(20));
    assert!(w.all_at(2));
    w.replays.remove(&node(1));
    w.run(secs(80));
    assert!(w.all_at(1), "{:?}", w.peers());
    assert_eq!(w.completed(), 2);
}
