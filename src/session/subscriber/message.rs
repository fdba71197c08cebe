//! What a subscriber is told. Reads no wire beyond the shape of one push.

use crate::protocol::{Push, ServerError, Value};

/// What channels of markers begin with: those by which a subscriber finds the seam of a move.
pub(super) const MARKERS: &[u8] = b"hitless:seam:";

/// What a subscription names.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum SubscriptionKind {
    /// A channel by its name: `SUBSCRIBE`.
    Channel,
    /// All channels whose names match a pattern such as `news.*`: `PSUBSCRIBE`.
    Pattern,
    /// A channel that belongs to one shard of a cluster, and there to the node that has its slot: `SSUBSCRIBE`.
    /// Redis 7.0, every Valkey. Messages come by `SPUBLISH`.
    Shard,
}

impl SubscriptionKind {
    pub(super) const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::Shard];

    /// The command that begins it, and the kind of push that confirms that.
    pub(super) fn subscribing(self) -> (&'static str, &'static [u8]) {
        match self {
            Self::Channel => ("SUBSCRIBE", b"subscribe"),
            Self::Pattern => ("PSUBSCRIBE", b"psubscribe"),
            Self::Shard => ("SSUBSCRIBE", b"ssubscribe"),
        }
    }

    /// The command that ends it, and the kind of push that confirms that.
    pub(super) fn unsubscribing(self) -> (&'static str, &'static [u8]) {
        match self {
            Self::Channel => ("UNSUBSCRIBE", b"unsubscribe"),
            Self::Pattern => ("PUNSUBSCRIBE", b"punsubscribe"),
            Self::Shard => ("SUNSUBSCRIBE", b"sunsubscribe"),
        }
    }
}

/// One message, as it was published.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// Where it was published.
    pub channel: Vec<u8>,
    /// The pattern that the channel matches, if that is why it came. A subscriber to a channel and to a pattern
    /// that matches it gets each message twice.
    pub pattern: Option<Vec<u8>>,
    /// What was published.
    pub payload: Vec<u8>,
    /// It was published to a shard channel, by `SPUBLISH`.
    pub is_sharded: bool,
}

impl Message {
    /// The subscription that it came by.
    pub fn kind(&self) -> SubscriptionKind {
        match (&self.pattern, self.is_sharded) {
            (Some(_), _) => SubscriptionKind::Pattern,
            (None, true) => SubscriptionKind::Shard,
            (None, false) => SubscriptionKind::Channel,
        }
    }

    /// The message that a push is, if it is one.
    pub(super) fn of(push: Push) -> Option<Self> {
        let Push { kind, args } = push;
        let (has_pattern, is_sharded) = match kind.as_slice() {
            b"message" => (false, false),
            b"pmessage" => (true, false),
            b"smessage" => (false, true),
            _ => return None,
        };
        let mut args = args.into_iter().map(Value::into_bytes);
        let mut next = || args.next().and_then(Result::ok);
        let pattern = if has_pattern { Some(next()?) } else { None };
        Some(Self {
            pattern,
            channel: next()?,
            payload: next()?,
            is_sharded,
        })
    }

    /// What the subscription names that it came by.
    pub(super) fn subscription(&self) -> &Vec<u8> {
        self.pattern.as_ref().unwrap_or(&self.channel)
    }

    /// Whether it is a marker, of this subscriber or of another.
    pub(super) fn is_marker(&self) -> bool {
        self.channel.starts_with(MARKERS)
    }

    /// How much memory it takes, about.
    pub(super) fn size(&self) -> usize {
        let pattern = self.pattern.as_ref().map_or(0, Vec::len);
        size_of::<Self>() + self.channel.len() + pattern + self.payload.len()
    }
}

/// What a [`Subscriber`](super::Subscriber) yields, in the order in which it came.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SubscriberEvent {
    /// A message.
    Message(Message),
    /// The mailbox was full, so that messages were dropped at this place.
    #[non_exhaustive]
    Dropped {
        /// How many.
        count: u64,
    },
    /// The server does not let this connection have a subscription that an earlier one had, so that nothing more
    /// comes of it: permissions have changed, say. The others go on.
    #[non_exhaustive]
    Refused {
        /// What it names.
        kind: SubscriptionKind,
        /// The channel or pattern.
        name: Vec<u8>,
        /// What the server said.
        error: ServerError,
    },
    /// Everything is subscribed to on another connection. Not told after a move whose seam is known exactly.
    #[non_exhaustive]
    Resubscribed {
        /// The connection was lost: messages that were published until now are missing, if there were any. False
        /// after a move whose seam was found by comparing messages, which loses none.
        gap: bool,
    },
}
