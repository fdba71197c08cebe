//! What a subscriber, its controls and its connections share: one lock, and who waits at it. Decides nothing about
//! messages: the seam and the queue do. How a new connection takes over is in `settle`.
//!
//! ```text
//!   reader of a link ── push ──> seam ──> queue ── arrived ──> Subscriber::next
//!   worker ── settle_in ──────── waits at `changed` for markers, and for its turn
//!   controls ── subscribe ────── wait at `changed` for their turn, and for a link
//! ```
//!
//! Requests are sent without the lock. There are two turns: one after the other changes what the serving connection
//! has subscribed to, and one after the other takes over. Who takes over has both, but only from when the new
//! connection has everything: until then changes go to the old one, and it catches up with them.

#[cfg(all(test, hitless_model))]
mod model;
mod settle;

use super::message::{MARKERS, Message, SubscriberEvent};
use super::options::SubscriberOptions;
use super::queue::{Put, Queue};
use super::seam::{Lost, Seam, Taken};
use super::wanted::{Batch, Wanted};
use crate::clock;
use crate::command::cmd;
use crate::counters::Counters;
use crate::error::{CloseReason, Delivery, Error, ErrorKind, Phase, Result};
use crate::ids::EntryId;
use crate::link::{Deadline, EndReason, Link, Mailbox, Outcome, Parts, Request};
use crate::pool::{Entries, OwnedClaim};
use crate::protocol::{Push, ServerError, Value};
use crate::sync::{Arc, Condvar, Ranked, RankedGuard};
use std::fmt;
use std::time::{Duration, Instant};

/// Ended because of this side.
const ENDED: EndReason = EndReason::Closed(CloseReason::Stopped);

/// How a subscription ends.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// By a control, or because the subscriber was dropped.
    Stopped,
    /// The client was closed, or the mailbox has overflowed.
    Failed(Error),
}

impl End {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Stopped => stopped(),
            Self::Failed(error) => error,
        }
    }
}

pub(super) struct State {
    pub(super) seam: Seam,
    pub(super) queue: Queue,
    pub(super) wanted: Wanted,
    /// What subscriptions go to.
    pub(super) current: Option<Arc<Link>>,
    /// About to take over: ended with the subscription, because nobody else knows it.
    pub(super) joining: Option<Arc<Link>>,
    /// When a message came last while a link was joining.
    pub(super) heard: Option<Instant>,
    /// The turns that somebody has.
    taken: [bool; 2],
    end: Option<End>,
    claim: Option<OwnedClaim>,
}

/// What a subscriber, its controls and its connections share.
pub(super) struct Desk {
    pub(super) state: Ranked<State, 4>,
    /// Who takes events waits here.
    arrived: Condvar,
    /// Everybody else: see the head of this file.
    changed: Condvar,
    pub(super) counters: Arc<Counters>,
    entry: EntryId,
    pub(super) entries: Arc<Entries>,
    /// The channel of its markers. `None`: it publishes none.
    pub(super) marker: Option<Vec<u8>>,
}

/// What one does at a time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Right {
    /// To change what the serving connection has subscribed to.
    Change,
    /// To take over.
    Join,
}

/// A right that nobody else has. Given back when dropped.
pub(super) struct Turn<'a>(&'a Desk, Right);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let [change, join] = &mut self.0.state.lock().taken;
        *match self.1 {
            Right::Change => change,
            Right::Join => join,
        } = false;
        self.0.changed.notify_all();
    }
}

/// What became of a subscription that was sent.
#[derive(Debug)]
pub(super) enum Sent {
    Confirmed,
    Refused(ServerError),
    /// The time is over.
    Late,
    /// The link has ended, or takes no request.
    Lost,
}

