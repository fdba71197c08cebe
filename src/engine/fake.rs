//! An connector without a network, for tests and for the model checker: every connection it makes ends
//! at a server thread of its own.
#![allow(dead_code, reason = "tests and models use parts of it each")]

use super::connector::{Answered, ConnectFailure, Connected, Connector};
use super::inbox::{Inbox, Port};
use super::{Engine, Hooks, NewNode, Plan};
use crate::counters::Counters;
use crate::error::{Delivery, Error, ErrorKind};
use crate::handoff::announcements::AnnouncementSettings;
use crate::handoff::endpoint_of;
use crate::handoff::planner::{FailureKind, Job, JobFailure, JobKind, Settings, Target};
use crate::ids::NodeId;
use crate::lane::Lane;
use crate::link::fake::{Far, cable};
use crate::link::{Inbound, Relaxed};
use crate::pool::{Entries, Pool};
use crate::protocol::{Endpoint, Limits, Maintenance};
use crate::sync::{self, Arc, Condvar, JoinHandle, Ranked};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a server says before its answer to such a line of a connection to that address.
type Says = Box<dyn Fn(SocketAddr, &str) -> Vec<u8> + Send + Sync>;

/// What an attempt to open comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fortune {
    /// A server that ends after its first answer.
    Brief,
    Fail,
    /// A server that has as many clients as it accepts.
    Full,
    /// Success, but a move gets nothing until it is interrupted or the connector cancelled.
    HangMoves,
    /// Nothing, until the connector is cancelled.
    Hang,
    Succeed,
    /// A server that ends after its second answer.
    Short,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    attempts: usize,
    reached: Vec<SocketAddr>,
    servers: Vec<(Far, JoinHandle<()>)>,
    /// All lines that any server has received.
    lines: Vec<String>,
    /// A window costs the coordinator its life.
    deadly: bool,
    /// A window keeps the coordinator busy.
    holds: bool,
    /// The coordinator is kept busy.
    held: bool,
}

/// Makes connections to servers that answer each number with itself.
pub(super) struct FakeConnector {
    state: Ranked<State, 8>,
    changed: Condvar,
    /// Decides about each attempt, counted from zero.
    fortune: Box<dyn Fn(usize) -> Fortune + Send + Sync>,
    says: Says,
}

/// Where the configured endpoint leads.
pub(super) fn home() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7000))
}

impl FakeConnector {
    pub(super) fn new(
        fortune: impl Fn(usize) -> Fortune + Send + Sync + 'static,
        says: impl Fn(SocketAddr, &str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            state: Ranked::new(State::default()),
            changed: Condvar::default(),
            fortune: Box::new(fortune),
            says: Box::new(says),
        })
    }

    /// From now on the coordinator panics when a window opens.
    pub(super) fn be_deadly(&self) {
        self.state.lock().deadly = true;
    }

    /// From now on a window keeps the coordinator busy until this is called with `false`.
    pub(super) fn hold(&self, holds: bool) {
        self.state.lock().holds = holds;
        self.changed.notify_all();
    }

    /// Waits until the coordinator is kept busy.
    pub(super) fn until_held(&self) {
        let mut state = self.state.lock();
        while !state.held {
            state = self.changed.wait(&self.state, state, None);
        }
    }

    /// Waits until so many connections have been asked for.
    pub(super) fn until_attempts(&self, attempts: usize) {
        let mut state = self.state.lock();
        while state.attempts < attempts {
            state = self.changed.wait(&self.state, state, None);
        }
    }

    /// Waits for all servers, whose connections must have been shut, and yields what they received.
    pub(super) fn reap(&self) -> Vec<String> {
        let servers = std::mem::take(&mut self.state.lock().servers);
        for (far, server) in servers {
            far.until_shut();
            server.join().expect("a server");
        }
        std::mem::take(&mut self.state.lock().lines)
    }

    fn serve(&self, far: &Far, addr: SocketAddr, fortune: Fortune) {
        let mut answers = 0;
        while let Some(line) = far.line() {
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            self.state.lock().lines.push(line.clone());
            far.send((self.says)(addr, &line));
            far.send(format!(":{line}\r\n"));
            answers += 1;
            let most = match fortune {
                Fortune::Brief => 1,
                Fortune::Short => 2,
                _ => usize::MAX,
            };
            if answers >= most {
                far.end();
            }
        }
    }

    fn failure(kind: FailureKind) -> ConnectFailure {
        let error = Error::new(ErrorKind::Connect, Delivery::NotSent, "no luck");
        ConnectFailure {
            failure: JobFailure {
                reached: None,
                kind,
            },
            error,
        }
    }

    fn connect(
        self: &Arc<Self>,
        job: &Job,
        stop: &AtomicBool,
    ) -> Result<Connected, ConnectFailure> {
        let mut state = self.state.lock();
        let fortune = (self.fortune)(state.attempts);
        state.attempts += 1;
        self.changed.notify_all();
        let stopped = || stop.load(Ordering::SeqCst);
        let hangs = match fortune {
            Fortune::Hang => true,
            Fortune::HangMoves => job.kind == JobKind::Move,
            _ => false,
        };
        while hangs && !state.cancelled && !stopped() {
            state = self.changed.wait(&self.state, state, None);
        }
        if state.cancelled || stopped() {
            return Err(Self::failure(FailureKind::Closed));
        }
        if fortune == Fortune::Fail {
            return Err(Self::failure(FailureKind::Dial));
        }
        if fortune == Fortune::Full {
            return Err(Self::failure(FailureKind::Full));
        }
        let (addr, via) = match &job.target {
            Target::Address(addr) => (*addr, endpoint_of(*addr)),
            Target::Configured => (home(), endpoint_of(home())),
            Target::Announced(Endpoint::Tcp { host, port }) => {
                let addr = SocketAddr::new(host.parse().expect("an address"), *port);
                (addr, endpoint_of(addr))
            }
            Target::Announced(other) => panic!("a place without an address: {other}"),
        };
        drop(state);
        let (wire, far) = cable(Some(addr));
        let server = {
            let (connector, far) = (Arc::clone(self), far.clone());
            sync::spawn("server".to_owned(), move || {
                connector.serve(&far, addr, fortune)
            })
            .expect("a thread")
        };
        let mut state = self.state.lock();
        state.servers.push((far, server));
        state.reached.push(addr);
        drop(state);
        self.changed.notify_all();
        let inbound = Inbound::new(Limits::default());
        Ok(Connected {
            wire: Box::new(wire),
            inbound,
            via,
            opted_in: true,
            protocol: crate::protocol::Protocol::Resp3,
            client_id: None,
            early: Vec::new(),
            is_replica: None,
            listed: Vec::new(),
        })
    }
}

