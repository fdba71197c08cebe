//! Rows that need features of the library. Prints them, or why there are none, as JSON; `hitless-bench`
//! calls this and adds them to its own.
//!
//! `hitless-bench-features tls|handoffs [--quick]`

mod handoffs;
mod tls;

use hitless_bench::contest::{FULL, QUICK};
use std::process::{self, ExitCode};
use std::{env, panic};

fn main() -> ExitCode {
    // A thread that panics would leave the others waiting for the end of the round.
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        report(panicked);
        process::exit(101);
    }));
    let arguments: Vec<String> = env::args().skip(1).collect();
    let effort = match arguments.iter().any(|argument| argument == "--quick") {
        true => QUICK,
        false => FULL,
    };
    let measured = match arguments.first().map(String::as_str) {
        Some("tls") => tls::measure(effort),
        Some("handoffs") => handoffs::measure(effort),
        _ => {
            eprintln!("usage: hitless-bench-features tls|handoffs [--quick]");
            return ExitCode::from(2);
        }
    };
    println!("{}", serde_json::to_string(&measured).expect("JSON"));
    ExitCode::SUCCESS
}
