//! When callers who wait for a connection are told that there is none. Wakes nobody.

use super::later;
use crate::protocol::Maintenance;
use std::time::{Duration, Instant};

/// Dials that fail within this time of one that counted count with it. So the default of three
/// retries lasts about half a second, however many dials fail meanwhile: a listener that restarts is
/// back by then.
const MOMENT: Duration = Duration::from_millis(150);

/// After a window, a checkout that fails for so long is owed to it still.
const BLAME: Duration = Duration::from_secs(1);

/// A dial that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailedDial {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

/// What failed dials mean to those who wait. Failures of one moment are one event: they count once.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// Moments at which dials failed since the client began, and the last one.
    moments: u64,
    last: Option<Instant>,
    /// The maintenance because of which timeouts are relaxed, and until when.
    window: Option<(Maintenance, Instant)>,
    /// Until when the loss of connections in a window excuses failures.
    excused: Option<Instant>,
}

impl Patience {
    /// A dial has failed.
    pub(crate) fn handle_failure(&mut self, dial: FailedDial) {
        let same = |last| dial.began < last || dial.ended < later(last, MOMENT);
        if self.last.is_some_and(same) {
            return;
        }
        self.last = Some(dial.ended);
        self.moments += 1;
    }

    /// From `now` on timeouts are relaxed until then because of this maintenance, or not at all.
    pub(crate) fn set_window(&mut self, now: Instant, window: Option<(Maintenance, Instant)>) {
        // The end of the last one is kept, to explain what fails shortly after.
        let last = self.window.map(|(cause, until)| (cause, until.min(now)));
        self.window = window.or(last);
    }

    /// A connection was lost while timeouts were relaxed: the server needs up to `grace` to be back.
    pub(crate) fn handle_loss(&mut self, now: Instant, grace: Duration) {
        self.excused = self.excused.max(Some(later(now, grace)));
    }

    /// How many moments there have been, to be told from those that come while somebody waits.
    pub(crate) fn moments(&self) -> u64 {
        self.moments
    }

    /// Whether maintenance goes on, or has just cost connections: then failures say nothing about what
    /// comes next, and a caller waits until its own deadline.
    pub(crate) fn is_in_window(&self, now: Instant) -> bool {
        // `None` is less than any time.
        let window = self.window.map(|(_, until)| until);
        window.max(self.excused).is_some_and(|until| now < until)
    }

    /// Whether a caller who has waited since there were `since` moments, and may see `most`, gives up.
    pub(crate) fn is_over(&self, now: Instant, since: u64, most: u64) -> bool {
        self.moments.saturating_sub(since) > most && !self.is_in_window(now)
    }

    /// The maintenance to which a failure at `now` is owed.
    pub(crate) fn blame(&self, now: Instant) -> Option<Maintenance> {
        let (cause, until) = self.window?;
        (now < later(until, BLAME)).then_some(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handoff::origin;

    const MS: Duration = Duration::from_millis(1);

    fn failed(patience: &mut Patience, ended: Instant, began: Instant) {
        patience.handle_failure(FailedDial { began, ended });
    }

    const FAILING_OVER: Maintenance = Maintenance {
        name: "FAILING_OVER",
        seq: Some(3),
    };

    #[test]
    fn dials_that_fail_in_one_moment_count_once() {
        let (start, mut patience) = (origin(), Patience::default());
        // Four entries lose their links, and their four dials are refused within a millisecond.
        (0..4).for_each(|_| failed(&mut patience, start + MS, start));
        assert_eq!(patience.moments(), 1);
        assert!(!patience.is_over(start + MS, 0, 3));
        // A server that refuses for 60 ms, dialled each 5 ms: still one moment.
        for at in 0..12 {
            failed(&mut patience, start + at * 5 * MS, start + at * 5 * MS);
        }
        assert_eq!(patience.moments(), 1);
    }

    #[test]
    fn dials_that_were_begun_together_count_once_however_late_they_fail() {
        let (start, mut patience) = (origin(), Patience::default());
        for dial in 0..4 {
            failed(&mut patience, start + (5000 + 400 * dial) * MS, start);
        }
        assert_eq!(patience.moments(), 1);
        failed(&mut patience, start + 7000 * MS, start + 5001 * MS);
        assert_eq!(patience.moments(), 2);
    }

    #[test]
    fn the_default_retries_last_about_half_a_second() {
        for pause in [1, 10, 50, 100, 150] {
            let (start, mut patience) = (origin(), Patience::default());
            let mut now = start;
            while !patience.is_over(now, 0, 3) {
                now += pause * MS;
                failed(&mut patience, now, now);
            }
            let lasted = (now - start - pause * MS).as_millis();
            assert!((450..=600).contains(&lasted), "{pause} ms: {lasted} ms");
        }
    }

    #[test]
    fn without_retries_the_first_failure_is_the_last() {
        let (start, mut patience) = (origin(), Patience::default());
        failed(&mut patience, start, start);
        assert!(patience.is_over(start, 0, 0));
    }

    #[test]
    fn in_a_window_no_number_of_failures_ends_a_wait() {
        let (start, mut patience) = (origin(), Patience::default());
        patience.set_window(start, Some((FAILING_OVER, start + 4000 * MS)));
        for at in 1..30 {
            let now = start + at * 200 * MS;
            failed(&mut patience, now, now);
            assert_eq!(patience.is_over(now, 0, 3), now >= start + 4000 * MS);
        }
    }

    #[test]
    fn after_a_loss_in_a_window_no_number_of_failures_ends_a_wait_for_a_while() {
        let (start, mut patience) = (origin(), Patience::default());
        patience.set_window(start, Some((FAILING_OVER, start + 100 * MS)));
        patience.handle_loss(start + 99 * MS, 10_000 * MS);
        patience.set_window(start + 100 * MS, None);
        for at in 1..80 {
            let now = start + at * 200 * MS;
            failed(&mut patience, now, now);
            let excused = now < start + 10_099 * MS;
            assert_eq!(patience.is_over(now, 0, 3), !excused && at > 3);
        }
    }

    #[test]
    fn a_checkout_that_fails_in_or_just_after_a_window_names_it() {
        let (start, mut patience) = (origin(), Patience::default());
        assert_eq!(patience.blame(start), None);
        patience.set_window(start, Some((FAILING_OVER, start + 4000 * MS)));
        assert_eq!(patience.blame(start + 4900 * MS), Some(FAILING_OVER));
        assert_eq!(patience.blame(start + 5000 * MS), None);
        // It ended early.
        patience.set_window(start + 2000 * MS, None);
        assert!(!patience.is_in_window(start + 2000 * MS));
        assert_eq!(patience.blame(start + 2900 * MS), Some(FAILING_OVER));
        assert_eq!(patience.blame(start + 3000 * MS), None);
    }
}
