//! Moves a simulated Redis under load and checks every reply.
//!
//! Many threads write and read through one client while nodes move, migrate and fail over. Every value
//! carries the number of the request that wrote it and a checksum; counters prove that nothing ran
//! twice and nothing was lost. Beside them other threads do stateful work: a queue, transactions, streams
//! with groups, messages. The client retries nothing, so that nothing hides behind a retry.
//!
//! `cargo run --release -p drill -- --help` lists the options.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program of its own: it prints, and has its own clock"
)]

mod args;
mod load;
mod phases;
mod picture;
mod record;
mod report;
mod stage;
mod work;

use args::Args;
use std::process::ExitCode;

fn main() -> ExitCode {
    env_logger::init();
    let args = match Args::parse(lexopt::Parser::from_env()) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("drill: {problem}\n\n{}", args::HELP);
            return ExitCode::from(2);
        }
    };
    match stage::run(&args) {
        Ok(report) => {
            if args.json {
                println!("{}", report.json());
            } else {
                println!("{}", report.table());
            }
            if report.is_kept() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(problem) => {
            eprintln!("drill: {problem}");
            ExitCode::from(2)
        }
    }
}
