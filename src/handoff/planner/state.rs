//! The state of one entry. Knows neither the other entries nor why it is to move.
//!
//! ```text
//!            offered                up                   marked                 offered
//!   Vacant ──────────> Filling ──────────> Steady <───────────────> Marked ──────────> Handing
//!    ^  ^                │  ^                ^  │      unmarked      │  ^                │ │ │
//!    │  │  settled       │  │                │  │                    │  │    settled     │ │ │
//!    │  └────────────────┘  │                │  │                    │  └────────────────┘ │ │
//!    │                      │                └──│────────────────────│──────── up ─────────┘ │
//!    │        down          │                   │                    │                       │
//!    └──────────────────────│───────────────────┴────────────────────┘         down          │
//!                           └────────────────────────────────────────────────────────────────┘
//! ```
//!
//! "Settled" is a job that ended without a link, for whatever reason. A link that comes up replaces
//! what there was, in every state: the report of a worker that has swapped is the truth. There is one
//! job at most, because only Vacant and Marked take one.

use super::action::JobKind;
use crate::handoff::breaker::Permit;
use crate::handoff::estranged::Estrangement;
use crate::ids::{HandoffId, LinkId};
use crate::protocol::Endpoint;
use std::net::SocketAddr;
use std::time::Instant;

/// The link that serves an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Live {
    pub(super) link: LinkId,
    pub(super) peer: Option<SocketAddr>,
    pub(super) opted_in: bool,
    pub(super) via: Endpoint,
    /// When it was reported up.
    pub(super) up_at: Instant,
    /// When its job was offered: it may be as old as that.
    pub(super) dialled_at: Instant,
    /// What it was found to be, if not what it should.
    pub(super) estranged: Option<Estrangement>,
    /// The handoff whose last call was said of it.
    pub(super) called_for: Option<HandoffId>,
}

/// Why and how often an entry has tried to move.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PendingMove {
    pub(super) handoff: HandoffId,
    pub(super) attempts: u32,
    /// When the first attempt was offered.
    pub(super) began: Option<Instant>,
    pub(super) not_before: Option<Instant>,
    /// Whether it waits for a breaker: a success elsewhere ends that.
    pub(super) blocked: bool,
}

impl PendingMove {
    pub(super) fn new(handoff: HandoffId) -> Self {
        Self {
            handoff,
            attempts: 0,
            began: None,
            not_before: None,
            blocked: false,
        }
    }
}

/// The job that a worker has, or is about to have.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Assignment {
    pub(super) kind: JobKind,
    /// The handoff on whose behalf, and the address that retires.
    pub(super) handoff: Option<(HandoffId, Option<SocketAddr>)>,
    pub(super) to: Endpoint,
    pub(super) permit: Option<Permit>,
    /// Whether it is one of the few that show whether the place takes anybody.
    pub(super) probe: bool,
    /// It is to end soon: a caller waits for what it holds up.
    pub(super) interrupted: bool,
    pub(super) offered_at: Instant,
}

/// The state of one entry.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum EntryState {
    /// No link, no job.
    Vacant,
    /// No link, but a job.
    Filling(Assignment),
    /// A link, and nothing to do.
    Steady(Live),
    /// A link that is to be replaced, and no job yet.
    Marked(Live, PendingMove),
    /// A link that serves while a job prepares another.
    Handing(Live, PendingMove, Assignment),
}

/// The state of one entry, by name.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Phase {
    /// No link, no job.
    Vacant,
    /// No link, but a job.
    Filling,
    /// A link, and nothing to do.
    Steady,
    /// A link that is to be replaced, and no job yet.
    Marked,
    /// A link that serves while a job prepares another.
    Handing,
}

