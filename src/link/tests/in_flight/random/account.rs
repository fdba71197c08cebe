//! A plain account of every byte that a queue was asked to send, and what the queue must say of it. Takes
//! nothing from the queue but what it says.

use crate::error::CloseReason;
use crate::link::in_flight::InFlight;
use crate::link::tests::in_flight::Stage;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// All replies have come.
    Answered,
    /// The caller gave up, or never was; replies are still to come.
    Disowned,
    /// It ended with the connection.
    Ended,
    /// It is awaited.
    Waits,
    /// It was taken out before any of it had left.
    Withdrawn,
}

#[derive(Debug)]
pub(super) struct Asked {
    pub(super) caller: char,
    pub(super) length: usize,
    pub(super) want: usize,
    pub(super) got: Vec<i64>,
    pub(super) fate: Fate,
    /// The client itself asks for the reply.
    pub(super) is_internal: bool,
    /// How many outcomes its caller was told.
    pub(super) told: usize,
    /// How much of it is said to have left.
    pub(super) sent: Option<usize>,
}

/// What the queue must say, worked out from an account of single bytes.
pub(super) struct Account {
    pub(super) stage: Stage,
    pub(super) held: bool,
    pub(super) asked: Vec<Asked>,
    /// Every byte that was asked and not withdrawn, as its request and its place in it.
    pub(super) stream: Vec<(usize, usize)>,
    /// How many of them the socket said it accepted, and how many it may have.
    pub(super) accepted: usize,
    pub(super) offered: usize,
    /// How many of them were ever in a batch.
    pub(super) taken: usize,
    pub(super) out: bool,
    /// Somebody who wanted to write found another at it.
    pub(super) left_to_writer: bool,
    /// Nobody may write what was left behind.
    pub(super) dropped: bool,
    pub(super) leads: Option<char>,
    pub(super) is_read: bool,
    /// How many bytes may have left when a reply came last.
    pub(super) heard: usize,
}

impl Account {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Open,
            held: false,
            asked: Vec::new(),
            stream: Vec::new(),
            accepted: 0,
            offered: 0,
            taken: 0,
            out: false,
            left_to_writer: false,
            dropped: false,
            leads: None,
            is_read: false,
            heard: 0,
        }
    }

    pub(super) fn ask(&mut self, length: usize, want: usize, fate: Fate) -> (char, Vec<u8>) {
        let number = self.asked.len();
        let caller = char::from_u32(number as u32 + 0x100).unwrap();
        let bytes: Vec<(usize, usize)> = (0..length).map(|at| (number, at)).collect();
        let wire = bytes.iter().map(wire).collect();
        self.stream.extend(bytes);
        self.asked.push(Asked {
            caller,
            length,
            want,
            got: Vec::new(),
            fate,
            is_internal: fate == Fate::Disowned,
            told: 0,
            sent: None,
        });
        (caller, wire)
    }

    pub(super) fn waiting(&self) -> Vec<usize> {
        let waits = |number: &usize| self.asked[*number].fate == Fate::Waits;
        (0..self.asked.len()).filter(waits).collect()
    }

    /// The first request whose replies have not all come.
    pub(super) fn front(&self) -> Option<usize> {
        let open = |asked: &Asked| matches!(asked.fate, Fate::Waits | Fate::Disowned);
        self.asked.iter().position(open)
    }

    /// Where its first byte stands. Bytes that left never go away.
    pub(super) fn start(&self, number: usize) -> usize {
        let first = |byte: &(usize, usize)| *byte == (number, 0);
        self.stream.iter().position(first).unwrap()
    }

    pub(super) fn may_have_left(&self, number: usize) -> usize {
        let offered = &self.stream[..self.offered];
        offered.iter().filter(|(owner, _)| *owner == number).count()
    }

    pub(super) fn has_leftover(&self) -> bool {
        !self.out && !self.dropped && self.accepted < self.taken
    }

    pub(super) fn has_unwritten(&self) -> bool {
        !self.out && !self.dropped && self.accepted < self.stream.len()
    }

    pub(super) fn lacks_writer(&self) -> bool {
        self.has_leftover() || self.left_to_writer && self.has_unwritten()
    }

    pub(super) fn tell(&mut self, number: usize, fate: Fate, sent: Option<usize>) {
        let asked = &mut self.asked[number];
        asked.fate = fate;
        asked.told += 1;
        asked.sent = sent;
    }

    /// What the caller is told about how much has left.
    pub(super) fn abandon(&mut self, number: usize) -> usize {
        let (start, length) = (self.start(number), self.asked[number].length);
        if start >= self.offered {
            self.stream.retain(|(owner, _)| *owner != number);
            if start < self.taken {
                self.taken -= length;
            }
            self.tell(number, Fate::Withdrawn, Some(0));
            return 0;
        }
        let has_left = !self.has_leftover() || start + length <= self.accepted;
        if start + length <= self.heard && has_left {
            // The other side is alive.
            self.tell(number, Fate::Disowned, Some(length));
            return length;
        }
        if self.stage != Stage::Ended {
            self.stage = Stage::Condemned;
        }
        self.asked[number].fate = Fate::Disowned;
        let sent = if self.waiting().is_empty() {
            if self.out {
                self.stream.truncate(self.taken);
            } else {
                self.dropped = true;
            }
            self.may_have_left(number)
        } else {
            length
        };
        self.tell(number, Fate::Disowned, Some(sent));
        sent
    }

    pub(super) fn finished(&self) -> Option<CloseReason> {
        match self.stage {
            Stage::Draining if self.front().is_none() && !self.held => Some(CloseReason::Drained),
            Stage::Condemned if self.waiting().is_empty() => Some(CloseReason::Condemned),
            _ => None,
        }
    }

    pub(super) fn successor(&self) -> Option<char> {
        if self.stage == Stage::Ended || self.is_read && !self.lacks_writer() {
            return None;
        }
        let callers = self.waiting().into_iter();
        let mut callers = callers.map(|number| self.asked[number].caller);
        callers.find(|caller| self.leads != Some(*caller))
    }

    /// Whether the queue says the same.
    pub(super) fn check(&self, in_flight: &InFlight<char>) {
        assert_eq!(Stage::of(in_flight), self.stage);
        assert_eq!(in_flight.live(), self.waiting().len(), "who waits");
        assert_eq!(in_flight.is_finished(), self.finished());
        assert_eq!(in_flight.successor(), self.successor());
        assert_eq!(in_flight.is_read_role_free(), !self.is_read);
        assert_eq!(in_flight.is_idle(), self.front().is_none());
        assert_eq!(in_flight.is_held(), self.held);
        if self.stage != Stage::Ended {
            let is_quiet = self.front().is_none() && !self.out && !self.has_leftover();
            assert_eq!(in_flight.is_quiet(), is_quiet);
            assert_eq!(in_flight.has_leftover(), self.has_leftover());
            assert_eq!(in_flight.lacks_writer(), self.lacks_writer());
        }
    }
}

/// What goes over the wire for a byte of a request.
pub(super) fn wire(byte: &(usize, usize)) -> u8 {
    let (request, at) = *byte;
    (request * 16 + at) as u8
}
