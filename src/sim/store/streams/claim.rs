//! `XCLAIM` and `XAUTOCLAIM`: entries of a consumer that has not acknowledged them go to another one.

use super::groups::{CONSUMER_MADE, Group, Pending};
use super::{Fields, Id, entry, no_group};
use crate::protocol::{Items, ServerError, Value};
use crate::sim::answer::{Outcome, array, error, integer, integer_arg, lower, syntax};
use crate::sim::store::Keyspace;
use crate::sim::store::notify::Topic;
use std::collections::BTreeMap;

/// What `XCLAIM` says besides the entries.
struct Options {
    force: bool,
    just_id: bool,
    /// When the entry counts as given out.
    since: i64,
    /// How often it counts as given out.
    times: Option<i64>,
    /// What the group has read at least.
    last: Option<Id>,
}

impl Options {
    fn read(words: &[Vec<u8>], now: i64) -> Result<Self, ServerError> {
        let mut options = Self {
            force: false,
            just_id: false,
            since: now,
            times: None,
            last: None,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let name = lower(word).to_ascii_uppercase();
            let number = |words: &mut std::slice::Iter<'_, Vec<u8>>| {
                let value = words.next().and_then(|text| integer(text));
                value.ok_or_else(|| error(format!("ERR Invalid {name} option argument for XCLAIM")))
            };
            match (name.as_str(), words.len()) {
                ("FORCE", _) => options.force = true,
                ("JUSTID", _) => options.just_id = true,
                // A time that is bogus counts as now.
                ("IDLE", 1..) => {
                    let since = now.saturating_sub(number(&mut words)?);
                    options.since = if (0..=now).contains(&since) {
                        since
                    } else {
                        now
                    };
                }
                ("TIME", 1..) => {
                    let since = number(&mut words)?;
                    options.since = if (0..=now).contains(&since) {
                        since
                    } else {
                        now
                    };
                }
                ("RETRYCOUNT", 1..) => {
                    options.times = Some(number(&mut words)?).filter(|&n| n >= 0)
                }
                ("LASTID", 1..) => {
                    options.last = words.next().map(|id| Id::parse(id, 0)).transpose()?;
                }
                _ => {
                    return Err(error(format!(
                        "ERR Unrecognized XCLAIM option '{}'",
                        String::from_utf8_lossy(word)
                    )));
                }
            }
        }
        Ok(options)
    }
}

/// Reads how long an entry must have been pending.
fn min_idle(text: &[u8], name: &str) -> Result<i64, ServerError> {
    let idle = integer(text)
        .ok_or_else(|| error(format!("ERR Invalid min-idle-time argument for {name}")))?;
    Ok(idle.max(0))
}

/// An entry of an answer: its number, and its fields unless only that was asked for.
fn shown(id: Id, fields: &Fields, just_id: bool) -> Value {
    match just_id {
        true => id.into(),
        false => entry(id, fields),
    }
}

/// `XCLAIM key group consumer min-idle id ... [IDLE ms] [TIME ms] [RETRYCOUNT n] [FORCE] [JUSTID] [LASTID id]`:
/// the entries that have changed hands.
pub(in crate::sim::store) fn xclaim(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let (key, name, consumer) = (&args[1], &args[2], &args[3]);
    let now = keys.now;
    let Some((entries, group)) = keys.group(key, name)? else {
        return Err(no_group(key, name));
    };
    let idle = min_idle(&args[4], "XCLAIM")?;
    // Numbers end where the first word is none; what follows must be options.
    let ids: Vec<Id> = args[5..]
        .iter()
        .map_while(|word| Id::parse(word, 0).ok())
        .collect();
    let options = Options::read(&args[5 + ids.len()..], now)?;
    group.last = group.last.max(options.last.unwrap_or(Id::MIN));
    // Servers since 7.2 make the consumer whether it gets something or not.
    let is_new = !group.consumers.contains_key(consumer);
    group.see(consumer, now);
    let mut claimed = Vec::new();
    for id in ids {
        if let Some(fields) = group.claim(entries, id, idle, consumer, &options, now) {
            claimed.push(shown(id, fields, options.just_id));
        }
    }
    if !claimed.is_empty() {
        group.see(consumer, now).active = Some(now);
    }
    if is_new {
        keys.tell(Topic::Stream, CONSUMER_MADE, key);
    }
    array(claimed)
}

