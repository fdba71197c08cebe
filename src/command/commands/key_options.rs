//! The options of `PEXPIRE`, `COPY`, `RESTORE` and `MIGRATE`. Reads no clock.

use super::set_options::{Expiry, unix_millis};
use crate::command::arg::Encoded;
use crate::command::{ArgWriter, ToArg, ToArgs};
use std::time::Duration;

/// A time of which zero would mean something else: less than 1 ms is 1 ms.
pub(super) fn at_least_millis(time: Duration) -> u128 {
    time.as_millis().max(1)
}

/// Servers refuse a time that their clock cannot hold, such as [`Duration::MAX`]: it counts as 100 years.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// A time in which a server waits: zero is for ever, and only zero is sent as such.
pub(crate) fn millis_up(time: Duration) -> u128 {
    time.min(LONGEST_WAIT).as_nanos().div_ceil(1_000_000)
}

/// As [`millis_up`], in seconds. Servers before Redis 6.2.9 wait for ever where it is less than a millisecond.
pub(crate) fn seconds_up(time: Duration) -> f64 {
    millis_up(time) as f64 / 1000.0
}

/// Under which condition a key or a field gets another end.
///
/// ```no_run
/// use hitless::{Commands, ExpireIf};
/// use std::time::Duration;
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// // Longer, never shorter.
/// client.expire_if("session:7", Duration::from_secs(1800), ExpireIf::Later)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ExpireIf {
    /// It does not vanish by itself (`NX`).
    Forever,
    /// It vanishes by itself (`XX`).
    Ending,
    /// It would vanish before the new end (`GT`). What never vanishes counts as later than any end.
    Later,
    /// It would vanish after the new end, or never (`LT`).
    Sooner,
}

impl ToArgs for ExpireIf {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(match self {
            Self::Forever => b"NX",
            Self::Ending => b"XX",
            Self::Later => b"GT",
            Self::Sooner => b"LT",
        });
    }
}

/// The optional arguments of `COPY`: see [`Commands::copy_options`](crate::Commands::copy_options).
///
/// ```
/// use hitless::CopyOptions;
///
/// let over_what_is_in_database_1 = CopyOptions::new().database(1).replace();
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CopyOptions {
    database: Option<u32>,
    replace: bool,
}

impl CopyOptions {
    /// No option: to the same database, and never over a value.
    pub fn new() -> Self {
        Self::default()
    }

    /// To which database of the server. Defaults to that of the connection.
    #[must_use]
    pub fn database(mut self, number: u32) -> Self {
        self.database = Some(number);
        self
    }

    /// Removes what the other key holds first.
    #[must_use]
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }
}

impl ToArgs for CopyOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        if let Some(number) = self.database {
            ("DB", number).write_args(out);
        }
        if self.replace {
            out.write(b"REPLACE");
        }
    }
}

/// The optional arguments of `RESTORE`: see [`Commands::restore_options`](crate::Commands::restore_options).
///
/// ```
/// use hitless::{Expiry, RestoreOptions};
/// use std::time::Duration;
///
/// let for_an_hour = RestoreOptions::new().replace().expiry(Expiry::In(Duration::from_secs(3600)));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RestoreOptions {
    expiry: Option<Expiry>,
    replace: bool,
    usage: Option<Usage>,
}

/// How much the key was used: one of the two, as the server's `maxmemory-policy` keeps only one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Usage {
    Idle(Duration),
    Frequency(u8),
}

impl RestoreOptions {
    /// No option: for good, and never over a value.
    pub fn new() -> Self {
        Self::default()
    }

    /// When the key vanishes. Defaults to never. Less than 1 ms is sent as 1 ms.
    #[must_use]
    pub fn expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = Some(expiry);
        self
    }

    /// Removes what the key holds first.
    #[must_use]
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }

    /// For how long the key counts as not used, in steps of 1 s. Defaults to zero. The last of this and
    /// [`frequency`](Self::frequency) counts.
    #[must_use]
    pub fn idle_time(mut self, time: Duration) -> Self {
        self.usage = Some(Usage::Idle(time));
        self
    }

    /// How often the key counts as used, as [`object_freq`](crate::Commands::object_freq) has it. Defaults to
    /// that of a new key.
    #[must_use]
    pub fn frequency(mut self, frequency: u8) -> Self {
        self.usage = Some(Usage::Frequency(frequency));
        self
    }

    /// What stands in front of the value. Zero is never.
    pub(in crate::command) fn ttl(&self) -> u128 {
        match self.expiry {
            None => 0,
            Some(Expiry::In(after)) => at_least_millis(after),
            Some(Expiry::At(at)) => unix_millis(at).max(1),
        }
    }
}

impl ToArgs for RestoreOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        if let Some(Expiry::At(_)) = self.expiry {
            out.write(b"ABSTTL");
        }
        if self.replace {
            out.write(b"REPLACE");
        }
        match self.usage {
            Some(Usage::Idle(time)) => ("IDLETIME", time.as_secs()).write_args(out),
            Some(Usage::Frequency(frequency)) => ("FREQ", frequency).write_args(out),
            None => {}
        }
    }
}

/// The optional arguments of `MIGRATE`: see [`Commands::migrate`](crate::Commands::migrate).
///
/// ```
/// use hitless::MigrateOptions;
///
/// let copies = MigrateOptions::new().copy().replace().user("mover", "secret");
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MigrateOptions {
    copy: bool,
    replace: bool,
    auth: Encoded,
}

impl MigrateOptions {
    /// No option: the keys are removed here, and replace nothing there, where no password is needed.
    pub fn new() -> Self {
        Self::default()
    }

    /// The keys stay here as well.
    #[must_use]
    pub fn copy(mut self) -> Self {
        self.copy = true;
        self
    }

    /// Replaces keys of these names there. Without it, one that is there is an error of the server.
    #[must_use]
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }

    /// The password of the default user there. The last of this and [`user`](Self::user) counts.
    #[must_use]
    pub fn auth(mut self, password: impl ToArg) -> Self {
        self.auth = Encoded::of("AUTH");
        self.auth.add(password);
        self
    }

    /// Whom to log in as there, and the password. From 6.0 on.
    #[must_use]
    pub fn user(mut self, name: impl ToArg, password: impl ToArg) -> Self {
        self.auth = Encoded::of("AUTH2");
        self.auth.add((name, password));
        self
    }
}

impl ToArgs for MigrateOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        if self.copy {
            out.write(b"COPY");
        }
        if self.replace {
            out.write(b"REPLACE");
        }
        self.auth.write_args(out);
    }
}
