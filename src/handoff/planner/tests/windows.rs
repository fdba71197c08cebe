//! Windows, completions, copies and catch-ups, as links and watchers see them.

use super::super::*;
use super::world::*;
use crate::handoff::windows::{Cause, Family, Scope};

fn open(w: &World) -> Vec<(Family, Option<i64>)> {
    w.a.windows()
        .iter_open()
        .map(|win| (win.cause.family, win.cause.seq))
        .collect()
}

fn relaxed(w: &World, peer: u8) -> Option<Duration> {
    let (until, _) = w.a.windows().relaxed_until(Some(node(peer)), w.now)?;
    Some(until.duration_since(w.start))
}

#[test]
fn a_start_relaxes_and_its_completion_ends_that_after_a_tail() {
    for (start, end, family) in [
        (migrating(4), migrated(5), Family::Migration),
        (failing_over(4), failed_over(5), Family::Failover),
        (slots_migrating(4), slots_migrated(5), Family::SlotMigration),
    ] {
        let mut w = World::full(2);
        w.broadcast(node(1), &start);
        assert_eq!(open(&w), [(family, Some(4))]);
        w.run(secs(10));
        w.broadcast(node(1), &end);
        assert_eq!(open(&w), []);
        assert_eq!(
            relaxed(&w, 1),
            Some(secs(30)),
            "twice the relaxed timeout, from the completion"
        );
        w.run(secs(21));
        assert_eq!(relaxed(&w, 1), None);
        let opened = |e: &MaintenanceEvent| matches!(e, MaintenanceEvent::WindowOpened(_));
        let closed = |e: &MaintenanceEvent| matches!(e, MaintenanceEvent::WindowClosed(_));
        assert_eq!(
            (w.count(opened), w.count(closed)),
            (1, 1),
            "one event, not one per link"
        );
    }
}

#[test]
fn links_are_told_what_the_table_says() {
    let mut w = World::full(2);
    w.broadcast(node(1), &migrating(4));
    assert_eq!(w.relaxed[&Scope::Database], w.start + secs(80));
    w.run(secs(10));
    w.broadcast(node(1), &migrated(5));
    assert_eq!(w.relaxed[&Scope::Database], w.start + secs(30));
    w.broadcast(node(1), &moving(6, 10, None));
    assert_eq!(
        w.relaxed[&Scope::Peer(node(1))],
        w.start + secs(10 + 15 + 20)
    );
}

#[test]
fn a_start_without_completion_is_ended_by_its_cap() {
    for (start, cap) in [
        (migrating(1), 60),
        (failing_over(1), 60),
        (slots_migrating(1), 120),
    ] {
        let mut w = World::full(1);
        w.broadcast(node(1), &start);
        w.run(secs(cap) - ms(1));
        assert_eq!(open(&w).len(), 1);
        w.run(ms(2));
        assert_eq!(open(&w).len(), 0);
        assert_eq!(relaxed(&w, 1), Some(secs(cap + 20)));
    }
}

#[test]
fn a_moving_relaxes_the_old_place_for_its_time_and_five_seconds() {
    let mut w = World::full(1);
    w.broadcast(node(1), &moving(1, 15, None));
    assert_eq!(relaxed(&w, 1), Some(secs(15 + 5 + 20)));
    assert_eq!(relaxed(&w, 2), None, "and no other place");
}

#[test]
fn an_entry_that_has_moved_is_relaxed_for_the_tail() {
    let mut w = World::full(1);
    w.broadcast(node(1), &moving(1, 2, Some(named(2))));
    w.run(ms(5));
    assert_eq!(relaxed(&w, 2), Some(secs(20) + ms(5)));
    assert_eq!(w.relaxed[&Scope::Peer(node(2))], w.now + secs(20));
}

#[test]
fn a_later_start_extends() {
    let mut w = World::full(1);
    w.broadcast(node(1), &migrating(1));
    w.run(secs(50));
    w.broadcast(node(1), &migrating(2));
    w.run(secs(30));
    assert_eq!(open(&w), [(Family::Migration, Some(2))]);
    assert_eq!(relaxed(&w, 1), Some(secs(50 + 60 + 20)));
}

#[test]
fn a_completion_ends_only_what_started_before_it() {
    let mut w = World::full(1);
    w.broadcast(node(1), &migrating(4));
    w.broadcast(node(1), &migrating(6));
    w.run(secs(1));
    w.broadcast(node(1), &migrated(5));
    assert_eq!(open(&w), [(Family::Migration, Some(6))]);
    w.broadcast(node(1), &migrated(7));
    assert_eq!(open(&w), []);
}

