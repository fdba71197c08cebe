//! Moves that go wrong, on the simulator.

use crate::Measured;
use hitless::sim::{Fault, Moving, Sim, Target};
use hitless::{Client, Commands, Options};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub fn hung_pool_of_3() -> Result<Measured, String> {
    hung(3)
}

pub fn hung_pool_of_8() -> Result<Measured, String> {
    hung(8)
}

/// The longest time without a success of a pool that is moved by `play`, which also says how long to watch.
fn longest_gap(
    sim: &Sim,
    pool: usize,
    play: impl FnOnce(&Sim) -> Duration,
) -> Result<Duration, String> {
    let address = sim.addr(sim.node(0)).to_string();
    let options = Options::new(&address).map_err(text)?.pool_size(pool);
    let client = Client::connect(options).map_err(text)?;
    let stop = AtomicBool::new(false);
    let gaps: Vec<Duration> = thread::scope(|scope| {
        let threads: Vec<_> = (0..pool * 2)
            .map(|_| {
                scope.spawn(|| {
                    let (mut gap, mut before) = (Duration::ZERO, Instant::now());
                    while !stop.load(Ordering::Relaxed) {
                        if client.ping().is_ok() {
                            gap = gap.max(before.elapsed());
                            before = Instant::now();
                        }
                        thread::sleep(Duration::from_millis(1));
                    }
                    gap.max(before.elapsed())
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(500));
        let watch = play(sim);
        thread::sleep(watch);
        stop.store(true, Ordering::Relaxed);
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .collect()
    });
    client.close();
    gaps.into_iter()
        .max()
        .ok_or_else(|| "no thread ended well".to_owned())
}

fn hung(pool: usize) -> Result<Measured, String> {
    let mut times = Vec::new();
    for _ in 0..3 {
        let sim = Sim::builder().nodes(2).start().map_err(text)?;
        times.push(longest_gap(&sim, pool, |sim| {
            let [a, b] = [sim.node(0), sim.node(1)];
            sim.fault(b, Fault::Silence);
            let moving = Moving::new(a, Target::Node(b)).announce(3);
            sim.start_moving(
                moving
                    .close_after(Duration::from_millis(3700))
                    .keep_listening(),
            );
            Duration::from_secs(14)
        })?);
    }
    Ok(Measured {
        what: "longest time without a success",
        times,
        bar: Duration::from_secs(1),
    })
}

/// The pool moves in the last three seconds.
pub fn target_back_late() -> Result<Measured, String> {
    let sim = Sim::builder().nodes(2).start().map_err(text)?;
    let gap = longest_gap(&sim, 6, |sim| {
        let [a, b] = [sim.node(0), sim.node(1)];
        sim.fault(b, Fault::Refuse);
        let moving = Moving::new(a, Target::Node(b)).announce(15);
        sim.start_moving(moving.close_after(Duration::from_millis(15_700)));
        thread::sleep(Duration::from_secs(12));
        // It fails for a node that was stopped.
        let _ = sim.clear_faults(b);
        Duration::from_secs(6)
    })?;
    Ok(Measured {
        what: "longest time without a success",
        times: vec![gap],
        bar: Duration::from_millis(100),
    })
}
