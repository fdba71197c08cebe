//! Code of the program behind the log facade and the metrics facade: it panics, hangs, is slow, and uses the
//! client. Each is one for the whole process, so each of these tests waits for its turn.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics when a claim is false, and so do the backends of these tests"
)]

mod common;

#[cfg(feature = "metrics")]
#[path = "facades/recorder.rs"]
mod recorder;

use common::{SOON, eventually, fill, options};
use hitless::sim::{Moving, Sim, Target};
use hitless::{
    Client, Commands, LoggingHook, MaintenanceOptions, Notice, NotificationHook, Reaction,
};
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

/// What the backends do.
#[derive(Clone)]
enum Behaviour {
    Hang,
    Keep,
    Panic,
    /// Use this client, and drop it at the first line that says so.
    Use(Option<Client>, &'static str),
}

struct Backend {
    behaviour: Mutex<Behaviour>,
    /// Rung when the behaviour changes, and when somebody hangs.
    bell: Condvar,
    lines: Mutex<Vec<(Level, String)>>,
    /// Somebody hangs in the backend now.
    hangs: AtomicBool,
}

static BACKEND: Backend = Backend {
    behaviour: Mutex::new(Behaviour::Keep),
    bell: Condvar::new(),
    lines: Mutex::new(Vec::new()),
    hangs: AtomicBool::new(false),
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Backend {
    fn set(&self, behaviour: Behaviour) {
        let before = std::mem::replace(&mut *lock(&self.behaviour), behaviour);
        self.bell.notify_all();
        drop(before);
    }

    /// Hangs, panics or returns, according to the behaviour.
    fn act(&self) {
        let mut behaviour = lock(&self.behaviour);
        while matches!(*behaviour, Behaviour::Hang) {
            self.hangs.store(true, Ordering::SeqCst);
            self.bell.notify_all();
            behaviour = self
                .bell
                .wait(behaviour)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.hangs.store(false, Ordering::SeqCst);
        let panics = matches!(*behaviour, Behaviour::Panic);
        drop(behaviour);
        assert!(!panics, "a backend that panics, on purpose");
    }

    #[track_caller]
    fn until_it_hangs(&self) {
        let (behaviour, _) = self
            .bell
            .wait_timeout_while(lock(&self.behaviour), SOON, |_| {
                !self.hangs.load(Ordering::SeqCst)
            })
            .unwrap_or_else(PoisonError::into_inner);
        drop(behaviour);
        assert!(self.hangs.load(Ordering::SeqCst), "nobody came");
    }
}

impl Log for Backend {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !metadata.target().starts_with("hitless::sim")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        self.act();
        let text = record.args().to_string();
        let behaviour = lock(&self.behaviour).clone();
        if let Behaviour::Use(Some(client), last) = behaviour {
            client.incr("lines").unwrap();
            if text.contains(last) {
                if let Behaviour::Use(held, _) = &mut *lock(&self.behaviour) {
                    *held = None;
                }
            }
            // Perhaps the last clone.
            drop(client);
        }
        let line = format!("{}: {text}", record.target());
        lock(&self.lines).push((record.level(), line));
    }

    fn flush(&self) {}
}

/// Begins a turn in which the backend keeps lines of this level.
fn listen(level: LevelFilter) -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    static BEGIN: Once = Once::new();
    let turn = lock(&TURN);
    BEGIN.call_once(|| {
        log::set_logger(&BACKEND).unwrap();
        #[cfg(feature = "metrics")]
        recorder::install();
    });
    log::set_max_level(level);
    BACKEND.set(Behaviour::Keep);
    lock(&BACKEND.lines).clear();
    turn
}

/// A client of two connections, whose server then moves away. Commands go on throughout, and each is answered.
#[track_caller]
fn move_under_commands(sim: &Sim) -> Client {
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = Client::connect(options(sim, a).pool_size(2)).unwrap();
    fill(&client, 2);
    sim.start_moving(Moving::new(a, Target::Node(b)));
    eventually("the move is over", || {
        client.incr("commands").unwrap();
        client.stats().handoffs_completed == 1
    });
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    client.ping().unwrap();
    assert_eq!(client.stats().connections_lost, 0);
    client
}

/// The threads of clients have ended, those that hang aside.
fn no_threads() {
    eventually("all threads end", || {
        common::threads::of_clients().is_empty()
    });
}

#[test]
fn a_log_backend_that_panics_changes_nothing_and_is_counted() {
    let _turn = listen(LevelFilter::Trace);
    BACKEND.set(Behaviour::Panic);
    let sim = Sim::builder().nodes(2).start().unwrap();
    let client = move_under_commands(&sim);
    eventually("the panics are counted", || client.stats().user_panics >= 3);
    let asked = client.maintenance();
    assert_eq!((asked.handoffs_completed, asked.hook_panics), (1, 0));
    client.close();
    no_threads();
}

#[test]
fn a_log_backend_that_hangs_stalls_no_move_and_no_close() {
    let _turn = listen(LevelFilter::Trace);
    BACKEND.set(Behaviour::Hang);
    let sim = Sim::builder().nodes(2).start().unwrap();
    let client = move_under_commands(&sim);
    BACKEND.until_it_hangs();
    assert_eq!(client.maintenance().handoffs_completed, 1);
    client.close();
    // The system lists a thread for a moment after it was joined.
    eventually("only the lane is left, which hangs", || {
        let left = common::threads::of_clients();
        left.into_values().collect::<Vec<_>>() == ["hitless-lane"]
    });
    BACKEND.set(Behaviour::Keep);
    no_threads();
}

#[test]
fn a_hook_that_logs_waits_for_no_log_backend() {
    let _turn = listen(LevelFilter::Info);
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let maintenance = MaintenanceOptions::new().hook(Arc::new(LoggingHook::default()));
    let options = options(&sim, a).pool_size(2).maintenance(maintenance);
    let client = Client::connect(options).unwrap();
    fill(&client, 2);
    BACKEND.set(Behaviour::Hang);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(10));
    eventually("the move is over", || {
        client.stats().handoffs_completed == 1
    });
    BACKEND.until_it_hangs();
    assert_eq!(client.maintenance().hooks_late, 0, "no hook was waited for");
    client.close();
    BACKEND.set(Behaviour::Keep);
    no_threads();
}

