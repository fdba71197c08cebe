//! Writes the page of the benchmarks from the JSON of a run. Measures nothing.
//!
//! `write JSON`, in the root of the repository.

use hitless_bench::contest::QUIET;
use hitless_bench::report::{Row, Run, number};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

const PAGE: &str = "BENCHMARKS.md";
const PICTURES: &str = "docs/benchmarks";

/// What the pictures show, by the names of their files.
const SHOWN: [(&str, &str); 5] = [
    ("threads", "Throughput of the mix, by threads"),
    ("threads-p99", "p99 of the mix, by threads"),
    ("connections", "Throughput of 64 threads, by connections"),
    (
        "size-1",
        "Throughput of one thread, by the size of the value",
    ),
    (
        "size-8",
        "Throughput of 8 threads, by the size of the value",
    ),
];

const METHOD: &str = "\
## How it is measured

Contenders take turns in short rounds (A B C, then C B A), between which all their threads sleep. A ratio is the
median of the ratios of neighbouring rounds, and \"half of them\" are its quartiles: what disturbs the machine for
a while disturbs neighbours alike. *Others* is how many processors everybody but the client and the server used
meanwhile; rounds in which it is more than 0.15 are run again, up to three times as many, and left out where
enough are quiet.

- Peers: `redis-rs` 1.x, one connection or behind `r2d2` without a `PING` before each use; a bare socket, which
  writes a fixed request and compares the reply; `valkey-glide`'s blocking client in a process of its own, where
  the run had `--peers all`.
- Rows of one thread: a thread of the lowest priority on each processor keeps it awake. An idle processor is
  halted, and waking it takes about as long as a round trip here, so that the rates of any client that waits
  alone jumped between two values, 25,000 and 58,000 a second.
- The *mix* is three GET to one SET of 16 bytes, and hitless has its default options in it. \"A connection each\"
  is hitless with `max_in_flight` 1 and as many connections as threads.
- p50, p99 and p99.9 are those of all threads that do the same, in one round; each command is timed by its
  own thread. Less is better: the ratio is ours to the peer's.
- *By client CPU* is what the client's process does in one second of processor time, user's and system's.
- Beside big replies and slow commands both kinds are counted, since a pool that lets its slow thread starve is
  fast with the small ones.
- Lost packets are 1 % of all, dropped at random in a network namespace of its own.
- Handoffs are served by the simulator in the client's process; rounds of one second with a move of the whole pool
  take turns with rounds without one.
- Memory is what is resident, less that of the same program without a client, or with one connection.

`./bench` measures all rows, `./bench --growth` draws the curves, `./bench --write` writes this page. Rates depend on
the machine, ratios less so.
";

const MANY_CORES: &str = "\
## What the figures say of other machines

They come from as many processors as stand above, which client and server share, and from loopback, where a round
trip takes microseconds. There, a connection that many threads share saves both sides system calls, which is
where the time goes, and one reader keeps pace with the server. Nothing here was measured on a machine with
many cores, with a server that works in parallel (I/O threads, a proxy of Redis Software, Dragonfly) or across a
network. There a few connections may carry more than one: try `max_in_flight` 64 or 16, so that the next connection
is used sooner, and `min_connections` 2 to 4, so that it is there already. `max_in_flight` also bounds how
many commands a connection that breaks takes along. Measure with your own commands before you change either.
";

