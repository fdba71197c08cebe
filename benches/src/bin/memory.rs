//! Prints the resident memory, in KiB, of a program that has used one contender: 256 threads with the mix, or
//! none that uses so many connections. Prints nothing where there is no `/proc`.
//!
//! `memory none|ours|r2d2|idle-ours|idle-redis-rs ADDRESS CONNECTIONS`
//!
//! `none` has no client, and `ours` the connections that it makes by default.

use hitless_bench::crew::{Crew, Operation};
use hitless_bench::shapes::each;
use hitless_bench::{by_default, mix_ours, mix_r2d2, r2d2, redis_rs, spread};
use std::any::Any;
use std::hint::black_box;
use std::time::Duration;
use std::{env, fs, thread};

const THREADS: usize = 256;
const LENGTH: Duration = Duration::from_millis(500);

/// What a GET leaves to its caller, without the GET.
fn allocate() {
    drop(black_box(vec![0u8; 16]));
    thread::sleep(Duration::from_millis(1));
}

/// Lets all threads work once; they live on, with whatever they keep for the next command.
fn worked(operations: Vec<Operation>) -> Box<dyn Any> {
    let crew = Crew::start(operations);
    crew.round(LENGTH);
    Box::new(crew)
}

fn idle_ours(address: &str, connections: usize) -> Box<dyn Any> {
    let client = spread(address, connections);
    while client.stats().connections() < connections {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(LENGTH);
    Box::new(client)
}

fn idle_redis_rs(address: &str, connections: usize) -> Box<dyn Any> {
    let connections: Vec<redis::Connection> = (0..connections).map(|_| redis_rs(address)).collect();
    Box::new(connections)
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let [_, work, address, connections] = &arguments[..] else {
        panic!("usage: memory none|ours|r2d2|idle-ours|idle-redis-rs ADDRESS CONNECTIONS");
    };
    let connections: u32 = connections.parse().expect("a number");
    let kept = match work.as_str() {
        "none" => worked(each(THREADS, || allocate)),
        "ours" => worked(mix_ours(&by_default(address), THREADS)),
        "r2d2" => worked(mix_r2d2(&r2d2(address, connections), THREADS)),
        "idle-ours" => idle_ours(address, connections as usize),
        "idle-redis-rs" => idle_redis_rs(address, connections as usize),
        other => panic!("no work {other}"),
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    println!("{}", resident.trim().trim_end_matches(" kB"));
    drop(kept);
}
