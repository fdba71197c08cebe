//! What a user builds and what comes back: commands, pipelines, arguments, replies as types; and the table of
//! all commands. Sends nothing: opens no socket, takes no lock, reads no clock.
//!
//! ```text
//!   values ──ToArgs──> Cmd, Pipeline ──Executor──> the client: call/ ──> Value ──FromValue──> values
//!                         │
//!                         └── table: how it is sent, where its keys are, whether it may run twice
//! ```
//!
//! A [`Pipeline`] stands here and not beside the code that sends it, so that whatever sends commands, the
//! [`Executor`], sends pipelines too.

mod arg;
mod buffer;
mod cmd;
mod commands;
mod convert;
mod executor;
mod lent;
mod name;
mod named;
mod pipeline;
mod replies;
mod scan;
mod script;
#[cfg(feature = "serde")]
mod serde;
#[allow(
    dead_code,
    reason = "routing by keys and repetition by class are not there yet; tests/words.rs compiles this module \
              and holds every column against servers"
)]
pub(crate) mod table;

pub(crate) mod unknown;

pub use arg::{ArgWriter, ToArg, ToArgs};
pub use cmd::{Cmd, cmd};
pub use commands::{
    Aggregate, BitUnit, Bitfield, BitfieldOffset, BitfieldOverflow, BitfieldType, ClientFilter,
    ClientKind, ClusterFailover, CommandFilter, CommandlogKind, Commands, CopyOptions, Direction,
    ExpireIf, Expiry, FailoverOptions, FlushMode, FunctionListOptions, FunctionRestore,
    GeoAddOptions, GeoArea, GeoCenter, GeoSearchOptions, GeoUnit, HSetOptions, LexBound,
    LposOptions, MigrateOptions, ModuleOptions, RestoreOptions, ScanOptions, ScoreBound,
    SetOptions, ShutdownOptions, SlotState, SortOptions, StreamDeletionPolicy, StreamTrim,
    XAddOptions, XClaimOptions, XGroupCreateOptions, XPendingOptions, XReadOptions, ZAddOptions,
    ZCombineOptions, ZRange,
};
#[cfg(feature = "bloom")]
pub use commands::{
    BfInsertOptions, BfReserveOptions, BloomInfoType, CfInsertOptions, CfReserveOptions,
    TDigestMergeOptions, TopKReserveOptions,
};
#[cfg(feature = "json")]
pub use commands::{JsonGetOptions, JsonSetOptions};
pub(crate) use commands::{LONGEST_WAIT, millis_up};
#[cfg(feature = "vector")]
pub use commands::{VAddOptions, VSimOptions, VectorNumber, VectorQuery};
pub use convert::FromValue;
pub use executor::Executor;
pub(crate) use executor::Origin;
pub(crate) use lent::Lent;
pub use pipeline::{Pipeline, pipe};
pub use replies::{
    AclLogEntry, AclSelector, AclUser, ClientInfo, ClusterInfo, ClusterLink, ClusterNode,
    ClusterShard, CommandDocs, CommandInfo, CommandlogEntry, ExpireTime, FieldExpire, FieldPersist,
    FunctionEngine, FunctionInfo, FunctionLibrary, FunctionStats, GeoMatch, GeoPoint, Info,
    KeyType, Keyspace, LatencyEvent, LatencyHistogram, LatencySample, LcsMatch, LcsMatches,
    MemoryStats, Migrated, ModuleInfo, Role, RoleReplica, RunningFunction, ShardNode, SlotNode,
    SlotRange, SlotStats, SlowlogEntry, StreamAutoClaim, StreamConsumerInfo, StreamDeletion,
    StreamEntry, StreamFullConsumer, StreamFullGroup, StreamFullInfo, StreamGroupInfo, StreamId,
    StreamInfo, StreamPending, StreamPendingEntry, TrackingInfo, Ttl,
};
#[cfg(feature = "bloom")]
pub use replies::{
    BloomInfo, BloomInfoValue, CuckooInfo, CuckooInsertion, FilterChunk, SketchInfo, TDigestInfo,
    TopKInfo,
};
#[cfg(feature = "json")]
pub use replies::{JsonMatches, JsonNumbers, JsonType};
#[cfg(feature = "vector")]
pub use replies::{RawVector, VectorMatch, VectorQuantization, VectorSetInfo};
pub use scan::Scan;
pub use script::{Script, ScriptInvocation};
#[cfg(feature = "serde")]
pub use serde::{Fields, Json};
