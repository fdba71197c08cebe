//! Callers, connections and a server in simulated time: which connections are used, and how many are made.
//!
//! A step is 1 ms. Each caller sends one request after the other; each connection answers in order.

use super::super::{Fit, Load, Report, Survey, Verdict, Wanted, Watch};
use super::MS;
use crate::ids::EntryId;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::time::Duration;

/// What one caller sends again and again.
#[derive(Clone, Copy, Debug)]
struct Habit {
    /// How many steps its reply takes on the wire: a large one several.
    steps: u32,
    is_large: bool,
}

const SMALL: Habit = Habit {
    steps: 1,
    is_large: false,
};

const LARGE: Habit = Habit {
    steps: 10,
    is_large: true,
};

#[derive(Debug, Default)]
struct Connection {
    /// The requests in flight, and how many steps each has left.
    queue: VecDeque<(Wanted, u32)>,
    moved: u64,
    watch: Watch<u64>,
    /// Nothing arrives until then.
    stuck_until: u64,
    /// The most commands that were ever in flight.
    peak: u64,
}

impl Connection {
    fn load(&self) -> Load {
        let words = self.queue.iter().map(|(wanted, _)| wanted.load.word());
        Load::from_word(words.sum())
    }
}

struct World {
    now: u64,
    size: usize,
    most: u64,
    connections: Vec<Connection>,
    /// When the dial under way is done.
    dial: Option<u64>,
    dials: u64,
    /// The server answers nobody until then.
    stands_still_until: u64,
    served: [u64; 2],
}

impl World {
    fn new(size: usize, most: u64) -> Self {
        Self {
            now: 0,
            size,
            most,
            connections: vec![Connection::default()],
            dial: None,
            dials: 0,
            stands_still_until: 0,
            served: [0; 2],
        }
    }

    fn ask(&mut self, habit: Habit) {
        let wanted = Wanted {
            load: Load::of(1, habit.is_large),
            ..Wanted::small(self.most)
        };
        let now = self.now;
        let mut survey = Survey::new(wanted, self.connections.len(), self.size);
        for (id, connection) in self.connections.iter_mut().enumerate() {
            let load = connection.load();
            if load.is_free() {
                survey.see(EntryId::new(id), &Report::default());
                continue;
            }
            let (has_moved, since) = connection.watch.look(connection.moved, now);
            let reply = connection.queue.front();
            let report = Report {
                load,
                has_large_reply: reply
                    .is_some_and(|(one, left)| one.load.large() > 0 && *left < LARGE.steps),
                has_moved,
                silence: Duration::from_millis(now - since),
                round_trip: MS,
            };
            survey.see(EntryId::new(id), &report);
        }
        let Verdict { join, grows } = survey.verdict();
        if grows && self.dial.is_none() {
            assert!(self.connections.len() < self.size);
            self.dial = Some(now + 3);
            self.dials += 1;
        }
        let (id, fit, _) = join.expect("one is live");
        let connection = &mut self.connections[id.index()];
        if connection.load().is_free() {
            connection.watch.restart(connection.moved);
        }
        connection.queue.push_back((wanted, habit.steps));
        let load = connection.load().commands();
        connection.peak = connection.peak.max(load);
        assert!(fit == Fit::Full || load <= self.most);
    }

    /// One step; yields for each who was answered whether it was a large one.
    fn step(&mut self) -> Vec<bool> {
        self.now += 1;
        let mut answered = Vec::new();
        if self.dial.is_some_and(|done| done <= self.now) && self.stands_still_until <= self.now {
            self.dial = None;
            self.connections.push(Connection::default());
        }
        for connection in &mut self.connections {
            if self.stands_still_until > self.now || connection.stuck_until > self.now {
                continue;
            }
            // Small ones are answered together, up to a large one.
            while let Some((wanted, left)) = connection.queue.front_mut() {
                *left -= 1;
                connection.moved += 1;
                if *left > 0 {
                    break;
                }
                answered.push(wanted.load.large() > 0);
                connection.queue.pop_front();
            }
        }
        for is_large in &answered {
            self.served[usize::from(*is_large)] += 1;
        }
        answered
    }

    /// So many callers of each habit begin, if none has, and go on for so many steps.
    fn run(&mut self, small: usize, large: usize, steps: u64) {
        let waiting: usize = self.connections.iter().map(|one| one.queue.len()).sum();
        if waiting == 0 {
            (0..large).for_each(|_| self.ask(LARGE));
            (0..small).for_each(|_| self.ask(SMALL));
        }
        for _ in 0..steps {
            for is_large in self.step() {
                self.ask(if is_large { LARGE } else { SMALL });
            }
        }
    }

