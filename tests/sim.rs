//! The simulator, seen through raw sockets.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test panics when a claim is false, and its modules are seen by nobody else"
)]

mod common;

#[path = "sim/client.rs"]
mod client;
#[path = "sim/faults.rs"]
mod faults;
#[path = "sim/keyspace.rs"]
mod keyspace;
#[path = "sim/lifecycle.rs"]
mod lifecycle;
#[path = "sim/maintenance.rs"]
mod maintenance;
#[path = "sim/messages.rs"]
mod messages;
#[path = "sim/moves.rs"]
mod moves;
#[path = "sim/proxy.rs"]
mod proxy;
#[path = "sim/readers.rs"]
mod readers;
#[path = "sim/requests.rs"]
mod requests;
#[path = "sim/server.rs"]
mod server;
#[path = "sim/session.rs"]
mod session;
#[path = "sim/store.rs"]
mod store;
#[path = "sim/streams.rs"]
mod streams;
#[cfg(feature = "sim-tls")]
#[path = "sim/tls.rs"]
mod tls;
#[path = "sim/waiting.rs"]
mod waiting;
