//! Optimistic locking: threads book seats of a train at the same time. Each reads what is free and takes what it
//! chose only if nobody has changed that meanwhile; otherwise it reads again.
//!
//! ```text
//! cargo run --example optimistic_locking -- redis://127.0.0.1:6379
//! ```
#![allow(clippy::print_stdout, reason = "it is what an example does")]

use hitless::{Client, Commands, Error};

const FREE: &str = "example:train:free";
const TAKEN: &str = "example:train:taken";

/// Why nothing was booked.
#[derive(Debug)]
enum Failure {
    SoldOut,
    Redis(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Redis(error)
    }
}

/// Books two seats side by side, which no single command can.
fn book(client: &Client, passenger: &str) -> Result<(u32, u32), Failure> {
    client.transaction(FREE, |train| {
        let mut free: Vec<u32> = train.smembers(FREE)?;
        free.sort_unstable();
        let neighbours = free.windows(2).find(|pair| pair[0] + 1 == pair[1]);
        // An error of one's own ends it: nothing is tried again, and nothing stays watched.
        let &[left, right] = neighbours.ok_or(Failure::SoldOut)? else {
            return Err(Failure::SoldOut);
        };
        train.commit::<()>(|pipe| {
            pipe.srem(FREE, [left, right])
                .hset(TAKEN, left, passenger)
                .hset(TAKEN, right, passenger)
        })?;
        Ok((left, right))
    })
}

fn main() -> hitless::Result<()> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url)?;
    client.del([FREE, TAKEN])?;
    client.sadd(FREE, (1..=40).collect::<Vec<u32>>())?;

    let booked: Result<Vec<usize>, Error> = std::thread::scope(|scope| {
        let passengers: Vec<_> = (1..=8)
            .map(|number| {
                let client = &client;
                scope.spawn(move || {
                    let mut pairs = 0;
                    loop {
                        match book(client, &format!("passenger {number}")) {
                            Ok(_) => pairs += 1,
                            Err(Failure::SoldOut) => return Ok(pairs),
                            Err(Failure::Redis(error)) => return Err(error),
                        }
                    }
                })
            })
            .collect();
        let ended = passengers.into_iter().map(|passenger| {
            passenger
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        ended.collect()
    });
    let pairs: usize = booked?.iter().sum();
    println!("8 passengers have booked {pairs} pairs of seats");
    println!(
        "{} seats are taken, {} are free",
        client.hlen(TAKEN)?,
        client.scard(FREE)?
    );
    Ok(())
}
