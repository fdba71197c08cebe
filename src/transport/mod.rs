//! Everything that names a socket: dialing, TCP, TLS, unix sockets, name lookups. Knows nothing of
//! RESP, of pools or of why a connection is wanted; logs nothing; retries nothing.

mod plain;
mod ready;
mod wire;

pub(crate) use wire::{TICK, Wire};
