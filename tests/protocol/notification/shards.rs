//! The notifications that name shards: a node works on them and stays where it is.

use super::{classify, read};
use crate::support::{array, bulk, set, simple};
use hitless::protocol::{Notification, Push, Value};

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