fn main() -> ExitCode {
    let Some(path) = env::args().nth(1) else {
        eprintln!("usage: write JSON");
        return ExitCode::from(2);
    };
    match write(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn write(path: &str) -> Result<(), String> {
    let json = fs::read_to_string(path)
        .map_err(|error| format!("{path}: {error}; `./bench` writes it"))?;
    let run: Run = serde_json::from_str(&json).map_err(|error| format!("{path}: {error}"))?;
    fs::write(PAGE, page(&run)).map_err(|error| format!("{PAGE}: {error}"))?;
    println!("written: {PAGE}");
    Ok(())
}

fn page(run: &Run) -> String {
    let mut text = String::from("# Benchmarks\n\n");
    text.push_str("Written by `./bench --write` from one run.\n\n");
    text.push_str(&machine(run));
    text.push('\n');
    text.push_str(METHOD);
    text.push('\n');
    text.push_str(&results(run));
    text.push('\n');
    text.push_str(&pictures());
    text.push_str(MANY_CORES);
    text
}

/// On what the run was made, and how quiet it was there.
fn machine(run: &Run) -> String {
    let machine = &run.machine;
    let kind = if run.is_quick { "quick" } else { "whole" };
    let others: Vec<f64> = run.rows.iter().map(|row| row.others).collect();
    let most = others.iter().copied().fold(0.0, f64::max);
    let mean = others.iter().sum::<f64>() / others.len().max(1) as f64;
    let disturbed = others.iter().filter(|others| **others > QUIET).count();
    let mut text = format!(
        "- Machine: {}, {} processors, {}; client and server on the same, over loopback\n\
         - Programs: {}, {}\n\
         - Run: a {kind} one of {} s, {}\n\
         - How quiet: others used {mean:.2} processors on average, {most:.2} at most; {disturbed} of {} rows \
         were disturbed (more than {QUIET})\n",
        machine.processor,
        machine.processors,
        machine.system,
        machine.server,
        machine.compiler,
        run.seconds,
        machine.date,
        run.rows.len(),
    );
    if disturbed > 0 {
        text.push_str("\n**Figures of disturbed rows mean little.**\n");
    }
    text
}

/// All rows; those that miss their bar, once more; and what was not measured.
fn results(run: &Run) -> String {
    let mut text = String::from("## Results\n\n");
    text.push_str(
        "| row | compared with | unit | ours | peer | ratio | half of them | others | bar | |\n",
    );
    text.push_str("|---|---|---|---:|---:|---:|---|---:|---|---|\n");
    for row in &run.rows {
        text.push_str(&line(row));
    }
    let with_bar = run.rows.iter().filter(|row| row.met.is_some()).count();
    let missed: Vec<&Row> = run.rows.iter().filter(|row| row.is_missed()).collect();
    let _ = writeln!(
        text,
        "\n{} of {with_bar} bars are met.",
        with_bar - missed.len()
    );
    if !missed.is_empty() {
        text.push_str("\nMissed:\n\n");
    }
    for row in missed {
        let reached = row.against.map_or(row.ours, |against| against.ratio);
        let reached = match row.bar {
            hitless_bench::report::Bar::Most(_) => number(row.ours),
            _ => format!("{reached:.2} x"),
        };
        let _ = writeln!(text, "- {}: {reached}, bar {}", row.row, bar(row));
    }
    if !run.absent.is_empty() {
        text.push_str("\nNot measured:\n\n");
    }
    for absent in &run.absent {
        let _ = writeln!(text, "- `{}`: {}", absent.part, absent.why);
    }
    text
}

fn bar(row: &Row) -> String {
    row.bar.text().replace(">=", "≥").replace("<=", "≤")
}

fn line(row: &Row) -> String {
    let (name, peer) = row.row.split_once(" : ").unwrap_or((&row.row, ""));
    let against = |text: fn(hitless_bench::report::Against) -> String| {
        row.against.map_or_else(String::new, text)
    };
    let verdict = match row.met {
        Some(true) => "met",
        Some(false) => "**missed**",
        None => "",
    };
    format!(
        "| {name} | {peer} | {} | {} | {} | {} | {} | {:.2} | {} | {verdict} |\n",
        row.unit,
        number(row.ours),
        against(|against| number(against.peer)),
        against(|against| format!("{:.2}", against.ratio)),
        row.quartiles(),
        row.others,
        bar(row),
    )
}

/// Those that have been drawn.
fn pictures() -> String {
    let mut text = String::new();
    for (file, title) in SHOWN {
        let path = format!("{PICTURES}/{file}.svg");
        if Path::new(&path).is_file() {
            let _ = writeln!(text, "![{title}]({path})\n");
        }
    }
    match text.is_empty() {
        true => text,
        false => format!("## Growth\n\n{text}"),
    }
}
