//! The hooks that come with the client: what they log and count.

use crate::support::{Tape, alone, connect, fill, now, patient, until};
use hitless::sim::{Moving, Sim, Target};
use hitless::{KindMetrics, LoggingHook, MaintenanceEvent, MetricsHook, Notification, Reaction};
use log::{Level, LevelFilter, Log, Metadata, Record};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// What was logged under the target of the hook.
struct Capture(Mutex<Vec<(Level, String)>>);

static CAPTURE: Capture = Capture(Mutex::new(Vec::new()));

impl Log for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == hitless::log_targets::HOOKS
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = (record.level(), record.args().to_string());
            self.0.lock().push(line);
        }
    }

    fn flush(&self) {}
}

#[test]
fn the_logging_hook_says_everything_once_at_its_level() {
    if alone("provided::the_logging_hook_says_everything_once_at_its_level") {
        return;
    }
    log::set_logger(&CAPTURE).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let tape = Tape::new();
    // The tape hears of everything after the two have.
    let maintenance = patient()
        .hook(Arc::new(LoggingHook::default()))
        .hook(Arc::new(LoggingHook::new(Level::Warn)))
        .hook(tape.clone());
    let client = connect(&sim, a, 3, maintenance);
    fill(&sim, a, &client, 3);
    sim.migrating(1, "1");
    sim.migrated("1");
    tape.wait_brief("after MIGRATED 1 Acted");
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
    tape.wait_event(|event| matches!(event, MaintenanceEvent::HandoffCompleted(_)));
    // The lines come by a thread of their own.
    let mut lines = Vec::new();
    until(|| {
        lines.clone_from(&CAPTURE.0.lock());
        lines.len() == 2 * tape.calls().len()
    });
    client.close();
    for line in &mut lines {
        // One that is late says so.
        if line.1.ends_with(" ago)") {
            let end = line.1.rfind(" (").unwrap_or(line.1.len());
            line.1.truncate(end);
        }
    }
    let at = |level: Level| {
        let lines = lines.iter().filter(|line| line.0 == level);
        lines.map(|line| line.1.as_str()).collect::<Vec<_>>()
    };
    let said = at(Level::Info);
    assert_eq!(said, at(Level::Warn));
    assert_eq!(lines.len(), 2 * said.len(), "{lines:?}");
    assert_eq!(said.len(), tape.calls().len(), "{said:?}");
    let count = |text: &str| said.iter().filter(|line| line.contains(text)).count();
    let place = sim.addr(a);
    for once in [
        format!("{place} said Migrating {{"),
        format!("{place} said Migrated {{"),
        format!("{place} said Moving {{"),
        "MIGRATING was dealt with: Acted".into(),
        "MIGRATED was dealt with: Acted".into(),
        "MOVING was dealt with: Acted".into(),
        "HandoffStarted(".into(),
        "HandoffCompleted(".into(),
    ] {
        assert_eq!(count(&once), 1, "{once}: {said:#?}");
    }
    assert_eq!(count("ConnectionMoved"), 3, "{said:#?}");
}

#[test]
fn the_metrics_hook_counts_events_of_the_server_and_their_time() {
    /// How long a hook after it takes for each notification.
    const SLOWNESS: Duration = Duration::from_millis(20);
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let metrics = Arc::new(MetricsHook::new());
    let tape = Tape::reacting(|notice| {
        let end = now() + SLOWNESS;
        while now() < end {
            std::thread::yield_now();
        }
        match notice.notification {
            Notification::FailingOver { .. } => Reaction::Skip,
            _ => Reaction::Continue,
        }
    });
    let maintenance = patient().hook(metrics.clone()).hook(tape.clone());
    let client = connect(&sim, a, 3, maintenance);
    assert!(metrics.snapshot().is_empty());
    fill(&sim, a, &client, 3);
    let start = now();
    sim.migrating(1, "1");
    sim.migrating(1, "2");
    sim.failing_over(1, "1");
    sim.start_moving(Moving::new(a, Target::Text("169.254.169.254:80".into())).announce(30));
    tape.wait_brief("after MIGRATING 1 Acted");
    tape.wait_brief("after FAILING_OVER 2 Skipped");
    tape.wait_brief("after MOVING 3 Refused");
    // Copies on the other connections have come as well.
    until(|| client.stats().notifications == 12);
    client.maintenance();
    let took = now() - start;
    let kinds = metrics.snapshot();
    let counts: Vec<_> = kinds
        .iter()
        .map(|(name, kind)| (*name, kind.seen, kind.acted, kind.not_acted))
        .collect();
    let wanted = [
        ("FAILING_OVER", 1, 0, 1),
        ("MIGRATING", 2, 2, 0),
        ("MOVING", 1, 0, 1),
    ];
    assert_eq!(counts, wanted);
    for (name, kind) in &kinds {
        assert!(kind.longest >= SLOWNESS, "{name}: {kind:?}");
        assert!(kind.total <= took, "{name}: {kind:?}");
    }
    let twice: KindMetrics = kinds["MIGRATING"];
    assert!(twice.total >= twice.longest + SLOWNESS, "{twice:?}");
    assert_eq!(kinds["MOVING"].total, kinds["MOVING"].longest);
}
