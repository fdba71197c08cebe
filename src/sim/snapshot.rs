//! A look at a running simulator, for conditions. Changes nothing, and copies only what is asked for.

use super::Node;
use super::peer::Peer;
use super::record::ConnectionRecord;
use super::timeline::{Happened, Happening};
use super::world::World;

/// What a condition of [`Sim::wait_until`](super::Sim::wait_until) may look at.
#[derive(Debug)]
pub struct Snapshot<'a>(&'a World);

impl<'a> Snapshot<'a> {
    /// A view of the world as it is at each call.
    pub(super) fn of(world: &'a World) -> Self {
        Self(world)
    }
}

impl Snapshot<'_> {
    /// The records of all connections so far.
    pub fn connections(&self) -> Vec<ConnectionRecord> {
        self.0.records()
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.0.peers(|_| true).len()
    }

    /// How many connections to a node are open.
    pub fn open_on(&self, node: Node) -> usize {
        self.0.peers(|peer| peer.node == node.0).len()
    }

    /// How many open connections to a node have opted in.
    pub fn opted_in_on(&self, node: Node) -> usize {
        let opted = |peer: &Peer| peer.node == node.0 && peer.opted_in().is_some();
        self.0.peers(opted).len()
    }

    /// How many connections are blocked in a command of the embedded store.
    pub fn blocked(&self) -> usize {
        self.0.peers(|peer| peer.blocked()).len()
    }

    /// See [`Sim::watchers`](super::Sim::watchers).
    pub fn watchers(&self, key: impl AsRef<[u8]>) -> Vec<u64> {
        let store = self.0.store.lock();
        store.watchers(key.as_ref()).into_iter().collect()
    }

    /// What happened so far.
    pub fn timeline(&self) -> Vec<Happened> {
        self.0.timeline.lock().all()
    }

    /// Whether a scenario has started its last event.
    pub fn scenario_ended(&self) -> bool {
        self.timeline()
            .iter()
            .any(|one| one.what == Happening::ScenarioEnded)
    }

    /// See [`Sim::executions`](super::Sim::executions).
    pub fn executions(&self, command: &str, argument: impl AsRef<[u8]>) -> usize {
        let argument = argument.as_ref();
        let matches = |words: &&Vec<Vec<u8>>| {
            let named = words
                .first()
                .is_some_and(|n| n.eq_ignore_ascii_case(command.as_bytes()));
            named && words[1..].iter().any(|word| word == argument)
        };
        let all = self.connections();
        all.iter()
            .map(|one| one.commands.iter().filter(matches).count())
            .sum()
    }
}
