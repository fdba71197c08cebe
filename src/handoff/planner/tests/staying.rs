//! Where connections are not to be moved: timeouts are relaxed, and that is all.

use super::super::*;
use super::world::*;
use crate::handoff::windows::Scope;

fn staying(entries: usize) -> World {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), entries);
    settings.handoffs = false;
    World::with(settings, 1).filled()
}

#[test]
fn without_handoffs_a_moving_relaxes_timeouts_and_moves_nothing() {
    for target in [
        Some(named(2)),
        Some(named(1)),
        Some(Endpoint::tcp("0.0.0.0", 1)),
        None,
    ] {
        let mut w = staying(3);
        let verdicts = w.broadcast(node(1), &moving(1, 15, target));
        assert_eq!(verdicts[0], Verdict::Acted);
        assert!(verdicts[1..].iter().all(|one| *one == Verdict::Duplicate));
        let relaxed = w.relaxed[&Scope::Peer(node(1))].duration_since(w.start);
        assert_eq!(relaxed, secs(15 + 5 + 20), "grace, late close, tail");
        w.run(secs(60));
        assert!(w.all_at(1), "{:?}", w.peers());
        assert_eq!((w.jobs.len(), w.started(), w.lookups.len()), (0, 0, 0));
    }
}

#[test]
fn without_handoffs_new_connections_go_where_they_always_went() {
    let mut w = staying(2);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.at(secs(15), |w| w.close(node(1)));
    w.run(secs(20));
    assert!(w.all_at(1), "{:?}", w.peers());
    assert!(
        w.jobs.iter().all(|(_, job)| job.kind == JobKind::Fill
            && job.target == Target::Configured
            && job.avoid.is_empty()),
        "{:?}",
        w.jobs
    );
}

#[test]
fn without_handoffs_a_peer_that_the_name_drops_is_left_alone() {
    let mut w = staying(4);
    w.list(&[1, 2]);
    for entry in [1, 3] {
        w.bring_up(entry, node(2), Endpoint::tcp(NAME, 6379));
    }
    w.run(secs(5));
    w.broadcast(node(1), &migrating(1));
    w.broadcast(node(1), &migrated(2));
    w.list(&[1]);
    w.lookups.clear();
    w.run(secs(60));
    assert_eq!((w.started(), w.lookups.len()), (0, 0));
    assert_eq!(w.c.peer(1), Some(node(2)));
}

#[test]
fn without_handoffs_a_replayed_moving_opens_no_second_window() {
    let mut w = staying(2);
    w.replays.insert(node(1), vec![moving(1, 15, None)]);
    w.broadcast(node(1), &moving(1, 15, None));
    w.at(secs(3), |w| w.close(node(1)));
    w.run(secs(10));
    let opened = w.count(|event| matches!(event, MaintenanceEvent::WindowOpened(_)));
    assert_eq!(opened, 1);
}
