//! How the place that MOVING names is dialled: how often, by how many, and what else is tried.

use super::super::*;
use super::world::*;

#[test]
fn one_probe_dials_before_the_rest() {
    let mut w = World::full(20);
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(1, 2, Some(named(2))));
    assert_eq!(w.moves().count(), 1);
    w.run(ms(120));
    assert_eq!(w.moves().count(), 1, "the first retry takes longer");
    w.manners.insert(node(2), Manner::Accepts);
    w.run(ms(400));
    assert_eq!(w.moves().count(), 21);
    assert!(w.all_at(2));
}

#[test]
fn a_target_out_of_reach_costs_few_dials_and_no_link() {
    for manner in [
        Manner::Refuses,
        Manner::BlackHole,
        Manner::HangsUp,
        Manner::Stalls,
    ] {
        let mut w = World::full(8);
        w.manners.insert(node(2), manner);
        w.broadcast(node(1), &moving(1, 15, Some(named(2))));
        w.run(ms(14_900));
        assert!(
            w.all_at(1),
            "{manner:?}: the old links serve: {:?}",
            w.peers()
        );
        assert!(
            (2..=14).contains(&w.moves().count()),
            "{manner:?}: {}",
            w.moves().count()
        );
        w.run(ms(200));
        let failed = |e: &MaintenanceEvent| matches!(e, MaintenanceEvent::HandoffFailed(_, 8));
        assert_eq!(
            w.count(failed),
            1,
            "{manner:?}: it is said that time ran out"
        );
        assert!(
            w.c.phases().all(|state| state == Phase::Steady),
            "{manner:?}"
        );
        // The server closes; the name leads on.
        w.list(&[3]);
        w.manners.insert(node(1), Manner::Refuses);
        w.close(node(1));
        w.run(secs(10));
        assert!(w.all_at(3), "{manner:?}: {:?}", w.peers());
    }
}

#[test]
fn retries_pause_a_quarter_of_a_second_and_double_up_to_two() {
    let mut w = World::full(30);
    w.manners.insert(node(2), Manner::Refuses);
    w.a.breakers = Breakers::new(BreakerSettings {
        threshold: 1000,
        ..Default::default()
    });
    w.broadcast(node(1), &moving(1, 30, Some(named(2))));
    w.run(secs(14));
    let at: Vec<_> = w.moves().map(|(at, _)| *at).collect();
    let pauses: Vec<_> = at
        .windows(2)
        .map(|pair| pair[1] - pair[0] - ms(5))
        .collect();
    for (pause, bound) in pauses.iter().zip([250, 500, 1000, 2000, 2000, 2000]) {
        assert!(
            *pause >= ms(bound / 2) && *pause <= ms(bound),
            "{pause:?} of {bound}"
        );
    }
    assert!(pauses.len() >= 6);
}

#[test]
fn an_entry_makes_as_many_attempts_as_it_may_in_each_part_of_the_window() {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), 1);
    settings.max_retries = 1;
    let mut announced = AnnouncementSettings::default();
    announced.breaker.threshold = 1000;
    let mut w = World::announced(settings, announced, 1).filled();
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(1, 40, Some(named(2))));
    w.run(ms(19_900));
    assert_eq!(w.moves().count(), 2);
    w.run(secs(10));
    assert_eq!(w.moves().count(), 4);
    w.run(secs(60));
    assert_eq!(w.moves().count(), 6);
}

#[test]
fn from_half_time_on_the_name_is_tried_as_well() {
    let mut w = World::full(5);
    w.manners.insert(node(2), Manner::BlackHole);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.at(secs(4), |w| w.list(&[1, 3]));
    w.run(ms(7400));
    assert!(w.all_at(1));
    assert!(w.lookups.is_empty(), "the name is not asked before");
    w.run(secs(5));
    assert!(w.all_at(3), "{:?}", w.peers());
    assert_eq!(w.completed(), 1);
}

#[test]
fn half_time_does_not_lead_back_to_the_retiring_address() {
    let mut w = World::full(3);
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.run(secs(16));
    assert!(w.moves().any(|(at, _)| *at >= ms(7500)), "{:?}", w.jobs);
    assert!(
        w.moves()
            .all(|(_, job)| job.target == Target::Announced(named(2)))
    );
    assert!(w.moves().all(|(_, job)| job.avoid.contains(&node(1))));
}

