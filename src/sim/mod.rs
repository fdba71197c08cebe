//! A simulated Redis deployment on loopback addresses, to rehearse maintenance with. It persists
//! nothing, replicates nothing, and promises no more of Redis than the commands that it lists.
//!
//! Only Redis Enterprise and Redis Cloud send maintenance notifications, so most applications first
//! meet them in production. A [`Sim`] sends them here: several nodes with an embedded store (or in
//! front of a real server, see [`Builder::proxy_to`]), which announce what they will do, do it at the
//! measured times, and close what real servers close.
//!
//! # Rehearsing an application
//!
//! ```
//! use hitless::sim::{Sim, Target};
//! use std::net::TcpStream;
//! use std::time::Duration;
//!
//! let soon = Duration::from_secs(10);
//! let sim = Sim::builder().nodes(2).time_scale(0.05).start()?;
//! let [a, b] = [sim.node(0), sim.node(1)];
//! // The application: anything that connects to this address, or to `sim::HOST` by `sim.resolver()`.
//! let application = TcpStream::connect(sim.addr(a))?;
//! assert!(sim.wait_until(soon, |now| now.open_on(a) == 1));
//! // The database moves from under it. 15 s of grace are announced, and pass in 0.75 s here.
//! sim.moving(a, Target::Node(b), Duration::from_secs(15));
//! // An application that does not listen loses its connection; a good one has long moved to `b`.
//! assert!(sim.wait_until(soon, |now| now.open_on(a) == 0));
//! # drop(application);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Then make it harder: a [`Scenario`] keeps the deployment in motion, a [`Fault`] lets the node to move
//! to refuse, hang or present a wrong certificate, [`Sim::multi_proxy`] closes without a warning. What
//! the application did is in [`Sim::connections`], what the deployment did in [`Sim::timeline`].
//!
//! # Commands of the embedded store
//!
//! | about | commands |
//! |---|---|
//! | strings | `APPEND` `DECR` `DECRBY` `GET` `GETDEL` `GETEX` `GETSET` `INCR` `INCRBY` `INCRBYFLOAT` `MGET` `MSET` `PSETEX` `SET` `SETEX` `SETNX` `STRLEN` |
//! | keys | `DBSIZE` `DEL` `EXISTS` `EXPIRE` `EXPIREAT` `EXPIRETIME` `FLUSHALL` `FLUSHDB` `KEYS` `PERSIST` `PEXPIRE` `PEXPIREAT` `PEXPIRETIME` `PTTL` `SCAN` `TTL` `TYPE` `UNLINK` |
//! | hashes | `HDEL` `HEXISTS` `HGET` `HGETALL` `HINCRBY` `HKEYS` `HLEN` `HMGET` `HMSET` `HSET` `HSETNX` `HVALS` |
//! | lists | `BLMOVE` `BLPOP` `BRPOP` `BRPOPLPUSH` `LLEN` `LMOVE` `LPOP` `LPUSH` `LRANGE` `RPOP` `RPOPLPUSH` `RPUSH` |
//! | sets | `SADD` `SCARD` `SISMEMBER` `SMEMBERS` `SPOP` `SREM` |
//! | sorted sets | `ZADD` `ZCARD` `ZINCRBY` `ZPOPMAX` `ZPOPMIN` `ZRANGE` (by rank and by score) `ZRANGEBYSCORE` `ZREM` `ZSCORE` |
//! | streams | `XACK` `XADD` `XAUTOCLAIM` `XCLAIM` `XDEL` `XGROUP` (`CREATE` `CREATECONSUMER` `DELCONSUMER` `DESTROY` `SETID`) `XINFO` (`CONSUMERS` `GROUPS` `STREAM`) `XLEN` `XPENDING` `XRANGE` `XREAD` `XREADGROUP` `XREVRANGE` `XSETID` `XTRIM` |
//! | transactions | `DISCARD` `EXEC` `MULTI` `UNWATCH` `WATCH` |
//! | messages | `PSUBSCRIBE` `PUBLISH` `PUBSUB` (`CHANNELS` `HELP` `NUMPAT` `NUMSUB` `SHARDCHANNELS` `SHARDNUMSUB`) `PUNSUBSCRIBE` `SPUBLISH` `SSUBSCRIBE` `SUBSCRIBE` `SUNSUBSCRIBE` `UNSUBSCRIBE` |
//! | connection | `AUTH` `CLIENT` (`GETNAME` `ID` `INFO` `KILL` `LIST` `MAINT_NOTIFICATIONS` `NO-EVICT` `NO-TOUCH` `REPLY` `SETINFO` `SETNAME` `UNBLOCK`) `ECHO` `HELLO` `PING` `QUIT` `RESET` `SELECT` |
//! | server | `COMMAND` (`COUNT` `DOCS` `INFO` `LIST`; no syntax of arguments) `CONFIG` (`GET` of what tools ask for at their start, `RESETSTAT`, `SET` of `notify-keyspace-events`) `INFO` (what tools ask for) `TIME` |
//!
//! Keyspace notifications are sent as `notify-keyspace-events` says, to the subscribers of all nodes; it is the only
//! setting that can be changed, and one for all nodes. What a key is told of is told in a server's order and words.
//! `o` and `c` are understood as by Redis 8.2; servers before it, and Valkey, refuse them.
//!
//! Commands may come inline, as in `PING` followed by a line end, and pipelined. Keys expire at their
//! time though nobody reads them. There are no scripts: `EVAL`, `FCALL` and their kin are refused with
//! what to do about it, because no Lua interpreter without C is small and well kept. Whatever else an
//! application needs, a real server behind the simulator has.
//!
//! # What stateful work meets
//!
//! All of these hold before a real server ([`Builder::proxy_to`]) as well, in both protocols. Messages of all
//! nodes reach all subscribers of all nodes in one order, as behind the proxies of one database.
//!
//! | what | how |
//! |---|---|
//! | nobody may publish on a node | [`Fault::Answer`] to `publish` and to `spublish`, with a line such as `NOPERM ...` |
//! | some users may not publish, or not unblock | [`Builder::user`] and [`Builder::forbid`] of `publish`, `client\|unblock` (embedded store only) |
//! | `CLIENT UNBLOCK` is refused, or not known | [`Fault::Answer`] to `client\|unblock` |
//! | the old node dies in the middle of a seam, or of an unblocking | [`Fault::Die`] or [`Fault::DieUnanswered`] with the n-th `subscribe`, `publish` or `client\|unblock` |
//! | the old node retires and accepts nobody meanwhile | [`Fault::Refuse`], then [`Sim::moving`] |
//! | a move ends under those who wait and subscribe | as under all others: their sockets close at the same moment, without a reply, whether they asked to be told or not |
//! | a failover comes meanwhile | their commands wait on, and messages go on coming |
//!
//! # Threads
//!
//! | thread | count | blocks on | ended by |
//! |---|---|---|---|
//! | `sim-director` | 1 | the next thing to do | dropping the [`Sim`] |
//! | `sim-accept-<node>` | one per listening node | new connections | the node retires |
//! | `sim-conn-<id>` | one per connection | its socket | the connection ends |
//! | `sim-flush-<id>` | one per client that reads too slowly | its socket | the client reads, or ends |
//! | `sim-upstream-<id>` | one per connection in front of a real server | that server | likewise |
//!
//! ```text
//!   socket --> sim-conn --> session --> store (one lock) --> outbox --> socket
//!                                         |                    ^
//!              other sim-conn <-- publish, push to a list -----+
//!              sim-director --> ledger (one sequence) ---------+
//! ```
//!
//! # What is measured and what is chosen
//!
//! Times, order and audience of notifications follow what was measured on real deployments: `MOVING`
//! goes to the connections of one node that asked for it and to those that ask while its window is
//! open, all sockets of the node close 0.7 to 4.1 s after the announced time, everything else goes to
//! every connection that asked, and the latest completion is repeated to each that asks later. Every
//! random choice follows [`Builder::seed`]; the interleaving of threads does not.

