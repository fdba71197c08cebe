//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 12] = [
    Command::new("VADD", -1, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]),
    Command::new("VCARD", -1, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads),
    Command::new("VDIM", -1, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads),
    Command::new("VEMB", -1, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads),
    Command::new("VGETATTR", -1, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads),
    Command::new("VINFO", -1, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads),
    Command::new("VISMEMBER", -1, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads),
    Command::new("VLINKS", -1, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads),
    Command::new("VRANDMEMBER", -1, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads),
    Command::new("VREM", -1, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins),
    Command::new("VSETATTR", -1, WRITE).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins),
    Command::new("VSIM", -1, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads),
];
