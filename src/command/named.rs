//! Names of commands that stand in the source: looked up in the table and encoded by the compiler. Nothing is
//! looked up at run time, when such a name costs a copy of a few bytes.

use super::table::{self, Command};

/// The name of a command of the table, with its sub-command if it has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    /// The row of its first word.
    pub(crate) command: &'static Command,
    /// What the command begins with on the wire, as long as it has no arguments but these words.
    pub(crate) start: &'static [u8],
    /// How many words the name has.
    pub(crate) words: usize,
}

/// A command by its name, as a constant: `named!("GET")`, `named!("CLIENT LIST")`. A name that the table
/// does not have does not compile.
macro_rules! named {
    ($name:expr) => {{
        use crate::command::named::{Named, known, start, start_length, words};
        // A constant of its own, so that the bytes have an address for the life of the program.
        const START: [u8; start_length($name)] = start($name);
        const NAMED: Named = Named {
            command: known($name),
            start: &START,
            words: words($name),
        };
        &const { NAMED }
    }};
}
pub(super) use named;

/// The row of the first word. Both words must be in the table.
pub(crate) const fn known(name: &str) -> &'static Command {
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
pub(crate) const fn words(name: &str) -> usize {
    let mut rest = name.as_bytes();
    let mut count = 1;
    while let (_, Some(more)) = word(rest) {
        (rest, count) = (more, count + 1);
    }
    count
}

/// The header of a command that has only its name.
const HEADER_LENGTH: usize = "*1\r\n".len();

/// How many bytes [`start`] has.
pub(crate) const fn start_length(name: &str) -> usize {
    let mut length = HEADER_LENGTH;
    let mut rest = Some(name.as_bytes());
    while let Some(name) = rest {
        let (first, more) = word(name);
        let digits = if first.len() < 10 { 1 } else { 2 };
        length += 1 + digits + 2 + first.len() + 2;
        rest = more;
    }
    length
}

/// What a command of this name begins with, as long as it has no arguments. `N` is its [`start_length`]; no
/// word of the table has a hundred letters, and no name has ten words.
pub(crate) const fn start<const N: usize>(name: &str) -> [u8; N] {
    let mut bytes = [0; N];
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
    bytes
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
            assert_eq!(built.whole().unwrap(), named.start, "{name}");
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
