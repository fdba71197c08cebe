//! Four consumers at work while something happens to their connections. In a release build there are 100,000 entries,
//! 100 moves and 10 kills.

use crate::common::redis::{Redis, Version};
use crate::common::{SOON, eventually, options, patient, within};
use hitless::sim::{Moving, Sim, Target};
use hitless::{
    Client, Commands, Delivery, MaintenanceOptions, Options, StreamConsumerOptions, StreamId, cmd,
    pipe,
};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const CONSUMERS: u64 = 4;

struct Size {
    entries: u64,
    moves: usize,
    kills: usize,
}

const SIZE: Size = if cfg!(debug_assertions) {
    Size {
        entries: 4_000,
        moves: 8,
        kills: 4,
    }
} else {
    Size {
        entries: 100_000,
        moves: 100,
        kills: 10,
    }
};

/// What was said of each entry each time that it was handed out.
#[derive(Default)]
struct Log {
    told: Mutex<BTreeMap<StreamId, Vec<u64>>>,
    acknowledged: AtomicU64,
}

impl Log {
    /// Takes part in the group until it is stopped.
    fn consume(&self, consumer: hitless::StreamConsumer) {
        for delivery in consumer {
            let delivery = delivery.unwrap();
            let mut told = self.told.lock().unwrap();
            let of_this = told.entry(delivery.id).or_default();
            of_this.push(delivery.deliveries());
            drop(told);
            match delivery.ack() {
                Ok(()) => drop(self.acknowledged.fetch_add(1, Ordering::Relaxed)),
                // The consumer sends it again.
                Err(error) => assert_ne!(error.delivery(), Delivery::Replied, "{error}"),
            }
        }
    }

    fn done(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }
}

/// Adds entries and has them consumed, while `disturb` does what it does: so many times, spread over the entries.
#[track_caller]
fn at_work(client: &Client, admin: &Client, times: usize, mut disturb: impl FnMut(usize)) {
    let log = Log::default();
    let share = SIZE.entries / (times as u64 + 1);
    thread::scope(|scope| {
        let controls: Vec<_> = (0..CONSUMERS)
            .map(|number| {
                let options = StreamConsumerOptions::new("s", "g", format!("consumer {number}"));
                let consumer = client.stream_consumer(&options.create_group("0"));
                let (log, control) = (&log, consumer.control());
                scope.spawn(move || log.consume(consumer));
                control
            })
            .collect();
        let mut added = 0;
        for round in 0..=times {
            let count = if round == times {
                SIZE.entries - added
            } else {
                share
            };
            added += count;
            // By another client, which nothing happens to: nothing is added twice.
            for from in (0..count).step_by(500) {
                let mut some = pipe();
                for number in from..count.min(from + 500) {
                    some.xadd("s", "*", [("n", number)]);
                }
                some.exec(admin).unwrap();
            }
            if round < times {
                let before = log.done();
                disturb(round);
                within(SOON * 3, "the work goes on", || {
                    log.done() > before || log.done() + CONSUMERS >= added
                });
            }
        }
        within(SOON * 15, "all entries are done with", || {
            let handed_out = log.told.lock().unwrap().len() as u64;
            handed_out == SIZE.entries && admin.xpending("s", "g").unwrap().count == 0
        });
        controls.iter().for_each(|control| control.stop());
    });
    let told = log.told.into_inner().unwrap();
    assert_eq!(told.len() as u64, SIZE.entries);
    for told in told.values() {
        // Nobody is told of a first time who is not the first.
        assert!(
            told.iter().skip(1).all(|deliveries| *deliveries > 1),
            "{told:?}"
        );
    }
    let group = &admin.xinfo_groups("s").unwrap()[0];
    assert_eq!((group.pending, group.entries_read), (0, Some(SIZE.entries)));
}

/// A client that moves as soon as it is told to.
fn eager(options: Options) -> Client {
    let maintenance = MaintenanceOptions::new().max_jitter(Duration::ZERO);
    Client::connect(options.maintenance(maintenance)).unwrap()
}

#[test]
fn nothing_is_lost_or_done_twice_untold_when_connections_are_killed() {
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        let client = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
        let named = Options::new(&redis.url()).unwrap().client_name("admin");
        let admin = Client::connect(patient(named)).unwrap();
        at_work(&client, &admin, SIZE.kills, |_| {
            // All of the consumers', and none of the others.
            let list: String = cmd("CLIENT LIST").query(&admin).unwrap();
            let others = list.lines().filter(|line| !line.contains("name=admin"));
            for line in others {
                let id = line.split(' ').find_map(|word| word.strip_prefix("id="));
                let kill = cmd("CLIENT KILL ID").arg(id.unwrap());
                assert!(kill.query::<u64>(&admin).unwrap() <= 1);
            }
        });
    }
}

#[test]
fn nothing_is_lost_or_done_twice_untold_while_the_server_moves_and_kills() {
    let redis = Redis::start();
    let sim = Sim::builder().nodes(2).proxy_to(redis.address);
    let sim = sim.start().unwrap();
    let nodes = [sim.node(0), sim.node(1)];
    let client = eager(options(&sim, nodes[0]));
    let admin = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
    let every = SIZE.moves / SIZE.kills;
    at_work(&client, &admin, SIZE.moves, |round| {
        let (from, to) = (nodes[round % 2], nodes[(round + 1) % 2]);
        sim.start_moving(Moving::new(from, Target::Node(to)).announce(1));
        let left = sim.wait_until(SOON, |now| now.open_on(from) == 0);
        assert!(left, "{:?}", sim.connections());
        sim.retire(from);
        sim.revive(from).unwrap();
        if round % every == every - 1 {
            let open = sim.connections().into_iter().filter(|one| one.is_open());
            let killed = open.filter(|record| sim.kill(record.id)).count();
            assert!(killed > 0);
        }
    });
    eventually("connections were killed", || {
        client.stats().connections_lost >= SIZE.kills as u64
    });
}
