//! The embedded database: keys, values, watches, blocked commands, channels. Names no socket, and
//! waits for nothing: it answers, or it remembers who must be answered later.
//!
//! One lock (taken by the caller) makes each command atomic, and orders deliveries to subscribers
//! with the replies to commands.

mod blocked;
mod channels;
mod expiry;
mod facts;
mod hashes;
mod keys;
mod lists;
mod notify;
mod sets;
mod sorted;
mod streams;
mod strings;
mod table;

pub(super) use blocked::{Outcast, Want};
pub(super) use channels::Class;
pub(super) use facts::Facts;
pub(super) use lists::End as ListEnd;
pub(super) use streams::Read;
pub(super) use table::{Run, Spec, find};

use super::answer::wrong_type;
use super::peer::Peer;
use crate::protocol::{Push, ServerError};
use blocked::Blocked;
use channels::Channels;
use expiry::{Due, Expiries};
use notify::{Notes, Topic};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many databases `SELECT` may choose from.
pub(super) const DATABASES: usize = 16;

/// Ordered, so that two runs answer alike.
type Hash = BTreeMap<Vec<u8>, Vec<u8>>;
/// Both ends are open to pushes.
type List = VecDeque<Vec<u8>>;
/// Ordered, so that two runs answer alike.
type Set = BTreeSet<Vec<u8>>;
/// One database.
type Keys = HashMap<Vec<u8>, Entry>;
/// Who watches a key of which database; a write to it fails their `EXEC`.
type Watched = HashMap<(usize, Vec<u8>), Vec<Watch>>;

/// What a key holds.
#[derive(Debug)]
enum Content {
    /// Fields and values.
    Hash(Hash),
    /// Elements in order.
    List(List),
    /// Members without order.
    Set(Set),
    /// Members with a score.
    Sorted(sorted::Sorted),
    /// Entries, and the groups that read them.
    Stream(streams::Stream),
    /// Bytes, which commands may take for a number.
    Text(Vec<u8>),
}

/// A key's content and its end.
#[derive(Debug)]
struct Entry {
    content: Content,
    /// In milliseconds of the epoch.
    expires: Option<i64>,
}

/// Someone who wants to know whether a key changes.
#[derive(Debug)]
struct Watch {
    /// Who watches.
    peer: u64,
    /// Set by the first write to the key; read by `EXEC`.
    dirty: Arc<AtomicBool>,
}

/// The kinds of values, so that one function finds any of them.
trait Kind: Default {
    /// The content, if it is of this type.
    fn of(content: &mut Content) -> Option<&mut Self>;
    /// Content of this type, to be put under a key.
    fn into_content(self) -> Content;
}

macro_rules! kind {
    ($type:ty, $variant:ident) => {
        impl Kind for $type {
            fn of(content: &mut Content) -> Option<&mut Self> {
                match content {
                    Content::$variant(inner) => Some(inner),
                    _ => None,
                }
            }
            fn into_content(self) -> Content {
                Content::$variant(self)
            }
        }
    };
}
kind!(Hash, Hash);
kind!(List, List);
kind!(Set, Set);
kind!(sorted::Sorted, Sorted);
kind!(streams::Stream, Stream);
kind!(Vec<u8>, Text);

impl Content {
    /// What `TYPE` answers.
    fn name(&self) -> &'static str {
        match self {
            Self::Hash(_) => "hash",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Sorted(_) => "zset",
            Self::Stream(_) => "stream",
            Self::Text(_) => "string",
        }
    }

    /// Whether the last element is gone, and with it the key. An empty text is a value and stays.
    fn is_empty_collection(&self) -> bool {
        match self {
            Self::Hash(hash) => hash.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::Sorted(sorted) => sorted.len() == 0,
            // A stream stays without entries too: it has groups, and a number for the next one.
            Self::Stream(_) | Self::Text(_) => false,
        }
    }
}

