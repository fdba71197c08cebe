//! The protocol layer, seen from outside: bytes, frames, notifications and the opening of a
//! connection.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "functions that tests call fail as tests do"
)]

mod corpus;
mod deep;
mod encoding;
mod endpoint;
mod handshake;
mod malformed;
mod notification;
mod properties;
mod secret;
mod support;
mod value;
mod vectors;
