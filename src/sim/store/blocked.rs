//! Commands that wait for a list or a stream to grow. Nobody sleeps here: whoever makes it grow answers
//! those who wait for it, in the order in which they came.

use super::streams::Reading;
use super::{Keyspace, List, ListEnd, Store};
use crate::protocol::{Items, Protocol, ServerError, Value};
use crate::sim::answer::{Answer, error};
use crate::sim::peer::Peer;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// What a blocked command wants from the first key that has something.
#[derive(Clone, Debug)]
pub(in crate::sim) enum Want {
    /// `BLMOVE`: the element goes onto another list and is the answer.
    Move {
        from: ListEnd,
        destination: Vec<u8>,
        to: ListEnd,
    },
    /// `BLPOP` and `BRPOP`: the answer is the key and the element.
    Pop(ListEnd),
    /// `XREAD` and `XREADGROUP`: the answer is the entries.
    Read(Arc<Reading>),
}

/// Why a blocked command ends without an element.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sim) enum Outcast {
    /// `CLIENT UNBLOCK .. ERROR`.
    Error,
    /// Its time is over, or `CLIENT UNBLOCK .. TIMEOUT`.
    Timeout,
}

/// A connection whose command waits for an element.
#[derive(Debug)]
struct Waiting {
    /// Who is answered.
    peer: Arc<Peer>,
    /// The database that it had chosen when it began to wait.
    db: usize,
    /// In the order in which they are looked at.
    keys: Vec<Vec<u8>>,
    /// What it takes, and from which end.
    want: Want,
    /// The client does not want the answer.
    quiet: bool,
    /// When its time is over.
    until: Option<Instant>,
}

/// All blocked commands.
///
/// Invariant: a peer is in the queue of each of its keys, and its end in `ends`, exactly while it is in
/// `waiting`.
#[derive(Debug, Default)]
pub(super) struct Blocked {
    /// By connection.
    waiting: HashMap<u64, Waiting>,
    /// Who waits for a key, the longest first.
    queues: HashMap<(usize, Vec<u8>), VecDeque<u64>>,
    /// The ends of the waits that end by themselves, with their peers.
    ends: BTreeSet<(Instant, u64)>,
}

impl Blocked {
    /// Forgets a connection that waits, in every index; `None` if it does not wait any more, because
    /// somebody else has answered it.
    pub(super) fn remove(&mut self, peer: u64) -> Option<(Arc<Peer>, bool)> {
        let waiting = self.waiting.remove(&peer)?;
        if let Some(until) = waiting.until {
            self.ends.remove(&(until, peer));
        }
        for key in waiting.keys {
            let place = (waiting.db, key);
            if let Some(queue) = self.queues.get_mut(&place) {
                queue.retain(|&id| id != peer);
                if queue.is_empty() {
                    self.queues.remove(&place);
                }
            }
        }
        Some((waiting.peer, waiting.quiet))
    }
}

