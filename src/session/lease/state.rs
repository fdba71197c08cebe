//! What the connection of a lease has that others do not, and what follows: whether the lease may move, what
//! another connection is given, and what is taken back in the end. Pure: sends nothing, knows no connection.
//!
//! ```text
//!             WATCH                 MULTI
//!   nothing ────────> watching ───────────> queueing ──EXEC, DISCARD──> nothing
//!                        |                     |
//!                        | the connection ends, or is about to
//!                        v                     v
//!                       lost ──EXEC is refused, unsent──> nothing
//! ```

use super::effect::{Effect, Setting};
use crate::error::CloseReason;

/// A part of the state that ends with its connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Part {
    /// It is not there.
    #[default]
    No,
    /// The connection has it.
    On,
    /// The connection that had it has ended, and the user does not know yet.
    Lost,
}

/// The state of a lease.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LeaseState<C> {
    /// Keys are watched on this connection.
    watches: bool,
    /// Keys were watched on one that has ended, and the user relies on it.
    watch_lost: bool,
    queue: Part,
    /// What another connection can be given: the last command for each.
    settings: Vec<(Setting, C)>,
    /// Something that no other connection can be given.
    other: Part,
}

/// What is to be done with a connection that its lease gives back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Return {
    /// It is as it was.
    Clean,
    /// It is as it was after these, if each succeeds.
    Undo(Vec<Undo>),
    /// Nobody else may have it.
    Destroy,
}

/// How a part of the state is taken back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Undo {
    Discard,
    Setting(Setting),
    Unwatch,
}

impl<C> LeaseState<C> {
    /// Nothing is changed.
    pub(super) fn new() -> Self {
        Self {
            watches: false,
            watch_lost: false,
            queue: Part::No,
            settings: Vec::new(),
            other: Part::No,
        }
    }

    /// Whether the lease must stay on its connection.
    pub(super) fn stays(&self) -> bool {
        self.watches || [self.queue, self.other].contains(&Part::On)
    }

    /// Whether the server queues what is sent.
    pub(super) fn is_queueing(&self) -> bool {
        self.queue == Part::On
    }

    /// Whether the next EXEC depends on what was sent before, so that none may come in between.
    pub(super) fn is_in_transaction(&self) -> bool {
        self.watches || self.is_queueing()
    }

    /// What another connection is given before anything else.
    pub(super) fn settings(&self) -> impl Iterator<Item = &C> {
        self.settings.iter().map(|(_, command)| command)
    }

    /// Whether a command may be sent. `ends_soon`: the connection is about to be closed, so that what is not
    /// executed by now may never be.
    ///
    /// # Errors
    ///
    /// It may not, for this reason; what was lost is forgotten by that, because the user knows it now.
    pub(super) fn admit(&mut self, effect: Effect, ends_soon: bool) -> Result<(), CloseReason> {
        if self.other == Part::Lost {
            return Err(CloseReason::StateLost);
        }
        let ends = matches!(effect, Effect::Exec | Effect::Discard);
        if self.queue == Part::Lost {
            // Whatever comes before EXEC belongs to the transaction, and would be executed by itself.
            if ends {
                self.end_transaction();
            }
            return Err(CloseReason::StateLost);
        }
        let is_lost = self.watch_lost || ends_soon && self.watches && self.queue == Part::No;
        if is_lost && matches!(effect, Effect::Exec | Effect::Multi) {
            self.end_transaction();
            return Err(CloseReason::WatchLost);
        }
        Ok(())
    }

    /// The server has replied to a command that was admitted. `is_error`: with an error. `command`: makes what
    /// another connection is given.
    pub(super) fn note(&mut self, effect: Effect, is_error: bool, command: impl FnOnce() -> C) {
        match effect {
            Effect::None => {}
            // Without a MULTI it is an error, and changes nothing.
            Effect::Exec if is_error && self.queue != Part::On => {}
            // Whatever else EXEC replies, the transaction is over, and nothing is watched.
            Effect::Exec => self.end_transaction(),
            // What the server refuses has changed nothing, as far as anybody knows.
            Effect::Stays => self.other = Part::On,
            _ if is_error => {}
            Effect::Discard => self.end_transaction(),
            Effect::Multi => self.queue = Part::On,
            Effect::Sets { .. } if self.queue == Part::On => {
                // It takes effect with EXEC, or not at all.
                self.other = Part::On;
            }
            Effect::Sets { setting, is_base } => {
                self.settings.retain(|(set, _)| *set != setting);
                if !is_base {
                    self.settings.push((setting, command()));
                }
            }
            Effect::Unwatch if self.queue == Part::No => self.end_transaction(),
            // Queued: EXEC ends the watch anyway.
            Effect::Unwatch => {}
            // A key that is watched now does not make up for one that is watched no longer.
            Effect::Watch => self.watches = true,
        }
    }

    /// A command has no reply, and its connection is no more. `may_have_run`: nobody knows whether it was executed.
    pub(super) fn note_unanswered(&mut self, effect: Effect, may_have_run: bool) {
        match effect {
            // Its user was told, and what comes next belongs to no transaction. One that was not sent may be sent
            // again, and must not be executed then.
            Effect::Exec if may_have_run => self.end_transaction(),
            // With the connection all of it is over, which is what these are for.
            Effect::Discard => self.end_transaction(),
            Effect::Unwatch if self.queue == Part::No => self.end_transaction(),
            _ => {}
        }
    }

    /// The user begins again, and relies on nothing that was watched on a connection that has ended.
    pub(super) fn forget_lost_watch(&mut self) {
        self.watch_lost = false;
    }

    fn end_transaction(&mut self) {
        (self.watches, self.watch_lost) = (false, false);
        self.queue = Part::No;
    }

    /// The connection has ended, or the lease has left it.
    pub(super) fn lose(&mut self) {
        self.watch_lost |= std::mem::take(&mut self.watches);
        for part in [&mut self.queue, &mut self.other] {
            if *part == Part::On {
                *part = Part::Lost;
            }
        }
    }

    /// What is to be done with the connection when the lease ends.
    pub(super) fn at_return(&self) -> Return {
        if self.other == Part::On {
            return Return::Destroy;
        }
        let mut undo = Vec::new();
        if self.queue == Part::On {
            undo.push(Undo::Discard);
        } else if self.watches {
            undo.push(Undo::Unwatch);
        }
        undo.extend(self.settings.iter().map(|(set, _)| Undo::Setting(*set)));
        if undo.is_empty() {
            Return::Clean
        } else {
            Return::Undo(undo)
        }
    }
}

#[cfg(test)]
mod tests;
