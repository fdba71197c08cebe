//! Four consumers at work while something happens to their connections. In a release build there are 100,000 entries,
//! 100 moves and 10 kills.

use crate::common::redis::{Redis, Version};
use crate::common::{SOON, eventually, options, patient, within};
use hitless::sim::{Fault, Happened, Happening, Moving, Sim, Snapshot, Target, Times};
use hitless::{
    Client, Commands, Delivery, MaintenanceOptions, Options, StreamConsumerControl,
    StreamConsumerOptions, StreamId, cmd, pipe,
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

/// Adds entries and has them consumed, while `disturb` does what it does: so many times, spread over the entries. It
/// says how many entries it has added.
#[track_caller]
fn at_work(client: &Client, admin: &Client, times: usize, mut disturb: impl FnMut(usize) -> u64) {
    let log = Log::default();
    let share = SIZE.entries / (times as u64 + 1);
    let mut total = SIZE.entries;
    thread::scope(|scope| {
        let controls = (0..CONSUMERS).map(|number| {
            let options = StreamConsumerOptions::new("s", "g", format!("consumer {number}"));
            let consumer = client.stream_consumer(&options.create_group("0"));
            let (log, control) = (&log, consumer.control());
            scope.spawn(move || log.consume(consumer));
            control
        });
        let stopping = Stopping(controls.collect());
        let mut added = 0;
        for round in 0..=times {
            let count = if round == times { total - added } else { share };
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
                let more = disturb(round);
                (added, total) = (added + more, total + more);
                within(SOON * 3, "the work goes on", || {
                    log.done() > before || log.done() + CONSUMERS >= added
                });
            }
        }
        within(SOON * 15, "all entries are done with", || {
            let handed_out = log.told.lock().unwrap().len() as u64;
            handed_out == total && admin.xpending("s", "g").unwrap().count == 0
        });
        drop(stopping);
    });
    let told = log.told.into_inner().unwrap();
    assert_eq!(told.len() as u64, total);
    for told in told.values() {
        // Nobody is told of a first time who is not the first.
        assert!(
            told.iter().skip(1).all(|deliveries| *deliveries > 1),
            "{told:?}"
        );
    }
    let group = &admin.xinfo_groups("s").unwrap()[0];
    assert_eq!((group.pending, group.entries_read), (0, Some(total)));
}

/// Ends the consumers, also where a claim is false: they would wait for ever.
struct Stopping(Vec<StreamConsumerControl>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.iter().for_each(StreamConsumerControl::stop);
    }
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
            0
        });
    }
}

/// Has the work go on while a simulator moves the first two of its nodes, and kills at times what is open there.
#[track_caller]
fn moves_and_kills(sim: &Sim, client: &Client, admin: &Client) {
    let nodes = [sim.node(0), sim.node(1)];
    let every = SIZE.moves / SIZE.kills;
    at_work(client, admin, SIZE.moves, |round| {
        let (from, to) = (nodes[round % 2], nodes[(round + 1) % 2]);
        sim.start_moving(Moving::new(from, Target::Node(to)).announce(1));
        let left = sim.wait_until(SOON, |now| now.open_on(from) == 0);
        assert!(left, "{:?}", sim.connections());
        sim.retire(from);
        sim.revive(from).unwrap();
        if round % every == every - 1 {
            // On a busy machine those that were killed last may not be made anew by now.
            eventually("there are connections to kill", || {
                let all = sim.connections().into_iter();
                let theirs = all.filter(|one| one.is_open() && nodes.contains(&one.node));
                theirs.filter(|record| sim.kill(record.id)).count() > 0
            });
        }
        0
    });
    eventually("connections were killed", || {
        client.stats().connections_lost >= SIZE.kills as u64
    });
}

#[test]
fn nothing_is_lost_or_done_twice_untold_while_the_server_moves_and_kills() {
    let redis = Redis::start();
    let sim = Sim::builder().nodes(2).proxy_to(redis.address);
    let sim = sim.start().unwrap();
    let client = eager(options(&sim, sim.node(0)));
    let admin = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
    moves_and_kills(&sim, &client, &admin);
}

#[test]
fn nothing_is_lost_or_done_twice_untold_on_the_simulators_own_store() {
    let sim = Sim::builder().nodes(3).start().unwrap();
    let client = eager(options(&sim, sim.node(0)));
    let admin = Client::connect(options(&sim, sim.node(2))).unwrap();
    moves_and_kills(&sim, &client, &admin);
}

#[cfg(feature = "sim-tls")]
#[test]
fn nothing_is_lost_or_done_twice_untold_over_tls() {
    let sim = Sim::builder().nodes(3).tls().start().unwrap();
    let encrypted = |node| {
        let tls = hitless::TlsOptions::default().ca_pem(sim.ca_pem().unwrap());
        // Over TLS servers name where they move to.
        let options = options(&sim, sim.node(node)).resolver(sim.resolver());
        options.tls(tls)
    };
    let client = eager(encrypted(0));
    let admin = Client::connect(encrypted(2)).unwrap();
    moves_and_kills(&sim, &client, &admin);
}

#[test]
fn nothing_is_lost_or_done_twice_untold_when_the_server_starts_again() {
    for version in Version::ALL {
        // It keeps all that it has answered.
        let mut redis = Redis::of(version, &["--appendonly", "yes", "--appendfsync", "always"]);
        let of = || Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
        let (client, admin) = (of(), of());
        at_work(&client, &admin, SIZE.kills, |_| {
            redis.kill();
            redis.restart();
            eventually("it serves", || admin.ping().is_ok());
            0
        });
        assert!(client.stats().connections_lost >= SIZE.kills as u64);
    }
}

#[test]
fn nothing_is_lost_or_done_twice_untold_when_the_simulators_node_starts_again() {
    let sim = Sim::builder().nodes(3).start().unwrap();
    let node = sim.node(0);
    let client = Client::connect(options(&sim, node)).unwrap();
    let admin = Client::connect(options(&sim, sim.node(2))).unwrap();
    // In the middle of a read or an acknowledgement, which was executed or was not.
    let faults = [
        Fault::Die("xack".to_owned(), 3),
        Fault::DieUnanswered("xreadgroup".to_owned(), 1),
        Fault::DieUnanswered("xack".to_owned(), 3),
        Fault::Die("xreadgroup".to_owned(), 2),
    ];
    at_work(&client, &admin, SIZE.kills, |round| {
        let fault = faults[round % faults.len()].clone();
        sim.fault_times(node, fault, Times::Next(1));
        // There is work, by which it is met.
        let more = CONSUMERS * 20;
        let mut some = pipe();
        for number in 0..more {
            some.xadd("s", "*", [("n", number)]);
        }
        some.exec(&admin).unwrap();
        // No open connection says less: the clients may not be back from the time before.
        let deaths = |now: &Snapshot<'_>| {
            let died = |one: &Happened| matches!(one.what, Happening::Died(..));
            now.timeline().iter().filter(|one| died(one)).count()
        };
        let died = sim.wait_until(SOON, |now| deaths(now) > round);
        assert!(died, "{:?}", sim.connections());
        sim.revive(node).unwrap();
        more
    });
}