impl Desk {
    pub(super) fn new(
        entry: EntryId,
        entries: Arc<Entries>,
        counters: Arc<Counters>,
        options: &SubscriberOptions,
    ) -> Self {
        let marker = || {
            let mut channel = MARKERS.to_vec();
            channel.extend(format!("{:016x}", fastrand::u64(..)).bytes());
            channel
        };
        Self {
            state: Ranked::new(State {
                seam: Seam::default(),
                queue: Queue::new(options.capacity, options.bytes, options.overflow),
                wanted: Wanted::default(),
                current: None,
                joining: None,
                heard: None,
                taken: [false; 2],
                end: None,
                claim: None,
            }),
            arrived: Condvar::default(),
            changed: Condvar::default(),
            counters,
            entry,
            entries,
            marker: options.markers.then(marker),
        }
    }

    /// Keeps the claim of the entry until the subscription ends.
    pub(super) fn keep(&self, claim: OwnedClaim) {
        let mut state = self.state.lock();
        // It may have ended already: then the claim goes, without the lock.
        if state.end.is_none() {
            state.claim = Some(claim);
        }
    }

    /// Whether a link delivers.
    pub(super) fn is_served(&self) -> bool {
        self.state.lock().current.is_some()
    }

    /// The next event. `None`: none has come until `deadline`. Blocks until there is one, until the end of the
    /// subscription, or until `deadline`.
    pub(super) fn next(
        &self,
        deadline: Option<Instant>,
    ) -> std::result::Result<Option<SubscriberEvent>, End> {
        let mut state = self.state.lock();
        loop {
            // Before the look at the end: what had come by then is yielded.
            if let Some(event) = state.queue.take() {
                return Ok(Some(event));
            }
            if let Some(end) = &state.end {
                return Err(end.clone());
            }
            if deadline.is_some_and(|deadline| deadline <= clock::now()) {
                return Ok(None);
            }
            state = self.arrived.wait(&self.state, state, deadline);
        }
    }

    /// Waits until `done` yields something: looks again at every change. `None`: the time is over.
    pub(super) fn wait<T>(
        &self,
        deadline: Option<Instant>,
        mut done: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<Option<T>> {
        let mut state = self.state.lock();
        loop {
            if let Some(end) = &state.end {
                return Err(end.clone().into_error());
            }
            if let Some(found) = done(&mut state) {
                return Ok(Some(found));
            }
            if deadline.is_some_and(|deadline| deadline <= clock::now()) {
                return Ok(None);
            }
            state = self.changed.wait(&self.state, state, deadline);
        }
    }

    /// Waits for a turn.
    pub(super) fn take_turn(&self, right: Right, deadline: Option<Instant>) -> Result<Turn<'_>> {
        let free = |state: &mut State| {
            let [change, join] = &mut state.taken;
            let taken = match right {
                Right::Change => change,
                Right::Join => join,
            };
            (!std::mem::replace(taken, true)).then_some(())
        };
        match self.wait(deadline, free)? {
            Some(()) => Ok(Turn(self, right)),
            None => Err(late(
                "another change of the subscriptions, or a move, goes on",
            )),
        }
    }

    /// Changes what is subscribed to, and waits until the server has confirmed all of it.
    ///
    /// Blocks until then, or until `timeout` is over; also while there is no connection, or another takes over.
    pub(super) fn change(
        &self,
        batches: Vec<Batch>,
        is_end: bool,
        timeout: Option<Duration>,
    ) -> Result<()> {
        let deadline = timeout.and_then(|timeout| clock::now().checked_add(timeout));
        let mut batches = batches.into_iter();
        while let Some(batch) = batches.next() {
            let changed = self.change_batch(&batch, is_end, deadline);
            if let Err(error) = &changed {
                if matches!(error.kind(), ErrorKind::Timeout(_)) {
                    // What was not begun in time too: the next connection gets it.
                    let mut state = self.state.lock();
                    let rest = std::iter::once(batch).chain(batches);
                    rest.for_each(|batch| state.wanted.change(&batch, is_end));
                }
                return changed;
            }
        }
        Ok(())
    }

