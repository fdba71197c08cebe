//! The agenda by itself: each rule, and then a model of a group that loses replies at every place.

use super::*;
use crate::clock;
use crate::protocol::ServerError;
use std::collections::BTreeMap;

mod many;

const AFTER: Duration = Duration::from_secs(60);

fn plan() -> Plan {
    Plan {
        batch: 2,
        makes_group: false,
        claim_after: Some(AFTER),
        deliveries: None,
        patience: Duration::from_secs(30),
    }
}

fn id(number: u64) -> StreamId {
    StreamId::new(number, 0)
}

fn entry(number: u64) -> StreamEntry {
    StreamEntry {
        id: id(number),
        fields: vec![(b"field".to_vec(), b"value".to_vec())],
    }
}

fn pending(number: u64, idle: Duration, deliveries: u64) -> StreamPendingEntry {
    StreamPendingEntry {
        id: id(number),
        consumer: b"whoever".to_vec(),
        idle,
        deliveries,
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Io, Delivery::Unknown, "the connection was lost")
}

fn unsent() -> Error {
    Error::new(ErrorKind::Io, Delivery::NotSent, "no connection")
}

fn refused(code: &str) -> Error {
    Error::from(ServerError::new(code, "it says"))
}

/// One that has looked at what is pending and waits.
fn waiting(plan: Plan, now: Instant) -> Agenda {
    let mut agenda = Agenda::new(plan);
    assert_eq!(agenda.next(now), Step::ListOwn(StreamId::MIN));
    agenda.handle_own(&[]);
    if agenda.plan.claim_after.is_some() {
        assert_eq!(agenda.next(now), Step::ListIdle(StreamId::MIN, AFTER));
        agenda.handle_idle(&[], now);
    }
    agenda
}

#[track_caller]
fn hands_out(agenda: &mut Agenda, now: Instant, number: u64, deliveries: u64) {
    let fetched = Fetched {
        entry: entry(number),
        deliveries,
    };
    assert_eq!(agenda.next(now), Step::HandOut(fetched));
}

#[test]
fn own_entries_come_first_then_those_of_others_then_new_ones() {
    let now = clock::now();
    let mut agenda = Agenda::new(Plan {
        makes_group: true,
        ..plan()
    });
    assert_eq!(agenda.next(now), Step::MakeGroup);
    assert!(!agenda.handle_made(), "it was not there before");
    assert_eq!(agenda.next(now), Step::ListOwn(StreamId::MIN));
    let idle = Duration::from_secs(7);
    agenda.handle_own(&[pending(1, idle * 2, 1), pending(2, idle, 4)]);
    let found = |number, deliveries| Found {
        id: id(number),
        deliveries,
    };
    // As idle as the least of them: whoever takes one over meanwhile is not robbed of it.
    let claim = Step::Claim(vec![found(1, 1), found(2, 4)], idle);
    assert_eq!(agenda.next(now), claim);
    agenda.handle_claimed(vec![Some(entry(1)), Some(entry(2))], now);
    hands_out(&mut agenda, now, 1, 2);
    hands_out(&mut agenda, now, 2, 5);
    // The list was full, so that it goes on.
    assert_eq!(agenda.next(now), Step::ListOwn(StreamId::new(2, 1)));
    agenda.handle_own(&[]);
    assert_eq!(agenda.next(now), Step::ListIdle(StreamId::MIN, AFTER));
    agenda.handle_idle(&[pending(3, AFTER, 1)], now);
    let claim = Step::Claim(vec![found(3, 1)], AFTER);
    assert_eq!(agenda.next(now), claim);
    // Somebody else was faster.
    agenda.handle_claimed(vec![], now);
    // The next look at them ends the wait.
    assert_eq!(agenda.next(now), Step::Read(AFTER / 2));
    agenda.handle_read(vec![entry(9)], now);
    hands_out(&mut agenda, now, 9, 1);
    let now = now + AFTER / 2 - Duration::from_nanos(1);
    assert_eq!(agenda.next(now), Step::Read(Duration::from_millis(1)));
    let now = now + Duration::from_nanos(1);
    assert_eq!(agenda.next(now), Step::ListIdle(StreamId::MIN, AFTER));
}

#[test]
fn nothing_is_taken_from_others_by_who_does_not_want_to() {
    let now = clock::now();
    let mut agenda = waiting(
        Plan {
            claim_after: None,
            ..plan()
        },
        now,
    );
    let wait = Step::Read(LONGEST_WAIT);
    assert_eq!(agenda.next(now), wait);
    agenda.handle_read(vec![entry(1)], now);
    // Nor is anything too old to be handed out.
    hands_out(&mut agenda, now + AFTER * 100, 1, 1);
}

