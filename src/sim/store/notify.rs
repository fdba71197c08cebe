//! Keyspace notifications: which are asked for, and what is told of a command. Delivers nothing: the store
//! publishes what is noted here, when the command is over and still under its lock.

use super::{Class, Keyspace, Store};
use crate::protocol::ServerError;
use crate::sim::answer::error;

/// What an event is about: its letter in `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Topic {
    Expired,
    /// Whatever type the key has: `del`, `expire`, `persist`.
    Generic,
    Hash,
    List,
    /// A command that only reads has found nothing.
    Miss,
    /// A key that was not there before.
    New,
    /// The value of a key has given way to another.
    Overwritten,
    Set,
    Sorted,
    Stream,
    Text,
    /// And that one is of another type.
    TypeChanged,
}

impl Topic {
    fn letter(self) -> char {
        match self {
            Self::Expired => 'x',
            Self::Generic => 'g',
            Self::Hash => 'h',
            Self::List => 'l',
            Self::Miss => 'm',
            Self::New => 'n',
            Self::Overwritten => 'o',
            Self::Set => 's',
            Self::Sorted => 'z',
            Self::Stream => 't',
            Self::Text => '$',
            Self::TypeChanged => 'c',
        }
    }
}

/// All letters, in the order in which a server writes them. Those before 8.2 refuse `o` and `c`.
const LETTERS: &str = "g$lshzxetdnocKEm";

/// What `A` stands for. Nothing is ever evicted here (`e`), and there are no modules (`d`).
const MOST: &str = "g$lshzxetd";

/// What `notify-keyspace-events` says.
#[derive(Clone, Copy, Debug, Default)]
struct Wishes(u16);

impl Wishes {
    fn bits(letters: &str) -> u16 {
        let known = LETTERS.char_indices();
        known
            .filter(|(_, letter)| letters.contains(*letter))
            .fold(0, |bits, (at, _)| bits | 1 << at)
    }

    fn parse(text: &[u8]) -> Result<Self, ServerError> {
        let text = String::from_utf8_lossy(text);
        if !text
            .chars()
            .all(|letter| letter == 'A' || LETTERS.contains(letter))
        {
            return Err(error(
                "ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - \
                 Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
            ));
        }
        let most = if text.contains('A') { MOST } else { "" };
        Ok(Self(Self::bits(&text) | Self::bits(most)))
    }

    fn has(self, letter: char) -> bool {
        self.0 & Self::bits(letter.encode_utf8(&mut [0; 4])) != 0
    }
}

/// What the running command has done to keys, as far as somebody wants to know.
#[derive(Debug, Default)]
pub(super) struct Notes {
    wishes: Wishes,
    /// Database, event and key, in the order in which they happened.
    told: Vec<(usize, &'static str, Vec<u8>)>,
}

impl Notes {
    pub(super) fn add(&mut self, topic: Topic, event: &'static str, db: usize, key: &[u8]) {
        // Off, which is what a server starts with, it costs one look.
        if self.wishes.0 != 0 && self.wishes.has(topic.letter()) {
            self.told.push((db, event, key.to_vec()));
        }
    }
}

impl Keyspace<'_> {
    /// Notes what has happened to a key.
    pub(super) fn tell(&mut self, topic: Topic, event: &'static str, key: &[u8]) {
        self.notes.add(topic, event, self.db, key);
    }

    /// Has keys that are not found told, for a command that only reads.
    pub(in crate::sim) fn telling_misses(&mut self, misses: bool) -> &mut Self {
        self.reads = misses;
        self
    }

    /// Notes a change, and tells those who watch the key.
    pub(super) fn changed(&mut self, topic: Topic, event: &'static str, key: &[u8]) {
        self.touch(key);
        self.tell(topic, event, key);
    }
}

impl Store {
    /// `CONFIG SET notify-keyspace-events`. Of all nodes, because they are one database.
    pub(in crate::sim) fn set_notifications(&mut self, letters: &[u8]) -> Result<(), ServerError> {
        self.notes.wishes = Wishes::parse(letters)?;
        Ok(())
    }

    /// The same letters in a server's order and as few as it writes.
    pub(in crate::sim) fn notifications(&self) -> String {
        let wishes = self.notes.wishes;
        let all = Wishes::bits(MOST);
        if wishes.0 & all != all {
            return LETTERS.chars().filter(|c| wishes.has(*c)).collect();
        }
        // A server leaves `n`, `o` and `c` out there, although it goes on sending what they stand for.
        let others = ['K', 'E', 'm'].into_iter();
        let others = others.filter(|letter| wishes.has(*letter));
        std::iter::once('A').chain(others).collect()
    }

    /// Whether reads that find nothing are told.
    pub(in crate::sim) fn tells_misses(&self) -> bool {
        self.notes.wishes.has(Topic::Miss.letter())
    }

    /// Publishes what was noted, in its order. What is for the connection whose command it was comes behind its
    /// answer, like what that connection publishes itself.
    pub(in crate::sim) fn publish_notes(&mut self, publisher: u64) {
        let wishes = self.notes.wishes;
        for (db, event, key) in std::mem::take(&mut self.notes.told) {
            // By key first, as servers do.
            if wishes.has('K') {
                let channel = [format!("__keyspace@{db}__:").as_bytes(), &key].concat();
                self.publish(publisher, Class::Channel, &channel, event.as_bytes());
            }
            if wishes.has('E') {
                let channel = format!("__keyevent@{db}__:{event}");
                self.publish(publisher, Class::Channel, channel.as_bytes(), &key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Store;
    use crate::sim::clock;
    use std::time::Duration;

    #[test]
    fn letters_are_written_as_servers_write_them() {
        let mut store = Store::new(clock::now(), Duration::ZERO);
        for (given, told) in [
            ("KEA", "AKE"),
            ("KEAmn", "AKEm"),
            ("K$ngm", "g$nKm"),
            ("Kcognm", "gnocKm"),
            ("KEAoc", "AKE"),
            ("El", "lE"),
            ("g$lshzxetdKK", "AK"),
            ("", ""),
        ] {
            store.set_notifications(given.as_bytes()).unwrap();
            assert_eq!(store.notifications(), told, "{given}");
        }
        store.set_notifications(b"KA").unwrap();
        assert!(store.set_notifications(b"KEy").is_err());
        // What was wrong changes nothing.
        assert_eq!(store.notifications(), "AK");
    }
}
