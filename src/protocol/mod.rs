//! Bytes in, frames out, and back. Opens no socket, starts no thread, takes no lock, reads no clock.

mod endpoint;
mod notification;
mod value;

pub use endpoint::{BadEndpoint, Endpoint};
pub use notification::{Notification, SlotMove};
pub use value::{Items, Pairs, Push, ServerError, Value};

/// A version of the Redis serialization protocol.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Protocol {
    /// RESP2: no pushes, so no maintenance notifications.
    Resp2,
    /// RESP3, spoken by Redis 6 and later.
    Resp3,
}

/// What the decoder yields: replies have an owner among the waiting callers, pushes have none.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// The answer to one command.
    Reply(Value),
    /// Something that the server said of its own accord.
    Push(Push),
}
