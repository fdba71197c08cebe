//! Does so many GETs in one thread and ends, for tools that count what a process does.
//!
//! `gets ours|redis-rs|raw ADDRESS COUNT [get|set|pipeline]`
//!
//! Other operations than GET are ours alone.

use hitless_bench as contenders;
use std::env;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let (contender, address, count, operation) = match &arguments[..] {
        [_, contender, address, count] => (contender, address, count, "get"),
        [_, contender, address, count, operation] => (contender, address, count, &operation[..]),
        _ => panic!("usage: gets ours|redis-rs|raw ADDRESS COUNT [get|set|pipeline]"),
    };
    let count: u64 = count.parse().expect("a number");
    match (contender.as_str(), operation) {
        ("ours", "get") => {
            let client = contenders::ours(address, 1);
            (0..count).for_each(|_| contenders::get_ours(&client));
        }
        ("ours", "set") => {
            let client = contenders::ours(address, 1);
            (0..count).for_each(|_| contenders::set_ours(&client));
        }
        ("ours", "pipeline") => {
            for mut operation in contenders::pipeline_ours(address, 100) {
                (0..count).for_each(|_| operation());
            }
        }
        ("redis-rs", "get") => {
            let mut connection = contenders::redis_rs(address);
            (0..count).for_each(|_| contenders::get_redis_rs(&mut connection));
        }
        ("raw", "get") => {
            let mut raw = contenders::Raw::new(address);
            (0..count).for_each(|_| raw.get());
        }
        other => panic!("no contender {other:?}"),
    }
}
