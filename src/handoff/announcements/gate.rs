//! Which notifications wait for a hook's word, and what their copies become. Calls no hook.
//!
//! ```text
//!   first copy --> Asked ----word: go on-----------> forgotten; copies go on
//!                    | \---word: skip or replace---> Dropped (until it expires); copies are dropped
//!                    +---no word in time----------> forgotten; copies go on
//! ```
//!
//! All copies of an event share one question, so that a pool of any size costs its hooks one call. Only the
//! coordinator's thread uses it; the hooks run on a thread of their own and answer by message.

use super::event_id::EventId;
use crate::handoff::expiring::Expiring;
use crate::handoff::later;
use crate::protocol::Notification;
use std::time::{Duration, Instant};

/// Identities remembered at once; beyond that the oldest goes.
const CAP: usize = 256;
/// Copies kept while a hook is asked; further ones say nothing new.
const COPIES: usize = 64;
/// Notifications about which hooks are asked at once; further ones are not.
const MOST_ASKED: usize = 256;
/// Most memory that these may take, in bytes.
pub(crate) const MOST_WEIGHT: usize = 4 << 20;
/// How long the copies of a dropped notification are dropped with it: longer than any window.
const MEMORY: Duration = Duration::from_secs(900);
/// The same for one without a number, which nothing but the time tells apart from the next.
const MEMORY_UNNUMBERED: Duration = Duration::from_secs(1);

/// What to do with a copy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Admission {
    /// It is the first: the hooks are to be asked, under this number.
    Ask(u64),
    /// A hook wanted it forgotten.
    Drop,
    /// Hooks are being asked about so many others that they are not asked about this one.
    Full,
    /// The hooks are being asked: it was kept.
    Kept,
    /// It says nothing new, and is forgotten.
    Repeat,
}

/// What the hooks make of a notification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HookVerdict {
    /// The notification counts, and so do its copies.
    Proceed,
    /// It does not count as it came, nor do its copies.
    Drop,
}

/// A notification about which hooks are being asked.
#[derive(Debug)]
struct Asked<L> {
    ticket: u64,
    event: EventId,
    notification: Notification,
    /// What it takes of [`MOST_WEIGHT`]: it may list thousands of ranges of hash slots.
    weight: usize,
    /// The links whose copies wait, the first copy's first.
    links: Vec<L>,
    until: Instant,
}

/// The notifications that wait. `L` names a link.
#[derive(Debug)]
pub(super) struct Gate<L> {
    next: u64,
    /// Invariant: at most [`MOST_ASKED`] entries, of [`MOST_WEIGHT`] in sum.
    asked: Vec<Asked<L>>,
    dropped: Expiring<EventId, ()>,
    /// Those that named a place that may not be dialled.
    refused: Expiring<EventId, ()>,
}

/// Who waits under a ticket: the notification as it came, and the links of its copies.
pub(super) type Waiting<L> = (Notification, Vec<L>);

impl<L> Gate<L> {
    pub(super) fn new() -> Self {
        Self {
            next: 1,
            asked: Vec::new(),
            dropped: Expiring::new(CAP),
            refused: Expiring::new(CAP),
        }
    }

    /// Whether a copy of it is known here.
    pub(super) fn knows(&self, now: Instant, event: &EventId) -> bool {
        self.asked.iter().any(|asked| asked.event == *event)
            || self.dropped.get(now, event).is_some()
    }

    /// Whether a copy of it was refused.
    pub(super) fn has_refused(&self, now: Instant, event: &EventId) -> bool {
        self.refused.get(now, event).is_some()
    }

    /// It was refused, and so are its copies, without another word.
    pub(super) fn handle_refusal(&mut self, now: Instant, event: EventId) {
        let until = later(now, lasts(&event));
        self.refused.insert(now, event, (), until);
    }

    /// Whether no hook is being asked.
    pub(super) fn is_quiet(&self) -> bool {
        self.asked.is_empty()
    }

    /// A copy came, over `link`. The hooks have until `until`.
    pub(super) fn handle_copy(
        &mut self,
        now: Instant,
        event: EventId,
        notification: &Notification,
        link: L,
        until: Instant,
    ) -> Admission {
        // Before the search among those asked: what was dropped is asked about no more.
        if self.dropped.get(now, &event).is_some() {
            return Admission::Drop;
        }
        if let Some(asked) = self.asked.iter_mut().find(|asked| asked.event == event) {
            if asked.links.len() >= COPIES {
                return Admission::Repeat;
            }
            asked.links.push(link);
            return Admission::Kept;
        }
        // Summed anew each time: there are few, and a sum that is kept could drift.
        let weight: usize = self.asked.iter().map(|asked| asked.weight).sum();
        let own = notification.weight();
        if self.asked.len() >= MOST_ASKED || weight.saturating_add(own) > MOST_WEIGHT {
            return Admission::Full;
        }
        let ticket = self.next;
        // Never given again: a late answer must not be taken for one about another event.
        self.next += 1;
        self.asked.push(Asked {
            ticket,
            event,
            notification: notification.clone(),
            weight: own,
            links: vec![link],
            until,
        });
        Admission::Ask(ticket)
    }

    /// The hooks have spoken. `None`: they were not waited for any longer.
    pub(super) fn handle_hook_verdict(
        &mut self,
        now: Instant,
        ticket: u64,
        word: HookVerdict,
    ) -> Option<Waiting<L>> {
        let at = self.asked.iter().position(|asked| asked.ticket == ticket)?;
        let asked = self.asked.remove(at);
        // Copies that come later would act on what a hook has skipped, or has had replaced.
        if word == HookVerdict::Drop {
            let until = later(now, lasts(&asked.event));
            self.dropped.insert(now, asked.event, (), until);
        }
        Some((asked.notification, asked.links))
    }

    /// Those whose time is over, with their tickets: they count as they came.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Vec<(u64, Waiting<L>)> {
        let mut over = Vec::new();
        // The first that was asked about first, so that a start comes before its completion.
        while let Some(at) = self.asked.iter().position(|asked| asked.until <= now) {
            let asked = self.asked.remove(at);
            over.push((asked.ticket, (asked.notification, asked.links)));
        }
        over
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do. Memories may wait.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.asked.iter().map(|asked| asked.until).min()
    }
}

/// How long the copies of an event share its fate.
fn lasts(event: &EventId) -> Duration {
    if event.seq.is_some() {
        MEMORY
    } else {
        MEMORY_UNNUMBERED
    }
}

#[cfg(test)]
mod tests;
