//! Contenders that take turns, and the rows that compare them. Does not know what they do.

use crate::child::Child;
use crate::crew::{Crew, Operation};
use crate::load::{Meter, own_processor_time};
use crate::report::{Bar, Row, median};
use crate::times::{Group, Times};
use std::process;
use std::time::Duration;

/// How long and how often.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    pub length: Duration,
    pub warm_up: Duration,
    /// Whether little time is to be spent.
    pub is_quick: bool,
    /// How many times as many rounds are run at most, to have enough quiet ones.
    pub most_repeats: usize,
}

pub const FULL: Effort = Effort {
    rounds: 15,
    length: Duration::from_millis(250),
    warm_up: Duration::from_millis(300),
    is_quick: false,
    most_repeats: 3,
};
pub const QUICK: Effort = Effort {
    rounds: 5,
    length: Duration::from_millis(120),
    warm_up: Duration::from_millis(120),
    is_quick: true,
    most_repeats: 1,
};

impl Effort {
    /// Fewer rounds, each of which is long enough for a number of slow operations.
    pub fn with_long_rounds(self) -> Self {
        let (rounds, times) = if self.is_quick { (3, 2) } else { (7, 4) };
        Self {
            rounds,
            length: self.length * times,
            ..self
        }
    }
}

/// A round is quiet while others use no more than this part of one processor.
pub const QUIET: f64 = 0.15;

/// What is called before each round of a contender.
type Hook = Box<dyn FnMut()>;

/// The threads of one contender, and the groups of them that are timed; or a process that has them.
#[derive(Default)]
pub struct Contender {
    operations: Vec<Operation>,
    groups: Vec<Group>,
    child: Option<Child>,
    before: Option<Hook>,
}

impl From<Vec<Operation>> for Contender {
    fn from(operations: Vec<Operation>) -> Self {
        Self {
            operations,
            ..Self::default()
        }
    }
}

impl From<Child> for Contender {
    fn from(child: Child) -> Self {
        Self {
            child: Some(child),
            ..Self::default()
        }
    }
}

impl Contender {
    /// Adds threads whose operations are timed, as the next group.
    pub fn with_group(self, operations: Vec<Operation>) -> Self {
        self.with_pausing_group(operations, Duration::ZERO)
    }

    /// Adds threads that sleep before each operation and time it alone, as the next group.
    pub fn with_pausing_group(mut self, operations: Vec<Operation>, pause: Duration) -> Self {
        let (group, timed) = Group::of(operations, pause);
        self.groups.push(group);
        self.operations.extend(timed);
        self
    }

    /// Calls `hook` before each round, the one that warms up excepted.
    pub fn before_each_round(mut self, hook: impl FnMut() + 'static) -> Self {
        self.before = Some(Box::new(hook));
        self
    }
}

/// What of a round is compared.
#[derive(Clone, Copy)]
pub enum What {
    /// Operations a second of all threads.
    Rate,
    /// Operations in one second of processor time of this process: of clients, not of the server.
    PerProcessorSecond,
    /// Operations a second of the group with this number, and what they are called.
    GroupRate(usize, &'static str),
    /// Half of the operations of the group with this number took no longer, in microseconds.
    Median(usize),
    /// 99 % of them took no longer.
    P99(usize),
    /// 99.9 % of them took no longer.
    P999(usize),
}

impl What {
    /// What a row's name has behind that of the work.
    fn suffix(self) -> String {
        match self {
            Self::Rate | Self::GroupRate(0, _) => String::new(),
            Self::PerProcessorSecond => ", by client CPU".to_owned(),
            Self::GroupRate(_, unit) => format!(", {}", unit.trim_end_matches("/s")),
            Self::Median(_) => ", p50".to_owned(),
            Self::P99(_) => ", p99".to_owned(),
            Self::P999(_) => ", p99.9".to_owned(),
        }
    }
}

/// Which contender is ours, which the peer, what of them, the row's name and its bar.
pub struct Comparison {
    ours: usize,
    peer: usize,
    what: What,
    name: String,
    bar: Bar,
}

/// The rows of one kind of work that compare two contenders: ours, which comes first, and the peer.
pub fn versus(
    (ours, peer): (usize, usize),
    work: &str,
    peer_name: &str,
    bars: &[(What, Bar)],
) -> Vec<Comparison> {
    let comparison = |&(what, bar): &(What, Bar)| Comparison {
        ours,
        peer,
        what,
        name: format!("{work}{} : {peer_name}", what.suffix()),
        bar,
    };
    bars.iter().map(comparison).collect()
}

/// Contenders that take turns.
pub struct Contest {
    unit: &'static str,
    /// How many units one operation is.
    weight: usize,
    teams: Vec<Team>,
    effort: Effort,
    /// The ids of the processes under measurement.
    processes: Vec<String>,
}

struct Team {
    threads: Threads,
    before: Option<Hook>,
}

enum Threads {
    Here(Crew, Vec<Group>),
    Child(Child),
}

impl Team {
    fn start(contender: Contender) -> Self {
        let threads = match contender.child {
            Some(child) => Threads::Child(child),
            None => Threads::Here(Crew::start(contender.operations), contender.groups),
        };
        Self {
            threads,
            before: contender.before,
        }
    }

