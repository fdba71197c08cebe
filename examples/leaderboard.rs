//! A leader board in a sorted set: players with their best scores, the first ten of them, and the place of one
//! player among its neighbours.
//!
//! ```text
//! cargo run --example leaderboard -- redis://127.0.0.1:6379
//! ```
#![allow(clippy::print_stdout, reason = "it is what an example does")]

use hitless::{Client, Commands, ZAddOptions, pipe};

const BOARD: &str = "example:board";

/// Keeps the score if it is the player's best.
fn submit(client: &Client, player: &str, score: u32) -> hitless::Result<()> {
    client.zadd_options(BOARD, player, score, &ZAddOptions::new().if_greater())?;
    Ok(())
}

/// The players of some places and their scores, the best first; place 0 is the first.
fn places(client: &Client, from: i64, to: i64) -> hitless::Result<Vec<(String, f64)>> {
    client.zrevrange_withscores(BOARD, from, to)
}

/// The place of a player and the score; `None` if nothing was submitted.
fn standing(client: &Client, player: &str) -> hitless::Result<Option<(i64, f64)>> {
    // At once, so that nobody passes between the two. From Redis 7.2 on, `zrevrank_withscore` yields both.
    let (place, score): (Option<i64>, Option<f64>) = pipe()
        .atomic()
        .zrevrank(BOARD, player)
        .zscore(BOARD, player)
        .query(client)?;
    Ok(place.zip(score))
}

fn main() -> hitless::Result<()> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url)?;
    client.del(BOARD)?;
    for number in 1..=100 {
        submit(&client, &format!("player {number}"), number * 10)?;
    }
    submit(&client, "ada", 505)?;
    submit(&client, "ada", 15)?; // not her best

    println!("of {} players the first ten:", client.zcard(BOARD)?);
    for (place, (player, score)) in (1..).zip(places(&client, 0, 9)?) {
        println!("{place:>2}. {player}: {score}");
    }
    if let Some((place, score)) = standing(&client, "ada")? {
        println!("ada is number {} with {score}, around her are:", place + 1);
        for (player, score) in places(&client, (place - 2).max(0), place + 2)? {
            println!("    {player}: {score}");
        }
    }
    Ok(())
}
