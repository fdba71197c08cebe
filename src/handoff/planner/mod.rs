//! The brain of a client's handoffs: what happened goes in, what to do comes out. Dials nothing,
//! sends nothing, waits for nothing.
//!
//! One thread owns it. That thread feeds every input as it happens, carries out all actions after
//! each, and sleeps until [`Planner::poll_timeout`] or the next input. It calls
//! [`Planner::handle_timeout`] once at the start, so that the idle minimum is filled.
//!
//! Five rules bound what the outside world can make it do:
//!
//! - one job per entry at a time, whatever notifications say meanwhile; the newest one counts when the
//!   job ends;
//! - draining links and moves under way are never more than the entries, so the sockets of a client are
//!   never more than twice its entries. An entry that must move while there is no place waits for a
//!   draining link to end; one that is still waiting at half time has the draining link that ends
//!   soonest closed;
//! - a link that takes no command any more, but on which callers still wait, counts among the links of the
//!   pool until it ends, and delays no move of another; where only such links are left, one more is made.
//!   Beyond as many of them as entries the oldest is closed. In a pool of one it is closed for a move at half
//!   time, and at once for a link that the server does not know any more;
//! - a fill for callers who wait never waits for a move: one that is out for long is interrupted, and
//!   starts again afterwards;
//! - a handoff, a redirect and a window each end by the clock, whatever else is lost.

pub(crate) mod action;
mod dedicated;
mod draining;
mod entries;
mod entry;
mod fills;
mod fronts;
mod handoff;
mod handoffs;
mod interrupts;
mod jobs;
mod last_call;
mod links;
mod looks;
mod lookups;
mod notices;
mod offers;
mod permits;
mod refill;
mod schedule;
mod search;
mod settings;
mod state;
mod timer;

use action::AbandonReason;
pub(crate) use action::{
    Action, Ending, FailureKind, Front, Job, JobFailure, JobKind, LinkUp, Target, Why,
};
use handoff::Stage;
#[cfg(test)]
use handoff::Trigger;
pub(crate) use settings::Settings;
pub(crate) use state::Phase;

use super::announcements::{Announcements, Source};
use super::backoff::{Backoff, Jitter};
use super::later;
use super::redirects::Redirects;
use crate::events::{self, MaintenanceEvent};
use crate::ids::{EntryId, LinkId};
use draining::Draining;
use entries::Entries;
use handoffs::Handoffs;
use looks::Looks;
use lookups::Lookups;
use refill::Refill;
use std::collections::VecDeque;
use std::net::IpAddr;
#[cfg(test)]
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A queue that was full is offered to again after this.
const QUEUE_PAUSE: Duration = Duration::from_millis(10);

/// Decides when entries move, where to, and how vacant ones are filled.
///
/// Invariant: replaced links and entries in the state Handing are together never more than the entries,
/// unless links come up that no job asked for.
#[derive(Debug)]
pub(crate) struct Planner {
    settings: Settings,
    jitter: Jitter,
    /// The shared ones, and then as many of the dedicated ones as were ever wanted.
    entries: Entries,
    draining: Draining,
    handoffs: Handoffs,
    redirects: Redirects,
    lookups: Lookups,
    refill: Refill,
    looks: Looks,
    blocked_until: Option<Instant>,
    /// The time of the latest input: what was due by then has been done.
    clock: Option<Instant>,
    actions: VecDeque<Action>,
}

impl Planner {
    /// All entries vacant. The seed spreads attempts in time; the same seed and inputs give the same
    /// actions.
    pub(crate) fn new(settings: Settings, seed: u64) -> Self {
        let entries = Entries::new(settings.pool_size);
        Self {
            jitter: Jitter::new(seed),
            entries,
            draining: Draining::default(),
            handoffs: Handoffs::default(),
            redirects: Redirects::new(),
            lookups: Lookups::new(&settings.configured),
            refill: Refill::new(Backoff {
                floor: settings.backoff_floor,
                cap: settings.backoff_cap,
            }),
            looks: Looks::default(),
            blocked_until: None,
            clock: None,
            actions: VecDeque::new(),
            settings,
        }
    }

    /// Callers found every live link busy, or none live: so many more links are wanted. `awaited`: there
    /// are callers who cannot go on before that.
    pub(crate) fn handle_wanted(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        count: usize,
        awaited: bool,
    ) {
        let now = self.tick(now);
        self.entries.want(count, awaited);
        self.advance(now, ann);
    }

    /// A link that serves now, to vouch for what it tells at `at` even if it is gone by the time that this is
    /// judged. What other links tell is stale: they were replaced, or have ended.
    pub(crate) fn source(&self, link: LinkId, at: Instant) -> Option<Source> {
        let mut serving = self.entries.iter().filter_map(|entry| entry.state.live());
        let live = serving.find(|live| live.link == link)?;
        Some(Source {
            node: self.settings.node,
            link,
            peer: live.peer,
            via: live.via.clone(),
            opted_in: live.opted_in,
            up_at: live.up_at,
            dialled_at: live.dialled_at,
            at,
        })
    }

    /// A link serves its entry from now on; what served it before drains.
    pub(crate) fn handle_link_up(&mut self, now: Instant, ann: &mut Announcements, up: LinkUp) {
        let now = self.tick(now);
        if !self.entries.has(up.entry) {
            self.actions.push_back(Action::Close { link: up.link });
        } else {
            self.on_link_up(now, ann, up);
        }
        self.advance(now, ann);
    }

