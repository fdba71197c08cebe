//! Stateful work under moves, each kind verified from end to end: what is sent carries a number, and what
//! came is compared with what was accepted. Judges nothing: the report does.

mod book;
mod pubsub;
mod queue;
mod streams;
mod transactions;

use crate::phases::Phases;
use crate::record::{Columns, Measured, Recorder};
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

/// What one thread of a kind has found, or all of them together.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) name: &'static str,
    /// Delivered or committed.
    pub(crate) done: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<Error>,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) measured: Measured,
}

impl Tally {
    fn new(kind: Kind) -> Self {
        Self {
            name: kind.name(),
            done: 0,
            errors: 0,
            first_error: None,
            lost: 0,
            doubled: 0,
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
        self.doubled += other.doubled;
        self.measured.add(&other.measured);
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.done > 0 && self.errors == 0 && self.lost == 0 && self.doubled == 0
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
