//! How each command must be sent: with others, alone, behind the writes that it asks about, or not at
//! all. Sends nothing.
//!
//! Every other command leaves its connection as it was. The list is that of Redis 7.0 and 8.2 and of
//! Valkey 9.1; `tests/words.rs` asks these servers for commands that nobody has judged.

use super::Cmd;
use std::time::Duration;

const LOGIN: &str = "it changes the user of a connection that other threads share";
const STATE: &str = "it changes the state of a connection that other threads share";
const END: &str = "it ends a connection that other threads share";
const STREAM: &str = "its replies are a stream; use a subscription";
const REPLICATION: &str = "it belongs to replication, whose replies are a stream";
const TRANSACTION: &str = "a transaction must be sent as one: use an atomic pipeline";

/// Why a command that speaks of the writes before it is not sent by itself.
pub(super) const BEHIND: &str = "it asks about the writes before it on its own connection, which \
     other threads share: send it in a pipeline, behind the writes";

/// Why such a command is not sent within a transaction.
pub(super) const NOT_WITHIN: &str = "it does not wait in a transaction, and its writes have not run \
     yet: send it in a pipeline that is not atomic, behind the writes";

/// How a command must be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Manner {
    /// Blocks on the server for so long (`None`: for ever), so that it needs a connection alone.
    Alone(Option<Duration>),
    /// Behind the writes that it asks about, in the same pipeline, which it blocks for so long (`None`:
    /// for ever).
    Behind(Option<Duration>),
    /// Changes the state of its connection, or has no one reply: the reason.
    Never(&'static str),
    /// With others.
    Shared,
}

impl Cmd {
    /// How the command must be sent.
    #[inline]
    pub(super) fn manner(&self) -> Manner {
        match self.name() {
            b"AUTH" | b"HELLO" => Manner::Never(LOGIN),
            b"ASKING" | b"READONLY" | b"READWRITE" | b"SELECT" => Manner::Never(STATE),
            b"QUIT" | b"RESET" => Manner::Never(END),
            b"DISCARD" | b"EXEC" | b"MULTI" | b"UNWATCH" | b"WATCH" => Manner::Never(TRANSACTION),
            b"MONITOR" | b"PSUBSCRIBE" | b"PUNSUBSCRIBE" | b"SSUBSCRIBE" | b"SUBSCRIBE"
            | b"SUNSUBSCRIBE" | b"UNSUBSCRIBE" => Manner::Never(STREAM),
            // Some forms of `REPLCONF` have no reply, which would shift those of all other commands.
            b"PSYNC" | b"REPLCONF" | b"SYNC" => Manner::Never(REPLICATION),
            b"CLIENT" | b"CLUSTER" | b"SCRIPT" => self
                .nth(1)
                .map_or(Manner::Shared, |word| self.container(word)),
            b"BLPOP" | b"BRPOP" | b"BRPOPLPUSH" | b"BLMOVE" | b"BZPOPMIN" | b"BZPOPMAX" => {
                Manner::Alone(self.seconds(self.count - 1))
            }
            b"BLMPOP" | b"BZMPOP" => Manner::Alone(self.seconds(1)),
            b"XREAD" | b"XREADGROUP" => self
                .block_option()
                .map_or(Manner::Shared, |at| Manner::Alone(self.millis(at + 1))),
            b"WAIT" => Manner::Behind(self.millis(2)),
            b"WAITAOF" => Manner::Behind(self.millis(3)),
            _ => Manner::Shared,
        }
    }

    /// Those containers some of whose sub-commands are not for a shared connection.
    #[cold]
    fn container(&self, word: &[u8]) -> Manner {
        match (self.name(), word.to_ascii_uppercase().as_slice()) {
            (
                b"CLIENT",
                b"CACHING"
                | b"CAPA"
                | b"IMPORT-SOURCE"
                | b"MAINT_NOTIFICATIONS"
                | b"NO-EVICT"
                | b"NO-TOUCH"
                | b"REPLY"
                | b"SETINFO"
                | b"SETNAME"
                | b"TRACKING",
            )
            | (b"SCRIPT", b"DEBUG") => Manner::Never(STATE),
            // Makes its connection one over which slots migrate.
            (b"CLUSTER", b"SYNCSLOTS") => Manner::Never(REPLICATION),
            _ => Manner::Shared,
        }
    }

    /// Where a reader of streams says `BLOCK`: among its options, which end with `STREAMS`; the names of
    /// a group and of a consumer are none.
    fn block_option(&self) -> Option<usize> {
        let mut at = 1;
        loop {
            let word = self.nth(at)?;
            if word.eq_ignore_ascii_case(b"BLOCK") {
                return Some(at);
            }
            if word.eq_ignore_ascii_case(b"STREAMS") {
                return None;
            }
            at += if word.eq_ignore_ascii_case(b"GROUP") {
                3
            } else {
                1
            };
        }
    }

    /// The argument at `index` as a time in seconds; zero is for ever (`None`). The server refuses what
    /// is no time at once.
    fn seconds(&self, index: usize) -> Option<Duration> {
        let text = self
            .nth(index)
            .and_then(|word| std::str::from_utf8(word).ok());
        let seconds = text.and_then(|text| text.parse().ok()).unwrap_or(-1.0);
        if seconds == 0.0 {
            return None;
        }
        // More than any clock can count is for ever too.
        match Duration::try_from_secs_f64(seconds) {
            Ok(time) => Some(time),
            Err(_) if seconds > 0.0 => None,
            Err(_) => Some(Duration::ZERO),
        }
    }

    fn millis(&self, index: usize) -> Option<Duration> {
        let text = self
            .nth(index)
            .and_then(|word| std::str::from_utf8(word).ok());
        match text.and_then(|text| text.parse().ok()) {
            Some(0) => None,
            Some(millis) => Some(Duration::from_millis(millis)),
            None => Some(Duration::ZERO),
        }
    }
}
