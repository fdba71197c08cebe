//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 7] = [
    Command::new("BITCOUNT", -2, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 6, 0).valkey(2, 6, 0),
    Command::new("BITFIELD", -2, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).except(Exception::ReadsWithout(&["SET", "INCRBY"])).redis(3, 2, 0).valkey(3, 2, 0),
    Command::new("BITFIELD_RO", -2, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(6, 0, 0).valkey(6, 0, 0),
    Command::new("BITOP", -4, WRITE | DENY_OOM | LONG).keys(&[KeySpec::at(2), KeySpec::range(3, -1, 1)]).redis(2, 6, 0).valkey(2, 6, 0),
    Command::new("BITPOS", -3, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 8, 7).valkey(2, 8, 7),
    Command::new("GETBIT", 3, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 2, 0).valkey(2, 2, 0),
    Command::new("SETBIT", 4, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(2, 2, 0).valkey(2, 2, 0),
];
