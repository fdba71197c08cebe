//! An engine and its nodes as the options want them: every number that the user can set is turned into the
//! settings of the part that obeys it, in one place. Starts nothing, and checks nothing: `Options` has
//! refused by now what cannot work.

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

/// How options become the settings of the parts that all nodes share.
impl Plan {
    /// The engine for a client with these options. Called once, by the thread that makes the client.
    pub(crate) fn of(
        options: &Options,
        connector: Arc<dyn Connector>,
        counters: Arc<Counters>,
        lane: Lane,
        hooks: Hooks,
    ) -> Self {
        let workers = workers(options);
        // Zero stands for "work it out", as in the formulas that the option documents: 20 places for each
        // worker, no fewer than connections that may want to move at once.
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
            // Sizes the inbox. Dedicated connections report to it like the shared ones.
            connections: shared.saturating_add(dedicated),
            relaxed: Relaxed {
                timeout: options.maintenance.relaxed_timeout,
                blocking: options.maintenance.relaxed_blocking_timeout,
            },
            // A PING on an idle connection gets what a new connection would get: if that is over, dialling
            // is the better attempt.
            probe_timeout: options.connect_timeout,
        }
    }
}

/// How options become the settings of one node.
impl NewNode {
    /// The node at the configured endpoint. Its number is given by the engine when it is added.
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            settings: settings(options),
            // Each client spreads its attempts differently: a thousand of them hear of one MOVING in the
            // same millisecond.
            seed: fastrand::u64(..),
            checkout_timeout: options.effective_checkout_timeout(),
            patience: u64::from(options.connect_retries),
            max_in_flight: options.max_in_flight,
        }
    }
}

/// Threads that make connections: as many as the user says, or half of the pool, and of a pool of more than 20
/// no more than 10 or a third of it, whichever is more.
fn workers(options: &Options) -> usize {
    match options.maintenance.max_workers {
        0 => sizing::workers(options.pool_size),
        workers => workers,
    }
}

/// What the planner of a node is told at its start.
fn settings(options: &Options) -> Settings {
    let maintenance = &options.maintenance;
    let (shared, dedicated) = options.connections();
    Settings {
        min_connections: options.min_connections,
        handoff_timeout: maintenance.handoff_timeout,
        max_retries: maintenance.max_retries,
        // A server that answers `NOAUTH` is held to have forgotten a login, and is only if there was one.
        has_login: options.password.is_some(),
        handoffs: maintenance.handoffs,
        handoff_concurrency: maintenance.handoff_concurrency,
        max_jitter: maintenance.max_jitter,
        workers: workers(options),
        dedicated,
        // The pauses between dials are not for users to set.
        ..Settings::new(options.endpoint.clone(), shared)
    }
}

/// What holds for announcements of the database, whichever node they come from: caps of windows, hooks and
/// breakers.
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
