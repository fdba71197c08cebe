//! Each method of redis-rs has its twin here, of the same name and as many parameters, or a row in the table "What
//! is called otherwise" of `docs/redis-rs.md`. Sends nothing.
#![allow(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// How many parts a list has that commas divide, outside of brackets.
fn parts(list: &str) -> usize {
    let (mut depth, mut count, mut is_open) = (0_usize, 0, false);
    for letter in list.chars() {
        match letter {
            '(' | '<' | '[' => depth += 1,
            ')' | '>' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => is_open = false,
            _ => {}
        }
        if !is_open && !letter.is_whitespace() && letter != ',' {
            (is_open, count) = (true, count + 1);
        }
    }
    count
}

/// The text up to the bracket that closes the one in front of it.
fn enclosed(text: &str) -> &str {
    let mut depth = 1_usize;
    let end = text.find(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    &text[..end.unwrap()]
}

/// The files of commands that are behind features.
fn behind_features() -> BTreeSet<String> {
    let source = read("src/command/commands/mod.rs");
    let modules = source.split("#[cfg(feature = ").skip(1).filter_map(|rest| {
        let (_, next) = rest.split_once(")]\n")?;
        let (name, _) = next.strip_prefix("mod ")?.split_once(';')?;
        Some(format!("{name}.rs"))
    });
    modules.collect()
}

/// The methods of this crate's commands, with all features, each with the number of its parameters.
fn ours() -> BTreeMap<String, usize> {
    methods(|_| true)
}

/// The methods of those files that are asked for, each with the number of its parameters.
fn methods(is_asked: impl Fn(&str) -> bool) -> BTreeMap<String, usize> {
    let mut methods = BTreeMap::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/command/commands");
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let source = fs::read_to_string(file.path()).unwrap();
        let is_list = source.contains("($form:ident) =>");
        if !is_list || !is_asked(file.file_name().to_str().unwrap()) {
            continue;
        }
        let code: Vec<&str> = (source.lines())
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        for method in code.join("\n").split("fn ").skip(1) {
            let name: String = method
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect();
            let (_, behind) = method.split_once('(').unwrap();
            methods.insert(name, parts(enclosed(behind)));
        }
    }
    // The iterators: the last name in front of the bracket takes options.
    let source = read("src/command/commands/mod.rs");
    for name in ["scan", "hscan", "sscan", "zscan"] {
        let has_key = usize::from(name != "scan");
        assert!(source.contains(&format!("{name} {name}_match {name}_options (")));
        methods.insert(name.to_owned(), has_key);
        methods.insert(format!("{name}_match"), has_key + 1);
        methods.insert(format!("{name}_options"), has_key + 1);
    }
    assert!(methods.len() > 200, "the lists of commands were not found");
    methods
}

/// The rows of the table: the names of redis-rs, and what stands instead.
fn otherwise() -> Vec<(Vec<String>, String)> {
    let page = read("docs/redis-rs.md");
    let (_, table) = page.split_once("\n## What is called otherwise\n").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let (names, instead) = row.split_once(" | ").unwrap();
        let names = names.split('`').skip(1).step_by(2).map(str::to_owned);
        (names.collect(), instead.to_owned())
    })
    .collect()
}

#[test]
fn each_method_of_redis_rs_has_its_twin_or_a_row() {
    let (ours, table) = (ours(), otherwise());
    let named: BTreeSet<&String> = table.iter().flat_map(|(names, _)| names).collect();
    let mut theirs = BTreeSet::new();
    let (mut missing, mut needless) = (Vec::new(), Vec::new());
    for line in include_str!("typed/redis_rs.txt").lines() {
        let (name, behind) = line.split_once('(').unwrap();
        theirs.insert(name.to_owned());
        let has_twin = ours.get(name) == Some(&parts(enclosed(behind)));
        if !has_twin && !named.contains(&name.to_owned()) {
            missing.push(format!("{line}, here {:?}", ours.get(name)));
        }
        if has_twin && named.contains(&name.to_owned()) {
            needless.push(name);
        }
    }
    assert!(
        missing.is_empty(),
        "neither a twin nor a row:\n{}",
        missing.join("\n")
    );
    assert!(needless.is_empty(), "a row, and a twin: {needless:?}");
    let strangers: Vec<_> = named
        .iter()
        .filter(|name| !theirs.contains(**name))
        .collect();
    assert!(
        strangers.is_empty(),
        "not a method of redis-rs: {strangers:?}"
    );
}

#[test]
fn the_readme_tells_how_many_methods_there_are() {
    let behind = behind_features();
    assert!(behind.contains("json.rs"), "{behind:?}");
    let plain = methods(|file| !behind.contains(file)).len();
    let more = ours().len() - plain;
    let readme = read("README.md");
    for told in [
        format!(" {plain} methods stand for"),
        format!(" {more} more behind features"),
    ] {
        assert!(readme.contains(&told), "{told}");
    }
}

#[test]
fn what_stands_instead_is_there() {
    let ours = ours();
    for (names, instead) in otherwise() {
        for call in instead.split("client.").skip(1) {
            let name: String = call
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect();
            assert!(ours.contains_key(&name), "{names:?}: no method {name}");
        }
    }
}