#[test]
fn a_completion_ends_nothing_of_another_family() {
    let mut w = World::full(1);
    w.run(secs(1));
    for start in [
        migrating(1),
        failing_over(2),
        slots_migrating(3),
        moving(4, 10, None),
    ] {
        w.broadcast(node(1), &start);
    }
    w.broadcast(node(1), &migrated(9));
    assert_eq!(open(&w).len(), 3);
    w.broadcast(node(1), &failed_over(10));
    w.broadcast(node(1), &slots_migrated(11));
    assert_eq!(open(&w), [(Family::Moving, Some(4))]);
}

#[test]
fn copies_on_many_links_open_and_close_once() {
    let mut w = World::full(30);
    let opened = w.broadcast(node(1), &migrating(4));
    w.run(secs(3));
    let closed = w.broadcast(node(1), &migrated(5));
    for verdicts in [opened, closed] {
        assert_eq!(verdicts.iter().filter(|v| **v == Verdict::Acted).count(), 1);
        assert_eq!(
            verdicts
                .iter()
                .filter(|v| **v == Verdict::Duplicate)
                .count(),
            29
        );
    }
    assert_eq!(w.events.len(), 2);
}

#[test]
fn a_copy_that_comes_after_the_completion_opens_nothing() {
    let mut w = World::full(2);
    w.broadcast(node(1), &migrating(4));
    w.run(secs(1));
    w.broadcast(node(1), &migrated(5));
    w.run(secs(70));
    let verdicts = w.broadcast(node(1), &migrating(4));
    assert_eq!(
        verdicts,
        [Verdict::Duplicate; 2],
        "remembered beyond cap and tail"
    );
    assert_eq!(open(&w), []);
}

#[test]
fn slot_migrations_are_completed_by_their_own_number() {
    let mut w = World::full(1);
    w.run(secs(1));
    assert_eq!(w.broadcast(node(1), &slots_migrating(16)), [Verdict::Acted]);
    assert_eq!(w.broadcast(node(1), &slots_migrated(17)), [Verdict::Acted]);
    assert_eq!(
        w.broadcast(node(1), &slots_migrated(23)),
        [Verdict::Acted],
        "without a start too"
    );
    assert_eq!(
        w.broadcast(node(1), &slots_migrated(23)),
        [Verdict::Duplicate]
    );
}

#[test]
fn overlapping_slot_migrations_each_have_their_window() {
    let mut w = World::full(1);
    w.run(secs(1));
    w.broadcast(node(1), &slots_migrating(1));
    w.run(secs(10));
    w.broadcast(node(1), &slots_migrating(3));
    assert_eq!(open(&w).len(), 2);
    w.broadcast(node(1), &slots_migrated(2));
    assert_eq!(open(&w), [(Family::SlotMigration, Some(3))]);
}

#[test]
fn a_slot_migration_relaxes_the_peers_that_announce_it() {
    let mut w = World::full(3);
    w.bring_up(1, node(2), named(2));
    w.bring_up(2, node(3), named(3));
    w.run(secs(1));
    let first = w.elapsed();
    w.broadcast(node(1), &slots_migrating(5));
    w.run(secs(4));
    assert_eq!(
        w.broadcast(node(2), &slots_migrating(5)),
        [Verdict::Duplicate]
    );
    assert_eq!(relaxed(&w, 1), Some(first + secs(140)));
    assert_eq!(
        relaxed(&w, 2),
        Some(first + secs(140)),
        "anchored to the first copy"
    );
    assert_eq!(relaxed(&w, 3), None);
    w.broadcast(node(1), &slots_migrated(6));
    assert_eq!(open(&w), []);
    let told = |e: &MaintenanceEvent| {
        matches!(
            e,
            MaintenanceEvent::WindowOpened(_) | MaintenanceEvent::WindowClosed(_)
        )
    };
    assert_eq!(
        w.count(told),
        2,
        "told once, however many peers, and its end as well"
    );
}

#[test]
fn a_link_hears_of_all_windows_that_concern_it() {
    let mut w = World::full(2);
    w.bring_up(1, node(2), named(2));
    w.run(secs(1));
    let start = w.now;
    w.broadcast(node(1), &moving(1, 100, None));
    w.broadcast(node(1), &migrating(2));
    let told = |w: &World, entry| {
        w.wires[&w.link(entry)]
            .relaxed
            .map(|at| at.duration_since(start))
    };
    assert_eq!(told(&w, 0), Some(secs(125)), "the later end of the two");
    assert_eq!(told(&w, 1), Some(secs(80)));
    w.broadcast(node(1), &migrated(3));
    assert_eq!(
        told(&w, 0),
        Some(secs(125)),
        "the end of one leaves the other"
    );
    assert_eq!(told(&w, 1), Some(secs(20)));
}

