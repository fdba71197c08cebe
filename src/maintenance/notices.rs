//! The way of a notification through the hooks to the conductor. Runs no hook.
//!
//! ```text
//!   a copy --> no hooks, or nothing new --------------------------> conductor --> verdict
//!          \-> first copy: hooks are asked --> go on, replace -------^    \--> hooks are told
//!              further copies wait with it  \-> skip: forgotten
//! ```

use super::coordinator::Coordinator;
use super::hooks::Said;
use crate::handoff::conductor::{LinkId, Verdict};
use crate::handoff::gate::{Entry, Mark, Word};
use crate::options::{Notice, Reaction, Treatment};
use crate::protocol::Notification;
use std::time::Instant;

/// Notifications that wait in order; further ones are judged at once.
const MOST_WAITING: usize = 1024;

impl Coordinator {
    /// Goes on with what came while the hooks were asked.
    fn resume(&mut self, now: Instant) {
        while self.gate.is_quiet() {
            let Some((link, notification)) = self.waiting.pop_front() else {
                return;
            };
            self.notified(now, link, notification);
        }
    }

    /// A notification came over `link`.
    pub(super) fn notified(&mut self, now: Instant, link: LinkId, notification: Notification) {
        let peer = self.links.get(&link).and_then(|link| link.peer());
        let mark = Mark::of(&notification, peer);
        let known = self.gate.knows(&mark);
        if !known && !self.gate.is_quiet() && self.waiting.len() < MOST_WAITING {
            // A completion must not overtake the start that the hooks are being asked about.
            self.waiting.push_back((link, notification));
            return;
        }
        let asks =
            !self.hooks.is_empty() && (known || self.conductor.would_act(now, link, &notification));
        if !asks {
            self.judge(now, link, &notification);
            return;
        }
        match self
            .gate
            .handle_copy(now, mark, &notification, link, self.hook_timeout)
        {
            Entry::Ask(ticket) => {
                let asked = self
                    .notice(link, notification)
                    .is_some_and(|notice| self.hooks.ask(ticket, notice));
                if !asked {
                    self.counters.hooks_late.count();
                    if let Some((said, links)) = self.gate.handle_word(now, ticket, Word::GoOn) {
                        self.go_on(now, said, &links);
                    }
                }
            }
            Entry::Drop => self.counters.notices_skipped.count(),
            Entry::Kept => {}
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
        let Some((notification, links)) = self.gate.handle_word(now, ticket, word) else {
            return;
        };
        match reaction {
            Reaction::Continue => self.go_on(now, notification, &links),
            Reaction::Replace(replacement) => self.go_on(now, replacement, &links),
            Reaction::Skip => {
                self.counters.notices_skipped.add(links.len() as u64);
                self.tell(&links, notification, Treatment::Skipped);
            }
        }
        self.resume(now);
    }

    /// Waits no longer for hooks whose time is over.
    pub(super) fn stop_asking(&mut self, now: Instant) {
        for (_, (notification, links)) in self.gate.handle_timeout(now) {
            self.counters.hooks_late.count();
            log::warn!(
                "hooks took too long over {}: it counts as it came",
                notification.name()
            );
            self.go_on(now, notification, &links);
        }
        self.resume(now);
    }

    /// Judges all copies, and tells the hooks what became of the event.
    fn go_on(&mut self, now: Instant, notification: Notification, links: &[LinkId]) {
        let mut treatment = None;
        for link in links {
            let judged = match self.judge(now, *link, &notification) {
                Verdict::Acted => Treatment::Acted,
                Verdict::Refused(_) => Treatment::Refused,
                Verdict::CatchUp | Verdict::Duplicate => Treatment::Duplicate,
                Verdict::Held | Verdict::NotOptedIn | Verdict::Stale => Treatment::Stale,
            };
            if treatment.is_none() || judged == Treatment::Acted {
                treatment = Some(judged);
            }
        }
        self.tell(links, notification, treatment.unwrap_or(Treatment::Stale));
    }

    fn tell(&self, links: &[LinkId], notification: Notification, treatment: Treatment) {
        let first = links.iter().find(|link| self.links.contains_key(link));
        if let Some(notice) = first.and_then(|link| self.notice(*link, notification)) {
            self.hooks.tell(notice, treatment);
        }
    }

    fn notice(&self, link: LinkId, notification: Notification) -> Option<Notice> {
        let link = self.links.get(&link)?;
        Some(Notice {
            notification,
            peer: link.peer(),
            endpoint: link.via().clone(),
        })
    }

    fn judge(&mut self, now: Instant, link: LinkId, notification: &Notification) -> Verdict {
        let verdict = self.conductor.handle_notification(now, link, notification);
        log::trace!("link {}: {} {verdict:?}", link.0, notification.name());
        self.note_verdict(verdict);
        verdict
    }

    pub(super) fn note_verdict(&self, verdict: Verdict) {
        match verdict {
            Verdict::Acted => self.counters.notices_acted.count(),
            Verdict::CatchUp => self.counters.notices_caught_up.count(),
            Verdict::Duplicate => self.counters.notices_duplicate.count(),
            // Counted when the conductor publishes the refusal.
            Verdict::Held | Verdict::NotOptedIn | Verdict::Refused(_) => {}
            Verdict::Stale => self.counters.notices_stale.count(),
        }
    }
}
