//! The commands by name. Each is a [`Cmd`] and a type; all the rest is
//! [`Client::execute`](crate::Client::execute). None of them is retried or checked here.
//!
//! ```text
//!   strings! keys! hashes! ...      one list for each group: documentation, name, parameters, type of reply
//!        |
//!        +-- methods! --> Commands  which sends
//!        +-- added! ----> Pipeline  which adds (pipeline/by_name.rs), but for those that block
//! ```

mod acl;
mod bitfield;
mod bitmaps;
mod blocking_lists;
mod blocking_sorted_sets;
mod blocking_streams;
#[cfg(feature = "bloom")]
mod bloom;
mod client_options;
mod cluster;
mod cluster_options;
mod connection;
#[cfg(feature = "bloom")]
mod cuckoo;
mod diagnostics;
mod diagnostics_options;
#[cfg(feature = "bloom")]
mod digests;
#[cfg(feature = "bloom")]
mod filter_options;
mod forms;
mod function_options;
mod functions;
mod geo;
mod geo_options;
mod hash_options;
mod hashes;
mod hyperloglogs;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "json")]
mod json_options;
mod key_options;
mod keys;
mod list_options;
mod lists;
mod pubsub;
mod scan_options;
mod scans;
mod scripting;
mod server;
mod server_options;
mod set_options;
mod sets;
#[cfg(feature = "bloom")]
mod sketch_options;
#[cfg(feature = "bloom")]
mod sketches;
mod sort_options;
mod sorted_set_options;
mod sorted_set_ranges;
mod sorted_sets;
mod stream_groups;
mod stream_options;
mod streams;
mod strings;
#[cfg(feature = "vector")]
mod vector_options;
#[cfg(feature = "vector")]
mod vector_sets;

pub use bitfield::{BitUnit, Bitfield, BitfieldOffset, BitfieldOverflow, BitfieldType};
pub use client_options::{ClientFilter, ClientKind};
pub use cluster_options::{ClusterFailover, SlotState};
pub use diagnostics_options::{CommandFilter, CommandlogKind};
#[cfg(feature = "bloom")]
pub use filter_options::{
    BfInsertOptions, BfReserveOptions, BloomInfoType, CfInsertOptions, CfReserveOptions,
};
pub use function_options::{FlushMode, FunctionListOptions, FunctionRestore};
pub use geo_options::{GeoAddOptions, GeoArea, GeoCenter, GeoSearchOptions, GeoUnit};
pub use hash_options::HSetOptions;
#[cfg(feature = "json")]
pub use json_options::{JsonGetOptions, JsonSetOptions};
pub use key_options::{CopyOptions, ExpireIf, MigrateOptions, RestoreOptions};
pub use list_options::{Direction, LposOptions};
pub use scan_options::ScanOptions;
pub use server_options::{FailoverOptions, ModuleOptions, ShutdownOptions};
pub use set_options::{Expiry, SetOptions};
#[cfg(feature = "bloom")]
pub use sketch_options::{TDigestMergeOptions, TopKReserveOptions};
pub use sort_options::SortOptions;
pub use sorted_set_options::{
    Aggregate, LexBound, ScoreBound, ZAddOptions, ZCombineOptions, ZRange,
};
pub use stream_options::{
    StreamDeletionPolicy, StreamTrim, XAddOptions, XClaimOptions, XGroupCreateOptions,
    XPendingOptions, XReadOptions,
};
#[cfg(feature = "vector")]
pub use vector_options::{VAddOptions, VSimOptions, VectorNumber, VectorQuery};

pub(super) use acl::acl;
pub(super) use bitmaps::bitmaps;
use blocking_lists::blocking_lists;
use blocking_sorted_sets::blocking_sorted_sets;
use blocking_streams::blocking_streams;
#[cfg(feature = "bloom")]
pub(super) use bloom::bloom;
pub(super) use cluster::cluster;
pub(super) use connection::connection;
#[cfg(feature = "bloom")]
pub(super) use cuckoo::cuckoo;
pub(super) use diagnostics::diagnostics;
#[cfg(feature = "bloom")]
pub(super) use digests::digests;
use forms::methods;
pub(super) use forms::{add, added};
pub(super) use functions::functions;
pub(super) use geo::geo;
pub(super) use hashes::hashes;
pub(super) use hyperloglogs::hyperloglogs;
#[cfg(feature = "json")]
pub(super) use json::json;
use key_options::seconds_up;
pub(crate) use key_options::{LONGEST_WAIT, millis_up};
pub(super) use keys::keys;
pub(super) use lists::lists;
pub(super) use pubsub::pubsub;
use scans::scans;
pub(super) use scripting::scripting;
pub(super) use server::server;
pub(super) use set_options::unix_millis;
pub(super) use sets::sets;
#[cfg(feature = "bloom")]
pub(super) use sketches::sketches;
pub(super) use sorted_set_ranges::sorted_set_ranges;
pub(super) use sorted_sets::sorted_sets;
pub(super) use stream_groups::stream_groups;
pub(super) use stream_options::PendingRange;
pub(super) use streams::streams;
pub(super) use strings::strings;
#[cfg(feature = "vector")]
pub(super) use vector_options::Packed;
#[cfg(feature = "vector")]
pub(super) use vector_sets::vector_sets;

