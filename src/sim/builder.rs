//! What a simulator is told at its start. Starts nothing before [`Builder::start`].

use super::maintenance::{OptIn, Replay};
use super::node::{NodeState, bind};
use super::record::Record;
use super::world::{Settings, User, World};
use super::{HOST, Sim};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Builds a [`Sim`].
///
/// ```
/// use hitless::sim::Sim;
///
/// let sim = Sim::builder()
///     .nodes(3)
///     .password("hunter2")
///     // 15 announced seconds pass in 0.3.
///     .time_scale(0.02)
///     // The same random choices in every run.
///     .seed(7)
///     .start()?;
/// assert_eq!(sim.nodes().count(), 3);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    advertised: usize,
    nodes: usize,
    port: Option<u16>,
    settings: Settings,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            advertised: 1,
            nodes: 2,
            port: None,
            settings: Settings {
                // Real servers closed 0.7 to 4.1 s after the announced time.
                lateness: (Duration::from_millis(700), Duration::from_millis(4100)),
                opt_in: OptIn::default(),
                proxy_to: None,
                record: Record::default(),
                replay: Replay::default(),
                resp3: true,
                seed: 0,
                time_scale: 1.0,
                #[cfg(feature = "sim-tls")]
                tls: false,
                unread_limit: 1 << 30,
                users: Vec::new(),
            },
        }
    }
}

impl Builder {
    /// How many nodes DNS shows at first, from the first one on. Defaults to 1; at least 1.
    pub fn advertised(mut self, count: usize) -> Self {
        self.advertised = count;
        self
    }

    /// Lets commands of a user be refused with `NOPERM`, by lower-case names such as `client`
    /// or `client|unblock`. The user must have been added.
    pub fn forbid(mut self, user: &str, commands: &[&str]) -> Self {
        for known in &mut self.settings.users {
            if known.name == user {
                known
                    .forbidden
                    .extend(commands.iter().map(|&command| command.to_owned()));
            }
        }
        self
    }

    /// How much later than announced the sockets of a moved node are closed, at random between two
    /// measured times, which the time scale applies to. Defaults to 0.7 s to 4.1 s.
    pub fn lateness(mut self, least: Duration, most: Duration) -> Self {
        self.settings.lateness = (least, most);
        self
    }

    /// How many nodes there are. Defaults to 2; from 1 to 250.
    pub fn nodes(mut self, count: usize) -> Self {
        self.nodes = count;
        self
    }

    /// How the nodes answer the opt-in to notifications. Defaults to [`OptIn::Accepted`].
    pub fn opt_in(mut self, opt_in: OptIn) -> Self {
        self.settings.opt_in = opt_in;
        self
    }

    /// Requires this password of the default user. Without it anyone may do anything.
    pub fn password(self, password: &str) -> Self {
        self.user("default", password)
    }

    /// The port of all nodes; where they have no addresses of their own (elsewhere than on Linux), of the
    /// first, and the next ports are those of the others. Defaults to a free one; zero is no port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Passes commands on to a real server instead of the embedded store. Each connection gets one of
    /// its own there; the simulator answers only `CLIENT MAINT_NOTIFICATIONS` and `CLIENT REPLY` itself.
    pub fn proxy_to(mut self, server: SocketAddr) -> Self {
        self.settings.proxy_to = Some(server);
        self
    }

    /// How much is remembered of the commands of each connection. Defaults to [`Record::Counts`].
    pub fn record(mut self, record: Record) -> Self {
        self.settings.record = record;
        self
    }

    /// When the latest completion is repeated to new connections. Defaults to [`Replay::Mixed`].
    pub fn replay(mut self, replay: Replay) -> Self {
        self.settings.replay = replay;
        self
    }

    /// Makes the nodes speak RESP2 only: `HELLO` is an unknown command, as before Redis 6.
    pub fn resp2_only(mut self) -> Self {
        self.settings.resp3 = false;
        self
    }

    /// What all random choices follow. Defaults to 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Multiplies all measured times, so that rehearsals go fast: 0.05 makes 15 s into 0.75 s. What
    /// notifications announce stays as it is. Defaults to 1; from 0 to 1,000.
    pub fn time_scale(mut self, scale: f64) -> Self {
        self.settings.time_scale = scale.clamp(0.0, 1000.0);
        self
    }

    /// Speaks TLS only, with certificates made at the start; see [`Sim::ca_pem`].
    #[cfg(feature = "sim-tls")]
    pub fn tls(mut self) -> Self {
        self.settings.tls = true;
        self
    }

    /// How many bytes of replies and pushes a client may leave unread before its connection ends with
    /// [`CloseCause::SlowReader`](super::CloseCause::SlowReader), besides what its socket holds. Defaults
    /// to 1 GiB. A single reply that is longer ends the connection too, so zero ends it at the first.
    pub fn unread_limit(mut self, bytes: usize) -> Self {
        self.settings.unread_limit = bytes;
        self
    }

    /// Adds a user. Adding `default` is the same as [`Builder::password`].
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.settings.users.push(User {
            name: name.to_owned(),
            password: password.to_owned(),
            forbidden: Vec::new(),
        });
        self
    }

    /// Binds the sockets, makes the certificates, starts the threads.
    ///
    /// # Errors
    ///
    /// What binding a socket or starting a thread returns; [`io::ErrorKind::InvalidInput`] when the
    /// number of nodes or the port is out of range.
    pub fn start(self) -> io::Result<Sim> {
        if !(1..=250).contains(&self.nodes) {
            let problem = "a simulator has 1 to 250 nodes";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        if self.port == Some(0) {
            let problem = "zero is no port: leave the port out to get a free one";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let sockets = bind(self.nodes, self.port)?;
        let mut nodes = Vec::new();
        for (listener, index) in sockets.listeners.into_iter().zip(0_usize..) {
            let seed = (self.settings.seed).wrapping_add(index as u64 + 1);
            let opt_in = self.settings.opt_in;
            nodes.push(NodeState::new(index, listener, opt_in, seed)?);
        }
        #[cfg(feature = "sim-tls")]
        let certificates = match self.settings.tls {
            true => Some(super::tls::Certificates::make()?),
            false => None,
        };
        let world = Arc::new(World::new(
            self.settings,
            nodes,
            sockets.guard,
            #[cfg(feature = "sim-tls")]
            certificates,
        ));
        let advertised: Vec<usize> = (0..self.advertised.clamp(1, self.nodes)).collect();
        world.advertise(&advertised);
        world
            .resolver
            .set("localhost", vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        for index in 0..self.nodes {
            let name = super::maintenance::node_name(index);
            world.resolver.set(&name, vec![world.node(index).addr.ip()]);
        }
        debug_assert!(world.resolver.resolve(HOST).is_ok());
        Sim::start(world)
    }
}
