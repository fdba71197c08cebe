//! Many threads with a mix of commands: three GET to one SET of 16 bytes. The client has its default
//! options.

use super::{MEDIAN, P99, RATE};
use crate::bench::{Bench, Measured};
use crate::contest::{Contender, versus};
use crate::report::Bar;
use crate::{by_default, mix_ours, mix_r2d2, r2d2, spread};
use hitless::Client;
use std::time::Duration;

/// What a thread does between two commands.
const THINKING: Duration = Duration::from_millis(1);

fn ours(client: &Client, threads: usize) -> Contender {
    Contender::default().with_group(mix_ours(client, threads))
}

fn peer(pool: &r2d2::Pool<redis::Client>, threads: usize) -> Contender {
    Contender::default().with_group(mix_r2d2(pool, threads))
}

pub fn eight_threads(bench: &Bench) -> Measured {
    let (address, name) = (&bench.address, "8 threads, mix");
    let mut contenders = vec![ours(&by_default(address), 8), peer(&r2d2(address, 8), 8)];
    let bars = [
        (RATE, Bar::Ratio(1.3)),
        (MEDIAN, Bar::None),
        (P99, Bar::None),
    ];
    let mut rows = versus((0, 1), name, "r2d2 with 8", &bars);
    if let Some(glide) = bench.join_glide(&mut contenders, "mix", 8) {
        let bars = [
            (RATE, Bar::Ratio(1.6)),
            (MEDIAN, Bar::None),
            (P99, Bar::None),
        ];
        rows.extend(versus((0, glide), name, "glide", &bars));
    }
    Ok(bench.contest("commands/s", contenders).compare(&rows))
}

pub fn many_threads(bench: &Bench) -> Measured {
    let (address, name) = (&bench.address, "64 threads, mix");
    let mut contenders = vec![
        ours(&by_default(address), 64),
        peer(&r2d2(address, 64), 64),
        peer(&r2d2(address, 10), 64),
        ours(&spread(address, 64), 64),
    ];
    let bars = |rate| {
        [
            (RATE, Bar::Ratio(rate)),
            (MEDIAN, Bar::None),
            (P99, Bar::RatioMost(0.8)),
        ]
    };
    let mut rows = versus((0, 1), name, "r2d2 with 64", &bars(2.0));
    rows.extend(versus((0, 2), name, "r2d2 with 10", &bars(3.5)));
    let none = [RATE, MEDIAN, P99].map(|what| (what, Bar::None));
    rows.extend(versus((0, 3), name, "ours, a connection each", &none));
    if let Some(glide) = bench.join_glide(&mut contenders, "mix", 64) {
        rows.extend(versus((0, glide), name, "glide", &bars(2.0)));
    }
    Ok(bench.contest("commands/s", contenders).compare(&rows))
}

pub fn most_threads(bench: &Bench) -> Measured {
    let (address, name) = (&bench.address, "256 threads, mix");
    let mut contenders = vec![
        ours(&by_default(address), 256),
        peer(&r2d2(address, 256), 256),
    ];
    let bars = |rate| {
        [
            (RATE, Bar::Ratio(rate)),
            (MEDIAN, Bar::None),
            (P99, Bar::None),
        ]
    };
    let mut rows = versus((0, 1), name, "r2d2 with 256", &bars(2.0));
    if let Some(glide) = bench.join_glide(&mut contenders, "mix", 256) {
        rows.extend(versus((0, glide), name, "glide", &bars(2.3)));
    }
    Ok(bench.contest("commands/s", contenders).compare(&rows))
}

/// Threads that do something else for 1 ms before each command, as those of a web server. The commands
/// alone are timed.
pub fn thinking_threads(bench: &Bench) -> Measured {
    let (address, name) = (&bench.address, "64 threads, 1 ms between commands");
    let thinking = |operations| Contender::default().with_pausing_group(operations, THINKING);
    let contenders = vec![
        thinking(mix_ours(&by_default(address), 64)),
        thinking(mix_r2d2(&r2d2(address, 64), 64)),
        thinking(mix_ours(&spread(address, 64), 64)),
    ];
    let bars = [
        (RATE, Bar::None),
        (MEDIAN, Bar::RatioMost(1.0)),
        (P99, Bar::RatioMost(1.0)),
    ];
    let mut rows = versus((0, 1), name, "r2d2 with 64", &bars);
    let none = [RATE, MEDIAN, P99].map(|what| (what, Bar::None));
    rows.extend(versus((0, 2), name, "ours, a connection each", &none));
    Ok(bench.contest("commands/s", contenders).compare(&rows))
}
