//! Threads that repeat one operation in rounds. Does not know what the operation is, nor compare.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What one thread repeats.
pub type Operation = Box<dyn FnMut() + Send>;

/// The threads of one contender. Between rounds all of them sleep, so that contenders which take
/// turns do not disturb each other.
pub struct Crew {
    gate: Arc<Gate>,
    threads: Vec<JoinHandle<()>>,
}

struct Gate {
    barrier: Barrier,
    stop: AtomicBool,
    quit: AtomicBool,
    done: AtomicU64,
}

impl Crew {
    /// Starts one thread for each operation.
    pub fn start(operations: Vec<Operation>) -> Self {
        let gate = Arc::new(Gate {
            barrier: Barrier::new(operations.len() + 1),
            stop: AtomicBool::new(false),
            quit: AtomicBool::new(false),
            done: AtomicU64::new(0),
        });
        let threads = operations
            .into_iter()
            .map(|operation| {
                let gate = Arc::clone(&gate);
                thread::spawn(move || gate.work(operation))
            })
            .collect();
        Self { gate, threads }
    }

    /// Lets all threads work for `length`; returns operations per second.
    pub fn round(&self, length: Duration) -> f64 {
        self.gate.stop.store(false, Ordering::Relaxed);
        self.gate.done.store(0, Ordering::Relaxed);
        self.gate.barrier.wait();
        let start = Instant::now();
        thread::sleep(length);
        self.gate.stop.store(true, Ordering::Relaxed);
        let took = start.elapsed();
        self.gate.barrier.wait();
        self.gate.done.load(Ordering::Relaxed) as f64 / took.as_secs_f64()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.gate.quit.store(true, Ordering::Relaxed);
        self.gate.barrier.wait();
        for thread in self.threads.drain(..) {
            // The panic of an operation has been printed, and has broken a round before.
            let _ = thread.join();
        }
    }
}

impl Gate {
    fn work(&self, mut operation: Operation) {
        loop {
            self.barrier.wait();
            if self.quit.load(Ordering::Relaxed) {
                return;
            }
            let mut count = 0;
            while !self.stop.load(Ordering::Relaxed) {
                black_box(&mut operation)();
                count += 1;
            }
            self.done.fetch_add(count, Ordering::Relaxed);
            self.barrier.wait();
        }
    }
}
