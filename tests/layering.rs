//! The map of the crate, enforced: arrows go down only, siblings do not meet, and below the I/O line
//! nothing names a socket, thread, lock, clock, environment variable, random source or log.
#![allow(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// Each module at the top of the crate and what it may import; from top to bottom.
const MAP: &[(&str, &[&str])] = &[
    (
        "client",
        &[
            "call", "clock", "command", "counters", "error", "events", "handoff", "ids", "lane",
            "link", "engine", "options", "pool", "protocol", "session", "sync",
        ],
    ),
    (
        "session",
        &[
            "call", "clock", "command", "counters", "error", "handoff", "ids", "link", "pool",
            "protocol", "sync",
        ],
    ),
    (
        "call",
        &[
            "clock", "command", "counters", "error", "handoff", "link", "pool", "protocol", "sync",
        ],
    ),
    (
        "engine",
        &[
            "clock",
            "counters",
            "error",
            "events",
            "handoff",
            "ids",
            "lane",
            "link",
            "log_targets",
            "options",
            "pool",
            "protocol",
            "sync",
            "transport",
        ],
    ),
    (
        "pool",
        &[
            "clock", "counters", "error", "handoff", "ids", "link", "protocol", "sync",
        ],
    ),
    (
        "link",
        &[
            "clock",
            "error",
            "events",
            "handoff",
            "ids",
            "protocol",
            "sync",
            "transport",
        ],
    ),
    ("transport", &["clock", "options", "protocol", "sync"]),
    (
        "options",
        &["error", "events", "handoff", "ids", "protocol"],
    ),
    (
        "lane",
        &[
            "clock",
            "counters",
            "handoff",
            "log_targets",
            "protocol",
            "sync",
        ],
    ),
    // What every layer above the line may use.
    ("error", &["protocol"]),
    ("counters", &[]),
    ("sync", &["clock"]),
    ("clock", &["sync"]),
    ("log_targets", &[]),
    // ===== the I/O line =====
    // Its errors are those of the whole crate.
    ("command", &["error", "protocol"]),
    ("events", &["ids", "protocol"]),
    ("handoff", &["events", "ids", "protocol"]),
    ("ids", &[]),
    ("protocol", &[]),
    // Beside the client.
    ("sim", &["log_targets", "protocol"]),
];

/// The modules below the I/O line.
const PURE: &[&str] = &["command", "events", "handoff", "ids", "protocol"];

/// Files above the line that decide and do nothing: they are held to the same.
const PURE_FILES: &[&str] = &[
    "src/call/attempts.rs",
    "src/call/blocking_time.rs",
    "src/call/judge.rs",
    "src/call/transaction.rs",
    "src/link/parts.rs",
    "src/pool/placement.rs",
    "src/session/consumer/agenda.rs",
    "src/session/consumer/options.rs",
    "src/pool/unblocking.rs",
    "src/session/subscriber/keyspace.rs",
    "src/session/subscriber/message.rs",
    "src/session/subscriber/overlap.rs",
    "src/session/subscriber/queue.rs",
    "src/session/subscriber/seam.rs",
    "src/session/subscriber/wanted.rs",
    "src/transport/ahead.rs",
    "src/transport/race/plan.rs",
];

