//! Why a connection ended, and how callers are told. Ends none.

use crate::error::CloseReason;
use crate::protocol::Malformed;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Why a connection takes no more part.
#[derive(Clone, Debug)]
pub(crate) enum EndReason {
    /// We closed it.
    Closed(CloseReason),
    /// The server closed it.
    EndOfStream,
    /// The system reported an error.
    Io(Arc<io::Error>),
    /// The peer broke the protocol.
    Malformed(Malformed),
    /// A reply came that nobody had asked for.
    Unsolicited,
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(CloseReason::ByUser) => f.write_str("the client was closed"),
            Self::Closed(CloseReason::Cancelled) => {
                f.write_str("its command was cancelled, and the server did not give it up in time")
            }
            Self::Closed(CloseReason::Condemned) => {
                f.write_str("a command timed out on it, and nothing had arrived since")
            }
            Self::Closed(CloseReason::DrainExpired) => {
                f.write_str("it was replaced and its time to finish was over")
            }
            Self::Closed(CloseReason::Drained) => f.write_str("it was replaced"),
            Self::Closed(CloseReason::Idle) => f.write_str("it was idle for too long"),
            Self::Closed(CloseReason::LeaseEnded) => {
                f.write_str("the lease that had changed it ended")
            }
            Self::Closed(CloseReason::ReaderDied) => f.write_str(
                "the thread that reads it has panicked, which is a defect of the client",
            ),
            Self::Closed(CloseReason::StateLost) => {
                f.write_str("the state that a lease had set on it is lost")
            }
            Self::Closed(CloseReason::Stopped) => f.write_str("its subscriber has ended"),
            Self::Closed(CloseReason::ThreadDied) => {
                f.write_str("a thread of the client has panicked, which is a defect of the client")
            }
            Self::Closed(CloseReason::WatchLost) => {
                f.write_str("the keys that were watched on it are watched no longer")
            }
            Self::EndOfStream => f.write_str("the server closed the connection"),
            Self::Io(error) => f.write_str(what_broke(error)),
            Self::Malformed(malformed) => write!(f, "the server broke the protocol: {malformed}"),
            Self::Unsolicited => f.write_str("the server sent a reply that nobody had asked for"),
        }
    }
}

/// What an error of the system says of the connection.
pub(crate) fn what_broke(error: &io::Error) -> &'static str {
    match error.kind() {
        // On Linux a read that timed out is `WouldBlock`: this is the kernel, which gave up (tcp(7), ETIMEDOUT).
        io::ErrorKind::TimedOut => {
            "the server's machine stopped acknowledging (TCP user timeout or keepalive)"
        }
        _ => "the connection broke",
    }
}
