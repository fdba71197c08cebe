//! What has happened since the client began, in numbers. Each is written where it happens. The feature
//! `metrics` publishes each under the name that stands beside it; `docs/metrics.md` lists them. Runs no
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
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let class = CLASSES
            .iter()
            .position(|bound| micros <= *bound)
            .unwrap_or(CLASSES.len());
        if let Some(class) = self.classes.get(class) {
            class.fetch_add(1, Ordering::Relaxed);
        }
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

macro_rules! counters {
    ($($field:ident: $name:literal;)*) => {
        /// The numbers of one client.
        #[derive(Debug)]
        pub(crate) struct Counters {
            $(pub(crate) $field: Counter,)*
            pub(crate) handoff_times: Durations,
            #[cfg(feature = "metrics")]
            change: Arc<Change>,
        }

        impl Default for Counters {
            fn default() -> Self {
                #[cfg(feature = "metrics")]
                let change = Arc::<Change>::default();
                Self {
                    $($field: Counter {
                        value: AtomicU64::new(0),
                        #[cfg(feature = "metrics")]
                        change: Arc::clone(&change),
                    },)*
                    handoff_times: Durations::default(),
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
                [$(($name, self.$field.read())),*].into_iter()
            }
        }

        /// The names under which the feature `metrics` publishes the numbers.
        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),*];
    };
}

counters! {
    breaker_changes: "hitless_breaker_changes_total";
    commands_unknown: "hitless_commands_unknown_total";
    dials_failed: "hitless_dials_failed_total";
    drains_forced: "hitless_drains_forced_total";
    events_dropped: "hitless_events_dropped_total";
    failed_over: "hitless_notifications_failed_over_total";
    failing_over: "hitless_notifications_failing_over_total";
    handoff_dials_failed: "hitless_handoff_dials_failed_total";
    handoffs: "hitless_slots_moved_total";
    hook_panics: "hitless_hook_panics_total";
    hooks_late: "hitless_hooks_late_total";
    inbox_overflows: "hitless_inbox_overflows_total";
    links_lost: "hitless_connections_lost_total";
    links_lost_in_window: "hitless_connections_lost_in_window_total";
    links_opened: "hitless_connections_opened_total";
    lines_dropped: "hitless_log_lines_dropped_total";
    malformed_pushes: "hitless_notifications_malformed_total";
    migrated: "hitless_notifications_migrated_total";
    migrating: "hitless_notifications_migrating_total";
    moving: "hitless_notifications_moving_total";
    notices_acted: "hitless_notifications_acted_total";
    notices_caught_up: "hitless_notifications_caught_up_total";
    notices_duplicate: "hitless_notifications_duplicate_total";
    notices_skipped: "hitless_notifications_skipped_total";
    notices_stale: "hitless_notifications_stale_total";
    operations_abandoned: "hitless_handoffs_abandoned_total";
    operations_completed: "hitless_handoffs_completed_total";
    operations_failed: "hitless_handoffs_failed_total";
    operations_started: "hitless_handoffs_started_total";
    opt_ins_refused: "hitless_opt_ins_refused_total";
    pushes: "hitless_notifications_total";
    queue_overflows: "hitless_queue_overflows_total";
    samples_dropped: "hitless_samples_dropped_total";
    shared: "hitless_requests_shared_total";
    slots_migrated: "hitless_notifications_smigrated_total";
    slots_migrating: "hitless_notifications_smigrating_total";
    targets_refused: "hitless_targets_refused_total";
    unknown_pushes: "hitless_pushes_unknown_total";
    user_panics: "hitless_user_panics_total";
    windows_closed: "hitless_windows_closed_total";
    windows_opened: "hitless_windows_opened_total";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_of_one_kind() {
        let mut names = NAMES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), NAMES.len());
        assert!(
            names
                .iter()
                .all(|name| name.starts_with("hitless_") && name.ends_with("_total"))
        );
    }

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
