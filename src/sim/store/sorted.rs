//! Sorted sets. Ranges by name are not there.

use super::Keyspace;
use super::notify::Topic;
use crate::protocol::{Items, ServerError, Value};
use crate::sim::answer::{
    Outcome, array, count, error, float, float_arg, int, integer_arg, lower, positive, range,
    syntax,
};
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

/// A score, in the order of numbers; never not-a-number.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Score(f64);

impl Eq for Score {}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Members with scores.
///
/// Invariant: `order` holds exactly the pairs of `scores`.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// By score, then by name.
    order: BTreeSet<(Score, Vec<u8>)>,
    /// By name.
    scores: HashMap<Vec<u8>, f64>,
}

impl Sorted {
    /// The number of members.
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    /// Sets a score and returns the one before.
    fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        // Minus zero would sort below zero.
        // `total_cmp` tells the two zeros apart, and servers do not.
        let score = if score == 0.0 { 0.0 } else { score };
        let old = self.scores.insert(member.to_vec(), score);
        if let Some(old) = old {
            self.order.remove(&(Score(old), member.to_vec()));
        }
        self.order.insert((Score(score), member.to_vec()));
        old
    }

    /// Takes a member out of both indexes, by name and by score, and says whether it was there.
    fn remove(&mut self, member: &[u8]) -> bool {
        let old = self.scores.remove(member);
        old.is_some_and(|old| self.order.remove(&(Score(old), member.to_vec())))
    }
}

/// The words of `ZADD` before the first score.
#[derive(Default)]
struct AddOptions {
    /// `NX`: only new members.
    absent: bool,
    /// `XX`: only members that are there.
    present: bool,
    /// `GT`: only higher scores.
    greater: bool,
    /// `LT`: only lower scores.
    less: bool,
    /// `CH`: count members that changed, too.
    changed: bool,
    /// `INCR`: add to the score.
    incr: bool,
}

/// `ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member ...`: how many are new, or with `CH` have changed;
/// with `INCR` the new score.
pub(super) fn zadd(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let mut options = AddOptions::default();
    let mut at = 2;
    while let Some(word) = args.get(at) {
        match lower(word).as_str() {
            "nx" => options.absent = true,
            "xx" => options.present = true,
            "gt" => options.greater = true,
            "lt" => options.less = true,
            "ch" => options.changed = true,
            "incr" => options.incr = true,
            _ => break,
        }
        at += 1;
    }
    let pairs = &args[at..];
    if pairs.is_empty() || pairs.len() % 2 != 0 {
        return Err(syntax());
    }
    if options.absent && options.present {
        return Err(error(
            "ERR XX and NX options at the same time are not compatible",
        ));
    }
    if options.greater && options.less || options.absent && (options.greater || options.less) {
        return Err(error(
            "ERR GT, LT, and/or NX options at the same time are not compatible",
        ));
    }
    if options.incr && pairs.len() > 2 {
        return Err(error(
            "ERR INCR option supports a single increment-element pair",
        ));
    }
    let mut wanted = Vec::new();
    for pair in pairs.chunks_exact(2) {
        wanted.push((float_arg(&pair[0])?, pair[1].as_slice()));
    }
    add(keys, &args[1], &options, &wanted)
}

/// Adds scores under the options. They have all been read as numbers before, so that a bad one changes
/// nothing.
fn add(
    keys: &mut Keyspace<'_>,
    key: &[u8],
    options: &AddOptions,
    wanted: &[(f64, &[u8])],
) -> Outcome {
    if options.present && !keys.exists(key) {
        return match options.incr {
            true => Ok(Value::Nil.into()),
            false => int(0),
        };
    }
    let sorted = keys.make::<Sorted>(key)?;
    let (mut added, mut changed, mut last) = (0, 0, None);
    for &(score, member) in wanted {
        let old = sorted.scores.get(member).copied();
        let score = match old {
            Some(old) if options.incr => old + score,
            _ => score,
        };
        if score.is_nan() {
            return Err(error("ERR resulting score is not a number (NaN)"));
        }
        let allowed = match old {
            None => !options.present,
            Some(old) => {
                let refused = options.absent
                    || options.greater && score <= old
                    || options.less && score >= old;
                !refused
            }
        };
        last = allowed.then_some(score);
        if allowed {
            sorted.insert(member, score);
            added += i64::from(old.is_none());
            changed += i64::from(old != Some(score));
        }
    }
    if changed > 0 {
        let event = if options.incr { "zincr" } else { "zadd" };
        keys.changed(Topic::Sorted, event, key);
    }
    keys.prune(key);
    if options.incr {
        return Ok(last.map_or(Value::Nil, Value::Double).into());
    }
    int(if options.changed { changed } else { added })
}

