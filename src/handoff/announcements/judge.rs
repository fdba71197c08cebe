//! The one judge of notifications: which copy counts, and what window it opens or closes. Moves nothing.
//!
//! The coordinator asks twice. [`is_news`](Announcements::is_news) decides whether hooks are asked, and changes
//! nothing; `handle_notification` comes after the hooks, from the planner of the node that told, and remembers.
//! Both use the same verdict, so that no hook is asked about what will not count.
//!
//! ```text
//!   not opted in --> NotOptedIn      MOVING: forbidden target --> Refused; seen --> Duplicate; else Acted
//!                                    start: seen --> Duplicate; behind its completion --> Stale; else Acted
//!                                    completion: seen --> Duplicate; replayed to a new link --> CatchUp
//! ```

use super::event_id::{EventId, Kind};
use super::source::{CATCH_UP, Source};
use super::{Announcements, Effect, scope_of};
use crate::handoff::policy::{self, Forbidden};
use crate::handoff::windows::{Cause, Family, Scope};
use crate::handoff::{announced, later};
use crate::protocol::Notification;
use std::time::{Duration, Instant};

/// An event is remembered this much longer than its window and tail.
const MEMORY: Duration = Duration::from_secs(60);
/// Servers close a connection this much later than announced, at the latest: up to 4.1 s were seen.
pub(crate) const LATE_CLOSE: Duration = Duration::from_secs(5);

/// What became of a notification.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Verdict {
    /// New, and acted upon: a window opens or closes, or a handoff begins.
    Acted,
    /// The end of something that ended before this connection existed.
    CatchUp,
    /// A further copy.
    Duplicate,
    /// From a connection on which the server was not asked for notifications: not believed.
    NotOptedIn,
    /// It names a place that may not be dialled.
    Refused(Forbidden),
    /// From a connection that was already replaced or has ended, or the start of what has ended.
    Stale,
}

impl Announcements {
    /// Whether this notification is news: no copy, no memory, and asked for. News may still be refused: hooks
    /// hear of a forbidden target too. Changes nothing.
    pub(crate) fn is_news(&self, now: Instant, source: &Source, said: &Notification) -> bool {
        let verdict = self.verdict_on(now, source, said);
        matches!(verdict, Verdict::Acted | Verdict::Refused(_))
    }

    /// Whether it is a copy of one that named a place that may not be dialled. Changes nothing.
    pub(in crate::handoff) fn has_refused(
        &self,
        now: Instant,
        source: &Source,
        said: &Notification,
    ) -> bool {
        self.gate.has_refused(now, &EventId::of(said, source.peer))
    }

    /// Judges a notification, remembers a first copy, and opens or closes its window. On the coordinator's
    /// thread, by the planner of the node that told it, once for each copy. The window of a MOVING
    /// is the planner's to open, which knows how long the handoff lasts, unless nothing is moved at all.
    pub(in crate::handoff) fn handle_notification(
        &mut self,
        now: Instant,
        source: &Source,
        said: &Notification,
    ) -> Verdict {
        let id = EventId::of(said, source.peer);
        if self.gate.has_refused(now, &id) {
            return Verdict::Duplicate;
        }
        let verdict = self.verdict_on(now, source, said);
        if let Verdict::Refused(_) = verdict {
            // Told once, and not again for every copy.
            self.gate.handle_refusal(now, id.clone());
        }
        let (kind, cause) = (id.kind, id.cause());
        let scope = match kind {
            Kind::SlotsMigrating => scope_of(source.peer),
            _ => Scope::Database,
        };
        match (verdict, said) {
            (Verdict::Acted, Notification::Moving { time, .. }) => {
                self.on_moving(now, id, source, *time);
            }
            // A copy of a MOVING has its window from the first, and may not prolong it.
            (_, Notification::Moving { .. }) => {}
            (Verdict::Acted, _) if kind.is_completion() => self.on_completion(now, id),
            (Verdict::Acted, _) => self.on_start(now, id, scope),
            // The same event, perhaps at another peer.
            (Verdict::Duplicate, _)
                if !kind.is_completion() && self.windows.spread(now, cause, scope).is_some() =>
            {
                self.relax(now, scope);
            }
            _ => {}
        }
        verdict
    }

