//! What a user can choose. Does nothing with it.

mod getters;
mod maintenance;
mod resolver;
mod tcp;
mod tls;
mod url;

pub use maintenance::{EndpointType, MaintenanceOptions, Mode, TargetVerdict};
pub use resolver::{Resolver, SystemResolver};
pub use tcp::TcpOptions;
#[cfg(feature = "tls")]
pub(crate) use tls::{ClientIdentity, TrustedRoots};
pub use tls::{TlsOptions, TlsVersion};

use crate::error::{Error, Result};
use crate::protocol::{Endpoint, Limits, Protocol, REDACTED, Secret};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// The most connections that a pool may have.
const LARGEST_POOL: usize = 4096;

/// The most commands in flight on one connection that may be asked for: far beyond what is of use.
const MOST_IN_FLIGHT: usize = 65_536;

/// How many connections there may be for each shared one, where nothing else is said.
const ACTIVE_FOR_EACH: usize = 4;

/// The most connections that a client may have.
const MOST_CONNECTIONS: usize = LARGEST_POOL * ACTIVE_FOR_EACH;

/// Where the server is and how to speak to it.
///
/// Every setter returns the options, so that calls can be chained; a value can also come from a URL
/// (see [`from_str`](Self::from_str)). What cannot work is refused by
/// [`Client::connect`](crate::Client::connect), with an error that names the option.
///
/// ```
/// use hitless::Options;
/// use std::time::Duration;
///
/// let options = Options::new("cache.example:6379")?
///     .password("hunter2")
///     .pool_size(8)
///     .command_timeout(Duration::from_millis(500));
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone)]
pub struct Options {
    pub(crate) endpoint: Endpoint,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: u32,
    pub(crate) client_name: Option<String>,
    pub(crate) library_name: Option<String>,
    /// `None`: RESP3, or RESP2 where the server refuses it.
    pub(crate) protocol: Option<Protocol>,
    pub(crate) pool_size: usize,
    pub(crate) max_active_connections: Option<usize>,
    pub(crate) min_connections: usize,
    pub(crate) max_in_flight: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) command_timeout: Option<Duration>,
    pub(crate) checkout_timeout: Option<Duration>,
    pub(crate) connect_retries: u32,
    pub(crate) tcp: TcpOptions,
    pub(crate) tls: Option<TlsOptions>,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) limits: Limits,
    pub(crate) maintenance: MaintenanceOptions,
}

impl Options {
    /// Options for the server at `address`: `host:port`, `[v6]:port`, the path of a unix socket, or
    /// a URL as in [`from_str`](Self::from_str).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a text that is none of these; the error
    /// does not repeat the text, which may hold a password.
    pub fn new(address: &str) -> Result<Self> {
        // Before anything else: a URL also has a colon.
        if url::split_scheme(address).is_some() {
            return url::parse(address);
        }
        let endpoint = address.parse().map_err(|_| {
            Error::config("the address must be host:port or a path that begins with /")
        })?;
        Ok(Self::at(endpoint))
    }

