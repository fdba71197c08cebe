//! The README, which crates.io shows without the files around it, and the pages in `docs`: their links lead
//! somewhere, every option is on its page with the default of the code, and of what is owed nothing is left
//! out and whatever shows a row is there. Does not judge whether it shows it.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test panics when a claim is false"
)]

#[path = "common/sources.rs"]
mod sources;

use hitless::{Limits, MaintenanceOptions, Options, TcpOptions};
use sources::has_test;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const README: &str = include_str!("../README.md");
const OWED_PAGE: &str = include_str!("../docs/owed.md");
const OPTIONS_PAGE: &str = include_str!("../docs/options.md");
const LIBRARY: &str = include_str!("../src/lib.rs");
const MANIFEST: &str = include_str!("../Cargo.toml");

/// Where docs.rs shows the page `docs/NAME.md`.
const PAGES: &str = "https://docs.rs/hitless/latest/hitless/docs/";

/// Where docs.rs shows a file of the package.
const FILES: &str = "https://docs.rs/crate/hitless/latest/source/";

/// What a client that takes part in maintenance owes, by words that its row must have in its first
/// column.
const OWED: &[&str] = &[
    // Handoffs
    "without an error",
    "in-flight commands",
    "falls back to an ordinary reconnect",
    "reuses the connection object",
    // Notifications
    "`MOVING`",
    "`MIGRATING`",
    "`MIGRATED`",
    "`FAILING_OVER`",
    "`FAILED_OVER`",
    "timeouts are relaxed and restored",
    // Breaker
    "one for each endpoint",
    "half-open recovery",
    "thresholds, reset time, probes",
    // Configuration
    "modes disabled, enabled, auto",
    "endpoint types: auto, internal and external, address and name, none",
    "workers and queue sized from the pool",
    "the most active connections",
    "relaxed, handoff and post-handoff timeouts",
    "retries of a handoff: 3",
    "exponential backoff",
    // Hooks
    "before and after",
    "logging and metrics hooks",
    "hooks of your own",
    // Monitoring
    "counts, processing times, error rates",
    "state of the circuit breakers",
    "handoffs under way, from start to end",
    "enhanced metrics",
    // Inside
    "asynchronous handoffs",
    "fixed set of workers",
    "bounded queue",
    "hook into the connection pool",
    "state of connections",
    "before the shutdown",
    "commands go on during handoffs",
    "many handoffs at once",
    "fast path",
    "lock-free",
    "concurrent maps",
    "minimal contention",
    "bounded memory",
    // Tests
    "unit tests",
    "mocks",
    "concurrent use",
    "integration of pool, breaker and hooks",
    "scenarios: timeouts, endpoint types, TLS, injected faults",
    "stress tests",
    "real Redis Enterprise cluster",
    // Requirements
    "RESP3",
    "a server that sends notifications",
    "version of the language",
    // Clients
    "standalone client",
    "cluster client",
    "failover client (Sentinel)",
    "ring client",
    "commands that need one connection",
    // Guides
    "switch it on",
    "add monitoring",
];

/// One row of the table.
struct Row {
    feature: &'static str,
    state: &'static str,
    shown: &'static str,
}