/// A hook that behaves as the log backend does.
struct Hook;

impl NotificationHook for Hook {
    fn before(&self, _: &Notice) -> Reaction {
        BACKEND.act();
        Reaction::Continue
    }
}

#[test]
fn a_flood_a_hook_that_hangs_and_a_log_backend_that_hangs_hold_up_neither_question_nor_close() {
    let _turn = listen(LevelFilter::Trace);
    BACKEND.set(Behaviour::Hang);
    let sim = Sim::builder().start().unwrap();
    let maintenance = MaintenanceOptions::new().hook_timeout(Duration::from_millis(1));
    let options = options(&sim, sim.node(0)).pool_size(1);
    let client = Client::connect(options.maintenance(maintenance.hook(Arc::new(Hook)))).unwrap();
    sim.migrating(60, "1");
    BACKEND.until_it_hangs();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                sim.migrating(60, "1");
            }
        });
        eventually("an answer, not an empty one after a time-out", || {
            !client.maintenance().windows.is_empty()
        });
        client.close();
        stop.store(true, Ordering::SeqCst);
    });
    assert!(client.ping().is_err());
    BACKEND.set(Behaviour::Keep);
    no_threads();
}

#[test]
fn lines_that_a_log_backend_is_too_slow_for_are_dropped_counted_and_told() {
    let _turn = listen(LevelFilter::Trace);
    BACKEND.set(Behaviour::Hang);
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0)).pool_size(1)).unwrap();
    sim.migrating(1, "1");
    BACKEND.until_it_hangs();
    eventually("lines are dropped", || {
        sim.migrating(1, "1");
        client.stats().log_lines_dropped > 0
    });
    BACKEND.set(Behaviour::Keep);
    eventually("the gap is told", || {
        let lines = lock(&BACKEND.lines);
        let told = |(level, line): &(Level, String)| {
            *level == Level::Warn
                && line.starts_with("hitless::log: ")
                && line.contains("lines of the log were dropped")
        };
        lines.iter().any(told)
    });
    client.close();
    no_threads();
}

#[test]
fn a_log_backend_may_use_the_client_and_drop_it() {
    let _turn = listen(LevelFilter::Info);
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = Client::connect(options(&sim, a).pool_size(2)).unwrap();
    BACKEND.set(Behaviour::Use(Some(client.clone()), "handoff completed"));
    sim.start_moving(Moving::new(a, Target::Node(b)));
    // The last clone is the backend's.
    drop(client);
    no_threads();
    let lines = lock(&BACKEND.lines);
    assert!(
        lines
            .iter()
            .any(|(_, line)| line.contains("handoff completed")),
        "{lines:?}"
    );
}

/// A resolver that panics, or whose errors do when they are shown.
#[derive(Clone, Copy, Debug)]
enum Clumsy {
    Itself,
    ItsError,
}

impl std::fmt::Display for Clumsy {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("an error that panics when it is shown, on purpose");
    }
}

impl std::error::Error for Clumsy {}

impl hitless::Resolver for Clumsy {
    fn resolve(&self, _: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        match self {
            Self::Itself => panic!("a resolver that panics, on purpose"),
            Self::ItsError => Err(std::io::Error::other(*self)),
        }
    }
}

#[test]
fn a_resolver_that_panics_fails_its_dial_only_and_is_counted() {
    let _turn = listen(LevelFilter::Trace);
    for clumsy in [Clumsy::Itself, Clumsy::ItsError] {
        let options = hitless::Options::new("name.test:6379").unwrap();
        let client = Client::lazy(options.connect_retries(0).resolver(clumsy)).unwrap();
        for _ in 0..2 {
            let error = client.ping().unwrap_err();
            assert_eq!(error.kind(), &hitless::ErrorKind::Connect, "{error}");
        }
        assert!(client.stats().user_panics >= 2);
        client.close();
        no_threads();
    }
}

#[test]
fn a_close_flushes_the_log() {
    let _turn = listen(LevelFilter::Trace);
    let sim = Sim::builder().nodes(2).start().unwrap();
    let client = move_under_commands(&sim);
    let copies = client.maintenance();
    let copies =
        copies.notifications_acted + copies.notifications_duplicate + copies.notifications_stale;
    client.close();
    let dropped = client.stats().log_lines_dropped;
    let lines = lock(&BACKEND.lines);
    let traced = lines.iter().filter(|(level, _)| *level == Level::Trace);
    // On a machine that is too busy for 200 ms some are left, and counted.
    assert!(
        copies >= 1 && traced.count() as u64 + dropped >= copies,
        "{lines:?}"
    );
}

#[cfg(not(feature = "metrics"))]
#[test]
fn without_a_line_there_is_no_thread_for_it() {
    let _turn = listen(LevelFilter::Error);
    let sim = Sim::builder().nodes(2).start().unwrap();
    let client = move_under_commands(&sim);
    let lane = || common::threads::named("hitless-lane").len();
    assert_eq!(lane(), 0);
    log::set_max_level(LevelFilter::Trace);
    sim.migrating(1, "1");
    eventually("the thread is there", || lane() == 1);
    client.close();
    no_threads();
}
