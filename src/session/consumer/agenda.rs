//! What a consumer of a stream group does next, and what the outcome of that means. Sends nothing, and reads no
//! clock: its owner carries out each [`Step`], and says what came of it and when.
//!
//! ```text
//!   MakeGroup -> ListOwn, Claim ... -> ListIdle, Claim ... -> Read -> HandOut, Keep ...
//!                  ^                                           |
//!                  +---- a reply that was lost may have held entries
//! ```

use crate::command::{StreamEntry, StreamId, StreamPendingEntry};
use crate::error::{CloseReason, Delivery, Error, ErrorKind};
use crate::handoff::later;
use std::collections::{HashMap, HashSet, VecDeque};
use std::mem;
use std::time::{Duration, Instant};

/// The first pause after a failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How often a pause doubles at most, which makes it 1.6 s.
const DOUBLINGS: u32 = 5;

/// The shortest time between two looks at what others have left.
const SHORTEST_ROUND: Duration = Duration::from_millis(100);

/// For how long one read waits at most: a connection that has died without a word is noticed by then.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The shortest wait that servers do not take for "for ever".
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// What does not change.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// How many entries are asked for at once.
    pub(super) batch: usize,
    /// Whether a group that is not there is made.
    pub(super) makes_group: bool,
    /// After how long an entry of whatever consumer is taken over.
    pub(super) claim_after: Option<Duration>,
    /// How often an entry is handed out before it is a dead letter.
    pub(super) deliveries: Option<u64>,
    /// For how long failures that pass are kept from the user.
    pub(super) patience: Duration,
}

/// An entry that is pending with this consumer, and the how manieth delivery of it this is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fetched {
    pub(super) entry: StreamEntry,
    pub(super) deliveries: u64,
}

/// A pending entry that is to become this consumer's, and how often it was delivered until now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Found {
    pub(super) id: StreamId,
    pub(super) deliveries: u64,
}

/// What to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Acknowledge these: their first acknowledgement may have been lost, or the entries are deleted.
    Acknowledge(Vec<StreamId>),
    /// Put this entry among the dead letters.
    Bury(Fetched),
    /// Take these over, unless somebody had them within the time.
    Claim(Vec<Found>, Duration),
    /// Nothing, for good.
    End,
    /// Leave these to other consumers, as if they had not been delivered this time.
    GiveBack(Vec<StreamId>),
    /// Give this to the user.
    HandOut(Fetched),
    /// Have these, which wait to be handed out, count as not idle, as far as nobody has taken them over.
    Keep(Vec<StreamId>),
    /// List what is pending with whomever for long enough, from this ID on.
    ListIdle(StreamId, Duration),
    /// List what is pending with this consumer, from this ID on.
    ListOwn(StreamId),
    /// Make the group.
    MakeGroup,
    /// Do nothing until then.
    Pause(Instant),
    /// Read what nobody of the group has got, and wait for so long.
    Read(Duration),
}

/// What a failure means to a consumer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Trouble {
    /// The server refuses it, and will do so again.
    Lasting,
    /// There is no such group or stream.
    NoGroup,
    /// Nothing can be sent any more.
    Over,
    /// The same may succeed later.
    Passing,
}

impl Trouble {
    pub(super) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Closed(CloseReason::ByUser) | ErrorKind::Forked => Self::Over,
            ErrorKind::Closed(_)
            | ErrorKind::Connect
            | ErrorKind::Io
            | ErrorKind::PoolExhausted
            | ErrorKind::Protocol
            | ErrorKind::Timeout(_) => Self::Passing,
            _ if error.code() == Some("NOGROUP") => Self::NoGroup,
            // A stream that was deleted while a read waited for it. It may be there again.
            _ if error.code() == Some("UNBLOCKED") => Self::NoGroup,
            // `LOADING`, `READONLY` and their like.
            ErrorKind::Server(_) if error.delivery() == Delivery::NotSent => Self::Passing,
            _ => Self::Lasting,
        }
    }
}

