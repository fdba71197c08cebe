//! Decides when a connection moves, where to, and how long timeouts are relaxed. Dials nothing, waits for
//! nothing, starts no thread, takes no lock, reads no clock: `now` is an argument everywhere.
//!
//! ```text
//!  notification ─┐                                   ┌─> Enqueue(Job)     to the handoff workers
//!  link up/down ─┤   ┌───────────┐  poll_action()    ├─> Resolve          to the resolver
//!  job failed   ─┼──>│  Planner  │──────────────────>┼─> Relax            to the links
//!  DNS answer   ─┤   └───────────┘  poll_timeout()   ├─> Drain, Close…    to the links
//!  timeout      ─┘      │ asks                       └─> Publish(Event)   to hooks, log, metrics
//!                       ├── announcements   one for the database, lent to each call: was this seen
//!                       │       │           before, does it count, and what window does it open?
//!                       │       ├── policy      may we go there at all?
//!                       │       ├── windows     until when are timeouts relaxed, and for whom?
//!                       │       └── breaker     is it any use to dial this endpoint again?
//!                       ├── redirects   which addresses retire, and what replaces them?
//!                       └── backoff     how long until the next attempt?
//! ```
//!
//! A client has one planner for each node, and one table of announcements for all of them. Beside them,
//! `patience` decides how long callers wait while dials fail: the entries of the pool ask it.

pub(crate) mod announcements;
pub(crate) mod backoff;
pub(crate) mod bounded;
pub(crate) mod breaker;
pub(crate) mod estranged;
pub(crate) mod expiring;
pub(crate) mod loading;
pub(crate) mod patience;
pub(crate) mod planner;
pub(crate) mod policy;
pub(crate) mod redirects;
pub(crate) mod refusals;
pub(crate) mod sizing;
pub(crate) mod windows;

use crate::protocol::Endpoint;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// No announced time, cap or expiry counts for more than this.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// The announced whole seconds as a duration between zero and [`LONGEST`].
pub(crate) fn announced(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(LONGEST)
}

/// `at` plus `by`, where an option of any size cannot overflow the clock.
pub(crate) fn later(at: Instant, by: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 366 * 24 * 3600);
    at.checked_add(by.min(CENTURY)).unwrap_or(at)
}

/// The same address in one spelling: an IPv4 peer of a dual-stack socket shows up as mapped IPv6.
pub(crate) fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// Whether `endpoint` is written as exactly this address.
pub(crate) fn is_at(endpoint: &Endpoint, addr: SocketAddr) -> bool {
    match endpoint {
        Endpoint::Tcp { port, .. } => {
            *port == addr.port()
                && endpoint.literal_ip().map(|ip| ip.to_canonical()) == Some(canonical(addr).ip())
        }
        Endpoint::Unix(_) => false,
    }
}

/// An address as an endpoint.
pub(crate) fn endpoint_of(addr: SocketAddr) -> Endpoint {
    Endpoint::tcp(addr.ip().to_string(), addr.port())
}

/// Where the simulated time of tests begins.
#[cfg(test)]
pub(crate) fn origin() -> Instant {
    crate::clock::now()
}

#[cfg(test)]
mod tests;
