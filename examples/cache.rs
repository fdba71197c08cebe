//! A cache beside a slow source: structs as JSON, which vanish by themselves. What is not there is loaded and
//! kept; what was changed at the source is removed, so that the next reader loads it.
//!
//! ```text
//! cargo run --features serde --example cache -- redis://127.0.0.1:6379
//! ```
#![allow(clippy::print_stdout, reason = "it is what an example does")]

use hitless::{Client, Commands, ErrorKind, Json};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// For how long a reader may see what is no longer so at the source.
const FRESH: Duration = Duration::from_secs(60);

#[derive(Debug, Deserialize, Serialize)]
struct User {
    name: String,
    roles: Vec<String>,
}

/// Stands for the database.
fn load(id: u64) -> User {
    println!("user {id} is loaded");
    User {
        name: format!("Ada the {id}th"),
        roles: vec!["admin".into(), "author".into()],
    }
}

/// Any number of threads may call it with the same client.
fn user(client: &Client, id: u64) -> hitless::Result<User> {
    let key = format!("example:user:{id}");
    match client.get(&key) {
        Ok(Some(Json(user))) => return Ok(user),
        Ok(None) => {}
        // Another release of this program has stored it, with other fields: as if it were not there.
        Err(error) if *error.kind() == ErrorKind::Conversion => println!("{error}"),
        Err(error) => return Err(error),
    }
    let user = load(id);
    client.set_ex(&key, Json(&user), FRESH)?;
    Ok(user)
}

fn main() -> hitless::Result<()> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url)?;
    for _ in 0..2 {
        let User { name, roles } = user(&client, 7)?;
        println!("{name} is {}", roles.join(" and "));
    }
    println!("the database says something new");
    client.del("example:user:7")?;
    user(&client, 7)?;
    Ok(())
}
