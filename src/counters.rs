//! What has happened since the client began, in numbers: one list, from which the counters, the fields of
//! `Stats` and `MaintenanceStats` and the names of the feature `metrics` come (`docs/metrics.md` lists
//! these). Each number is written where it happens. Runs no
//! code of a recorder: the lane does.

use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(feature = "metrics")]
use std::sync::{Arc, OnceLock, atomic::AtomicBool};
use std::time::Duration;

/// Where numbers are published, whoever does it must see a number or be rung for it.
const ORDER: Ordering = if cfg!(feature = "metrics") {
    Ordering::SeqCst
} else {
    Ordering::Relaxed
};

/// One number that only grows.
#[derive(Debug)]
pub(crate) struct Counter {
    value: AtomicU64,
    #[cfg(feature = "metrics")]
    change: Arc<Change>,
}

impl Counter {
    pub(crate) fn count(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, amount: u64) {
        // Nothing has changed: nobody is to be woken for it.
        if amount > 0 {
            self.add_silently(amount);
            #[cfg(feature = "metrics")]
            self.change.note();
        }
    }

    /// Adds, and leaves it to the next change of another number to have it published.
    pub(crate) fn add_silently(&self, amount: u64) {
        self.value.fetch_add(amount, ORDER);
    }

    pub(crate) fn read(&self) -> u64 {
        self.value.load(ORDER)
    }
}

/// Says that numbers have changed, once for all changes until it is heard.
#[cfg(feature = "metrics")]
#[derive(Default)]
struct Change {
    /// Somebody was told, who has not read the numbers since.
    told: AtomicBool,
    tell: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

#[cfg(feature = "metrics")]
impl Change {
    fn note(&self) {
        // The load first: while the recorder has not read, callers keep the cache line shared.
        if !self.told.load(Ordering::SeqCst) && !self.told.swap(true, Ordering::SeqCst) {
            if let Some(tell) = self.tell.get() {
                tell();
            }
        }
    }
}

#[cfg(feature = "metrics")]
impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change")
            .field("told", &self.told)
            .finish_non_exhaustive()
    }
}

/// Upper bounds of the classes of durations, in microseconds; the last class has none.
pub(crate) const CLASSES: [u64; 11] = [
    500, 1_000, 2_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000,
];

/// How often durations of each class occurred.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    classes: [AtomicU64; CLASSES.len() + 1],
    total_micros: AtomicU64,
    longest_micros: AtomicU64,
}

impl Durations {
    pub(crate) fn record(&self, duration: Duration) {
        // Half a million years do not fit: the longest is shown instead.
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let class = CLASSES
            .iter()
            .position(|bound| micros <= *bound)
            .unwrap_or(CLASSES.len());
        if let Some(class) = self.classes.get(class) {
            class.fetch_add(1, Ordering::Relaxed);
        }
        // Three numbers without a lock: a reader may see a class counted whose time is not in the total yet.
        self.total_micros.fetch_add(micros, Ordering::Relaxed);
        self.longest_micros.fetch_max(micros, Ordering::Relaxed);
    }

    /// Each class with its upper bound, and how many fell into it.
    pub(crate) fn classes(&self) -> Vec<(Option<Duration>, u64)> {
        let bounds = CLASSES
            .iter()
            .map(|micros| Some(Duration::from_micros(*micros)));
        let counts = self
            .classes
            .iter()
            .map(|class| class.load(Ordering::Relaxed));
        bounds.chain([None]).zip(counts).collect()
    }

    pub(crate) fn total(&self) -> Duration {
        Duration::from_micros(self.total_micros.load(Ordering::Relaxed))
    }

    pub(crate) fn longest(&self) -> Duration {
        Duration::from_micros(self.longest_micros.load(Ordering::Relaxed))
    }
}

