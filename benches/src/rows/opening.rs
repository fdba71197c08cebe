//! How fast connections are opened, and with how many round trips.

use crate::bench::{Bench, Measured};
use crate::load::Meter;
use crate::report::{Bar, Row};
use crate::{info, ours, r2d2, redis_rs, spread};
use hitless::Client;
use std::any::Any;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 100;

/// Opens all connections, and returns what keeps them open.
type Open = fn(&str) -> Box<dyn Any>;

/// A client whose connections all stand.
fn open_ours(address: &str) -> Box<dyn Any> {
    let client = spread(address, CONNECTIONS);
    let deadline = Instant::now() + Duration::from_secs(10);
    while client.stats().connections() < CONNECTIONS {
        assert!(Instant::now() < deadline, "connections are missing");
        thread::sleep(Duration::from_micros(100));
    }
    Box::new(client)
}

fn open_redis_rs(address: &str) -> Box<dyn Any> {
    let connections: Vec<redis::Connection> = (0..CONNECTIONS).map(|_| redis_rs(address)).collect();
    Box::new(connections)
}

fn open_r2d2(address: &str) -> Box<dyn Any> {
    Box::new(r2d2(address, CONNECTIONS as u32))
}

/// How often the server has read from a connection.
fn reads(admin: &Client) -> f64 {
    let reads = info(admin, "stats", "total_reads_processed");
    reads.parse().unwrap_or(f64::NAN)
}

/// Connections a second of each, taking turns, and reads of the server for each of ours. Closing them
/// does not count.
pub fn hundred(bench: &Bench) -> Measured {
    let admin = ours(&bench.address, 1);
    let processes = [process::id().to_string(), bench.server().to_owned()];
    let openers: [Open; 3] = [open_ours, open_redis_rs, open_r2d2];
    let mut rates = [const { Vec::new() }; 3];
    let mut reads_each = Vec::new();
    let mut meter = Meter::new(&processes);
    for _ in 0..bench.effort.rounds {
        for (index, open) in openers.iter().enumerate() {
            let before = reads(&admin);
            let start = Instant::now();
            let connections = open(&bench.address);
            let took = start.elapsed();
            // INFO itself is one.
            let more = reads(&admin) - before - 1.0;
            drop(connections);
            rates[index].push(CONNECTIONS as f64 / took.as_secs_f64());
            if index == 0 {
                reads_each.push(more / CONNECTIONS as f64);
            }
        }
    }
    let others = meter.as_mut().map_or(0.0, Meter::look);
    let [ours, alone, pooled] = rates;
    let name = |peer: &str| format!("opening 100 connections : {peer}");
    let row = |peer: &str, rates: &[f64], bar| Row {
        others,
        ..Row::of(&name(peer), "connections/s", &ours, rates, bar)
    };
    Ok(vec![
        row("redis-rs", &alone, Bar::Ratio(1.0)),
        row("r2d2", &pooled, Bar::None),
        Row::alone(
            "opening a connection, round trips after TCP",
            "reads",
            &reads_each,
            Bar::Most(1.0),
        ),
    ])
}
