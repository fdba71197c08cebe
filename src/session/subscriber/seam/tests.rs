//! Every order in which a seam can happen, for a few messages.

use super::*;
use std::collections::HashSet;

const OLD: LinkId = LinkId::new(1);
const NEW: LinkId = LinkId::new(2);

/// What a server has put on the way to one connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Item {
    Message(u8),
    Marker,
    Answer,
    /// The answer after which the new connection takes over alone.
    Last,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Publish,
    Mark,
    Subscribe,
    OldBrings,
    NewBrings,
    OldEnds,
    NewEnds,
    GiveUp,
    Ping,
    Last,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Way {
    Marker,
    Fences,
}

/// One server, two connections, and the subscriber with its worker.
#[derive(Debug)]
struct World {
    way: Way,
    /// Payloads are all the same.
    is_equal: bool,
    published: u8,
    most: u8,
    old: Vec<Item>,
    new: Vec<Item>,
    subscribed: bool,
    /// Messages that had been published before the new connection had subscribed.
    before: u8,
    marked: bool,
    pings: u8,
    last: bool,
    old_lives: bool,
    new_lives: bool,
    seam: Seam,
    taken: Vec<u8>,
    how: Option<How>,
    doubles: u64,
    given_up: bool,
    steps: Vec<Step>,
}

fn message(payload: u8) -> Message {
    Message {
        channel: b"c".to_vec(),
        pattern: None,
        payload: vec![payload],
        is_sharded: false,
    }
}

fn marker() -> Message {
    Message {
        channel: b"hitless:seam:1".to_vec(),
        ..message(77)
    }
}

impl World {
    fn new(way: Way, is_equal: bool, most: u8) -> Self {
        let mut seam = Seam::default();
        assert!(seam.begin(OLD).is_empty());
        assert_eq!(seam.finish().unwrap().how, How::First);
        assert!(seam.begin(NEW).is_empty());
        if way == Way::Marker {
            seam.expect(vec![77]);
        }
        Self {
            way,
            is_equal,
            published: 0,
            most,
            old: Vec::new(),
            new: Vec::new(),
            subscribed: false,
            before: 0,
            marked: false,
            pings: 0,
            last: false,
            old_lives: true,
            new_lives: true,
            seam,
            taken: Vec::new(),
            how: None,
            doubles: 0,
            given_up: false,
            steps: Vec::new(),
        }
    }

    /// The same by the same steps.
    fn again(&self) -> Self {
        let mut world = Self::new(self.way, self.is_equal, self.most);
        for step in self.steps.clone() {
            world.step(step);
        }
        world
    }

    fn payload(&self, number: u8) -> u8 {
        if self.is_equal { 0 } else { number }
    }

    fn may(&self, step: Step) -> bool {
        let both = self.old_lives && self.new_lives && self.how.is_none() && !self.given_up;
        match step {
            Step::Publish => self.published < self.most,
            Step::Subscribe => !self.subscribed && both,
            Step::Mark => self.way == Way::Marker && self.subscribed && !self.marked && both,
            Step::Ping => {
                let is_answered =
                    !self.old.contains(&Item::Answer) && !self.new.contains(&Item::Answer);
                self.way == Way::Fences && self.subscribed && self.pings < 3 && is_answered && both
            }
            Step::Last => {
                let is_alone = !self.old_lives && self.new_lives && self.how.is_none();
                // By the worker, which waits for the marker where the old one has brought it.
                is_alone && self.subscribed && !self.given_up && !self.last && self.seam.is_stuck()
            }
            Step::OldBrings => self.old_lives && !self.old.is_empty(),
            Step::NewBrings => self.new_lives && !self.new.is_empty(),
            Step::OldEnds => self.old_lives && self.new_lives,
            Step::NewEnds => self.new_lives && self.old_lives && self.how.is_none(),
            Step::GiveUp => both,
        }
    }

