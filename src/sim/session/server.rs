//! What a client may ask about the server itself: `COMMAND`, `CONFIG`, `INFO`, `PUBSUB`, `TIME`. No parameter
//! changes what the simulator does, but for the keyspace notifications that are sent.

use super::Session;
use crate::protocol::{ServerError, Value};
use crate::sim::answer::{
    Outcome, array, bulk, count, error, lower, map, okay, refuse, strings, syntax, wrong_arity,
};
use crate::sim::store::{Class, Facts, Store};
use crate::sim::world::{VERSION, World};
use crate::sim::{clock, glob};

/// What a server checks of a command with sub-commands before it looks at who asks.
pub(in crate::sim) fn check_subcommand(
    container: &str,
    args: &[Vec<u8>],
) -> Result<(), ServerError> {
    let Some(sub) = args.get(1) else {
        return Ok(());
    };
    let name = format!("{container}|{}", lower(sub));
    match Facts::find(name.as_bytes()) {
        None => Err(unknown_subcommand(container, sub)),
        Some(facts) if facts.admits(args.len()) => Ok(()),
        Some(_) => Err(wrong_arity(&name)),
    }
}

/// The error of an unknown sub-command, cut where a server cuts it.
pub(super) fn unknown_subcommand(container: &str, sub: &[u8]) -> ServerError {
    let clipped = &sub[..sub.len().min(128)];
    error(format!(
        "ERR unknown subcommand '{}'. Try {} HELP.",
        String::from_utf8_lossy(clipped).replace(['\r', '\n'], " "),
        container.to_ascii_uppercase()
    ))
}

/// The names of scripting, which a client of the embedded store may well try.
const SCRIPTS: [&str; 8] = [
    "eval",
    "eval_ro",
    "evalsha",
    "evalsha_ro",
    "fcall",
    "fcall_ro",
    "function",
    "script",
];

/// The refusal of a script: it says what to do, which "unknown command" would not.
pub(super) fn no_scripts(name: &[u8]) -> Option<ServerError> {
    let name = lower(name);
    SCRIPTS.contains(&name.as_str()).then(|| {
        error(format!(
            "ERR '{name}' is not supported: the simulator's embedded store runs no scripts, put a real \
             server behind it (Builder::proxy_to, simulate --redis)"
        ))
    })
}

/// `COMMAND` and its sub-commands.
pub(super) fn command(args: &[Vec<u8>]) -> Outcome {
    let names = args.get(2..).unwrap_or_default();
    match args.get(1).map(|sub| lower(sub)).as_deref() {
        None => array(Facts::commands().map(Facts::entry).collect()),
        Some("count") => count(Facts::commands().count()),
        Some("docs") => {
            let found: Vec<Facts> = match names {
                [] => Facts::commands().collect(),
                names => names.iter().filter_map(|name| Facts::find(name)).collect(),
            };
            let described = found
                .into_iter()
                .flat_map(|one| [Value::Bulk(one.name.into()), one.docs()]);
            map(described.collect())
        }
        // As COMMAND alone.
        Some("info") if names.is_empty() => array(Facts::commands().map(Facts::entry).collect()),
        Some("info") => {
            let found = names
                .iter()
                // Nil for one that is not known: the reply has an element for each name.
                .map(|name| Facts::find(name).map_or(Value::Nil, Facts::entry));
            array(found.collect())
        }
        _ => list(names),
    }
}

/// `COMMAND LIST`, with a filter or without.
fn list(filter: &[Vec<u8>]) -> Outcome {
    let names = |keep: &dyn Fn(Facts) -> bool| {
        let kept = Facts::all().filter(|&one| keep(one));
        strings(kept.map(|one| one.name.as_bytes().to_vec()))
    };
    let [by, what, value] = filter else {
        return match filter {
            [] => strings(Facts::commands().map(|one| one.name.as_bytes().to_vec())),
            _ => Err(syntax()),
        };
    };
    match (lower(by).as_str(), lower(what).as_str()) {
        // There are no modules.
        ("filterby", "module") => strings([]),
        ("filterby", "aclcat") => {
            let category = format!("@{}", lower(value));
            names(&|one| one.categories.split(',').any(|known| known == category))
        }
        ("filterby", "pattern") => {
            let pattern = lower(value);
            names(&|one| glob::matches(pattern.as_bytes(), one.name.as_bytes()))
        }
        _ => Err(syntax()),
    }
}

/// The parameter that may be set.
const NOTIFICATIONS: &str = "notify-keyspace-events";

/// The settings that tools ask for when they start, in the order of their names.
fn settings(world: &World, node: usize, store: &Store) -> Vec<(&'static str, String)> {
    let unread = world.settings.unread_limit;
    vec![
        ("appendonly", "no".into()),
        ("bind", world.node(node).addr.ip().to_string()),
        (
            "client-output-buffer-limit",
            format!("normal {unread} 0 0 slave {unread} 0 0 pubsub {unread} 0 0"),
        ),
        ("client-query-buffer-limit", (1 << 30).to_string()),
        ("cluster-enabled", "no".into()),
        ("databases", crate::sim::store::DATABASES.to_string()),
        ("maxclients", "10000".into()),
        ("maxmemory", "0".into()),
        ("maxmemory-policy", "noeviction".into()),
        (NOTIFICATIONS, store.notifications()),
        ("port", world.node(node).addr.port().to_string()),
        ("proto-max-bulk-len", (512 << 20).to_string()),
        ("save", String::new()),
        ("tcp-keepalive", "300".into()),
        ("timeout", "0".into()),
    ]
}

