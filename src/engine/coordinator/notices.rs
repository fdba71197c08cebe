//! The way of a notification through the hooks to the planner. Runs no hook.
//!
//! ```text
//!   a copy --> no hooks, or nothing new --------------------------> planner --> verdict
//!          \-> first copy: hooks are asked --> go on, replace -------^    \--> hooks are told
//!              further copies wait with it  \-> skip: forgotten
//! ```

use super::Coordinator;
use crate::engine::hooks::Said;
use crate::events::{Notice, Reaction, Treatment};
use crate::handoff::announcements::{Source, Verdict};
use crate::handoff::gate::{Entry, Mark, Word};
use crate::handoff::later;
use crate::ids::{LinkId, NodeId};
use crate::lane::say;
use crate::protocol::Notification;
use std::time::Instant;

/// Notifications that wait in order, of [`MOST_WEIGHT`](crate::handoff::gate::MOST_WEIGHT) in sum; further
/// ones are judged at once.
pub(in crate::engine) const MOST_WAITING: usize = 1024;

/// A notification, and the connection over which it came.
#[derive(Debug)]
pub(in crate::engine) struct Received {
    origin: Origin,
    notification: Notification,
}

/// The connection over which a copy came, and its node.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Origin {
    node: NodeId,
    source: Source,
}

impl Origin {
    fn notice(&self, notification: Notification) -> Notice {
        Notice {
            notification,
            peer: self.source.peer,
            endpoint: self.source.via.clone(),
        }
    }
}

impl Coordinator {
    /// Goes on with what came while the hooks were asked.
    fn resume(&mut self, now: Instant) {
        while self.gate.is_quiet() {
            let Some(copy) = self.waiting.pop() else {
                return;
            };
            self.consider(now, copy);
        }
    }

    /// A notification came over `link` of `node`.
    pub(super) fn notified(
        &mut self,
        now: Instant,
        node: NodeId,
        link: LinkId,
        notification: Notification,
    ) {
        let of = self.nodes.get(&node);
        let of = of.filter(|of| of.links.contains_key(&link));
        let Some(source) = of.and_then(|of| of.planner.source(link, now)) else {
            return self.note(link, &notification, Verdict::Stale);
        };
        let received = Received {
            origin: Origin { node, source },
            notification,
        };
        self.consider(now, received);
    }

    fn consider(&mut self, now: Instant, copy: Received) {
        let Received {
            origin,
            notification,
        } = &copy;
        let mark = Mark::of(notification, origin.source.peer);
        if self.gate.has_refused(now, &mark) {
            self.note(origin.source.link, notification, Verdict::Duplicate);
            return;
        }
        let known = self.gate.knows(now, &mark);
        if !known && !self.gate.is_quiet() && self.waiting.has_room(notification.weight()) {
            // A completion must not overtake the start that the hooks are being asked about.
            let weight = notification.weight();
            let dropped = self.waiting.push(copy, weight);
            debug_assert_eq!(dropped, 0, "there was room");
            return;
        }
        let announcements = &self.context.announcements;
        let is_news = || announcements.is_news(now, &origin.source, notification);
        if self.hooks.is_empty() || !(known || is_news()) {
            self.judge(now, origin, notification);
            return;
        }
        // From when it came, not from when it is asked about: what waits behind a hook that hangs would
        // otherwise wait the whole time once more for each notification before it.
        let until = later(origin.source.at, self.hook_timeout);
        let notice = origin.notice(notification.clone());
        match self
            .gate
            .handle_copy(now, mark, notification, origin.clone(), until)
        {
            Entry::Ask(ticket) => {
                if !self.hooks.ask(ticket, notice) {
                    self.counters.hooks_late.count();
                    if let Some((said, origins)) = self.gate.handle_word(now, ticket, Word::GoOn) {
                        self.go_on(now, said, &origins);
                    }
                }
            }
            Entry::Drop => {
                self.counters.notifications_skipped.count();
                say!(
                    self.lane,
                    NOTIFICATION,
                    Trace,
                    "link {}: {} Skipped",
                    origin.source.link,
                    notification.name()
                );
            }
            Entry::Full => {
                // As if the hooks had taken too long.
                self.counters.hooks_late.count();
                self.go_on(now, notification.clone(), std::slice::from_ref(origin));
            }
            Entry::Kept => {}
            Entry::Repeat => self.note(origin.source.link, notification, Verdict::Duplicate),
        }
    }

