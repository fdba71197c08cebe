//! TCP and unix sockets without encryption. Does not dial: it is handed a connected socket.
//!
//! On unix the socket stays in blocking mode with [`TICK`] as its receive timeout. A caller that
//! waits for a reply is then inside one `recv`, with no `poll` before it; whatever must not wait
//! says so in the flags of its own call. Elsewhere those flags do not exist, so the socket is in
//! non-blocking mode and every wait is a `poll`.

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use rustix::buffer::{Buffer, spare_capacity};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use socket2::Socket;

use super::ready::{self, Interest};
use super::wire::{TICK, Wire};

/// For reads that return at once whatever the mode of the socket is. Where there is no such flag, the mode
/// of the socket decides.
#[cfg(unix)]
const NO_WAIT: RecvFlags = RecvFlags::DONTWAIT;
#[cfg(not(unix))]
const NO_WAIT: RecvFlags = RecvFlags::empty();

/// For writes that return at once. To a peer that is gone they are an error and no `SIGPIPE`, which would
/// end the program.
#[cfg(not(any(windows, target_vendor = "apple")))]
const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
// No such flag here; the option SO_NOSIGPIPE was set when the socket was made.
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::DONTWAIT;
#[cfg(windows)]
const SEND: SendFlags = SendFlags::empty();

/// A connected socket whose bytes are what the peer sees.
#[derive(Debug)]
pub(super) struct Plain {
    /// Connected, and closed by the drop.
    socket: Socket,
    /// Kept from the connect: a socket that has ended can no longer tell.
    peer: Option<SocketAddr>,
}

impl Plain {
    /// Takes over a connected socket, in whichever mode it is.
    pub(super) fn new(socket: Socket) -> io::Result<Self> {
        if cfg!(unix) {
            socket.set_nonblocking(false)?;
            socket.set_read_timeout(Some(TICK))?;
        } else {
            socket.set_nonblocking(true)?;
        }
        let peer = socket.peer_addr()?.as_socket();
        Ok(Self { socket, peer })
    }

    /// Waits for bytes, unless the read itself does; with these flags.
    #[inline(always)]
    fn await_bytes(&self, patience: Duration) -> io::Result<RecvFlags> {
        // The socket's own receive time-out is the wait: one system call instead of a poll and a read.
        if cfg!(unix) && patience >= TICK {
            return Ok(RecvFlags::empty());
        }
        if ready::wait(&self.socket, Interest::Read, Some(patience))? {
            Ok(NO_WAIT)
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }
}

impl Wire for Plain {
    fn read(&self, buf: &mut [u8], patience: Duration) -> io::Result<usize> {
        receive(&self.socket, buf, self.await_bytes(patience)?)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        recv(&self.socket, buf)
    }

    /// The system writes where nobody has written before, so that a large value costs no second pass.
    fn append_to(&self, bytes: &mut Vec<u8>, patience: Option<Duration>) -> io::Result<usize> {
        let flags = match patience {
            Some(patience) => self.await_bytes(patience)?,
            None => NO_WAIT,
        };
        receive(&self.socket, spare_capacity(bytes), flags)
    }

    fn is_silent(&self) -> io::Result<bool> {
        is_silent(&self.socket)
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        send(&self.socket, buf)
    }

    /// With `sendmsg` and not with `writev`, which has no flags: it would wait, and to a peer that is gone be a
    /// `SIGPIPE`.
    fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        // The bits are those of the system, which takes them as a signed number.
        let flags = SEND.bits() as i32;
        let written = self.socket.send_vectored_with_flags(bufs, flags);
        written.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => io::ErrorKind::WouldBlock.into(),
            _ => error,
        })
    }

    fn wait_readable(&self) -> io::Result<()> {
        while !ready::wait(&self.socket, Interest::Read, None)? {}
        Ok(())
    }

    fn wait_writable(&self, patience: Duration) -> io::Result<bool> {
        ready::wait(&self.socket, Interest::Write, Some(patience))
    }

    fn shutdown(&self) {
        // Refused only when the connection is gone already, which has woken everybody.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    fn hides_partial_writes(&self) -> bool {
        false
    }
}

/// Reads what is there and never waits, if the socket is in the mode this module gives it.
pub(super) fn recv(socket: &Socket, buf: &mut [u8]) -> io::Result<usize> {
    receive(socket, buf, NO_WAIT)
}

/// As [`recv`], into the room that `bytes` has behind what is in it.
#[cfg(feature = "tls")]
pub(super) fn append(socket: &Socket, bytes: &mut Vec<u8>) -> io::Result<usize> {
    receive(socket, spare_capacity(bytes), NO_WAIT)
}

/// Whether a read would find nothing, not even an end, if the socket is in the mode this module gives it.
#[inline]
pub(super) fn is_silent(socket: &Socket) -> io::Result<bool> {
    // Peeks at one byte. An end of the stream reads as zero bytes, which is no silence either.
    match rustix::net::recv(socket, &mut [0], NO_WAIT.union(RecvFlags::PEEK)) {
        Ok(_) | Err(Errno::INTR) => Ok(false),
        Err(Errno::AGAIN) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Writes what there is room for and never waits, if the socket is in the mode this module gives it.
pub(super) fn send(socket: &Socket, buf: &[u8]) -> io::Result<usize> {
    rustix::net::send(socket, buf, SEND).map_err(calm)
}

/// One read of the system, with its error made an [`io::Error`].
#[inline]
fn receive(socket: &Socket, buf: impl Buffer<u8>, flags: RecvFlags) -> io::Result<usize> {
    match rustix::net::recv(socket, buf, flags) {
        Ok((_, count)) => Ok(count),
        Err(error) => Err(calm(error)),
    }
}

/// A signal is no reason to trouble the caller: it is told that nothing came, and calls again.
fn calm(error: Errno) -> io::Error {
    // A signal is no news of the connection; the caller looks at its clock and waits again.
    if error == Errno::INTR {
        io::ErrorKind::WouldBlock.into()
    } else {
        error.into()
    }
}
