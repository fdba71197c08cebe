//! How a new connection takes over: subscribes to everything on it, finds the seam with the old one, and delivers.
//! Makes no connection, and decides at no message: the seam does.
//!
//! ```text
//!   replay ──> a connection serves? ── no ──> finish: there was none yet, or there is a gap
//!                 |
//!                 yes ──> marker: published on the old one, seen on both ──> finish: exact
//!                 |          forbidden, or not seen within 1 s
//!                 |          v
//!                 '──> fences: new, old, new answer ──> finish: exact, or what lies between is compared
//!                            contradicted: two servers that know messages at different times
//!                            v
//!                        quiet: nothing for twice the round trip, 500 ms at most ──> finish: compared
//! ```
//!
//! All of it runs on the worker that made the connection, or on the thread that makes the subscriber. Changes of
//! subscriptions go on during the replay, and wait during the rest: as long as two servers that do not answer are
//! waited for, which is 3.5 s.

use super::super::message::{SubscriberEvent, SubscriptionKind};
use super::super::seam::{How, Joined, Seam};
use super::super::wanted::{Batch, Wanted};
use super::{Desk, Right, Sent, State, Turn, limit, stopped};
use crate::clock;
use crate::command::{Cmd, cmd};
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::handoff::later;
use crate::link::{Link, Outcome, Parts, Request};
use crate::protocol::{Protocol, ServerError, Value};
use crate::sync::{self, Arc, Ordering};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// How long a marker may take from its publication until both connections have brought it.
const MARKED: Duration = Duration::from_secs(1);

/// How long two servers that know messages at different times are listened to, at most.
const LISTENED: Duration = Duration::from_millis(500);

/// How soon a job that was told to stop is noticed.
const SLICE: Duration = Duration::from_millis(50);

/// How long a server may take to confirm one command: where another connection serves meanwhile, and where none does.
/// One that hangs is not waited for until the end of the job, which for want of a connection may be in an hour.
const CONFIRMED: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(5)];

/// So often a new connection catches up with changes while more are made.
const CATCHES_UP: usize = 3;

/// How long this may take, and whether it is to end early.
struct Patience<'a> {
    until: Instant,
    stop: &'a AtomicBool,
}

impl Patience<'_> {
    fn check(&self) -> Result<()> {
        if self.stop.load(Ordering::SeqCst) {
            return Err(failed("it was interrupted"));
        }
        if self.until <= clock::now() {
            return Err(failed("it took too long"));
        }
        Ok(())
    }
}

/// What the server refused, and what it said.
type Refused = Vec<(Batch, ServerError)>;

impl Desk {
    /// Has the first connection take over, unless another has come before: a worker may have been faster with a
    /// newer one, which must not be followed by an older.
    pub(in crate::session::subscriber) fn settle_first(
        &self,
        link: &Arc<Link>,
        until: Instant,
    ) -> Result<()> {
        let never = AtomicBool::new(false);
        let patience = Patience {
            until,
            stop: &never,
        };
        let _turn = self.take_turn_within(Right::Join, &patience)?;
        if self.is_served() {
            return Ok(());
        }
        self.settle(link, &patience)
    }

    /// Has a new connection take over.
    pub(in crate::session::subscriber) fn settle_next(
        &self,
        link: &Arc<Link>,
        until: Instant,
        stop: &AtomicBool,
    ) -> Result<()> {
        let patience = Patience { until, stop };
        let _turn = self.take_turn_within(Right::Join, &patience)?;
        self.settle(link, &patience)
    }

    fn settle(&self, link: &Arc<Link>, patience: &Patience<'_>) -> Result<()> {
        let mut state = self.state.lock();
        let held = state.seam.begin(link.id());
        state.joining = Some(Arc::clone(link));
        // Kept for the fences: its seam knows by itself when it is lost.
        let old = state.current.clone();
        self.deliver(state, held);
        // It may have ended before anybody would have been told.
        let settled = if link.is_open() {
            self.join(link, old.as_ref(), patience)
        } else {
            Err(failed("the new connection has ended"))
        };
        // Whatever the old one has held meanwhile is delivered: it serves on.
        if settled.is_err() {
            let mut state = self.state.lock();
            state.joining = None;
            let held = state.seam.give_up();
            self.deliver(state, held);
        }
        settled
    }

