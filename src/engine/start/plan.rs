//! An engine and its nodes as the options want them. Starts nothing.

use super::{NewNode, Plan};
use crate::counters::Counters;
use crate::engine::connector::Connector;
use crate::engine::hooks::Hooks;
use crate::handoff::announcements::AnnouncementSettings;
use crate::handoff::breaker::BreakerSettings;
use crate::handoff::planner::Settings;
use crate::handoff::sizing;
use crate::lane::Lane;
use crate::link::Relaxed;
use crate::options::Options;
use crate::sync::Arc;

impl Plan {
    /// The engine for a client with these options.
    pub(crate) fn of(
        options: &Options,
        connector: Arc<dyn Connector>,
        counters: Arc<Counters>,
        lane: Lane,
        hooks: Hooks,
    ) -> Self {
        let workers = workers(options);
        let queue = match options.maintenance.queue_size {
            0 => sizing::queue(
                options.pool_size,
                workers,
                options.max_active_connections.unwrap_or(0),
            ),
            size => size,
        };
        let (shared, dedicated) = options.connections();
        Self {
            announcements: announcement_settings(options),
            connector,
            counters,
            lane,
            hooks,
            workers,
            queue,
            connections: shared.saturating_add(dedicated),
            relaxed: Relaxed {
                timeout: options.maintenance.relaxed_timeout,
                blocking: options.maintenance.relaxed_blocking_timeout,
            },
            probe_timeout: options.connect_timeout,
        }
    }
}

impl NewNode {
    /// The node at the configured endpoint.
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            settings: settings(options),
            seed: fastrand::u64(..),
            checkout_timeout: options.effective_checkout_timeout(),
            patience: u64::from(options.connect_retries),
        }
    }
}

fn workers(options: &Options) -> usize {
    match options.maintenance.max_workers {
        0 => sizing::workers(options.pool_size),
        workers => workers,
    }
}

fn settings(options: &Options) -> Settings {
    let maintenance = &options.maintenance;
    let (shared, dedicated) = options.connections();
    Settings {
        min_connections: options.min_connections,
        handoff_timeout: maintenance.handoff_timeout,
        max_retries: maintenance.max_retries,
        has_login: options.password.is_some(),
        handoffs: maintenance.handoffs,
        handoff_concurrency: maintenance.handoff_concurrency,
        max_jitter: maintenance.max_jitter,
        workers: workers(options),
        dedicated,
        ..Settings::new(options.endpoint.clone(), shared)
    }
}

fn announcement_settings(options: &Options) -> AnnouncementSettings {
    let maintenance = &options.maintenance;
    AnnouncementSettings {
        post_handoff: maintenance.tail(),
        handoffs: maintenance.handoffs,
        hook_timeout: maintenance.hook_timeout,
        migration_cap: maintenance.migration_cap,
        failover_cap: maintenance.failover_cap,
        slot_migration_cap: maintenance.slot_migration_cap,
        breaker: BreakerSettings {
            threshold: maintenance.breaker_threshold,
            reset: maintenance.breaker_reset,
            max_requests: maintenance.breaker_probes,
            // Longer than any dial may take.
            patience: (maintenance.handoff_timeout)
                .max(maintenance.relaxed_timeout)
                .max(options.connect_timeout)
                .saturating_mul(2),
        },
    }
}
