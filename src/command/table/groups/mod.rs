//! Rows of the table. Written by `tests/words.rs`; see `judged.txt` for what is written by hand.

mod beyond;
mod bitmap;
mod cluster;
mod connection;
mod generic;
mod geo;
mod hash;
mod list;
mod module;
mod pf;
mod pubsub;
mod scripting;
mod server;
mod set;
mod sorted_set;
mod stream;
mod string;
mod transactions;

use super::flags::*;
use super::{Command, DispatchRule, Exception, KeySpec, RefusalReason, Repeat, RequestPolicy, ResponsePolicy, Start, Time};

/// All commands.
pub(super) static GROUPS: [&[Command]; 18] = [
    &beyond::COMMANDS,
    &bitmap::COMMANDS,
    &cluster::COMMANDS,
    &connection::COMMANDS,
    &generic::COMMANDS,
    &geo::COMMANDS,
    &hash::COMMANDS,
    &list::COMMANDS,
    &module::COMMANDS,
    &pf::COMMANDS,
    &pubsub::COMMANDS,
    &scripting::COMMANDS,
    &server::COMMANDS,
    &set::COMMANDS,
    &sorted_set::COMMANDS,
    &stream::COMMANDS,
    &string::COMMANDS,
    &transactions::COMMANDS,
];
