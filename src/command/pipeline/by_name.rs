//! The commands by name that a pipeline has: all but those that block. Sends nothing.

use super::Pipeline;
use crate::command::arg::Counted;
use crate::command::commands::{added, connection, hashes, keys, lists, scripting, strings};
use crate::command::named::named;
use crate::command::{Expiry, SetOptions, ToArg, ToArgs};
use std::time::Duration;

/// The commands by name. What each does, and which type its reply becomes: see
/// [`Commands`](crate::Commands). What they reply comes with [`run`](Pipeline::run) or
/// [`query`](Pipeline::query).
impl Pipeline {
    strings!(added);
    keys!(added);
    hashes!(added);
    lists!(added);
    scripting!(added);
    connection!(added);
}
