//! The rows of the table, from what servers say and what was judged.

use super::common::redis::Version;
use super::facts::{Fact, Told};
use super::judged::Judged;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The flags of servers that decide something, and their names in the table.
const FLAGS: [(&str, &str); 7] = [
    ("write", "WRITE"),
    ("admin", "ADMIN"),
    ("pubsub", "PUBSUB"),
    ("blocking", "BLOCKING"),
    ("movablekeys", "MOVABLE"),
    ("no_multi", "NO_MULTI"),
    ("denyoom", "DENY_OOM"),
];

const REQUESTS: [(&str, &str); 4] = [
    ("request_policy:all_nodes", "AllNodes"),
    ("request_policy:all_shards", "AllShards"),
    ("request_policy:multi_shard", "MultiShard"),
    ("request_policy:special", "Special"),
];

const RESPONSES: [(&str, &str); 6] = [
    ("response_policy:all_succeeded", "AllSucceeded"),
    ("response_policy:one_succeeded", "OneSucceeded"),
    ("response_policy:agg_sum", "Sum"),
    ("response_policy:agg_min", "Min"),
    ("response_policy:agg_logical_and", "And"),
    ("response_policy:special", "Special"),
];

/// The files of the table by their names in `src/command/table/groups`.
pub(super) fn files(told: &[Told; 3], judged: &BTreeMap<&str, Judged>) -> BTreeMap<String, String> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in judged.keys().filter(|name| !name.contains('|')) {
        let group = newest(told, name).map_or("beyond", |fact| &fact.group);
        groups
            .entry(group.replace('-', "_").replace("hyperloglog", "pf"))
            .or_default()
            .push(*name);
    }
    let mut files = BTreeMap::new();
    let mut map = HEAD.to_owned();
    for group in groups.keys() {
        let _ = writeln!(map, "mod {group};");
    }
    map += IMPORTS;
    let _ = writeln!(
        map,
        "\n/// All commands.\npub(super) static GROUPS: [&[Command]; {}] = [",
        groups.len()
    );
    for (group, names) in groups {
        let _ = writeln!(map, "    &{group}::COMMANDS,");
        let mut text = format!(
            "{HEAD}use super::*;\n\npub(super) static COMMANDS: [Command; {}] = [\n",
            names.len()
        );
        for name in names {
            text += &row(told, judged, name);
        }
        files.insert(format!("{group}.rs"), text + "];\n");
    }
    files.insert("mod.rs".to_owned(), map + "];\n");
    files
}

const HEAD: &str = "//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.\n\n";

const IMPORTS: &str = "
use super::flags::*;
use super::{Command, DispatchRule, Exception, KeySpec, RefusalReason, Repeat, RequestPolicy, ResponsePolicy, Start, Time};
";

/// What the newest server says that knows the command.
fn newest<'a>(told: &'a [Told; 3], name: &str) -> Option<&'a Fact> {
    let order = [Version::Redis82, Version::Valkey91, Version::Redis70];
    let of = |version| told.iter().find(|told| told.version == version);
    (order.into_iter().filter_map(of)).find_map(|told| told.facts.get(name))
}

