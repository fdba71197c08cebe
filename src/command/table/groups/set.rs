//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 17] = [
    Command::new("SADD", -3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SCARD", 2, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SDIFF", -2, READ | VARYING | LONG).keys(&[KeySpec::range(1, -1, 1)]).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SDIFFSTORE", -3, WRITE | DENY_OOM | LONG).keys(&[KeySpec::at(1), KeySpec::range(2, -1, 1)]).repeat(Repeat::LastWins).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SINTER", -2, READ | VARYING | LONG).keys(&[KeySpec::range(1, -1, 1)]).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SINTERCARD", -3, READ | MOVABLE | LONG).keys(&[KeySpec::counted(1, 1)]).repeat(Repeat::Reads).redis(7, 0, 0).valkey(7, 0, 0),
    Command::new("SINTERSTORE", -3, WRITE | DENY_OOM | LONG).keys(&[KeySpec::at(1), KeySpec::range(2, -1, 1)]).repeat(Repeat::LastWins).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SISMEMBER", 3, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SMEMBERS", 2, READ | VARYING).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SMISMEMBER", -3, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(6, 2, 0).valkey(6, 2, 0),
    Command::new("SMOVE", 4, WRITE).keys(&[KeySpec::at(1), KeySpec::at(2)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SPOP", -2, WRITE | VARYING).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SRANDMEMBER", -2, READ | VARYING).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SREM", -3, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SSCAN", -3, READ | VARYING).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 8, 0).valkey(2, 8, 0),
    Command::new("SUNION", -2, READ | VARYING | LONG).keys(&[KeySpec::range(1, -1, 1)]).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SUNIONSTORE", -3, WRITE | DENY_OOM | LONG).keys(&[KeySpec::at(1), KeySpec::range(2, -1, 1)]).repeat(Repeat::LastWins).redis(1, 0, 0).valkey(1, 0, 0),
];
