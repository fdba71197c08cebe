//! Moves the pool while it serves. Interprets no command, knows no caller.
//!
//! ```text
//!   links --Message--> Inbox --> coordinator thread --Job--> bounded queue --> worker threads
//!                                  |  ^                                          |
//!                           Action |  | input                        dial, handshake, install, retire
//!                                  v  |                                          |
//!                               Planner (pure)                  <--Message-----+
//! ```

mod connector;
mod coordinator;
mod dedicated;
#[cfg(test)]
mod fake;
#[cfg(feature = "metrics")]
mod gauges;
mod handshake;
mod hooks;
mod inbox;
#[cfg(all(test, hitless_model))]
mod model;
mod notices;
mod report;
mod snapshot;
#[cfg(all(test, not(hitless_model)))]
mod tests;
mod watch;
mod worker;

pub(crate) use connector::NetworkConnector;
pub(crate) use coordinator::{Plan, start};
pub(crate) use hooks::Hooks;
pub(crate) use inbox::Inbox;
pub use snapshot::BreakerStats;
pub(crate) use snapshot::Snapshot;
pub use watch::{KindMetrics, LoggingHook, MetricsHook};
