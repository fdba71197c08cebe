//! Links that take no command any more and are kept by callers who still wait on them.

use super::super::*;
use super::world::*;
use crate::handoff::estranged::Estrangement;

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

/// A pool whose links are all kept by callers, with one fresh link beside them. Yields its entry.
fn kept(entries: usize) -> (World, usize) {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), entries);
    settings.has_login = true;
    let mut w = World::with(settings, 1).filled();
    condemn_all(&mut w);
    w.want();
    w.run(secs(1));
    let fresh = (0..entries).find(|entry| w.c.peer(*entry).is_some());
    (w, fresh.unwrap())
}

#[test]
fn links_that_callers_keep_delay_no_move() {
    for entries in 2..=4 {
        let (mut w, fresh) = kept(entries);
        let link = w.link(fresh);
        w.says(link, &moving(1, 20, Some(named(2))));
        w.run(secs(3));
        assert_eq!(w.c.peer(fresh), Some(node(2)), "{entries} entries");
        assert_eq!((w.failed, w.closes.len()), (0, 0), "{entries} entries");
    }
}

#[test]
fn in_a_pool_of_one_a_move_waits_for_half_of_its_time_before_it_ends_what_a_caller_keeps() {
    let (mut w, fresh) = kept(1);
    let link = w.link(fresh);
    w.says(link, &moving(1, 20, Some(named(2))));
    w.run(ms(9900));
    assert_eq!((w.c.peer(fresh), w.closes.len()), (Some(node(1)), 0));
    w.run(secs(2));
    assert_eq!((w.c.peer(fresh), w.closes.len()), (Some(node(2)), 1));
    assert_eq!(w.most_sockets, 2);
}

#[test]
fn links_that_callers_keep_do_not_keep_a_server_that_knows_the_client_from_the_others() {
    for entries in 1..=3 {
        let (mut w, fresh) = kept(entries);
        let link = w.link(fresh);
        w.estranged(fresh, Estrangement::Unauthenticated);
        w.want();
        w.run(secs(2));
        let serving: Vec<_> = (0..entries)
            .filter(|entry| w.c.peer(*entry).is_some())
            .map(|entry| w.link(entry))
            .collect();
        assert!(
            !serving.is_empty() && !serving.contains(&link),
            "{entries} entries: {serving:?}"
        );
        // In a pool of one there is no third socket: what the caller keeps makes room.
        assert_eq!(w.failed, usize::from(entries == 1), "{entries} entries");
        assert!(w.most_sockets <= 2 * entries, "{entries} entries");
    }
}
