//! A request that is given up on a connection that is known to be alive.

use super::{Condemned, Open, Stage, ask, asked, give_up, in_flight, settle, write};
use crate::clock;

#[test]
fn a_queue_takes_more_after_a_request_is_given_up_behind_which_something_arrived() {
    let mut in_flight = asked(&["apple", "berry", "cherry"]);
    write(&mut in_flight, 16, true);
    assert_eq!(settle(&mut in_flight, 1), Ok(('a', vec![1])));
    assert_eq!(give_up(&mut in_flight, 'b'), Some(5));
    assert_eq!(Stage::of(&in_flight), Open);
    assert_eq!(settle(&mut in_flight, 2), Err("kept"), "it reaches nobody");
    assert_eq!(settle(&mut in_flight, 3), Ok(('c', vec![3])));
}

#[test]
fn a_part_of_a_reply_shows_that_a_connection_is_alive() {
    for arrives in [false, true] {
        let mut in_flight = asked(&["apple"]);
        write(&mut in_flight, 5, true);
        if arrives {
            in_flight.handle_arrival();
        }
        assert_eq!(give_up(&mut in_flight, 'a'), Some(5));
        let wanted = if arrives { Open } else { Condemned };
        assert_eq!(Stage::of(&in_flight), wanted);
    }
}

#[test]
fn what_arrived_before_a_request_was_written_says_nothing_of_it() {
    let mut in_flight = asked(&["apple"]);
    write(&mut in_flight, 5, true);
    assert_eq!(settle(&mut in_flight, 1), Ok(('a', vec![1])));
    let caller = 'b';
    assert!(
        in_flight
            .enqueue(b"berry"[..].into(), 1, caller, false, clock::now())
            .is_some()
    );
    write(&mut in_flight, 5, true);
    assert_eq!(give_up(&mut in_flight, caller), Some(5));
    assert_eq!(Stage::of(&in_flight), Condemned);
}

#[test]
fn what_a_socket_refused_was_not_sent_when_something_arrived() {
    let mut in_flight = asked(&["apple", "berry"]);
    let mut batch = in_flight.take_batch().unwrap();
    in_flight.handle_arrival();
    batch.advance(5);
    in_flight.return_batch(batch, true, None);
    write(&mut in_flight, 5, true);
    assert_eq!(give_up(&mut in_flight, 'b'), Some(5));
    assert_eq!(Stage::of(&in_flight), Condemned);
}

#[test]
fn what_a_writer_left_behind_of_one_request_costs_another_nothing() {
    for torn in [true, false] {
        for accepted in 5..10 {
            let mut in_flight = asked(&["apple", "berry"]);
            write(&mut in_flight, accepted, torn);
            in_flight.handle_arrival();
            assert_eq!(give_up(&mut in_flight, 'a'), Some(5));
            assert_eq!(Stage::of(&in_flight), Open, "{torn} {accepted}");
            // Of this one a part may have left, and nobody would write the rest.
            let is_withdrawn = torn && accepted == 5;
            let sent = give_up(&mut in_flight, 'b');
            assert_eq!(sent == Some(0), is_withdrawn, "{torn} {accepted}");
            let wanted = if is_withdrawn { Open } else { Condemned };
            assert_eq!(Stage::of(&in_flight), wanted, "{torn} {accepted}");
        }
    }
}

#[test]
fn replies_that_nobody_wants_are_not_kept() {
    let mut in_flight = in_flight();
    assert!(ask(&mut in_flight, "apple", 4) && ask(&mut in_flight, "berry", 1));
    write(&mut in_flight, 10, true);
    assert_eq!(settle(&mut in_flight, 1), Err("kept"));
    assert_eq!(in_flight.abandon(&'a').unwrap().got.len(), 1);
    for late in 0..3 {
        assert_eq!(settle(&mut in_flight, 7_654_320 + late), Err("kept"));
        assert!(!format!("{in_flight:?}").contains("765432"), "{late}");
    }
    assert_eq!(settle(&mut in_flight, 2), Ok(('b', vec![2])));
}

#[test]
fn requests_that_nobody_waits_for_do_not_pile_up() {
    let mut in_flight = in_flight();
    let mut taken = 0_u32;
    while Stage::of(&in_flight) == Open {
        assert!(
            in_flight
                .enqueue(b"x"[..].into(), 1, 'x', false, clock::now())
                .is_some()
        );
        write(&mut in_flight, 1, true);
        in_flight.handle_arrival();
        assert_eq!(give_up(&mut in_flight, 'x'), Some(1));
        taken += 1;
    }
    assert_eq!(taken, 1024);
    // One that was answered late makes room for another.
    let mut in_flight = super::in_flight();
    for _ in 0..3000 {
        assert!(
            in_flight
                .enqueue(b"x"[..].into(), 1, 'x', false, clock::now())
                .is_some()
        );
        write(&mut in_flight, 1, true);
        in_flight.handle_arrival();
        assert_eq!(give_up(&mut in_flight, 'x'), Some(1));
        assert_eq!(settle(&mut in_flight, 7), Err("kept"));
    }
    assert_eq!(Stage::of(&in_flight), Open);
}