    fn step(&mut self, step: Step) {
        self.steps.push(step);
        match step {
            Step::Publish => {
                let item = Item::Message(self.payload(self.published));
                self.published += 1;
                self.old.push(item.clone());
                if self.subscribed {
                    self.new.push(item);
                }
            }
            Step::Subscribe => {
                self.subscribed = true;
                self.before = self.published;
            }
            Step::Mark => {
                self.marked = true;
                self.old.push(Item::Marker);
                self.new.push(Item::Marker);
            }
            Step::Ping => {
                let to = if self.pings == 1 {
                    &mut self.old
                } else {
                    &mut self.new
                };
                to.push(Item::Answer);
                self.pings += 1;
            }
            Step::OldBrings => {
                let item = self.old.remove(0);
                self.bring(OLD, item);
            }
            Step::NewBrings => {
                let item = self.new.remove(0);
                self.bring(NEW, item);
            }
            Step::OldEnds => {
                self.old_lives = false;
                self.old.clear();
                self.seam.handle_lost(OLD);
            }
            Step::Last => {
                self.last = true;
                self.new.push(Item::Last);
            }
            Step::NewEnds => {
                self.new_lives = false;
                self.new.clear();
                if let Lost::Joining(held) = self.seam.handle_lost(NEW) {
                    self.take(held);
                }
            }
            Step::GiveUp => {
                self.given_up = true;
                let held = self.seam.give_up();
                self.take(held);
            }
        }
    }

    fn take(&mut self, messages: Vec<Message>) {
        self.taken
            .extend(messages.iter().map(|message| message.payload[0]));
    }

    fn join(&mut self, joined: Option<Joined>) {
        if let Some(Joined {
            how,
            messages,
            doubles,
        }) = joined
        {
            self.how = Some(how);
            self.doubles = doubles;
            self.take(messages);
        }
    }

    fn bring(&mut self, link: LinkId, item: Item) {
        let message = match item {
            Item::Message(payload) => message(payload),
            Item::Marker => marker(),
            Item::Last => {
                let held = self.seam.mend();
                self.take(held);
                let joined = self.seam.finish();
                return self.join(joined);
            }
            Item::Answer => {
                match (link, self.seam.joining.is_some()) {
                    (_, false) => {}
                    (OLD, true) => self.seam.cut(),
                    (_, true) => {
                        self.seam.fence();
                        let joined = self.seam.finish_fenced();
                        self.join(joined);
                    }
                }
                return;
            }
        };
        match self.seam.handle_message(link, message) {
            Taken::Deliver(message) => self.take(vec![message]),
            Taken::Nothing => {}
            Taken::TooMuch => panic!("no room"),
        }
        if self.how.is_none() && self.seam.is_marked() {
            let joined = self.seam.finish();
            self.join(joined);
        }
    }

    /// Nothing more can happen.
    fn check(&self) {
        let all: Vec<u8> = (0..self.published)
            .map(|number| self.payload(number))
            .collect();
        let steps = &self.steps;
        match self.how {
            // The old one serves to its end, or both are lost: what was taken has no hole.
            None => {
                assert!(all.starts_with(&self.taken), "{:?} {steps:?}", self.taken);
                if self.old_lives {
                    assert_eq!(self.taken, all, "{steps:?}");
                }
            }
            Some(How::Exact) => assert_eq!(self.taken, all, "{steps:?}"),
            Some(How::Matched) => {
                let more = self.taken.len() - all.len();
                assert!(more as u64 <= self.doubles, "{:?} {steps:?}", self.taken);
                assert!(
                    all.iter().all(|payload| self.taken.contains(payload)),
                    "{steps:?}"
                );
                // Only a single message says nothing.
                if !self.is_equal && self.doubles == 0 {
                    assert_eq!(self.taken, all, "{steps:?}");
                }
            }
            Some(How::Alone) => {
                // A gap is told, and there may be one: but not within what the new one brought.
                let brought: Vec<u8> = all[usize::from(self.before)..].to_vec();
                assert!(
                    self.taken.ends_with(&brought) || self.is_equal,
                    "{:?} {steps:?}",
                    self.taken
                );
                if !self.is_equal && self.doubles == 0 {
                    let unique: HashSet<u8> = self.taken.iter().copied().collect();
                    assert_eq!(
                        unique.len(),
                        self.taken.len(),
                        "doubled: {:?} {steps:?}",
                        self.taken
                    );
                    assert!(self.taken.is_sorted(), "{:?} {steps:?}", self.taken);
                }
            }
            Some(How::First) => panic!("it was not the first"),
        }
    }
}

const STEPS: [Step; 10] = [
    Step::Publish,
    Step::Mark,
    Step::Subscribe,
    Step::OldBrings,
    Step::NewBrings,
    Step::OldEnds,
    Step::NewEnds,
    Step::GiveUp,
    Step::Ping,
    Step::Last,
];

