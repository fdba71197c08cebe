//! Where a server is, as text. Resolves nothing.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// Where a server is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Endpoint {
    /// A host name or literal address (IPv6 without brackets), and a port.
    Tcp {
        /// Host name or literal address.
        host: String,
        /// Port, 1 to 65535.
        port: u16,
    },
    /// The path of a unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// A TCP endpoint.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp {
            host: host.into(),
            port,
        }
    }

    /// The address, when the host is written as one.
    pub fn literal_ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp { host, .. } => host.parse().ok(),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why a text is no endpoint. Holds nothing of the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BadEndpoint {
    /// The host is empty or a placeholder.
    Host,
    /// The port is not a decimal number from 1 to 65535.
    Port,
}
