//! How the client takes part in the maintenance of its servers. Switches nothing on: the engine reads it when
//! a client starts.

use crate::error::{Error, Result};
use crate::events::NotificationHook;
use crate::protocol::Endpoint;
use crate::protocol::handshake::MovingEndpointType;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The most places in the workers' queue: room for it is taken when the client starts.
const MOST_QUEUED: usize = 1 << 16;

/// Whether a place that a server named may be dialled.
///
/// ```
/// use hitless::{Endpoint, MaintenanceOptions, TargetVerdict};
///
/// // Only hosts of the own domain: whatever a server names, nothing else is dialled.
/// let maintenance = MaintenanceOptions::new().target_policy(|place| match place {
///     Endpoint::Tcp { host, .. } if host.ends_with(".redis.example") => TargetVerdict::Allow,
///     _ => TargetVerdict::Deny,
/// });
/// # let _ = maintenance;
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum TargetVerdict {
    /// It may.
    Allow,
    /// It may not: the handoff goes on as if no place had been named.
    Deny,
}

/// Decides whether a place that a server named may be dialled.
pub(crate) type TargetPolicy = Arc<dyn Fn(&Endpoint) -> TargetVerdict + Send + Sync>;

/// Whether maintenance notifications are asked for.
///
/// ```
/// use hitless::{MaintenanceOptions, Mode, Options, Protocol};
///
/// // A deployment that must announce its maintenance: a server that does not is an error at the start.
/// let strict = MaintenanceOptions::new().mode(Mode::Enabled);
/// let options = Options::new("redis.example:6379")?.maintenance(strict);
/// // RESP2 has no pushes, so the two exclude each other. Nothing is dialled.
/// let error = hitless::Client::lazy(options.protocol(Protocol::Resp2)).unwrap_err();
/// assert_eq!(error.kind(), &hitless::ErrorKind::Config);
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
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
///
/// ```
/// use hitless::{EndpointType, MaintenanceOptions};
///
/// // Behind address translation the server's own addresses lead nowhere.
/// let maintenance = MaintenanceOptions::new().endpoint_type(EndpointType::None);
/// assert_eq!(maintenance.get_endpoint_type(), EndpointType::None);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
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
/// Every setter returns the options, so that calls can be chained. What cannot work is refused by
/// [`Client::connect`](crate::Client::connect), with an error that names the option. Times without an
/// upper bound may be [`Duration::MAX`].
///
/// ```
/// use hitless::{MaintenanceOptions, Options};
/// use std::time::Duration;
///
/// // Commands may take 3 s while maintenance goes on, and at most two connections move at a time.
/// let maintenance = MaintenanceOptions::new()
///     .relaxed_timeout(Duration::from_secs(3))
///     .handoff_concurrency(2);
/// let options = Options::new("redis.example:6379")?.maintenance(maintenance);
/// assert_eq!(options.get_maintenance().get_max_retries(), 3);
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone)]
pub struct MaintenanceOptions {
    pub(crate) mode: Mode,
    pub(crate) endpoint_type: EndpointType,
    pub(crate) relaxed_timeout: Duration,
    pub(crate) handoff_timeout: Duration,
    pub(crate) post_handoff_relaxed: Option<Duration>,
    pub(crate) max_workers: usize,
    pub(crate) queue_size: usize,
    pub(crate) max_retries: u32,
    pub(crate) relaxed_blocking_timeout: Option<Duration>,
    pub(crate) migration_cap: Duration,
    pub(crate) failover_cap: Duration,
    pub(crate) slot_migration_cap: Duration,
    pub(crate) max_jitter: Duration,
    pub(crate) handoffs: bool,
    pub(crate) handoff_concurrency: usize,
    pub(crate) breaker_threshold: u32,
    pub(crate) breaker_reset: Duration,
    pub(crate) breaker_probes: u32,
    pub(crate) hook_timeout: Duration,
    pub(crate) hooks: Vec<Arc<dyn NotificationHook>>,
    pub(crate) target_policy: Option<TargetPolicy>,
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
            relaxed_blocking_timeout: None,
            migration_cap: Duration::from_secs(60),
            failover_cap: Duration::from_secs(60),
            slot_migration_cap: Duration::from_secs(120),
            max_jitter: Duration::from_secs(1),
            handoffs: true,
            handoff_concurrency: 0,
            breaker_threshold: 5,
            breaker_reset: Duration::from_secs(60),
            breaker_probes: 3,
            hook_timeout: Duration::from_secs(1),
            hooks: Vec::new(),
            target_policy: None,
        }
    }
}