    /// Options for the server at `endpoint`.
    pub fn at(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            username: None,
            password: None,
            database: 0,
            client_name: None,
            library_name: None,
            protocol: None,
            pool_size: 16,
            max_active_connections: None,
            min_connections: 0,
            max_in_flight: 512,
            connect_timeout: Duration::from_secs(5),
            command_timeout: Some(Duration::from_secs(5)),
            checkout_timeout: None,
            connect_retries: 3,
            tcp: TcpOptions::default(),
            tls: None,
            resolver: Arc::new(SystemResolver),
            limits: Limits::default(),
            maintenance: MaintenanceOptions::default(),
        }
    }

    /// The user to log in as. Defaults to the server's `default` user; needs a
    /// [`password`](Self::password). Never shown in logs, errors or `Debug`: tokens are given as one.
    #[must_use]
    pub fn username(mut self, name: impl Into<String>) -> Self {
        self.username = Some(name.into());
        self
    }

    /// The password. Defaults to none: no login is tried. Never shown in logs, errors or `Debug`.
    #[must_use]
    pub fn password(mut self, password: impl Into<Secret>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The number of the database. Defaults to 0.
    #[must_use]
    pub fn database(mut self, number: u32) -> Self {
        self.database = number;
        self
    }

    /// The name of each connection, as `CLIENT LIST` shows it. Defaults to none. No spaces or control
    /// characters.
    #[must_use]
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    /// What the server is told about the library in use (`CLIENT SETINFO LIB-NAME`). Defaults to
    /// `hitless`; the empty text tells it nothing.
    #[must_use]
    pub fn library_name(mut self, name: impl Into<String>) -> Self {
        self.library_name = Some(name.into());
        self
    }

    /// The protocol to speak. Defaults to RESP3, with RESP2 on each connection whose server answers `HELLO`
    /// with an error that does not prove that it understood it (it may be an old server, a proxy, or
    /// forbidden to the user); [`ConnectionStats::protocol`](crate::ConnectionStats::protocol) shows which. Asked for
    /// by name, RESP3 is required: a server without it is refused. RESP2 knows no maintenance
    /// notifications.
    #[must_use]
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// The most connections that commands share; while connections move there may be twice as many.
    /// Defaults to 16. From 1 to 4096. The first is made when it is needed, a second as a spare once two callers
    /// share it, and further ones when all are held up (see [`max_in_flight`](Self::max_in_flight)). So most
    /// programs have two. Commands that block on the server have further ones:
    /// [`max_active_connections`](Self::max_active_connections).
    #[must_use]
    pub fn pool_size(mut self, connections: usize) -> Self {
        self.pool_size = connections;
        self
    }

    /// The most connections at the same time, shared ones and those of commands that block on the server
    /// (such as `BLPOP`) together. Defaults to four times [`pool_size`](Self::pool_size); from 2 to 16384.
    /// While connections move there may be twice as many.
    ///
    /// A command that blocks takes a connection alone, beside the `pool_size` that all others share, so that
    /// these go on however many commands block. Such a connection is made when it is needed and closed when
    /// nothing has used it for 30 s. Where the bound is not above `pool_size`, one connection less than the
    /// bound is shared. A command that finds the bound reached waits for
    /// [`checkout_timeout`](Self::checkout_timeout) and fails with
    /// [`PoolExhausted`](crate::ErrorKind::PoolExhausted). One for which the server has no room
    /// (`max number of clients reached`) fails at once with the server's error, and nobody else does.
    ///
    /// ```
    /// use hitless::Options;
    ///
    /// // 8 connections for all commands, and 24 more for workers that wait in `BLPOP`.
    /// let options = Options::new("localhost:6379")?.pool_size(8).max_active_connections(32);
    /// # Ok::<(), hitless::Error>(())
    /// ```
    #[must_use]
    pub fn max_active_connections(mut self, connections: usize) -> Self {
        self.max_active_connections = Some(connections);
        self
    }

    /// The most commands that are in flight on one connection as long as another one has room: when that many
    /// are, the next connection is used. Defaults to 512; from 1 to 65536. A connection that breaks takes along
    /// what is in flight on it (each of these commands fails with
    /// [`Delivery::Unknown`](crate::Delivery::Unknown) or is repeated, as ever), so this bounds the harm.
    ///
    /// The bound is soft. When all connections carry that many, one more is made, up to
    /// [`pool_size`](Self::pool_size), and the least loaded is shared beyond the bound meanwhile: no command
    /// waits. With as many connections as commands need (64 callers, `max_in_flight(16)`, four connections),
    /// none carries more. A pipeline counts with each of its commands, up to 4096, and is not divided. A command
    /// that has timed out counts no more, because its caller has been told; a connection on which 1024 of these
    /// are unanswered is replaced.
    ///
    /// Commands join the first connection rather than a free one, because one carries more than several do:
    /// each read and write, of the client and of the server, then serves many callers. The next connection is
    /// used when the first has so many commands in flight, when a reply of more than 64 KiB is on its way, or
    /// when nothing has arrived for longer than usual. 512 was measured on two cores shared with the server and
    /// over loopback. A server that works in parallel (a proxy of Redis Enterprise, I/O threads) and a client
    /// on many cores may gain from a few connections: try 64 or 16 there.
    ///
    /// ```
    /// use hitless::Options;
    ///
    /// // A connection that breaks takes at most 16 commands along, while four connections are enough.
    /// let options = Options::new("localhost:6379")?.min_connections(5).max_in_flight(16);
    /// # Ok::<(), hitless::Error>(())
    /// ```
    #[must_use]
    pub fn max_in_flight(mut self, commands: usize) -> Self {
        self.max_in_flight = commands;
        self
    }

    /// Connections that are made when the client starts, and again when one of them is lost, although
    /// nobody needs them yet. Defaults to 0, which makes none; at most [`pool_size`](Self::pool_size), and
    /// at most what [`max_active_connections`](Self::max_active_connections) leaves of that.
    /// While the server cannot be reached, an attempt follows the one before after a second at most, for
    /// as long as it takes.
    #[must_use]
    pub fn min_connections(mut self, connections: usize) -> Self {
        self.min_connections = connections;
        self
    }

    /// The time to make a connection, from name resolution to the end of the opening. Defaults to
    /// 5 s; at least 1 ms. Within it, an address that does not answer gets a fresh attempt every 500 ms,
    /// three at most at a time, so that a network which comes back is used within 600 ms.
    ///
    /// This bounds one attempt, and [`Client::connect`](crate::Client::connect) as a whole. A command that
    /// waits for a connection has up to [`connect_retries`](Self::connect_retries) more attempts, with
    /// pauses between; what it waits in all is bounded by [`checkout_timeout`](Self::checkout_timeout)
    /// alone. While nothing answers, a command therefore fails after the shorter of the two: the checkout
    /// timeout, or (`connect_retries` + 1) times the connect timeout and the pauses.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The time from sending a command to its reply. Defaults to 5 s; at least 1 ms.
    ///
    /// A command that runs out of it costs its connection only if nothing has arrived there since the command
    /// was sent. Otherwise the connection serves on, and the late reply reaches nobody.
    ///
    /// A command that blocks on the server has it on top of the time for which the server waits, its own or
    /// [`Cmd::timeout`](crate::Cmd::timeout). Without either it waits for ever.
    #[must_use]
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = Some(timeout);
        self
    }

    /// Lets commands wait for their replies for ever.
    #[must_use]
    pub fn no_command_timeout(mut self) -> Self {
        self.command_timeout = None;
        self
    }

    /// How long a command waits for a connection when there is none, all its waits together and whatever
    /// the attempts to make one do (see [`connect_timeout`](Self::connect_timeout)). Defaults to the
    /// command timeout plus 1 s; zero fails where no connection is ready. A call ends after this plus the
    /// command timeout at the latest, except that a maintenance window may relax the latter.
    #[must_use]
    pub fn checkout_timeout(mut self, timeout: Duration) -> Self {
        self.checkout_timeout = Some(timeout);
        self
    }

    /// How many more times a connection is tried for a command that waits for one, before the command
    /// fails; and how often a command that cannot have run, because its connection ended before its last
    /// byte had left, goes to another connection. Defaults to 3; zero tries once.
    ///
    /// Dials that fail within 150 ms of each other count once, so that the default lasts about half a
    /// second. Connections that prove dead before the first byte cost no retry, up to
    /// [`max_active_connections`](Self::max_active_connections) of them. While maintenance goes on, and for
    /// [`relaxed_timeout`](MaintenanceOptions::relaxed_timeout) after it has cost connections, nothing is
    /// counted: the command's own time decides.
    #[must_use]
    pub fn connect_retries(mut self, retries: u32) -> Self {
        self.connect_retries = retries;
        self
    }

    /// The options of TCP sockets.
    #[must_use]
    pub fn tcp(mut self, tcp: TcpOptions) -> Self {
        self.tcp = tcp;
        self
    }

    /// Encrypts every connection. Defaults to plain text, except for `rediss://` URLs. Needs the
    /// cargo feature `tls`.
    #[must_use]
    pub fn tls(mut self, tls: TlsOptions) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How host names become addresses. Defaults to [`SystemResolver`].
    #[must_use]
    pub fn resolver(mut self, resolver: impl Resolver + 'static) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// What one reply may cost.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How the client takes part in the maintenance of its servers.
    #[must_use]
    pub fn maintenance(mut self, maintenance: MaintenanceOptions) -> Self {
        self.maintenance = maintenance;
        self
    }

    /// How long a command waits for a connection; `None` for ever.
    pub(crate) fn effective_checkout_timeout(&self) -> Option<Duration> {
        self.checkout_timeout
            // Without a limit for commands there is none for connections either.
            .or_else(|| Some(self.command_timeout?.saturating_add(Duration::from_secs(1))))
    }

    /// How many connections commands share at most, and how many more serve one command each.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let usual = self.pool_size.saturating_mul(ACTIVE_FOR_EACH);
        let most = self.max_active_connections.unwrap_or(usual);
        // One connection at least is left for commands that block, and one at least is shared.
        let shared = self.pool_size.min(most.saturating_sub(1)).max(1);
        (shared, most.saturating_sub(shared))
    }

    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<()> {
        let least = Duration::from_millis(1);
        if self.username.is_some() && self.password.is_none() {
            return Err(Error::config(
                "username needs a password: set both or neither",
            ));
        }
        if self.pool_size == 0 || self.pool_size > LARGEST_POOL {
            return Err(Error::config(format!(
                "pool_size must be from 1 to {LARGEST_POOL}"
            )));
        }
        if self.max_active_connections.is_some_and(|most| most < 2) {
            return Err(Error::config(
                "max_active_connections leaves no connection that commands share beside one for a command that \
                 blocks: it must be at least 2",
            ));
        }
        if self
            .max_active_connections
            .is_some_and(|most| most > MOST_CONNECTIONS)
        {
            return Err(Error::config(format!(
                "max_active_connections must be at most {MOST_CONNECTIONS}"
            )));
        }
        if self.max_in_flight == 0 || self.max_in_flight > MOST_IN_FLIGHT {
            return Err(Error::config(format!(
                "max_in_flight must be from 1 to {MOST_IN_FLIGHT}"
            )));
        }
        if self.min_connections > self.pool_size {
            return Err(Error::config("min_connections must be at most pool_size"));
        }
        let (shared, _) = self.connections();
        if self.min_connections > shared {
            return Err(Error::config(format!(
                "min_connections must be at most {shared}: max_active_connections leaves no more connections that \
                 commands share"
            )));
        }
        if self.connect_timeout < least {
            return Err(Error::config("connect_timeout must be at least 1 ms"));
        }
        if self.command_timeout.is_some_and(|timeout| timeout < least) {
            return Err(Error::config(
                "command_timeout must be at least 1 ms; no_command_timeout waits for ever",
            ));
        }
        if let Some(name) = &self.client_name {
            if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Error::config(
                    "client_name must not hold spaces or control characters",
                ));
            }
        }
        if let Some(name) = &self.library_name {
            if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Error::config(
                    "library_name must not hold spaces or control characters",
                ));
            }
        }
        if self.tls.is_some() && matches!(self.endpoint, Endpoint::Unix(_)) {
            return Err(Error::config(
                "tls does not apply to a unix socket: drop one of the two",
            ));
        }
        if self.protocol == Some(Protocol::Resp2) && self.maintenance.mode == Mode::Enabled {
            return Err(Error::config(
                "maintenance mode Enabled needs RESP3: ask for it, or set the mode to Auto",
            ));
        }
        if matches!(self.endpoint, Endpoint::Unix(_)) && self.maintenance.mode == Mode::Enabled {
            return Err(Error::config(
                "maintenance mode Enabled does not apply to a unix socket: set the mode to Auto",
            ));
        }
        self.maintenance.check()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("endpoint", &self.endpoint)
            // Tokens are often given as one.
            .field("username", &self.username.as_ref().map(|_| REDACTED))
            .field("password", &self.password)
            .field("database", &self.database)
            .field("client_name", &self.client_name)
            .field("library_name", &self.library_name)
            .field("protocol", &self.protocol)
            .field("pool_size", &self.pool_size)
            .field("max_active_connections", &self.max_active_connections)
            .field("min_connections", &self.min_connections)
            .field("max_in_flight", &self.max_in_flight)
            .field("connect_timeout", &self.connect_timeout)
            .field("command_timeout", &self.command_timeout)
            .field("checkout_timeout", &self.checkout_timeout)
            .field("connect_retries", &self.connect_retries)
            .field("tcp", &self.tcp)
            .field("tls", &self.tls)
            .field("resolver", &self.resolver)
            .field("limits", &self.limits)
            .field("maintenance", &self.maintenance)
            .finish_non_exhaustive()
    }
}