#[test]
fn a_lost_read_is_looked_for_without_what_the_user_has() {
    let now = clock::now();
    let mut agenda = waiting(plan(), now);
    agenda.handle_read(vec![entry(1)], now);
    hands_out(&mut agenda, now, 1, 1);
    let read = agenda.next(now);
    assert!(!agenda.handle_failed(&read, &lost(), now));
    assert_eq!(agenda.next(now), Step::Pause(now + FIRST_PAUSE));
    let now = now + FIRST_PAUSE;
    assert_eq!(agenda.next(now), Step::ListOwn(StreamId::MIN));
    let idle = Duration::from_millis(3);
    agenda.handle_own(&[pending(1, idle, 1), pending(2, idle, 1)]);
    let found = Found {
        id: id(2),
        deliveries: 1,
    };
    assert_eq!(agenda.next(now), Step::Claim(vec![found], idle));
    agenda.handle_claimed(vec![Some(entry(2))], now);
    hands_out(&mut agenda, now, 2, 2);
}

#[test]
fn what_was_not_sent_has_taken_nothing() {
    let now = clock::now();
    let mut agenda = waiting(plan(), now);
    let read = agenda.next(now);
    assert!(!agenda.handle_failed(&read, &unsent(), now));
    let now = now + FIRST_PAUSE;
    assert!(matches!(agenda.next(now), Step::Read(_)));
}

#[test]
fn what_a_claim_that_was_not_sent_was_for_is_listed_again() {
    let now = clock::now();
    let mut agenda = Agenda::new(plan());
    agenda.handle_own(&[pending(1, AFTER, 1), pending(2, AFTER, 1)]);
    let claim = agenda.next(now);
    assert!(matches!(claim, Step::Claim(..)), "{claim:?}");
    assert!(!agenda.handle_failed(&claim, &unsent(), now));
    // Behind the two, where the list had gone on, it would not find them.
    let again = agenda.next(now + FIRST_PAUSE);
    assert_eq!(again, Step::ListOwn(StreamId::MIN));
}

#[test]
fn a_lost_claim_is_looked_for() {
    let now = clock::now();
    let mut agenda = waiting(plan(), now);
    let now = now + AFTER;
    agenda.next(now);
    agenda.handle_idle(&[pending(1, AFTER, 1)], now);
    let claim = agenda.next(now);
    assert!(!agenda.handle_failed(&claim, &lost(), now));
    let now = now + FIRST_PAUSE;
    assert_eq!(agenda.next(now), Step::ListOwn(StreamId::MIN));
}

#[test]
fn pauses_double_up_to_a_bound_and_end_with_a_success() {
    let mut now = clock::now();
    let mut agenda = waiting(plan(), now);
    let mut pauses = Vec::new();
    let mut told = Vec::new();
    for _ in 0..30 {
        let step = Step::Read(AFTER);
        told.push(agenda.handle_failed(&step, &unsent(), now));
        let Step::Pause(until) = agenda.next(now) else {
            panic!("no pause");
        };
        pauses.push((until - now).as_millis());
        now = until;
    }
    assert_eq!(pauses[..7], [50, 100, 200, 400, 800, 1600, 1600]);
    // Told from the first failure on that is 30 s behind the first of all.
    let first = told.iter().position(|told| *told).unwrap();
    let before: u128 = pauses[..first].iter().sum();
    assert!(
        before >= 30_000 && before - pauses[first - 1] < 30_000,
        "{before}"
    );
    assert!(told[first..].iter().all(|told| *told));
    agenda.handle_read(vec![], now);
    assert!(!agenda.handle_failed(&Step::Read(AFTER), &unsent(), now));
    assert_eq!(agenda.next(now), Step::Pause(now + FIRST_PAUSE));
}

#[test]
fn a_refusal_is_told_at_once_and_a_lost_group_is_made_by_who_may() {
    let now = clock::now();
    let read = Step::Read(AFTER);
    let mut agenda = waiting(plan(), now);
    assert!(agenda.handle_failed(&read, &refused("NOPERM"), now));
    assert!(agenda.handle_failed(&read, &refused("NOGROUP"), now));
    let mut agenda = Agenda::new(Plan {
        makes_group: true,
        ..plan()
    });
    assert!(!agenda.handle_made());
    for code in ["NOGROUP", "UNBLOCKED"] {
        assert!(!agenda.handle_failed(&read, &refused(code), now));
        let now = now + FIRST_PAUSE;
        assert_eq!(agenda.next(now), Step::MakeGroup);
        assert!(agenda.handle_made(), "it was gone");
    }
    // Nor is a server that comes up.
    let loading = refused("LOADING").with_delivery(Delivery::NotSent);
    assert!(!agenda.handle_failed(&read, &loading, now));
}

