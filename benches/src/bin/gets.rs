//! Does so many GETs in one thread and ends, for tools that count what a process does.
//!
//! `gets ours|redis-rs|raw ADDRESS COUNT`

use hitless_bench as contenders;
use std::env;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let [_, contender, address, count] = &arguments[..] else {
        panic!("usage: gets ours|redis-rs|raw ADDRESS COUNT");
    };
    let count: u64 = count.parse().expect("a number");
    match contender.as_str() {
        "ours" => {
            let client = contenders::ours(address, 1);
            (0..count).for_each(|_| contenders::get_ours(&client));
        }
        "redis-rs" => {
            let mut connection = contenders::redis_rs(address);
            (0..count).for_each(|_| contenders::get_redis_rs(&mut connection));
        }
        "raw" => {
            let mut raw = contenders::Raw::new(address);
            (0..count).for_each(|_| raw.get());
        }
        other => panic!("no contender {other}"),
    }
}
