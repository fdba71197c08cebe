//! Prints how often a second threads of the client wake up. Prints nothing where there is no `/proc`.
//!
//! `wakeups busy|idle ADDRESS SECONDS`: the busiest reader thread while 64 threads run the mix, or all
//! threads of a client with ten connections that nobody uses.

use hitless_bench::crew::Crew;
use hitless_bench::{by_default, get_ours, mix_ours, spread};
use std::collections::HashMap;
use std::time::Duration;
use std::{env, fs, thread};

/// Until threads sleep as long as they do when nothing happens.
const SETTLE: Duration = Duration::from_secs(1);

/// Whether a thread of this name reads from a connection: `hitless-r` and the connection's number.
fn is_reader(name: &str) -> bool {
    let number = name.strip_prefix("hitless-r");
    number.is_some_and(|number| number.starts_with(|first: char| first.is_ascii_digit()))
}

/// Whether a thread of this name is the client's.
fn is_of_client(name: &str) -> bool {
    name.starts_with("hitless")
}

/// How often each thread with such a name has gone to sleep of its own accord, by its id.
fn sleeps(is_meant: fn(&str) -> bool) -> HashMap<String, u64> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let sleeps = tasks.flatten().filter_map(|task| {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        let status = fs::read_to_string(task.path().join("status")).ok()?;
        let count = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        let id = task.file_name().into_string().ok()?;
        let count = count.trim().parse().ok()?;
        is_meant(&name).then_some((id, count))
    });
    sleeps.collect()
}

/// By how much each thread's number grows meanwhile.
fn growth(is_meant: fn(&str) -> bool, meanwhile: impl FnOnce()) -> Vec<u64> {
    let before = sleeps(is_meant);
    meanwhile();
    let after = sleeps(is_meant);
    let more = after
        .iter()
        .map(|(id, count)| count - before.get(id).copied().unwrap_or(0).min(*count));
    more.collect()
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let [_, work, address, seconds] = &arguments[..] else {
        panic!("usage: wakeups busy|idle ADDRESS SECONDS");
    };
    let seconds: u64 = seconds.parse().expect("a number");
    let length = Duration::from_secs(seconds);
    let most = if work == "busy" {
        let client = by_default(address);
        let crew = Crew::start(mix_ours(&client, 64));
        crew.round(SETTLE);
        let more = growth(is_reader, || {
            crew.round(length);
        });
        more.into_iter().max()
    } else {
        let client = spread(address, 10);
        get_ours(&client);
        thread::sleep(SETTLE);
        let more = growth(is_of_client, || thread::sleep(length));
        (!more.is_empty()).then(|| more.into_iter().sum())
    };
    if let Some(most) = most {
        println!("{}", most as f64 / seconds as f64);
    }
}
