//! All slots of one client, and who waits for a connection. Does not choose among them.

use super::{FailedFill, Installed, Link, Slot};
use crate::clock;
use crate::error::Error;
use crate::handoff::patience::{FailedDial, Patience};
use crate::handoff::planner::{LinkId, SlotId};
use crate::protocol::Maintenance;
use crate::sync::{Arc, AtomicBool, AtomicU64, Bell, Ordering, Ranked};
use std::time::{Duration, Instant};

/// A caller that waits for a slot alone looks again after this, rung for or not.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The slots of one client.
#[derive(Debug)]
pub(crate) struct Roster {
    /// The shared slots, and then the dedicated ones: each of these serves one caller at a time.
    slots: Box<[Slot]>,
    /// How many are shared.
    shared: usize,
    /// One bit for each shared slot that has a link. Changes only under the lock of the slot's seat: a bit
    /// that outlived its link would keep those who wait busy with a slot that serves nobody.
    live: Bits,
    waiting: Ranked<Waiting, 1>,
    /// Callers who would share a slot wait here: rung for all of them when a link has come, a dial has
    /// failed and when the roster closes.
    arrival: Bell,
    /// How many these are, so that nobody takes lock 1 for nothing.
    sharing: AtomicU64,
    /// Callers who need a dedicated slot wait here while others have them all: rung for one of them, who
    /// passes it on, when one of these has left.
    vacancy: Bell,
    /// How many these are.
    alone: AtomicU64,
    closed: AtomicBool,
    /// A thread of the client has died: that is why it is closed.
    died: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Counts what makes those who wait look again.
    turn: u64,
    /// How long failed dials let callers wait.
    patience: Patience,
    /// The last dial that failed, and in which turn.
    last: Option<(u64, Error)>,
}

/// Why a wait for a connection ended.
#[derive(Debug)]
pub(crate) enum Awaited {
    /// The roster was closed.
    Closed,
    /// Dials failed at so many moments since the wait began; this is the last error.
    Failed(Error),
    /// The time is over; the last dial error, if any dial failed meanwhile.
    TimedOut(Option<Error>),
}

impl Roster {
    pub(crate) fn new(shared: usize, dedicated: usize) -> Self {
        Self {
            slots: (0..shared.saturating_add(dedicated))
                .map(Slot::new)
                .collect(),
            shared,
            live: Bits::new(shared),
            waiting: Ranked::new(Waiting::default()),
            arrival: Bell::default(),
            sharing: AtomicU64::new(0),
            vacancy: Bell::default(),
            alone: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            died: AtomicBool::new(false),
        }
    }

    /// All slots: the shared ones, and then the dedicated ones.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The slots that callers share.
    pub(crate) fn shared(&self) -> &[Slot] {
        self.slots.get(..self.shared).unwrap_or_default()
    }

    /// The slots that serve one caller each.
    pub(crate) fn dedicated(&self) -> &[Slot] {
        self.slots.get(self.shared..).unwrap_or_default()
    }

    /// Whether this slot serves one caller at a time.
    #[inline]
    pub(crate) fn is_dedicated(&self, id: SlotId) -> bool {
        id >= self.shared
    }

    pub(crate) fn slot(&self, id: SlotId) -> Option<&Slot> {
        self.slots.get(id)
    }

