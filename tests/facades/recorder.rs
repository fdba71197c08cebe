//! A recorder in the behaviour of the log backend.

use super::common::{eventually, options};
use super::{BACKEND, Behaviour, listen, lock, move_under_commands, no_threads};
use hitless::Client;
use hitless::sim::Sim;
use log::LevelFilter;
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The sums of all counters, by name.
static COUNTERS: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

struct Recording;

struct Named(String);

impl CounterFn for Named {
    fn increment(&self, by: u64) {
        BACKEND.act();
        *lock(&COUNTERS).entry(self.0.clone()).or_default() += by;
    }

    fn absolute(&self, _: u64) {
        panic!("the clients of a process add up");
    }
}

impl GaugeFn for Named {
    fn increment(&self, _: f64) {
        BACKEND.act();
    }

    fn decrement(&self, _: f64) {
        BACKEND.act();
    }

    fn set(&self, _: f64) {
        panic!("the clients of a process add up");
    }
}

impl HistogramFn for Named {
    fn record(&self, _: f64) {
        BACKEND.act();
    }
}

impl Recorder for Recording {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        BACKEND.act();
        Counter::from_arc(Arc::new(Named(key.name().to_owned())))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        BACKEND.act();
        Gauge::from_arc(Arc::new(Named(key.name().to_owned())))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        BACKEND.act();
        Histogram::from_arc(Arc::new(Named(key.name().to_owned())))
    }
}

pub(super) fn install() {
    metrics::set_global_recorder(Recording).unwrap();
}

fn published(name: &str) -> u64 {
    lock(&COUNTERS).get(name).copied().unwrap_or_default()
}

#[test]
fn a_recorder_that_panics_changes_nothing_and_is_counted() {
    let _turn = listen(LevelFilter::Off);
    BACKEND.set(Behaviour::Panic);
    let sim = Sim::builder().nodes(2).start().unwrap();
    let client = move_under_commands(&sim);
    eventually("the panics are counted", || client.stats().user_panics > 0);
    client.close();
    no_threads();
}

#[test]
fn a_recorder_that_hangs_stalls_nothing_and_loses_no_count() {
    let _turn = listen(LevelFilter::Off);
    let before = published("hitless_connections_moved_total");
    BACKEND.set(Behaviour::Hang);
    let sim = Sim::builder().nodes(2).start().unwrap();
    let client = move_under_commands(&sim);
    BACKEND.until_it_hangs();
    BACKEND.set(Behaviour::Keep);
    // Of all clients of the process this one alone has moved since.
    let moved = client.stats().connections_moved;
    eventually("the totals are published", || {
        published("hitless_connections_moved_total") == before + moved
    });
    BACKEND.set(Behaviour::Hang);
    sim.migrating(1, "1");
    BACKEND.until_it_hangs();
    client.close();
    BACKEND.set(Behaviour::Keep);
    no_threads();
}

#[test]
fn what_callers_count_is_published_while_nothing_else_happens() {
    let _turn = listen(LevelFilter::Off);
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0)).pool_size(1)).unwrap();
    let before = published("hitless_requests_shared_total");
    // A pool of one: whoever comes second shares.
    let sharing = || client.stats().requests_shared > 0;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                eventually("somebody shares", || {
                    hitless::Commands::ping(&client).unwrap();
                    sharing()
                });
            });
        }
    });
    let shared = client.stats().requests_shared;
    eventually("it is published", || {
        published("hitless_requests_shared_total") >= before + shared
    });
}
