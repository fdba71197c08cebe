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
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::{SOON, Tape, connect, fill, now, until};

/// Name, type, and the names of the labels.
type Kind = (String, &'static str, Vec<String>);

/// Keeps what is published, by name.
#[derive(Default)]
struct Shelf {
    kinds: Mutex<BTreeSet<Kind>>,
    /// By name and values of the labels: `hitless_breakers 127.0.0.1:7 open`.
    gauges: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
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
        self.0.note(key, "counter");
        let mut all = self.0.counters.lock();
        Counter::from_arc(Arc::clone(all.entry(key.name().to_owned()).or_default()))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.0.note(key, "gauge");
        let mut name = key.name().to_owned();
        for label in key.labels() {
            name = format!("{name} {}", label.value());
        }
        let mut all = self.0.gauges.lock();
        Gauge::from_arc(Arc::clone(all.entry(name).or_default()))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.0.note(key, "histogram");
        let mut all = self.0.histograms.lock();
        Histogram::from_arc(Arc::clone(all.entry(key.name().to_owned()).or_default()))
    }
}

impl Shelf {
    fn note(&self, key: &Key, kind: &'static str) {
        let labels = key.labels().map(|label| label.key().to_owned()).collect();
        (self.kinds.lock()).insert((key.name().to_owned(), kind, labels));
    }

    /// What a gauge shows; zero also if nobody has shown anything.
    fn gauge(&self, name: &str) -> f64 {
        let gauges = self.gauges.lock();
        let bits = gauges.get(name).map(|gauge| gauge.load(Ordering::Relaxed));
        f64::from_bits(bits.unwrap_or_default())
    }

    fn read(&self, name: &str) -> u64 {
        let counters = self.counters.lock();
        let counter = counters
            .get(name)
            .unwrap_or_else(|| panic!("{name} was never published"));
        counter.load(Ordering::Relaxed)
    }

    /// Waits until all of the client's numbers are those that were published.
    #[track_caller]
    fn agrees(&self, client: &Client) {
        let deadline = now() + SOON;
        loop {
            let different = self.differences(client);
            if different.is_empty() {
                return;
            }
            // A number may have grown between the two looks.
            assert!(now() < deadline, "{different:#?}");
            std::thread::yield_now();
        }
    }

    /// Names, what was published and what the client says, where they differ.
    fn differences(&self, client: &Client) -> Vec<(&'static str, u64, u64)> {
        let MaintenanceStats {
            notifications_moving,
            notifications_migrating,
            notifications_migrated,
            notifications_failing_over,
            notifications_failed_over,
            notifications_smigrating,
            notifications_smigrated,
            notifications_acted,
            notifications_duplicate,
            notifications_caught_up,
            notifications_stale,
            notifications_skipped,
            notifications_malformed,
            handoffs_started,
            handoffs_completed,
            handoffs_failed,
            handoffs_abandoned,
            connections_moved,
            handoff_dials_failed,
            connections_lost_in_window,
            drains_forced,
            targets_refused,
            opt_ins_refused,
            windows_opened,
            windows_closed,
            breaker_changes,
            inbox_overflows,
            queue_overflows,
            hook_panics,
            hooks_late,
            events_dropped,
            messages_doubled,
            seams_exact,
            seams_matched,
            ..
        } = client.maintenance();
        let stats = client.stats();
        let numbers = [
            ("breaker_changes", breaker_changes),
            ("inbox_overflows", inbox_overflows),
            ("notifications_moving", notifications_moving),
            ("notifications_migrating", notifications_migrating),
            ("notifications_migrated", notifications_migrated),
            ("notifications_failing_over", notifications_failing_over),
            ("notifications_failed_over", notifications_failed_over),
            ("notifications_smigrating", notifications_smigrating),
            ("notifications_smigrated", notifications_smigrated),
            ("notifications_acted", notifications_acted),
            ("notifications_duplicate", notifications_duplicate),
            ("notifications_caught_up", notifications_caught_up),
            ("notifications_stale", notifications_stale),
            ("notifications_skipped", notifications_skipped),
            ("notifications_malformed", notifications_malformed),
            ("handoffs_started", handoffs_started),
            ("handoffs_completed", handoffs_completed),
            ("handoffs_failed", handoffs_failed),
            ("handoffs_abandoned", handoffs_abandoned),
            ("connections_moved", connections_moved),
            ("handoff_dials_failed", handoff_dials_failed),
            ("connections_lost_in_window", connections_lost_in_window),
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
            ("messages_dropped", stats.messages_dropped),
            ("messages_doubled", messages_doubled),
            ("seams_exact", seams_exact),
            ("seams_matched", seams_matched),
            ("user_panics", stats.user_panics),
            ("log_lines_dropped", stats.log_lines_dropped),
            ("samples_dropped", stats.samples_dropped),
        ];
        let compared = numbers.map(|(name, _)| format!("hitless_{name}_total"));
        let published: BTreeSet<String> = self.counters.lock().keys().cloned().collect();
        let all = BTreeSet::from(compared);
        if all != published {
            // Each counter is one of the client's.
            return vec![("names", published.len() as u64, all.len() as u64)];
        }
        numbers
            .into_iter()
            .map(|(name, said)| (name, self.read(&format!("hitless_{name}_total")), said))
            .filter(|(_, published, said)| published != said)
            .collect()
    }
}

