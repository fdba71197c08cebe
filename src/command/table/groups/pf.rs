//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 5] = [
    Command::new("PFADD", -2, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(2, 8, 9).valkey(2, 8, 9),
    Command::new("PFCOUNT", -2, READ).keys(&[KeySpec::range(1, -1, 1)]).repeat(Repeat::Reads).redis(2, 8, 9).valkey(2, 8, 9),
    Command::new("PFDEBUG", 3, WRITE | ADMIN | DENY_OOM).keys(&[KeySpec::at(2)]).redis(2, 8, 9).valkey(2, 8, 9),
    Command::new("PFMERGE", -2, WRITE | DENY_OOM).keys(&[KeySpec::at(1), KeySpec::range(2, -1, 1)]).repeat(Repeat::LastWins).redis(2, 8, 9).valkey(2, 8, 9),
    Command::new("PFSELFTEST", 1, ADMIN).redis(2, 8, 9).valkey(2, 8, 9),
];
