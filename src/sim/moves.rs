//! Whole operations: a notification with all that follows from it at its time. Waits for nothing: the
//! director calls each step when it is due.

use super::maintenance::{Seq, Target};
use super::timeline::Happening;
use super::world::World;
use super::{CloseCause, HOST, Node, clock};
use crate::log_targets::SIM;
use crate::protocol::Value;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The grace that real servers announce.
const GRACE: Duration = Duration::from_secs(15);

/// When, in seconds of a grace of 15, the endpoint itself moves.
const ENDPOINT_MOVES: f64 = 8.6;

/// When DNS follows at the latest, as seen on one cluster.
const LATE_DNS: f64 = 18.7;

/// At least so much later than the close, where DNS follows late.
const AFTER_CLOSE: Duration = Duration::from_millis(10);

/// One move of an endpoint, in all its details. [`crate::sim::Sim::moving`] fills them in as measured
/// on real servers.
///
/// ```
/// use hitless::sim::{Moving, Sim, Target};
/// use std::time::Duration;
///
/// let sim = Sim::builder().nodes(2).start()?;
/// let [a, b] = [sim.node(0), sim.node(1)];
/// // Announces 5 s, and closes after 100 ms all the same: a server that does not keep its word.
/// let hasty = Moving::new(a, Target::Node(b)).announce(5).close_after(Duration::from_millis(100));
/// sim.start_moving(hasty);
/// assert!(sim.wait_until(Duration::from_secs(10), |now| now.timeline().len() >= 3));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Moving {
    /// The node whose connections have to leave.
    pub(super) from: Node,
    /// What the announcement names.
    pub(super) target: Target,
    /// Seconds that the announcement names.
    pub(super) announced: i64,
    /// When the old node closes what is left; `None` for the announced time.
    pub(super) close_after: Option<Duration>,
    /// When the name gives the new address.
    pub(super) dns_after: Option<Duration>,
    /// The node that answers at the same address from a moment on.
    pub(super) front: Option<(usize, Duration)>,
    /// Whether the old node goes on accepting connections.
    pub(super) keep_listening: bool,
}

impl Moving {
    /// A move that announces 15 s and closes nothing.
    pub fn new(from: Node, target: Target) -> Self {
        Self {
            from,
            target,
            announced: 15,
            close_after: None,
            dns_after: None,
            front: None,
            keep_listening: false,
        }
    }

    /// What the notification says, in whole seconds; zero and less mean "now".
    #[must_use]
    pub fn announce(mut self, seconds: i64) -> Self {
        self.announced = seconds;
        self
    }

    /// When all sockets of the node are closed, in real time, whatever was announced.
    #[must_use]
    pub fn close_after(mut self, wait: Duration) -> Self {
        self.close_after = Some(wait);
        self
    }

    /// When DNS shows the target in place of the node, in real time.
    #[must_use]
    pub fn dns_after(mut self, wait: Duration) -> Self {
        self.dns_after = Some(wait);
        self
    }

    /// Lets the addresses that lead to the node stay, like those of a load balancer, and lead to this
    /// node so long after the notification. Connections made from then on are that node's: they hear
    /// nothing of this move and are not closed with the old ones. DNS need not change.
    #[must_use]
    pub fn front(mut self, to: Node, wait: Duration) -> Self {
        self.front = Some((to.0, wait));
        self
    }

    /// Lets the node accept connections after it has closed the old ones, like a stable front address.
    #[must_use]
    pub fn keep_listening(mut self) -> Self {
        self.keep_listening = true;
        self
    }
}

impl World {
    /// The addresses that DNS gives for the deployment's name.
    pub(super) fn advertise(&self, nodes: &[usize]) {
        let addresses: Vec<IpAddr> = nodes.iter().map(|&n| self.node(n).addr.ip()).collect();
        *self.advertised.lock() = nodes.to_vec();
        self.resolver.set(HOST, addresses);
        self.tell(Happening::DnsChanged);
    }

