//! Links that serve no entry any more and still answer commands. Ends none itself: it says which are to end.
//!
//! There are two kinds. A *replaced* link has a better one in its place, and lives until its server is about to
//! close it. A *condemned* link had a command time out on it, and lives for the callers who still wait on it.

use super::action::Action;
use super::timer::Soonest;
use crate::handoff::later;
use crate::ids::LinkId;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A draining link is asked to end this long before its server may close it.
const CLOSE_AHEAD: Duration = Duration::from_millis(500);
/// A draining link is ended this long after its server was to close it.
const HARD_END: Duration = Duration::from_secs(5);

/// Work that would outlive a link is told so long before its server may close it, or a quarter of the
/// announced time before where that is less.
const LAST_CALL: Duration = Duration::from_secs(1);

/// When a link is closed that is to be replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct DrainEnd {
    /// When work that would outlive it is to end.
    pub(super) last_call: Instant,
    /// When its server may close it.
    pub(super) deadline: Instant,
}

impl DrainEnd {
    /// The end at `deadline`, which was announced at `since`.
    pub(super) fn new(since: Instant, deadline: Instant) -> Self {
        let ahead = (deadline.saturating_duration_since(since) / 4).min(LAST_CALL);
        Self {
            last_call: deadline.checked_sub(ahead).unwrap_or(since),
            deadline,
        }
    }

    /// When a link that the server has not closed by then is out of danger, and a replaced one is ended.
    pub(super) fn hard_end(self) -> Instant {
        later(self.deadline, HARD_END)
    }
}

/// Until when a link that serves no entry may live. The order is that in which they make room: a replaced link
/// ends before one on which callers are known to wait.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Until {
    /// It was replaced: it is asked to end at the second time, and ended at the first.
    Replaced {
        hard_end: Instant,
        close_at: Instant,
    },
    /// A command timed out on it: the deadline of each caller who still waits on it ends that.
    Condemned,
}

#[derive(Debug)]
struct Old {
    link: LinkId,
    until: Until,
    /// When to say that it is about to end, until that was said.
    last_call: Option<Instant>,
    /// It is to end as soon as it has nothing left to answer.
    asked: bool,
    /// It is ending.
    forced: bool,
}

impl Old {
    fn new(link: LinkId, until: Until) -> Self {
        Self {
            link,
            until,
            last_call: None,
            asked: false,
            forced: false,
        }
    }

    fn is_condemned(&self) -> bool {
        self.until == Until::Condemned
    }

    /// Its times, while nobody has ended it.
    fn times(&self) -> Option<(Instant, Instant)> {
        match self.until {
            Until::Replaced { hard_end, close_at } if !self.forced => Some((close_at, hard_end)),
            Until::Replaced { .. } | Until::Condemned => None,
        }
    }

    fn end(&mut self) -> Action {
        self.forced = true;
        Action::Close { link: self.link }
    }
}

/// The links that drain, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Draining(Vec<Old>);

impl Draining {
    /// A link was replaced; its server closes it at the deadline of `end`.
    pub(super) fn replace(&mut self, now: Instant, link: LinkId, end: DrainEnd) {
        let deadline = end.deadline.max(now);
        let close_at = deadline.checked_sub(CLOSE_AHEAD).unwrap_or(now).max(now);
        let hard_end = DrainEnd { deadline, ..end }.hard_end();
        let until = Until::Replaced { hard_end, close_at };
        let mut old = Old::new(link, until);
        old.last_call = Some(end.last_call);
        self.0.push(old);
    }

    /// When to say of a replaced link that it is about to end.
    pub(super) fn note_last_calls(&self, soonest: &mut Soonest) {
        for old in &self.0 {
            soonest.note(old.last_call);
        }
    }

    /// The replaced links that are about to end by now, each once.
    pub(super) fn call_last(&mut self, now: Instant, actions: &mut VecDeque<Action>) {
        for old in &mut self.0 {
            let is_due = old.last_call.take_if(|at| *at <= now).is_some();
            if let (true, Until::Replaced { hard_end, .. }) = (is_due, old.until) {
                actions.push_back(Action::LastCall {
                    link: old.link,
                    until: hard_end,
                });
            }
        }
    }

    /// A shared link takes no command any more, but callers may still wait on it. Beyond `most` such links the
    /// oldest is to end: callers who wait without a deadline must not keep sockets without bound.
    pub(super) fn condemn(&mut self, link: LinkId, most: usize) -> Option<Action> {
        self.0.push(Old::new(link, Until::Condemned));
        if self.condemned() <= most {
            return None;
        }
        let kept = |old: &&mut Old| old.is_condemned() && !old.forced;
        self.0.iter_mut().find(kept).map(Old::end)
    }

    /// A link has ended, whether it drained or not.
    pub(super) fn handle_down(&mut self, link: LinkId) {
        self.0.retain(|old| old.link != link);
    }

    /// How many links have not ended.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many links serve nobody but the callers who still wait on them. One that is ending is no more kept.
    pub(super) fn condemned(&self) -> usize {
        let kept = |old: &&Old| old.is_condemned() && !old.forced;
        self.0.iter().filter(kept).count()
    }

    /// How many replaced links have not ended.
    pub(super) fn replaced(&self) -> usize {
        self.0.iter().filter(|old| !old.is_condemned()).count()
    }

    /// Whether this link was replaced and has not ended.
    pub(super) fn was_replaced(&self, link: LinkId) -> bool {
        self.0
            .iter()
            .any(|old| old.link == link && !old.is_condemned())
    }

    /// A move waits for the end of one of these. Where it is `urgent` the one that would end soonest is ended,
    /// otherwise that one is asked to end when it has answered everything. Nothing, while one ends already:
    /// no second one is to end for the same move.
    pub(super) fn make_room(&mut self, urgent: bool) -> Option<Action> {
        if self.0.iter().any(|old| old.forced) {
            return None;
        }
        let soonest = self.0.iter_mut().min_by_key(|old| old.until)?;
        if urgent {
            return Some(soonest.end());
        }
        let link = soonest.link;
        let is_news = !std::mem::replace(&mut soonest.asked, true);
        is_news.then_some(Action::CloseIfIdle { link })
    }

    /// When a link is to be asked to end, or to be ended.
    pub(super) fn note_times(&self, soonest: &mut Soonest) {
        for old in &self.0 {
            if let Some((close_at, hard_end)) = old.times() {
                soonest.note(Some(close_at));
                soonest.note(Some(hard_end));
            }
        }
    }

    /// Which links are to end by now, and how.
    pub(super) fn handle_timeout(&mut self, now: Instant, actions: &mut VecDeque<Action>) {
        for old in &mut self.0 {
            let Some((close_at, hard_end)) = old.times() else {
                continue;
            };
            if hard_end <= now {
                actions.push_back(old.end());
            } else if close_at <= now && !std::mem::replace(&mut old.asked, true) {
                actions.push_back(Action::CloseIfIdle { link: old.link });
            }
        }
    }
}
