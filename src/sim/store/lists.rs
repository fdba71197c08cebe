//! Lists, as far as nothing blocks.

use super::notify::Topic;
use super::{Keyspace, List};
use crate::protocol::ServerError;
use crate::sim::answer::{
    Answer, Outcome, count, integer_arg, lower, maybe, nil, positive, range, strings, syntax,
};

/// One end of a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sim) enum End {
    /// The left end, the head.
    Left,
    /// The right end, the tail.
    Right,
}

impl End {
    /// Reads `LEFT` or `RIGHT`.
    pub(in crate::sim) fn parse(text: &[u8]) -> Result<Self, ServerError> {
        match lower(text).as_str() {
            "left" => Ok(Self::Left),
            "right" => Ok(Self::Right),
            _ => Err(syntax()),
        }
    }

    /// What is told of a list from which something was taken here.
    fn popped(self) -> &'static str {
        match self {
            Self::Left => "lpop",
            Self::Right => "rpop",
        }
    }

    /// What is told of a list that has got something here.
    fn pushed(self) -> &'static str {
        match self {
            Self::Left => "lpush",
            Self::Right => "rpush",
        }
    }
}

impl Keyspace<'_> {
    /// Takes elements off a list, as many as there are and at most so many; nothing if there is no list.
    fn pop_many(
        &mut self,
        key: &[u8],
        end: End,
        most: usize,
    ) -> Result<Option<Vec<Vec<u8>>>, ServerError> {
        let Some(list) = self.find::<List>(key)? else {
            return Ok(None);
        };
        let next = || match end {
            End::Left => list.pop_front(),
            End::Right => list.pop_back(),
        };
        let taken: Vec<Vec<u8>> = std::iter::from_fn(next).take(most).collect();
        // However many: it is one event.
        if !taken.is_empty() {
            self.changed(Topic::List, end.popped(), key);
        }
        // A list without elements is no key.
        self.prune(key);
        Ok(Some(taken))
    }

    /// Takes one element off a list; nothing if there is no list.
    pub(in crate::sim) fn pop(
        &mut self,
        key: &[u8],
        end: End,
    ) -> Result<Option<Vec<u8>>, ServerError> {
        let taken = self.pop_many(key, end, 1)?;
        Ok(taken.and_then(|mut taken| taken.pop()))
    }

    /// Puts elements onto a list one after the other and returns its length.
    pub(in crate::sim) fn push(
        &mut self,
        key: &[u8],
        end: End,
        elements: &[Vec<u8>],
    ) -> Result<usize, ServerError> {
        let list = self.make::<List>(key)?;
        for element in elements {
            match end {
                End::Left => list.push_front(element.clone()),
                End::Right => list.push_back(element.clone()),
            }
        }
        let len = list.len();
        self.changed(Topic::List, end.pushed(), key);
        // Who waits for it is served when the command is over: a push of three elements is one event.
        self.grew(key);
        Ok(len)
    }

    /// Takes an element from one list and puts it onto another.
    pub(in crate::sim) fn shift(
        &mut self,
        from: (&[u8], End),
        to: (&[u8], End),
    ) -> Result<Option<Vec<u8>>, ServerError> {
        if self.find::<List>(from.0)?.is_none() {
            return Ok(None);
        }
        // The destination's type is checked before anything is taken.
        self.find::<List>(to.0)?;
        let taken = self.find::<List>(from.0)?.and_then(|list| match from.1 {
            End::Left => list.pop_front(),
            End::Right => list.pop_back(),
        });
        let Some(element) = taken else {
            return Ok(None);
        };
        self.push(to.0, to.1, std::slice::from_ref(&element))?;
        // Behind the push, in a server's order; a list that turns in a circle is never empty.
        self.changed(Topic::List, from.1.popped(), from.0);
        self.prune(from.0);
        Ok(Some(element))
    }
}

/// `LPUSH key element ...`: the new length.
pub(super) fn lpush(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    count(keys.push(&args[1], End::Left, &args[2..])?)
}

/// `RPUSH key element ...`: the new length.
pub(super) fn rpush(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    count(keys.push(&args[1], End::Right, &args[2..])?)
}

/// `LPOP` and `RPOP`: with a count an array of at most so many, without one a single element; nil where
/// there is no list.
fn pop(keys: &mut Keyspace<'_>, args: &[Vec<u8>], end: End) -> Outcome {
    let [_, key, rest @ ..] = args else {
        return nil();
    };
    let Some(amount) = rest.first() else {
        return maybe(keys.pop(key, end)?);
    };
    match keys.pop_many(key, end, positive(amount)?)? {
        Some(taken) => strings(taken),
        // With a count, RESP2 answers the nil array and not the nil string.
        None => Ok(Answer::NilArray),
    }
}

/// `LPOP key [count]`: from the left end.
pub(super) fn lpop(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    pop(keys, args, End::Left)
}

/// `RPOP key [count]`: from the right end.
pub(super) fn rpop(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    pop(keys, args, End::Right)
}

/// `LLEN key`: the length, 0 without a key.
pub(super) fn llen(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    count(keys.find::<List>(&args[1])?.map_or(0, |list| list.len()))
}

/// `LRANGE key start stop`: both ends included, negative ones counted from the end.
pub(super) fn lrange(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let (start, stop) = (integer_arg(&args[2])?, integer_arg(&args[3])?);
    let Some(list) = keys.find::<List>(&args[1])? else {
        return strings([]);
    };
    match range(list.len(), start, stop) {
        Some(range) => strings(list.range(range).cloned()),
        None => strings([]),
    }
}

/// `LMOVE from to LEFT|RIGHT LEFT|RIGHT`: the element that moved, or nil.
pub(super) fn lmove(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let (from, to) = (End::parse(&args[3])?, End::parse(&args[4])?);
    maybe(keys.shift((&args[1], from), (&args[2], to))?)
}

/// `RPOPLPUSH from to`: as `LMOVE from to RIGHT LEFT`.
pub(super) fn rpoplpush(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    maybe(keys.shift((&args[1], End::Right), (&args[2], End::Left))?)
}
