//! A hook that writes down what it is told, a gate that a test holds, and pools of a known size.

use hitless::sim::{Node, Sim};
use hitless::{
    Client, Commands, MaintenanceEvent, MaintenanceOptions, Notice, Notification, NotificationHook,
    Options, Reaction, Treatment,
};
use parking_lot::{Condvar, Mutex};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take that must happen.
pub const SOON: Duration = Duration::from_secs(30);

pub fn now() -> Instant {
    #[allow(clippy::disallowed_methods, reason = "a test is its own clock")]
    Instant::now()
}

/// Looks until a condition holds.
#[track_caller]
pub fn until(mut condition: impl FnMut() -> bool) {
    let deadline = now() + SOON;
    while !condition() {
        assert!(now() < deadline, "it never came");
        std::thread::yield_now();
    }
}

/// Options under which hooks have time enough on a machine that is busy, or stands still for a moment.
pub fn patient() -> MaintenanceOptions {
    MaintenanceOptions::new().hook_timeout(Duration::from_secs(10))
}

/// Options for one node by its address, with notifications that begin their moves at once.
pub fn options(sim: &Sim, node: Node, slots: usize, maintenance: MaintenanceOptions) -> Options {
    Options::new(&sim.addr(node).to_string())
        .unwrap()
        .pool_size(slots)
        .max_in_flight(1)
        .maintenance(maintenance.max_jitter(Duration::ZERO))
}

pub fn connect(sim: &Sim, node: Node, slots: usize, maintenance: MaintenanceOptions) -> Client {
    Client::connect(options(sim, node, slots, maintenance)).unwrap()
}

/// Lets the client make as many connections: so many threads send one command after the other.
#[track_caller]
pub fn fill(sim: &Sim, node: Node, client: &Client, connections: usize) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    client.get::<Option<String>>("fill").unwrap();
                }
            });
        }
        let all = sim.wait_until(SOON, |now| now.open_on(node) == connections);
        let deadline = now() + SOON;
        while all && client.stats().connections() < connections && now() < deadline {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        assert!(all, "{:?}", client.stats());
    });
}

/// What a hook was told.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    Before(Notice),
    After(Notice, Treatment),
    Event(MaintenanceEvent),
}

impl Call {
    /// The call without its details: `before MIGRATING 3`.
    pub fn brief(&self) -> Option<String> {
        let name = |notice: &Notice| {
            let notification = &notice.notification;
            format!(
                "{} {}",
                notification.name(),
                notification.seq().unwrap_or(-1)
            )
        };
        match self {
            Self::Before(notice) => Some(format!("before {}", name(notice))),
            Self::After(notice, treatment) => Some(format!("after {} {treatment:?}", name(notice))),
            Self::Event(_) => None,
        }
    }
}

type React = Box<dyn Fn(&Notice) -> Reaction + Send + Sync>;

/// A hook that writes down what it is told.
pub struct Tape {
    calls: Mutex<Vec<Call>>,
    bell: Condvar,
    react: React,
}

impl Tape {
    pub fn new() -> Arc<Self> {
        Self::reacting(|_| Reaction::Continue)
    }

    pub fn reacting(react: impl Fn(&Notice) -> Reaction + Send + Sync + 'static) -> Arc<Self> {
        let react = Box::new(react);
        Arc::new(Self {
            calls: Mutex::default(),
            bell: Condvar::new(),
            react,
        })
    }

    /// Passes the gate before it says what is to be done.
    pub fn held_at(gate: &Arc<Gate>, reaction: Reaction) -> Arc<Self> {
        let gate = Arc::clone(gate);
        Self::reacting(move |_| {
            gate.pass();
            reaction.clone()
        })
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().clone()
    }

    /// The calls about notifications, in brief.
    pub fn briefs(&self) -> Vec<String> {
        self.calls.lock().iter().filter_map(Call::brief).collect()
    }

    pub fn events(&self) -> Vec<MaintenanceEvent> {
        let event = |call: &Call| match call {
            Call::Event(event) => Some(event.clone()),
            _ => None,
        };
        self.calls.lock().iter().filter_map(event).collect()
    }

