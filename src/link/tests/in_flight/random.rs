//! Any order of operations on the queue, against a plain account of every byte. Models no threads: who
//! may hold a role is part of the operations.

use super::{Stage, in_flight, settle};
use crate::clock;
use crate::error::CloseReason;
use crate::link::in_flight::{Batch, InFlight, Ticket};
use crate::link::{EndReason, Inbound, Outcome, Parts};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    /// Who gives up, among those who wait.
    Abandon(usize),
    /// A caller asks for both roles.
    Alone {
        length: usize,
        want: usize,
    },
    Condemn,
    End,
    Enqueue {
        length: usize,
        want: usize,
        leased: bool,
    },
    Hold,
    /// A request of the client itself.
    Internal,
    Release,
    Reply,
    Retire,
    ReturnBatch,
    ReturnInbound,
    Take,
    /// Who leads, among those who wait.
    TakeInbound(usize),
    /// How many bytes the socket accepts at the most.
    Write(usize),
    /// A caller asks for the write role, to write a request from where it is.
    Writing {
        length: usize,
        want: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<usize>().prop_map(Step::Abandon),
        12 => (1_usize..12, 1_usize..4).prop_map(|(length, want)| Step::Alone { length, want }),
        1 => Just(Step::Condemn),
        1 => Just(Step::End),
        20 => (1_usize..12, 1_usize..4, any::<bool>())
            .prop_map(|(length, want, leased)| Step::Enqueue { length, want, leased }),
        3 => Just(Step::Hold),
        6 => Just(Step::Internal),
        2 => Just(Step::Release),
        14 => Just(Step::Reply),
        1 => Just(Step::Retire),
        18 => Just(Step::ReturnBatch),
        6 => Just(Step::ReturnInbound),
        20 => Just(Step::Take),
        6 => any::<usize>().prop_map(Step::TakeInbound),
        18 => (1_usize..12).prop_map(Step::Write),
        12 => (1_usize..12, 1_usize..4).prop_map(|(length, want)| Step::Writing { length, want }),
    ]
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
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
struct Asked {
    caller: char,
    length: usize,
    want: usize,
    got: Vec<i64>,
    fate: Fate,
    /// The client itself asks for the reply.
    is_internal: bool,
    /// How many outcomes its caller was told.
    told: usize,
    /// How much of it is said to have left.
    sent: Option<usize>,
}

/// What the queue must say, worked out from an account of single bytes.
struct Account {
    stage: Stage,
    held: bool,
    asked: Vec<Asked>,
    /// Every byte that was asked and not withdrawn, as its request and its place in it.
    stream: Vec<(usize, usize)>,
    /// How many of them the socket said it accepted, and how many it may have.
    accepted: usize,
    offered: usize,
    /// How many of them were ever in a batch.
    taken: usize,
    out: bool,
    /// Somebody who wanted to write found another at it.
    left_to_writer: bool,
    /// Nobody may write what was left behind.
    dropped: bool,
    leads: Option<char>,
    is_read: bool,
    /// How many bytes may have left when a reply came last.
    heard: usize,
}

