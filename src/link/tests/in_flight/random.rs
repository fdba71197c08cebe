//! Any order of operations on the queue, against a plain account of every byte. Models no threads: who
//! may hold a role is part of the operations.

mod account;

use super::{Stage, in_flight, settle};
use crate::clock;
use crate::link::in_flight::{Batch, InFlight, Ticket};
use crate::link::{EndReason, Inbound, Outcome, Parts};
use account::{Account, Fate, wire};
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