/// `ZINCRBY key number member`: the new score.
pub(super) fn zincrby(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let options = AddOptions {
        incr: true,
        ..AddOptions::default()
    };
    let by = float_arg(&args[2])?;
    add(keys, &args[1], &options, &[(by, &args[3])])
}

/// `ZSCORE key member`: the score or nil; a double in RESP3, a text in RESP2.
pub(super) fn zscore(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let score = keys
        .find::<Sorted>(&args[1])?
        .and_then(|sorted| sorted.scores.get(&args[2]).copied());
    Ok(score.map_or(Value::Nil, Value::Double).into())
}

/// `ZREM key member ...`: how many there were.
pub(super) fn zrem(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let Some(sorted) = keys.find::<Sorted>(&args[1])? else {
        return int(0);
    };
    let removed = args[2..].iter().filter(|m| sorted.remove(m)).count();
    if removed > 0 {
        keys.changed(Topic::Sorted, "zrem", &args[1]);
        keys.prune(&args[1]);
    }
    count(removed)
}

/// Takes members off one end; without a count the pair is not nested in RESP3 either.
fn pop(keys: &mut Keyspace<'_>, args: &[Vec<u8>], lowest: bool) -> Outcome {
    let amount = match &args[2..] {
        [] => None,
        [amount] => Some(positive(amount)?),
        _ => return Err(syntax()),
    };
    let nested = keys.resp3 && amount.is_some();
    let mut taken = Vec::new();
    if let Some(sorted) = keys.find::<Sorted>(&args[1])? {
        while taken.len() < amount.unwrap_or(1) {
            let end = match lowest {
                true => sorted.order.pop_first(),
                false => sorted.order.pop_last(),
            };
            let Some(pair) = end else {
                break;
            };
            sorted.scores.remove(&pair.1);
            taken.push(pair);
        }
    }
    if !taken.is_empty() {
        let event = if lowest { "zpopmin" } else { "zpopmax" };
        keys.changed(Topic::Sorted, event, &args[1]);
        keys.prune(&args[1]);
    }
    listing(taken.iter(), true, nested)
}

/// `ZPOPMIN key [count]`: members with the lowest scores, lowest first.
pub(super) fn zpopmin(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    pop(keys, args, true)
}

/// `ZPOPMAX key [count]`: members with the highest scores, highest first.
pub(super) fn zpopmax(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    pop(keys, args, false)
}

/// `ZCARD key`: the number of members.
pub(super) fn zcard(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    count(
        keys.find::<Sorted>(&args[1])?
            .map_or(0, |sorted| sorted.len()),
    )
}

/// Members in order, with their scores if asked for: pairs in RESP3, a flat list in RESP2.
fn listing<'a>(
    found: impl Iterator<Item = &'a (Score, Vec<u8>)>,
    scores: bool,
    resp3: bool,
) -> Outcome {
    let mut values = Vec::new();
    for (score, member) in found {
        let member = Value::Bulk(member.clone());
        match (scores, resp3) {
            (false, _) => values.push(member),
            (true, false) => values.extend([member, Value::Double(score.0)]),
            (true, true) => {
                values.push(Value::Array(Items(vec![member, Value::Double(score.0)])));
            }
        }
    }
    array(values)
}

