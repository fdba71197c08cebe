//! The table of commands and the methods by name agree.

use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Rows that have no method though they may be sent, with the reason.
const WITHOUT: &[(&str, &str)] = &[
    ("BF.DEBUG", "for tests of the module"),
    ("CF.DEBUG", "for tests of the module"),
    ("CLUSTER SLAVES", "CLUSTER REPLICAS says the same"),
    ("CLUSTERSCAN", "goes through the nodes of a cluster"),
    ("DEBUG", "for tests of servers"),
    ("EXPIRE", "PEXPIRE is sent"),
    ("EXPIREAT", "PEXPIREAT is sent"),
    ("EXPIRETIME", "PEXPIRETIME is sent"),
    ("GEORADIUS", "GEORADIUS_RO reads, GEOSEARCHSTORE stores"),
    ("GEORADIUSBYMEMBER", "as GEORADIUS"),
    ("HEXPIRE", "HPEXPIRE is sent"),
    ("HEXPIREAT", "HPEXPIREAT is sent"),
    ("HEXPIRETIME", "HPEXPIRETIME is sent"),
    ("HMSET", "HSET does the same"),
    ("HTTL", "HPTTL is sent"),
    ("JSON.FORGET", "JSON.DEL does the same"),
    (
        "JSON.NUMPOWBY",
        "the module's documentation does not have it",
    ),
    ("PFDEBUG", "for tests of servers"),
    ("PFSELFTEST", "for tests of servers"),
    ("RESTORE-ASKING", "a node of a cluster sends it to another"),
    ("SETEX", "PSETEX is sent"),
    ("SLAVEOF", "REPLICAOF does the same"),
    ("SUBSTR", "GETRANGE does the same"),
    ("TTL", "PTTL is sent"),
];

/// The names for which the lists have methods, each with the lists.
fn named() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/command/commands");
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let list = path.file_stem().unwrap().to_string_lossy().into_owned();
        let source = fs::read_to_string(&path).unwrap();
        let code: Vec<&str> = (source.lines())
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let code = code.join("\n");
        let parts: Vec<&str> = code.split('"').collect();
        // What stands in quotes, with what stands around it.
        for around in parts.windows(3).step_by(2) {
            let (before, name, behind) = (around[0].trim_end(), around[1], around[2].trim_start());
            let is_method = before.ends_with('{') && behind.starts_with(['=', '}']);
            let is_iterator = before.ends_with(')') && behind.starts_with(';');
            if is_method || is_iterator {
                let lists = found.entry(name.to_owned()).or_default();
                lists.insert(list.clone());
            }
        }
    }
    assert!(found.len() > 300, "the lists were not found");
    found
}

/// The rows with their whole names; a container has those of its sub-commands.
fn rows() -> BTreeMap<String, &'static Command> {
    let mut rows = BTreeMap::new();
    for command in commands() {
        if command.subcommands.is_empty() {
            rows.insert(command.name.to_owned(), command);
        }
        for sub in command.subcommands {
            rows.insert(format!("{} {}", command.name, sub.name), sub);
        }
    }
    rows
}

#[test]
fn each_row_that_may_be_sent_has_a_method_or_a_reason() {
    let (named, mut reasons) = (named(), BTreeMap::from_iter(WITHOUT.iter().copied()));
    let mut missing = Vec::new();
    for (name, row) in rows() {
        let is_sent = match row.dispatch {
            DispatchRule::Shared | DispatchRule::Blocks(_) | DispatchRule::Increments => true,
            // Of a pipeline only, and of nobody.
            DispatchRule::Behind(_) | DispatchRule::Refused(_) | DispatchRule::Asked => false,
        };
        // None of the three servers has it, or it is a text for people.
        let is_wanted = is_sent && !row.has(flags::UNKNOWN) && !name.ends_with(" HELP");
        let has_reason = reasons.remove(name.as_str()).is_some();
        // The sub-commands of some are not listed.
        let is_of = |method: &String| {
            method
                .strip_prefix(&name)
                .is_some_and(|rest| rest.starts_with(' '))
        };
        let has_method =
            named.contains_key(&name) || row.has(flags::WORDS) && named.keys().any(is_of);
        assert!(is_wanted || !has_method, "a method of {name}");
        assert!(!has_method || !has_reason, "a method and a reason: {name}");
        if is_wanted && !has_method && !has_reason {
            missing.push(name);
        }
    }
    assert!(
        missing.is_empty(),
        "neither a method nor a reason: {missing:?}"
    );
    assert!(reasons.is_empty(), "no rows: {reasons:?}");
}

#[test]
fn what_always_blocks_is_in_a_list_that_pipelines_do_not_have() {
    let rows = rows();
    for (name, lists) in named() {
        // Every name is in the table, or the crate would not compile; containers do not block.
        let rule = (rows.get(&name)).map_or(DispatchRule::Shared, |row| row.dispatch);
        let blocks = matches!(rule, DispatchRule::Blocks(time) if time != Time::BlockOption);
        let is_apart = lists.iter().all(|list| list.starts_with("blocking_"));
        assert!(!blocks || is_apart, "{name} blocks, and is in {lists:?}");
    }
}