impl EntryState {
    /// The state's name.
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Vacant => Phase::Vacant,
            Self::Filling(_) => Phase::Filling,
            Self::Steady(_) => Phase::Steady,
            Self::Marked(..) => Phase::Marked,
            Self::Handing(..) => Phase::Handing,
        }
    }

    /// The link that serves.
    pub(super) fn live(&self) -> Option<&Live> {
        match self {
            Self::Vacant | Self::Filling(_) => None,
            Self::Steady(live) | Self::Marked(live, _) | Self::Handing(live, ..) => Some(live),
        }
    }

    /// The link that serves.
    pub(super) fn live_mut(&mut self) -> Option<&mut Live> {
        match self {
            Self::Vacant | Self::Filling(_) => None,
            Self::Steady(live) | Self::Marked(live, _) | Self::Handing(live, ..) => Some(live),
        }
    }

    /// Why it is to move.
    pub(super) fn pending(&self) -> Option<&PendingMove> {
        match self {
            Self::Marked(_, pending) | Self::Handing(_, pending, _) => Some(pending),
            _ => None,
        }
    }

    /// Whether it is to move for this handoff.
    pub(super) fn is_marked_for(&self, id: HandoffId) -> bool {
        self.pending().is_some_and(|pending| pending.handoff == id)
    }

    /// Why it is to move, and cannot be moving yet.
    pub(super) fn pending_mut(&mut self) -> Option<&mut PendingMove> {
        match self {
            Self::Marked(_, pending) | Self::Handing(_, pending, _) => Some(pending),
            _ => None,
        }
    }

    /// The job under way.
    pub(super) fn assignment(&self) -> Option<&Assignment> {
        match self {
            Self::Filling(job) | Self::Handing(_, _, job) => Some(job),
            _ => None,
        }
    }

    /// The job under way.
    pub(super) fn assignment_mut(&mut self) -> Option<&mut Assignment> {
        match self {
            Self::Filling(job) | Self::Handing(_, _, job) => Some(job),
            _ => None,
        }
    }

    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Vacant)
    }

    /// A link serves from now on. Returns what it replaced and the job that brought it.
    pub(super) fn handle_up(
        &mut self,
        live: Live,
    ) -> (Option<Live>, Option<PendingMove>, Option<Assignment>) {
        let before = std::mem::replace(self, Self::Steady(live));
        match before {
            Self::Vacant => (None, None, None),
            Self::Filling(job) => (None, None, Some(job)),
            Self::Steady(old) => (Some(old), None, None),
            Self::Marked(old, pending) => (Some(old), Some(pending), None),
            Self::Handing(old, pending, job) => (Some(old), Some(pending), Some(job)),
        }
    }

    /// The link that serves has ended.
    pub(super) fn handle_down(&mut self) {
        *self = match self.take() {
            Self::Handing(_, _, job) | Self::Filling(job) => Self::Filling(job),
            Self::Vacant | Self::Steady(_) | Self::Marked(..) => Self::Vacant,
        };
    }

    /// The link that serves is to be replaced. A job under way goes on.
    pub(super) fn mark_for(&mut self, pending: PendingMove) {
        *self = match self.take() {
            Self::Steady(live) | Self::Marked(live, _) => Self::Marked(live, pending),
            Self::Handing(live, _, job) => Self::Handing(live, pending, job),
            other @ (Self::Vacant | Self::Filling(_)) => other,
        };
    }

    /// The link that serves is to stay after all. A job under way goes on.
    pub(super) fn unmark(&mut self) {
        *self = match self.take() {
            Self::Marked(live, _) => Self::Steady(live),
            other => other,
        };
    }

    /// A job is offered. False: none can be taken.
    pub(super) fn assign(&mut self, job: Assignment) -> bool {
        match self.take() {
            Self::Vacant => *self = Self::Filling(job),
            Self::Marked(live, mut pending) => {
                pending.began.get_or_insert(job.offered_at);
                *self = Self::Handing(live, pending, job);
            }
            other => {
                *self = other;
                return false;
            }
        }
        true
    }

    /// The job ended without a link.
    pub(super) fn settle(&mut self) -> Option<Assignment> {
        let (state, job) = match self.take() {
            Self::Filling(job) => (Self::Vacant, Some(job)),
            Self::Handing(live, pending, job) => (Self::Marked(live, pending), Some(job)),
            other => (other, None),
        };
        *self = state;
        job
    }
}

#[cfg(test)]
mod tests;
