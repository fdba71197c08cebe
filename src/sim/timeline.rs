//! What happened and when, for pictures and for tests. Causes nothing.

use super::Node;
use super::maintenance::Seq;
use std::fmt;
use std::time::{Duration, Instant};

/// Something that the deployment did.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Happening {
    /// A node died by a [`Fault`](super::Fault), with so many connections.
    Died(Node, usize),
    /// The answer for the deployment's name changed.
    DnsChanged,
    /// `FAILED_OVER` was sent; commands are answered again.
    FailedOver(Seq),
    /// `FAILING_OVER` was sent; commands wait from now on.
    FailingOver(Seq),
    /// The addresses that led to the first node lead to the second from now on.
    FrontMoved(Node, Node),
    /// `MIGRATED` was sent.
    Migrated(Seq),
    /// `MIGRATING` was sent.
    Migrating(Seq),
    /// `MOVING` was sent to the connections of a node.
    Moving(Node, Seq),
    /// A node listens again.
    Revived(Node),
    /// All sockets of a node were closed, so many.
    Retired(Node, usize),
    /// The last event of a scenario was started.
    ScenarioEnded,
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Died(node, sockets) => {
                write!(f, "node {} died, {sockets} connections reset", node.index())
            }
            Self::DnsChanged => f.write_str("dns changed"),
            Self::FailedOver(seq) => write!(f, "failed over ({seq})"),
            Self::FailingOver(seq) => write!(f, "failing over ({seq})"),
            Self::FrontMoved(from, to) => {
                write!(
                    f,
                    "addresses of node {} lead to node {}",
                    from.index(),
                    to.index()
                )
            }
            Self::Migrated(seq) => write!(f, "migrated ({seq})"),
            Self::Migrating(seq) => write!(f, "migrating ({seq})"),
            Self::Moving(node, seq) => write!(f, "node {} moving ({seq})", node.index()),
            Self::Revived(node) => write!(f, "node {} revived", node.index()),
            Self::Retired(node, sockets) => {
                write!(f, "node {} retired, {sockets} sockets closed", node.index())
            }
            Self::ScenarioEnded => f.write_str("scenario ended"),
        }
    }
}

/// Something that happened, with its time.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Happened {
    /// When it happened.
    pub at: Instant,
    /// How long after the start of the simulator.
    pub after: Duration,
    /// What happened.
    pub what: Happening,
}

/// How many happenings are kept.
const KEPT: usize = 1 << 16;

/// What has happened since the start, in order.
#[derive(Debug)]
pub(super) struct Timeline {
    /// What `Happened::after` counts from.
    start: Instant,
    /// In the order in which they happened.
    all: Vec<Happened>,
}

impl Timeline {
    /// A timeline on which nothing has happened yet.
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            all: Vec::new(),
        }
    }

    /// Keeps one event, up to a bound: a test that runs for hours must not fill the memory.
    pub(super) fn add(&mut self, at: Instant, what: Happening) {
        if self.all.len() < KEPT {
            let after = at.saturating_duration_since(self.start);
            self.all.push(Happened { at, after, what });
        }
    }

    /// How long it has been kept.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.start)
    }

    /// A copy for the test.
    pub(super) fn all(&self) -> Vec<Happened> {
        self.all.clone()
    }
}
