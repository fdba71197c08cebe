//! What a subscriber may be told to do otherwise. Checks nothing: there is no value that cannot work.

use super::Overflow;
use std::time::Duration;

/// How a [`Subscriber`](super::Subscriber) is made, for [`Client::subscriber_with`](crate::Client::subscriber_with).
///
/// ```no_run
/// use hitless::{Client, Overflow, SubscriberOptions};
///
/// # let client = Client::connect("redis://127.0.0.1")?;
/// let options = SubscriberOptions::new().capacity(100).overflow(Overflow::End);
/// let subscriber = client.subscriber_with(&options)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SubscriberOptions {
    pub(super) capacity: usize,
    pub(super) bytes: usize,
    pub(super) overflow: Overflow,
    pub(super) markers: bool,
    pub(super) timeout: Option<Option<Duration>>,
}

impl Default for SubscriberOptions {
    fn default() -> Self {
        Self {
            capacity: 65_536,
            bytes: 256 << 20,
            overflow: Overflow::default(),
            markers: true,
            timeout: None,
        }
    }
}

impl SubscriberOptions {
    /// 65,536 messages wait at most, of 256 MiB together, of which the oldest are dropped for more; markers are
    /// published.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many messages wait to be taken at most. 65,536 unless given; 0 counts as 1.
    #[must_use]
    pub fn capacity(mut self, messages: usize) -> Self {
        self.capacity = messages;
        self
    }

    /// How much memory the messages that wait take at most, about: the lengths of channel, pattern and payload, and
    /// some 100 bytes each. 256 MiB unless given. One message may wait, however large it is.
    #[must_use]
    pub fn capacity_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// What becomes of messages for which there is no room. [`Overflow::DropOldest`] unless given.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Whether a move of the connection publishes a marker, which makes its seam exact whatever the messages are. On
    /// unless given.
    #[must_use]
    pub fn markers(mut self, markers: bool) -> Self {
        self.markers = markers;
        self
    }

    /// How long subscribing and unsubscribing may take; `None`: for ever.
    /// [`Options::command_timeout`](crate::Options::command_timeout) unless given.
    #[must_use]
    pub fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = Some(timeout);
        self
    }
}
