//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 17] = [
    Command::new("XACK", -4, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(5, 0, 0).valkey(5, 0, 0),
    Command::new("XACKDEL", -6, WRITE).keys(&[KeySpec::at(1)]).redis(8, 2, 0),
    Command::new("XADD", -5, WRITE | DENY_OOM | VARYING).keys(&[KeySpec::at(1)]).redis(5, 0, 0).valkey(5, 0, 0),
    Command::new("XAUTOCLAIM", -6, WRITE | VARYING).keys(&[KeySpec::at(1)]).redis(6, 2, 0).valkey(6, 2, 0),
    Command::new("XCLAIM", -6, WRITE | VARYING).keys(&[KeySpec::at(1)]).redis(5, 0, 0).valkey(5, 0, 0),
    Command::new("XDEL", -3, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(5, 0, 0).valkey(5, 0, 0),
    Command::new("XDELEX", -5, WRITE).keys(&[KeySpec::at(1)]).redis(8, 2, 0),
    Command::new("XGROUP", -2, 0).redis(5, 0, 0).valkey(5, 0, 0).subcommands(&[
        Command::new("CREATE", -5, WRITE | DENY_OOM).keys(&[KeySpec::at(2)]).redis(5, 0, 0).valkey(5, 0, 0),
        Command::new("CREATECONSUMER", 5, WRITE | DENY_OOM).keys(&[KeySpec::at(2)]).redis(6, 2, 0).valkey(6, 2, 0),
        Command::new("DELCONSUMER", 5, WRITE).keys(&[KeySpec::at(2)]).redis(5, 0, 0).valkey(5, 0, 0),
        Command::new("DESTROY", 4, WRITE).keys(&[KeySpec::at(2)]).redis(5, 0, 0).valkey(5, 0, 0),
        Command::new("HELP", 2, 0).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
        Command::new("SETID", -5, WRITE).keys(&[KeySpec::at(2)]).repeat(Repeat::LastWins).redis(5, 0, 0).valkey(5, 0, 0),
    ]),
    Command::new("XINFO", -2, 0).redis(5, 0, 0).valkey(5, 0, 0).subcommands(&[
        Command::new("CONSUMERS", 4, READ | VARYING).keys(&[KeySpec::at(2)]).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
        Command::new("GROUPS", 3, READ).keys(&[KeySpec::at(2)]).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
        Command::new("HELP", 2, 0).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
        Command::new("STREAM", -3, READ).keys(&[KeySpec::at(2)]).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
    ]),
    Command::new("XLEN", 2, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
    Command::new("XPENDING", -3, READ | VARYING).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
    Command::new("XRANGE", -4, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
    Command::new("XREAD", -4, READ | BLOCKING | MOVABLE).keys(&[KeySpec::behind("STREAMS", 1, -1, 1, 2)]).sent(DispatchRule::Blocks(Time::BlockOption)).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
    Command::new("XREADGROUP", -7, WRITE | BLOCKING | MOVABLE).keys(&[KeySpec::behind("STREAMS", 4, -1, 1, 2)]).sent(DispatchRule::Blocks(Time::BlockOption)).redis(5, 0, 0).valkey(5, 0, 0),
    Command::new("XREVRANGE", -4, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
    Command::new("XSETID", -3, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(5, 0, 0).valkey(5, 0, 0),
    Command::new("XTRIM", -4, WRITE | VARYING).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(5, 0, 0).valkey(5, 0, 0),
];
