//! What the drills share. Claims nothing itself.

pub use crate::common::fill;
use crate::common::{eventually, unique};
use hitless::sim::{Sim, SimResolver};
use hitless::{
    Client, Commands, Error, MaintenanceEvent, Notice, Notification, NotificationHook, Options,
    Reaction, Resolver, Treatment,
};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

pub const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

static CROWD: RwLock<()> = RwLock::new(());

/// Held by tests that do not mind others.
pub fn together() -> RwLockReadGuard<'static, ()> {
    CROWD.read().unwrap_or_else(PoisonError::into_inner)
}

/// Held by tests that look at what the whole process does: no other test runs meanwhile.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    CROWD.write().unwrap_or_else(PoisonError::into_inner)
}

fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connects a client of `count` slots and makes it open all of them.
#[track_caller]
pub fn full(options: Options, count: usize) -> Client {
    if count > 50 {
        // So many are hardly ever all busy at the same time.
        let client = Client::connect(options.pool_size(count).min_connections(count)).unwrap();
        eventually("all are in their slots", || {
            client.stats().connections() == count
        });
        return client;
    }
    let client = Client::connect(options.pool_size(count).max_in_flight(1)).unwrap();
    fill(&client, count);
    client
}

/// The addresses at the other ends of a client's connections.
pub fn peers(client: &Client) -> Vec<SocketAddr> {
    client
        .stats()
        .shared
        .iter()
        .filter_map(|one| one.peer)
        .collect()
}

/// Whether the client has `count` connections, all of them to this address.
pub fn all_at(client: &Client, addr: SocketAddr, count: usize) -> bool {
    peers(client) == vec![addr; count]
}

/// What threads met that used a client all the time.
#[derive(Debug, Default)]
pub struct Tally {
    pub commands: usize,
    pub errors: Vec<Error>,
    pub slowest: Duration,
}

/// Uses a client from so many threads while `drill` runs, each with a pause between its commands.
/// Every thread counts for itself, so that a command that is lost or run twice is noticed.
pub fn under_load<T>(
    client: &Client,
    threads: usize,
    pause: Option<Duration>,
    drill: impl FnOnce() -> T,
) -> (T, Tally) {
    let (stop, tally) = (AtomicBool::new(false), Mutex::new(Tally::default()));
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let done = std::thread::scope(|scope| {
        let stopping = Stop(&stop);
        for _ in 0..threads {
            scope.spawn(|| {
                let key = format!("load:{}", unique());
                let (mut count, mut mine) = (0, Tally::default());
                while !stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    count += 1;
                    match client.incr(&key) {
                        Ok(now) => assert_eq!(now, count, "a command was lost or run twice"),
                        Err(error) => {
                            mine.errors.push(error);
                            break;
                        }
                    }
                    mine.slowest = mine.slowest.max(start.elapsed());
                    mine.commands += 1;
                    if let Some(pause) = pause {
                        crate::common::pause(pause);
                    }
                }
                let mut all = unpoisoned(&tally);
                all.commands += mine.commands;
                all.errors.extend(mine.errors);
                all.slowest = all.slowest.max(mine.slowest);
            });
        }
        let done = drill();
        drop(stopping);
        done
    });
    (
        done,
        tally.into_inner().unwrap_or_else(PoisonError::into_inner),
    )
}

/// A hook that keeps what it hears.
#[derive(Debug, Default)]
pub struct Watch {
    before: Mutex<Vec<Notification>>,
    after: Mutex<Vec<(Notification, Treatment)>>,
    events: Mutex<Vec<MaintenanceEvent>>,
}

impl NotificationHook for Watch {
    fn before(&self, notice: &Notice) -> Reaction {
        unpoisoned(&self.before).push(notice.notification.clone());
        Reaction::Continue
    }

    fn after(&self, notice: &Notice, treatment: Treatment) {
        unpoisoned(&self.after).push((notice.notification.clone(), treatment));
    }

    fn event(&self, event: &MaintenanceEvent) {
        unpoisoned(&self.events).push(event.clone());
    }
}

impl Watch {
    pub fn before(&self) -> Vec<Notification> {
        unpoisoned(&self.before).clone()
    }

    pub fn after(&self) -> Vec<(Notification, Treatment)> {
        unpoisoned(&self.after).clone()
    }

    pub fn events(&self) -> Vec<MaintenanceEvent> {
        unpoisoned(&self.events).clone()
    }

    pub fn count(&self, which: impl Fn(&MaintenanceEvent) -> bool) -> usize {
        self.events().iter().filter(|event| which(event)).count()
    }
}

/// A resolver that counts what it is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    answers: SimResolver,
    count: Arc<AtomicUsize>,
}

impl Asked {
    pub fn of(sim: &Sim) -> Self {
        Self {
            answers: sim.resolver(),
            count: Arc::default(),
        }
    }

    pub fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }
}

impl Resolver for Asked {
    fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        let answer = self.answers.resolve(host);
        self.count.fetch_add(1, Ordering::AcqRel);
        answer
    }
}
