//! What was sent and what came, by number: so nothing can be lost or come twice unseen. Knows no server.

use crate::load::checksum;
use hitless::{Delivery, Error};
use std::ops::Range;

/// One message, element or entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket {
    /// Who sent it.
    pub(crate) sender: usize,
    /// Counted by its sender, from 0.
    pub(crate) number: usize,
    /// When, in microseconds after the start.
    pub(crate) at: u64,
}

impl Ticket {
    pub(crate) fn text(self) -> String {
        let text = format!("{}-{}-{}", self.sender, self.number, self.at);
        format!("{text}-{:016x}", checksum(&text))
    }

    /// `None`: it was damaged on its way.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (body, sum) = text.rsplit_once('-')?;
        if sum != format!("{:016x}", checksum(body)) {
            return None;
        }
        let mut words = body.split('-');
        let ticket = Self {
            sender: words.next()?.parse().ok()?,
            number: words.next()?.parse().ok()?,
            at: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(ticket)
    }
}

/// What became of something that was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// The server has it.
    Accepted,
    /// Its error says that the server does not have it.
    Refused,
    /// Its error does not know.
    Unknown,
}

impl Fate {
    pub(crate) fn of<T>(result: &hitless::Result<T>) -> Self {
        match result.as_ref().map_err(Error::delivery) {
            Ok(_) => Self::Accepted,
            Err(Delivery::Unknown) => Self::Unknown,
            Err(_) => Self::Refused,
        }
    }
}

/// How often a number came.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    all: u64,
    /// How many of these said that it may have come before.
    again: u64,
}

/// What came of one sender.
#[derive(Clone, Debug, Default)]
struct Line {
    /// How often each number came.
    counts: Vec<Count>,
    /// The number behind the highest that came.
    next: usize,
    /// How many gaps had been told when that one came.
    gaps: u64,
    /// Numbers that were passed over at a gap.
    told: Vec<Range<usize>>,
}

/// What is wrong with what came, beside what was sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Balance {
    /// Missing, although the server had accepted them.
    pub(crate) lost: u64,
    /// How many of these lie in gaps that were told.
    pub(crate) lost_told: u64,
    /// How often anything came more often than it was sent.
    pub(crate) doubled: u64,
    /// How many of these said of themselves that they may have come before.
    pub(crate) doubled_told: u64,
}

/// What came of each sender, and where gaps were told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals {
    lines: Vec<Line>,
    gaps: u64,
}

impl Arrivals {
    /// Counts one; says whether it is the first of its number.
    pub(crate) fn add(&mut self, ticket: Ticket) -> bool {
        self.count(ticket.sender, ticket.number, 0)
    }

    /// Counts one that says that it may have come before.
    pub(crate) fn add_again(&mut self, ticket: Ticket) {
        self.count(ticket.sender, ticket.number, 1);
    }

    fn count(&mut self, sender: usize, number: usize, again: u64) -> bool {
        if self.lines.len() <= sender {
            self.lines.resize(sender + 1, Line::default());
        }
        let line = &mut self.lines[sender];
        if number >= line.next {
            // Only what lies between two arrivals with the word between them: a hole elsewhere is not excused.
            if line.gaps < self.gaps {
                line.told.push(line.next..number);
            }
            (line.next, line.gaps) = (number + 1, self.gaps);
        }
        if line.counts.len() <= number {
            line.counts.resize(number + 1, Count::default());
        }
        let count = &mut line.counts[number];
        count.all += 1;
        count.again += again;
        count.all == 1
    }

    /// Whoever receives was told here that something may be missing.
    pub(crate) fn tell_gap(&mut self) {
        self.gaps += 1;
    }

    /// How often that was told.
    pub(crate) fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Whether a gap was told of which nobody knows the end, because nothing of this sender came since.
    pub(crate) fn is_gap_open(&self, sender: usize) -> bool {
        let line = self.lines.get(sender);
        self.gaps > line.map_or(0, |line| line.gaps)
    }

    fn is_told(&self, sender: usize, number: usize) -> bool {
        let line = self.lines.get(sender);
        let is_inside = |line: &Line| line.told.iter().any(|gap| gap.contains(&number));
        let is_behind = number >= line.map_or(0, |line| line.next);
        line.is_some_and(is_inside) || is_behind && self.is_gap_open(sender)
    }

