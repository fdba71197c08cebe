//! When keys expire, and what else is due at a time. Sets no alarm clock: it says when one is needed.

use super::notify::Topic;
use super::{Keyspace, Outcast, Store};
use crate::protocol::ServerError;
use crate::sim::answer::error;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The keys that expire, by their time, with their database.
pub(super) type Due = BTreeSet<(i64, usize, Vec<u8>)>;

/// How many keys are removed at a time, so that nobody waits long for the store.
const AT_ONCE: usize = 1000;

/// All that is due at a time.
///
/// Times of keys are milliseconds of the epoch, as commands give them; they pass with the clock that
/// does not jump.
#[derive(Debug)]
pub(super) struct Expiries {
    /// The reading of the steady clock that belongs to `start_in_epoch`.
    start: Instant,
    /// Milliseconds since 1970, by the wall clock at the start.
    start_in_epoch: i64,
    /// Invariant: one entry for each key that has an expiry.
    pub(super) due: Due,
    /// When somebody has been asked to look again; no later than what is due first.
    alarm: Option<Instant>,
}

impl Expiries {
    /// Times of expiry for a store that starts now. The wall clock is read once: keys expire by the steady
    /// clock, whatever is done to the other.
    pub(super) fn new(start: Instant, since_epoch: Duration) -> Self {
        Self {
            start,
            start_in_epoch: millis(since_epoch),
            due: Due::new(),
            alarm: None,
        }
    }

    /// The milliseconds of the epoch at an instant.
    pub(super) fn at(&self, now: Instant) -> i64 {
        let passed = millis(now.saturating_duration_since(self.start));
        self.start_in_epoch.saturating_add(passed)
    }

    /// When the first key has expired; `None` if that is beyond the clock.
    fn first(&self) -> Option<Instant> {
        let (at, ..) = self.due.first()?;
        // A key is there until its millisecond is over.
        // Whole milliseconds: a key that expires at 30 is still read at 30 and gone at 31, as with a
        // server.
        let wait = at.saturating_add(1).saturating_sub(self.start_in_epoch);
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
        self.start.checked_add(wait)
    }
}

/// Whole milliseconds, as commands count time.
fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl Store {
    /// When [`Store::tick`] has to be called, if nobody has been asked to do that early enough.
    pub(in crate::sim) fn alarm(&mut self) -> Option<Instant> {
        let timeout = self.first_timeout().map(|(at, _)| at);
        let due = [self.expiries.first(), timeout];
        let due = due.into_iter().flatten().min()?;
        let alarm = &mut self.expiries.alarm;
        // Earlier is fine: the tick that comes then asks for the next one.
        if alarm.is_some_and(|set| set <= due) {
            return None;
        }
        *alarm = Some(due);
        Some(due)
    }

    /// Removes keys whose time is over, and ends the waits whose time is.
    pub(in crate::sim) fn tick(&mut self, now: Instant) {
        // This tick has been the alarm. It is forgotten first, so that what is left over sets a new one.
        self.expiries.alarm = self.expiries.alarm.filter(|&at| at > now);
        for _ in 0..AT_ONCE {
            let Some((at, db, key)) = self.expiries.due.first() else {
                break;
            };
            // The set is in the order of time: nothing behind this one is due either.
            if *at >= self.expiries.at(now) {
                break;
            }
            // By the same way as DEL, so that watches see it.
            let (db, key) = (*db, key.clone());
            self.keyspace(db, now, false).lapse(&key);
        }
        self.publish_notes(0);
        // Those who wait for a group of a stream that has expired.
        self.serve(now, 0);
        while let Some((_, peer)) = self.first_timeout().filter(|(at, _)| *at <= now) {
            self.unblock(peer, Outcast::Timeout);
        }
    }
}

impl Keyspace<'_> {
    /// Notes that the expiry of a key has changed.
    pub(super) fn reschedule(&mut self, key: &[u8], old: Option<i64>, new: Option<i64>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.due.remove(&(old, self.db, key.to_vec()));
        }
        if let Some(new) = new {
            self.due.insert((new, self.db, key.to_vec()));
        }
    }

    /// When a key expires; nothing if it does not exist.
    pub(super) fn expiry(&mut self, key: &[u8]) -> Option<Option<i64>> {
        self.entry(key).map(|entry| entry.expires)
    }

    /// Sets when a key expires, if it exists.
    pub(super) fn expire(&mut self, key: &[u8], expires: Option<i64>) {
        let Some(entry) = self.entry(key) else {
            return;
        };
        let old = std::mem::replace(&mut entry.expires, expires);
        self.reschedule(key, old, expires);
        let event = match expires {
            Some(_) => "expire",
            None => "persist",
        };
        self.changed(Topic::Generic, event, key);
    }
}

/// How a command writes a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unit {
    /// How many milliseconds one of it has.
    millis: i64,
    /// Counted from the epoch, not from now.
    absolute: bool,
}

