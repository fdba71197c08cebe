//! Commands that block on a lease: their time, and their moves.

use super::{ClosedIfFailed, blocked, client, eager, moves};
use crate::common::redis::{Redis, Version};
use crate::common::{SOON, options};
use hitless::sim::{Moving, Sim, Target};
use hitless::{Commands, Protocol, cmd};
use std::thread;
use std::time::Duration;

#[test]
fn a_wait_may_have_any_length() {
    for version in Version::ALL {
        let server = Redis::of(version, &[]);
        let client = client(&server, Protocol::Resp3);
        let lease = client.lease().unwrap();
        for long in [Duration::MAX, Duration::from_secs(u64::MAX / 1000)] {
            lease.rpush("q", 1).unwrap();
            let taken = lease.blpop::<(), i64>("q", long).unwrap();
            assert_eq!(taken, Some(((), 1)));
            client.rpush("q", 2).unwrap();
            let pop = cmd("BLPOP q 0").timeout(long);
            assert_eq!(pop.query::<(String, i64)>(&client).unwrap().1, 2);
            assert_eq!(lease.wait(0, long).unwrap(), 0);
        }
        // Not for ever.
        let short = Duration::from_nanos(1);
        assert_eq!(lease.blpop::<(), i64>("q", short).unwrap(), None);
        assert_eq!(lease.wait(1, short).unwrap(), 0);
    }
}

#[test]
fn a_command_on_a_lease_goes_along_unless_the_lease_has_to_stay() {
    let redis = Redis::start();
    let sim = Sim::builder().nodes(2).proxy_to(redis.address);
    let sim = sim.start().unwrap();
    let watcher = client(&redis, Protocol::Resp3);
    let producer = watcher.lease().unwrap();
    producer.select(2).unwrap();
    let options = options(&sim, sim.node(0)).pool_size(1);
    let client = eager(options.max_active_connections(2));
    for (stays, (from, to)) in [false, true].into_iter().zip(moves(&sim, 2)) {
        let lease = client.lease().unwrap();
        lease.select(2).unwrap();
        if stays {
            lease.watch("k").unwrap();
        }
        thread::scope(|scope| {
            let _ends = ClosedIfFailed(&client);
            let consumer = scope.spawn(move || {
                let taken = lease.blpop::<(), i64>("q", Duration::ZERO);
                // In the database that it had chosen.
                let info: String = cmd("CLIENT INFO").query(&lease).unwrap();
                assert!(info.contains(" db=2 "), "{info}");
                taken
            });
            blocked(&watcher, 1);
            sim.start_moving(Moving::new(from, Target::Node(to)).announce(60));
            // The one that stays keeps its old connection.
            let left = usize::from(stays);
            let moved = sim.wait_until(SOON, |now| {
                now.opted_in_on(to) == 2 && now.open_on(from) == left
            });
            assert!(moved, "{:?}", sim.connections());
            blocked(&watcher, 1);
            producer.rpush("q", 7).unwrap();
            assert_eq!(consumer.join().unwrap().unwrap(), Some(((), 7)));
        });
        sim.retire(from);
        sim.revive(from).unwrap();
    }
    assert_eq!(client.stats().commands_unknown, 0);
}
