//! Moves to a place that has no room for a second connection of the same entry.

use super::super::*;
use super::world::*;

/// Four entries on servers that accept `room` sockets.
fn crowded(room: usize) -> World {
    let mut w = World::full(4);
    w.room = room;
    w
}

fn entry_moves(w: &World) -> usize {
    w.count(|event| matches!(event, MaintenanceEvent::ConnectionMoved { .. }))
}

#[test]
fn while_there_may_be_room_later_the_old_links_serve() {
    let mut w = crowded(4);
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    w.run(secs(9));
    assert!(w.all_at(1) && w.c.draining() == 0);
    w.room = 8;
    w.run(secs(8));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!((w.completed(), entry_moves(&w)), (1, 4));
}

#[test]
fn from_half_time_on_an_old_link_ends_first_to_make_room() {
    let mut w = crowded(4);
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    w.run(secs(20));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!((w.completed(), entry_moves(&w)), (1, 4));
    assert_eq!(w.a.breakers().map(|(_, b)| b.failures).sum::<u64>(), 0);
}

#[test]
fn one_link_at_a_time_makes_room_and_what_was_asked_is_answered_before() {
    let mut w = crowded(4);
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    w.run(secs(9));
    for entry in 0..4 {
        w.command(entry, secs(3));
    }
    for _ in 0..110 {
        w.run(ms(100));
        let vacant = |state: &Phase| matches!(state, Phase::Vacant | Phase::Filling);
        assert!(w.c.phases().filter(vacant).count() <= 1);
    }
    assert_eq!(w.failed, 0);
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn where_giving_way_does_not_help_the_other_links_stay() {
    let mut w = crowded(4);
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    w.run(secs(9));
    w.room = 0;
    w.run(secs(10));
    let vacant = w.c.phases().filter(|state| *state == Phase::Vacant);
    assert_eq!(vacant.count(), 1);
    let serving = w.peers().into_iter().filter(|peer| *peer == Some(node(1)));
    assert_eq!(serving.count(), 3);
    // The entry is filled once somebody wants it and there is room.
    w.room = 8;
    w.want();
    w.run(secs(10));
    assert!(w.peers().iter().all(Option::is_some), "{:?}", w.peers());
}

#[test]
fn room_that_comes_late_is_taken_by_all() {
    let mut w = crowded(4);
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    w.run(secs(9));
    w.room = 0;
    w.run(secs(3));
    assert!(w.peers().contains(&None), "one gave way in vain");
    w.room = 8;
    w.run(secs(5));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn who_wants_a_link_gets_another_entry_than_the_one_that_makes_room() {
    let mut w = World::new(4);
    (0..2).for_each(|_| w.want());
    w.run(secs(1));
    w.room = 2;
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    w.run(secs(9));
    w.wires.values_mut().for_each(|wire| wire.busy = true);
    w.run(secs(2));
    assert_eq!(w.c.draining(), 1, "it makes room, but has to answer first");
    w.room = 8;
    w.want();
    w.run(secs(1));
    assert_eq!(w.c.peer(2), Some(node(2)));
}

#[test]
fn a_pool_of_one_gives_way_too() {
    let mut w = World::full(1);
    w.room = 1;
    w.broadcast(node(1), &moving(1, 8, Some(named(2))));
    w.run(ms(5_900));
    assert!(w.all_at(1), "the last link waits longer");
    w.run(secs(3));
    assert!(w.all_at(2));
    assert_eq!((w.completed(), entry_moves(&w)), (1, 1));
}

#[test]
fn a_newer_word_counts_for_an_entry_that_gave_way() {
    let mut w = crowded(4);
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    w.run(secs(9));
    w.wires.values_mut().for_each(|wire| wire.busy = true);
    w.run(secs(2));
    assert_eq!(w.c.draining(), 1);
    w.room = 8;
    w.broadcast(node(1), &moving(2, 20, Some(named(3))));
    let links: Vec<LinkId> = w.wires.keys().copied().collect();
    for link in links {
        w.end(link, true);
    }
    (0..4).for_each(|_| w.want());
    w.run(secs(10));
    assert!(w.all_at(3), "{:?}", w.peers());
}

/// A move of `grace` seconds to a node that takes `room` links, of a pool that is used all the while.
/// Returns the world just after the announced end, and the fewest links that served.
fn partly(entries: usize, room: usize, concurrency: usize, grace: u64) -> (World, usize) {
    let mut settings = Settings::new(named(1), entries);
    settings.handoff_concurrency = concurrency;
    let mut w = World::with(settings, grace).filled();
    w.latency = ms(1);
    w.rooms.insert(node(2), room);
    let said = moving(1, i64::try_from(grace).unwrap(), Some(named(2)));
    w.broadcast(node(1), &said);
    let mut least = entries;
    while w.elapsed() < secs(grace) + ms(300) {
        for entry in 0..entries {
            w.command(entry, ms(2));
        }
        w.run(ms(20));
        least = least.min(w.peers().iter().flatten().count());
    }
    (w, least)
}

#[test]
fn a_target_with_room_for_a_few_costs_few_dials_and_no_service() {
    for grace in [2, 15] {
        for (entries, room) in [(6, 2), (6, 0), (1, 0), (2, 1), (12, 5), (12, 11)] {
            for concurrency in [1, 0] {
                let (w, least) = partly(entries, room, concurrency, grace);
                let context = format!("{grace} s, {room} of {entries}, {concurrency} at once");
                let dials = w.jobs.len();
                assert!(dials <= 2 * entries + 12, "{dials} dials: {context}");
                let making_room = (entries / 4).max(1);
                assert!(least + making_room >= entries, "{least} served: {context}");
                let there = |n| {
                    w.peers()
                        .iter()
                        .filter(|peer| **peer == Some(node(n)))
                        .count()
                };
                assert_eq!((there(2), there(1)), (room, entries - room), "{context}");
                assert_eq!(entry_moves(&w), room, "none that came back: {context}");
                assert_eq!(w.failed, 0, "{context}");
            }
        }
    }
}

#[test]
fn an_entry_gives_way_once_for_a_move() {
    let (mut w, _) = partly(6, 2, 1, 15);
    let released_first = |w: &World| {
        w.c.entries
            .iter()
            .filter(|entry| entry.yielded.is_some())
            .count()
    };
    let before = released_first(&w);
    assert!((1..=4).contains(&before), "{before}");
    // A newer one is another move.
    w.rooms.insert(node(3), 5);
    w.broadcast(node(1), &moving(2, 10, Some(named(3))));
    w.run(secs(10));
    let there = w
        .peers()
        .iter()
        .filter(|peer| **peer == Some(node(3)))
        .count();
    assert_eq!(there, 4, "{:?}", w.peers());
}

#[test]
fn room_at_the_last_chance_is_taken_by_all() {
    let mut settings = Settings::new(named(1), 6);
    settings.handoff_concurrency = 1;
    let mut w = World::with(settings, 1).filled();
    w.latency = ms(1);
    w.rooms.insert(node(2), 2);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.run(ms(13_900));
    assert!(!w.all_at(2));
    w.rooms.clear();
    w.run(ms(1000));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn a_target_that_turns_everybody_away_costs_few_dials() {
    for (entries, seed) in [(1, 1), (6, 2), (40, 3)] {
        let mut w = World::with(Settings::new(named(1), entries), seed).filled();
        w.latency = ms(1);
        w.broadcast(node(1), &moving(1, 60, Some(named(2))));
        // It takes the first, and then no more.
        w.at(ms(1), |w| {
            w.manners.insert(node(2), Manner::TurnsAway);
        });
        w.run(secs(60));
        let dials = w.jobs.len();
        assert!(dials <= 2 * entries + 12, "{dials} dials of {entries}");
        assert!(dials >= 9, "{dials} dials of {entries}");
    }
}