    fn work(&mut self, length: Duration) -> (f64, Vec<Times>) {
        match &mut self.threads {
            Threads::Here(crew, groups) => {
                let rate = crew.round(length);
                (rate, groups.iter().map(Group::take).collect())
            }
            Threads::Child(child) => child.round(length),
        }
    }
}

/// What one contender did in one round.
#[derive(Clone)]
struct Round {
    /// Units a second.
    rate: f64,
    /// Processors that this process used.
    used: f64,
    groups: Vec<Times>,
    /// How many processors other processes used meanwhile.
    others: f64,
}

impl Contest {
    /// `server` is the id of its process.
    pub fn new<C: Into<Contender>>(
        server: &str,
        effort: Effort,
        unit: &'static str,
        contenders: Vec<C>,
    ) -> Self {
        let contenders = contenders.into_iter().map(Into::into);
        let teams: Vec<Team> = contenders.map(Team::start).collect();
        let mut processes = vec![process::id().to_string(), server.to_owned()];
        for team in &teams {
            if let Threads::Child(child) = &team.threads {
                processes.push(child.id());
            }
        }
        // The server of the simulator is this process.
        processes.sort();
        processes.dedup();
        Self {
            unit,
            weight: 1,
            teams,
            effort,
            processes,
        }
    }

    /// Each operation is so many units.
    pub fn with_weight(mut self, weight: usize) -> Self {
        self.weight = weight;
        self
    }

    /// Rounds by contender. A B C, then C B A, and so on, so that no contender always follows the
    /// same one. Rounds that others disturbed are made up for, within limits.
    fn run(&mut self) -> Vec<Vec<Round>> {
        for team in &mut self.teams {
            team.work(self.effort.warm_up);
        }
        let mut results = vec![Vec::new(); self.teams.len()];
        let mut quiet = 0;
        for round in 0..self.effort.rounds * self.effort.most_repeats {
            let mut order: Vec<usize> = (0..self.teams.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            let mut disturbed = false;
            for index in order {
                let round = self.round(index);
                disturbed |= round.others > QUIET;
                results[index].push(round);
            }
            quiet += usize::from(!disturbed);
            if quiet == self.effort.rounds {
                break;
            }
        }
        results
    }

    /// One round of one contender.
    fn round(&mut self, index: usize) -> Round {
        let team = &mut self.teams[index];
        if let Some(before) = &mut team.before {
            before();
        }
        let mut meter = Meter::new(&self.processes);
        let before = own_processor_time();
        let (rate, groups) = team.work(self.effort.length);
        let used = own_processor_time() - before;
        Round {
            rate: rate * self.weight as f64,
            used: used.as_secs_f64() / self.effort.length.as_secs_f64(),
            groups,
            others: meter.as_mut().map_or(0.0, Meter::look),
        }
    }

    /// One row for each comparison.
    pub fn compare(mut self, comparisons: &[Comparison]) -> Vec<Row> {
        let results = self.run();
        comparisons
            .iter()
            .map(|comparison| self.row(&results, comparison))
            .collect()
    }

    fn row(&self, results: &[Vec<Round>], comparison: &Comparison) -> Row {
        let what = comparison.what;
        let pairs = results[comparison.ours]
            .iter()
            .zip(&results[comparison.peer]);
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
        let others = used.iter().map(|(a, b)| a.others.max(b.others));
        let others = others.sum::<f64>() / used.len() as f64;
        let unit = match what {
            What::Rate => self.unit,
            What::PerProcessorSecond => "GET/CPU s",
            What::GroupRate(_, unit) => unit,
            What::Median(_) | What::P99(_) | What::P999(_) => "us",
        };
        Row {
            others,
            ..Row::of(&comparison.name, unit, &ours, &peer, comparison.bar)
        }
    }

    /// For each thing that is looked at, the median of each contender; and how many processors others
    /// used meanwhile.
    pub fn medians(mut self, whats: &[What]) -> (Vec<Vec<f64>>, f64) {
        let results = self.run();
        let rounds: Vec<&Round> = results.iter().flatten().collect();
        let others = rounds.iter().map(|round| round.others).sum::<f64>() / rounds.len() as f64;
        let of = |what: What, rounds: &[Round]| {
            let mut numbers: Vec<f64> = rounds.iter().map(|round| round.of(what)).collect();
            median(&mut numbers)
        };
        let medians = whats.iter().map(|what| {
            let contenders = results.iter().map(|rounds| of(*what, rounds));
            contenders.collect()
        });
        (medians.collect(), others)
    }
}

impl Round {
    fn of(&self, what: What) -> f64 {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        match what {
            What::Rate => self.rate,
            What::PerProcessorSecond => self.rate / self.used,
            What::GroupRate(group, _) => {
                let all: usize = self.groups.iter().map(|times| times.count).sum();
                self.rate * self.groups[group].count as f64 / all.max(1) as f64
            }
            What::Median(group) => micros(self.groups[group].median),
            What::P99(group) => micros(self.groups[group].p99),
            What::P999(group) => micros(self.groups[group].p999),
        }
    }
}
