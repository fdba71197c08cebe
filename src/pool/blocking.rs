//! One call of a command that blocks on the server: what its caller, the coordinator and whoever cancels it share.
//! Decides nothing (`unblocking` does) and sends nothing (the engine does).
//!
//! ```text
//!   caller: sent_on ──> blocks in its link ──> concluded (waits while an UNBLOCK is under way)
//!                          ^
//!   coordinator: step ──UNBLOCK, by another connection──> answered, which wakes the caller
//!   anybody: cancel ──> wakes the caller, has the coordinator look
//! ```

use super::unblocking::{Answer, BOUND, Conclusion, Step, Unblocking};
use super::{Entries, Requests};
use crate::clock;
use crate::link::Link;
use crate::sync::{self, Arc, Ranked, Thread};
use std::fmt;
use std::time::Instant;

/// A call of a command that blocks on the server.
pub(crate) struct BlockingCall {
    /// It does not go along with moves, for this reason.
    stays: Option<&'static str>,
    caller: Thread,
    requests: Arc<dyn Requests>,
    state: Ranked<State, 4>,
}

#[derive(Debug, Default)]
struct State {
    unblocking: Unblocking,
    /// The connection that has the command.
    link: Option<Arc<Link>>,
}

impl BlockingCall {
    /// A call of the calling thread, of which nothing was sent. `stays`: why it does not go along with moves, if so.
    pub(crate) fn new(requests: Arc<dyn Requests>, stays: Option<&'static str>) -> Self {
        Self {
            stays,
            caller: sync::current(),
            requests,
            state: Ranked::default(),
        }
    }

    /// A pipeline in which commands block: it does not go along with moves, and each of them is ended by itself.
    pub(crate) fn of_pipeline(requests: Arc<dyn Requests>) -> Self {
        let why = "it was not, because it is a pipeline, of which a part had run";
        let call = Self::new(requests, Some(why));
        call.state.lock().unblocking = Unblocking::of_several();
        call
    }

    /// The command is about to be sent on this link. By the caller.
    pub(crate) fn sent_on(&self, link: &Arc<Link>) {
        let mut state = self.state.lock();
        state.unblocking.send();
        state.link = Some(Arc::clone(link));
        let is_cancelled = state.unblocking.is_cancelled();
        drop(state);
        // Whoever cancelled it or said so of the link may have had the coordinator look before there was anything
        // to see.
        if is_cancelled || link.is_last_call() {
            self.requests.look_at_blocked();
        }
    }

    /// The command has its reply, or (`is_alive` is false) its link has ended. By the caller.
    ///
    /// Blocks while an UNBLOCK is under way on a link that serves on: for at most 5 s, and not once the pool is
    /// closed.
    pub(crate) fn concluded(&self, entries: &Entries, is_alive: bool) -> Conclusion {
        let until = clock::now().checked_add(BOUND);
        loop {
            let mut state = self.state.lock();
            let mut conclusion = state.unblocking.conclude();
            let is_over = || until.is_none_or(|until| until <= clock::now());
            if conclusion.is_none() && (!is_alive || entries.is_closed() || is_over()) {
                conclusion = Some(state.unblocking.conclude_now());
            }
            if let Some(conclusion) = conclusion {
                // The last reference may go here, and with it the socket: not under the lock.
                let link = state.link.take();
                drop(state);
                drop(link);
                return conclusion;
            }
            drop(state);
            // Whoever answers unparks after the answer is there, so that it is not slept through.
            sync::park(until);
        }
    }

    /// Why it does not go along with moves, unless it is cancelled.
    pub(crate) fn stays(&self) -> Option<&'static str> {
        self.stays.filter(|_| !self.is_cancelled())
    }

    /// Cancels the call. By any thread; never blocks.
    pub(crate) fn cancel(&self) {
        let mut state = self.state.lock();
        state.unblocking.cancel(clock::now());
        drop(state);
        // It may wait for a connection, or be on a server: both look.
        self.caller.unpark();
        self.requests.look_at_blocked();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.state.lock().unblocking.is_cancelled()
    }

    /// What the coordinator, or a worker that has a way to the server, is to do about the command at `now`, and
    /// about which link. `at_once`: no pause is kept.
    pub(crate) fn step(&self, now: Instant, at_once: bool) -> Option<(Step, Arc<Link>)> {
        // Cloned, because the lock of the link comes before this one.
        let link = self.link()?;
        let is_moved = link.is_draining() || link.is_last_call();
        let mut state = self.state.lock();
        // It may have gone to another link meanwhile, of which nothing is known here.
        let is_same = |other: &Arc<Link>| Arc::ptr_eq(other, &link);
        if !state.link.as_ref().is_some_and(is_same) {
            return None;
        }
        let step = state.unblocking.step(now, is_moved, at_once);
        drop(state);
        Some((step, link))
    }

    /// What became of the UNBLOCK that [`step`](Self::step) asked for. By whoever has sent it.
    pub(crate) fn answered(&self, now: Instant, answer: Answer) {
        self.state.lock().unblocking.answer(now, answer);
        // The caller may have its reply, and waits for this alone.
        self.caller.unpark();
    }

    /// The link that has the command.
    pub(crate) fn link(&self) -> Option<Arc<Link>> {
        self.state.lock().link.clone()
    }

    /// The link that has the command, if that may have to be ended there.
    pub(crate) fn may_ask_about(&self) -> Option<Arc<Link>> {
        if self.stays().is_some() {
            return None;
        }
        let state = self.state.lock();
        state.link.clone().filter(|_| state.unblocking.may_ask())
    }

    /// Makes a caller look that waits for the answer to an UNBLOCK.
    pub(super) fn wake(&self) {
        self.caller.unpark();
    }
}

impl fmt::Debug for BlockingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingCall")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, hitless_model))]
mod model;
