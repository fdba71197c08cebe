//! One place of the pool for a connection: its identity survives every link that serves it. Chooses nothing:
//! the entries together do.

use super::blocking::BlockingCall;
use super::placement::{Fit, Load, Report, Wanted, Watch};
use super::tenant::{Listener, Tenant};
use crate::error::Error;
use crate::ids::{EntryId, LinkId};
use crate::link::Link;
use crate::sync::{self, Arc, AtomicU64, Ordering, Ranked, Thread};
use std::time::Instant;

/// One place of the pool for a connection.
#[derive(Debug)]
pub(crate) struct Entry {
    id: EntryId,
    state: Ranked<EntryState, 2>,
    /// What uses the entry: a [`Load`]. Of a shared entry it grows under lock 2 only, so that a caller that
    /// finds room there gets it. Sequentially consistent, so that a caller who leaves sees whoever began to wait
    /// or to look for room before (`Entries::leave`).
    load: AtomicU64,
    dedicated: Ranked<Dedicated, 4>,
}

/// What one caller at a time knows of a dedicated entry. Unused in shared ones.
#[derive(Debug, Default)]
struct Dedicated {
    /// The caller that waits for a link in the entry.
    waiter: Option<Thread>,
    /// The dial for that caller has failed since it looked last.
    failed: Option<FailedFill>,
    /// When the entry was used last, or its link came.
    used: Option<Instant>,
    /// The call of the caller that has the entry, if that blocks on the server.
    blocking: Option<Arc<BlockingCall>>,
    /// Prepares each link of the entry, and wants one at all times.
    tenant: Option<Arc<dyn Tenant>>,
    /// Hears what servers tell of keys that have changed.
    listener: Option<Arc<dyn Listener>>,
}

/// A dial for one caller that failed.
#[derive(Debug)]
pub(crate) struct FailedFill {
    pub(crate) error: Error,
    /// The server has as many clients as it accepts: the caller waits no longer.
    pub(crate) is_last: bool,
}

#[derive(Debug, Default)]
struct EntryState {
    link: Option<Arc<Link>>,
    /// The newest link that was ever put in: an older one comes too late.
    newest: Option<LinkId>,
    /// Invariant B: changes only under lock 2, at every change of `link`.
    generation: u64,
    watch: Watch<Instant>,
    closed: bool,
}

/// A link that a caller has joined.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) link: Arc<Link>,
    /// Others use it too.
    pub(super) is_shared: bool,
    /// The time of this request is to be taken.
    pub(super) is_sample: bool,
}

/// Of so many requests that share a link the time of one is taken: about 60 instructions each time.
const SAMPLED: u64 = 64;

/// What became of a link that was to be installed.
#[derive(Debug)]
pub(crate) enum Installed {
    /// It serves; this one served before.
    InPlaceOf(Option<Arc<Link>>),
    /// A newer link has been put in: this one is not wanted.
    Overtaken,
    /// The pool is closed: the link is not wanted.
    Refused,
}

impl EntryState {
    /// What the link reports at `now`. `None`: there is none.
    fn report(&mut self, load: Load, now: Instant) -> Option<Report> {
        let pulse = self.link.as_ref()?.pulse();
        if load.is_free() {
            return Some(Report {
                has_large_reply: pulse.has_large_reply(),
                ..Report::default()
            });
        }
        let (has_moved, since) = self.watch.look(pulse.moved(), now);
        Some(Report {
            load,
            has_large_reply: pulse.has_large_reply(),
            has_moved,
            silence: now.saturating_duration_since(since),
            round_trip: pulse.round_trip(),
        })
    }
}

impl Entry {
    pub(super) fn new(id: EntryId) -> Self {
        Self {
            id,
            state: Ranked::new(EntryState::default()),
            load: AtomicU64::new(0),
            dedicated: Ranked::new(Dedicated::default()),
        }
    }

    pub(crate) fn id(&self) -> EntryId {
        self.id
    }

    /// The link that serves now.
    #[inline]
    pub(crate) fn link(&self) -> Option<Arc<Link>> {
        self.state.lock().link.clone()
    }

