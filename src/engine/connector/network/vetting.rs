//! Whether a connection that was opened leads to where it was to lead. Dials nothing.
//!
//! Where an address stays and what is behind it moves (a load balancer, a private link), nothing but the
//! server itself can tell which one was reached: the one that leaves announces its MOVING again to each
//! connection that asks for notifications.

use super::NetworkConnector;
use crate::clock;
use crate::engine::connector::ConnectFailure;
use crate::engine::handshake::{HandshakeError, Handshaken, listen_for};
use crate::error::{Delivery, Error, ErrorKind};
use crate::handoff::later;
use crate::handoff::planner::{FailureKind, Front, Job};
use crate::protocol::handshake::Answer;
use crate::protocol::{Endpoint, Notification};
use crate::transport::Dialed;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

/// Why a connection was made in vain. None of it is held against the endpoint but a broken connection: the
/// dial is repeated later.
#[derive(Debug)]
pub(super) enum Misled {
    /// It ended while the server was listened to.
    Broken(HandshakeError),
    /// It leads to a replica, where commands that write would fail.
    Replica,
    /// It leads to the server that goes away, which has announced its MOVING on it.
    StillThere,
    /// The server behind the address announces nothing, so nobody can say which one it is.
    Untold,
}

impl NetworkConnector {
    /// Judges a connection by what the server says about itself, and by what it says unasked. Says whether
    /// it is a replica, if the server does. On a worker, before the connection serves anyone.
    pub(super) fn judge(
        &self,
        job: &Job,
        dialed: &Dialed,
        handshaken: &mut Handshaken,
        stop: &AtomicBool,
    ) -> Result<Option<bool>, Misled> {
        // From HELLO, where Redis says `replica`; `slave` is for servers that kept the older word.
        let is_replica = match handshaken.server.role.as_deref() {
            Some("master") => Some(false),
            Some("replica" | "slave") => Some(true),
            _ => None,
        };
        if job.shuns_replicas && is_replica == Some(true) {
            return Err(Misled::Replica);
        }
        if let Some(front) = job.front {
            Self::judge_front(front, dialed, handshaken, stop)?;
        }
        Ok(is_replica)
    }

    /// Finds out whether a connection through a front leads to the server that goes away: that one says so
    /// again. Blocks for `front.patience` where it does not.
    ///
    /// What comes meanwhile stays in `early`, and is told like everything that came during the handshake.
    fn judge_front(
        front: Front,
        dialed: &Dialed,
        handshaken: &mut Handshaken,
        stop: &AtomicBool,
    ) -> Result<(), Misled> {
        if handshaken.server.maintenance != Answer::Granted {
            return match front.untold_will_do {
                true => Ok(()),
                false => Err(Misled::Untold),
            };
        }
        let port = dialed.peer.map_or(0, |peer| peer.port());
        let said = listen_for(
            dialed.wire.as_ref(),
            &mut handshaken.inbound,
            &mut handshaken.early,
            later(clock::now(), front.patience),
            stop,
            |push| match Notification::classify(push, port) {
                // A MOVING with another number is of the new server, and moves this connection in its turn.
                Some(Ok(Notification::Moving { seq, .. })) => seq == front.seq,
                _ => false,
            },
        );
        match said.map_err(Misled::Broken)? {
            true => Err(Misled::StillThere),
            false => Ok(()),
        }
    }
}

impl Misled {
    /// What planner and callers are told of it.
    pub(super) fn failure(self, peer: Option<SocketAddr>, via: &Endpoint) -> ConnectFailure {
        let (kind, text) = match self {
            Self::Broken(error) => return ConnectFailure::handshake(error, peer, via),
            Self::Replica => (
                FailureKind::Replica,
                "a master was looked for, and a replica found",
            ),
            Self::StillThere => (
                FailureKind::StillThere,
                "the address still leads to the server that is going away",
            ),
            Self::Untold => (
                FailureKind::Untold,
                "nothing shows whether the address leads to the server that is going away",
            ),
        };
        let error = Error::new(ErrorKind::Connect, Delivery::NotSent, text);
        ConnectFailure::new(kind, peer, error, via)
    }
}
