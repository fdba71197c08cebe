//! What a caller is told who gets no connection. Waits for nothing.

use super::{Entry, Pool, entries::WaitError};
use crate::clock;
use crate::error::{Delivery, Error, ErrorKind, Phase, Result};

impl Pool {
    /// From the first moment of a close on, nothing is begun.
    #[inline]
    pub(super) fn check_open(&self) -> Result<()> {
        if self.entries.is_closed() {
            return Err(self.entries.closed_error());
        }
        Ok(())
    }

    /// Why a wait for a connection was in vain.
    pub(super) fn failure(&self, why: WaitError) -> Error {
        let error = match why {
            WaitError::Cancelled => return Error::cancelled(),
            WaitError::Closed => return self.entries.closed_error(),
            WaitError::Failed(error) | WaitError::TimedOut(Some(error)) => {
                // The error is that of a dial: this command never had a connection.
                error.with_delivery(Delivery::NotSent)
            }
            WaitError::TimedOut(None) => Error::new(
                ErrorKind::Timeout(Phase::Checkout),
                Delivery::NotSent,
                "no connection could be made in time",
            ),
        };
        self.blame(error)
    }

    /// Nobody gave a dedicated connection back in time.
    pub(super) fn exhausted(&self) -> Error {
        let all = self.entries.all().len();
        let taken = |entry: &&Entry| entry.load() > 0;
        let blocking = self.entries.dedicated().iter().filter(taken).count();
        let shared = self.entries.shared().len();
        let text = format!(
            "no connection became free in time: of at most {all} (max_active_connections), {blocking} are held \
             by commands that block and by leases, and {shared} are shared by all others"
        );
        self.blame(Error::new(
            ErrorKind::PoolExhausted,
            Delivery::NotSent,
            text,
        ))
    }

    /// Names the maintenance that goes on, or has just ended, unless the error names one.
    fn blame(&self, error: Error) -> Error {
        // A dial that failed in a window has named it: that is nearer than what goes on by now.
        if error.maintenance().is_some() {
            return error;
        }
        let cause = self.entries.blame(clock::now());
        error.with_maintenance(cause)
    }
}
