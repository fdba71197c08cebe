//! How long operations take, by groups of threads. Knows no operation and compares nothing.

use crate::crew::Operation;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Nanoseconds. What takes longer than 4 s counts as 4 s.
type Samples = Arc<Mutex<Vec<u32>>>;

/// Threads of one contender that do the same.
pub struct Group {
    /// By thread, so that no thread waits for another.
    threads: Vec<Samples>,
}

impl Group {
    /// The same operations, timed. Before each of them its thread sleeps for `pause`, which does not count.
    pub fn of(operations: Vec<Operation>, pause: Duration) -> (Self, Vec<Operation>) {
        let timed = |operation| timed(operation, pause);
        let (threads, timed) = operations.into_iter().map(timed).unzip();
        (Self { threads }, timed)
    }

    /// What was timed since the last call. While no thread works.
    pub fn take(&self) -> Times {
        let mut samples = Vec::new();
        for thread in &self.threads {
            samples.append(&mut thread.lock().unwrap_or_else(PoisonError::into_inner));
        }
        samples.sort_unstable();
        Times {
            count: samples.len(),
            median: quantile(&samples, 0.5),
            p99: quantile(&samples, 0.99),
            p999: quantile(&samples, 0.999),
        }
    }
}

fn timed(mut operation: Operation, pause: Duration) -> (Samples, Operation) {
    let samples = Samples::default();
    let kept = Arc::clone(&samples);
    let timed = move || {
        if !pause.is_zero() {
            thread::sleep(pause);
        }
        let start = Instant::now();
        operation();
        let took = u32::try_from(start.elapsed().as_nanos()).unwrap_or(u32::MAX);
        kept.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(took);
    };
    (samples, Box::new(timed))
}

/// What the operations of one round took: how many they were, and the time that half, 99 % and 99.9 % of
/// them did not exceed.
#[derive(Clone, Copy)]
pub struct Times {
    pub count: usize,
    pub median: Duration,
    pub p99: Duration,
    pub p999: Duration,
}

/// This part of the samples, the shortest of which come first, is no longer. Zero if there are none.
fn quantile(samples: &[u32], part: f64) -> Duration {
    let last = samples.len().saturating_sub(1);
    let sample = samples.get((last as f64 * part) as usize);
    Duration::from_nanos(sample.copied().unwrap_or(0).into())
}