#[test]
fn a_closed_client_is_told_once() {
    let now = clock::now();
    let mut agenda = waiting(plan(), now);
    assert!(agenda.handle_failed(&Step::Read(AFTER), &Error::closed_by_user(), now));
    assert_eq!(agenda.next(now), Step::End);
    assert_eq!(agenda.next(now), Step::End);
}

#[test]
fn what_was_delivered_too_often_is_buried_and_not_handed_out() {
    let now = clock::now();
    let mut agenda = Agenda::new(Plan {
        deliveries: Some(2),
        ..plan()
    });
    agenda.handle_own(&[pending(1, AFTER, 1), pending(2, AFTER, 2)]);
    agenda.handle_claimed(vec![Some(entry(1)), Some(entry(2))], now);
    hands_out(&mut agenda, now, 1, 2);
    let dead = Step::Bury(Fetched {
        entry: entry(2),
        deliveries: 3,
    });
    assert_eq!(agenda.next(now), dead);
    // Again, which does no harm.
    assert!(!agenda.handle_failed(&dead, &lost(), now));
    let now = now + FIRST_PAUSE;
    assert_eq!(agenda.next(now), dead);
    // What cannot be buried holds up nothing else.
    assert!(agenda.handle_failed(&dead, &refused("WRONGTYPE"), now));
    let now = now + FIRST_PAUSE * 2;
    assert_eq!(agenda.next(now), Step::ListOwn(StreamId::new(2, 1)));
}

#[test]
fn what_is_deleted_is_acknowledged_and_not_handed_out() {
    let now = clock::now();
    let gone = StreamEntry {
        fields: vec![],
        ..entry(1)
    };
    let mut agenda = waiting(plan(), now);
    agenda.handle_read(vec![gone], now);
    let acknowledge = Step::Acknowledge(vec![id(1)]);
    assert_eq!(agenda.next(now), acknowledge);
    agenda.handle_acknowledged(&[id(1)]);
    assert!(matches!(agenda.next(now), Step::Read(_)));

    // As servers before 7.0 say it.
    let mut agenda = Agenda::new(plan());
    agenda.handle_own(&[pending(1, AFTER, 1), pending(2, AFTER, 1)]);
    agenda.handle_claimed(vec![None, Some(entry(2))], now);
    hands_out(&mut agenda, now, 2, 2);
    assert_eq!(agenda.next(now), acknowledge);
    // Which of two it is cannot be known.
    let mut agenda = Agenda::new(plan());
    agenda.handle_own(&[pending(1, AFTER, 1), pending(2, AFTER, 1)]);
    agenda.handle_claimed(vec![None], now);
    assert_eq!(agenda.next(now), Step::ListOwn(StreamId::new(2, 1)));
}

#[test]
fn an_acknowledgement_that_may_be_lost_is_sent_again_before_anything_is_listed() {
    let now = clock::now();
    let mut agenda = waiting(plan(), now);
    agenda.handle_read(vec![entry(1), entry(2)], now);
    hands_out(&mut agenda, now, 1, 1);
    hands_out(&mut agenda, now, 2, 1);
    agenda.handle_released(id(2));
    agenda.handle_owed(id(1));
    let acknowledge = Step::Acknowledge(vec![id(1)]);
    assert_eq!(agenda.next(now), acknowledge);
    assert!(!agenda.handle_failed(&acknowledge, &lost(), now));
    let now = now + FIRST_PAUSE;
    assert_eq!(agenda.next(now), acknowledge);
    // One that is refused is told, and not sent for ever.
    assert!(agenda.handle_failed(&acknowledge, &refused("NOPERM"), now));
    let now = now + FIRST_PAUSE * 2;
    assert!(matches!(agenda.next(now), Step::Read(_)));
}

