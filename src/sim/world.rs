//! Everything that the threads of one simulator share.
//!
//! Locks, in the order in which they nest: store, ledger, peers, then a peer's own. Nothing is written
//! to a socket while one of the first three is held.

use super::director::Director;
use super::maintenance::{Ledger, OptIn, Replay};
use super::news::News;
use super::node::NodeState;
use super::peer::Peer;
use super::record::{ConnectionRecord, Record};
use super::resolver::SimResolver;
use super::store::Store;
use super::timeline::{Happening, Timeline};
use super::{CloseCause, clock};
use crate::log_targets::SIM;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The version that the simulator gives itself.
pub(super) const VERSION: &str = "7.4.0";

/// How many records of closed connections are kept.
const PAST: usize = 1 << 16;

/// A user who may log in.
#[derive(Clone, Debug)]
pub(super) struct User {
    /// `default` is who logs in without a name.
    pub(super) name: String,
    /// What `AUTH` has to give. Without a user named `default` anybody is that one.
    pub(super) password: String,
    /// Lower-case names of commands that are answered `NOPERM`.
    pub(super) forbidden: Vec<String>,
}

/// What the simulator was told at its start.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// How long after the announced time the old sockets end: at least, and at most.
    pub(super) lateness: (Duration, Duration),
    /// How nodes answer to the request for notifications at first.
    pub(super) opt_in: OptIn,
    /// The real server behind, if there is one.
    pub(super) proxy_to: Option<SocketAddr>,
    /// How much is kept of each connection.
    pub(super) record: Record,
    /// What connections that come late are told.
    pub(super) replay: Replay,
    /// Whether `HELLO` is known.
    pub(super) resp3: bool,
    /// Decides all that is left to chance.
    pub(super) seed: u64,
    /// One second announced takes so many here.
    pub(super) time_scale: f64,
    #[cfg(feature = "sim-tls")]
    pub(super) tls: bool,
    /// Bytes that may wait for a client before its connection ends.
    pub(super) unread_limit: usize,
    /// Who may log in.
    pub(super) users: Vec<User>,
}

impl Settings {
    /// The user that a connection is from its start.
    pub(super) fn open_user(&self) -> Option<String> {
        let closed = self.users.iter().any(|user| user.name == "default");
        (!closed).then(|| "default".to_owned())
    }

    /// The user with this name and password.
    pub(super) fn known(&self, name: &[u8], password: &[u8]) -> Option<String> {
        // Without a password for it, anybody is the default user, whatever password comes.
        if name == b"default" {
            if let Some(open) = self.open_user() {
                return Some(open);
            }
        }
        self.users
            .iter()
            .find(|user| user.name.as_bytes() == name && user.password.as_bytes() == password)
            .map(|user| user.name.clone())
    }

    /// Whether a user may not run a command.
    pub(super) fn forbids(&self, name: &str, command: &str) -> bool {
        self.users
            .iter()
            .any(|user| user.name == name && user.forbidden.iter().any(|word| word == command))
    }
}

/// The deployment: nodes, store, clock of events, and all connections. Every thread of the simulator holds
/// one; each lock in it is taken alone.
#[derive(Debug)]
pub(super) struct World {
    /// Fixed at the start.
    pub(super) settings: Settings,
    /// As many as were asked for, never more.
    pub(super) nodes: Vec<NodeState>,
    /// One database set for all nodes: a move carries the data along, as on a server.
    pub(super) store: Mutex<Store>,
    /// What was announced and goes on, and who has been told.
    pub(super) ledger: Mutex<Ledger>,
    /// Does what is due later.
    pub(super) director: Director,
    /// The name service of the deployment.
    pub(super) resolver: SimResolver,
    /// Wakes tests that wait for something to become true.
    pub(super) news: Arc<News>,
    /// Seeded, so that a run can be repeated.
    pub(super) dice: Mutex<fastrand::Rng>,
    /// What has happened.
    pub(super) timeline: Mutex<Timeline>,
    #[cfg(feature = "sim-tls")]
    pub(super) certificates: Option<super::tls::Certificates>,
    /// The nodes that DNS shows.
    pub(super) advertised: Mutex<Vec<usize>>,
    /// The node to which the latest move went.
    pub(super) home: AtomicUsize,
    /// Keeps the nodes' port from other simulators.
    _guard: Option<TcpListener>,
    /// Open connections by number.
    peers: Mutex<BTreeMap<u64, Arc<Peer>>>,
    /// Records of connections that have ended, the latest of them.
    past: Mutex<VecDeque<ConnectionRecord>>,
    /// The next number of a connection.
    ids: AtomicU64,
    /// Joined at the end.
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Until when commands are held back.
    pause: Mutex<Option<Instant>>,
    /// Whether they are, read without a lock before each.
    paused: AtomicBool,
    /// Set by the drop; every thread looks at it when it wakes.
    stopping: AtomicBool,
}