/// Calls `$callback!` with the list of all numbers: those that [`Stats`](crate::Stats) shows, those that
/// [`MaintenanceStats`](crate::MaintenanceStats) shows, and those that both show. What the feature
/// `metrics` publishes is `hitless_<name>_total`.
macro_rules! for_each_counter {
    ($callback:ident) => {
        $callback! {
            stats {
                /// Commands that failed and may have run.
                commands_unknown,
                /// Connections that ended without being replaced first.
                connections_lost,
                /// Connections that were made.
                connections_opened,
                /// Attempts to make a connection that failed, whatever it was for.
                dials_failed,
                /// Lines that the log backend was too slow for.
                log_lines_dropped,
                /// Messages for which the mailbox of a [`Subscriber`](crate::Subscriber) had no room.
                messages_dropped,
                /// Maintenance notifications that could be read, of any kind, every copy counted.
                notifications,
                /// Pushes that are no maintenance notifications.
                pushes_unknown,
                /// Requests that shared a busy connection.
                requests_shared,
                /// Samples of the histogram of moves that the metrics recorder was too slow for.
                samples_dropped,
                /// Panics of code of yours on the client's threads: the log backend, the metrics
                /// recorder, hooks, the resolver, the target policy.
                user_panics,
            }
            both {
                /// Connections that were moved: replaced by another one while they served. A handoff
                /// moves several.
                connections_moved,
                /// Handoffs that have moved every connection.
                handoffs_completed,
                /// Handoffs that ran out of time.
                handoffs_failed,
                /// Handoffs that were begun: moves of all connections away from one address.
                handoffs_started,
                /// Maintenance notifications that could not be read.
                notifications_malformed,
                /// Connections whose server refused to send maintenance notifications.
                opt_ins_refused,
                /// Moves that had to be offered again because the workers' queue was full.
                queue_overflows,
                /// Places named by a server that may not be dialled.
                targets_refused,
            }
            maintenance {
                /// Changes of circuit breakers, from any state to another.
                breaker_changes,
                /// Connections that ended while timeouts were relaxed, without being replaced first:
                /// too late.
                connections_lost_in_window,
                /// Replaced connections that were ended with commands unanswered.
                drains_forced,
                /// Calls of hooks that were dropped because the hooks were too slow.
                events_dropped,
                /// Attempts to make a connection for a move that failed.
                handoff_dials_failed,
                /// Handoffs that ended early:
                /// [`MaintenanceEvent::HandoffAbandoned`](crate::MaintenanceEvent::HandoffAbandoned).
                handoffs_abandoned,
                /// Hooks that panicked.
                hook_panics,
                /// Notifications for which the hooks took too long.
                hooks_late,
                /// Messages to the coordinator for which there was no room. It looks at the connections
                /// itself then; a notification that was lost like that is known from its other copies
                /// only.
                inbox_overflows,
                /// Messages of subscribers that may have come twice, because connections took over by comparing
                /// messages with equal payloads.
                messages_doubled,
                /// Events of servers that were acted upon.
                notifications_acted,
                /// Completions of long past maintenances, told to new connections.
                notifications_caught_up,
                /// Copies of what was known.
                notifications_duplicate,
                /// `FAILED_OVER`, copies counted.
                notifications_failed_over,
                /// `FAILING_OVER`, copies counted.
                notifications_failing_over,
                /// `MIGRATED`, copies counted.
                notifications_migrated,
                /// `MIGRATING`, copies counted.
                notifications_migrating,
                /// `MOVING`, copies counted.
                notifications_moving,
                /// Notifications that a hook wanted forgotten, copies counted.
                notifications_skipped,
                /// `SMIGRATED`, copies counted.
                notifications_smigrated,
                /// `SMIGRATING`, copies counted.
                notifications_smigrating,
                /// Notifications from connections that had been replaced.
                notifications_stale,
                /// Connections of subscribers that took over at a place that is known exactly: nothing is lost or
                /// doubled.
                seams_exact,
                /// Connections of subscribers that took over at a place that was found by comparing messages:
                /// nothing is lost.
                seams_matched,
                /// Windows that have ended.
                windows_closed,
                /// Windows that were opened.
                windows_opened,
            }
        }
    };
}
pub(crate) use for_each_counter;

macro_rules! counters {
    ($($group:ident { $($(#[$doc:meta])* $field:ident,)* })*) => {
        /// The numbers of one client.
        #[derive(Debug)]
        pub(crate) struct Counters {
            $($($(#[$doc])* pub(crate) $field: Counter,)*)*
            /// How long each connection took to move.
            pub(crate) move_times: Durations,
            #[cfg(feature = "metrics")]
            change: Arc<Change>,
        }

        impl Default for Counters {
            fn default() -> Self {
                #[cfg(feature = "metrics")]
                let change = Arc::<Change>::default();
                Self {
                    $($($field: Counter {
                        value: AtomicU64::new(0),
                        #[cfg(feature = "metrics")]
                        change: Arc::clone(&change),
                    },)*)*
                    move_times: Durations::default(),
                    #[cfg(feature = "metrics")]
                    change,
                }
            }
        }

        #[cfg(feature = "metrics")]
        impl Counters {
            /// Has `tell` called when a number has changed, and then again after
            /// [`heard_change`](Self::heard_change). It is called by any thread, with any lock.
            pub(crate) fn on_change(&self, tell: Box<dyn Fn() + Send + Sync>) {
                let _ = self.change.tell.set(tell);
            }

            /// From here on changes are told anew.
            pub(crate) fn heard_change(&self) {
                self.change.told.store(false, Ordering::SeqCst);
            }

            /// All numbers by the names under which they are published.
            pub(crate) fn totals(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$($((concat!("hitless_", stringify!($field), "_total"), self.$field.read())),*),*].into_iter()
            }
        }
    };
}

for_each_counter!(counters);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_class_that_holds_it() {
        let durations = Durations::default();
        for micros in [0, 500, 501, 6_000_000] {
            durations.record(Duration::from_micros(micros));
        }
        let classes = durations.classes();
        assert_eq!(classes[0], (Some(Duration::from_micros(500)), 2));
        assert_eq!(classes[1], (Some(Duration::from_millis(1)), 1));
        assert_eq!(classes[CLASSES.len()], (None, 1));
        assert_eq!(durations.longest(), Duration::from_secs(6));
        assert_eq!(durations.total(), Duration::from_micros(6_001_001));
    }
}
