//! The hooks that come with the client. They change no notification.

use crate::clock;
use crate::events::{MaintenanceEvent, Notice, NotificationHook, Reaction, Treatment};
use crate::lane::{Place, say_here};
use crate::log_targets;
use crate::sorted::SortedMap;
use crate::sync::Ranked;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// Logs every notification and every event at one level, under the target
/// [`hitless::hooks`](crate::log_targets::HOOKS).
///
/// On the client's thread of hooks it does not wait for the log backend: its lines go by `hitless-lane` like
/// the client's own, so that a backend that is slow or hangs delays no move.
///
/// ```
/// use hitless::{LoggingHook, MaintenanceOptions};
/// use std::sync::Arc;
///
/// let maintenance = MaintenanceOptions::new().hook(Arc::new(LoggingHook::new(log::Level::Info)));
/// # let _ = maintenance;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LoggingHook {
    level: log::Level,
}

impl LoggingHook {
    /// Logs at this level.
    pub fn new(level: log::Level) -> Self {
        Self { level }
    }

    fn say(&self, text: fmt::Arguments<'_>) {
        let place = Place {
            target: log_targets::HOOKS,
            file: file!(),
            line: line!(),
        };
        say_here(self.level, place, text);
    }
}

impl Default for LoggingHook {
    /// Logs at `info`.
    fn default() -> Self {
        Self::new(log::Level::Info)
    }
}

impl NotificationHook for LoggingHook {
    fn before(&self, notice: &Notice) -> Reaction {
        let Notice {
            endpoint,
            notification,
            ..
        } = notice;
        self.say(format_args!("{endpoint} said {notification:?}"));
        Reaction::Continue
    }

    fn after(&self, notice: &Notice, treatment: Treatment) {
        let name = notice.notification.name();
        self.say(format_args!("{name} was dealt with: {treatment:?}"));
    }

    fn event(&self, event: &MaintenanceEvent) {
        self.say(format_args!("{event:?}"));
    }
}

/// Counts notifications and how long it took to deal with them. Add it before hooks that skip any: what
/// one of those skips, the hooks behind it are not asked about.
///
/// ```
/// use hitless::MetricsHook;
/// use std::sync::Arc;
///
/// let metrics = Arc::new(MetricsHook::new());
/// // client.add_hook(metrics.clone());
/// assert!(metrics.snapshot().is_empty());
/// ```
#[derive(Debug, Default)]
pub struct MetricsHook {
    numbers: Ranked<Numbers, 6>,
}

#[derive(Debug, Default)]
struct Numbers {
    /// By the name of the notification.
    kinds: SortedMap<&'static str, Kind>,
}

#[derive(Debug, Default)]
struct Kind {
    metrics: KindMetrics,
    /// When the one that is being dealt with was first seen.
    began: Option<Instant>,
}

/// What is known of one kind of notification.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct KindMetrics {
    /// Events of the server, copies not counted.
    pub seen: u64,
    /// Those acted upon.
    pub acted: u64,
    /// Those that were refused, skipped or stale.
    pub not_acted: u64,
    /// The longest time from the first hook to the end of the treatment.
    pub longest: Duration,
    /// The sum of these times.
    pub total: Duration,
}

impl MetricsHook {
    /// Counts from zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The numbers so far, by the name of the notification.
    // Compiled where it is called: its map is the only one of these types.
    #[inline]
    pub fn snapshot(&self) -> BTreeMap<&'static str, KindMetrics> {
        let numbers = self.numbers.lock();
        let kinds = numbers.kinds.iter();
        kinds.map(|(name, kind)| (*name, kind.metrics)).collect()
    }
}

impl NotificationHook for MetricsHook {
    fn before(&self, notice: &Notice) -> Reaction {
        let name = notice.notification.name();
        let mut numbers = self.numbers.lock();
        let kind = numbers.kinds.or_insert_with(name, Kind::default);
        kind.metrics.seen += 1;
        kind.began = Some(clock::now());
        Reaction::Continue
    }

    fn after(&self, notice: &Notice, treatment: Treatment) {
        let name = notice.notification.name();
        let mut numbers = self.numbers.lock();
        let kind = numbers.kinds.or_insert_with(name, Kind::default);
        let metrics = &mut kind.metrics;
        match treatment {
            Treatment::Acted => metrics.acted += 1,
            _ => metrics.not_acted += 1,
        }
        if let Some(began) = kind.began.take() {
            let took = clock::now().saturating_duration_since(began);
            metrics.longest = metrics.longest.max(took);
            metrics.total += took;
        }
    }
}