fn rows() -> Vec<Row> {
    let rows: Vec<Row> = OWED_PAGE
        .lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("| **"))
        .skip(2)
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, feature, state, shown, _] = cells[..] else {
                panic!("not three cells: {line}");
            };
            Row {
                feature,
                state,
                shown,
            }
        })
        .collect();
    assert!(rows.len() > 40, "where is the table?");
    rows
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// All Rust sources below a folder.
fn sources_below(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources_below(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// The targets of all links of a page, those defined at its end included.
fn links(text: &str) -> Vec<&str> {
    let inline = text.split("](").skip(1);
    let inline = inline.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    let defined = text.lines().filter(|line| line.starts_with('['));
    let defined = defined.filter_map(|line| line.split_once("]: ").map(|(_, target)| target));
    inline.chain(defined).collect()
}

/// The names that links of a page use and its end defines.
fn references(text: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let used = text.split("][").skip(1);
    let used = used.filter_map(|rest| rest.split_once(']').map(|(name, _)| name));
    let lines = text.lines().filter_map(|line| line.strip_prefix('['));
    let defined = lines.filter_map(|line| line.split_once("]: ").map(|(name, _)| name));
    (used.collect(), defined.collect())
}

/// The anchors of all headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with("##"));
    let anchor = |line: &str| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept = |letter: &char| letter.is_alphanumeric() || " -".contains(*letter);
        let text: String = text.chars().filter(kept).collect();
        text.replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// Whether the package holds a file: `include` of Cargo.toml names it or its folder.
fn is_packaged(path: &str) -> bool {
    let list = MANIFEST.split_once("\ninclude = [").unwrap().1;
    let list = list.split_once(']').unwrap().0;
    let mut patterns = list.split('"').skip(1).step_by(2);
    patterns.any(|pattern| {
        let pattern = pattern.trim_start_matches('/');
        let (start, end) = pattern.split_once('*').unwrap_or((pattern, ""));
        let folder = path
            .strip_prefix(start)
            .is_some_and(|rest| rest.starts_with('/'));
        folder
            || path == pattern
            || (pattern.contains('*') && path.starts_with(start) && path.ends_with(end))
    })
}

/// Whether a link of the README leads somewhere for a reader on crates.io, who has no files.
fn leads_somewhere(link: &str) -> bool {
    if let Some(anchor) = link.strip_prefix('#') {
        return anchors(README).contains(anchor);
    }
    if let Some(page) = link.strip_prefix(PAGES) {
        let name = page.trim_end_matches('/');
        let file = format!("docs/{}.md", name.replace('_', "-"));
        let module = format!("\"../{file}\")]\n    pub mod {name} {{}}");
        return root().join(file).exists() && LIBRARY.contains(&module);
    }
    if let Some(file) = link.strip_prefix(FILES) {
        return root().join(file).exists() && is_packaged(file);
    }
    link.starts_with("https://")
}

#[test]
fn nothing_that_is_owed_is_missing() {
    let rows = rows();
    for owed in OWED {
        let wanted = owed.to_lowercase();
        let has = |row: &Row| row.feature.to_lowercase().contains(&wanted);
        assert!(rows.iter().any(has), "no row has {owed:?}");
    }
}

#[test]
fn each_row_has_a_state_and_what_is_there_is_shown() {
    let mut features = BTreeSet::new();
    for row in rows() {
        let Row {
            feature,
            state,
            shown,
        } = row;
        assert!(features.insert(feature), "twice: {feature}");
        let states = ["done", "in part", "next", "differs", "no"];
        let said = state.split([':', ';', ',']).next().unwrap();
        assert!(states.contains(&said), "{feature}: what is {said:?}?");
        if ["in part", "differs", "no"].contains(&said) {
            assert!(state.len() > said.len() + 10, "{feature}: why?");
        }
        if !["next", "no"].contains(&said) {
            assert!(!shown.is_empty(), "{feature}: shown by nothing");
        }
    }
}

#[test]
fn what_shows_a_row_exists() {
    let mut sources = Vec::new();
    sources_below(&root().join("src"), &mut sources);
    sources_below(&root().join("tests"), &mut sources);
    for Row { feature, shown, .. } in rows() {
        let names = shown.split('`').skip(1).step_by(2);
        for name in names {
            let first = name.split(' ').next().unwrap();
            let is_path = first.contains(['/', '.']);
            let found = if is_path {
                root().join(first).exists()
            } else {
                sources.iter().any(|source| has_test(source, name))
            };
            assert!(found, "{feature}: no {name}");
        }
        let rest: String = shown.split('`').step_by(2).collect();
        let mut words = rest.split([',', ' ']).filter(|word| !word.is_empty());
        let stray = words.find(|word| !word.starts_with('['));
        assert_eq!(stray, None, "{feature}: neither a file, a test nor a link");
    }
}

#[test]
fn every_link_of_the_readme_leads_somewhere_on_crates_io() {
    let links = links(README);
    assert!(links.len() > 20, "{links:?}");
    for link in links {
        assert!(leads_somewhere(link), "{link} leads nowhere");
    }
    let (used, defined) = references(README);
    assert!(used.len() > 5, "{used:?}");
    assert_eq!(used, defined, "names of links, used and defined");
}

#[test]
fn every_link_of_the_page_of_what_is_owed_leads_somewhere() {
    let links = links(OWED_PAGE);
    assert!(links.len() > 2, "{links:?}");
    for link in links {
        let anchor = link.strip_prefix("../README.md#").unwrap_or(link);
        assert!(anchors(README).contains(anchor), "{link} leads nowhere");
    }
}

#[test]
fn the_looks_of_links_and_headings_are_known() {
    let text = "a [b](#c) [d](e.md)\n[f](https://g) [h][i]\n[i]: https://j";
    assert_eq!(links(text), ["#c", "e.md", "https://g", "https://j"]);
    assert_eq!(
        references(text),
        (BTreeSet::from(["i"]), BTreeSet::from(["i"]))
    );
    let anchors = anchors(README);
    assert!(anchors.contains("a-command-in-flight-when-its-node-moves"));
    assert!(!anchors.contains("what-nobody-wrote"));
    assert!(
        is_packaged("CHANGELOG.md") && is_packaged("src/lib.rs") && !is_packaged("tests/readme.rs")
    );
    assert!(
        !leads_somewhere("CHANGELOG.md"),
        "crates.io has no such file"
    );
    assert!(!leads_somewhere(&format!("{PAGES}nowhere/")));
    assert!(!leads_somewhere(&format!("{FILES}tests/readme.rs")));
}

#[test]
fn the_readme_begins_with_what_to_type_and_when_to_use_it() {
    let start = README.split("\n## ").next().unwrap();
    let order = [
        "cargo add hitless",
        "use hitless::",
        "| what it does | when to use it |",
        "./test",
    ];
    let places: Vec<usize> = order.iter().map(|text| start.find(text).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn each_example_has_its_line_with_the_feature_that_it_needs() {
    let section = README.split("\n## Examples\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| [`"));
    let told: BTreeSet<(String, String)> = lines
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let name = cells[1].split('`').nth(1).unwrap();
            let link = format!("[`{name}`]({FILES}examples/{name}.rs)");
            assert_eq!(cells[1], link);
            (name.to_owned(), cells[3].replace('`', ""))
        })
        .collect();
    let needed = |name: &str| {
        let entry = format!("[[example]]\nname = \"{name}\"\nrequired-features = [\"");
        let feature = MANIFEST.split_once(&entry).map(|(_, rest)| rest.split('"'));
        feature
            .and_then(|mut words| words.next())
            .unwrap_or_default()
    };
    let files = fs::read_dir(root().join("examples")).unwrap();
    let there: BTreeSet<(String, String)> = files
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".rs").map(str::to_owned))
        .map(|name| (name.clone(), needed(&name).to_owned()))
        .collect();
    assert_eq!(told, there);
}