    /// Waits until what was written down satisfies the condition.
    #[track_caller]
    pub fn wait(&self, mut condition: impl FnMut(&[Call]) -> bool) {
        let deadline = now() + SOON;
        let mut calls = self.calls.lock();
        while !condition(&calls) {
            let timed_out = self.bell.wait_until(&mut calls, deadline).timed_out();
            assert!(!timed_out, "never came: {calls:#?}");
        }
    }

    #[track_caller]
    pub fn wait_brief(&self, brief: &str) {
        self.wait(|calls| {
            calls
                .iter()
                .any(|call| call.brief().as_deref() == Some(brief))
        });
    }

    #[track_caller]
    pub fn wait_event(&self, mut wanted: impl FnMut(&MaintenanceEvent) -> bool) {
        self.wait(|calls| {
            calls.iter().any(|call| match call {
                Call::Event(event) => wanted(event),
                _ => false,
            })
        });
    }

    fn write(&self, call: Call) {
        self.calls.lock().push(call);
        self.bell.notify_all();
    }
}

impl NotificationHook for Tape {
    fn before(&self, notice: &Notice) -> Reaction {
        self.write(Call::Before(notice.clone()));
        (self.react)(notice)
    }

    fn after(&self, notice: &Notice, treatment: Treatment) {
        self.write(Call::After(notice.clone(), treatment));
    }

    fn event(&self, event: &MaintenanceEvent) {
        self.write(Call::Event(event.clone()));
    }
}

/// Holds up whoever passes until it is opened.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<(bool, usize)>,
    bell: Condvar,
}

impl Gate {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn pass(&self) {
        let mut state = self.state.lock();
        state.1 += 1;
        self.bell.notify_all();
        while !state.0 {
            self.bell.wait(&mut state);
        }
    }

    pub fn open(&self) {
        self.state.lock().0 = true;
        self.bell.notify_all();
    }

    /// Waits until somebody has come to the gate.
    #[track_caller]
    pub fn wait_arrival(&self) {
        let deadline = now() + SOON;
        let mut state = self.state.lock();
        while state.1 == 0 {
            assert!(
                !self.bell.wait_until(&mut state, deadline).timed_out(),
                "nobody came"
            );
        }
    }
}

/// A hook made of one function, called from everywhere with what it is called for.
pub struct Everywhere<F>(pub F);

/// Where a hook is called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    After,
    Before,
    Event,
}

impl<F: Fn(Place) + Send + Sync> NotificationHook for Everywhere<F> {
    fn before(&self, _: &Notice) -> Reaction {
        (self.0)(Place::Before);
        Reaction::Continue
    }

    fn after(&self, _: &Notice, _: Treatment) {
        (self.0)(Place::After);
    }

    fn event(&self, _: &MaintenanceEvent) {
        (self.0)(Place::Event);
    }
}

pub fn is_moving(notification: &Notification) -> bool {
    matches!(notification, Notification::Moving { .. })
}

/// Runs a test in a process of its own, where no other test has threads, logs or a clumsy panic.
/// False: this is the other process.
#[track_caller]
pub fn alone(name: &str) -> bool {
    const INSIDE: &str = "HITLESS_TEST_ALONE";
    if std::env::var_os(INSIDE).is_some() {
        return false;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    true
}

/// The threads of the client in this process, by the beginnings of their names.
pub fn threads() -> Vec<String> {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("hitless-"))
        .collect()
}

/// Ends when no thread of a client is left.
#[track_caller]
pub fn no_threads() {
    let deadline = now() + SOON;
    loop {
        let left = threads();
        if left.is_empty() {
            return;
        }
        assert!(now() < deadline, "left: {left:?}");
        std::thread::yield_now();
    }
}

/// Compares, with both sides in the message.
#[track_caller]
pub fn same<T: Debug + PartialEq>(got: T, wanted: T, about: &dyn Debug) {
    assert!(got == wanted, "{got:#?} is not {wanted:#?}: {about:#?}");
}
