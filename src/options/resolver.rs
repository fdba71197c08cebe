//! How host names become addresses. Starts no thread and keeps no answer: whoever asks does.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};

/// Turns a host name into addresses.
///
/// Called on a helper thread of the client, never on a thread that runs commands, so it may block.
/// A caller that waits for an answer gives up at its own deadline, but the thread stays occupied
/// until `resolve` returns: at most two such threads exist per client, and one host is asked about
/// by one of them at a time. Literal addresses are never asked about. A panic inside `resolve`
/// counts as a failure.
///
/// An implementation must not cache answers for long: during maintenance the client asks again and
/// again until it sees a name change, and every new connection asks anew.
///
/// ```
/// use hitless::Resolver;
/// use std::io;
/// use std::net::IpAddr;
///
/// /// Sends every name to one address.
/// #[derive(Debug)]
/// struct Fixed(IpAddr);
///
/// impl Resolver for Fixed {
///     fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
///         Ok(vec![self.0])
///     }
/// }
/// ```
pub trait Resolver: Debug + Send + Sync {
    /// The addresses of `host`, the preferred one first. An empty answer means "not known".
    ///
    /// # Errors
    ///
    /// Whatever kept the name from being resolved. It fails the one dial that needed the name and
    /// becomes the source of that dial's error; existing connections are unaffected.
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the operating system, as every other program on the machine does (`getaddrinfo`).
///
/// It has no timeout of its own; with an unreachable name server it may block for tens of seconds.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "closed: the system has the state"
)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok((host, 0)
            .to_socket_addrs()?
            .map(|address| address.ip())
            .collect())
    }
}