#[test]
fn what_has_waited_for_the_user_too_long_is_kept_and_no_further_delivery() {
    let now = clock::now();
    let dead = Plan {
        batch: 3,
        deliveries: Some(1),
        ..plan()
    };
    let mut agenda = waiting(dead, now);
    agenda.handle_read(vec![entry(1), entry(2), entry(3)], now);
    let late = now + AFTER / 2;
    hands_out(&mut agenda, late - Duration::from_nanos(1), 1, 1);
    // The first is with the user, who may keep it.
    let keep = Step::Keep(vec![id(2), id(3)]);
    assert_eq!(agenda.next(late), keep);
    // Nothing is handed out of which it is not known whose it is.
    assert!(!agenda.handle_failed(&keep, &lost(), late));
    assert_eq!(agenda.next(late), Step::Pause(late + FIRST_PAUSE));
    let late = late + FIRST_PAUSE;
    assert_eq!(agenda.next(late), keep);
    // Somebody else has the second one.
    agenda.handle_kept(&[id(3)], late);
    hands_out(
        &mut agenda,
        late + AFTER / 2 - Duration::from_nanos(1),
        3,
        1,
    );
}

#[test]
fn who_may_not_run_scripts_has_what_has_waited_as_a_further_delivery() {
    let now = clock::now();
    let mut agenda = waiting(plan(), now);
    agenda.handle_read(vec![entry(1)], now);
    let late = now + AFTER / 2;
    let keep = agenda.next(late);
    assert!(!agenda.handle_failed(&keep, &refused("NOPERM"), late));
    let late = late + FIRST_PAUSE;
    assert_eq!(agenda.next(late), Step::ListOwn(StreamId::MIN));
    agenda.handle_own(&[pending(1, AFTER / 2, 1)]);
    let found = Found {
        id: id(1),
        deliveries: 1,
    };
    assert_eq!(agenda.next(late), Step::Claim(vec![found], AFTER / 2));
    agenda.handle_claimed(vec![Some(entry(1))], late);
    hands_out(&mut agenda, late, 1, 2);
}

#[test]
fn entries_that_fail_again_and_again_hold_up_no_new_ones() {
    let now = clock::now();
    let mut agenda = waiting(plan(), now);
    // A round has just ended, and the next is due before anything could be asked for.
    let now = now + AFTER;
    assert_eq!(agenda.next(now), Step::Read(SHORTEST_WAIT));
    // Whatever becomes of it.
    assert!(!agenda.handle_failed(&Step::Read(SHORTEST_WAIT), &unsent(), now));
    let now = now + FIRST_PAUSE;
    assert_eq!(agenda.next(now), Step::ListIdle(StreamId::MIN, AFTER));
}

#[test]
fn the_end_gives_back_what_was_not_handed_out() {
    let now = clock::now();
    let mut agenda = waiting(plan(), now);
    agenda.handle_read(vec![entry(1), entry(2), entry(3)], now);
    hands_out(&mut agenda, now, 1, 1);
    agenda.handle_owed(id(1));
    agenda.stop();
    let acknowledge = agenda.next(now);
    assert_eq!(acknowledge, Step::Acknowledge(vec![id(1)]));
    // Nobody is told, and nothing is tried again.
    assert!(!agenda.handle_failed(&acknowledge, &refused("NOPERM"), now));
    let back = agenda.next(now);
    assert_eq!(back, Step::GiveBack(vec![id(2), id(3)]));
    assert!(!agenda.handle_failed(&back, &lost(), now));
    assert_eq!(agenda.next(now), Step::End);
    assert_eq!(agenda.next(now), Step::End);
}

/// A group of one stream as servers keep it, and what two consumers were told of its entries.
struct World {
    now: Instant,
    unread: Vec<u64>,
    /// Of each pending entry: with whom, since when, how many deliveries.
    pending: BTreeMap<u64, (usize, Instant, u64)>,
    /// Of each entry, what was said with each time that it was handed out.
    told: BTreeMap<u64, Vec<u64>>,
    acknowledged: Vec<u64>,
    /// With the user of each consumer.
    held: [Vec<u64>; 2],
    choices: fastrand::Rng,
}

impl World {
    fn list(&self, from: StreamId, least: Duration, of: Option<usize>) -> Vec<StreamPendingEntry> {
        let all = self.pending.iter().filter(|(number, (with, since, _))| {
            id(**number) >= from && of.is_none_or(|of| of == *with) && self.now - *since >= least
        });
        let list = all.map(|(number, (_, since, deliveries))| {
            pending(*number, self.now - *since, *deliveries)
        });
        list.take(plan().batch).collect()
    }

