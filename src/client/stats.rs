//! What a client has done and is doing, in numbers.

use crate::counters::Counters;
use crate::maintenance::{BreakerStats, Snapshot};
use crate::options::{Handoff, MaintenanceWindow};
use crate::pool::Entry;
use crate::protocol::{Endpoint, Protocol};
use std::net::SocketAddr;
use std::time::Duration;

/// What a client has done since it began, and what it is doing now.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// The slots of the pool that commands share, in order.
    pub slots: Vec<SlotStats>,
    /// The connections that serve one command each which blocks on the server, or wait for the next.
    pub dedicated: Vec<SlotStats>,
    /// Connections that were made.
    pub connections_opened: u64,
    /// Connections that ended without being replaced first.
    pub connections_lost: u64,
    /// Attempts to make a connection that failed.
    pub dials_failed: u64,
    /// Slots that were moved to another connection while the old one served.
    pub handoffs: u64,
    /// Maintenance notifications that could be read, every copy counted.
    pub notifications: u64,
    /// Maintenance notifications that could not be read.
    pub notifications_malformed: u64,
    /// Pushes that are no maintenance notifications.
    pub pushes_unknown: u64,
    /// Moves of a whole address: begun, ended, and not ended in time.
    pub operations_started: u64,
    /// Of those, how many have moved every slot.
    pub operations_completed: u64,
    /// Of those, how many ran out of time.
    pub operations_failed: u64,
    /// Connections whose server refused maintenance notifications.
    pub opt_ins_refused: u64,
    /// Moves that had to be offered again because the workers' queue was full.
    pub queue_overflows: u64,
    /// Commands that failed and may have run.
    pub commands_unknown: u64,
    /// Requests that shared a busy connection.
    pub requests_shared: u64,
    /// Places named by a server that may not be dialled.
    pub targets_refused: u64,
    /// Panics of code of yours on the client's threads: the log backend, the metrics recorder, hooks, the
    /// resolver, the target policy.
    pub user_panics: u64,
    /// Lines that the log backend was too slow for.
    pub log_lines_dropped: u64,
    /// Samples of the histogram of handoffs that the metrics recorder was too slow for.
    pub samples_dropped: u64,
}

/// One slot of the pool.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SlotStats {
    /// The address at the other end; `None` without a connection, and for unix sockets.
    pub peer: Option<SocketAddr>,
    /// What was dialled; `None` without a connection.
    pub endpoint: Option<Endpoint>,
    /// Grows with every connection that is put in or taken out.
    pub generation: u64,
    /// How many requests use the slot now.
    pub requests: usize,
    /// Whether the server announces its maintenance on the connection.
    pub opted_in: bool,
    /// What the connection speaks: RESP2 where the options or the server want it so; `None` without a
    /// connection.
    pub protocol: Option<Protocol>,
}

impl Stats {
    pub(super) fn of(shared: &[Entry], dedicated: &[Entry], counters: &Counters) -> Self {
        Self {
            slots: shared.iter().map(SlotStats::of).collect(),
            dedicated: (dedicated.iter().map(SlotStats::of))
                .filter(|slot| slot.endpoint.is_some())
                .collect(),
            connections_opened: counters.links_opened.read(),
            connections_lost: counters.links_lost.read(),
            dials_failed: counters.dials_failed.read(),
            handoffs: counters.handoffs.read(),
            notifications: counters.pushes.read(),
            notifications_malformed: counters.malformed_pushes.read(),
            pushes_unknown: counters.unknown_pushes.read(),
            operations_started: counters.operations_started.read(),
            operations_completed: counters.operations_completed.read(),
            operations_failed: counters.operations_failed.read(),
            opt_ins_refused: counters.opt_ins_refused.read(),
            queue_overflows: counters.queue_overflows.read(),
            commands_unknown: counters.commands_unknown.read(),
            requests_shared: counters.shared.read(),
            targets_refused: counters.targets_refused.read(),
            user_panics: counters.user_panics.read(),
            log_lines_dropped: counters.lines_dropped.read(),
            samples_dropped: counters.samples_dropped.read(),
        }
    }

    /// How many slots have a connection, dedicated ones included.
    pub fn connections(&self) -> usize {
        self.slots
            .iter()
            .chain(&self.dedicated)
            .filter(|slot| slot.endpoint.is_some())
            .count()
    }
}

impl SlotStats {
    fn of(slot: &Entry) -> Self {
        let link = slot.link();
        Self {
            peer: link.as_ref().and_then(|link| link.peer()),
            endpoint: link.as_ref().map(|link| link.via().clone()),
            generation: slot.generation(),
            requests: slot.load(),
            opted_in: link.as_ref().is_some_and(|link| link.opted_in()),
            protocol: link.as_ref().map(|link| link.protocol()),
        }
    }
}