/// What nothing below the I/O line may name, and why.
const IMPURE: &[(&str, &str)] = &[
    ("Instant::now", "reads the clock"),
    ("SystemTime::now", "reads the clock"),
    ("TcpStream", "names a socket"),
    ("TcpListener", "names a socket"),
    ("UdpSocket", "names a socket"),
    ("UnixStream", "names a socket"),
    ("ToSocketAddrs", "looks a name up"),
    ("socket2", "names a socket"),
    ("rustix", "calls the system"),
    ("native_tls", "names a socket"),
    ("std::io", "reads or writes"),
    ("std::fs", "reads or writes"),
    ("std::thread", "names a thread"),
    ("thread_local", "names a thread"),
    ("crossbeam", "names a queue between threads"),
    ("parking_lot", "names a lock"),
    ("std::sync", "names a lock"),
    ("Mutex", "names a lock"),
    ("RwLock", "names a lock"),
    ("Condvar", "names a lock"),
    ("Atomic", "is shared between threads"),
    ("OnceLock", "names a lock"),
    ("RefCell", "shares state behind a reference"),
    ("std::env", "reads the environment"),
    ("option_env!", "reads the environment"),
    ("fastrand", "draws random numbers"),
    ("RandomState", "draws random numbers"),
    ("log::", "logs"),
    ("println!", "prints"),
    ("eprintln!", "prints"),
];

/// What stands below the line all the same, and where.
const PARDONED: &[(&str, &str)] = &[
    // One buffer for each thread, so that a command costs no allocation: none is shared.
    ("thread_local", "src/command/buffer.rs"),
    // A word of the errors.
    ("ErrorKind::NotAtomic", "src/call/transaction.rs"),
    // Users' arguments and replies may be shared texts: they are read and made, never locked.
    ("std::sync::Arc;", "src/command/arg/single.rs"),
    ("std::sync::Arc;", "src/command/convert/single.rs"),
    ("std::sync::Arc;", "src/command/convert/list.rs"),
];

/// Who may name what is banned elsewhere above the line.
const ALONE: &[(&str, &[&str])] = &[
    (
        "Instant::now",
        &["src/clock.rs", "src/sync/model.rs", "src/sim/clock.rs"],
    ),
    (
        // Its table of waiting threads does not survive a fork.
        "parking_lot",
        &["src/sim"],
    ),
    ("crossbeam", &["src/sync", "src/transport", "src/sim"]),
    ("socket2", &["src/transport", "src/sim"]),
    ("rustix", &["src/transport", "src/sim"]),
    ("native_tls", &["src/transport", "src/sim"]),
    ("TcpStream", &["src/transport", "src/sim"]),
    // Code of the user: the log backend and the recorder run on the lane's thread only. The hook that
    // logs names a level and no more.
    ("log::", &["src/lane", "src/engine/watch.rs", "src/sim"]),
    ("metrics::", &["src/lane/numbers.rs"]),
    (
        "catch_unwind",
        &[
            "src/lane/guard.rs",
            "src/engine/worker.rs",
            "src/transport/resolve.rs",
        ],
    ),
    ("thread::spawn", &[]),
    ("thread::sleep", &[]),
    ("park_timeout", &["src/sync/system.rs"]),
    ("unsafe", &[]),
];

struct Line {
    place: String,
    text: String,
}

/// The lines of a file that are code: without comments, and without what is only compiled for tests.
fn code(path: &Path) -> Vec<Line> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shown = path
        .strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string();
    let text = fs::read_to_string(path).unwrap();
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("#[cfg(test)]")
            && text
                .lines()
                .nth(index + 1)
                .is_some_and(|next| next.trim_end().ends_with('{'))
        {
            // The tests of a file stand at its end.
            break;
        }
        let text = line.split("//").next().unwrap_or_default();
        lines.push(Line {
            place: format!("{shown}:{}", index + 1),
            text: text.to_owned(),
        });
    }
    lines
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        name == "tests"
            || name == "fake.rs"
            || name == "tests.rs"
            || name == "model.rs" && !path.ends_with("sync/model.rs")
    })
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            into.push(path);
        }
    }
}

fn sources() -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    all.retain(|path| !is_test(path.strip_prefix(&src).unwrap()));
    all.sort();
    assert!(all.len() > 30, "the sources were not found");
    all
}

