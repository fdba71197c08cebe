//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 28] = [
    Command::new("HDEL", -3, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("HEXISTS", 3, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("HEXPIRE", -6, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(7, 4, 0).valkey(9, 0, 0),
    Command::new("HEXPIREAT", -6, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(7, 4, 0).valkey(9, 0, 0),
    Command::new("HEXPIRETIME", -5, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(7, 4, 0).valkey(9, 0, 0),
    Command::new("HGET", 3, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("HGETALL", 2, READ | VARYING).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("HGETDEL", -5, WRITE).keys(&[KeySpec::at(1)]).redis(8, 0, 0).valkey(9, 1, 0),
    Command::new("HGETEX", -5, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).except(Exception::ReadsWithout(&["EX", "PX", "EXAT", "PXAT", "PERSIST"])).redis(8, 0, 0).valkey(9, 0, 0),
    Command::new("HINCRBY", 4, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("HINCRBYFLOAT", 4, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(2, 6, 0).valkey(2, 6, 0),
    Command::new("HKEYS", 2, READ | VARYING).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("HLEN", 2, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("HMGET", -3, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("HMSET", -4, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("HPERSIST", -5, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(7, 4, 0).valkey(9, 0, 0),
    Command::new("HPEXPIRE", -6, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(7, 4, 0).valkey(9, 0, 0),
    Command::new("HPEXPIREAT", -6, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(7, 4, 0).valkey(9, 0, 0),
    Command::new("HPEXPIRETIME", -5, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(7, 4, 0).valkey(9, 0, 0),
    Command::new("HPTTL", -5, READ | VARYING).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(7, 4, 0).valkey(9, 0, 0),
    Command::new("HRANDFIELD", -2, READ | VARYING).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(6, 2, 0).valkey(6, 2, 0),
    Command::new("HSCAN", -3, READ | VARYING).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 8, 0).valkey(2, 8, 0),
    Command::new("HSET", -4, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("HSETEX", -6, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).except(Exception::NeverWith(&["FNX", "FXX"])).redis(8, 0, 0).valkey(9, 0, 0),
    Command::new("HSETNX", 4, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("HSTRLEN", 3, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(3, 2, 0).valkey(3, 2, 0),
    Command::new("HTTL", -5, READ | VARYING).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(7, 4, 0).valkey(9, 0, 0),
    Command::new("HVALS", 2, READ | VARYING).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(2, 0, 0).valkey(2, 0, 0),
];
