//! The options of functions and scripts. Checks none of them: the server does.

use crate::command::arg::Encoded;
use crate::command::{ArgWriter, ToArg, ToArgs};

/// Whether the memory of what is removed is freed before the reply. Without it, the server's setting
/// `lazyfree-lazy-user-flush` decides.
///
/// ```no_run
/// use hitless::{Commands, FlushMode};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// client.flushdb_mode(FlushMode::Async)?;
/// client.script_flush_mode(FlushMode::Sync)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FlushMode {
    /// Afterwards, in the background: the reply comes at once, and so do others'.
    Async,
    /// Before the reply: with much data, nobody is answered for seconds.
    Sync,
}

impl ToArgs for FlushMode {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(match self {
            Self::Async => b"ASYNC",
            Self::Sync => b"SYNC",
        });
    }
}

/// What [`Commands::function_restore_policy`](crate::Commands::function_restore_policy) does with the libraries
/// that are there.
///
/// ```no_run
/// use hitless::{Client, Commands, FunctionRestore};
///
/// let (old, new) = (Client::connect("redis://old")?, Client::connect("redis://new")?);
/// new.function_restore_policy(&old.function_dump()?, FunctionRestore::Replace)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FunctionRestore {
    /// Keeps them, and refuses the dump if one has a name that is taken.
    Append,
    /// Removes all of them before.
    Flush,
    /// Keeps those whose names the dump does not have.
    Replace,
}

impl ToArgs for FunctionRestore {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(match self {
            Self::Append => b"APPEND",
            Self::Flush => b"FLUSH",
            Self::Replace => b"REPLACE",
        });
    }
}

/// Which libraries [`Commands::function_list_options`](crate::Commands::function_list_options) yields.
///
/// ```
/// use hitless::FunctionListOptions;
///
/// let counters = FunctionListOptions::new().library("count*").with_code();
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FunctionListOptions {
    library: Encoded,
    with_code: bool,
}

impl FunctionListOptions {
    /// All libraries, without their sources.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only libraries whose names match this pattern, such as `count*`.
    #[must_use]
    pub fn library(mut self, pattern: impl ToArg) -> Self {
        self.library = Encoded::of(("LIBRARYNAME", pattern));
        self
    }

    /// With the sources (`WITHCODE`).
    #[must_use]
    pub fn with_code(mut self) -> Self {
        self.with_code = true;
        self
    }
}

impl ToArgs for FunctionListOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // Either may stand first.
        self.library.write_args(out);
        out.write_if(self.with_code, "WITHCODE");
    }
}
