//! Brings notifications from the links past the hooks to the planners, and counts what became of them.
//! Decides nothing: each step is one that the announcements have answered. Runs no hook: that is
//! `hitless-hooks`' part.
//!
//! ```text
//!   notified --> consider --Ask--> hitless-hooks --Said--> said --> go_on --> judge, for each copy
//!                   |  |                                     |                   |
//!                   |  '--Judge: no hook, or a copy of what was judged --------> |
//!                   '--Wait: until the hooks have answered --> resume            '--> tell the hooks
//! ```
//!
//! The coordinator never waits for a hook: it goes on with other messages, and what concerns the same event
//! waits in the announcements until the answer comes or
//! [`hook_timeout`](crate::MaintenanceOptions::hook_timeout) is over.

use super::Coordinator;
use crate::engine::hooks::Said;
use crate::events::{Notice, Reaction, Treatment};
use crate::handoff::announcements::{HookVerdict, Received, Source, Step, Verdict};
use crate::ids::{LinkId, NodeId};
use crate::lane::say;
use crate::protocol::Notification;
use std::time::Instant;

/// What a hook is shown: the notification as it came, and who said it.
fn notice(source: &Source, notification: Notification) -> Notice {
    Notice {
        notification,
        peer: source.peer,
        endpoint: source.via.clone(),
    }
}

impl Coordinator {
    /// Goes on with what came while the hooks were asked, in the order in which it came. A step of it may
    /// ask them again, which ends this round.
    fn resume(&mut self, now: Instant) {
        while let Some(received) = self.context.announcements.next_waiting() {
            self.consider(now, received);
        }
    }

    /// A notification came over `link` of `node`. What a link says that serves no more is stale: its
    /// successor is told by the server itself.
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
            source,
            notification,
        };
        self.consider(now, received);
    }

    /// One step for one copy. Where hooks are asked, all copies of an event share one question: the first
    /// asks, the others wait.
    fn consider(&mut self, now: Instant, received: Received) {
        let has_hooks = !self.hooks.is_empty();
        let announcements = &mut self.context.announcements;
        let step = announcements.handle_received(now, &received, has_hooks);
        let Received {
            source,
            notification,
        } = received;
        match step {
            Step::Ask(ticket) => {
                // The thread of the hooks has ended, which only a close or a panic outside of any hook
                // brings about. Without hooks the notification counts as it came.
                if !self.hooks.ask(ticket, notice(&source, notification)) {
                    self.counters.hooks_late.count();
                    let announcements = &mut self.context.announcements;
                    let waiting =
                        announcements.handle_hook_verdict(now, ticket, HookVerdict::Proceed);
                    if let Some((said, sources)) = waiting {
                        self.go_on(now, said, &sources);
                    }
                }
            }
            Step::Judge => {
                self.judge(now, &source, &notification);
            }
            Step::JudgeUnasked => {
                // As if the hooks had taken too long.
                self.counters.hooks_late.count();
                self.go_on(now, notification, &[source]);
            }
            Step::Repeated => self.note(source.link, &notification, Verdict::Duplicate),
            Step::Skipped => {
                self.counters.notifications_skipped.count();
                self.note_skipped(source.link, &notification);
            }
            Step::Wait => {}
        }
    }

    /// One line for each copy, like those of the copies that are judged.
    fn note_skipped(&self, link: LinkId, notification: &Notification) {
        say!(
            self.lane,
            NOTIFICATION,
            Trace,
            "link {}: {} Skipped",
            link,
            notification.name()
        );
    }

    /// The hooks have looked at a notification. By message from their thread; the answer is too late where
    /// [`stop_asking`](Self::stop_asking) was faster.
    pub(super) fn said(&mut self, now: Instant, Said { ticket, reaction }: Said) {
        // Copies that come later follow the first: they are dropped if a hook has replaced it, because what
        // is put in its place was acted upon already.
        let verdict = if reaction == Reaction::Continue {
            HookVerdict::Proceed
        } else {
            HookVerdict::Drop
        };
        // Without an entry the hooks took too long, and the notification was acted upon as it came.
        let announcements = &mut self.context.announcements;
        let waiting = announcements.handle_hook_verdict(now, ticket, verdict);
        let Some((notification, sources)) = waiting else {
            return;
        };
        match reaction {
            Reaction::Continue => self.go_on(now, notification, &sources),
            Reaction::Replace(replacement) => self.go_on(now, replacement, &sources),
            Reaction::Skip => {
                self.counters
                    .notifications_skipped
                    .add(sources.len() as u64);
                for source in &sources {
                    self.note_skipped(source.link, &notification);
                }
                self.tell(&sources, notification, Treatment::Skipped);
            }
        }
        self.resume(now);
    }

    /// Waits no longer for hooks whose time is over: the notification is acted upon as it came, because a
    /// move that is late costs more than a hook that is not heard.
    pub(super) fn stop_asking(&mut self, now: Instant) {
        for (notification, sources) in self.context.announcements.take_late(now) {
            self.counters.hooks_late.count();
            say!(
                self.lane,
                HOOKS,
                Warn,
                "hooks took too long over {}: it counts as it came",
                notification.name()
            );
            self.go_on(now, notification, &sources);
        }
        self.resume(now);
    }

    /// Judges all copies, and tells the hooks what became of the event: `Acted` if any copy was acted upon,
    /// and otherwise what the first copy came to.
    fn go_on(&mut self, now: Instant, notification: Notification, sources: &[Source]) {
        let mut treatment = None;
        for source in sources {
            let judged = match self.judge(now, source, &notification) {
                Verdict::Acted => Treatment::Acted,
                Verdict::Refused(_) => Treatment::Refused,
                Verdict::CatchUp | Verdict::Duplicate => Treatment::Duplicate,
                Verdict::NotOptedIn | Verdict::Stale => Treatment::Stale,
            };
            if treatment.is_none() || judged == Treatment::Acted {
                treatment = Some(judged);
            }
        }
        self.tell(sources, notification, treatment.unwrap_or(Treatment::Stale));
    }

    /// Queues the outcome for the hooks; they are told of one event once, as from the first who said it.
    fn tell(&self, sources: &[Source], notification: Notification, treatment: Treatment) {
        if let Some(first) = sources.first() {
            self.hooks.tell(notice(first, notification), treatment);
        }
    }

    /// Has the planner of the node judge one copy, and act on it.
    fn judge(&mut self, now: Instant, source: &Source, notification: &Notification) -> Verdict {
        let of = self.nodes.get_mut(&source.node);
        let announcements = &mut self.context.announcements;
        // No node, no link: what it says concerns nobody.
        let verdict = of.map_or(Verdict::Stale, |of| {
            (of.planner).handle_notification(now, announcements, source, notification)
        });
        self.note(source.link, notification, verdict);
        verdict
    }

    /// Traces and counts one copy. At level `trace`: a MOVING comes once for each connection.
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

    /// Counts what a copy came to, for [`Client::stats`](crate::Client::stats).
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
