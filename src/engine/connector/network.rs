//! Makes connections over the network: dials, secures, shakes hands. Installs nothing, and remembers no
//! connection.
//!
//! [`open`](Connector::open) runs on the worker threads, several at once, and holds a lock only to look
//! something up. The coordinator calls the rest; nothing that it calls blocks but `close`, and that until its
//! deadline.

mod targets;
mod vetting;

use super::failure::dial_error;
use super::resolver::GuardedResolver;
use super::{Answered, ConnectFailure, Connected, Connector};
use crate::clock;
use crate::counters::Counters;
use crate::engine::handshake::{Handshaken, handshake};
use crate::engine::inbox::Port;
use crate::error::Error;
use crate::handoff::expiring::Expiring;
use crate::handoff::planner::{Job, JobKind, Target};
use crate::handoff::refusals::Refusals;
use crate::handoff::{canonical, endpoint_of, later, policy};
use crate::ids::{HandoffId, NodeId};
use crate::lane::{Lane, say};
use crate::options::{Mode, Options};
use crate::protocol::handshake::{Answer, Ask, Handshake, MovingEndpointType, ServerHello};
use crate::protocol::{Endpoint, Maintenance, Protocol};
use crate::sorted::SortedMap;
use crate::sync::lock::Mutex;
use crate::transport::{DialErrorKind, Dialed, Dialer, Route};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a server that refused to send notifications is not asked again. It may have been upgraded
/// since; asking costs one error reply, and servers count those.
const MEMORY: Duration = Duration::from_secs(600);

/// Makes connections over the network, for all nodes of one client.
#[derive(Debug)]
pub(crate) struct NetworkConnector {
    /// Races the addresses of a name, and has the threads that look names up.
    dialer: Dialer,
    /// What the user set; never changes.
    options: Options,
    /// Set once, when the client closes: no policy of the user is begun any more.
    cancelled: AtomicBool,
    /// Opt-ins and targets that were refused, panics of the user's code.
    counters: Arc<Counters>,
    /// Lines about servers (RESP2 only, no notifications, a cluster) and about refused targets.
    lane: Lane,
    /// The servers that refused to send notifications. Locked by workers, for one look or one entry.
    refusals: Mutex<Refusals>,
    /// The latest maintenance of each node, and until when failures are owed to it. Written by the
    /// coordinator, read by workers.
    windows: Mutex<SortedMap<NodeId, (Maintenance, Instant)>>,
    /// How many workers are in the user's policy. The close reads it, to know whether it may wait for them.
    in_policy: AtomicUsize,
    /// The user knows that a server is none that this client is for: one line in the log, not one for each
    /// connection.
    told_of_mode: AtomicBool,
    /// Places that were refused, each for one handoff: that was said once, and is not asked again.
    refused: Mutex<Expiring<(NodeId, HandoffId, Endpoint), ()>>,
}

impl NetworkConnector {
    /// Reads certificate files, where the options name some, and checks that the endpoint can be dialled in
    /// principle: what cannot work is an error of the configuration now, not of each dial later.
    pub(crate) fn new(
        options: &Options,
        counters: Arc<Counters>,
        lane: Lane,
    ) -> Result<Self, Error> {
        let dialer = Dialer::new(
            options.tcp.clone(),
            options.tls.clone(),
            Arc::new(GuardedResolver {
                resolver: Arc::clone(&options.resolver),
                counters: Arc::clone(&counters),
            }),
        )
        .and_then(|dialer| Dialer::check(&options.endpoint).map(|()| dialer))
        .map_err(|error| dial_error(error, &options.endpoint))?;
        Ok(Self {
            dialer,
            options: options.clone(),
            cancelled: AtomicBool::new(false),
            counters,
            lane,
            refusals: Mutex::new(Refusals::new(MEMORY)),
            windows: Mutex::default(),
            in_policy: AtomicUsize::new(0),
            told_of_mode: AtomicBool::new(false),
            refused: Mutex::new(Expiring::new(targets::MOST_REFUSED)),
        })
    }

    /// The maintenance during which timeouts are relaxed now. Dials get longer then, and their failures
    /// name it.
    fn window(&self, node: NodeId) -> Option<Maintenance> {
        let (cause, until) = *self.windows.lock().get(&node)?;
        (clock::now() < until).then_some(cause)
    }

    /// What is dialled for a target. An address found by a lookup is dialled as an address; the configured
    /// name stays what TLS verifies.
    fn endpoint(node: &Port, target: &Target) -> Endpoint {
        match target {
            Target::Address(address) => endpoint_of(*address),
            Target::Configured => node.configured.clone(),
            Target::Announced(endpoint) => endpoint.clone(),
        }
    }

