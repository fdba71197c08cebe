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

use crate::error::CloseReason;
use crate::link::{EndReason, Outcome};
use crate::protocol::Value;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(30);
/// The time of a caller whose time must not be over before the test has done the next step, on a busy machine.
const AMPLE: Duration = Duration::from_secs(2);
const BY_USER: EndReason = EndReason::Closed(CloseReason::ByUser);

/// The reply to a request of one command.
fn value(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::One(Value::Int(value)) => value,
        other => panic!("no reply: {other:?}"),
    }
}
