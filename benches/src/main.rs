//! Runs every comparison against a server that is there already, prints a table and writes it as
//! JSON. `./bench` starts the server and calls this.
//!
//! `hitless-bench ADDRESS JSON [--quick] [--strict] [--only WORD,WORD] [--glide PROGRAM]`

use hitless_bench::bench::Bench;
use hitless_bench::contest::{FULL, QUICK, QUIET};
use hitless_bench::report::{self, Absent, Run};
use hitless_bench::rows::{PARTS, lossy};
use hitless_bench::{machine, prepare};
use std::env;
use std::panic;
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::time::Instant;

const USAGE: &str =
    "usage: hitless-bench ADDRESS JSON [--quick] [--strict] [--only WORD,WORD] [--glide PROGRAM]";

fn main() -> ExitCode {
    // A thread that panics would leave the others waiting for the end of the round.
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        report(panicked);
        process::exit(101);
    }));
    let mut words = Vec::new();
    let (mut effort, mut strict, mut lossy) = (FULL, false, false);
    let (mut only, mut glide) = (None, None);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => effort = QUICK,
            "--strict" => strict = true,
            "--lossy" => lossy = true,
            "--only" => only = arguments.next(),
            "--glide" => glide = arguments.next().map(PathBuf::from),
            option if option.starts_with("--") => {
                eprintln!("unknown argument {option}; {USAGE}");
                return ExitCode::from(2);
            }
            _ => words.push(argument),
        }
    }
    if lossy {
        // What the row of the loss runs in a network of its own.
        let measured = lossy::measure(effort);
        println!("{}", serde_json::to_string(&measured).expect("JSON"));
        return ExitCode::SUCCESS;
    }
    let [address, path] = &words[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let is_chosen = |word: &str| {
        let only = only.as_deref();
        only.is_none_or(|only| only.split(',').any(|only| only == word))
    };
    if !PARTS.iter().any(|(word, _)| is_chosen(word)) {
        let words: Vec<&str> = PARTS.iter().map(|(word, _)| *word).collect();
        eprintln!("--only takes some of: {}", words.join(", "));
        return ExitCode::from(2);
    }
    prepare(address);
    let run = run(&Bench::new(address.clone(), effort, glide), is_chosen);
    print!("{}", report::table(&run.rows));
    for absent in &run.absent {
        println!("not measured: {}: {}", absent.part, absent.why);
    }
    if run.rows.iter().any(|row| row.others > QUIET) {
        println!(
            "others used the machine meanwhile (column \"others\", in processors): run it again"
        );
    }
    println!("took {} s", run.seconds);
    let json = serde_json::to_string_pretty(&run).expect("JSON");
    if let Err(error) = std::fs::write(path, json) {
        eprintln!("{path} could not be written: {error}");
        return ExitCode::from(2);
    }
    let missed = run.rows.iter().filter(|row| row.is_missed()).count();
    if missed > 0 {
        println!("{missed} bars were missed");
    }
    if strict && (missed > 0 || !run.absent.is_empty()) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Measures all parts that are chosen.
fn run(bench: &Bench, is_chosen: impl Fn(&str) -> bool) -> Run {
    let start = Instant::now();
    let (mut rows, mut absent) = (Vec::new(), Vec::new());
    for (word, part) in PARTS {
        if !is_chosen(word) {
            continue;
        }
        eprintln!("measuring after {} s: {word}", start.elapsed().as_secs());
        match part(bench) {
            Ok(measured) => rows.extend(measured),
            Err(why) => {
                eprintln!("not measured: {why}");
                absent.push(Absent {
                    part: (*word).to_owned(),
                    why,
                });
            }
        }
    }
    Run {
        machine: machine::look(&bench.address),
        is_quick: bench.effort.is_quick,
        seconds: start.elapsed().as_secs(),
        rows,
        absent,
    }
}
