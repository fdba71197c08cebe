//! MOVING with a target that the server names.

use super::super::*;
use super::world::*;

#[test]
fn every_entry_goes_to_the_named_place_within_a_second_or_two() {
    let mut w = World::full(10);
    let verdicts = w.broadcast(node(1), &moving(0, 15, Some(named(2))));
    w.run(ms(1100));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!(verdicts.iter().filter(|v| **v == Verdict::Acted).count(), 1);
    assert_eq!(
        verdicts
            .iter()
            .filter(|v| **v == Verdict::Duplicate)
            .count(),
        9
    );
    assert_eq!((w.started(), w.completed()), (1, 1));
    assert_eq!(
        w.count(|e| matches!(e, MaintenanceEvent::ConnectionMoved { .. })),
        10
    );
    w.run(secs(60));
    assert_eq!((w.c.draining(), w.sockets()), (0, 10));
}

#[test]
fn number_zero_is_a_number() {
    let mut w = World::full(1);
    let link = w.link(0);
    assert_eq!(w.says(link, &moving(0, 15, Some(named(2)))), Verdict::Acted);
    assert_eq!(
        w.says(link, &moving(0, 15, Some(named(2)))),
        Verdict::Duplicate
    );
}

#[test]
fn times_of_zero_and_below_mean_at_once() {
    for time in [0, -1, -5, i64::MIN] {
        let mut w = World::full(4);
        w.broadcast(node(1), &moving(3, time, Some(named(2))));
        w.run(ms(20));
        assert!(w.all_at(2), "{time}: {:?}", w.peers());
    }
}

#[test]
fn a_move_without_time_is_still_given_the_handoff_timeout() {
    let mut w = World::full(2);
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(3, 0, Some(named(2))));
    w.at(secs(10), |w| {
        w.manners.insert(node(2), Manner::Accepts);
    });
    w.run(secs(15));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn the_longest_times_do_not_overflow() {
    let mut w = World::full(2);
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(3, i64::MAX, Some(named(2))));
    w.run(secs(3 * 3600));
    assert!(w.c.handoffs(w.now).is_empty());
    assert_eq!(w.c.redirects().avoided(w.now), []);
    assert_eq!(w.a.windows().iter_open().count(), 0);
}

#[test]
fn jitter_spreads_clients_over_a_tenth_of_the_time_but_a_second_at_most() {
    for (time, most) in [
        (15, secs(1)),
        (5, ms(500)),
        (3, ms(300)),
        (2, ms(0)),
        (1, ms(0)),
    ] {
        let mut starts: Vec<Duration> = (0..50)
            .map(|seed| {
                let settings = Settings::new(Endpoint::tcp(NAME, 6379), 1);
                let mut w = World::with(settings, seed).filled();
                w.broadcast(node(1), &moving(1, time, Some(named(2))));
                w.run(secs(2));
                w.moves().next().unwrap().0
            })
            .collect();
        starts.sort();
        assert!(starts[49] <= most, "{time}: {starts:?}");
        assert!(
            most.is_zero() || starts[49] - starts[0] > most / 2,
            "{time}: {starts:?}"
        );
    }
}

