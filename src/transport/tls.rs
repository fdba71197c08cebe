//! TLS over the platform's library. Chooses nothing by itself: whom to trust and which name to
//! verify come from the dialer.
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

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use native_tls::{Certificate, HandshakeError, Identity, Protocol, TlsConnector, TlsStream};
use parking_lot::Mutex;
use socket2::Socket;

use super::error::{DialError, DialErrorKind, DialPhase};
use super::plain;
use super::race::SLICE;
use super::ready::{self, Interest};
use super::wire::{TICK, Wire};
use crate::clock;
use crate::options::{ClientIdentity, TlsOptions, TlsVersion, TrustedRoots};

/// Everything that is known before a server is.
#[derive(Debug)]
pub(super) struct Tls {
    connector: TlsConnector,
    server_name: Option<String>,
}

impl Tls {
    /// Reads the files that the options name and checks what can be checked without a server.
    pub(super) fn new(options: &TlsOptions) -> Result<Self, DialError> {
        let mut builder = TlsConnector::builder();
        builder.min_protocol_version(Some(match options.get_min_version() {
            TlsVersion::Tls12 => Protocol::Tlsv12,
            TlsVersion::Tls13 => Protocol::Tlsv13,
        }));
        if let Some(roots) = options.roots() {
            // The library adds to the system's roots unless told otherwise.
            builder.disable_built_in_roots(true);
            for certificate in certificates(roots)? {
                builder.add_root_certificate(certificate);
            }
        }
        match options.identity() {
            Some(ClientIdentity::Pem { chain, key }) => {
                let identity = Identity::from_pkcs8(chain, key.trim_ascii_start())
                    .map_err(|error| config("the client's certificate or key", error))?;
                builder.identity(identity);
            }
            Some(ClientIdentity::Pkcs12 { archive, password }) => {
                let identity = Identity::from_pkcs12(archive, password)
                    .map_err(|error| config("the client's PKCS#12 archive", error))?;
                builder.identity(identity);
            }
            None => {}
        }
        builder.danger_accept_invalid_certs(options.get_danger_accept_invalid_certs());
        builder.danger_accept_invalid_hostnames(options.get_danger_accept_invalid_hostnames());
        let server_name = match options.get_server_name() {
            Some(name) => Some(verifiable(name)?.to_owned()),
            None => None,
        };
        let connector = builder.build().map_err(|error| config("TLS", error))?;
        Ok(Self {
            connector,
            server_name,
        })
    }

    /// Shakes hands over a connected socket and verifies the server under the name of the options,
    /// otherwise under `configured`. Blocks until `deadline`, or for one [`SLICE`] after `cancel`
    /// was set.
    pub(super) fn handshake(
        &self,
        socket: Socket,
        configured: &str,
        deadline: Instant,
        cancel: &AtomicBool,
    ) -> Result<Encrypted, DialError> {
        let name = match &self.server_name {
            Some(name) => name,
            None => verifiable(configured)?,
        };
        socket
            .set_nonblocking(true)
            .map_err(|error| DialError::from_socket(error, None))?;
        let socket = Arc::new(socket);
        let tap = Tap {
            socket: Arc::clone(&socket),
            ended: false,
            stuck: None,
        };
        let mut step = self.connector.connect(name, tap);
        loop {
            let unfinished = match step {
                Ok(stream) => {
                    return Encrypted::new(socket, stream)
                        .map_err(|error| DialError::from_socket(error, None));
                }
                Err(HandshakeError::Failure(error)) => {
                    return Err(DialError::new(DialErrorKind::Tls, error));
                }
                Err(HandshakeError::WouldBlock(unfinished)) => unfinished,
            };
            let interest = unfinished.get_ref().stuck.unwrap_or(Interest::Read);
            loop {
                if cancel.load(Ordering::Relaxed) {
                    return Err(DialError::cancelled());
                }
                let patience = deadline.saturating_duration_since(clock::now());
                if patience.is_zero() {
                    return Err(DialError::timed_out(DialPhase::Tls));
                }
                let ready = ready::wait(&*socket, interest, Some(patience.min(SLICE)));
                if ready.map_err(|error| DialError::from_socket(error, None))? {
                    break;
                }
            }
            step = unfinished.handshake();
        }
    }
}

