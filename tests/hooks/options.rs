//! Which options are accepted, what is said of the others, and what holds where none was chosen.

use crate::support::{SOON, Tape, connect, fill};
use hitless::sim::{Moving, Sim, Target};
use hitless::{Client, Commands, ErrorKind, MaintenanceOptions, Mode, Options, Protocol};
use std::time::Duration;

const ZERO: Duration = Duration::ZERO;

fn refusal(options: Options) -> Option<String> {
    match Client::lazy(options) {
        Ok(_) => None,
        Err(error) => {
            assert_eq!(*error.kind(), ErrorKind::Config);
            Some(error.to_string())
        }
    }
}

fn with(maintenance: MaintenanceOptions) -> Option<String> {
    refusal(
        Options::new("127.0.0.1:1")
            .unwrap()
            .maintenance(maintenance),
    )
}

#[test]
fn an_impossible_value_is_refused_by_its_name_and_with_advice() {
    let new = MaintenanceOptions::new;
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let table = [
        (
            new().handoff_timeout(ZERO),
            "handoff_timeout",
            "at least 1 ms",
        ),
        (
            new().migration_cap(ZERO),
            "migration_cap",
            "from 1 s to 10 min",
        ),
        (
            new().migration_cap(minutes(11)),
            "migration_cap",
            "from 1 s to 10 min",
        ),
        (
            new().failover_cap(ZERO),
            "failover_cap",
            "from 1 s to 10 min",
        ),
        (
            new().failover_cap(minutes(11)),
            "failover_cap",
            "from 1 s to 10 min",
        ),
        (
            new().slot_migration_cap(ZERO),
            "slot_migration_cap",
            "from 1 s to 10 min",
        ),
        (
            new().slot_migration_cap(minutes(11)),
            "slot_migration_cap",
            "from 1 s to 10 min",
        ),
        (new().max_jitter(minutes(2)), "max_jitter", "at most 60 s"),
        (
            new().breaker_threshold(0),
            "breaker_threshold",
            "at least 1",
        ),
        (new().breaker_probes(0), "breaker_probes", "at least 1"),
        (new().breaker_reset(ZERO), "breaker_reset", "at least 1 ms"),
        (
            new().hook_timeout(ZERO),
            "hook_timeout",
            "from 1 ms to 10 s",
        ),
        (
            new().hook_timeout(minutes(1)),
            "hook_timeout",
            "from 1 ms to 10 s",
        ),
        (new().max_workers(1025), "max_workers", "at most 1024"),
        (new().queue_size(usize::MAX), "queue_size", "at most"),
        (
            new().mode(Mode::Disabled).hook(Tape::new()),
            "hooks",
            "set the maintenance mode",
        ),
    ];
    for (options, name, advice) in table {
        let text = with(options.clone()).unwrap_or_else(|| panic!("accepted: {options:?}"));
        assert!(
            text.contains(name) && text.contains(advice),
            "{name}: {text}"
        );
    }
}

#[test]
fn required_notifications_need_a_connection_that_can_have_them() {
    let required = || MaintenanceOptions::new().mode(Mode::Enabled);
    let resp2 = Options::new("127.0.0.1:1")
        .unwrap()
        .protocol(Protocol::Resp2);
    let text = refusal(resp2.maintenance(required())).unwrap();
    assert!(text.contains("Enabled") && text.contains("RESP3"), "{text}");
    let unix = Options::new("/tmp/redis.sock").unwrap();
    let text = refusal(unix.maintenance(required())).expect("accepted: a unix socket");
    assert!(text.contains("Enabled") && text.contains("unix"), "{text}");
}

#[test]
fn bounds_themselves_are_accepted() {
    let new = MaintenanceOptions::new;
    let (ms, s) = (Duration::from_millis, Duration::from_secs);
    for options in [
        new().handoff_timeout(ms(1)),
        new()
            .migration_cap(s(1))
            .failover_cap(s(600))
            .slot_migration_cap(s(600)),
        new().max_jitter(ZERO),
        new().max_jitter(s(60)),
        new()
            .breaker_threshold(1)
            .breaker_probes(1)
            .breaker_reset(ms(1)),
        new().hook_timeout(ms(1)),
        new().hook_timeout(s(10)),
        new().max_workers(1).queue_size(1),
        new()
            .relaxed_timeout(ZERO)
            .post_handoff_relaxed(ZERO)
            .max_retries(0),
    ] {
        assert_eq!(with(options.clone()), None, "{options:?}");
    }
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let said = format!("{:?}", MaintenanceOptions::new());
    for field in [
        "mode: Auto",
        "endpoint_type: Auto",
        "relaxed_timeout: 10s",
        "relaxed_blocking_timeout: None",
        "handoff_timeout: 15s",
        // Twice the relaxed timeout.
        "post_handoff_relaxed: None",
        "max_workers: 0",
        "queue_size: 0",
        "max_retries: 3",
        "migration_cap: 60s",
        "failover_cap: 60s",
        "slot_migration_cap: 120s",
        "max_jitter: 1s",
        "handoffs: true",
        "handoff_concurrency: 0",
        "breaker_threshold: 5",
        "breaker_reset: 60s",
        "breaker_probes: 3",
        "hook_timeout: 1s",
        "hooks: 0",
        "target_policy: false",
    ] {
        assert!(said.contains(field), "{field}: {said}");
    }
}

/// Moves a pool with options at their ends.
fn moves_with(maintenance: MaintenanceOptions) {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = connect(&sim, a, 2, maintenance);
    fill(&sim, a, &client, 2);
    sim.migrating(1, "1");
    sim.migrated("1");
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(i64::MAX));
    assert!(
        sim.wait_until(SOON, |now| now.opted_in_on(b) == 2),
        "{:?}",
        client.maintenance()
    );
    client.set("key", "value").unwrap();
}

#[test]
fn the_greatest_values_do_no_harm() {
    moves_with(
        MaintenanceOptions::new()
            .relaxed_timeout(Duration::MAX)
            .relaxed_blocking_timeout(Duration::MAX)
            .post_handoff_relaxed(Duration::MAX)
            .handoff_timeout(Duration::MAX)
            .breaker_reset(Duration::MAX)
            .breaker_threshold(u32::MAX)
            .breaker_probes(u32::MAX)
            .max_retries(u32::MAX)
            .handoff_concurrency(usize::MAX),
    );
}

#[test]
fn the_least_values_do_no_harm() {
    moves_with(
        MaintenanceOptions::new()
            .relaxed_timeout(ZERO)
            .relaxed_blocking_timeout(ZERO)
            .post_handoff_relaxed(ZERO)
            .breaker_threshold(1)
            .breaker_probes(1)
            .max_retries(0)
            .max_workers(1)
            .queue_size(1)
            .handoff_concurrency(1),
    );
}
