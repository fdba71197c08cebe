//! What the simulator remembers of each connection. Decides nothing.

use super::{CloseCause, Node};
use crate::protocol::handshake::MovingEndpointType;
use crate::protocol::{Protocol, Push};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

/// How much of the commands is remembered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Record {
    /// How often each command came, by name. The default.
    #[default]
    Counts,
    /// Also the commands themselves with all arguments, the latest so many per connection.
    Commands(usize),
    /// Nothing: for measurements.
    Nothing,
}

/// One connection to the simulator, open or closed.
///
/// ```
/// use hitless::sim::Sim;
/// use hitless::{Client, Commands};
///
/// let sim = Sim::builder().start()?;
/// let client = Client::connect(sim.addr(sim.node(0)).to_string().as_str())?;
/// client.set("key", "value")?;
/// let record = &sim.connections()[0];
/// assert!(record.is_open() && record.opted_in.is_some());
/// assert_eq!(record.count("set"), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionRecord {
    /// Its number, counted from 1 over all nodes; the embedded store answers it to `CLIENT ID`.
    pub id: u64,
    /// The node that accepted it.
    pub node: Node,
    /// The client's end.
    pub remote: SocketAddr,
    /// When it was accepted.
    pub opened: Instant,
    /// When it ended and who ended it; `None` while it is open.
    pub closed: Option<(Instant, CloseCause)>,
    /// The name that the client gave it.
    pub name: Option<String>,
    /// The protocol that it speaks at present.
    pub protocol: Protocol,
    /// What kind of endpoint it asked for in `MOVING`; `None` unless it asked for notifications.
    pub opted_in: Option<MovingEndpointType>,
    /// How often each command was executed, by lower-case name.
    pub counts: BTreeMap<String, u64>,
    /// The latest commands, name and arguments, when [`Record::Commands`] is on.
    pub commands: Vec<Vec<Vec<u8>>>,
    /// The maintenance notifications and injected frames that were sent to it, the latest 1,000.
    pub pushes: Vec<Push>,
}

impl ConnectionRecord {
    /// Whether it is still open.
    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// How often the command of this lower-case name was executed.
    pub fn count(&self, command: &str) -> u64 {
        self.counts.get(command).copied().unwrap_or(0)
    }

    /// How many notifications of this kind, for example `MOVING`, were sent to it.
    pub fn pushes_of(&self, kind: &str) -> usize {
        self.pushes
            .iter()
            .filter(|push| push.kind == kind.as_bytes())
            .count()
    }
}

/// How many pushes are kept per connection.
const PUSHES: usize = 1000;

/// The record of a connection while it grows.
#[derive(Debug)]
pub(super) struct Diary {
    pub(super) id: u64,
    pub(super) node: usize,
    pub(super) remote: SocketAddr,
    pub(super) opened: Instant,
    pub(super) closed: Option<(Instant, CloseCause)>,
    pub(super) name: Option<String>,
    pub(super) protocol: Protocol,
    pub(super) opted_in: Option<MovingEndpointType>,
    /// By lower-case name.
    counts: BTreeMap<String, u64>,
    /// The latest, where the level asks for them.
    commands: VecDeque<Vec<Vec<u8>>>,
    /// The latest 1,000.
    pushes: VecDeque<Push>,
}

impl Diary {
    /// The record of a connection that was just accepted.
    pub(super) fn new(id: u64, node: usize, remote: SocketAddr, opened: Instant) -> Self {
        Self {
            id,
            node,
            remote,
            opened,
            closed: None,
            name: None,
            protocol: Protocol::Resp2,
            opted_in: None,
            counts: BTreeMap::new(),
            commands: VecDeque::new(),
            pushes: VecDeque::new(),
        }
    }

    /// Counts a command, and keeps it where the level asks for that.
    pub(super) fn command(&mut self, level: Record, name: &str, args: &[Vec<u8>]) {
        if level == Record::Nothing {
            return;
        }
        match self.counts.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(name.to_owned(), 1);
            }
        }
        if let Record::Commands(limit) = level {
            if self.commands.len() >= limit {
                self.commands.pop_front();
            }
            if limit > 0 {
                self.commands.push_back(args.to_vec());
            }
        }
    }

    /// Keeps a push that was sent; the oldest makes room.
    pub(super) fn push(&mut self, push: &Push) {
        if self.pushes.len() >= PUSHES {
            self.pushes.pop_front();
        }
        self.pushes.push_back(push.clone());
    }

    /// A copy for the test.
    pub(super) fn read(&self) -> ConnectionRecord {
        ConnectionRecord {
            id: self.id,
            node: Node(self.node),
            remote: self.remote,
            opened: self.opened,
            closed: self.closed,
            name: self.name.clone(),
            protocol: self.protocol,
            opted_in: self.opted_in,
            counts: self.counts.clone(),
            commands: self.commands.iter().cloned().collect(),
            pushes: self.pushes.iter().cloned().collect(),
        }
    }
}
