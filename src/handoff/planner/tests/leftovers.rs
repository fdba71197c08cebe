//! Links that take no command any more and are kept by callers who still wait on them.

use super::super::*;
use super::world::*;

/// Condemns each link that serves; a command of somebody else is kept waiting on it.
fn condemn_all(w: &mut World) {
    for entry in 0..w.entries {
        if w.c.peer(entry).is_some() {
            let link = w.link(entry);
            w.command(entry, secs(3600));
            w.condemn(link);
        }
    }
}

fn serving(w: &World) -> usize {
    (0..w.entries)
        .filter(|entry| w.c.peer(*entry).is_some())
        .count()
}

#[test]
fn condemned_links_that_callers_keep_are_connections_of_the_pool() {
    for entries in 1..=4 {
        let mut w = World::full(entries);
        for round in 0..20 {
            condemn_all(&mut w);
            w.want();
            w.run(secs(1));
            assert!(
                serving(&w) >= 1,
                "{entries} entries, round {round}: nobody is served"
            );
            let held = w.wires.len();
            assert!(
                held <= entries + 1,
                "{entries} entries, round {round}: {held} held"
            );
        }
    }
}

#[test]
fn what_a_caller_waits_for_on_a_condemned_link_is_not_cut_while_there_is_room() {
    let mut w = World::full(3);
    for _ in 0..3 {
        let entry = (0..3).find(|entry| w.c.peer(*entry).is_some()).unwrap();
        let link = w.link(entry);
        w.command(entry, secs(3600));
        w.condemn(link);
        w.want();
        w.run(secs(1));
    }
    assert_eq!((w.failed, w.closes.len()), (0, 0));
    assert_eq!(serving(&w), 1, "one fresh link beside three that are kept");
}

#[test]
fn a_condemned_link_that_ends_makes_room_at_once() {
    let mut w = World::full(3);
    condemn_all(&mut w);
    let kept: Vec<LinkId> = w.wires.keys().copied().collect();
    w.want();
    w.run(secs(1));
    assert_eq!(serving(&w), 1);
    for link in kept {
        w.end(link, false);
    }
    w.run(secs(1));
    assert_eq!(serving(&w), 3);
}

#[test]
fn a_pool_that_moves_takes_no_account_of_more_than_twice_its_links() {
    let mut w = World::full(2);
    condemn_all(&mut w);
    w.want();
    w.run(secs(1));
    w.want();
    let from = (0..2).find(|entry| w.c.peer(*entry).is_some()).unwrap();
    let link = w.link(from);
    w.says(link, &moving(1, 10, Some(named(2))));
    w.run(secs(10));
    assert_eq!(w.c.peer(from), Some(node(2)));
    assert!(w.most_sockets <= 4, "{}", w.most_sockets);
}
