//! Tests of the pool on real threads and without a network. None of them sleeps to wait for something.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "an outcome of another kind fails the test"
)]
mod entries;
