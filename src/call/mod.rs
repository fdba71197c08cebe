//! One call: from a command to its reply, or to an error that says whether it ran. Makes no connection and
//! moves none; reads no reply for anybody but its caller.
//!
//! ```text
//!   Client::execute --> execute    may it be sent, and how long may it take
//!                          |
//!                          v
//!                        carry     checkout, link, and again where nothing can have run (attempts);
//!                          |       gate: an atomic pipeline keeps away from servers without MULTI;
//!                          |       inquiry: a server is asked about a command that nobody knows
//!                          v
//!                        judge     what a reply says about its command; transaction: those of EXEC
//! ```
//!
//! A command that blocks on the server goes through `blocking`, which has a connection alone, is asked again where that
//! moves (`blocking_time`: with what time), and can be stopped (`canceller`).
//!
//! The requests of a lease go through `leased` instead of `carry`: to a connection that it has to itself.
//!
//! All of it runs on the thread of the caller. The limits of a call, its `Deadline`, stand with the link,
//! which is below and waits by them; they are made in `carry`, once.

mod attempts;
mod blocking;
mod blocking_time;
mod canceller;
mod carry;
mod execute;
mod gate;
mod inquiry;
mod judge;
mod leased;
mod origin;
mod pipeline;
mod transaction;

pub use canceller::Canceller;
pub(crate) use carry::{Carrier, Inspector, Scene, Sending};
pub(crate) use leased::{Held, Leased};

use crate::counters::Counters;
use crate::handoff::refusals::Refusals;
use crate::pool::Pool;
use crate::sync::{Arc, Ranked};
use std::time::Duration;

/// What all calls of one client share. Methods stand in `execute` and `pipeline`.
pub(crate) struct Calls {
    pool: Pool,
    counters: Arc<Counters>,
    /// The servers that refuse `MULTI`. Locked by atomic pipelines only.
    refusals: Ranked<Refusals, 4>,
    /// What servers said of commands that the table does not have.
    answers: inquiry::Answers,
    /// The time that a command may take which does not say so itself; `None`: for ever.
    command_timeout: Option<Duration>,
    connect_retries: u32,
}

impl Calls {
    pub(crate) fn new(
        pool: Pool,
        counters: Arc<Counters>,
        command_timeout: Option<Duration>,
        connect_retries: u32,
    ) -> Self {
        Self {
            pool,
            counters,
            refusals: Ranked::new(Refusals::new(gate::MEMORY)),
            answers: inquiry::no_answers(),
            command_timeout,
            connect_retries,
        }
    }

    /// How often a call tries another connection, beyond those that it finds dead.
    pub(crate) fn connect_retries(&self) -> u32 {
        self.connect_retries
    }

    /// The time that a command may take which does not say so itself; `None`: for ever.
    pub(crate) fn command_timeout(&self) -> Option<Duration> {
        self.command_timeout
    }

    /// What happens, in numbers.
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// The connections that calls are sent on.
    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }
}
