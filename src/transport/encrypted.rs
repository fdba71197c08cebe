//! The stream of a TLS connection. Shakes no hands and verifies nobody: that was done before.
//!
//! The library's stream is one object for both directions and cannot be shared. So the socket never
//! blocks, the stream is locked only for single steps that never wait, and waiting happens on the
//! bare socket with the lock released:
//!
//! ```text
//!  reader: lock, decrypt or find nothing, unlock -> poll -> lock, ...
//!  writer: lock, encrypt and send or not, unlock -> poll -> lock, ...
//! ```
//!
//! A step in one direction may need the socket in the other (a key update, a renegotiation). The
//! tap between library and socket notes which way the last step got stuck, and that is what is
//! waited for.
//!
//! Reads take from the socket as much as has come, so that a record costs one call of the system and not
//! one for its head and one for its body. What the library has not asked for yet lies in the tap, where
//! no poll sees it: whoever is about to wait looks there first, under the lock.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use native_tls::TlsStream;
use socket2::Socket;

use super::ahead::Ahead;
use super::error::ChannelError;
use super::plain;
use super::ready::{self, Interest};
use super::tls::why;
use super::wire::{TICK, Wire};
use crate::sync::lock::Mutex;

/// A verified server at the other end of an encrypted stream.
#[derive(Debug)]
pub(super) struct Encrypted {
    /// For waiting and for the end; bytes go through the session.
    socket: Arc<Socket>,
    /// Kept from the handshake: a socket that has ended can no longer tell.
    peer: Option<SocketAddr>,
    /// A leaf lock, held for one step that never waits.
    session: Mutex<Session>,
}

/// What reads and writes share. One lock guards it: the libraries beneath keep one state for both
/// directions.
#[derive(Debug)]
struct Session {
    /// The library's stream over the socket that does not block.
    stream: TlsStream<Tap>,
    /// What the last read that found nothing waits for. Written by reads only.
    read_waits_for: Interest,
    /// What the last write that took nothing waits for. Cleared by every read that makes progress.
    write_waits_for: Interest,
    /// Whether the last read found the library and the socket empty.
    drained: bool,
    /// What went wrong behind bytes that were given out first. The library tells it once.
    failure: Option<io::Error>,
}

/// The socket as the library sees it.
#[derive(Debug)]
pub(super) struct Tap {
    /// Read and written without waiting, whatever the library thinks.
    socket: Arc<Socket>,
    /// The peer sent its last byte.
    ended: bool,
    /// Which way the socket was not ready in the last step.
    stuck: Option<Interest>,
    /// Read from the socket and not yet taken by the library.
    ahead: Ahead,
    /// Whether this step may read more than the library asks for. Only reads do: a thread that waits for
    /// the socket would not be told of what a write has taken out of it.
    reads_ahead: bool,
}

/// As many bytes as a record of TLS holds (RFC 8446, section 5.1).
const RECORD: usize = 16 << 10;

/// Whether the library's requests end where records end. `SChannel` reads large pieces by itself, and what
/// Secure Transport asks for is not known.
const ASKS_FOR_RECORDS: bool = cfg!(not(any(windows, target_vendor = "apple")));

impl Encrypted {
    /// Takes over a stream whose handshake is done, and the socket beneath it. The server may have hung
    /// up by now, with the reason still to be read.
    pub(super) fn new(
        socket: Arc<Socket>,
        stream: TlsStream<Tap>,
        peer: Option<SocketAddr>,
    ) -> Self {
        let session = Mutex::new(Session {
            stream,
            read_waits_for: Interest::Read,
            write_waits_for: Interest::Write,
            drained: false,
            failure: None,
        });
        Self {
            socket,
            peer,
            session,
        }
    }
}

impl Wire for Encrypted {
    /// Takes decrypted bytes, or says by `WouldBlock` that there are none. Called by whichever thread reads
    /// for the connection.
    fn read(&self, buf: &mut [u8], patience: Duration) -> io::Result<usize> {
        let interest = {
            let mut session = self.session.lock();
            if session.may_hold_bytes() {
                match session.read(buf) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    done => return done,
                }
            }
            session.read_waits_for
        };
        if ready::wait(&*self.socket, interest, Some(patience))? {
            self.try_read(buf)
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.session.lock().read(buf)
    }

    fn is_silent(&self) -> io::Result<bool> {
        // The socket first: what a read takes out of it in between is found in the tap.
        Ok(plain::is_silent(&self.socket)? && self.session.lock().is_silent())
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.session.lock().write(buf)
    }

