//! What a deployment says about its maintenance, to whom, and how often. Closes nothing: the director
//! does that at its time.
//!
//! One counter numbers all events of a database, from 0. `MOVING` goes to the connections of one node
//! and again to those that opt in while its window is open; everything else goes to all connections
//! that have opted in; the latest completion is repeated to everyone who opts in later.

use super::answer::{error, lower, syntax};
use super::peer::Peer;
use super::world::World;
use super::{Node, clock};
use crate::protocol::handshake::MovingEndpointType;
use crate::protocol::{Items, Protocol, Push, ServerError, Value};
use std::sync::Arc;
use std::time::Duration;

/// The number of an event; one count for all kinds of events of a database.
pub type Seq = i64;

/// How a node answers `CLIENT MAINT_NOTIFICATIONS`.
///
/// ```
/// use hitless::sim::{OptIn, Sim};
/// use hitless::{Client, Commands};
///
/// // A server that does not know notifications is served without them.
/// let sim = Sim::builder().opt_in(OptIn::UnknownToRedis7).start()?;
/// let client = Client::connect(sim.addr(sim.node(0)).to_string().as_str())?;
/// client.ping()?;
/// assert!(!client.stats().shared[0].opted_in);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OptIn {
    /// As Redis Enterprise and Redis Cloud do. The default.
    #[default]
    Accepted,
    /// With an error: the deployment has the feature switched off.
    Disabled,
    /// With `NOPERM`.
    Forbidden,
    /// With a null, as some stand-ins for Redis do.
    Nil,
    /// As Redis 6 does, which knows no such sub-command.
    UnknownToRedis6,
    /// As Redis 7 and later do, which know no such sub-command.
    UnknownToRedis7,
}

/// When the latest completion is repeated to a connection that has just opted in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Replay {
    /// 16 ms after the reply.
    Later,
    /// One or the other, at random by the seed. The default.
    #[default]
    Mixed,
    /// In the same write as the reply.
    WithReply,
}

/// The measured distance between the reply and a repeated completion.
const REPLAY_DELAY: Duration = Duration::from_millis(16);

/// Where `MOVING` says that a connection shall go.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// To a node: by address or by name, as each connection asked, or not named at all if it asked for
    /// no name.
    Node(Node),
    /// Nobody is told where: the element is null, and DNS shows this node after a while.
    Null(Node),
    /// This text, whatever it is; DNS does not change.
    Text(String),
}

/// What one `MOVING` says.
#[derive(Clone, Debug)]
pub(super) struct Announcement {
    /// The node that goes away.
    pub(super) node: usize,
    /// Its number, the same on every connection.
    pub(super) seq: Seq,
    /// What the frame says, whatever the scale of time.
    pub(super) seconds: i64,
    /// Where to go.
    pub(super) target: Target,
}

/// What the database remembers about its maintenance.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The number of the next event.
    next: Seq,
    /// Invariant: one entry for each `MOVING` whose sockets are not closed yet.
    windows: Vec<Announcement>,
    /// The latest completion.
    retained: Option<Push>,
}

impl Ledger {
    /// The next number of an event. All nodes share the sequence, as the shards of one database do.
    fn number(&mut self) -> Seq {
        let seq = self.next;
        // Real counters start anew after a restart; a scenario sets them back by `set_next_seq`.
        self.next = seq.saturating_add(1);
        seq
    }
}

/// Reads the arguments of the opt-in: `None` for `OFF`.
fn read_choice(words: &[Vec<u8>]) -> Result<Option<MovingEndpointType>, ServerError> {
    let words: Vec<String> = words.iter().map(|word| lower(word)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["off"] => Ok(None),
        // Without a type a server names no place: the third element of MOVING is null.
        ["on"] => Ok(Some(MovingEndpointType::None)),
        ["on", "moving-endpoint-type", kind] => {
            use MovingEndpointType::{ExternalFqdn, ExternalIp, InternalFqdn, InternalIp, None};
            [ExternalFqdn, ExternalIp, InternalFqdn, InternalIp, None]
                .into_iter()
                .find(|known| known.as_str() == kind)
                .map(Some)
                .ok_or_else(|| error("ERR invalid moving-endpoint-type"))
        }
        _ => Err(syntax()),
    }
}

/// What an opt-in is answered with.
#[derive(Debug)]
pub(super) enum Choice {
    /// A reply, and nothing changes.
    Answer(Value),
    /// The connection opts in, or out.
    Opt(Option<MovingEndpointType>),
}

/// A maintenance push from its parts.
pub(super) fn push(kind: &str, args: Vec<Value>) -> Push {
    Push {
        kind: kind.into(),
        args: Items(args),
    }
}

impl World {
    /// The frame of `MOVING`, with the place in the form that this connection has asked for.
    fn moving_push(&self, announcement: &Announcement, kind: MovingEndpointType) -> Push {
        let target = match &announcement.target {
            Target::Null(_) => Value::Nil,
            Target::Text(text) => Value::Bulk(text.clone().into_bytes()),
            Target::Node(node) => match kind {
                MovingEndpointType::None => Value::Nil,
                MovingEndpointType::ExternalFqdn | MovingEndpointType::InternalFqdn => {
                    let port = self.node(node.0).addr.port();
                    Value::Bulk(format!("{}:{port}", node_name(node.0)).into_bytes())
                }
                _ => Value::Bulk(self.node(node.0).addr.to_string().into_bytes()),
            },
        };
        let seq = Value::Int(announcement.seq);
        push(
            "MOVING",
            vec![seq, Value::Int(announcement.seconds), target],
        )
    }

