//! The shortest use: connect, set, get.
#![allow(clippy::print_stdout, reason = "it is what an example does")]

use hitless::{Client, Commands};

fn main() -> hitless::Result<()> {
    env_logger::init();
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url)?;
    client.set("hello", "world")?;
    let value: String = client.get("hello")?;
    println!("hello {value}");
    client.close();
    Ok(())
}