impl Account {
    fn new() -> Self {
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

    fn ask(&mut self, length: usize, want: usize, fate: Fate) -> (char, Vec<u8>) {
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

    fn waiting(&self) -> Vec<usize> {
        let waits = |number: &usize| self.asked[*number].fate == Fate::Waits;
        (0..self.asked.len()).filter(waits).collect()
    }

    /// The first request whose replies have not all come.
    fn front(&self) -> Option<usize> {
        let open = |asked: &Asked| matches!(asked.fate, Fate::Waits | Fate::Disowned);
        self.asked.iter().position(open)
    }

    /// Where its first byte stands. Bytes that left never go away.
    fn start(&self, number: usize) -> usize {
        let first = |byte: &(usize, usize)| *byte == (number, 0);
        self.stream.iter().position(first).unwrap()
    }

    fn may_have_left(&self, number: usize) -> usize {
        let offered = &self.stream[..self.offered];
        offered.iter().filter(|(owner, _)| *owner == number).count()
    }

    fn has_leftover(&self) -> bool {
        !self.out && !self.dropped && self.accepted < self.taken
    }

    fn has_unwritten(&self) -> bool {
        !self.out && !self.dropped && self.accepted < self.stream.len()
    }

    fn lacks_writer(&self) -> bool {
        self.has_leftover() || self.left_to_writer && self.has_unwritten()
    }

    fn tell(&mut self, number: usize, fate: Fate, sent: Option<usize>) {
        let asked = &mut self.asked[number];
        asked.fate = fate;
        asked.told += 1;
        asked.sent = sent;
    }

    /// What the caller is told about how much has left.
    fn abandon(&mut self, number: usize) -> usize {
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

    fn finished(&self) -> Option<CloseReason> {
        match self.stage {
            Stage::Draining if self.front().is_none() && !self.held => Some(CloseReason::Drained),
            Stage::Condemned if self.waiting().is_empty() => Some(CloseReason::Condemned),
            _ => None,
        }
    }

    fn successor(&self) -> Option<char> {
        if self.stage == Stage::Ended || self.is_read && !self.lacks_writer() {
            return None;
        }
        let callers = self.waiting().into_iter();
        let mut callers = callers.map(|number| self.asked[number].caller);
        callers.find(|caller| self.leads != Some(*caller))
    }

    /// Whether the queue says the same.
    fn check(&self, in_flight: &InFlight<char>) {
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
fn wire(byte: &(usize, usize)) -> u8 {
    let (request, at) = *byte;
    (request * 16 + at) as u8
}

/// Bytes in two parts, for as long as the test runs.
fn divided(bytes: Vec<u8>) -> Parts<'static> {
    let half = bytes.len() / 2;
    let (head, tail) = bytes.leak().split_at(half);
    Parts::new(head, vec![tail].leak())
}

/// A queue, its account, and those who hold its roles.
struct Run {
    in_flight: InFlight<char>,
    account: Account,
    batch: Option<Batch<'static>>,
    /// Whoever has the batch found the queue quiet.
    is_alone: bool,
    inbound: Option<Box<Inbound>>,
    /// The socket keeps to itself how much of a batch it accepted.
    hides: bool,
    /// All that the socket got.
    socket: Vec<u8>,
    /// In which order callers were answered, or told of the end.
    order: Vec<char>,
    replies: i64,
    internal: Option<(Ticket, usize)>,
}

impl Run {
    fn new(hides: bool) -> Self {
        Self {
            in_flight: in_flight(),
            account: Account::new(),
            batch: None,
            is_alone: false,
            inbound: None,
            hides,
            socket: Vec::new(),
            order: Vec::new(),
            replies: 0,
            internal: None,
        }
    }

    /// One of those who wait.
    fn pick(&self, which: usize) -> Option<usize> {
        let waiting = self.account.waiting();
        (!waiting.is_empty()).then(|| waiting[which % waiting.len()])
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Abandon(which) => self.abandon(which),
            Step::Alone { length, want } => self.alone(length, want),
            Step::Condemn => {
                self.in_flight.condemn();
                if self.account.stage != Stage::Ended {
                    self.account.stage = Stage::Condemned;
                }
            }
            Step::End => self.end(),
            Step::Enqueue {
                length,
                want,
                leased,
            } => self.enqueue(length, want, leased),
            Step::Hold => {
                let may = self.account.stage == Stage::Open && !self.account.held;
                assert_eq!(self.in_flight.hold(), may);
                self.account.held |= may;
            }
            Step::Internal => self.internal(),
            Step::Release => {
                self.in_flight.release();
                self.account.held = false;
            }
            Step::Reply => self.reply(),
            Step::Retire => {
                self.in_flight.retire();
                if self.account.stage == Stage::Open {
                    self.account.stage = Stage::Draining;
                }
            }
            Step::ReturnBatch => self.return_batch(),
            Step::ReturnInbound => {
                if let Some(inbound) = self.inbound.take() {
                    self.in_flight.return_inbound(inbound);
                    (self.account.is_read, self.account.leads) = (false, None);
                }
            }
            Step::Take => self.take(),
            Step::TakeInbound(which) => {
                let leads = self
                    .pick(which)
                    .map(|number| self.account.asked[number].caller);
                let inbound = self.in_flight.take_inbound(leads.as_ref());
                let refused = self.inbound.is_some() || self.account.stage == Stage::Ended;
                assert_eq!(inbound.is_none(), refused, "one reader, none after the end");
                if inbound.is_some() {
                    self.inbound = inbound;
                    (self.account.is_read, self.account.leads) = (true, leads);
                }
            }
            Step::Write(most) => self.write(most),
            Step::Writing { length, want } => self.enqueue_writing(length, want),
        }
        self.account.check(&self.in_flight);
        if let Some((ticket, number)) = self.internal {
            let open = self.account.asked[number].fate == Fate::Disowned;
            assert_eq!(self.in_flight.awaits(ticket), open);
        }
    }

    fn enqueue(&mut self, length: usize, want: usize, leased: bool) {
        let Account { stage, held, .. } = self.account;
        if stage != Stage::Open && !(leased && held && stage == Stage::Draining) {
            let refused =
                (self.in_flight).enqueue(b"no!"[..].into(), want, '!', leased, clock::now());
            assert_eq!(refused, None);
            return;
        }
        let (caller, bytes) = self.account.ask(length, want, Fate::Waits);
        let parts = divided(bytes);
        let end = (self.in_flight).enqueue(parts, want, caller, leased, clock::now());
        // Nobody has taken it, whoever has taken all that was there before.
        assert!(!self.in_flight.is_taken(end.unwrap()));
    }

    fn alone(&mut self, length: usize, want: usize) {
        let account = &self.account;
        let may = account.stage == Stage::Open
            && account.front().is_none()
            && !(account.out || account.has_unwritten() || account.is_read);
        if !may {
            let refused = (self.in_flight).enqueue_alone(length, want, &'!', clock::now());
            assert!(refused.is_none(), "{refused:?}");
            return;
        }
        let (caller, bytes) = self.account.ask(length, want, Fate::Waits);
        self.inbound = (self.in_flight).enqueue_alone(length, want, &caller, clock::now());
        assert!(self.inbound.is_some());
        (self.account.is_read, self.account.leads) = (true, Some(caller));
        self.is_alone = true;
        self.begin(bytes);
    }

    fn enqueue_writing(&mut self, length: usize, want: usize) {
        let account = &self.account;
        let now = clock::now();
        if account.stage != Stage::Open || account.out || account.has_unwritten() {
            assert!(!(self.in_flight).enqueue_writing(length, want, &'!', now));
            return;
        }
        let (caller, bytes) = self.account.ask(length, want, Fate::Waits);
        assert!((self.in_flight).enqueue_writing(length, want, &caller, now));
        self.begin(bytes);
    }

    /// A caller has the write role, and its request where it is.
    fn begin(&mut self, bytes: Vec<u8>) {
        let account = &mut self.account;
        account.taken = account.stream.len();
        (account.offered, account.out) = (account.taken, true);
        self.batch = Some(self.in_flight.batch_of(divided(bytes)));
    }

    fn internal(&mut self) {
        if self.account.stage != Stage::Open {
            let ticket = self.in_flight.enqueue_internal(b"no!", clock::now());
            assert_eq!(ticket, None);
            return;
        }
        let (_, bytes) = self.account.ask(4, 1, Fate::Disowned);
        let ticket = self.in_flight.enqueue_internal(&bytes, clock::now());
        self.internal = Some((ticket.unwrap(), self.account.asked.len() - 1));
    }

    fn take(&mut self) {
        let batch = self.in_flight.take_batch();
        let account = &mut self.account;
        if account.stage == Stage::Ended || !account.has_unwritten() {
            assert!(batch.is_none(), "{batch:?}");
            account.left_to_writer |= account.out;
            return;
        }
        account.left_to_writer = account.has_leftover();
        if account.accepted == account.taken {
            account.taken = account.stream.len();
        }
        (account.offered, account.out) = (account.taken, true);
        let batch = batch.unwrap();
        let wanted = &account.stream[account.accepted..account.taken];
        let wanted: Vec<u8> = wanted.iter().map(wire).collect();
        assert_eq!(batch.rest().to_vec(), wanted);
        self.batch = Some(batch);
    }

    fn write(&mut self, most: usize) {
        if let Some(batch) = &mut self.batch {
            let rest = batch.rest().to_vec();
            let count = most.min(rest.len());
            self.socket.extend(&rest[..count]);
            batch.advance(count);
            self.account.accepted += count;
        }
    }

    fn return_batch(&mut self) {
        let Some(batch) = self.batch.take() else {
            return;
        };
        let account = &mut self.account;
        assert_eq!(batch.is_written(), account.accepted == account.taken);
        if std::mem::take(&mut self.is_alone) && batch.is_written() {
            let goes_on = account.stage != Stage::Ended;
            assert_eq!(self.in_flight.return_alone(), goes_on);
            if goes_on {
                account.out = false;
                return;
            }
        }
        let outcomes = self.in_flight.return_batch(batch, !self.hides, None);
        account.out = false;
        if !self.hides {
            account.offered = account.accepted;
            account.heard = account.heard.min(account.offered);
        }
        if account.stage == Stage::Ended {
            self.fail(outcomes);
        } else {
            assert!(outcomes.is_empty());
        }
    }

    fn reply(&mut self) {
        self.replies += 1;
        let settled = settle(&mut self.in_flight, self.replies);
        let account = &mut self.account;
        let front = account.front();
        let Some(number) = front.filter(|number| account.may_have_left(*number) > 0) else {
            assert_eq!(settled, Err("unsolicited"));
            return;
        };
        account.heard = account.offered;
        let asked = &mut account.asked[number];
        asked.got.push(self.replies);
        let is_whole = asked.got.len() == asked.want;
        match asked.fate {
            Fate::Waits if is_whole => {
                assert_eq!(settled, Ok((asked.caller, asked.got.clone())));
                self.order.push(asked.caller);
                account.tell(number, Fate::Answered, None);
            }
            Fate::Disowned if is_whole => {
                let wanted = if asked.is_internal {
                    "internal"
                } else {
                    "kept"
                };
                assert_eq!(settled, Err(wanted));
                asked.fate = Fate::Answered;
            }
            _ => assert_eq!(settled, Err("kept")),
        }
    }

    fn abandon(&mut self, which: usize) {
        let Some(number) = self.pick(which) else {
            return;
        };
        let caller = self.account.asked[number].caller;
        let sent = self.account.abandon(number);
        let failure = self.in_flight.abandon(&caller).unwrap();
        assert!(failure.reason.is_none(), "{failure:?}");
        assert_eq!(failure.sent, sent as u64);
        let asked = &self.account.asked[number];
        if asked.fate == Fate::Disowned {
            assert_eq!(failure.got.len(), asked.got.len());
        }
        assert!(self.in_flight.abandon(&caller).is_none(), "once");
    }

    fn end(&mut self) {
        let outcomes = self.in_flight.end(&EndReason::EndOfStream);
        self.account.stage = Stage::Ended;
        if self.account.out {
            // The writer knows what has left, and tells when it comes back.
            assert!(outcomes.is_empty());
        } else {
            self.fail(outcomes);
        }
    }

    fn fail(&mut self, outcomes: Vec<(char, Outcome)>) {
        let waiting = self.account.waiting();
        assert_eq!(outcomes.len(), waiting.len());
        for (number, (caller, outcome)) in waiting.into_iter().zip(outcomes) {
            let sent = self.account.may_have_left(number);
            let asked = &self.account.asked[number];
            assert_eq!(caller, asked.caller);
            let Outcome::Failed(failure) = outcome else {
                panic!("{outcome:?}");
            };
            assert_eq!(failure.sent, sent as u64);
            assert_eq!(failure.got.len(), asked.got.len());
            self.order.push(caller);
            self.account.tell(number, Fate::Ended, Some(sent));
        }
        self.account.asked.iter_mut().for_each(|asked| {
            if asked.fate == Fate::Disowned {
                asked.fate = Fate::Ended;
            }
        });
    }

    /// What holds after all.
    fn judge(mut self) {
        self.step(&Step::End);
        self.step(&Step::ReturnBatch);
        let account = &self.account;
        let accepted = &account.stream[..account.accepted];
        assert_eq!(self.socket, accepted.iter().map(wire).collect::<Vec<u8>>());
        assert!(
            self.order.is_sorted(),
            "not as on the wire: {:?}",
            self.order
        );
        for (number, asked) in account.asked.iter().enumerate() {
            assert_eq!(asked.told, usize::from(!asked.is_internal), "{asked:?}");
            let left = if self.hides {
                account.may_have_left(number)
            } else {
                accepted
                    .iter()
                    .filter(|(owner, _)| *owner == number)
                    .count()
            };
            // What was said not to have left must not leave later either.
            assert!(
                asked.sent.is_none_or(|sent| left <= sent),
                "{left} of {asked:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn every_request_has_one_outcome_in_the_order_of_the_wire(
        hides in any::<bool>(),
        steps in vec(step(), 1..120),
    ) {
        let mut run = Run::new(hides);
        for step in &steps {
            run.step(step);
        }
        run.judge();
    }
}
