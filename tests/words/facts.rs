//! What a server says of its commands.

use super::common::patient;
use super::common::redis::{Redis, Version};
use hitless::{Client, Commands, Options, Value, cmd};
use std::collections::{BTreeMap, BTreeSet};

/// Commands of modules that tell the server of their first key only, and where all of them are.
pub(super) const UNTOLD: [(&str, &[&str]); 3] = [
    ("cms.merge", &["KeySpec::at(1)", "KeySpec::counted(2, 1)"]),
    ("json.mget", &["KeySpec::range(1, -2, 1)"]),
    (
        "tdigest.merge",
        &["KeySpec::at(1)", "KeySpec::counted(2, 1)"],
    ),
];

/// What one server says of one command. Its name is `client|id`; keys are in the words of the table.
#[derive(Clone)]
pub(super) struct Fact {
    pub(super) arity: i64,
    pub(super) flags: BTreeSet<String>,
    pub(super) tips: BTreeSet<String>,
    pub(super) keys: Vec<String>,
    pub(super) group: String,
    pub(super) since: Option<String>,
}

/// A running server, and what it says of each of its commands.
pub(super) struct Told {
    pub(super) version: Version,
    pub(super) client: Client,
    pub(super) facts: BTreeMap<String, Fact>,
    _redis: Redis,
}

impl Told {
    pub(super) fn all() -> [Self; 3] {
        Version::ALL.map(Self::by)
    }

    fn by(version: Version) -> Self {
        let redis = Redis::with_modules(version);
        let client = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
        let mut facts = BTreeMap::new();
        let docs: BTreeMap<String, Value> = client.query(&cmd("COMMAND DOCS")).unwrap();
        let mut about = BTreeMap::new();
        for (name, doc) in &docs {
            describe(name, doc, "", &mut about);
        }
        let commands: Vec<Value> = client.query(&cmd("COMMAND")).unwrap();
        for command in &commands {
            read(command, &about, &mut facts);
        }
        // Once more from the other tables, in case one of them leaves something out.
        let list: Vec<String> = client.query(&cmd("COMMAND LIST")).unwrap();
        for name in list.iter().chain(about.keys()) {
            let name = name.to_lowercase();
            assert!(
                facts.contains_key(&name),
                "{version:?}: COMMAND has no {name}"
            );
        }
        Self {
            version,
            client,
            facts,
            _redis: redis,
        }
    }
}

/// The group of a command and of its sub-commands, and since when there is each.
fn describe(
    name: &str,
    doc: &Value,
    group: &str,
    about: &mut BTreeMap<String, (String, Option<String>)>,
) {
    let doc = doc.as_pairs().unwrap();
    let text = |key: &[u8]| doc.get(key).and_then(Value::as_str).map(str::to_owned);
    let group = if group.is_empty() {
        text(b"group").unwrap()
    } else {
        group.to_owned()
    };
    if let Some(inner) = doc.get(b"subcommands") {
        for (name, doc) in inner.as_pairs().unwrap() {
            describe(name.as_str().unwrap(), doc, &group, about);
        }
    }
    about.insert(name.to_lowercase(), (group, text(b"since")));
}

fn read(
    command: &Value,
    about: &BTreeMap<String, (String, Option<String>)>,
    facts: &mut BTreeMap<String, Fact>,
) {
    let fields = command.as_items().unwrap();
    let words = |at: usize| {
        let items = fields[at].as_items().unwrap().iter();
        let words = items.map(|item| item.as_str().unwrap().to_owned());
        words.collect::<BTreeSet<_>>()
    };
    let name = fields[0].as_str().unwrap().to_lowercase();
    let (group, since) = about[&name].clone();
    for inner in fields[9].as_items().unwrap().iter() {
        read(inner, about, facts);
    }
    let specs = fields[8].as_items().unwrap().iter();
    let mut keys: Vec<String> = specs.map(|spec| key_spec(&name, spec)).collect();
    if let Some((_, all)) = UNTOLD.iter().find(|(known, _)| *known == name) {
        assert_eq!(
            keys,
            ["KeySpec::at(1)"],
            "{name}: does it tell more by now?"
        );
        keys = all.iter().map(|key| (*key).to_owned()).collect();
    }
    let fact = Fact {
        arity: fields[1].as_int().unwrap(),
        flags: words(2),
        tips: words(7),
        keys,
        group,
        since,
    };
    assert!(
        facts.insert(name, fact).is_none(),
        "a command is there twice"
    );
}

/// A specification of keys in the words of the table.
fn key_spec(command: &str, spec: &Value) -> String {
    let spec = spec.as_pairs().unwrap();
    let part = |name: &[u8]| {
        let part = spec.get(name).unwrap().as_pairs().unwrap();
        let kind = part.get(b"type").unwrap().as_str().unwrap();
        (kind, part.get(b"spec").unwrap().as_pairs().unwrap())
    };
    let (start, at) = part(b"begin_search");
    let (find, how) = part(b"find_keys");
    let start_of = |name: &[u8]| at.get(name).unwrap().as_int().unwrap();
    let how_of = |name: &[u8]| how.get(name).unwrap().as_int().unwrap();
    let text = match (command, start, find) {
        ("migrate", "index", "range") => {
            assert_eq!((start_of(b"index"), how_of(b"lastkey")), (3, 0));
            "KeySpec::special(Start::Migrate, 0)".to_owned()
        }
        // The table's own code for `MIGRATE` finds these too.
        ("migrate", "keyword", "range") => String::new(),
        // Patterns, which are no keys.
        ("sort_ro", "unknown", "unknown") => String::new(),
        ("sort", "unknown", "unknown") => "KeySpec::special(Start::SortStore, 0)".to_owned(),
        (_, "index", "range") => {
            let (index, last, step) = (start_of(b"index"), how_of(b"lastkey"), how_of(b"keystep"));
            assert_eq!(how_of(b"limit"), 0, "{command}");
            if last == 0 {
                format!("KeySpec::at({index})")
            } else {
                format!("KeySpec::range({index}, {last}, {step})")
            }
        }
        (_, "index", "keynum") => {
            assert_eq!(
                (how_of(b"keynumidx"), how_of(b"firstkey")),
                (0, 1),
                "{command}"
            );
            let (index, step) = (start_of(b"index"), how_of(b"keystep"));
            format!("KeySpec::counted({index}, {step})")
        }
        (_, "keyword", "range") => {
            let word = at.get(b"keyword").unwrap().as_str().unwrap();
            let (from, last, step, limit) = (
                start_of(b"startfrom"),
                how_of(b"lastkey"),
                how_of(b"keystep"),
                how_of(b"limit"),
            );
            assert!(from > 0, "{command}");
            format!("KeySpec::behind(\"{word}\", {from}, {last}, {step}, {limit})")
        }
        _ => panic!("the table cannot say where the keys of {command} are: {spec:?}"),
    };
    let flags = spec.get(b"flags").unwrap().as_items().unwrap();
    if flags.iter().any(|flag| flag.as_str() == Some("not_key")) {
        return text + ".channels()";
    }
    text
}