    /// Takes nodes out of DNS and puts another in. Where nobody would be left, those others are shown that
    /// listen and have not been left; a name never ceases to have an address.
    fn readvertise(&self, leave: &[usize], joins: Option<usize>) {
        let before = self.advertised.lock().clone();
        let mut nodes = before.clone();
        // Taken out and put at the end, so that an address is never listed twice.
        nodes.retain(|node| !leave.contains(node) && Some(*node) != joins);
        nodes.extend(joins);
        if nodes.is_empty() {
            let serves = |&node: &usize| self.node(node).listens() && !self.node(node).left();
            let others = (0..self.nodes.len()).filter(|node| !leave.contains(node));
            nodes = others.filter(serves).collect();
        }
        if nodes.is_empty() {
            nodes = before;
        }
        self.advertise(&nodes);
    }

    /// DNS follows a move, as far as no later one has led elsewhere.
    fn follow(&self, leave: &[usize], joins: usize) {
        let leave: Vec<usize> = leave
            .iter()
            .copied()
            .filter(|&node| self.node(node).left())
            .collect();
        let joins = Some(joins).filter(|&node| !self.node(node).left());
        self.readvertise(&leave, joins);
    }

    /// A move as measured, for a grace period.
    pub(super) fn measured_moving(&self, from: Node, target: Target, grace: Duration) -> Moving {
        let seconds = i64::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
        // DNS was seen to change 4.4 to 9.7 s into a grace of 15 s.
        // The share scales with the grace: short and long moves were seen to keep it roughly.
        let share = (4.4 + 5.3 * self.dice.lock().f64()) / GRACE.as_secs_f64();
        Moving::new(from, target)
            .announce(seconds)
            .dns_after(self.scaled(grace.mul_f64(share)))
            .close_after(self.scaled(grace) + self.lateness())
    }

    /// A move as measured of an endpoint whose address stays.
    pub(super) fn measured_front(&self, from: Node, to: Node, grace: Duration) -> Moving {
        let mut moving = self.measured_moving(from, Target::Null(to), grace);
        // The name keeps its address: only what answers there changes.
        moving.dns_after = None;
        moving.front(
            to,
            self.scaled(grace.mul_f64(ENDPOINT_MOVES / GRACE.as_secs_f64())),
        )
    }

    /// A move as measured where DNS shows it only after the old sockets are closed.
    pub(super) fn measured_late(&self, from: Node, to: Node, grace: Duration) -> Moving {
        let moving = self.measured_moving(from, Target::Null(to), grace);
        let dns = self.scaled(grace.mul_f64(LATE_DNS / GRACE.as_secs_f64()));
        let after_close = moving.close_after.map(|close| close + AFTER_CLOSE);
        moving.dns_after(after_close.map_or(dns, |least| dns.max(least)))
    }

    /// Announces a move on all connections that have opted in, and plans its steps: the new address in DNS,
    /// the repetition to late connections, the end of the old ones.
    pub(super) fn start_moving(self: &Arc<Self>, moving: Moving) -> Seq {
        let from = moving.from.0;
        let joins = match (moving.front, &moving.target) {
            (Some((to, _)), _) => Some(to),
            (None, Target::Node(node) | Target::Null(node)) => Some(node.0),
            (None, Target::Text(_)) => None,
        };
        if let Some(joins) = joins.filter(|joins| *joins != from) {
            // It stays, whatever was announced about it; and it has to be there.
            // A node that was left and is moved to is in use again: late connections must not be sent
            // away from it.
            self.end_windows(joins);
            if moving.front.is_none() {
                self.node(joins).lead_to(joins);
            }
            if let Err(error) = self.revive(joins) {
                log::error!(target: SIM, "node {joins}, to which node {from} moves, cannot listen: {error}");
            }
        }
        // The target listens by now: a client that dials the moment it reads the frame is not refused.
        let seq = self.announce_moving(from, moving.announced, moving.target);
        self.tell(Happening::Moving(moving.from, seq));
        let start = clock::now();
        // What leads to it now will not when DNS follows.
        // Kept for the director, which acts later: by then a front may lead elsewhere.
        let addresses = self.fronts_of(from);
        if let Some(joins) = joins {
            self.home.store(joins, Ordering::Release);
            self.node(from).set_left(true);
            self.node(joins).set_left(false);
            if let Some(wait) = moving.dns_after {
                self.director.at(start + wait, move |world| {
                    world.follow(&addresses, joins);
                });
            }
        }
        if let Some((to, wait)) = moving.front {
            self.director.at(start + wait, move |world| {
                // All addresses that lead to the old node, because a move of a move may have made
                // several.
                for front in world.fronts_of(from) {
                    world.node(front).lead_to(to);
                }
                world.tell(Happening::FrontMoved(Node(from), Node(to)));
            });
        }
        if let Some(wait) = moving.close_after {
            let deaf = !moving.keep_listening;
            self.director.at(start + wait, move |world| {
                // The window is the move's own mark: where it is gone, another move or a retirement was
                // faster.
                if !world.end_window(seq) {
                    // It was retired before, or is in use again.
                    return;
                }
                let closed = world.retire(from, CloseCause::Maintenance, deaf);
                world.tell(Happening::Retired(Node(from), closed));
            });
        }
        seq
    }

