//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

use super::*;

pub(super) static COMMANDS: [Command; 10] = [
    Command::new("GEOADD", -5, WRITE | DENY_OOM).keys(&[KeySpec::at(1)]).repeat(Repeat::LastWins).redis(3, 2, 0).valkey(3, 2, 0),
    Command::new("GEODIST", -4, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(3, 2, 0).valkey(3, 2, 0),
    Command::new("GEOHASH", -2, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(3, 2, 0).valkey(3, 2, 0),
    Command::new("GEOPOS", -2, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(3, 2, 0).valkey(3, 2, 0),
    Command::new("GEORADIUS", -6, WRITE | MOVABLE | DENY_OOM).keys(&[KeySpec::at(1), KeySpec::behind("STORE", 6, 0, 1, 0), KeySpec::behind("STOREDIST", 6, 0, 1, 0)]).except(Exception::ReadsWithout(&["STORE", "STOREDIST"])).redis(3, 2, 0).valkey(3, 2, 0),
    Command::new("GEORADIUS_RO", -6, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(3, 2, 10).valkey(3, 2, 10),
    Command::new("GEORADIUSBYMEMBER", -5, WRITE | MOVABLE | DENY_OOM).keys(&[KeySpec::at(1), KeySpec::behind("STORE", 5, 0, 1, 0), KeySpec::behind("STOREDIST", 5, 0, 1, 0)]).except(Exception::ReadsWithout(&["STORE", "STOREDIST"])).redis(3, 2, 0).valkey(3, 2, 0),
    Command::new("GEORADIUSBYMEMBER_RO", -5, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(3, 2, 10).valkey(3, 2, 10),
    Command::new("GEOSEARCH", -7, READ).keys(&[KeySpec::at(1)]).repeat(Repeat::Reads).redis(6, 2, 0).valkey(6, 2, 0),
    Command::new("GEOSEARCHSTORE", -8, WRITE | DENY_OOM).keys(&[KeySpec::at(1), KeySpec::at(2)]).redis(6, 2, 0).valkey(6, 2, 0),
];