#[test]
fn links_that_never_opted_in_move_with_the_rest() {
    let mut w = World::new(4);
    w.opts_in = false;
    (0..3).for_each(|_| w.want());
    w.run(ms(50));
    w.opts_in = true;
    w.want();
    w.run(ms(50));
    let quiet = w.link(0);
    assert_eq!(
        w.says(quiet, &moving(1, 2, Some(named(9)))),
        Verdict::NotOptedIn
    );
    let asked = w.link(3);
    assert_eq!(w.says(asked, &moving(1, 2, Some(named(2)))), Verdict::Acted);
    w.run(secs(1));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn two_hundred_copies_make_one_operation() {
    let mut w = World::full(200);
    let verdicts = w.broadcast(node(1), &moving(8, 15, Some(named(2))));
    w.run(secs(3));
    assert_eq!(verdicts.len(), 200);
    assert_eq!((w.started(), w.completed(), w.moves().count()), (1, 1, 200));
    assert!(w.all_at(2));
    assert!(w.most_sockets <= 400);
}

#[test]
fn a_new_link_that_is_told_again_starts_nothing() {
    let mut w = World::full(3);
    let notice = moving(8, 15, Some(named(2)));
    w.replays.insert(node(1), vec![notice.clone()]);
    w.replays.insert(node(2), vec![notice.clone()]);
    w.broadcast(node(1), &notice);
    w.run(secs(3));
    let windows = w.count(|e| matches!(e, MaintenanceEvent::WindowOpened(_)));
    assert_eq!((w.started(), windows), (1, 1));
    assert!(w.all_at(2));
    // One that dies and comes back hears it once more.
    let link = w.link(1);
    w.end(link, false);
    w.run(secs(3));
    assert_eq!(w.started(), 1);
    assert!(w.all_at(2));
}

#[test]
fn the_same_number_with_another_target_is_another_move() {
    let mut w = World::full(2);
    w.bring_up(1, node(3), named(3));
    w.run(ms(500));
    w.broadcast(node(1), &moving(8, 10, Some(named(2))));
    w.broadcast(node(3), &moving(8, 10, Some(named(4))));
    w.run(secs(3));
    assert_eq!(w.peers(), [Some(node(2)), Some(node(4))]);
    assert_eq!((w.started(), w.completed()), (2, 2));
}

#[test]
fn a_later_move_of_the_same_address_is_a_move_of_its_own() {
    let mut w = World::full(2);
    w.broadcast(node(1), &moving(2, 15, Some(named(2))));
    w.at(secs(40), |w| {
        w.broadcast(node(2), &moving(3, 15, Some(named(1))));
    });
    w.at(secs(97), |w| {
        w.broadcast(node(1), &moving(4, 15, Some(named(2))));
    });
    w.run(secs(20));
    assert!(w.all_at(2));
    w.run(secs(30));
    assert!(w.all_at(1));
    w.run(secs(60));
    assert!(w.all_at(2));
    assert_eq!((w.started(), w.completed()), (3, 3));
}

#[test]
fn a_lower_number_is_admitted_after_a_higher_one_has_passed() {
    let mut w = World::full(1);
    w.broadcast(node(1), &moving(50, 5, Some(named(2))));
    w.run(secs(120));
    assert_eq!(
        w.broadcast(node(2), &moving(7, 5, Some(named(3)))),
        [Verdict::Acted]
    );
    w.run(secs(5));
    assert!(w.all_at(3));
}

#[test]
fn what_a_replaced_link_says_is_stale() {
    let mut w = World::full(1);
    let old = w.link(0);
    w.wires.get_mut(&old).unwrap().busy = true;
    w.broadcast(node(1), &moving(1, 5, Some(named(2))));
    w.run(secs(2));
    assert!(w.all_at(2));
    for notice in [
        moving(1, 5, Some(named(2))),
        moving(2, 5, Some(named(3))),
        migrating(3),
    ] {
        assert_eq!(w.says(old, &notice), Verdict::Stale);
    }
    w.run(secs(30));
    assert_eq!(
        w.says(old, &moving(4, 5, Some(named(3)))),
        Verdict::Stale,
        "after its end"
    );
    assert!(w.all_at(2));
    assert_eq!(w.started(), 1);
}

#[test]
fn copies_extend_no_window_and_postpone_no_deadline() {
    let mut w = World::full(2);
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    let deadline = w.now + w.c.handoffs(w.now)[0].time_left;
    let until = w.a.windows().iter_open().next().unwrap().until;
    for n in 1..9 {
        w.at(secs(n), |w| {
            w.broadcast(node(1), &moving(1, 20, Some(named(2))));
        });
    }
    w.run(secs(10));
    assert_eq!(w.now + w.c.handoffs(w.now)[0].time_left, deadline);
    assert_eq!(w.a.windows().iter_open().next().unwrap().until, until);
    assert_eq!(until, w.start + secs(25));
}

#[test]
fn a_dial_that_began_before_the_notice_is_moved_when_it_ends_after_it() {
    let mut w = World::new(2);
    w.want();
    w.run(ms(100));
    w.latency = ms(200);
    w.want();
    w.run(ms(100));
    w.broadcast(node(1), &moving(1, 2, Some(named(2))));
    w.run(ms(150));
    assert_eq!(
        w.c.peer(1),
        Some(node(1)),
        "the dial was to the retiring address"
    );
    w.run(secs(1));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!(w.started(), 1);
}

#[test]
fn a_straggler_is_moved_even_after_the_operation_was_complete() {
    let mut w = World::new(2);
    w.want();
    w.run(ms(100));
    w.latency = ms(900);
    w.want();
    w.latency = ms(5);
    w.broadcast(node(1), &moving(1, 2, Some(named(2))));
    w.run(ms(500));
    assert_eq!(w.completed(), 1);
    w.run(secs(1));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!((w.started(), w.completed()), (1, 1), "one event for all");
}

#[test]
fn a_sibling_that_retires_too_moves_by_its_own_copy() {
    let mut w = World::full(2);
    let v6 = addr("[2001:db8::1]:6379");
    w.bring_up(1, v6, Endpoint::tcp(NAME, 6379));
    w.run(secs(1));
    let notice = moving(6, 10, Some(named(2)));
    assert_eq!(w.broadcast(node(1), &notice), [Verdict::Acted]);
    assert_eq!(w.broadcast(v6, &notice), [Verdict::Acted]);
    w.run(secs(3));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn an_address_of_a_dual_stack_socket_is_the_same_address() {
    let mut w = World::full(2);
    w.bring_up(1, addr("[::ffff:10.0.0.1]:6379"), Endpoint::tcp(NAME, 6379));
    w.run(secs(1));
    let link = w.link(0);
    w.says(link, &moving(6, 10, Some(named(2))));
    w.run(secs(3));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn a_draining_link_is_closed_when_idle_and_ended_five_seconds_late() {
    let mut w = World::full(2);
    let busy = w.link(0);
    w.wires.get_mut(&busy).unwrap().busy = true;
    w.broadcast(node(1), &moving(1, 10, Some(named(2))));
    w.run(secs(3));
    assert_eq!(w.c.draining(), 1);
    w.run(ms(6_400));
    assert_eq!(w.idle_closes, 0);
    w.run(ms(5_500));
    assert_eq!((w.c.draining(), w.closes.len()), (1, 0));
    assert_eq!(
        w.idle_closes, 1,
        "once, half a second ahead of the deadline"
    );
    w.run(ms(200));
    assert_eq!(w.closes, [busy]);
    assert_eq!(w.c.draining(), 0);
}

#[test]
fn an_old_link_that_dies_while_the_dial_runs_costs_nothing() {
    let mut w = World::full(2);
    w.latency = ms(500);
    w.broadcast(node(1), &moving(1, 2, Some(named(2))));
    w.run(ms(100));
    w.close(node(1));
    assert_eq!(w.c.phases().collect::<Vec<_>>(), [Phase::Filling; 2]);
    w.run(secs(2));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!(w.completed(), 1);
}

#[test]
fn an_old_link_that_dies_while_a_dial_fails_is_filled_like_any_other() {
    let mut w = World::full(1);
    w.manners.insert(node(2), Manner::HangsUp);
    w.latency = ms(500);
    w.broadcast(node(1), &moving(1, 2, Some(named(2))));
    w.run(ms(100));
    w.list(&[3]);
    w.close(node(1));
    w.run(secs(3));
    assert!(w.all_at(3), "{:?}", w.peers());
}

#[test]
fn a_new_link_that_dies_right_after_the_swap_is_an_ordinary_reconnect() {
    let mut w = World::full(1);
    w.broadcast(node(1), &moving(1, 2, Some(named(2))));
    w.run(ms(100));
    let fresh = w.link(0);
    w.end(fresh, false);
    w.run(ms(100));
    assert!(w.all_at(2), "{:?}", w.peers());
    let fills: Vec<_> = w
        .jobs
        .iter()
        .filter(|(_, job)| job.kind == JobKind::Fill)
        .collect();
    assert_eq!(fills.len(), 1);
    assert_eq!(fills[0].1.target, Target::Announced(named(2)));
}

#[test]
fn what_is_announced_is_the_number_of_links_that_have_to_go() {
    let mut w = World::new(9);
    (0..4).for_each(|_| w.want());
    w.run(ms(100));
    w.bring_up(3, node(2), named(2));
    w.run(secs(1));
    w.broadcast(node(1), &moving(1, 10, Some(named(2))));
    let announced = w.events.iter().find_map(|(_, event)| match event {
        MaintenanceEvent::HandoffStarted(handoff, count) => Some((handoff.from, *count)),
        _ => None,
    });
    assert_eq!(
        announced,
        Some((Some(node(1)), 3)),
        "not the vacant entries, not the other peer's"
    );
    w.run(secs(5));
    let completed = w.events.iter().find_map(|(_, event)| match event {
        MaintenanceEvent::HandoffCompleted(handoff) => Some(handoff.moved),
        _ => None,
    });
    assert_eq!(completed, Some(3));
}

#[test]
fn links_gone_before_they_moved_end_the_operation() {
    let mut w = World::full(3);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.close(node(1));
    w.run(secs(2));
    assert!(w.all_at(2), "{:?}", w.peers());
    let gone = Why::Abandoned(AbandonReason::LinksGone);
    assert_eq!(w.gave(gone), 1);
}

#[test]
fn an_open_breaker_is_probed_each_eighth_of_the_time_and_at_the_last_chance() {
    let settings = Settings::new(Endpoint::tcp(NAME, 6379), 4);
    let mut announced = AnnouncementSettings::default();
    announced.breaker.threshold = 2;
    let mut w = World::announced(settings, announced, 1).filled();
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    w.run(ms(18_900));
    let at: Vec<_> = w.moves().map(|(at, _)| *at).collect();
    assert!(
        at.len() >= 8,
        "two failures, and a probe each 2.5 s: {at:?}"
    );
    let pauses: Vec<_> = at
        .windows(2)
        .skip(1)
        .map(|pair| pair[1] - pair[0])
        .collect();
    let eighth = ms(2500)..=ms(2510);
    assert!(
        pauses.iter().all(|pause| eighth.contains(pause)),
        "{pauses:?}"
    );
    let rejections: u64 = w.a.breakers().map(|(_, stats)| stats.rejections).sum();
    assert!(
        rejections <= 20,
        "it is not asked again and again: {rejections}"
    );
    w.manners.insert(node(2), Manner::Accepts);
    w.run(ms(200));
    assert!(w.all_at(2), "the last chance is taken: {:?}", w.peers());
    assert!(w.count(|e| matches!(e, MaintenanceEvent::BreakerChanged { .. })) >= 2);
}

#[test]
fn an_error_reply_does_not_count_against_the_endpoint() {
    let settings = Settings::new(Endpoint::tcp(NAME, 6379), 4);
    let mut announced = AnnouncementSettings::default();
    announced.breaker.threshold = 1;
    let mut w = World::announced(settings, announced, 1).filled();
    w.manners.insert(node(2), Manner::TurnsAway);
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    w.run(secs(5));
    assert!(w.moves().count() > 2);
    assert!(w.a.breakers().all(|(_, stats)| stats.openings == 0));
}

#[test]
fn one_event_is_published_for_each_operation_whatever_happens() {
    for manner in [Manner::Accepts, Manner::Refuses, Manner::BlackHole] {
        let mut w = World::full(5);
        w.manners.insert(node(2), manner);
        w.broadcast(node(1), &moving(1, 5, Some(named(2))));
        w.run(secs(60));
        let ends = w.count(|e| {
            matches!(
                e,
                MaintenanceEvent::HandoffAbandoned(_)
                    | MaintenanceEvent::HandoffCompleted(_)
                    | MaintenanceEvent::HandoffFailed(..)
            )
        });
        assert_eq!((w.started(), ends), (1, 1), "{manner:?}");
    }
}

#[test]
fn a_thread_that_slept_through_the_window_moves_idle_links_all_the_same() {
    for target in [Some(named(2)), None] {
        let mut settings = Settings::new(named(1), 3);
        settings.min_connections = 3;
        let mut w = World::with(settings, 1).filled();
        w.broadcast(node(1), &moving(1, 10, target.clone()));
        w.late_wakeup(secs(60));
        w.run(secs(5));
        assert_eq!(w.moves().count(), 3, "{target:?}");
        assert_eq!(w.completed(), 1, "{target:?}");
    }
}

#[test]
fn a_busy_link_is_ended_for_want_of_places_only_as_often_as_needed() {
    let mut w = World::full(4);
    w.bring_up(0, node(7), named(7));
    w.run(secs(1));
    for wire in w.wires.values_mut() {
        wire.busy = true;
    }
    w.broadcast(node(1), &moving(1, 60, Some(named(2))));
    w.broadcast(node(7), &moving(2, 60, Some(named(8))));
    w.run(secs(3));
    assert_eq!(w.c.draining(), 4);
    w.broadcast(node(8), &moving(3, 8, Some(named(9))));
    w.run(secs(7));
    assert_eq!(w.peers(), [9, 2, 2, 2].map(|n| Some(node(n))));
    assert_eq!(w.closes.len(), 1, "{:?}", w.closes);
}