    /// What is said first on a connection that was dialled as `via` to this server: the login, names, the
    /// database, and whether to ask for notifications. They exist in RESP3 only.
    fn handshake(&self, dialed: &Dialed, server: &Endpoint, via: &Endpoint) -> Handshake {
        let options = &self.options;
        let protocol = options.protocol.unwrap_or(Protocol::Resp3);
        let ask = match options.maintenance.mode {
            Mode::Auto => {
                protocol == Protocol::Resp3
                    // A server behind a Unix socket is on this machine, and moves with it.
                    && !matches!(via, Endpoint::Unix(_))
                    && !self.refusals.lock().has_refused(clock::now(), server)
            }
            Mode::Disabled => false,
            // Without notifications there is to be no connection: it is worth asking each time.
            Mode::Enabled => true,
        };
        // `CLIENT SETINFO`: servers before Redis 7.2 answer with an error, which changes nothing.
        let library = match options.library_name.as_deref() {
            Some("") => None,
            name => Some((
                name.unwrap_or(env!("CARGO_PKG_NAME")).to_owned(),
                env!("CARGO_PKG_VERSION").to_owned(),
            )),
        };
        Handshake {
            protocol,
            // Servers before Redis 6 know no HELLO.
            resp2_will_do: options.protocol.is_none(),
            username: options.username.clone(),
            password: options.password.clone(),
            client_name: options.client_name.clone(),
            library,
            database: options.database,
            maintenance: ask.then(|| Ask {
                required: options.maintenance.mode == Mode::Enabled,
                endpoint_type: Some(self.endpoint_type(dialed)),
            }),
        }
    }

    /// How the server is to name targets in its MOVING: as the user says, or as this connection has reached
    /// it: from inside or outside of its network, with or without TLS.
    fn endpoint_type(&self, dialed: &Dialed) -> MovingEndpointType {
        let fixed = self.options.maintenance.endpoint_type.fixed();
        fixed
            .unwrap_or_else(|| policy::endpoint_type(dialed.peer.map(|peer| peer.ip()), dialed.tls))
    }

    /// What refusals are remembered by: the address, because a name may lead to several servers, of which
    /// one is upgraded after the other.
    fn server(dialed: &Dialed, via: &Endpoint) -> Endpoint {
        dialed
            .peer
            .map_or_else(|| via.clone(), |peer| endpoint_of(canonical(peer)))
    }

    /// Remembers that the server sends no notifications. That it speaks RESP2 only is not remembered:
    /// another server may stand at the address by the next time. Each is told at `debug`, because most
    /// servers are like that.
    fn note_server_hello(&self, server: Endpoint, asked: Protocol, hello: &ServerHello) {
        self.note_mode(&server, hello.mode.as_deref().unwrap_or_default());
        if (asked, hello.protocol) == (Protocol::Resp3, Protocol::Resp2) {
            say!(self.lane, CONNECTION, Debug, "{server} speaks RESP2 only");
        }
        if let Answer::Refused(error) = &hello.maintenance {
            self.counters.opt_ins_refused.count();
            let shown = server.clone();
            if (self.refusals.lock()).handle_refusal(clock::now(), server) {
                say!(
                    self.lane,
                    NOTIFICATION,
                    Debug,
                    "{shown} sends no maintenance notifications: {error}"
                );
            }
        }
    }

    /// Warns of a server that is none for this client, once in the life of the client: it answers, and most
    /// keys fail.
    fn note_mode(&self, server: &Endpoint, mode: &str) {
        let advice = match mode {
            "cluster" => {
                "this client speaks to one server only, so that keys which other nodes hold fail with MOVED; \
                 a cluster client is not there yet, so connect to a proxy in front of the whole cluster, or \
                 to a server that is no part of one"
            }
            "sentinel" => {
                "it holds no data and names the servers that do; a Sentinel client is not there yet, so \
                 connect to the master itself"
            }
            _ => return,
        };
        if !self.told_of_mode.swap(true, Ordering::SeqCst) {
            say!(
                self.lane,
                CONNECTION,
                Warn,
                "{server} says mode {mode} in its HELLO: {advice}"
            );
        }
    }

