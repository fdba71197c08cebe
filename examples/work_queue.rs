//! A queue of work that several threads share, with a graceful stop: each job is either done or still in the queue.
//! A job is taken by moving it to a list of the jobs at work (`BLMOVE`), and leaves that list when it is done, so that
//! one whose worker dies can be found there.
//!
//! ```text
//! cargo run --example work_queue -- redis://127.0.0.1:6379
//! ```
#![allow(clippy::print_stdout, reason = "it is what an example does")]

use hitless::{Canceller, Client, Commands, Direction, ErrorKind};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

const QUEUE: &str = "example:jobs";
const AT_WORK: &str = "example:jobs:at_work";
const WORKERS: usize = 4;
const JOBS: usize = 100;

/// Takes jobs and does them until the canceller says that it is enough. Yields how many it has done.
fn work(client: &Client, canceller: &Canceller, done: &Sender<()>) -> hitless::Result<usize> {
    let waiting = client.cancelled_by(canceller);
    let mut mine = 0;
    loop {
        // Waits for a job for as long as it takes: while the server is moved, too.
        let (from, to) = (Direction::Left, Direction::Right);
        let job = match waiting.blmove::<String>(QUEUE, AT_WORK, from, to, Duration::ZERO) {
            Ok(Some(job)) => job,
            Ok(None) => continue,
            // It took nothing, so nothing is lost by stopping here.
            Err(error) if *error.kind() == ErrorKind::Cancelled => return Ok(mine),
            Err(error) => return Err(error),
        };
        // Here the job would be done. It is finished by the client that nobody cancels.
        client.lrem(AT_WORK, 1, &job)?;
        mine += 1;
        // Nobody listens once the program stops.
        let _ = done.send(());
    }
}

fn main() -> hitless::Result<()> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url)?;
    client.del([QUEUE, AT_WORK])?;
    let canceller = Canceller::new();
    let (done, all_done) = mpsc::channel();
    let counts = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                let (client, canceller, done) = (&client, &canceller, done.clone());
                scope.spawn(move || work(client, canceller, &done))
            })
            .collect();
        for job in 0..JOBS {
            client.rpush(QUEUE, format!("job {job}"))?;
        }
        all_done.iter().take(JOBS).count();
        // What a handler of SIGTERM would do.
        canceller.cancel();
        let joined = workers.into_iter().map(|worker| worker.join());
        let counts = joined.map(|count| count.unwrap_or(Ok(0)));
        counts.collect::<hitless::Result<Vec<usize>>>()
    })?;
    println!(
        "{} workers did {} jobs",
        counts.len(),
        counts.iter().sum::<usize>()
    );
    println!(
        "{} jobs wait, {} are at work",
        client.llen(QUEUE)?,
        client.llen(AT_WORK)?
    );
    Ok(())
}
