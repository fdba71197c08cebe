//! The options of `SET` and `MSETEX`, and when a key vanishes. Reads no clock.

use crate::command::arg::Encoded;
use crate::command::{ArgWriter, ToArg, ToArgs};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The optional arguments of `SET` and `MSETEX`.
///
/// ```
/// use hitless::{Expiry, SetOptions};
/// use std::time::Duration;
///
/// let only_if_absent = SetOptions::new().if_absent().expiry(Expiry::In(Duration::from_secs(30)));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SetOptions {
    condition: Option<Condition>,
    expiry: Option<SetExpiry>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Condition {
    Absent,
    Present,
    Equal(Encoded),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum SetExpiry {
    Keep,
    New(Expiry),
}

/// When a key or a field vanishes.
///
/// ```no_run
/// use hitless::{Client, Commands, Expiry, SetOptions};
/// use std::time::Duration;
///
/// let client = Client::connect("redis://127.0.0.1:6379")?;
/// let session = SetOptions::new().expiry(Expiry::In(Duration::from_secs(1800)));
/// client.set_options("session:7", "anna", &session)?;
/// // A new value, and the half hour goes on from where it was.
/// client.set_options("session:7", "berta", &SetOptions::new().keep_ttl())?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Expiry {
    /// After a time, in steps of 1 ms (`PX`). Zero is an error of most commands.
    In(Duration),
    /// At a moment, in steps of 1 ms (`PXAT`). One in the past removes the key at once, or is an error,
    /// depending on the command. What is before 1970 counts as 1970.
    At(SystemTime),
}

/// A moment as servers have it.
pub(in crate::command) fn unix_millis(at: SystemTime) -> u128 {
    let since = at.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis())
}

impl ToArgs for Expiry {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        match *self {
            Self::In(after) => ("PX", after.as_millis()).write_args(out),
            Self::At(at) => ("PXAT", unix_millis(at)).write_args(out),
        }
    }
}

impl SetOptions {
    /// No option: as a plain `SET`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets only if there is no such key (`NX`). The last condition counts.
    #[must_use]
    pub fn if_absent(mut self) -> Self {
        self.condition = Some(Condition::Absent);
        self
    }

    /// Sets only if there is such a key (`XX`). The last condition counts.
    #[must_use]
    pub fn if_present(mut self) -> Self {
        self.condition = Some(Condition::Present);
        self
    }

    /// Sets only if the key has this value (`IFEQ`; Valkey 8.1, Redis 8.4; not with `MSETEX`). The last
    /// condition counts.
    #[must_use]
    pub fn if_equal(mut self, value: impl ToArg) -> Self {
        self.condition = Some(Condition::Equal(Encoded::of(value)));
        self
    }

    /// When the key vanishes. Defaults to never. The last of this and [`keep_ttl`](Self::keep_ttl) counts.
    #[must_use]
    pub fn expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = Some(SetExpiry::New(expiry));
        self
    }

    /// The key vanishes when its value before would have (`KEEPTTL`; from 6.0 on).
    #[must_use]
    pub fn keep_ttl(mut self) -> Self {
        self.expiry = Some(SetExpiry::Keep);
        self
    }
}

impl ToArgs for SetOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // The order is free: servers read the options of SET in any.
        match &self.condition {
            Some(Condition::Absent) => out.write(b"NX"),
            Some(Condition::Present) => out.write(b"XX"),
            Some(Condition::Equal(value)) => {
                out.write(b"IFEQ");
                value.write_args(out);
            }
            None => {}
        }
        match self.expiry {
            Some(SetExpiry::Keep) => out.write(b"KEEPTTL"),
            Some(SetExpiry::New(expiry)) => expiry.write_args(out),
            None => {}
        }
    }
}
