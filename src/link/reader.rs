//! The reader thread of one link. Costs a busy link nothing: it is not woken by commands.
//!
//! ```text
//!   Armed (waits for readability) --readable, nobody reads--> reads, gives the role back, Armed
//!     |  ^
//!     |  +--- a whole spell without activity
//!     v  |
//!   Polling (every 1 ms, doubling to 50 ms) --a caller reads and nothing happens--> Parked
//!     ^                                                                              |
//!     +---------------------- the caller gives the read role back -------------------+
//! ```
//!
//! Sleeps at `Link::reader_wakeup` with lock 3 given up. Woken by a caller that gives the read role back
//! while the thread is parked, by a writer that is blocked until somebody reads, and by the end of the link.

use super::flow::would_block;
use super::{EndReason, Link};
use crate::clock;
use crate::error::CloseReason;
use std::time::Duration;

/// After how long the thread looks again first, once callers read.
const SHORTEST_POLL: Duration = Duration::from_millis(1);

/// The longest time between two looks. A push on a link that has just become quiet can lie unread for two
/// of them: one in which the last reply came, and a quiet one.
const LONGEST_POLL: Duration = Duration::from_millis(50);

impl Link {
    /// Lets the reader thread begin. Called once, by the worker that made the link, when it has put
    /// it into its entry, or has found that it is not wanted there: then the thread ends it.
    pub(crate) fn open_gate(&self) {
        self.in_flight.lock().gate_open = true;
        self.reader_wakeup.notify_all();
    }

    /// The body of the reader thread: lives as long as the link.
    pub(super) fn read_always(&self) {
        let _exit = ExitGuard(self);
        let mut poll_interval = SHORTEST_POLL;
        // A whole spell has passed without activity although somebody waits.
        let mut overdue = false;
        self.await_gate();
        // What came in one segment with the end of the opening makes no socket readable.
        let inbound = self.in_flight.lock().take_inbound(None);
        if let Some(inbound) = inbound {
            self.read_available(inbound, usize::MAX);
        }
        loop {
            // Returns at once when the link has ended.
            let waited = self.wire.wait_readable();
            let mut in_flight = self.in_flight.lock();
            if in_flight.has_ended() {
                break;
            }
            if let Err(error) = waited {
                drop(in_flight);
                if !would_block(&error) {
                    self.end(EndReason::Io(error.into()));
                }
                continue;
            }
            if in_flight.live() == 0 || in_flight.reader_needed || overdue {
                overdue = false;
                if let Some(inbound) = in_flight.take_inbound(None) {
                    drop(in_flight);
                    self.read_available(inbound, usize::MAX);
                    continue;
                }
            }
            drop(in_flight);
            overdue = self.poll(&mut poll_interval);
        }
    }

    fn await_gate(&self) {
        let mut in_flight = self.in_flight.lock();
        while !in_flight.gate_open && !in_flight.has_ended() {
            in_flight = self.reader_wakeup.wait(&self.in_flight, in_flight, None);
        }
    }

    /// Looks now and then whether callers still read. True: an interval has passed without activity, and
    /// nobody reads.
    fn poll(&self, interval: &mut Duration) -> bool {
        let mut in_flight = self.in_flight.lock();
        loop {
            if in_flight.has_ended() || in_flight.reader_needed && in_flight.is_read_role_free() {
                return true;
            }
            let seen = in_flight.activity;
            let until = clock::now().checked_add(*interval);
            in_flight = self.reader_wakeup.wait(&self.in_flight, in_flight, until);
            if in_flight.has_ended() || in_flight.reader_needed && in_flight.is_read_role_free() {
                return true;
            }
            if in_flight.activity != seen {
                *interval = (*interval * 2).min(LONGEST_POLL);
            } else if in_flight.is_read_role_free() {
                return true;
            } else {
                // A caller reads and waits for long, as in BLPOP: it sees every push itself.
                in_flight.reader_parked = true;
                while in_flight.reader_parked && !in_flight.has_ended() {
                    in_flight = self.reader_wakeup.wait(&self.in_flight, in_flight, None);
                }
            }
        }
    }
}

/// Reports the end of the reader thread, even of one that panics: who closes the client waits for it.
struct ExitGuard<'a>(&'a Link);

impl Drop for ExitGuard<'_> {
    fn drop(&mut self) {
        let link = self.0;
        link.end(if std::thread::panicking() {
            EndReason::Closed(CloseReason::ReaderDied)
        } else {
            EndReason::EndOfStream
        });
        let reason = link.in_flight.lock().end_reason();
        link.routes.supervisor.ended(link, reason);
    }
}
