//! A blocking Redis client whose threads notice nothing while Redis is upgraded, moved or failed
//! over.
//!
//! ```no_run
//! use hitless::{Client, Commands, cmd};
//!
//! let client = Client::connect("redis://127.0.0.1:6379")?;
//! client.set("greeting", "hello")?;
//! let greeting: Option<String> = client.get("greeting")?;
//! std::thread::scope(|scope| {
//!     for _ in 0..64 {
//!         scope.spawn(|| client.incr("visits")); // all threads share the client
//!     }
//! });
//! let keys: i64 = cmd("DBSIZE").query(&client)?; // any command there is
//! # Ok::<(), hitless::Error>(())
//! ```
//!
//! A [`Client`] is a pool of connections to one server, for programs that run on OS threads. Clones
//! are cheap and share the pool; all commands take `&self`. Where the server announces its
//! maintenance (Redis Software from 8.0.2, Redis Cloud) the connections move before the server
//! closes them; everywhere else the client is an ordinary pool. [`Commands`] has the commands by
//! name, [`cmd`] makes any other, [`pipe`] sends many at once, [`Options`] says where the server is
//! and how to speak to it.
//!
//! # Who does what
//!
//! ```text
//!   your threads                         the client's threads
//!
//!   thread 1 --+   +- conn 0 -- link ==== socket ---> server
//!   thread 2 --+-->|              ^ '-- hitless-r0.0: reads while no caller does
//!   thread 3 --+   +- conn 1 -- link ==== socket ---> server
//!       ...        |              | '-- hitless-r0.1
//!                  +- conn n      |
//!                                 |       notification, end of a link
//!                                 |   readers, callers ----------> hitless-coordinator
//!                                 |                                 decides, never dials
//!                 swapped in, the old link drains                         |
//!                                 |                                 bounded queue of jobs
//!                                 |                                       v
//!                                 '----- dial, TLS, opening ------ hitless-handoff-0, -1, ...
//! ```
//!
//! Commands share the first connection, because one carries more than several do. The next one is used when
//! the first is held up: by a large reply, by a command that takes long, by silence, or by
//! [`Options::max_in_flight`] commands. One more is kept as a spare once a connection is shared, and further
//! ones are made when all are held up, up to [`Options::pool_size`]. The thread that waits for a reply reads
//! the socket itself, for all who wait on it; a connection's reader thread reads only while nobody
//! waits, so that notifications are seen on idle connections too. A command that blocks on the
//! server, such as `BLPOP`, gets a connection alone, beside those that are shared, up to
//! [`Options::max_active_connections`] in all; it is closed when nothing has used it for 30 s.
//!
//! # A command in flight when its node moves
//!
//! - Sent before the swap: its reply comes on the old connection, which stays open for it.
//! - Sent after the swap: it goes to the new connection, which was logged in and ready before the
//!   swap.
//! - A pipeline or transaction is on one connection, whole.
//! - A command that blocks on the server, such as `BLPOP`, is given up there (`CLIENT UNBLOCK`) once the new
//!   connection is ready, and asked again on it with the time that is left: the server has said by then that
//!   it took nothing.
//! - **No other command is paused, buffered or sent again because of a move.**
//! - If no new connection can be made, the old one serves until the server closes it; then the
//!   client reconnects like any other, and what was in flight fails with [`Delivery::Unknown`].
//! - If the new server has as many clients as it accepts, an old connection ends before the new
//!   one is made, from half of the announced time on: its commands are answered first, new ones go
//!   to the other connections. Only a pool of one waits meanwhile.
//! - A command that outlasts the time that the server announced (a long script, or a `BLPOP` of a user who may not
//!   run `CLIENT UNBLOCK`) fails like that too.
//!
//! The client never sends a command twice on its own: only one that cannot have run, because its
//! connection ended before its last byte had left, goes to another connection. Every [`Error`] says
//! whether the command may have run ([`Error::delivery`]) and during which maintenance it failed
//! ([`Error::maintenance`]).
//!
//! # Threads
//!
//! | name | count | blocks on | ended by |
//! |---|---|---|---|
//! | `hitless-coordinator` | 1 | its queue, until the next timer | [`Client::close`] or the drop of the last clone |
//! | `hitless-handoff-<n>` | [`max_workers`](MaintenanceOptions::max_workers), fixed | the queue of jobs; the network, within the job's limits | likewise |
//! | `hitless-r<node>.<connection>` | one for each connection; up to twice [`max_active_connections`](Options::max_active_connections) while all move | readability of its socket; a busy one naps up to 50 ms | the end of the connection |
//! | `hitless-resolver-<n>` | up to 2, while names are looked up | [`Resolver::resolve`] | nothing left to look up |
//! | `hitless-hooks` | 1, once a hook was added | its queue; a [`NotificationHook`] | like the coordinator |
//! | `hitless-lane` | 1, from the first line of the log that is enabled; with the feature `metrics`, from the first thing that the coordinator hears of | its queue; the log backend; the metrics recorder | like the coordinator, once it has passed on what is left, within 200 ms |
//!
//! All are joined by `close`, within 1 s, except where a lookup, a hook, a policy, a log backend or a
//! recorder hangs: its thread is left behind, with a line in the log. If the system refuses to start a
//! thread, that is an error, not a panic. An idle client wakes no thread. The reader of the connection that
//! lines of the log call `connection 0.3`, which is number 3 of node 0, is `hitless-r0.3`: Linux keeps 15 bytes
//! of a name, and these tell 99 nodes of 999 connections apart.
//!
//! Code of yours runs on the threads of the resolver, of the hooks and of the lane, and, for
//! [`target_policy`](MaintenanceOptions::target_policy), on a worker; nowhere is a lock held meanwhile.
//! If it panics, that is counted ([`Stats::user_panics`]) and changes nothing else. If a thread of the
//! client dies all the same, the client is closed at once with [`CloseReason::ThreadDied`]; the reader of one
//! connection takes only that along, with [`CloseReason::ReaderDied`], and another is made.
//!
//! A client belongs to the process that made it: in a child of `fork` it refuses every use with
//! [`ErrorKind::Forked`], and a client that is made in the child works.
//!
//! # Log
//!
//! Through the [`log`] facade, under the constants of [`log_targets`], which no release renames without saying
//! so. `RUST_LOG=hitless=info` shows what moves and why.
//!
//! The log backend runs on a thread of its own, `hitless-lane`: one that is slow, hangs or panics holds up
//! nothing else. What a [`LoggingHook`] says goes the same way.
//!
//! Up to 1024 lines and 1 MiB of text wait for the backend. Beyond that the oldest lines are dropped and
//! counted ([`Stats::log_lines_dropped`]), and a line says how many. Backends put their own time on a line;
//! a line that reaches them 100 ms late or more says so at its end: `(812ms ago)`. A line is cut at 4 KiB.
//!
//! | level | says | target |
//! |---|---|---|
//! | error | a thread of the client that panicked: the client is closed | `hitless::client` |
//! | error | a hook that panicked | `hitless::hooks` |
//! | warn | connections that did not move in time; a breaker that changed; a target that may not be dialled; a target policy that still runs at the close | `hitless::handoff` |
//! | warn | a server that is a node of a cluster or a Sentinel, once; name lookups that hang at the close | `hitless::connection` |
//! | warn | hooks that took too long or still run at the close | `hitless::hooks` |
//! | warn | lines that were dropped | `hitless::log` |
//! | warn | a group that was gone under a [`StreamConsumer`], and is made again | `hitless::stream` |
//! | info | a handoff begins, completes or is abandoned: because of what, from where, to where; a window opens | `hitless::handoff` |
//! | info | a connection was lost, and why | `hitless::connection` |
//! | debug | each connection that moved; the end of a window | `hitless::handoff` |
//! | debug | each dial that failed; replaced connections that ended; servers that speak RESP2 only; connections that are left (`READONLY`, `MOVED`, `NOAUTH`) | `hitless::connection` |
//! | debug | refused opt-ins; unreadable notifications | `hitless::notification` |
//! | trace | each copy of a notification, and what became of it | `hitless::notification` |
//! | as you say | what [`LoggingHook`] sees: notifications, their treatment, events | `hitless::hooks` |
//! | all | what the simulator does (feature `sim`) | `hitless::sim` |
//!
//! Never logged: keys, values, arguments, passwords. Logged: hosts, addresses, ports, paths of
//! sockets, names of shards, and error texts of the server, unless they name the user.
//!
//! # Notifications
//!
//! | notification | what the client does |
//! |---|---|
//! | `MOVING`, place named | moves all connections to the peer that announced it, opted in or not; relaxes their timeouts until 5 s after the announced time |
//! | `MOVING`, no place | the same, once the configured name gives another address; where the address stays, once it leads to another node, from half of the time on |
//! | `MIGRATING` | relaxes all timeouts until `MIGRATED`, at most [`migration_cap`](MaintenanceOptions::migration_cap) |
//! | `MIGRATED` | ends that, after a tail; looks whether the name still lists every peer, and moves away from one that it has dropped |
//! | `FAILING_OVER` | relaxes all timeouts until `FAILED_OVER`, at most [`failover_cap`](MaintenanceOptions::failover_cap) |
//! | `FAILED_OVER` | ends that, after a tail; sends a `PING` over every idle connection and replaces those that do not answer |
//! | `SMIGRATING` | relaxes timeouts of the peer that announced it until `SMIGRATED`, at most [`slot_migration_cap`](MaintenanceOptions::slot_migration_cap) |
//! | `SMIGRATED` | ends that, after a tail; nothing is routed by it |
//! | unreadable, unknown | counted ([`Stats`]), ignored |
//!
//! Relaxed means: the longer of the command's own timeout and
//! [`relaxed_timeout`](MaintenanceOptions::relaxed_timeout), for waits in progress too. The tail is
//! [`post_handoff_relaxed`](MaintenanceOptions::post_handoff_relaxed). Copies of an event on other
//! connections, and its repetition to new ones, change nothing. A [`NotificationHook`] may change a
//! notification or have it forgotten before any of this. With
//! [`handoffs(false)`](MaintenanceOptions::handoffs) timeouts are relaxed and nothing is moved. The
//! [`docs::wire`] page has the frames, their order and timing.
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | brings |
//! |---|---|
//! | `metrics` | the client's numbers through the `metrics` facade: see [`docs::metrics`] |
//! | `serde` | `Json`: any type as a value; `Fields`: a struct as a hash |
//! | `json` | the commands of JSON documents, and `serde` |
//! | `bloom` | the commands of Bloom and cuckoo filters, count-min sketches, top lists and t-digests |
//! | `vector` | the commands of vector sets |
//! | `tls` | TLS by the platform's library; `libssl-dev` on Linux |
//! | `tls-vendored` | the same with an OpenSSL that is compiled from source |
//! | `sim` | `hitless::sim`, a simulated deployment to rehearse maintenance with |
//! | `sim-tls` | the simulator with TLS |
//!
//! # What it refuses
//!
//! Commands that change a connection which other threads share (`SELECT`, `AUTH`, `WATCH`,
//! `SUBSCRIBE`, `MONITOR` and their like) are [`ErrorKind::Usage`], as are `WAIT` and `WAITAOF` outside
//! of a pipeline with the writes that they ask about: a [`Lease`] is a connection for one user alone, and takes most
//! of them; a [`Subscriber`] subscribes. There is no async interface, no
//! cluster and no sentinel. `MOVED` and `ASK` are errors of the server and are not
//! followed. A connection whose server has become a replica (`READONLY`), sends it to itself (`MOVED`)
//! or no longer knows it (`NOAUTH`) is made anew by the configured name, with growing pauses.
//!
//! # The rooms
//!
//! For those who read the source: each folder is a room, whose head says what it does and what it refuses to
//! do. Arrows go down only, and nothing below the line names a socket, a thread, a lock or the clock;
//! `tests/layering.rs` holds the source to that.
//!
//! ```text
//!            your threads                              the client's threads
//!
//!    client/     Client, Stats
//!       |                                    engine/     coordinator, nodes, workers, hooks
//!    session/    Lease, Subscriber, consumers   |   \
//!       |                                       |    lane/   log lines and metrics
//!    call/       one call, one deadline         |
//!       |                                       |
//!    pool/       an entry for each call <-------+
//!       |                        swaps links in |
//!    link/       commands in flight, who reads  |
//!       |                                       |
//!    transport/  dial, TLS, names  <------------+
//!   ===================== the line: below it nothing does input or output =====================
//!    command/    Cmd, arguments, replies     handoff/   Planner of each node, Announcements
//!    protocol/   bytes to frames and back    events.rs  what users are told of all this
//!                                            ids.rs     numbers of nodes, entries, links
//!                                            sorted.rs  tables in the order of their keys
//! ```
//!
//! A command passes them like this, all on the thread that calls:
//!
//! 1. `command/` puts it into the form of the wire. Its table knows whether the command blocks, changes its
//!    connection, or may run twice.
//! 2. `client/` hands it on, unless this is a child of `fork`. A command of a lease comes by way of `session/`,
//!    which keeps track of what it changes.
//! 3. `call/` sets the one deadline of the call, refuses what connections that are shared must not carry, and
//!    goes to another connection only as long as nothing can have run.
//! 4. `pool/` picks an entry: the first that is not held up. Where there is no connection it asks the engine
//!    for one, and waits.
//! 5. `link/` appends the bytes and the caller in one step. Whoever finds no writer writes for all; the first
//!    who waits reads for all.
//! 6. `transport/` moves the bytes, encrypted or not.
//! 7. `protocol/` makes frames of what comes back; `link/` gives each reply to the caller whose turn it is.
//! 8. `call/` judges the reply, and `command/` makes your type of it.
//!
//! A `MOVING` passes them like this:
//!
//! 1. `protocol/` reads the frame, on the thread that reads the link: a caller, or the reader thread.
//! 2. `link/` routes it, in the order of the wire, to the inbox of `engine/`, and reads on.
//! 3. The coordinator of `engine/` asks the announcements of `handoff/` whether this is a copy. The first one
//!    is shown to the hooks, on their own thread; with their verdict it goes to the planner of its node.
//! 4. `handoff/` decides: is it news, may the target be dialled, which connections move, whose timeouts are
//!    relaxed, and when. It returns actions, and does none of them.
//! 5. The coordinator relaxes the timeouts of links at once, and queues a job for each connection.
//! 6. A worker of `engine/` dials through `transport/` and opens the connection as `protocol/` scripts it:
//!    login, database, name, notifications.
//! 7. `pool/` swaps the new link into the entry. Commands that come from here on go to it.
//! 8. The old link answers what it was asked, and ends after its last reply.
//! 9. `lane/` tells log and metrics, the hooks are told the event, and [`Client::maintenance`] has the counts.
//!
//! Beside them stand `options/` (what you choose), `error.rs` (what went wrong and whether the command ran),
//! `counters.rs` (each number once), `log_targets.rs`, and `sync.rs` with `clock.rs`, through which locks,
//! threads and times go, so that a model checker can run the very code. `sim/` is a deployment to test
//! against, and uses nothing of the client but `protocol/` and the log targets.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod call;
mod client;
mod clock;
mod command;
mod counters;
mod engine;
mod error;
mod events;
mod handoff;
mod ids;
mod lane;
mod link;
pub mod log_targets;
mod options;
mod pool;
mod protocol;
mod session;
#[cfg(feature = "sim")]
pub mod sim;
mod sorted;
mod sync;
mod transport;

