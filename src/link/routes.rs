//! Where a link hands on what no caller waits for. Interprets no push beyond its kind, and queues nothing.
//!
//! ```text
//!   wire:   reply A     push     reply B
//!              |          |         |
//!   first:  caller A      |         |       every reply in front of a push has reached its caller,
//!   then:                route      |       and no reply behind it has
//!   last:                        caller B
//! ```

use super::{EndReason, Link, Outcome, Ticket};
use crate::handoff::estranged::Estrangement;
use crate::protocol::Push;
use crate::sync::Arc;

/// Kinds of push that belong to publish and subscribe: messages, and the confirmations that RESP3 sends
/// instead of replies.
const MESSAGES: [&[u8]; 9] = [
    b"message",
    b"pmessage",
    b"psubscribe",
    b"punsubscribe",
    b"smessage",
    b"ssubscribe",
    b"subscribe",
    b"sunsubscribe",
    b"unsubscribe",
];

/// Kinds of push that belong to caching by the client: keys that have changed, and word that the server
/// can tell that no more.
const INVALIDATIONS: [&[u8]; 2] = [b"invalidate", b"tracking-redir-broken"];

/// The kind of a push that is a line of `MONITOR`. No server sends such a push: it sends a reply.
pub(super) const LINE: &[u8] = b"monitor";

/// Whether a push of this kind belongs to publish and subscribe.
pub(super) fn is_message(kind: &[u8]) -> bool {
    MESSAGES.contains(&kind)
}

/// Whether a push tells that keys have changed, or that this is told no more.
pub(crate) fn is_invalidation(push: &Push) -> bool {
    INVALIDATIONS.contains(&push.kind.as_slice())
}

/// Whether a push of this kind confirms that a connection has subscribed, or does so no more.
pub(super) fn is_confirmation(kind: &[u8]) -> bool {
    kind.ends_with(b"subscribe") && is_message(kind)
}

/// Follows the life of links. Called with no lock held.
pub(crate) trait Supervisor: Send + Sync {
    /// A request of the client itself was answered. Called by whichever thread reads, after the replies in
    /// front of it have reached their callers and before the pushes behind it are handed on. Must not block.
    fn answered(&self, _link: &Link, _ticket: Ticket, _outcome: Outcome) {}

    /// A reply has shown that the link leads to the wrong server, or is not known there any more. Called
    /// once for each kind, by whichever thread reads. Must not block.
    fn estranged(&self, _link: &Link, _why: Estrangement) {}

    /// The link takes no new command from now on. Called by any thread. Must not block.
    fn unusable(&self, link: &Link);

    /// The link is gone and its reader thread ends. Called once, by the reader thread; may block.
    fn ended(&self, link: &Link, reason: EndReason);
}

/// Takes pushes of some kinds.
pub(crate) trait Mailbox: Send + Sync {
    /// A push came. Called by whichever thread reads, with no lock held, in the order of the wire. Must
    /// not block: the replies behind the push wait.
    fn push(&self, link: &Link, push: Push);
}

/// What a link is given at its birth.
#[derive(Clone)]
pub(crate) struct Routes {
    pub(crate) supervisor: Arc<dyn Supervisor>,
    /// Notifications of maintenance, and all pushes that have no route of their own.
    pub(crate) maintenance: Arc<dyn Mailbox>,
    /// Messages and confirmations of subscriptions.
    pub(crate) messages: Option<Arc<dyn Mailbox>>,
    /// Keys that the server says have changed.
    pub(crate) invalidations: Option<Arc<dyn Mailbox>>,
}

impl Routes {
    /// Routes for a link that serves commands only: one object follows its life and takes every push.
    pub(crate) fn of_commands<T: Supervisor + Mailbox + 'static>(port: &Arc<T>) -> Self {
        let supervisor: Arc<dyn Supervisor> = Arc::<T>::clone(port);
        let maintenance: Arc<dyn Mailbox> = Arc::<T>::clone(port);
        Self {
            supervisor,
            maintenance,
            messages: None,
            invalidations: None,
        }
    }

    /// Hands a push to the route of its kind.
    pub(super) fn hand_on(&self, link: &Link, push: Push) {
        let own = if is_message(&push.kind) || push.kind == LINE {
            self.messages.as_ref()
        } else if is_invalidation(&push) {
            self.invalidations.as_ref()
        } else {
            None
        };
        // A link without a mailbox for messages, or a kind of a newer server: nothing that was read is dropped here.
        own.unwrap_or(&self.maintenance).push(link, push);
    }
}