    /// The shared slots whose link accepts commands, lowest first.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Slot> {
        self.live.iter().filter_map(|id| self.slots.get(id))
    }

    pub(crate) fn is_live(&self, id: SlotId) -> bool {
        self.live.has(id)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Why nothing is begun any more, once the roster is closed.
    pub(crate) fn closed_error(&self) -> Error {
        if self.died.load(Ordering::Acquire) {
            Error::thread_died()
        } else {
            Error::closed_by_user()
        }
    }

    /// Puts a link into its slot and wakes who waits for one. Called by the handoff workers.
    pub(crate) fn install(&self, link: Arc<Link>) -> Installed {
        let Some(slot) = self.slots.get(link.slot()) else {
            return Installed::Refused;
        };
        let id = slot.id();
        let installed = slot.install(Arc::clone(&link), || self.mark(id, true));
        if self.is_dedicated(id) && matches!(installed, Installed::InPlaceOf(None)) {
            slot.set_used(clock::now());
        }
        if matches!(installed, Installed::InPlaceOf(_)) {
            if !link.is_open() {
                // It ended before it was put in, and whoever said so was early.
                self.lost(&link);
            }
            if self.is_dedicated(id) {
                slot.wake();
            } else {
                self.turn(|_| {});
            }
        }
        installed
    }

    /// Forgets a link that takes no new command. Called by any thread that notices.
    pub(crate) fn lost(&self, link: &Link) {
        let Some(slot) = self.slots.get(link.slot()) else {
            return;
        };
        slot.vacate(link.id(), || self.mark(slot.id(), false));
    }

    /// Notes whether a slot has a link. Called under the lock of its seat.
    fn mark(&self, id: SlotId, live: bool) {
        if self.is_dedicated(id) {
            return;
        }
        if live {
            self.live.set(id);
        } else {
            self.live.clear(id);
        }
    }

    /// Whether this link serves its slot.
    pub(crate) fn serves(&self, slot: SlotId, id: LinkId) -> bool {
        self.slots
            .get(slot)
            .and_then(Slot::link)
            .is_some_and(|link| link.id() == id)
    }

    /// Tells who waits that a dial has failed. `dial`: it is one of those after which they wait no
    /// longer.
    pub(crate) fn dial_failed(&self, error: Error, dial: Option<FailedDial>) {
        self.turn(|waiting| {
            if let Some(dial) = dial {
                waiting.patience.handle_failure(dial);
            }
            waiting.last = Some((waiting.turn, error));
        });
    }

    /// Tells the caller that has this dedicated slot that its dial has failed.
    pub(crate) fn fill_failed(&self, id: SlotId, failed: FailedFill) {
        if let Some(slot) = self.slots.get(id).filter(|_| self.is_dedicated(id)) {
            slot.fail(failed);
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

    /// The end of a caller's use of a slot.
    #[inline]
    pub(crate) fn leave(&self, slot: &Slot) {
        if self.is_dedicated(slot.id()) {
            self.leave_dedicated(slot);
        } else {
            slot.leave();
        }
    }

    /// One of those who wait for a dedicated slot is told that this one is free.
    fn leave_dedicated(&self, slot: &Slot) {
        slot.set_used(clock::now());
        slot.leave();
        if self.alone.load(Ordering::SeqCst) > 0 {
            self.waiting.lock().turn += 1;
            self.vacancy.ring_one();
        }
    }

    fn turn(&self, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting.lock();
        waiting.turn += 1;
        change(&mut waiting);
        drop(waiting);
        self.arrival.ring_all();
    }

    /// Whether callers wait for a shared connection.
    pub(crate) fn is_awaited(&self) -> bool {
        self.sharing.load(Ordering::SeqCst) > 0
    }

    /// Calls `attempt` until it yields something, each time after something has changed. `alone`: what is
    /// waited for is a dedicated slot, which others have to leave.
    ///
    /// Blocks until `deadline`, until the roster closes, or, for who shares, until dials have failed at more
    /// than `patience` moments while no link is live and no window is open.
    pub(crate) fn await_turn<T>(
        &self,
        alone: bool,
        deadline: Option<Instant>,
        patience: u64,
        mut attempt: impl FnMut() -> Option<T>,
    ) -> Result<T, Awaited> {
        let (bell, crowd) = if alone {
            (&self.vacancy, &self.alone)
        } else {
            (&self.arrival, &self.sharing)
        };
        let waiting = self.waiting.lock();
        let (entered, first) = (waiting.patience.moments(), waiting.turn);
        drop(waiting);
        crowd.fetch_add(1, Ordering::SeqCst);
        let awaited = loop {
            let seen = self.waiting.lock().turn;
            if self.is_closed() {
                break Err(Awaited::Closed);
            }
            if let Some(found) = attempt() {
                break Ok(found);
            }
            let is_dead = !alone && self.live().next().is_none();
            let now = clock::now();
            let mut waiting = self.waiting.lock();
            let last = waiting.last.as_ref().filter(|(turn, _)| *turn > first);
            if is_dead && waiting.patience.is_over(now, entered, patience) {
                if let Some((_, error)) = last {
                    break Err(Awaited::Failed(error.clone()));
                }
            }
            if deadline.is_some_and(|deadline| deadline <= now) {
                break Err(Awaited::TimedOut(last.map(|(_, error)| error.clone())));
            }
            if waiting.turn == seen && !self.is_closed() {
                // One ring reaches one of those who wait alone: they look by themselves now and then.
                let soon = now.checked_add(LOOK_AGAIN).filter(|_| alone);
                let until = deadline.into_iter().chain(soon).min();
                waiting = bell.wait(&self.waiting, waiting, until);
            }
            drop(waiting);
        };
        let others = crowd.fetch_sub(1, Ordering::SeqCst) > 1;
        if alone && others && awaited.is_ok() {
            // What is left is for the next.
            self.waiting.lock().turn += 1;
            self.vacancy.ring_one();
        }
        awaited
    }

    /// Lets no caller wait any more; the links are still served. By the caller of `close`.
    pub(crate) fn shut(&self) {
        self.closed.store(true, Ordering::Release);
        self.turn(|_| {});
        self.vacancy.ring_all();
        self.dedicated().iter().for_each(Slot::wake);
    }

    /// Lets no caller wait any more, because a thread of the client has died. By the coordinator.
    pub(crate) fn shut_dead(&self) {
        self.died.store(true, Ordering::Release);
        self.shut();
    }

    /// Accepts no link from now on, and yields those that served. Wakes who waits.
    pub(crate) fn close(&self) -> Vec<Arc<Link>> {
        self.shut();
        let close = |slot: &Slot| slot.close(|| self.mark(slot.id(), false));
        self.slots.iter().filter_map(close).collect()
    }
}

/// A set of slots.
#[derive(Debug)]
struct Bits(Box<[AtomicU64]>);

impl Bits {
    fn new(count: usize) -> Self {
        Self((0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    fn set(&self, id: SlotId) {
        if let Some(word) = self.0.get(id / 64) {
            word.fetch_or(1 << (id % 64), Ordering::AcqRel);
        }
    }

    fn clear(&self, id: SlotId) {
        if let Some(word) = self.0.get(id / 64) {
            word.fetch_and(!(1 << (id % 64)), Ordering::AcqRel);
        }
    }

    fn has(&self, id: SlotId) -> bool {
        self.0
            .get(id / 64)
            .is_some_and(|word| word.load(Ordering::Acquire) >> (id % 64) & 1 == 1)
    }

    fn iter(&self) -> impl Iterator<Item = SlotId> {
        self.0.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = word.load(Ordering::Acquire);
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                Some(index * 64 + bit)
            })
        })
    }
}
