//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 22] = [
    Command::new("BLMOVE", 6, WRITE | BLOCKING | DENY_OOM).keys(&[KeySpec::at(1), KeySpec::at(2)]).sent(DispatchRule::Blocks(Time::LastSeconds)).redis(6, 2, 0).valkey(6, 2, 0),
    Command::new("BLMPOP", -5, WRITE | BLOCKING | MOVABLE).keys(&[KeySpec::counted(2, 1)]).sent(DispatchRule::Blocks(Time::Seconds(1))).redis(7, 0, 0).valkey(7, 0, 0),
    Command::new("BLPOP", -3, WRITE | BLOCKING).keys(&[KeySpec::range(1, -2, 1)]).sent(DispatchRule::Blocks(Time::LastSeconds)).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("BRPOP", -3, WRITE | BLOCKING).keys(&[KeySpec::range(1, -2, 1)]).sent(DispatchRule::Blocks(Time::LastSeconds)).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("BRPOPLPUSH", 4, WRITE | BLOCKING | DENY_OOM).keys(&[KeySpec::at(1), KeySpec::at(2)]).sent(DispatchRule::Blocks(Time::LastSeconds)).redis(2, 2, 0).valkey(2, 2, 0),
    Command::new("LINDEX", 3, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("LINSERT", 5, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(2, 2, 0).valkey(2, 2, 0),
    Command::new("LLEN", 2, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("LMOVE", 5, WRITE | DENY_OOM).keys(&[KeySpec::at(1), KeySpec::at(2)]).redis(6, 2, 0).valkey(6, 2, 0),
    Command::new("LMPOP", -4, WRITE | MOVABLE).keys(&[KeySpec::counted(1, 1)]).redis(7, 0, 0).valkey(7, 0, 0),
    Command::new("LPOP", -2, WRITE).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("LPOS", -3, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(6, 0, 6).valkey(6, 0, 6),
    Command::new("LPUSH", -3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("LPUSHX", -3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(2, 2, 0).valkey(2, 2, 0),
    Command::new("LRANGE", 4, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("LREM", 4, WRITE).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("LSET", 4, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("LTRIM", 4, WRITE).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("RPOP", -2, WRITE).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("RPOPLPUSH", 3, WRITE | DENY_OOM).keys(&[KeySpec::at(1), KeySpec::at(2)]).redis(1, 2, 0).valkey(1, 2, 0),
    Command::new("RPUSH", -3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("RPUSHX", -3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).redis(2, 2, 0).valkey(2, 2, 0),
];
