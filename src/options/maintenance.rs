//! How the client takes part in the maintenance of its servers.

use crate::error::{Error, Result};
use crate::protocol::handshake::MovingEndpointType;
use std::time::Duration;

/// Whether maintenance notifications are asked for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Mode {
    /// Asked for on every RESP3 connection over TCP; a server that refuses is served without.
    #[default]
    Auto,
    /// Not asked for.
    Disabled,
    /// Required: a connection to a server that refuses them fails.
    Enabled,
}

/// In which form the server names the endpoint that a connection should move to.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum EndpointType {
    /// Chosen for each connection from the address it reached, and whether it uses TLS.
    #[default]
    Auto,
    /// A name that resolves outside the server's network.
    ExternalFqdn,
    /// An address outside the server's network.
    ExternalIp,
    /// A name that resolves inside the server's network.
    InternalFqdn,
    /// An address inside the server's network.
    InternalIp,
    /// None: the client finds the new place by the name that it was configured with. The safe choice
    /// behind address translation and private links.
    None,
}

impl EndpointType {
    /// What to ask the server for; `None` where it depends on the connection.
    pub(crate) fn fixed(self) -> Option<MovingEndpointType> {
        match self {
            Self::Auto => None,
            Self::ExternalFqdn => Some(MovingEndpointType::ExternalFqdn),
            Self::ExternalIp => Some(MovingEndpointType::ExternalIp),
            Self::InternalFqdn => Some(MovingEndpointType::InternalFqdn),
            Self::InternalIp => Some(MovingEndpointType::InternalIp),
            Self::None => Some(MovingEndpointType::None),
        }
    }
}

/// How the client takes part in the maintenance of its servers.
///
/// Every setter returns the options, so that calls can be chained.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MaintenanceOptions {
    pub(crate) mode: Mode,
    pub(crate) endpoint_type: EndpointType,
    pub(crate) relaxed_timeout: Duration,
    pub(crate) handoff_timeout: Duration,
    pub(crate) post_handoff_relaxed: Option<Duration>,
    pub(crate) max_workers: usize,
    pub(crate) queue_size: usize,
    pub(crate) max_retries: u32,
}

impl Default for MaintenanceOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Auto,
            endpoint_type: EndpointType::Auto,
            relaxed_timeout: Duration::from_secs(10),
            handoff_timeout: Duration::from_secs(15),
            post_handoff_relaxed: None,
            max_workers: 0,
            queue_size: 0,
            max_retries: 3,
        }
    }
}

impl MaintenanceOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether notifications are asked for. Defaults to [`Mode::Auto`].
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// In which form the server names the new endpoint. Defaults to [`EndpointType::Auto`].
    #[must_use]
    pub fn endpoint_type(mut self, kind: EndpointType) -> Self {
        self.endpoint_type = kind;
        self
    }

    /// The command timeout during maintenance, where the ordinary one is shorter; it never shortens
    /// one. Defaults to 10 s; zero relaxes nothing.
    #[must_use]
    pub fn relaxed_timeout(mut self, timeout: Duration) -> Self {
        self.relaxed_timeout = timeout;
        self
    }

    /// How long the move of one connection may take when the server announces less. Defaults to
    /// 15 s; at least 1 ms.
    #[must_use]
    pub fn handoff_timeout(mut self, timeout: Duration) -> Self {
        self.handoff_timeout = timeout;
        self
    }

    /// How long timeouts stay relaxed after the end of a maintenance. Defaults to twice the relaxed
    /// timeout; zero ends the relaxation at once.
    #[must_use]
    pub fn post_handoff_relaxed(mut self, duration: Duration) -> Self {
        self.post_handoff_relaxed = Some(duration);
        self
    }

    /// How many threads make connections. Defaults to 0: `min(pool / 2, max(10, pool / 3))`, at
    /// least 1. At most 1024.
    #[must_use]
    pub fn max_workers(mut self, workers: usize) -> Self {
        self.max_workers = workers;
        self
    }

    /// How many connections may wait for a worker. Defaults to 0: `max(20 * workers, pool)`, at most
    /// `5 * pool`, at least 2. A full queue loses nothing: what did not fit is offered again.
    #[must_use]
    pub fn queue_size(mut self, size: usize) -> Self {
        self.queue_size = size;
        self
    }

    /// How many times the move of one connection is tried again. Defaults to 3; zero tries once.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// How long timeouts stay relaxed after a maintenance.
    pub(crate) fn tail(&self) -> Duration {
        self.post_handoff_relaxed.unwrap_or_else(|| self.relaxed_timeout.saturating_mul(2))
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.handoff_timeout < Duration::from_millis(1) {
            return Err(Error::config("handoff_timeout must be at least 1 ms"));
        }
        if self.max_workers > 1024 {
            return Err(Error::config("max_workers must be at most 1024; 0 chooses for you"));
        }
        Ok(())
    }
}