/// All that a world can become depends on this.
fn state(world: &World) -> String {
    let World { steps: _, .. } = world;
    let seam = format!("{:?}", world.seam);
    let rest = (
        world.published,
        &world.old,
        &world.new,
        (
            world.subscribed,
            world.before,
            world.marked,
            world.pings,
            world.last,
        ),
        (world.old_lives, world.new_lives, world.given_up),
        (&world.taken, world.how, world.doubles),
    );
    format!("{seam} {rest:?}")
}

/// Goes every way, and yields how often each seam was reached.
fn explore(world: &World, seen: &mut HashSet<String>, ends: &mut Vec<Option<How>>) {
    if !seen.insert(state(world)) {
        return;
    }
    let mut is_end = true;
    for step in STEPS {
        if world.may(step) {
            is_end = false;
            let mut next = world.again();
            next.step(step);
            explore(&next, seen, ends);
        }
    }
    if is_end {
        world.check();
        ends.push(world.how);
    }
}

fn explore_all(way: Way, is_equal: bool, most: u8) -> Vec<Option<How>> {
    let mut ends = Vec::new();
    explore(
        &World::new(way, is_equal, most),
        &mut HashSet::new(),
        &mut ends,
    );
    ends
}

#[test]
fn by_a_marker_nothing_is_lost_or_doubled_in_any_order() {
    for is_equal in [false, true] {
        let ends = explore_all(Way::Marker, is_equal, 3);
        for how in [None, Some(How::Exact), Some(How::Alone)] {
            assert!(ends.contains(&how), "{how:?} was never reached");
        }
        assert!(!ends.contains(&Some(How::Matched)));
    }
}

#[test]
fn by_fences_nothing_is_lost_and_doubles_are_counted_in_any_order() {
    for is_equal in [false, true] {
        let ends = explore_all(Way::Fences, is_equal, 4);
        for how in [None, Some(How::Exact), Some(How::Matched), Some(How::Alone)] {
            assert!(ends.contains(&how), "{how:?} was never reached");
        }
    }
}

#[test]
fn a_marker_of_another_kind_is_none_and_reaches_nobody() {
    let mut world = World::new(Way::Marker, false, 0);
    let by_pattern = Message {
        pattern: Some(b"*".to_vec()),
        ..marker()
    };
    let of_another = Message {
        channel: b"hitless:seam:2".to_vec(),
        ..message(1)
    };
    for message in [by_pattern, of_another] {
        for link in [OLD, NEW] {
            assert_eq!(
                world.seam.handle_message(link, message.clone()),
                Taken::Nothing
            );
        }
    }
    assert!(!world.seam.is_marked());
    assert_eq!(world.seam.give_up(), []);
    // Nor without a seam.
    assert_eq!(world.seam.handle_message(OLD, marker()), Taken::Nothing);
}

#[test]
fn streams_are_compared_by_themselves_and_keep_their_order_among_each_other() {
    let of = |channel: &str, payload| Message {
        channel: channel.as_bytes().to_vec(),
        ..message(payload)
    };
    let mut seam = World::new(Way::Fences, false, 0).seam;
    for (channel, payload) in [("a", 1), ("b", 1), ("a", 2)] {
        let taken = seam.handle_message(OLD, of(channel, payload));
        assert_eq!(taken, Taken::Deliver(of(channel, payload)));
    }
    for (channel, payload) in [("b", 1), ("a", 2), ("b", 2), ("a", 3), ("c", 1)] {
        assert_eq!(
            seam.handle_message(NEW, of(channel, payload)),
            Taken::Nothing
        );
    }
    let joined = seam.finish().unwrap();
    assert_eq!((joined.how, joined.doubles), (How::Matched, 0));
    assert_eq!(joined.messages, [of("b", 2), of("a", 3), of("c", 1)]);
    assert_eq!(seam.handle_message(OLD, of("a", 4)), Taken::Nothing);
    assert_eq!(
        seam.handle_message(NEW, of("a", 4)),
        Taken::Deliver(of("a", 4))
    );
}

#[test]
fn what_is_kept_for_a_seam_has_a_bound() {
    let mut seam = World::new(Way::Fences, false, 0).seam;
    let large = Message {
        payload: vec![0; MOST_KEPT / 4],
        ..message(0)
    };
    let mut count = 0;
    while seam.handle_message(NEW, large.clone()) == Taken::Nothing {
        count += 1;
    }
    assert_eq!(count, 3);
    assert!(seam.is_full() && seam.is_stuck());
    assert_eq!(seam.give_up(), []);
    assert!(!seam.is_full());
    assert_eq!(
        seam.handle_message(OLD, message(1)),
        Taken::Deliver(message(1))
    );
}
