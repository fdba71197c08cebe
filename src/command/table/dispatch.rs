//! How a command may be sent on a connection that threads share: judged by hand. Parses no argument but
//! the time for which a command blocks, and the increments of `TOPK.INCRBY`.

use super::is_same;
use super::keys::Arguments;
use std::time::Duration;

/// How a command must be sent, with the arguments that it has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dispatch {
    /// With others.
    Shared,
    /// On a connection alone: it blocks on the server for so long (`None`: for ever).
    Exclusive(Option<Duration>),
    /// Behind the writes that it asks about, in the same pipeline, which it blocks for so long (`None`:
    /// for ever).
    Behind(Option<Duration>),
    /// Not at all: it changes the state of its connection, or has no one reply.
    Refused(RefusalReason),
    /// As the server says.
    Asked,
}

/// How a command may be sent, by its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DispatchRule {
    /// With others: it leaves its connection as it was.
    Shared,
    /// On a connection alone, while it blocks.
    Blocks(Time),
    /// Behind the writes that it asks about, in the same pipeline, which it blocks.
    Behind(Time),
    /// Not at all.
    Refused(RefusalReason),
    /// With others, if each number behind an item is one that RedisBloom takes; otherwise not at all.
    Increments,
    /// As the server says: nothing is known of it.
    Asked,
}

/// Where a command says for how long it blocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Time {
    /// Its last argument, in seconds.
    LastSeconds,
    /// The argument at this index, in seconds.
    Seconds(u8),
    /// The argument at this index, in milliseconds.
    Millis(u8),
    /// The option `BLOCK`, in milliseconds. Without it the command does not block.
    BlockOption,
}

/// In what a command says for how long it blocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unit {
    /// Seconds, with a fraction. Redis takes a fraction from version 6 on.
    Seconds,
    /// Whole milliseconds.
    Millis,
}

/// Why a command may not be sent on a connection that others share.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RefusalReason {
    /// It changes the user.
    Login,
    /// It changes the state.
    State,
    /// It ends the connection.
    End,
    /// Its replies are a stream.
    Stream,
    /// It belongs to replication.
    Replication,
    /// It is a part of a transaction.
    Transaction,
    /// It was begun without a name: nobody has looked up what its first argument would do.
    Nameless,
    /// A number behind an item is one of which RedisBloom replies less than it announces.
    Increment,
    /// One of its arguments could not be made.
    Unmade,
}

impl Dispatch {
    /// Why a command that speaks of the writes before it is not sent by itself.
    pub(crate) const BEHIND: &str = "it asks about the writes before it on its own connection, which \
         other threads share: send it in a pipeline, behind the writes";

    /// Why such a command is not sent within a transaction.
    pub(crate) const NOT_WITHIN: &str = "it does not wait in a transaction, and its writes have not run \
         yet: send it in a pipeline that is not atomic, behind the writes";
}

impl DispatchRule {
    /// How the command with these arguments, its name first, must be sent.
    pub(super) fn apply(self, arguments: &(impl Arguments + ?Sized)) -> Dispatch {
        match self {
            Self::Shared => Dispatch::Shared,
            Self::Blocks(time) => {
                // Without its option (`XREAD` without `BLOCK`) the command does not wait, and shares
                // like any other.
                (time.of(arguments)).map_or(Dispatch::Shared, Dispatch::Exclusive)
            }
            Self::Behind(time) => (time.of(arguments)).map_or(Dispatch::Shared, Dispatch::Behind),
            Self::Refused(reason) => Dispatch::Refused(reason),
            Self::Increments if !are_increments(arguments) => {
                Dispatch::Refused(RefusalReason::Increment)
            }
            Self::Increments => Dispatch::Shared,
            Self::Asked => Dispatch::Asked,
        }
    }
}

impl RefusalReason {
    /// The reason, for the caller.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Login => {
                "it changes the user of a connection that other threads share: take one alone (Client::lease)"
            }
            Self::State => {
                "it changes the state of a connection that other threads share: take one alone (Client::lease)"
            }
            Self::End => "it ends a connection that other threads share",
            Self::Stream => {
                "its replies are a stream: receive them by Client::subscriber or Client::monitor"
            }
            Self::Replication => "it belongs to replication, whose replies are a stream",
            Self::Transaction => {
                "a transaction must be sent as one: use an atomic pipeline, Client::transaction or Client::lease"
            }
            Self::Nameless => "a command needs a name: give cmd() the name, not its first argument",
            Self::Increment => {
                "an increment is no integer from 0 to 100000: RedisBloom would reply less than it announces, \
                 and other threads would get replies that are not theirs"
            }
            Self::Unmade => "an argument could not be made",
        }
    }
}

