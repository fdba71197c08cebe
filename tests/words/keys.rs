//! Whether the table finds the keys that servers find.

use super::facts::{Told, UNTOLD};
use super::judged::judged;
use super::table::{self, Arguments, flags};
use hitless::{Commands, cmd};
use std::collections::BTreeSet;

/// Commands whose keys move with their arguments, and those with something to tell apart.
const CONCRETE: &[&str] = &[
    "BLMPOP 0 2 a b LEFT",
    "BZMPOP 0 2 a b MIN",
    "EVAL script 0",
    "EVAL script 2 a b c",
    "EVALSHA sha 1 a b",
    "EVALSHA_RO sha 1 a b",
    "EVAL_RO script 2 a b",
    "FCALL function 1 a b",
    "FCALL_RO function 0 a",
    "GEORADIUS k 1 2 3 m COUNT 4 STORE s",
    "GEORADIUS k 1 2 3 m storedist s",
    "GEORADIUS k 1 2 3 m",
    "GEORADIUSBYMEMBER k STORE 3 m STORE s",
    "LMPOP 2 a b LEFT",
    "MIGRATE host 1 key 0 9",
    "MIGRATE host 1 key 0 9 AUTH KEYS",
    "MIGRATE host 1 _ 0 9 COPY AUTH2 KEYS pw KEYS a b",
    "MIGRATE host 1 _ 0 9 keys a",
    "MSETEX 2 a 1 b 2 NX",
    "SINTERCARD 2 a b LIMIT 1",
    "SORT k",
    "SORT k BY STORE GET STORE LIMIT 0 1 STORE s",
    "SORT k STORE s STORE t",
    "SORT k store s",
    "SORT_RO k BY w_* GET #",
    "XREAD COUNT 1 BLOCK 0 STREAMS a b 1 2",
    "XREAD streams a 1",
    "XREADGROUP GROUP STREAMS c COUNT 1 STREAMS a b > >",
    "ZDIFF 2 a b WITHSCORES",
    "ZDIFFSTORE d 2 a b",
    "ZINTER 2 a b WEIGHTS 1 2",
    "ZINTERCARD 1 a",
    "ZINTERSTORE d 1 a AGGREGATE MAX",
    "ZMPOP 1 a MIN",
    "ZUNION 2 a b",
    "ZUNIONSTORE d 2 a b WEIGHTS 1 2",
];

struct Words(Vec<String>);

impl Arguments for Words {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn argument(&self, place: usize) -> Option<&[u8]> {
        self.0.get(place).map(String::as_bytes)
    }
}

/// The words of a command; `_` is an empty one.
fn words(text: &str) -> Words {
    let words = text
        .split(' ')
        .map(|word| word.trim_start_matches('_').to_owned());
    Words(words.collect())
}

fn row(words: &Words) -> &'static table::Command {
    table::find(words.0[0].as_bytes()).subcommand(words.argument(1))
}

/// What the table finds.
fn ours(words: &Words) -> Vec<String> {
    let keys = row(words).keys_of(words).unwrap();
    keys.places().map(|place| words.0[place].clone()).collect()
}

/// What the server finds. `None`: it refuses such a command.
fn theirs(told: &Told, words: &Words) -> Option<Vec<String>> {
    if words.0.len() == 1 {
        // It may not be asked about a command without arguments.
        return Some(Vec::new());
    }
    match told.client.query(&cmd("COMMAND GETKEYS").args(&words.0)) {
        Ok(keys) => Some(keys),
        Err(error) if error.to_string().contains("no key arguments") => Some(Vec::new()),
        Err(error) => {
            let text = error.to_string();
            let refusals = ["Invalid number of arguments", "Invalid arguments specified"];
            assert!(
                refusals.iter().any(|part| text.contains(part)),
                "{:?}: {text}",
                words.0
            );
            None
        }
    }
}

pub(super) fn check(told: &[Told; 3]) {
    let concrete: Vec<Words> = CONCRETE.iter().map(|text| words(text)).collect();
    let mut compared = BTreeSet::new();
    for told in told {
        let mut compare = |words: &Words| {
            let Some(theirs) = theirs(told, words) else {
                return false;
            };
            assert_eq!(ours(words), theirs, "{:?}: {:?}", told.version, words.0);
            compared.insert(words.0[0].to_uppercase());
            true
        };
        for words in &concrete {
            if told.facts.contains_key(&words.0[0].to_lowercase()) {
                assert!(compare(words), "{:?} is refused", words.0);
            }
        }
        for (name, fact) in &told.facts {
            if !table::find(name.as_bytes()).subcommands.is_empty() {
                // Its sub-commands are in the list too.
                continue;
            }
            if UNTOLD.iter().any(|(known, _)| known == name) {
                check_untold(name);
                continue;
            }
            if fact.flags.contains("movablekeys") {
                let is_it = |words: &&Words| words.0[0].eq_ignore_ascii_case(name);
                assert!(
                    concrete.iter().any(|words| is_it(&words)),
                    "{name} is not in the list"
                );
                continue;
            }
            let least = usize::try_from(fact.arity.unsigned_abs()).unwrap();
            let most = if fact.arity < 0 { least + 4 } else { least };
            for count in least..=most {
                let mut words: Vec<String> = name.split('|').map(str::to_owned).collect();
                words.extend((words.len()..count).map(|place| format!("word{place}")));
                compare(&Words(words));
            }
        }
    }
    compared.extend(UNTOLD.iter().map(|(name, _)| name.to_uppercase()));
    // A server refuses some forms, but of every command one was compared.
    for (name, one) in judged() {
        let outer = name.split('|').next().unwrap().to_uppercase();
        assert!(
            one.is_beyond || compared.contains(&outer),
            "{name} was not compared"
        );
    }
}

/// Finds the keys of a command of which no server tells them all.
fn check_untold(name: &str) {
    let (text, expected): (_, &[&str]) = match name {
        "cms.merge" => ("CMS.MERGE d 2 a b WEIGHTS 1 2", &["d", "a", "b"]),
        "json.mget" => ("JSON.MGET a b c $.path", &["a", "b", "c"]),
        "tdigest.merge" => ("TDIGEST.MERGE d 1 a OVERRIDE", &["d", "a"]),
        _ => panic!("{name}: nobody has said where its keys are"),
    };
    assert_eq!(ours(&words(text)), expected, "{text}");
}

/// The class of each row is the strictest of what servers say, and its name is found in any case.
pub(super) fn check_classes(told: &[Told; 3]) {
    for (name, one) in judged() {
        let words = words(&name.replace('|', " "));
        let found = row(&words);
        let loud = self::words(&name.to_uppercase().replace('|', " "));
        assert_eq!(row(&loud).name, found.name);
        assert_eq!(name.rsplit('|').next().unwrap().to_uppercase(), found.name);
        assert_eq!(found.has(flags::UNKNOWN), one.is_beyond, "{name}");
        let facts = || told.iter().filter_map(|told| told.facts.get(name));
        for (flag, text) in [
            (flags::WRITE, "write"),
            (flags::ADMIN, "admin"),
            (flags::BLOCKING, "blocking"),
        ] {
            assert_eq!(
                found.has(flag),
                facts().any(|fact| fact.flags.contains(text)),
                "{name}: {text}"
            );
        }
        assert!(
            !(found.has(flags::READ) && found.has(flags::WRITE)),
            "{name}"
        );
        assert!(
            !(found.has(flags::WRITE) && found.repeat == table::Repeat::Reads),
            "{name}"
        );
    }
}