pub use call::Canceller;
pub use client::{Cancellable, Client, ConnectionStats, MaintenanceStats, Stats};
pub use command::{
    AclLogEntry, AclSelector, AclUser, Aggregate, ArgWriter, BitUnit, Bitfield, BitfieldOffset,
    BitfieldOverflow, BitfieldType, ClientFilter, ClientInfo, ClientKind, ClusterFailover,
    ClusterInfo, ClusterLink, ClusterNode, ClusterShard, Cmd, CommandDocs, CommandFilter,
    CommandInfo, CommandlogEntry, CommandlogKind, Commands, CopyOptions, Direction, Executor,
    ExpireIf, ExpireTime, Expiry, FailoverOptions, FieldExpire, FieldPersist, FlushMode, FromValue,
    FunctionEngine, FunctionInfo, FunctionLibrary, FunctionListOptions, FunctionRestore,
    FunctionStats, GeoAddOptions, GeoArea, GeoCenter, GeoMatch, GeoPoint, GeoSearchOptions,
    GeoUnit, HSetOptions, Info, KeyType, Keyspace, LatencyEvent, LatencyHistogram, LatencySample,
    LcsMatch, LcsMatches, LexBound, LposOptions, MemoryStats, MigrateOptions, Migrated, ModuleInfo,
    ModuleOptions, Pipeline, RestoreOptions, Role, RoleReplica, RunningFunction, Scan, ScanOptions,
    ScoreBound, Script, ScriptInvocation, SetOptions, ShardNode, ShutdownOptions, SlotNode,
    SlotRange, SlotState, SlotStats, SlowlogEntry, SortOptions, StreamAutoClaim,
    StreamConsumerInfo, StreamDeletion, StreamDeletionPolicy, StreamEntry, StreamFullConsumer,
    StreamFullGroup, StreamFullInfo, StreamGroupInfo, StreamId, StreamInfo, StreamPending,
    StreamPendingEntry, StreamTrim, ToArg, ToArgs, TrackingInfo, Ttl, XAddOptions, XClaimOptions,
    XGroupCreateOptions, XPendingOptions, XReadOptions, ZAddOptions, ZCombineOptions, ZRange, cmd,
    pipe,
};
#[cfg(feature = "bloom")]
#[cfg_attr(docsrs, doc(cfg(feature = "bloom")))]
pub use command::{
    BfInsertOptions, BfReserveOptions, BloomInfo, BloomInfoType, BloomInfoValue, CfInsertOptions,
    CfReserveOptions, CuckooInfo, CuckooInsertion, FilterChunk, SketchInfo, TDigestInfo,
    TDigestMergeOptions, TopKInfo, TopKReserveOptions,
};
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub use command::{Fields, Json};
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use command::{JsonGetOptions, JsonMatches, JsonNumbers, JsonSetOptions, JsonType};
#[cfg(feature = "vector")]
#[cfg_attr(docsrs, doc(cfg(feature = "vector")))]
pub use command::{
    RawVector, VAddOptions, VSimOptions, VectorMatch, VectorNumber, VectorQuantization,
    VectorQuery, VectorSetInfo,
};
pub use engine::{BreakerStats, KindMetrics, LoggingHook, MetricsHook};
pub use error::{CloseReason, Delivery, Error, ErrorKind, Phase, Result};
pub use events::{
    BreakerState, Handoff, HandoffStage, MaintenanceEvent, MaintenanceWindow, Notice,
    NotificationHook, Reaction, Treatment, Trigger, WindowScope,
};
pub use ids::{EntryId, HandoffId, NodeId};
pub use options::{
    EndpointType, MaintenanceOptions, Mode, Options, Resolver, SystemResolver, TargetVerdict,
    TcpOptions, TlsOptions, TlsVersion,
};
pub use protocol::{
    Attributed, BadEndpoint, BadPush, Endpoint, Items, Limits, Maintenance, Notification, Pairs,
    PairsIntoIter, PairsIter, Protocol, Push, Secret, ServerError, SlotMove, Value,
};
pub use session::{
    Invalidation, KeyspaceEvent, Lease, Message, Monitor, MonitorEntry, Overflow, StreamConsumer,
    StreamConsumerControl, StreamConsumerOptions, StreamDelivery, Subscriber, SubscriberControl,
    SubscriberEvent, SubscriberOptions, SubscriptionKind, Transaction, TransactionOptions,
};

