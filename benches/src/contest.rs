//! Contenders that take turns, and the rows that compare them. Does not know what they do.

use crate::crew::{Crew, Operation};
use crate::load::Meter;
use crate::report::{Bar, Row};
use crate::times::{Group, Times};
use std::time::Duration;

/// How long and how often.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    pub length: Duration,
    pub warm_up: Duration,
}

pub const FULL: Effort = Effort {
    rounds: 15,
    length: Duration::from_millis(250),
    warm_up: Duration::from_millis(300),
};
pub const QUICK: Effort = Effort {
    rounds: 5,
    length: Duration::from_millis(120),
    warm_up: Duration::from_millis(120),
};

impl Effort {
    pub fn is_quick(self) -> bool {
        self.rounds == QUICK.rounds
    }
}

/// A round is quiet while others use no more than this part of one processor.
pub const QUIET: f64 = 0.15;
/// How many times as many rounds are run at most, to have enough quiet ones.
const MOST_REPEATS: usize = 3;

/// The threads of one contender, and the groups of them that are timed.
#[derive(Default)]
pub struct Contender {
    pub operations: Vec<Operation>,
    pub groups: Vec<Group>,
}

impl From<Vec<Operation>> for Contender {
    fn from(operations: Vec<Operation>) -> Self {
        Self {
            operations,
            groups: Vec::new(),
        }
    }
}

impl Contender {
    /// Adds threads whose operations are timed, as the next group.
    pub fn with_group(mut self, operations: Vec<Operation>) -> Self {
        let (group, timed) = Group::of(operations);
        self.groups.push(group);
        self.operations.extend(timed);
        self
    }
}

/// What of a round is compared.
#[derive(Clone, Copy)]
pub enum What {
    /// Operations a second of all threads.
    Rate,
    /// Operations a second of the group with this number.
    GroupRate(usize, &'static str),
    /// Half of the operations of the group with this number took no longer, in microseconds.
    Median(usize),
    /// 99 % of them took no longer.
    P99(usize),
}

/// Which contender is ours, which the peer, what of them, the row's name and its bar.
pub type Comparison<'a> = (usize, usize, What, &'a str, Bar);

/// Contenders that take turns.
pub struct Contest {
    unit: &'static str,
    /// How many units one operation is.
    weight: usize,
    crews: Vec<(Crew, Vec<Group>)>,
    effort: Effort,
    /// The process id of the server.
    server: String,
}

/// What one contender did in one round.
#[derive(Clone)]
struct Round {
    rate: f64,
    groups: Vec<Times>,
    /// How many processors other processes used meanwhile.
    others: f64,
}

impl Contest {
    pub fn new<C: Into<Contender>>(
        server: String,
        effort: Effort,
        unit: &'static str,
        weight: usize,
        contenders: Vec<C>,
    ) -> Self {
        let start = |contender: C| {
            let Contender { operations, groups } = contender.into();
            (Crew::start(operations), groups)
        };
        Self {
            unit,
            weight,
            crews: contenders.into_iter().map(start).collect(),
            effort,
            server,
        }
    }

    /// Rounds by contender. A B C, then C B A, and so on, so that no contender always follows the
    /// same one. Rounds that others disturbed are made up for, within limits.
    fn run(&self) -> Vec<Vec<Round>> {
        for (crew, groups) in &self.crews {
            crew.round(self.effort.warm_up);
            for group in groups {
                group.take();
            }
        }
        let mut results = vec![Vec::new(); self.crews.len()];
        let mut quiet = 0;
        for round in 0..self.effort.rounds * MOST_REPEATS {
            let mut order: Vec<usize> = (0..self.crews.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            let mut disturbed = false;
            for index in order {
                let (crew, groups) = &self.crews[index];
                let mut meter = Meter::new(&self.server);
                let rate = crew.round(self.effort.length) * self.weight as f64;
                let others = meter.as_mut().map_or(0.0, Meter::look);
                disturbed |= others > QUIET;
                results[index].push(Round {
                    rate,
                    groups: groups.iter().map(Group::take).collect(),
                    others,
                });
            }
            quiet += usize::from(!disturbed);
            if quiet == self.effort.rounds {
                break;
            }
        }
        results
    }

    /// One row for each `(ours, peer, name, bar)`: the rates of all threads.
    pub fn rows(&self, comparisons: &[(usize, usize, &str, Bar)]) -> Vec<Row> {
        let rates: Vec<Comparison<'_>> = comparisons
            .iter()
            .map(|&(ours, peer, name, bar)| (ours, peer, What::Rate, name, bar))
            .collect();
        self.compare(&rates)
    }

    /// One row for each comparison.
    pub fn compare(&self, comparisons: &[Comparison<'_>]) -> Vec<Row> {
        let results = self.run();
        comparisons
            .iter()
            .map(|&(ours, peer, what, name, bar)| {
                let pairs = results[ours].iter().zip(&results[peer]);
                let is_quiet = |(a, b): &(&Round, &Round)| a.others.max(b.others) <= QUIET;
                let quiet: Vec<_> = pairs.clone().filter(is_quiet).collect();
                // Too few to tell anything: the row says how disturbed it is.
                let used = if quiet.len() * 3 < self.effort.rounds {
                    pairs.collect()
                } else {
                    quiet
                };
                let (ours, peer): (Vec<f64>, Vec<f64>) =
                    used.iter().map(|(a, b)| (a.of(what), b.of(what))).unzip();
                let others = used
                    .iter()
                    .map(|(a, b)| a.others.max(b.others))
                    .sum::<f64>();
                let others = others / used.len() as f64;
                let unit = match what {
                    What::Rate => self.unit,
                    What::GroupRate(_, unit) => unit,
                    What::Median(_) | What::P99(_) => "us",
                };
                Row {
                    others,
                    ..Row::of(name.to_owned(), unit, &ours, &peer, bar)
                }
            })
            .collect()
    }
}

impl Round {
    fn of(&self, what: What) -> f64 {
        match what {
            What::Rate => self.rate,
            What::GroupRate(group, _) => {
                let all: usize = self.groups.iter().map(|times| times.count).sum();
                self.rate * self.groups[group].count as f64 / all as f64
            }
            What::Median(group) => self.groups[group].median.as_secs_f64() * 1e6,
            What::P99(group) => self.groups[group].p99.as_secs_f64() * 1e6,
        }
    }
}