    /// Adds what another thread received of the same work. Nobody tells gaps there.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (sender, line) in other.lines.iter().enumerate() {
            for (number, count) in line.counts.iter().enumerate() {
                for one in 0..count.all {
                    self.count(sender, number, u64::from(one < count.again));
                }
            }
        }
    }

    /// Compares what came with what was sent.
    pub(crate) fn against(&self, sent: &[Vec<Fate>]) -> Balance {
        let mut balance = Balance::default();
        let count = |sender: usize, number: usize| {
            let line = self.lines.get(sender);
            let count = line.and_then(|line| line.counts.get(number));
            count.copied().unwrap_or_default()
        };
        for (sender, fates) in sent.iter().enumerate() {
            for (number, fate) in fates.iter().enumerate() {
                let Count { all: came, again } = count(sender, number);
                let (least, most) = match fate {
                    Fate::Accepted => (1, 1),
                    Fate::Refused => (0, 0),
                    Fate::Unknown => (0, 1),
                };
                if came < least {
                    balance.lost += 1;
                    balance.lost_told += u64::from(self.is_told(sender, number));
                }
                let doubled = came.saturating_sub(most);
                balance.doubled += doubled;
                // Where the first delivery was lost on its way, one that says so has doubled nothing.
                balance.doubled_told += doubled.min(again);
            }
        }
        // What nobody has sent, from a damaged number or from elsewhere.
        for (sender, line) in self.lines.iter().enumerate() {
            let known = sent.get(sender).map_or(0, Vec::len);
            let strange = line.counts.iter().skip(known);
            balance.doubled += strange.map(|count| count.all).sum::<u64>();
        }
        balance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(sender: usize, number: usize) -> Ticket {
        Ticket {
            sender,
            number,
            at: 7,
        }
    }

    #[test]
    fn a_ticket_is_read_as_it_was_written_and_not_otherwise() {
        let text = ticket(3, 41).text();
        assert_eq!(Ticket::read(&text), Some(ticket(3, 41)));
        assert_eq!(Ticket::read(&text.replace("41", "42")), None);
        assert_eq!(Ticket::read("end"), None);
    }

    #[test]
    fn what_is_missing_and_what_came_twice_is_counted() {
        let sent = [
            vec![Fate::Accepted, Fate::Accepted, Fate::Accepted],
            vec![Fate::Unknown, Fate::Unknown, Fate::Refused],
        ];
        let mut came = Arrivals::default();
        for (sender, number) in [(0, 0), (0, 2), (1, 1)] {
            came.add(ticket(sender, number));
        }
        let balance = came.against(&sent);
        assert_eq!((balance.lost, balance.doubled), (1, 0));
        let mut more = Arrivals::default();
        for (sender, number) in [(0, 1), (0, 2), (1, 1), (1, 2), (5, 0)] {
            more.add(ticket(sender, number));
        }
        came.merge(&more);
        // 2 of the first sender and 1 of the second twice, one that was refused, one of nobody.
        let balance = came.against(&sent);
        assert_eq!((balance.lost, balance.doubled), (0, 4));
    }

    #[test]
    fn what_came_twice_is_told_only_by_what_says_so_of_itself() {
        let sent = [vec![Fate::Accepted; 4]];
        let found = |came: &Arrivals| {
            let balance = came.against(&sent);
            (balance.lost, balance.doubled, balance.doubled_told)
        };
        let (mut one, mut other) = (Arrivals::default(), Arrivals::default());
        for number in 0..3 {
            one.add(ticket(0, number));
        }
        // Nothing came of its first delivery.
        other.add_again(ticket(0, 3));
        other.add(ticket(0, 0));
        other.add_again(ticket(0, 1));
        one.merge(&other);
        // That one says so of 3 excuses nothing of 0.
        assert_eq!(found(&one), (0, 2, 1));
        one.add_again(ticket(0, 2));
        one.add(ticket(0, 2));
        assert_eq!(found(&one), (0, 4, 2));
    }

    #[test]
    fn only_what_lies_in_a_gap_that_was_told_is_told() {
        let sent = [vec![Fate::Accepted; 10], vec![Fate::Accepted; 4]];
        let mut came = Arrivals::default();
        // 1 is lost without a word, 3 and 4 with one, and 6 without.
        for number in [0, 2] {
            came.add(ticket(0, number));
        }
        came.tell_gap();
        for number in [5, 7] {
            came.add(ticket(0, number));
        }
        // Of the other sender all are missing: nothing of it says where the gap ends.
        let lost = |came: &Arrivals| {
            let balance = came.against(&sent);
            (balance.lost, balance.lost_told)
        };
        assert_eq!(lost(&came), (10, 6));
        assert!(came.is_gap_open(1) && !came.is_gap_open(0));
        // Once one has come, what is missing behind it is not told any more.
        came.add(ticket(1, 2));
        assert_eq!(lost(&came), (9, 4));
        // And what is missing at the end is, if a gap is the last that came.
        came.tell_gap();
        assert_eq!(lost(&came), (9, 7));
        assert_eq!(came.gaps(), 2);
    }
}
