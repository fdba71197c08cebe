//! Opens connections. Says no word of RESP over them, tries no dial twice, remembers no server.
//!
//! ```text
//!  name -> addresses -> route (never / avoid) -> race of connects -> TLS -> Wire
//!  '---------------------- one deadline, one cancel flag ----------------------'
//! ```

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use socket2::Socket;

use super::error::{DialError, DialErrorKind, DialPhase};
use super::plain::Plain;
use super::race;
use super::resolve::{LookupError, Lookups};
use super::wire::Wire;
use crate::options::{Resolver, TcpOptions, TlsOptions};
use crate::protocol::Endpoint;

/// Opens the connections of one client. Called from any thread; holds no lock while dialing.
#[derive(Debug)]
pub(crate) struct Dialer {
    /// Set on every socket before it connects.
    tcp: TcpOptions,
    /// Made once with certificates and keys; `None` is plain text.
    tls: Option<Encryption>,
    /// Shared by all dials, so that two of them ask for one name once.
    lookups: Arc<Lookups>,
}

/// Which of a name's addresses to use. The default takes them as they come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Route {
    /// Used only if nothing else answers.
    pub(crate) avoid: Vec<SocketAddr>,
    /// Not used at all.
    pub(crate) never: Vec<SocketAddr>,
}

/// A connection that was opened.
#[derive(Debug)]
pub(crate) struct Dialed {
    /// Ready for the first command: connected, and encrypted where that was asked for.
    pub(crate) wire: Box<dyn Wire>,
    /// The address at the other end; `None` for unix sockets.
    pub(crate) peer: Option<SocketAddr>,
    /// All addresses of the name.
    pub(crate) listed: Vec<SocketAddr>,
    /// Whether the stream is encrypted and the server verified as the options demand.
    pub(crate) tls: bool,
}

impl Dialer {
    /// Reads the certificate files that the options name, so it may block on the disk.
    pub(crate) fn new(
        tcp: TcpOptions,
        tls: Option<TlsOptions>,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, DialError> {
        let tls = tls.as_ref().map(Encryption::new).transpose()?;
        Ok(Self {
            tcp,
            tls,
            lookups: Arc::new(Lookups::new(resolver)),
        })
    }

    /// Refuses an endpoint that no dial can ever reach.
    pub(crate) fn check(to: &Endpoint) -> Result<(), DialError> {
        match to {
            #[cfg(unix)]
            Endpoint::Unix(path) => super::unix::address(path).map(drop),
            _ => Ok(()),
        }
    }

    /// The lookups that dialing uses, for whoever watches a name change, and to be closed with the
    /// client.
    pub(crate) fn lookups(&self) -> &Arc<Lookups> {
        &self.lookups
    }

    /// Opens a connection to `to`. Under TLS the server is verified under the options' server name,
    /// otherwise under `configured`: the host that the user named, whatever host `to` is, for a
    /// server that says where to go must not choose whom to trust.
    ///
    /// Blocks the caller until `deadline`, whatever lookup, connects and handshake do, or for one
    /// slice of 50 ms after `cancel` was set.
    pub(crate) fn dial(
        &self,
        to: &Endpoint,
        configured: &str,
        route: &Route,
        deadline: Instant,
        cancel: &AtomicBool,
    ) -> Result<Dialed, DialError> {
        let (host, port) = match to {
            Endpoint::Tcp { host, port } => (host, *port),
            Endpoint::Unix(path) => return self.dial_unix(path, deadline, cancel),
        };
        // A zone is the user's to name: a server has no say in the interfaces of this machine.
        // Only the configured host, because a zone names an interface of this machine.
        let addresses = if host == configured && host.contains('%') {
            scoped(host, port)?
        } else {
            self.resolve(host, port, deadline, cancel)?
        };
        // Before any socket: where all addresses are excluded, none is opened.
        let (first, last) = route.sort(&addresses)?;
        let socket = race::connect(&self.tcp, first, last, deadline, cancel)?;
        let peer = socket
            .peer_addr()
            .ok()
            .and_then(|address| address.as_socket());
        // After the race, once, instead of on every attempt that loses it.
        race::tune(&socket, &self.tcp).map_err(|error| DialError::from_socket(error, peer))?;
        let tls = self.tls.is_some();
        let wire = match &self.tls {
            Some(tls) => tls.handshake(socket, configured, deadline, cancel),
            None => plain(socket),
        };
        Ok(Dialed {
            wire: wire.map_err(|error| error.at(peer))?,
            peer,
            listed: addresses,
            tls,
        })
    }

    /// Looks a host up on a thread of the resolver, and waits for the answer until the deadline or until
    /// the dial is no longer wanted.
    fn resolve(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
        cancel: &AtomicBool,
    ) -> Result<Vec<SocketAddr>, DialError> {
        match self.lookups.lookup(host, deadline, cancel) {
            Ok(addresses) if addresses.is_empty() => Err(DialError::new(
                DialErrorKind::Resolve,
                "the name has no address",
            )),
            Ok(addresses) => Ok(addresses
                .iter()
                .map(|ip| SocketAddr::new(*ip, port))
                .collect()),
            Err(LookupError::Cancelled) => Err(DialError::cancelled()),
            Err(LookupError::Failed(error)) => Err(DialError::new(DialErrorKind::Resolve, error)),
            Err(LookupError::TimedOut) => Err(DialError::timed_out(DialPhase::Resolve)),
        }
    }

    /// Connects to a unix socket, which has neither a race of addresses nor TLS.
    #[cfg(unix)]
    fn dial_unix(
        &self,
        path: &std::path::Path,
        deadline: Instant,
        cancel: &AtomicBool,
    ) -> Result<Dialed, DialError> {
        if self.tls.is_some() {
            // Going on without it would be a downgrade that nobody asked for.
            return Err(DialError::new(
                DialErrorKind::Config,
                "tls does not apply to a unix socket: drop one of the two",
            ));
        }
        let wire = plain(super::unix::connect(path, &self.tcp, deadline, cancel)?)?;
        Ok(Dialed {
            wire,
            peer: None,
            listed: Vec::new(),
            tls: false,
        })
    }

    #[cfg(not(unix))]
    fn dial_unix(
        &self,
        _path: &std::path::Path,
        _deadline: Instant,
        _cancel: &AtomicBool,
    ) -> Result<Dialed, DialError> {
        Err(DialError::new(
            DialErrorKind::Config,
            "this system has no unix sockets",
        ))
    }
}

impl Route {
    /// Sorts addresses into those to try first and those to try last.
    fn sort(
        &self,
        addresses: &[SocketAddr],
    ) -> Result<(Vec<SocketAddr>, Vec<SocketAddr>), DialError> {
        let mut allowed: Vec<SocketAddr> = Vec::with_capacity(addresses.len());
        for address in addresses {
            // Names that list an address twice were seen, and would get it two attempts.
            if !self.never.contains(address) && !allowed.contains(address) {
                allowed.push(*address);
            }
        }
        if allowed.is_empty() {
            let reason = "no address of the name may be dialled";
            return Err(DialError::new(DialErrorKind::Excluded, reason));
        }
        let avoided = |address: &SocketAddr| self.avoid.contains(address);
        let (last, first) = allowed.into_iter().partition(avoided);
        Ok((first, last))
    }
}

/// The address of a literal with its zone (`fe80::1%eth0`), which only the system can number. It asks
/// nobody for that.
fn scoped(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    match (host, port).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(DialError::new(DialErrorKind::Resolve, error)),
    }
}

