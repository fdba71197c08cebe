//! How much memory a pipeline takes beyond its commands. One test for the process, whose memory it measures.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics when a claim is false"
)]

mod common;

use common::redis::Redis;
use common::{SOON, patient};
use hitless::{Client, Options, TcpOptions, Value, cmd, pipe};
use std::fs;
use std::mem::size_of;
use std::time::Duration;

/// A number of kilobytes that the system tells of this process, in bytes.
fn memory(what: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<usize>().unwrap() << 10
}

/// The most that the process has in memory while `work` goes on, beyond what it has now, and what that yields.
fn grown<T>(work: impl FnOnce() -> T) -> (usize, T) {
    // The system begins anew to look for the most (proc(5)).
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS:");
    let result = work();
    (memory("VmHWM:").saturating_sub(before), result)
}

#[test]
fn a_pipeline_takes_the_memory_of_its_results_and_no_more() {
    const COMMANDS: usize = 1_000_000;
    // Of nothing, so that a result has no memory but its own: 32 bytes on 64-bit systems. Beyond the results half
    // of a second vector of them would be too much.
    let most = COMMANDS * size_of::<hitless::Result<Value>>() * 3 / 2;
    let redis = Redis::start();
    let options = patient(Options::new(&redis.url()).unwrap());
    // Time for a busy machine, also for a server that reads nothing meanwhile.
    let tcp = TcpOptions::default().user_timeout(Duration::ZERO);
    let options = options.pool_size(1).command_timeout(SOON * 6).tcp(tcp);
    let client = Client::connect(options).unwrap();
    let get = cmd("GET").arg("nothing");
    let mut pipeline = pipe();
    (0..COMMANDS).for_each(|_| {
        pipeline.add(&get);
    });
    // The commands as they are on the wire, once, and where each of them ends.
    let (memory, results) = grown(|| pipeline.run(&client));
    assert_eq!(results.len(), COMMANDS);
    assert!(
        results
            .iter()
            .all(|result| result.as_ref().unwrap().is_nil())
    );
    assert!(memory <= most, "{} bytes a command", memory / COMMANDS);
    drop(results);
    let (memory, values) = grown(|| pipeline.query::<Vec<Option<i64>>>(&client));
    assert_eq!(values.unwrap(), vec![None; COMMANDS]);
    assert!(memory <= most, "{} bytes a command", memory / COMMANDS);
}