    /// Makes the connection that a job asks for. Blocks a worker until `give_up` of the job at most, and
    /// for about 50 ms once `stop` is set. In this order, and the first step that fails ends it:
    ///
    /// 1. The user's policy is asked, where a server has named the target.
    /// 2. The limits: `connect_timeout`, or `relaxed_timeout` where that is longer and the connection is no
    ///    first one, or a window is open; never beyond those of the job.
    /// 3. The addresses that may not be dialled are looked up, where a server has named a host.
    /// 4. The dial, TLS included. It takes avoided addresses last.
    /// 5. Where it has led: to an address that goes away, or to a forbidden one after all.
    /// 6. The handshake.
    /// 7. What the server says of itself, and, behind a front, what it announces unasked.
    fn try_open(
        &self,
        node: &Port,
        job: &Job,
        stop: &AtomicBool,
    ) -> Result<Connected, ConnectFailure> {
        let via = Self::endpoint(node, &job.target);
        // It may have been interrupted while it waited in the queue.
        if stop.load(Ordering::SeqCst) {
            return Err(ConnectFailure::late(&via));
        }
        let configured = match &node.configured {
            Endpoint::Tcp { host, .. } => host.as_str(),
            Endpoint::Unix(_) => "",
        };
        self.ask_policy(node.node, job, &via)?;
        // During maintenance everything may take longer. Whoever waits for a first connection is not
        // to wait so long for a place that a server named: the name is tried next.
        let relaxed = match (job.kind, &job.target) {
            // The old connection serves meanwhile, so a move may take its time.
            (JobKind::Move, _) => true,
            (JobKind::Fill, Target::Configured) => self.window(node.node).is_some(),
            (JobKind::Fill, _) => false,
        };
        let mut patience = self.options.connect_timeout;
        if relaxed {
            patience = patience.max(self.options.maintenance.relaxed_timeout);
        }
        let give_up = job.give_up.min(later(clock::now(), patience));
        let connect_by = job.connect_by.min(give_up);
        // The planner gives each dial a time by which another attempt would still be of use.
        if connect_by <= clock::now() {
            // It waited for a worker for too long, which says nothing about the place.
            return Err(ConnectFailure::late(&via));
        }
        // Before the dial, by its own lookup: the dial races all addresses of a name, and must know which
        // of them it may not touch.
        let never = self.forbidden(job, &via, connect_by, stop);
        let route = Route {
            avoid: job.avoid.clone(),
            never,
        };
        let dialed = self
            .dialer
            .dial(&via, configured, &route, connect_by, stop)
            .map_err(|error| {
                if error.kind() == DialErrorKind::Excluded {
                    self.counters.targets_refused.count();
                    // Several connections of one pool dial the same target: one line for all.
                    if self.note_refused(node.node, job, &via) {
                        say!(
                            self.lane,
                            HANDOFF,
                            Warn,
                            "{via} leads only to places that may not be dialled"
                        );
                    }
                }
                ConnectFailure::dial(error, &via)
            })?;
        if let Some(peer) = dialed.peer {
            if job
                .avoid
                .iter()
                .any(|avoided| canonical(*avoided) == canonical(peer))
            {
                return Err(ConnectFailure::retiring(peer, &via));
            }
            // The name may have been looked up again by the dial itself, with another answer: what counts
            // is where it has led.
            if matches!(job.target, Target::Announced(_)) {
                policy::judge_ip(peer.ip(), job.origin).map_err(|why| {
                    self.counters.targets_refused.count();
                    ConnectFailure::forbidden(Some(peer), &via, &why.to_string())
                })?;
            }
        }
        let server = Self::server(&dialed, &via);
        let wanted = self.handshake(&dialed, &server, &via);
        // Asked before `wanted` is consumed, to tell whether the server fell back to RESP2.
        let asked = wanted.protocol;
        let mut handshaken = handshake(
            dialed.wire.as_ref(),
            wanted,
            self.options.limits,
            give_up,
            stop,
        )
        .map_err(|error| ConnectFailure::handshake(error, dialed.peer, &via))?;
        self.note_server_hello(server, asked, &handshaken.server);
        let opted_in = handshaken.server.maintenance == Answer::Granted;
        let protocol = handshaken.server.protocol;
        let client_id = handshaken.server.client_id;
        let client_id = client_id.and_then(|id| u64::try_from(id).ok());
        // Last, because it may take a while: a front is listened to for a MOVING.
        let is_replica = self
            .judge(job, &dialed, &mut handshaken, stop)
            .map_err(|misled| misled.failure(dialed.peer, &via))?;
        // What came behind the last reply stays with the wire: it may be half of a push.
        let Handshaken { inbound, early, .. } = handshaken;
        Ok(Connected {
            wire: dialed.wire,
            inbound,
            via,
            opted_in,
            protocol,
            client_id,
            early,
            is_replica,
            listed: dialed.listed.iter().map(SocketAddr::ip).collect(),
        })
    }
}

impl Connector for NetworkConnector {
    fn open(&self, node: &Port, job: &Job, stop: &AtomicBool) -> Result<Connected, ConnectFailure> {
        self.try_open(node, job, stop)
            // The error names the maintenance, so that whoever gets it can see that it will pass.
            .map_err(|failure| ConnectFailure {
                error: failure.error.with_maintenance(self.window(node.node)),
                ..failure
            })
    }

    fn look_up(&self, host: &str, answered: Answered) {
        self.dialer
            .lookups()
            .lookup_then(host, Box::new(|answer| answered(answer.map_err(|_| ()))));
    }

    fn note_window(&self, node: NodeId, cause: Maintenance, until: Instant) {
        let mut windows = self.windows.lock();
        // Windows overlap: what ends last excuses failures for longest.
        if windows.get(&node).is_none_or(|(_, known)| *known < until) {
            windows.insert(node, (cause, until));
        }
    }

    fn is_in_user_code(&self) -> bool {
        self.in_policy.load(Ordering::SeqCst) > 0
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    fn close(&self, deadline: Instant) {
        // `getaddrinfo` cannot be interrupted.
        let stuck = self.dialer.lookups().close(deadline);
        if stuck > 0 {
            say!(
                self.lane,
                CONNECTION,
                Warn,
                "{stuck} name lookups hang in the system and were left behind"
            );
        }
    }
}
