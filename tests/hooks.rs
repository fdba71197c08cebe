//! What a user sees and steers of maintenance, end to end: hooks, events, numbers, errors, timeouts,
//! and which options are accepted.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test panics when a claim is false, and its modules are seen by nobody else"
)]

#[path = "hooks/closing.rs"]
mod closing;
#[path = "hooks/delivery.rs"]
mod delivery;
#[path = "hooks/errors.rs"]
mod errors;
#[path = "hooks/events.rs"]
mod events;
#[path = "common/fake.rs"]
#[allow(
    clippy::disallowed_methods,
    dead_code,
    reason = "shared with other tests, whose threads need no name"
)]
mod fake;
#[path = "hooks/liveness.rs"]
mod liveness;
#[path = "hooks/options.rs"]
mod options;
#[path = "hooks/policy.rs"]
mod policy;
#[path = "hooks/provided.rs"]
mod provided;
#[path = "hooks/reentry.rs"]
mod reentry;
#[path = "hooks/rudeness.rs"]
mod rudeness;
#[path = "hooks/support.rs"]
mod support;
#[path = "hooks/timeouts.rs"]
mod timeouts;
#[path = "hooks/wiring.rs"]
mod wiring;