#[test]
fn a_corrected_target_replaces_the_pending_one() {
    let mut w = World::full(6);
    w.manners.insert(node(2), Manner::BlackHole);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.at(secs(2), |w| {
        w.broadcast(node(1), &moving(2, 15, Some(named(3))));
    });
    w.run(secs(12));
    assert!(w.all_at(3), "{:?}", w.peers());
    let abandoned = Why::Abandoned(AbandonReason::Superseded);
    assert_eq!((w.started(), w.completed(), w.gave(abandoned)), (2, 1, 1));
}

#[test]
fn a_job_for_the_pending_target_that_succeeds_late_is_corrected() {
    let mut w = World::full(1);
    w.latency = secs(2);
    w.broadcast(node(1), &moving(1, 2, Some(named(2))));
    w.latency = ms(5);
    w.run(secs(1));
    w.broadcast(node(1), &moving(2, 15, Some(named(3))));
    w.run(ms(1500));
    assert!(w.all_at(3), "{:?}", w.peers());
    w.run(secs(60));
    assert_eq!(w.sockets(), 1);
}

#[test]
fn the_port_of_the_target_is_dialled_as_given() {
    let mut w = World::full(1);
    let target = Endpoint::tcp("10.0.0.1", 7000);
    w.broadcast(node(1), &moving(1, 2, Some(target)));
    w.run(secs(1));
    assert_eq!(
        w.c.peer(0),
        Some(addr("10.0.0.1:7000")),
        "another port is another place"
    );
}

#[test]
fn a_target_that_is_a_name_is_dialled_by_its_name() {
    let mut w = World::full(2);
    w.names
        .insert("node2.example".into(), Ok(vec![node(2).ip()]));
    w.broadcast(
        node(1),
        &moving(1, 5, Some(Endpoint::tcp("node2.example", 6379))),
    );
    w.run(secs(2));
    assert!(w.all_at(2));
    let target = Target::Announced(Endpoint::tcp("node2.example", 6379));
    assert!(w.moves().all(|(_, job)| job.target == target));
}

#[test]
fn concurrency_is_capped_where_that_is_asked_for() {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), 20);
    settings.handoff_concurrency = 3;
    let mut w = World::with(settings, 1).filled();
    w.latency = ms(100);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    let mut most = 0;
    while w.elapsed() < secs(5) {
        w.run(ms(10));
        most = most.max(
            w.c.phases()
                .filter(|state| *state == Phase::Handing)
                .count(),
        );
    }
    assert_eq!(most, 3);
    assert!(w.all_at(2));
    assert!(w.most_sockets <= 26, "{}", w.most_sockets);
}

#[test]
fn a_full_queue_loses_nothing() {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), 20);
    settings.min_connections = 20;
    let mut w = World::with(settings, 1).filled();
    w.queue = 2;
    w.latency = ms(50);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.run(secs(3));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert!(w.overflows > 0);
    assert_eq!(w.completed(), 1);
}

#[test]
fn the_end_of_a_job_makes_room_in_the_queue_at_once() {
    let mut w = World::full(3);
    w.queue = 1;
    w.latency = ms(2);
    w.broadcast(node(1), &moving(1, 1, Some(named(2))));
    w.run(ms(9));
    assert!(
        w.all_at(2),
        "three jobs of 2 ms one after the other: {:?}",
        w.peers()
    );
}

#[test]
fn the_pool_never_holds_more_than_twice_its_entries() {
    let mut w = World::full(4);
    for wire in w.wires.values_mut() {
        wire.busy = true;
    }
    w.broadcast(node(1), &moving(1, 10, Some(named(2))));
    w.run(secs(2));
    assert!(w.all_at(2));
    assert_eq!(w.c.draining(), 4);
    for wire in w.wires.values_mut() {
        wire.busy = true;
    }
    w.broadcast(node(2), &moving(2, 10, Some(named(3))));
    w.run(secs(4));
    assert!(w.all_at(2), "no place for a third link");
    w.run(secs(4));
    assert!(w.all_at(3), "{:?}", w.peers());
    assert_eq!(w.closes.len(), 4);
    assert_eq!(w.most_sockets, 8);
}
