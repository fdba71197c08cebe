//! Which notifications wait for a hook's word, and what their copies become. Calls no hook.
//!
//! ```text
//!   first copy --> Asked ----word: go on-----------> forgotten; copies go on
//!                    | \---word: skip or replace---> Dropped (until it expires); copies are dropped
//!                    +---no word in time----------> forgotten; copies go on
//! ```

use super::later;
use crate::protocol::{Endpoint, Notification};
use std::net::SocketAddr;
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

/// What a notification is told apart by, before anything is done about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Mark {
    name: &'static str,
    seq: Option<i64>,
    /// Only a MOVING concerns one peer.
    peer: Option<SocketAddr>,
    target: Option<Endpoint>,
}

impl Mark {
    /// The mark of a notification from a link to `peer`.
    pub(crate) fn of(notification: &Notification, peer: Option<SocketAddr>) -> Self {
        let (peer, target) = match notification {
            Notification::Moving { target, .. } => (peer, target.clone()),
            _ => (None, None),
        };
        Self {
            name: notification.name(),
            seq: notification.seq(),
            peer,
            target,
        }
    }
}

/// What to do with a copy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Entry {
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

/// The hooks' word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Word {
    /// The notification counts, and so do its copies.
    GoOn,
    /// It does not count as it came, nor do its copies.
    Drop,
}

#[derive(Debug)]
struct Asked<L> {
    ticket: u64,
    mark: Mark,
    notification: Notification,
    weight: usize,
    /// The links whose copies wait, the first copy's first.
    links: Vec<L>,
    until: Instant,
}

/// The notifications that wait. `L` names a link.
#[derive(Debug)]
pub(crate) struct Gate<L> {
    next: u64,
    /// Invariant: at most [`MOST_ASKED`] entries, of [`MOST_WEIGHT`] in sum.
    asked: Vec<Asked<L>>,
    dropped: Memories,
    /// Those that named a place that may not be dialled.
    refused: Memories,
}

/// Marks, and until when they are remembered.
///
/// Invariant: at most [`CAP`] entries.
#[derive(Debug, Default)]
struct Memories(Vec<(Mark, Instant)>);

impl Memories {
    fn has(&self, now: Instant, mark: &Mark) -> bool {
        self.0
            .iter()
            .any(|(known, until)| known == mark && *until > now)
    }

    fn add(&mut self, now: Instant, mark: Mark) {
        self.0.retain(|(_, until)| *until > now);
        if self.0.len() >= CAP {
            self.0.remove(0);
        }
        let memory = if mark.seq.is_some() {
            MEMORY
        } else {
            MEMORY_UNNUMBERED
        };
        self.0.push((mark, later(now, memory)));
    }
}

/// Who waits under a ticket: the notification as it came, and the links of its copies.
pub(crate) type Waiting<L> = (Notification, Vec<L>);

impl<L> Gate<L> {
    pub(crate) fn new() -> Self {
        Self {
            next: 1,
            asked: Vec::new(),
            dropped: Memories::default(),
            refused: Memories::default(),
        }
    }

    /// Whether a copy of it is known here.
    pub(crate) fn knows(&self, now: Instant, mark: &Mark) -> bool {
        self.asked.iter().any(|asked| asked.mark == *mark) || self.dropped.has(now, mark)
    }

    /// Whether a copy of it was refused.
    pub(crate) fn has_refused(&self, now: Instant, mark: &Mark) -> bool {
        self.refused.has(now, mark)
    }

    /// It was refused, and so are its copies, without another word.
    pub(crate) fn handle_refusal(&mut self, now: Instant, mark: Mark) {
        self.refused.add(now, mark);
    }

    /// Whether no hook is being asked.
    pub(crate) fn is_quiet(&self) -> bool {
        self.asked.is_empty()
    }

    /// A copy came, over `link`. The hooks have until `until`.
    pub(crate) fn handle_copy(
        &mut self,
        now: Instant,
        mark: Mark,
        notification: &Notification,
        link: L,
        until: Instant,
    ) -> Entry {
        if self.dropped.has(now, &mark) {
            return Entry::Drop;
        }
        if let Some(asked) = self.asked.iter_mut().find(|asked| asked.mark == mark) {
            if asked.links.len() >= COPIES {
                return Entry::Repeat;
            }
            asked.links.push(link);
            return Entry::Kept;
        }
        let weight: usize = self.asked.iter().map(|asked| asked.weight).sum();
        let own = notification.weight();
        if self.asked.len() >= MOST_ASKED || weight.saturating_add(own) > MOST_WEIGHT {
            return Entry::Full;
        }
        let ticket = self.next;
        self.next += 1;
        self.asked.push(Asked {
            ticket,
            mark,
            notification: notification.clone(),
            weight: own,
            links: vec![link],
            until,
        });
        Entry::Ask(ticket)
    }