#[test]
fn a_link_that_comes_up_in_a_window_is_told_at_once() {
    let mut w = World::new(2);
    w.want();
    w.run(secs(1));
    w.broadcast(node(1), &migrating(2));
    let until = w.now + secs(80);
    w.want();
    w.run(secs(1));
    assert_eq!(w.wires[&w.link(1)].relaxed, Some(until));
}

#[test]
fn completions_told_to_new_links_are_catch_ups() {
    let mut w = World::new(3);
    w.replays.insert(node(1), vec![migrated(7), failed_over(3)]);
    (0..3).for_each(|_| w.want());
    w.run(secs(60));
    assert_eq!(w.verdicts, [Verdict::CatchUp; 6]);
    assert!(w.events.is_empty(), "{:?}", w.events);
    assert_eq!(w.liveness_checks, 0);
    assert!(w.relaxed.is_empty());
}

#[test]
fn a_catch_up_ends_no_window() {
    let mut w = World::new(2);
    w.want();
    w.run(secs(1));
    w.broadcast(node(1), &migrating(40));
    w.replays.insert(node(1), vec![migrated(12)]);
    w.want();
    w.run(secs(1));
    assert_eq!(w.verdicts.last(), Some(&Verdict::CatchUp));
    assert_eq!(open(&w), [(Family::Migration, Some(40))]);
}

#[test]
fn a_real_completion_is_acted_upon_even_on_a_new_link() {
    let mut w = World::new(2);
    w.want();
    w.run(secs(1));
    w.broadcast(node(1), &migrating(40));
    w.replays.insert(node(1), vec![migrated(41)]);
    w.want();
    w.run(secs(1));
    assert_eq!(w.verdicts.last(), Some(&Verdict::Acted));
    assert_eq!(open(&w), []);
}

#[test]
fn a_catch_up_on_one_link_does_not_hide_the_event_on_another() {
    let mut w = World::new(2);
    w.want();
    w.run(secs(1));
    w.replays.insert(node(1), vec![failed_over(41)]);
    w.want();
    w.run(ms(10));
    assert_eq!(w.verdicts, [Verdict::CatchUp]);
    let old = w.link(0);
    assert_eq!(w.says(old, &failed_over(41)), Verdict::Acted);
    assert_eq!(w.liveness_checks, 1);
}

#[test]
fn a_quarter_of_a_second_makes_a_completion_real() {
    let mut w = World::new(1);
    w.want();
    w.run(ms(5));
    let link = w.link(0);
    w.run(ms(250));
    assert_eq!(w.says(link, &failed_over(9)), Verdict::CatchUp);
    w.run(ms(1));
    assert_eq!(w.says(link, &failed_over(9)), Verdict::Acted);
}

#[test]
fn starts_told_during_the_handshake_are_acted_upon_when_the_link_is_up() {
    let mut w = World::new(2);
    w.replays.insert(
        node(1),
        vec![
            migrating(3),
            moving(4, 2, Some(named(2))),
            slots_migrating(5),
        ],
    );
    w.want();
    w.run(secs(5));
    assert_eq!(w.verdicts[..3], [Verdict::Acted; 3]);
    assert_eq!(w.c.peer(0), Some(node(2)));
    assert_eq!(w.started(), 1);
}

#[test]
fn a_failover_ends_with_a_look_at_the_idle_links() {
    let mut w = World::full(5);
    w.run(secs(1));
    w.broadcast(node(1), &failing_over(1));
    w.broadcast(node(1), &failed_over(2));
    assert_eq!(w.liveness_checks, 1);
}

#[test]
fn events_without_a_number_are_acted_upon_once_per_window() {
    let mut w = World::full(3);
    w.run(secs(1));
    let start = Notification::Migrating {
        seq: None,
        time: 1,
        shards: String::new(),
    };
    let end = Notification::Migrated {
        seq: None,
        shards: String::new(),
    };
    let acted = |verdicts: Vec<Verdict>| verdicts.iter().filter(|v| **v == Verdict::Acted).count();
    assert_eq!(acted(w.broadcast(node(1), &start)), 1);
    w.run(secs(30));
    assert_eq!(acted(w.broadcast(node(1), &start)), 0);
    assert_eq!(acted(w.broadcast(node(1), &end)), 1);
    assert_eq!(open(&w), []);
    w.run(secs(40));
    assert_eq!(acted(w.broadcast(node(1), &start)), 1, "another window");
    w.run(secs(61));
    let moving = Notification::Moving {
        seq: None,
        time: 10,
        target: Some(named(2)),
    };
    assert_eq!(acted(w.broadcast(node(1), &moving)), 1);
    w.run(secs(5));
    assert!(w.all_at(2));
}

