//! Reads the clock, so that nothing else has to. Knows no wall clock: those jump.

#[cfg(not(hitless_model))]
use std::time::Instant;

/// The present moment. Called from every thread; takes no lock.
#[cfg(not(hitless_model))]
#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the clock; all other code is handed an Instant"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[cfg(hitless_model)]
pub(crate) use crate::sync::model_now as now;
