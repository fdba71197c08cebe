//! A day in the life of a deployment, as a list of events with times. Measures nothing: the timeline
//! says what happened when.

use super::maintenance::Target;
use super::timeline::Happening;
use super::world::World;
use super::{Node, clock};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Something that a scenario lets the deployment do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// `FAILING_OVER`, a pause in which nothing is answered, `FAILED_OVER`.
    Failover,
    /// `MIGRATING` and later `MIGRATED`; nothing closes.
    Migration,
    /// `MOVING` without a target: the address stays and leads to the next node after a while.
    MovingFront,
    /// `MOVING` without a target: DNS shows the next node only after the old sockets are closed.
    MovingLate,
    /// `MOVING` to the next node by address or name; the old node's sockets close after the grace.
    MovingNamed,
    /// `MOVING` without a target: DNS shows the next node after a while.
    MovingUnnamed,
}

impl Event {
    /// All kinds of events.
    pub const ALL: [Self; 6] = [
        Self::Failover,
        Self::Migration,
        Self::MovingFront,
        Self::MovingLate,
        Self::MovingNamed,
        Self::MovingUnnamed,
    ];
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failover => "failover",
            Self::Migration => "migration",
            Self::MovingFront => "move, address stays",
            Self::MovingLate => "move, target by DNS after the close",
            Self::MovingNamed => "move, target named",
            Self::MovingUnnamed => "move, target by DNS",
        })
    }
}

/// Events and their times, the same again for the same seed.
///
/// ```
/// use hitless::sim::{Event, Scenario, Sim};
/// use std::time::Duration;
///
/// let sim = Sim::builder().nodes(3).time_scale(0.01).start()?;
/// let scenario = Scenario::random(7, Duration::from_millis(200), &[Event::Migration, Event::MovingNamed]);
/// sim.play(&scenario);
/// // Meanwhile the application runs. The times of a scenario are real ones, not scaled.
/// assert!(sim.wait_until(Duration::from_secs(30), |now| now.scenario_ended()));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scenario {
    /// Each with its time after the start.
    events: Vec<(Duration, Event)>,
    /// How long a failover holds commands back.
    failover_pause: Duration,
    /// What a move announces.
    grace: Duration,
}

impl Scenario {
    /// A scenario of chosen events, each with its time after the start.
    pub fn new(events: impl IntoIterator<Item = (Duration, Event)>) -> Self {
        let mut events: Vec<_> = events.into_iter().collect();
        // A stable sort: what has the same time happens in the order in which it was given.
        events.sort_by_key(|(at, _)| *at);
        Self {
            events,
            failover_pause: Duration::from_millis(200),
            grace: Duration::from_secs(2),
        }
    }

    /// Events of the given kinds at random times within `duration`, one a second on average and each
    /// kind at least once if they are not more than the seconds.
    ///
    /// Without a kind there is no event.
    pub fn random(seed: u64, duration: Duration, kinds: &[Event]) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        // One event for each second.
        let count = usize::try_from(duration.as_secs())
            .unwrap_or(usize::MAX)
            .clamp(1, 100_000);
        // Each kind as often as the others, in an order of chance.
        let mut chosen: Vec<Event> = kinds.iter().cycle().take(count).copied().collect();
        dice.shuffle(&mut chosen);
        let gap = duration.div_f64(count as f64);
        let timed = chosen.into_iter().zip(0_u32..).map(|(event, place)| {
            // One event in each gap, somewhere in its first half: never two at once.
            (gap * place + gap.mul_f64(dice.f64() / 2.0), event)
        });
        Self::new(timed.collect::<Vec<_>>())
    }

    /// The grace of the moves: announced in whole seconds, and scaled like every measured time.
    /// Defaults to 2 s.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long a failover answers nothing, in real time. Defaults to 200 ms.
    #[must_use]
    pub fn failover_pause(mut self, pause: Duration) -> Self {
        self.failover_pause = pause;
        self
    }

    /// The events with their times after the start.
    pub fn events(&self) -> &[(Duration, Event)] {
        &self.events
    }
}

impl World {
    /// Asks the director for all events of a scenario.
    pub(super) fn play(&self, scenario: &Scenario) {
        let start = clock::now();
        let (grace, pause) = (scenario.grace, scenario.failover_pause);
        for &(after, event) in &scenario.events {
            self.director.at(start + after, move |world| {
                world.perform(event, grace, pause)
            });
        }
        let last = scenario
            .events
            .last()
            .map_or(Duration::ZERO, |(after, _)| *after);
        self.director
            .at(start + last, |world| world.tell(Happening::ScenarioEnded));
    }

    /// Begins one event of a scenario at the node where the client is at that moment.
    fn perform(self: &Arc<Self>, event: Event, grace: Duration, pause: Duration) {
        match event {
            Event::Failover => {
                self.failover(pause);
            }
            Event::Migration => {
                self.migration(grace.div_f64(2.0));
            }
            Event::MovingFront | Event::MovingLate | Event::MovingNamed | Event::MovingUnnamed => {
                self.perform_move(event, grace, pause)
            }
        }
    }

    /// Moves from where the latest move went to the next node that is not being left itself.
    fn perform_move(self: &Arc<Self>, event: Event, grace: Duration, pause: Duration) {
        /// When a move that finds no free node is tried again.
        const LATER: Duration = Duration::from_millis(50);
        let home = self.home.load(Ordering::Acquire);
        let count = self.nodes.len();
        // The node after the present one that no move is leaving: a scenario may be quicker than its
        // moves.
        let next = (1..count)
            .map(|step| (home + step) % count)
            .find(|&node| !self.is_leaving(node));
        let Some(next) = next.filter(|_| !self.is_leaving(home)) else {
            // All others still have their sockets to close: a moment later one will be free.
            if count > 1 {
                let at = clock::now() + LATER;
                self.director
                    .at(at, move |world| world.perform(event, grace, pause));
            }
            return;
        };
        let (from, to) = (Node(home), Node(next));
        let moving = match event {
            Event::MovingFront => self.measured_front(from, to, grace),
            Event::MovingLate => self.measured_late(from, to, grace),
            Event::MovingUnnamed => self.measured_moving(from, Target::Null(to), grace),
            _ => self.measured_moving(from, Target::Node(to), grace),
        };
        self.start_moving(moving);
    }
}
