//! Keyspace notifications: what happens to keys, published to `__keyspace@<db>__:<key>` and
//! `__keyevent@<db>__:<event>`. Off until `CONFIG SET notify-keyspace-events`; misses of keys and new keys (`m`,
//! `n`) are never told.

use super::{Class, Keyspace, Store};
use crate::protocol::ServerError;
use crate::sim::answer::error;

/// The classes of events, in the order in which a server names them.
const CLASSES: &str = "g$lshzxetd";

/// What `A` stands for, and what is never told, behind the classes.
const OTHERS: &str = "nKEm";

/// What is told, and what the running command has to tell.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// The letters that were asked for, `A` spelt out.
    flags: String,
    /// Database, event and key, in the order in which they happened.
    pending: Vec<(usize, &'static str, Vec<u8>)>,
}

impl Notices {
    /// Notes an event if its class was asked for.
    pub(super) fn add(&mut self, class: char, event: &'static str, db: usize, key: &[u8]) {
        if self.flags.contains(class) {
            self.pending.push((db, event, key.to_vec()));
        }
    }
}

impl Keyspace<'_> {
    /// Tells the watchers of a key that it changed, and the subscribers of events how.
    pub(super) fn changed(&mut self, key: &[u8], class: char, event: &'static str) {
        self.touch(key);
        self.notices.add(class, event, self.db, key);
    }

    /// Deletes a key as a command does it; says whether it was there.
    pub(super) fn delete(&mut self, key: &[u8]) -> bool {
        let gone = self.remove(key);
        if gone {
            self.notices.add('g', "del", self.db, key);
        }
        gone
    }
}

impl Store {
    /// The value of `notify-keyspace-events`, as a server writes it.
    pub(in crate::sim) fn notify(&self) -> String {
        let flags = &self.notices.flags;
        let all = CLASSES.chars().all(|class| flags.contains(class));
        let mut text = String::from(if all { "A" } else { "" });
        let rest = CLASSES.chars().filter(|_| !all).chain(OTHERS.chars());
        text.extend(rest.filter(|letter| flags.contains(*letter)));
        text
    }

    /// Sets it. A letter that no server knows is an error, and changes nothing.
    pub(in crate::sim) fn set_notify(&mut self, letters: &[u8]) -> Result<(), ServerError> {
        let mut flags = String::new();
        for letter in letters {
            match char::from(*letter) {
                'A' => flags.push_str(CLASSES),
                known if CLASSES.contains(known) || OTHERS.contains(known) => flags.push(known),
                _ => {
                    return Err(error(
                        "ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - \
                         Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
                    ));
                }
            }
        }
        // Without K and E there is nowhere to publish to, and a server drops the rest.
        self.notices.flags = flags;
        Ok(())
    }

    /// Publishes what the running command has done to keys. `publisher` gets its own behind its answer.
    pub(in crate::sim) fn tell_notices(&mut self, publisher: u64) {
        // Taken before anything is published, which is no change of a key.
        let pending = std::mem::take(&mut self.notices.pending);
        let (by_key, by_event) = {
            let flags = &self.notices.flags;
            (flags.contains('K'), flags.contains('E'))
        };
        for (db, event, key) in pending {
            if by_key {
                let channel = [format!("__keyspace@{db}__:").as_bytes(), &key].concat();
                self.publish(publisher, Class::Channel, &channel, event.as_bytes());
            }
            if by_event {
                let channel = format!("__keyevent@{db}__:{event}");
                self.publish(publisher, Class::Channel, channel.as_bytes(), &key);
            }
        }
    }
}