/// The module at the top of the crate that a file belongs to.
fn module(path: &Path) -> String {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inside = path.strip_prefix(src).unwrap();
    let first = inside
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that a line names after `crate::`.
fn imports(line: &str) -> Vec<String> {
    line.match_indices("crate::")
        .map(|(at, found)| {
            let rest = &line[at + found.len()..];
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect::<String>()
        })
        .filter(|name| name.chars().next().is_some_and(char::is_lowercase))
        .collect()
}

#[test]
fn arrows_go_down_only() {
    let mut wrong = Vec::new();
    for path in sources() {
        let from = module(&path);
        if from == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAP.iter().find(|(name, _)| *name == from) else {
            wrong.push(format!("{}: not on the map", path.display()));
            continue;
        };
        for line in code(&path) {
            for name in imports(&line.text) {
                if name != from && !allowed.contains(&name.as_str()) {
                    wrong.push(format!("{}: {from} may not import {name}", line.place));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_below_the_line_does_io() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pure: Vec<PathBuf> = PURE_FILES.iter().map(|file| root.join(file)).collect();
    let mut wrong = Vec::new();
    for path in sources()
        .into_iter()
        .filter(|path| PURE.contains(&module(path).as_str()) || pure.contains(path))
    {
        for line in code(&path) {
            let is_pardoned = PARDONED
                .iter()
                .any(|(words, file)| path.ends_with(file) && line.text.contains(words));
            for (word, why) in IMPURE {
                if !is_pardoned && line.text.contains(word) {
                    wrong.push(format!("{}: {word} {why}", line.place));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_banned_stands_only_where_it_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for path in sources() {
        let inside = path.strip_prefix(root).unwrap();
        for line in code(&path) {
            for (word, places) in ALONE {
                let named = line.text.split('"').step_by(2).any(|part| {
                    part.match_indices(word).any(|(at, _)| {
                        let before = part[..at].chars().next_back();
                        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
                    })
                });
                if named && !places.iter().any(|place| inside.starts_with(place)) {
                    wrong.push(format!("{}: {word} does not belong here", line.place));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where a test or an example may let time pass: the pace of a load, and a pulse.
const PACED: &[&str] = &[
    "tests/common/mod.rs",
    "examples/watch.rs",
    "examples/drill/src/work/mod.rs",
];

#[test]
fn no_test_waits_by_time() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    let mut all = Vec::new();
    files(&root.join("tests"), &mut all);
    files(&root.join("examples"), &mut all);
    files(&root.join("src"), &mut all);
    // Here it is a declared wait for an unpark.
    all.retain(|path| !path.ends_with("src/sync/system.rs"));
    for path in all {
        let inside = path.strip_prefix(root).unwrap();
        if PACED.iter().any(|paced| inside == Path::new(paced)) {
            continue;
        }
        for line in code(&path) {
            let mut parts = line.text.split('"').step_by(2);
            if parts.any(|part| part.contains("thread::sleep") || part.contains("park_timeout")) {
                wrong.push(format!("{}: wait for the event itself", line.place));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_tour_passes_through_every_room() {
    let library = include_str!("../src/lib.rs");
    let (_, tour) = library.split_once("//! # The rooms\n").unwrap();
    let (tour, _) = tour.split_once("#![").unwrap();
    for (name, _) in MAP {
        let named = tour.contains(&format!("`{name}/`")) || tour.contains(&format!("`{name}.rs`"));
        let drawn = tour.contains(&format!(" {name}.rs  "));
        assert!(named || drawn, "the tour does not pass through {name}");
    }
}

#[test]
fn each_module_says_what_it_refuses_to_do() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let refusals = [
        "no", "not", "never", "nothing", "nobody", "none", "neither", "cannot", "without", "only",
        "alone",
    ];
    let mut wrong = Vec::new();
    for path in sources() {
        let shown = path.strip_prefix(root).unwrap().display().to_string();
        // Rows of a table do nothing at all.
        if shown.starts_with("src/command/table/groups") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        // Lists of commands neither.
        if text.contains("\nmacro_rules!") && text.contains("($form:ident) =>") {
            continue;
        }
        let head = text.lines().filter_map(|line| line.strip_prefix("//!"));
        let head = head.collect::<Vec<_>>().join(" ").to_lowercase();
        let mut words = head.split(|letter: char| !letter.is_alphabetic());
        if !words.any(|word| refusals.contains(&word)) {
            wrong.push(shown);
        }
    }
    assert!(
        wrong.is_empty(),
        "what do these refuse to do?\n{}",
        wrong.join("\n")
    );
}

/// The constants of `src/log_targets.rs` and their texts.
fn log_targets() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/log_targets.rs");
    let text = fs::read_to_string(path).unwrap();
    let constants = text.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("pub const ")?.split_once(": &str = ")?;
        Some((name.to_owned(), value.trim_matches(['"', ';']).to_owned()))
    });
    constants.collect()
}

/// What stands between the brackets of each call of a macro.
fn calls(text: &str, named: impl Fn(&str) -> bool) -> Vec<&str> {
    let places = text.match_indices("!(");
    let calls = places.filter_map(|(at, mark)| {
        let name = text[..at]
            .rsplit([' ', '\n', '(', '{'])
            .next()
            .unwrap_or_default();
        named(name).then(|| &text[at + mark.len()..])
    });
    calls.collect()
}

#[test]
fn every_line_of_the_log_has_a_named_target() {
    let targets = log_targets();
    assert!(targets.len() > 5, "{targets:?}");
    let is_named = |name: &str| targets.iter().any(|(target, _)| target == name);
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in sources() {
        let text: Vec<String> = code(&path).into_iter().map(|line| line.text).collect();
        let text = text.join("\n");
        let by_facade = calls(&text, |name| name.starts_with("log::"));
        let by_facade = by_facade.into_iter().map(|call| {
            let first = call
                .trim_start()
                .strip_prefix("target: ")
                .unwrap_or("none,");
            (first.split(',').next().unwrap_or_default().to_owned(), call)
        });
        let by_lane = calls(&text, |name| name == "say");
        let by_lane = by_lane.into_iter().map(|call| {
            let second = call.split(',').nth(1).unwrap_or_default();
            (second.trim().to_owned(), call)
        });
        for (target, call) in by_facade.chain(by_lane) {
            count += 1;
            if !is_named(&target) {
                let call = call.lines().next().unwrap_or_default();
                wrong.push(format!("{}: {target} in {call}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 30, "{count}");
}

#[test]
fn targets_of_the_log_are_told_and_no_module_is_named_by_one() {
    let library = include_str!("../src/lib.rs");
    let (_, table) = library.split_once("//! | level | says | target |").unwrap();
    let (table, _) = table.split_once("\n//!\n").unwrap();
    for (name, text) in log_targets() {
        assert!(text.starts_with("hitless::"), "{name}");
        assert!(
            table.contains(&format!("`{text}`")),
            "{text} is not in the table"
        );
    }
    let paths = sources();
    let named = paths.iter().filter(|path| {
        let text = fs::read_to_string(path).unwrap();
        text.contains("module_path!")
    });
    assert_eq!(named.count(), 0, "a target must not follow a module");
}

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

#[test]
fn no_file_passes_600_lines_of_code() {
    let long: Vec<String> = sources()
        .iter()
        .map(|path| (path, code(path).len()))
        .filter(|(_, lines)| *lines > 600)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// The checks above must be able to fail.
#[test]
fn a_climbing_import_and_an_impure_word_are_found() {
    assert_eq!(
        imports("use crate::client::Client; crate::Error"),
        ["client"]
    );
    assert!(
        !MAP.iter()
            .any(|(name, allowed)| *name == "link" && allowed.contains(&"client"))
    );
    assert!(
        IMPURE
            .iter()
            .any(|(word, _)| "let now = Instant::now();".contains(word))
    );
    assert!(is_test(Path::new("link/tests.rs")) && !is_test(Path::new("sync/model.rs")));
}
