//! The public interface: nothing is public that is not listed here, each name has one path, and each setter
//! of options has its getter. Does not judge what the names do.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use hitless::{EndpointType, Limits, MaintenanceOptions, Mode, Options, Protocol, TcpOptions};
use hitless::{TlsOptions, TlsVersion};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A list of names that is compiled as the names of a module and can be read.
macro_rules! listed {
    ($list:ident: $($path:ident)::+: $($name:ident)+) => {
        const _: () = {
            #[allow(unused_imports, reason = "that they are there is the claim")]
            use $($path)::+::{$($name),+};
        };
        const $list: &[&str] = &[$(stringify!($name)),+];
    };
}

listed!(ROOT: hitless:
    AclLogEntry AclSelector AclUser Aggregate ArgWriter Attributed BadEndpoint BadPush Bitfield
    BitfieldOffset BitfieldOverflow BitfieldType BitUnit BreakerState BreakerStats Cancellable Canceller Client
    ClientFilter ClientInfo ClientKind CloseReason ClusterFailover ClusterInfo ClusterLink
    ClusterNode ClusterShard Cmd CommandDocs CommandFilter CommandInfo CommandlogEntry
    CommandlogKind Commands ConnectionStats CopyOptions Delivery Direction Endpoint EndpointType
    EntryId Error ErrorKind Executor ExpireIf ExpireTime Expiry FailoverOptions FieldExpire
    FieldPersist FlushMode FromValue FunctionEngine FunctionInfo FunctionLibrary FunctionListOptions
    FunctionRestore FunctionStats GeoAddOptions GeoArea GeoCenter GeoMatch GeoPoint GeoSearchOptions
    GeoUnit Handoff HandoffId HandoffStage HSetOptions Info Invalidation Items Keyspace KeyspaceEvent KeyType KindMetrics
    LatencyEvent LatencyHistogram LatencySample LcsMatch LcsMatches Lease LexBound Limits LoggingHook
    LposOptions Maintenance MaintenanceEvent MaintenanceOptions MaintenanceStats MaintenanceWindow
    MemoryStats Message MetricsHook Migrated MigrateOptions Mode ModuleInfo ModuleOptions Monitor MonitorEntry NodeId Notice
    Notification NotificationHook Options Overflow Pairs PairsIntoIter PairsIter Phase Pipeline Protocol Push
    Reaction Resolver RestoreOptions Result Role RoleReplica RunningFunction Scan ScanOptions
    ScoreBound Script ScriptInvocation Secret ServerError SetOptions ShardNode ShutdownOptions
    SlotMove SlotNode SlotRange SlotState SlotStats SlowlogEntry SortOptions Stats StreamAutoClaim
    StreamConsumer StreamConsumerControl StreamConsumerInfo StreamConsumerOptions StreamDeletion
    StreamDeletionPolicy StreamDelivery StreamEntry StreamFullConsumer
    StreamFullGroup StreamFullInfo StreamGroupInfo StreamId StreamInfo StreamPending
    StreamPendingEntry StreamTrim Subscriber SubscriberControl SubscriberEvent SubscriberOptions SubscriptionKind SystemResolver TargetVerdict TcpOptions TlsOptions TlsVersion
    ToArg ToArgs TrackingInfo Transaction TransactionOptions Treatment Trigger Ttl Value WindowScope XAddOptions XClaimOptions
    XGroupCreateOptions XPendingOptions XReadOptions ZAddOptions ZCombineOptions ZRange cmd pipe
);

#[cfg(feature = "serde")]
listed!(SERDE: hitless: Fields Json);
#[cfg(not(feature = "serde"))]
const SERDE: &[&str] = &["Fields", "Json"];

#[cfg(feature = "json")]
listed!(JSON: hitless: JsonGetOptions JsonMatches JsonNumbers JsonSetOptions JsonType);
#[cfg(not(feature = "json"))]
const JSON: &[&str] = &[
    "JsonGetOptions",
    "JsonMatches",
    "JsonNumbers",
    "JsonSetOptions",
    "JsonType",
];

#[cfg(feature = "vector")]
listed!(VECTOR: hitless:
    RawVector VAddOptions VectorMatch VectorNumber VectorQuantization VectorQuery VectorSetInfo
    VSimOptions
);
#[cfg(not(feature = "vector"))]
const VECTOR: &[&str] = &[
    "RawVector",
    "VAddOptions",
    "VectorMatch",
    "VectorNumber",
    "VectorQuantization",
    "VectorQuery",
    "VectorSetInfo",
    "VSimOptions",
];

