//! Requests of the client itself among those of callers.

use super::{Open, STAGES, ask, asked, end, give_up, in_flight, settle, text, write};
use crate::clock;
use crate::link::Outcome;
use crate::link::in_flight::Settled;
use crate::protocol::Value;

#[test]
fn only_an_open_queue_takes_a_request_of_the_client_itself() {
    for stage in STAGES {
        let mut in_flight = in_flight();
        assert!(in_flight.is_quiet());
        stage.reach(&mut in_flight);
        let ticket = in_flight.enqueue_internal(b"ping", clock::now());
        assert_eq!(ticket.is_some(), stage == Open, "{stage:?}");
        assert_eq!(in_flight.is_quiet(), stage != Open, "{stage:?}");
        assert_eq!(in_flight.take_batch().is_some(), stage == Open, "{stage:?}");
    }
}

#[test]
fn no_caller_waits_for_an_internal_reply_which_is_consumed_in_its_place() {
    let mut in_flight = asked(&["apple"]);
    let ticket = in_flight.enqueue_internal(b"ping", clock::now()).unwrap();
    assert_eq!((in_flight.live(), in_flight.successor()), (1, Some('a')));
    write(&mut in_flight, 9, true);
    settle(&mut in_flight, 1).unwrap();
    assert_eq!((in_flight.live(), in_flight.is_idle()), (0, false));
    assert!(in_flight.awaits(ticket) && in_flight.successor().is_none());
    assert!(ask(&mut in_flight, "berry", 1));
    let second = in_flight.enqueue_internal(b"ping", clock::now()).unwrap();
    write(&mut in_flight, 9, true);
    match in_flight.settle(Value::Int(2)) {
        Settled::Internal(settled, Outcome::One(Value::Int(2))) => assert_eq!(settled, ticket),
        other => panic!("{other:?}"),
    }
    assert!(!in_flight.awaits(ticket) && in_flight.awaits(second));
    assert_eq!(settle(&mut in_flight, 3), Ok(('b', vec![3])));
    // Its end is not told: whoever sent it hears of the end of the link.
    assert_eq!(end(&mut in_flight), []);
    assert!(!in_flight.awaits(second));
}

#[test]
fn a_request_that_is_withdrawn_leaves_the_tickets_behind_it_alone() {
    let mut in_flight = asked(&["apple"]);
    let ticket = in_flight.enqueue_internal(b"ping", clock::now()).unwrap();
    assert_eq!(give_up(&mut in_flight, 'a'), Some(0));
    assert!(in_flight.awaits(ticket));
    assert_eq!(text(in_flight.take_batch().as_ref()), Some("ping"));
    assert_eq!(settle(&mut in_flight, 1), Err("internal"));
    assert!(!in_flight.awaits(ticket));
}
