//! Which connections to one address lead to the same server, as far as this client can tell: a server knows its
//! connections by numbers, and another one behind the same address gives the same numbers to others. Sends nothing,
//! and asks nobody.
//!
//! ```text
//!              announced: the address is left            a link takes the place of one, at the same address
//!   (nothing) ──────────────────────────────> Open ───────────────────────────────────────────> Replaced
//!                                              │                                                  ^
//!                                              └── a link takes the place of one, elsewhere ──> Left
//! ```
//!
//! Each is a boundary: links with numbers from it on are not known to lead to where those before it lead. A dial
//! comes after all of them, but an address that was `Left` still leads to the old server until a link goes back there.

use crate::handoff::{canonical, is_at};
use crate::ids::LinkId;
use crate::protocol::Endpoint;
use std::net::SocketAddr;

/// What is known of a boundary.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Kind {
    /// The move may lead elsewhere, or to another server behind the same address.
    Open,
    /// The move leads elsewhere.
    Left,
    /// What the address leads to has changed, for all that is known, when this link came.
    Replaced(LinkId),
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Boundary {
    /// The address; `None`: a socket of the file system.
    at: Option<SocketAddr>,
    /// The first link behind it.
    since: LinkId,
    kind: Kind,
}

/// Whether a new connection to the address of a link leads to its server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Dial {
    Leads,
    /// That turns out when the first link has moved.
    NotKnown,
    LeadsElsewhere,
}

/// The boundaries of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(Vec<Boundary>);

/// A link, by its number and its address.
pub(super) type LinkAt = (LinkId, Option<SocketAddr>);

impl Origins {
    /// A move away from an address is announced, to this place if it names one. `newest`: the last link that is
    /// known.
    pub(super) fn handle_move(
        &mut self,
        from: Option<SocketAddr>,
        to: Option<&Endpoint>,
        newest: LinkId,
    ) {
        // A name may stand for the same address.
        let is_elsewhere =
            |to: &Endpoint| to.literal_ip().is_some() && !from.is_some_and(|from| is_at(to, from));
        let leads_elsewhere = to.is_some_and(is_elsewhere);
        self.0.push(Boundary {
            at: from.map(canonical),
            // Whatever is under way may be of either.
            since: newest.next(),
            kind: if leads_elsewhere {
                Kind::Left
            } else {
                Kind::Open
            },
        });
    }

    /// A link comes, in the place of another. Each is told before the link is used.
    pub(super) fn handle_replaced(&mut self, old: LinkAt, new: LinkAt) {
        let (old_at, at) = (old.1.map(canonical), new.1.map(canonical));
        let is_between =
            |boundary: &Boundary, from| from < boundary.since && boundary.since <= new.0;
        let (mut was_left, mut is_told) = (false, false);
        for boundary in &mut self.0 {
            if boundary.at == at && boundary.since <= new.0 {
                // Pool and name lead there again, or still: that is what a dial reaches.
                if !matches!(boundary.kind, Kind::Replaced(_)) {
                    boundary.kind = Kind::Replaced(new.0);
                }
                was_left = true;
                is_told |= is_between(boundary, old.0);
            } else if boundary.at == old_at
                && boundary.kind == Kind::Open
                && is_between(boundary, old.0)
            {
                boundary.kind = Kind::Left;
            }
        }
        // One for all links of a move: those that come next lead to the same server as this one.
        if (old_at == at || was_left) && !is_told {
            self.0.push(Boundary {
                at,
                since: new.0,
                kind: Kind::Replaced(new.0),
            });
        }
    }

    /// A link comes, in the place of none.
    pub(super) fn handle_filled(&mut self, (link, at): LinkAt) {
        // While nobody knows where a move leads, the next one may be of either server. So may this one, if it is told
        // after those that were made later.
        let undecided = |boundary: &&Boundary| {
            let is_open = match boundary.kind {
                Kind::Open => true,
                Kind::Left => false,
                Kind::Replaced(by) => link < by,
            };
            boundary.since <= link && is_open
        };
        let found = self.at(at).find(undecided).copied();
        if let Some(boundary) = found {
            self.0.push(Boundary {
                since: link.next(),
                ..boundary
            });
        }
    }

    /// No link before this one is left. `None`: none at all.
    pub(super) fn forget(&mut self, oldest: Option<LinkId>) {
        (self.0).retain(|boundary| oldest.is_some_and(|oldest| oldest < boundary.since));
    }

    /// Whether two links to this address lead to the same server.
    pub(super) fn are_same(&self, at: Option<SocketAddr>, one: LinkId, other: LinkId) -> bool {
        let (first, last) = (one.min(other), one.max(other));
        !(self.at(at)).any(|boundary| first < boundary.since && boundary.since <= last)
    }

    /// Whether a connection that is made now leads to the server of this link.
    pub(super) fn dial(&self, (link, at): LinkAt) -> Dial {
        let behind = |boundary: &&Boundary| link < boundary.since;
        let kinds = self.at(at).filter(behind).map(|boundary| boundary.kind);
        kinds.fold(Dial::Leads, |dial, kind| match (dial, kind) {
            (Dial::LeadsElsewhere, _) | (_, Kind::Replaced(_)) => Dial::LeadsElsewhere,
            (_, Kind::Open) => Dial::NotKnown,
            (dial, Kind::Left) => dial,
        })
    }

    /// The first link to whose server a connection that is made now leads, if there are links of others.
    pub(super) fn first_reached(&self, at: Option<SocketAddr>) -> Option<LinkId> {
        let stands = |boundary: &&Boundary| boundary.kind != Kind::Left;
        let since = self.at(at).filter(stands).map(|boundary| boundary.since);
        since.max()
    }

    fn at(&self, at: Option<SocketAddr>) -> impl Iterator<Item = &Boundary> {
        let at = at.map(canonical);
        self.0.iter().filter(move |boundary| boundary.at == at)
    }
}

#[cfg(test)]
mod tests;