#[cfg(feature = "bloom")]
listed!(BLOOM: hitless:
    BfInsertOptions BfReserveOptions BloomInfo BloomInfoType BloomInfoValue CfInsertOptions
    CfReserveOptions CuckooInfo CuckooInsertion FilterChunk SketchInfo TDigestInfo
    TDigestMergeOptions TopKInfo TopKReserveOptions
);
#[cfg(not(feature = "bloom"))]
const BLOOM: &[&str] = &[
    "BfInsertOptions",
    "BfReserveOptions",
    "BloomInfo",
    "BloomInfoType",
    "BloomInfoValue",
    "CfInsertOptions",
    "CfReserveOptions",
    "CuckooInfo",
    "CuckooInsertion",
    "FilterChunk",
    "SketchInfo",
    "TDigestInfo",
    "TDigestMergeOptions",
    "TopKInfo",
    "TopKReserveOptions",
];

listed!(SIM: hitless::sim:
    Builder ConnectionRecord Event Fault Flaw Happened Happening Moving MovingEndpointType OptIn Record
    Replay Scenario Seq SimResolver Snapshot Target Times CloseCause HOST Node Sim
);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// What a file offers outside of its module: the names after `pub use`, and the items that it defines.
fn offered(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let source = source.split("\n#[doc(hidden)]").next().unwrap();
    for (at, mark) in source.match_indices("\npub use ") {
        let list = source[at + mark.len()..].split(';').next().unwrap();
        let inner = list.split_once('{').map(|(_, names)| names);
        let inner = inner.map_or_else(
            || list.rsplit("::").next().unwrap(),
            |names| names.trim_end_matches('}'),
        );
        let each = inner.split(',').map(|name| name.trim().to_owned());
        names.extend(each.filter(|name| !name.is_empty()));
    }
    for kind in ["struct", "enum", "trait", "fn", "const", "type"] {
        for (at, mark) in source.match_indices(&format!("\npub {kind} ")) {
            let rest = &source[at + mark.len()..];
            let name: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            names.push(name);
        }
    }
    names
}

#[test]
fn nothing_is_public_that_is_not_listed() {
    let sorted = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    };
    let root = [ROOT, SERDE, JSON, VECTOR, BLOOM].concat();
    for (file, list) in [("src/lib.rs", root.as_slice()), ("src/sim/mod.rs", SIM)] {
        let mut offered = offered(&read(file));
        offered.retain(|name| name != "Readme");
        let count = offered.len();
        let offered: BTreeSet<String> = offered.into_iter().collect();
        assert_eq!(count, offered.len(), "{file}: a name twice");
        assert_eq!(offered, sorted(list), "{file}, and what is listed here");
    }
}

#[test]
fn each_name_has_one_path() {
    let twice: Vec<&&str> = SIM
        .iter()
        .filter(|name| ROOT.contains(name) || SERDE.contains(name))
        .collect();
    assert_eq!(twice, Vec::<&&str>::new());
    // A second public module would be a second path to what it holds.
    let library = read("src/lib.rs");
    let public = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "));
    let public: Vec<&str> = public
        .map(|rest| rest.trim_end_matches([';', '{', ' ']))
        .collect();
    assert_eq!(public, ["log_targets", "sim", "unstable", "docs"]);
    assert!(
        library.contains("#[doc(hidden)]\npub mod unstable {"),
        "no part of the promise"
    );
    let simulator = read("src/sim/mod.rs");
    assert!(
        !simulator.contains("\npub mod "),
        "the simulator is one module"
    );
}

/// The setters and getters of a source: functions that take `mut self`, and those named `get_`.
fn accessors(source: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut setters, mut getters) = (BTreeSet::new(), BTreeSet::new());
    for (at, mark) in source.match_indices("    pub ") {
        let rest = source[at + mark.len()..].trim_start_matches("const ");
        let Some(rest) = rest.strip_prefix("fn ") else {
            continue;
        };
        let name: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let takes = rest.split('{').next().unwrap();
        if let Some(option) = name.strip_prefix("get_") {
            getters.insert(option.to_owned());
        } else if takes.contains("mut self") {
            setters.insert(name);
        }
    }
    (setters, getters)
}

