//! What a connection still accepts, and how it ends.
//!
//! ```text
//!            retire                 last reply, no lease holds it, and it is not kept
//!   Open ------------> Draining ------------------+
//!    |                    |                       v
//!    |  nothing arrives   |  nothing arrives    Ended
//!    +--------------> Condemned ----------------->^
//!    |                    nobody waits any more   |
//!    +--------------------------------------------+
//!                     end (any phase)
//! ```

use super::{InFlight, Outcome};
use crate::error::CloseReason;
use crate::link::EndReason;
use std::mem;

/// What a connection still accepts.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    /// A command or a probe timed out and nothing has arrived since it was sent: the connection may be dead,
    /// so that nothing new may be asked.
    Condemned,
    /// Replaced: answers what was asked before, accepts nothing new.
    Draining,
    /// Ended, for this reason: accepts nothing, and whoever waited was told.
    Ended(EndReason),
    /// Accepts every command.
    Open,
}

impl<C: Clone + PartialEq> InFlight<C> {
    /// Why it ended.
    pub(crate) fn end_reason(&self) -> EndReason {
        match &self.phase {
            Phase::Ended(reason) => reason.clone(),
            _ => EndReason::EndOfStream,
        }
    }

    /// Why it takes no new request.
    pub(crate) fn refusal(&self) -> EndReason {
        match &self.phase {
            Phase::Condemned => EndReason::Closed(CloseReason::Condemned),
            Phase::Draining => EndReason::Closed(CloseReason::Drained),
            Phase::Ended(_) | Phase::Open => self.end_reason(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    pub(crate) fn is_draining(&self) -> bool {
        matches!(self.phase, Phase::Draining)
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// Accepts nothing new from now on, and ends when nobody waits any more: a reply is overdue, and nothing
    /// else has arrived.
    pub(crate) fn condemn(&mut self) {
        // Also from draining: a replaced link that has gone silent need not be waited for.
        if !self.has_ended() {
            self.phase = Phase::Condemned;
        }
    }

    /// Accepts nothing new from now on; answers what was asked.
    pub(crate) fn retire(&mut self) {
        // Not from condemned, which ends sooner: it waits for callers only, not for every reply.
        if self.is_open() {
            self.phase = Phase::Draining;
        }
    }

    /// Reserves the connection for a lease, whose requests it takes even while it drains, until
    /// [`release`](Self::release) or the end. False: it takes no new request, or has a lease.
    pub(crate) fn hold(&mut self) -> bool {
        // A replaced link takes no lease: its holder would keep it from its end.
        let may = self.is_open() && !self.held;
        self.held |= may;
        may
    }

    /// The lease is over: a connection that drains may end.
    pub(crate) fn release(&mut self) {
        self.held = false;
    }

    /// Whether a lease holds the connection.
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Keeps the connection for requests of the client itself, which it takes even while it drains, until
    /// [`let_go`](Self::let_go) or the end.
    pub(crate) fn keep(&mut self) {
        self.kept = true;
    }

    /// The client has nothing more to ask on it: a connection that drains may end.
    pub(crate) fn let_go(&mut self) {
        self.kept = false;
    }

    /// Whether it is kept, and has not been let go.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }

    /// Whether it takes requests of the client itself.
    pub(crate) fn takes_internal(&self) -> bool {
        self.is_open() || self.kept && self.is_draining()
    }

    /// Why the connection may be closed now, if it may: it has no more to do.
    #[inline]
    pub(crate) fn is_finished(&self) -> Option<CloseReason> {
        match self.phase {
            // A writer may not have come back yet, but all that it wrote is answered.
            Phase::Draining if self.pending.is_empty() && !self.held && !self.kept => {
                Some(CloseReason::Drained)
            }
            // Replies that nobody waits for any more are not waited for: they may never come.
            Phase::Condemned if self.live == 0 => Some(CloseReason::Condemned),
            _ => None,
        }
    }

    /// Ends the connection and hands every caller its failure. Later calls do nothing.
    ///
    /// While a writer is in the socket only that writer can tell what has left: then the requests stay,
    /// and [`return_batch`](Self::return_batch), which follows without a wait, yields the failures.
    pub(crate) fn end(&mut self, reason: &EndReason) -> Vec<(C, Outcome)> {
        if self.has_ended() {
            return Vec::new();
        }
        // Before anything else: from here on no role can be taken.
        self.phase = Phase::Ended(reason.clone());
        self.unsent = Vec::new();
        self.spare = Vec::new();
        self.leftover = None;
        // A writer is in the socket, and only it knows how far it comes: the failures are left to it.
        if self.writing && self.paused.is_none() {
            return Vec::new();
        }
        self.fail_all()
    }

    #[cold]
    #[inline(never)]
    pub(super) fn fail_all(&mut self) -> Vec<(C, Outcome)> {
        self.live = 0;
        // A writer that paused has told how far it came; otherwise all that the socket was offered may have left.
        let offered = self.paused.unwrap_or(self.offered);
        let reason = self.end_reason();
        mem::take(&mut self.pending)
            .into_iter()
            .filter_map(|pending| pending.fail(offered, reason.clone()))
            .collect()
    }
}