    fn change_batch(&self, batch: &Batch, is_end: bool, deadline: Option<Instant>) -> Result<()> {
        // What goes again if the server refuses it: not what was subscribed to before.
        let mut fresh = None;
        loop {
            let turn = self.take_turn(Right::Change, deadline)?;
            let mut state = self.state.lock();
            let fresh = fresh.get_or_insert_with(|| state.wanted.unknown(batch));
            // Before it is sent: what a new connection subscribes to is this from here on.
            state.wanted.change(batch, is_end);
            let current = state.current.clone();
            drop(state);
            let Some(link) = current else {
                // Given up for the wait: the link that is waited for needs it.
                drop(turn);
                // Whoever settles in takes its turn meanwhile.
                let found = self.wait(deadline, |state| state.current.clone())?;
                found.ok_or_else(|| late("there is no connection"))?;
                continue;
            };
            match self.send(&link, batch, is_end, deadline) {
                Sent::Confirmed => return Ok(()),
                Sent::Refused(error) => {
                    if !is_end {
                        self.state.lock().wanted.remove(fresh);
                    }
                    let text = "the server refuses the subscription";
                    let kind = ErrorKind::Server(error);
                    return Err(Error::new(kind, Delivery::Replied, text));
                }
                Sent::Late => return Err(late("the server has not confirmed it")),
                // Again on the next one, where it changes nothing if that knows it already.
                Sent::Lost => self.forget(&link),
            }
        }
    }

    /// Sends one subscription, or its end, and waits for what confirms it. Called with the turn.
    pub(super) fn send(
        &self,
        link: &Link,
        batch: &Batch,
        is_end: bool,
        deadline: Option<Instant>,
    ) -> Sent {
        let (name, confirmed_by) = if is_end {
            batch.kind.unsubscribing()
        } else {
            batch.kind.subscribing()
        };
        // Confirmations are counted only: they come in the order of the names.
        let command = batch
            .names
            .iter()
            .fold(cmd(name), |command, name| command.arg(&name[..]));
        let mut header = Vec::new();
        let [header, body] = command.parts(&mut header);
        let behind = [body];
        let request = Request {
            parts: Parts::new(header, &behind),
            replies: batch.names.len(),
        };
        match link.call_confirmed(request, confirmed_by, &limit(deadline)) {
            Ok(Outcome::Many(_)) => Sent::Confirmed,
            Ok(Outcome::One(Value::Error(error))) => Sent::Refused(error),
            Ok(Outcome::Failed(failure)) if failure.reason.is_none() => Sent::Late,
            // A reply that is none belongs to something else: what the server knows is not known.
            _ => Sent::Lost,
        }
    }

    /// A link is of no use.
    pub(super) fn forget(&self, link: &Link) {
        self.lose(link);
        link.end(ENDED);
    }

    fn lose(&self, link: &Link) {
        let mut state = self.state.lock();
        match state.seam.handle_lost(link.id()) {
            Lost::Joining(messages) => {
                state.joining = None;
                self.deliver(state, messages);
            }
            Lost::Serving => {
                // The engine makes another unasked, because the entry has a tenant.
                state.current = None;
                drop(state);
            }
            Lost::Other => return,
        }
        self.changed.notify_all();
    }

    /// Puts messages into the mailbox, and wakes who waits for them.
    pub(super) fn deliver(
        &self,
        mut state: RankedGuard<'_, State, 4>,
        messages: impl IntoIterator<Item = Message>,
    ) {
        let (mut dropped, mut is_over) = (0, false);
        for message in messages {
            match state.queue.put(message) {
                Put::Kept => {}
                Put::Dropped(count) => dropped += count,
                Put::Over => {
                    dropped += 1;
                    is_over = true;
                }
            }
        }
        let is_over = is_over && state.end.is_none();
        drop(state);
        self.arrived.notify_all();
        // Without the lock: the recorder's thread may be woken by it.
        self.counters.messages_dropped.add(dropped);
        if is_over {
            let text = "the mailbox of the subscriber was full, and it ends by that; take messages sooner, or give it \
                        more room";
            let error = Error::new(ErrorKind::Overflow, Delivery::Replied, text);
            self.close(End::Failed(error), &ENDED);
        }
    }