/// The decoder, the encoder and the handshake, for the tests, benchmarks and fuzzing of this crate. What is
/// here may change or go in any release, and is no part of what versions promise.
#[doc(hidden)]
pub mod unstable {
    pub use crate::protocol::{Decoder, ELEMENT_COST, Frame, Malformed, decode, encode, handshake};
}

#[cfg(feature = "sim")]
impl Resolver for sim::SimResolver {
    fn resolve(&self, host: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        Self::resolve(self, host)
    }
}

/// Pages that are documentation only. They stand in the folder `docs` of the source.
#[cfg(any(doc, doctest))]
pub mod docs {
    #[doc = include_str!("../docs/decisions.md")]
    pub mod decisions {}

    #[doc = include_str!("../docs/metrics.md")]
    pub mod metrics {}

    #[doc = include_str!("../docs/options.md")]
    pub mod options {}

    #[doc = include_str!("../docs/redis-rs.md")]
    pub mod redis_rs {}

    #[doc = include_str!("../docs/survives.md")]
    pub mod survives {}

    #[doc = include_str!("../docs/wire.md")]
    pub mod wire {}
}

/// The examples of the README are compiled like all others.
#[cfg(all(doctest, feature = "sim"))]
#[doc = include_str!("../README.md")]
#[derive(Debug)]
pub struct Readme;