impl MaintenanceOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether notifications are asked for. Defaults to [`Mode::Auto`]. [`Mode::Enabled`] needs RESP3
    /// and TCP: it is refused with [`Options::protocol`](crate::Options::protocol) RESP2 and with a unix
    /// socket. [`Mode::Disabled`] is refused with a [`hook`](Self::hook), which would hear nothing.
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
    /// one. Defaults to 10 s; zero relaxes nothing. No upper bound.
    #[must_use]
    pub fn relaxed_timeout(mut self, timeout: Duration) -> Self {
        self.relaxed_timeout = timeout;
        self
    }

    /// How long a move goes on trying where the server announces less time than this; where it announces
    /// more, that counts. Each attempt, from the dial to the end of the opening, gets
    /// `min(handoff_timeout, remaining / 2)`, and at least 2 s if that much remains. Defaults to 15 s. At
    /// least 1 ms, so zero is refused; more than an hour counts as an hour.
    #[must_use]
    pub fn handoff_timeout(mut self, timeout: Duration) -> Self {
        self.handoff_timeout = timeout;
        self
    }

    /// How long timeouts stay relaxed after the end of a maintenance, and on a connection that has just
    /// moved. Defaults to twice the relaxed timeout; zero ends the relaxation at once. No upper bound.
    #[must_use]
    pub fn post_handoff_relaxed(mut self, duration: Duration) -> Self {
        self.post_handoff_relaxed = Some(duration);
        self
    }

    /// How many threads make connections; they run as long as the client. Defaults to 0, which stands
    /// for `min(pool / 2, max(10, pool / 3))`, at least 1. From 1 to 1024 otherwise. A command that waits
    /// for a connection never waits for a move: where all threads are busy, a move that is under way for
    /// longer than 250 ms is interrupted, and starts again half a second later.
    #[must_use]
    pub fn max_workers(mut self, workers: usize) -> Self {
        self.max_workers = workers;
        self
    }

    /// How many connections may wait for a worker. Defaults to 0, which stands for
    /// `max(20 * workers, pool)`, at most `5 * pool` and, where
    /// [`max_active_connections`](crate::Options::max_active_connections) is set, one more than that; at
    /// least 2. From 1 to 65,536 otherwise. A full queue loses nothing: what did not fit is offered again.
    #[must_use]
    pub fn queue_size(mut self, size: usize) -> Self {
        self.queue_size = size;
        self
    }

    /// How many times the move of one connection is tried again, in each of three parts of the time it
    /// has: up to half of the announced time, from then on, and from three quarters of the whole time
    /// on. So a connection makes up to `3 * (max_retries + 1)` attempts; the pauses between them double
    /// from 250 ms to 2 s at the most. Defaults to 3: up to 12 attempts. Zero tries once in each part. No
    /// upper bound: the time bounds it.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// The timeout of commands that block on the server (such as `BLPOP`) during maintenance, where
    /// their own is shorter. Defaults to the end of the window, which every window has, so that a
    /// dead server is still noticed. Zero relaxes nothing. No upper bound.
    #[must_use]
    pub fn relaxed_blocking_timeout(mut self, timeout: Duration) -> Self {
        self.relaxed_blocking_timeout = Some(timeout);
        self
    }

    /// How long a migration without an announced end counts; each further announcement extends it.
    /// Defaults to 60 s. From 1 s to 10 min, so zero is refused.
    #[must_use]
    pub fn migration_cap(mut self, cap: Duration) -> Self {
        self.migration_cap = cap;
        self
    }

    /// How long a failover without an announced end counts. Defaults to 60 s. From 1 s to 10 min, so
    /// zero is refused.
    #[must_use]
    pub fn failover_cap(mut self, cap: Duration) -> Self {
        self.failover_cap = cap;
        self
    }

    /// How long a migration of hash slots without an announced end counts. Defaults to 120 s. From
    /// 1 s to 10 min, so zero is refused.
    #[must_use]
    pub fn slot_migration_cap(mut self, cap: Duration) -> Self {
        self.slot_migration_cap = cap;
        self
    }

    /// The longest random pause before a move begins, so that many clients do not dial at once; never
    /// more than a tenth of the announced time, and none when 2 s or less were announced. Defaults to
    /// 1 s; zero begins at once. At most 60 s.
    #[must_use]
    pub fn max_jitter(mut self, pause: Duration) -> Self {
        self.max_jitter = pause;
        self
    }

    /// Whether connections are moved. Defaults to `true`. With `false` notifications relax timeouts as
    /// ever, and do nothing else: no connection is made or ended because of one, and no place that a
    /// server names is dialled. For clients behind a proxy that moves its own connections.
    ///
    /// ```
    /// # use hitless::MaintenanceOptions;
    /// let stays = MaintenanceOptions::new().handoffs(false);
    /// ```
    #[must_use]
    pub fn handoffs(mut self, handoffs: bool) -> Self {
        self.handoffs = handoffs;
        self
    }

    /// How many connections may be on the move at the same time: while one moves it has two sockets,
    /// which servers count against `maxclients`. Connections of commands that block count too. Defaults to
    /// 0: all. No upper bound: more than
    /// [`max_active_connections`](crate::Options::max_active_connections) is all, too.
    #[must_use]
    pub fn handoff_concurrency(mut self, connections: usize) -> Self {
        self.handoff_concurrency = connections;
        self
    }

    /// How many dials of one endpoint in a row may fail before its circuit breaker opens. Dials of moves
    /// count, up to the end of the opening; error replies of a server that was reached do not, and dials
    /// that were under way at the same time count once. Defaults to 5. At least 1, so zero is refused; no
    /// upper bound.
    #[must_use]
    pub fn breaker_threshold(mut self, failures: u32) -> Self {
        self.breaker_threshold = failures;
        self
    }

    /// How long an open circuit breaker waits before it lets a dial try again, outside of announced
    /// times. A move that was announced does not wait for it: one dial at a time is made each eighth of the
    /// announced time, but at least 250 ms after the last, and once more a second before the end (where a
    /// quarter of the time is less, so long before it); its success closes the breaker. Defaults to 60 s.
    /// At least 1 ms, so zero is refused; no upper bound.
    #[must_use]
    pub fn breaker_reset(mut self, pause: Duration) -> Self {
        self.breaker_reset = pause;
        self
    }

    /// How many dials a half-open circuit breaker lets through, and how many must succeed to close it.
    /// Defaults to 3. At least 1, so zero is refused; no upper bound.
    #[must_use]
    pub fn breaker_probes(mut self, dials: u32) -> Self {
        self.breaker_probes = dials;
        self
    }

    /// Adds a hook, one of as many as you like; [`Client::add_hook`](crate::Client::add_hook) does so
    /// later. Defaults to none. Refused with [`Mode::Disabled`].
    #[must_use]
    pub fn hook(mut self, hook: Arc<dyn NotificationHook>) -> Self {
        self.hooks.push(hook);
        self
    }

    /// How long a notification waits for the hooks' [`before`](NotificationHook::before). Defaults to
    /// 1 s; after that it is acted upon as it came. From 1 ms to 10 s, so zero is refused: the server
    /// waits for nobody.
    #[must_use]
    pub fn hook_timeout(mut self, timeout: Duration) -> Self {
        self.hook_timeout = timeout;
        self
    }

    /// Decides which places, of those that a server names, may be dialled. Called on a handoff worker
    /// before each dial of such a place; a panic denies. A place that it denies is not asked about again in
    /// the same handoff, which goes on as if no place had been named. Whatever it says, unspecified,
    /// multicast, broadcast and link-local addresses are never dialled, nor is loopback unless the server
    /// is there itself. Defaults to allowing all others.
    #[must_use]
    pub fn target_policy(
        mut self,
        policy: impl Fn(&Endpoint) -> TargetVerdict + Send + Sync + 'static,
    ) -> Self {
        self.target_policy = Some(Arc::new(policy));
        self
    }

    /// How long timeouts stay relaxed after a maintenance.
    pub(crate) fn tail(&self) -> Duration {
        self.post_handoff_relaxed
            // A server that has just moved is slow for a while: its caches are cold, and all clients
            // reconnect.
            .unwrap_or_else(|| self.relaxed_timeout.saturating_mul(2))
    }

    /// Whether a hook would ever be called.
    pub(crate) fn check_can_hook(&self) -> Result<()> {
        if self.mode == Mode::Disabled {
            return Err(Error::config(
                "hooks need notifications: set the maintenance mode to Auto, or add no hook",
            ));
        }
        Ok(())
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.handoff_timeout < Duration::from_millis(1) {
            return Err(Error::config("handoff_timeout must be at least 1 ms"));
        }
        let caps = [
            ("migration_cap", self.migration_cap),
            ("failover_cap", self.failover_cap),
            ("slot_migration_cap", self.slot_migration_cap),
        ];
        for (name, cap) in caps {
            // Below a second an ordinary migration would outlast its own window; beyond ten minutes a
            // dead server would be waited for.
            if cap < Duration::from_secs(1) || cap > Duration::from_secs(600) {
                return Err(Error::config(format!("{name} must be from 1 s to 10 min")));
            }
        }
        // Servers announce 15 to 30 s as a rule: more could never be used.
        if self.max_jitter > Duration::from_secs(60) {
            return Err(Error::config("max_jitter must be at most 60 s"));
        }
        if self.breaker_threshold == 0 || self.breaker_probes == 0 {
            return Err(Error::config(
                "breaker_threshold and breaker_probes must be at least 1",
            ));
        }
        if self.breaker_reset < Duration::from_millis(1) {
            return Err(Error::config("breaker_reset must be at least 1 ms"));
        }
        if self.hook_timeout < Duration::from_millis(1)
            || self.hook_timeout > Duration::from_secs(10)
        {
            return Err(Error::config("hook_timeout must be from 1 ms to 10 s"));
        }
        if !self.hooks.is_empty() {
            self.check_can_hook()?;
        }
        if self.queue_size > MOST_QUEUED {
            return Err(Error::config(format!(
                "queue_size must be at most {MOST_QUEUED}; 0 chooses for you"
            )));
        }
        if self.max_workers > 1024 {
            return Err(Error::config(
                "max_workers must be at most 1024; 0 chooses for you",
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for MaintenanceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaintenanceOptions")
            .field("mode", &self.mode)
            .field("endpoint_type", &self.endpoint_type)
            .field("relaxed_timeout", &self.relaxed_timeout)
            .field("relaxed_blocking_timeout", &self.relaxed_blocking_timeout)
            .field("handoff_timeout", &self.handoff_timeout)
            .field("post_handoff_relaxed", &self.post_handoff_relaxed)
            .field("max_workers", &self.max_workers)
            .field("queue_size", &self.queue_size)
            .field("max_retries", &self.max_retries)
            .field("migration_cap", &self.migration_cap)
            .field("failover_cap", &self.failover_cap)
            .field("slot_migration_cap", &self.slot_migration_cap)
            .field("max_jitter", &self.max_jitter)
            .field("handoffs", &self.handoffs)
            .field("handoff_concurrency", &self.handoff_concurrency)
            .field("breaker_threshold", &self.breaker_threshold)
            .field("breaker_reset", &self.breaker_reset)
            .field("breaker_probes", &self.breaker_probes)
            .field("hook_timeout", &self.hook_timeout)
            .field("hooks", &self.hooks.len())
            .field("target_policy", &self.target_policy.is_some())
            .finish()
    }
}
