//! Options of TLS connections. Verifies nothing and opens no file: they are values until something
//! is dialed. They exist whether or not the feature `tls` is on, so that a URL means the same in
//! every build; without the feature, using them is an error that says so.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A version of TLS. Older ones than these are broken and cannot be asked for.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    Tls12,
    /// TLS 1.3, which not every platform's library offers.
    Tls13,
}

/// How TLS connections are set up and whom they trust.
///
/// By default the server needs a certificate that the operating system trusts and that names the
/// host which the options name. That stays so when a connection moves: the server that is moved to
/// is verified under the configured name, whatever address or name it was announced by.
///
/// ```
/// use hitless::TlsOptions;
///
/// # let pem = b"-----BEGIN CERTIFICATE-----";
/// let tls = TlsOptions::default().ca_pem(pem).server_name("redis.example.com");
/// assert_eq!(tls.get_server_name(), Some("redis.example.com"));
/// ```
#[derive(Clone, Default, Eq, PartialEq)]
pub struct TlsOptions {
    accept_invalid_certs: bool,
    accept_invalid_hostnames: bool,
    identity: Option<ClientIdentity>,
    min_version: TlsVersion,
    roots: Option<TrustedRoots>,
    server_name: Option<String>,
}

/// Where the certificates come from that replace the system's.
#[derive(Clone, Eq, PartialEq)]
pub(crate) enum TrustedRoots {
    File(PathBuf),
    Pem(Arc<[u8]>),
}

/// What the client shows of itself. Holds a private key: never printed.
#[derive(Clone, Eq, PartialEq)]
pub(crate) enum ClientIdentity {
    Files {
        chain: PathBuf,
        key: PathBuf,
    },
    Pem {
        chain: Arc<[u8]>,
        key: Arc<[u8]>,
    },
    Pkcs12 {
        archive: Arc<[u8]>,
        password: Arc<str>,
    },
}