/// All databases of one simulated deployment.
#[derive(Debug)]
pub(super) struct Store {
    /// By the number that `SELECT` takes.
    databases: Vec<Keys>,
    /// Which keys end when, in all databases.
    expiries: Expiries,
    /// Which keys are watched.
    watched: Watched,
    /// Who waits for an element or an entry.
    blocked: Blocked,
    /// Who listens to what.
    channels: Channels,
    /// Lists and streams that grew in the current command or transaction, and streams that went: `serve` looks
    /// for waiters on them.
    grown: VecDeque<(usize, Vec<u8>)>,
    /// What the running command has done to keys, for those who want to be told.
    notes: Notes,
    /// Messages of the running command to the connection that it came on.
    own: Vec<Push>,
    /// Peers whose outboxes were appended to under the lock; the caller flushes them after it.
    flush: Vec<Arc<Peer>>,
}

impl Store {
    /// An empty store, at this time by both clocks: the second is the time since the epoch.
    pub(super) fn new(now: Instant, since_epoch: Duration) -> Self {
        Self {
            databases: (0..DATABASES).map(|_| HashMap::new()).collect(),
            expiries: Expiries::new(now, since_epoch),
            watched: HashMap::new(),
            blocked: Blocked::default(),
            channels: Channels::default(),
            grown: VecDeque::new(),
            notes: Notes::default(),
            own: Vec::new(),
            flush: Vec::new(),
        }
    }

    /// The keys of one database, as commands see them at `now`.
    pub(super) fn keyspace(&mut self, db: usize, now: Instant, resp3: bool) -> Keyspace<'_> {
        Keyspace {
            now: self.expiries.at(now),
            due: &mut self.expiries.due,
            db,
            resp3,
            keys: &mut self.databases[db],
            watched: &mut self.watched,
            grown: &mut self.grown,
            notes: &mut self.notes,
            reads: false,
        }
    }

    /// The databases that hold something: their number, their keys, and how many of these expire.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let databases = self.databases.iter().enumerate();
        databases
            .filter(|(_, keys)| !keys.is_empty())
            .map(|(db, keys)| {
                let expiring = keys.values().filter(|entry| entry.expires.is_some());
                (db, keys.len(), expiring.count())
            })
    }

    /// Who has something new in the outbox since the last call.
    pub(super) fn take_flush(&mut self) -> Vec<Arc<Peer>> {
        mem::take(&mut self.flush)
    }

    /// `FLUSHALL`, and what a restart without persistence leaves.
    pub(super) fn flush_all(&mut self, now: Instant) {
        for db in 0..DATABASES {
            self.keyspace(db, now, false).clear();
        }
    }

    /// Starts to watch a key; `dirty` becomes true when it changes.
    pub(super) fn watch(&mut self, db: usize, key: &[u8], peer: u64, dirty: &Arc<AtomicBool>) {
        let watches = self.watched.entry((db, key.to_vec())).or_default();
        if !watches.iter().any(|w| w.peer == peer) {
            watches.push(Watch {
                peer,
                dirty: Arc::clone(dirty),
            });
        }
    }

    /// Who watches a key, in whatever database, each once.
    pub(super) fn watchers(&self, key: &[u8]) -> BTreeSet<u64> {
        let of_key = self.watched.iter().filter(|((_, name), _)| name == key);
        of_key
            .flat_map(|(_, watches)| watches.iter().map(|watch| watch.peer))
            .collect()
    }

    /// Ends all watches of a peer.
    pub(super) fn unwatch(&mut self, peer: u64) {
        self.watched.retain(|_, watches| {
            watches.retain(|w| w.peer != peer);
            !watches.is_empty()
        });
    }

    /// Forgets a peer whose connection has ended.
    pub(super) fn forget(&mut self, peer: u64) {
        self.unwatch(peer);
        self.channels.forget(peer);
        self.blocked.remove(peer);
    }
}

/// The keys of one database during one command.
#[derive(Debug)]
pub(super) struct Keyspace<'a> {
    db: usize,
    /// The keys of this database.
    keys: &'a mut Keys,
    watched: &'a mut Watched,
    /// Keys to which elements came; those who wait for them are served when the command is over.
    grown: &'a mut VecDeque<(usize, Vec<u8>)>,
    /// What is told of keys.
    notes: &'a mut Notes,
    /// The command only reads, and a key that it does not find is told.
    reads: bool,
    /// Ends of keys.
    due: &'a mut Due,
    /// Whether the asking connection speaks RESP3: some commands nest their replies then.
    resp3: bool,
    /// In milliseconds of the epoch.
    now: i64,
}

