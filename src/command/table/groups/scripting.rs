//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 8] = [
    Command::new("EVAL", -3, MOVABLE | SCRIPT | LONG).keys(&[KeySpec::counted(2, 1)]).redis(2, 6, 0).valkey(2, 6, 0),
    Command::new("EVAL_RO", -3, READ | MOVABLE | SCRIPT | LONG).keys(&[KeySpec::counted(2, 1)]).repeat(Repeat::Reads).redis(7, 0, 0).valkey(7, 0, 0),
    Command::new("EVALSHA", -3, MOVABLE | SCRIPT | LONG).keys(&[KeySpec::counted(2, 1)]).redis(2, 6, 0).valkey(2, 6, 0),
    Command::new("EVALSHA_RO", -3, READ | MOVABLE | SCRIPT | LONG).keys(&[KeySpec::counted(2, 1)]).repeat(Repeat::Reads).redis(7, 0, 0).valkey(7, 0, 0),
    Command::new("FCALL", -3, MOVABLE | SCRIPT | LONG).keys(&[KeySpec::counted(2, 1)]).redis(7, 0, 0).valkey(7, 0, 0),
    Command::new("FCALL_RO", -3, READ | MOVABLE | SCRIPT | LONG).keys(&[KeySpec::counted(2, 1)]).repeat(Repeat::Reads).redis(7, 0, 0).valkey(7, 0, 0),
    Command::new("FUNCTION", -2, 0).redis(7, 0, 0).valkey(7, 0, 0).subcommands(&[
        Command::new("DELETE", 3, WRITE).spread(RequestPolicy::AllShards, ResponsePolicy::AllSucceeded).redis(7, 0, 0).valkey(7, 0, 0),
        Command::new("DUMP", 2, 0).repeat(Repeat::Reads).redis(7, 0, 0).valkey(7, 0, 0),
        Command::new("FLUSH", -2, WRITE).spread(RequestPolicy::AllShards, ResponsePolicy::AllSucceeded).redis(7, 0, 0).valkey(7, 0, 0),
        Command::new("HELP", 2, 0).repeat(Repeat::Reads).redis(7, 0, 0).valkey(7, 0, 0),
        Command::new("KILL", 2, 0).spread(RequestPolicy::AllShards, ResponsePolicy::OneSucceeded).redis(7, 0, 0).valkey(7, 0, 0),
        Command::new("LIST", -2, VARYING).repeat(Repeat::Reads).redis(7, 0, 0).valkey(7, 0, 0),
        Command::new("LOAD", -3, WRITE | DENY_OOM).spread(RequestPolicy::AllShards, ResponsePolicy::AllSucceeded).redis(7, 0, 0).valkey(7, 0, 0),
        Command::new("RESTORE", -3, WRITE | DENY_OOM).spread(RequestPolicy::AllShards, ResponsePolicy::AllSucceeded).redis(7, 0, 0).valkey(7, 0, 0),
        Command::new("STATS", 2, VARYING).repeat(Repeat::Reads).spread(RequestPolicy::AllShards, ResponsePolicy::Special).redis(7, 0, 0).valkey(7, 0, 0),
    ]),
    Command::new("SCRIPT", -2, 0).redis(2, 6, 0).valkey(2, 6, 0).subcommands(&[
        Command::new("DEBUG", 3, 0).sent(DispatchRule::Refused(RefusalReason::State)).redis(3, 2, 0).valkey(3, 2, 0),
        Command::new("EXISTS", -3, 0).repeat(Repeat::Reads).spread(RequestPolicy::AllShards, ResponsePolicy::And).redis(2, 6, 0).valkey(2, 6, 0),
        Command::new("FLUSH", -2, 0).spread(RequestPolicy::AllNodes, ResponsePolicy::AllSucceeded).redis(2, 6, 0).valkey(2, 6, 0),
        Command::new("HELP", 2, 0).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
        Command::new("KILL", 2, 0).spread(RequestPolicy::AllShards, ResponsePolicy::OneSucceeded).redis(2, 6, 0).valkey(2, 6, 0),
        Command::new("LOAD", 3, 0).spread(RequestPolicy::AllNodes, ResponsePolicy::AllSucceeded).redis(2, 6, 0).valkey(2, 6, 0),
        Command::new("SHOW", 3, 0).repeat(Repeat::Reads).valkey(8, 0, 0),
    ]),
];
