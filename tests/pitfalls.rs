//! What maintenance is known to do to clients, and the test that shows that it does not do so to
//! this one.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test panics when a claim is false, and reads the clock"
)]

#[cfg(feature = "sim")]
mod common;
#[cfg(feature = "sim")]
#[path = "pitfalls/frames.rs"]
mod frames;
#[cfg(feature = "sim")]
#[path = "pitfalls/identity.rs"]
mod identity;
#[cfg(feature = "sim")]
#[path = "pitfalls/moves.rs"]
mod moves;
#[cfg(feature = "sim")]
#[path = "pitfalls/names.rs"]
mod names;
#[cfg(feature = "sim")]
#[path = "pitfalls/negotiation.rs"]
mod negotiation;
#[path = "common/sources.rs"]
mod sources;
#[cfg(feature = "sim")]
#[path = "pitfalls/support.rs"]
mod support;
#[path = "pitfalls/table.rs"]
mod table;
#[cfg(feature = "sim-tls")]
#[path = "pitfalls/tls.rs"]
mod tls;
#[cfg(feature = "sim")]
#[path = "pitfalls/windows.rs"]
mod windows;

use sources::has_test;
use std::collections::BTreeSet;
use std::path::Path;
use table::{Answer, pitfalls};

#[test]
fn every_pitfall_has_its_answer() {
    let numbers: Vec<u8> = pitfalls().map(|(number, ..)| *number).collect();
    assert_eq!(
        numbers,
        (1..=85).collect::<Vec<u8>>(),
        "each once, in order"
    );
    let mut facts = BTreeSet::new();
    for (number, fact, answer) in pitfalls() {
        assert!(fact.len() > 20, "{number}: {fact:?} says nothing");
        assert!(facts.insert(fact), "{number}: {fact:?} was said before");
        match answer {
            Answer::Cannot(why) => assert!(why.len() > 20, "{number}: {why:?} is no reason"),
            Answer::Later(feature) => assert!(feature.len() > 5, "{number}: which feature?"),
            Answer::Shown(tests) => {
                assert!(!tests.is_empty(), "{number}: no test");
                for (file, name) in *tests {
                    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
                    let source = std::fs::read_to_string(&path)
                        .unwrap_or_else(|error| panic!("{number}: {file}: {error}"));
                    assert!(
                        has_test(&source, name),
                        "{number}: {file} has no test {name}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_test_that_is_missing_or_not_run_is_no_answer() {
    let source = "#[test]\nfn runs() {\n}\n#[test]\n#[ignore]\nfn ignored() {\n}\nfn helps() {\n}\n\
        #[ignore = \"slow\"]\n#[test]\nfn slow() {\n}\n#[cfg(unix)]\n#[test]\nfn on_unix() {\n}\n";
    let found = |name: &str| has_test(source, name);
    assert!(found("runs") && found("on_unix"));
    assert!(!found("ignored") && !found("helps") && !found("slow") && !found("run"));
}
