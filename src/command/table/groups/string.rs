//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 24] = [
    Command::new("APPEND", 3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("DECR", 2, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("DECRBY", 3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("DELIFEQ", 3, WRITE).keys(&[KeySpec::at(1)]).valkey(9, 0, 0),
    Command::new("GET", 2, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("GETDEL", 2, WRITE).keys(&[KeySpec::at(1)]).redis(6, 2, 0).valkey(6, 2, 0),
    Command::new("GETEX", -2, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).except(Exception::ReadsWithout(&["EX", "PX", "EXAT", "PXAT", "PERSIST"])).redis(6, 2, 0).valkey(6, 2, 0),
    Command::new("GETRANGE", 4, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 4, 0).valkey(2, 4, 0),
    Command::new("GETSET", 3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("INCR", 2, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("INCRBY", 3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("INCRBYFLOAT", 3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(2, 6, 0).valkey(2, 6, 0),
    Command::new("LCS", -3, READ | LONG).keys(&[KeySpec::range(1, 1, 1)]).repeat(Repeat::Reads).redis(7, 0, 0).valkey(7, 0, 0),
    Command::new("MGET", -2, READ).keys(&[KeySpec::range(1, -1, 1)]).repeat(Repeat::Reads).spread(RequestPolicy::MultiShard, ResponsePolicy::Join).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("MSET", -3, WRITE | DENY_OOM).keys(&[KeySpec::range(1, -1, 2)]).repeat(Repeat::LastWins).spread(RequestPolicy::MultiShard, ResponsePolicy::AllSucceeded).redis(1, 0, 1).valkey(1, 0, 1),
    Command::new("MSETEX", -4, WRITE | MOVABLE | DENY_OOM).keys(&[KeySpec::counted(1, 2)]).repeat(Repeat::LastWins).except(Exception::NeverWith(&["NX", "XX"])).spread(RequestPolicy::MultiShard, ResponsePolicy::AllSucceeded).valkey(9, 1, 0),
    Command::new("MSETNX", -3, WRITE | DENY_OOM).keys(&[KeySpec::range(1, -1, 2)]).redis(1, 0, 1).valkey(1, 0, 1),
    Command::new("PSETEX", 4, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(2, 6, 0).valkey(2, 6, 0),
    Command::new("SET", -3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).except(Exception::NeverWith(&["NX", "XX", "GET", "IFEQ", "IFNE", "IFDEQ", "IFDNE"])).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SETEX", 4, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("SETNX", 3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("SETRANGE", 4, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(2, 2, 0).valkey(2, 2, 0),
    Command::new("STRLEN", 2, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 2, 0).valkey(2, 2, 0),
    Command::new("SUBSTR", 4, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
];
