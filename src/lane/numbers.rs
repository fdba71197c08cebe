//! Publishes the numbers of a client through the `metrics` facade. Counts nothing itself.
//!
//! Counters are published by what their totals have grown since the last time, so that nothing is lost
//! however seldom that is, and the clients of a process add up. Gauges: the latest. Only samples of
//! the histogram may be dropped.

use super::guard;
use crate::counters::Counters;
use crate::handoff::bounded::Bounded;
use crate::handoff::later;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The least time between two publications: numbers of a busy client change thousands of times a
/// second, and are read every few seconds.
const PACE: Duration = Duration::from_millis(100);

/// Samples that may wait. More than this many connections do not move within one [`PACE`].
const MOST_SAMPLES: usize = 4096;

/// What one client has in the gauges. The clients of a process share these: each adds what it has, and
/// takes it back when it closes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Gauges {
    /// Handoffs that go on.
    pub(crate) handoffs: usize,
    /// Windows of relaxed timeouts that are open.
    pub(crate) windows: usize,
    /// Replaced connections that still answer.
    pub(crate) draining: usize,
    /// Connections that are on the move.
    pub(crate) moving: usize,
    /// Endpoint and state of each breaker that is not closed.
    pub(crate) breakers: BTreeSet<(String, &'static str)>,
}

/// What waits to be published.
#[derive(Debug)]
pub(super) struct Waiting {
    /// A counter has grown.
    changed: bool,
    /// The latest, if they have not been published.
    gauges: Option<Gauges>,
    /// How long moves took; the oldest are dropped when it is full.
    samples: Bounded<Duration>,
    /// When the next publication is due at the earliest.
    next: Option<Instant>,
}

/// One publication.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// What to show, if it has changed.
    gauges: Option<Gauges>,
    /// What to add to the histogram.
    samples: Vec<Duration>,
}

impl Waiting {
    /// A lane that has nothing to publish yet.
    pub(super) fn new() -> Self {
        Self {
            changed: false,
            gauges: None,
            samples: Bounded::new(MOST_SAMPLES, usize::MAX),
            next: None,
        }
    }

    /// A counter has grown. The totals are read when they are published, so that a busy client costs its
    /// readers nothing.
    pub(super) fn handle_change(&mut self) {
        self.changed = true;
    }

    /// The coordinator has told how things stand. Only the latest is kept: a gauge has no history.
    pub(super) fn handle_gauges(&mut self, gauges: Gauges) {
        self.gauges = Some(gauges);
    }

    /// Yields how many samples were dropped for this one.
    pub(super) fn handle_sample(&mut self, sample: Duration) -> u64 {
        self.samples.push(sample, 0)
    }

    /// What is to be published at `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Batch> {
        // At most ten times a second, however many counters change.
        if !self.waits() || self.next.is_some_and(|at| at > now) {
            return None;
        }
        self.next = Some(later(now, PACE));
        Some(self.take())
    }

    /// Whatever waits, due or not.
    pub(super) fn take(&mut self) -> Batch {
        // Before the totals are read: a change from here on is published next time.
        self.changed = false;
        Batch {
            gauges: self.gauges.take(),
            samples: std::iter::from_fn(|| self.samples.pop()).collect(),
        }
    }

    /// When something that is not due yet will be; `None` while nothing waits.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.next.filter(|_| self.waits())
    }

    /// Whether anything is to be published.
    fn waits(&self) -> bool {
        self.changed || self.gauges.is_some() || !self.samples.is_empty()
    }
}

/// What has been published. Of the lane's thread.
#[derive(Default)]
pub(super) struct Publisher {
    /// By the name of the metric.
    counters: BTreeMap<&'static str, Published>,
    /// By the name of the metric.
    gauges: BTreeMap<&'static str, Part>,
    /// Endpoint and state of each breaker, as shown last.
    breakers: BTreeSet<(String, &'static str)>,
    /// The histogram, looked up when the first move ends.
    samples: Option<metrics::Histogram>,
    /// Panics of the recorder, to be counted with the others.
    panics: u64,
}

/// A counter of the recorder's, and how much of the total it has been given.
#[derive(Default)]
struct Published {
    /// `None` where the recorder panicked instead of giving one.
    counter: Option<metrics::Counter>,
    /// What the recorder has been told in all.
    total: u64,
}

/// A gauge of the recorder's, and what this client adds to it.
#[derive(Default)]
struct Part {
    /// `None` where the recorder panicked instead of giving one.
    gauge: Option<metrics::Gauge>,
    /// What this client has added to the gauge, which others of the process share.
    shown: usize,
}

impl Publisher {
    /// Tells the recorder how much each counter has grown, how the gauges stand, and how long moves took.
    /// Runs on the thread of the lane only, with no lock held: recorders are code of the user.
    pub(super) fn publish(&mut self, counters: &Counters, batch: Batch) {
        // Before the totals are read: what grows from here on asks for the next publication.
        counters.heard_change();
        for (name, total) in counters.totals() {
            let published = self.counters.entry(name).or_default();
            // The recorder adds: several clients of a process share one counter by its name.
            let grown = total.saturating_sub(published.total);
            if grown == 0 && published.counter.is_some() {
                continue;
            }
            if published.counter.is_none() {
                // Registered also while it is zero, so that a graph exists before the first event.
                published.counter = note(&mut self.panics, || metrics::counter!(name));
            }
            if let (Some(counter), 1..) = (&published.counter, grown) {
                // Whatever becomes of it: a recorder that panics is not given the same twice.
                published.total = total;
                note(&mut self.panics, || counter.increment(grown));
            }
        }
        for sample in batch.samples {
            let panics = &mut self.panics;
            let histogram = self
                .samples
                .take()
                .or_else(|| note(panics, || metrics::histogram!("hitless_move_seconds")));
            if let Some(histogram) = &histogram {
                note(panics, || histogram.record(sample.as_secs_f64()));
            }
            self.samples = histogram;
        }
        if let Some(gauges) = batch.gauges {
            self.show(gauges);
        }
        // Without a word to the lane: a recorder that always panics is not to be asked for ever.
        counters
            .user_panics
            .add_silently(std::mem::take(&mut self.panics));
    }

