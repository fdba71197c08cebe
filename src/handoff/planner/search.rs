//! Links that lead to the wrong server, and the search for the right one. Repeats no command.
//!
//! ```text
//!                  READONLY, or MOVED to itself                 up, and no replica
//!   (no search) ────────────────────────────────> Looking ──────────────────────────> Found
//!                                                  │   ^ └─┐ a replica again,           │
//!                                                  │   └───┘ or no link: pause          │
//!            (no search) <── no such link is left ─┴────────────────────────────────────┘
//! ```
//!
//! One entry looks, beside its old link, which serves until there is a better one: a client that is
//! meant to talk to a replica loses nothing but a dial now and then. Once the right server is found,
//! the other links of that kind drain, and their entries are filled like any other.

use super::Planner;
use super::action::{Action, FailureKind, Job, JobKind};
use super::state::{Live, PendingMove, Phase};
use crate::handoff::announcements::Announcements;
use crate::handoff::backoff::Backoff;
use crate::handoff::estranged::Estrangement;
use crate::handoff::{LONGEST, later};
use crate::ids::{EntryId, HandoffId, LinkId};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Between looks.
const PAUSE: Backoff = Backoff {
    floor: Duration::from_millis(250),
    cap: Duration::from_secs(60),
};
/// After this long without a look, the next one is the first of a row.
const FORGOTTEN: Duration = Duration::from_secs(120);
/// So long a server that does not know a link which has just logged in is believed.
const BELIEVED: Duration = Duration::from_secs(60);

/// What an entry that looks is marked with: it belongs to no handoff.
pub(super) const LOOK: HandoffId = HandoffId::new(u64::MAX);

/// The search for the server that the client is meant to talk to.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// Looks in a row.
    looks: u32,
    /// When the latest look was offered: links that were dialled later are as new as what it finds.
    looked_at: Option<Instant>,
    /// When the next one is due; `None` while one is out, or none is needed.
    next_at: Option<Instant>,
    /// The entry whose job is a look.
    entry: Option<EntryId>,
    /// The latest look has found a server that will do.
    found: bool,
    /// When links that the server does not know were first made anew.
    logged_in_at: Option<Instant>,
}

impl Search {
    /// When the next look is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next_at
    }
}

impl Planner {
    /// A reply has shown that a link leads to the wrong server, or is not known there any more.
    pub(crate) fn handle_estranged(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        link: LinkId,
        why: Estrangement,
    ) {
        let now = self.tick(now);
        let serves = |at: &EntryId| self.live(*at).is_some_and(|live| live.link == link);
        if let Some(entry) = self.entries.ids().find(serves) {
            match why {
                Estrangement::Unauthenticated => self.on_unknown(now, entry),
                Estrangement::MovedToItself | Estrangement::ReadOnly => {
                    self.on_wrong_server(entry, why);
                }
            }
        }
        self.advance(now, ann);
    }

    /// The link that serves this entry.
    fn live(&self, entry: EntryId) -> Option<&Live> {
        self.entries.get(entry)?.state.live()
    }

    /// A link is made anew once, where there is something to log in with.
    fn on_unknown(&mut self, now: Instant, entry: EntryId) {
        let Some(dialled_at) = self.live(entry).map(|live| live.dialled_at) else {
            return;
        };
        let since = self.search.logged_in_at;
        let since = since.filter(|since| now < later(*since, BELIEVED));
        // Dialled after the first renewal and unknown all the same: the login works for new links and is taken from
        // them again. Renewing each for ever would only load the server.
        if !self.settings.has_login || since.is_some_and(|since| dialled_at >= since) {
            return;
        }
        self.search.logged_in_at = since.or(Some(now));
        if let Some(live) = self
            .entries
            .get_mut(entry)
            .and_then(|entry| entry.state.live_mut())
        {
            live.estranged = Some(Estrangement::Unauthenticated);
        }
    }

    /// Other links to the same peer lead to a replica too, but for those that are younger than both this
    /// one and the latest look: behind one address there may be another server by now.
    fn on_wrong_server(&mut self, entry: EntryId, why: Estrangement) {
        let Some((peer, dialled_at)) = self.live(entry).map(|live| (live.peer, live.dialled_at))
        else {
            return;
        };
        let shared = why == Estrangement::ReadOnly && peer.is_some();
        let looked_at = self.search.looked_at;
        for (at, other) in self.entries.numbered_mut() {
            if let Some(live) = other.state.live_mut() {
                let old = live.dialled_at <= dialled_at
                    || looked_at.is_none_or(|at| live.dialled_at < at);
                if at == entry || shared && old && live.peer == peer {
                    live.estranged = Some(why);
                }
            }
        }
    }

    /// The entries with links that are estranged in this way.
    fn estranged(&self, is: impl Fn(Estrangement) -> bool) -> Vec<EntryId> {
        let is = |at: &EntryId| {
            self.live(*at)
                .and_then(|live| live.estranged)
                .is_some_and(&is)
        };
        self.entries.ids().filter(is).collect()
    }

