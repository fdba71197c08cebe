//! Arguments and replies as values of Rust, against every server and in both protocols.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test panics when a claim is false, and its modules are seen by nobody else"
)]

mod common;

#[path = "conversions/arguments.rs"]
mod arguments;
#[path = "conversions/losses.rs"]
mod losses;
#[path = "conversions/places.rs"]
mod places;
#[path = "conversions/room.rs"]
mod room;
#[path = "conversions/shapes.rs"]
mod shapes;
#[path = "conversions/types.rs"]
mod types;

use common::redis::{Redis, Version};
use hitless::{Client, Commands, Options, Protocol, cmd};

/// Runs the claims on every server, in both protocols, each in a database of its own.
fn everywhere(claims: impl Fn(&Client)) {
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        for (number, protocol) in [(2, Protocol::Resp2), (3, Protocol::Resp3)] {
            let options = Options::new(&redis.url()).unwrap();
            let options = options.protocol(protocol).database(number);
            let client = Client::connect(common::patient(options)).unwrap();
            let info: String = client.query(&cmd("CLIENT INFO")).unwrap();
            assert!(info.contains(&format!(" resp={number}")), "{info}");
            claims(&client);
            client.close();
        }
    }
}