/// What a consumer knows of its entries and of itself.
#[derive(Debug)]
pub(super) struct Agenda {
    plan: Plan,
    is_made: bool,
    /// It was there, and is not any more.
    is_gone: bool,
    /// From where on own pending entries are to be listed.
    own: Option<StreamId>,
    /// From where on entries that others have left are to be listed, in a round that has begun.
    idle: Option<StreamId>,
    /// When the next such round begins; `None`: it is due.
    round_at: Option<Instant>,
    /// Something new was asked for since the last round: entries of others that fail again and again hold up nothing.
    has_read: bool,
    /// To be claimed, if they are still as idle as this.
    found: Vec<Found>,
    found_idle: Duration,
    /// To be handed out, until then: later somebody else may have taken one over.
    fetched: VecDeque<Fetched>,
    fresh_until: Option<Instant>,
    /// To be put among the dead letters.
    dead: VecDeque<Fetched>,
    /// With the user, who may keep any number of them, and acknowledge all at once: no sorted table.
    held: HashSet<StreamId>,
    /// To be acknowledged by the consumer itself.
    owed: Owed,
    /// Failures in a row, and since when.
    failures: u32,
    failing_since: Option<Instant>,
    pause_until: Option<Instant>,
    is_stopped: bool,
    is_over: bool,
}