impl Keyspace<'_> {
    /// The entry of a key that has not expired.
    fn entry(&mut self, key: &[u8]) -> Option<&mut Entry> {
        // The tick may be late on a busy machine. A command must not see a key whose time is over all
        // the same.
        let found = self.keys.get(key);
        let expired = found.is_some_and(|entry| entry.expires.is_some_and(|at| at < self.now));
        if expired {
            self.lapse(key);
        } else if found.is_some() {
            return self.keys.get_mut(key);
        }
        if self.reads {
            self.tell(Topic::Miss, "keymiss", key);
        }
        None
    }

    /// Removes a key whose time is over.
    fn lapse(&mut self, key: &[u8]) {
        self.remove(key);
        self.tell(Topic::Expired, "expired", key);
    }

    /// Deletes a key as `DEL` does; says whether it was there.
    fn delete(&mut self, key: &[u8]) -> bool {
        let was_there = self.remove(key);
        if was_there {
            self.tell(Topic::Generic, "del", key);
        }
        was_there
    }

    /// Whether the key exists.
    pub(super) fn exists(&mut self, key: &[u8]) -> bool {
        self.entry(key).is_some()
    }

    /// The value of a key, if it exists and is of this kind.
    fn find<K: Kind>(&mut self, key: &[u8]) -> Result<Option<&mut K>, ServerError> {
        match self.entry(key) {
            None => Ok(None),
            Some(entry) => K::of(&mut entry.content).map(Some).ok_or_else(wrong_type),
        }
    }

    /// The value of a key, made empty if it does not exist. The caller fills it, and
    /// calls `touch` if it has changed something.
    fn make<K: Kind>(&mut self, key: &[u8]) -> Result<&mut K, ServerError> {
        if !self.exists(key) {
            self.put(key, K::default().into_content(), None);
        }
        match self.find(key)? {
            Some(value) => Ok(value),
            None => Err(wrong_type()),
        }
    }

    /// Sets a key, its content and its expiry at once.
    fn put(&mut self, key: &[u8], content: Content, expires: Option<i64>) {
        // One whose time is over is told to have expired, and is no value that gives way.
        self.exists(key);
        let kind = mem::discriminant(&content);
        let old = self.keys.insert(key.to_vec(), Entry { content, expires });
        if old.as_ref().is_some_and(|old| old.content.is_stream()) {
            self.grew(key);
        }
        // A plain SET ends the expiry of the value before.
        let old_kind = old.as_ref().map(|old| mem::discriminant(&old.content));
        self.reschedule(key, old.and_then(|old| old.expires), expires);
        self.touch(key);
        let Some(old_kind) = old_kind else {
            return self.tell(Topic::New, "new", key);
        };
        self.tell(Topic::Overwritten, "overwritten", key);
        if old_kind != kind {
            self.tell(Topic::TypeChanged, "type_changed", key);
        }
    }

    /// Takes a key away, and tells nobody but those who watch it; says whether it was there.
    fn remove(&mut self, key: &[u8]) -> bool {
        let Some(old) = self.keys.remove(key) else {
            return false;
        };
        if old.content.is_stream() {
            // Those who wait for a group of it are told that it is gone.
            self.grew(key);
        }
        self.reschedule(key, old.expires, None);
        self.touch(key);
        true
    }

    /// Removes a collection that has become empty, as servers do.
    fn prune(&mut self, key: &[u8]) {
        if self
            .keys
            .get(key)
            .is_some_and(|e| e.content.is_empty_collection())
        {
            self.delete(key);
        }
    }

    /// Deletes all keys of this database, each so that watches see it. A server tells no more of it either.
    fn clear(&mut self) {
        let keys: Vec<Vec<u8>> = self.keys.keys().cloned().collect();
        for key in keys {
            self.remove(&key);
        }
    }

    /// Tells the watchers of a key that it changed.
    fn touch(&self, key: &[u8]) {
        if self.watched.is_empty() {
            return;
        }
        if let Some(watches) = self.watched.get(&(self.db, key.to_vec())) {
            for watch in watches {
                // Read by EXEC under the store's lock, which orders it.
                watch.dirty.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Notes that a key may now satisfy a blocked command.
    fn grew(&mut self, key: &[u8]) {
        self.grown.push_back((self.db, key.to_vec()));
    }
}
