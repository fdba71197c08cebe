//! The simulator's only look at the clock. Everything else gets the time as an argument or asks here.

use std::time::Instant;

/// Now.
#[allow(
    clippy::disallowed_methods,
    reason = "the simulator stands outside the client's layers, so it has a clock of its own"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}
