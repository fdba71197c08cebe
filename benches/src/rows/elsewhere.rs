//! Rows that other programs measure: those that need features of the library which the other rows do
//! without, and those that need a network of their own.

use crate::bench::{Bench, Measured, rows_of, sibling};
use std::env;
use std::process::Command;

fn with_effort(bench: &Bench, mut command: Command) -> Measured {
    if bench.effort.is_quick {
        command.arg("--quick");
    }
    rows_of(&mut command)
}

/// A part of the program with the features `tls` and `sim`.
fn features(bench: &Bench, part: &str) -> Measured {
    let mut command = Command::new(sibling("hitless-bench-features"));
    command.arg(part);
    with_effort(bench, command)
}

pub fn tls(bench: &Bench) -> Measured {
    features(bench, "tls")
}

pub fn handoffs(bench: &Bench) -> Measured {
    features(bench, "handoffs")
}

/// This program again, in a network that nobody else is in.
pub fn loss(bench: &Bench) -> Measured {
    let mut command = Command::new("unshare");
    command.args(["--net", "--"]);
    command.arg(env::current_exe().expect("own path"));
    command.arg("--lossy");
    with_effort(bench, command)
}
