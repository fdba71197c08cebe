//! How much the sources say of themselves and how long they are, counted: the share of documentation and of
//! comments, documentation of one word, lengths of files, and calls that could panic. Does not judge whether
//! what is said is true.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "what cannot be read fails the test, which prints what it has counted"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of documentation in a hundred, the table of commands aside.
const DOCUMENTATION: f64 = 20.0;

/// Lines of comments in a hundred.
const COMMENTS: f64 = 3.0;

/// Lines of code that half of the files have at most.
const MEDIAN: usize = 200;

/// Lines of code that no file passes.
const LONGEST: usize = 600;

/// Columns that no line of documentation or comment passes, rows of tables aside.
const WIDEST: usize = 120;

/// What ends a thread where it stands. `debug_assert!` is no part of what users build.
const PANICS: &[&str] = &[
    ".unwrap()",
    ".expect(\"",
    "panic!(",
    "unreachable!(",
    "todo!(",
    "unimplemented!(",
    " assert!(",
    " assert_eq!(",
];

/// Who may end a thread, and why.
const MAY_PANIC: &[(&str, &str)] = &[
    ("src/command/table/mod.rs", "when it is compiled"),
    ("src/command/named.rs", "when it is compiled"),
    ("src/error.rs", "when it is compiled"),
    (
        "src/sim/mod.rs",
        "a test that names a node which is not there",
    ),
    ("src/sync.rs", "debug builds, over the order of locks"),
];

/// A file that users build, without the tests at its end.
struct Source {
    path: String,
    lines: Vec<String>,
}

impl Source {
    fn count(&self, is: impl Fn(&str) -> bool) -> usize {
        self.lines.iter().filter(|line| is(line.trim())).count()
    }
}

fn is_documentation(line: &str) -> bool {
    line.starts_with("///") || line.starts_with("//!")
}

fn is_comment(line: &str) -> bool {
    line.starts_with("//") && !is_documentation(line)
}

/// Whether a file is compiled for tests only.
fn is_test(path: &str) -> bool {
    let names = ["tests", "tests.rs", "fake.rs", "inherited.rs", "model.rs"];
    path.split('/').any(|part| names.contains(&part)) && path != "src/sync/model.rs"
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

fn read(path: &str, text: &str) -> Source {
    let mut lines = Vec::new();
    let mut all = text.lines().filter(|line| !line.trim().is_empty());
    while let Some(line) = all.next() {
        let item = line.trim_start();
        if !(item.starts_with("#[cfg(test)") || item.starts_with("#[cfg(all(test")) {
            lines.push(line.to_owned());
            continue;
        }
        // An item with a body ends with a bracket at its own depth, any other with a semicolon.
        let end = format!("{}}}", &line[..line.len() - item.len()]);
        let head = all.find(|line| !line.trim_start().starts_with("#["));
        if head.is_some_and(|line| !line.ends_with(';')) {
            let _ = all.find(|line| *line == end);
        }
    }
    Source {
        path: path.to_owned(),
        lines,
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join("src"), &mut paths);
    let shown = |path: &Path| {
        path.strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/")
    };
    let mut sources: Vec<Source> = paths
        .iter()
        .map(|path| (shown(path), fs::read_to_string(path).unwrap()))
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| read(&path, &text))
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 100, "the sources were not found");
    sources
}

#[test]
#[expect(
    clippy::cast_precision_loss,
    reason = "there are fewer lines than 2 to the 52nd"
)]
fn the_sources_say_what_they_do() {
    let sources = sources();
    // The share of such lines in what does not stand under one of these paths.
    let share = |is: &dyn Fn(&str) -> bool, without: &[&str]| {
        let counted = |source: &&Source| !without.iter().any(|path| source.path.starts_with(path));
        let sum = |is: &dyn Fn(&str) -> bool| {
            let counted = sources.iter().filter(counted);
            counted.map(|source| source.count(is)).sum::<usize>() as f64
        };
        100.0 * sum(is) / sum(&|_| true)
    };
    let documentation = share(&is_documentation, &["src/command/table"]);
    // The lists of commands are data, too, and documented.
    let comments = share(&is_comment, &["src/command/table", "src/command/commands"]);
    println!("documentation {documentation:.1} %, comments {comments:.2} %");
    assert!(documentation >= DOCUMENTATION, "{documentation:.1} %");
    assert!(comments >= COMMENTS, "{comments:.2} %");
}

