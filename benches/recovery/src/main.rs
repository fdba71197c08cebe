//! How soon the client serves again after a loss, by the clock. Run it on a quiet machine.
//!
//! What is decided when stands in the tests, on simulated time; this program shows what comes of it on
//! a real machine. Each row: what was done, what was measured, the bar, and whether it was met.
//!
//! `hitless-recovery [ROW ...]`: all rows, or those whose names begin with one of the words.

mod dark;
mod moves;
#[path = "../../src/server.rs"]
#[expect(
    dead_code,
    reason = "the benchmarks, which it is shared with, need more of it"
)]
mod server;
mod stalls;

use std::process::ExitCode;
use std::time::Duration;

/// What was measured, and what it should be at most.
pub struct Measured {
    pub what: &'static str,
    /// In the order in which they were taken.
    pub times: Vec<Duration>,
    pub bar: Duration,
}

/// A row: its name, what is done, and the measurement.
type Row = (&'static str, &'static str, fn() -> Result<Measured, String>);

const ROWS: [Row; 9] = [
    (
        "bound",
        "a server that hangs up after the handshake; 4 threads, pool 1, command timeout 500 ms",
        stalls::hangs_up,
    ),
    (
        "restart",
        "redis-server is killed and started again, 44 times; one command every 5 ms",
        stalls::restarts,
    ),
    (
        "stall",
        "the server stalls for 60 ms every 400 ms; command timeout 20 ms",
        stalls::stall,
    ),
    ("kill", "CLIENT KILL every 200 ms; pool 1", stalls::kills),
    (
        "hung-move-3",
        "a move of 3 s to a silent place; the old one closes its connections; pool 3",
        moves::hung_pool_of_3,
    ),
    (
        "hung-move-8",
        "the same with a pool of 8",
        moves::hung_pool_of_8,
    ),
    (
        "back-late",
        "a move of 15 s whose target is back after 12 s: how long no command succeeded",
        moves::target_back_late,
    ),
    ("dark-6", "the network is dark for 6 s", dark::six_seconds),
    (
        "dark-20",
        "the network is dark for 20 s",
        dark::twenty_seconds,
    ),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut all_met = true;
    for (name, done, measure) in ROWS {
        if !wanted.is_empty() && !wanted.iter().any(|word| name.starts_with(word.as_str())) {
            continue;
        }
        println!("{name}: {done}");
        match measure() {
            Ok(measured) => all_met &= show(&measured),
            Err(problem) => {
                all_met = false;
                println!("  not measured: {problem}");
            }
        }
    }
    if wanted.is_empty()
        || wanted
            .iter()
            .any(|word| "closed".starts_with(word.as_str()))
    {
        println!("closed: a command every 0.5 ms while the server closes the connection 40 times");
        match stalls::writes_into_closed_connections() {
            Ok(closes) => {
                let is_met = closes.written_after <= 2;
                all_met &= is_met;
                println!(
                    "  written into the closed connection: {}, bar 2: {}; on their way at the close: {}",
                    closes.written_after,
                    met(is_met),
                    closes.in_flight
                );
            }
            Err(problem) => {
                all_met = false;
                println!("  not measured: {problem}");
            }
        }
    }
    if all_met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn met(is: bool) -> &'static str {
    if is { "met" } else { "MISSED" }
}

fn show(measured: &Measured) -> bool {
    let mut times = measured.times.clone();
    times.sort_unstable();
    let Some(longest) = times.last().copied() else {
        println!("  {}: nothing was measured", measured.what);
        return false;
    };
    let within = times.iter().filter(|time| **time <= measured.bar).count();
    let is_met = longest <= measured.bar;
    println!(
        "  {}: median {:.0?}, longest {:.0?}; {within} of {} within {:?}: {}",
        measured.what,
        times[times.len() / 2],
        longest,
        times.len(),
        measured.bar,
        met(is_met),
    );
    is_met
}
