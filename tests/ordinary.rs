//! Twelve small programs as users write them, against every server.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test panics when a claim is false, and a program reads the clock"
)]

mod common;

#[path = "ordinary/caches.rs"]
mod caches;
#[path = "ordinary/collections.rs"]
mod collections;
#[path = "ordinary/queues.rs"]
mod queues;
#[path = "ordinary/walks.rs"]
mod walks;

use common::redis::{Redis, Version};
use hitless::{Client, Result};

/// Runs a program on each server.
fn on_each_server(program: impl Fn(&Client) -> Result<()>) {
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        let options = hitless::Options::new(&redis.url()).unwrap();
        let client = Client::connect(common::patient(options)).unwrap();
        if let Err(error) = program(&client) {
            panic!("{version:?}: {error}: {error:?}");
        }
    }
}
