//! Links to servers that have become something else.

use super::super::*;
use super::world::*;
use crate::handoff::estranged::Estrangement;

/// When connections were dialled.
fn dials(w: &World) -> Vec<Duration> {
    w.jobs.iter().map(|(at, _)| *at).collect()
}

/// A pool of node 1, which has become a replica.
fn demoted(entries: usize) -> World {
    let mut w = World::full(entries);
    w.replicas.insert(node(1));
    w
}

#[test]
fn readonly_makes_the_pool_find_the_master_by_the_configured_name() {
    let mut w = demoted(4);
    w.list(&[2]);
    w.estranged(2, Estrangement::ReadOnly);
    assert_eq!(dials(&w), [Duration::ZERO], "one looks, at once");
    assert!(w.all_at(1), "the old links serve meanwhile");
    w.run(secs(1));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!(w.jobs.len(), 4);
    let configured = |(_, job): &(Duration, Job)| job.target == Target::Configured;
    assert!(w.jobs.iter().all(configured));
    let moved =
        |event: &MaintenanceEvent| matches!(event, MaintenanceEvent::ConnectionMoved { .. });
    assert_eq!((w.count(moved), w.started()), (0, 0), "no handoff");
    w.run(secs(600));
    assert_eq!(w.jobs.len(), 4, "and that is all");
}

#[test]
fn readonly_applies_redirects() {
    let mut w = demoted(2);
    let link = w.link(0);
    w.says(link, &moving(1, 30, Some(named(2))));
    w.run(secs(2));
    assert!(w.all_at(2));
    w.jobs.clear();
    w.replicas.insert(node(2));
    w.estranged(0, Estrangement::ReadOnly);
    let target = w.jobs.first().map(|(_, job)| job.target.clone());
    assert_eq!(target, Some(Target::Announced(named(2))));
    assert!(w.jobs[0].1.avoid.contains(&node(1)));
}

