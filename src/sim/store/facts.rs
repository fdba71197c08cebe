//! What `COMMAND` tells of each command. Executes none.

use crate::protocol::{Items, Pairs, Value};
use crate::sim::answer::integer;

/// One command a line, its fields parted by tabs, as a live server told them.
const FACTS: &str = include_str!("commands.txt");

/// What is known of one command or sub-command.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Facts {
    /// In lower case; a sub-command behind a bar.
    pub(in crate::sim) name: &'static str,
    /// How many words, the names included; negative: at least that many.
    pub(in crate::sim) arity: i64,
    flags: &'static str,
    /// The places of the first key and the last, and the step between keys.
    places: &'static str,
    pub(in crate::sim) categories: &'static str,
    tips: &'static str,
    specs: &'static str,
    since: &'static str,
    group: &'static str,
    complexity: &'static str,
    summary: &'static str,
}

/// A number of the table; what is none counts as 0.
fn number(text: &str) -> i64 {
    integer(text.as_bytes()).unwrap_or(0)
}

/// The words of a field; `-` stands for none.
fn words(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split(',').filter(|word| *word != "-")
}

/// A text of an answer.
fn bulk(text: &str) -> Value {
    Value::Bulk(text.into())
}

/// A map of an answer. RESP2 gets it flat.
fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let flat = entries
        .into_iter()
        .flat_map(|(key, value)| [bulk(key), value]);
    Value::Map(Pairs(Items(flat.collect())))
}

/// A set of simple strings.
fn states(list: &'static str) -> Value {
    let all = words(list).map(|word| Value::Simple(word.into()));
    Value::Set(all.collect())
}

impl Facts {
    /// Reads one line; `None` if a field is missing.
    fn parse(line: &'static str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        Some(Self {
            name: next()?,
            arity: number(next()?),
            flags: next()?,
            places: next()?,
            categories: next()?,
            tips: next()?,
            specs: next()?,
            since: next()?,
            group: next()?,
            complexity: next()?,
            summary: next()?,
        })
    }

    /// All commands and sub-commands, each container in front of its sub-commands.
    pub(in crate::sim) fn all() -> impl Iterator<Item = Self> {
        FACTS
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(Self::parse)
    }

    /// All commands that are no sub-commands.
    pub(in crate::sim) fn commands() -> impl Iterator<Item = Self> {
        Self::all().filter(|one| !one.name.contains('|'))
    }

    /// The command of this name in any case, `client` or `client|id`.
    pub(in crate::sim) fn find(name: &[u8]) -> Option<Self> {
        Self::all().find(|one| one.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The sub-commands of a container.
    pub(in crate::sim) fn subcommands(self) -> impl Iterator<Item = Self> {
        Self::all().filter(move |one| {
            let rest = one.name.strip_prefix(self.name);
            rest.is_some_and(|rest| rest.starts_with('|'))
        })
    }

    /// Whether the command changes nothing.
    pub(in crate::sim) fn only_reads(self) -> bool {
        words(self.flags).any(|flag| flag == "readonly")
    }

    /// Whether a command may have so many words.
    pub(in crate::sim) fn admits(self, words: usize) -> bool {
        let least = usize::try_from(self.arity.unsigned_abs()).unwrap_or(usize::MAX);
        words == least || self.arity < 0 && words > least
    }

    /// The entry of `COMMAND` and `COMMAND INFO`: ten elements.
    pub(in crate::sim) fn entry(self) -> Value {
        let mut entry = vec![bulk(self.name), Value::Int(self.arity), states(self.flags)];
        entry.extend(
            self.places
                .split(' ')
                .map(|place| Value::Int(number(place))),
        );
        entry.push(states(self.categories));
        entry.push(Value::Set(words(self.tips).map(bulk).collect()));
        let specs = self.specs.split(';').filter_map(spec);
        entry.push(Value::Set(specs.collect()));
        let inner = self.subcommands().map(Self::entry);
        entry.push(Value::Set(inner.collect()));
        Value::Array(entry.into())
    }

    /// The value of `COMMAND DOCS`, without the syntax of the arguments.
    pub(in crate::sim) fn docs(self) -> Value {
        let mut flat = Vec::new();
        for (key, text) in [
            ("summary", self.summary),
            ("since", self.since),
            ("group", self.group),
            ("complexity", self.complexity),
        ] {
            if text != "-" {
                flat.extend([bulk(key), bulk(text)]);
            }
        }
        let inner: Vec<Value> = self
            .subcommands()
            .flat_map(|one| [bulk(one.name), one.docs()])
            .collect();
        if !inner.is_empty() {
            flat.extend([bulk("subcommands"), Value::Map(Pairs(Items(inner)))]);
        }
        Value::Map(Pairs(Items(flat)))
    }
}

/// How the keys of a command are found: from an index or behind a word (`STREAMS@1`) on, in a range.
fn spec(text: &'static str) -> Option<Value> {
    let mut fields = text.split(':');
    let flags = fields.next().filter(|flags| *flags != "-")?;
    let begin = fields.next()?;
    let begin = match begin.split_once('@') {
        Some((word, from)) => map([
            ("type", bulk("keyword")),
            (
                "spec",
                map([
                    ("keyword", bulk(word)),
                    ("startfrom", Value::Int(number(from))),
                ]),
            ),
        ]),
        None => map([
            ("type", bulk("index")),
            ("spec", map([("index", Value::Int(number(begin)))])),
        ]),
    };
    let mut next = || fields.next().map(|field| Value::Int(number(field)));
    let (last, step, limit) = (next()?, next()?, next()?);
    let range = [("lastkey", last), ("keystep", step), ("limit", limit)];
    let keys = map([("type", bulk("range")), ("spec", map(range))]);
    Some(map([
        ("flags", states(flags)),
        ("begin_search", begin),
        ("find_keys", keys),
    ]))
}

#[cfg(test)]
mod tests {
    use super::{FACTS, Facts};
    use crate::sim::store::table::COMMANDS;

    #[test]
    fn every_command_has_its_facts_and_nothing_else_has() {
        let lines = FACTS.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(Facts::all().count(), lines);
        let known: Vec<(&str, i64)> = Facts::commands().map(|one| (one.name, one.arity)).collect();
        let ours: Vec<(&str, i64)> = COMMANDS
            .iter()
            .map(|spec| (spec.name, i64::from(spec.arity)))
            .collect();
        assert_eq!(known, ours);
        assert!(Facts::all().is_sorted_by(|a, b| a.name < b.name));
    }
}
