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
use super::entry::Entry;
use super::state::{Live, PendingMove, Phase};
use crate::handoff::announcements::Announcements;
use crate::handoff::estranged::Estrangement;
use crate::handoff::{LONGEST, later};
use crate::ids::{EntryId, HandoffId, LinkId};
use std::net::SocketAddr;
use std::time::Instant;

/// What an entry that looks is marked with: it belongs to no handoff.
pub(super) const LOOK: HandoffId = HandoffId::new(u64::MAX);

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
        if !self.settings.has_login || !self.looks.handle_unknown(now, dialled_at) {
            return;
        }
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
        let looked_at = self.looks.looked_at();
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
    fn estranged(&self, is: &dyn Fn(Estrangement) -> bool) -> Vec<EntryId> {
        let is = |at: &EntryId| {
            let why = self.live(*at).and_then(|live| live.estranged);
            why.is_some_and(is)
        };
        self.entries.ids().filter(is).collect()
    }

    /// Looks, where that is due, and lets go of links once a better server is found.
    pub(super) fn advance_search(&mut self, now: Instant, ann: &mut Announcements) {
        for entry in self.estranged(&|why| why == Estrangement::Unauthenticated) {
            self.renounce(now, entry);
        }
        let wrong = self.estranged(&|why| why != Estrangement::Unauthenticated);
        if self.looks.has_found() {
            let before = self.looks.looked_at();
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
            let left = wrong.iter().any(|at| older(self, at));
            self.looks.set_found(left);
        }
        let wrong: Vec<EntryId> = wrong
            .into_iter()
            .filter(|at| self.live(*at).is_some())
            .collect();
        if wrong.is_empty() {
            self.looks.handle_all_right();
            return;
        }
        if !self.looks.is_due(now) || self.blocked_until.is_some() {
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
        self.looks.begin(now, entry);
        self.offer(now, None, None, to, job);
    }

    /// The job of an entry ended, in whatever way: if it was the look, the old link stays or has gone.
    /// Says whether it was.
    pub(super) fn end_look(&mut self, entry: EntryId) -> bool {
        let mine = self.looks.end(entry);
        if mine {
            if let Some(entry) = self.entries.get_mut(entry) {
                if entry.state.is_marked_for(LOOK) {
                    entry.state.unmark();
                }
            }
        }
        mine
    }

    /// The look has found nothing better. A queue without room is asked again at once.
    pub(super) fn on_look_failed(&mut self, now: Instant, entry: EntryId, kind: FailureKind) {
        if self.end_look(entry) {
            self.looks.handle_failure(now, kind, &mut self.jitter);
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
            .estranged(&|why| why != Estrangement::Unauthenticated)
            .is_empty();
        if found && is_on {
            self.looks.set_found(true);
        }
    }

    /// A link drains, and its entry is filled anew. One that is to move already does that.
    fn renounce(&mut self, now: Instant, at: EntryId) {
        let is_steady = |entry: &Entry| entry.state.phase() == Phase::Steady;
        if !self.entries.get(at).is_some_and(is_steady) {
            return;
        }
        if !self.has_room() {
            if self.entries.moving() + self.draining.replaced() == 0 {
                // Only a link that a caller keeps is in the way, as in a pool of one. Its caller may have no
                // deadline, and the others would get errors for as long.
                let room = self.draining.make_room(true);
                self.act(room);
            }
            return;
        }
        let dedicated = self.entries.is_dedicated(at);
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
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
