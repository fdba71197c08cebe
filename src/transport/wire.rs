//! What the layers above know of a connection: bytes go in, bytes come out. Dials nothing, knows no
//! protocol, keeps no deadline: every wait may end early and the caller looks at its own clock.

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

/// The longest that a single [`Wire::read`] of a plain socket waits, whatever patience it was given.
///
/// Set once as the socket's receive timeout, so that a caller's round trip costs two system calls.
/// It is a tick after which the caller looks at its deadline again, never a deadline itself:
/// signals restart it.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// How much memory is written with zeros first where a wire can read into no other: a record of TLS.
const PIECE: usize = 16 << 10;

/// One connected byte stream, usable from many threads at once.
///
/// Bytes keep their order only if at most one thread reads and at most one thread writes at a time;
/// a reader and a writer never wait for each other. The stream is closed when the last owner drops
/// it, but dropping wakes nobody: [`shutdown`](Self::shutdown) does.
///
/// "Nothing yet" is [`io::ErrorKind::WouldBlock`] throughout; `Interrupted` never comes out.
/// [`io::ErrorKind::TimedOut`] means that the system gave the connection up (user timeout, keepalive),
/// never that a wait was over. The system says it once; the read after it finds the end of the stream.
pub(crate) trait Wire: Debug + Send + Sync {
    /// Reads what is there; when nothing is, waits up to `patience` for it. `Ok(0)` is the end of
    /// the stream (or an empty `buf`).
    ///
    /// May return `WouldBlock` before `patience` is over (after [`TICK`], or after a signal), so the
    /// caller recomputes its deadline and calls again.
    fn read(&self, buf: &mut [u8], patience: Duration) -> io::Result<usize>;

    /// Reads what is there and never waits.
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize>;

    /// As [`read`](Self::read), or without patience as [`try_read`](Self::try_read), into the room that `bytes`
    /// has behind what is in it, which grows no further. There must be room.
    fn append_to(&self, bytes: &mut Vec<u8>, patience: Option<Duration>) -> io::Result<usize> {
        let start = bytes.len();
        let room = bytes.capacity().saturating_sub(start).min(PIECE);
        bytes.resize(start + room, 0);
        let piece = bytes.get_mut(start..).unwrap_or_default();
        let read = match patience {
            Some(patience) => self.read(piece, patience),
            None => self.try_read(piece),
        };
        bytes.truncate(start + *read.as_ref().unwrap_or(&0));
        read
    }

    /// Whether nothing lies in the socket to be read: no bytes and no end of the stream. Takes nothing
    /// out and never waits. An error of the connection is told here only: the system tells it once.
    fn is_silent(&self) -> io::Result<bool>;

    /// Writes the beginning of `buf` and never waits; returns how many bytes were taken, at least
    /// one unless `buf` is empty.
    ///
    /// After `WouldBlock` the next call must offer the same bytes again, which may lie elsewhere by then; more may
    /// follow them, but none may be missing. After any other error the stream is of no use.
    fn try_write(&self, buf: &[u8]) -> io::Result<usize>;

    /// As [`try_write`](Self::try_write), of what lies in several places and follows one another; none of it is
    /// empty.
    fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_write(bufs.first().map_or(&[][..], |buf| buf))
    }

    /// Waits, without limit and without using the processor, until a read would find bytes, the end
    /// of the stream or an error, or until [`shutdown`](Self::shutdown). The read may yet find
    /// nothing, when what came was the business of TLS itself.
    ///
    /// A thread that waits here already is not told of decrypted bytes that another thread's read
    /// leaves over. So whoever leaves the reading to a waiting thread does it after a read that did
    /// not fill its buffer.
    fn wait_readable(&self) -> io::Result<()>;

    /// Waits up to `patience` until a write may take bytes. `Ok(false)`: not yet; may come early.
    fn wait_writable(&self, patience: Duration) -> io::Result<bool>;

    /// Ends both directions and wakes every thread that waits in one of the methods above. Never
    /// waits; a second call does nothing.
    fn shutdown(&self);

    /// The address at the other end; `None` for unix sockets.
    fn peer(&self) -> Option<SocketAddr>;

    /// Whether a write that failed may have sent bytes that it did not count, as under TLS.
    fn hides_partial_writes(&self) -> bool;
}
