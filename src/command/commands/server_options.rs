//! The options of commands of the server as a whole. Checks none of them: the server does.

use crate::command::arg::Encoded;
use crate::command::{ArgWriter, ToArg, ToArgs};
use std::time::Duration;

/// The optional arguments of `FAILOVER`.
///
/// ```
/// use hitless::FailoverOptions;
/// use std::time::Duration;
///
/// let soon = FailoverOptions::new().to("10.0.0.2", 6379).timeout(Duration::from_secs(5)).force();
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FailoverOptions {
    to: Encoded,
    force: bool,
    timeout: Option<Duration>,
}

impl FailoverOptions {
    /// To any replica, waiting until one has all data.
    pub fn new() -> Self {
        Self::default()
    }

    /// To this replica.
    #[must_use]
    pub fn to(mut self, host: impl ToArg, port: u16) -> Self {
        // Kept as it goes to the server: only there the name of the host is looked up.
        self.to = Encoded::of(("TO", host, port));
        self
    }

    /// Changes over even if the replica of [`to`](Self::to) has not all data by the end of
    /// [`timeout`](Self::timeout). The server wants all three together.
    #[must_use]
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }

    /// For how long it may take, in steps of 1 ms, before the server gives up. Defaults to for ever.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl ToArgs for FailoverOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.to.write_args(out);
        // Directly behind the address: servers look for it there only.
        out.write_if(self.force, "FORCE");
        if let Some(timeout) = self.timeout {
            ("TIMEOUT", timeout.as_millis()).write_args(out);
        }
    }
}

/// The optional arguments of `SHUTDOWN`.
///
/// ```no_run
/// use hitless::{Commands, ShutdownOptions};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// client.shutdown(&ShutdownOptions::new().save(false).now())?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ShutdownOptions {
    save: Option<bool>,
    now: bool,
    force: bool,
}

impl ShutdownOptions {
    /// Writes the data to disk if the server is set up to, and waits for replicas as long as it is set up to.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the server writes its data to disk (`SAVE` or `NOSAVE`), whatever its settings.
    #[must_use]
    pub fn save(mut self, save: bool) -> Self {
        self.save = Some(save);
        self
    }

    /// Does not wait for replicas that lag behind. From 7.0 on.
    #[must_use]
    pub fn now(mut self) -> Self {
        self.now = true;
        self
    }

    /// Ends the server even if it cannot write its data. From 7.0 on.
    #[must_use]
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }
}

impl ToArgs for ShutdownOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // The order is free, but the server takes only one of the two words.
        let save = self.save.map(|save| if save { "SAVE" } else { "NOSAVE" });
        save.write_args(out);
        out.write_if(self.now, "NOW");
        out.write_if(self.force, "FORCE");
    }
}

/// What `MODULE LOADEX` gives a module.
///
/// ```no_run
/// use hitless::{Commands, ModuleOptions};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let options = ModuleOptions::new().config("search.timeout", 500).args(["verbose"]);
/// client.module_loadex("/usr/lib/redis/search.so", &options)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ModuleOptions {
    settings: Encoded,
    arguments: Encoded,
}

impl ModuleOptions {
    /// Neither settings nor arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also a setting (`CONFIG`).
    #[must_use]
    pub fn config(mut self, name: impl ToArg, value: impl ToArg) -> Self {
        self.settings.add(("CONFIG", name, value));
        self
    }

    /// Also arguments: none, one or many (`ARGS`).
    #[must_use]
    pub fn args(mut self, arguments: impl ToArgs) -> Self {
        self.arguments.add(arguments);
        self
    }
}

impl ToArgs for ModuleOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // Each of them behind its own word.
        self.settings.write_args(out);
        if self.arguments.count() > 0 {
            // Last: all that follows belongs to the module.
            out.write(b"ARGS");
            self.arguments.write_args(out);
        }
    }
}
