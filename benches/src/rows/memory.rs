//! Resident memory: of many threads that use a client, and of connections that nobody uses.

use crate::bench::{Bench, Measured, output, sibling};
use crate::report::{Bar, Row};
use std::process::Command;

/// Connections that stand idle.
const IDLE: usize = 100;

/// KiB that are resident in a program of `memory` that has done this, in several runs.
fn resident(bench: &Bench, work: &str, connections: usize) -> Result<Vec<f64>, String> {
    let rounds = if bench.effort.is_quick { 1 } else { 5 };
    let run = || {
        let connections = connections.to_string();
        let arguments = [work, &bench.address, &connections];
        let text = output(Command::new(sibling("memory")).args(arguments));
        let number = text.trim().parse::<f64>();
        number.map_err(|_| "the system does not tell how much memory is resident".to_owned())
    };
    (0..rounds).map(|_| run()).collect()
}

/// By how much one is more than the other, in each run.
fn beyond(used: &[f64], base: &[f64]) -> Vec<f64> {
    used.iter().zip(base).map(|(a, b)| a - b).collect()
}

/// What 256 threads with a client keep beyond the same threads without one.
pub fn in_use(bench: &Bench) -> Measured {
    let none = resident(bench, "none", 0)?;
    let ours = beyond(&resident(bench, "ours", 0)?, &none);
    let peer = beyond(&resident(bench, "r2d2", 256)?, &none);
    let name = "256 threads, memory : r2d2 with 256";
    let bar = Bar::RatioMost(0.5);
    Ok(vec![Row::of(name, "KiB", &ours, &peer, bar)])
}

/// What a connection costs that nobody uses, its thread included.
pub fn idle(bench: &Bench) -> Measured {
    let each = |work: &str| -> Result<Vec<f64>, String> {
        let one = resident(bench, work, 1)?;
        let all = beyond(&resident(bench, work, IDLE + 1)?, &one);
        Ok(all.iter().map(|all| all / IDLE as f64).collect())
    };
    let (ours, peer) = (each("idle-ours")?, each("idle-redis-rs")?);
    let name = "memory of an idle connection : redis-rs";
    Ok(vec![Row::of(name, "KiB", &ours, &peer, Bar::Most(40.0))])
}
