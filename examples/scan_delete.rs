//! Removes all keys that match a pattern, without holding up the server: an iterator over `SCAN`, and `UNLINK`
//! in pipelines. By default it removes what the example `bulk_load` has left.
//!
//! ```text
//! cargo run --example scan_delete -- redis://127.0.0.1:6379 'example:item:*'
//! ```
#![allow(clippy::print_stdout, reason = "it is what an example does")]

use hitless::{Client, Commands, ScanOptions, pipe};

fn main() -> hitless::Result<()> {
    let mut words = std::env::args().skip(1);
    let url = words
        .next()
        .unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let pattern = words.next().unwrap_or_else(|| "example:item:*".to_owned());
    let client = Client::connect(url)?;

    // Keys are bytes: one that is no text must not end the scan.
    let options = ScanOptions::new().pattern(pattern).count(1000);
    let mut keys = client.scan_options::<Vec<u8>>(&options);
    let mut removed = 0;
    loop {
        let mut pipeline = pipe();
        for key in keys.by_ref().take(1000) {
            pipeline.unlink(key?);
        }
        if pipeline.is_empty() {
            break;
        }
        // A scan may yield a key twice: only the first time there is something to remove.
        let counts: Vec<u64> = pipeline.query(&client)?;
        removed += counts.iter().sum::<u64>();
    }
    // Where the client moved to another server meanwhile, the scan began again there.
    let restarts = keys.restarts();
    println!("{removed} keys removed, the scan began again {restarts} times");
    Ok(())
}
