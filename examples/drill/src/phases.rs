//! What the deployment is doing while the load runs, as the threads of the load see it.

use crate::record::micros;
use hitless::sim::{Happened, Happening, Sim};
use hitless::{HandoffId, MaintenanceEvent, NotificationHook};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What goes on. A later one counts more.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Phase {
    Quiet,
    Moving,
    Failover,
}

/// Something that the deployment did, in microseconds after the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) name: &'static str,
    pub(crate) begin: u64,
    /// `None`: it goes on.
    pub(crate) end: Option<u64>,
}

/// From the announcement of a move until shortly after its last swap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) begin: u64,
    pub(crate) end: u64,
}

/// What the load looks at with each command, and what it finds when a handoff is over.
#[derive(Debug)]
pub(crate) struct Phases {
    start: Instant,
    now: AtomicU8,
    count: AtomicUsize,
    windows: Mutex<Vec<Window>>,
    begun: Mutex<Vec<(HandoffId, u64)>>,
}

impl Phases {
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            start,
            now: AtomicU8::new(0),
            count: AtomicUsize::new(0),
            windows: Mutex::default(),
            begun: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Phase {
        match self.now.load(Ordering::Relaxed) {
            0 => Phase::Quiet,
            1 => Phase::Moving,
            _ => Phase::Failover,
        }
    }

    /// How many handoffs have been completed.
    pub(crate) fn windows(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(crate) fn windows_from(&self, first: usize) -> Vec<Window> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.get(first..).unwrap_or_default().to_vec()
    }
}

impl NotificationHook for Phases {
    fn event(&self, event: &MaintenanceEvent) {
        /// A swap is felt this much longer at the most, in microseconds.
        const AFTER: u64 = 20_000;
        let now = micros(self.start.elapsed());
        match event {
            MaintenanceEvent::HandoffStarted(handoff, _) => {
                let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
                begun.push((handoff.id, now));
            }
            MaintenanceEvent::HandoffAbandoned(handoff)
            | MaintenanceEvent::HandoffCompleted(handoff)
            | MaintenanceEvent::HandoffFailed(handoff, _) => {
                let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
                let at = begun.iter().position(|(id, _)| *id == handoff.id);
                let Some((_, begin)) = at.map(|at| begun.swap_remove(at)) else {
                    return;
                };
                drop(begun);
                let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
                windows.push(Window {
                    begin,
                    end: now + AFTER,
                });
                self.count.store(windows.len(), Ordering::Release);
            }
            _ => {}
        }
    }
}

/// What the watch has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) spans: Vec<Span>,
    /// How long nothing went on, and how long anything did, in microseconds.
    pub(crate) quiet: u64,
    pub(crate) busy: u64,
}

/// Follows what the deployment does until `stop`, and tells the load.
pub(crate) fn watch(sim: &Sim, phases: &Phases, stop: &AtomicBool) -> Seen {
    /// How soon a stop is seen.
    const TICK: Duration = Duration::from_millis(50);
    let mut seen = Seen::default();
    let (mut last, mut told) = (None, 0);
    loop {
        let ends = stop.load(Ordering::Acquire);
        let latest = |timeline: &[Happened]| timeline.last().map(|happened| happened.at);
        if !ends {
            sim.wait_until(TICK, |now| latest(&now.timeline()) != last);
        }
        let timeline = sim.timeline();
        for happened in &timeline {
            if last.is_none_or(|last| happened.at > last) {
                let at = micros(happened.at.saturating_duration_since(phases.start));
                seen.follow(&happened.what, at);
            }
        }
        last = latest(&timeline);
        let now = micros(phases.start.elapsed());
        let open = |name: &str| {
            let mut spans = seen.spans.iter().rev().take(64);
            spans.any(|span| span.name == name && span.end.is_none())
        };
        let before = phases.now();
        let phase = if open("failover") {
            Phase::Failover
        } else if open("move") || open("migration") {
            Phase::Moving
        } else {
            Phase::Quiet
        };
        phases.now.store(phase as u8, Ordering::Relaxed);
        if before == Phase::Quiet {
            seen.quiet += now - told;
        } else {
            seen.busy += now - told;
        }
        told = now;
        if ends {
            return seen;
        }
    }
}

impl Seen {
    fn follow(&mut self, what: &Happening, at: u64) {
        let (name, begins) = match what {
            Happening::Moving(..) => ("move", true),
            Happening::Retired(..) => ("move", false),
            Happening::Migrating(_) => ("migration", true),
            Happening::Migrated(_) => ("migration", false),
            Happening::FailingOver(_) => ("failover", true),
            Happening::FailedOver(_) => ("failover", false),
            _ => return,
        };
        if begins {
            self.spans.push(Span {
                name,
                begin: at,
                end: None,
            });
            return;
        }
        // The oldest of its kind that goes on.
        let mut open = self.spans.iter_mut().filter(|span| span.end.is_none());
        if let Some(span) = open.find(|span| span.name == name) {
            span.end = Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_ends_with_its_own_kind() {
        let mut seen = Seen::default();
        seen.follow(&Happening::Migrating(1), 10);
        seen.follow(&Happening::FailingOver(2), 20);
        seen.follow(&Happening::Migrated(3), 30);
        let ends: Vec<_> = seen.spans.iter().map(|span| span.end).collect();
        assert_eq!(ends, [Some(30), None]);
    }
}
