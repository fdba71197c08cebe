//! Loads many keys: a million, or as many as are asked for, in pipelines of 10,000. The example `scan_delete`
//! removes them.
//!
//! ```text
//! cargo run --release --example bulk_load -- redis://127.0.0.1:6379 1000000
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program of its own: it prints, and has its own clock"
)]

use hitless::{Client, pipe};
use std::time::Instant;

/// Each pipeline is one write, and one wait for all of its replies.
const CHUNK: usize = 10_000;

fn main() -> hitless::Result<()> {
    let mut words = std::env::args().skip(1);
    let url = words
        .next()
        .unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let count = words.next().and_then(|word| word.parse().ok());
    let count = count.unwrap_or(1_000_000);
    let client = Client::connect(url)?;

    let start = Instant::now();
    let mut pipeline = pipe();
    for number in 0..count {
        pipeline.set(format!("example:item:{number}"), number);
        if pipeline.len() == CHUNK || number + 1 == count {
            // An error names the command and its place in this pipeline.
            pipeline.exec(&client)?;
            pipeline.clear();
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let speed = count as f64 / seconds;
    println!("{count} keys in {seconds:.2} s: {speed:.0} keys a second");
    Ok(())
}
