//! A pool moves to another node while threads use it.
#![cfg(feature = "sim")]

use hitless::sim::{Sim, Target};
use hitless::{Client, Commands, Options};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn a_named_moving_moves_every_slot_while_threads_use_them() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let address = sim.addr(a).to_string();
    let client = Client::connect(Options::new(&address).unwrap().pool_size(4)).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (client, stop) = (client.clone(), &stop);
            scope.spawn(move || {
                let key = format!("count:{thread}");
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    count += 1;
                    assert_eq!(client.incr(&key).unwrap(), count);
                }
            });
        }
        assert!(sim.wait_until(Duration::from_secs(5), |now| now.opted_in_on(a) == 4));
        sim.moving(a, Target::Node(b), Duration::from_secs(2));
        let moved = sim.wait_until(Duration::from_secs(5), |now| now.opted_in_on(b) == 4);
        let left = sim.wait_until(Duration::from_secs(10), |now| now.open_on(a) == 0);
        stop.store(true, Ordering::Relaxed);
        assert!(moved, "{:?}", client.stats());
        assert!(left, "{:?}", client.stats());
    });
    println!("{:?}", client.stats());
    client.close();
}
