//! A queue with 8 producers and 8 consumers that block, while its server moves, and while connections are killed too.
//!
//! A longer run, for whoever has some minutes: 100 moves and 100,000 elements for each kind of server, with
//! `HITLESS_MOVES=100 HITLESS_ELEMENTS=100000 cargo test --release --features sim-tls --test blocking queue::`.

use super::{ClosedIfFailed, change, eager, moves};
#[cfg(feature = "sim-tls")]
use crate::common::by_name;
use crate::common::redis::Redis;
use crate::common::{Stop, eventually, options};
use hitless::sim::Sim;
use hitless::{Canceller, Client, Commands, Delivery, Error, ErrorKind, Options};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const THREADS: u64 = 8;

/// What happens to the connections.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    Moves,
    /// After some of the moves all connections are killed.
    MovesAndKills,
}

/// A queue at work, and what its producers and consumers have counted.
struct Queue<'a> {
    client: &'a Client,
    trouble: Trouble,
    canceller: Canceller,
    done: AtomicBool,
    sent: AtomicU64,
    got: AtomicU64,
    unknown: AtomicU64,
    unknown_pings: AtomicU64,
}

impl Queue<'_> {
    /// Whether to ask again after this error. Whoever is killed is told whether the command may have run.
    fn asks_again(&self, error: &Error) -> bool {
        assert_eq!(self.trouble, Trouble::MovesAndKills, "{error:?}");
        if error.delivery() == Delivery::Unknown {
            self.unknown.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        // It was refused by a node that had just ended, and nothing happened.
        assert!(error.is_safe_to_retry(), "{error:?}");
        true
    }

    /// Takes from the queue until it is cancelled.
    fn consume(&self) -> Vec<u64> {
        let mine = self.client.cancelled_by(&self.canceller);
        let mut elements = Vec::new();
        loop {
            match mine.blpop::<(), u64>("queue", Duration::ZERO) {
                Ok(Some(((), element))) => {
                    elements.push(element);
                    self.got.fetch_add(1, Ordering::Relaxed);
                }
                Ok(None) => panic!("it waits for ever"),
                Err(error) if *error.kind() == ErrorKind::Cancelled => {
                    assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
                    return elements;
                }
                // The next element is waited for in both cases.
                Err(error) => drop(self.asks_again(&error)),
            }
        }
    }

    /// Pushes an element, and says how many there are then, unless that is unknown.
    fn push(&self, element: u64) -> Option<u64> {
        loop {
            match self.client.rpush("queue", element) {
                Ok(length) => return Some(length),
                Err(error) if self.asks_again(&error) => {}
                Err(_) => return None,
            }
        }
    }

    /// Whether a command is answered; one that was killed is counted by itself, because no element is lost by it.
    fn serves(&self) -> bool {
        let answer = self.client.ping();
        if answer
            .as_ref()
            .is_err_and(|error| error.delivery() == Delivery::Unknown)
        {
            self.unknown_pings.fetch_add(1, Ordering::Relaxed);
        }
        answer.is_ok()
    }

    /// Pushes until the moves are over and there were enough.
    fn produce(&self, least: u64) {
        let goes_on = || !self.done.load(Ordering::Relaxed);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        while goes_on() || count(&self.sent) < least {
            let (got, unknown) = (count(&self.got), count(&self.unknown));
            let Some(length) = self.push(self.sent.fetch_add(1, Ordering::Relaxed)) else {
                continue;
            };
            // So that consumers find the queue empty, and block. What was lost is not waited for.
            let enough = got + length.saturating_sub(2 * THREADS);
            while goes_on() && count(&self.got) < enough && count(&self.unknown) == unknown {
                thread::yield_now();
            }
        }
    }
}

/// A number that a longer run sets.
fn set_by(variable: &str, usual: usize) -> usize {
    let set = std::env::var(variable).ok();
    set.and_then(|set| set.parse().ok()).unwrap_or(usual)
}

