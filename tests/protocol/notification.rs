//! Maintenance notifications, as real servers and their imitations send them.

mod shards;

use crate::support::{array, bulk, push, push_of, simple};
use hitless::{
    Attributed, BadEndpoint, BadPush, Endpoint, Notification, Pairs, Push, SlotMove, Value,
};
use std::ops::RangeInclusive;

const PORT: u16 = 12000;

fn classify(push: &Push) -> Result<Notification, BadPush> {
    Notification::classify(push, PORT).expect("a maintenance notification")
}

fn read<const N: usize>(kind: &str, args: [Value; N]) -> Result<Notification, BadPush> {
    classify(&push(kind, args))
}

fn moving(seq: i64, time: i64, target: Option<Endpoint>) -> Notification {
    let seq = Some(seq);
    Notification::Moving { seq, time, target }
}

fn target(host: &str, port: u16) -> Option<Endpoint> {
    Some(Endpoint::tcp(host, port))
}

fn slots_migrated(seq: i64, moves: Vec<SlotMove>, unreadable: usize) -> Notification {
    Notification::SlotsMigrated {
        seq: Some(seq),
        moves,
        unreadable,
    }
}

fn slot_move(
    source: Option<Endpoint>,
    destination: Option<Endpoint>,
    slots: &[RangeInclusive<u16>],
) -> SlotMove {
    SlotMove::new(source, destination, slots.to_vec())
}

#[test]
fn frames_captured_from_real_servers_are_read() {
    let shards = || "[\"21\"]".to_owned();
    let frames: Vec<(&[u8], Notification)> = vec![
        (
            b">4\r\n$6\r\nMOVING\r\n:0\r\n:15\r\n_\r\n",
            moving(0, 15, None),
        ),
        (
            b">4\r\n$6\r\nMOVING\r\n:17\r\n:15\r\n$19\r\n54.78.247.156:12075\r\n",
            moving(17, 15, target("54.78.247.156", 12075)),
        ),
        (
            b">4\r\n$9\r\nMIGRATING\r\n:3\r\n:1\r\n$6\r\n[\"21\"]\r\n",
            Notification::Migrating {
                seq: Some(3),
                time: 1,
                shards: shards(),
            },
        ),
        (
            b">3\r\n$8\r\nMIGRATED\r\n:4\r\n$6\r\n[\"21\"]\r\n",
            Notification::Migrated {
                seq: Some(4),
                shards: shards(),
            },
        ),
        (
            b">4\r\n$12\r\nFAILING_OVER\r\n:0\r\n:2\r\n$6\r\n[\"21\"]\r\n",
            Notification::FailingOver {
                seq: Some(0),
                time: 2,
                shards: shards(),
            },
        ),
        (
            b">3\r\n$11\r\nFAILED_OVER\r\n:1\r\n$6\r\n[\"21\"]\r\n",
            Notification::FailedOver {
                seq: Some(1),
                shards: shards(),
            },
        ),
        (
            b">3\r\n$10\r\nSMIGRATING\r\n:16\r\n$16\r\n123,456,789-1000\r\n",
            Notification::SlotsMigrating {
                seq: Some(16),
                slots: vec![123..=123, 456..=456, 789..=1000],
            },
        ),
        (
            b">3\r\n$9\r\nSMIGRATED\r\n:19\r\n*2\r\n\
              *3\r\n$13\r\n10.0.0.1:6379\r\n$13\r\n10.0.0.2:6380\r\n$7\r\n1,5-100\r\n\
              *3\r\n$13\r\n10.0.0.1:6379\r\n$13\r\n10.0.0.3:6381\r\n$3\r\n200\r\n",
            slots_migrated(
                19,
                vec![
                    slot_move(
                        target("10.0.0.1", 6379),
                        target("10.0.0.2", 6380),
                        &[1..=1, 5..=100],
                    ),
                    slot_move(
                        target("10.0.0.1", 6379),
                        target("10.0.0.3", 6381),
                        &[200..=200],
                    ),
                ],
                0,
            ),
        ),
    ];
    for (wire, notification) in frames {
        let push = push_of(wire);
        assert_eq!(classify(&push), Ok(notification.clone()));
        assert_eq!(push.kind, notification.name().as_bytes());
        assert_eq!(notification.seq(), push.args[0].as_int());
    }
}

#[test]
fn pushes_of_other_kinds_are_no_notifications() {
    for kind in [
        "message",
        "pmessage",
        "invalidate",
        "SMOVING",
        "SFAILING_OVER",
        "MOVINGS",
        "",
        "MOVIN",
    ] {
        assert_eq!(
            Notification::classify(&push(kind, []), PORT),
            None,
            "{kind}"
        );
        let args = [Value::Int(1), Value::Int(15), Value::Nil];
        assert_eq!(
            Notification::classify(&push(kind, args), PORT),
            None,
            "{kind}"
        );
    }
}

