//! How one command that blocks on the server is told to stop: when `CLIENT UNBLOCK` is sent for it, and what its
//! caller may conclude. Sends nothing, waits for nothing, and reads no clock.
//!
//! ```text
//!            send                  ask                 answered 1
//!   Away ───────────> Waiting ───────────────> Asked ─────────────> Freed
//!    ^                   ^                      │ │                   │
//!    │                   └── 0, lost, not sent ─┘ └─ refused ─> Refused
//!    │                                                                │
//!    └──── the caller has its reply, and no UNBLOCK is under way ─────┘
//! ```
//!
//! `Asked` is left before the caller leaves: an UNBLOCK that comes late would end whatever the connection is asked
//! next. Where its answer never comes, the connection is used up.
//!
//! Of several commands that block one behind the other, `Freed` is `Waiting` again.
//!
//! A 0 says that the server blocks nothing on that connection: either the reply is on its way, or the command has
//! not arrived yet. So it is asked again as long as the caller waits.

use std::time::{Duration, Instant};

/// A command that is cancelled and still has no reply after this loses its connection. As long as commands have by
/// default: a server or a machine that is busy for a moment is no reason to lose what it may have taken.
pub(crate) const BOUND: Duration = Duration::from_secs(5);
/// The first pause after an UNBLOCK that came to nothing; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest.
const MOST_PAUSE: Duration = Duration::from_millis(250);

/// What became of an UNBLOCK.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// The command was ended: its `-UNBLOCKED` comes.
    Freed,
    /// Nothing was blocked.
    NotBlocked,
    /// It will never be carried out, for this reason.
    Refused(String),
    /// Nobody knows whether it was carried out, or will be.
    Lost,
    /// It was not sent.
    NotSent,
}

/// What is to be done about a command now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Send an UNBLOCK, and say what became of it.
    Ask,
    /// End the connection: the time for a cancelled command is over.
    End,
    /// Look again then, or when something has happened.
    Wait(Option<Instant>),
}

/// What the caller may conclude once it has its reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Conclusion {
    /// An `-UNBLOCKED` is the answer to an UNBLOCK of ours.
    pub(crate) is_ours: bool,
    /// An UNBLOCK may still arrive: the connection must take no other command.
    pub(crate) is_used_up: bool,
    /// Why the command could not be unblocked.
    pub(crate) refusal: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
enum Phase {
    #[default]
    Away,
    Waiting,
    Asked,
    Freed,
    Refused,
}

/// What is known of one command that blocks.
#[derive(Debug, Default)]
pub(crate) struct Unblocking {
    phase: Phase,
    /// Several commands that may block, one behind the other.
    is_several: bool,
    /// How many UNBLOCKs have come to nothing on this connection.
    misses: u32,
    retry_at: Option<Instant>,
    cancelled_at: Option<Instant>,
    is_ours: bool,
    is_used_up: bool,
    refusal: Option<String>,
}

impl Unblocking {
    /// Of several commands that may block, one behind the other: where one is ended the next may block.
    pub(crate) fn of_several() -> Self {
        Self {
            is_several: true,
            ..Self::default()
        }
    }

    /// The command goes to a connection. By its caller, before the first byte.
    pub(crate) fn send(&mut self) {
        *self = Self {
            phase: Phase::Waiting,
            is_several: self.is_several,
            cancelled_at: self.cancelled_at,
            ..Self::default()
        };
    }

    /// The command is cancelled, for good.
    pub(crate) fn cancel(&mut self, now: Instant) {
        if self.cancelled_at.is_some() {
            return;
        }
        self.cancelled_at = Some(now);
        // What stays where it is when that moves was refused by the client, and not by the server: that is asked.
        if self.phase == Phase::Refused {
            self.phase = Phase::Waiting;
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled_at.is_some()
    }

    /// Whether a way to its server may still be of use.
    pub(crate) fn may_ask(&self) -> bool {
        matches!(self.phase, Phase::Waiting | Phase::Asked)
    }

    /// What is to be done at `now`. `is_moved`: the connection was replaced, or its server is about to close it.
    /// `at_once`: a way to the server is there, and no pause is kept.
    pub(crate) fn step(&mut self, now: Instant, is_moved: bool, at_once: bool) -> Step {
        let bound = self.cancelled_at.and_then(|at| at.checked_add(BOUND));
        // Before all else: what its caller has left must not be ended, and its connection may serve another.
        if self.phase == Phase::Away {
            return Step::Wait(None);
        }
        if let Some(bound) = bound {
            if bound <= now || self.phase == Phase::Refused {
                return Step::End;
            }
        }
        if self.phase != Phase::Waiting || !(is_moved || bound.is_some()) {
            return Step::Wait(bound);
        }
        match self.retry_at.filter(|at| *at > now && !at_once) {
            Some(at) => Step::Wait(bound.map_or(Some(at), |bound| Some(at.min(bound)))),
            None => {
                self.phase = Phase::Asked;
                Step::Ask
            }
        }
    }

    /// What became of the UNBLOCK that [`step`](Self::step) asked for.
    pub(crate) fn answer(&mut self, now: Instant, answer: Answer) {
        // Its caller has given up waiting for this.
        if self.phase != Phase::Asked {
            return;
        }
        self.phase = Phase::Waiting;
        self.refusal = None;
        match answer {
            Answer::Freed => {
                self.is_ours = true;
                if !self.is_several {
                    self.phase = Phase::Freed;
                    return;
                }
                // The next one is at the server by now, or all are done.
                self.misses = 0;
            }
            Answer::Refused(why) => {
                self.refusal = Some(why);
                self.phase = Phase::Refused;
                return;
            }
            // It may be carried out now or never, so that an `-UNBLOCKED` must count as an answer to it.
            Answer::Lost => {
                self.is_ours = true;
                self.is_used_up = true;
            }
            // The command may be on its way still, or its reply is: the caller tells which by its own end.
            Answer::NotBlocked => {}
            Answer::NotSent => {
                let why = "it could not be sent, because no other connection leads to that server";
                self.refusal = Some(why.to_owned());
            }
        }
        // A command is at its server within a round trip, so that the first pauses are short.
        let pause = FIRST_PAUSE.saturating_mul(1 << self.misses.min(10));
        self.misses = self.misses.saturating_add(1);
        self.retry_at = now.checked_add(pause.min(MOST_PAUSE));
    }

    /// The caller has its reply, or its connection has ended. `None`: an UNBLOCK is under way, whose answer the
    /// caller has to wait for.
    pub(crate) fn conclude(&mut self) -> Option<Conclusion> {
        if self.phase == Phase::Asked {
            return None;
        }
        self.phase = Phase::Away;
        Some(Conclusion {
            is_ours: self.is_ours,
            is_used_up: self.is_used_up,
            refusal: self.refusal.take(),
        })
    }

    /// As [`conclude`](Self::conclude), by a caller who waits no longer.
    pub(crate) fn conclude_now(&mut self) -> Conclusion {
        let conclusion = self.conclude();
        self.phase = Phase::Away;
        conclusion.unwrap_or_else(|| Conclusion {
            is_ours: true,
            is_used_up: true,
            refusal: self.refusal.take(),
        })
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests;