mod answer;
mod builder;
mod clock;
mod connection;
mod director;
mod fault;
mod glob;
mod hush;
mod maintenance;
mod moves;
mod news;
mod node;
mod peer;
mod proxy;
mod record;
mod request;
mod resolver;
mod scenario;
mod session;
mod snapshot;
mod store;
mod timeline;
#[cfg(feature = "sim-tls")]
mod tls;
mod wire;
mod world;

pub use crate::protocol::handshake::MovingEndpointType;
pub use builder::Builder;
pub use fault::{Fault, Flaw, Times};
pub use maintenance::{OptIn, Replay, Seq, Target};
pub use moves::Moving;
pub use record::{ConnectionRecord, Record};
pub use resolver::SimResolver;
pub use scenario::{Event, Scenario};
pub use snapshot::Snapshot;
pub use timeline::{Happened, Happening};

use crate::log_targets::SIM;
use crate::protocol::{Push, Value};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use world::World;

/// The name of the simulated deployment, as [`SimResolver`] and the certificates know it.
pub const HOST: &str = "sim.hitless.test";

/// One endpoint of the deployment.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Node(usize);

impl Node {
    /// Its place among the nodes, from 0.
    pub fn index(self) -> usize {
        self.0
    }
}

/// Who ended a connection, or why.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CloseCause {
    /// The client: it closed the socket or said `QUIT`.
    Client,
    /// A [`Fault`].
    Fault,
    /// `CLIENT KILL`, or [`Sim::kill`].
    Killed,
    /// The node left the deployment.
    Maintenance,
    /// What came was not RESP.
    ProtocolError,
    /// The client left more replies and pushes unread than [`Builder::unread_limit`] allows.
    SlowReader,
    /// The simulator stopped.
    Stopped,
    /// The real server behind the simulator.
    Upstream,
}