    /// Ends the subscription, wakes everybody and lets the entry go. What is in the mailbox stays. Later calls only
    /// let the entry go.
    pub(super) fn close(&self, end: End, reason: &EndReason) {
        let mut state = self.state.lock();
        state.end.get_or_insert(end);
        // Taken, so that a link which settles in just now finds that nobody wants it.
        let links = [state.current.take(), state.joining.take()];
        let claim = state.claim.take();
        drop(state);
        self.arrived.notify_all();
        self.changed.notify_all();
        // Before its link ends, which nobody is to replace.
        self.entries.move_out(self.entry);
        for link in links.iter().flatten() {
            link.end(reason.clone());
        }
        drop(claim);
    }

    /// A control or the drop of the subscriber ends it.
    pub(super) fn stop(&self) {
        self.close(End::Stopped, &ENDED);
    }

    /// Makes everybody but who takes events look again.
    pub(super) fn ring(&self) {
        self.changed.notify_all();
    }

    /// A server ends a subscription to a shard channel unasked when the slot of the channel has moved.
    fn is_taken_back(&self, push: &Push) -> bool {
        let name = push.args.first().and_then(Value::as_bytes);
        push.kind == b"sunsubscribe"
            && name.is_some_and(|name| {
                let kind = super::SubscriptionKind::Shard;
                self.state.lock().wanted.has(kind, name)
            })
    }
}

/// By whoever reads, with no lock held. Never blocks.
impl Mailbox for Desk {
    fn push(&self, link: &Link, push: Push) {
        if self.is_taken_back(&push) {
            // Told with the next connection: nothing else says that messages are missing.
            return self.forget(link);
        }
        let Some(message) = Message::of(push) else {
            return;
        };
        let mut state = self.state.lock();
        // Stopped: its link is about to end, and nothing more is promised.
        if state.end.is_some() {
            return;
        }
        let is_joining = state.joining.is_some();
        if is_joining {
            state.heard = Some(clock::now());
        }
        match state.seam.handle_message(link.id(), message) {
            Taken::Deliver(message) => self.deliver(state, [message]),
            Taken::Nothing | Taken::TooMuch => drop(state),
        }
        // A worker waits for markers, or for quiet.
        if is_joining {
            self.changed.notify_all();
        }
    }
}

impl crate::pool::Tenant for Desk {
    fn settle_in(
        &self,
        link: &Arc<Link>,
        until: Instant,
        stop: &std::sync::atomic::AtomicBool,
    ) -> Result<()> {
        self.settle_next(link, until, stop)
    }

    fn lost(&self, link: &Link) {
        self.lose(link);
    }

    fn shut(&self, why: Error) {
        let mut state = self.state.lock();
        state.end.get_or_insert(End::Failed(why));
        // The others are the coordinator's to end.
        let joining = state.joining.take();
        drop(state);
        self.arrived.notify_all();
        self.changed.notify_all();
        if let Some(link) = joining {
            link.end(EndReason::Closed(CloseReason::ByUser));
        }
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// The limits of a request that is to be answered by then.
pub(super) fn limit(deadline: Option<Instant>) -> Deadline {
    let now = clock::now();
    let timeout = deadline.map(|deadline| deadline.saturating_duration_since(now));
    Deadline::new(now, None, timeout, false)
}

pub(super) fn stopped() -> Error {
    let kind = ErrorKind::Closed(CloseReason::Stopped);
    Error::new(kind, Delivery::NotSent, "the subscriber was stopped")
}

pub(super) fn late(why: &str) -> Error {
    let text = format!(
        "the subscriptions were not confirmed in time: {why}; what was subscribed to is kept, and sent \
                        to the next connection"
    );
    Error::new(
        ErrorKind::Timeout(Phase::AwaitReply),
        Delivery::Unknown,
        text,
    )
}
