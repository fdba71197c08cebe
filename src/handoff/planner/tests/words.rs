//! Short words for addresses, times and notifications.

use super::super::*;
use crate::protocol::{Endpoint, Notification};

pub(super) fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(super) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The address of node `n`.
pub(super) fn node(n: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::from([10, 0, 0, n]), 6379)
}

/// Node `n` as servers write it.
pub(super) fn named(n: u8) -> Endpoint {
    Endpoint::tcp(format!("10.0.0.{n}"), 6379)
}

pub(super) const NAME: &str = "redis.example";

pub(super) fn moving(seq: i64, time: i64, target: Option<Endpoint>) -> Notification {
    Notification::Moving {
        seq: Some(seq),
        time,
        target,
    }
}

pub(super) fn migrating(seq: i64) -> Notification {
    Notification::Migrating {
        seq: Some(seq),
        time: 5,
        shards: "[\"1\"]".into(),
    }
}

pub(super) fn migrated(seq: i64) -> Notification {
    Notification::Migrated {
        seq: Some(seq),
        shards: "[\"1\"]".into(),
    }
}

pub(super) fn failing_over(seq: i64) -> Notification {
    Notification::FailingOver {
        seq: Some(seq),
        time: 2,
        shards: "[\"1\"]".into(),
    }
}

pub(super) fn failed_over(seq: i64) -> Notification {
    Notification::FailedOver {
        seq: Some(seq),
        shards: "[\"1\"]".into(),
    }
}

pub(super) fn slots_migrating(seq: i64) -> Notification {
    Notification::SlotsMigrating {
        seq: Some(seq),
        slots: vec![1..=5],
    }
}

pub(super) fn slots_migrated(seq: i64) -> Notification {
    Notification::SlotsMigrated {
        seq: Some(seq),
        moves: vec![],
        unreadable: 0,
    }
}