/// The setters of a source: their names, what they take, and their documentation.
fn setters(source: &str) -> Vec<(&str, String, String)> {
    let mut setters = Vec::new();
    let mut doc = String::new();
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    for (at, line) in lines.iter().enumerate() {
        if let Some(text) = line.strip_prefix("///") {
            doc = format!("{doc}{text}");
        } else if let Some(rest) = line.strip_prefix("pub fn ") {
            let name = rest.split(['(', '<']).next().unwrap();
            let signature: String = lines[at..].iter().take(4).copied().collect();
            let takes = signature.split('{').next().unwrap().to_owned();
            if takes.contains("mut self") {
                setters.push((name, takes, doc.trim().to_owned()));
            }
            doc.clear();
        } else if !line.starts_with("#[") {
            doc.clear();
        }
    }
    setters
}

#[test]
fn the_page_of_options_has_every_option() {
    let mut count = 0;
    for file in ["mod.rs", "maintenance.rs", "tcp.rs"] {
        let source = fs::read_to_string(root().join("src/options").join(file)).unwrap();
        for (name, ..) in setters(&source) {
            let named = OPTIONS_PAGE.contains(&format!("`{name}`"));
            assert!(named, "{file}: no {name} among the options");
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn every_maintenance_option_says_its_default_its_zero_and_its_bounds() {
    let source = fs::read_to_string(root().join("src/options/maintenance.rs")).unwrap();
    let setters = setters(&source);
    assert!(setters.len() >= 20, "{setters:?}");
    for (name, takes, doc) in setters {
        let says = |words: &[&str]| words.iter().any(|word| doc.contains(word));
        assert!(says(&["Defaults to"]), "{name}: {doc}");
        if ["Duration", "u32", "usize"]
            .iter()
            .any(|kind| takes.contains(kind))
        {
            assert!(
                says(&["zero", "Zero", "Defaults to 0"]),
                "{name}: and zero? {doc}"
            );
            let bounds = ["From ", "At least", "At most", "upper bound"];
            assert!(says(&bounds), "{name}: which bounds? {doc}");
        }
    }
}

fn seconds(time: Duration) -> String {
    assert_eq!(time.subsec_nanos(), 0, "{time:?}");
    format!("{} s", time.as_secs())
}

/// What the code does where nothing is set, in the words of the page.
fn defaults() -> BTreeMap<&'static str, String> {
    let options = Options::new("localhost:6379").unwrap();
    let maintenance = MaintenanceOptions::new();
    let tcp = TcpOptions::default();
    let per_shared = options.get_max_active_connections() / options.get_pool_size();
    let command = options.get_command_timeout().unwrap();
    let beyond = options.get_checkout_timeout().unwrap() - command;
    let relaxed = maintenance.get_relaxed_timeout();
    let tail = maintenance.get_post_handoff_relaxed().as_secs() / relaxed.as_secs();
    BTreeMap::from([
        ("database", options.get_database().to_string()),
        ("pool_size", options.get_pool_size().to_string()),
        (
            "max_active_connections",
            format!("{per_shared} × `pool_size`"),
        ),
        ("connect_timeout", seconds(options.get_connect_timeout())),
        ("command_timeout", seconds(command)),
        (
            "checkout_timeout",
            format!("`command_timeout` + {}", seconds(beyond)),
        ),
        ("max_in_flight", options.get_max_in_flight().to_string()),
        ("min_connections", options.get_min_connections().to_string()),
        ("connect_retries", options.get_connect_retries().to_string()),
        ("relaxed_timeout", seconds(relaxed)),
        (
            "handoff_timeout",
            seconds(maintenance.get_handoff_timeout()),
        ),
        (
            "post_handoff_relaxed",
            format!("{tail} × `relaxed_timeout`"),
        ),
        ("migration_cap", seconds(maintenance.get_migration_cap())),
        ("failover_cap", seconds(maintenance.get_failover_cap())),
        (
            "slot_migration_cap",
            seconds(maintenance.get_slot_migration_cap()),
        ),
        ("max_jitter", seconds(maintenance.get_max_jitter())),
        (
            "handoff_concurrency",
            maintenance.get_handoff_concurrency().to_string(),
        ),
        ("max_workers", maintenance.get_max_workers().to_string()),
        ("queue_size", maintenance.get_queue_size().to_string()),
        ("max_retries", maintenance.get_max_retries().to_string()),
        (
            "breaker_threshold",
            maintenance.get_breaker_threshold().to_string(),
        ),
        ("breaker_reset", seconds(maintenance.get_breaker_reset())),
        (
            "breaker_probes",
            maintenance.get_breaker_probes().to_string(),
        ),
        ("hook_timeout", seconds(maintenance.get_hook_timeout())),
        ("keepalive_idle", seconds(tcp.get_keepalive_idle())),
        ("keepalive_interval", seconds(tcp.get_keepalive_interval())),
        ("keepalive_probes", tcp.get_keepalive_probes().to_string()),
        ("user_timeout", seconds(tcp.get_user_timeout())),
        ("send_buffer", tcp.get_send_buffer().to_string()),
        ("receive_buffer", tcp.get_receive_buffer().to_string()),
    ])
}

#[test]
fn each_figure_among_the_defaults_is_that_of_the_code() {
    let mut defaults = defaults();
    for line in OPTIONS_PAGE.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        // What stands behind a colon explains the figure.
        let said = cells[3].split(':').next().unwrap();
        for name in cells[1].split('`').skip(1).step_by(2) {
            match defaults.remove(name) {
                Some(default) => assert_eq!(said, default, "{name}"),
                // Versions, which are no figures.
                None if ["protocol", "min_version"].contains(&name) => {}
                None => assert!(
                    !said.contains(char::is_numeric),
                    "{name}: {said}, unchecked"
                ),
            }
        }
    }
    assert!(defaults.is_empty(), "not on the page: {defaults:?}");
}

#[test]
fn the_limits_of_replies_are_those_of_the_code() {
    let limits = Limits::new();
    let said = [
        format!("`bulk` {} MiB", limits.get_bulk() >> 20),
        format!("`depth` {}", limits.get_depth()),
        format!(
            "`elements` {},{:03},{:03}",
            limits.get_elements() / 1_000_000,
            limits.get_elements() / 1000 % 1000,
            limits.get_elements() % 1000
        ),
        format!("`line` {} KiB", limits.get_line() >> 10),
        format!("`total` {} GiB", limits.get_total() >> 30),
    ];
    let page = OPTIONS_PAGE.replace('\n', " ");
    for limit in said {
        let is_whole = |at: usize| !page[at + limit.len()..].starts_with(char::is_numeric);
        assert!(page.find(&limit).is_some_and(is_whole), "{limit}");
    }
}
