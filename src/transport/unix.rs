//! Connects to unix sockets. Encrypts nothing: who may open the path is the file system's business.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::error::{DialError, DialErrorKind, DialPhase};
use super::race::{SLICE, size_buffers};
use crate::clock;
use crate::options::TcpOptions;

/// Less may be rounded to zero, and zero means for ever.
const SHORTEST: Duration = Duration::from_millis(1);

/// Connects to the socket at `path`. Blocks until `deadline`, or for one [`SLICE`] after `cancel`
/// was set, while the listener's queue is full.
pub(super) fn connect(
    path: &Path,
    options: &TcpOptions,
    deadline: Instant,
    cancel: &AtomicBool,
) -> Result<Socket, DialError> {
    let address = address(path)?;
    let socket = prepare(options).map_err(|error| DialError::from_socket(error, None))?;
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(DialError::cancelled());
        }
        // A full queue is waited for, like a SYN that is not answered.
        let patience = deadline.saturating_duration_since(clock::now());
        if patience.is_zero() {
            return Err(DialError::timed_out(DialPhase::Connect));
        }
        // A full queue makes no socket ready for anything, so there is nothing to poll. The send
        // timeout bounds how long the connect itself waits for a place.
        let outcome = socket
            .set_write_timeout(Some(patience.clamp(SHORTEST, SLICE)))
            .and_then(|()| socket.connect(&address));
        match outcome {
            Ok(()) => break,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(DialError::from_socket(error, None)),
        }
    }
    // It bounded the connect alone; from here on writes do not block.
    match socket.set_write_timeout(None) {
        Ok(()) => Ok(socket),
        Err(error) => Err(DialError::from_socket(error, None)),
    }
}

/// The path as the system takes it.
pub(super) fn address(path: &Path) -> Result<SockAddr, DialError> {
    SockAddr::unix(path).map_err(|error| {
        let length = path.as_os_str().len();
        let text = format!("unix socket path of {length} bytes: {error}; use a shorter path");
        DialError::new(DialErrorKind::Config, text)
    })
}

/// A socket with the sizes of buffers that were asked for, the only options of TCP that a unix socket has.
fn prepare(options: &TcpOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    size_buffers(&socket, options)?;
    Ok(socket)
}