/// The rows of the page that lists all metrics.
fn documented() -> BTreeSet<Kind> {
    let page = include_str!("../docs/metrics.md");
    let rows: Vec<Kind> = page
        .lines()
        .filter(|line| line.starts_with("| `hitless_"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, name, kind, labels, meaning, _] = cells[..] else {
                panic!("not four cells: {line}");
            };
            let kinds = ["counter", "gauge", "histogram"];
            let kind = kinds.into_iter().find(|one| *one == kind);
            assert!(meaning.len() > 3, "{name} means nothing");
            let labels = labels.split(", ").filter(|label| !label.is_empty());
            let bare = |word: &str| word.trim_matches('`').to_owned();
            (
                bare(name),
                kind.unwrap_or_else(|| panic!("what is {line}")),
                labels.map(bare).collect(),
            )
        })
        .collect();
    let names: Vec<&String> = rows.iter().map(|(name, ..)| name).collect();
    assert!(names.is_sorted(), "in the order of the alphabet: {names:?}");
    let count = rows.len();
    let rows: BTreeSet<Kind> = rows.into_iter().collect();
    assert_eq!(rows.len(), count, "each once");
    rows
}

#[test]
fn what_is_published_is_what_the_client_says() {
    let shelf = Arc::new(Shelf::default());
    metrics::set_global_recorder(Shared(Arc::clone(&shelf))).unwrap();
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b, c] = [0, 1, 2].map(|node| sim.node(node));
    let tape = Tape::new();
    // One dial that fails is enough, so that a breaker has something to show.
    let maintenance = MaintenanceOptions::new().breaker_threshold(1);
    let client = connect(&sim, a, 4, maintenance.hook(tape.clone()));
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
        stats.notifications_acted + stats.notifications_duplicate == 20
    });
    shelf.agrees(&client);
    // The migration and the failover have ended, the slots of a cluster have not.
    until(|| shelf.gauge("hitless_windows_open") == 1.0);

    // A move that fails at first, so that more than one kind of number grows.
    sim.fault(b, Fault::Refuse);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
    tape.wait_event(|event| matches!(event, MaintenanceEvent::DialFailed { .. }));
    let open = format!("hitless_breakers {} open", sim.addr(b));
    until(|| shelf.gauge(&open) == 1.0);
    until(|| shelf.gauge("hitless_handoffs_active") == 1.0);
    until(|| shelf.gauge("hitless_connections_moving") == 4.0);
    until(|| shelf.gauge("hitless_windows_open") == 2.0);
    sim.start_moving(Moving::new(a, Target::Node(c)).announce(60));
    tape.wait_event(|event| matches!(event, MaintenanceEvent::HandoffCompleted(_)));
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    let text = sim.push(
        c,
        &hitless::Push {
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
        (stats.connections_moved, stats.handoffs_abandoned),
        (4, 1),
        "{stats:?}"
    );
    assert!(stats.breaker_changes >= 1, "{stats:?}");
    for name in [
        "handoffs_active",
        "connections_moving",
        "connections_draining",
    ] {
        until(|| shelf.gauge(&format!("hitless_{name}")) == 0.0);
    }
    assert_eq!(*shelf.kinds.lock(), documented());
    let histograms = shelf.histograms.lock();
    let samples = histograms["hitless_move_seconds"].0.lock().clone();
    assert_eq!(samples.len(), 4);
    let total: f64 = samples.iter().sum();
    assert!(
        (total - stats.move_time_total.as_secs_f64()).abs() < 0.001,
        "{samples:?}"
    );
    drop(histograms);
    // What this client has added to the gauges, it takes back.
    assert!(shelf.gauge("hitless_windows_open") > 0.0 && shelf.gauge(&open) > 0.0);
    client.close();
    // By a thread that the close does not wait for longer than 200 ms.
    let names: Vec<String> = shelf.gauges.lock().keys().cloned().collect();
    until(|| names.iter().all(|name| shelf.gauge(name) == 0.0));
}
