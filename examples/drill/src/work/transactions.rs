//! Optimistic locking: threads increment shared numbers by transactions with `WATCH`, and in the end the numbers
//! must be as many as the commits. Counts no attempt that another thread was faster with.

use super::{Crew, Kind, Tally, joined};
use hitless::{Commands, Delivery, Error, Transaction, TransactionOptions};
use std::thread;

/// Few enough that transactions meet, and so many that most do not.
const NUMBERS: usize = 16;

fn number(index: usize) -> String {
    format!("drill:number:{index}")
}

/// What one thread has committed to each number, and what it may have.
#[derive(Clone, Copy, Debug, Default)]
struct Commits {
    sure: u64,
    unknown: u64,
}

pub(super) fn work(crew: &Crew<'_>) -> Result<Tally, String> {
    let mut tally = Tally::new(Kind::Transactions);
    let found = thread::scope(|scope| {
        let threads = (0..crew.size * 2).map(|thread| scope.spawn(move || commit(crew, thread)));
        joined(threads.collect())
    })?;
    let mut all = [Commits::default(); NUMBERS];
    for (one, commits) in found {
        tally.add(one);
        for (sum, part) in all.iter_mut().zip(commits) {
            sum.sure += part.sure;
            sum.unknown += part.unknown;
        }
    }
    for (index, commits) in all.into_iter().enumerate() {
        let value = crew.client.get::<Option<u64>>(number(index));
        let value = value.map_err(|error| error.to_string())?.unwrap_or(0);
        tally.lost += commits.sure.saturating_sub(value);
        tally.doubled += value.saturating_sub(commits.sure + commits.unknown);
    }
    Ok(tally)
}

/// Adds one to a number that nobody may change meanwhile.
fn increment(transaction: &Transaction<'_>, key: &str) -> hitless::Result<()> {
    let value = transaction.get::<Option<u64>>(key)?.unwrap_or(0);
    transaction.commit::<()>(|pipe| pipe.set(key, value + 1))
}

fn commit(crew: &Crew<'_>, thread: usize) -> (Tally, [Commits; NUMBERS]) {
    let mut tally = Tally::new(Kind::Transactions);
    let mut commits = [Commits::default(); NUMBERS];
    let mut recorder = crew.recorder();
    // Others may be faster any number of times: that is no error of a move.
    let options = TransactionOptions::new().attempts(100_000);
    let mut round = thread;
    while !crew.is_over() {
        let index = round % NUMBERS;
        let key = number(index);
        round += 1;
        let done: Result<(), Error> = recorder.time(|| {
            let attempt = |transaction: &Transaction<'_>| increment(transaction, &key);
            crew.client.transaction_with(&options, &key, attempt)
        });
        match done {
            Ok(()) => {
                commits[index].sure += 1;
                tally.done += 1;
            }
            Err(error) => {
                if error.delivery() == Delivery::Unknown {
                    commits[index].unknown += 1;
                }
                tally.fails(error);
            }
        }
        crew.pace();
    }
    tally.measured = recorder.finish();
    (tally, commits)
}
