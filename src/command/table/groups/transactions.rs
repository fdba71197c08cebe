//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 5] = [
    Command::new("DISCARD", 1, 0).sent(DispatchRule::Refused(RefusalReason::Transaction)).redis(2, 0, 0).valkey(2, 0, 0),
    Command::new("EXEC", 1, SCRIPT).sent(DispatchRule::Refused(RefusalReason::Transaction)).redis(1, 2, 0).valkey(1, 2, 0),
    Command::new("MULTI", 1, NO_MULTI).sent(DispatchRule::Refused(RefusalReason::Transaction)).redis(1, 2, 0).valkey(1, 2, 0),
    Command::new("UNWATCH", 1, 0).sent(DispatchRule::Refused(RefusalReason::Transaction)).redis(2, 2, 0).valkey(2, 2, 0),
    Command::new("WATCH", -2, NO_MULTI).keys(&[KeySpec::range(1, -1, 1)]).sent(DispatchRule::Refused(RefusalReason::Transaction)).redis(2, 2, 0).valkey(2, 2, 0),
];
