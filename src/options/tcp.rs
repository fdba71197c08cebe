//! Options of TCP connections. Sets them on no socket.

use std::net::IpAddr;
use std::time::Duration;

/// How TCP connections are set up. Unix sockets use only the buffer sizes.
///
/// ```
/// use hitless::TcpOptions;
/// use std::time::Duration;
///
/// let tcp = TcpOptions::default()
///     .keepalive_idle(Duration::from_secs(10))
///     .user_timeout(Duration::from_secs(5));
/// assert_eq!(tcp.get_user_timeout(), Duration::from_secs(5));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TcpOptions {
    keepalive_idle: Duration,
    keepalive_interval: Duration,
    keepalive_probes: u32,
    local_address: Option<IpAddr>,
    nodelay: bool,
    receive_buffer: usize,
    send_buffer: usize,
    user_timeout: Duration,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            keepalive_idle: Duration::from_secs(30),
            keepalive_interval: Duration::from_secs(5),
            keepalive_probes: 3,
            local_address: None,
            nodelay: true,
            receive_buffer: 0,
            send_buffer: 0,
            user_timeout: Duration::from_secs(10),
        }
    }
}

impl TcpOptions {
    /// How long a connection is silent before the system asks whether the peer still lives. Rounded
    /// up to whole seconds, at most 32,767. Defaults to 30 s; zero turns keepalive off.
    #[must_use]
    pub fn keepalive_idle(mut self, idle: Duration) -> Self {
        self.keepalive_idle = idle;
        self
    }

    /// The time between two unanswered keepalive probes. Rounded up to whole seconds, at
    /// most 32,767. Defaults to 5 s; zero leaves it to the system.
    #[must_use]
    pub fn keepalive_interval(mut self, interval: Duration) -> Self {
        self.keepalive_interval = interval;
        self
    }

    /// How many keepalive probes may stay unanswered before the connection counts as dead. Defaults
    /// to 3; zero leaves it to the system. At most 127; a higher number counts as that.
    #[must_use]
    pub fn keepalive_probes(mut self, probes: u32) -> Self {
        self.keepalive_probes = probes;
        self
    }

    /// The address of this machine that connections come from. Defaults to whichever the system
    /// picks. Servers of the other address family cannot be reached while it is set.
    #[must_use]
    pub fn local_address(mut self, address: impl Into<Option<IpAddr>>) -> Self {
        self.local_address = address.into();
        self
    }

    /// Whether small writes leave at once instead of waiting to be joined with later ones
    /// (`TCP_NODELAY`). Defaults to `true`; `false` delays commands by up to 40 ms.
    #[must_use]
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Size of the system's buffer for received data, in bytes. Defaults to zero: the system sizes
    /// it by itself, which is nearly always faster. Systems cap it, and Linux doubles it.
    #[must_use]
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = bytes;
        self
    }

    /// Size of the system's buffer for data not yet acknowledged, in bytes. Defaults to zero: the
    /// system sizes it by itself, which is nearly always faster. Systems cap it, and Linux doubles it.
    #[must_use]
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = bytes;
        self
    }

    /// How long sent data may stay unacknowledged before the connection counts as dead
    /// (`TCP_USER_TIMEOUT`, on Linux and Android; ignored elsewhere). At least 1 ms.
    /// Defaults to 10 s; zero leaves it to the system, which takes about 15 minutes on Linux.
    ///
    /// The time also runs while more is to be sent than the sockets hold and the server reads none of it: one that
    /// is busy for longer in the middle of a long pipeline or value loses the connection.
    ///
    /// While keepalive probes go unanswered it takes the place of
    /// [`keepalive_probes`](Self::keepalive_probes).
    #[must_use]
    pub fn user_timeout(mut self, timeout: Duration) -> Self {
        self.user_timeout = timeout;
        self
    }

    /// See [`keepalive_idle`](Self::keepalive_idle).
    pub fn get_keepalive_idle(&self) -> Duration {
        self.keepalive_idle
    }

    /// See [`keepalive_interval`](Self::keepalive_interval).
    pub fn get_keepalive_interval(&self) -> Duration {
        self.keepalive_interval
    }

    /// See [`keepalive_probes`](Self::keepalive_probes).
    pub fn get_keepalive_probes(&self) -> u32 {
        self.keepalive_probes
    }

    /// See [`local_address`](Self::local_address).
    pub fn get_local_address(&self) -> Option<IpAddr> {
        self.local_address
    }

    /// See [`nodelay`](Self::nodelay).
    pub fn get_nodelay(&self) -> bool {
        self.nodelay
    }

    /// See [`receive_buffer`](Self::receive_buffer).
    pub fn get_receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    /// See [`send_buffer`](Self::send_buffer).
    pub fn get_send_buffer(&self) -> usize {
        self.send_buffer
    }

    /// See [`user_timeout`](Self::user_timeout).
    pub fn get_user_timeout(&self) -> Duration {
        self.user_timeout
    }
}