    fn in_use(&self) -> usize {
        let used = |one: &&Connection| !one.queue.is_empty();
        self.connections.iter().filter(used).count()
    }
}

#[test]
fn a_caller_alone_has_one_connection() {
    let mut world = World::new(16, 512);
    world.run(1, 0, 1000);
    assert_eq!((world.connections.len(), world.served[0]), (1, 1000));
}

#[test]
fn hundreds_of_callers_use_one_connection_and_keep_a_spare() {
    let mut world = World::new(16, 512);
    world.run(256, 0, 1000);
    assert_eq!((world.connections.len(), world.in_use()), (2, 1));
    assert_eq!(world.connections[1].peak, 0);
}

#[test]
fn a_pool_of_one_stays_one() {
    let mut world = World::new(1, 16);
    world.run(64, 1, 1000);
    assert_eq!((world.connections.len(), world.dials), (1, 0));
}

#[test]
fn the_bound_spreads_callers_and_no_further() {
    let mut world = World::new(16, 16);
    world.run(64, 0, 1000);
    let peaks: Vec<u64> = world.connections.iter().map(|one| one.peak).collect();
    assert_eq!(world.in_use(), 4, "{peaks:?}");
    assert_eq!(world.connections.len(), 5, "four, and a spare");
}

#[test]
fn small_requests_do_not_travel_behind_large_ones() {
    let mut world = World::new(16, 512);
    world.run(63, 1, 100);
    let before = world.served;
    world.run(63, 1, 1000);
    assert_eq!(
        world.served[0] - before[0],
        63 * 1000,
        "each step all of them"
    );
    assert_eq!(
        world.served[1] - before[1],
        100,
        "and the large ones all the time"
    );
    assert!(world.connections.len() <= 3);
}

#[test]
fn large_requests_get_connections_of_their_own_one_dial_after_the_other() {
    let mut world = World::new(6, 512);
    world.run(8, 3, 200);
    let (before, at) = (world.served, world.connections.len());
    world.run(8, 3, 1000);
    assert_eq!(world.served[1] - before[1], 300);
    assert_eq!(world.served[0] - before[0], 8000);
    assert!(
        (4..=5).contains(&at) && world.connections.len() == at,
        "{at}"
    );
}

#[test]
fn a_server_that_stands_still_costs_no_dial() {
    let mut world = World::new(16, 512);
    world.run(64, 0, 100);
    let before = world.dials;
    world.stands_still_until = world.now + 2000;
    // Others come meanwhile, one each step.
    for _ in 0..400 {
        world.ask(SMALL);
        world.step();
    }
    assert_eq!(world.dials, before);
    assert_eq!(world.connections.len(), 2);
}

#[test]
fn a_connection_that_is_stuck_is_left_and_joined_again_when_it_moves() {
    let mut world = World::new(16, 512);
    world.run(64, 0, 100);
    world.connections[0].stuck_until = world.now + 200;
    // Those who wait on it wait; who comes is answered elsewhere after a few steps.
    let before = world.served[0];
    for _ in 0..100 {
        world.ask(SMALL);
        world.step();
    }
    let served = world.served[0] - before;
    assert!(served >= 80, "{served}");
    assert!(
        world.connections.len() <= 3,
        "the spare, and one more for that"
    );
    for _ in 0..200 {
        world.step();
    }
    assert_eq!(world.in_use(), 0, "all are answered");
    world.run(64, 0, 100);
    assert_eq!(world.in_use(), 1);
    assert_eq!(
        world.connections[0].queue.len(),
        64,
        "the first is joined again"
    );
}

proptest! {
    #[test]
    fn growth_is_bounded_whatever_happens(
        size in 1_usize..8,
        most in 1_u64..20,
        small in 0_usize..40,
        large in 0_usize..4,
        stalls in proptest::collection::vec((0_u64..60, 0_u64..40, 0_usize..8), 0..6),
    ) {
        let mut world = World::new(size, most);
        world.run(small, large, 20);
        for (pause, length, which) in stalls {
            world.run(small, large, pause);
            let until = world.now + length;
            match world.connections.get_mut(which) {
                Some(connection) => connection.stuck_until = until,
                None => world.stands_still_until = until,
            }
        }
        let before = world.served;
        world.run(small, large, 500);
        prop_assert!(world.connections.len() <= size);
        let made = world.connections.len() as u64 + u64::from(world.dial.is_some());
        prop_assert_eq!(world.dials + 1, made, "one dial at a time");
        // Everybody goes on.
        prop_assert!(small == 0 || world.served[0] > before[0]);
        prop_assert!(large == 0 || world.served[1] > before[1]);
    }
}