#[test]
fn where_a_replica_answers_again_one_connection_looks_on_backing_off_to_60_s() {
    let mut w = demoted(4);
    for entry in 0..4 {
        w.estranged(entry, Estrangement::ReadOnly);
    }
    let links: Vec<_> = (0..4).map(|entry| w.link(entry)).collect();
    w.run(secs(3600));
    let serving: Vec<_> = (0..4).map(|entry| w.link(entry)).collect();
    assert_eq!(links, serving, "a client of a replica is not churned");
    let all = dials(&w);
    let pauses: Vec<_> = all.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut bound = ms(250);
    for pause in &pauses {
        // What a dial takes is part of it.
        assert!(
            *pause >= bound / 2 && *pause <= bound + ms(5),
            "{pause:?} of {bound:?}"
        );
        bound = (bound * 2).min(secs(60));
    }
    assert!(pauses.len() > 60, "it looks on: {}", pauses.len());
    assert!(pauses.iter().max() <= Some(&(secs(60) + ms(5))));
    assert!(w.most_sockets <= 5, "one connection looks");
    w.list(&[2]);
    w.run(secs(61));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn more_writes_to_a_replica_cause_no_more_looks() {
    let mut w = demoted(2);
    for _ in 0..1000 {
        w.estranged(0, Estrangement::ReadOnly);
        w.estranged(1, Estrangement::ReadOnly);
        w.run(ms(60));
    }
    assert!(w.jobs.len() <= 12, "{} in a minute", w.jobs.len());
}

#[test]
fn a_server_that_hides_its_role_is_not_dialled_in_circles() {
    let mut w = demoted(3);
    w.tells_roles = false;
    for _ in 0..600 {
        for entry in 0..3 {
            if w.c.peer(entry).is_some() {
                w.estranged(entry, Estrangement::ReadOnly);
            }
        }
        w.run(ms(100));
    }
    // Each look renews the pool, and the looks back off.
    assert!(w.jobs.len() <= 3 * 12, "{} in a minute", w.jobs.len());
}

#[test]
fn where_no_role_is_told_a_look_that_leads_to_the_same_address_has_found_nothing() {
    let mut w = demoted(4);
    w.tells_roles = false;
    w.estranged(2, Estrangement::ReadOnly);
    let links: Vec<_> = (0..4).map(|entry| w.link(entry)).collect();
    w.run(ms(50));
    let kept = (0..4)
        .filter(|entry| w.link(*entry) == links[*entry])
        .count();
    assert_eq!((kept, w.jobs.len()), (3, 1), "the others are not churned");
    // Every write says so again: one connection looks, ever more rarely.
    for _ in 0..3600 {
        for entry in 0..4 {
            w.estranged(entry, Estrangement::ReadOnly);
        }
        w.run(secs(1));
    }
    assert!(w.jobs.len() <= 100, "{} in an hour", w.jobs.len());
    assert!(w.most_sockets <= 5, "one at a time");
    // Another address is another server.
    w.list(&[2]);
    w.run(secs(61));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn a_name_that_leads_nowhere_costs_no_connection() {
    let mut w = demoted(2);
    w.names.insert(NAME.into(), Err(()));
    w.estranged(0, Estrangement::ReadOnly);
    w.run(secs(10));
    assert!(w.all_at(1), "reads go on");
    w.list(&[2]);
    w.run(secs(20));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn a_full_queue_delays_a_look_and_forgets_none() {
    let mut w = demoted(2);
    w.list(&[2]);
    w.queue = 0;
    w.estranged(0, Estrangement::ReadOnly);
    w.run(secs(1));
    assert!(w.all_at(1));
    w.queue = usize::MAX;
    w.run(secs(20));
    assert!(w.all_at(2), "{:?}", w.peers());
}

#[test]
fn a_moved_to_the_sender_itself_makes_the_connection_anew_with_pauses() {
    let mut w = World::full(3);
    let links: Vec<_> = (0..3).map(|entry| w.link(entry)).collect();
    w.estranged(1, Estrangement::MovedToItself);
    w.run(secs(1));
    let renewed = (0..3)
        .filter(|entry| w.link(*entry) != links[*entry])
        .count();
    assert_eq!((renewed, w.jobs.len()), (1, 1));
    // It says so again and again.
    for _ in 0..600 {
        w.estranged(1, Estrangement::MovedToItself);
        w.run(ms(100));
    }
    assert!(w.jobs.len() <= 12, "{} in a minute", w.jobs.len());
    assert!(w.jobs.len() >= 4, "but it is tried again");
}

#[test]
fn a_server_that_no_longer_knows_a_link_is_logged_in_to_once() {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), 3);
    settings.has_login = true;
    let mut w = World::with(settings, 1).filled();
    let links: Vec<_> = (0..3).map(|entry| w.link(entry)).collect();
    w.estranged(0, Estrangement::Unauthenticated);
    w.run(secs(1));
    assert_ne!(w.link(0), links[0]);
    assert_eq!(
        (w.link(1), w.link(2)),
        (links[1], links[2]),
        "they have said nothing"
    );
    w.estranged(0, Estrangement::Unauthenticated);
    w.run(secs(1));
    assert_eq!(
        w.jobs.len(),
        1,
        "a link that has just logged in is no better"
    );
    w.estranged(1, Estrangement::Unauthenticated);
    w.run(secs(1));
    assert_eq!(w.jobs.len(), 2, "an older one is logged in once too");
}

#[test]
fn without_credentials_a_server_that_asks_for_some_is_not_dialled_again() {
    let mut w = World::full(2);
    w.estranged(0, Estrangement::Unauthenticated);
    w.run(secs(10));
    assert_eq!(w.jobs.len(), 0);
}

#[test]
fn a_move_that_begins_while_a_look_is_out_is_carried_out() {
    let mut w = demoted(2);
    w.latency = secs(1);
    w.estranged(0, Estrangement::ReadOnly);
    w.latency = ms(5);
    let link = w.link(1);
    w.says(link, &moving(1, 30, Some(named(2))));
    w.run(secs(10));
    assert!(w.all_at(2), "{:?}", w.peers());
}
