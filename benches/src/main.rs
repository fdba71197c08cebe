//! Runs every comparison against a server that is there already, prints a table and writes it as
//! JSON. `./bench` starts the server and calls this.
//!
//! `hitless-bench ADDRESS JSON [--quick] [--strict] [--only WORD]`

use hitless_bench::contest::{Contest, Effort, FULL, QUICK, QUIET};
use hitless_bench::crew::Operation;
use hitless_bench::report::{self, Bar, Row};
use hitless_bench::{self as contenders, PIPELINED, mixed, server_process};
use std::env;
use std::panic;
use std::path::PathBuf;
use std::process::{self, Command, ExitCode};

/// The instructions of a GET are the difference of two runs of these many.
const FEW: u64 = 2_000;
const MANY: u64 = 12_000;

fn contest(
    address: &str,
    effort: Effort,
    unit: &'static str,
    weight: usize,
    contenders: Vec<Vec<Operation>>,
) -> Contest {
    Contest::new(server_process(address), effort, unit, weight, contenders)
}

fn one_thread(address: &str, effort: Effort) -> Vec<Row> {
    let crews = vec![
        contenders::gets_ours(address, 1, 1),
        contenders::gets_redis_rs(address),
        contenders::gets_raw(address, 1),
    ];
    contest(address, effort, "GET/s", 1, crews).rows(&[
        (0, 1, "1 thread : redis-rs", Bar::Ratio(0.95)),
        (0, 2, "1 thread : raw socket", Bar::None),
    ])
}

fn eight_threads(address: &str, effort: Effort) -> Vec<Row> {
    let crews = vec![
        contenders::gets_ours(address, 8, 8),
        contenders::gets_r2d2(address, 8, 8),
        contenders::gets_raw(address, 8),
        contenders::gets_ours(address, 8, 1),
    ];
    contest(address, effort, "GET/s", 1, crews).rows(&[
        (0, 1, "8 threads on 8 : r2d2 with 8", Bar::Ratio(0.95)),
        (0, 2, "8 threads on 8 : raw sockets", Bar::None),
        (3, 1, "8 threads on 1 : r2d2 with 8", Bar::None),
    ])
}

fn many_threads(address: &str, effort: Effort) -> Vec<Row> {
    let crews = vec![
        contenders::gets_ours(address, 64, 10),
        contenders::gets_r2d2(address, 64, 64),
        contenders::gets_r2d2(address, 64, 10),
        contenders::gets_raw(address, 64),
        contenders::gets_ours(address, 64, 1),
    ];
    contest(address, effort, "GET/s", 1, crews).rows(&[
        (0, 1, "64 threads on 10 : r2d2 with 64", Bar::Ratio(1.5)),
        (0, 2, "64 threads on 10 : r2d2 with 10", Bar::Ratio(2.0)),
        (0, 3, "64 threads on 10 : raw sockets", Bar::None),
        (4, 1, "64 threads on 1 : r2d2 with 64", Bar::None),
    ])
}

fn pipeline(address: &str, effort: Effort) -> Vec<Row> {
    let crews = vec![
        contenders::pipeline_ours(address),
        contenders::pipeline_redis_rs(address),
    ];
    contest(address, effort, "GET/s", PIPELINED, crews).rows(&[(
        0,
        1,
        "pipeline of 100 : redis-rs",
        Bar::Ratio(1.2),
    )])
}

fn array(address: &str, effort: Effort) -> Vec<Row> {
    let crews = vec![contenders::decode_ours(), contenders::decode_redis_rs()];
    let decoders = contest(address, effort, "arrays/s", 1, crews);
    let mut rows = decoders.rows(&[(0, 1, "array of 10,000, decoder : redis-rs", Bar::Ratio(2.0))]);
    let crews = vec![
        contenders::lrange_ours(address),
        contenders::lrange_redis_rs(address),
    ];
    rows.extend(contest(address, effort, "LRANGE/s", 1, crews).rows(&[(
        0,
        1,
        "array of 10,000, LRANGE : redis-rs",
        Bar::None,
    )]));
    rows
}

fn sibling(name: &str) -> PathBuf {
    env::current_exe().expect("own path").with_file_name(name)
}

/// Runs a command; its outputs together.
fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

fn allocations(address: &str, _: Effort) -> Vec<Row> {
    let count = |contender: &str| -> f64 {
        let text = output(Command::new(sibling("allocations")).args([contender, address]));
        text.trim()
            .parse()
            .unwrap_or_else(|_| panic!("allocations said: {text}"))
    };
    let (ours, peer) = (count("ours"), count("redis-rs"));
    let name = "allocations per GET : redis-rs".to_owned();
    vec![Row::of(
        name,
        "allocations",
        &[ours],
        &[peer],
        Bar::Most(2.0),
    )]
}

