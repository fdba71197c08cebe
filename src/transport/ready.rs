//! Waits for readiness of sockets. Reads and writes nothing.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use rustix::io::Errno;

/// No wait is longer in one piece; some systems refuse more milliseconds than an `i32` holds.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Something that a socket can become ready for. Errors and hang-ups end every wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Interest {
    /// Bytes have come, or the peer has ended.
    Read,
    /// There is room for bytes, or the connect has ended.
    Write,
}

impl Interest {
    /// What `poll` is asked for.
    fn flags(self) -> PollFlags {
        match self {
            Self::Read => PollFlags::IN,
            Self::Write => PollFlags::OUT,
        }
    }
}

/// Waits until `socket` is ready for `interest`; without `patience`, for as long as that takes.
/// `Ok(false)`: not ready; comes early after a signal.
pub(super) fn wait(
    socket: &impl AsFd,
    interest: Interest,
    patience: Option<Duration>,
) -> io::Result<bool> {
    let mut fds = [PollFd::new(socket, interest.flags())];
    Ok(wait_any(&mut fds, patience)? > 0)
}

/// Waits until one of several sockets is ready to be written, or broken. Returns which are.
pub(super) fn wait_written<S: AsFd>(sockets: &[S], patience: Duration) -> io::Result<Vec<bool>> {
    let mut fds: Vec<PollFd<'_>> = sockets
        .iter()
        .map(|socket| PollFd::new(socket, PollFlags::OUT))
        .collect();
    wait_any(&mut fds, Some(patience))?;
    Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
}

/// Waits until one of the sockets is ready or the time is over; returns how many are. A signal ends the
/// wait early, as if nothing were ready: callers look at the clock anyhow.
fn wait_any(fds: &mut [PollFd<'_>], patience: Option<Duration>) -> io::Result<usize> {
    let patience = patience.map(timespec);
    match poll(fds, patience.as_ref()) {
        Ok(ready) => Ok(ready),
        // As if the time were over: the caller knows how much is left.
        Err(Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// A time as `poll` takes it, cut to [`LONGEST_WAIT`]: some systems refuse longer ones.
fn timespec(patience: Duration) -> Timespec {
    // Systems refuse times that their types do not hold. Who wants to wait longer waits again.
    let patience = patience.min(LONGEST_WAIT);
    Timespec {
        tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
        // Below one thousand million, so it fits whatever the platform's type is.
        tv_nsec: patience.subsec_nanos() as _,
    }
}
