//! Where the methods of a type stand: in its own file or folder. Does not judge which methods it has.

use crate::{code, module, sources};
use std::path::{Path, PathBuf};

/// Methods that stand elsewhere all the same: those of whom, and where.
const VISITORS: &[(&str, &str)] = &[
    // The getters of all options, as one list.
    ("MaintenanceOptions", "src/options/getters.rs"),
    // When a front is dialled again is the business of fronts alone.
    ("Handoff", "src/handoff/planner/fronts.rs"),
];

/// The type in a line that begins a block of methods.
fn methods_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    if line.contains(" for ") {
        return None;
    }
    // Behind the parameters of the block itself.
    let rest = match rest.strip_prefix('<') {
        Some(rest) => {
            let mut depth = 1;
            let end = rest.find(|c| {
                depth += i32::from(c == '<') - i32::from(c == '>');
                depth == 0
            })?;
            &rest[end + 1..]
        }
        None => rest,
    };
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    Some(&rest[..end.unwrap_or(rest.len())])
}

/// The type that a line defines.
fn defined(line: &str) -> Option<&str> {
    let words = ["struct ", "enum ", "union "];
    let (at, word) = words
        .iter()
        .find_map(|word| Some((line.find(word)?, word)))?;
    let before = &line[..at];
    if !(before.is_empty() || before.starts_with("pub")) {
        return None;
    }
    let rest = &line[at + word.len()..];
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    Some(&rest[..end.unwrap_or(rest.len())])
}

/// The folder that belongs to a file: that of `x.rs` is `x`.
fn folder(file: &Path) -> PathBuf {
    if file.ends_with("mod.rs") {
        return file.parent().unwrap().to_path_buf();
    }
    file.with_extension("")
}

#[test]
fn the_methods_of_a_type_stand_in_its_own_file_or_folder() {
    let mut homes: Vec<(String, PathBuf)> = Vec::new();
    let mut blocks: Vec<(String, PathBuf, String)> = Vec::new();
    // What the simulator's world does stands beside what it is.
    for path in sources().into_iter().filter(|path| module(path) != "sim") {
        for line in code(&path) {
            if let Some(name) = defined(&line.text) {
                homes.push((name.to_owned(), path.clone()));
            }
            if let Some(name) = methods_of(&line.text) {
                blocks.push((name.to_owned(), path.clone(), line.place));
            }
        }
    }
    let is_home = |name: &str, path: &Path| {
        let mut own = homes.iter().filter(|(home, _)| home == name).peekable();
        // Types of others have no home here.
        own.peek().is_none() || own.any(|(_, home)| home == path || path.starts_with(folder(home)))
    };
    let visits = |name: &str, path: &Path| {
        (VISITORS.iter()).any(|(visitor, file)| *visitor == name && path.ends_with(file))
    };
    let wrong: Vec<String> = (blocks.iter())
        .filter(|(name, path, _)| !is_home(name, path) && !visits(name, path))
        .map(|(name, _, place)| format!("{place}: methods of {name}"))
        .collect();
    assert!(blocks.len() > 100 && homes.len() > 100);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The checks above must be able to fail.
#[test]
fn methods_and_definitions_are_recognised() {
    assert_eq!(methods_of("impl Link {"), Some("Link"));
    assert_eq!(
        methods_of("impl<'a, T: Into<Vec<T>>> Gate<'a, T> {"),
        Some("Gate")
    );
    assert_eq!(methods_of("impl<T> From<T> for Gate<T> {"), None);
    assert_eq!(defined("pub(crate) struct Gate<'a> {"), Some("Gate"));
    assert_eq!(defined("enum Ended {"), Some("Ended"));
    assert_eq!(defined("    struct Inner;"), None);
    assert_eq!(folder(Path::new("src/call/mod.rs")), Path::new("src/call"));
    assert_eq!(
        folder(Path::new("src/engine/node.rs")),
        Path::new("src/engine/node")
    );
}