/// How maintenance stands, and what it has come to since the client began.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MaintenanceStats {
    /// The handoffs that go on, each with its stage.
    pub handoffs: Vec<Handoff>,
    /// The windows that are open.
    pub windows: Vec<MaintenanceWindow>,
    /// The circuit breakers of endpoints that were dialled lately.
    pub breakers: Vec<BreakerStats>,
    /// How often any breaker has gone from one state to another.
    pub breaker_changes: u64,
    /// Connections that were replaced and finish what was asked of them.
    pub draining: usize,
    /// Slots that are to move.
    pub moving: usize,
    /// Notifications that could be read, copies counted, by kind.
    pub moving_notifications: u64,
    /// `MIGRATING`.
    pub migrating_notifications: u64,
    /// `MIGRATED`.
    pub migrated_notifications: u64,
    /// `FAILING_OVER`.
    pub failing_over_notifications: u64,
    /// `FAILED_OVER`.
    pub failed_over_notifications: u64,
    /// `SMIGRATING`.
    pub smigrating_notifications: u64,
    /// `SMIGRATED`.
    pub smigrated_notifications: u64,
    /// Events that were acted upon.
    pub acted: u64,
    /// Copies of what was known.
    pub duplicates: u64,
    /// Completions of long past maintenances, told to new connections.
    pub caught_up: u64,
    /// Notifications from connections that had been replaced.
    pub stale: u64,
    /// Notifications that a hook wanted forgotten, copies counted.
    pub skipped: u64,
    /// Notifications that could not be read.
    pub malformed: u64,
    /// Handoffs that were begun.
    pub handoffs_started: u64,
    /// Of those, how many have moved every slot.
    pub handoffs_completed: u64,
    /// Of those, how many ran out of time.
    pub handoffs_failed: u64,
    /// Of those, how many ended early.
    pub handoffs_abandoned: u64,
    /// Slots that have moved.
    pub slots_moved: u64,
    /// How long the moves of slots took: classes with their upper bounds (the last has none), and how
    /// many fell into each.
    pub move_times: Vec<(Option<Duration>, u64)>,
    /// The sum of these times.
    pub move_time_total: Duration,
    /// The longest of them.
    pub move_time_longest: Duration,
    /// Dials for moves that failed.
    pub dials_failed: u64,
    /// Connections that ended under a window without being replaced first: too late.
    pub lost_in_window: u64,
    /// Replaced connections that were ended with commands unanswered.
    pub drains_forced: u64,
    /// Places named by a server that may not be dialled.
    pub targets_refused: u64,
    /// Connections whose server refused to send notifications.
    pub opt_ins_refused: u64,
    /// Windows that were opened.
    pub windows_opened: u64,
    /// Windows that have ended.
    pub windows_closed: u64,
    /// Moves that had to be offered again because the workers' queue was full.
    pub queue_overflows: u64,
    /// Messages to the coordinator for which there was no room. It looks at the connections itself
    /// then; a notification that was lost like that is known from its other copies only.
    pub inbox_overflows: u64,
    /// Hooks that panicked, and target policies.
    pub hook_panics: u64,
    /// Notifications for which the hooks took too long.
    pub hooks_late: u64,
    /// Events that came faster than the hooks handled them.
    pub events_dropped: u64,
}

impl MaintenanceStats {
    pub(super) fn of(snapshot: Snapshot, counters: &Counters) -> Self {
        Self {
            handoffs: snapshot.handoffs,
            windows: snapshot.windows,
            breakers: snapshot.breakers,
            breaker_changes: counters.breaker_changes.read(),
            draining: snapshot.draining,
            moving: snapshot.moving,
            moving_notifications: counters.moving.read(),
            migrating_notifications: counters.migrating.read(),
            migrated_notifications: counters.migrated.read(),
            failing_over_notifications: counters.failing_over.read(),
            failed_over_notifications: counters.failed_over.read(),
            smigrating_notifications: counters.slots_migrating.read(),
            smigrated_notifications: counters.slots_migrated.read(),
            acted: counters.notices_acted.read(),
            duplicates: counters.notices_duplicate.read(),
            caught_up: counters.notices_caught_up.read(),
            stale: counters.notices_stale.read(),
            skipped: counters.notices_skipped.read(),
            malformed: counters.malformed_pushes.read(),
            handoffs_started: counters.operations_started.read(),
            handoffs_completed: counters.operations_completed.read(),
            handoffs_failed: counters.operations_failed.read(),
            handoffs_abandoned: counters.operations_abandoned.read(),
            slots_moved: counters.handoffs.read(),
            move_times: counters.handoff_times.classes(),
            move_time_total: counters.handoff_times.total(),
            move_time_longest: counters.handoff_times.longest(),
            dials_failed: counters.handoff_dials_failed.read(),
            lost_in_window: counters.links_lost_in_window.read(),
            drains_forced: counters.drains_forced.read(),
            targets_refused: counters.targets_refused.read(),
            opt_ins_refused: counters.opt_ins_refused.read(),
            windows_opened: counters.windows_opened.read(),
            windows_closed: counters.windows_closed.read(),
            queue_overflows: counters.queue_overflows.read(),
            inbox_overflows: counters.inbox_overflows.read(),
            hook_panics: counters.hook_panics.read(),
            hooks_late: counters.hooks_late.read(),
            events_dropped: counters.events_dropped.read(),
        }
    }
}