/// A running deployment. Dropping it closes all sockets and ends all threads.
pub struct Sim {
    /// Also held by every thread of the simulator.
    world: Arc<World>,
    /// Joined by the drop.
    director: Option<JoinHandle<()>>,
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<SocketAddr> = self.world.nodes.iter().map(|node| node.addr).collect();
        f.debug_struct("Sim")
            .field("nodes", &addresses)
            .finish_non_exhaustive()
    }
}

impl Sim {
    /// A builder with the defaults: two nodes, the embedded store, no password.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts the thread of the director and the listeners of all nodes.
    fn start(world: Arc<World>) -> io::Result<Self> {
        let director = std::thread::Builder::new()
            .name("sim-director".into())
            .spawn({
                let world = Arc::clone(&world);
                move || world.director.run(&world)
            })?;
        let sim = Self {
            world,
            director: Some(director),
        };
        for index in 0..sim.world.nodes.len() {
            sim.world.listen(index)?;
        }
        Ok(sim)
    }

    /// The node with this index.
    ///
    /// # Panics
    ///
    /// If there are not that many nodes.
    pub fn node(&self, index: usize) -> Node {
        assert!(index < self.world.nodes.len(), "there is no node {index}");
        Node(index)
    }

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        (0..self.world.nodes.len()).map(Node)
    }

    /// The address of a node.
    pub fn addr(&self, node: Node) -> SocketAddr {
        self.world.node(node.0).addr
    }

    /// The name of a node, by which `MOVING` calls it when it is asked for names.
    pub fn name(&self, node: Node) -> String {
        maintenance::node_name(node.0)
    }

    /// The deployment's DNS: [`HOST`] and the names of the nodes.
    pub fn resolver(&self) -> SimResolver {
        self.world.resolver.clone()
    }

    /// The certificate of the authority that a client has to trust; `None` without TLS.
    #[cfg(feature = "sim-tls")]
    pub fn ca_pem(&self) -> Option<String> {
        self.world
            .certificates
            .as_ref()
            .map(|all| all.ca_pem().to_owned())
    }

    // Maintenance

    /// Moves a node as measured: `MOVING` with the grace in whole seconds, DNS after a third or two of
    /// it, all sockets closed a little after it; from then on the node refuses connections.
    ///
    /// The waits are scaled by [`Builder::time_scale`], the announced seconds are not.
    pub fn moving(&self, from: Node, target: Target, grace: Duration) -> Seq {
        self.start_moving(self.world.measured_moving(from, target, grace))
    }

    /// Moves a node whose address stays, as a load balancer's does: a `MOVING` without a target; the
    /// address leads to the other node from 8.6 fifteenths of the grace on, as measured; the old sockets
    /// are closed a little after the grace, and no others.
    pub fn moving_front(&self, from: Node, to: Node, grace: Duration) -> Seq {
        self.start_moving(self.world.measured_front(from, to, grace))
    }

    /// Moves a node as [`Sim::moving`] does without a target, but DNS follows only after the old sockets
    /// are closed: 18.7 fifteenths of the grace after the `MOVING`, as seen on one cluster.
    pub fn moving_late(&self, from: Node, to: Node, grace: Duration) -> Seq {
        self.start_moving(self.world.measured_late(from, to, grace))
    }

    /// Moves a node, with every detail chosen.
    ///
    /// The node to which it moves listens from then on, even if it was retired, and what was announced
    /// about that node before is over. One that shall refuse has to be given [`Fault::Refuse`].
    pub fn start_moving(&self, moving: Moving) -> Seq {
        self.world.start_moving(moving)
    }

    /// Sends `MIGRATING` to all connections that asked for notifications.
    pub fn migrating(&self, seconds: i64, shards: &str) -> Seq {
        self.world.migrating(seconds, shards)
    }

    /// Sends `MIGRATED` to all connections that asked for notifications, and later to new ones.
    pub fn migrated(&self, shards: &str) -> Seq {
        self.world.migrated(shards)
    }

    /// Sends `FAILING_OVER` to all connections that asked for notifications.
    pub fn failing_over(&self, seconds: i64, shards: &str) -> Seq {
        self.world.failing_over(seconds, shards)
    }

    /// Sends `FAILED_OVER` to all connections that asked for notifications, and later to new ones.
    pub fn failed_over(&self, shards: &str) -> Seq {
        self.world.failed_over(shards)
    }

    /// Sends `SMIGRATING` with slots such as `123,456,789-1000`.
    pub fn slots_migrating(&self, slots: &str) -> Seq {
        let slots = Value::Bulk(slots.into());
        self.world.broadcast("SMIGRATING", |seq| vec![seq, slots])
    }

    /// Sends `SMIGRATED` with triplets of source, destination and slots.
    pub fn slots_migrated(&self, moves: &[(&str, &str, &str)]) -> Seq {
        let bulk = |text: &str| Value::Bulk(text.into());
        let triplet = |&(source, destination, slots): &(&str, &str, &str)| {
            Value::Array(vec![bulk(source), bulk(destination), bulk(slots)].into())
        };
        let triplets = Value::Array(moves.iter().map(triplet).collect());
        self.world.broadcast("SMIGRATED", |seq| vec![seq, triplets])
    }

    /// Fails over: `FAILING_OVER`, a pause in real time in which no node answers any command,
    /// `FAILED_OVER`.
    pub fn failover(&self, pause: Duration) -> Seq {
        self.world.failover(pause)
    }

    /// Maintains one of several proxies: `MIGRATING` and `MIGRATED` to all, DNS drops the node, and its
    /// sockets close without a `MOVING`; 34.7 s in all, scaled. Where DNS has shown no other node, it shows
    /// those that listen; the only node of a deployment stays in it.
    pub fn multi_proxy(&self, node: Node) {
        self.world.multi_proxy(node);
    }

    /// Closes all sockets of a node without a word and refuses new ones; returns how many it closed. Moves
    /// of this node that were announced are over.
    pub fn retire(&self, node: Node) -> usize {
        let closed = self.world.retire(node.0, CloseCause::Maintenance, true);
        self.world.tell(Happening::Retired(node, closed));
        closed
    }

    /// Lets a node listen again, unless [`Fault::Refuse`] forbids it.
    ///
    /// # Errors
    ///
    /// If its address cannot be bound, or no thread can be started.
    pub fn revive(&self, node: Node) -> io::Result<()> {
        self.world.revive(node.0)
    }

    /// Lets DNS show these nodes and no others, at once.
    pub fn advertise(&self, nodes: &[Node]) {
        let nodes: Vec<usize> = nodes.iter().map(|node| node.0).collect();
        self.world.advertise(&nodes);
    }

    /// Changes how a node answers the opt-in from now on: fleets may be mixed.
    pub fn set_opt_in(&self, node: Node, opt_in: OptIn) {
        self.world.node(node.0).set_opt_in(opt_in);
    }

    /// Gives the next event this number.
    pub fn set_next_seq(&self, next: Seq) {
        self.world.set_next_seq(next);
    }

    /// Sends a push of any shape to all connections of a node, opted in or not; returns to how many.
    pub fn push(&self, node: Node, push: &Push) -> usize {
        self.send(|record| record.node == node, push)
    }

    /// Sends a push of any shape to one connection; false if it is not open.
    pub fn push_to(&self, connection: u64, push: &Push) -> bool {
        self.send(|record| record.id == connection, push) > 0
    }

    /// Sends a push to each connection that fits, and returns to how many.
    fn send(&self, to: impl Fn(&ConnectionRecord) -> bool, push: &Push) -> usize {
        let told = self.world.peers(|peer| to(&peer.record()));
        for peer in &told {
            peer.notify(push);
            self.world.flush(peer);
        }
        told.len()
    }

    /// Sends bytes as they are to one connection; false if it is not open.
    pub fn send_raw(&self, connection: u64, bytes: &[u8]) -> bool {
        let told = self.world.peers(|peer| peer.id == connection);
        for peer in &told {
            peer.append(bytes);
            self.world.flush(peer);
        }
        !told.is_empty()
    }

    /// Closes one connection; false if it is not open.
    pub fn kill(&self, connection: u64) -> bool {
        let found = self.world.peers(|peer| peer.id == connection);
        found.iter().for_each(|peer| peer.close(CloseCause::Killed));
        !found.is_empty()
    }

    /// Lets the director play a scenario; it has ended when [`Snapshot::scenario_ended`] says so.
    pub fn play(&self, scenario: &Scenario) {
        self.world.play(scenario);
    }

    // Faults

    /// Makes a node misbehave until [`Sim::clear_faults`].
    pub fn fault(&self, node: Node, fault: Fault) {
        self.fault_times(node, fault, Times::Always);
    }

    /// Makes a node misbehave so often.
    pub fn fault_times(&self, node: Node, fault: Fault, times: Times) {
        let state = self.world.node(node.0);
        let refuse = fault == Fault::Refuse;
        state.faults.add(fault, times);
        if refuse {
            // After the fault is there: nothing may let the node listen again in between.
            state.deafen();
        }
        self.world.ring(node.0);
        self.world.news.changed();
    }

    /// Ends all faults of a node.
    ///
    /// # Errors
    ///
    /// If the node was told to refuse connections and cannot listen again.
    pub fn clear_faults(&self, node: Node) -> io::Result<()> {
        let state = self.world.node(node.0);
        let refused = state.faults.refuses();
        state.faults.clear();
        self.world.ring(node.0);
        self.world.news.changed();
        if refused {
            self.world.revive(node.0)
        } else {
            Ok(())
        }
    }

    // Observation

    /// The records of all connections so far, in the order in which they were accepted.
    pub fn connections(&self) -> Vec<ConnectionRecord> {
        self.world.records()
    }

    /// What happened so far.
    pub fn timeline(&self) -> Vec<Happened> {
        self.world.timeline.lock().all()
    }

    /// How often a command with this lower-case name and this argument was executed. Needs
    /// [`Record::Commands`], and sees as many commands as that keeps.
    pub fn executions(&self, command: &str, argument: impl AsRef<[u8]>) -> usize {
        Snapshot::of(&self.world).executions(command, argument)
    }

    /// The numbers of the connections that watch a key (`WATCH`) of the embedded store, in whatever database, lowest
    /// first. A connection is among them until `EXEC`, `DISCARD`, `UNWATCH` or its end, also where the key
    /// has changed meanwhile. Nobody is where a real server stands behind the simulator.
    ///
    /// ```
    /// use hitless::sim::Sim;
    /// use hitless::{Client, Commands};
    /// use std::time::Duration;
    ///
    /// let sim = Sim::builder().start()?;
    /// let client = Client::connect(sim.addr(sim.node(0)).to_string().as_str())?;
    /// let lease = client.lease()?;
    /// lease.watch("stock")?;
    /// let [watcher] = sim.watchers("stock")[..] else {
    ///     panic!("one connection watches it");
    /// };
    /// // Ended in the middle of the transaction: whoever commits is to be told.
    /// sim.kill(watcher);
    /// assert!(sim.wait_until(Duration::from_secs(10), |now| now.watchers("stock").is_empty()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn watchers(&self, key: impl AsRef<[u8]>) -> Vec<u64> {
        Snapshot::of(&self.world).watchers(key)
    }

    /// Waits until a condition holds, at most so long; says whether it holds. Looks again whenever
    /// something changes.
    pub fn wait_until(
        &self,
        at_most: Duration,
        mut condition: impl FnMut(&Snapshot<'_>) -> bool,
    ) -> bool {
        let deadline = clock::now().checked_add(at_most);
        let snapshot = Snapshot::of(&self.world);
        self.world
            .news
            .wait_until(deadline, || condition(&snapshot))
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // First the director: what it does last must not outlive the stop.
        self.world.director.stop();
        if let Some(director) = self.director.take() {
            if director.join().is_err() {
                log::error!(target: SIM, "the director of the simulator has panicked");
            }
        }
        self.world.stop();
    }
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Sim>();
};