    /// A link has ended.
    pub(crate) fn handle_link_down(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        entry: EntryId,
        link: LinkId,
        ending: Ending,
    ) {
        let now = self.tick(now);
        self.on_link_down(now, entry, link, ending);
        self.advance(now, ann);
    }

    /// A link takes no new command, and will end once it has answered what was asked.
    pub(crate) fn handle_link_unusable(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        entry: EntryId,
        link: LinkId,
        ending: Ending,
    ) {
        let now = self.tick(now);
        if self.on_link_unusable(now, entry, link, ending) && !self.entries.is_dedicated(entry) {
            let most = self.settings.pool_size;
            let end = self.draining.condemn(link, most);
            self.act(end);
        }
        self.advance(now, ann);
    }

    /// No caller waits for a shared link: entries whose job fails are not filled on their account any more.
    pub(crate) fn handle_unwanted(&mut self) {
        self.entries.unwant();
    }

    /// The client closes: what goes on is abandoned, and nothing more is to be asked of this.
    pub(crate) fn handle_close(&mut self, now: Instant) {
        let left: Vec<usize> = self
            .handoffs
            .iter()
            .map(|op| self.entries.left(op.id))
            .collect();
        let all = self.handoffs.iter_mut().zip(left);
        for (handoff, left) in all.filter(|(op, _)| !op.reported) {
            handoff.reported = true;
            handoff.stage = Stage::Ended;
            self.actions.push_back(Action::Publish {
                event: MaintenanceEvent::HandoffAbandoned(handoff.account(now, left)),
                why: Some(Why::Abandoned(AbandonReason::Closed)),
            });
        }
    }

    /// The job of this entry ended without a link.
    pub(crate) fn handle_job_failed(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        entry: EntryId,
        failure: JobFailure,
    ) {
        let now = self.tick(now);
        self.on_job_failed(now, ann, entry, failure);
        self.blocked_until = None;
        self.advance(now, ann);
    }

    /// The queue did not take the job of this entry: it is offered again when a job ends, or soon.
    pub(crate) fn handle_queue_full(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        entry: EntryId,
    ) {
        let now = self.tick(now);
        if let Some(job) = self.entries.get_mut(entry).and_then(|s| s.state.settle()) {
            if let (Some(permit), Some(breaker)) = (job.permit, ann.breakers.known(&job.to)) {
                breaker.handle_withdrawal(permit);
            }
            self.blocked_until = Some(later(now, QUEUE_PAUSE));
            self.on_look_failed(now, entry, FailureKind::Closed);
        }
        self.advance(now, ann);
    }

    /// The resolver has answered. An error is "unknown".
    pub(crate) fn handle_resolved(
        &mut self,
        now: Instant,
        ann: &mut Announcements,
        host: &str,
        answer: Result<Vec<IpAddr>, ()>,
    ) {
        let now = self.tick(now);
        if let Some(answer) = self.lookups.handle_answer(host, answer) {
            self.on_answer(now, ann, &answer);
        }
        self.advance(now, ann);
    }

    /// Time has passed. Early and repeated calls change nothing.
    pub(crate) fn handle_timeout(&mut self, now: Instant, ann: &mut Announcements) {
        let now = self.tick(now);
        self.advance(now, ann);
    }

    /// The next thing to carry out.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Inputs are stamped by several threads, so a later one may carry an earlier time.
    fn tick(&mut self, now: Instant) -> Instant {
        let now = self.clock.map_or(now, |before| before.max(now));
        self.clock = Some(now);
        now
    }
}

/// What can be asked at any time, for statistics and tests.
impl Planner {
    /// The state of each entry.
    pub(crate) fn phases(&self) -> impl Iterator<Item = Phase> + '_ {
        self.entries.iter().map(|entry| entry.state.phase())
    }

    /// The peer of each entry's link.
    #[cfg(test)]
    pub(crate) fn peer(&self, entry: impl Into<EntryId>) -> Option<SocketAddr> {
        let entry = entry.into();
        self.entries.get(entry)?.state.live()?.peer
    }

    /// The handoffs that still move entries.
    pub(crate) fn handoffs(&self, now: Instant) -> Vec<events::Handoff> {
        self.handoffs
            .active()
            .map(|op| op.account(now, self.entries.left(op.id)))
            .collect()
    }

    /// Whether an entry may have a second link, within twice as many sockets as there are entries.
    ///
    /// A condemned link stands in for the link that its entry lacks, so it takes the place of a move only where
    /// the entries have links in spite of it.
    fn has_room(&self) -> bool {
        let (moving, cap) = (self.entries.moving(), self.settings.handoff_concurrency);
        let held = self.entries.held();
        let (all, replaced) = (self.entries.len(), self.draining.replaced());
        let condemned = self.draining.len() - replaced;
        let beyond = (held + condemned).saturating_sub(all);
        (cap == 0 || moving < cap) && moving + replaced + beyond < all
    }

    /// The addresses that retire.
    #[cfg(test)]
    pub(crate) fn redirects(&self) -> &Redirects {
        &self.redirects
    }

    /// Whether this link was replaced and has not ended.
    pub(crate) fn is_draining(&self, link: LinkId) -> bool {
        self.draining.was_replaced(link)
    }

    /// How many replaced links have not ended.
    pub(crate) fn draining(&self) -> usize {
        self.draining.replaced()
    }
}

#[cfg(test)]
mod tests;