#[test]
fn names_are_read_in_upper_and_lower_case_and_as_any_string() {
    for wire in [
        &b">4\r\n+MOVING\r\n:1\r\n:15\r\n_\r\n"[..],
        b">4\r\n$6\r\nmoving\r\n:1\r\n:15\r\n_\r\n",
        b">4\r\n=10\r\ntxt:MOVING\r\n:1\r\n:15\r\n_\r\n",
    ] {
        assert_eq!(classify(&push_of(wire)), Ok(moving(1, 15, None)));
    }
}

#[test]
fn numbers_are_read_from_texts() {
    let expected = Ok(moving(7, -3, None));
    assert_eq!(
        read("MOVING", [bulk("7"), bulk("-3"), Value::Nil]),
        expected
    );
    assert_eq!(
        read("MOVING", [simple("7"), simple("-3"), Value::Nil]),
        expected
    );
}

#[test]
fn a_moving_time_of_zero_or_less_is_kept() {
    for time in [0, -1, -86_400, i64::MIN, i64::MAX] {
        let notification = read("MOVING", [Value::Int(1), Value::Int(time), Value::Nil]);
        assert_eq!(notification, Ok(moving(1, time, None)));
    }
}

#[test]
fn moving_without_a_place_leaves_it_to_the_client() {
    let seq_time = || [Value::Int(1), Value::Int(15)];
    assert_eq!(read("MOVING", seq_time()), Ok(moving(1, 15, None)));
    for place in [
        Value::Nil,
        bulk(""),
        bulk("?"),
        bulk("null"),
        simple("null"),
    ] {
        let [seq, time] = seq_time();
        let notification = read("MOVING", [seq, time, place.clone()]);
        assert_eq!(notification, Ok(moving(1, 15, None)), "{place:?}");
    }
}

#[test]
fn moving_names_its_place_in_every_form() {
    let verbatim = Value::Verbatim {
        format: *b"txt",
        text: b"host:1".to_vec(),
    };
    for (place, host, port) in [
        (bulk("host:6380"), "host", 6380),
        (simple("host:6380"), "host", 6380),
        (verbatim, "host", 1),
        (bulk("[2001:db8::1]:6379"), "2001:db8::1", 6379),
        (bulk("2001:db8::1:6379"), "2001:db8::1", 6379),
        (bulk("host"), "host", PORT),
        (bulk("10.1.2.3"), "10.1.2.3", PORT),
    ] {
        let notification = read("MOVING", [Value::Int(1), Value::Int(15), place]);
        assert_eq!(notification, Ok(moving(1, 15, target(host, port))));
    }
}

#[test]
fn a_moving_that_cannot_be_read_says_why() {
    let place = |place| read("MOVING", [Value::Int(1), Value::Int(15), place]);
    assert_eq!(read("MOVING", []), Err(BadPush::Time));
    assert_eq!(read("MOVING", [Value::Int(1)]), Err(BadPush::Time));
    assert_eq!(
        read("MOVING", [Value::Int(1), Value::Nil, Value::Nil]),
        Err(BadPush::Time)
    );
    assert_eq!(
        read("MOVING", [Value::Int(1), bulk("soon"), Value::Nil]),
        Err(BadPush::Time)
    );
    assert_eq!(
        read("MOVING", [Value::Int(1), bulk("host:1")]),
        Err(BadPush::Time)
    );
    assert_eq!(
        read("MOVING", [Value::Int(1), Value::Double(1.5)]),
        Err(BadPush::Time)
    );
    assert_eq!(place(Value::Int(6379)), Err(BadPush::Target));
    assert_eq!(place(array([bulk("host:1")])), Err(BadPush::Target));
    assert_eq!(place(Value::Bool(false)), Err(BadPush::Target));
    for text in [
        "null:6379",
        ":6379",
        "?:6379",
        "user@host:1",
        "ho st:1",
        "/run/redis",
    ] {
        assert_eq!(
            place(bulk(text)),
            Err(BadPush::TargetText(BadEndpoint::Host)),
            "{text}"
        );
    }
    for text in ["host:0", "host:65536", "host:6379x", "host:"] {
        assert_eq!(
            place(bulk(text)),
            Err(BadPush::TargetText(BadEndpoint::Port)),
            "{text}"
        );
    }
    assert_eq!(
        place(bulk([0xff, b':', b'1'])),
        Err(BadPush::TargetText(BadEndpoint::Host))
    );
}

