//! What a window does to timeouts, and what it leaves alone.

use crate::support::{SOON, Tape, now, options, until};
use hitless::sim::{Fault, Sim, Times};
use hitless::{Client, Commands, MaintenanceEvent, MaintenanceOptions, Options};
use std::time::Duration;

fn client(sim: &Sim, relaxed: Duration, choose: impl FnOnce(Options) -> Options) -> Client {
    let maintenance = MaintenanceOptions::new().relaxed_timeout(relaxed);
    Client::connect(choose(options(sim, sim.node(0), 1, maintenance))).unwrap()
}

/// Sends a command that is answered after `answer`, and `FAILING_OVER` once it waits. Whether it was answered.
fn push_while_waiting(sim: &Sim, client: &Client, answer: Duration) -> bool {
    sim.fault_times(sim.node(0), Fault::Delay(answer), Times::Next(1));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.set("key", "value"));
        until(|| client.stats().shared[0].requests == 1 || waiting.is_finished());
        sim.failing_over(1, "1");
        waiting.join().unwrap().is_ok()
    })
}

#[test]
fn a_thread_that_waits_already_waits_longer_when_a_failover_is_announced() {
    let waits_longer = |time: Duration| {
        let sim = Sim::builder().start().unwrap();
        let client = client(&sim, SOON, |options| options.command_timeout(time));
        let answered = push_while_waiting(&sim, &client, time * 2);
        until(|| client.maintenance().notifications_failing_over == 1);
        answered
    };
    // The notification must come within the first time, which a busy machine may miss.
    let times = [500, 2000, 8000].map(Duration::from_millis);
    assert!(times.into_iter().any(waits_longer));
}

#[test]
fn a_longer_timeout_and_none_stay_as_they_are() {
    for unlimited in [false, true] {
        let sim = Sim::builder().start().unwrap();
        let client = client(&sim, Duration::from_millis(1), |options| {
            if unlimited {
                options.no_command_timeout()
            } else {
                options.command_timeout(SOON)
            }
        });
        assert!(push_while_waiting(
            &sim,
            &client,
            Duration::from_millis(600)
        ));
    }
}

#[test]
fn a_window_that_has_ended_leaves_the_usual_timeout() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let tape = Tape::new();
    let maintenance = MaintenanceOptions::new()
        .relaxed_timeout(SOON)
        .post_handoff_relaxed(Duration::ZERO)
        .hook(tape.clone());
    let options = options(&sim, a, 1, maintenance);
    let client = Client::connect(options.command_timeout(Duration::from_millis(200))).unwrap();
    sim.migrating(1, "1");
    sim.migrated("1");
    tape.wait_event(|event| matches!(event, MaintenanceEvent::WindowClosed(_)));
    // The word to the connections follows the event: asking the coordinator waits for it.
    client.maintenance();
    sim.fault(a, Fault::Silence);
    let start = now();
    assert!(client.set("key", "value").unwrap_err().is_timeout());
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_blocking_command_keeps_at_least_its_time() {
    let sim = Sim::builder().start().unwrap();
    let client = client(&sim, Duration::from_millis(1), |options| {
        options.command_timeout(Duration::from_secs(2))
    });
    sim.failing_over(1, "1");
    until(|| client.maintenance().notifications_acted == 1);
    let (start, wait) = (now(), Duration::from_secs(3));
    assert_eq!(client.blpop::<String, String>("empty", wait).unwrap(), None);
    // The simulator keeps time in milliseconds.
    assert!(start.elapsed() > wait - Duration::from_millis(50));
}
