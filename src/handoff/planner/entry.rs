//! One entry with what is kept about it whatever its state. Moves nothing.

use super::handoff::{Handoff, RETRY};
use super::refill::Renewal;
use super::state::{EntryState, PendingMove, Phase};
use crate::handoff::later;
use crate::ids::{HandoffId, LinkId};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Moves in a row that an entry makes without a rest.
const FREE_HOPS: u32 = 3;
/// An entry that has not moved for this long is no longer in a row of moves.
const SETTLED: Duration = Duration::from_secs(10);

/// A link that gave its entry up because the place that the entry moves to has no room for a second
/// connection.
#[derive(Debug)]
pub(super) struct ReleasedFirst {
    pub(super) link: LinkId,
    pub(super) from: Option<SocketAddr>,
    /// What it was to move for, and the attempts so far, which count on if it comes back.
    pub(super) pending: PendingMove,
    pub(super) since: Instant,
    /// Dials of its entry since then, which take turns.
    pub(super) tries: u32,
    /// Its socket is closed: there may be room now.
    pub(super) ended: bool,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) state: EntryState,
    /// A caller waits for it.
    pub(super) wanted: bool,
    /// It lost its link unasked, or the idle minimum is not met.
    pub(super) eager: bool,
    /// The address that its link was lost to. Until a link is up.
    pub(super) lost: Option<SocketAddr>,
    /// When to look whether anybody uses it: of dedicated entries with a link.
    pub(super) look_at: Option<Instant>,
    /// How soon it is dialled after a loss.
    pub(super) renewal: Renewal,
    /// What served it, if that ended first to make room. Until a link is up.
    pub(super) released_first: Option<ReleasedFirst>,
    /// The last handoff for which a link of it gave way: none does so twice.
    pub(super) yielded: Option<HandoffId>,
    /// Moves in quick succession, and when the last one was.
    hops: u32,
    hopped_at: Option<Instant>,
    /// It does not move again before this, as far as that costs no move.
    rests_until: Option<Instant>,
}

impl Entry {
    /// A vacant entry that nobody wants.
    pub(super) fn new() -> Self {
        Self {
            state: EntryState::Vacant,
            wanted: false,
            eager: false,
            lost: None,
            look_at: None,
            renewal: Renewal::default(),
            released_first: None,
            yielded: None,
            hops: 0,
            hopped_at: None,
            rests_until: None,
        }
    }

    /// Whether a job of this handoff is under way for it.
    pub(super) fn works_for(&self, id: HandoffId) -> bool {
        let job = self.state.assignment().and_then(|job| job.handoff);
        job.is_some_and(|(of, _)| of == id)
    }

    /// Whether its link gave way for this handoff, and no other is up.
    pub(super) fn released_first_for(&self, id: HandoffId) -> bool {
        let old = self.released_first.as_ref();
        old.is_some_and(|old| old.pending.handoff == id)
    }

    /// Whether a job would be of use: not while the link that gave way still has its socket.
    pub(super) fn is_fillable(&self) -> bool {
        let old = self.released_first.as_ref();
        self.state.phase() == Phase::Vacant && old.is_none_or(|old| old.ended)
    }

    /// Whether it has yet to move for this handoff, or is moving.
    pub(super) fn is_left_to(&self, id: HandoffId) -> bool {
        self.state
            .pending()
            .is_some_and(|pending| pending.handoff == id)
            || self.works_for(id)
            || self.released_first_for(id)
    }

    /// Until when it does not move for this handoff: a rest ends at half of the announced time. Where
    /// none is announced, it still lasts long enough that servers which send it in circles cause no storm.
    pub(super) fn rests_until(&self, handoff: &Handoff) -> Option<Instant> {
        let least = later(handoff.first_seen, RETRY.floor);
        let most = handoff.half.max(least);
        self.rests_until.map(|until| until.min(most))
    }

    /// It has moved. The first few moves in a row may follow each other at once: chains are real. After
    /// these it rests ever longer, so that servers that send it in circles cause no storm of dials.
    pub(super) fn handle_hop(&mut self, now: Instant) {
        let settled = |at| now.saturating_duration_since(at) >= SETTLED;
        if self.hopped_at.is_none_or(settled) {
            self.hops = 0;
        }
        self.hops = self.hops.saturating_add(1);
        self.hopped_at = Some(now);
        self.rests_until = self
            .hops
            .checked_sub(FREE_HOPS)
            .map(|beyond| later(now, RETRY.bound(beyond)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handoff::origin;

    fn rest(entry: &Entry, now: Instant) -> Option<Duration> {
        entry
            .rests_until
            .map(|until| until.saturating_duration_since(now))
    }

    #[test]
    fn the_first_moves_in_a_row_follow_each_other_at_once() {
        let now = origin();
        let mut entry = Entry::new();
        for _ in 0..FREE_HOPS - 1 {
            entry.handle_hop(now);
            assert_eq!(rest(&entry, now), None);
        }
        entry.handle_hop(now);
        assert_eq!(rest(&entry, now), Some(Duration::from_millis(250)));
    }

    #[test]
    fn rests_double_up_to_two_seconds() {
        let now = origin();
        let mut entry = Entry::new();
        let rests: Vec<_> = (0..10)
            .map(|_| {
                entry.handle_hop(now);
                rest(&entry, now).map_or(0, |rest| rest.as_millis())
            })
            .collect();
        assert_eq!(rests, [0, 0, 250, 500, 1000, 2000, 2000, 2000, 2000, 2000]);
    }

    #[test]
    fn ten_quiet_seconds_end_the_row() {
        let mut now = origin();
        let mut entry = Entry::new();
        (0..8).for_each(|_| entry.handle_hop(now));
        now += SETTLED - Duration::from_millis(1);
        entry.handle_hop(now);
        assert!(rest(&entry, now).is_some());
        now += SETTLED;
        entry.handle_hop(now);
        assert_eq!(rest(&entry, now), None);
    }

    #[test]
    fn any_number_of_moves_can_be_counted() {
        let now = origin();
        let mut entry = Entry::new();
        entry.hops = u32::MAX;
        entry.hopped_at = Some(now);
        entry.handle_hop(now);
        assert_eq!(rest(&entry, now), Some(Duration::from_secs(2)));
    }
}
