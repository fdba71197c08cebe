//! The simulator's only look at the clocks. Everything else gets the time as an argument or asks here.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The present, on the clock that no administrator sets.
#[allow(
    clippy::disallowed_methods,
    reason = "the simulator stands outside the client's layers, so it has a clock of its own"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// The time since the epoch by the wall's clock: for the commands that speak of it, and once at the start
/// for expiries.
#[allow(
    clippy::disallowed_methods,
    reason = "commands such as TIME and EXPIREAT are about the wall's clock"
)]
pub(super) fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
