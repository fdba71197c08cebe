//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 12] = [
    Command::new("BACKUP", -1, WORDS | UNKNOWN),
    Command::new("FT.CONFIG", -1, WORDS | UNKNOWN),
    Command::new("FT.CURSOR", -1, WORDS | UNKNOWN),
    Command::new("HOST:", -1, UNKNOWN).sent(DispatchRule::Refused(RefusalReason::End)),
    Command::new("HOTKEYS", -1, WORDS | UNKNOWN),
    Command::new("POST", -1, UNKNOWN).sent(DispatchRule::Refused(RefusalReason::End)),
    Command::new("RG.JEXECUTE", -1, SCRIPT | LONG | UNKNOWN),
    Command::new("RG.PYEXECUTE", -1, SCRIPT | LONG | UNKNOWN),
    Command::new("RG.TRIGGER", -1, SCRIPT | LONG | UNKNOWN),
    Command::new("SENTINEL", -1, WORDS | UNKNOWN),
    Command::new("TFCALL", -1, SCRIPT | LONG | UNKNOWN),
    Command::new("TFCALLASYNC", -1, SCRIPT | LONG | UNKNOWN),
];