impl Unit {
    /// The unit of `EX` and `EXPIRE`.
    pub(super) const SECONDS: Self = Self::new(1000, false);
    /// The unit of `PX` and `PEXPIRE`.
    pub(super) const MILLIS: Self = Self::new(1, false);
    /// The unit of `EXAT` and `EXPIREAT`.
    pub(super) const EPOCH_SECONDS: Self = Self::new(1000, true);
    /// The unit of `PXAT` and `PEXPIREAT`.
    pub(super) const EPOCH_MILLIS: Self = Self::new(1, true);

    const fn new(millis: i64, absolute: bool) -> Self {
        Self { millis, absolute }
    }

    /// The unit of an option such as `EX`.
    pub(super) fn of_option(word: &str) -> Option<Self> {
        Some(match word {
            "ex" => Self::SECONDS,
            "px" => Self::MILLIS,
            "exat" => Self::EPOCH_SECONDS,
            "pxat" => Self::EPOCH_MILLIS,
            _ => return None,
        })
    }

    /// The milliseconds of the epoch that so many units mean.
    pub(super) fn after(self, now: i64, amount: i64, command: &str) -> Result<i64, ServerError> {
        let base = if self.absolute { 0 } else { now };
        amount
            .checked_mul(self.millis)
            .and_then(|amount| amount.checked_add(base))
            .ok_or_else(|| invalid(command))
    }
}

/// The refusal of a time.
pub(super) fn invalid(command: &str) -> ServerError {
    error(format!("ERR invalid expire time in '{command}' command"))
}

#[cfg(test)]
mod tests {
    use super::{AT_ONCE, Store};
    use crate::sim::clock;
    use crate::sim::store::find;
    use crate::sim::store::table::Run;
    use std::time::{Duration, Instant};

    const MS: Duration = Duration::from_millis(1);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    struct Script {
        store: Store,
        start: Instant,
        now: Instant,
    }

    impl Script {
        fn new() -> Self {
            let start = clock::now();
            Self {
                store: Store::new(start, 20_000 * DAY),
                start,
                now: start,
            }
        }

        fn call(&mut self, line: &str) {
            let args: Vec<Vec<u8>> = line.split(' ').map(|word| word.into()).collect();
            let Some(Run::Keys(run)) = find(&args[0]).map(|spec| spec.run) else {
                panic!("{line} is no command on keys");
            };
            let mut keys = self.store.keyspace(0, self.now, false);
            run(&mut keys, &args).unwrap();
        }

        fn keys(&self) -> usize {
            self.store.databases[0].len()
        }

        /// Lets the director do what it was asked for, at its time.
        fn wait(&mut self, wait: Duration) {
            let end = self.now + wait;
            while let Some(at) = self.store.expiries.alarm.filter(|&at| at <= end) {
                self.now = self.now.max(at);
                self.store.tick(self.now);
                self.store.alarm();
            }
            self.now = end;
        }
    }

    #[test]
    fn keys_expire_at_their_time_though_nobody_reads_them() {
        let mut script = Script::new();
        script.call("SET short v PX 30");
        script.call("SET long v PX 7776000000");
        script.call("SET never v");
        assert_eq!(script.store.alarm(), Some(script.start + 31 * MS));
        // It is asked for once.
        assert_eq!(script.store.alarm(), None);
        script.wait(30 * MS);
        assert_eq!(script.keys(), 3);
        script.wait(MS);
        assert_eq!(script.keys(), 2);
        script.wait(90 * DAY - 31 * MS);
        assert_eq!(script.keys(), 2);
        script.wait(MS);
        assert_eq!(script.keys(), 1);
        assert_eq!(script.store.expiries.alarm, None);
    }

    #[test]
    fn an_expiry_that_is_changed_or_taken_away_does_not_come() {
        let mut script = Script::new();
        for line in [
            "SET a v PX 30",
            "SET a v",
            "SET b v PX 30",
            "PERSIST b",
            "SET c v PX 30",
            "DEL c",
            "RPUSH c x",
            "SET d v PX 30",
            "PEXPIRE d 60",
            "SET e v PX 30",
            "SET e v KEEPTTL",
            "SET f v PX 30",
            "GETEX f PERSIST",
        ] {
            script.call(line);
        }
        assert!(script.store.alarm().is_some());
        assert_eq!(script.store.expiries.due.len(), 2);
        script.wait(31 * MS);
        assert_eq!(script.keys(), 5);
        script.wait(30 * MS);
        assert_eq!(script.keys(), 4);
        assert!(script.store.expiries.due.is_empty());
    }

    #[test]
    fn many_keys_of_one_time_expire_in_parts() {
        let mut script = Script::new();
        for n in 0..AT_ONCE * 2 + 5 {
            script.call(&format!("SET {n} v PX 30"));
        }
        script.store.alarm();
        script.now += 40 * MS;
        script.store.tick(script.now);
        assert_eq!(script.keys(), AT_ONCE + 5);
        assert!(script.store.alarm().is_some_and(|at| at <= script.now));
        script.wait(Duration::ZERO);
        assert_eq!(script.keys(), 0);
    }

    #[test]
    fn an_expiry_beyond_the_clock_needs_no_alarm() {
        let mut script = Script::new();
        script.call("SET k v PXAT 9223372036854775807");
        script.store.alarm();
        script.wait(365_000 * DAY);
        assert_eq!(script.keys(), 1);
    }
}