#[test]
fn each_setter_has_its_getter_and_each_getter_its_setter() {
    let getters_file = read("src/options/getters.rs");
    let (of_options, of_maintenance) = getters_file.split_once("impl MaintenanceOptions").unwrap();
    let options = [
        ("src/options/mod.rs", of_options),
        ("src/options/maintenance.rs", of_maintenance),
        ("src/options/tcp.rs", ""),
        ("src/options/tls.rs", ""),
        ("src/protocol/limits.rs", ""),
    ];
    let mut count = 0;
    for (file, more) in options {
        let (mut setters, mut getters) = accessors(&format!("{}{more}", read(file)));
        // Another way to set `command_timeout`.
        setters.remove("no_command_timeout");
        // What `new` and `at` take.
        getters.remove("endpoint");
        // Private keys are not read back: `has_identity` says whether there is one.
        setters.retain(|name| !name.starts_with("identity_"));
        assert_eq!(setters, getters, "{file}");
        count += setters.len();
    }
    assert!(count > 55, "{count}");
}

#[test]
fn getters_give_what_setters_took() {
    let second = Duration::from_secs(1);
    let maintenance = MaintenanceOptions::new()
        .mode(Mode::Enabled)
        .endpoint_type(EndpointType::None)
        .post_handoff_relaxed(second)
        .handoffs(false)
        .breaker_probes(9)
        .target_policy(|_| hitless::TargetVerdict::Deny);
    assert_eq!(maintenance.get_mode(), Mode::Enabled);
    assert_eq!(maintenance.get_endpoint_type(), EndpointType::None);
    assert_eq!(maintenance.get_post_handoff_relaxed(), second);
    assert_eq!(maintenance.get_breaker_probes(), 9);
    assert!(!maintenance.get_handoffs() && maintenance.get_target_policy().is_some());
    assert!(maintenance.get_hook().is_empty());

    let options = Options::new("localhost:6379")
        .unwrap()
        .username("app")
        .password("hunter2")
        .database(3)
        .protocol(Protocol::Resp3)
        .pool_size(8)
        .command_timeout(second)
        .limits(Limits::new().depth(9))
        .tcp(TcpOptions::default().nodelay(false))
        .tls(TlsOptions::default().min_version(TlsVersion::Tls13))
        .maintenance(maintenance);
    assert_eq!(options.get_endpoint().to_string(), "localhost:6379");
    assert_eq!(
        (options.get_username(), options.get_database()),
        (Some("app"), 3)
    );
    assert!(options.get_password().is_some());
    assert_eq!(options.get_protocol(), Some(Protocol::Resp3));
    assert_eq!(
        (options.get_pool_size(), options.get_limits().get_depth()),
        (8, 9)
    );
    assert_eq!(options.get_command_timeout(), Some(second));
    assert!(!options.get_tcp().get_nodelay());
    assert_eq!(
        options.get_tls().unwrap().get_min_version(),
        TlsVersion::Tls13
    );
    assert_eq!(options.get_maintenance().get_breaker_probes(), 9);
    // Defaults that follow from others are worked out.
    assert_eq!(options.get_max_active_connections(), 32);
    assert_eq!(options.get_checkout_timeout(), Some(2 * second));
    assert_eq!(options.no_command_timeout().get_checkout_timeout(), None);
}

/// The types of a source that have no example in their documentation.
fn without_example(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut has_example = false;
    for line in source.lines() {
        let item = (line.strip_prefix("pub struct ")).or_else(|| line.strip_prefix("pub enum "));
        if line.is_empty() || item.is_some() {
            let name = |item: &str| item.split(['<', '(', ' ']).next().map(str::to_owned);
            found.extend(item.filter(|_| !has_example).and_then(name));
            has_example = false;
        }
        has_example |= line.starts_with("/// ```");
    }
    found
}

#[test]
fn each_group_of_commands_and_each_type_of_their_options_has_an_example() {
    // `Bitfield` and `ClientFilter` are made of them, and have the examples.
    let parts = [
        "BitfieldOffset",
        "BitfieldOverflow",
        "BitfieldType",
        "ClientKind",
    ];
    let (mut groups, mut types) = (0, 0);
    for entry in fs::read_dir(root().join("src/command/commands")).unwrap() {
        let file = entry.unwrap().path();
        let source = fs::read_to_string(&file).unwrap();
        let mut without = without_example(&source);
        without.retain(|name| !parts.contains(&name.as_str()));
        assert!(without.is_empty(), "{}: {without:?}", file.display());
        types += source.matches("\npub struct ").count() + source.matches("\npub enum ").count();
        if source.contains("    ($form:ident) =>") {
            assert!(source.contains("/// ```"), "{}", file.display());
            groups += 1;
        }
    }
    assert!(groups > 20 && types > 40, "{groups} groups, {types} types");
    let looks = "/// A.\n/// ```\n/// ```\n#[derive(Debug)]\npub struct A(u8);\n\n/// B.\npub enum B<'a> {}\n";
    assert_eq!(without_example(looks), ["B"]);
}
