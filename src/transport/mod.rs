//! Everything that names a socket: dialing, TCP, TLS, unix sockets, name lookups. Knows nothing of
//! RESP, of pools or of why a connection is wanted; logs nothing; retries nothing.
//!
//! ```text
//!  Dialer --- Lookups (names) --- race, unix (connects) --- tls (handshake)
//!     '--> Box<dyn Wire>: plain or encrypted
//! ```

#[cfg(feature = "tls")]
mod ahead;
mod dial;
#[cfg(feature = "tls")]
mod encrypted;
mod error;
#[cfg(feature = "tls")]
mod pem;
mod plain;
mod race;
mod ready;
mod resolve;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
mod wire;

pub(crate) use dial::{Dialed, Dialer, Route};
pub(crate) use error::{DialError, DialErrorKind, is_channel_error};
pub(crate) use wire::Wire;