/// A bound of `ZRANGEBYSCORE`: a number, `(` in front of it to leave it out.
fn bound(text: &[u8]) -> Result<Bound<f64>, ServerError> {
    let exclusive = text.strip_prefix(b"(");
    let number =
        float(exclusive.unwrap_or(text)).ok_or_else(|| error("ERR min or max is not a float"))?;
    Ok(match exclusive {
        Some(_) => Bound::Excluded(number),
        None => Bound::Included(number),
    })
}

/// The words of `ZRANGE` and `ZRANGEBYSCORE` behind the two bounds.
struct RangeOptions {
    /// The bounds are scores and not places.
    by_score: bool,
    /// Highest first.
    reverse: bool,
    /// `WITHSCORES`: each member with its score.
    scores: bool,
    /// How many to pass over, and how many to take.
    limit: Option<(i64, i64)>,
}

/// Reads them. What a server refuses together is refused here, too.
fn range_options(words: &[Vec<u8>], command: &str) -> Result<RangeOptions, ServerError> {
    let mut options = RangeOptions {
        by_score: command == "zrangebyscore",
        reverse: false,
        scores: false,
        limit: None,
    };
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match lower(word).as_str() {
            "withscores" => options.scores = true,
            "byscore" if command == "zrange" => options.by_score = true,
            "rev" if command == "zrange" => options.reverse = true,
            "limit" => {
                let offset = integer_arg(rest.next().ok_or_else(syntax)?)?;
                let size = integer_arg(rest.next().ok_or_else(syntax)?)?;
                options.limit = Some((offset, size));
            }
            _ => return Err(syntax()),
        }
    }
    if options.limit.is_some() && !options.by_score {
        return Err(error(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ));
    }
    Ok(options)
}

/// `ZRANGE key start stop [BYSCORE] [REV] [LIMIT offset count] [WITHSCORES]` and `ZRANGEBYSCORE`.
pub(super) fn zrange(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let command = lower(&args[0]);
    let options = range_options(&args[4..], &command)?;
    let resp3 = keys.resp3;
    if options.by_score {
        return by_score(keys, args, &options);
    }
    let (start, stop) = (integer_arg(&args[2])?, integer_arg(&args[3])?);
    let empty = Sorted::default();
    let sorted = keys
        .find::<Sorted>(&args[1])?
        .map_or(&empty, |sorted| sorted);
    let Some(picked) = range(sorted.len(), start, stop) else {
        return array(Vec::new());
    };
    let (skip, take) = (picked.start, picked.len());
    if options.reverse {
        let found = sorted.order.iter().rev().skip(skip).take(take);
        return listing(found, options.scores, resp3);
    }
    listing(
        sorted.order.iter().skip(skip).take(take),
        options.scores,
        resp3,
    )
}

/// The members between two scores. With `REV` the bounds come in the other order.
fn by_score(keys: &mut Keyspace<'_>, args: &[Vec<u8>], options: &RangeOptions) -> Outcome {
    let resp3 = keys.resp3;
    let (low, high) = match options.reverse {
        false => (&args[2], &args[3]),
        true => (&args[3], &args[2]),
    };
    let (low, high) = (bound(low)?, bound(high)?);
    let empty = Sorted::default();
    let sorted = keys
        .find::<Sorted>(&args[1])?
        .map_or(&empty, |sorted| sorted);
    let inside = |pair: &&(Score, Vec<u8>)| {
        let score = pair.0.0;
        (match low {
            Bound::Excluded(low) => score > low,
            Bound::Included(low) => score >= low,
            Bound::Unbounded => true,
        }) && (match high {
            Bound::Excluded(high) => score < high,
            Bound::Included(high) => score <= high,
            Bound::Unbounded => true,
        })
    };
    let (offset, size) = options.limit.unwrap_or((0, -1));
    let Ok(offset) = usize::try_from(offset) else {
        return array(Vec::new());
    };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if options.reverse {
        let found = sorted
            .order
            .iter()
            .rev()
            .filter(inside)
            .skip(offset)
            .take(size);
        return listing(found, options.scores, resp3);
    }
    let found = sorted.order.iter().filter(inside).skip(offset).take(size);
    listing(found, options.scores, resp3)
}