impl Agenda {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            is_made: !plan.makes_group,
            is_gone: false,
            plan,
            // What a process of this name before had got, and what its lost replies held.
            own: Some(StreamId::MIN),
            idle: None,
            round_at: None,
            has_read: true,
            found: Vec::new(),
            found_idle: Duration::ZERO,
            fetched: VecDeque::new(),
            fresh_until: None,
            dead: VecDeque::new(),
            held: HashSet::new(),
            owed: Owed::default(),
            failures: 0,
            failing_since: None,
            pause_until: None,
            is_stopped: false,
            is_over: false,
        }
    }

    /// What to do at this moment. What is handed out counts as held from here on.
    pub(super) fn next(&mut self, now: Instant) -> Step {
        if self.is_over {
            return Step::End;
        }
        if self.is_stopped {
            return self.leave();
        }
        let is_fresh = self.fresh_until.is_none_or(|until| until > now);
        // What is here already needs no server.
        let first = is_fresh.then(|| self.fetched.pop_front());
        if let Some(fetched) = first.flatten() {
            self.held.insert(fetched.entry.id);
            return Step::HandOut(fetched);
        }
        if let Some(until) = self.pause_until.filter(|until| *until > now) {
            return Step::Pause(until);
        }
        // Whoever has taken one over meanwhile has it. The others were delivered to nobody: no further delivery.
        if !self.fetched.is_empty() {
            let waiting = self.fetched.iter();
            return Step::Keep(waiting.map(|fetched| fetched.entry.id).collect());
        }
        if !self.is_made {
            return Step::MakeGroup;
        }
        // Before anything is listed, so that what is done with is not found again.
        if !self.owed.ids.is_empty() {
            return Step::Acknowledge(self.owed.ids.clone());
        }
        if let Some(dead) = self.dead.front() {
            return Step::Bury(dead.clone());
        }
        if !self.found.is_empty() {
            return Step::Claim(self.found.clone(), self.found_idle);
        }
        if let Some(from) = self.own {
            return Step::ListOwn(from);
        }
        let mut wait = LONGEST_WAIT;
        if let Some(after) = self.plan.claim_after {
            let until_round = self.round_at.map(|at| at.saturating_duration_since(now));
            match (self.idle, until_round) {
                (Some(from), _) => return Step::ListIdle(from, after),
                (None, None | Some(Duration::ZERO)) if self.has_read => {
                    return Step::ListIdle(StreamId::MIN, after);
                }
                (None, left) => wait = wait.min(left.unwrap_or_default()),
            }
        }
        Step::Read(wait.max(SHORTEST_WAIT))
    }

    /// What is left to do once it is stopped.
    fn leave(&mut self) -> Step {
        // Each once: nobody waits for a server that is not there.
        if !self.owed.ids.is_empty() {
            return Step::Acknowledge(mem::take(&mut self.owed).ids);
        }
        self.is_over = self.fetched.is_empty();
        if self.is_over {
            return Step::End;
        }
        let fetched = self.fetched.drain(..);
        Step::GiveBack(fetched.map(|fetched| fetched.entry.id).collect())
    }

    /// The group is there. Whether it was gone: whoever has made it again, what this consumer is to get is not what it
    /// was.
    pub(super) fn handle_made(&mut self) -> bool {
        self.is_made = true;
        self.recover();
        mem::take(&mut self.is_gone)
    }

    /// These entries are no longer pending.
    pub(super) fn handle_acknowledged(&mut self, ids: &[StreamId]) {
        self.owed.remove(ids);
        self.recover();
    }

    /// The first of the dead letters is where it belongs, or somebody else has it.
    pub(super) fn handle_buried(&mut self) {
        self.dead.pop_front();
        self.recover();
    }

    /// Own pending entries, or some of them.
    pub(super) fn handle_own(&mut self, list: &[StreamPendingEntry]) {
        self.own = self.find(list);
        // Nobody can have taken one of them over without making it less idle than this.
        self.found_idle = (list.iter().map(|pending| pending.idle).min()).unwrap_or_default();
        self.recover();
    }

    /// Entries that nobody has touched for long enough, or some of them.
    pub(super) fn handle_idle(&mut self, list: &[StreamPendingEntry], now: Instant) {
        let after = self.plan.claim_after.unwrap_or_default();
        self.idle = self.find(list);
        self.found_idle = after;
        if self.idle.is_none() {
            self.has_read = false;
            self.round_at = Some(later(now, (after / 2).max(SHORTEST_ROUND)));
        }
        self.recover();
    }

    /// Remembers what is to be claimed. Yields where the list goes on.
    fn find(&mut self, list: &[StreamPendingEntry]) -> Option<StreamId> {
        let waiting = self.waiting();
        let unknown = list
            .iter()
            .filter(|pending| !self.knows(pending.id, &waiting));
        let found = unknown.map(|pending| Found {
            id: pending.id,
            deliveries: pending.deliveries,
        });
        self.found = found.collect();
        let last = list.last().filter(|_| list.len() >= self.plan.batch)?;
        behind(last.id)
    }

    /// The entries that nobody has been given. A batch may be as long as the user likes: asked once for all of it.
    fn waiting(&self) -> HashSet<StreamId> {
        let all = self.fetched.iter().chain(&self.dead);
        all.map(|fetched| fetched.entry.id).collect()
    }

    /// Whether an entry is here already. `waiting` is of [`waiting`](Self::waiting).
    fn knows(&self, id: StreamId, waiting: &HashSet<StreamId>) -> bool {
        self.held.contains(&id) || self.owed.known.contains(&id) || waiting.contains(&id)
    }

    /// What became of a claim: an entry for each that was taken over; `None` for one that is deleted, which servers
    /// before 7.0 say of entries that stay pending.
    pub(super) fn handle_claimed(&mut self, claimed: Vec<Option<StreamEntry>>, now: Instant) {
        self.fresh_until = self.stays_fresh(now);
        let found = mem::take(&mut self.found).into_iter();
        let mut found: HashMap<_, _> = found.map(|found| (found.id, found.deliveries)).collect();
        let deleted = claimed.iter().filter(|entry| entry.is_none()).count();
        for entry in claimed.into_iter().flatten() {
            let Some(deliveries) = found.remove(&entry.id) else {
                continue;
            };
            let deliveries = deliveries.saturating_add(1);
            self.take(Fetched { entry, deliveries });
        }
        // Which ones are deleted is known only if nobody else has taken one of them. If somebody has, they are found
        // again.
        if deleted > 0 && deleted == found.len() {
            found.into_keys().for_each(|id| self.owed.insert(id));
        }
        self.recover();
    }

    /// These of the entries that wait to be handed out are still this consumer's.
    pub(super) fn handle_kept(&mut self, kept: &[StreamId], now: Instant) {
        self.fresh_until = self.stays_fresh(now);
        let kept: HashSet<StreamId> = kept.iter().copied().collect();
        self.fetched
            .retain(|fetched| kept.contains(&fetched.entry.id));
        self.recover();
    }

    /// New entries.
    pub(super) fn handle_read(&mut self, entries: Vec<StreamEntry>, now: Instant) {
        self.has_read = true;
        self.fresh_until = self.stays_fresh(now);
        let mut waiting = self.waiting();
        for entry in entries {
            // A group that was set back delivers again what the user has not done with.
            if !self.knows(entry.id, &waiting) {
                waiting.insert(entry.id);
                self.take(Fetched {
                    entry,
                    deliveries: 1,
                });
            }
        }
        self.recover();
    }

    /// Until when what comes now may be handed out: for half of the time in which nobody takes it over.
    fn stays_fresh(&self, now: Instant) -> Option<Instant> {
        (self.plan.claim_after).map(|after| later(now, after / 2))
    }

    /// An entry has come, to be handed out or not.
    fn take(&mut self, fetched: Fetched) {
        let is_dead = |most: u64| fetched.deliveries > most;
        if fetched.entry.fields.is_empty() {
            // It is deleted: nobody can do anything with it.
            self.owed.insert(fetched.entry.id);
        } else if self.plan.deliveries.is_some_and(is_dead) {
            self.dead.push_back(fetched);
        } else {
            self.fetched.push_back(fetched);
        }
    }

    /// A step has failed. Whether the user is told.
    pub(super) fn handle_failed(&mut self, step: &Step, error: &Error, now: Instant) -> bool {
        let trouble = Trouble::of(error);
        if self.is_stopped {
            // The end of a wait, or what can no longer be mended.
            return false;
        }
        match (step, trouble) {
            (_, Trouble::Over) => {
                self.is_over = true;
                return true;
            }
            (_, Trouble::NoGroup) if self.plan.makes_group => {
                (self.is_made, self.is_gone) = (false, true);
            }
            // It stays pending, and is found again when it has been idle.
            (Step::Bury(_), Trouble::Lasting) => drop(self.dead.pop_front()),
            (Step::Acknowledge(_), Trouble::Lasting) => self.owed = Owed::default(),
            _ => {}
        }
        match step {
            // The list has gone on behind them; and others may take them over in a pause.
            Step::Claim(..) => {
                self.found.clear();
                self.own = Some(StreamId::MIN);
            }
            // They are listed again, and claimed if nobody else has done so: as a further delivery.
            Step::Keep(_) if trouble != Trouble::Passing => {
                self.fetched.clear();
                self.own = Some(StreamId::MIN);
            }
            // The reply that was lost may have held entries, which are pending now and with nobody.
            Step::Read(_) => {
                self.has_read = true;
                if error.delivery() != Delivery::NotSent {
                    self.own = Some(StreamId::MIN);
                }
            }
            _ => {}
        }
        let pause = FIRST_PAUSE * 2_u32.pow(self.failures.min(DOUBLINGS));
        self.failures = self.failures.saturating_add(1);
        self.pause_until = Some(later(now, pause));
        let since = *self.failing_since.get_or_insert(now);
        match trouble {
            // Who may not run scripts has another way.
            Trouble::Lasting if matches!(step, Step::Keep(_)) => false,
            Trouble::NoGroup if self.plan.makes_group => false,
            Trouble::Passing => now.saturating_duration_since(since) >= self.plan.patience,
            _ => true,
        }
    }

    /// Something has succeeded.
    fn recover(&mut self) {
        self.failures = 0;
        self.failing_since = None;
        self.pause_until = None;
    }

    /// The user has done with an entry, and it is acknowledged; or has let it go, when it is found again once it has
    /// been idle.
    pub(super) fn handle_released(&mut self, id: StreamId) {
        self.held.remove(&id);
    }

    /// The user has done with an entry, but its acknowledgement may not have come to the server.
    pub(super) fn handle_owed(&mut self, id: StreamId) {
        self.held.remove(&id);
        self.owed.insert(id);
    }

    /// Nothing is handed out any more.
    pub(super) fn stop(&mut self) {
        self.is_stopped = true;
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped
    }
}

/// What is to be acknowledged, each entry once: as many as a user may keep, and in any order.
#[derive(Debug, Default)]
struct Owed {
    /// In the order in which they came.
    ids: Vec<StreamId>,
    /// The same.
    known: HashSet<StreamId>,
}

impl Owed {
    fn insert(&mut self, id: StreamId) {
        if self.known.insert(id) {
            self.ids.push(id);
        }
    }

    /// In one pass, however many they are.
    fn remove(&mut self, ids: &[StreamId]) {
        for id in ids {
            self.known.remove(id);
        }
        self.ids.retain(|id| self.known.contains(id));
    }
}

/// The first ID behind this one.
fn behind(id: StreamId) -> Option<StreamId> {
    match id.sequence.checked_add(1) {
        Some(sequence) => Some(StreamId::new(id.millis, sequence)),
        None => Some(StreamId::new(id.millis.checked_add(1)?, 0)),
    }
}

#[cfg(test)]
mod tests;
