//! Every command that has a name: sent by itself, in a pipeline and in a transaction, to every server, on both
//! protocols. Does not test what stands around a command: `commands.rs` and `pipelines.rs` do.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]
#![cfg(feature = "sim")]

mod common;
#[path = "typed/trial.rs"]
#[macro_use]
mod trial;
#[path = "typed/acl.rs"]
mod acl;
#[path = "typed/bitmaps.rs"]
mod bitmaps;
#[cfg(feature = "bloom")]
#[path = "typed/bloom.rs"]
mod bloom;
#[path = "typed/cluster.rs"]
mod cluster;
#[path = "typed/connection.rs"]
mod connection;
#[cfg(feature = "bloom")]
#[path = "typed/cuckoo.rs"]
mod cuckoo;
#[path = "typed/diagnostics.rs"]
mod diagnostics;
#[cfg(feature = "bloom")]
#[path = "typed/digests.rs"]
mod digests;
#[path = "typed/geo.rs"]
mod geo;
#[path = "typed/hashes.rs"]
mod hashes;
#[cfg(feature = "json")]
#[path = "typed/json.rs"]
mod json;
#[path = "typed/keys.rs"]
mod keys;
#[path = "typed/lists.rs"]
mod lists;
#[path = "typed/pubsub.rs"]
mod pubsub;
#[path = "typed/scripting.rs"]
mod scripting;
#[cfg(feature = "serde")]
#[path = "typed/serde.rs"]
mod serde;
#[path = "typed/server.rs"]
mod server;
#[path = "typed/sets.rs"]
mod sets;
#[cfg(feature = "bloom")]
#[path = "typed/sketches.rs"]
mod sketches;
#[path = "typed/sorted_sets.rs"]
mod sorted_sets;
#[path = "typed/streams.rs"]
mod streams;
#[path = "typed/strings.rs"]
mod strings;
#[cfg(feature = "vector")]
#[path = "typed/vector_sets.rs"]
mod vector_sets;
