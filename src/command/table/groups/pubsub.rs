//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 9] = [
    Command::new("PSUBSCRIBE", -2, PUBSUB).sent(DispatchRule::Refused(RefusalReason::Stream)).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("PUBLISH", 3, PUBSUB).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("PUBSUB", -2, 0).redis(2, 8, 0).valkey(2, 8, 0).subcommands(&[
        Command::new("CHANNELS", -2, PUBSUB).repeat(Repeat::Reads).redis(2, 8, 0).valkey(2, 8, 0),
        Command::new("HELP", 2, 0).repeat(Repeat::Reads).redis(6, 2, 0).valkey(6, 2, 0),
        Command::new("NUMPAT", 2, PUBSUB).repeat(Repeat::Reads).redis(2, 8, 0).valkey(2, 8, 0),
        Command::new("NUMSUB", -2, PUBSUB).repeat(Repeat::Reads).redis(2, 8, 0).valkey(2, 8, 0),
        Command::new("SHARDCHANNELS", -2, PUBSUB).repeat(Repeat::Reads).redis(7, 0, 0).valkey(7, 0, 0),
        Command::new("SHARDNUMSUB", -2, PUBSUB).repeat(Repeat::Reads).redis(7, 0, 0).valkey(7, 0, 0),
    ]),
    Command::new("PUNSUBSCRIBE", -1, PUBSUB).sent(DispatchRule::Refused(RefusalReason::Stream)).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("SPUBLISH", 3, PUBSUB).keys(&[KeySpec::at(1).channels()]).redis(7, 0, 0).valkey(7, 0, 0),
    Command::new("SSUBSCRIBE", -2, PUBSUB).keys(&[KeySpec::range(1, -1, 1).channels()]).sent(DispatchRule::Refused(RefusalReason::Stream)).redis(7, 0, 0).valkey(7, 0, 0),
    Command::new("SUBSCRIBE", -2, PUBSUB).sent(DispatchRule::Refused(RefusalReason::Stream)).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("SUNSUBSCRIBE", -1, PUBSUB).keys(&[KeySpec::range(1, -1, 1).channels()]).sent(DispatchRule::Refused(RefusalReason::Stream)).redis(7, 0, 0).valkey(7, 0, 0),
    Command::new("UNSUBSCRIBE", -1, PUBSUB).sent(DispatchRule::Refused(RefusalReason::Stream)).redis(2, 0, 0).valkey(2, 0, 0),
];
