//! The targets of all lines of the log, for filters such as `RUST_LOG=hitless::handoff=debug`. They name what
//! a line is about and never follow the modules of the source, so that a filter holds from release to release.
//! Logs nothing itself.
//!
//! `hitless=info` selects all of them. The table [under *Log*](crate#log) says what is told at which level.
//!
//! ```
//! // Everything about handoffs, and whatever is wrong with the rest.
//! let filter = format!("{}=debug,hitless=warn", hitless::log_targets::HANDOFF);
//! assert_eq!(filter, "hitless::handoff=debug,hitless=warn");
//! ```

/// A client as a whole: a thread of it that panicked.
pub const CLIENT: &str = "hitless::client";

/// Single connections: dials that failed, losses, replaced connections that ended, name lookups, and servers
/// that are not what was configured.
pub const CONNECTION: &str = "hitless::connection";

/// Handoffs, windows of relaxed timeouts, circuit breakers, and targets that may not be dialled.
pub const HANDOFF: &str = "hitless::handoff";

/// Hooks: what [`LoggingHook`](crate::LoggingHook) tells, and hooks that panic, hang or take too long.
pub const HOOKS: &str = "hitless::hooks";

/// The log itself: lines that were dropped.
pub const LOG: &str = "hitless::log";

/// Notifications: each copy and what became of it, those that cannot be read, and servers that send none.
pub const NOTIFICATION: &str = "hitless::notification";

/// The embedded simulator (feature `sim`).
pub const SIM: &str = "hitless::sim";

/// Consumers of stream groups: a group that was gone and is made again.
pub const STREAM: &str = "hitless::stream";

/// All of them, for a logger that sorts lines by target.
pub const ALL: &[&str] = &[
    CLIENT,
    CONNECTION,
    HANDOFF,
    HOOKS,
    LOG,
    NOTIFICATION,
    SIM,
    STREAM,
];
