//! Which connections of a server are meant. Does not check which filters a server knows.

use crate::command::arg::Encoded;
use crate::command::{ArgWriter, ToArg, ToArgs};
use std::time::Duration;

/// Which connections [`Commands::client_list_filter`](crate::Commands::client_list_filter) yields, and
/// [`Commands::client_kill`](crate::Commands::client_kill) closes: those that pass all of its parts.
///
/// ```
/// use hitless::{ClientFilter, ClientKind};
/// use std::time::Duration;
///
/// let old = ClientFilter::new().kind(ClientKind::Normal).min_age(Duration::from_secs(86_400));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ClientFilter {
    parts: Encoded,
    /// Apart: `CLIENT LIST` reads all that follows as numbers.
    ids: Vec<u64>,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClientKind {
    /// That of a client.
    Normal,
    /// To the primary of this server.
    Primary,
    /// That of a client with a subscription.
    PubSub,
    /// That of a replica of this server.
    Replica,
}

impl ClientFilter {
    /// Lets all pass.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, name: &str, value: impl ToArg) -> Self {
        // In the order of the calls: servers want pairs, and each of them to hold.
        self.parts.add((name, value));
        self
    }

    /// The connection of this number; more than one call, any of these. `CLIENT KILL` takes more than one from
    /// Redis 8.0 and Valkey 8.1 on.
    #[must_use]
    pub fn id(mut self, id: u64) -> Self {
        self.ids.push(id);
        self
    }

    /// Connections of this kind.
    #[must_use]
    pub fn kind(self, kind: ClientKind) -> Self {
        // Of the words for it, those that every version knows.
        let word = match kind {
            ClientKind::Normal => "normal",
            ClientKind::Primary => "master",
            ClientKind::PubSub => "pubsub",
            ClientKind::Replica => "replica",
        };
        self.with("TYPE", word)
    }

    /// Connections of this user.
    #[must_use]
    pub fn user(self, name: impl ToArg) -> Self {
        self.with("USER", name)
    }

    /// Connections that come from this address, with its port: `127.0.0.1:50123`.
    #[must_use]
    pub fn address(self, address: impl ToArg) -> Self {
        self.with("ADDR", address)
    }

    /// Connections that were made to this address of the server, with its port. From 6.2 on.
    #[must_use]
    pub fn local_address(self, address: impl ToArg) -> Self {
        self.with("LADDR", address)
    }

    /// Connections that are at least so old, in steps of 1 s. Redis 7.4, Valkey 8.
    #[must_use]
    pub fn min_age(self, age: Duration) -> Self {
        // The server calls the youngest age that is meant a maximum.
        self.with("MAXAGE", age.as_secs())
    }

    /// Whether the connection that carries the command is left out. `CLIENT KILL` leaves it out by default.
    #[must_use]
    pub fn skip_me(self, skip: bool) -> Self {
        self.with("SKIPME", if skip { "yes" } else { "no" })
    }
}

impl ToArgs for ClientFilter {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.parts.write_args(out);
        if !self.ids.is_empty() {
            out.write(b"ID");
            self.ids.write_args(out);
        }
    }
}