    /// Announces a migration that begins within so many seconds.
    pub(super) fn migrating(&self, seconds: i64, shards: &str) -> Seq {
        let shards = Value::Bulk(shards.into());
        let seq = self.broadcast("MIGRATING", |seq| vec![seq, Value::Int(seconds), shards]);
        self.tell(Happening::Migrating(seq));
        seq
    }

    /// Announces the end of a migration.
    pub(super) fn migrated(&self, shards: &str) -> Seq {
        let shards = Value::Bulk(shards.into());
        let seq = self.broadcast("MIGRATED", |seq| vec![seq, shards]);
        self.tell(Happening::Migrated(seq));
        seq
    }

    /// Announces a failover that begins within so many seconds.
    pub(super) fn failing_over(&self, seconds: i64, shards: &str) -> Seq {
        let shards = Value::Bulk(shards.into());
        let seq = self.broadcast("FAILING_OVER", |seq| vec![seq, Value::Int(seconds), shards]);
        self.tell(Happening::FailingOver(seq));
        seq
    }

    /// Announces the end of a failover.
    pub(super) fn failed_over(&self, shards: &str) -> Seq {
        let shards = Value::Bulk(shards.into());
        let seq = self.broadcast("FAILED_OVER", |seq| vec![seq, shards]);
        self.tell(Happening::FailedOver(seq));
        seq
    }

    /// `FAILING_OVER`, a pause in which no command is answered, `FAILED_OVER`.
    pub(super) fn failover(&self, pause: Duration) -> Seq {
        let seconds = i64::try_from(pause.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
        let seq = self.failing_over(seconds, SHARDS);
        let end = clock::now() + pause;
        // Commands that are read from now on wait; those that were executed are answered.
        self.pause_until(end);
        self.director.at(end, |world| {
            world.failed_over(SHARDS);
        });
        seq
    }

    /// `MIGRATING`, after a while `MIGRATED`, and nothing else.
    pub(super) fn migration(&self, lasts: Duration) -> Seq {
        let seq = self.migrating(2, SHARDS);
        self.director.at(clock::now() + lasts, |world| {
            world.migrated(SHARDS);
        });
        seq
    }

    /// Maintenance of one of several proxies: no `MOVING`, DNS drops it, its sockets close silently.
    pub(super) fn multi_proxy(&self, node: Node) {
        // Seconds after the trigger, as measured.
        /// The announcement.
        const MIGRATING: f64 = 4.3;
        /// Its end.
        const MIGRATED: f64 = 16.6;
        /// The name lists the other proxies only.
        const DNS: f64 = 21.4;
        /// The sockets of the proxy that goes end, without a word to them.
        const CLOSE: f64 = 34.7;
        let start = clock::now();
        let at = |seconds: f64| start + self.scaled(Duration::from_secs_f64(seconds));
        self.director.at(at(MIGRATING), |world| {
            world.migrating(2, SHARDS);
        });
        self.director.at(at(MIGRATED), |world| {
            world.migrated(SHARDS);
        });
        self.director.at(at(DNS), move |world| {
            // The only sign that a client gets before its sockets close: the name lists one address
            // less.
            world.readvertise(&world.fronts_of(node.0), None);
        });
        self.director.at(at(CLOSE), move |world| {
            let closed = world.retire(node.0, CloseCause::Maintenance, true);
            world.tell(Happening::Retired(node, closed));
        });
    }
}

/// The shards that the operations name.
const SHARDS: &str = r#"["1"]"#;