    /// Reads an opt-in of a user, as the node answers it.
    pub(super) fn choose(
        &self,
        node: usize,
        user: &str,
        words: &[Vec<u8>],
    ) -> Result<Choice, ServerError> {
        match self.node(node).opt_in() {
            OptIn::Disabled => Err(error(
                "ERR maintenance notifications are disabled on this server",
            )),
            OptIn::Forbidden => Err(error(format!(
                "NOPERM User {user} has no permissions to run the \
                 'client|maint_notifications' command"
            ))),
            OptIn::Nil => Ok(Choice::Answer(Value::Nil)),
            // The two kinds of "unknown" never come here: the check before has refused the sub-command.
            _ => read_choice(words).map(Choice::Opt),
        }
    }

    /// Opts a connection in, or out: the reply, unless it wants none, then all that it has to be told at
    /// once.
    ///
    /// The ledger's lock makes sure that it gets every later event once, and every open window once.
    pub(super) fn opt(
        self: &Arc<Self>,
        peer: &Arc<Peer>,
        kind: Option<MovingEndpointType>,
        quiet: bool,
    ) {
        let ledger = self.ledger.lock();
        if !quiet {
            peer.answer(&Value::Okay.into());
        }
        peer.opt(kind);
        // Opted out. What is under way for it is dropped when it is due, because its choice has changed.
        let Some(kind) = kind else {
            // No push comes after the reply.
            return;
        };
        if peer.protocol() == Protocol::Resp2 {
            // Accepted and never used: there are no pushes in RESP2.
            return;
        }
        for window in ledger
            .windows
            .iter()
            .filter(|window| window.node == peer.node)
        {
            peer.notify(&self.moving_push(window, kind));
        }
        let Some(retained) = ledger.retained.clone() else {
            return;
        };
        let with_reply = match self.settings.replay {
            Replay::Later => false,
            Replay::Mixed => self.dice.lock().bool(),
            Replay::WithReply => true,
        };
        // In one write with the reply: it reaches a client before its handshake has read the OK.
        if with_reply {
            peer.notify(&retained);
            return;
        }
        let (peer, choices) = (Arc::clone(peer), peer.choices());
        self.director.at(clock::now() + REPLAY_DELAY, move |world| {
            // Meanwhile the connection may have opted out, or been told something newer.
            let ledger = world.ledger.lock();
            let stands = peer.choices() == choices && peer.protocol() == Protocol::Resp3;
            if stands && ledger.retained.as_ref() == Some(&retained) {
                peer.notify(&retained);
            }
            drop(ledger);
            world.flush(&peer);
        });
    }

    /// Opens the window of a `MOVING` and tells the node's connections.
    pub(super) fn announce_moving(&self, node: usize, seconds: i64, target: Target) -> Seq {
        let mut ledger = self.ledger.lock();
        let announcement = Announcement {
            node,
            seq: ledger.number(),
            seconds,
            target,
        };
        // Only the connections of the node that leaves, which is what real servers do. A client with one
        // connection to each of two nodes is told on one of them.
        let told = self.peers(|peer| {
            peer.node == node && peer.protocol() == Protocol::Resp3 && peer.opted_in().is_some()
        });
        for peer in &told {
            if let Some(kind) = peer.opted_in() {
                peer.notify(&self.moving_push(&announcement, kind));
            }
        }
        let seq = announcement.seq;
        // Under the same lock as the list of those told: an opt-in comes before this and is among them,
        // or after and finds the window.
        ledger.windows.push(announcement);
        drop(ledger);
        told.iter().for_each(|peer| self.flush(peer));
        seq
    }

    /// Closes the window of a `MOVING`: nobody is told about it any more. False: it was closed before.
    pub(super) fn end_window(&self, seq: Seq) -> bool {
        let windows = &mut self.ledger.lock().windows;
        let before = windows.len();
        windows.retain(|window| window.seq != seq);
        windows.len() < before
    }

    /// Closes all windows of a node.
    pub(super) fn end_windows(&self, node: usize) {
        let windows = &mut self.ledger.lock().windows;
        windows.retain(|window| window.node != node);
    }

    /// Whether a `MOVING` has told the connections of this node to leave, and they are not closed yet.
    pub(super) fn is_leaving(&self, node: usize) -> bool {
        self.ledger
            .lock()
            .windows
            .iter()
            .any(|window| window.node == node)
    }

    /// Tells every connection that has opted in, and keeps completions for later ones.
    pub(super) fn broadcast(&self, kind: &str, args: impl FnOnce(Value) -> Vec<Value>) -> Seq {
        let mut ledger = self.ledger.lock();
        let seq = ledger.number();
        let push = push(kind, args(Value::Int(seq)));
        let told =
            self.peers(|peer| peer.protocol() == Protocol::Resp3 && peer.opted_in().is_some());
        for peer in &told {
            peer.notify(&push);
        }
        // Only the latest is repeated, whatever its kind: a server keeps one.
        if matches!(kind, "MIGRATED" | "FAILED_OVER") {
            ledger.retained = Some(push);
        }
        drop(ledger);
        told.iter().for_each(|peer| self.flush(peer));
        seq
    }

    /// Lets the next event have this number.
    pub(super) fn set_next_seq(&self, next: Seq) {
        self.ledger.lock().next = next;
    }
}

/// The name by which `MOVING` calls a node when it is asked for names.
pub(super) fn node_name(node: usize) -> String {
    format!("node{}.hitless.test", node + 1)
}
