//! Every order of events around one command that blocks, up to a length: by the machine and by what a server and
//! a caller would see.

use super::*;
use crate::clock;

const MS: Duration = Duration::from_millis(1);

/// What may happen next.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The link is replaced.
    Move,
    Cancel,
    /// The coordinator looks, and sends what is to be sent.
    Look,
    /// The server carries out the UNBLOCK that was sent first, and answers it.
    Answer,
    /// The answer to it is lost.
    Lose,
    /// The server carries out one whose answer was lost.
    Late,
    Refuse,
    /// Somebody pushes an element.
    Push,
    /// The command arrives at the server.
    Arrive,
    /// The caller looks whether it has a reply.
    Read,
    /// Time passes.
    Pass,
}

const EVENTS: [Event; 11] = [
    Event::Move,
    Event::Cancel,
    Event::Look,
    Event::Answer,
    Event::Lose,
    Event::Late,
    Event::Refuse,
    Event::Push,
    Event::Arrive,
    Event::Read,
    Event::Pass,
];

/// One server, one connection with a command that blocks, and its caller.
struct World {
    now: Instant,
    unblocking: Unblocking,
    is_moved: bool,
    is_cancelled: bool,
    /// The command is on its way, or blocks.
    in_transit: bool,
    is_blocked: bool,
    /// What the server has answered.
    reply: Option<bool>,
    /// UNBLOCKs that the server has not carried out yet, and whether somebody waits for the answer.
    under_way: Vec<bool>,
    ended: bool,
    concluded: Option<Conclusion>,
    elements: usize,
    taken: usize,
}

impl World {
    fn new() -> Self {
        let mut unblocking = Unblocking::default();
        unblocking.send();
        Self {
            now: clock::now(),
            unblocking,
            is_moved: false,
            is_cancelled: false,
            in_transit: true,
            is_blocked: false,
            reply: None,
            under_way: Vec::new(),
            ended: false,
            concluded: None,
            elements: 0,
            taken: 0,
        }
    }

    /// The server takes an element for the command, if there is one.
    fn serve(&mut self) {
        if self.is_blocked && self.elements > 0 {
            self.elements -= 1;
            self.taken += 1;
            self.is_blocked = false;
            self.reply = Some(true);
        }
    }

    /// The server carries out one UNBLOCK.
    fn unblock(&mut self) -> Answer {
        if !self.is_blocked {
            return Answer::NotBlocked;
        }
        self.is_blocked = false;
        self.reply = Some(false);
        Answer::Freed
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Move => self.is_moved = true,
            Event::Cancel => {
                self.is_cancelled = true;
                self.unblocking.cancel(self.now);
            }
            Event::Look => match self.unblocking.step(self.now, self.is_moved, false) {
                Step::Ask => {
                    assert!(self.is_moved || self.is_cancelled, "nobody wants that");
                    assert!(self.concluded.is_none(), "its caller has gone");
                    assert!(!self.under_way.contains(&true), "one at a time");
                    self.under_way.push(true);
                }
                Step::End => {
                    assert!(self.is_cancelled);
                    self.ended = true;
                    self.is_blocked = false;
                }
                Step::Wait(_) => {}
            },
            Event::Answer | Event::Refuse | Event::Lose => self.answer(event),
            Event::Late => {
                if let Some(place) = self.under_way.iter().position(|awaited| !awaited) {
                    self.under_way.remove(place);
                    self.unblock();
                }
            }
            Event::Push => {
                self.elements += 1;
                self.serve();
            }
            Event::Arrive if !self.ended => {
                self.is_blocked |= std::mem::take(&mut self.in_transit);
                self.serve();
            }
            Event::Arrive => {}
            Event::Read => self.read(),
            Event::Pass => self.now += 100 * MS,
        }
    }

    fn answer(&mut self, event: Event) {
        let Some(place) = self.under_way.iter().position(|awaited| *awaited) else {
            return;
        };
        let answer = match event {
            Event::Answer => {
                self.under_way.remove(place);
                self.unblock()
            }
            Event::Refuse => {
                self.under_way.remove(place);
                Answer::Refused("NOPERM".to_owned())
            }
            _ => {
                // It may be carried out at any later time.
                self.under_way[place] = false;
                Answer::Lost
            }
        };
        self.unblocking.answer(self.now, answer);
    }

    fn read(&mut self) {
        if self.concluded.is_some() || self.reply.is_none() && !self.ended {
            return;
        }
        self.concluded = self.unblocking.conclude();
        let Some(conclusion) = &self.concluded else {
            assert!(self.under_way.contains(&true), "it waits for nothing");
            return;
        };
        // Whatever the connection is asked next, nothing of this may end it.
        if !self.under_way.is_empty() {
            assert!(conclusion.is_used_up);
        }
        // An UNBLOCKED that somebody else has caused is that caller's to see, and nothing else is.
        if self.reply == Some(false) {
            assert!(conclusion.is_ours);
        }
        assert_eq!(self.taken, usize::from(self.reply == Some(true)));
    }
}

