//! What is counted and not timed: allocations and instructions of a GET, and how often threads wake up that
//! have nothing to do for anybody.

use crate::bench::{Bench, Measured, output, sibling};
use crate::report::{Bar, Row};
use std::process::Command;

/// The instructions of a GET are the difference of two runs of these many.
const FEW: u64 = 2_000;
const MANY: u64 = 12_000;

/// The number that the program beside this one prints.
fn number_of(program: &str, arguments: &[&str]) -> Option<f64> {
    let text = output(Command::new(sibling(program)).args(arguments));
    text.trim().parse().ok()
}

pub fn allocations(bench: &Bench) -> Measured {
    let count = |contender: &str| {
        number_of("allocations", &[contender, &bench.address])
            .ok_or_else(|| "allocations has said nothing".to_owned())
    };
    let (ours, peer) = (count("ours")?, count("redis-rs")?);
    let name = "allocations per GET : redis-rs";
    let bar = Bar::Most(1.0);
    Ok(vec![Row::of(name, "allocations", &[ours], &[peer], bar)])
}

/// User-space instructions of all threads in a run of so many GETs.
fn instructions_of(contender: &str, address: &str, gets: u64) -> Option<f64> {
    let gets = gets.to_string();
    let run = [contender, address, &gets];
    if is_there("valgrind") {
        let text = output(
            Command::new("valgrind")
                .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
                .arg(sibling("gets"))
                .args(run),
        );
        let line = text
            .lines()
            .find_map(|line| line.split("Collected :").nth(1));
        line.and_then(|count| count.trim().parse().ok())
    } else {
        let text = output(
            Command::new("perf")
                .args(["stat", "-x", ",", "-e", "instructions:u"])
                .arg(sibling("gets"))
                .args(run),
        );
        let line = text.lines().find(|line| line.contains("instructions"));
        line.and_then(|line| line.split(',').next()?.parse().ok())
    }
}

fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

pub fn instructions(bench: &Bench) -> Measured {
    let rounds = if bench.effort.is_quick { 1 } else { 3 };
    let per_get = |contender: &str| -> Result<Vec<f64>, String> {
        (0..rounds)
            .map(|_| {
                let few = instructions_of(contender, &bench.address, FEW);
                let many = instructions_of(contender, &bench.address, MANY);
                let counted = few.zip(many).map(|(few, many)| many - few);
                counted
                    .map(|more| more / (MANY - FEW) as f64)
                    .ok_or_else(|| "neither valgrind nor perf counts instructions here".to_owned())
            })
            .collect()
    };
    let [ours, peer, raw] = ["ours", "redis-rs", "raw"].map(per_get);
    let ours = ours?;
    let row = |name: &str, peer: &[f64], bar| {
        let name = format!("instructions per GET : {name}");
        Row::of(&name, "instructions", &ours, peer, bar)
    };
    Ok(vec![
        row("redis-rs", &peer?, Bar::Most(1200.0)),
        row("raw socket", &raw?, Bar::None),
    ])
}

pub fn wake_ups(bench: &Bench) -> Measured {
    let seconds = if bench.effort.is_quick { "1" } else { "10" };
    let count = |work: &str| {
        number_of("wakeups", &[work, &bench.address, seconds])
            .ok_or_else(|| "the system does not tell how often threads wake up".to_owned())
    };
    let busy = "wake-ups of the busiest reader thread, 64 threads of the mix";
    let idle = "wake-ups of an idle client, all threads";
    Ok(vec![
        Row::alone(busy, "wake-ups/s", &[count("busy")?], Bar::Most(25.0)),
        Row::alone(idle, "wake-ups/s", &[count("idle")?], Bar::Most(0.0)),
    ])
}