#[test]
fn a_moving_without_a_readable_number_still_counts() {
    for seq in [Value::Nil, bulk("x"), Value::Double(1.0), array([])] {
        let notification = read("MOVING", [seq, Value::Int(15), bulk("host:1")]).unwrap();
        assert_eq!(notification.seq(), None);
        let expected = Notification::Moving {
            seq: None,
            time: 15,
            target: target("host", 1),
        };
        assert_eq!(notification, expected);
    }
}

#[test]
fn elements_at_the_end_that_nobody_knows_are_ignored() {
    let extra = || array([bulk("x"), Value::Nil]);
    let (one, two) = (Value::Int(1), Value::Int(2));
    let moved = read(
        "MOVING",
        [one.clone(), two.clone(), bulk("h:1"), extra(), extra()],
    );
    assert_eq!(moved, Ok(moving(1, 2, target("h", 1))));
    let migrating = read("MIGRATING", [one.clone(), two, bulk("s"), extra()]);
    let shards = "s".to_owned();
    assert_eq!(
        migrating,
        Ok(Notification::Migrating {
            seq: Some(1),
            time: 2,
            shards
        })
    );
    let migrated = read("MIGRATED", [one.clone(), bulk("s"), extra()]);
    let shards = "s".to_owned();
    assert_eq!(
        migrated,
        Ok(Notification::Migrated {
            seq: Some(1),
            shards
        })
    );
    let slots = read("SMIGRATING", [one.clone(), bulk("5"), extra()]);
    assert_eq!(
        slots,
        Ok(Notification::SlotsMigrating {
            seq: Some(1),
            slots: vec![5..=5]
        })
    );
    let entry = array([bulk("a:1"), bulk("b:2"), bulk("5"), extra()]);
    let moves = read("SMIGRATED", [one, array([entry]), extra()]);
    let expected = slot_move(target("a", 1), target("b", 2), &[5..=5]);
    assert_eq!(moves, Ok(slots_migrated(1, vec![expected], 0)));
}

#[test]
fn migrating_slots_are_read_from_text_integers_and_lists() {
    for (slots, expected) in [
        (bulk("1"), vec![1..=1]),
        (bulk("0-16383"), vec![0..=16383]),
        (bulk("1, 2 ,3-4"), vec![1..=1, 2..=2, 3..=4]),
        (bulk("7-7"), vec![7..=7]),
        (simple("1"), vec![1..=1]),
        (Value::Int(16383), vec![16383..=16383]),
        (
            array([bulk("1,2"), Value::Int(3), bulk("4-5")]),
            vec![1..=1, 2..=2, 3..=3, 4..=5],
        ),
    ] {
        let notification = read("SMIGRATING", [Value::Int(1), slots]);
        assert_eq!(
            notification,
            Ok(Notification::SlotsMigrating {
                seq: Some(1),
                slots: expected
            })
        );
    }
}

#[test]
fn migrating_slots_that_cannot_be_read_are_refused() {
    for slots in [
        bulk(""),
        bulk("16384"),
        bulk("65536"),
        bulk("5-4"),
        bulk("1-16384"),
        bulk("1,,2"),
        bulk("1-2-3"),
        bulk("-1"),
        bulk("+1"),
        bulk("a"),
        bulk("1;2"),
        bulk([0xff]),
        Value::Int(-1),
        Value::Int(16384),
        Value::Nil,
        array([]),
        array([bulk("1"), Value::Nil]),
        array([array([bulk("1")])]),
    ] {
        let notification = read("SMIGRATING", [Value::Int(1), slots.clone()]);
        assert_eq!(notification, Err(BadPush::Slots), "{slots:?}");
    }
    assert_eq!(read("SMIGRATING", [Value::Int(1)]), Err(BadPush::Slots));
    assert_eq!(read("SMIGRATING", []), Err(BadPush::Slots));
}

#[test]
fn every_shape_of_migrated_slots_that_ever_existed_is_read() {
    let seq = || Value::Int(9);
    let flat_one = read("SMIGRATED", [seq(), bulk("b:2"), bulk("1,5-7")]);
    let flat_many = read("SMIGRATED", [seq(), bulk("b:2"), bulk("1"), bulk("5-7")]);
    let line = array([bulk("b:2 1,5-7")]);
    let counted = read("SMIGRATED", [seq(), Value::Int(1), line.clone()]);
    let uncounted = read("SMIGRATED", [seq(), line]);
    let lines = read("SMIGRATED", [seq(), Value::Int(1), bulk("b:2 1,5-7")]);
    let pair = array([array([bulk("b:2"), bulk("1,5-7")])]);
    let pairs = read("SMIGRATED", [seq(), pair.clone()]);
    let counted_pairs = read("SMIGRATED", [seq(), Value::Int(1), pair]);
    let expected = slot_move(None, target("b", 2), &[1..=1, 5..=7]);
    let expected = Ok(slots_migrated(9, vec![expected], 0));
    for read in [
        flat_one,
        flat_many,
        counted,
        uncounted,
        lines,
        pairs,
        counted_pairs,
    ] {
        assert_eq!(read, expected);
    }
    let triplet = array([array([bulk("a:1"), bulk("b:2"), bulk("1,5-7")])]);
    let expected = slot_move(target("a", 1), target("b", 2), &[1..=1, 5..=7]);
    let read = read("SMIGRATED", [seq(), triplet]);
    assert_eq!(read, Ok(slots_migrated(9, vec![expected], 0)));
}

