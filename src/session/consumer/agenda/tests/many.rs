//! As many entries as a user may take before the first is acknowledged.

use super::*;

/// Where each of them moved all that are behind it, as in a sorted vector, this would take long.
#[test]
fn a_user_may_hold_any_number_of_entries() {
    const MANY: u64 = 200_000;
    let now = clock::now();
    let mut agenda = waiting(plan(), now);
    for first in (1..=MANY).step_by(100) {
        agenda.handle_read((first..first + 100).map(entry).collect(), now);
        for number in first..first + 100 {
            hands_out(&mut agenda, now, number, 1);
        }
    }
    // The oldest first, as whoever acknowledges all at once does; of half of them it is not known whether that came.
    for number in 1..=MANY {
        if number % 2 == 0 {
            agenda.handle_released(id(number));
        } else {
            agenda.handle_owed(id(number));
        }
    }
    let Step::Acknowledge(ids) = agenda.next(now) else {
        panic!("they are owed");
    };
    assert!(ids.iter().copied().eq((1..=MANY).step_by(2).map(id)));
    agenda.handle_acknowledged(&ids);
    assert!(matches!(agenda.next(now), Step::Read(_)));
}

/// The newest first: each would be put in front of all that are there.
#[test]
fn a_user_may_be_done_with_entries_in_any_order() {
    const MANY: u64 = 200_000;
    let now = clock::now();
    let mut agenda = waiting(plan(), now);
    for number in (1..=MANY).rev() {
        agenda.handle_owed(id(number));
    }
    let Step::Acknowledge(ids) = agenda.next(now) else {
        panic!("they are owed");
    };
    assert!(ids.iter().copied().eq((1..=MANY).rev().map(id)));
    // One more meanwhile, and one that is told twice.
    agenda.handle_owed(id(MANY + 1));
    agenda.handle_owed(id(1));
    agenda.handle_acknowledged(&ids);
    assert_eq!(agenda.next(now), Step::Acknowledge(vec![id(MANY + 1)]));
}

/// The first of the list came first: all others would move each time.
#[test]
fn one_claim_may_take_over_any_number_of_entries() {
    const MANY: u64 = 200_000;
    let now = clock::now();
    let mut agenda = Agenda::new(plan());
    assert_eq!(agenda.next(now), Step::ListOwn(StreamId::MIN));
    let list: Vec<_> = (1..=MANY).map(|number| pending(number, AFTER, 1)).collect();
    agenda.handle_own(&list);
    agenda.handle_claimed((1..=MANY).map(|number| Some(entry(number))).collect(), now);
    for number in 1..=MANY {
        hands_out(&mut agenda, now, number, 2);
    }
}

/// Where each was compared with all that came with it, this would take long.
#[test]
fn one_read_may_bring_any_number_of_entries() {
    const MANY: u64 = 200_000;
    let now = clock::now();
    let mut agenda = waiting(plan(), now);
    agenda.handle_read((1..=MANY).map(entry).collect(), now);
    // The group was set back meanwhile: the same once more, and one that is new.
    hands_out(&mut agenda, now, 1, 1);
    agenda.handle_read((1..=MANY + 1).map(entry).collect(), now);
    for number in 2..=MANY + 1 {
        hands_out(&mut agenda, now, number, 1);
    }
    assert!(matches!(agenda.next(now), Step::Read(_)));
}
