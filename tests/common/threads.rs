//! What this process has: threads and descriptors, as Linux counts them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by every test that counts, and by every other of the same binary that makes clients.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed has dropped its clients like any other.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The threads of all clients, by number: their names. The system cuts names to 15 letters.
pub fn of_clients() -> BTreeMap<u64, String> {
    named("hitless-")
}

/// The threads whose names begin so.
pub fn named(prefix: &str) -> BTreeMap<u64, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/task").unwrap().flatten() {
        // A thread may end while we look.
        let Ok(name) = fs::read_to_string(entry.path().join("comm")) else {
            continue;
        };
        if name.starts_with(prefix) {
            let number = entry.file_name().to_string_lossy().parse().unwrap();
            found.insert(number, name.trim().to_owned());
        }
    }
    found
}

/// The open descriptors of the process, the one that counts them aside.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

/// How often each thread of a client was given a processor, by number and name.
pub fn switches() -> BTreeMap<(u64, String), u64> {
    let mut counts = BTreeMap::new();
    for (number, name) in of_clients() {
        let Ok(status) = fs::read_to_string(format!("/proc/self/task/{number}/status")) else {
            continue;
        };
        let count = status
            .lines()
            .filter(|line| line.contains("ctxt_switches"))
            .map(|line| {
                line.rsplit_once(':')
                    .unwrap()
                    .1
                    .trim()
                    .parse::<u64>()
                    .unwrap()
            })
            .sum();
        counts.insert((number, name), count);
    }
    counts
}