    /// Publishes the gauges. A gauge is moved by the difference to what this client showed last, because
    /// several clients of one process share each of them.
    fn show(&mut self, now: Gauges) {
        for (name, level) in [
            ("hitless_handoffs_active", now.handoffs),
            ("hitless_windows_open", now.windows),
            ("hitless_connections_draining", now.draining),
            ("hitless_connections_moving", now.moving),
        ] {
            let part = self.gauges.entry(name).or_default();
            if part.gauge.is_none() {
                part.gauge = note(&mut self.panics, || metrics::gauge!(name));
            }
            let Some(gauge) = &part.gauge else { continue };
            // Gauges are moved and not set, because clients of one process share them too.
            let (before, shown) = (part.shown, level.min(u32::MAX as usize));
            part.shown = shown;
            note(&mut self.panics, || step(gauge, before, shown));
        }
        // What came is shown as one, what went as zero; what stayed needs no word.
        for key in self.breakers.symmetric_difference(&now.breakers) {
            let (endpoint, state) = key.clone();
            let (before, shown) = if now.breakers.contains(key) {
                (0, 1)
            } else {
                (1, 0)
            };
            note(&mut self.panics, || {
                let gauge =
                    metrics::gauge!("hitless_breakers", "endpoint" => endpoint, "state" => state);
                step(&gauge, before, shown);
            });
        }
        self.breakers = now.breakers;
    }
}

/// Moves a gauge by the difference.
fn step(gauge: &metrics::Gauge, before: usize, shown: usize) {
    let by = |amount: usize| u32::try_from(amount).unwrap_or(u32::MAX);
    if shown > before {
        gauge.increment(by(shown - before));
    } else if shown < before {
        gauge.decrement(by(before - shown));
    }
}

/// Runs the recorder's code; a panic is noted.
fn note<T>(panics: &mut u64, code: impl FnOnce() -> T) -> Option<T> {
    let done = guard(code);
    *panics += u64::from(done.is_none());
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handoff::origin;

    #[test]
    fn numbers_that_change_all_the_time_are_published_every_tenth_of_a_second() {
        let (start, mut waiting) = (origin(), Waiting::new());
        let at = |millis: u64| start + Duration::from_millis(millis);
        let mut times = Vec::new();
        for millis in 0..=1000 {
            waiting.handle_change();
            if waiting.take_due(at(millis)).is_some() {
                times.push(millis);
            }
        }
        assert_eq!(times, (0..=10).map(|part| part * 100).collect::<Vec<_>>());
    }

    #[test]
    fn an_idle_client_has_nothing_to_publish() {
        let (start, mut waiting) = (origin(), Waiting::new());
        assert_eq!(waiting.poll_timeout(), None);
        waiting.handle_gauges(Gauges::default());
        assert!(waiting.take_due(start).is_some());
        assert_eq!(waiting.poll_timeout(), None);
        assert!(waiting.take_due(start + PACE * 2).is_none());
    }

    #[test]
    fn of_gauges_the_latest_counts_and_of_samples_the_oldest_are_dropped() {
        let (start, mut waiting) = (origin(), Waiting::new());
        for number in 0..MOST_SAMPLES + 2 {
            let dropped = waiting.handle_sample(Duration::from_secs(number as u64));
            assert_eq!(dropped, u64::from(number >= MOST_SAMPLES));
            waiting.handle_gauges(Gauges {
                moving: number,
                ..Gauges::default()
            });
        }
        let batch = waiting.take_due(start + PACE).expect("a batch");
        assert_eq!(
            batch.gauges.map(|gauges| gauges.moving),
            Some(MOST_SAMPLES + 1)
        );
        assert_eq!(batch.samples.len(), MOST_SAMPLES);
        assert_eq!(batch.samples.first(), Some(&Duration::from_secs(2)));
    }
}
