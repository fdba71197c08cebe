//! Where a server is, as text. Resolves nothing.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

/// Longest host name that DNS can carry, in bytes.
const MAX_HOST: usize = 253;

/// Where a server is.
///
/// ```
/// use hitless::Endpoint;
///
/// let endpoint: Endpoint = "[::1]:6380".parse()?;
/// assert_eq!(endpoint, Endpoint::tcp("::1", 6380));
/// assert_eq!(endpoint.to_string(), "[::1]:6380");
/// # Ok::<(), hitless::BadEndpoint>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
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

    /// Where a notification says to go.
    ///
    /// `None` where the text is a placeholder: the server leaves the place to the client. A host
    /// without a port means the port in use now.
    ///
    /// # Errors
    ///
    /// [`BadEndpoint`] for every text that is neither; it must not be dialled. Paths of unix sockets
    /// are among them: a server has no say in the client's file system.
    pub fn from_notification(text: &str, current_port: u16) -> Result<Option<Self>, BadEndpoint> {
        // Servers have been seen to write each of these for "not known".
        if text.is_empty() || text == "?" || text.eq_ignore_ascii_case("null") {
            return Ok(None);
        }
        let bare_host = !text.contains(':')
            || (text.starts_with('[') && text.ends_with(']'))
            // Read as host and port where both readings are possible.
            || (text.parse::<Ipv6Addr>().is_ok() && tcp(text).is_err());
        if !bare_host {
            return tcp(text).map(Some);
        }
        // A unix socket has no port to lend to a host that comes without one.
        if current_port == 0 {
            return Err(BadEndpoint::Port);
        }
        let host = text
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .unwrap_or(text);
        check_host(host, host.len() != text.len())?;
        Ok(Some(Self::tcp(host, current_port)))
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

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    /// Reads `host:port`, `[v6]:port`, `v6:port` (the last colon counts), or the path of a unix
    /// socket, which begins with `/`.
    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        if text.starts_with('/') {
            if text.contains('\0') {
                return Err(BadEndpoint::Host);
            }
            return Ok(Self::Unix(PathBuf::from(text)));
        }
        tcp(text)
    }
}

/// Reads `host:port` or `[v6]:port`.
fn tcp(text: &str) -> Result<Endpoint, BadEndpoint> {
    let (host, port) = text.rsplit_once(':').ok_or(BadEndpoint::Port)?;
    let unbracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    check_host(unbracketed.unwrap_or(host), unbracketed.is_some())?;
    Ok(Endpoint::tcp(
        unbracketed.unwrap_or(host),
        self::port(port)?,
    ))
}

/// Refuses what cannot be a host. A `/`, an `@` or a space in it would change the meaning of a URL or a log
/// line that is made of it; a colon stands in an IPv6 address only.
fn check_host(host: &str, bracketed: bool) -> Result<(), BadEndpoint> {
    // What a URL, a path or a log line could be made of. No host name has any of it.
    let forbidden = |c: char| {
        c.is_control() || c.is_whitespace() || matches!(c, '/' | '\\' | '@' | '[' | ']' | '?' | '#')
    };
    if host.is_empty()
        || host.len() > MAX_HOST
        // As in `null:6379`, which a server that forms its text from an absent host sends.
        || host.eq_ignore_ascii_case("null")
        || host.contains(forbidden)
    {
        return Err(BadEndpoint::Host);
    }
    // A zone (`%eth0`) stays part of the text: only the resolver can tell whether it exists.
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    let is_v6 = address.parse::<Ipv6Addr>().is_ok();
    if (host.contains([':', '%']) || bracketed) && !is_v6 {
        return Err(BadEndpoint::Host);
    }
    Ok(())
}

/// Reads a port from 1 to 65535, in digits alone.
fn port(text: &str) -> Result<u16, BadEndpoint> {
    // The standard parser also takes a sign and leading zeros.
    if !text.starts_with(|c: char| matches!(c, '1'..='9')) {
        return Err(BadEndpoint::Port);
    }
    text.parse().map_err(|_| BadEndpoint::Port)
}

/// Why a text is no endpoint. Holds nothing of the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BadEndpoint {
    /// The host is empty, a placeholder, too long, or has characters that no host has.
    Host,
    /// The port is not a decimal number from 1 to 65535.
    Port,
}

impl fmt::Display for BadEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host is missing or not a host name or address",
            Self::Port => "port is missing or not a number from 1 to 65535",
        })
    }
}

impl std::error::Error for BadEndpoint {}
