//! What a client has done and is doing, in numbers. Counts nothing itself: the counters are written where
//! things happen, and are read here without a lock over all of them.

use crate::counters::{Counters, for_each_counter};
use crate::engine::{BreakerStats, Snapshot};
use crate::events::{Handoff, MaintenanceWindow};
use crate::pool::Entry;
use crate::protocol::{Endpoint, Protocol};
use std::net::SocketAddr;
use std::time::Duration;

macro_rules! stats {
    (
        stats { $($(#[$only:meta])* $mine:ident,)* }
        both { $($(#[$shared:meta])* $both:ident,)* }
        maintenance { $($(#[$theirs:meta])* $maintenance:ident,)* }
    ) => {
        /// What a client has done since it began, and what it is doing now, from
        /// [`Client::stats`](crate::Client::stats). Counts only ever grow; each is read by itself, so that
        /// two of them may be a moment apart.
        ///
        /// ```
        /// use hitless::Client;
        ///
        /// let client = Client::lazy("redis://127.0.0.1:6379")?;
        /// let stats = client.stats();
        /// assert_eq!((stats.connections(), stats.connections_opened), (0, 0));
        /// // Places of the pool exist before their connections do.
        /// assert_eq!(stats.shared.len(), client.options().get_pool_size());
        /// # Ok::<(), hitless::Error>(())
        /// ```
        #[derive(Clone, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct Stats {
            /// The places of the pool whose connections commands share, in the order of their numbers.
            pub shared: Vec<ConnectionStats>,
            /// The connections that serve one command each which blocks on the server, or wait for the
            /// next.
            pub dedicated: Vec<ConnectionStats>,
            $($(#[$only])* pub $mine: u64,)*
            $($(#[$shared])* pub $both: u64,)*
        }

        impl Stats {
            pub(super) fn of(shared: &[Entry], dedicated: &[Entry], counters: &Counters) -> Self {
                Self {
                    shared: shared.iter().map(ConnectionStats::of).collect(),
                    dedicated: (dedicated.iter().map(ConnectionStats::of))
                        .filter(|one| one.endpoint.is_some())
                        .collect(),
                    $($mine: counters.$mine.read(),)*
                    $($both: counters.$both.read(),)*
                }
            }
        }

        /// How maintenance stands, and what it has come to since the client began, from
        /// [`Client::maintenance`](crate::Client::maintenance). What goes on is one picture, taken by the
        /// coordinator; the numbers are read beside it.
        #[derive(Clone, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct MaintenanceStats {
            /// The handoffs that go on, each with its stage.
            pub handoffs: Vec<Handoff>,
            /// The windows that are open.
            pub windows: Vec<MaintenanceWindow>,
            /// The circuit breakers of endpoints that were dialled lately.
            pub breakers: Vec<BreakerStats>,
            /// Connections that were replaced and finish what was asked of them.
            pub draining: usize,
            /// Connections that are to move.
            pub moving: usize,
            /// How long connections took to move, from the first attempt until the swap: classes with
            /// their upper bounds (the last has none), and how many fell into each.
            pub move_times: Vec<(Option<Duration>, u64)>,
            /// The sum of these times.
            pub move_time_total: Duration,
            /// The longest of them.
            pub move_time_longest: Duration,
            $($(#[$shared])* pub $both: u64,)*
            $($(#[$theirs])* pub $maintenance: u64,)*
        }

        impl MaintenanceStats {
            pub(super) fn of(snapshot: Snapshot, counters: &Counters) -> Self {
                Self {
                    handoffs: snapshot.handoffs,
                    windows: snapshot.windows,
                    breakers: snapshot.breakers,
                    draining: snapshot.draining,
                    moving: snapshot.moving,
                    move_times: counters.move_times.classes(),
                    move_time_total: counters.move_times.total(),
                    move_time_longest: counters.move_times.longest(),
                    $($both: counters.$both.read(),)*
                    $($maintenance: counters.$maintenance.read(),)*
                }
            }
        }
    };
}

for_each_counter!(stats);

impl Stats {
    /// How many connections there are, dedicated ones included. Those that were replaced and finish what
    /// was asked of them are not counted: [`MaintenanceStats::draining`] is their number.
    pub fn connections(&self) -> usize {
        let all = self.shared.iter().chain(&self.dedicated);
        all.filter(|one| one.endpoint.is_some()).count()
    }
}

/// One connection of the pool: a place that keeps its number when its connection is replaced, or is yet to
/// be made.
///
/// ```no_run
/// use hitless::Client;
///
/// let client = Client::connect("redis://127.0.0.1:6379")?;
/// for (number, one) in client.stats().shared.iter().enumerate() {
///     if let Some(peer) = one.peer {
///         println!("{number}: {peer}, {} requests, told of maintenance: {}", one.requests, one.opted_in);
///     }
/// }
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// The address at the other end, as the system tells it; `None` without a connection, and for unix
    /// sockets.
    pub peer: Option<SocketAddr>,
    /// What was dialled: the configured endpoint, or the place that a server named. `None` without a
    /// connection.
    pub endpoint: Option<Endpoint>,
    /// Grows with every connection that is put in or taken out, so that two snapshots tell whether it is
    /// still the same one. Begins at 0, without a connection.
    pub generation: u64,
    /// How many requests use the connection now: callers that wait for a reply on it. A pipeline is one.
    pub requests: usize,
    /// Whether the server announces its maintenance on the connection. False with servers that cannot, and
    /// without a connection: then a planned move looks like a failure, and is survived as one.
    pub opted_in: bool,
    /// What the connection speaks: RESP2 where the options or the server want it so; `None` without a
    /// connection.
    pub protocol: Option<Protocol>,
}

impl ConnectionStats {
    fn of(entry: &Entry) -> Self {
        let link = entry.link();
        Self {
            peer: link.as_ref().and_then(|link| link.peer()),
            endpoint: link.as_ref().map(|link| link.via().clone()),
            generation: entry.generation(),
            requests: entry.load(),
            opted_in: link.as_ref().is_some_and(|link| link.opted_in()),
            protocol: link.as_ref().map(|link| link.protocol()),
        }
    }
}