impl World {
    /// A deployment that does not listen yet.
    pub(super) fn new(
        settings: Settings,
        nodes: Vec<NodeState>,
        guard: Option<TcpListener>,
        #[cfg(feature = "sim-tls")] certificates: Option<super::tls::Certificates>,
    ) -> Self {
        Self {
            nodes,
            store: Mutex::new(Store::new(clock::now(), clock::since_epoch())),
            ledger: Mutex::default(),
            director: Director::default(),
            resolver: SimResolver::default(),
            news: Arc::default(),
            dice: Mutex::new(fastrand::Rng::with_seed(settings.seed)),
            timeline: Mutex::new(Timeline::new(clock::now())),
            #[cfg(feature = "sim-tls")]
            certificates,
            advertised: Mutex::default(),
            home: AtomicUsize::new(0),
            _guard: guard,
            peers: Mutex::default(),
            past: Mutex::default(),
            ids: AtomicU64::new(1),
            threads: Mutex::default(),
            pause: Mutex::new(None),
            paused: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            settings,
        }
    }

    /// A node by its number.
    pub(super) fn node(&self, index: usize) -> &NodeState {
        &self.nodes[index]
    }

    /// A number for a connection, counted over all nodes.
    pub(super) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// A measured time, shortened or stretched by the scale.
    pub(super) fn scaled(&self, time: Duration) -> Duration {
        time.mul_f64(self.settings.time_scale)
    }

    /// How long after the announced time a server really closes.
    pub(super) fn lateness(&self) -> Duration {
        let (least, most) = self.settings.lateness;
        // Uniform between the two: nothing more is known of the distribution.
        let share = self.dice.lock().f64();
        self.scaled(least + most.saturating_sub(least).mul_f64(share))
    }

    /// Something has happened: logs it, keeps it on the timeline, and wakes those who wait for it.
    pub(super) fn tell(&self, what: Happening) {
        log::debug!(target: SIM, "{what}");
        // Before those who wait are woken: they look at the timeline.
        self.timeline.lock().add(clock::now(), what);
        self.news.changed();
    }

    // Connections

    /// A connection was accepted.
    pub(super) fn enter(&self, peer: &Arc<Peer>) {
        self.peers.lock().insert(peer.id, Arc::clone(peer));
        self.news.changed();
    }

    /// A connection has ended; its record stays.
    pub(super) fn leave(&self, peer: &Peer) {
        let record = peer.record();
        {
            let mut peers = self.peers.lock();
            // Under one lock with the record, so that no snapshot misses the connection or sees it
            // twice.
            peers.remove(&peer.id);
            let mut past = self.past.lock();
            if past.len() >= PAST {
                past.pop_front();
            }
            past.push_back(record);
        }
        self.news.changed();
    }

    /// The open connections that meet a condition.
    pub(super) fn peers(&self, meets: impl Fn(&Peer) -> bool) -> Vec<Arc<Peer>> {
        let peers = self.peers.lock();
        // One whose end is noted stays in the map until its thread has noticed.
        peers
            .values()
            .filter(|peer| !peer.closed() && meets(peer))
            .cloned()
            .collect()
    }

    /// The records of all connections, in the order of their numbers.
    pub(super) fn records(&self) -> Vec<ConnectionRecord> {
        let peers = self.peers.lock();
        // The open ones stay locked meanwhile: one that ends now is in neither list otherwise.
        let mut all: Vec<ConnectionRecord> = self.past.lock().iter().cloned().collect();
        all.extend(peers.values().map(|peer| peer.record()));
        drop(peers);
        all.sort_by_key(|record| record.id);
        all
    }

    /// One line of `CLIENT LIST`.
    pub(super) fn describe(&self, peer: &Peer) -> String {
        let record = peer.record();
        format!(
            "id={} addr={} laddr={} name={} resp={}\n",
            record.id,
            record.remote,
            self.node(peer.node).addr,
            record.name.unwrap_or_default(),
            record.protocol.version(),
        )
    }