#[test]
fn a_timeout_noticed_after_the_end_still_names_the_maintenance() {
    let mut w = World::full(1);
    w.broadcast(node(1), &migrating(4));
    w.run(secs(1));
    w.broadcast(node(1), &migrated(5));
    let cause = Some(Cause {
        family: Family::Migration,
        seq: Some(4),
    });
    w.run(secs(20));
    assert_eq!(relaxed(&w, 1), None);
    let blame = |w: &World, grace| w.a.windows().blame(Some(node(1)), w.now, grace);
    assert_eq!(blame(&w, secs(1)), cause);
    w.run(secs(2));
    assert_eq!(blame(&w, secs(1)), None);
    assert_eq!(
        blame(&w, secs(5)),
        cause,
        "the command's own timeout says how far back to look"
    );
}

#[test]
fn option_values_of_any_size_do_not_overflow() {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), 1);
    let announced = AnnouncementSettings {
        post_handoff: Duration::MAX,
        migration_cap: Duration::MAX,
        failover_cap: Duration::MAX,
        slot_migration_cap: Duration::MAX,
        ..AnnouncementSettings::default()
    };
    settings.handoff_timeout = Duration::MAX;
    settings.backoff_cap = Duration::MAX;
    settings.max_retries = u32::MAX;
    let mut w = World::announced(settings, announced, 1).filled();
    for notice in [
        migrating(1),
        failing_over(2),
        slots_migrating(3),
        moving(4, i64::MAX, None),
    ] {
        assert_eq!(w.broadcast(node(1), &notice), [Verdict::Acted]);
    }
    w.run(secs(5));
    for notice in [migrated(5), failed_over(6), slots_migrated(7)] {
        assert_eq!(w.broadcast(node(1), &notice), [Verdict::Acted]);
    }
}

#[test]
fn option_values_of_zero_do_not_spin() {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), 2);
    let announced = AnnouncementSettings {
        post_handoff: Duration::ZERO,
        migration_cap: Duration::ZERO,
        failover_cap: Duration::ZERO,
        slot_migration_cap: Duration::ZERO,
        ..AnnouncementSettings::default()
    };
    settings.backoff_floor = Duration::ZERO;
    settings.backoff_cap = Duration::from_millis(1);
    settings.max_retries = 0;
    let mut w = World::announced(settings, announced, 1).filled();
    for notice in [
        migrating(1),
        failing_over(2),
        slots_migrating(3),
        moving(4, 0, Some(named(2))),
    ] {
        w.broadcast(node(1), &notice);
    }
    w.run(secs(60));
    assert!(w.all_at(2));
    assert_eq!(open(&w), []);
}

/// All orders of these.
fn orders<T: Clone>(of: &[T]) -> Vec<Vec<T>> {
    if of.is_empty() {
        return vec![vec![]];
    }
    let mut all = Vec::new();
    for at in 0..of.len() {
        let mut rest = of.to_vec();
        let first = rest.remove(at);
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

#[test]
fn in_whatever_order_links_pass_events_on_what_has_ended_is_closed() {
    let events = [
        migrating(1),
        migrated(2),
        failing_over(3),
        failed_over(4),
        slots_migrating(5),
    ];
    for order in orders(&events) {
        let mut w = World::full(3);
        w.run(secs(1));
        for notice in &order {
            w.broadcast(node(1), notice);
            w.run(ms(30));
        }
        assert_eq!(open(&w), [(Family::SlotMigration, Some(5))], "{order:?}");
        assert_eq!(w.liveness_checks, 1, "{order:?}");
        let opened = w.count(|e| matches!(e, MaintenanceEvent::WindowOpened(_)));
        let closed = w.count(|e| matches!(e, MaintenanceEvent::WindowClosed(_)));
        assert_eq!(opened, closed + 1, "{order:?}");
    }
}

#[test]
fn the_start_of_what_has_ended_is_stale() {
    let mut w = World::full(1);
    w.run(secs(1));
    let link = w.link(0);
    assert_eq!(w.says(link, &migrated(9)), Verdict::Acted);
    assert_eq!(w.says(link, &migrating(8)), Verdict::Stale);
    assert_eq!(
        w.says(link, &migrating(10)),
        Verdict::Acted,
        "but not the next one"
    );
    assert_eq!(
        w.says(link, &failing_over(1)),
        Verdict::Acted,
        "nor that of another family"
    );
}
