//! All entries of one node: what callers and engine share. Chooses none of them.

mod live;
mod tenants;
mod turns;
mod waiting;

pub(crate) use waiting::WaitError;

use super::demand::SharedDemand;
use super::entry::{Entry, FailedFill, Installed};
use super::placement::Load;
use crate::clock;
use crate::error::Error;
use crate::ids::{EntryId, LinkId};
use crate::link::Link;
use crate::sync::{Arc, AtomicBool, AtomicU64, Condvar, Ordering, Ranked};
use live::LiveEntries;
use turns::Turns;
use waiting::Waiting;

/// The entries of one client.
#[derive(Debug)]
pub(crate) struct Entries {
    /// The shared entries, and then the dedicated ones: each of these serves one caller at a time.
    all: Box<[Entry]>,
    /// How many are shared.
    shared: usize,
    /// One bit for each shared entry that has a link. Changes only under the lock of the entry: a bit
    /// that outlived its link would keep those who wait busy with an entry that serves nobody.
    live: LiveEntries,
    pub(super) demand: SharedDemand,
    waiting: Ranked<Waiting, 1>,
    /// Callers that would share an entry wait here. All are woken when a link was installed, when a dial has
    /// failed, and when the pool closes.
    arrived: Condvar,
    /// How many wait at `arrived`, so that nobody takes lock 1 for nothing.
    waiting_shared: AtomicU64,
    /// Callers that need a dedicated entry wait here while others have them all. The first is woken when such
    /// an entry was left, and wakes the next.
    turns: Ranked<Turns, 1>,
    /// How many wait in `turns`.
    waiting_exclusive: AtomicU64,
    /// How many callers look for room where all connections seemed full; and how often one was left
    /// meanwhile.
    seeking: AtomicU64,
    left: AtomicU64,
    closed: AtomicBool,
    /// A thread of the client has died: that is why it is closed.
    died: AtomicBool,
}

/// A caller looks at all entries, one after the other. Those that it found full were full at the same time if
/// none was left meanwhile: a caller that moves from one to another is counted in between.
pub(super) struct RoomSought<'a>(&'a Entries);

impl RoomSought<'_> {
    /// How often an entry was left.
    pub(super) fn left(&self) -> u64 {
        self.0.left.load(Ordering::SeqCst)
    }
}

