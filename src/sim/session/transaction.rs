//! `MULTI`, `EXEC`, `WATCH`. A transaction is executed in one go under the store's lock. Nothing is undone: a
//! command that fails in `EXEC` leaves the others as they are, as on a server.

use super::{Session, full_name};
use crate::protocol::Value;
use crate::sim::answer::{Answer, Outcome, array, okay, refuse};
use crate::sim::clock;
use crate::sim::store::{Spec, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The transaction of one connection, begun or not.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// `None` outside of `MULTI`.
    queued: Option<Vec<(Spec, Vec<Vec<u8>>)>>,
    /// A command was refused while queueing: `EXEC` will refuse them all.
    spoiled: bool,
    /// Database and key of each watch.
    watching: Vec<(usize, Vec<u8>)>,
    /// Set by whoever changes a watched key.
    dirty: Arc<AtomicBool>,
}

impl Transaction {
    /// Whether a command of this name is to be queued.
    pub(super) fn queues(&self, name: &str) -> bool {
        self.queued.is_some()
            && !matches!(
                name,
                "discard" | "exec" | "multi" | "quit" | "reset" | "watch"
            )
    }

    /// Keeps a command for `EXEC`.
    pub(super) fn queue(&mut self, spec: &Spec, args: &[Vec<u8>]) {
        if let Some(queued) = &mut self.queued {
            queued.push((*spec, args.to_vec()));
        }
    }

    /// Notes that a command was refused.
    pub(super) fn spoil(&mut self) {
        // Outside of a transaction there is nothing to spoil.
        self.spoiled = self.queued.is_some();
    }

    /// Forgets all watches.
    fn unwatch(&mut self, store: &mut Store, peer: u64) {
        if !self.watching.is_empty() {
            store.unwatch(peer);
            self.watching.clear();
        }
        // A new flag: watches of the old one may still be in somebody's hands.
        self.dirty = Arc::default();
    }
}

impl Session {
    /// `MULTI`: commands are queued from here on. A second one is refused, and the first goes on.
    pub(super) fn multi(&mut self) -> Outcome {
        if self.transaction.queued.is_some() {
            return refuse("ERR MULTI calls can not be nested");
        }
        self.transaction.queued = Some(Vec::new());
        self.transaction.spoiled = false;
        okay()
    }

    /// `DISCARD`: forgets the queue and all watches.
    pub(super) fn discard(&mut self, store: &mut Store) -> Outcome {
        if self.transaction.queued.take().is_none() {
            return refuse("ERR DISCARD without MULTI");
        }
        self.transaction.spoiled = false;
        self.unwatch(store);
        okay()
    }

    /// `WATCH key ...`: any later write to one of the keys fails the next `EXEC`, one by this connection included.
    pub(super) fn watch(&mut self, store: &mut Store, args: &[Vec<u8>]) -> Outcome {
        if self.transaction.queued.is_some() {
            return refuse("ERR WATCH inside MULTI is not allowed");
        }
        for key in &args[1..] {
            // A key that has expired is removed first, so that its removal is not seen as a change.
            store.keyspace(self.db, clock::now(), false).exists(key);
            store.watch(self.db, key, self.peer.id, &self.transaction.dirty);
            self.transaction.watching.push((self.db, key.clone()));
        }
        self.world.news.changed();
        okay()
    }

    /// `UNWATCH`, and what `EXEC` and `DISCARD` end.
    pub(super) fn unwatch(&mut self, store: &mut Store) {
        self.transaction.unwatch(store, self.peer.id);
        // Whoever waits for the watches to end looks again, whatever is recorded of commands.
        self.world.news.changed();
    }

    /// `EXEC`: the replies of all, nil if a watched key has changed, or an error if one of the commands was
    /// refused when it was queued.
    pub(super) fn exec(&mut self, store: &mut Store) -> Outcome {
        let Some(queued) = self.transaction.queued.take() else {
            return refuse("ERR EXEC without MULTI");
        };
        for (db, key) in &self.transaction.watching {
            // Looking at a key removes it if it has expired meanwhile, which counts as a change.
            store.keyspace(*db, clock::now(), false).exists(key);
        }
        let changed = self.transaction.dirty.load(Ordering::Relaxed);
        let spoiled = std::mem::take(&mut self.transaction.spoiled);
        self.unwatch(store);
        // Before the look at the watches, in a server's order: EXECABORT wins over nil.
        if spoiled {
            return refuse("EXECABORT Transaction discarded because of previous errors.");
        }
        if changed {
            return Ok(Answer::NilArray);
        }
        let mut replies = Vec::with_capacity(queued.len());
        for (spec, args) in queued {
            self.peer.note(
                self.world.settings.record,
                &full_name(Some(&spec), &args),
                &args,
            );
            // The store's lock is held over all of them: nobody comes in between.
            let answer = self.run(store, &spec, &args, false);
            replies.push(match answer {
                Ok(Answer::Value(value)) => value,
                Ok(Answer::NilArray | Answer::Silent) => Value::Nil,
                Err(refusal) => Value::Error(refusal),
            });
        }
        array(replies)
    }
}
