//! All entries of one client, and who waits for a connection. Does not choose among them.

use super::demand::SharedDemand;
use super::entry::{Entry, FailedFill, Installed};
use crate::clock;
use crate::error::Error;
use crate::handoff::patience::{FailedDial, Patience};
use crate::ids::{EntryId, LinkId};
use crate::link::Link;
use crate::protocol::Maintenance;
use crate::sync::{Arc, AtomicBool, AtomicU64, Condvar, Ordering, Ranked};
use std::time::{Duration, Instant};

/// A caller that waits for an entry alone looks again after this, rung for or not.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The entries of one client.
#[derive(Debug)]
pub(crate) struct Entries {
    /// The shared entries, and then the dedicated ones: each of these serves one caller at a time.
    all: Box<[Entry]>,
    /// How many are shared.
    shared: usize,
    /// One bit for each shared entry that has a link. Changes only under the lock of the entry: a bit
    /// that outlived its link would keep those who wait busy with an entry that serves nobody.
    live: Bits,
    pub(super) demand: SharedDemand,
    waiting: Ranked<Waiting, 1>,
    /// Callers who would share an entry wait here: rung for all of them when a link has come, a dial has
    /// failed and when they close.
    arrived: Condvar,
    /// How many these are, so that nobody takes lock 1 for nothing.
    waiting_shared: AtomicU64,
    /// Callers who need a dedicated entry wait here while others have them all: rung for one of them, who
    /// passes it on, when one of these has left.
    freed: Condvar,
    /// How many these are.
    waiting_exclusive: AtomicU64,
    closed: AtomicBool,
    /// A thread of the client has died: that is why it is closed.
    died: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Counts what makes those who wait look again.
    changes: u64,
    /// How long failed dials let callers wait.
    patience: Patience,
    /// The last dial that failed, and in which change.
    last: Option<(u64, Error)>,
}

/// Why a wait for a connection ended.
#[derive(Debug)]
pub(crate) enum WaitError {
    /// The pool was closed.
    Closed,
    /// Dials failed at so many moments since the wait began; this is the last error.
    Failed(Error),
    /// The time is over; the last dial error, if any dial failed meanwhile.
    TimedOut(Option<Error>),
}

impl Entries {
    pub(crate) fn new(shared: usize, dedicated: usize) -> Self {
        Self {
            all: (0..shared.saturating_add(dedicated))
                .map(|index| Entry::new(EntryId::new(index)))
                .collect(),
            shared,
            live: Bits::new(shared),
            demand: SharedDemand::default(),
            waiting: Ranked::new(Waiting::default()),
            arrived: Condvar::default(),
            waiting_shared: AtomicU64::new(0),
            freed: Condvar::default(),
            waiting_exclusive: AtomicU64::new(0),
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
        let Some(entry) = self.get(link.slot()) else {
            return Installed::Refused;
        };
        let id = entry.id();
        let installed = entry.install(Arc::clone(&link), || self.mark(id, true));
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
        let Some(entry) = self.get(link.slot()) else {
            return;
        };
        entry.vacate(link.id(), || self.mark(entry.id(), false));
    }

    /// Notes whether an entry has a link. Called under the lock of its seat.
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

    /// Tells who waits that a dial has failed. `dial`: it is one of those after which they wait no
    /// longer.
    pub(crate) fn dial_failed(&self, error: Error, dial: Option<FailedDial>) {
        self.announce(|waiting| {
            if let Some(dial) = dial {
                waiting.patience.handle_failure(dial);
            }
            waiting.last = Some((waiting.changes, error));
        });
    }

    /// Tells the caller that has this dedicated entry that its dial has failed.
    pub(crate) fn fill_failed(&self, id: EntryId, failed: FailedFill) {
        if let Some(entry) = self.get(id).filter(|_| self.is_dedicated(id)) {
            entry.fail(failed);
        }
    }

    /// At how many moments dials have failed, to be told from those that come later.
    pub(crate) fn moments(&self) -> u64 {
        self.waiting.lock().patience.moments()
    }

    /// Whether a caller who began to wait after `since` moments, and may see `most`, gives up.
    pub(crate) fn is_over(&self, since: u64, most: u64) -> bool {
        let now = clock::now();
        self.waiting.lock().patience.is_over(now, since, most)
    }

    /// Until when timeouts are relaxed, and because of what. Called by the coordinator.
    pub(crate) fn set_window(&self, now: Instant, window: Option<(Maintenance, Instant)>) {
        self.waiting.lock().patience.set_window(now, window);
    }

    /// A connection was lost in a window: the server may need up to `grace` to be back. Called by the
    /// coordinator.
    pub(crate) fn lost_in_window(&self, now: Instant, grace: Duration) {
        self.waiting.lock().patience.handle_loss(now, grace);
    }

    /// Whether maintenance goes on, or has just cost connections, so that failures do not count.
    pub(crate) fn is_in_window(&self, now: Instant) -> bool {
        self.waiting.lock().patience.is_in_window(now)
    }

    /// The maintenance to which a checkout that fails at `now` owes it.
    pub(crate) fn blame(&self, now: Instant) -> Option<Maintenance> {
        self.waiting.lock().patience.blame(now)
    }

    /// The end of a caller's use of an entry.
    #[inline]
    pub(crate) fn leave(&self, entry: &Entry) {
        if self.is_dedicated(entry.id()) {
            self.leave_dedicated(entry);
        } else {
            entry.leave();
        }
    }

    /// One of those who wait for a dedicated entry is told that this one is free.
    fn leave_dedicated(&self, entry: &Entry) {
        entry.set_used(clock::now());
        entry.leave();
        if self.waiting_exclusive.load(Ordering::SeqCst) > 0 {
            self.waiting.lock().changes += 1;
            self.freed.notify_one();
        }
    }

    fn announce(&self, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting.lock();
        waiting.changes += 1;
        change(&mut waiting);
        drop(waiting);
        self.arrived.notify_all();
    }

    /// Lets callers ask for a shared connection again. Called when the last request has led to something:
    /// by the worker that is about to install a link, by the coordinator for all else.
    pub(crate) fn ack_demand(&self) {
        self.demand.ack();
    }

    /// Whether callers wait for a shared connection.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting_shared.load(Ordering::SeqCst) > 0
    }

