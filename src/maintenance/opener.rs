//! Makes a connection that a job asks for: dial, secure, introduce. Installs nothing.

use crate::clock;
use crate::counters::Counters;
use crate::error::{CloseReason, Delivery, Error, ErrorKind, Phase};
use crate::handoff::planner::{FailureKind, Job, JobFailure, JobKind, Target};
use crate::handoff::refusals::Refusals;
use crate::handoff::{canonical, endpoint_of, later, policy};
use crate::ids::HandoffId;
use crate::lane::{Lane, guard, say};
use crate::link::{Inbound, Introduced, OpeningError, introduce, what_broke};
use crate::options::{Mode, Options, Resolver, TargetVerdict};
use crate::protocol::handshake::{
    Answer, Ask, Greeting, MovingEndpointType, Opening, Refusal, Refused,
};
use crate::protocol::{Endpoint, Maintenance, Protocol, Push};
use crate::sync::lock::Mutex;
use crate::transport::{DialError, DialErrorKind, Dialed, Dialer, Route, Wire, is_channel_error};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

/// What is told when a lookup ends.
pub(crate) type Answered = Box<dyn FnOnce(Result<Vec<IpAddr>, ()>) + Send>;

/// Makes connections. The network in earnest, a fake in the model checker.
pub(crate) trait Opener: Send + Sync {
    /// Makes the connection that `job` asks for. Blocks until the job's limits at most, and not for long
    /// once `stop` is set and [`interrupt`](Self::interrupt) was called.
    fn open(&self, job: &Job, stop: &AtomicBool) -> Result<Opened, Miss>;
    /// A job was told to stop: whoever does not look for that from time to time looks now.
    fn interrupt(&self) {}
    /// Looks a host up without making anyone wait.
    fn look_up(&self, host: &str, answered: Answered);
    /// Timeouts are relaxed until then because of this: failures until then are owed to it.
    fn note_window(&self, _cause: Maintenance, _until: Instant) {}
    /// Whether a worker is in code of the user, which may never return.
    fn is_in_user_code(&self) -> bool {
        false
    }
    /// Ends every lookup soon, and all later opens at once. Opens under way are told to stop as well.
    fn cancel(&self);
    /// Waits for the threads of the opener, until `deadline`.
    fn close(&self, deadline: Instant);
}

/// A connection that is ready to serve.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) wire: Box<dyn Wire>,
    pub(crate) inbound: Inbound,
    pub(crate) via: Endpoint,
    pub(crate) opted_in: bool,
    /// What both sides speak.
    pub(crate) protocol: Protocol,
    /// Pushes that came during the opening.
    pub(crate) early: Vec<Push>,
    /// Whether the server says that it is a replica, if it says what it is.
    pub(crate) is_replica: Option<bool>,
    /// All addresses of the name that was dialled.
    pub(crate) listed: Vec<IpAddr>,
}

/// A connection that could not be made.
#[derive(Debug)]
pub(crate) struct Miss {
    pub(crate) failure: JobFailure,
    pub(crate) error: Error,
}

/// Refused places remembered at once; beyond that the oldest goes.
const MOST_REFUSED: usize = 64;

/// Makes connections over the network.
#[derive(Debug)]
pub(crate) struct NetworkOpener {
    dialer: Dialer,
    options: Options,
    cancelled: AtomicBool,
    counters: Arc<Counters>,
    lane: Lane,
    refusals: Mutex<Refusals>,
    /// The latest maintenance, and until when failures are owed to it.
    window: Mutex<Option<(Maintenance, Instant)>>,
    /// How many workers are in the user's policy.
    in_policy: AtomicUsize,
    /// The user knows that a server is none that this client is for.
    told_of_mode: AtomicBool,
    /// Places that were refused, each for one handoff: that was said once, and is not asked again.
    refused: Mutex<VecDeque<(HandoffId, Endpoint)>>,
}

/// The user's resolver, whose panics are counted.
#[derive(Debug)]
struct Guarded {
    resolver: Arc<dyn Resolver>,
    counters: Arc<Counters>,
}

impl Resolver for Guarded {
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        // The text of its error is the user's code too, and is wanted on other threads later.
        let show = |error: &io::Error| drop(error.to_string());
        guard(|| self.resolver.resolve(host).inspect_err(show)).unwrap_or_else(|| {
            self.counters.user_panics.count();
            Err(io::Error::other("the resolver panicked"))
        })
    }
}

