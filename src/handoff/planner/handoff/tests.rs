use super::*;
use crate::handoff::origin;
use crate::protocol::Maintenance;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn at(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 6379))
}

fn place(n: u8) -> Endpoint {
    Endpoint::tcp(format!("10.0.0.{n}"), 6379)
}

fn handoff(grace: u64, destination: Destination) -> Handoff {
    Handoff::new(
        HandoffId::new(1),
        origin(),
        secs(grace),
        secs(15),
        Some(at(1)),
        destination,
    )
}

fn aims() -> [Destination; 4] {
    [
        Destination::Resolved(vec![at(3)]),
        Destination::Configured,
        Destination::Announced(place(2)),
        Destination::Unknown,
    ]
}

#[test]
fn the_times_of_fifteen_seconds() {
    let op = handoff(15, Destination::Announced(place(2)));
    let start = op.first_seen;
    assert_eq!(op.half, start + Duration::from_millis(7500));
    assert_eq!(op.last_chance, start + secs(14));
    assert_eq!(
        (op.deadline, op.give_up),
        (start + secs(15), start + secs(15))
    );
}

#[test]
fn no_time_at_all_still_gives_the_handoff_its_own() {
    let op = handoff(0, Destination::Announced(place(2)));
    let start = op.first_seen;
    assert_eq!((op.half, op.deadline), (start, start));
    assert_eq!(op.give_up, start + secs(15));
}

#[test]
fn more_time_than_a_handoff_needs_is_used() {
    let op = handoff(60, Destination::Announced(place(2)));
    assert_eq!(op.give_up, op.first_seen + secs(60));
}

#[test]
fn a_search_goes_on_until_the_server_closes() {
    let op = handoff(60, Destination::Unknown);
    assert_eq!(op.deadline, op.first_seen + secs(60));
    assert_eq!(op.give_up, op.first_seen + secs(65));
}

#[test]
fn no_time_is_too_long() {
    let op = Handoff::new(
        HandoffId::new(1),
        origin(),
        Duration::MAX,
        Duration::MAX,
        None,
        Destination::Unknown,
    );
    assert_eq!(op.deadline, op.first_seen + LONGEST);
    assert_eq!(op.give_up, op.first_seen + LONGEST + secs(5));
}

#[test]
fn the_last_chance_is_a_second_or_a_quarter_before_the_announced_end() {
    for (grace, last) in [
        (1, 750),
        (2, 1500),
        (3, 2250),
        (4, 3000),
        (10, 9000),
        (60, 59_000),
    ] {
        for destination in aims() {
            let op = handoff(grace, destination);
            assert_eq!(op.last_chance, op.first_seen + Duration::from_millis(last));
        }
    }
    let op = handoff(0, Destination::Announced(place(2)));
    assert_eq!(
        op.last_chance,
        op.first_seen + secs(14),
        "of the handoff's own time"
    );
}

#[test]
fn an_open_breaker_rests_an_eighth_of_the_announced_time() {
    for (grace, rest) in [
        (0, 1875),
        (1, 250),
        (2, 250),
        (4, 500),
        (10, 1250),
        (60, 7500),
    ] {
        let op = handoff(grace, Destination::Announced(place(2)));
        let rest = Duration::from_millis(rest);
        assert_eq!(op.rest(op.first_seen), rest, "{grace}");
        assert_eq!(
            op.probe_due(op.first_seen, op.first_seen),
            op.first_seen + rest
        );
        let late = op.last_chance - Duration::from_nanos(1);
        assert_eq!(op.probe_due(late, late), op.last_chance, "{grace}");
    }
    // After the announced time an eighth of what is left of the handoff's.
    let op = handoff(7, Destination::Announced(place(2)));
    assert_eq!(op.rest(op.deadline), secs(1));
}

#[test]
fn no_pause_reaches_over_half_of_the_time_or_over_the_last_chance() {
    let op = handoff(10, Destination::Announced(place(2)));
    let at = |ms| op.first_seen + Duration::from_millis(ms);
    for (now, pause, end) in [
        (0, 2000, 2000),
        (4000, 2000, 5000),
        (5000, 2000, 7000),
        (8000, 2000, 9000),
        (9000, 2000, 9500),
        (9400, 2000, 9700),
        (9600, 2000, 9850),
        (9600, 100, 9700),
    ] {
        assert_eq!(op.pause_end(at(now), Duration::from_millis(pause)), at(end));
    }
}

#[test]
fn it_begins_when_it_knows_where_to_go() {
    let mut op = handoff(10, Destination::Unknown);
    op.starts = op.first_seen + secs(1);
    assert_eq!(op.begins(), None);
    op.destination = Destination::Resolved(vec![at(2)]);
    assert_eq!(op.begins(), Some(op.starts));
    op.destination = Destination::Announced(place(2));
    assert_eq!(op.begins(), Some(op.starts));
    op.destination = Destination::Configured;
    assert_eq!(op.begins(), Some(op.half));
}