    /// Calls `attempt` until it yields something, each time after something has changed. `exclusive`: what is
    /// waited for is a dedicated entry, which others have to leave.
    ///
    /// Blocks until `deadline`, until they close, or, for who shares, until dials have failed at more
    /// than `patience` moments while no link is live and no window is open.
    pub(crate) fn wait_for_entry<T>(
        &self,
        exclusive: bool,
        deadline: Option<Instant>,
        patience: u64,
        mut attempt: impl FnMut() -> Option<T>,
    ) -> Result<T, WaitError> {
        let (condvar, waiting_callers) = if exclusive {
            (&self.freed, &self.waiting_exclusive)
        } else {
            (&self.arrived, &self.waiting_shared)
        };
        let waiting = self.waiting.lock();
        let (entered, first) = (waiting.patience.moments(), waiting.changes);
        drop(waiting);
        waiting_callers.fetch_add(1, Ordering::SeqCst);
        let awaited = loop {
            let seen = self.waiting.lock().changes;
            if self.is_closed() {
                break Err(WaitError::Closed);
            }
            if let Some(found) = attempt() {
                break Ok(found);
            }
            let is_dead = !exclusive && self.live().next().is_none();
            let now = clock::now();
            let mut waiting = self.waiting.lock();
            let last = waiting.last.as_ref().filter(|(change, _)| *change > first);
            if is_dead && waiting.patience.is_over(now, entered, patience) {
                if let Some((_, error)) = last {
                    break Err(WaitError::Failed(error.clone()));
                }
            }
            if deadline.is_some_and(|deadline| deadline <= now) {
                break Err(WaitError::TimedOut(last.map(|(_, error)| error.clone())));
            }
            if waiting.changes == seen && !self.is_closed() {
                // One ring reaches one of those who wait alone: they look by themselves now and then.
                let soon = now.checked_add(LOOK_AGAIN).filter(|_| exclusive);
                let until = deadline.into_iter().chain(soon).min();
                waiting = condvar.wait(&self.waiting, waiting, until);
            }
            drop(waiting);
        };
        let others = waiting_callers.fetch_sub(1, Ordering::SeqCst) > 1;
        if exclusive && others && awaited.is_ok() {
            // What is left is for the next.
            self.waiting.lock().changes += 1;
            self.freed.notify_one();
        }
        awaited
    }

    /// Lets no caller wait any more; the links are still served. By the caller of `close`.
    pub(crate) fn shut(&self) {
        self.closed.store(true, Ordering::Release);
        self.announce(|_| {});
        self.freed.notify_all();
        self.dedicated().iter().for_each(Entry::wake);
    }

    /// Lets no caller wait any more, because a thread of the client has died. By the coordinator.
    pub(crate) fn shut_dead(&self) {
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

/// A set of entries.
#[derive(Debug)]
struct Bits(Box<[AtomicU64]>);

impl Bits {
    fn new(count: usize) -> Self {
        Self((0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    fn set(&self, id: EntryId) {
        if let Some(word) = self.0.get(id.index() / 64) {
            word.fetch_or(1 << (id.index() % 64), Ordering::AcqRel);
        }
    }

    fn clear(&self, id: EntryId) {
        if let Some(word) = self.0.get(id.index() / 64) {
            word.fetch_and(!(1 << (id.index() % 64)), Ordering::AcqRel);
        }
    }

    fn has(&self, id: EntryId) -> bool {
        self.0
            .get(id.index() / 64)
            .is_some_and(|word| word.load(Ordering::Acquire) >> (id.index() % 64) & 1 == 1)
    }

    fn iter(&self) -> impl Iterator<Item = EntryId> {
        self.0.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = word.load(Ordering::Acquire);
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                Some(EntryId::new(index * 64 + bit))
            })
        })
    }
}