#[test]
fn half_of_the_files_are_short_and_none_is_long() {
    let lengths = sources().into_iter().map(|source| {
        let code =
            source.lines.len() - source.count(|line| is_documentation(line) || is_comment(line));
        (code, source.path)
    });
    let mut lengths: Vec<(usize, String)> = lengths.collect();
    lengths.sort();
    let median = lengths[lengths.len() / 2].0;
    let (longest, path) = lengths.last().unwrap();
    println!(
        "{} files, median {median} lines of code, longest {longest}: {path}",
        lengths.len()
    );
    assert!(median <= MEDIAN, "{median}");
    assert!(*longest <= LONGEST, "{path}: {longest}");
}

/// Lines of prose that go on too far to the right. A row of a table is one line, however long.
fn wide_lines(source: &Source) -> Vec<String> {
    let is_row = |line: &str| line.trim_start_matches(['/', '!', ' ']).starts_with('|');
    let prose = source
        .lines
        .iter()
        .filter(|line| line.trim().starts_with("//"));
    let wide = prose.filter(|line| line.chars().count() > WIDEST && !is_row(line.trim()));
    wide.map(|line| format!("{}: {}", source.path, line.trim()))
        .collect()
}

#[test]
fn no_prose_is_wider_than_a_screen() {
    let found: Vec<String> = sources().iter().flat_map(wide_lines).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Blocks of documentation that have one word.
fn single_words(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let mut block = String::new();
    for line in source.lines.iter().map(|line| line.trim()) {
        if let Some(text) = line.strip_prefix("///") {
            block = format!("{block} {text}");
            continue;
        }
        if block.split_whitespace().count() == 1 {
            found.push(format!("{}: {}", source.path, block.trim()));
        }
        block.clear();
    }
    found
}

#[test]
fn no_documentation_has_one_word() {
    let found: Vec<String> = sources().iter().flat_map(single_words).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Calls in a source that could panic.
fn panics(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for line in source.lines.iter().map(|line| line.trim()) {
        let outside: Vec<&str> = line.split('"').step_by(2).collect();
        let code = format!(" {}", outside.join("\""));
        if !line.starts_with("//") && PANICS.iter().any(|word| code.contains(word)) {
            found.push(format!("{}: {line}", source.path));
        }
    }
    found
}

#[test]
fn nothing_that_users_build_panics_by_itself() {
    let may = |source: &Source| {
        MAY_PANIC
            .iter()
            .any(|(path, _)| source.path.starts_with(path))
    };
    let sources = sources();
    let found: Vec<String> = sources
        .iter()
        .filter(|source| !may(source))
        .flat_map(panics)
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The checks above must be able to fail.
#[test]
fn what_is_counted_is_told_apart() {
    let text = "//! Head.\n\n/// Word.\nfn a() {\n    // Why.\n    b.unwrap();\n    c(\".unwrap()\");\n}\n#[cfg(test)]\nmod tests {\n    x.unwrap();\n}\n#[cfg(test)]\nmod more;\n";
    let source = read("a.rs", text);
    assert_eq!(source.lines.len(), 7);
    assert_eq!(
        (source.count(is_documentation), source.count(is_comment)),
        (2, 1)
    );
    assert_eq!(single_words(&source), ["a.rs: Word."]);
    assert_eq!(panics(&source), ["a.rs: b.unwrap();"]);
    let long = "long ".repeat(24);
    let wide = read(
        "b.rs",
        &format!("/// {long}.\n/// | {long} |\n    // {long}\n{long}{long}\n"),
    );
    assert_eq!(wide_lines(&wide).len(), 2);
    assert!(
        is_test("src/link/fake.rs")
            && is_test("src/pool/tests/a.rs")
            && !is_test("src/sync/model.rs")
    );
}
