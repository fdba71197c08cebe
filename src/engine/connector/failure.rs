//! How a connection could not be made: the step for the planner, the error for callers. Decides neither
//! whether nor when it is tried again.

use crate::engine::handshake::HandshakeError;
use crate::error::{CloseReason, Delivery, Error, ErrorKind, Phase};
use crate::handoff::planner::{FailureKind, JobFailure};
use crate::handoff::{canonical, endpoint_of};
use crate::link::what_broke;
use crate::protocol::Endpoint;
use crate::protocol::handshake::{Refusal, Refused};
use crate::transport::{DialError, DialErrorKind, is_channel_error};
use std::net::SocketAddr;

/// A connection that could not be made.
#[derive(Debug)]
pub(crate) struct ConnectFailure {
    pub(crate) failure: JobFailure,
    pub(crate) error: Error,
}

impl ConnectFailure {
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

    pub(super) fn dial(error: DialError, via: &Endpoint) -> Self {
        let kind = match error.kind() {
            DialErrorKind::Cancelled | DialErrorKind::Exhausted => FailureKind::Closed,
            DialErrorKind::Excluded => FailureKind::Forbidden,
            _ => FailureKind::Dial,
        };
        Self::new(kind, error.address(), dial_error(error, via), via)
    }

    pub(super) fn late(via: &Endpoint) -> Self {
        let error = Error::new(
            ErrorKind::Timeout(Phase::Connect),
            Delivery::NotSent,
            "no worker was free in time",
        );
        Self::new(FailureKind::Withdrawn, None, error, via)
    }

    pub(super) fn retiring(peer: SocketAddr, via: &Endpoint) -> Self {
        let error = Error::new(
            ErrorKind::Connect,
            Delivery::NotSent,
            "only the server that is going away could be reached",
        );
        Self::new(FailureKind::Retiring, Some(peer), error, via)
    }

    pub(super) fn forbidden(peer: Option<SocketAddr>, via: &Endpoint, why: &str) -> Self {
        let text = format!("the server named a place that may not be dialled: {why}");
        let error = Error::new(ErrorKind::Connect, Delivery::NotSent, text);
        Self::new(FailureKind::Forbidden, peer, error, via)
    }

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

impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Self {
        let connect = |text: String| Self::new(ErrorKind::Connect, Delivery::NotSent, text);
        match error {
            HandshakeError::Cancelled => Self::closed_by_user(),
            HandshakeError::Closed => {
                connect("the server closed the connection while it was opened".into())
            }
            HandshakeError::Io(source) if is_channel_error(&source) => {
                let text = format!("the TLS channel was ended during the opening: {source}");
                Self::new(ErrorKind::Tls, Delivery::NotSent, text)
            }
            HandshakeError::Io(source) => {
                connect(format!("{} during the opening", what_broke(&source))).with_source(source)
            }
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
