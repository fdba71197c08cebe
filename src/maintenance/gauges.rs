//! What goes on now, as gauges of the feature `metrics`; not compiled without it. Decides nothing, and
//! reads only what `Client::maintenance` shows too.

use crate::handoff::breaker::BreakerState;
use crate::handoff::conductor::{Conductor, SeatState};
use crate::protocol::Endpoint;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

/// The part of one client in the gauges. The clients of a process share these: each adds what it has,
/// and takes it back when its coordinator ends.
pub(super) struct Gauges {
    handoffs: Part,
    windows: Part,
    draining: Part,
    moving: Part,
    /// Those that are not closed.
    breakers: BTreeMap<Endpoint, BreakerState>,
}

impl Gauges {
    pub(super) fn new() -> Self {
        Self {
            handoffs: Part::of(metrics::gauge!("hitless_handoffs_active")),
            windows: Part::of(metrics::gauge!("hitless_windows_open")),
            draining: Part::of(metrics::gauge!("hitless_connections_draining")),
            moving: Part::of(metrics::gauge!("hitless_slots_moving")),
            breakers: BTreeMap::new(),
        }
    }

    /// Shows how things stand. By the coordinator, after each message.
    pub(super) fn show(&mut self, conductor: &Conductor, now: Instant) {
        let moving = |state: &SeatState| matches!(state, SeatState::Marked | SeatState::Handing);
        let open = conductor.windows().iter_open();
        self.handoffs.show(conductor.operations(now).len());
        self.windows
            .show(open.filter(|window| !window.echo).count());
        self.draining.show(conductor.draining());
        self.moving.show(conductor.seats().filter(moving).count());
        let breakers = conductor
            .breakers()
            .filter(|(_, stats)| stats.state != BreakerState::Closed)
            .map(|(endpoint, stats)| (endpoint.clone(), stats.state));
        self.show_breakers(breakers.collect());
    }

    fn show_breakers(&mut self, now: BTreeMap<Endpoint, BreakerState>) {
        for (endpoint, state) in &self.breakers {
            if now.get(endpoint) != Some(state) {
                breaker(endpoint, *state).decrement(1);
            }
        }
        for (endpoint, state) in &now {
            if self.breakers.get(endpoint) != Some(state) {
                breaker(endpoint, *state).increment(1);
            }
        }
        self.breakers = now;
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        for part in [
            &mut self.handoffs,
            &mut self.windows,
            &mut self.draining,
            &mut self.moving,
        ] {
            part.show(0);
        }
        self.show_breakers(BTreeMap::new());
    }
}

impl fmt::Debug for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauges")
            .field("breakers", &self.breakers)
            .finish_non_exhaustive()
    }
}

/// A breaker that has never opened has no gauge: servers that name ever new places make no new ones.
fn breaker(endpoint: &Endpoint, state: BreakerState) -> metrics::Gauge {
    let state = match state {
        BreakerState::Closed => "closed",
        BreakerState::HalfOpen => "half_open",
        BreakerState::Open => "open",
    };
    metrics::gauge!("hitless_breakers", "endpoint" => endpoint.to_string(), "state" => state)
}

/// What one client adds to one gauge.
struct Part {
    gauge: metrics::Gauge,
    shown: u32,
}

impl Part {
    fn of(gauge: metrics::Gauge) -> Self {
        Self { gauge, shown: 0 }
    }

    fn show(&mut self, now: usize) {
        let now = u32::try_from(now).unwrap_or(u32::MAX);
        if now > self.shown {
            self.gauge.increment(now - self.shown);
        } else if now < self.shown {
            self.gauge.decrement(self.shown - now);
        }
        self.shown = now;
    }
}