/// A verified server at the other end of an encrypted stream.
#[derive(Debug)]
pub(super) struct Encrypted {
    socket: Arc<Socket>,
    peer: Option<SocketAddr>,
    /// A leaf lock, held for one step that never waits.
    session: Mutex<Session>,
}

#[derive(Debug)]
struct Session {
    stream: TlsStream<Tap>,
    /// What the last read that found nothing waits for. Written by reads only.
    read_waits_for: Interest,
    /// What the last write that took nothing waits for. Cleared by every read that makes progress.
    write_waits_for: Interest,
    /// Whether the last read found the library and the socket empty.
    drained: bool,
}

/// The socket as the library sees it.
#[derive(Debug)]
struct Tap {
    socket: Arc<Socket>,
    /// The peer sent its last byte.
    ended: bool,
    /// Which way the socket was not ready in the last step.
    stuck: Option<Interest>,
}

impl Encrypted {
    fn new(socket: Arc<Socket>, stream: TlsStream<Tap>) -> io::Result<Self> {
        let peer = socket.peer_addr()?.as_socket();
        let session = Mutex::new(Session {
            stream,
            read_waits_for: Interest::Read,
            write_waits_for: Interest::Write,
            drained: false,
        });
        Ok(Self {
            socket,
            peer,
            session,
        })
    }
}

impl Wire for Encrypted {
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

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.session.lock().write(buf)
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
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.stream.get_mut().stuck = None;
        let outcome = self.stream.read(buf);
        let tap = self.stream.get_ref();
        match outcome {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.read_waits_for = tap.stuck.unwrap_or(Interest::Read);
                self.drained = true;
                Err(error)
            }
            // Many peers close without TLS's farewell. Nothing is lost by taking that for an end:
            // a reply carries its own length, so one that was cut off is seen as such.
            Err(_) if tap.ended => Ok(0),
            outcome => {
                self.read_waits_for = Interest::Read;
                self.write_waits_for = Interest::Write;
                self.drained = false;
                outcome
            }
        }
    }

    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.stream.get_mut().stuck = None;
        let outcome = self.stream.write(buf);
        self.write_waits_for = match &outcome {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.stream.get_ref().stuck.unwrap_or(Interest::Write)
            }
            _ => Interest::Write,
        };
        outcome
    }

    /// Whether a read may find bytes while the socket is silent. SChannel keeps records that it has
    /// not decrypted yet and does not count them.
    fn may_hold_bytes(&self) -> bool {
        self.stream
            .buffered_read_size()
            .is_ok_and(|bytes| bytes > 0)
            || (cfg!(windows) && !self.drained)
    }
}

impl Read for Tap {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let outcome = plain::recv(&self.socket, buf);
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

/// The library takes "not connected" for "not yet" and would have the step repeated for ever.
fn final_if_not_connected(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotConnected => io::ErrorKind::ConnectionAborted.into(),
        _ => error,
    }
}

fn certificates(roots: &TrustedRoots) -> Result<Vec<Certificate>, DialError> {
    const WHAT: &str = "the certificates to trust";
    let read;
    let pem: &[u8] = match roots {
        TrustedRoots::Pem(pem) => pem,
        TrustedRoots::File(path) => {
            read = fs::read(path).map_err(|error| config(WHAT, error))?;
            &read
        }
    };
    let certificates = Certificate::stack_from_pem(pem).map_err(|error| config(WHAT, error))?;
    if certificates.is_empty() {
        return Err(config(WHAT, "no certificate in PEM form found"));
    }
    Ok(certificates)
}

/// A name that a certificate can bear. The final dot of an absolute name is not part of it.
fn verifiable(name: &str) -> Result<&str, DialError> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare.trim().is_empty() || bare.contains('\0') {
        return Err(config(
            "the server's name",
            "there is nothing to verify a certificate against",
        ));
    }
    Ok(bare)
}

fn config(
    what: &'static str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> DialError {
    DialError::new(DialErrorKind::Config, format!("{what}: {}", error.into()))
}
