use super::*;
use crate::handoff::origin;
use std::net::SocketAddr;
use std::time::Duration;

const KINDS: [Kind; 6] = [
    Kind::FailedOver,
    Kind::FailingOver,
    Kind::Migrated,
    Kind::Migrating,
    Kind::SlotsMigrated,
    Kind::SlotsMigrating,
];

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn moving(peer: u8, seq: Option<i64>, target: Option<&str>) -> EventId {
    EventId::moving(
        Some(SocketAddr::from(([10, 0, 0, peer], 6379))),
        seq,
        target.map(|host| Endpoint::tcp(host, 6379)),
    )
}

fn different() -> Vec<EventId> {
    let mut all = vec![
        moving(1, Some(0), Some("a")),
        moving(2, Some(0), Some("a")),
        moving(1, Some(1), Some("a")),
        moving(1, None, Some("a")),
        moving(1, Some(0), Some("b")),
        moving(1, Some(0), None),
        moving(1, None, None),
        EventId::moving(None, Some(0), None),
    ];
    for kind in KINDS {
        for seq in [None, Some(0), Some(1), Some(-1), Some(i64::MAX)] {
            all.push(EventId::other(kind, seq));
        }
    }
    all
}

#[test]
fn nothing_is_seen_at_first_not_even_number_zero() {
    let now = origin();
    let seen = Memory::new();
    assert!(
        different()
            .iter()
            .all(|identity| seen.first(identity, now).is_none())
    );
}

#[test]
fn each_identity_is_its_own() {
    let now = origin();
    for one in different() {
        let mut seen = Memory::new();
        seen.remember(one.clone(), now, now + secs(1));
        for other in different() {
            assert_eq!(
                seen.first(&other, now).is_some(),
                other == one,
                "{one:?} {other:?}"
            );
        }
    }
}

#[test]
fn the_first_copy_is_the_one_that_is_kept() {
    let now = origin();
    let mut seen = Memory::new();
    let event = moving(1, Some(4), None);
    seen.remember(event.clone(), now, now + secs(100));
    assert_eq!(seen.first(&event, now + secs(99)), Some(now));
}

#[test]
fn an_event_is_forgotten_when_its_time_is_over() {
    let now = origin();
    let mut seen = Memory::new();
    let event = EventId::other(Kind::Migrating, Some(1));
    seen.remember(event.clone(), now, now + secs(10));
    assert!(seen.first(&event, now + secs(9)).is_some());
    assert!(seen.first(&event, now + secs(10)).is_none());
    seen.remember(event.clone(), now + secs(10), now + secs(20));
    assert_eq!(seen.first(&event, now + secs(11)), Some(now + secs(10)));
    assert_eq!(seen.len(), 1);
}

#[test]
fn ten_thousand_events_take_the_place_of_two_hundred_and_fifty_six() {
    let now = origin();
    let mut seen = Memory::new();
    for seq in 0..10_000 {
        seen.remember(
            EventId::other(Kind::Migrated, Some(seq)),
            now,
            now + secs(100),
        );
        assert!(seen.len() <= 256);
    }
    let known = |seq| {
        seen.first(&EventId::other(Kind::Migrated, Some(seq)), now)
            .is_some()
    };
    assert!(known(9_999) && known(9_744));
    assert!(!known(9_743), "the oldest are gone");
}

#[test]
fn what_has_expired_makes_room_first() {
    let now = origin();
    let mut seen = Memory::new();
    seen.remember(
        EventId::other(Kind::Migrating, Some(0)),
        now,
        now + secs(1000),
    );
    for seq in 1..256 {
        seen.remember(
            EventId::other(Kind::Migrating, Some(seq)),
            now,
            now + secs(1),
        );
    }
    seen.remember(
        EventId::other(Kind::Migrating, Some(999)),
        now + secs(2),
        now + secs(9),
    );
    assert_eq!(seen.len(), 2);
    assert!(
        seen.first(&EventId::other(Kind::Migrating, Some(0)), now + secs(2))
            .is_some()
    );
}

#[test]
fn a_move_is_recognised_whatever_address_announced_it() {
    let now = origin();
    let mut seen = Memory::new();
    let target = Endpoint::tcp("b", 6379);
    assert_eq!(seen.first_move(Some(4), Some(&target), now), None);
    seen.remember(
        moving(2, Some(4), Some("b")),
        now + secs(1),
        now + secs(100),
    );
    seen.remember(moving(1, Some(4), Some("b")), now, now + secs(100));
    assert_eq!(
        seen.first_move(Some(4), Some(&target), now + secs(2)),
        Some(now)
    );
    assert_eq!(seen.first_move(Some(5), Some(&target), now), None);
    assert_eq!(seen.first_move(Some(4), None, now), None);
    assert_eq!(
        seen.first_move(Some(4), Some(&target), now + secs(100)),
        None
    );
    seen.remember(
        EventId::other(Kind::Migrating, Some(6)),
        now,
        now + secs(100),
    );
    assert_eq!(seen.first_move(Some(6), None, now), None, "no move");
}

#[test]
fn a_completion_is_beyond_what_has_lower_numbers_of_its_kind() {
    let now = origin();
    let mut seen = Memory::new();
    seen.remember(EventId::other(Kind::Migrated, Some(5)), now, now + secs(10));
    seen.remember(
        EventId::other(Kind::Migrating, Some(50)),
        now,
        now + secs(10),
    );
    seen.remember(EventId::other(Kind::FailedOver, None), now, now + secs(10));
    let beyond = |kind, seq, at| seen.is_beyond(kind, seq, at);
    assert!(beyond(Kind::Migrated, Some(4), now));
    assert!(beyond(Kind::Migrated, Some(i64::MIN), now));
    assert!(!beyond(Kind::Migrated, Some(5), now));
    assert!(!beyond(Kind::Migrated, Some(6), now));
    assert!(!beyond(Kind::Migrated, None, now));
    assert!(!beyond(Kind::FailedOver, Some(1), now));
    assert!(
        !beyond(Kind::Migrated, Some(4), now + secs(10)),
        "forgotten"
    );
}

#[test]
fn a_start_and_its_completion_share_the_completion() {
    for (start, completion) in [
        (Kind::FailingOver, Kind::FailedOver),
        (Kind::Migrating, Kind::Migrated),
        (Kind::SlotsMigrating, Kind::SlotsMigrated),
    ] {
        assert_eq!(start.completion(), Some(completion));
        assert_eq!(completion.completion(), Some(completion));
    }
}