/// The connector that a coordinator owns.
struct Shared(Arc<FakeConnector>);

impl Connector for Shared {
    fn open(&self, _: &Port, job: &Job, stop: &AtomicBool) -> Result<Connected, ConnectFailure> {
        self.0.connect(job, stop)
    }

    fn interrupt(&self) {
        // With the lock, so that nobody is between the look and the wait.
        let _state = self.0.state.lock();
        self.0.changed.notify_all();
    }

    fn look_up(&self, _: &str, answered: Answered) {
        answered(Err(()));
    }

    fn note_window(&self, _: NodeId, _: Maintenance, _: Instant) {
        let mut state = self.0.state.lock();
        state.held = true;
        self.0.changed.notify_all();
        while state.holds {
            state = self.0.changed.wait(&self.0.state, state, None);
        }
        let deadly = state.deadly;
        drop(state);
        assert!(!deadly, "a defect, on purpose");
    }

    fn cancel(&self) {
        self.0.state.lock().cancelled = true;
        self.0.changed.notify_all();
    }

    fn close(&self, _: Instant) {}
}

/// A client's threads over a fake connector.
pub(super) struct Works {
    pub(super) inbox: Inbox,
    pub(super) coordinator: JoinHandle<()>,
    pub(super) pool: Arc<Pool>,
    pub(super) entries: Arc<Entries>,
    pub(super) counters: Arc<Counters>,
}

impl Works {
    pub(super) fn start(connector: &Arc<FakeConnector>, size: usize, workers: usize) -> Self {
        let counters = Arc::new(Counters::default());
        let lane = Lane::new(Arc::clone(&counters));
        let settings = Settings {
            dedicated: size,
            workers,
            ..Settings::new(endpoint_of(home()), size)
        };
        let (engine, coordinator) = Engine::start(Plan {
            announcements: AnnouncementSettings::default(),
            connector: Arc::new(Shared(Arc::clone(connector))),
            counters: Arc::clone(&counters),
            lane: lane.clone(),
            hooks: Hooks::new(Arc::clone(&counters), lane),
            workers,
            queue: size,
            connections: 2 * size,
            relaxed: Relaxed {
                timeout: Duration::from_secs(10),
                blocking: None,
            },
            probe_timeout: Duration::from_secs(1),
        })
        .expect("threads");
        let pool = engine.add_node(NewNode {
            settings,
            seed: 1,
            checkout_timeout: None,
            patience: u64::from(u32::MAX),
            max_in_flight: 512,
        });
        Self {
            inbox: engine.inbox.clone(),
            coordinator,
            entries: Arc::clone(pool.entries()),
            pool: Arc::new(pool),
            counters,
        }
    }

    /// As a client closes.
    pub(super) fn close(self) {
        self.entries.shut();
        self.inbox.close();
        self.coordinator.join().expect("the coordinator");
    }
}
