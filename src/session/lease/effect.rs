//! What a command does to the connection of a lease: judged by its name. Sends nothing, and keeps nothing.

use crate::command::Cmd;
use crate::command::table::{Dispatch, RefusalReason};
use std::borrow::Cow;
use std::time::Duration;

/// A setting of a connection that another one can be given, and that can be taken back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Setting {
    /// The database that `SELECT` has chosen.
    Database,
    /// Whether the connection may be closed when clients take too much memory.
    NoEvict,
    /// Whether its reads count as uses of a key.
    NoTouch,
}

/// What a command does to its connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Effect {
    Discard,
    Exec,
    Multi,
    /// It leaves the connection as it was.
    None,
    /// It changes a setting. `is_base`: to what every connection begins with, as far as its words say.
    Sets {
        setting: Setting,
        is_base: bool,
    },
    /// It changes the connection for good: no other is like it from then on.
    Stays,
    Unwatch,
    Watch,
}

/// A command of a lease.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Judged {
    pub(super) effect: Effect,
    /// For how long it blocks on the server (`None`: for ever), if it does.
    pub(super) blocks: Option<Option<Duration>>,
    /// From its reply on the server may tell of keys that have changed.
    pub(super) hears: bool,
}

impl Judged {
    fn quick(effect: Effect) -> Self {
        Self {
            effect,
            blocks: None,
            hears: false,
        }
    }
}

/// What this command does on the connection of a lease. `database`: the one that connections begin with.
///
/// # Errors
///
/// The command must not be sent, for this reason.
pub(super) fn judge(command: &Cmd, database: u32) -> Result<Judged, Cow<'static, str>> {
    let blocking = |time| Judged {
        effect: Effect::None,
        blocks: Some(time),
        hears: false,
    };
    match command.dispatch() {
        Dispatch::Shared => Ok(Judged::quick(Effect::None)),
        Dispatch::Exclusive(time) | Dispatch::Behind(time) => Ok(blocking(time)),
        // Nobody knows what it does.
        Dispatch::Asked => Ok(Judged::quick(Effect::Stays)),
        Dispatch::Refused(reason) => changes(command, reason, database),
    }
}

/// What a command does that is refused on connections which are shared.
fn changes(
    command: &Cmd,
    reason: RefusalReason,
    database: u32,
) -> Result<Judged, Cow<'static, str>> {
    let word = |place| command.nth(place).unwrap_or_default().to_ascii_uppercase();
    let name = word(0);
    // The table says that each of these is refused on a shared connection; why it is decides here.
    let effect = match (reason, name.as_slice(), word(1).as_slice()) {
        (RefusalReason::Transaction, b"MULTI", _) => Effect::Multi,
        (RefusalReason::Transaction, b"EXEC", _) => Effect::Exec,
        (RefusalReason::Transaction, b"DISCARD", _) => Effect::Discard,
        (RefusalReason::Transaction, b"UNWATCH", _) => Effect::Unwatch,
        (RefusalReason::Transaction, b"WATCH", _) => Effect::Watch,
        (RefusalReason::State, b"SELECT", number) => Effect::Sets {
            setting: Setting::Database,
            is_base: number == database.to_string().as_bytes(),
        },
        (RefusalReason::State, b"CLIENT", b"NO-EVICT") => Effect::Sets {
            setting: Setting::NoEvict,
            is_base: word(2) == b"OFF",
        },
        (RefusalReason::State, b"CLIENT", b"NO-TOUCH") => Effect::Sets {
            setting: Setting::NoTouch,
            is_base: word(2) == b"OFF",
        },
        (RefusalReason::State, b"CLIENT", b"REPLY") => {
            return Err("it would shift the replies of every command behind it".into());
        }
        (RefusalReason::State, b"CLIENT", b"MAINT_NOTIFICATIONS") => {
            return Err("the client agrees on them by itself (Options::maintenance)".into());
        }
        // Another user, a name, tracking: no list of them is kept, because none is taken along.
        (RefusalReason::State, ..) | (RefusalReason::Login, b"AUTH", _) => Effect::Stays,
        (RefusalReason::Login, ..) => {
            return Err(
                "it may change the protocol, which the client has agreed on (Options::protocol)"
                    .into(),
            );
        }
        (RefusalReason::End, ..) => {
            return Err("it ends the connection: drop the lease instead".into());
        }
        (RefusalReason::Stream, ..) => return Err(RefusalReason::Stream.text().into()),
        _ => return Err(command.refusal(reason)),
    };
    Ok(Judged {
        hears: name == b"CLIENT" && word(1) == b"TRACKING",
        ..Judged::quick(effect)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::cmd;

    fn effect(words: &str) -> Option<Effect> {
        judge(&cmd(words), 3).ok().map(|judged| judged.effect)
    }

    #[test]
    fn what_changes_a_connection_is_known() {
        let sets = |setting, is_base| Some(Effect::Sets { setting, is_base });
        for (words, expected) in [
            ("GET k", Some(Effect::None)),
            ("watch k", Some(Effect::Watch)),
            ("UNWATCH", Some(Effect::Unwatch)),
            ("Multi", Some(Effect::Multi)),
            ("EXEC", Some(Effect::Exec)),
            ("DISCARD", Some(Effect::Discard)),
            ("SELECT 2", sets(Setting::Database, false)),
            ("select 3", sets(Setting::Database, true)),
            ("CLIENT no-evict on", sets(Setting::NoEvict, false)),
            ("CLIENT NO-EVICT OFF", sets(Setting::NoEvict, true)),
            ("CLIENT NO-TOUCH ON", sets(Setting::NoTouch, false)),
            ("CLIENT TRACKING ON", Some(Effect::Stays)),
            ("CLIENT SETNAME x", Some(Effect::Stays)),
            ("AUTH secret", Some(Effect::Stays)),
            ("READONLY", Some(Effect::Stays)),
            ("A.MODULES COMMAND", Some(Effect::Stays)),
            ("HELLO 3", None),
            ("QUIT", None),
            ("RESET", None),
            ("CLIENT REPLY OFF", None),
            ("CLIENT MAINT_NOTIFICATIONS OFF", None),
            ("SUBSCRIBE c", None),
            ("MONITOR", None),
            ("PSYNC ? -1", None),
            ("", None),
        ] {
            assert_eq!(effect(words), expected, "{words}");
        }
    }

    #[test]
    fn who_asks_for_tracking_hears() {
        let hears = |words: &str| judge(&cmd(words), 0).unwrap().hears;
        assert!(hears("client tracking on bcast"));
        assert!(!hears("CLIENT SETNAME x"));
        assert!(!hears("GET CLIENT"));
    }

    #[test]
    fn what_blocks_may_take_its_time() {
        let blocks = |words: &str| judge(&cmd(words), 0).unwrap().blocks;
        assert_eq!(blocks("GET k"), None);
        assert_eq!(blocks("BLPOP k 2"), Some(Some(Duration::from_secs(2))));
        assert_eq!(blocks("BLPOP k 0"), Some(None));
        assert_eq!(blocks("WAIT 1 50"), Some(Some(Duration::from_millis(50))));
    }
}
