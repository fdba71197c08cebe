//! The commands of Redis 7.0, Redis 8.2 and Valkey 9.1, with the modules of JSON and Bloom filters, and what is
//! known of each. Sends nothing and asks no server: it is data, and the look-up in it.
//!
//! ```text
//!   COMMAND and COMMAND DOCS of three servers --+
//!                                               +--> tests/words.rs --> groups/*.rs
//!   judged.txt, written by hand ----------------+
//! ```
//!
//! Where servers differ, the stricter class counts: a command is a write if one of them says so, and a
//! read only if all do. To write the rows again, after a change of `judged.txt` or for a newer server:
//! `HITLESS_WRITE_TABLE=1 cargo test --features sim --test words`.
//!
//! The shape of a reply is left out: of these servers, as they are distributed, none tells it. (`COMMAND DOCS`
//! has a `reply_schema` only where Redis was built with `LOG_REQ_RES`.)
//!
//! Of a command that is not in the table (a module's, or one that is newer than Redis 8.2 and Valkey 9.1)
//! nothing is assumed. Its server is asked whether it blocks or belongs to its connection; otherwise it is sent
//! on a shared one. It is never repeated: see [`UNKNOWN`].

mod dispatch;
// Rows of one line each.
#[rustfmt::skip]
mod groups;
mod keys;
mod row;

pub(crate) use dispatch::{Dispatch, DispatchRule, RefusalReason, Time};
pub(crate) use keys::{Arguments, KeySpec, Start};
pub(crate) use row::{Command, Exception, Repeat, RequestPolicy, ResponsePolicy, flags};

use groups::GROUPS;

/// Places in the index, a power of two: about four times as many as there are names, so that most names
/// are found at the first place.
const PLACES: usize = 1024;

/// The letters of the longest name. What is longer is no command of the table.
const LONGEST: usize = 24;

/// The commands by their names: an open hash table, which the compiler fills. 8 KiB.
static INDEX: [Option<&Command>; PLACES] = index();

/// A command that is not in the table. It is sent as its server says. It may write, its reply may be the only copy of
/// what it says, it is never repeated, and where its keys are is not known.
pub(crate) static UNKNOWN: Command = Command::new("", 0, flags::UNKNOWN).sent(DispatchRule::Asked);

/// As [`UNKNOWN`], of a name that begins like those which run commands of their own: a newer one, or one that
/// the server was told to rename. An error of it does not say that nothing ran.
pub(crate) static UNKNOWN_SCRIPT: Command =
    Command::new("", 0, flags::UNKNOWN | flags::SCRIPT).sent(DispatchRule::Asked);

/// How names of such commands begin.
const SCRIPTS: [&[u8]; 4] = [b"EVAL", b"FCALL", b"RG.", b"TFCALL"];

/// A command that was begun without a name. It is not sent: its first argument would be the name for the
/// server, and nobody has looked up whether that may be sent with others.
pub(crate) static NAMELESS: Command =
    Command::new("", 0, flags::UNKNOWN).sent(DispatchRule::Refused(RefusalReason::Nameless));

/// A command of which an argument could not be made. It is not sent.
pub(crate) static UNMADE: Command =
    Command::new("", 0, flags::UNKNOWN).sent(DispatchRule::Refused(RefusalReason::Unmade));

/// The command of this name, in any case; [`UNKNOWN`] or [`UNKNOWN_SCRIPT`] if there is none.
///
/// A name that is written in the source is looked up by the compiler. At run time this costs one pass
/// over the name and, for nearly every name, one comparison.
pub(crate) const fn find(name: &[u8]) -> &'static Command {
    // Also bounds the work for a name that is chosen by a stranger.
    if name.len() > LONGEST {
        return unknown(name);
    }
    let mut place = hash(name);
    while let Some(command) = INDEX[place] {
        if is_same(command.name.as_bytes(), name) {
            return command;
        }
        // Taken by another name: the next place. Fewer than half of the places are used, so that this is rare.
        place = (place + 1) % PLACES;
    }
    unknown(name)
}

/// What is assumed of a command of this name, which is not in the table.
const fn unknown(name: &[u8]) -> &'static Command {
    let mut at = 0;
    while at < SCRIPTS.len() {
        if let Some((start, _)) = name.split_at_checked(SCRIPTS[at].len()) {
            if is_same(start, SCRIPTS[at]) {
                return &UNKNOWN_SCRIPT;
            }
        }
        at += 1;
    }
    &UNKNOWN
}

const fn index() -> [Option<&'static Command>; PLACES] {
    // Loops over numbers: the compiler runs no iterators.
    let mut index = [None; PLACES];
    let mut group = 0;
    while group < GROUPS.len() {
        let commands = GROUPS[group];
        let mut at = 0;
        while at < commands.len() {
            let command = &commands[at];
            assert!(command.name.len() <= LONGEST, "LONGEST is too short");
            let mut place = hash(command.name.as_bytes());
            while index[place].is_some() {
                place = (place + 1) % PLACES;
            }
            index[place] = Some(command);
            at += 1;
        }
        group += 1;
    }
    index
}

/// FNV-1a over the letters, without their case.
const fn hash(mut name: &[u8]) -> usize {
    let mut hash: u32 = 0x811c_9dc5;
    while let [letter, rest @ ..] = name {
        // FNV-1a over the letters without their case bit.
        hash = (hash ^ (*letter & !0x20) as u32).wrapping_mul(0x0100_0193);
        name = rest;
    }
    (hash ^ (hash >> 16)) as usize % PLACES
}

/// Whether two words are the same but for the case of their letters.
pub(crate) const fn is_same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([a, one_rest @ ..], [b, other_rest @ ..]) = (one, other) {
        // Nearly all names come as they are in the table.
        if *a != *b && !a.eq_ignore_ascii_case(b) {
            return false;
        }
        (one, other) = (one_rest, other_rest);
    }
    // One of them has ended: they are the same if both have.
    one.is_empty() && other.is_empty()
}

#[cfg(test)]
mod tests;