    /// Looks, where that is due, and lets go of links once a better server is found.
    pub(super) fn advance_search(&mut self, now: Instant, ann: &mut Announcements) {
        for entry in self.estranged(|why| why == Estrangement::Unauthenticated) {
            self.renounce(now, entry);
        }
        let wrong = self.estranged(|why| why != Estrangement::Unauthenticated);
        if self.search.found {
            let before = self.search.looked_at;
            let older = |search: &Self, at: &EntryId| {
                search
                    .live(*at)
                    .is_some_and(|live| Some(live.dialled_at) < before)
            };
            for entry in wrong
                .iter()
                .filter(|at| older(self, at))
                .copied()
                .collect::<Vec<_>>()
            {
                self.renounce(now, entry);
            }
            self.search.found = wrong.iter().any(|at| older(self, at));
        }
        let wrong: Vec<EntryId> = wrong
            .into_iter()
            .filter(|at| self.live(*at).is_some())
            .collect();
        if wrong.is_empty() {
            self.search.next_at = None;
            return;
        }
        if self.search.entry.is_some() || self.search.found {
            return;
        }
        self.plan_look(now);
        let due = self.search.next_at.is_some_and(|at| at <= now);
        if !due || self.blocked_until.is_some() {
            return;
        }
        let steady = |at: &EntryId| {
            let state = self.entries.get(*at).map(|entry| entry.state.phase());
            state == Some(Phase::Steady)
        };
        if let (Some(entry), true) = (wrong.into_iter().find(steady), self.has_room()) {
            self.look(now, ann, entry);
        }
    }

    /// The first look of a row is made at once.
    fn plan_look(&mut self, now: Instant) {
        let search = &mut self.search;
        if search.next_at.is_some() {
            return;
        }
        let latest = search.looked_at;
        if latest.is_none_or(|at| later(at, FORGOTTEN) <= now) {
            search.looks = 0;
        }
        let row = search.looks.checked_sub(1).zip(latest);
        let next = row.map_or(now, |(row, at)| later(at, PAUSE.bound(row)));
        search.next_at = Some(next.max(now));
    }

    /// Sends this entry to look, beside its old link. Where to is as for a fill: what was announced last, or what is
    /// configured. A look has no permit and no handoff.
    fn look(&mut self, now: Instant, ann: &mut Announcements, entry: EntryId) {
        let why = self.live(entry).and_then(|live| live.estranged);
        let (origin, target) = self.fill_target(now, ann);
        let to = self.endpoint(&target);
        let patience = self.settings.handoff_timeout.min(LONGEST);
        let give_up = later(now, patience);
        let job = Job {
            entry,
            kind: JobKind::Move,
            target,
            avoid: self.redirects.avoided(now),
            origin: origin.map(|addr| addr.ip()),
            handoff: None,
            front: None,
            shuns_replicas: why == Some(Estrangement::ReadOnly),
            connect_by: give_up,
            give_up,
        };
        if let Some(entry) = self.entries.get_mut(entry) {
            entry.state.mark_for(PendingMove::new(LOOK));
        }
        self.search.entry = Some(entry);
        self.search.looks = self.search.looks.saturating_add(1);
        self.search.looked_at = Some(now);
        self.search.next_at = None;
        self.search.found = false;
        self.offer(now, None, None, to, job);
    }

    /// The job of an entry ended, in whatever way: if it was the look, the old link stays or has gone.
    /// Says whether it was.
    pub(super) fn end_look(&mut self, entry: EntryId) -> bool {
        let mine = self.search.entry == Some(entry);
        if mine {
            self.search.entry = None;
            if let Some(entry) = self.entries.get_mut(entry) {
                if entry
                    .state
                    .pending()
                    .is_some_and(|pending| pending.handoff == LOOK)
                {
                    entry.state.unmark();
                }
            }
        }
        mine
    }

    /// The look has found nothing better. A queue without room is asked again at once.
    pub(super) fn on_look_failed(&mut self, now: Instant, entry: EntryId, kind: FailureKind) {
        if self.end_look(entry) {
            let row = self.search.looks.saturating_sub(1);
            let pause = match kind {
                FailureKind::Closed | FailureKind::Withdrawn => PAUSE.floor,
                _ => PAUSE.steady_delay(row, &mut self.jitter),
            };
            self.search.next_at = Some(later(now, pause));
        }
    }

    /// A link is up, in place of `old`. Whether it was a look, or anyone's dial that has reached a master,
    /// the links that were made before the latest look have a better place to go to. Where the server does
    /// not say what it is, a look has found that only if it has led to another address.
    pub(super) fn on_look_ended(
        &mut self,
        was_look: bool,
        old: Option<&Live>,
        peer: Option<SocketAddr>,
        is_replica: Option<bool>,
    ) {
        let elsewhere = old.is_some_and(|old| old.peer != peer);
        let anew = old.and_then(|old| old.estranged) == Some(Estrangement::MovedToItself);
        let found = match is_replica {
            Some(is_replica) => !is_replica || was_look && anew,
            None => was_look && (anew || elsewhere),
        };
        let is_on = !self
            .estranged(|why| why != Estrangement::Unauthenticated)
            .is_empty();
        self.search.found |= found && is_on;
    }

    /// A link drains, and its entry is filled anew. One that is to move already does that.
    fn renounce(&mut self, now: Instant, at: EntryId) {
        if !self.has_room() {
            if self.entries.moving() + self.draining.replaced() == 0 {
                // Only a link that a caller keeps is in the way, as in a pool of one. Its caller may have no
                // deadline, and all others get nothing but errors meanwhile.
                self.actions.extend(self.draining.make_room(true));
            }
            return;
        }
        let dedicated = self.entries.is_dedicated(at);
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        if entry.state.phase() != Phase::Steady {
            return;
        }
        let Some(link) = entry.state.live().map(|live| live.link) else {
            return;
        };
        entry.state.handle_down();
        // A dedicated entry is filled when a caller asks for it.
        entry.eager = !dedicated;
        self.drain(now, link, None);
        self.actions.push_back(Action::Retire { link });
    }
}