    /// What has no record of its own is copied into one, so that the head of a request goes with the beginning of
    /// a large value. The rest of that is encrypted from where it is.
    fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match bufs {
            [] => Ok(0),
            [only] => self.try_write(only),
            [first, ..] if first.len() >= RECORD => self.try_write(first),
            several => {
                let mut record = Vec::with_capacity(RECORD);
                for buf in several {
                    let room = RECORD - record.len();
                    record.extend_from_slice(buf.get(..room).unwrap_or(buf));
                }
                // If it is not taken, the next call puts the same together: the library does not ask where
                // the bytes lie (`SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER`, which the openssl crate sets).
                self.try_write(&record)
            }
        }
    }

    fn wait_readable(&self) -> io::Result<()> {
        loop {
            let interest = {
                let session = self.session.lock();
                if session.may_hold_bytes() {
                    return Ok(());
                }
                session.read_waits_for
            };
            if ready::wait(&*self.socket, interest, None)? {
                return Ok(());
            }
        }
    }

    fn wait_writable(&self, patience: Duration) -> io::Result<bool> {
        let interest = self.session.lock().write_waits_for;
        if interest == Interest::Write {
            return ready::wait(&*self.socket, interest, Some(patience));
        }
        // What the write waits for may be read by the reader, and then the socket stays silent. So
        // this is a tick, after which the write is worth another try.
        let ready = ready::wait(&*self.socket, interest, Some(patience.min(TICK)))?;
        Ok(ready || patience >= TICK)
    }

    fn shutdown(&self) {
        // No farewell of TLS: it would need the lock and room in the socket. Refused only when the
        // connection is gone already, which has woken everybody.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    fn hides_partial_writes(&self) -> bool {
        true
    }
}

impl Session {
    /// Decrypts what is there, record after record while there is room: a thread that waits for the socket is
    /// not told of whole records in the tap.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut count = self.read_record(buf)?;
        while count > 0 && count < buf.len() && self.stream.get_ref().ahead.holds_record() {
            match self.read_record(&mut buf[count..]) {
                // The end is told again by the next read.
                Ok(0) => break,
                Ok(more) => count += more,
                // The record was the business of TLS itself.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        Ok(count)
    }

    /// One step of the library: the bytes of one record, or a part of them.
    fn read_record(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.stream.get_mut().begin(ASKS_FOR_RECORDS);
        let outcome = self.stream.read(buf);
        let tap = self.stream.get_ref();
        match outcome {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.read_waits_for = tap.stuck.unwrap_or(Interest::Read);
                self.drained = true;
                Err(error)
            }
            // Many peers close without TLS's farewell, and the libraries disagree on whether that
            // is an error. Nothing is lost by taking it for an end: a reply carries its own length,
            // so one that was cut off is seen as such.
            Err(error) if tap.ended && !is_alert(&error) => Ok(0),
            outcome => {
                self.read_waits_for = Interest::Read;
                self.write_waits_for = Interest::Write;
                self.drained = false;
                outcome.map_err(tell)
            }
        }
    }

    /// Gives bytes to the library, or says by `WouldBlock` that the socket takes none. Called under the
    /// write lock of the link.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.stream.get_mut().begin(false);
        let outcome = self.stream.write(buf);
        self.write_waits_for = match &outcome {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.stream.get_ref().stuck.unwrap_or(Interest::Write)
            }
            _ => Interest::Write,
        };
        outcome.map_err(tell)
    }

    /// Whether a read may find bytes while the socket is silent. SChannel keeps records that it has
    /// not decrypted yet and does not count them.
    fn may_hold_bytes(&self) -> bool {
        self.stream
            .buffered_read_size()
            .is_ok_and(|bytes| bytes > 0)
            || self.stream.get_ref().ahead.holds_record()
            || self.failure.is_some()
            || (cfg!(windows) && !self.drained)
    }

    /// Whether nothing that has come is left, not even the beginning of a record.
    fn is_silent(&self) -> bool {
        self.stream.get_ref().ahead.is_empty() && !self.may_hold_bytes()
    }
}

impl Tap {
    /// Taps a socket in non-blocking mode.
    pub(super) fn new(socket: Arc<Socket>) -> Self {
        Self {
            socket,
            ended: false,
            stuck: None,
            ahead: Ahead::default(),
            reads_ahead: false,
        }
    }

    /// Begins a step of the library.
    fn begin(&mut self, reads_ahead: bool) {
        self.stuck = None;
        self.reads_ahead = reads_ahead;
    }

    /// Which way the socket was not ready when a handshake had to pause.
    pub(super) fn stuck(&self) -> Option<Interest> {
        self.stuck
    }
}

impl Read for Tap {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.ahead.is_empty() {
            return Ok(self.ahead.take(buf));
        }
        let outcome = if self.reads_ahead {
            let read = plain::append(&self.socket, self.ahead.room());
            read.map(|_| self.ahead.take(buf))
        } else {
            plain::recv(&self.socket, buf)
        };
        match &outcome {
            Ok(0) if !buf.is_empty() => self.ended = true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.stuck = Some(Interest::Read);
            }
            _ => {}
        }
        outcome.map_err(final_if_not_connected)
    }
}

impl Write for Tap {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let outcome = plain::send(&self.socket, buf);
        if outcome
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        {
            self.stuck = Some(Interest::Write);
        }
        outcome.map_err(final_if_not_connected)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether the peer said why it ends the channel.
fn is_alert(error: &io::Error) -> bool {
    error.to_string().contains(" alert ")
}

/// Tells errors of the channel from those of the network beneath it.
fn tell(error: io::Error) -> io::Error {
    let is_network = error.raw_os_error().is_some() || error.kind() != io::ErrorKind::Other;
    if is_network {
        return error;
    }
    io::Error::other(ChannelError(why(&error.to_string())))
}

/// The library takes "not connected" for "not yet" and would have the step repeated for ever.
fn final_if_not_connected(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotConnected => io::ErrorKind::ConnectionAborted.into(),
        _ => error,
    }
}

#[cfg(test)]
impl Encrypted {
    /// What is sent here, the peer takes for encrypted.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }
}
