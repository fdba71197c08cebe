//! Whether a connection that was opened leads to where it was to lead. Dials nothing.

use super::opener::{Miss, NetworkOpener};
use crate::clock;
use crate::error::{Delivery, Error, ErrorKind};
use crate::handoff::later;
use crate::handoff::planner::{FailureKind, Front, Job};
use crate::link::{Introduced, OpeningError, overhear};
use crate::protocol::handshake::Answer;
use crate::protocol::{Endpoint, Notification};
use crate::transport::Dialed;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

/// Why a connection was made in vain.
#[derive(Debug)]
pub(super) enum Vain {
    Broken(OpeningError),
    /// It leads to a replica.
    Replica,
    /// It leads to the server that goes away.
    StillThere,
    /// Nobody can say where it leads.
    Untold,
}

impl NetworkOpener {
    /// Judges a connection by what the server says about itself, and by what it says unasked. Says
    /// whether it is a replica, if the server does.
    pub(super) fn judge(
        &self,
        job: &Job,
        dialed: &Dialed,
        introduced: &mut Introduced,
        stop: &AtomicBool,
    ) -> Result<Option<bool>, Vain> {
        let is_replica = match introduced.greeting.role.as_deref() {
            Some("master") => Some(false),
            Some("replica" | "slave") => Some(true),
            _ => None,
        };
        if job.shuns_replicas && is_replica == Some(true) {
            return Err(Vain::Replica);
        }
        if let Some(front) = job.front {
            Self::judge_front(front, dialed, introduced, stop)?;
        }
        Ok(is_replica)
    }

    /// Finds out whether a connection through a front leads to the server that goes away: that one says
    /// so again.
    fn judge_front(
        front: Front,
        dialed: &Dialed,
        introduced: &mut Introduced,
        stop: &AtomicBool,
    ) -> Result<(), Vain> {
        if introduced.greeting.maintenance != Answer::Granted {
            return match front.untold_will_do {
                true => Ok(()),
                false => Err(Vain::Untold),
            };
        }
        let port = dialed.peer.map_or(0, |peer| peer.port());
        let said = overhear(
            dialed.wire.as_ref(),
            &mut introduced.inbound,
            &mut introduced.early,
            later(clock::now(), front.patience),
            stop,
            |push| match Notification::classify(push, port) {
                Some(Ok(Notification::Moving { seq, .. })) => seq == front.seq,
                _ => false,
            },
        );
        match said.map_err(Vain::Broken)? {
            true => Err(Vain::StillThere),
            false => Ok(()),
        }
    }
}

impl Vain {
    pub(super) fn miss(self, peer: Option<SocketAddr>, via: &Endpoint) -> Miss {
        let (kind, text) = match self {
            Self::Broken(error) => return Miss::opening(error, peer, via),
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
        Miss::new(kind, peer, error, via)
    }
}
