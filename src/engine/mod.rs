//! Moves the pools of a client while they serve. Interprets no command, knows no caller.
//!
//! ```text
//!   links ---Report--> Inbox --> coordinator thread --Job--> bounded queue --> worker threads
//!   callers             ^            |      ^                                     |
//!                       |     Report |      | Action              dial, handshake, install, retire
//!                       |            v      |                                     |
//!                       |         Node 0: Planner (pure), entries, links          |
//!                       |         Node 1: Planner (pure), entries, links          |
//!                       |         ...                                             |
//!                       '-----------------------Report----------------------------'
//! ```
//!
//! A client has one coordinator, one set of workers, one resolver, one thread of hooks and one lane for log
//! lines and numbers, whatever the number of its nodes. A node is an endpoint with a pool and a planner of
//! its own: what happens at one asks nothing of another. Every message, job and timer says whose it is.
//!
//! The workers are shared, so a move may have to wait for one: dials of another node that all hang keep them
//! for [`connect_timeout`](crate::Options::connect_timeout) at most, and those of its moves, and all in a window,
//! for [`relaxed_timeout`](crate::MaintenanceOptions::relaxed_timeout) where that is longer.
//!
//! Nobody but the coordinator writes the state of a node, and it waits for nobody: workers wait for servers,
//! resolver threads for the system, `hitless-hooks` and `hitless-lane` for code of the user. What it is told
//! comes through one bounded queue ([`inbox`]); what it wants done goes through another ([`worker`]).

mod connector;
mod coordinator;
#[cfg(test)]
mod fake;
#[cfg(feature = "metrics")]
mod gauges;
mod handshake;
mod hooks;
mod inbox;
#[cfg(all(test, hitless_model))]
mod model;
mod node;
mod origins;
mod report;
mod snapshot;
mod start;
#[cfg(all(test, not(hitless_model)))]
mod tests;
mod unannounced;
mod unblock;
mod watch;
mod worker;

pub(crate) use connector::NetworkConnector;
pub(crate) use hooks::Hooks;
pub use snapshot::BreakerStats;
pub(crate) use snapshot::Snapshot;
pub(crate) use start::{Engine, NewNode, Plan};
pub use watch::{KindMetrics, LoggingHook, MetricsHook};
