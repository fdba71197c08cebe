//! The opening of a connection, as a script. Sends nothing itself, waits for nothing, and never
//! repeats what a server says about a password.
//!
//! Everything goes out in one write. A second one follows where the server refuses `HELLO` in a way that
//! does not prove that it understood it: servers and proxies without it word that in many ways.
//!
//! ```text
//!   Ready --poll_write--> Asked --last reply--> Done
//!                           |
//!                           +--HELLO refused--> Draining --last reply--> Ready again, as RESP2
//! ```
#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "seen outside of the crate under `unstable` only"
)]

mod script;

use super::secret::REDACTED;
use super::{Protocol, Secret, ServerError};
pub use script::Script;
use std::fmt;

/// What a new connection is to become. `Debug` shows neither user nor password.
#[derive(Clone)]
pub struct Handshake {
    /// The protocol to ask for.
    pub protocol: Protocol,
    /// Whether RESP2 will do where the server refuses RESP3.
    pub resp2_will_do: bool,
    /// The user to log in as. Without a password, the empty one is sent: going on as another user
    /// than the one that was named would be worse than a refusal.
    pub username: Option<String>,
    /// The password; without a user name, that of the user `default`.
    pub password: Option<Secret>,
    /// The name that the connection has in `CLIENT LIST`.
    pub client_name: Option<String>,
    /// The library's name and version, as `CLIENT LIST` shows them.
    pub library: Option<(String, String)>,
    /// The database to select; zero is selected already.
    pub database: u32,
    /// Whether to ask for maintenance notifications.
    pub maintenance: Option<Ask>,
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("protocol", &self.protocol)
            .field("resp2_will_do", &self.resp2_will_do)
            .field("username", &self.username.as_ref().map(|_| REDACTED))
            .field("password", &self.password)
            .field("client_name", &self.client_name)
            .field("library", &self.library)
            .field("database", &self.database)
            .field("maintenance", &self.maintenance)
            .finish()
    }
}

/// How to ask for maintenance notifications.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ask {
    /// Whether the connection is of no use without them.
    pub required: bool,
    /// How the server shall name the place to move to; `None` sends the bare command.
    pub endpoint_type: Option<MovingEndpointType>,
}

/// How a server names the place that a connection shall move to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum MovingEndpointType {
    /// A host name for clients outside the server's network.
    ExternalFqdn,
    /// An address for clients outside the server's network.
    ExternalIp,
    /// A host name for clients inside the server's network.
    InternalFqdn,
    /// An address for clients inside the server's network.
    InternalIp,
    /// Not at all: the client goes where its configuration says.
    None,
}

impl MovingEndpointType {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExternalFqdn => "external-fqdn",
            Self::ExternalIp => "external-ip",
            Self::InternalFqdn => "internal-fqdn",
            Self::InternalIp => "internal-ip",
            Self::None => "none",
        }
    }
}

/// A command of the opening.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Step {
    /// `HELLO`, with the credentials if there are any.
    Hello,
    /// `AUTH`, on RESP2.
    Auth,
    /// `PING`: it shows whether the server lets us in, and whether it serves. One that reads its data
    /// answers all of the other steps.
    Ping,
    /// `CLIENT SETNAME`.
    ClientName,
    /// `CLIENT SETINFO LIB-NAME`.
    LibraryName,
    /// `CLIENT SETINFO LIB-VER`.
    LibraryVersion,
    /// `SELECT`, sent unless the database is 0.
    Select,
    /// `CLIENT MAINT_NOTIFICATIONS`.
    Maintenance,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hello => "HELLO",
            Self::Auth => "AUTH",
            Self::Ping => "PING",
            Self::ClientName => "CLIENT SETNAME",
            Self::LibraryName => "CLIENT SETINFO LIB-NAME",
            Self::LibraryVersion => "CLIENT SETINFO LIB-VER",
            Self::Select => "SELECT",
            Self::Maintenance => "CLIENT MAINT_NOTIFICATIONS",
        })
    }
}

/// What to do after a reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The connection is open, and no reply is outstanding.
    Done(ServerHello),
    /// Replies are outstanding.
    MoreReplies,
    /// No reply is outstanding, and [`Script::poll_write`] has more to write.
    MoreToWrite,
}

/// What the server said of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerHello {
    /// The protocol that both sides speak from here on.
    pub protocol: Protocol,
    /// The connection's number on the server; RESP3 only.
    pub client_id: Option<i64>,
    /// The server's name, for example `redis`; RESP3 only.
    pub server: Option<String>,
    /// The server's version; RESP3 only.
    pub version: Option<String>,
    /// `master` or `replica`; RESP3 only.
    pub role: Option<String>,
    /// `standalone`, `cluster` or `sentinel`; RESP3 only.
    pub mode: Option<String>,
    /// Whether maintenance notifications will come.
    pub maintenance: Answer,
    /// Steps that the server refused and that the connection does without.
    pub tolerated: Vec<(Step, ServerError)>,
}

/// What became of the question for maintenance notifications.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// They will come.
    Granted,
    /// Nobody asked for them.
    NotAsked,
    /// The connection speaks RESP2, which cannot carry them.
    NotPossible,
    /// The server does not send them.
    Refused(ServerError),
}

/// Why the connection cannot be used. It must be closed: replies may be outstanding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// The command that failed.
    pub step: Step,
    /// What the failure means.
    pub kind: Refusal,
    /// The server's error; `None` where it sent none. Without its text where it may repeat the user or
    /// the password: in a refused login, and wherever one of the two stands in it.
    pub error: Option<ServerError>,
}

/// What a failed opening means for the next attempt.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Refusal {
    /// The user or password is wrong or missing: the same again will fail again.
    Credentials,
    /// The database does not exist or may not be selected.
    Database,
    /// The server is reading its data and will serve soon.
    Loading,
    /// Maintenance notifications are required and cannot be had.
    Maintenance,
    /// Any other error of the server.
    Other,
    /// The user may not run the command.
    Permission,
    /// RESP3 was asked for by name, and cannot be had.
    Resp3,
    /// The server has as many clients as it accepts.
    TooManyClients,
    /// The server answered something that the command cannot answer.
    Unexpected,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.kind {
            Refusal::Credentials => "wrong or missing credentials",
            Refusal::Database => "database cannot be selected",
            Refusal::Loading => "server is loading its data",
            Refusal::Maintenance => "maintenance notifications are required but not available",
            Refusal::Other => "server refused",
            Refusal::Permission => "no permission",
            Refusal::Resp3 => "RESP3 is asked for by name but not available",
            Refusal::TooManyClients => "server has too many clients",
            Refusal::Unexpected => "unexpected reply",
        };
        write!(f, "{} failed: {why}", self.step)?;
        match &self.error {
            Some(error) => write!(f, " ({error})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refused {}
