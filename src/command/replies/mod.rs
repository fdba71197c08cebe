//! Replies that have a shape of their own, as types. A field that a newer server adds is left out; one that an
//! older server lacks is `None` or empty.

mod acl;
mod clients;
mod cluster;
mod cluster_nodes;
mod diagnostics;
mod fields;
#[cfg(feature = "bloom")]
mod filters;
mod functions;
mod geo;
mod info;
mod introspection;
#[cfg(feature = "json")]
mod json;
mod keys;
mod server;
#[cfg(feature = "bloom")]
mod sketches;
mod stream_info;
mod streams;
mod strings;
#[cfg(feature = "vector")]
mod vector_sets;

pub use acl::{AclLogEntry, AclSelector, AclUser};
pub use clients::{ClientInfo, TrackingInfo};
pub use cluster::{ClusterLink, ClusterShard, ShardNode, SlotNode, SlotRange, SlotStats};
pub use cluster_nodes::ClusterNode;
pub use diagnostics::{
    CommandlogEntry, LatencyEvent, LatencyHistogram, LatencySample, MemoryStats, SlowlogEntry,
};
#[cfg(feature = "bloom")]
pub use filters::{BloomInfo, BloomInfoValue, CuckooInfo, CuckooInsertion, FilterChunk};
pub use functions::{
    FunctionEngine, FunctionInfo, FunctionLibrary, FunctionStats, RunningFunction,
};
pub use geo::{GeoMatch, GeoPoint};
pub use info::{ClusterInfo, Info, Keyspace};
pub use introspection::{CommandDocs, CommandInfo};
#[cfg(feature = "json")]
pub use json::{JsonMatches, JsonNumbers, JsonType};
pub use keys::{ExpireTime, FieldExpire, FieldPersist, KeyType, Migrated, Ttl};
pub use server::{ModuleInfo, Role, RoleReplica};
#[cfg(feature = "bloom")]
pub use sketches::{SketchInfo, TDigestInfo, TopKInfo};
pub use stream_info::{
    StreamConsumerInfo, StreamFullConsumer, StreamFullGroup, StreamFullInfo, StreamGroupInfo,
    StreamInfo, StreamPending, StreamPendingEntry,
};
pub use streams::{StreamAutoClaim, StreamDeletion, StreamEntry, StreamId};
pub use strings::{LcsMatch, LcsMatches};
#[cfg(feature = "vector")]
pub use vector_sets::{RawVector, VectorMatch, VectorQuantization, VectorSetInfo};

use crate::command::FromValue;
use crate::error::Result;
use crate::protocol::Value;
use fields::{Fields, Parts};
use std::fmt;

/// A text of the server. Names of users stand in some, which may be any bytes: those that are no text become
/// U+FFFD, so that the rest can be read.
fn lossy(value: Value) -> Result<String> {
    let bytes = Vec::<u8>::from_value(value)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Bytes of a user, shown as a text with escapes for what is none: their numbers tell nobody anything.
struct Shown<'a>(&'a [u8]);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Names and values of a user, likewise.
struct ShownFields<'a>(&'a [(Vec<u8>, Vec<u8>)]);

impl fmt::Debug for ShownFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.0.iter();
        let shown = fields.map(|(name, value)| (Shown(name), Shown(value)));
        f.debug_map().entries(shown).finish()
    }
}

/// What stands behind this name and `between` in the first of these parts of a text that has the name.
fn value_of<'a>(
    name: &str,
    parts: impl Iterator<Item = &'a str>,
    between: char,
) -> Option<&'a str> {
    for part in parts {
        match part.split_once(between) {
            Some((known, value)) if known == name => return Some(value),
            _ => {}
        }
    }
    None
}

/// These values, each turned. Not `map` and `collect`, of which the compiler makes a dozen functions for each type.
fn turned<T, U>(values: Vec<T>, turn: impl Fn(T) -> U) -> Vec<U> {
    let mut list = Vec::new();
    list.reserve_exact(values.len());
    for value in values {
        list.push(turn(value));
    }
    list
}
