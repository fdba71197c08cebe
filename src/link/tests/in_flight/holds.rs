//! A lease that holds a connection while it is replaced: every phase, every order of what may come.

use super::{Condemned, Draining, Open, STAGES, Stage, in_flight, settle, write};
use crate::clock;
use crate::error::CloseReason;
use crate::link::in_flight::InFlight;
use crate::link::tests::BY_USER;

#[test]
fn a_lease_can_be_had_of_an_open_queue_once() {
    for stage in STAGES {
        let mut in_flight = in_flight();
        stage.reach(&mut in_flight);
        assert_eq!(in_flight.hold(), stage == Open, "{stage:?}");
        assert_eq!(in_flight.is_held(), stage == Open, "{stage:?}");
        assert!(!in_flight.hold(), "a second one, {stage:?}");
        in_flight.release();
        assert!(!in_flight.is_held());
        assert_eq!(in_flight.hold(), stage == Open, "the next, {stage:?}");
    }
}

#[test]
fn only_the_lease_of_a_draining_queue_may_still_ask_and_only_until_it_is_released() {
    for (stage, held, leased) in all_holds() {
        let mut in_flight = in_flight();
        assert!(!held || in_flight.hold());
        stage.reach(&mut in_flight);
        let may = stage == Open || stage == Draining && held && leased;
        let asks = |in_flight: &mut InFlight<char>, caller| {
            let end = in_flight.enqueue(b"apple"[..].into(), 1, caller, leased, clock::now());
            end.is_some()
        };
        let said = format!("{stage:?}, held: {held}, leased: {leased}");
        assert_eq!(asks(&mut in_flight, 'a'), may, "{said}");
        assert!(stage == Open || !asks_internally(&mut in_flight), "{said}");
        in_flight.release();
        assert_eq!(asks(&mut in_flight, 'b'), stage == Open, "released, {said}");
    }
}

#[test]
fn a_held_queue_that_drains_is_finished_when_it_is_released_and_answered_in_either_order() {
    for released_first in [true, false] {
        let mut in_flight = in_flight();
        assert!(in_flight.hold());
        in_flight.retire();
        assert_eq!(in_flight.is_finished(), None, "the lease may still ask");
        assert!(
            in_flight
                .enqueue(b"exec"[..].into(), 1, 'l', true, clock::now())
                .is_some()
        );
        write(&mut in_flight, 4, true);
        if released_first {
            in_flight.release();
            assert_eq!(in_flight.is_finished(), None, "a reply is to come");
        }
        assert_eq!(settle(&mut in_flight, 1), Ok(('l', vec![1])));
        if !released_first {
            assert_eq!(in_flight.is_finished(), None, "the lease may still ask");
            in_flight.release();
        }
        assert_eq!(in_flight.is_finished(), Some(CloseReason::Drained));
    }
}

#[test]
fn a_lease_keeps_no_condemned_and_no_ended_queue_alive() {
    for stage in STAGES {
        let mut in_flight = in_flight();
        assert!(in_flight.hold());
        stage.reach(&mut in_flight);
        let condemned = (stage == Condemned).then_some(CloseReason::Condemned);
        assert_eq!(in_flight.is_finished(), condemned, "{stage:?}");
        assert!(in_flight.end(&BY_USER).is_empty());
        assert!(in_flight.has_ended(), "the hard end, {stage:?}");
        assert!(
            in_flight
                .enqueue(b"exec"[..].into(), 1, 'l', true, clock::now())
                .is_none()
        );
    }
}

/// Every phase, with and without a lease, and who asks then: the lease or somebody else.
fn all_holds() -> impl Iterator<Item = (Stage, bool, bool)> {
    let holds = [(false, false), (false, true), (true, false), (true, true)];
    STAGES
        .into_iter()
        .flat_map(move |stage| holds.map(|(held, leased)| (stage, held, leased)))
}

fn asks_internally(in_flight: &mut InFlight<char>) -> bool {
    in_flight.enqueue_internal(b"ping", clock::now()).is_some()
}

#[test]
fn a_kept_queue_takes_what_the_client_asks_while_it_drains_and_ends_when_it_is_let_go() {
    for stage in STAGES {
        let mut in_flight = in_flight();
        in_flight.keep();
        stage.reach(&mut in_flight);
        let may = stage == Open || stage == Draining;
        assert_eq!(in_flight.takes_internal(), may, "{stage:?}");
        // Neither a caller nor a lease has anything from it.
        for leased in [false, true] {
            let end = in_flight.enqueue(b"apple"[..].into(), 1, 'a', leased, clock::now());
            assert_eq!(end.is_some(), stage == Open, "{stage:?}");
        }
    }
    let mut asked = in_flight();
    asked.keep();
    asked.retire();
    assert_eq!(asked.is_finished(), None, "something may be asked");
    assert!(asks_internally(&mut asked));
    asked.let_go();
    assert!(!asks_internally(&mut asked));
    assert_eq!(asked.is_finished(), None, "a reply is to come");
    let mut idle = in_flight();
    idle.keep();
    idle.retire();
    idle.let_go();
    assert_eq!(idle.is_finished(), Some(CloseReason::Drained));
}