impl Want {
    /// Takes what is wanted from the first key that has it, or from all of them for one who reads.
    ///
    /// In the database of the one who waits, which may not be that of the one who pushes.
    fn take(
        &self,
        keys: &mut Keyspace<'_>,
        names: &[Vec<u8>],
    ) -> Result<Option<Value>, ServerError> {
        let bulk = Value::Bulk;
        for key in names {
            let found = match self {
                Self::Read(reading) => return reading.take(keys),
                Self::Pop(end) => keys
                    .pop(key, *end)?
                    .map(|element| Value::Array(Items(vec![bulk(key.clone()), bulk(element)]))),
                Self::Move {
                    from,
                    destination,
                    to,
                } => keys.shift((key, *from), (destination, *to))?.map(bulk),
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// What the command answers when its time is over.
    pub(in crate::sim) fn nothing(&self) -> Answer {
        match self {
            Self::Move { .. } => Value::Nil.into(),
            Self::Pop(_) | Self::Read(_) => Answer::NilArray,
        }
    }

    /// Whether somebody who waits is to look again, now that this key has changed.
    fn concerns(&self, keys: &mut Keyspace<'_>, key: &[u8]) -> bool {
        // A server keeps apart who waits for which type: a stream under the key of a BLPOP is no error, as long
        // as the command does not run again for another key.
        match self {
            Self::Move { .. } | Self::Pop(_) => matches!(keys.find::<List>(key), Ok(Some(_))),
            // A group ends with its stream, which only its readers are told.
            Self::Read(reading) => reading.of_group() || keys.holds_stream(key),
        }
    }
}

impl Store {
    /// Tries a blocking command without blocking.
    pub(in crate::sim) fn take_now(
        &mut self,
        db: usize,
        keys: &[Vec<u8>],
        want: &Want,
        now: Instant,
    ) -> Result<Option<Value>, ServerError> {
        want.take(&mut self.keyspace(db, now, false), keys)
    }

    /// Blocks a peer on some lists, for ever or until its time is over; `quiet` if it wants no answer.
    pub(in crate::sim) fn block(
        &mut self,
        peer: &Arc<Peer>,
        db: usize,
        keys: &[Vec<u8>],
        want: Want,
        until: Option<Instant>,
        quiet: bool,
    ) {
        for key in keys {
            let queue = self.blocked.queues.entry((db, key.clone())).or_default();
            // BLPOP with the same key twice stands in its queue once.
            if !queue.contains(&peer.id) {
                queue.push_back(peer.id);
            }
        }
        if let Some(until) = until {
            self.blocked.ends.insert((until, peer.id));
        }
        // Before anybody else can take the store's lock: a push that follows finds it waiting.
        peer.set_blocked(true);
        let waiting = Waiting {
            peer: Arc::clone(peer),
            db,
            keys: keys.to_vec(),
            want,
            quiet,
            until,
        };
        self.blocked.waiting.insert(peer.id, waiting);
    }

    /// How many commands wait.
    pub(in crate::sim) fn blocked_count(&self) -> usize {
        self.blocked.waiting.len()
    }

    /// When the first wait is over that ends by itself, and whose it is.
    pub(super) fn first_timeout(&self) -> Option<(Instant, u64)> {
        self.blocked.ends.first().copied()
    }

    /// Ends a wait without an element. False if there was none.
    pub(in crate::sim) fn unblock(&mut self, peer: u64, why: Outcast) -> bool {
        let Some(waiting) = self.blocked.waiting.get(&peer) else {
            return false;
        };
        let answer = match why {
            Outcast::Error => {
                let refusal = error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
                Value::Error(refusal).into()
            }
            Outcast::Timeout => waiting.want.nothing(),
        };
        self.release(peer, &answer);
        true
    }

    /// Answers a connection that waited, and lets its thread go on. The caller holds the lock of the store,
    /// so that no other command comes between.
    fn release(&mut self, peer: u64, answer: &Answer) {
        if let Some((peer, quiet)) = self.blocked.remove(peer) {
            // CLIENT REPLY holds for a reply that comes later, too.
            if !quiet {
                peer.answer(answer);
            }
            peer.set_blocked(false);
            self.flush.push(peer);
        }
    }

    /// Gives what has come to lists and streams to those who wait for it. `publisher`: whose command made them
    /// grow, 0 for nobody's.
    pub(in crate::sim) fn serve(&mut self, now: Instant, publisher: u64) {
        // Serving a move makes another list grow, so the list of keys may grow meanwhile.
        while let Some((db, key)) = self.grown.pop_front() {
            if self.blocked.waiting.is_empty() {
                continue;
            }
            let place = (db, key);
            // All at once: an entry of a stream is for each of them, and none comes to wait meanwhile.
            let queue = self.blocked.queues.get(&place);
            for first in queue.cloned().unwrap_or_default() {
                let Some(waiting) = self.blocked.waiting.get(&first) else {
                    continue;
                };
                if waiting.peer.gone() {
                    // Nothing is given to the dead, even before their thread has noticed.
                    self.blocked.remove(first);
                    continue;
                }
                let (want, names) = (waiting.want.clone(), waiting.keys.clone());
                let resp3 = waiting.peer.protocol() == Protocol::Resp3;
                // Each in its own protocol: a map of streams in RESP3, pairs in RESP2.
                let mut keys = self.keyspace(db, now, resp3);
                if !want.concerns(&mut keys, &place.1) {
                    continue;
                }
                // All of its keys, as servers do it since 7.2: the command runs once more.
                let answer = match want.take(&mut keys, &names) {
                    // Nothing is left for it: it waits on, in its place.
                    Ok(None) => continue,
                    Ok(Some(value)) => value,
                    // A group that is gone; or another of its keys has become another type meanwhile.
                    Err(refusal) => Value::Error(refusal),
                };
                self.release(first, &answer.into());
                self.publish_notes(publisher);
            }
        }
    }
}
