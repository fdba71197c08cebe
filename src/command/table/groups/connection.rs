//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 8] = [
    Command::new("AUTH", -2, 0).sent(DispatchRule::Refused(RefusalReason::Login)).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("CLIENT", -2, 0).redis(2, 4, 0).valkey(2, 4, 0).subcommands(&[
        Command::new("CACHING", 3, 0).sent(DispatchRule::Refused(RefusalReason::State)).redis(6, 0, 0).valkey(6, 0, 0),
        Command::new("CAPA", -3, 0).sent(DispatchRule::Refused(RefusalReason::State)).valkey(8, 0, 0),
        Command::new("GETNAME", 2, 0).repeat(Repeat::Reads).redis(2, 6, 9).valkey(2, 6, 9),
        Command::new("GETREDIR", 2, 0).repeat(Repeat::Reads).redis(6, 0, 0).valkey(6, 0, 0),
        Command::new("HELP", 2, 0).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
        Command::new("ID", 2, 0).repeat(Repeat::Reads).redis(5, 0, 0).valkey(5, 0, 0),
        Command::new("IMPORT-SOURCE", 3, 0).sent(DispatchRule::Refused(RefusalReason::State)).valkey(8, 1, 0),
        Command::new("INFO", 2, VARYING).repeat(Repeat::Reads).redis(6, 2, 0).valkey(6, 2, 0),
        Command::new("KILL", -3, ADMIN).redis(2, 4, 0).valkey(2, 4, 0),
        Command::new("LIST", -2, ADMIN | VARYING).repeat(Repeat::Reads).redis(2, 4, 0).valkey(2, 4, 0),
        Command::new("MAINT_NOTIFICATIONS", -1, UNKNOWN).sent(DispatchRule::Refused(RefusalReason::State)),
        Command::new("NO-EVICT", 3, ADMIN).sent(DispatchRule::Refused(RefusalReason::State)).redis(7, 0, 0).valkey(7, 0, 0),
        Command::new("NO-TOUCH", 3, 0).sent(DispatchRule::Refused(RefusalReason::State)).redis(7, 2, 0).valkey(7, 2, 0),
        Command::new("PAUSE", -3, ADMIN).redis(3, 0, 0).valkey(3, 0, 0),
        Command::new("REPLY", 3, NO_MULTI).sent(DispatchRule::Refused(RefusalReason::State)).redis(3, 2, 0).valkey(3, 2, 0),
        Command::new("SETINFO", 4, 0).sent(DispatchRule::Refused(RefusalReason::State)).spread(RequestPolicy::AllNodes, ResponsePolicy::AllSucceeded).redis(7, 2, 0).valkey(7, 2, 0),
        Command::new("SETNAME", 3, 0).sent(DispatchRule::Refused(RefusalReason::State)).spread(RequestPolicy::AllNodes, ResponsePolicy::AllSucceeded).redis(2, 6, 9).valkey(2, 6, 9),
        Command::new("TRACKING", -3, 0).sent(DispatchRule::Refused(RefusalReason::State)).redis(6, 0, 0).valkey(6, 0, 0),
        Command::new("TRACKINGINFO", 2, 0).repeat(Repeat::Reads).redis(6, 2, 0).valkey(6, 2, 0),
        Command::new("UNBLOCK", -3, ADMIN).redis(5, 0, 0).valkey(5, 0, 0),
        Command::new("UNPAUSE", 2, ADMIN).redis(6, 2, 0).valkey(6, 2, 0),
    ]),
    Command::new("ECHO", 2, 0).repeat(Repeat::Reads).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("HELLO", -1, 0).sent(DispatchRule::Refused(RefusalReason::Login)).redis(6, 0, 0).valkey(6, 0, 0),
    Command::new("PING", -1, 0).repeat(Repeat::Reads).spread(RequestPolicy::AllShards, ResponsePolicy::AllSucceeded).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("QUIT", -1, 0).sent(DispatchRule::Refused(RefusalReason::End)).redis(1, 0, 0).valkey(1, 0, 0),
    Command::new("RESET", 1, 0).sent(DispatchRule::Refused(RefusalReason::End)).redis(6, 2, 0).valkey(6, 2, 0),
    Command::new("SELECT", 2, 0).sent(DispatchRule::Refused(RefusalReason::State)).redis(1, 0, 0).valkey(1, 0, 0),
];
