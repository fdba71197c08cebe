//! Channels and their subscribers. Delivers to outboxes only; the sockets are written later.

use super::Store;
use crate::protocol::{Items, Push, Value};
use crate::sim::glob;
use crate::sim::peer::Peer;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The three kinds of subscription.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(in crate::sim) enum Class {
    /// The channels of `SUBSCRIBE`.
    Channel,
    /// The patterns of `PSUBSCRIBE`.
    Pattern,
    /// The channels of `SSUBSCRIBE`.
    Shard,
}

/// Who is subscribed to what.
///
/// Invariant: `members` and `names` say the same thing from two sides.
#[derive(Debug, Default)]
pub(super) struct Channels {
    /// By channel: who gets a message.
    members: HashMap<(Class, Vec<u8>), Vec<Arc<Peer>>>,
    /// By connection: what it has subscribed to.
    names: HashMap<u64, BTreeSet<(Class, Vec<u8>)>>,
}

impl Channels {
    /// How many subscriptions the peer has that are counted together with this class.
    fn count(&self, peer: u64, class: Class) -> usize {
        // Servers count channels and patterns together, and shard channels by themselves.
        let shard = class == Class::Shard;
        self.names.get(&peer).map_or(0, |names| {
            let counted = |name: &&(Class, Vec<u8>)| (name.0 == Class::Shard) == shard;
            names.iter().filter(counted).count()
        })
    }

    /// Subscribes, and does nothing if the connection has subscribed already.
    fn add(&mut self, peer: &Arc<Peer>, class: Class, name: &[u8]) {
        let place = (class, name.to_vec());
        // A second subscription to the same name is confirmed again and delivers once.
        if self.names.entry(peer.id).or_default().insert(place.clone()) {
            self.members
                .entry(place)
                .or_default()
                .push(Arc::clone(peer));
        }
    }

    /// Unsubscribes, in both indexes. Whatever is empty afterwards is dropped: tests count what is left
    /// behind.
    fn remove(&mut self, peer: u64, place: &(Class, Vec<u8>)) {
        if let Some(names) = self.names.get_mut(&peer) {
            names.remove(place);
            if names.is_empty() {
                self.names.remove(&peer);
            }
        }
        if let Some(members) = self.members.get_mut(place) {
            members.retain(|member| member.id != peer);
            if members.is_empty() {
                self.members.remove(place);
            }
        }
    }

    /// Ends all subscriptions of a connection that has ended.
    pub(super) fn forget(&mut self, peer: u64) {
        for place in self.names.remove(&peer).unwrap_or_default() {
            self.remove(peer, &place);
        }
    }
}

/// A push to a subscriber; the encoder makes it an array for RESP2.
fn push(kind: &str, args: Vec<Value>) -> Push {
    Push {
        kind: kind.into(),
        args: Items(args),
    }
}

impl Store {
    /// Subscribes a peer and confirms each name to it.
    pub(in crate::sim) fn subscribe(
        &mut self,
        peer: &Arc<Peer>,
        class: Class,
        kind: &str,
        names: &[Vec<u8>],
    ) {
        for name in names {
            self.channels.add(peer, class, name);
            let count = self.channels.count(peer.id, class);
            let count = Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
            peer.push(&push(kind, vec![Value::Bulk(name.clone()), count]));
        }
    }

    /// Ends subscriptions, all of the class when no name is given, and confirms each.
    pub(in crate::sim) fn unsubscribe(
        &mut self,
        peer: &Arc<Peer>,
        class: Class,
        kind: &str,
        names: &[Vec<u8>],
    ) {
        let mut ended: Vec<Option<Vec<u8>>> = names.iter().cloned().map(Some).collect();
        // Without names all of the class end; where there are none, one confirmation with nil comes all
        // the same.
        if ended.is_empty() {
            let all = self.channels.names.get(&peer.id).into_iter().flatten();
            let of_class = all.filter(|(c, _)| *c == class);
            ended = of_class.map(|(_, name)| Some(name.clone())).collect();
            if ended.is_empty() {
                ended.push(None);
            }
        }
        for name in ended {
            if let Some(name) = &name {
                self.channels.remove(peer.id, &(class, name.clone()));
            }
            let count = self.channels.count(peer.id, class);
            let count = Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
            peer.push(&push(
                kind,
                vec![name.map_or(Value::Nil, Value::Bulk), count],
            ));
        }
    }

    /// The names of a class that have subscribers, as far as they match; in order, so that two runs answer alike.
    pub(in crate::sim) fn names(&self, class: Class, pattern: Option<&[u8]>) -> Vec<Vec<u8>> {
        let places = self.channels.members.keys();
        let of_class = places.filter(|(of, _)| *of == class).map(|(_, name)| name);
        let meant = of_class.filter(|name| pattern.is_none_or(|p| glob::matches(p, name)));
        let mut names: Vec<Vec<u8>> = meant.cloned().collect();
        names.sort_unstable();
        names
    }

    /// How many connections have subscribed to a name.
    pub(in crate::sim) fn subscribers(&self, class: Class, name: &[u8]) -> usize {
        let members = self.channels.members.get(&(class, name.to_vec()));
        members.map_or(0, Vec::len)
    }

    /// What the running command has published to its own connection.
    pub(in crate::sim) fn take_own(&mut self) -> Vec<Push> {
        std::mem::take(&mut self.own)
    }

    /// Whether a peer has any subscription.
    pub(in crate::sim) fn subscribed(&self, peer: u64) -> bool {
        self.channels.names.contains_key(&peer)
    }

    /// Delivers a message and returns how many subscriptions it reached. What reaches the connection that
    /// publishes is kept for behind its answer, as servers do it since 7.2.
    pub(in crate::sim) fn publish(
        &mut self,
        publisher: u64,
        class: Class,
        channel: &[u8],
        payload: &[u8],
    ) -> usize {
        let mut reached: Vec<(Arc<Peer>, Push)> = Vec::new();
        let bulk = |bytes: &[u8]| Value::Bulk(bytes.to_vec());
        let kind = if class == Class::Shard {
            "smessage"
        } else {
            "message"
        };
        let place = (class, channel.to_vec());
        for peer in self.channels.members.get(&place).into_iter().flatten() {
            let message = push(kind, vec![bulk(channel), bulk(payload)]);
            reached.push((Arc::clone(peer), message));
        }
        // Patterns match channels only: shard channels are matched by their exact name.
        if class == Class::Channel {
            let patterns = self
                .channels
                .members
                .iter()
                .filter(|((class, pattern), _)| {
                    *class == Class::Pattern && glob::matches(pattern, channel)
                });
            for ((_, pattern), peers) in patterns {
                for peer in peers {
                    let message = vec![bulk(pattern), bulk(channel), bulk(payload)];
                    reached.push((Arc::clone(peer), push("pmessage", message)));
                }
            }
        }
        let count = reached.len();
        for (peer, message) in reached {
            if peer.id == publisher {
                self.own.push(message);
                continue;
            }
            peer.push(&message);
            self.flush.push(peer);
        }
        count
    }
}
