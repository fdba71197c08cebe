//! What the feature `metrics` publishes.
#![cfg(all(feature = "sim", feature = "metrics"))]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test panics when a claim is false, and does not use all of what the tests share"
)]

#[path = "hooks/support.rs"]
mod support;

use hitless::sim::{Fault, Moving, Sim, Target};
use hitless::{Client, MaintenanceEvent, MaintenanceOptions, MaintenanceStats};
use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::{SOON, Tape, connect, fill, until};

/// Keeps what is published, by name.
#[derive(Default)]
struct Shelf {
    counters: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    histograms: Mutex<BTreeMap<String, Arc<Samples>>>,
}

#[derive(Default)]
struct Samples(Mutex<Vec<f64>>);

impl HistogramFn for Samples {
    fn record(&self, value: f64) {
        self.0.lock().push(value);
    }
}

/// The shelf as the one recorder of the process.
struct Shared(Arc<Shelf>);

impl Recorder for Shared {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut all = self.0.counters.lock();
        Counter::from_arc(Arc::clone(all.entry(key.name().to_owned()).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let mut all = self.0.histograms.lock();
        Histogram::from_arc(Arc::clone(all.entry(key.name().to_owned()).or_default()))
    }
}

impl Shelf {
    fn read(&self, name: &str) -> u64 {
        let counters = self.counters.lock();
        let counter = counters
            .get(name)
            .unwrap_or_else(|| panic!("{name} was never published"));
        counter.load(Ordering::Relaxed)
    }

    /// Compares all of the client's numbers with what was published.
    fn agrees(&self, client: &Client) {
        let MaintenanceStats {
            moving_notifications,
            migrating_notifications,
            migrated_notifications,
            failing_over_notifications,
            failed_over_notifications,
            smigrating_notifications,
            smigrated_notifications,
            acted,
            duplicates,
            caught_up,
            stale,
            skipped,
            malformed,
            handoffs_started,
            handoffs_completed,
            handoffs_failed,
            handoffs_abandoned,
            slots_moved,
            dials_failed,
            lost_in_window,
            drains_forced,
            targets_refused,
            opt_ins_refused,
            windows_opened,
            windows_closed,
            queue_overflows,
            hook_panics,
            hooks_late,
            events_dropped,
            ..
        } = client.maintenance();
        let stats = client.stats();
        for (name, number) in [
            ("notifications_moving", moving_notifications),
            ("notifications_migrating", migrating_notifications),
            ("notifications_migrated", migrated_notifications),
            ("notifications_failing_over", failing_over_notifications),
            ("notifications_failed_over", failed_over_notifications),
            ("notifications_smigrating", smigrating_notifications),
            ("notifications_smigrated", smigrated_notifications),
            ("notifications_acted", acted),
            ("notifications_duplicate", duplicates),
            ("notifications_caught_up", caught_up),
            ("notifications_stale", stale),
            ("notifications_skipped", skipped),
            ("notifications_malformed", malformed),
            ("handoffs_started", handoffs_started),
            ("handoffs_completed", handoffs_completed),
            ("handoffs_failed", handoffs_failed),
            ("handoffs_abandoned", handoffs_abandoned),
            ("slots_moved", slots_moved),
            ("handoff_dials_failed", dials_failed),
            ("connections_lost_in_window", lost_in_window),
            ("drains_forced", drains_forced),
            ("targets_refused", targets_refused),
            ("opt_ins_refused", opt_ins_refused),
            ("windows_opened", windows_opened),
            ("windows_closed", windows_closed),
            ("queue_overflows", queue_overflows),
            ("hook_panics", hook_panics),
            ("hooks_late", hooks_late),
            ("events_dropped", events_dropped),
            ("connections_opened", stats.connections_opened),
            ("connections_lost", stats.connections_lost),
            ("dials_failed", stats.dials_failed),
            ("notifications", stats.notifications),
            ("pushes_unknown", stats.pushes_unknown),
            ("commands_unknown", stats.commands_unknown),
            ("requests_shared", stats.requests_shared),
        ] {
            assert_eq!(
                self.read(&format!("hitless_{name}_total")),
                number,
                "{name}"
            );
        }
    }
}

#[test]
fn what_is_published_is_what_the_client_says() {
    let shelf = Arc::new(Shelf::default());
    metrics::set_global_recorder(Shared(Arc::clone(&shelf))).unwrap();
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b, c] = [0, 1, 2].map(|node| sim.node(node));
    let tape = Tape::new();
    let client = connect(&sim, a, 4, MaintenanceOptions::new().hook(tape.clone()));
    fill(&sim, a, &client, 4);
    shelf.agrees(&client);

    sim.migrating(1, "1");
    sim.migrated("1");
    sim.failing_over(1, "1");
    sim.failed_over("1");
    sim.slots_migrating("1-5");
    until(|| client.stats().notifications == 20);
    until(|| {
        let stats = client.maintenance();
        stats.acted + stats.duplicates == 20
    });
    shelf.agrees(&client);

    // A move that fails at first, so that more than one kind of number grows.
    sim.fault(b, Fault::Refuse);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
    tape.wait_event(|event| matches!(event, MaintenanceEvent::DialFailed { .. }));
    sim.start_moving(Moving::new(a, Target::Node(c)).announce(60));
    tape.wait_event(|event| matches!(event, MaintenanceEvent::HandoffCompleted(_)));
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    let text = sim.push(
        c,
        &hitless::protocol::Push {
            kind: "NOVELTY".into(),
            args: vec![].into(),
        },
    );
    assert_eq!(text, 4);
    until(|| client.stats().pushes_unknown == 4);
    until(|| client.maintenance().draining == 0);
    shelf.agrees(&client);

    let stats = client.maintenance();
    assert_eq!(
        (stats.slots_moved, stats.handoffs_abandoned),
        (4, 1),
        "{stats:?}"
    );
    let histograms = shelf.histograms.lock();
    let samples = histograms["hitless_handoff_seconds"].0.lock().clone();
    assert_eq!(samples.len(), 4);
    let total: f64 = samples.iter().sum();
    assert!(
        (total - stats.move_time_total.as_secs_f64()).abs() < 0.001,
        "{samples:?}"
    );
}