/// Each of the elements that producers push is delivered once, but for those of calls that were told not to know.
#[track_caller]
fn exactly_once(sim: &Sim, options: Options, trouble: Trouble) {
    let client = eager(options.pool_size(2));
    let count = set_by("HITLESS_MOVES", 6);
    let least = set_by("HITLESS_ELEMENTS", 0) as u64;
    let queue = Queue {
        client: &client,
        trouble,
        canceller: Canceller::new(),
        done: AtomicBool::new(false),
        sent: AtomicU64::new(0),
        got: AtomicU64::new(0),
        unknown: AtomicU64::new(0),
        unknown_pings: AtomicU64::new(0),
    };
    let delivered = thread::scope(|scope| {
        // Consumers end with the client, and producers by this, also when a claim is false.
        let _ends = ClosedIfFailed(&client);
        let stopping = Stop(&queue.done);
        let consumers: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| queue.consume()))
            .collect();
        let producers: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| queue.produce(least)))
            .collect();
        // Ten times in a longer run.
        let every = count.div_ceil(10);
        for (round, (from, to)) in moves(sim, count).enumerate() {
            change(sim, from, to);
            if trouble == Trouble::MovesAndKills && round % every == every - 1 {
                let open = sim.connections().into_iter().filter(|one| one.is_open());
                assert!(open.filter(|one| sim.kill(one.id)).count() > 0);
                eventually("the client serves", || queue.serves());
            }
        }
        drop(stopping);
        producers
            .into_iter()
            .for_each(|producer| producer.join().unwrap());
        eventually("all is taken", || client.llen("queue").unwrap() == 0);
        // What a consumer has been sent by now is delivered all the same.
        queue.canceller.cancel();
        let delivered = consumers.into_iter().flat_map(|one| one.join().unwrap());
        delivered.collect::<Vec<_>>()
    });
    let each: BTreeSet<_> = delivered.iter().collect();
    assert_eq!(each.len(), delivered.len(), "one was delivered twice");
    let (sent, unknown) = (queue.sent.into_inner(), queue.unknown.into_inner());
    let missing = sent - delivered.len() as u64;
    println!("{trouble:?}: {sent} sent, {missing} missing, {unknown} errors told of them");
    assert!(
        missing <= unknown,
        "{missing} of {sent} are missing, {unknown} were told"
    );
    let stats = client.stats();
    let pings = queue.unknown_pings.into_inner();
    assert_eq!(stats.commands_unknown, unknown + pings, "{stats:?}");
    let killed = trouble == Trouble::MovesAndKills;
    assert_eq!(stats.connections_lost > 0, killed, "{stats:?}");
}

fn by_the_store(trouble: Trouble) {
    let sim = Sim::builder().nodes(2).start().unwrap();
    exactly_once(&sim, options(&sim, sim.node(0)), trouble);
}

fn by_a_server(trouble: Trouble) {
    let redis = Redis::start();
    let sim = Sim::builder().nodes(2).proxy_to(redis.address);
    let sim = sim.start().unwrap();
    exactly_once(&sim, options(&sim, sim.node(0)), trouble);
}

#[cfg(feature = "sim-tls")]
fn over_tls(trouble: Trouble) {
    let sim = Sim::builder().nodes(2).tls().start().unwrap();
    let tls = hitless::TlsOptions::default().ca_pem(sim.ca_pem().unwrap());
    sim.advertise(&[sim.node(0)]);
    exactly_once(&sim, by_name(&sim).tls(tls), trouble);
}

#[test]
fn each_element_is_delivered_once_by_the_simulators_own_store() {
    by_the_store(Trouble::Moves);
}

#[test]
fn each_element_is_delivered_once_by_a_server_behind_the_simulator() {
    by_a_server(Trouble::Moves);
}

#[test]
#[cfg(feature = "sim-tls")]
fn each_element_is_delivered_once_over_tls() {
    over_tls(Trouble::Moves);
}

#[test]
fn kills_cost_at_most_what_is_told_by_the_simulators_own_store() {
    by_the_store(Trouble::MovesAndKills);
}

#[test]
fn kills_cost_at_most_what_is_told_by_a_server_behind_the_simulator() {
    by_a_server(Trouble::MovesAndKills);
}

#[test]
#[cfg(feature = "sim-tls")]
fn kills_cost_at_most_what_is_told_over_tls() {
    over_tls(Trouble::MovesAndKills);
}
