//! Trust and handshakes of TLS. Chooses nothing by itself: whom to trust and which name to verify come
//! from the options and the dialer. Keeps no session and moves no data: see `encrypted`.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use native_tls::{Certificate, HandshakeError, Identity, Protocol, TlsConnector};
use socket2::Socket;

use super::encrypted::{Encrypted, Tap};
use super::error::{DialError, DialErrorKind, DialPhase};
use super::race::SLICE;
use super::ready::{self, Interest};
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
        let tap = Tap::new(Arc::clone(&socket));
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
            let interest = unfinished.get_ref().stuck().unwrap_or(Interest::Read);
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

/// The other side of a handshake, for tests that need both ends to be a wire.
#[cfg(test)]
pub(super) fn accept(acceptor: &native_tls::TlsAcceptor, socket: Socket) -> Encrypted {
    socket.set_nonblocking(true).unwrap();
    let socket = Arc::new(socket);
    let mut step = acceptor.accept(Tap::new(Arc::clone(&socket)));
    loop {
        match step {
            Ok(stream) => return Encrypted::new(socket, stream).unwrap(),
            Err(HandshakeError::Failure(error)) => panic!("{error}"),
            Err(HandshakeError::WouldBlock(unfinished)) => {
                let interest = unfinished.get_ref().stuck().unwrap();
                ready::wait(&*socket, interest, None).unwrap();
                step = unfinished.handshake();
            }
        }
    }
}