    /// The hooks have spoken. `None`: they were not waited for any longer.
    pub(crate) fn handle_word(
        &mut self,
        now: Instant,
        ticket: u64,
        word: Word,
    ) -> Option<Waiting<L>> {
        let at = self.asked.iter().position(|asked| asked.ticket == ticket)?;
        let asked = self.asked.remove(at);
        if word == Word::Drop {
            self.dropped.add(now, asked.mark);
        }
        Some((asked.notification, asked.links))
    }

    /// Those whose time is over, with their tickets: they count as they came.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<(u64, Waiting<L>)> {
        let mut over = Vec::new();
        while let Some(at) = self.asked.iter().position(|asked| asked.until <= now) {
            let asked = self.asked.remove(at);
            over.push((asked.ticket, (asked.notification, asked.links)));
        }
        over
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do. Memories may wait.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.asked.iter().map(|asked| asked.until).min()
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

    fn mark(notification: &Notification) -> Mark {
        Mark::of(notification, Some(([127, 0, 0, 1], 1).into()))
    }

    #[test]
    fn the_first_copy_asks_and_the_others_wait_with_it() {
        let (now, mut gate) = (start(), Gate::new());
        let said = moving(1);
        assert_eq!(
            gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE),
            Entry::Ask(1)
        );
        assert_eq!(
            gate.handle_copy(now, mark(&said), &said, 8, now + PATIENCE),
            Entry::Kept
        );
        let other = moving(2);
        assert_eq!(
            gate.handle_copy(now, mark(&other), &other, 7, now + PATIENCE),
            Entry::Ask(2)
        );
        assert_eq!(
            gate.handle_word(now, 1, Word::GoOn),
            Some((said.clone(), vec![7, 8]))
        );
        assert_eq!(gate.handle_word(now, 1, Word::GoOn), None);
        assert!(!gate.knows(now, &mark(&said)) && gate.knows(now, &mark(&other)));
    }

    #[test]
    fn copies_of_a_dropped_notification_are_dropped_until_it_is_forgotten() {
        let (now, mut gate) = (start(), Gate::new());
        let said = moving(1);
        gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
        assert!(gate.handle_word(now, 1, Word::Drop).is_some());
        assert_eq!(
            gate.handle_copy(now, mark(&said), &said, 8, now + PATIENCE),
            Entry::Drop
        );
        // No timer is needed for it: that time has passed is enough.
        let then = now + MEMORY;
        assert_eq!(
            gate.handle_copy(then, mark(&said), &said, 8, then + PATIENCE),
            Entry::Ask(2)
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
        assert!(gate.handle_word(now, 1, Word::Drop).is_some());
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
        assert_eq!(gate.handle_word(now, 1, Word::Drop), None);
        assert_eq!(gate.poll_timeout(), None);
    }

    #[test]
    fn one_movings_seq_on_two_peers_are_two_events() {
        let said = moving(1);
        let other = Mark::of(&said, Some(([127, 0, 0, 2], 1).into()));
        assert_ne!(mark(&said), other);
        let migrated = Notification::Migrated {
            seq: Some(1),
            shards: String::new(),
        };
        assert_eq!(mark(&migrated), Mark::of(&migrated, None));
    }

    #[test]
    fn memory_is_bounded() {
        let (now, mut gate) = (start(), Gate::new());
        for seq in 0..10_000 {
            let said = moving(seq);
            if let Entry::Ask(ticket) = gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE)
            {
                gate.handle_word(now, ticket, Word::Drop);
            }
        }
        assert_eq!(gate.dropped.0.len(), CAP);
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
            assert_eq!(entry == Entry::Full, seq >= 256, "{seq}: {entry:?}");
        }
        assert_eq!(gate.handle_timeout(now + PATIENCE).len(), 256);
        let said = moving(10_000);
        let entry = gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
        assert_eq!(entry, Entry::Ask(257));
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
            asked += usize::from(entry != Entry::Full);
        }
        let each = said(0).weight();
        assert!(
            each > 98_304 && asked == MOST_WEIGHT / each,
            "{asked} of {each}"
        );
    }
}
