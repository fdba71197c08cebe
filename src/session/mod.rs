//! Exclusive, stateful use of a connection: leases, and what is built on them. Makes no connection and moves
//! none; a connection of the pool is never used here, only those that one user has alone.
//!
//! ```text
//!   Client::lease ──> Lease         a connection of its own for as long as it lives
//!   Client::transaction ──> Transaction   a lease, WATCH, and MULTI .. EXEC, again after a conflict
//!   Client::subscriber ──> Subscriber   messages, from one connection to the next
//!   Client::stream_consumer ──> StreamConsumer   commands that block, and those that acknowledge
//! ```
//!
//! All of it runs on threads of the user.

mod consumer;
mod lease;
mod monitor;
mod subscriber;
mod transaction;

pub use consumer::{StreamConsumer, StreamConsumerControl, StreamConsumerOptions, StreamDelivery};
pub use lease::{Invalidation, Lease};
pub use monitor::{Monitor, MonitorEntry};
pub use subscriber::{
    KeyspaceEvent, Message, Overflow, Subscriber, SubscriberControl, SubscriberEvent,
    SubscriberOptions, SubscriptionKind,
};
pub use transaction::{Transaction, TransactionOptions};

pub(crate) use consumer::Lines as ConsumerLines;
pub(crate) use transaction::run as run_transaction;

use crate::call::Calls;
use crate::error::Result;

/// The client behind a session, which lives at least as long.
pub(crate) trait Host: Send + Sync {
    /// Refuses a child of `fork`, in which nothing of the client may be touched.
    fn check_process(&self) -> Result<()>;

    /// Sends for it.
    fn calls(&self) -> &Calls;

    /// The number of the database that every connection begins with.
    fn database(&self) -> u32;

    /// Says in the log that the group of a consumer was gone, and is there again: `at_end`, where its stream ended.
    fn tell_of_group(&self, at_end: bool);
}