/// What 256 threads with a client keep in memory beyond the same threads without one.
fn memory(address: &str, effort: Effort) -> Vec<Row> {
    let rounds = if effort.is_quick() { 1 } else { 5 };
    let kib = |contender: &str| -> Vec<f64> {
        let run = || output(Command::new(sibling("memory")).args([contender, address]));
        // Nothing is said where the system does not tell.
        (0..rounds)
            .filter_map(|_| run().trim().parse().ok())
            .collect()
    };
    let [none, ours, peer] = ["none", "ours", "r2d2"].map(kib);
    if none.is_empty() {
        return Vec::new();
    }
    let beyond =
        |used: Vec<f64>| -> Vec<f64> { used.iter().zip(&none).map(|(a, b)| a - b).collect() };
    let name = "256 threads, memory : r2d2 with 256".to_owned();
    let (ours, peer) = (beyond(ours), beyond(peer));
    vec![Row::of(name, "KiB", &ours, &peer, Bar::RatioMost(0.5))]
}

/// User-space instructions of all threads in a run of so many GETs.
fn instructions_of(contender: &str, address: &str, gets: u64) -> f64 {
    let gets = gets.to_string();
    let run = [contender, address, &gets];
    let counted = if is_there("valgrind") {
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
    };
    counted.expect("neither valgrind nor perf counts instructions here")
}

fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

fn instructions(address: &str, effort: Effort) -> Vec<Row> {
    let rounds = if effort.is_quick() { 1 } else { 3 };
    let per_get = |contender: &str| -> Vec<f64> {
        (0..rounds)
            .map(|_| {
                let few = instructions_of(contender, address, FEW);
                let many = instructions_of(contender, address, MANY);
                (many - few) / (MANY - FEW) as f64
            })
            .collect()
    };
    let [ours, peer, raw] = ["ours", "redis-rs", "raw"].map(per_get);
    let row = |name: &str, peer: &[f64], bar| {
        Row::of(
            format!("instructions per GET : {name}"),
            "instructions",
            &ours,
            peer,
            bar,
        )
    };
    vec![
        row("redis-rs", &peer, Bar::Most(1500.0)),
        row("raw socket", &raw, Bar::None),
    ]
}

/// A word to choose it by, and what it runs.
type Part = (&'static str, fn(&str, Effort) -> Vec<Row>);

const PARTS: [Part; 13] = [
    ("one", one_thread),
    ("eight", eight_threads),
    ("many", many_threads),
    ("mix8", mixed::eight_threads),
    ("mix64", mixed::many_threads),
    ("mix256", mixed::most_threads),
    ("big", mixed::big_reads),
    ("pause", mixed::big_reads_with_pauses),
    ("pipeline", pipeline),
    ("array", array),
    ("allocations", allocations),
    ("instructions", instructions),
    ("memory", memory),
];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (Some(address), Some(path)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: hitless-bench ADDRESS JSON [--quick] [--strict] [--only WORD]");
        return ExitCode::from(2);
    };
    let (mut effort, mut strict, mut only) = (FULL, false, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => effort = QUICK,
            "--strict" => strict = true,
            "--only" => only = arguments.next(),
            other => {
                eprintln!("unknown argument {other}; there are --quick, --strict and --only WORD");
                return ExitCode::from(2);
            }
        }
    }
    let chosen = |word: &str| only.as_deref().is_none_or(|only| only == word);
    if !PARTS.iter().any(|(word, _)| chosen(word)) {
        let words = PARTS.map(|(word, _)| word).join(", ");
        eprintln!("--only takes one of: {words}");
        return ExitCode::from(2);
    }
    // A thread that panics would leave the others waiting for the end of the round.
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        report(panicked);
        process::exit(101);
    }));
    contenders::prepare(&address);
    let mut rows = Vec::new();
    for (word, part) in PARTS {
        if chosen(word) {
            eprintln!("measuring: {word}");
            rows.extend(part(&address, effort));
        }
    }
    print!("{}", report::table(&rows));
    if rows.iter().any(|row| row.others > QUIET) {
        println!(
            "others used the machine meanwhile (column \"others\", in processors): run it again"
        );
    }
    if let Err(error) = std::fs::write(&path, report::json(&rows)) {
        eprintln!("{path} could not be written: {error}");
        return ExitCode::from(2);
    }
    let missed = rows
        .iter()
        .filter(|row| row.is_met() == Some(false))
        .count();
    if missed > 0 {
        println!("{missed} bars were missed");
    }
    if strict && missed > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
