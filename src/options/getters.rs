//! What options say of themselves: for each setter its getter, named `get_` and the setter's name. Checks
//! nothing.

use super::{EndpointType, Mode, TargetVerdict};
use super::{MaintenanceOptions, Options, Resolver, TcpOptions, TlsOptions};
use crate::events::NotificationHook;
use crate::protocol::{Endpoint, Limits, Protocol, Secret};
use std::sync::Arc;
use std::time::Duration;

impl Options {
    /// See [`client_name`](Self::client_name).
    pub fn get_client_name(&self) -> Option<&str> {
        self.client_name.as_deref()
    }

    /// How long a command waits for a connection, the default worked out; `None` for ever. See
    /// [`checkout_timeout`](Self::checkout_timeout).
    pub fn get_checkout_timeout(&self) -> Option<Duration> {
        self.effective_checkout_timeout()
    }

    /// See [`command_timeout`](Self::command_timeout); `None` after
    /// [`no_command_timeout`](Self::no_command_timeout).
    pub fn get_command_timeout(&self) -> Option<Duration> {
        self.command_timeout
    }

    /// See [`connect_retries`](Self::connect_retries).
    pub fn get_connect_retries(&self) -> u32 {
        self.connect_retries
    }

    /// See [`connect_timeout`](Self::connect_timeout).
    pub fn get_connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// See [`database`](Self::database).
    pub fn get_database(&self) -> u32 {
        self.database
    }

    /// The server that was configured: what [`at`](Self::at) took, or [`new`](Self::new) has read.
    pub fn get_endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// See [`library_name`](Self::library_name); `None` is the default.
    pub fn get_library_name(&self) -> Option<&str> {
        self.library_name.as_deref()
    }

    /// See [`limits`](Self::limits).
    pub fn get_limits(&self) -> &Limits {
        &self.limits
    }

    /// See [`maintenance`](Self::maintenance).
    pub fn get_maintenance(&self) -> &MaintenanceOptions {
        &self.maintenance
    }

    /// The most connections at the same time, the default worked out. See
    /// [`max_active_connections`](Self::max_active_connections).
    pub fn get_max_active_connections(&self) -> usize {
        let (shared, alone) = self.connections();
        shared.saturating_add(alone)
    }

    /// See [`max_in_flight`](Self::max_in_flight).
    pub fn get_max_in_flight(&self) -> usize {
        self.max_in_flight
    }

    /// See [`min_connections`](Self::min_connections).
    pub fn get_min_connections(&self) -> usize {
        self.min_connections
    }

    /// See [`password`](Self::password). `Debug` of a [`Secret`] shows nothing of it.
    pub fn get_password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// See [`pool_size`](Self::pool_size).
    pub fn get_pool_size(&self) -> usize {
        self.pool_size
    }

    /// See [`protocol`](Self::protocol); `None` is the default: RESP3, or RESP2 where it is refused.
    pub fn get_protocol(&self) -> Option<Protocol> {
        self.protocol
    }

    /// See [`resolver`](Self::resolver).
    pub fn get_resolver(&self) -> &Arc<dyn Resolver> {
        &self.resolver
    }

    /// See [`tcp`](Self::tcp).
    pub fn get_tcp(&self) -> &TcpOptions {
        &self.tcp
    }

    /// See [`tls`](Self::tls); `None` is plain text.
    pub fn get_tls(&self) -> Option<&TlsOptions> {
        self.tls.as_ref()
    }

    /// See [`username`](Self::username).
    pub fn get_username(&self) -> Option<&str> {
        self.username.as_deref()
    }
}

impl MaintenanceOptions {
    /// See [`mode`](Self::mode).
    pub fn get_mode(&self) -> Mode {
        self.mode
    }

    /// See [`endpoint_type`](Self::endpoint_type).
    pub fn get_endpoint_type(&self) -> EndpointType {
        self.endpoint_type
    }

    /// See [`relaxed_timeout`](Self::relaxed_timeout).
    pub fn get_relaxed_timeout(&self) -> Duration {
        self.relaxed_timeout
    }

    /// See [`relaxed_blocking_timeout`](Self::relaxed_blocking_timeout); `None` is the default: the end of
    /// the window.
    pub fn get_relaxed_blocking_timeout(&self) -> Option<Duration> {
        self.relaxed_blocking_timeout
    }

    /// See [`handoff_timeout`](Self::handoff_timeout).
    pub fn get_handoff_timeout(&self) -> Duration {
        self.handoff_timeout
    }

    /// How long timeouts stay relaxed after a maintenance, the default worked out. See
    /// [`post_handoff_relaxed`](Self::post_handoff_relaxed).
    pub fn get_post_handoff_relaxed(&self) -> Duration {
        self.tail()
    }

    /// See [`max_workers`](Self::max_workers); 0 is the default, worked out from the pool.
    pub fn get_max_workers(&self) -> usize {
        self.max_workers
    }

    /// See [`queue_size`](Self::queue_size); 0 is the default, worked out from the pool.
    pub fn get_queue_size(&self) -> usize {
        self.queue_size
    }

    /// See [`max_retries`](Self::max_retries).
    pub fn get_max_retries(&self) -> u32 {
        self.max_retries
    }

    /// See [`migration_cap`](Self::migration_cap).
    pub fn get_migration_cap(&self) -> Duration {
        self.migration_cap
    }

    /// See [`failover_cap`](Self::failover_cap).
    pub fn get_failover_cap(&self) -> Duration {
        self.failover_cap
    }

    /// See [`slot_migration_cap`](Self::slot_migration_cap).
    pub fn get_slot_migration_cap(&self) -> Duration {
        self.slot_migration_cap
    }

    /// See [`max_jitter`](Self::max_jitter).
    pub fn get_max_jitter(&self) -> Duration {
        self.max_jitter
    }

    /// See [`handoffs`](Self::handoffs).
    pub fn get_handoffs(&self) -> bool {
        self.handoffs
    }

    /// See [`handoff_concurrency`](Self::handoff_concurrency).
    pub fn get_handoff_concurrency(&self) -> usize {
        self.handoff_concurrency
    }

    /// See [`breaker_threshold`](Self::breaker_threshold).
    pub fn get_breaker_threshold(&self) -> u32 {
        self.breaker_threshold
    }

    /// See [`breaker_reset`](Self::breaker_reset).
    pub fn get_breaker_reset(&self) -> Duration {
        self.breaker_reset
    }

    /// See [`breaker_probes`](Self::breaker_probes).
    pub fn get_breaker_probes(&self) -> u32 {
        self.breaker_probes
    }

    /// All hooks that were added. See [`hook`](Self::hook).
    pub fn get_hook(&self) -> &[Arc<dyn NotificationHook>] {
        &self.hooks
    }

    /// See [`hook_timeout`](Self::hook_timeout).
    pub fn get_hook_timeout(&self) -> Duration {
        self.hook_timeout
    }

    /// See [`target_policy`](Self::target_policy).
    pub fn get_target_policy(&self) -> Option<&(dyn Fn(&Endpoint) -> TargetVerdict + Send + Sync)> {
        self.target_policy.as_deref()
    }
}