#[test]
fn sources_and_destinations_may_repeat_and_be_unknown() {
    let entry = |source, destination, slots| array([source, destination, bulk(slots)]);
    let moves = array([
        entry(bulk("a:1"), bulk("b:2"), "1"),
        entry(bulk("a:1"), bulk("c:3"), "2"),
        entry(Value::Nil, bulk("b:2"), "3"),
        entry(bulk("?"), bulk("b:2"), "4"),
        entry(bulk("a:1"), Value::Nil, "5"),
        entry(bulk("a"), bulk("[::1]:4"), "6"),
    ]);
    let (a, b) = (target("a", 1), target("b", 2));
    let expected = vec![
        slot_move(a.clone(), b.clone(), &[1..=1]),
        slot_move(a.clone(), target("c", 3), &[2..=2]),
        slot_move(None, b.clone(), &[3..=3]),
        slot_move(None, b, &[4..=4]),
        slot_move(a, None, &[5..=5]),
        slot_move(target("a", PORT), target("::1", 4), &[6..=6]),
    ];
    let read = read("SMIGRATED", [Value::Int(1), moves]);
    assert_eq!(read, Ok(slots_migrated(1, expected, 0)));
}

#[test]
fn one_move_that_cannot_be_read_spoils_no_other() {
    let good = || array([bulk("a:1"), bulk("b:2"), bulk("1")]);
    let bad = [
        array([bulk("a:1"), bulk("b:2"), bulk("16384")]),
        array([bulk("a:1"), bulk("b:2"), Value::Nil]),
        array([bulk("a:1"), bulk("b:99999"), bulk("1")]),
        array([bulk("a b:1"), bulk("b:2"), bulk("1")]),
        array([bulk("b:2")]),
        array([]),
        Value::Nil,
        Value::Int(1),
        bulk("b:2"),
        bulk("b:2 x"),
        array([Value::Int(1), bulk("b:2"), bulk("1")]),
    ];
    let expected = slot_move(target("a", 1), target("b", 2), &[1..=1]);
    for entry in &bad {
        let moves = array([good(), entry.clone(), good()]);
        let read = read("SMIGRATED", [Value::Int(1), moves]);
        let expected = vec![expected.clone(), expected.clone()];
        assert_eq!(read, Ok(slots_migrated(1, expected, 1)), "{entry:?}");
    }
    let all_bad = Value::array(bad.to_vec());
    let read = read("SMIGRATED", [Value::Int(1), all_bad]);
    assert_eq!(read, Ok(slots_migrated(1, vec![], bad.len())));
}

#[test]
fn migrated_slots_without_a_list_are_refused() {
    assert_eq!(read("SMIGRATED", []), Err(BadPush::Moves));
    assert_eq!(read("SMIGRATED", [Value::Int(1)]), Err(BadPush::Moves));
    assert_eq!(
        read("SMIGRATED", [Value::Int(1), Value::Int(0)]),
        Err(BadPush::Moves)
    );
    let none = read("SMIGRATED", [Value::Int(1), array([])]);
    assert_eq!(none, Ok(slots_migrated(1, vec![], 0)));
}

#[test]
fn attributes_inside_a_notification_change_nothing() {
    let attributed = |value| {
        let attributes = Pairs::from_iter([(simple("a"), Value::Nil)]);
        Value::Attributed(Attributed::new(attributes, value))
    };
    let args = [Value::Int(1), Value::Int(15), bulk("host:1")].map(attributed);
    assert_eq!(read("MOVING", args), Ok(moving(1, 15, target("host", 1))));
}

#[test]
fn reasons_hold_nothing_of_the_text() {
    let error = read(
        "MOVING",
        [Value::Int(1), Value::Int(2), bulk("canary@canary:1")],
    );
    let error = error.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"));
    let reasons = [
        BadPush::Moves,
        BadPush::Slots,
        BadPush::Target,
        BadPush::TargetText(BadEndpoint::Host),
        BadPush::TargetText(BadEndpoint::Port),
        BadPush::Time,
    ];
    let texts: std::collections::BTreeSet<String> = reasons.map(|r| r.to_string()).into();
    assert_eq!(texts.len(), reasons.len());
}
