//! The way of a notification to its judge: past the hooks, where there are any. Asks no hook itself.
//!
//! ```text
//!   a copy --> no hooks, or nothing new -----------------> Judge
//!          |-> first copy --> Ask --> proceed, replace --> Judge, with the copies that came meanwhile
//!          |                     \-> skip: forgotten, and so are its copies
//!          \-> another event while hooks are asked: waits for its turn, in order
//! ```

use super::Announcements;
use super::event_id::EventId;
use super::gate::{Admission, HookVerdict};
use super::source::Source;
use crate::handoff::later;
use crate::protocol::Notification;
use std::time::Instant;

/// Notifications that wait in order, of [`MOST_WEIGHT`](super::MOST_WEIGHT) in sum; further ones are judged at once.
pub(super) const MOST_WAITING: usize = 1024;

/// A notification, and the connection over which it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Where it came from.
    pub(crate) source: Source,
    /// What was said.
    pub(crate) notification: Notification,
}

/// What is to be done with a notification that was received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Ask the hooks, and bring their verdict under this ticket.
    Ask(u64),
    /// Have its planner judge it.
    Judge,
    /// Have its planner judge it although no hook was asked: they are asked about too many others.
    JudgeUnasked,
    /// A further copy of what was refused, or of what hooks are being asked about too often.
    Repeated,
    /// A hook wanted it forgotten.
    Skipped,
    /// Nothing yet: it waits for its turn, or for what the hooks make of its first copy.
    Wait,
}

/// A notification as it came, and the connections over which its copies came.
pub(crate) type Waiting = (Notification, Vec<Source>);

impl Announcements {
    /// A notification has come. `has_hooks`: there is somebody to ask about it.
    pub(crate) fn handle_received(
        &mut self,
        now: Instant,
        received: &Received,
        has_hooks: bool,
    ) -> Step {
        let Received {
            source,
            notification,
        } = received;
        let id = EventId::of(notification, source.peer);
        if self.gate.has_refused(now, &id) {
            return Step::Repeated;
        }
        let known = self.gate.knows(now, &id);
        let weight = notification.weight();
        if !known && !self.gate.is_quiet() && self.waiting.has_room(weight) {
            // A completion must not overtake the start that the hooks are being asked about.
            let dropped = self.waiting.push(received.clone(), weight);
            debug_assert_eq!(dropped, 0, "there was room");
            return Step::Wait;
        }
        // Hooks hear of news alone: what the judge will drop anyhow is not worth their time.
        if !has_hooks || !(known || self.is_news(now, source, notification)) {
            return Step::Judge;
        }
        // From when it came, not from when it is asked about: what waits behind a hook that hangs would
        // otherwise wait the whole time once more for each notification before it.
        let until = later(source.at, self.settings.hook_timeout);
        match (self.gate).handle_copy(now, id, notification, source.clone(), until) {
            Admission::Ask(ticket) => Step::Ask(ticket),
            Admission::Drop => Step::Skipped,
            Admission::Full => Step::JudgeUnasked,
            Admission::Kept => Step::Wait,
            Admission::Repeat => Step::Repeated,
        }
    }

    /// The next notification that waited while hooks were asked, once they are not any more.
    pub(crate) fn next_waiting(&mut self) -> Option<Received> {
        self.gate.is_quiet().then(|| self.waiting.pop()).flatten()
    }

    /// The hooks have looked at a notification, or nobody was there to ask. `None`: they were not waited for
    /// any longer.
    pub(crate) fn handle_hook_verdict(
        &mut self,
        now: Instant,
        ticket: u64,
        verdict: HookVerdict,
    ) -> Option<Waiting> {
        self.gate.handle_hook_verdict(now, ticket, verdict)
    }

    /// The notifications over which hooks have taken too long: they count as they came.
    pub(crate) fn take_late(&mut self, now: Instant) -> Vec<Waiting> {
        let late = self.gate.handle_timeout(now);
        late.into_iter().map(|(_, waiting)| waiting).collect()
    }

    /// When hooks will have taken too long.
    pub(crate) fn hooks_due(&self) -> Option<Instant> {
        self.gate.poll_timeout()
    }
}
