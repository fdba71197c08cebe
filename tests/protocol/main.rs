//! The protocol layer, seen from outside: bytes, frames, notifications and the opening of a
//! connection.

mod corpus;
mod deep;
mod encoding;
mod endpoint;
mod handshake;
mod malformed;
mod notification;
mod properties;
mod secret;
mod support;
mod value;
mod vectors;