#[test]
fn a_stable_front_concerns_only_what_was_dialled_before_half_time() {
    let op = handoff(10, Destination::Configured);
    assert!(op.concerns(op.first_seen));
    assert!(op.concerns(op.half - Duration::from_nanos(1)));
    assert!(!op.concerns(op.half));
    for destination in [
        Destination::Announced(place(2)),
        Destination::Unknown,
        Destination::Resolved(vec![]),
    ] {
        let op = handoff(10, destination);
        assert!(op.concerns(op.give_up));
    }
}

#[test]
fn the_allowance_grows_at_half_time_and_at_the_last_chance() {
    let op = handoff(15, Destination::Announced(place(2)));
    let just_before = |at: Instant| at - Duration::from_nanos(1);
    for (now, allowed) in [
        (op.first_seen, 4),
        (just_before(op.half), 4),
        (op.half, 8),
        (just_before(op.last_chance), 8),
        (op.last_chance, 12),
        (op.give_up, 12),
    ] {
        assert_eq!(op.allowance(now, 3), allowed);
    }
    assert_eq!(op.allowance(op.give_up, u32::MAX), u32::MAX);
    assert_eq!(op.allowance(op.first_seen, 0), 1);
}

#[test]
fn milestones_follow_each_other() {
    let op = handoff(15, Destination::Announced(place(2)));
    let mut now = op.first_seen;
    for expected in [op.half, op.last_chance, op.give_up, op.give_up] {
        now = op.milestone(now);
        assert_eq!(now, expected);
    }
}

#[test]
fn every_stage_takes_a_success_as_the_drawing_says() {
    for (before, after) in [
        (Stage::Waiting, Stage::Spreading),
        (Stage::Probing, Stage::Spreading),
        (Stage::Spreading, Stage::Spreading),
        (Stage::Ended, Stage::Ended),
    ] {
        for destination in aims() {
            let mut op = handoff(10, destination.clone());
            op.stage = before;
            op.misses = 7;
            op.handle_reached(&place(2), Some(at(2)));
            assert_eq!(
                (op.stage, op.moved, op.misses),
                (after, 1, 0),
                "{before:?} {destination:?}"
            );
        }
    }
}

#[test]
fn every_aim_takes_an_answer_as_its_stage_allows() {
    let found = || vec![at(8), at(9)];
    for stage in [Stage::Waiting, Stage::Probing, Stage::Spreading] {
        for late in [false, true] {
            for destination in aims() {
                let mut op = handoff(10, destination.clone());
                op.stage = stage;
                let now = if late { op.half } else { op.first_seen };
                op.handle_alternates(now, found());
                let spreading = stage == Stage::Spreading;
                let expected = match &destination {
                    Destination::Unknown => Destination::Resolved(found()),
                    Destination::Resolved(_) | Destination::Configured if !spreading => {
                        Destination::Resolved(found())
                    }
                    other => other.clone(),
                };
                assert_eq!(
                    op.destination, expected,
                    "{stage:?} {destination:?} late: {late}"
                );
                let alternates =
                    matches!(destination, Destination::Announced(_)) && late && !spreading;
                assert_eq!(
                    !op.alternates.is_empty(),
                    alternates,
                    "{stage:?} {destination:?}"
                );
                assert_eq!(op.turn, alternates, "the other place is next");
            }
        }
    }
}

#[test]
fn a_later_answer_does_not_take_the_turn_again() {
    let mut op = handoff(10, Destination::Announced(place(2)));
    op.handle_alternates(op.half, vec![at(3)]);
    op.turn = false;
    op.handle_alternates(op.half, vec![at(4)]);
    assert!(!op.turn);
    assert_eq!(op.alternates, [at(4)]);
}

#[test]
fn what_was_reached_is_where_the_rest_goes() {
    let mut op = handoff(10, Destination::Announced(place(2)));
    op.handle_alternates(op.half, vec![at(3), at(4)]);
    op.handle_reached(&place(4), Some(at(4)));
    assert_eq!(op.destination, Destination::Resolved(vec![at(4)]));
    let mut op = handoff(10, Destination::Announced(place(2)));
    op.handle_alternates(op.half, vec![at(3), at(4)]);
    op.handle_reached(&place(2), Some(at(2)));
    assert_eq!(op.destination, Destination::Announced(place(2)));
    assert!(op.alternates.is_empty());
}

#[test]
fn the_account_is_what_happened() {
    let mut op = handoff(10, Destination::Announced(place(2)));
    op.seq = Some(4);
    op.moved = 3;
    let account = op.account(op.first_seen + secs(2), 5);
    let counts = (account.moved, account.connections_left);
    assert_eq!((account.id, counts), (1.into(), (3, 5)));
    assert_eq!(account.time_left, secs(8));
    assert_eq!((account.took, account.stage), (secs(2), Stage::Waiting));
    assert_eq!((account.from, account.to), (Some(at(1)), Some(place(2))));
    assert_eq!(
        account.maintenance,
        Maintenance {
            name: "MOVING",
            seq: Some(4)
        }
    );
    assert_eq!(
        handoff(10, Destination::Resolved(vec![at(3)])).place(),
        Some(place(3))
    );
    assert_eq!(handoff(10, Destination::Configured).place(), None);
    assert_eq!(handoff(10, Destination::Unknown).place(), None);
}