    fn join(
        &self,
        link: &Arc<Link>,
        old: Option<&Arc<Link>>,
        patience: &Patience<'_>,
    ) -> Result<()> {
        // From here on nothing is changed.
        let (refused, _turn) = self.replay(link, patience)?;
        // Whether the old one was alive when the new one had everything: else it may have missed something in between,
        // of which nobody has heard yet.
        let mut was_alive = true;
        let is_served = |desk: &Self| desk.state.lock().seam.serves();
        if let Some(old) = old.filter(|_| is_served(self)) {
            let is_marked = self
                .marker
                .as_ref()
                .is_some_and(|marker| self.mark(link, old, marker, patience));
            patience.check()?;
            self.check_room()?;
            if !is_marked {
                if self.fence(link, old, patience).is_some()
                    && self.take_over(link, &refused, was_alive, Seam::finish_fenced)?
                {
                    return Ok(());
                }
                was_alive = self.listen(old, patience)?;
            }
        }
        if old.is_some() && !self.state.lock().seam.is_marked() {
            // When this is answered, all that the old one has delivered has come over the new one too, so that it
            // is known what to drop.
            let until = later(clock::now(), MARKED).min(patience.until);
            ask(link, &cmd("PING"), until).ok_or_else(|| failed("the new connection has ended"))?;
        }
        self.check_room()?;
        if self.take_over(link, &refused, was_alive, Seam::finish)? {
            return Ok(());
        }
        Err(failed("the new connection has ended"))
    }

