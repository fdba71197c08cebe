//! What a link says before the coordinator knows it: kept, and told in its order afterwards. Interprets nothing.
//!
//! Only a link that a tenant prepares can say anything so early: of all others nobody reads before they are announced.

use super::inbox::Port;
use crate::handoff::estranged::Estrangement;
use crate::ids::EntryId;
use crate::link::{EndReason, Link, Mailbox, Outcome, Routes, Supervisor, Ticket};
use crate::protocol::Push;
use crate::sync::{Arc, Ranked};

/// So much is kept; a server says a handful of things in that time. Beyond it the oldest push is forgotten.
const MOST_KEPT: usize = 256;

/// The routes of a new link for this entry.
pub(super) fn routes_of(
    port: &Arc<Port>,
    entry: EntryId,
    unannounced: Option<&Arc<Unannounced>>,
) -> Routes {
    let mut routes = match unannounced {
        Some(unannounced) => Routes::of_commands(unannounced),
        None => Routes::of_commands(port),
    };
    // Also where nobody lives: whoever moves in may find the link there.
    if port.entries.is_dedicated(entry) {
        routes.messages = Some(Arc::new(ToTenant(Arc::clone(port))));
    }
    routes
}

/// Hands messages to whoever lives in the entry of their link.
#[derive(Debug)]
struct ToTenant(Arc<Port>);

impl Mailbox for ToTenant {
    fn push(&self, link: &Link, push: Push) {
        match self.0.entries.tenant(link.entry()) {
            Some(tenant) => tenant.push(link, push),
            // Counted as what nobody has asked for.
            None => self.0.push(link, push),
        }
    }
}

/// What a link has said.
#[derive(Debug)]
enum Said {
    Push(Push),
    Estranged(Estrangement),
    Unusable,
    Ended(EndReason),
}

/// Stands between a link and the port of its node until the link is announced.
#[derive(Debug)]
pub(super) struct Unannounced {
    port: Arc<Port>,
    /// `None`: it is announced.
    kept: Ranked<Option<Vec<Said>>, 4>,
}

impl Unannounced {
    pub(super) fn of(port: &Arc<Port>) -> Arc<Self> {
        Arc::new(Self {
            port: Arc::clone(port),
            kept: Ranked::new(Some(Vec::new())),
        })
    }

    /// The coordinator knows the link now: tells it what was said, and from here on everything at once. By the
    /// worker that made the link; blocks like a link at its end.
    pub(super) fn announce(&self, link: &Link) {
        loop {
            let mut kept = self.kept.lock();
            let said = kept.as_mut().map(std::mem::take).unwrap_or_default();
            if said.is_empty() {
                // Under the lock in which nothing was found: what is said next is told behind all of this.
                *kept = None;
                return;
            }
            // The end of a link may have to wait for room in the coordinator's queue.
            drop(kept);
            for said in said {
                self.tell(link, said);
            }
        }
    }

    fn say(&self, link: &Link, said: Said) {
        let mut kept = self.kept.lock();
        if let Some(all) = kept.as_mut() {
            if all.len() >= MOST_KEPT {
                let oldest = all.iter().position(|said| matches!(said, Said::Push(_)));
                oldest.map(|at| all.remove(at));
            }
            return all.push(said);
        }
        drop(kept);
        self.tell(link, said);
    }

    fn tell(&self, link: &Link, said: Said) {
        match said {
            Said::Push(push) => self.port.push(link, push),
            Said::Estranged(why) => self.port.estranged(link, why),
            Said::Unusable => self.port.unusable(link),
            Said::Ended(reason) => self.port.ended(link, reason),
        }
    }
}

impl Mailbox for Unannounced {
    fn push(&self, link: &Link, push: Push) {
        self.say(link, Said::Push(push));
    }
}

/// The tenant is told at once: it waits for the link.
impl Supervisor for Unannounced {
    fn answered(&self, link: &Link, ticket: Ticket, outcome: Outcome) {
        // The client asks nothing of its own on a link that it does not know.
        self.port.answered(link, ticket, outcome);
    }

    fn estranged(&self, link: &Link, why: Estrangement) {
        self.say(link, Said::Estranged(why));
    }

    fn unusable(&self, link: &Link) {
        self.port.tell_tenant(link);
        self.say(link, Said::Unusable);
    }

    fn ended(&self, link: &Link, reason: EndReason) {
        self.port.tell_tenant(link);
        self.say(link, Said::Ended(reason));
    }
}
