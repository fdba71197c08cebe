//! The simulator, seen through raw sockets.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test panics when a claim is false, and its modules are seen by nobody else"
)]

#[path = "sim/client.rs"]
mod client;
#[path = "sim/maintenance.rs"]
mod maintenance;
