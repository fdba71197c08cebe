//! Replies that say that a link leads to the wrong server, or is no longer known there. Decides nothing.
//!
//! Whoever decodes the replies of a link asks about its errors, and about replies with attributes; no other
//! reply costs anything here. The coordinator is told once for each kind and link, and `planner::search` has
//! the connection made anew. The reply itself goes to its caller unchanged, and no command is repeated.

use super::{canonical, endpoint_of, is_at};
use crate::protocol::{Endpoint, ServerError, Value};
use std::net::SocketAddr;

/// What a link has become.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Estrangement {
    /// The server sends the client to where the link is already: it is to be made anew.
    MovedToItself,
    /// The server has become a replica that takes no writes.
    ReadOnly,
    /// The server no longer knows who the link belongs to.
    Unauthenticated,
}

impl Estrangement {
    /// Every kind.
    pub(crate) const ALL: [Self; 3] = [Self::MovedToItself, Self::ReadOnly, Self::Unauthenticated];

    /// The bit by which a link remembers that it has reported this.
    pub(crate) fn bit(self) -> u64 {
        1 << self as u64
    }

    /// What this reply says about a link to `peer` that was dialled as `via`; most say nothing.
    #[inline]
    pub(crate) fn of(reply: &Value, peer: Option<SocketAddr>, via: &Endpoint) -> Option<Self> {
        match reply {
            Value::Error(error) => Self::of_error(error, peer, via),
            // An error behind attributes is an error.
            Value::Attributed(reply) => Self::of(reply.reply(), peer, via),
            _ => None,
        }
    }

    /// The same of an error. Its code is compared as a whole: `READONLY` in a text means nothing.
    fn of_error(error: &ServerError, peer: Option<SocketAddr>, via: &Endpoint) -> Option<Self> {
        match error.code() {
            // A cluster says so of hash slots elsewhere: only a place that is the sender itself shows that what
            // answers here has changed behind its address.
            "MOVED" => {
                let (_, place) = error.text().split_once(' ')?;
                is_itself(place.trim_end(), peer, via).then_some(Self::MovedToItself)
            }
            "NOAUTH" => Some(Self::Unauthenticated),
            "READONLY" => Some(Self::ReadOnly),
            _ => None,
        }
    }
}

/// Whether a place as in `MOVED 42 10.0.0.1:6379` is where the link is; without a host it is the sender's.
fn is_itself(place: &str, peer: Option<SocketAddr>, via: &Endpoint) -> bool {
    if let Some(port) = place.strip_prefix(':') {
        let own = peer.map(endpoint_of);
        let own = own.as_ref().unwrap_or(via);
        return matches!(own, Endpoint::Tcp { port: own, .. } if port == own.to_string());
    }
    let Ok(place) = place.parse::<Endpoint>() else {
        return false;
    };
    place == *via || peer.is_some_and(|addr| is_at(&place, canonical(addr)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Estrangement> {
        let via = Endpoint::tcp("redis.example", 6379);
        let peer = "[::ffff:10.0.0.1]:6379".parse().ok();
        Estrangement::of(
            &Value::Error(ServerError::parse(line.as_bytes())),
            peer,
            &via,
        )
    }

    #[test]
    fn a_moved_to_the_sender_itself_is_told_from_one_elsewhere() {
        for own in ["10.0.0.1:6379", "redis.example:6379", ":6379"] {
            let line = format!("MOVED 42 {own}");
            assert_eq!(of(&line), Some(Estrangement::MovedToItself), "{own}");
        }
        for other in ["10.0.0.2:6379", "10.0.0.1:6380", ":6380", "", "nonsense"] {
            assert_eq!(of(&format!("MOVED 42 {other}")), None, "{other}");
        }
        assert_eq!(of("MOVED"), None);
    }

    #[test]
    fn replies_that_say_so_estrange_a_link_and_no_others() {
        let readonly = "READONLY You can't write against a read only replica.";
        assert_eq!(of(readonly), Some(Estrangement::ReadOnly));
        let noauth = "NOAUTH Authentication required.";
        assert_eq!(of(noauth), Some(Estrangement::Unauthenticated));
        for other in [
            "ERR READONLY",
            "NOPERM no",
            "WRONGPASS no",
            "LOADING wait",
            "ASK 1 :1",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        let via = Endpoint::tcp("redis.example", 6379);
        assert_eq!(Estrangement::of(&Value::bulk("READONLY"), None, &via), None);
    }
}