impl Group {
    /// Gives one entry to a consumer, if it is there and was pending for so long.
    fn claim<'e>(
        &mut self,
        entries: &'e BTreeMap<Id, Fields>,
        id: Id,
        idle: i64,
        consumer: &[u8],
        options: &Options,
        now: i64,
    ) -> Option<&'e Fields> {
        let Some(fields) = entries.get(&id) else {
            // An entry that is gone is pending no more.
            self.pending.remove(&id);
            return None;
        };
        let pending = match self.pending.get_mut(&id) {
            // Somebody else has claimed it a moment ago: two who look for the idle at once do not both get it.
            Some(pending) if now - pending.since < idle => return None,
            Some(pending) => pending,
            None if !options.force => return None,
            None => self.pending.entry(id).or_insert(Pending {
                consumer: Vec::new(),
                since: now,
                times: 1,
            }),
        };
        pending.consumer = consumer.to_vec();
        pending.since = options.since;
        // JUSTID shows no entry, so nobody can have worked on it: it does not count.
        pending.times = match options.times {
            Some(times) => times,
            None => pending.times + i64::from(!options.just_id),
        };
        Some(fields)
    }
}

/// `XAUTOCLAIM key group consumer min-idle start [COUNT count] [JUSTID]`: where to go on, the entries that have
/// changed hands, and those that are gone.
pub(in crate::sim::store) fn xautoclaim(keys: &mut Keyspace<'_>, args: &[Vec<u8>]) -> Outcome {
    let (key, name, consumer) = (&args[1], &args[2], &args[3]);
    let now = keys.now;
    let idle = min_idle(&args[4], "XAUTOCLAIM")?;
    let from = Id::lower(&args[5])?;
    let (mut most, mut just_id) = (100, false);
    let mut words = args[6..].iter();
    while let Some(word) = words.next() {
        match (lower(word).as_str(), words.as_slice()) {
            ("count", [value, ..]) => {
                most = usize::try_from(integer_arg(value)?)
                    .ok()
                    .filter(|n| (1..=usize::MAX / 64).contains(n))
                    .ok_or_else(|| error("ERR COUNT must be > 0"))?;
                words.next();
            }
            ("justid", _) => just_id = true,
            _ => return Err(syntax()),
        }
    }
    let Some((entries, group)) = keys.group(key, name)? else {
        return Err(no_group(key, name));
    };
    let is_new = !group.consumers.contains_key(consumer);
    group.see(consumer, now);
    let (mut claimed, mut gone) = (Vec::new(), Vec::new());
    // A server looks at ten times as many as it may take.
    let mut looks = most.saturating_mul(10);
    let mut at = group.pending.range(from..).next().map(|(id, _)| *id);
    while let Some(id) = at.filter(|_| looks > 0 && claimed.len() + gone.len() < most) {
        // Also for an entry that is not idle: so one call never walks through all that is pending.
        looks -= 1;
        match (entries.get(&id), group.pending.get_mut(&id)) {
            (None, _) => {
                group.pending.remove(&id);
                gone.push(id.into());
            }
            (Some(fields), Some(pending)) if now - pending.since >= idle => {
                pending.consumer = consumer.to_vec();
                pending.since = now;
                pending.times += i64::from(!just_id);
                claimed.push(shown(id, fields, just_id));
            }
            _ => {}
        }
        at = id
            .next()
            .and_then(|next| group.pending.range(next..).next())
            .map(|(id, _)| *id);
    }
    if !claimed.is_empty() {
        group.see(consumer, now).active = Some(now);
    }
    if is_new {
        keys.tell(Topic::Stream, CONSUMER_MADE, key);
    }
    array(vec![
        at.unwrap_or(Id::MIN).into(),
        Value::Array(Items(claimed)),
        Value::Array(Items(gone)),
    ])
}
