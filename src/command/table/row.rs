//! One row of the table: a command, or a sub-command. Looks nothing up.

use super::dispatch::{Dispatch, DispatchRule, Time};
use super::keys::{Arguments, KeySpec, Keys};
use super::{UNKNOWN, is_same};

/// What servers say of a class of commands, and what was judged besides. Names are those of `COMMAND`.
pub(crate) mod flags {
    /// `readonly`, of every server that knows the command.
    pub(crate) const READ: u16 = 1;
    /// `write`, of any server that knows the command.
    pub(crate) const WRITE: u16 = 1 << 1;
    /// The server says `admin`: not for ordinary use.
    pub(crate) const ADMIN: u16 = 1 << 2;
    /// The server says `pubsub`: it belongs to messaging.
    pub(crate) const PUBSUB: u16 = 1 << 3;
    /// `blocking`: it may block; whether it does can be in its arguments.
    pub(crate) const BLOCKING: u16 = 1 << 4;
    /// `movablekeys`: where its keys are depends on its arguments.
    pub(crate) const MOVABLE: u16 = 1 << 5;
    /// `no_multi`: not within a transaction.
    pub(crate) const NO_MULTI: u16 = 1 << 6;
    /// `denyoom`: refused when the server's memory is full.
    pub(crate) const DENY_OOM: u16 = 1 << 7;
    /// The tip `nondeterministic_output`, or that of its order.
    pub(crate) const VARYING: u16 = 1 << 8;
    /// Judged: it runs commands of its own, so that an error does not say that nothing ran.
    pub(crate) const SCRIPT: u16 = 1 << 9;
    /// Judged: its first argument is a part of its name, though servers list no sub-commands.
    pub(crate) const WORDS: u16 = 1 << 10;
    /// None of the three servers knows it: nothing is known of its keys.
    pub(crate) const UNKNOWN: u16 = 1 << 11;
    /// Judged: it may keep the server busy for long, by the number of keys or elements that it goes through, so
    /// that short commands are not sent behind it.
    pub(crate) const LONG: u16 = 1 << 12;
}

/// A command or a sub-command: facts of servers, and judgements.
#[derive(Debug)]
pub(crate) struct Command {
    /// Its own word, in upper case: `CLIENT`, or `ID` of `CLIENT ID`.
    pub(crate) name: &'static str,
    /// The number of its words with the name; negative: at least so many.
    pub(crate) arity: i8,
    pub(crate) flags: u16,
    /// Where its keys are.
    pub(crate) keys: &'static [KeySpec],
    pub(crate) dispatch: DispatchRule,
    /// Whether it may run twice, by its name alone: the strictest class that its arguments can give it.
    pub(crate) repeat: Repeat,
    pub(crate) exception: Option<Exception>,
    /// To which nodes of a cluster it goes, if not to one by its keys.
    pub(crate) request: RequestPolicy,
    /// How the replies of several nodes become one.
    pub(crate) response: ResponsePolicy,
    /// Since which version Redis has it; `None`: Redis 8.2 has not, or does not say.
    pub(crate) redis: Option<[u8; 3]>,
    /// Since which version Valkey has it, counting those of Redis before the fork.
    pub(crate) valkey: Option<[u8; 3]>,
    pub(crate) subcommands: &'static [Self],
}

/// Whether a command may be sent again when nobody knows whether it ran.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Repeat {
    /// It changes nothing.
    Reads,
    /// Run twice in a row, it leaves the data that one run leaves. It overwrites what somebody else
    /// wrote in between, and a count in the second reply may be smaller.
    LastWins,
    /// It adds up, takes, moves, decides by a condition, or administers; or nothing is known of it.
    Never,
}

/// Arguments that change whether a command may run twice.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exception {
    /// Never, if one of these is among its arguments, or within one of them if it begins with `*`.
    NeverWith(&'static [&'static str]),
    /// It reads, if none of these is among its arguments.
    ReadsWithout(&'static [&'static str]),
}

/// The tip `request_policy`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RequestPolicy {
    /// No tip: one node, by its keys, or any one if it has none.
    One,
    AllNodes,
    /// All masters.
    AllShards,
    /// Its keys may be divided among nodes.
    MultiShard,
    Special,
}

/// The tip `response_policy`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ResponsePolicy {
    /// No tip: arrays are joined, or keep the order of the keys.
    Join,
    AllSucceeded,
    OneSucceeded,
    Sum,
    Min,
    /// Element by element.
    And,
    Special,
}

impl Command {
    /// A row that says the least. The methods below say more.
    pub(super) const fn new(name: &'static str, arity: i8, flags: u16) -> Self {
        Self {
            name,
            arity,
            flags,
            keys: &[],
            dispatch: DispatchRule::Shared,
            repeat: Repeat::Never,
            exception: None,
            request: RequestPolicy::One,
            response: ResponsePolicy::Join,
            redis: None,
            valkey: None,
            subcommands: &[],
        }
    }

