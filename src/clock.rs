//! Reads the clock, so that nothing else has to. Knows no wall clock: those jump.

use std::time::Instant;

/// The present moment. Called from every thread; takes no lock.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the clock; all other code is handed an Instant"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
