//! Stateful work under moves, each kind verified from end to end: what is sent carries a number, and what
//! came is compared with what was accepted. Judges nothing: the report does.

mod book;
mod pubsub;
mod queue;
mod streams;
mod transactions;

use crate::phases::Phases;
use crate::record::{Columns, Measured, Recorder};
use book::Balance;
use hitless::{Client, Error};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A kind of work beside the ordinary commands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Pubsub,
    Queue,
    Streams,
    Transactions,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] =
        [Self::Pubsub, Self::Queue, Self::Streams, Self::Transactions];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pubsub => "pubsub",
            Self::Queue => "queue",
            Self::Streams => "streams",
            Self::Transactions => "transactions",
        }
    }
}

/// What has become of what was promised. A later one is worse.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Promise {
    Kept,
    /// Something was lost or came twice, which a planned move may not cause; all of it was told.
    Told,
    Broken,
}

/// What one thread of a kind has found, or all of them together.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) name: &'static str,
    /// Delivered or committed.
    pub(crate) done: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<Error>,
    pub(crate) lost: u64,
    /// How many of the lost lie in gaps of which the receiver was told.
    pub(crate) lost_told: u64,
    pub(crate) doubled: u64,
    /// How many of the doubled said of themselves that they may have come before.
    pub(crate) doubled_told: u64,
    /// How often a receiver was told of a gap.
    pub(crate) gaps: u64,
    pub(crate) measured: Measured,
}

impl Tally {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            name: kind.name(),
            done: 0,
            errors: 0,
            first_error: None,
            lost: 0,
            lost_told: 0,
            doubled: 0,
            doubled_told: 0,
            gaps: 0,
            measured: Measured::new(),
        }
    }

    fn fails(&mut self, error: Error) {
        self.errors += 1;
        self.first_error.get_or_insert(error);
    }

    fn add(&mut self, other: Self) {
        self.done += other.done;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
        self.lost += other.lost;
        self.lost_told += other.lost_told;
        self.doubled += other.doubled;
        self.doubled_told += other.doubled_told;
        self.gaps += other.gaps;
        self.measured.add(&other.measured);
    }

    fn weigh(&mut self, balance: Balance) {
        self.lost += balance.lost;
        self.lost_told += balance.lost_told;
        self.doubled += balance.doubled;
        self.doubled_told += balance.doubled_told;
    }

    pub(crate) fn lost_silently(&self) -> u64 {
        self.lost.saturating_sub(self.lost_told)
    }

    pub(crate) fn promise(&self) -> Promise {
        let silent = self.lost_silently() + self.doubled.saturating_sub(self.doubled_told);
        if self.done == 0 || self.errors > 0 || silent > 0 {
            Promise::Broken
        } else if self.lost > 0 || self.doubled > 0 {
            Promise::Told
        } else {
            Promise::Kept
        }
    }
}

/// What the threads of a kind work with.
pub(crate) struct Crew<'a> {
    pub(crate) client: &'a Client,
    pub(crate) start: Instant,
    pub(crate) phases: &'a Phases,
    /// Nobody draws the times of these: most of them are waits for others.
    pub(crate) columns: &'a Mutex<Columns>,
    pub(crate) stop: &'a AtomicBool,
    /// Threads that send, and as many that receive.
    pub(crate) size: usize,
}

impl Crew<'_> {
    /// Does this kind of work until the drill is over, and compares what came with what was sent.
    pub(crate) fn work(&self, kind: Kind) -> Result<Tally, String> {
        match kind {
            Kind::Pubsub => pubsub::work(self),
            Kind::Queue => queue::work(self),
            Kind::Streams => streams::work(self),
            Kind::Transactions => transactions::work(self),
        }
        .map_err(|error| format!("{}: {error}", kind.name()))
    }

    fn recorder(&self) -> Recorder<'_> {
        Recorder::new(self.start, self.phases, self.columns)
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The pause between two sends, so that what is measured are the moves and not the queue of a machine
    /// that is too busy.
    fn pace(&self) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// What the threads have returned; a panic of one is told.
fn joined<T>(threads: Vec<thread::ScopedJoinHandle<'_, T>>) -> Result<Vec<T>, String> {
    let all = threads.into_iter().map(thread::ScopedJoinHandle::join);
    all.map(|one| one.map_err(|_| "a thread panicked".to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hitless::Options;
    use hitless::sim::{HOST, Sim};

    /// How long anything may take that is waited for.
    pub(super) const SOON: Duration = Duration::from_secs(20);

    /// Ends the work, also where a claim of the test fails.
    struct Stopping<'a>(&'a AtomicBool);

    impl Drop for Stopping<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// How often a command of this lower-case name was executed.
    pub(super) fn executed(sim: &Sim, command: &str) -> u64 {
        let all = sim.connections();
        all.iter().map(|one| one.count(command)).sum()
    }

    /// What is found of a kind of work that is disturbed, also by what its own client is told to send, and ends
    /// then.
    pub(super) fn found(kind: Kind, disturb: impl Fn(&Sim, &Client)) -> Tally {
        let sim = Sim::builder().start().unwrap();
        let port = sim.addr(sim.node(0)).port();
        let options = Options::new(&format!("{HOST}:{port}")).unwrap();
        let options = options.pool_size(1).resolver(sim.resolver());
        let client = Client::connect(options).unwrap();
        let start = Instant::now();
        let (phases, columns) = (Phases::new(start), Mutex::new(Columns::default()));
        let stop = AtomicBool::new(false);
        let crew = Crew {
            client: &client,
            start,
            phases: &phases,
            columns: &columns,
            stop: &stop,
            size: 2,
        };
        thread::scope(|scope| {
            let stopping = Stopping(&stop);
            let work = scope.spawn(|| crew.work(kind));
            disturb(&sim, &client);
            drop(stopping);
            work.join().unwrap().unwrap()
        })
    }
}
