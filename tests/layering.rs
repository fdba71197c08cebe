//! The map of the crate, enforced: arrows go down only, siblings do not meet, and below the I/O line
//! nothing names a socket, thread, lock, clock, environment variable, random source or log.
#![allow(clippy::unwrap_used, reason = "what cannot be read fails the test")]

#[path = "layering/log.rs"]
mod log;
#[path = "layering/methods.rs"]
mod methods;

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
            "protocol", "sorted", "sync",
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
            "sorted",
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
    ("command", &["error", "protocol", "sorted"]),
    ("events", &["ids", "protocol"]),
    ("handoff", &["events", "ids", "protocol", "sorted"]),
    ("ids", &[]),
    ("sorted", &[]),
    ("protocol", &[]),
    // Beside the client.
    ("sim", &["log_targets", "protocol"]),
];

/// The modules below the I/O line.
const PURE: &[&str] = &["command", "events", "handoff", "ids", "protocol", "sorted"];

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
    ("thread::sleep", &["src/sync/system.rs"]),
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
fn a_reply_is_taken_apart_in_the_program_that_asks_for_it() {
    let mut all = Vec::new();
    files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src/command/replies"),
        &mut all,
    );
    let (mut wrong, mut conversions) = (Vec::new(), 0);
    for path in all {
        let lines = code(&path);
        for pair in lines.windows(2) {
            if !["fn from_value(", "fn list_from_value("]
                .iter()
                .any(|start| pair[1].text.trim().starts_with(start))
            {
                continue;
            }
            conversions += 1;
            if pair[0].text.trim() != "#[inline]" {
                wrong.push(format!(
                    "{}: #[inline], or every user compiles it",
                    pair[1].place
                ));
            }
        }
    }
    assert!(conversions > 60, "{conversions}");
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

/// Where Rust is written, and the most lines of a file there: tests and examples are read, too.
const WRITTEN: &[&str] = &["benches", "examples", "src", "tests"];
const LONGEST: usize = 600;

#[test]
fn no_file_passes_600_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for folder in WRITTEN {
        files(&root.join(folder), &mut all);
    }
    // What cargo builds inside of a folder is not written here.
    all.retain(|path| !path.components().any(|part| part.as_os_str() == "target"));
    assert!(all.len() > 500, "the files were not found");
    let long: Vec<String> = all
        .iter()
        .map(|path| (path, fs::read_to_string(path).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
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
