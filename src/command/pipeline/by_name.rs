//! The commands by name that a pipeline has: all but those that block. Sends nothing.

use super::Pipeline;
use crate::command::arg::Counted;
use crate::command::commands::{
    added, bitmaps, connection, hashes, hyperloglogs, keys, lists, millis_up, scripting, sets,
    strings, unix_millis,
};
use crate::command::named::named;
use crate::command::{
    BitUnit, Bitfield, CopyOptions, Direction, ExpireIf, Expiry, HSetOptions, LposOptions,
    MigrateOptions, RestoreOptions, SetOptions, SortOptions, ToArg, ToArgs,
};
use std::time::{Duration, SystemTime};

/// The commands by name. What each does, and which type its reply becomes: see
/// [`Commands`](crate::Commands). What they reply comes with [`run`](Pipeline::run) or
/// [`query`](Pipeline::query).
impl Pipeline {
    strings!(added);
    keys!(added);
    hashes!(added);
    lists!(added);
    sets!(added);
    bitmaps!(added);
    hyperloglogs!(added);
    scripting!(added);
    connection!(added);
}
