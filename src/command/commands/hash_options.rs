//! The options of `HSETEX`. Reads no clock.

use super::set_options::Expiry;
use crate::command::{ArgWriter, ToArgs};

/// The optional arguments of `HSETEX`: see [`Commands::hset_ex`](crate::Commands::hset_ex).
///
/// ```
/// use hitless::{Expiry, HSetOptions};
/// use std::time::Duration;
///
/// let new_for_a_minute = HSetOptions::new().if_absent().expiry(Expiry::In(Duration::from_secs(60)));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HSetOptions {
    key: Option<Condition>,
    fields: Option<Condition>,
    expiry: Option<FieldEnd>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Condition {
    Absent,
    Present,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum FieldEnd {
    Keep,
    New(Expiry),
}

impl HSetOptions {
    /// No option: as `HSET`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets only if none of the fields is there (`FNX`). The last condition of fields counts.
    #[must_use]
    pub fn if_absent(mut self) -> Self {
        self.fields = Some(Condition::Absent);
        self
    }

    /// Sets only if all of the fields are there (`FXX`). The last condition of fields counts.
    #[must_use]
    pub fn if_present(mut self) -> Self {
        self.fields = Some(Condition::Present);
        self
    }

    /// Sets only if there is no such key (`NX`; Valkey 9). The last condition of the key counts.
    #[must_use]
    pub fn if_key_absent(mut self) -> Self {
        self.key = Some(Condition::Absent);
        self
    }

    /// Sets only if there is such a key (`XX`; Valkey 9). The last condition of the key counts.
    #[must_use]
    pub fn if_key_present(mut self) -> Self {
        self.key = Some(Condition::Present);
        self
    }

    /// When the fields vanish. Defaults to never. The last of this and [`keep_ttl`](Self::keep_ttl) counts.
    #[must_use]
    pub fn expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = Some(FieldEnd::New(expiry));
        self
    }

    /// The fields vanish when their values before would have.
    #[must_use]
    pub fn keep_ttl(mut self) -> Self {
        self.expiry = Some(FieldEnd::Keep);
        self
    }
}

impl ToArgs for HSetOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        match self.key {
            Some(Condition::Absent) => out.write(b"NX"),
            Some(Condition::Present) => out.write(b"XX"),
            None => {}
        }
        match self.fields {
            Some(Condition::Absent) => out.write(b"FNX"),
            Some(Condition::Present) => out.write(b"FXX"),
            None => {}
        }
        match self.expiry {
            Some(FieldEnd::Keep) => out.write(b"KEEPTTL"),
            Some(FieldEnd::New(expiry)) => expiry.write_args(out),
            None => {}
        }
    }
}
