//! Moves to a place that has no room for a second connection of the same slot.

use super::super::*;
use super::world::*;

/// Four slots on servers that accept `room` sockets.
fn crowded(room: usize) -> World {
    let mut w = World::full(4);
    w.room = room;
    w
}

fn slot_moves(w: &World) -> usize {
    w.count(|event| matches!(event, Event::SlotMoved { .. }))
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
    assert_eq!((w.completed(), slot_moves(&w)), (1, 4));
}

#[test]
fn from_half_time_on_an_old_link_ends_first_to_make_room() {
    let mut w = crowded(4);
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    w.run(secs(20));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!((w.completed(), slot_moves(&w)), (1, 4));
    assert_eq!(w.c.breakers().map(|(_, b)| b.failures).sum::<u64>(), 0);
}

#[test]
fn one_link_at_a_time_makes_room_and_what_was_asked_is_answered_before() {
    let mut w = crowded(4);
    w.broadcast(node(1), &moving(1, 20, Some(named(2))));
    w.run(secs(9));
    for slot in 0..4 {
        w.command(slot, secs(3));
    }
    for _ in 0..110 {
        w.run(ms(100));
        let vacant = |seat: &SeatState| matches!(seat, SeatState::Vacant | SeatState::Filling);
        assert!(w.c.seats().filter(vacant).count() <= 1);
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
    let vacant = w.c.seats().filter(|seat| *seat == SeatState::Vacant);
    assert_eq!(vacant.count(), 1);
    let serving = w.peers().into_iter().filter(|peer| *peer == Some(node(1)));
    assert_eq!(serving.count(), 3);
    // The slot is filled once somebody wants it and there is room.
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
fn who_wants_a_link_gets_another_slot_than_the_one_that_makes_room() {
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
    assert_eq!((w.completed(), slot_moves(&w)), (1, 1));
}

#[test]
fn a_newer_word_counts_for_a_slot_that_gave_way() {
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