impl Session {
    /// `CONFIG GET` of the few parameters that clients ask about; `SET` of all but one is refused.
    pub(super) fn config(&self, store: &mut Store, args: &[Vec<u8>]) -> Outcome {
        match lower(&args[1]).as_str() {
            "get" => {
                let found = settings(&self.world, self.peer.node, store)
                    .into_iter()
                    .filter(|(name, _)| {
                        let asked = |pattern: &Vec<u8>| {
                            glob::matches(lower(pattern).as_bytes(), name.as_bytes())
                        };
                        args[2..].iter().any(asked)
                    });
                let text = |text: &str| Value::Bulk(text.into());
                map(found
                    .flat_map(|(name, value)| [text(name), text(&value)])
                    .collect())
            }
            "resetstat" => okay(),
            "set" if args.len() == 4 && lower(&args[2]) == NOTIFICATIONS => {
                store.set_notifications(&args[3])?;
                okay()
            }
            _ => refuse("ERR CONFIG SET failed - the simulator's settings are fixed at its start"),
        }
    }

    /// `INFO [section ...]`: the few lines that clients look at, in the sections of a server.
    pub(super) fn info(&self, store: &Store, args: &[Vec<u8>]) -> Outcome {
        let asked: Vec<String> = args[1..].iter().map(|section| lower(section)).collect();
        // Tools ask for INFO without a section and look for what they need.
        let whole = asked.is_empty()
            || asked
                .iter()
                .any(|name| matches!(name.as_str(), "all" | "default" | "everything"));
        let node = self.world.node(self.peer.node);
        let keyspace: String = store
            .sizes()
            .map(|(db, keys, expiring)| {
                format!("db{db}:keys={keys},expires={expiring},avg_ttl=0\r\n")
            })
            .collect();
        let sections = [
            (
                "Server",
                format!(
                    "redis_version:{VERSION}\r\nredis_mode:standalone\r\ntcp_port:{}\r\n\
                     uptime_in_seconds:{}\r\n",
                    node.addr.port(),
                    self.world.age().as_secs()
                ),
            ),
            (
                "Clients",
                format!(
                    "connected_clients:{}\r\nblocked_clients:{}\r\n",
                    self.world.connected(),
                    store.blocked_count()
                ),
            ),
            (
                "Memory",
                "maxmemory:0\r\nmaxmemory_policy:noeviction\r\n".to_owned(),
            ),
            (
                "Persistence",
                "loading:0\r\nasync_loading:0\r\nrdb_bgsave_in_progress:0\r\naof_enabled:0\r\n"
                    .to_owned(),
            ),
            (
                "Replication",
                "role:master\r\nconnected_slaves:0\r\n".to_owned(),
            ),
            ("Cluster", "cluster_enabled:0\r\n".to_owned()),
            ("Keyspace", keyspace),
        ];
        let shown = sections
            .iter()
            .filter(|(name, _)| whole || asked.contains(&name.to_ascii_lowercase()))
            .map(|(name, text)| format!("# {name}\r\n{text}"));
        bulk(shown.collect::<Vec<_>>().join("\r\n"))
    }
}

/// What servers from 7.0 on say of `PUBSUB`.
const PUBSUB_HELP: &[&str] = &[
    "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CHANNELS [<pattern>]",
    "    Return the currently active channels matching a <pattern> (default: '*').",
    "NUMPAT",
    "    Return number of subscriptions to patterns.",
    "NUMSUB [<channel> ...]",
    "    Return the number of subscribers for the specified channels, excluding",
    "    pattern subscriptions(default: no channels).",
    "SHARDCHANNELS [<pattern>]",
    "    Return the currently active shard level channels matching a <pattern> (default: '*').",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    Return the number of subscribers for the specified shard level channel(s)",
    "HELP",
    "    Print this help.",
];

/// `PUBSUB CHANNELS|HELP|NUMPAT|NUMSUB|SHARDCHANNELS|SHARDNUMSUB`: who listens to what.
pub(super) fn pubsub(store: &Store, args: &[Vec<u8>]) -> Outcome {
    let sub = lower(&args[1]);
    let class = if sub.starts_with("shard") {
        Class::Shard
    } else {
        Class::Channel
    };
    match sub.as_str() {
        "help" => {
            let lines = PUBSUB_HELP.iter();
            array(lines.map(|line| Value::Simple((*line).into())).collect())
        }
        "numpat" => count(store.names(Class::Pattern, None).len()),
        "numsub" | "shardnumsub" => {
            let counts = args[2..].iter().flat_map(|name| {
                let count = store.subscribers(class, name);
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                [Value::Bulk(name.clone()), Value::Int(count)]
            });
            array(counts.collect())
        }
        _ if args.len() > 3 => refuse(format!(
            "ERR unknown subcommand or wrong number of arguments for '{}'. Try PUBSUB HELP.",
            String::from_utf8_lossy(&args[1])
        )),
        _ => strings(store.names(class, args.get(2).map(Vec::as_slice))),
    }
}

/// `TIME`: seconds and microseconds of the epoch.
pub(super) fn time() -> Outcome {
    let since = clock::since_epoch();
    array(vec![
        Value::Bulk(since.as_secs().to_string().into_bytes()),
        Value::Bulk(since.subsec_micros().to_string().into_bytes()),
    ])
}
