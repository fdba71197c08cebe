//! Where the keys of a command are, as `COMMAND` says it: a place to start, and how to go on from
//! there. Yields places, not bytes.

use super::is_same;

/// The arguments of one command, its name first.
pub(crate) trait Arguments {
    /// How many there are, with the name.
    fn count(&self) -> usize;

    /// The argument at this place.
    fn argument(&self, place: usize) -> Option<&[u8]>;

    /// Whether this holds for the argument at this place and every other one behind it.
    fn every_other_from(&self, place: usize, holds: impl Fn(&[u8]) -> bool) -> bool {
        let mut places = (place..self.count()).step_by(2);
        places.all(|place| self.argument(place).is_some_and(&holds))
    }
}

/// Where some of the keys of a command are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeySpec {
    pub(crate) start: Start,
    pub(crate) find: Find,
    /// They are no keys, but routed like keys: the channels of sharded pub/sub, the cursor of
    /// `CLUSTERSCAN`.
    pub(crate) is_channel: bool,
}

/// Where to start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// At this place.
    At(usize),
    /// Behind this word, which is looked for from this place on.
    Behind(&'static str, usize),
    /// Behind the last `STORE` among the options of `SORT`. Servers leave this to their code.
    SortStore,
    /// The key of `MIGRATE`, or, where that is empty, behind `KEYS`, which is looked for behind the
    /// options that have a value. Servers leave this to their code.
    Migrate,
}

/// How to go on from the start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Find {
    /// Each `step`th up to `last`, which counts from the start, or, if negative, from the end of the
    /// command. `limit`: of what is behind the start, only the first part of so many.
    Range {
        last: isize,
        step: usize,
        limit: usize,
    },
    /// As many as the argument at the start says, each `step`th, from behind it. A count that is no number,
    /// or larger than the command, finds none.
    Counted { step: usize },
}

/// Places of keys: from `first` to `last`, each `step`th.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Span {
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) step: usize,
    /// As in [`KeySpec`].
    pub(crate) is_channel: bool,
}

/// The most specifications that a command has (`GEORADIUS`).
const MOST: usize = 3;

/// Where the keys of one command are. No allocation.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Keys {
    spans: [Option<Span>; MOST],
}

impl KeySpec {
    /// One key, at this place.
    pub(super) const fn at(place: usize) -> Self {
        Self::range(place, 0, 1)
    }

    /// Keys from this place on.
    pub(super) const fn range(first: usize, last: isize, step: usize) -> Self {
        Self::new(
            Start::At(first),
            Find::Range {
                last,
                step,
                limit: 0,
            },
        )
    }

    /// Keys behind their number, which is at this place.
    pub(super) const fn counted(place: usize, step: usize) -> Self {
        Self::new(Start::At(place), Find::Counted { step })
    }

    /// Keys behind a word that is looked for from this place on.
    pub(super) const fn behind(
        word: &'static str,
        from: usize,
        last: isize,
        step: usize,
        limit: usize,
    ) -> Self {
        Self::new(Start::Behind(word, from), Find::Range { last, step, limit })
    }

    /// What is found by code of our own, because servers find it by theirs.
    pub(super) const fn special(start: Start, last: isize) -> Self {
        let (step, limit) = (1, 0);
        Self::new(start, Find::Range { last, step, limit })
    }

    /// These are routed like keys, but are none.
    pub(super) const fn channels(mut self) -> Self {
        self.is_channel = true;
        self
    }

    const fn new(start: Start, find: Find) -> Self {
        Self {
            start,
            find,
            is_channel: false,
        }
    }

