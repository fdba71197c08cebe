//! Who gets a reply, and what became of a request. Decides nothing about it.

use crate::link::EndReason;
use crate::protocol::Value;

/// Who gets the replies to a request.
#[derive(Debug)]
pub(crate) enum Owner<C> {
    /// A caller, who waits for them.
    Caller(C),
    /// The client itself, which sent the request on its own account.
    Internal(Ticket),
    /// Nobody: the caller gave up. The replies must still be consumed in their place.
    Nobody,
}

/// Number of a request that the client sends on its own account, such as the PING of a probe. Unique on
/// its link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket(pub(super) u64);

/// What became of one request. No larger than a value: it is moved from hand to hand.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The connection ended, or the caller gave up.
    Failed(Box<Failure>),
    /// The replies of a request of several commands.
    Many(Vec<Value>),
    /// The reply of a request of one command.
    One(Value),
}

/// How far a failed request had come.
#[derive(Debug)]
pub(crate) struct Failure {
    /// `None`: the time limit passed.
    pub(crate) reason: Option<EndReason>,
    /// Replies that had come before.
    pub(crate) got: Vec<Value>,
    /// How many bytes of the request may have left. A command whose last byte is not among them was
    /// not executed.
    pub(crate) sent: u64,
}

/// What one reply did.
#[derive(Debug)]
pub(crate) enum Settled<C> {
    /// It was the last one that this caller waited for.
    Completed(C, Outcome),
    /// It was the last one to a request of the client itself.
    Internal(Ticket, Outcome),
    /// Its owner waits for more, or there is nobody who wants it.
    Kept,
    /// It has no owner.
    Unsolicited(Value),
}
