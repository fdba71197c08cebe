//! What the commands of the load took, in histograms and a few seconds of detail: the memory that this
//! needs does not grow with the length of a drill. Knows no client.

use crate::phases::{Phase, Phases, Window};
use hdrhistogram::Histogram;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest that is told apart from longer ones, in microseconds: two minutes.
const LONGEST: u64 = 120_000_000;

/// Columns of the picture at most. When there are more, two become one.
const COLUMNS: usize = 600;

/// The width of a column at first, in microseconds.
const WIDTH: u64 = 25_000;

/// How much of the past a thread knows in detail: 8 s, in slices of 1 ms.
const SLICES: usize = 8192;
const SLICE: u64 = 1000;

/// A histogram of microseconds with two significant digits: 13 KiB.
pub(crate) fn histogram() -> Histogram<u32> {
    // The bounds are valid, which is all that is checked.
    Histogram::new_with_bounds(1, LONGEST, 2).unwrap_or_else(|_| unreachable!())
}

/// The latency over time, for the picture.
#[derive(Debug)]
pub(crate) struct Columns {
    width: u64,
    columns: Vec<Histogram<u32>>,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            width: WIDTH,
            columns: Vec::new(),
        }
    }
}

impl Columns {
    /// The width of a column, in microseconds.
    pub(crate) fn width(&self) -> u64 {
        self.width
    }

    /// The columns that hold anything, with the middle of each in microseconds after the start.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Histogram<u32>)> {
        let held = self.columns.iter().enumerate();
        held.filter(|(_, column)| !column.is_empty())
            .map(|(index, column)| (index as u64 * self.width + self.width / 2, column))
    }

    fn add(&mut self, at: u64, found: &Histogram<u32>) {
        while at / self.width >= COLUMNS as u64 {
            self.width *= 2;
            let mut merged = Vec::with_capacity(COLUMNS);
            for pair in self.columns.chunks(2) {
                let mut one = pair[0].clone();
                if let Some(other) = pair.get(1) {
                    // Same bounds: nothing can be out of them.
                    let _ = one.add(other);
                }
                merged.push(one);
            }
            self.columns = merged;
        }
        let index = (at / self.width) as usize;
        if self.columns.len() <= index {
            self.columns.resize_with(index + 1, histogram);
        }
        let _ = self.columns[index].add(found);
    }
}

/// The longest command in each of the last slices of time.
#[derive(Debug)]
struct Detail(Box<[(u64, u64)]>);

impl Detail {
    fn new() -> Self {
        Self(vec![(u64::MAX, 0); SLICES].into())
    }

    fn add(&mut self, start: u64, end: u64) {
        let (took, last) = (end - start, end / SLICE);
        let first = (start / SLICE).max((last + 1).saturating_sub(SLICES as u64));
        for slice in first..=last {
            let (tag, longest) = &mut self.0[slice as usize % SLICES];
            if *tag != slice {
                (*tag, *longest) = (slice, 0);
            }
            *longest = took.max(*longest);
        }
    }

    /// The longest command that was under way between two times.
    fn longest(&self, begin: u64, end: u64) -> Option<u64> {
        let (first, last) = (begin / SLICE, end / SLICE);
        let first = first.max((last + 1).saturating_sub(SLICES as u64));
        let known = (first..=last).filter_map(|slice| {
            let (tag, longest) = self.0[slice as usize % SLICES];
            (tag == slice).then_some(longest)
        });
        known.max()
    }
}

/// What one thread measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) quiet: Histogram<u32>,
    pub(crate) moving: Histogram<u32>,
    pub(crate) failover: Histogram<u32>,
    /// The longest command of the thread around each swap.
    pub(crate) pause: Histogram<u32>,
    /// The same in the time before, of the same length.
    pub(crate) calm: Histogram<u32>,
}

impl Measured {
    pub(crate) fn new() -> Self {
        Self {
            quiet: histogram(),
            moving: histogram(),
            failover: histogram(),
            pause: histogram(),
            calm: histogram(),
        }
    }

    /// Adds what another thread measured.
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, other) in [
            (&mut self.quiet, &other.quiet),
            (&mut self.moving, &other.moving),
            (&mut self.failover, &other.failover),
            (&mut self.pause, &other.pause),
            (&mut self.calm, &other.calm),
        ] {
            // Same bounds: nothing can be out of them.
            let _ = mine.add(other);
        }
    }
}