impl TlsOptions {
    /// Trusts these certificates (PEM, one or more), and no longer those of the operating system.
    /// Replaces an earlier choice. The blocks are found wherever they stand, and what else is there is
    /// passed over; no certificate at all is an error when dialing is prepared.
    #[must_use]
    pub fn ca_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        // Takes the place of `ca_file`, and the other way round: the last of the two counts.
        self.roots = Some(TrustedRoots::Pem(pem.as_ref().into()));
        self
    }

    /// Trusts the certificates in this file (PEM, one or more), and no longer those of the operating
    /// system. Replaces an earlier choice. The file is read once, when dialing is prepared.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots = Some(TrustedRoots::File(path.into()));
        self
    }

    /// Shows the server this certificate (PEM, its own first, then intermediate ones), proved by an
    /// unencrypted PKCS#8 key (`BEGIN PRIVATE KEY`). The blocks are found wherever they stand, so that
    /// a text which holds both may be given twice. Replaces an earlier choice.
    #[must_use]
    pub fn identity_pem(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.identity = Some(ClientIdentity::Pem {
            chain: chain.as_ref().into(),
            key: key.as_ref().into(),
        });
        self
    }

    /// As [`identity_pem`](Self::identity_pem), from files, which may be one and the same. They are read
    /// once, when dialing is prepared. Replaces an earlier choice.
    #[must_use]
    pub fn identity_files(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some(ClientIdentity::Files {
            chain: chain.into(),
            key: key.into(),
        });
        self
    }

    /// Shows the server the certificate of this PKCS#12 archive (DER). Replaces an earlier choice.
    #[must_use]
    pub fn identity_pkcs12(mut self, archive: impl AsRef<[u8]>, password: &str) -> Self {
        self.identity = Some(ClientIdentity::Pkcs12 {
            archive: archive.as_ref().into(),
            password: password.into(),
        });
        self
    }

    /// The name that is announced to the server (SNI) and that its certificate must bear, instead of
    /// the configured host. Defaults to `None`. An empty name is refused when dialing is prepared.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// The oldest version of TLS to accept. Defaults to TLS 1.2.
    #[must_use]
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = version;
        self
    }

    /// **Dangerous.** Accepts any certificate, made by anybody, for any name, expired or not.
    /// Whoever sits between client and server can then read and change everything, passwords
    /// included. Defaults to `false`. Trust the server's own certificate with
    /// [`ca_pem`](Self::ca_pem) instead.
    #[must_use]
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.accept_invalid_certs = accept;
        self
    }

    /// **Dangerous.** Accepts a certificate that was issued for another host. Anybody with a trusted
    /// certificate for any name can then pose as the server. Defaults to `false`. Say which name to
    /// expect with [`server_name`](Self::server_name) instead.
    #[must_use]
    pub fn danger_accept_invalid_hostnames(mut self, accept: bool) -> Self {
        self.accept_invalid_hostnames = accept;
        self
    }

    /// One of two files of a URL; until the other is named it holds both.
    pub(super) fn cert_file(self, path: &str) -> Self {
        let key = match &self.identity {
            // In a URL the two come in any order. With one of them alone, the file holds both.
            Some(ClientIdentity::Files { key, .. }) => key.clone(),
            _ => path.into(),
        };
        self.identity_files(path, key)
    }

    /// The other of the two.
    pub(super) fn key_file(self, path: &str) -> Self {
        let chain = match &self.identity {
            Some(ClientIdentity::Files { chain, .. }) => chain.clone(),
            _ => path.into(),
        };
        self.identity_files(chain, path)
    }

    /// See [`danger_accept_invalid_certs`](Self::danger_accept_invalid_certs).
    pub fn get_danger_accept_invalid_certs(&self) -> bool {
        self.accept_invalid_certs
    }

    /// See [`danger_accept_invalid_hostnames`](Self::danger_accept_invalid_hostnames).
    pub fn get_danger_accept_invalid_hostnames(&self) -> bool {
        self.accept_invalid_hostnames
    }

    /// See [`ca_file`](Self::ca_file).
    pub fn get_ca_file(&self) -> Option<&Path> {
        match &self.roots {
            Some(TrustedRoots::File(path)) => Some(path),
            _ => None,
        }
    }

    /// See [`ca_pem`](Self::ca_pem).
    pub fn get_ca_pem(&self) -> Option<&[u8]> {
        match &self.roots {
            Some(TrustedRoots::Pem(pem)) => Some(pem),
            _ => None,
        }
    }

    /// See [`min_version`](Self::min_version).
    pub fn get_min_version(&self) -> TlsVersion {
        self.min_version
    }

    /// See [`server_name`](Self::server_name).
    pub fn get_server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Whether the client shows a certificate, by [`identity_pem`](Self::identity_pem),
    /// [`identity_files`](Self::identity_files) or [`identity_pkcs12`](Self::identity_pkcs12). The
    /// certificate and its key cannot be read back.
    pub fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    /// Read by the dialer when it is built.
    #[cfg(feature = "tls")]
    pub(crate) fn identity(&self) -> Option<&ClientIdentity> {
        self.identity.as_ref()
    }

    /// Read by the dialer when it is built.
    #[cfg(feature = "tls")]
    pub(crate) fn roots(&self) -> Option<&TrustedRoots> {
        self.roots.as_ref()
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("danger_accept_invalid_certs", &self.accept_invalid_certs)
            .field(
                "danger_accept_invalid_hostnames",
                &self.accept_invalid_hostnames,
            )
            .field("identity", &self.identity)
            .field("min_version", &self.min_version)
            .field("roots", &self.roots)
            .field("server_name", &self.server_name)
            .finish()
    }
}

impl fmt::Debug for TrustedRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            // Not secret, unless somebody's file has the key beside the certificate.
            Self::Pem(_) => f.write_str("Pem(..)"),
        }
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Files { .. } => "Files(..)",
            Self::Pem { .. } => "Pem(..)",
            Self::Pkcs12 { .. } => "Pkcs12(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_options_hold_no_secret() {
        let options = TlsOptions::default()
            .ca_pem("canary-ca")
            .identity_pkcs12("canary-archive", "canary-password");
        assert!(!format!("{options:?}").contains("canary"));
        let options = options.identity_pem("canary-chain", "canary-key");
        assert!(options.has_identity());
        assert!(!format!("{options:?} {options:#?}").contains("canary"));
    }

    #[test]
    fn a_later_source_of_certificates_replaces_an_earlier_one() {
        let options = TlsOptions::default().ca_pem("one").ca_file("/two");
        assert_eq!(options.get_ca_pem(), None);
        assert_eq!(options.get_ca_file(), Some(Path::new("/two")));
    }

    #[test]
    fn nothing_dangerous_is_on_by_default() {
        let options = TlsOptions::default();
        assert!(!options.get_danger_accept_invalid_certs());
        assert!(!options.get_danger_accept_invalid_hostnames());
        assert_eq!(options.get_min_version(), TlsVersion::Tls12);
    }
}
