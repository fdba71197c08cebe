//! Trust and handshakes of TLS. Chooses nothing by itself: whom to trust and which name to verify come
//! from the options and the dialer. Keeps no session and moves no data: see `encrypted`.

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use native_tls::{Certificate, HandshakeError, Identity, Protocol, TlsConnector};
use socket2::Socket;

use super::encrypted::{Encrypted, Tap};
use super::error::{DialError, DialErrorKind, DialPhase};
use super::pem;
use super::race::SLICE;
use super::ready::{self, Interest};
use crate::clock;
use crate::options::{ClientIdentity, TlsOptions, TlsVersion, TrustedRoots};

/// Everything that is known before a server is.
#[derive(Debug)]
pub(super) struct Tls {
    /// Has read all certificates and keys.
    connector: TlsConnector,
    /// Takes the place of the configured host, for SNI and for the certificate.
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
            // Whoever names authorities means those and no others.
            builder.disable_built_in_roots(true);
            for certificate in certificates(roots)? {
                builder.add_root_certificate(certificate);
            }
        }
        if let Some(shown) = options.identity() {
            builder.identity(identity(shown)?);
        }
        builder.danger_accept_invalid_certs(options.get_danger_accept_invalid_certs());
        builder.danger_accept_invalid_hostnames(options.get_danger_accept_invalid_hostnames());
        let server_name = match options.get_server_name() {
            Some(name) => Some(verifiable(name)?.to_owned()),
            None => None,
        };
        let connector = (builder.build()).map_err(|error| {
            config(
                "the TLS library refuses the options",
                why(&error.to_string()),
            )
        })?;
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
            // Never the host of a notification: a server that says where to go must not choose whom to
            // trust.
            None => verifiable(configured)?,
        };
        let peer = peer_of(&socket);
        socket
            .set_nonblocking(true)
            .map_err(|error| DialError::from_socket(error, None))?;
        let socket = Arc::new(socket);
        let tap = Tap::new(Arc::clone(&socket));
        // Begins the handshake and returns at the first read that finds nothing.
        let mut step = self.connector.connect(name, tap);
        loop {
            let unfinished = match step {
                Ok(stream) => return Ok(Encrypted::new(socket, stream, peer)),
                Err(HandshakeError::Failure(error)) => {
                    return Err(DialError::new(DialErrorKind::Tls, why(&error.to_string())));
                }
                Err(HandshakeError::WouldBlock(unfinished)) => unfinished,
            };
            // The tap knows which way the library got stuck; the library does not tell.
            let interest = unfinished.get_ref().stuck().unwrap_or(Interest::Read);
            loop {
                if cancel.load(Ordering::Relaxed) {
                    return Err(DialError::cancelled());
                }
                let patience = deadline.saturating_duration_since(clock::now());
                // Checked before each wait: a server that sends a byte a second must not extend the
                // handshake.
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

/// The address of the other side, for log and errors; a unix socket has none.
fn peer_of(socket: &Socket) -> Option<SocketAddr> {
    let peer = socket.peer_addr().ok()?;
    peer.as_socket()
}

/// Reads the authorities that take the place of the system's. The error names the option, and the file
/// where there is one.
fn certificates(roots: &TrustedRoots) -> Result<Vec<Certificate>, DialError> {
    let (option, pem) = match roots {
        TrustedRoots::Pem(pem) => ("ca_pem".to_owned(), Cow::from(&**pem)),
        TrustedRoots::File(path) => {
            let option = format!("ca_file {}", path.display());
            let pem = read(&option, path)?;
            (option, Cow::from(pem))
        }
    };
    let found = pem::certificates(&pem);
    if found.is_empty() {
        return Err(config(&option, NO_CERTIFICATE));
    }
    Certificate::stack_from_pem(found.as_bytes()).map_err(|error| {
        config(
            &option,
            format!("bad certificate: {}", why(&error.to_string())),
        )
    })
}

/// Said where a file has other things than certificates, most often the key.
const NO_CERTIFICATE: &str = "no certificate in PEM form found (BEGIN CERTIFICATE)";

/// Reads a file that an option names.
fn read(option: &str, path: &Path) -> Result<Vec<u8>, DialError> {
    fs::read(path).map_err(|error| config(option, format!("the file cannot be read: {error}")))
}

/// Reads the certificate and the key that the client shows of itself.
fn identity(shown: &ClientIdentity) -> Result<Identity, DialError> {
    match shown {
        ClientIdentity::Pem { chain, key } => {
            let option = "identity_pem";
            pair((option, chain), (option, key))
        }
        ClientIdentity::Files { chain, key } => {
            let option = |path: &Path| format!("identity_files {}", path.display());
            let (of_chain, of_key) = (option(chain), option(key));
            let (chain, key) = (read(&of_chain, chain)?, read(&of_key, key)?);
            pair((&of_chain, &chain), (&of_key, &key))
        }
        ClientIdentity::Pkcs12 { archive, password } => Identity::from_pkcs12(archive, password)
            .map_err(|error| {
                let why = why(&error.to_string());
                config("identity_pkcs12", format!("archive or password: {why}"))
            }),
    }
}

/// A certificate with its key, each with the name of its option.
fn pair(chain: (&str, &[u8]), key: (&str, &[u8])) -> Result<Identity, DialError> {
    let certificates = pem::certificates(chain.1);
    if certificates.is_empty() {
        return Err(config(chain.0, NO_CERTIFICATE));
    }
    let mut keys = pem::blocks(key.1);
    // A file may hold both; certificates and parameters in it are passed over.
    keys.retain(|block| block.label.ends_with("PRIVATE KEY"));
    let best = (keys.iter().find(|block| block.label == "PRIVATE KEY")).or_else(|| keys.first());
    let Some(best) = best else {
        let text = "no private key in PEM form found (BEGIN PRIVATE KEY)";
        return Err(config(key.0, text));
    };
    let advice = match best.label.as_str() {
        "PRIVATE KEY" => None,
        "ENCRYPTED PRIVATE KEY" => Some("it is encrypted, decrypt it: openssl pkey -in KEY".into()),
        label => Some(format!(
            "it is in the form {label}, convert it: openssl pkcs8 -topk8 -nocrypt -in KEY"
        )),
    };
    if let Some(advice) = advice {
        let text = format!("the private key must be PKCS#8 (BEGIN PRIVATE KEY): {advice}");
        return Err(config(key.0, text));
    }
    Identity::from_pkcs8(certificates.as_bytes(), best.text.as_bytes()).map_err(|error| {
        let why = why(&error.to_string());
        config(chain.0, format!("bad certificate or key: {why}"))
    })
}

/// A name that a certificate can bear. Neither the final dot of an absolute name nor the zone of an
/// address is part of it.
fn verifiable(name: &str) -> Result<&str, DialError> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    if bare.trim().is_empty() || bare.contains('\0') {
        let text = "empty, so that there is nothing to verify a certificate against";
        return Err(config("server_name", text));
    }
    Ok(bare)
}

/// The failure of an option. It holds no byte of certificate or key.
fn config(option: &str, why: impl fmt::Display) -> DialError {
    DialError::new(DialErrorKind::Config, format!("{option}: {why}"))
}

/// What an error of the library says, and what to do about it. OpenSSL hides its reason among numbers and
/// names of its own source: `error:0A000086:SSL routines:function:reason:file:line:`, and what is wrong
/// with a certificate in parentheses at the end.
pub(super) fn why(text: &str) -> String {
    let errors = text.strip_prefix("error:").unwrap_or_default();
    let reasons: Vec<&str> = errors
        .split(", error:")
        .filter_map(|one| one.split(':').nth(3))
        .filter(|reason| !reason.is_empty())
        .collect();
    let mut told = if reasons.is_empty() {
        text.to_owned()
    } else {
        reasons.join(", ")
    };
    let last = text.rsplit(':').next().unwrap_or_default().trim();
    let detail = last
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'));
    if let Some(detail) = detail.filter(|_| !reasons.is_empty()) {
        told = format!("{told} ({detail})");
    }
    let advice = ADVICE.iter().find(|(words, _)| told.contains(words));
    match advice {
        Some((_, advice)) => format!("{told}: {advice}"),
        None => told,
    }
}

/// Words of the library, and what they call for. The first that fits counts.
const ADVICE: [(&str, &str); 15] = [
    ("hostname mismatch", NAME_IT),
    ("address mismatch", NAME_IT),
    ("has expired", OUT_OF_DATE),
    ("not yet valid", OUT_OF_DATE),
    (
        "certificate verify failed",
        "trust the authority of the server with ca_file or ca_pem",
    ),
    ("wrong version number", NO_TLS),
    ("packet length too long", NO_TLS),
    (
        "certificate required",
        "the server demands a certificate of the client, show one with identity_pem or identity_files",
    ),
    (
        "alert handshake failure",
        "the server may demand a certificate of the client, see identity_pem and identity_files",
    ),
    (
        "key values mismatch",
        "the key is not that of the certificate, see identity_pem and identity_files",
    ),
    ("alert bad certificate", OTHER_CERTIFICATE),
    ("alert certificate", OTHER_CERTIFICATE),
    ("alert decrypt error", OTHER_CERTIFICATE),
    ("alert unknown ca", OTHER_CERTIFICATE),
    (
        "protocol version",
        "client and server have no version of TLS in common, see min_version",
    ),
];

/// Advice for a certificate that bears another name than the one dialled.
const NAME_IT: &str = "say which name the certificate bears with server_name";
/// Advice for a peer that answers a handshake in plain text.
const NO_TLS: &str = "the server does not seem to speak TLS at this port";
/// Advice for a server that ends the handshake over what the client has shown.
const OTHER_CERTIFICATE: &str =
    "the server refuses the certificate of the client, see identity_pem and identity_files";
/// Advice for a certificate that is not valid today.
const OUT_OF_DATE: &str = "the certificate or the clock of this machine is out of date";

/// The other side of a handshake, for tests that need both ends to be a wire.
#[cfg(test)]
pub(super) fn accept(acceptor: &native_tls::TlsAcceptor, socket: Socket) -> Encrypted {
    socket.set_nonblocking(true).unwrap();
    let peer = peer_of(&socket);
    let socket = Arc::new(socket);
    let mut step = acceptor.accept(Tap::new(Arc::clone(&socket)));
    loop {
        match step {
            Ok(stream) => return Encrypted::new(socket, stream, peer),
            Err(HandshakeError::Failure(error)) => panic!("{error}"),
            Err(HandshakeError::WouldBlock(unfinished)) => {
                let interest = unfinished.get_ref().stuck().unwrap();
                ready::wait(&*socket, interest, None).unwrap();
                step = unfinished.handshake();
            }
        }
    }
}
