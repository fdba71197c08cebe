//! What a user may choose, as plain values. Connects nothing, reads no file, touches no environment.
//!
//! A setter takes the value, bears the name of the option and returns the options, so that calls
//! chain; the name being taken, what reads an option back is called `get_…`, as in other clients
//! whose options work this way.

mod resolver;
mod tcp;
mod tls;

pub use resolver::{Resolver, SystemResolver};
pub use tcp::TcpOptions;
#[cfg(feature = "tls")]
pub(crate) use tls::{ClientIdentity, TrustedRoots};
pub use tls::{TlsOptions, TlsVersion};