    /// The lines of `CLIENT LIST`.
    pub(super) fn describe_all(&self) -> String {
        self.peers(|_| true)
            .iter()
            .map(|peer| self.describe(peer))
            .collect()
    }

    /// How many connections there are.
    pub(super) fn connected(&self) -> usize {
        self.peers.lock().len()
    }

    /// How long it has been there.
    pub(super) fn age(&self) -> Duration {
        self.timeline.lock().age(clock::now())
    }

    /// Writes an outbox; what a slow client does not take is left to a thread of its own.
    pub(super) fn flush(&self, peer: &Arc<Peer>) {
        if peer.flush() {
            return;
        }
        // A thread, because the caller is often the director, which has others to tell at their time.
        let spawned = std::thread::Builder::new()
            .name(format!("sim-flush-{}", peer.id))
            .spawn({
                let peer = Arc::clone(peer);
                move || peer.flush_patiently()
            });
        match spawned {
            Ok(thread) => self.keep(thread),
            Err(_) => peer.close(CloseCause::SlowReader),
        }
    }

    /// Asks for a [`World::tick`] when the store needs one.
    pub(super) fn set_alarm(&self, store: &mut Store) {
        if let Some(at) = store.alarm() {
            self.director.at(at, |world| world.tick());
        }
    }

    /// Lets keys expire and blocked commands end whose time is over.
    fn tick(&self) {
        let woken = {
            let mut store = self.store.lock();
            store.tick(clock::now());
            self.set_alarm(&mut store);
            store.take_flush()
        };
        woken.iter().for_each(|peer| self.flush(peer));
    }

    // The pause of a failover

    /// Answers no command until then.
    pub(super) fn pause_until(&self, end: Instant) {
        let mut pause = self.pause.lock();
        // A failover inside of another lengthens the pause and never shortens it.
        *pause = Some(pause.map_or(end, |old| old.max(end)));
        self.paused.store(true, Ordering::Release);
    }

    /// Whether [`World::await_turn`] would wait now.
    pub(super) fn must_wait(&self, peer: &Peer) -> bool {
        self.paused.load(Ordering::Acquire)
            || peer.blocked()
            || self.node(peer.node).faults.silent()
    }

    /// Waits while a failover or a fault forbids to execute the next command.
    pub(super) fn await_turn(&self, peer: &Arc<Peer>) {
        while self.paused.load(Ordering::Acquire) && !peer.closed() {
            self.await_pause(peer);
        }
        let faults = &self.node(peer.node).faults;
        if faults.silent() {
            self.flush(peer);
            peer.wait_until(None, || peer.closed() || !faults.silent());
        }
    }

    /// Holds a command back while the deployment is paused by a failover.
    fn await_pause(&self, peer: &Arc<Peer>) {
        self.flush(peer);
        // The end may move while this waits: the caller's loop asks again.
        let end = *self.pause.lock();
        if let Some(end) = end {
            peer.wait_until(Some(end), || peer.closed());
        }
        let mut pause = self.pause.lock();
        if pause.is_none_or(|end| end <= clock::now()) {
            *pause = None;
            self.paused.store(false, Ordering::Release);
        }
    }

    /// Lets the connections of a node look again at what they wait for.
    pub(super) fn ring(&self, node: usize) {
        for peer in self.peers(|peer| peer.node == node) {
            peer.ring();
        }
    }

    // Threads

    /// Keeps the handle of a connection's thread, and lets go of those that have ended.
    pub(super) fn keep(&self, thread: JoinHandle<()>) {
        let mut threads = self.threads.lock();
        // A simulator that runs for days would keep the handle of every connection it ever had.
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
    }

    /// Whether the simulator is being dropped.
    pub(super) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Ends everything but the director's thread, and waits for it.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        for node in &self.nodes {
            // First, so that no connection comes in behind the closing of the others.
            node.deafen();
        }
        for peer in self.peers(|_| true) {
            peer.close(CloseCause::Stopped);
        }
        loop {
            // A thread that ends may have started another one to write what was left.
            let threads = std::mem::take(&mut *self.threads.lock());
            if threads.is_empty() {
                return;
            }
            for thread in threads {
                if thread.join().is_err() {
                    log::error!(target: SIM, "a thread of the simulator has panicked");
                }
            }
        }
    }
}
