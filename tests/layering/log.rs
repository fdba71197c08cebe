//! Every line of the log has a target that is named, told to users, and stays where modules move. Does not
//! judge what the lines say.

use crate::{code, sources};
use std::fs;
use std::path::Path;

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
    let library = include_str!("../../src/lib.rs");
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