impl NetworkOpener {
    /// Reads certificate files, where the options name some.
    pub(crate) fn new(
        options: &Options,
        counters: Arc<Counters>,
        lane: Lane,
    ) -> Result<Self, Error> {
        let dialer = Dialer::new(
            options.tcp.clone(),
            options.tls.clone(),
            Arc::new(Guarded {
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
            refusals: Mutex::default(),
            window: Mutex::default(),
            in_policy: AtomicUsize::new(0),
            told_of_mode: AtomicBool::new(false),
            refused: Mutex::default(),
        })
    }

    /// The maintenance during which timeouts are relaxed now.
    fn window(&self) -> Option<Maintenance> {
        let window = *self.window.lock();
        let (cause, until) = window?;
        (clock::now() < until).then_some(cause)
    }

    fn endpoint(&self, target: &Target) -> Endpoint {
        match target {
            Target::Address(address) => endpoint_of(*address),
            Target::Configured => self.options.endpoint.clone(),
            Target::Announced(endpoint) => endpoint.clone(),
        }
    }

    /// What is said first on a connection that was dialled as `via` to this server.
    fn opening(&self, dialed: &Dialed, server: &Endpoint, via: &Endpoint) -> Opening {
        let options = &self.options;
        let protocol = options.protocol.unwrap_or(Protocol::Resp3);
        let ask = match options.maintenance.mode {
            Mode::Auto => {
                protocol == Protocol::Resp3
                    && !matches!(via, Endpoint::Unix(_))
                    && !self.refusals.lock().has_refused(clock::now(), server)
            }
            Mode::Disabled => false,
            // Without notifications there is to be no connection: it is worth asking each time.
            Mode::Enabled => true,
        };
        let library = match options.library_name.as_deref() {
            Some("") => None,
            name => Some((
                name.unwrap_or(env!("CARGO_PKG_NAME")).to_owned(),
                env!("CARGO_PKG_VERSION").to_owned(),
            )),
        };
        Opening {
            protocol,
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

    fn endpoint_type(&self, dialed: &Dialed) -> MovingEndpointType {
        let fixed = self.options.maintenance.endpoint_type.fixed();
        fixed
            .unwrap_or_else(|| policy::endpoint_type(dialed.peer.map(|peer| peer.ip()), dialed.tls))
    }

    /// Asks the user whether a place that a server named may be dialled.
    fn ask_policy(&self, job: &Job, via: &Endpoint) -> Result<(), Miss> {
        let (Target::Announced(_), Some(policy)) =
            (&job.target, &self.options.maintenance.target_policy)
        else {
            return Ok(());
        };
        let denied = || Miss::forbidden(None, via, "the target policy denies it");
        if self.has_refused(job, via) {
            return Err(denied());
        }
        self.in_policy.fetch_add(1, Ordering::SeqCst);
        // After that, so that a close either sees this worker in the policy or keeps it from there.
        let verdict = if self.cancelled.load(Ordering::SeqCst) {
            Some(TargetVerdict::Allow)
        } else {
            guard(|| policy(via))
        };
        self.in_policy.fetch_sub(1, Ordering::SeqCst);
        match verdict {
            Some(TargetVerdict::Allow) => Ok(()),
            verdict => {
                if verdict.is_none() {
                    self.counters.hook_panics.count();
                    self.counters.user_panics.count();
                }
                self.counters.targets_refused.count();
                if self.note_refused(job, via) {
                    say!(self.lane, HANDOFF, Warn, "the target policy denies {via}");
                }
                Err(denied())
            }
        }
    }

    /// Whether this place was refused before in the same handoff.
    fn has_refused(&self, job: &Job, via: &Endpoint) -> bool {
        let refused = self.refused.lock();
        let same = |(handoff, place): &(_, _)| Some(*handoff) == job.handoff && place == via;
        refused.iter().any(same)
    }

    /// Remembers that this place is refused. False: that is known.
    fn note_refused(&self, job: &Job, via: &Endpoint) -> bool {
        let Some(handoff) = job.handoff else {
            return true;
        };
        if self.has_refused(job, via) {
            return false;
        }
        let mut refused = self.refused.lock();
        if refused.len() >= MOST_REFUSED {
            refused.pop_front();
        }
        refused.push_back((handoff, via.clone()));
        true
    }

    /// The addresses of a name that a server gave which may not be dialled, whatever the name.
    fn forbidden(
        &self,
        job: &Job,
        via: &Endpoint,
        until: Instant,
        stop: &AtomicBool,
    ) -> Vec<SocketAddr> {
        let (Target::Announced(_), Endpoint::Tcp { host, port }) = (&job.target, via) else {
            return Vec::new();
        };
        // A failed lookup is the dial's to report.
        let found = self
            .dialer
            .lookups()
            .lookup(host, until, stop)
            .unwrap_or_default();
        found
            .into_iter()
            .filter(|ip| policy::judge_ip(*ip, job.origin).is_err())
            .map(|ip| SocketAddr::new(ip, *port))
            .collect()
    }

    /// What refusals are remembered by.
    fn server(dialed: &Dialed, via: &Endpoint) -> Endpoint {
        dialed
            .peer
            .map_or_else(|| via.clone(), |peer| endpoint_of(canonical(peer)))
    }

    /// Remembers that the server sends no notifications. That it speaks RESP2 only is not remembered:
    /// another server may stand at the address by the next time.
    fn note_greeting(&self, server: Endpoint, asked: Protocol, greeting: &Greeting) {
        self.note_mode(&server, greeting.mode.as_deref().unwrap_or_default());
        if (asked, greeting.protocol) == (Protocol::Resp3, Protocol::Resp2) {
            say!(self.lane, CONNECTION, Debug, "{server} speaks RESP2 only");
        }
        if let Answer::Refused(error) = &greeting.maintenance {
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

    /// Warns of a server that is none for this client, once in the life of the client.
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

    fn try_open(&self, job: &Job, stop: &AtomicBool) -> Result<Opened, Miss> {
        let via = self.endpoint(&job.target);
        if stop.load(Ordering::SeqCst) {
            return Err(Miss::late(&via));
        }
        let configured = match &self.options.endpoint {
            Endpoint::Tcp { host, .. } => host.as_str(),
            Endpoint::Unix(_) => "",
        };
        self.ask_policy(job, &via)?;
        // During maintenance everything may take longer. Whoever waits for a first connection is not
        // to wait so long for a place that a server named: the name is tried next.
        let relaxed = match (job.kind, &job.target) {
            (JobKind::Move, _) => true,
            (JobKind::Fill, Target::Configured) => self.window().is_some(),
            (JobKind::Fill, _) => false,
        };
        let mut patience = self.options.connect_timeout;
        if relaxed {
            patience = patience.max(self.options.maintenance.relaxed_timeout);
        }
        let give_up = job.give_up.min(later(clock::now(), patience));
        let connect_by = job.connect_by.min(give_up);
        if connect_by <= clock::now() {
            // It waited for a worker for too long, which says nothing about the place.
            return Err(Miss::late(&via));
        }
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
                    if self.note_refused(job, &via) {
                        say!(
                            self.lane,
                            HANDOFF,
                            Warn,
                            "{via} leads only to places that may not be dialled"
                        );
                    }
                }
                Miss::dial(error, &via)
            })?;
        if let Some(peer) = dialed.peer {
            if job
                .avoid
                .iter()
                .any(|avoided| canonical(*avoided) == canonical(peer))
            {
                return Err(Miss::retiring(peer, &via));
            }
            if matches!(job.target, Target::Announced(_)) {
                policy::judge_ip(peer.ip(), job.origin).map_err(|why| {
                    self.counters.targets_refused.count();
                    Miss::forbidden(Some(peer), &via, &why.to_string())
                })?;
            }
        }
        let server = Self::server(&dialed, &via);
        let opening = self.opening(&dialed, &server, &via);
        let asked = opening.protocol;
        let mut introduced = introduce(
            dialed.wire.as_ref(),
            opening,
            self.options.limits,
            give_up,
            stop,
        )
        .map_err(|error| Miss::opening(error, dialed.peer, &via))?;
        self.note_greeting(server, asked, &introduced.greeting);
        let opted_in = introduced.greeting.maintenance == Answer::Granted;
        let protocol = introduced.greeting.protocol;
        let is_replica = self
            .judge(job, &dialed, &mut introduced, stop)
            .map_err(|vain| vain.miss(dialed.peer, &via))?;
        let Introduced { inbound, early, .. } = introduced;
        Ok(Opened {
            wire: dialed.wire,
            inbound,
            via,
            opted_in,
            protocol,
            early,
            is_replica,
            listed: dialed.listed.iter().map(SocketAddr::ip).collect(),
        })
    }
}

impl Opener for NetworkOpener {
    fn open(&self, job: &Job, stop: &AtomicBool) -> Result<Opened, Miss> {
        self.try_open(job, stop).map_err(|miss| Miss {
            error: miss.error.with_maintenance(self.window()),
            ..miss
        })
    }

    fn look_up(&self, host: &str, answered: Answered) {
        self.dialer
            .lookups()
            .lookup_then(host, Box::new(|answer| answered(answer.map_err(|_| ()))));
    }

    fn note_window(&self, cause: Maintenance, until: Instant) {
        let mut window = self.window.lock();
        if window.is_none_or(|(_, known)| known < until) {
            *window = Some((cause, until));
        }
    }

    fn is_in_user_code(&self) -> bool {
        self.in_policy.load(Ordering::SeqCst) > 0
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    fn close(&self, deadline: Instant) {
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

impl Miss {
    pub(super) fn new(
        kind: FailureKind,
        reached: Option<SocketAddr>,
        error: Error,
        via: &Endpoint,
    ) -> Self {
        let error = error.with_endpoint(via.clone());
        Self {
            failure: JobFailure { reached, kind },
            error,
        }
    }

    fn dial(error: DialError, via: &Endpoint) -> Self {
        let kind = match error.kind() {
            DialErrorKind::Cancelled | DialErrorKind::Exhausted => FailureKind::Closed,
            DialErrorKind::Excluded => FailureKind::Forbidden,
            _ => FailureKind::Dial,
        };
        Self::new(kind, error.address(), dial_error(error, via), via)
    }

    fn late(via: &Endpoint) -> Self {
        let error = Error::new(
            ErrorKind::Timeout(Phase::Connect),
            Delivery::NotSent,
            "no worker was free in time",
        );
        Self::new(FailureKind::Withdrawn, None, error, via)
    }

    fn retiring(peer: SocketAddr, via: &Endpoint) -> Self {
        let error = Error::new(
            ErrorKind::Connect,
            Delivery::NotSent,
            "only the server that is going away could be reached",
        );
        Self::new(FailureKind::Retiring, Some(peer), error, via)
    }

    fn forbidden(peer: Option<SocketAddr>, via: &Endpoint, why: &str) -> Self {
        let text = format!("the server named a place that may not be dialled: {why}");
        let error = Error::new(ErrorKind::Connect, Delivery::NotSent, text);
        Self::new(FailureKind::Forbidden, peer, error, via)
    }

    pub(super) fn opening(error: OpeningError, peer: Option<SocketAddr>, via: &Endpoint) -> Self {
        let kind = match &error {
            OpeningError::Cancelled => FailureKind::Closed,
            OpeningError::Refused(refused) if refused.kind == Refusal::TooManyClients => {
                FailureKind::Full
            }
            OpeningError::Refused(_) => FailureKind::Refused,
            _ => FailureKind::Handshake,
        };
        Self::new(kind, peer, Error::from(error), via)
    }
}

fn dial_error(error: DialError, via: &Endpoint) -> Error {
    let kind = match error.kind() {
        DialErrorKind::Cancelled => ErrorKind::Closed(CloseReason::ByUser),
        DialErrorKind::Config => ErrorKind::Config,
        DialErrorKind::TimedOut(_) => ErrorKind::Timeout(Phase::Connect),
        DialErrorKind::Tls => ErrorKind::Tls,
        _ => ErrorKind::Connect,
    };
    // The endpoint is told anyhow: an address that it names is not said twice.
    let is_told = (error.address()).is_some_and(|address| endpoint_of(canonical(address)) == *via);
    let text = if is_told {
        error.reason()
    } else {
        error.to_string()
    };
    let told = Error::new(kind, Delivery::NotSent, text);
    match error.into_source() {
        Some(source) => told.with_source(source),
        None => told,
    }
}

impl From<OpeningError> for Error {
    fn from(error: OpeningError) -> Self {
        let connect = |text: String| Self::new(ErrorKind::Connect, Delivery::NotSent, text);
        match error {
            OpeningError::Cancelled => Self::closed_by_user(),
            OpeningError::Closed => {
                connect("the server closed the connection while it was opened".into())
            }
            OpeningError::Io(source) if is_channel_error(&source) => {
                let text = format!("the TLS channel was ended during the opening: {source}");
                Self::new(ErrorKind::Tls, Delivery::NotSent, text)
            }
            OpeningError::Io(source) => {
                connect(format!("{} during the opening", what_broke(&source))).with_source(source)
            }
            OpeningError::Malformed(malformed) => {
                Self::from(malformed).with_delivery(Delivery::NotSent)
            }
            OpeningError::Refused(refused) => refused.into(),
            OpeningError::Unasked => Self::new(
                ErrorKind::Protocol,
                Delivery::NotSent,
                "the server sent a reply to nothing that was asked",
            ),
            OpeningError::TimedOut => Self::new(
                ErrorKind::Timeout(Phase::Connect),
                Delivery::NotSent,
                "the server did not complete the opening in time",
            ),
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let kind = match (refused.kind, &refused.error) {
            (Refusal::Unexpected, _) => ErrorKind::Protocol,
            (_, Some(error)) => ErrorKind::Server(error.clone()),
            (_, None) => ErrorKind::Connect,
        };
        Self::new(kind, Delivery::NotSent, refused.to_string())
    }
}
