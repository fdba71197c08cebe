//! When one call must be over. Reads no clock.
//!
//! ```text
//!   start        checkout ends                    end
//!     |-- waits for connections --|-- reply ------|
//!     |-- reply --|                                  a call that finds a connection at once
//! ```

use std::time::{Duration, Instant};

/// The time limits of one call. Made once, when the call begins, and passed to the checkout and to
/// every connection that the call tries; only a relaxed window moves its end, and only to a later time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    start: Instant,
    /// The time for waiting for connections, all waits of the call together; `None`: for ever.
    checkout: Option<Duration>,
    /// The time from sending the command to its reply; `None`: for ever.
    timeout: Option<Duration>,
    /// The command blocks on the server.
    blocking: bool,
    /// When the command went to the connection that has it now.
    sent: Instant,
    /// It had to wait for that.
    waited: bool,
}

impl Deadline {
    /// The limits of a call that begins at `start`.
    #[inline]
    pub(crate) fn new(
        start: Instant,
        checkout: Option<Duration>,
        timeout: Option<Duration>,
        blocking: bool,
    ) -> Self {
        Self {
            start,
            checkout,
            timeout,
            blocking,
            sent: start,
            waited: false,
        }
    }

    /// These limits for a command that goes to a connection at `now`, after a wait for it. The time for
    /// the reply runs from there; the end of the call stays where it is.
    pub(crate) fn sent_at(self, now: Instant) -> Self {
        Self {
            sent: now,
            waited: true,
            ..self
        }
    }

    /// These limits for a command that goes to a further connection: some of its time is over.
    pub(crate) fn again(self) -> Self {
        Self {
            waited: true,
            ..self
        }
    }

    /// The limits of a quick request that goes in front of this call's at `now`: it takes at most `own`, however long
    /// the call itself may block on the server.
    pub(crate) fn for_quick(&self, now: Instant, own: Option<Duration>) -> Self {
        let timeout = self.timeout.into_iter().chain(own).min();
        Self::new(now, self.checkout, timeout, false)
    }

    /// When the call waits for a connection no longer.
    pub(crate) fn checkout(&self) -> Option<Instant> {
        // From the start of the call, not of the wait: a second wait has what the first one left over.
        self.start.checked_add(self.checkout?)
    }

    /// When the call is over whatever happens, outside of a relaxed window.
    pub(crate) fn end(&self) -> Option<Instant> {
        // Without an end as soon as one of its two parts is.
        self.start
            .checked_add(self.checkout?)?
            .checked_add(self.timeout?)
    }

    /// When the wait for a reply is over, outside of a relaxed window.
    pub(crate) fn reply(&self) -> Option<Instant> {
        // Beyond what the clock can hold is for ever.
        let own = self.sent.checked_add(self.timeout?)?;
        // Each further connection starts the timeout anew; the end of the call bounds their sum.
        Some(self.end().map_or(own, |end| own.min(end)))
    }

    /// As [`reply`](Self::reply), where a window makes the timeout at least `relaxed`.
    pub(super) fn reply_relaxed(&self, own: Instant, relaxed: Duration) -> Instant {
        // From when it was sent, as the timeout itself; and the later of both, because no window may shorten one.
        self.sent
            .checked_add(relaxed)
            .map_or(own, |relaxed| own.max(relaxed))
    }

    /// When the command went to its connection.
    #[inline]
    pub(crate) fn sent(&self) -> Instant {
        self.sent
    }

    /// Whether the command went to a connection without a wait, so that it has its whole time.
    #[inline]
    pub(crate) fn is_first(&self) -> bool {
        !self.waited
    }

    /// The time from sending the command to its reply.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Whether the command blocks on the server.
    pub(super) fn is_blocking(&self) -> bool {
        self.blocking
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests {
    use super::*;
    use crate::clock;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_reply_has_its_time_from_when_the_command_goes_to_a_connection() {
        let now = clock::now();
        let deadline = Deadline::new(now, Some(1500 * MS), Some(500 * MS), false);
        assert_eq!(deadline.checkout(), Some(now + 1500 * MS));
        assert_eq!(deadline.reply(), Some(now + 500 * MS));
        let later = deadline.sent_at(now + 1400 * MS);
        assert_eq!(later.reply(), Some(now + 1900 * MS));
        assert_eq!(later.checkout(), deadline.checkout());
    }

    #[test]
    fn no_number_of_waits_and_connections_moves_the_end_of_a_call() {
        let start = clock::now();
        let times = [
            None,
            Some(Duration::ZERO),
            Some(500 * MS),
            Some(Duration::MAX),
        ];
        for (checkout, timeout) in times.iter().flat_map(|a| times.map(|b| (*a, b))) {
            let first = Deadline::new(start, checkout, timeout, false);
            let mut deadline = first;
            for step in 0..100 {
                deadline = deadline.sent_at(start + step * 100 * MS);
                assert_eq!(deadline.checkout(), first.checkout());
                assert_eq!(deadline.end(), first.end());
                if let Some(end) = first.end() {
                    assert!(deadline.reply().is_some_and(|reply| reply <= end));
                }
            }
        }
        // With a command timeout of half a second, two seconds in all.
        let usual = Deadline::new(start, Some(1500 * MS), Some(500 * MS), false);
        assert_eq!(usual.end(), Some(start + 2000 * MS));
    }
}
