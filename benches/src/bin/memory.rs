//! Prints the resident memory, in KiB, of a program whose 256 threads have used one contender. Prints
//! nothing where there is no `/proc`.
//!
//! `memory none|ours|r2d2 ADDRESS`

use hitless_bench::crew::{Crew, Operation};
use hitless_bench::mixed::{by_default, mix_ours, mix_r2d2};
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

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let operations = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "none", _] => (0..THREADS)
            .map(|_| -> Operation { Box::new(allocate) })
            .collect(),
        [_, "ours", address] => mix_ours(&by_default(address), THREADS),
        [_, "r2d2", address] => mix_r2d2(&hitless_bench::r2d2(address, 256), THREADS),
        _ => panic!("usage: memory none|ours|r2d2 ADDRESS"),
    };
    let crew = Crew::start(operations);
    crew.round(LENGTH);
    // The threads still live, with whatever they keep for the next command.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    println!("{}", resident.trim().trim_end_matches(" kB"));
}