#[test]
fn no_order_of_events_leaves_an_unblock_behind_or_hides_whose_it_was() {
    let starts = [&[][..], &[Event::Arrive], &[Event::Move, Event::Arrive]];
    let concluded: u32 = starts.into_iter().map(all_orders).sum();
    assert!(concluded > 300_000, "{concluded}");
}

/// Every order of six events after these. Yields in how many of them the caller has its reply.
fn all_orders(start: &[Event]) -> u32 {
    let mut order = [0_usize; 6];
    let mut concluded = 0;
    loop {
        let mut world = World::new();
        let events = order.iter().map(|index| EVENTS[*index]);
        (start.iter().copied().chain(events)).for_each(|event| world.apply(event));
        concluded += u32::from(world.concluded.is_some());
        // The next order.
        let Some(place) = order.iter().rposition(|index| index + 1 < EVENTS.len()) else {
            return concluded;
        };
        order[place] += 1;
        order[place + 1..].fill(0);
    }
}

#[test]
fn a_command_that_nobody_wants_to_end_is_left_alone() {
    let now = clock::now();
    let mut unblocking = Unblocking::default();
    assert_eq!(unblocking.step(now, true, true), Step::Wait(None));
    unblocking.send();
    assert_eq!(unblocking.step(now, false, true), Step::Wait(None));
    let conclusion = unblocking.conclude().unwrap();
    assert!(!conclusion.is_ours && !conclusion.is_used_up);
}

#[test]
fn what_was_not_blocked_is_asked_again_ever_later() {
    let start = clock::now();
    let mut now = start;
    let mut unblocking = Unblocking::default();
    unblocking.send();
    let mut pauses = Vec::new();
    for _ in 0..9 {
        assert_eq!(unblocking.step(now, true, false), Step::Ask);
        unblocking.answer(now, Answer::NotBlocked);
        let Step::Wait(Some(at)) = unblocking.step(now, true, false) else {
            panic!("no pause");
        };
        pauses.push((at - now).as_millis());
        now = at;
    }
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 250, 250, 250]);
    assert_eq!(unblocking.step(now, true, false), Step::Ask);
    unblocking.answer(now, Answer::NotBlocked);
    assert_eq!(
        unblocking.step(now, true, true),
        Step::Ask,
        "a way is there"
    );
}

#[test]
fn a_cancelled_command_loses_its_connection_after_the_bound_or_a_refusal() {
    let now = clock::now();
    for refused in [false, true] {
        let mut unblocking = Unblocking::default();
        unblocking.send();
        unblocking.cancel(now);
        unblocking.cancel(now + BOUND);
        assert_eq!(unblocking.step(now, false, false), Step::Ask);
        assert_eq!(
            unblocking.step(now, false, false),
            Step::Wait(Some(now + BOUND))
        );
        if refused {
            unblocking.answer(now, Answer::Refused("NOPERM".to_owned()));
            assert_eq!(unblocking.step(now, false, false), Step::End);
            assert!(unblocking.conclude().unwrap().refusal.is_some());
            continue;
        }
        // Also where it was ended, and its reply does not come.
        unblocking.answer(now, Answer::Freed);
        assert_eq!(unblocking.step(now + BOUND, false, false), Step::End);
    }
}

#[test]
fn a_caller_that_waits_no_longer_uses_its_connection_up() {
    let now = clock::now();
    let mut unblocking = Unblocking::default();
    unblocking.send();
    assert_eq!(unblocking.step(now, true, false), Step::Ask);
    assert_eq!(unblocking.conclude(), None);
    assert!(unblocking.conclude_now().is_used_up);
    // What comes after that changes nothing.
    unblocking.answer(now, Answer::Freed);
    unblocking.send();
    assert_eq!(unblocking.step(now, false, false), Step::Wait(None));
    assert!(!unblocking.conclude_now().is_used_up);
}
