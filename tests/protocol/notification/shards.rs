//! The notifications that name shards: a node works on them and stays where it is.

use super::{classify, read};
use crate::support::{array, bulk, set, simple};
use hitless::{BadPush, Notification, Push, Value};

#[test]
fn shards_are_kept_as_the_text_they_are() {
    for (shards, text) in [
        (bulk("[\"1\",\"2\",\"3\"]"), "[\"1\",\"2\",\"3\"]"),
        (bulk("4,5,6"), "4,5,6"),
        (simple("4"), "4"),
        (Value::Int(4), "4"),
        (array([bulk("4"), bulk("5")]), "4,5"),
        (array([Value::Int(4), Value::Int(5)]), "4,5"),
        (set([bulk("4")]), "4"),
        (array([]), ""),
        (Value::Nil, ""),
        (bulk(""), ""),
        (bulk([0xff]), "\u{fffd}"),
    ] {
        let expected = Notification::Migrated {
            seq: Some(1),
            shards: text.to_owned(),
        };
        let notification = read("MIGRATED", [Value::Int(1), shards.clone()]);
        assert_eq!(notification, Ok(expected), "{shards:?}");
        let expected = Notification::FailingOver {
            seq: Some(1),
            time: 2,
            shards: text.to_owned(),
        };
        let notification = read("FAILING_OVER", [Value::Int(1), Value::Int(2), shards]);
        assert_eq!(notification, Ok(expected));
    }
}

#[test]
fn events_without_shards_or_time_or_number_still_count() {
    let none = String::new;
    for (kind, args, expected) in [
        (
            "MIGRATING",
            vec![Value::Int(1), Value::Int(2)],
            Notification::Migrating {
                seq: Some(1),
                time: 2,
                shards: none(),
            },
        ),
        (
            "MIGRATING",
            vec![Value::Int(1)],
            Notification::Migrating {
                seq: Some(1),
                time: 0,
                shards: none(),
            },
        ),
        (
            "FAILING_OVER",
            vec![Value::Int(1), bulk("[\"2\"]")],
            Notification::FailingOver {
                seq: Some(1),
                time: 0,
                shards: "[\"2\"]".to_owned(),
            },
        ),
        (
            "FAILING_OVER",
            vec![],
            Notification::FailingOver {
                seq: None,
                time: 0,
                shards: none(),
            },
        ),
        (
            "MIGRATED",
            vec![Value::Int(1)],
            Notification::Migrated {
                seq: Some(1),
                shards: none(),
            },
        ),
        (
            "FAILED_OVER",
            vec![],
            Notification::FailedOver {
                seq: None,
                shards: none(),
            },
        ),
    ] {
        let push = Push {
            kind: kind.into(),
            args: args.into(),
        };
        assert_eq!(classify(&push), Ok(expected), "{push:?}");
    }
}

#[test]
fn a_negative_time_of_an_event_is_kept() {
    let notification = read("MIGRATING", [Value::Int(1), Value::Int(-5), bulk("s")]);
    let shards = "s".to_owned();
    assert_eq!(
        notification,
        Ok(Notification::Migrating {
            seq: Some(1),
            time: -5,
            shards
        })
    );
}

/// The longest text that is kept only to be shown.
const SHOWN: usize = 4096;

fn list(elements: Vec<Value>) -> Value {
    Value::Array(elements.into())
}

fn shards_of(value: Value) -> String {
    let read = read("MIGRATED", [Value::Int(1), value]);
    let Ok(Notification::Migrated { shards, .. }) = read else {
        panic!("{read:?}");
    };
    shards
}

#[test]
fn opaque_text_of_any_length_is_cut_at_4_kib() {
    let fits = "s".repeat(SHOWN);
    assert_eq!(shards_of(bulk(fits.clone())), fits);
    assert_eq!(shards_of(bulk("s".repeat(1 << 20))), fits);
    // Between two letters, not within one.
    let wide = shards_of(bulk("\u{20ac}".repeat(SHOWN)));
    assert_eq!(wide, "\u{20ac}".repeat(SHOWN / 3));
    // What is no text grows when it is made one.
    let broken = shards_of(bulk(vec![0xff; SHOWN]));
    assert_eq!(broken, "\u{fffd}".repeat(SHOWN / 3));
    let many = shards_of(list(vec![bulk("12345"); 100_000]));
    assert!(many.len() == SHOWN && many.starts_with("12345,12345,"));
}

#[test]
fn slots_and_moves_beyond_a_cluster_make_the_frame_malformed_and_nothing_is_shortened() {
    let text = |count: usize| vec!["7"; count].join(",");
    let read_slots = |slots: Value| read("SMIGRATING", [Value::Int(1), slots]);
    let ranges = |slots: Value| match read_slots(slots) {
        Ok(Notification::SlotsMigrating { slots, .. }) => slots.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(ranges(bulk(text(16_384))), 16_384);
    assert_eq!(ranges(list(vec![Value::Int(7); 16_384])), 16_384);
    for slots in [
        bulk(text(16_385)),
        list(vec![Value::Int(7); 16_385]),
        array([bulk(text(16_384)), Value::Int(7)]),
        bulk(text(1_000_000)),
    ] {
        assert_eq!(read_slots(slots), Err(BadPush::TooLong));
    }

    let entry = |slots: Value| array([bulk("a:1"), bulk("b:2"), slots]);
    let read_moves = |entries: Vec<Value>| read("SMIGRATED", [Value::Int(1), list(entries)]);
    let counts = |entries: Vec<Value>| match read_moves(entries) {
        Ok(Notification::SlotsMigrated {
            moves, unreadable, ..
        }) => (moves.len(), unreadable),
        other => panic!("{other:?}"),
    };
    assert_eq!(counts(vec![entry(bulk("7")); 1024]), (1024, 0));
    assert_eq!(counts(vec![Value::Nil; 1024]), (0, 1024));
    for entries in [
        vec![entry(bulk("7")); 1025],
        vec![Value::Nil; 1025],
        // Of all moves together.
        vec![entry(bulk(text(16_384))), entry(bulk("7"))],
        vec![entry(bulk("7")), entry(bulk(text(1_000_000)))],
    ] {
        assert_eq!(read_moves(entries), Err(BadPush::TooLong));
    }
    let flat = read(
        "SMIGRATED",
        [Value::Int(1), bulk("b:2"), bulk(text(16_385))],
    );
    assert_eq!(flat, Err(BadPush::TooLong));
    let lines = vec![bulk("b:2 7"); 1025];
    let lines = [vec![Value::Int(1), Value::Int(1025)], lines].concat();
    let lines = Push {
        kind: "SMIGRATED".into(),
        args: lines.into(),
    };
    assert_eq!(classify(&lines), Err(BadPush::TooLong));
}
