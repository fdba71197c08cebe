//! The commands by name that a pipeline has: all but those that block. Sends nothing.

use super::Pipeline;
use crate::command::arg::Counted;
#[cfg(feature = "json")]
use crate::command::commands::json;
#[cfg(feature = "vector")]
use crate::command::commands::{Packed, vector_sets};
use crate::command::commands::{
    PendingRange, acl, add, added, bitmaps, cluster, connection, diagnostics, functions, geo,
    hashes, hyperloglogs, keys, lists, millis_up, pubsub, scripting, server, sets,
    sorted_set_ranges, sorted_sets, stream_groups, streams, strings, unix_millis,
};
#[cfg(feature = "bloom")]
use crate::command::commands::{bloom, cuckoo, digests, sketches};
use crate::command::named::named;
#[cfg(feature = "bloom")]
use crate::command::{
    BfInsertOptions, BfReserveOptions, BloomInfoType, CfInsertOptions, CfReserveOptions,
    FilterChunk, TDigestMergeOptions, TopKReserveOptions,
};
use crate::command::{
    BitUnit, Bitfield, ClientFilter, ClusterFailover, CommandFilter, CommandlogKind, CopyOptions,
    Direction, ExpireIf, Expiry, FailoverOptions, FlushMode, FunctionListOptions, FunctionRestore,
    GeoAddOptions, GeoArea, GeoPoint, GeoSearchOptions, GeoUnit, HSetOptions, LposOptions,
    MigrateOptions, ModuleOptions, RestoreOptions, ScriptInvocation, SetOptions, ShutdownOptions,
    SlotState, SortOptions, StreamDeletionPolicy, StreamTrim, ToArg, ToArgs, XAddOptions,
    XClaimOptions, XGroupCreateOptions, XPendingOptions, XReadOptions, ZAddOptions,
    ZCombineOptions, ZRange,
};
#[cfg(feature = "json")]
use crate::command::{JsonGetOptions, JsonSetOptions};
#[cfg(feature = "vector")]
use crate::command::{VAddOptions, VSimOptions, VectorNumber, VectorQuery};
use std::time::{Duration, SystemTime};

/// The commands by name. What each does, and which type its reply becomes: see
/// [`Commands`](crate::Commands). What they reply comes with [`run`](Pipeline::run) or
/// [`query`](Pipeline::query).
impl Pipeline {
    strings!(added);
    keys!(added);
    hashes!(added);
    lists!(added);
    sets!(added);
    bitmaps!(added);
    hyperloglogs!(added);
    #[cfg(feature = "bloom")]
    bloom!(added);
    #[cfg(feature = "bloom")]
    cuckoo!(added);
    #[cfg(feature = "bloom")]
    sketches!(added);
    #[cfg(feature = "bloom")]
    digests!(added);
    sorted_sets!(added);
    sorted_set_ranges!(added);
    geo!(added);
    streams!(added);
    stream_groups!(added);
    scripting!(added);
    functions!(added);
    connection!(added);
    pubsub!(added);
    server!(added);
    diagnostics!(added);
    acl!(added);
    cluster!(added);
    #[cfg(feature = "json")]
    json!(added);
    #[cfg(feature = "vector")]
    vector_sets!(added);

    /// Adds a call of a script, with its source.
    ///
    /// It is `EVAL` and not `EVALSHA`: behind a `NOSCRIPT` the other commands of the pipeline, or of the
    /// transaction, would have run without it.
    ///
    /// ```no_run
    /// use hitless::{Client, Script, pipe};
    ///
    /// # let client = Client::connect("redis://127.0.0.1")?;
    /// let add = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    /// let mut pipeline = pipe();
    /// pipeline.atomic().set("n", 1).invoke_script(&add.key("n").arg(5)).get("n");
    /// let ((), sum, n): ((), i64, i64) = pipeline.query(&client)?;
    /// # Ok::<(), hitless::Error>(())
    /// ```
    pub fn invoke_script(&mut self, call: &ScriptInvocation<'_>) -> &mut Self {
        self.add(&call.whole())
    }
}
