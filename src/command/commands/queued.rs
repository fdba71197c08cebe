//! The commands by name that a pipeline has.

use super::connection::connection;
use super::forms::added;
use super::hashes::hashes;
use super::keys::keys;
use super::lists::lists;
use super::scripting::scripting;
use super::set_options::{Expiry, SetOptions};
use super::strings::strings;
use crate::command::arg::Counted;
use crate::command::named::named;
use crate::command::{Pipeline, ToArg, ToArgs};
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