fn row(told: &[Told; 3], judged: &BTreeMap<&str, Judged>, name: &str) -> String {
    let inner: String = judged
        .keys()
        .filter(|inner| {
            inner
                .split_once('|')
                .is_some_and(|(outer, _)| outer == name)
        })
        .map(|inner| format!("    {}", row(told, judged, inner)))
        .collect();
    let (facts, judgement): (Vec<_>, _) = (
        told.iter()
            .filter_map(|told| told.facts.get(name))
            .collect(),
        &judged[name],
    );
    let newest = newest(told, name);
    let word = name.split('|').next_back().unwrap().to_uppercase();
    let mut row = format!(
        "    Command::new(\"{word}\", {}, {})",
        newest.map_or(-1, |fact| fact.arity),
        flags(&facts, judgement)
    );
    // They differ nowhere.
    let keys: BTreeSet<_> = facts.iter().map(|fact| &fact.keys).collect();
    assert!(
        keys.len() <= 1,
        "{name}: servers differ in its keys: {keys:?}"
    );
    let mut keys: Vec<_> = (keys.into_iter().flatten())
        .filter(|spec| !spec.is_empty())
        .cloned()
        .collect();
    // Two specifications that are left to code are found by one piece of it.
    keys.dedup();
    if !keys.is_empty() {
        let _ = write!(row, ".keys(&[{}])", keys.join(", "));
    }
    row += &sent(judgement);
    let is_write = facts.iter().any(|fact| fact.flags.contains("write"));
    row += match judgement.repeat {
        "reads" => {
            assert!(!is_write, "{name} is judged as a read, and is a write");
            ".repeat(Repeat::Reads)"
        }
        "last-wins" => ".repeat(Repeat::LastWins)",
        "never" => "",
        other => panic!("{name}: {other}"),
    };
    row += &exception(judgement);
    let tip = |names: &[(&str, &'static str)], none| {
        let tips = newest.map(|fact| &fact.tips);
        let has = |tip: &str| tips.is_some_and(|tips| tips.contains(tip));
        let found = names.iter().find(|(tip, _)| has(tip));
        found.map_or(none, |(_, name)| *name)
    };
    let (request, response) = (tip(&REQUESTS, "One"), tip(&RESPONSES, "Join"));
    if (request, response) != ("One", "Join") {
        let _ = write!(
            row,
            ".spread(RequestPolicy::{request}, ResponsePolicy::{response})"
        );
    }
    for (version, method) in [(Version::Redis82, "redis"), (Version::Valkey91, "valkey")] {
        let told = told.iter().find(|told| told.version == version).unwrap();
        let since = told.facts.get(name).and_then(|fact| fact.since.as_ref());
        if let Some(since) = since {
            let _ = write!(row, ".{method}({})", since.replace('.', ", "));
        }
    }
    if !inner.is_empty() {
        let _ = write!(row, ".subcommands(&[\n{inner}    ])");
    }
    row + ",\n"
}

fn flags(facts: &[&Fact], judged: &Judged) -> String {
    let mut names = Vec::new();
    if !facts.is_empty() && facts.iter().all(|fact| fact.flags.contains("readonly")) {
        names.push("READ");
    }
    for (flag, name) in FLAGS {
        if facts.iter().any(|fact| fact.flags.contains(flag)) {
            names.push(name);
        }
    }
    let varies = |fact: &&Fact| (fact.tips.iter()).any(|tip| tip.starts_with("nondeterministic"));
    if facts.iter().any(varies) {
        names.push("VARYING");
    }
    match judged.exception {
        "script" => names.push("SCRIPT"),
        "words" => names.push("WORDS"),
        _ => {}
    }
    if judged.sent == "long" {
        names.push("LONG");
    }
    if judged.is_beyond {
        names.push("UNKNOWN");
    }
    if names.is_empty() {
        return "0".to_owned();
    }
    names.join(" | ")
}

fn sent(judged: &Judged) -> String {
    let time = || match judged.detail.split_once('@') {
        Some(("seconds", at)) => format!("Seconds({at})"),
        Some(("millis", at)) => format!("Millis({at})"),
        _ => match judged.detail {
            "last-seconds" => "LastSeconds".to_owned(),
            "block-option" => "BlockOption".to_owned(),
            other => panic!("no time: {other}"),
        },
    };
    match judged.sent {
        "long" | "shared" => String::new(),
        "blocks" => format!(".sent(DispatchRule::Blocks(Time::{}))", time()),
        "behind" => format!(".sent(DispatchRule::Behind(Time::{}))", time()),
        "increments" => ".sent(DispatchRule::Increments)".to_owned(),
        "refused" => {
            let (first, rest) = judged.detail.split_at(1);
            let why = first.to_uppercase() + rest;
            format!(".sent(DispatchRule::Refused(RefusalReason::{why}))")
        }
        other => panic!("no way to send: {other}"),
    }
}

fn exception(judged: &Judged) -> String {
    let Some((kind, words)) = judged.exception.split_once('=') else {
        return String::new();
    };
    let kind = match kind {
        "never-with" => "NeverWith",
        "reads-without" => "ReadsWithout",
        other => panic!("no exception: {other}"),
    };
    let words = words.replace(',', "\", \"");
    format!(".except(Exception::{kind}(&[\"{words}\"]))")
}