/// A connected socket as a wire without encryption.
fn plain(socket: Socket) -> Result<Box<dyn Wire>, DialError> {
    match Plain::new(socket) {
        Ok(wire) => Ok(Box::new(wire)),
        Err(error) => Err(DialError::from_socket(error, None)),
    }
}

/// TLS if it was compiled in, otherwise nothing that could ever exist.
enum Encryption {
    #[cfg(feature = "tls")]
    Native(super::tls::Tls),
}

#[cfg(feature = "tls")]
impl Encryption {
    /// Reads certificates and keys once, when the client is made, so that a file that is missing is an
    /// error of `Client::connect` and not of the first move.
    fn new(options: &TlsOptions) -> Result<Self, DialError> {
        super::tls::Tls::new(options).map(Self::Native)
    }

    /// Encrypts a connected socket, within the deadline of the dial.
    fn handshake(
        &self,
        socket: Socket,
        configured: &str,
        deadline: Instant,
        cancel: &AtomicBool,
    ) -> Result<Box<dyn Wire>, DialError> {
        let Self::Native(tls) = self;
        Ok(Box::new(
            tls.handshake(socket, configured, deadline, cancel)?,
        ))
    }
}

#[cfg(not(feature = "tls"))]
impl Encryption {
    fn new(_options: &TlsOptions) -> Result<Self, DialError> {
        let reason = "TLS (rediss://, Options::tls) needs the cargo feature `tls`, without which this \
                      program was built: add it to the dependency on hitless";
        Err(DialError::new(DialErrorKind::Config, reason))
    }

    fn handshake(
        &self,
        _socket: Socket,
        _configured: &str,
        _deadline: Instant,
        _cancel: &AtomicBool,
    ) -> Result<Box<dyn Wire>, DialError> {
        match *self {}
    }
}

impl fmt::Debug for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encryption(..)")
    }
}
