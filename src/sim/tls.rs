//! Certificates made at the start, and the server's side of the handshake. Keeps no key on disk.

use super::HOST;
use super::fault::Flaw;
use super::wire::Raw;
use native_tls::{HandshakeError, Identity, TlsAcceptor, TlsStream};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use std::collections::HashMap;
use std::fmt;
use std::io;

/// An authority and what it has signed: one good certificate, and one for each flaw.
pub(super) struct Certificates {
    /// What clients have to trust.
    ca_pem: String,
    /// Presented unless a fault says otherwise.
    good: TlsAcceptor,
    /// One for each flaw.
    flawed: HashMap<Flaw, TlsAcceptor>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

/// Signs certificates; made anew at each start, so that no key is kept in a file.
type Authority = Issuer<'static, KeyPair>;

/// The failure of a certificate that could not be made.
fn broken(error: impl fmt::Display) -> io::Error {
    io::Error::other(format!(
        "the simulator cannot make its certificates: {error}"
    ))
}

/// Makes an authority and its certificate in PEM.
fn authority(name: &str) -> Result<(Authority, String), rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}

/// The names of the good certificate: those of the deployment, of its nodes, and their addresses.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [HOST, "localhost", "*.hitless.test", "::1"]
        .map(str::to_owned)
        .into();
    // Every address that a node can have, so that a move by address is verified too.
    names.extend((1..=250).map(|last| format!("127.0.0.{last}")));
    names
}

/// An endpoint with a certificate for these names, or an expired one.
fn acceptor(signer: &Authority, names: Vec<String>, expired: bool) -> io::Result<TlsAcceptor> {
    let signed = || -> Result<(String, String), rcgen::Error> {
        let mut params = CertificateParams::new(names)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "hitless simulator");
        if expired {
            // Long past, whatever the clock of the machine says.
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, signer)?;
        Ok((certificate.pem(), key.serialize_pem()))
    };
    let (certificate, key) = signed().map_err(broken)?;
    let identity = Identity::from_pkcs8(certificate.as_bytes(), key.as_bytes()).map_err(broken)?;
    TlsAcceptor::new(identity).map_err(broken)
}

impl Certificates {
    /// Makes all certificates that faults may present.
    pub(super) fn make() -> io::Result<Self> {
        let (ours, ca_pem) = authority("hitless simulator authority").map_err(broken)?;
        // Its certificate is never handed out: what it signs is trusted by nobody.
        let (other, _) = authority("some other authority").map_err(broken)?;
        let wrong = vec!["elsewhere.hitless.invalid".to_owned()];
        Ok(Self {
            ca_pem,
            good: acceptor(&ours, names(), false)?,
            flawed: HashMap::from([
                (Flaw::Expired, acceptor(&ours, names(), true)?),
                (Flaw::UnknownAuthority, acceptor(&other, names(), false)?),
                (Flaw::WrongName, acceptor(&ours, wrong, false)?),
            ]),
        })
    }

    /// The authority that clients have to trust.
    pub(super) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The server's side of a handshake.
    pub(super) fn accept(&self, raw: Raw, flaw: Option<Flaw>) -> io::Result<TlsStream<Raw>> {
        let acceptor = flaw
            .and_then(|flaw| self.flawed.get(&flaw))
            .unwrap_or(&self.good);
        let mut outcome = acceptor.accept(raw.clone());
        loop {
            outcome = match outcome {
                Ok(stream) => return Ok(stream),
                Err(HandshakeError::WouldBlock(_)) if raw.gone() => {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                // The client reads too slowly for the write timeout.
                Err(HandshakeError::WouldBlock(midway)) => midway.handshake(),
                Err(HandshakeError::Failure(error)) => return Err(io::Error::other(error)),
            };
        }
    }
}
