//! How a connection could not be made. Each failure is said twice: to the planner as the step that failed,
//! which decides about breakers and the next attempt, and to callers as an error, which says what to do.
//! Decides neither whether nor when it is tried again.
//!
//! All of it is `NotSent`: no command of a caller has been written to a connection that is still being made.

use crate::engine::handshake::HandshakeError;
use crate::error::{CloseReason, Delivery, Error, ErrorKind, Phase};
use crate::handoff::planner::{FailureKind, JobFailure};
use crate::handoff::{canonical, endpoint_of};
use crate::link::what_broke;
use crate::protocol::Endpoint;
use crate::protocol::handshake::{Refusal, Refused};
use crate::transport::{DialError, DialErrorKind, is_channel_error};
use std::net::SocketAddr;

/// A connection that could not be made. Made by a worker, which hands the first half to the coordinator and
/// the second to the callers who wait for the connection.
#[derive(Debug)]
pub(crate) struct ConnectFailure {
    /// The step, and the address that was reached by then: what the planner judges the target by.
    pub(crate) failure: JobFailure,
    /// What callers get. It names the endpoint, which [`new`](Self::new) adds.
    pub(crate) error: Error,
}

impl ConnectFailure {
    /// A failure in this step. `reached` is the address that answered, where one did: a name may have led
    /// to one of several.
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

    /// The transport has no connection. A cancelled dial, and one for which the system has no descriptor or
    /// thread left, say nothing about the endpoint: they count as `Closed`, which no breaker is told of.
    /// `Excluded` means that the name led to nothing but addresses that may not be dialled.
    pub(super) fn dial(error: DialError, via: &Endpoint) -> Self {
        let kind = match error.kind() {
            DialErrorKind::Cancelled | DialErrorKind::Exhausted => FailureKind::Closed,
            DialErrorKind::Excluded => FailureKind::Forbidden,
            _ => FailureKind::Dial,
        };
        Self::new(kind, error.address(), dial_error(error, via), via)
    }

    /// The job has waited in the queue until the time for its dial was over, or was interrupted there. The
    /// planner is told `Withdrawn`: nobody has tried, so no attempt is counted.
    pub(super) fn late(via: &Endpoint) -> Self {
        let error = Error::new(
            ErrorKind::Timeout(Phase::Connect),
            Delivery::NotSent,
            "no worker was free in time",
        );
        Self::new(FailureKind::Withdrawn, None, error, via)
    }

    /// The dial has reached an address that the job was to avoid, because a MOVING or a MIGRATED says that
    /// it goes away. DNS follows moves late, so the planner asks for the name again before it believes in a
    /// failure.
    pub(super) fn retiring(peer: SocketAddr, via: &Endpoint) -> Self {
        let error = Error::new(
            ErrorKind::Connect,
            Delivery::NotSent,
            "only the server that is going away could be reached",
        );
        Self::new(FailureKind::Retiring, Some(peer), error, via)
    }

    /// A server named a target that is not dialled: the policy of the user denies it, or it is an address
    /// that no policy can allow. `why` ends the sentence for callers; the old connection serves on.
    pub(super) fn forbidden(peer: Option<SocketAddr>, via: &Endpoint, why: &str) -> Self {
        let text = format!("the server named a place that may not be dialled: {why}");
        let error = Error::new(ErrorKind::Connect, Delivery::NotSent, text);
        Self::new(FailureKind::Forbidden, peer, error, via)
    }

    /// The server was reached, and no agreement with it. A refusal for want of room is told apart (`Full`),
    /// because an old connection may then end before its replacement is made; any other error reply is
    /// `Refused`, which shows that the server works. What remains (silence, a broken channel, bytes that
    /// are no RESP) is held against the endpoint.
    pub(super) fn handshake(
        error: HandshakeError,
        peer: Option<SocketAddr>,
        via: &Endpoint,
    ) -> Self {
        let kind = match &error {
            HandshakeError::Cancelled => FailureKind::Closed,
            HandshakeError::Refused(refused) if refused.kind == Refusal::TooManyClients => {
                FailureKind::Full
            }
            HandshakeError::Refused(_) => FailureKind::Refused,
            _ => FailureKind::Handshake,
        };
        Self::new(kind, peer, Error::from(error), via)
    }
}

/// An error of the transport for callers. What the user can mend (options, certificates) keeps its own
/// kind; everything else that has to do with the network is `Connect`, and the error of the system is its
/// source.
pub(super) fn dial_error(error: DialError, via: &Endpoint) -> Error {
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

/// What callers get of a failed handshake. The texts say "opening", which is the word of the public
/// documentation for TLS, login and opt-in together.
impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Self {
        let connect = |text: String| Self::new(ErrorKind::Connect, Delivery::NotSent, text);
        match error {
            HandshakeError::Cancelled => Self::closed_by_user(),
            HandshakeError::Closed => {
                connect("the server closed the connection while it was opened".into())
            }
            // OpenSSL reports a channel that the other side ended as an error of the stream. It is a fault
            // of TLS (a certificate that the server does not accept, for one), and is told as one.
            HandshakeError::Io(source) if is_channel_error(&source) => {
                let text = format!("the TLS channel was ended during the opening: {source}");
                Self::new(ErrorKind::Tls, Delivery::NotSent, text)
            }
            HandshakeError::Io(source) => {
                connect(format!("{} during the opening", what_broke(&source))).with_source(source)
            }
            // Decoding fails in replies to commands as well, where the command may have run. Here none was
            // sent.
            HandshakeError::Malformed(malformed) => {
                Self::from(malformed).with_delivery(Delivery::NotSent)
            }
            HandshakeError::Refused(refused) => refused.into(),
            HandshakeError::Unasked => Self::new(
                ErrorKind::Protocol,
                Delivery::NotSent,
                "the server sent a reply to nothing that was asked",
            ),
            HandshakeError::TimedOut => Self::new(
                ErrorKind::Timeout(Phase::Connect),
                Delivery::NotSent,
                "the server did not complete the opening in time",
            ),
        }
    }
}

/// What callers get of a handshake that the server has refused: its own error, in its own words, with the
/// step in front.
impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let kind = match (refused.kind, &refused.error) {
            // A reply that is no error and fits no step: what answers there is no Redis, or a proxy in
            // between.
            (Refusal::Unexpected, _) => ErrorKind::Protocol,
            (_, Some(error)) => ErrorKind::Server(error.clone()),
            (_, None) => ErrorKind::Connect,
        };
        Self::new(kind, Delivery::NotSent, refused.to_string())
    }
}
