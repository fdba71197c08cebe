//! Which notifications wait for a hook's word, and what their copies become. Calls no hook.
//!
//! ```text
//!   first copy --> Asked ----word: go on-----------> forgotten; copies go on
//!                    | \---word: skip or replace---> Dropped (until it expires); copies are dropped
//!                    +---no word in time----------> forgotten; copies go on
//! ```

use super::event_id::EventId;
use super::expiring::Expiring;
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

#[derive(Debug)]
struct Asked<L> {
    ticket: u64,
    event: EventId,
    notification: Notification,
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
        let weight: usize = self.asked.iter().map(|asked| asked.weight).sum();
        let own = notification.weight();
        if self.asked.len() >= MOST_ASKED || weight.saturating_add(own) > MOST_WEIGHT {
            return Admission::Full;
        }
        let ticket = self.next;
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
        if word == HookVerdict::Drop {
            let until = later(now, lasts(&asked.event));
            self.dropped.insert(now, asked.event, (), until);
        }
        Some((asked.notification, asked.links))
    }

    /// Those whose time is over, with their tickets: they count as they came.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Vec<(u64, Waiting<L>)> {
        let mut over = Vec::new();
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
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    #[allow(clippy::disallowed_methods, reason = "any instant will do as a start")]
    fn start() -> Instant {
        Instant::now()
    }

    fn moving(seq: i64) -> Notification {
        Notification::Moving {
            seq: Some(seq),
            time: 15,
            target: None,
        }
    }

    fn mark(notification: &Notification) -> EventId {
        EventId::of(notification, Some(([127, 0, 0, 1], 1).into()))
    }

    #[test]
    fn the_first_copy_asks_and_the_others_wait_with_it() {
        let (now, mut gate) = (start(), Gate::new());
        let said = moving(1);
        assert_eq!(
            gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE),
            Admission::Ask(1)
        );
        assert_eq!(
            gate.handle_copy(now, mark(&said), &said, 8, now + PATIENCE),
            Admission::Kept
        );
        let other = moving(2);
        assert_eq!(
            gate.handle_copy(now, mark(&other), &other, 7, now + PATIENCE),
            Admission::Ask(2)
        );
        assert_eq!(
            gate.handle_hook_verdict(now, 1, HookVerdict::Proceed),
            Some((said.clone(), vec![7, 8]))
        );
        assert_eq!(gate.handle_hook_verdict(now, 1, HookVerdict::Proceed), None);
        assert!(!gate.knows(now, &mark(&said)) && gate.knows(now, &mark(&other)));
    }

    #[test]
    fn copies_of_a_dropped_notification_are_dropped_until_it_is_forgotten() {
        let (now, mut gate) = (start(), Gate::new());
        let said = moving(1);
        gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
        assert!(
            gate.handle_hook_verdict(now, 1, HookVerdict::Drop)
                .is_some()
        );
        assert_eq!(
            gate.handle_copy(now, mark(&said), &said, 8, now + PATIENCE),
            Admission::Drop
        );
        // No timer is needed for it: that time has passed is enough.
        let then = now + MEMORY;
        assert_eq!(
            gate.handle_copy(then, mark(&said), &said, 8, then + PATIENCE),
            Admission::Ask(2)
        );
    }

    #[test]
    fn without_a_number_it_is_forgotten_soon() {
        let (now, mut gate) = (start(), Gate::new());
        let said = Notification::Migrated {
            seq: None,
            shards: String::new(),
        };
        gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
        assert!(
            gate.handle_hook_verdict(now, 1, HookVerdict::Drop)
                .is_some()
        );
        assert!(gate.knows(now, &mark(&said)));
        assert!(!gate.knows(now + MEMORY_UNNUMBERED, &mark(&said)));
    }

    #[test]
    fn what_was_refused_is_remembered() {
        let (now, mut gate) = (start(), Gate::<u8>::new());
        let said = moving(1);
        assert!(!gate.has_refused(now, &mark(&said)));
        gate.handle_refusal(now, mark(&said));
        assert!(gate.has_refused(now, &mark(&said)) && !gate.knows(now, &mark(&said)));
        assert!(!gate.has_refused(now + MEMORY, &mark(&said)));
    }

    #[test]
    fn without_a_word_in_time_it_counts_as_it_came() {
        let (now, mut gate) = (start(), Gate::new());
        let said = moving(1);
        gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
        assert_eq!(gate.poll_timeout(), Some(now + PATIENCE));
        assert!(gate.handle_timeout(now).is_empty());
        assert_eq!(gate.handle_timeout(now + PATIENCE), [(1, (said, vec![7]))]);
        assert_eq!(gate.handle_hook_verdict(now, 1, HookVerdict::Drop), None);
        assert_eq!(gate.poll_timeout(), None);
    }

    #[test]
    fn one_movings_seq_on_two_peers_are_two_events() {
        let said = moving(1);
        let other = EventId::of(&said, Some(([127, 0, 0, 2], 1).into()));
        assert_ne!(mark(&said), other);
        let migrated = Notification::Migrated {
            seq: Some(1),
            shards: String::new(),
        };
        assert_eq!(mark(&migrated), EventId::of(&migrated, None));
    }

    #[test]
    fn memory_is_bounded() {
        let (now, mut gate) = (start(), Gate::new());
        for seq in 0..10_000 {
            let said = moving(seq);
            if let Admission::Ask(ticket) =
                gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE)
            {
                gate.handle_hook_verdict(now, ticket, HookVerdict::Drop);
            }
        }
        assert_eq!(gate.dropped.len(), CAP);
        let said = moving(-1);
        for link in 0..1000 {
            gate.handle_copy(now, mark(&said), &said, link, now + PATIENCE);
        }
        assert_eq!(gate.asked[0].links.len(), COPIES);
    }

    #[test]
    fn hooks_that_hang_are_asked_about_so_many_notifications_and_no_more() {
        let (now, mut gate) = (start(), Gate::new());
        for seq in 0..10_000 {
            let said = moving(seq);
            let entry = gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
            assert_eq!(entry == Admission::Full, seq >= 256, "{seq}: {entry:?}");
        }
        assert_eq!(gate.handle_timeout(now + PATIENCE).len(), 256);
        let said = moving(10_000);
        let entry = gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
        assert_eq!(entry, Admission::Ask(257));
    }

    #[test]
    fn hooks_that_hang_are_asked_about_so_much_text_and_no_more() {
        let (now, mut gate) = (start(), Gate::new());
        let said = |seq| Notification::SlotsMigrating {
            seq: Some(seq),
            slots: vec![1..=1; 16_384],
        };
        let mut asked = 0;
        for seq in 0..1000 {
            let said = said(seq);
            let entry = gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
            asked += usize::from(entry != Admission::Full);
        }
        let each = said(0).weight();
        assert!(
            each > 98_304 && asked == MOST_WEIGHT / each,
            "{asked} of {each}"
        );
    }
}