    /// The keys in these arguments; `None`: none, or fewer arguments than the command needs, which the
    /// server refuses.
    fn span(&self, arguments: &(impl Arguments + ?Sized)) -> Option<Span> {
        // All sums are checked: counts come from users' arguments.
        let count = arguments.count();
        let (start, find) = match self.start {
            Start::At(place) => (place, self.find),
            Start::Behind(word, from) => {
                let is_it = |place: &usize| is_word(arguments, *place, word);
                ((from..count).find(is_it)?.checked_add(1)?, self.find)
            }
            Start::SortStore => (sort_store(arguments)?, self.find),
            Start::Migrate => migrate(arguments, self.find)?,
        };
        let (first, last, step) = match find {
            Find::Range { last, step, limit } => {
                let last = match usize::try_from(last) {
                    Ok(last) => start.checked_add(last)?,
                    // A limit of 2 means that the keys are the first half of what is left: XREAD has as
                    // many ids as keys.
                    Err(_) if limit > 1 => {
                        let part = count.checked_sub(start)? / limit;
                        start.checked_add(part)?.checked_add_signed(last)?
                    }
                    Err(_) => count.checked_add_signed(last)?,
                };
                (start, last, step)
            }
            Find::Counted { step } => {
                let number = std::str::from_utf8(arguments.argument(start)?).ok()?;
                // No keys at all (`EVAL script 0`) is no span.
                let others = number.parse::<usize>().ok()?.checked_sub(1)?;
                let first = start.checked_add(1)?;
                let last = first.checked_add(others.checked_mul(step)?)?;
                (first, last, step)
            }
        };
        // Arguments that are missing make no span: the server answers such a command with an error.
        (first <= last && last < count).then_some(Span {
            first,
            last,
            step,
            is_channel: self.is_channel,
        })
    }
}

impl Keys {
    pub(super) fn of(specs: &[KeySpec], arguments: &(impl Arguments + ?Sized)) -> Self {
        let mut keys = Self::default();
        for (span, spec) in keys.spans.iter_mut().zip(specs) {
            *span = spec.span(arguments);
        }
        keys
    }

    /// The places, in the order of the specifications.
    pub(crate) fn spans(&self) -> impl Iterator<Item = &Span> {
        self.spans.iter().flatten()
    }

    /// The places of keys; channels are none.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        let spans = self.spans().filter(|span| !span.is_channel);
        spans.flat_map(|span| (span.first..=span.last).step_by(span.step))
    }
}

/// Whether the argument at this place is this word, in any case.
fn is_word(arguments: &(impl Arguments + ?Sized), place: usize, word: &str) -> bool {
    (arguments.argument(place)).is_some_and(|argument| is_same(argument, word.as_bytes()))
}

/// Behind the last `STORE` that is an option of its own, and not the pattern of a `BY` or `GET`. The server
/// takes the last one.
fn sort_store(arguments: &(impl Arguments + ?Sized)) -> Option<usize> {
    let (mut at, mut store) = (2, None);
    while let Some(word) = arguments.argument(at) {
        at += match word {
            word if is_same(word, b"LIMIT") => 2,
            word if is_same(word, b"GET") || is_same(word, b"BY") => 1,
            word if is_same(word, b"STORE") => {
                store = Some(at + 1);
                0
            }
            _ => 0,
        };
        at += 1;
    }
    store
}

/// `MIGRATE host port key db timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key
/// ...]`.
fn migrate(arguments: &(impl Arguments + ?Sized), one: Find) -> Option<(usize, Find)> {
    const KEY: usize = 3;
    let many = Find::Range {
        last: -1,
        step: 1,
        limit: 0,
    };
    // MIGRATE names one key, or an empty text there and several behind KEYS.
    if !arguments.argument(KEY)?.is_empty() {
        return Some((KEY, one));
    }
    let mut at = 6;
    while let Some(word) = arguments.argument(at) {
        at += match word {
            word if is_same(word, b"KEYS") => return Some((at + 1, many)),
            // The words behind it are secrets, which may be spelled like an option.
            word if is_same(word, b"AUTH") => 2,
            word if is_same(word, b"AUTH2") => 3,
            _ => 1,
        };
    }
    // No `KEYS`: the server takes the empty key.
    Some((KEY, one))
}