    /// How many links have been put in and taken out.
    pub(crate) fn generation(&self) -> u64 {
        self.state.lock().generation
    }

    /// Puts a link in and calls `mark` under the lock. The caller retires the one that served before.
    pub(super) fn install(&self, link: Arc<Link>, mark: impl FnOnce()) -> Installed {
        let mut state = self.state.lock();
        // The client was closed while this link was being made.
        if state.closed {
            return Installed::Refused;
        }
        // Workers finish in any order; the link that was begun last is the one that counts.
        if state.newest > Some(link.id()) {
            return Installed::Overtaken;
        }
        state.newest = Some(link.id());
        state.generation += 1;
        // Silence of the old link says nothing about this one.
        state.watch = Watch::default();
        mark();
        Installed::InPlaceOf(state.link.replace(link))
    }

    /// Takes the link out and calls `mark` under the lock, if it is the one that serves.
    pub(super) fn vacate(&self, id: LinkId, mark: impl FnOnce()) {
        let mut state = self.state.lock();
        if state.link.as_ref().is_none_or(|link| link.id() != id) {
            return;
        }
        state.generation += 1;
        mark();
        // The last reference may go here, and with it the socket: not under lock 2.
        let link = state.link.take();
        drop(state);
        drop(link);
    }

    /// Takes the link out, calls `mark` under the lock and accepts no link from now on.
    pub(super) fn close(&self, mark: impl FnOnce()) -> Option<Arc<Link>> {
        let mut state = self.state.lock();
        mark();
        state.closed = true;
        state.generation += 1;
        state.link.take()
    }

    /// How many callers use the entry.
    pub(crate) fn load(&self) -> usize {
        usize::try_from(self.usage().requests()).unwrap_or(usize::MAX)
    }

    /// What uses the entry.
    #[inline]
    fn usage(&self) -> Load {
        Load::from_word(self.load.load(Ordering::SeqCst))
    }