impl FromStr for Options {
    type Err = Error;

    /// Reads a URL of one of these forms:
    ///
    /// | form | |
    /// |---|---|
    /// | `redis://[user:password@]host[:port][/database]` | port 6379 and database 0 unless said |
    /// | `rediss://...` | the same over TLS |
    /// | `valkey://...`, `valkeys://...` | the same as `redis://` and `rediss://` |
    /// | `unix://[user:password@]/path` | a unix socket |
    ///
    /// Each may end with `?option=value&option=value`. User, password, host, path and values are
    /// percent-decoded, each by itself; a zone is written as in `redis://[fe80::1%25eth0]`. The options are
    /// named like the setters:
    ///
    /// | option | value |
    /// |---|---|
    /// | `client_name`, `library_name` | text |
    /// | `database` or `db` | number |
    /// | `protocol` | `2` or `3` |
    /// | `pool_size`, `max_active_connections`, `min_connections`, `max_in_flight`, `connect_retries` | number |
    /// | `connect_timeout`, `command_timeout`, `checkout_timeout` | such as `500ms`, `5s` or `2m`; `command_timeout=none` waits for ever |
    /// | `maintenance` | `auto`, `enabled` or `disabled` |
    /// | `endpoint_type` | `auto`, `external-fqdn`, `external-ip`, `internal-fqdn`, `internal-ip` or `none` |
    /// | `handoffs` | `true` or `false` |
    /// | `tls_ca_file` | [`TlsOptions::ca_file`] |
    /// | `tls_cert_file`, `tls_key_file` | [`TlsOptions::identity_files`]; one will do for a file that holds both |
    /// | `tls_server_name` | [`TlsOptions::server_name`] |
    /// | `tls_min_version` | `1.2` or `1.3` |
    ///
    /// ```
    /// use hitless::Options;
    ///
    /// let options: Options = "redis://app:s%40cret@cache.example/2?pool_size=8&command_timeout=500ms".parse()?;
    /// let local: Options = "unix://app:s%40cret@/run/redis.sock?db=2".parse()?;
    /// # Ok::<(), hitless::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for anything else. The error names the part that
    /// cannot be read, and an option that does not exist; it repeats neither the URL nor a value.
    fn from_str(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Options {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl TryFrom<&String> for Options {
    type Error = Error;

    fn try_from(url: &String) -> Result<Self> {
        url.parse()
    }
}

/// Lets options be used again: `Client::connect(&options)`.
impl From<&Self> for Options {
    fn from(options: &Self) -> Self {
        options.clone()
    }
}

impl TryFrom<String> for Options {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::new(&text)
    }
}
