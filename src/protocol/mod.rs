//! Bytes in, frames out, and back. Opens no socket, starts no thread, takes no lock, reads no clock.
//!
//! ```text
//!   bytes --Decoder--> Frame::Reply(Value) --> the caller that waits, or handshake::Script
//!                 \--> Frame::Push(Push) ----> Notification, messages
//!   Value, arguments --encode--> bytes
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::as_conversions,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod decode;
pub mod encode;
mod endpoint;
pub mod handshake;
mod limits;
mod malformed;
mod notification;
mod secret;
mod value;

pub use decode::Decoder;
pub use endpoint::{BadEndpoint, Endpoint};
pub use limits::{ELEMENT_COST, Limits};
pub(crate) use limits::{SHOWN, cut};
pub use malformed::Malformed;
pub use notification::{BadPush, Maintenance, Notification, SlotMove};
pub(crate) use secret::REDACTED;
pub use secret::Secret;
pub use value::{Attributed, Items, Pairs, PairsIntoIter, PairsIter, Push, ServerError, Value};

/// A version of the Redis serialization protocol.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Protocol {
    /// RESP2: no pushes, so no maintenance notifications.
    Resp2,
    /// RESP3, spoken by Redis 6 and later.
    Resp3,
}

impl Protocol {
    /// Its number, as `HELLO` and `CLIENT LIST` give it: 2 or 3.
    pub const fn version(self) -> u8 {
        match self {
            Self::Resp2 => 2,
            Self::Resp3 => 3,
        }
    }
}

/// What the decoder yields: replies have an owner among the waiting callers, pushes have none.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "seen outside of the crate under `unstable` only"
)]
pub enum Frame {
    /// The answer to one command.
    Reply(Value),
    /// Something that the server said of its own accord.
    Push(Push),
}
