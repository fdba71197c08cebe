//! A blocking Redis client whose threads notice nothing while Redis is upgraded, moved or failed over.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod client;
mod clock;
mod counters;
mod error;
#[allow(dead_code, reason = "acted upon by the next feature: hooks, statistics, liveness")]
mod handoff;
mod link;
mod maintenance;
pub mod options;
mod pool;
pub mod protocol;
#[cfg(feature = "sim")]
pub mod sim;
mod sync;
#[allow(dead_code, reason = "parts wait for their callers")]
mod transport;

pub use client::{
    ArgWriter, Client, Cmd, Commands, Element, Expiry, FromElement, FromValue, Pipeline, SetOptions,
    MaintenanceStats, SlotStats, Stats, ToArg, ToArgs, cmd, pipe,
};
pub use error::{CloseReason, Delivery, Error, ErrorKind, Phase, Result};
pub use maintenance::BreakerStats;
pub use options::{
    BreakerState, EndpointType, Handoff, KindMetrics, LoggingHook, MaintenanceEvent,
    MaintenanceOptions, MetricsHook, Mode, Notice, NotificationHook, Options, Reaction, Resolver,
    SystemResolver, TargetVerdict, TcpOptions, TlsOptions, TlsVersion, Treatment, Trigger,
};
pub use protocol::{Endpoint, Limits, Maintenance, Notification, Protocol, Secret, ServerError, Value};

#[cfg(feature = "sim")]
impl Resolver for sim::SimResolver {
    fn resolve(&self, host: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        Self::resolve(self, host)
    }
}
