//! Names of commands that stand in the source: looked up in the table and encoded by the compiler. Nothing is
//! looked up at run time, when such a name costs a copy of a few bytes.

use super::table::{self, Command};

/// The name of a command of the table, with its sub-command if it has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    /// The row of its first word.
    pub(crate) command: &'static Command,
    /// How many words the name has.
    pub(crate) words: usize,
    /// What the command begins with on the wire, as long as it has no arguments but these words, and what is left
    /// of the room.
    bytes: [u8; ROOM],
    length: usize,
}

/// Room for the beginning of every command of the table. A longer one does not compile.
const ROOM: usize = 64;

/// A command by its name, as a constant: `named!("GET")`, `named!("CLIENT LIST")`. A name that the table
/// does not have does not compile.
macro_rules! named {
    // One constant and nothing else: there are hundreds of methods, and each item in each is compiled.
    ($name:expr) => {
        &const { crate::command::named::Named::of($name) }
    };
}
pub(super) use named;

impl Named {
    /// The command of this name, which must be in the table.
    pub(crate) const fn of(name: &str) -> Self {
        let (bytes, length) = start(name);
        Self {
            command: known(name),
            words: words(name),
            bytes,
            length,
        }
    }

    /// What the command begins with on the wire, as long as it has no arguments but its name.
    pub(crate) fn start(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The row of the first word. Both words must be in the table.
const fn known(name: &str) -> &'static Command {
    let (first, second) = word(name.as_bytes());
    let command = table::find(first);
    assert!(
        !command.has(table::flags::UNKNOWN),
        "a command that is not in the table"
    );
    if let Some(second) = second {
        assert!(
            command.has_subcommand(second),
            "a sub-command that is not in the table"
        );
    }
    command
}

/// The first word, and what follows the space behind it.
const fn word(name: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut at = 0;
    while at < name.len() {
        if name[at] == b' ' {
            let (first, rest) = name.split_at(at);
            return (first, Some(rest.split_at(1).1));
        }
        at += 1;
    }
    (name, None)
}

/// How many words a name has.
const fn words(name: &str) -> usize {
    let mut rest = name.as_bytes();
    let mut count = 1;
    while let (_, Some(more)) = word(rest) {
        (rest, count) = (more, count + 1);
    }
    count
}

/// What a command of this name begins with, as long as it has no arguments, and how long that is. No word of the
/// table has a hundred letters, and no name has ten words.
const fn start(name: &str) -> ([u8; ROOM], usize) {
    let mut bytes = [0; ROOM];
    let mut at = put(
        &mut bytes,
        0,
        &[b'*', b'0' + words(name) as u8, b'\r', b'\n'],
    );
    let mut rest = Some(name.as_bytes());
    while let Some(name) = rest {
        let (first, more) = word(name);
        let (tens, ones) = (first.len() as u8 / 10, first.len() as u8 % 10);
        at = put(&mut bytes, at, b"$");
        if tens > 0 {
            at = put(&mut bytes, at, &[b'0' + tens]);
        }
        at = put(&mut bytes, at, &[b'0' + ones, b'\r', b'\n']);
        at = put(&mut bytes, at, first);
        at = put(&mut bytes, at, b"\r\n");
        rest = more;
    }
    (bytes, at)
}

/// Copies `part` to `at`, and yields where it ends. A loop over numbers: the compiler runs no iterators.
const fn put(bytes: &mut [u8], at: usize, part: &[u8]) -> usize {
    let mut byte = 0;
    while byte < part.len() {
        bytes[at + byte] = part[byte];
        byte += 1;
    }
    at + byte
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::cmd;

    #[test]
    fn a_name_in_the_source_begins_as_one_at_run_time() {
        let check = |named: &Named, name: &str| {
            let built = cmd(name);
            assert_eq!(built.whole().unwrap(), named.start(), "{name}");
            assert_eq!(built.count, named.words);
            assert!(std::ptr::eq(built.command, named.command));
        };
        check(named!("GET"), "GET");
        check(named!("GEORADIUSBYMEMBER_RO"), "GEORADIUSBYMEMBER_RO");
        check(named!("CLIENT NO-EVICT"), "CLIENT NO-EVICT");
        check(
            named!("CLUSTER COUNT-FAILURE-REPORTS"),
            "CLUSTER COUNT-FAILURE-REPORTS",
        );
    }
}