/// Measures the commands of one thread.
pub(crate) struct Recorder<'a> {
    start: Instant,
    phases: &'a Phases,
    columns: &'a Mutex<Columns>,
    measured: Measured,
    /// What belongs to the column that begins at this time and is not over.
    column: (u64, Histogram<u32>),
    detail: Detail,
    windows_seen: usize,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(start: Instant, phases: &'a Phases, columns: &'a Mutex<Columns>) -> Self {
        Self {
            start,
            phases,
            columns,
            measured: Measured::new(),
            column: (0, histogram()),
            detail: Detail::new(),
            windows_seen: 0,
        }
    }

    /// Runs a command and notes when it ran and how long it took.
    pub(crate) fn time<T>(&mut self, command: impl FnOnce() -> T) -> T {
        let (before, begun) = (self.phases.now(), Instant::now());
        let result = command();
        let (took, after) = (begun.elapsed(), self.phases.now());
        self.note(before.max(after), begun, took);
        result
    }

    /// Notes how long something took that was begun so many microseconds after the start, by another thread.
    pub(crate) fn since(&mut self, at: u64) {
        let begun = self.start + Duration::from_micros(at);
        self.note(self.phases.now(), begun, begun.elapsed());
    }

    fn note(&mut self, phase: Phase, begun: Instant, took: Duration) {
        let start = micros(begun.saturating_duration_since(self.start));
        let took = micros(took).max(1);
        let end = start + took;
        match phase {
            Phase::Failover => &mut self.measured.failover,
            Phase::Moving => &mut self.measured.moving,
            Phase::Quiet => &mut self.measured.quiet,
        }
        .saturating_record(took);
        if end >= self.column.0 + WIDTH {
            self.flush();
            self.column.0 = end - end % WIDTH;
        }
        self.column.1.saturating_record(took);
        self.detail.add(start, end);
        if self.phases.windows() > self.windows_seen {
            self.look_at_windows(end);
        }
    }

    /// Looks what the handoffs cost that are over by now.
    fn look_at_windows(&mut self, now: u64) {
        for window in self.phases.windows_from(self.windows_seen) {
            if window.end > now {
                return;
            }
            self.windows_seen += 1;
            let Window { begin, end } = window;
            let before = begin.saturating_sub(end - begin);
            for (found, longest) in [
                (&mut self.measured.pause, self.detail.longest(begin, end)),
                (&mut self.measured.calm, self.detail.longest(before, begin)),
            ] {
                if let Some(longest) = longest {
                    found.saturating_record(longest.max(1));
                }
            }
        }
    }

    fn flush(&mut self) {
        if !self.column.1.is_empty() {
            let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
            columns.add(self.column.0, &self.column.1);
            drop(columns);
            self.column.1.reset();
        }
    }

    /// What was measured, when the thread ends.
    pub(crate) fn finish(mut self) -> Measured {
        self.flush();
        self.look_at_windows(u64::MAX);
        self.measured
    }
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_day_is_that_of_a_minute() {
        let mut columns = Columns::default();
        let mut one = histogram();
        one.record(100).unwrap();
        let day = 86_400_000_000;
        for at in (0..day).step_by(10_000_000) {
            columns.add(at, &one);
        }
        assert!(
            columns.columns.len() <= COLUMNS,
            "{}",
            columns.columns.len()
        );
        assert!(columns.width() * COLUMNS as u64 >= day);
        let total: u64 = columns.iter().map(|(_, column)| column.len()).sum();
        assert_eq!(total, 8640);
    }

    #[test]
    fn a_time_beyond_71_minutes_keeps_its_place() {
        let mut detail = Detail::new();
        let late = 3 * u64::from(u32::MAX);
        detail.add(late, late + 5000);
        detail.add(late + 6000, late + 6100);
        assert_eq!(detail.longest(late, late + 7000), Some(5000));
        assert_eq!(detail.longest(late + 5900, late + 7000), Some(100));
        assert_eq!(detail.longest(late - 9_000_000, late - 8_500_000), None);
    }

    #[test]
    fn a_command_is_found_in_every_slice_that_it_touches() {
        let mut detail = Detail::new();
        detail.add(1500, 4500);
        for at in [1000, 2000, 3000, 4000] {
            assert_eq!(detail.longest(at, at), Some(3000), "{at}");
        }
        assert_eq!(detail.longest(5000, 9000), None);
        // Longer than all that is known.
        detail.add(0, 60_000_000);
        assert_eq!(detail.longest(59_000_000, 60_000_000), Some(60_000_000));
    }
}
