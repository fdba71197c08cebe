//! Tests of a link and its queue on real threads and without a network. None of them sleeps
//! to wait for something.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "an outcome of another kind fails the test"
)]
mod abandoned;
mod broken;
mod calls;
mod in_flight;
mod in_place;
mod order;
mod probes;
mod subscriptions;
mod writers;

use crate::clock;
use crate::error::CloseReason;
use crate::link::fake::within;
use crate::link::{Deadline, EndReason, Link, Outcome};
use crate::protocol::Value;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(30);
/// The limits of a caller whose time may be over too early on a busy machine: the first that is long enough will do.
const LIMITS: [Duration; 3] = [
    Duration::from_millis(240),
    Duration::from_secs(2),
    Duration::from_secs(15),
];
const BY_USER: EndReason = EndReason::Closed(CloseReason::ByUser);

/// A limit that is over as soon as no window is open. Time stands still for a caller whose own time is over and whom
/// an open window lets wait: it gives up when the window is closed, however slow the machine is.
fn over() -> Deadline {
    within(Duration::from_nanos(1))
}

fn open_window(link: &Link) {
    link.relax(clock::now() + Duration::from_secs(3600), None);
}

fn close_window(link: &Link) {
    link.relax(clock::now(), None);
}

/// Closes the window, and has a caller look at the time that sleeps and would look only later.
fn close_window_for<T>(link: &Link, caller: &ScopedJoinHandle<'_, T>) {
    close_window(link);
    caller.thread().unpark();
}

/// Waits until so many callers have asked and wait. Whether one of them reads depends on the reader thread, which
/// reads too while a writer is blocked.
fn until_asked(link: &Link, count: usize) {
    let deadline = clock::now() + Duration::from_secs(20);
    while link.in_flight.lock().live() < count {
        assert!(clock::now() < deadline, "they never ask");
        thread::yield_now();
    }
}

/// The reply to a request of one command.
fn value(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::One(Value::Int(value)) => value,
        other => panic!("no reply: {other:?}"),
    }
}
