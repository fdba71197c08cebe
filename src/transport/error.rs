//! Why a dial failed, or the secure channel of a connection. Holds no credential, no key and no text of a
//! certificate's owner.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use rustix::io::Errno;

/// A dial that led to no connection. Nothing was sent but, at most, a TLS greeting.
#[derive(Debug)]
pub(crate) struct DialError {
    /// What the machines above decide by.
    kind: DialErrorKind,
    /// The address whose failure is told, where an address was reached for.
    address: Option<SocketAddr>,
    /// What the system, the library or the resolver said.
    source: io::Error,
}

/// Whose fault a failed dial is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DialErrorKind {
    /// The caller no longer wants the connection.
    Cancelled,
    /// The options cannot work, whatever the server does.
    Config,
    /// Every address of the name is one that the route rules out.
    Excluded,
    /// This machine or process has no descriptor, port or memory left.
    Exhausted,
    /// The system refused in some other way.
    Io,
    /// The machine answered that nobody listens.
    Refused,
    /// The name has no address, or could not be looked up.
    Resolve,
    /// The deadline passed.
    TimedOut(DialPhase),
    /// No agreement on encryption, or the server is not who it should be.
    #[cfg_attr(
        not(feature = "tls"),
        allow(dead_code, reason = "without TLS it cannot occur")
    )]
    /// The secure channel could not be made: the certificate, its name, its date, or the protocol.
    Tls,
    /// There is no way to the machine, or no such unix socket.
    Unreachable,
}

/// What a dial was doing when its deadline passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DialPhase {
    /// From the first connect to the first socket that is ready.
    Connect,
    /// The lookup of the name.
    Resolve,
    #[cfg_attr(
        not(feature = "tls"),
        allow(dead_code, reason = "without TLS it cannot occur")
    )]
    /// The handshake of the secure channel.
    Tls,
}

impl DialError {
    /// A failure whose cause is told by a text or another error.
    pub(super) fn new(
        kind: DialErrorKind,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            address: None,
            source: io::Error::other(source),
        }
    }

    /// The failure of a dial that nobody wants any more: the client closes, or a command needs the worker.
    pub(super) fn cancelled() -> Self {
        Self::new(DialErrorKind::Cancelled, "no longer wanted")
    }

    /// The failure of a dial that ran out of time, in the part given.
    pub(super) fn timed_out(phase: DialPhase) -> Self {
        let source = io::Error::from(io::ErrorKind::TimedOut);
        Self {
            kind: DialErrorKind::TimedOut(phase),
            address: None,
            source,
        }
    }

    /// Sorts an error of the system that came from opening or connecting a socket.
    pub(super) fn from_socket(source: io::Error, address: Option<SocketAddr>) -> Self {
        Self {
            kind: kind_of(&source),
            address,
            source,
        }
    }

    /// The same failure, with the address that was tried last. A name may have several.
    pub(super) fn at(mut self, address: Option<SocketAddr>) -> Self {
        self.address = address;
        self
    }

    /// What went wrong, for those who decide whether to try again.
    pub(crate) fn kind(&self) -> DialErrorKind {
        self.kind
    }

    /// What failed and why, without the address.
    pub(crate) fn reason(&self) -> String {
        let what = self.what();
        let source = &self.source;
        match self.kind {
            // Written for whoever reads it, unless it comes from the system.
            DialErrorKind::Config if source.raw_os_error().is_none() => source.to_string(),
            _ if self.tells_cause() => format!("{what}: {source}"),
            _ => what.to_owned(),
        }
    }

    /// What lay beneath, unless the text says it already.
    pub(crate) fn into_source(self) -> Option<io::Error> {
        (!self.tells_cause()).then_some(self.source)
    }

    /// Whether the kind alone does not say enough.
    fn tells_cause(&self) -> bool {
        matches!(
            self.kind,
            DialErrorKind::Config
                | DialErrorKind::Exhausted
                | DialErrorKind::Io
                | DialErrorKind::Resolve
                | DialErrorKind::Tls
        )
    }

    /// The first words of the error text.
    fn what(&self) -> &'static str {
        match self.kind {
            DialErrorKind::Cancelled => "dial cancelled",
            DialErrorKind::Config => "the system refuses an address or an option of its socket",
            DialErrorKind::Excluded => "no address left that may be dialed",
            DialErrorKind::Exhausted => "no descriptor, port or memory left for a connection",
            DialErrorKind::Io => "connection failed",
            DialErrorKind::Refused => "connection refused",
            DialErrorKind::Resolve => "host name not resolved",
            DialErrorKind::TimedOut(DialPhase::Connect) => "timed out while connecting",
            DialErrorKind::TimedOut(DialPhase::Resolve) => {
                "timed out while resolving the host name"
            }
            DialErrorKind::TimedOut(DialPhase::Tls) => "timed out during the TLS handshake",
            DialErrorKind::Tls => "TLS handshake failed",
            DialErrorKind::Unreachable => "server unreachable",
        }
    }

    /// The address that failed, when one in particular did.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

/// Sorts an error of the system. What the machine itself lacks (descriptors, ports, memory) is told apart
/// from what the network says, because trying another address cannot help.
fn kind_of(error: &io::Error) -> DialErrorKind {
    match Errno::from_io_error(error) {
        // EWOULDBLOCK from a connect means that no port or no place in the queue of a unix socket is left.
        Some(
            Errno::MFILE
            | Errno::NOBUFS
            | Errno::ADDRNOTAVAIL
            | Errno::ADDRINUSE
            | Errno::WOULDBLOCK,
        ) => return DialErrorKind::Exhausted,
        #[cfg(unix)]
        Some(Errno::NFILE | Errno::NOMEM) => return DialErrorKind::Exhausted,
        _ => {}
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => DialErrorKind::Refused,
        // `NotFound` is a unix socket whose path does not exist.
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::NotFound => DialErrorKind::Unreachable,
        // The system's own patience with a connect was shorter than ours.
        io::ErrorKind::TimedOut => DialErrorKind::TimedOut(DialPhase::Connect),
        io::ErrorKind::InvalidInput => DialErrorKind::Config,
        _ => DialErrorKind::Io,
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason())?;
        match self.address {
            Some(address) => write!(f, " ({address})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for DialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The peer ended the secure channel with an alert, or broke its rules. Stands inside an [`io::Error`]
/// of a connection that was made: TLS 1.3 tells what it thinks of a client's certificate only then.
#[cfg_attr(
    not(feature = "tls"),
    allow(dead_code, reason = "without TLS it cannot occur")
)]
#[derive(Debug)]
pub(super) struct ChannelError(pub(super) String);

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ChannelError {}

/// Whether an error of a wire is one of its secure channel and not of the network.
pub(crate) fn is_channel_error(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<ChannelError>())
}