    /// Waits for a turn, as long as there is time.
    fn take_turn_within(&self, right: Right, patience: &Patience<'_>) -> Result<Turn<'_>> {
        loop {
            let end = sync::look_again_at(patience.until, SLICE);
            match self.take_turn(right, Some(end)) {
                Err(error) if matches!(error.kind(), ErrorKind::Timeout(_)) => patience.check()?,
                taken => return taken,
            }
        }
    }

    /// Subscribes to everything, and yields the turn to change it, with which nothing is left to do. What the server
    /// refuses is given up only if no other connection has it.
    fn replay(&self, link: &Link, patience: &Patience<'_>) -> Result<(Refused, Turn<'_>)> {
        let mut refused: Refused = Vec::new();
        let mut known = Wanted::default();
        let mut passes = 0;
        loop {
            // The first without it: it is the long one, and changes go on to the old connection meanwhile.
            let turn = (passes > 0).then(|| self.take_turn_within(Right::Change, patience));
            let turn = turn.transpose()?;
            let state = self.state.lock();
            let missing = state.wanted.without(&known);
            let ended = known.without(&state.wanted);
            drop(state);
            let _kept = match turn {
                Some(turn) if missing.is_empty() && ended.is_empty() => {
                    return Ok((self.given_up(refused)?, turn));
                }
                // Somebody who changes without a pause does not keep it up for ever.
                turn => turn.filter(|_| passes >= CATCHES_UP),
            };
            passes += 1;
            for batch in ended {
                Self::sent(self.send_bounded(link, &batch, true, patience))?;
                known.remove(&batch);
                self.state.lock().seam.forget(batch.kind, &batch.names);
            }
            self.catch_up(link, missing, &mut known, &mut refused, patience)?;
        }
    }

    /// What was refused and is still wanted. An error: another connection has it.
    fn given_up(&self, mut refused: Refused) -> Result<Refused> {
        let mut state = self.state.lock();
        refused.retain(|(batch, _)| state.wanted.unknown(batch).names.is_empty());
        match refused.pop() {
            Some((_, error)) if state.seam.serves() => Err(refusal(error)),
            last => {
                refused.extend(last);
                Ok(refused)
            }
        }
    }

    /// Subscribes to what is missing.
    fn catch_up(
        &self,
        link: &Link,
        mut missing: Vec<Batch>,
        known: &mut Wanted,
        refused: &mut Refused,
        patience: &Patience<'_>,
    ) -> Result<()> {
        // From the end, which costs no move; their order means nothing.
        while let Some(batch) = missing.pop() {
            match self.send_bounded(link, &batch, false, patience) {
                // Which of them is found out by halves.
                Sent::Refused(_) if batch.names.len() > 1 => {
                    missing.extend(batch.halves());
                    continue;
                }
                Sent::Refused(error) => {
                    let state = self.state.lock();
                    let [is_changing, _] = state.taken;
                    // One that the old server is just about to refuse, too, is looked at again with the turn.
                    if state.seam.serves() && !is_changing {
                        return Err(refusal(error));
                    }
                    drop(state);
                    refused.push((batch.clone(), error));
                }
                sent => Self::sent(sent)?,
            }
            known.add(&batch);
            self.check_room()?;
        }
        Ok(())
    }

    /// Sends one subscription, or its end, to a new connection.
    fn send_bounded(
        &self,
        link: &Link,
        batch: &Batch,
        is_end: bool,
        patience: &Patience<'_>,
    ) -> Sent {
        // Between two commands: each of them may take long on a busy server.
        if patience.check().is_err() {
            return Sent::Late;
        }
        let [beside, alone] = CONFIRMED;
        let serves = self.state.lock().seam.serves();
        let time = if serves { beside } else { alone };
        let until = later(clock::now(), time).min(patience.until);
        self.send(link, batch, is_end, Some(until))
    }

    /// Goes on only behind what was confirmed, or refused where that is no harm.
    fn sent(sent: Sent) -> Result<()> {
        match sent {
            Sent::Confirmed => Ok(()),
            Sent::Refused(error) => Err(refusal(error)),
            Sent::Late => Err(failed("the server has not confirmed them in time")),
            Sent::Lost => Err(failed("the new connection has ended")),
        }
    }

    /// Has a marker published, and waits until both connections have brought it. False: nothing came of it.
    fn mark(&self, link: &Link, old: &Link, channel: &[u8], patience: &Patience<'_>) -> bool {
        let marker = format!("{:016x}", fastrand::u64(..)).into_bytes();
        self.state.lock().seam.expect(marker.clone());
        let batch = Batch {
            kind: SubscriptionKind::Channel,
            names: vec![channel.to_vec()],
        };
        let until = later(clock::now(), MARKED).min(patience.until);
        // The old one first: a server that refuses does so before the new one has a channel too many.
        for link in [old, link] {
            if !matches!(self.send(link, &batch, false, Some(until)), Sent::Confirmed) {
                return false;
            }
        }
        let publish = cmd("PUBLISH").arg(channel).arg(&marker[..]);
        let is_published = match old.protocol() {
            Protocol::Resp3 => ask(old, &publish, until),
            // A connection that has subscribed takes no other command.
            _ => {
                let mut others = self.entries.live().filter_map(|entry| entry.link());
                let near = others.find(|other| other.peer() == old.peer());
                near.and_then(|near| ask(&near, &publish, until))
            }
        };
        if !matches!(is_published, Some(Value::Int(_))) {
            return false;
        }
        let marked = self.attend(until, patience, |state| {
            let is_marked = state.seam.is_marked();
            // Cut by its marker the old one may go: the new one brings the rest.
            (is_marked || state.seam.is_stuck()).then_some(is_marked)
        });
        let is_marked = marked == Some(true);
        if is_marked {
            // Nobody publishes there any more; whether this is confirmed changes nothing.
            let _ = self.send(link, &batch, true, Some(until));
        }
        is_marked
    }

    /// What is kept for the seam has a bound.
    fn check_room(&self) -> Result<()> {
        if self.state.lock().seam.is_full() {
            return Err(failed("too many messages came meanwhile"));
        }
        Ok(())
    }

    /// Finds out by answers which messages both connections have brought.
    fn fence(&self, link: &Link, old: &Link, patience: &Patience<'_>) -> Option<()> {
        let mut state = self.state.lock();
        let held = state.seam.mend();
        self.deliver(state, held);
        let ping = cmd("PING");
        let until = later(clock::now(), MARKED).min(patience.until);
        // All that the new one has brought by now was published before the old one is asked.
        ask(link, &ping, until)?;
        self.state.lock().seam.fence();
        // And the old one has brought it when this is answered.
        ask(old, &ping, until)?;
        self.state.lock().seam.cut();
        // What the old one has brought by now, the new one has brought when this is answered.
        ask(link, &ping, until)?;
        self.state.lock().seam.fence();
        Some(())
    }

    /// Listens until both connections are quiet, so that both have brought what there is. True: the old one has
    /// answered meanwhile.
    fn listen(&self, old: &Link, patience: &Patience<'_>) -> Result<bool> {
        let mut state = self.state.lock();
        let held = state.seam.mend();
        state.heard = None;
        self.deliver(state, held);
        let began = clock::now();
        // The round trip to the server, as the last answer tells.
        let answer = ask(
            old,
            &cmd("PING"),
            later(began, LISTENED).min(patience.until),
        );
        let now = clock::now();
        let quiet = now.saturating_duration_since(began).saturating_mul(2);
        let until = later(began, LISTENED).min(patience.until);
        loop {
            patience.check()?;
            self.check_room()?;
            let mut state = self.state.lock();
            let heard = *state.heard.get_or_insert(now);
            let end = later(heard, quiet).min(until);
            let is_over = end <= clock::now() || !state.seam.serves();
            drop(state);
            if is_over {
                return Ok(answer.is_some());
            }
            // A pause, because only time can end it: messages that come meanwhile move the end.
            sync::pause(later(clock::now(), SLICE).min(end));
            // An error once nobody wants it any more.
            self.wait(Some(clock::now()), |_| None::<()>)?;
        }
    }

    /// Waits until `done` yields something, or until then, or until nobody wants it any more.
    fn attend<T>(
        &self,
        until: Instant,
        patience: &Patience<'_>,
        mut done: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        loop {
            let now = clock::now();
            let end = sync::look_again_at(until, SLICE);
            match self.wait(Some(end), &mut done) {
                Ok(None) if now < until && patience.check().is_ok() => {}
                outcome => return outcome.ok().flatten(),
            }
        }
    }

    /// Has the new connection deliver from here on, as `finish` says. False: it says nothing. `was_alive`: the old one
    /// has answered since the new one had everything.
    fn take_over(
        &self,
        link: &Arc<Link>,
        refused: &Refused,
        was_alive: bool,
        finish: impl FnOnce(&mut Seam) -> Option<Joined>,
    ) -> Result<bool> {
        // One lock for all of it: what the new connection brings next stands behind what it has brought.
        let mut state = self.state.lock();
        // Stopped, or lost, meanwhile: nobody would end it.
        if state.joining.is_none() {
            return Err(stopped());
        }
        let Some(joined) = finish(&mut state.seam) else {
            return Ok(false);
        };
        let Joined {
            how,
            messages,
            doubles,
        } = joined;
        state.joining = None;
        state.current = Some(Arc::clone(link));
        state.heard = None;
        let told = match how {
            How::First => None,
            How::Exact => {
                self.counters.seams_exact.count();
                None
            }
            How::Matched => {
                self.counters.seams_matched.count();
                self.counters.messages_doubled.add(doubles);
                Some(!was_alive)
            }
            How::Alone => {
                self.counters.messages_doubled.add(doubles);
                Some(true)
            }
        };
        // In front of what the new connection has brought, and behind all of the old one.
        if let Some(gap) = told {
            state.queue.tell(SubscriberEvent::Resubscribed { gap });
        }
        for (batch, error) in refused {
            // Or each further connection would be refused it again.
            state.wanted.remove(batch);
            for name in &batch.names {
                state.queue.tell(SubscriberEvent::Refused {
                    kind: batch.kind,
                    name: name.clone(),
                    error: error.clone(),
                });
            }
        }
        self.deliver(state, messages);
        self.ring();
        Ok(true)
    }
}

/// Asks a server, and yields its answer.
fn ask(link: &Link, command: &Cmd, until: Instant) -> Option<Value> {
    let mut header = Vec::new();
    let [header, body] = command.parts(&mut header);
    let behind = [body];
    let request = Request {
        parts: Parts::new(header, &behind),
        replies: 1,
    };
    match link.call(request, &limit(Some(until))) {
        Ok(Outcome::One(value)) => Some(value),
        _ => None,
    }
}

fn refusal(error: ServerError) -> Error {
    let kind = ErrorKind::Server(error);
    let text = "the new server refuses a subscription that the old one has";
    Error::new(kind, Delivery::Replied, text)
}

fn failed(why: &str) -> Error {
    let text = format!("a new connection could not take over the subscriptions: {why}");
    Error::new(ErrorKind::Connect, Delivery::NotSent, text)
}
