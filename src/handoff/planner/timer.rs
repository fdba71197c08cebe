//! What the planner waits for. Holds no instant but the soonest while one is asked for: each room knows its own.
//!
//! The list is closed, and both who asks for the next instant and who handles what is due match on all of it.
//! So a new timer that is forgotten in either place does not compile.

use std::time::Instant;

/// The soonest of many instants, of those that lie ahead.
pub(super) struct Soonest {
    now: Instant,
    at: Option<Instant>,
}

impl Soonest {
    /// None so far.
    pub(super) fn after(now: Instant) -> Self {
        Self { now, at: None }
    }

    /// One of them, if it is known.
    pub(super) fn note(&mut self, at: Option<Instant>) {
        let ahead = at.filter(|at| *at > self.now);
        self.at = match (self.at, ahead) {
            (Some(known), Some(at)) => Some(known.min(at)),
            (known, ahead) => known.or(ahead),
        };
    }

    pub(super) fn get(&self) -> Option<Instant> {
        self.at
    }
}

/// Defines [`Timer`] and the list of its kinds from one list, so that neither lacks what the other has.
macro_rules! timers {
    ($($(#[$doc:meta])* $kind:ident,)+) => {
        /// What the planner waits for, in the order in which what is due is handled.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub(super) enum Timer {
            $($(#[$doc])* $kind,)+
        }

        impl Timer {
            /// Every kind, in the order of handling.
            pub(super) const ALL: &[Self] = &[$(Self::$kind,)+];
        }
    };
}

timers! {
    /// When to offer jobs again to a queue that was full.
    Queue,
    /// When a handoff begins, tries again, or reaches half of its time, its last chance or its end.
    Handoff,
    /// When to say that a link is about to be closed by its server.
    LastCall,
    /// When to ask a replaced link to end, and when to end it whatever it still waits for.
    Draining,
    /// When to ask the resolver what the configured name leads to.
    Lookup,
    /// When to ask since when nobody has used a dedicated entry.
    Idle,
    /// When to look again for a server that takes writes.
    Search,
    /// When to dial for a vacant entry whose pause is over.
    Fill,
    /// When to offer a move: the pause or the rest of the entry is over, or a probe has been out for so long
    /// that another may go beside it.
    Move,
    /// When to interrupt a move that holds up a caller who waits.
    Interrupt,
}
