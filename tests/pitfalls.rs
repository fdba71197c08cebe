//! What maintenance is known to do to clients, and the test that shows that it does not do so to
//! this one.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test panics when a claim is false, and reads the clock"
)]

#[cfg(feature = "sim")]
mod common;
#[cfg(feature = "sim")]
#[path = "pitfalls/frames.rs"]
mod frames;
#[cfg(feature = "sim")]
#[path = "pitfalls/identity.rs"]
mod identity;
#[cfg(feature = "sim")]
#[path = "pitfalls/moves.rs"]
mod moves;
#[cfg(feature = "sim")]
#[path = "pitfalls/negotiation.rs"]
mod negotiation;
#[cfg(feature = "sim")]
#[path = "pitfalls/support.rs"]
mod support;
#[cfg(feature = "sim-tls")]
#[path = "pitfalls/tls.rs"]
mod tls;
#[cfg(feature = "sim")]
#[path = "pitfalls/windows.rs"]
mod windows;
