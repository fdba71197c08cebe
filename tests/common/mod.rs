//! What the tests of the whole client share. Claims nothing itself.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    dead_code,
    unreachable_pub,
    reason = "tests panic when a claim is false, read the clock, and use only parts of this"
)]

#[cfg(feature = "sim-tls")]
pub mod certificates;
pub mod fake;
pub mod redis;
pub mod threads;

use hitless::sim::{Node, Sim};
use hitless::{Client, Commands as _, Options};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take that must happen, however slow the machine is.
pub const SOON: Duration = Duration::from_secs(20);

/// Waits until `condition` holds.
///
/// # Panics
///
/// If it does not hold within [`SOON`].
#[track_caller]
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    within(SOON, what, condition);
}

/// As [`eventually`], with a limit of its own.
#[track_caller]
pub fn within(limit: Duration, what: &str, condition: impl FnMut() -> bool) {
    assert!(comes_true(limit, condition), "not within {limit:?}: {what}");
}

/// Waits until `condition` holds, at most for `limit`; says whether it does.
pub fn comes_true(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        // What is asked about has nobody who would wake us.
        pause(Duration::from_millis(1));
    }
    true
}

/// Lets this thread do nothing for a time: the pace of a load, a time in which nothing must happen, and
/// the moment between two looks of [`within`]. For anything that can be waited for there is a better way,
/// so that this is the only place in which a test may spend time.
pub fn pause(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}

/// Options for one node of a simulator, by address.
pub fn options(sim: &Sim, node: Node) -> Options {
    patient(Options::new(&sim.addr(node).to_string()).unwrap())
}

/// Options whose time limits end nothing because the machine is busy. Each command in flight has a connection
/// of its own, as far as there are enough, so that a test has as many as it has threads.
pub fn patient(options: Options) -> Options {
    let options = options.connect_timeout(SOON).command_timeout(SOON);
    options.max_in_flight(1)
}

/// Options for a simulator by the name of the deployment.
pub fn by_name(sim: &Sim) -> Options {
    let port = sim.addr(sim.node(0)).port();
    let options = Options::new(&format!("{}:{port}", hitless::sim::HOST)).unwrap();
    patient(options).resolver(sim.resolver())
}

/// Makes a client, of which each command in flight has a connection, open `count` of them, and no more: so
/// many threads send one command after the other.
#[track_caller]
pub fn fill(client: &Client, count: usize) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                // However short the time is that the client has for a command.
                let ping = hitless::cmd("PING").timeout(SOON);
                while !stop.load(Ordering::Relaxed) {
                    ping.exec(client).unwrap();
                }
            });
        }
        comes_true(SOON, || client.stats().connections() >= count);
        stop.store(true, Ordering::Relaxed);
    });
    let stats = client.stats();
    assert_eq!(stats.connections(), count, "{stats:?}");
}

/// A number that differs between callers of one run and between processes.
pub fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    u64::from(std::process::id()) << 32 | NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Closes a client at the end of a scope, so that threads in it end even when a claim is false.
pub struct Closing<'a>(pub &'a Client);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Tells the load to stop, whatever becomes of the claims.
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does `work` while threads count, each by a key of its own, which no error and no doubled or lost
/// command may disturb.
pub fn under_load<T>(client: &Client, work: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    let run = unique();
    std::thread::scope(|scope| {
        let stopping = Stop(&stop);
        for thread in 0..4 {
            let stop = &stop;
            scope.spawn(move || {
                let key = format!("count:{run}:{thread}");
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    count += 1;
                    assert_eq!(client.incr(&key).unwrap(), count);
                }
            });
        }
        let done = work();
        drop(stopping);
        done
    })
}