    /// The hooks have looked at a notification.
    pub(super) fn said(&mut self, now: Instant, Said { ticket, reaction }: Said) {
        let word = if reaction == Reaction::Continue {
            Word::GoOn
        } else {
            Word::Drop
        };
        // Without an entry the hooks took too long, and the notification was acted upon as it came.
        let Some((notification, origins)) = self.gate.handle_word(now, ticket, word) else {
            return;
        };
        match reaction {
            Reaction::Continue => self.go_on(now, notification, &origins),
            Reaction::Replace(replacement) => self.go_on(now, replacement, &origins),
            Reaction::Skip => {
                self.counters
                    .notifications_skipped
                    .add(origins.len() as u64);
                for origin in &origins {
                    say!(
                        self.lane,
                        NOTIFICATION,
                        Trace,
                        "link {}: {} Skipped",
                        origin.source.link,
                        notification.name()
                    );
                }
                self.tell(&origins, notification, Treatment::Skipped);
            }
        }
        self.resume(now);
    }

    /// Waits no longer for hooks whose time is over.
    pub(super) fn stop_asking(&mut self, now: Instant) {
        for (_, (notification, origins)) in self.gate.handle_timeout(now) {
            self.counters.hooks_late.count();
            say!(
                self.lane,
                HOOKS,
                Warn,
                "hooks took too long over {}: it counts as it came",
                notification.name()
            );
            self.go_on(now, notification, &origins);
        }
        self.resume(now);
    }

    /// Judges all copies, and tells the hooks what became of the event.
    fn go_on(&mut self, now: Instant, notification: Notification, origins: &[Origin]) {
        let mut treatment = None;
        for origin in origins {
            let judged = match self.judge(now, origin, &notification) {
                Verdict::Acted => Treatment::Acted,
                Verdict::Refused(_) => Treatment::Refused,
                Verdict::CatchUp | Verdict::Duplicate => Treatment::Duplicate,
                Verdict::NotOptedIn | Verdict::Stale => Treatment::Stale,
            };
            if treatment.is_none() || judged == Treatment::Acted {
                treatment = Some(judged);
            }
        }
        self.tell(origins, notification, treatment.unwrap_or(Treatment::Stale));
    }

    fn tell(&self, origins: &[Origin], notification: Notification, treatment: Treatment) {
        if let Some(first) = origins.first() {
            self.hooks.tell(first.notice(notification), treatment);
        }
    }

    fn judge(&mut self, now: Instant, origin: &Origin, notification: &Notification) -> Verdict {
        let mark = Mark::of(notification, origin.source.peer);
        let verdict = if self.gate.has_refused(now, &mark) {
            Verdict::Duplicate
        } else {
            let of = self.nodes.get_mut(&origin.node);
            let announcements = &mut self.context.announcements;
            of.map_or(Verdict::Stale, |of| {
                (of.planner).handle_notification(now, announcements, &origin.source, notification)
            })
        };
        self.note(origin.source.link, notification, verdict);
        if let Verdict::Refused(_) = verdict {
            // The planner forgets what it refuses, and would say so again for every copy.
            self.gate.handle_refusal(now, mark);
        }
        verdict
    }

    fn note(&self, link: LinkId, notification: &Notification, verdict: Verdict) {
        say!(
            self.lane,
            NOTIFICATION,
            Trace,
            "link {}: {} {verdict:?}",
            link,
            notification.name()
        );
        self.note_verdict(verdict);
    }

    pub(super) fn note_verdict(&self, verdict: Verdict) {
        match verdict {
            Verdict::Acted => self.counters.notifications_acted.count(),
            Verdict::CatchUp => self.counters.notifications_caught_up.count(),
            Verdict::Duplicate => self.counters.notifications_duplicate.count(),
            // Counted when the planner publishes the refusal.
            Verdict::NotOptedIn | Verdict::Refused(_) => {}
            Verdict::Stale => self.counters.notifications_stale.count(),
        }
    }
}
