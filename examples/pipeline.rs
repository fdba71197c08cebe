//! Many commands in one write, in the three ways to send them: replies as a tuple of types, a result for each
//! command, and all of them as one transaction.
//!
//! ```text
//! cargo run --example pipeline -- redis://127.0.0.1:6379
//! ```
#![allow(clippy::print_stdout, reason = "it is what an example does")]

use hitless::{Client, Commands, pipe};
use std::time::Duration;

fn main() -> hitless::Result<()> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url)?;
    client.mset([("example:anna", 100), ("example:bert", 20)])?;

    // A type for each reply; the first command that fails is the error of all. `()` is a reply that nobody needs.
    let (anna, (), tags, nobody): (i64, (), Vec<String>, Option<i64>) = pipe()
        .get("example:anna")
        .set_ex("example:seen", "anna", Duration::from_secs(60))
        .lrange("example:tags", 0, -1)
        .get("example:nobody")
        .query(&client)?;
    println!("anna has {anna}, and {tags:?} for tags; nobody has {nobody:?}");

    // A result for each command: one that fails keeps no other from being executed.
    let mut pipeline = pipe();
    for name in ["anna", "seen", "bert"] {
        pipeline.incr(format!("example:{name}"));
    }
    for (place, result) in pipeline.run(&client).into_iter().enumerate() {
        match result {
            Ok(value) => println!("command {place}: {value:?}"),
            Err(error) => println!("command {place}: {error}"),
        }
    }

    // MULTI and EXEC: nobody sees the one account without the other.
    let (anna, bert): (i64, i64) = pipe()
        .atomic()
        .decr_by("example:anna", 30)
        .incr_by("example:bert", 30)
        .query(&client)?;
    println!("anna has {anna}, bert has {bert}");
    Ok(())
}