impl Time {
    /// For how long the command with these arguments blocks: `Some(None)` is for ever, `None` not at
    /// all.
    fn of(self, arguments: &(impl Arguments + ?Sized)) -> Option<Option<Duration>> {
        let (at, unit) = self.place(arguments)?;
        let word = arguments.argument(at);
        Some(match unit {
            Unit::Seconds => seconds(word),
            Unit::Millis => millis(word),
        })
    }

    /// Which argument says it, and in what unit. `None`: the command does not block.
    pub(crate) fn place(self, arguments: &(impl Arguments + ?Sized)) -> Option<(usize, Unit)> {
        match self {
            Self::LastSeconds => Some((arguments.count().checked_sub(1)?, Unit::Seconds)),
            Self::Seconds(at) => Some((at.into(), Unit::Seconds)),
            Self::Millis(at) => Some((at.into(), Unit::Millis)),
            Self::BlockOption => Some((block_option(arguments)? + 1, Unit::Millis)),
        }
    }
}

impl Unit {
    /// A time that has an end, as an argument. Servers count milliseconds: what is less counts as one, because zero
    /// would be for ever.
    pub(crate) fn write(self, time: Duration) -> String {
        let is_part = time.subsec_nanos() % 1_000_000 > 0;
        let millis = (time.as_millis() + u128::from(is_part)).max(1);
        match self {
            Self::Seconds => format!("{}.{:03}", millis / 1000, millis % 1000),
            Self::Millis => millis.to_string(),
        }
    }
}

/// Where a reader of streams says `BLOCK`: among its options, which end with `STREAMS`. The names of a
/// group and of a consumer are none.
fn block_option(arguments: &(impl Arguments + ?Sized)) -> Option<usize> {
    let mut at = 1;
    loop {
        let word = arguments.argument(at)?;
        // The first of the two words decides: behind `STREAMS` come keys, and a key may be called BLOCK.
        if is_same(word, b"BLOCK") {
            return Some(at);
        }
        if is_same(word, b"STREAMS") {
            return None;
        }
        // The two names behind `GROUP` may be any word, `BLOCK` too.
        at += if is_same(word, b"GROUP") { 3 } else { 1 };
    }
}

/// An argument as a time in seconds; zero is for ever (`None`). The server refuses what is no time at
/// once.
fn seconds(word: Option<&[u8]>) -> Option<Duration> {
    let text = word.and_then(|word| std::str::from_utf8(word).ok());
    // What is no number is answered by the server at once, with an error.
    let seconds = text.and_then(|text| text.parse().ok()).unwrap_or(-1.0);
    if seconds == 0.0 {
        return None;
    }
    // More than any clock can count is for ever too.
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) => Some(time),
        // Too long, or infinite.
        Err(_) if seconds > 0.0 => None,
        Err(_) => Some(Duration::ZERO),
    }
}

/// As [`seconds`], in milliseconds.
fn millis(word: Option<&[u8]>) -> Option<Duration> {
    let text = word.and_then(|word| std::str::from_utf8(word).ok());
    match text.and_then(|text| text.parse().ok()) {
        // Zero is "for ever" to servers.
        Some(0) => None,
        Some(millis) => Some(Duration::from_millis(millis)),
        None => Some(Duration::ZERO),
    }
}

/// Whether each number behind an item is an integer from 0 to 100,000, as servers write one.
///
/// To `TOPK.INCRBY` with any other, RedisBloom 2.8 announces a reply for each item and ends behind the error, so
/// that the replies of the commands behind it count as the rest. An item without a number it refuses as a whole.
fn are_increments(arguments: &(impl Arguments + ?Sized)) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    arguments.every_other_from(3, |word| match word {
        b"0" | b"100000" => true,
        // Without a sign or zeros in front, which servers take for no integer.
        [b'1'..=b'9', more @ ..] => more.len() < 5 && more.iter().all(is_digit),
        _ => false,
    })
}