    /// Does one step of a consumer, and now and then loses the request or the reply.
    fn carry_out(&mut self, agenda: &mut Agenda, me: usize) {
        let step = agenda.next(self.now);
        let fate = self.choices.u8(..10);
        if let Step::Pause(until) = step {
            self.now = self.now.max(until);
            return;
        }
        if let Step::HandOut(fetched) = &step {
            let number = fetched.entry.id.millis;
            self.told
                .entry(number)
                .or_default()
                .push(fetched.deliveries);
            self.held[me].push(number);
            return;
        }
        if fate == 0 {
            assert!(!agenda.handle_failed(&step, &unsent(), self.now));
            return;
        }
        let is_lost = fate == 1;
        let now = self.now;
        match &step {
            Step::Acknowledge(ids) => {
                for id in ids {
                    self.acknowledge(id.millis);
                }
                if !is_lost {
                    agenda.handle_acknowledged(ids);
                }
            }
            Step::Claim(found, least) => {
                let mut claimed = Vec::new();
                for found in found {
                    if let Some((with, since, deliveries)) = self.pending.get_mut(&found.id.millis)
                    {
                        if now - *since >= *least {
                            (*with, *since) = (me, now);
                            *deliveries += 1;
                            claimed.push(Some(entry(found.id.millis)));
                        }
                    }
                }
                if !is_lost {
                    agenda.handle_claimed(claimed, now);
                }
            }
            Step::Keep(ids) => {
                let mut kept = Vec::new();
                for id in ids {
                    if let Some((_, since, _)) =
                        (self.pending.get_mut(&id.millis)).filter(|(with, ..)| *with == me)
                    {
                        *since = now;
                        kept.push(*id);
                    }
                }
                if !is_lost {
                    agenda.handle_kept(&kept, now);
                }
            }
            Step::ListIdle(from, least) => {
                let list = self.list(*from, *least, None);
                if !is_lost {
                    agenda.handle_idle(&list, now);
                }
            }
            Step::ListOwn(from) => {
                let list = self.list(*from, Duration::ZERO, Some(me));
                if !is_lost {
                    agenda.handle_own(&list);
                }
            }
            Step::Read(wait) => {
                let count = self.unread.len().min(plan().batch);
                let read: Vec<u64> = self.unread.drain(..count).collect();
                for number in &read {
                    self.pending.insert(*number, (me, now, 1));
                }
                if read.is_empty() {
                    self.now += *wait;
                }
                if !is_lost {
                    agenda.handle_read(read.into_iter().map(entry).collect(), now);
                }
            }
            other => panic!("{other:?}"),
        }
        if is_lost {
            assert!(!agenda.handle_failed(&step, &lost(), self.now));
        }
    }

    fn acknowledge(&mut self, number: u64) {
        if self.pending.remove(&number).is_some() {
            self.acknowledged.push(number);
        }
    }

    /// The user of a consumer does something with what it has.
    fn use_one(&mut self, agenda: &mut Agenda, me: usize) {
        let Some(number) = self.held[me].pop() else {
            return;
        };
        match self.choices.u8(..4) {
            // Its acknowledgement is lost, on the way there or back.
            0 => {
                if self.choices.bool() {
                    self.acknowledge(number);
                }
                agenda.handle_owed(id(number));
            }
            // It forgets it.
            1 => agenda.handle_released(id(number)),
            // It takes its time.
            2 => {
                self.now += AFTER / 3;
                self.held[me].push(number);
            }
            _ => {
                self.acknowledge(number);
                agenda.handle_released(id(number));
            }
        }
    }
}

#[test]
fn whatever_is_lost_each_entry_is_done_with_and_each_repetition_is_told() {
    const ENTRIES: u64 = 20;
    for seed in 0..2_000 {
        let mut world = World {
            now: clock::now(),
            unread: (1..=ENTRIES).collect(),
            pending: BTreeMap::new(),
            told: BTreeMap::new(),
            acknowledged: Vec::new(),
            held: [Vec::new(), Vec::new()],
            choices: fastrand::Rng::with_seed(seed),
        };
        let patient = Plan {
            patience: Duration::MAX,
            ..plan()
        };
        let mut agendas = [Agenda::new(patient.clone()), Agenda::new(patient)];
        let mut steps = 0;
        while world.acknowledged.len() < ENTRIES as usize {
            steps += 1;
            assert!(steps < 20_000, "seed {seed}: {:?}", world.pending);
            let me = world.choices.usize(..2);
            if world.choices.u8(..3) == 0 {
                world.use_one(&mut agendas[me], me);
            } else {
                world.carry_out(&mut agendas[me], me);
            }
        }
        for (number, told) in &world.told {
            // Nobody is told of a first time who is not the first.
            assert!(
                told.iter().skip(1).all(|deliveries| *deliveries > 1),
                "seed {seed}: entry {number} was handed out as {told:?}"
            );
        }
        world.acknowledged.sort_unstable();
        assert_eq!(world.acknowledged, (1..=ENTRIES).collect::<Vec<_>>());
    }
}