impl Drop for RoomSought<'_> {
    fn drop(&mut self) {
        // Only while somebody seeks do those who leave count themselves.
        self.0.seeking.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Entries {
    pub(crate) fn new(shared: usize, dedicated: usize) -> Self {
        Self {
            all: (0..shared.saturating_add(dedicated))
                .map(|index| Entry::new(EntryId::new(index)))
                .collect(),
            shared,
            live: LiveEntries::new(shared),
            demand: SharedDemand::default(),
            waiting: Ranked::new(Waiting::default()),
            arrived: Condvar::default(),
            waiting_shared: AtomicU64::new(0),
            turns: Ranked::new(Turns::default()),
            waiting_exclusive: AtomicU64::new(0),
            seeking: AtomicU64::new(0),
            left: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            died: AtomicBool::new(false),
        }
    }

    /// All entries: the shared ones, and then the dedicated ones.
    pub(crate) fn all(&self) -> &[Entry] {
        &self.all
    }

    /// The entries that callers share.
    pub(crate) fn shared(&self) -> &[Entry] {
        self.all.get(..self.shared).unwrap_or_default()
    }

    /// The entries that serve one caller each.
    pub(crate) fn dedicated(&self) -> &[Entry] {
        self.all.get(self.shared..).unwrap_or_default()
    }

    /// Whether this entry serves one caller at a time.
    #[inline]
    pub(crate) fn is_dedicated(&self, id: EntryId) -> bool {
        id.index() >= self.shared
    }

    pub(crate) fn get(&self, id: EntryId) -> Option<&Entry> {
        self.all.get(id.index())
    }

    /// The shared entries whose link accepts commands, lowest first.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Entry> {
        self.live.iter().filter_map(|id| self.get(id))
    }

    /// The lowest of these.
    #[inline]
    pub(super) fn first(&self) -> Option<&Entry> {
        self.get(self.live.first()?)
    }

    /// Whether there are two of these at least.
    pub(super) fn are_several(&self) -> bool {
        self.live.are_several()
    }

    #[cfg(test)]
    pub(crate) fn is_live(&self, id: EntryId) -> bool {
        self.live.has(id)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Why nothing is begun any more, once the pool is closed.
    pub(crate) fn closed_error(&self) -> Error {
        if self.died.load(Ordering::Acquire) {
            Error::thread_died()
        } else {
            Error::closed_by_user()
        }
    }

    /// Puts a link into its entry and wakes who waits for one. Called by the handoff workers.
    pub(crate) fn install(&self, link: Arc<Link>) -> Installed {
        let Some(entry) = self.get(link.entry()) else {
            return Installed::Refused;
        };
        let id = entry.id();
        // Whoever asked for one more may ask again from here on. Before installing: a waiter that does not get
        // this link asks again on wake-up, and that request must not be swallowed.
        let arriving = self.demand.arrive();
        let installed = entry.install(Arc::clone(&link), || self.mark(id, true));
        drop(arriving);
        if self.is_dedicated(id) && matches!(installed, Installed::InPlaceOf(None)) {
            entry.set_used(clock::now());
        }
        if matches!(installed, Installed::InPlaceOf(_)) {
            if !link.is_open() {
                // It ended before it was put in, and whoever said so was early.
                self.lost(&link);
            }
            if self.is_dedicated(id) {
                entry.wake();
            } else {
                self.announce(|_| {});
            }
        }
        installed
    }

    /// Forgets a link that takes no new command. Called by any thread that notices.
    pub(crate) fn lost(&self, link: &Link) {
        let Some(entry) = self.get(link.entry()) else {
            return;
        };
        entry.vacate(link.id(), || self.mark(entry.id(), false));
    }

    /// Notes whether an entry has a link. Called under lock 2.
    fn mark(&self, id: EntryId, live: bool) {
        if self.is_dedicated(id) {
            return;
        }
        if live {
            self.live.set(id);
        } else {
            self.live.clear(id);
        }
    }

    /// Whether this link serves its entry.
    pub(crate) fn serves(&self, entry: EntryId, id: LinkId) -> bool {
        self.get(entry)
            .and_then(Entry::link)
            .is_some_and(|link| link.id() == id)
    }

    /// Tells the caller that has this dedicated entry that its dial has failed.
    pub(crate) fn fill_failed(&self, id: EntryId, failed: FailedFill) {
        if let Some(entry) = self.get(id).filter(|_| self.is_dedicated(id)) {
            entry.fail(failed);
        }
    }

    /// The end of a caller's use of an entry.
    #[inline]
    pub(super) fn leave(&self, entry: &Entry, load: Load) {
        if self.is_dedicated(entry.id()) {
            self.leave_dedicated(entry);
            return;
        }
        entry.leave(load);
        if self.seeking.load(Ordering::SeqCst) > 0 {
            self.left.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// One of those who wait for a dedicated entry is told that this one is free.
    pub(crate) fn leave_dedicated(&self, entry: &Entry) {
        entry.set_used(clock::now());
        entry.leave(Load::ONE);
        // Left before the look. Who waits is counted before it looks for a free entry, so that one of the two
        // sees the other.
        if self.waiting_exclusive.load(Ordering::SeqCst) > 0 {
            self.wake_next();
        }
    }

    /// Counts from now on how often shared entries are left, for a caller that found none with room.
    pub(super) fn seek_room(&self) -> RoomSought<'_> {
        self.seeking.fetch_add(1, Ordering::SeqCst);
        RoomSought(self)
    }

    /// Lets callers ask for a shared connection again. Called by the coordinator when the last request has led
    /// to something other than a link, which [`install`](Self::install) acknowledges.
    pub(crate) fn ack_demand(&self) {
        self.demand.ack();
    }

    /// Lets no caller wait any more; the links are still served. By the caller of `close`.
    pub(crate) fn shut(&self) {
        // The flag before the wake-ups: who is woken looks at it, and must not sleep again.
        self.closed.store(true, Ordering::Release);
        self.announce(|_| {});
        self.wake_all();
        self.dedicated().iter().for_each(Entry::wake);
        self.shut_tenants();
    }

    /// Lets no caller wait any more, because a thread of the client has died. By the coordinator.
    pub(crate) fn shut_dead(&self) {
        // The cause first: whoever finds the pool closed reads it for the error.
        self.died.store(true, Ordering::Release);
        self.shut();
    }

    /// Accepts no link from now on, and yields those that served. Wakes who waits.
    pub(crate) fn close(&self) -> Vec<Arc<Link>> {
        self.shut();
        let close = |entry: &Entry| entry.close(|| self.mark(entry.id(), false));
        self.all.iter().filter_map(close).collect()
    }
}