    pub(super) const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.keys = keys;
        self
    }

    pub(super) const fn sent(mut self, dispatch: DispatchRule) -> Self {
        self.dispatch = dispatch;
        self
    }

    pub(super) const fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    pub(super) const fn except(mut self, exception: Exception) -> Self {
        self.exception = Some(exception);
        self
    }

    pub(super) const fn spread(mut self, request: RequestPolicy, response: ResponsePolicy) -> Self {
        self.request = request;
        self.response = response;
        self
    }

    pub(super) const fn redis(mut self, major: u8, minor: u8, patch: u8) -> Self {
        self.redis = Some([major, minor, patch]);
        self
    }

    pub(super) const fn valkey(mut self, major: u8, minor: u8, patch: u8) -> Self {
        self.valkey = Some([major, minor, patch]);
        self
    }

    pub(super) const fn subcommands(mut self, subcommands: &'static [Self]) -> Self {
        self.subcommands = subcommands;
        self
    }

    /// Whether it has this flag.
    #[inline]
    pub(crate) const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Whether its first argument is a part of its name.
    #[inline]
    pub(crate) const fn is_container(&self) -> bool {
        !self.subcommands.is_empty() || self.has(flags::WORDS)
    }

    /// Whether this word, as it is written in the table, is a sub-command.
    pub(crate) const fn has_subcommand(&self, word: &[u8]) -> bool {
        let mut at = 0;
        // A loop over numbers: the compiler runs no iterators.
        while at < self.subcommands.len() {
            if is_same(self.subcommands[at].name.as_bytes(), word) {
                return true;
            }
            at += 1;
        }
        // The words of some are not listed.
        self.has(flags::WORDS)
    }

    /// The sub-command of this word, in any case; the command itself, if it has none. A word that a
    /// newer server may know is [`UNKNOWN`].
    pub(crate) fn subcommand(&'static self, word: Option<&[u8]>) -> &'static Self {
        let (Some(word), false) = (word, self.subcommands.is_empty()) else {
            return self;
        };
        // At most about 30, and never on the way of a plain command.
        let found = (self.subcommands.iter()).find(|sub| is_same(sub.name.as_bytes(), word));
        // A sub-command that is newer than the table: nothing is assumed of it.
        found.unwrap_or(&UNKNOWN)
    }

    /// Whether a reply of it may be the only copy of what it says. `word`: its first argument.
    pub(crate) fn may_take<'a>(&'static self, word: impl FnOnce() -> Option<&'a [u8]>) -> bool {
        // `XINFO STREAM` reads what `XGROUP DESTROY` would not: the sub-command decides.
        if self.subcommands.is_empty() {
            self.takes()
        } else {
            self.subcommand(word()).takes()
        }
    }

    /// As [`may_take`](Self::may_take), of a command without sub-commands.
    #[inline]
    pub(crate) fn takes(&self) -> bool {
        self.repeat != Repeat::Reads
    }

    /// Whether it is sent with others, whatever its arguments are.
    #[inline]
    pub(crate) const fn is_plain(&self) -> bool {
        matches!(self.dispatch, DispatchRule::Shared) && self.subcommands.is_empty()
    }

    /// Where it says for how long it blocks, if it does.
    pub(crate) fn time(&self) -> Option<Time> {
        match self.dispatch {
            DispatchRule::Blocks(time) => Some(time),
            _ => None,
        }
    }

    /// How the command with these arguments, the name first, must be sent.
    #[cold]
    pub(crate) fn dispatch_of(&'static self, arguments: &(impl Arguments + ?Sized)) -> Dispatch {
        let command = self.subcommand(arguments.argument(1));
        command.dispatch.apply(arguments)
    }

    /// Whether the command with these arguments, the name first, may run twice.
    pub(crate) fn repeat_of(&self, arguments: &(impl Arguments + ?Sized)) -> Repeat {
        let has_one_of = |words: &[&str]| {
            (1..arguments.count()).any(|place| {
                let word = arguments.argument(place).unwrap_or_default();
                words.iter().any(|one| match one.strip_prefix('*') {
                    Some(part) => word.windows(part.len()).any(|at| at == part.as_bytes()),
                    None => is_same(one.as_bytes(), word),
                })
            })
        };
        // The words are looked for everywhere, also where they are values: that errs towards never.
        match self.exception {
            Some(Exception::NeverWith(words)) if has_one_of(words) => Repeat::Never,
            Some(Exception::ReadsWithout(words)) if !has_one_of(words) => Repeat::Reads,
            _ => self.repeat,
        }
    }

    /// Where the keys of the command with these arguments are, the name first. `None`: nothing is known
    /// of the command, so that whoever sends it has to say.
    pub(crate) fn keys_of(&self, arguments: &(impl Arguments + ?Sized)) -> Option<Keys> {
        if self.has(flags::UNKNOWN) {
            return None;
        }
        Some(Keys::of(self.keys, arguments))
    }
}