use super::arg::Counted;
use super::convert::Reply;
use super::named::named;
use super::replies::{
    AclLogEntry, AclUser, ClientInfo, ClusterInfo, ClusterLink, ClusterNode, ClusterShard,
    CommandDocs, CommandInfo, CommandlogEntry, ExpireTime, FieldExpire, FieldPersist,
    FunctionLibrary, FunctionStats, GeoMatch, GeoPoint, Info, KeyType, LatencyEvent,
    LatencyHistogram, LatencySample, LcsMatches, MemoryStats, Migrated, ModuleInfo, Role,
    SlotRange, SlotStats, SlowlogEntry, StreamAutoClaim, StreamConsumerInfo, StreamDeletion,
    StreamEntry, StreamFullInfo, StreamGroupInfo, StreamId, StreamInfo, StreamPending,
    StreamPendingEntry, TrackingInfo, Ttl,
};
#[cfg(feature = "bloom")]
use super::replies::{
    BloomInfo, BloomInfoValue, CuckooInfo, CuckooInsertion, FilterChunk, SketchInfo, TDigestInfo,
    TopKInfo,
};
#[cfg(feature = "json")]
use super::replies::{JsonMatches, JsonNumbers, JsonType};
#[cfg(feature = "vector")]
use super::replies::{RawVector, VectorMatch, VectorSetInfo};
use super::scan::Scan;
use super::{Cmd, Executor, FromValue, Lent, ToArg, ToArgs};
use crate::error::Result;
use crate::protocol::Value;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// The commands by name: every [`Executor`] has them.
///
/// Return types are fixed where the reply is the server's, and free where it is the user's own data:
/// `let name: Option<String> = client.get("name")?`. A type of the user's own data is any that a reply can
/// become: see [`FromValue`].
///
/// Arguments of 16 KiB or more are sent from where they are: `client.set("video", &bytes)` makes no copy of
/// `bytes`, under TLS but for the encryption, nor of long elements of a list or a map. A copy is made where
/// another thread is writing to the same connection at that moment. A [`Cmd`] and a [`Pipeline`](crate::Pipeline)
/// hold copies of their arguments.
///
/// The features `json` and `vector` bring the methods that begin with `json_` and `v`.
///
/// The feature `bloom` brings the methods that begin with `bf_`, `cf_`, `cms_`, `topk_` and `tdigest_`.
///
/// Every command is a row of the crate's table of commands, which says how it is sent: the names here are
/// checked against it when the crate is compiled.
///
/// # Errors
///
/// Those of [`Client::execute`](crate::Client::execute), and
/// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion): the command was executed, and its reply is not of
/// the type asked for. That costs nothing but the reply: the connection is fine. A command that the server's
/// version does not have is [`ErrorKind::Server`](crate::ErrorKind::Server), with the server's words.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot send commands",
    note = "`hitless::Client` and references to it can; a generic function takes `&impl hitless::Commands`"
)]
pub trait Commands: Executor {
    /// Sends any command, and turns its reply into a type.
    ///
    /// ```no_run
    /// use hitless::{Commands, cmd};
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// let keys: i64 = client.query(&cmd("DBSIZE"))?;
    /// # Ok::<(), hitless::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As everywhere here. After a command that may have taken what it replied,
    /// [`Error::reply`](crate::Error::reply) has all of a reply that does not fit.
    fn query<T: FromValue>(&self, command: &Cmd) -> Result<T> {
        T::from_reply(Reply::new(self.execute(command), command))
    }

    strings!(methods);
    keys!(methods);
    hashes!(methods);
    lists!(methods);
    sets!(methods);
    bitmaps!(methods);
    hyperloglogs!(methods);
    #[cfg(feature = "bloom")]
    bloom!(methods);
    #[cfg(feature = "bloom")]
    cuckoo!(methods);
    #[cfg(feature = "bloom")]
    sketches!(methods);
    #[cfg(feature = "bloom")]
    digests!(methods);
    sorted_sets!(methods);
    sorted_set_ranges!(methods);
    geo!(methods);
    streams!(methods);
    stream_groups!(methods);
    scripting!(methods);
    functions!(methods);
    connection!(methods);
    blocking_lists!(methods);
    blocking_streams!(methods);
    blocking_sorted_sets!(methods);
    pubsub!(methods);
    server!(methods);
    diagnostics!(methods);
    acl!(methods);
    cluster!(methods);
    #[cfg(feature = "json")]
    json!(methods);
    #[cfg(feature = "vector")]
    vector_sets!(methods);

    scans! {
        /// `SCAN`: all keys, one after the other, without holding up the server.
        ///
        /// ```no_run
        /// use hitless::{Commands, ScanOptions};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// // Keys may be any bytes: `String` is for those that are texts.
        /// for key in client.scan_options::<Vec<u8>>(&ScanOptions::new().pattern("session:*").count(1000)) {
        ///     client.del(key?)?;
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        scan scan_match scan_options () "SCAN";

        /// `HSCAN`: the fields of a hash with their values, as pairs.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// for pair in client.hscan("user:7") {
        ///     let (field, value): (String, Vec<u8>) = pair?;
        ///     println!("{field}: {} bytes", value.len());
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        hscan hscan_match hscan_options (key) "HSCAN";

        /// `SSCAN`: the members of a set.
        sscan sscan_match sscan_options (key) "SSCAN";

        /// `ZSCAN`: the members of a sorted set with their scores, as pairs.
        zscan zscan_match zscan_options (key) "ZSCAN";
    }
}

/// Nobody else implements [`Commands`], so that it can grow.
impl<E: Executor + ?Sized> Commands for E {}
