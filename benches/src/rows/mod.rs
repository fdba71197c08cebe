//! The rows, by parts that can be chosen. Each part names its contenders, its comparisons and its bars.

mod beside;
mod counted;
mod elsewhere;
pub mod lossy;
mod memory;
mod mixed;
mod opening;
mod single;
mod streams;

use crate::bench::{Bench, Measured};
use crate::contest::What;

/// A word to choose it by, and what it runs.
pub type Part = (&'static str, fn(&Bench) -> Measured);

pub const PARTS: &[Part] = &[
    ("one", single::one_thread),
    ("eight", single::eight_threads),
    ("many", single::many_threads),
    ("mix8", mixed::eight_threads),
    ("mix64", mixed::many_threads),
    ("mix256", mixed::most_threads),
    ("think", mixed::thinking_threads),
    ("big", beside::big),
    ("pause", beside::big_with_pauses),
    ("big1m", beside::big_1_mib),
    ("big64k", beside::big_64_kib),
    ("slow", beside::slow_commands),
    ("blocked", beside::blocked_consumers),
    ("loss", elsewhere::loss),
    ("pipeline", streams::pipelines),
    ("array", streams::arrays),
    ("decode", streams::decoding),
    ("tls", elsewhere::tls),
    ("handoffs", elsewhere::handoffs),
    ("open", opening::hundred),
    ("allocations", counted::allocations),
    ("instructions", counted::instructions),
    ("wakeups", counted::wake_ups),
    ("memory", memory::in_use),
    ("idle", memory::idle),
];

/// The groups of a contender's threads: those with small commands, and the one with big or slow ones.
const SMALL: usize = 0;
const SLOW: usize = 1;

const RATE: What = What::Rate;
const MEDIAN: What = What::Median(SMALL);
const P99: What = What::P99(SMALL);