    /// What this notification is, as things stand. The order of the checks is that of trust: who says so, where
    /// it would lead, and only then whether it was heard before.
    fn verdict_on(&self, now: Instant, source: &Source, said: &Notification) -> Verdict {
        if !source.opted_in {
            return Verdict::NotOptedIn;
        }
        let id = EventId::of(said, source.peer);
        if let Some(completion) = id.kind.completion() {
            return self.verdict_on_window(now, source, &id, completion);
        }
        // Where nothing is moved, no place is dialled because a server names it.
        if let Some(target) = id.target.as_ref().filter(|_| self.settings.handoffs) {
            if let Err(why) = policy::judge(target, source.peer.map(|addr| addr.ip())) {
                return Verdict::Refused(why);
            }
        }
        if self.memory.first(&id, now).is_some() {
            return Verdict::Duplicate;
        }
        // Whoever opts in is told what goes on. Over a connection to another address that is another event by
        // its id, although this connection was made because of it.
        let target = id.target.as_ref();
        let elsewhere = self.memory.first_move(id.seq, target, now);
        if elsewhere.is_some_and(|first| first <= source.dialled_at)
            && (source.is_fresh() || source.is_at(target))
        {
            // The event that this connection was made for, told again because the connection is new.
            return Verdict::Duplicate;
        }
        Verdict::Acted
    }

    /// The same for notifications that open a window, or close it with `completion`. Numbers rise over all
    /// kinds, so that a start which comes behind the completion of a higher number is late and opens nothing.
    fn verdict_on_window(
        &self,
        now: Instant,
        source: &Source,
        id: &EventId,
        completion: Kind,
    ) -> Verdict {
        if self.memory.first(id, now).is_some() {
            return Verdict::Duplicate;
        }
        if id.kind != completion {
            let is_late = self.memory.is_beyond(completion, id.seq, now);
            return if is_late {
                Verdict::Stale
            } else {
                Verdict::Acted
            };
        }
        // Servers keep no SMIGRATED for those who join later: none is a catch-up.
        let may_be_replay = source.is_fresh() && id.kind != Kind::SlotsMigrated;
        let Cause { family, seq } = id.cause();
        if may_be_replay && !self.windows.matches(family, seq) {
            return Verdict::CatchUp;
        }
        Verdict::Acted
    }

    /// A MOVING that counts. Without a number it is remembered only until the connection would be closed: the
    /// next one without a number is another event.
    fn on_moving(&mut self, now: Instant, id: EventId, source: &Source, time: i64) {
        let end = later(now, announced(time) + LATE_CLOSE);
        let expires = match id.seq {
            Some(_) => later(later(end, self.settings.post_handoff), MEMORY),
            None => end,
        };
        let cause = id.cause();
        self.memory.remember(id, now, expires);
        if !self.settings.handoffs {
            self.open_window(now, scope_of(source.peer), cause, end);
        }
    }

    /// A start that counts. Its window lasts until its completion or the cap of its family, whichever comes
    /// first: completions get lost, and the time
    /// in the notification says when the work begins, not how long it takes.
    fn on_start(&mut self, now: Instant, id: EventId, scope: Scope) {
        let cause = id.cause();
        let cap = match cause.family {
            Family::Failover => self.settings.failover_cap,
            Family::SlotMigration => self.settings.slot_migration_cap,
            Family::Migration | Family::Moving | Family::Unlisted => self.settings.migration_cap,
        };
        let until = later(now, cap);
        let expires = match cause.seq {
            Some(_) => later(later(until, self.settings.post_handoff), MEMORY),
            None => until,
        };
        self.memory.remember(id, now, expires);
        self.open_window(now, scope, cause, until);
    }

    /// A completion that counts. It ends every window of its family that started before it, not its own
    /// alone: the completions between may have been lost.
    fn on_completion(&mut self, now: Instant, id: EventId) {
        let (kind, Cause { family, seq }) = (id.kind, id.cause());
        // Without a number the next completion of this kind is another event, and may come soon.
        let lasts = match seq {
            Some(_) => self.settings.post_handoff.saturating_add(MEMORY),
            None => CATCH_UP,
        };
        self.memory.remember(id, now, later(now, lasts));
        for window in self.windows.close(now, family, seq) {
            self.on_window_end(now, &window);
        }
        if kind == Kind::FailedOver {
            self.effects.push(Effect::CheckLiveness);
        }
    }
}
