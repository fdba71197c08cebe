//! Keeps the processors from sleeping, for rows in which one thread waits for each reply.
//!
//! A processor that has nothing to do is halted, and waking it takes about as long as a round trip on loopback:
//! the rate of a thread that works alone jumps between two values, whatever client it uses.

use rustix::process::nice;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A thread of the lowest priority for each processor, which gives way to everybody, until dropped.
pub struct Awake(Arc<AtomicBool>);

impl Awake {
    pub fn keep() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                // On Linux the priority is the thread's own. Without it, rather sleepy processors than a busy one.
                if nice(19).is_ok_and(|priority| priority == 19) {
                    while !stop.load(Ordering::Relaxed) {
                        spin_loop();
                    }
                }
            });
        }
        Self(stop)
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
