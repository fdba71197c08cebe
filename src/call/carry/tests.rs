//! One call and connections that die under it, without a network.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "an outcome of another kind fails the test"
)]

use super::*;
use crate::counters::Counters;
use crate::link::fake::{self, Far, Notes};
use crate::link::{Link, Routes};
use crate::pool::{Demand, Entries};
use crate::protocol::Value;
use crate::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const LONG: Duration = Duration::from_secs(20);
/// More connections than any call may try.
const TOO_MANY: u64 = 100;

/// A pool that makes a connection at once whenever a caller asks for one.
struct Works {
    entries: Arc<Entries>,
    pool: Pool,
    made: Arc<AtomicU64>,
}

/// A link whose reader thread is not let in, so that nobody notices what becomes of it before a call.
fn link(id: u64, entry: usize) -> (Arc<Link>, Far) {
    let (wire, far) = fake::cable(None);
    let link = fake::start(
        id,
        entry,
        wire,
        LONG,
        Routes::of_commands(&Arc::new(Notes::default())),
    );
    (link, far)
}

impl Works {
    /// `prepare` is what the server does with each new connection, which has this number.
    fn new(size: usize, prepare: impl Fn(u64, Far) + Send + Sync + 'static) -> Self {
        let (entries, made) = (Arc::new(Entries::new(size, 0)), Arc::new(AtomicU64::new(0)));
        let make = {
            let (entries, made) = (Arc::clone(&entries), Arc::clone(&made));
            move |_: Demand| {
                // Calls find the others dead, so that one is enough.
                if entries.live().next().is_some() {
                    return;
                }
                let number = made.fetch_add(1, Ordering::SeqCst) + 1;
                assert!(number < TOO_MANY, "the call goes on for ever");
                let (link, far) = link(1000 + number, 0);
                prepare(number, far);
                entries.install(link);
                entries.ack_demand();
            }
        };
        let pool = Pool::new(
            Arc::clone(&entries),
            Arc::new(make),
            Arc::new(Counters::default()),
            Some(LONG),
            0,
            512,
        );
        Self {
            entries,
            pool,
            made,
        }
    }

    fn call(&self, retries: u32) -> Result<Outcome> {
        let sending = Sending {
            request: fake::one(b"hello\n"),
            ends: &[6],
            timeout: Some(LONG),
            exclusive: false,
            is_long: false,
            inspector: None,
        };
        carry(&self.pool, retries, &sending, &mut None)
    }

    fn made(&self) -> u64 {
        self.made.load(Ordering::SeqCst)
    }
}

impl Drop for Works {
    fn drop(&mut self) {
        for link in self.entries.close() {
            link.end(EndReason::Closed(CloseReason::ByUser));
            link.join();
        }
    }
}

/// Answers one line.
fn answers(far: Far) {
    let serve = move || {
        far.receive(6);
        far.send(":1\r\n");
    };
    crate::sync::spawn("server".to_owned(), serve).unwrap();
}

#[test]
fn more_dead_connections_than_retries_fail_no_call() {
    for retries in [0, 1] {
        let works = Works::new(6, |_, far| answers(far));
        for entry in 0..6 {
            let (link, far) = link(entry as u64 + 1, entry);
            works.entries.install(link);
            far.end();
        }
        let outcome = works.call(retries).unwrap();
        assert!(
            matches!(outcome, Outcome::One(Value::Int(1))),
            "{outcome:?}"
        );
        assert_eq!(works.made(), 1);
    }
}

#[test]
fn a_server_that_hangs_up_on_every_connection_ends_a_call_by_its_tries() {
    for (retries, size) in [(0, 1), (3, 1), (3, 4)] {
        let works = Works::new(size, |_, far| far.end());
        let outcome = works.call(retries).unwrap();
        let Outcome::Failed(failure) = outcome else {
            panic!("{outcome:?}");
        };
        let Failure { reason, sent, .. } = *failure;
        assert!(matches!(reason, Some(EndReason::EndOfStream)), "{reason:?}");
        assert_eq!(sent, 0);
        assert_eq!(works.made(), 1 + size as u64 + u64::from(retries));
    }
}

#[test]
fn in_a_window_a_call_outlasts_any_number_of_dead_connections() {
    let cause = Maintenance {
        name: "FAILING_OVER",
        seq: None,
    };
    let works = Works::new(1, |number, far| match number {
        0..30 => far.end(),
        _ => answers(far),
    });
    let now = clock::now();
    works.entries.set_window(now, Some((cause, now + LONG)));
    let outcome = works.call(0).unwrap();
    assert!(
        matches!(outcome, Outcome::One(Value::Int(1))),
        "{outcome:?}"
    );
    assert_eq!(works.made(), 30);
}
