//! The channels of keyspace notifications, and what their messages say. Configures no server: that is
//! `notify-keyspace-events`.

use super::message::Message;

/// Builds the channels of keyspace notifications, and reads their messages.
///
/// A server sends them only if `notify-keyspace-events` says so, which is off by default: `KEA` sends all but misses.
/// They are sent once and kept for nobody, like every message.
///
/// ```no_run
/// use hitless::{Client, Commands, SubscriberEvent, KeyspaceEvent};
///
/// let client = Client::connect("redis://127.0.0.1")?;
/// client.config_set("notify-keyspace-events", "Ex")?;
/// let mut expired = client.subscriber()?;
/// // Whatever expires in database 0.
/// expired.subscribe(KeyspaceEvent::channel_of_event(0, "expired"))?;
/// for event in expired {
///     if let SubscriberEvent::Message(message) = event? {
///         if let Some(told) = KeyspaceEvent::of(&message) {
///             println!("{} is gone", String::from_utf8_lossy(&told.key));
///         }
///     }
/// }
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KeyspaceEvent {
    /// The database that the key is in.
    pub database: u32,
    /// What has happened to it, such as `set`, `del` or `expired`.
    pub event: Vec<u8>,
    /// The key.
    pub key: Vec<u8>,
}

impl KeyspaceEvent {
    /// The channel on which all that happens to one key is told (`K`). With a pattern of keys it is one for
    /// [`psubscribe`](super::Subscriber::psubscribe).
    pub fn channel_of_key(database: u32, key: impl AsRef<[u8]>) -> Vec<u8> {
        let mut channel = format!("__keyspace@{database}__:").into_bytes();
        channel.extend_from_slice(key.as_ref());
        channel
    }

    /// The channel on which one kind of event is told of all keys (`E`), such as `expired`. With a pattern of events
    /// it is one for [`psubscribe`](super::Subscriber::psubscribe).
    pub fn channel_of_event(database: u32, event: impl AsRef<[u8]>) -> Vec<u8> {
        let mut channel = format!("__keyevent@{database}__:").into_bytes();
        channel.extend_from_slice(event.as_ref());
        channel
    }

    /// What a message says, from either kind of channel. `None`: it is no keyspace notification.
    pub fn of(message: &Message) -> Option<Self> {
        let (rest, names_key) = if let Some(rest) = message.channel.strip_prefix(b"__keyspace@") {
            (rest, true)
        } else {
            (message.channel.strip_prefix(b"__keyevent@")?, false)
        };
        let end = rest.windows(3).position(|three| three == b"__:")?;
        let (database, behind) = rest.split_at_checked(end)?;
        // Digits only: `parse` would take a sign.
        let is_number = !database.is_empty() && database.iter().all(u8::is_ascii_digit);
        let database = std::str::from_utf8(database).ok().filter(|_| is_number)?;
        let named = behind.strip_prefix(b"__:")?.to_vec();
        let told = message.payload.clone();
        let (key, event) = if names_key {
            (named, told)
        } else {
            (told, named)
        };
        Some(Self {
            database: database.parse().ok()?,
            event,
            key,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(channel: &[u8], payload: &[u8]) -> Option<KeyspaceEvent> {
        KeyspaceEvent::of(&Message {
            channel: channel.to_vec(),
            pattern: None,
            payload: payload.to_vec(),
            is_sharded: false,
        })
    }

    #[test]
    fn both_kinds_of_channel_tell_the_same() {
        let wanted = KeyspaceEvent {
            database: 12,
            event: b"expired".to_vec(),
            key: b"a__:b".to_vec(),
        };
        let key = KeyspaceEvent::channel_of_key(12, b"a__:b");
        assert_eq!(key, b"__keyspace@12__:a__:b");
        assert_eq!(told(&key, b"expired"), Some(wanted.clone()));
        let event = KeyspaceEvent::channel_of_event(12, "expired");
        assert_eq!(event, b"__keyevent@12__:expired");
        assert_eq!(told(&event, b"a__:b"), Some(wanted));
    }

    #[test]
    fn other_channels_tell_nothing() {
        for channel in [
            "",
            "news",
            "__keyspace@",
            "__keyspace@1",
            "__keyspace@__:a",
            "__keyspace@+1__:a",
            "__keyevent@99999999999__:a",
        ] {
            assert_eq!(told(channel.as_bytes(), b"x"), None, "{channel}");
        }
    }
}
