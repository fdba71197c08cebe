//! Entries that serve one caller at a time, beside two that are shared.

use super::super::*;
use super::world::*;

const MINE: EntryId = EntryId::new(2);

fn world() -> World {
    let settings = Settings {
        dedicated: 3,
        ..Settings::new(Endpoint::tcp(NAME, 6379), 2)
    };
    World::with(settings, 1).filled()
}

fn state(w: &World, entry: impl Into<EntryId>) -> Option<Phase> {
    let entry = entry.into();
    w.c.phases().nth(entry.index())
}

#[test]
fn a_dedicated_entry_is_filled_for_its_caller_and_for_nobody_else() {
    let mut w = world();
    (0..5).for_each(|_| w.want());
    w.run(secs(5));
    assert_eq!(w.jobs.len(), 0, "no wish to share reaches it");
    w.take(MINE);
    w.run(ms(50));
    assert_eq!(state(&w, MINE), Some(Phase::Steady));
    assert_eq!(w.jobs.len(), 1);
    // Lost in use, it is made again only when somebody asks.
    let link = w.link(MINE);
    w.end(link, false);
    w.run(secs(5));
    assert_eq!((state(&w, MINE), w.jobs.len()), (Some(Phase::Vacant), 1));
    w.take(MINE);
    w.run(ms(50));
    assert_eq!(state(&w, MINE), Some(Phase::Steady));
}

#[test]
fn a_wish_that_is_heard_after_its_connection_has_come_asks_for_no_other() {
    let mut w = world();
    w.take(MINE);
    w.run(ms(50));
    // The caller said so once more while the connection was on its way.
    w.c.handle_wanted_alone(w.now, &mut w.a, MINE);
    let link = w.link(MINE);
    w.end(link, false);
    w.run(secs(5));
    assert_eq!((state(&w, MINE), w.jobs.len()), (Some(Phase::Vacant), 1));
}

#[test]
fn there_are_no_more_dedicated_entries_than_the_bound_leaves() {
    let mut w = world();
    for entry in [0, 4, 5, 4096, usize::MAX] {
        w.take(entry);
    }
    w.run(secs(1));
    assert_eq!(w.jobs.len(), 1);
    assert_eq!(w.c.phases().count(), 5);
    assert_eq!(state(&w, 4), Some(Phase::Steady));
}

#[test]
fn a_dedicated_connection_is_closed_thirty_seconds_after_its_last_use() {
    let mut w = world();
    w.take(MINE);
    w.run(secs(100));
    assert_eq!(state(&w, MINE), Some(Phase::Steady), "it is in use");
    w.leave(MINE);
    w.run(secs(29));
    assert_eq!(state(&w, MINE), Some(Phase::Steady));
    // Used once more, it has another thirty seconds.
    w.take(MINE);
    w.leave(MINE);
    w.run(secs(29));
    assert_eq!(state(&w, MINE), Some(Phase::Steady));
    w.run(secs(2));
    assert_eq!(state(&w, MINE), Some(Phase::Vacant));
    w.run(secs(100));
    assert_eq!(w.jobs.len(), 1);
    assert_eq!(w.poll_timeout(), None, "then nobody is woken");
}

#[test]
fn a_dedicated_connection_moves_like_all_others() {
    let mut w = world();
    w.take(MINE);
    w.run(ms(50));
    let from = w.link(0);
    w.says(from, &moving(1, 10, Some(named(2))));
    w.run(secs(10));
    assert_eq!(w.c.peer(MINE), Some(node(2)));
    assert!(w.all_at(2));
}

#[test]
fn a_server_without_room_for_one_more_is_the_trouble_of_that_caller_alone() {
    let mut w = world();
    w.room = 2;
    w.take(MINE);
    w.run(secs(10));
    assert_eq!(w.jobs.len(), 1, "it is not tried again");
    assert_eq!(state(&w, MINE), Some(Phase::Vacant));
    // A shared link that is lost meanwhile is made anew at once: nothing has failed.
    let link = w.link(0);
    w.end(link, false);
    w.run(ms(50));
    assert_eq!(state(&w, 0), Some(Phase::Steady));
    assert_eq!(w.jobs.len(), 2);
}

#[test]
fn a_dial_that_fails_is_tried_again_while_the_caller_waits() {
    let mut w = world();
    w.manners.insert(node(1), Manner::Refuses);
    w.take(MINE);
    w.run(secs(2));
    assert!(w.jobs.len() > 3, "{}", w.jobs.len());
    w.c.handle_unwanted();
    let tried = w.jobs.len();
    w.run(secs(2));
    assert!(w.jobs.len() > tried, "who shares is not who waits here");
    w.c.handle_unwanted_alone(MINE);
    w.run(secs(5));
    let tried = w.jobs.len();
    w.run(secs(60));
    assert_eq!(w.jobs.len(), tried);
}

#[test]
fn a_full_place_that_a_server_named_ends_no_wait_while_another_accepts() {
    let mut w = world();
    // It grants as many as are shared, and not one more.
    w.rooms.insert(node(2), 2);
    w.names.insert(NAME.to_owned(), Ok(vec![node(3).ip()]));
    let from = w.link(0);
    w.says(from, &moving(1, 10, Some(named(2))));
    w.run(secs(3));
    assert_eq!(w.c.peer(0), Some(node(2)));
    w.take(MINE);
    w.run(secs(3));
    assert_eq!(w.c.peer(MINE), Some(node(3)), "{:?}", w.jobs);
}