    /// Joins the callers that use the entry if it is free of any. For an entry that is not shared.
    #[inline]
    pub(crate) fn try_claim(&self) -> bool {
        self.load
            // Fails if anybody has it: a dedicated entry has one caller, whoever comes second looks at the next.
            .compare_exchange(0, Load::ONE.word(), Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// What the link reports at `now`. `None`: there is none.
    pub(super) fn report(&self, now: Instant) -> Option<Report> {
        let mut state = self.state.lock();
        state.report(self.usage(), now)
    }

    /// Joins the callers that use the entry if its link suits the request as well as `least`, or better.
    pub(super) fn try_join(
        &self,
        wanted: &Wanted,
        least: Fit,
        is_kept: bool,
        now: Instant,
    ) -> Option<Joined> {
        let mut state = self.state.lock();
        // Read under lock 2, under which it grows: what is seen here can only become less before it is added to.
        let usage = self.usage();
        let report = state.report(usage, now)?;
        if wanted.fit(&report, is_kept) > least {
            return None;
        }
        let link = Arc::clone(state.link.as_ref()?);
        let moved = link.pulse().moved();
        // Nobody was waiting for a reply until now, so that the silence before was nobody's delay.
        if usage.is_free() {
            state.watch.restart(moved);
        }
        self.load.fetch_add(wanted.load.word(), Ordering::SeqCst);
        Some(Joined {
            link,
            is_shared: !usage.is_free(),
            is_sample: !usage.is_free() && moved % SAMPLED == 0 && !wanted.is_large(),
        })
    }

    /// As [`try_join`](Self::try_join) for a small request, if nobody uses the entry: what a caller finds that has
    /// the client to itself.
    #[inline]
    pub(super) fn try_join_free(&self, load: Load) -> Option<Arc<Link>> {
        // Without the lock first: a busy entry is refused without waiting for those who join it.
        if !self.usage().is_free() {
            return None;
        }
        let mut state = self.state.lock();
        // And again under it, because somebody may have joined while this thread waited for the lock.
        if !self.usage().is_free() {
            return None;
        }
        let EntryState { link, watch, .. } = &mut *state;
        let pulse = link.as_ref()?.pulse();
        // Of a caller that has given up: nobody joins it who finds another connection.
        if pulse.has_large_reply() {
            return None;
        }
        watch.restart(pulse.moved());
        let link = Arc::clone(link.as_ref()?);
        // A store is enough: it grows under this lock only, and nobody is there who could leave.
        self.load.store(load.word(), Ordering::SeqCst);
        Some(link)
    }

    /// Leaves the entry.
    #[inline]
    pub(super) fn leave(&self, load: Load) {
        self.load.fetch_sub(load.word(), Ordering::SeqCst);
    }

    /// The calling thread, which has the entry, waits for its link from now on and is woken by
    /// [`wake`](Self::wake) and [`fail`](Self::fail).
    pub(crate) fn begin_wait(&self) {
        let mut dedicated = self.dedicated.lock();
        dedicated.waiter = Some(sync::current());
        // A dial that failed for the caller before is not this one's.
        dedicated.failed = None;
    }

    /// Whether a caller waits for a link in the entry, or its tenant does.
    pub(crate) fn is_awaited(&self) -> bool {
        let dedicated = self.dedicated.lock();
        dedicated.waiter.is_some() || dedicated.tenant.is_some()
    }

    /// Who lives in the entry from now on.
    pub(super) fn set_tenant(&self, tenant: Option<Arc<dyn Tenant>>) {
        let before = std::mem::replace(&mut self.dedicated.lock().tenant, tenant);
        // The last reference may go here: not under the lock.
        drop(before);
    }

    /// Who hears of keys that have changed, from now on.
    pub(super) fn set_listener(&self, listener: Option<Arc<dyn Listener>>) {
        let before = std::mem::replace(&mut self.dedicated.lock().listener, listener);
        // As that of a tenant.
        drop(before);
    }

    /// Who hears of keys that have changed.
    pub(super) fn listener(&self) -> Option<Arc<dyn Listener>> {
        self.dedicated.lock().listener.clone()
    }

    /// Who lives in the entry.
    pub(crate) fn tenant(&self) -> Option<Arc<dyn Tenant>> {
        self.dedicated.lock().tenant.clone()
    }

    /// The wait is over.
    pub(crate) fn end_wait(&self) {
        self.dedicated.lock().waiter = None;
    }

    /// How the dial for the caller who waits has failed, if it has since the last call.
    pub(crate) fn take_failure(&self) -> Option<FailedFill> {
        self.dedicated.lock().failed.take()
    }

    /// The dial for the caller who waits has failed.
    pub(super) fn fail(&self, failed: FailedFill) {
        let mut dedicated = self.dedicated.lock();
        let waiter = dedicated.waiter.clone();
        if waiter.is_some() {
            dedicated.failed = Some(failed);
        }
        drop(dedicated);
        if let Some(thread) = waiter {
            thread.unpark();
        }
    }

    /// Makes whoever waits for a link in the entry look again.
    pub(super) fn wake(&self) {
        let dedicated = self.dedicated.lock();
        let (waiter, blocking) = (dedicated.waiter.clone(), dedicated.blocking.clone());
        drop(dedicated);
        if let Some(thread) = waiter {
            thread.unpark();
        }
        if let Some(call) = blocking {
            call.wake();
        }
    }

    /// From now on the engine sees this call, if there is one, as that of the entry.
    pub(super) fn set_blocking(&self, call: Option<Arc<BlockingCall>>) {
        // The old one is dropped without the lock: it may have the last reference to its link.
        let _old = std::mem::replace(&mut self.dedicated.lock().blocking, call);
    }

    /// The call that blocks on the server, of the caller that has the entry.
    pub(crate) fn blocking(&self) -> Option<Arc<BlockingCall>> {
        self.dedicated.lock().blocking.clone()
    }

    /// The entry is used, or has got its link, at `now`.
    pub(super) fn set_used(&self, now: Instant) {
        self.dedicated.lock().used = Some(now);
    }

    /// Since when nobody uses the entry. `None`: somebody does.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let used = self.dedicated.lock().used;
        used.filter(|_| self.load() == 0)
    }
}
