//! Compares the instructions of single operations with those of a baseline: a guard that no clock and no
//! busy machine disturbs. Measures no time.
//!
//! `guard ADDRESS BASELINE TOOLCHAIN [--write]`
//!
//! Counts what `gets` executes of its own, one thread, nothing of the system's libraries, which differ
//! between machines. The compiler matters all the same: a baseline names its toolchain, and under another
//! one nothing is compared.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, process};

/// The operations of `gets`.
const OPERATIONS: [&str; 3] = ["get", "set", "pipeline"];

/// The instructions of an operation are the difference of two runs of these many.
const FEW: u64 = 500;
const MANY: u64 = 2_500;

/// Runs of each kind, of which the least counts: on a busy machine a caller looks more often whether its
/// connection has ended.
const RUNS: usize = 3;

/// The most of them, where the least is still too much.
const MOST_RUNS: usize = 20;

/// By how much a number may differ from that of the baseline.
const TOLERANCE: f64 = 0.03;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let (address, baseline, toolchain, writes) = match &arguments[..] {
        [_, address, baseline, toolchain] => (address, baseline, toolchain, false),
        [_, address, baseline, toolchain, flag] if flag == "--write" => {
            (address, baseline, toolchain, true)
        }
        _ => {
            eprintln!("usage: guard ADDRESS BASELINE TOOLCHAIN [--write]");
            return ExitCode::from(2);
        }
    };
    if !has_valgrind() {
        println!("instructions: not compared, because valgrind is not installed");
        return ExitCode::SUCCESS;
    }
    let known = fs::read_to_string(baseline).unwrap_or_default();
    let expected = numbers_of(&known, toolchain);
    if expected.is_empty() && !writes {
        println!(
            "instructions: not compared, because {baseline} has no numbers for the toolchain \
             \"{toolchain}\"; `./bench --guard --write` adds them"
        );
        return ExitCode::SUCCESS;
    }
    hitless_bench::prepare(address);
    let counted: Vec<(&str, f64)> = OPERATIONS
        .iter()
        .map(|operation| {
            let expected = expected.get(*operation);
            (*operation, per_operation(address, operation, expected))
        })
        .collect();
    if writes {
        let text = with_numbers(&known, toolchain, &counted);
        fs::write(baseline, text).expect("the baseline can be written");
    }
    let mut is_missed = false;
    for (operation, count) in counted {
        let Some(expected) = expected.get(operation) else {
            println!("instructions of {operation}: {count:.0}");
            continue;
        };
        let change = count / expected - 1.0;
        println!(
            "instructions of {operation}: {count:.0}, baseline {expected:.0} ({:+.1} %)",
            change * 100.0
        );
        is_missed |= change.abs() > TOLERANCE;
    }
    if is_missed && !writes {
        println!(
            "more than {} % away from the baseline: make it cheaper, or write the numbers anew with \
             `./bench --guard --write` and say why in the commit",
            TOLERANCE * 100.0
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn has_valgrind() -> bool {
    let version = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}

/// The numbers of a toolchain: lines of `TOOLCHAIN | OPERATION | COUNT`.
fn numbers_of(baseline: &str, toolchain: &str) -> HashMap<String, f64> {
    let number = |line: &str| {
        let mut parts = line.split('|').map(str::trim);
        let is_ours = parts.next()? == toolchain;
        let (operation, count) = (parts.next()?, parts.next()?);
        is_ours.then_some((operation.to_owned(), count.parse().ok()?))
    };
    baseline.lines().filter_map(number).collect()
}

/// The baseline with these numbers instead of those that it had for the toolchain.
fn with_numbers(baseline: &str, toolchain: &str, counted: &[(&str, f64)]) -> String {
    let is_other = |line: &&str| line.split('|').next().map(str::trim) != Some(toolchain);
    let mut text = String::new();
    for line in baseline.lines().filter(is_other) {
        writeln!(text, "{line}").expect("a string takes all");
    }
    for (operation, count) in counted {
        writeln!(text, "{toolchain} | {operation} | {count:.0}").expect("a string takes all");
    }
    text
}

/// The instructions of one operation. Counted again and again while they are more than is expected.
fn per_operation(address: &str, operation: &str, expected: Option<&f64>) -> f64 {
    let (mut few, mut many) = (u64::MAX, u64::MAX);
    let mut counted = 0.0;
    for run in 0..MOST_RUNS {
        few = few.min(own_instructions(address, operation, FEW));
        many = many.min(own_instructions(address, operation, MANY));
        counted = many.saturating_sub(few) as f64 / (MANY - FEW) as f64;
        let is_too_much = expected.is_some_and(|expected| counted > expected * (1.0 + TOLERANCE));
        if run + 1 >= RUNS && !is_too_much {
            break;
        }
    }
    counted
}

/// How many instructions of its own `gets` executes for so many operations.
fn own_instructions(address: &str, operation: &str, count: u64) -> u64 {
    let own = env::current_exe().expect("a path");
    let program = own.with_file_name("gets");
    let profile = env::temp_dir().join(format!("hitless-guard-{}", process::id()));
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(&program)
        .args(["ours", address, &count.to_string(), operation])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "gets has failed"
    );
    let text = fs::read_to_string(&profile).expect("a profile");
    let _ = fs::remove_file(&profile);
    let cost = own_cost(&text, &program);
    assert!(cost > 0, "the profile does not name {}", program.display());
    cost
}

/// The sum of what a profile of callgrind says of the code of this program itself.
fn own_cost(profile: &str, program: &Path) -> u64 {
    let mut names: HashMap<&str, bool> = HashMap::new();
    let (mut is_own, mut is_call) = (false, false);
    let mut sum = 0;
    for line in profile.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            // `(1) /path`, and `(1)` from then on.
            let (id, path) = object.split_once(' ').unwrap_or((object, ""));
            if !path.is_empty() {
                names.insert(id, Path::new(path) == program);
            }
            is_own = names.get(id).copied().unwrap_or(false);
        } else if let Some(object) = line.strip_prefix("cob=") {
            if let Some((id, path)) = object.split_once(' ') {
                names.insert(id, Path::new(path) == program);
            }
        } else if line.starts_with("calls=") {
            // The next line is what was called, which counts where it is.
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line
                .split(' ')
                .nth(1)
                .and_then(|cost| cost.parse::<u64>().ok());
            if is_own && !is_call {
                sum += cost.unwrap_or_default();
            }
            is_call = false;
        }
    }
    sum
}
