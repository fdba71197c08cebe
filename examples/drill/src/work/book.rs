//! What was sent and what came, by number: so nothing can be lost or come twice unseen. Knows no server.

use crate::load::checksum;
use hitless::{Delivery, Error};

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

/// How often each number of each sender came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals(Vec<Vec<u32>>);

impl Arrivals {
    /// Counts one; says whether it is the first of its number.
    pub(crate) fn add(&mut self, ticket: Ticket) -> bool {
        let Ticket { sender, number, .. } = ticket;
        if self.0.len() <= sender {
            self.0.resize(sender + 1, Vec::new());
        }
        let counts = &mut self.0[sender];
        if counts.len() <= number {
            counts.resize(number + 1, 0);
        }
        counts[number] += 1;
        counts[number] == 1
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (sender, counts) in other.0.iter().enumerate() {
            for (number, count) in counts.iter().enumerate() {
                for _ in 0..*count {
                    let at = 0;
                    self.add(Ticket { sender, number, at });
                }
            }
        }
    }

    /// How many are missing that the server had accepted, and how many came more often than they were sent.
    pub(crate) fn against(&self, sent: &[Vec<Fate>]) -> (u64, u64) {
        let (mut lost, mut doubled) = (0, 0);
        let count = |sender: usize, number: usize| {
            let counts = self.0.get(sender);
            counts.and_then(|counts| counts.get(number)).copied()
        };
        for (sender, fates) in sent.iter().enumerate() {
            for (number, fate) in fates.iter().enumerate() {
                let came = u64::from(count(sender, number).unwrap_or(0));
                let (least, most) = match fate {
                    Fate::Accepted => (1, 1),
                    Fate::Refused => (0, 0),
                    Fate::Unknown => (0, 1),
                };
                lost += u64::from(came < least);
                doubled += came.saturating_sub(most);
            }
        }
        // What nobody has sent, from a damaged number or from elsewhere.
        for (sender, counts) in self.0.iter().enumerate() {
            let known = sent.get(sender).map_or(0, Vec::len);
            doubled += counts
                .iter()
                .skip(known)
                .map(|&n| u64::from(n))
                .sum::<u64>();
        }
        (lost, doubled)
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
        assert_eq!(came.against(&sent), (1, 0));
        let mut more = Arrivals::default();
        for (sender, number) in [(0, 1), (0, 2), (1, 1), (1, 2), (5, 0)] {
            more.add(ticket(sender, number));
        }
        came.merge(&more);
        // 2 of the first sender and 1 of the second twice, one that was refused, one of nobody.
        assert_eq!(came.against(&sent), (0, 4));
    }
}
