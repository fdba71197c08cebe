use super::*;
use crate::handoff::origin;

const STATES: [SeatState; 5] = [
    SeatState::Vacant,
    SeatState::Filling,
    SeatState::Steady,
    SeatState::Marked,
    SeatState::Handing,
];

fn live(link: u64) -> Live {
    let now = origin();
    Live {
        link: LinkId(link),
        peer: None,
        opted_in: true,
        via: Endpoint::tcp("a", 1),
        up_at: now,
        dialled_at: now,
        estranged: None,
    }
}

fn job(kind: JobKind) -> Assignment {
    Assignment {
        kind,
        operation: None,
        to: Endpoint::tcp("b", 1),
        permit: None,
        probe: false,
        interrupted: false,
        offered_at: origin(),
    }
}

/// A seat in this state, with link 1 and a mark for operation 1 where the state has these.
fn seat(state: SeatState) -> Seat {
    match state {
        SeatState::Vacant => Seat::Vacant,
        SeatState::Filling => Seat::Filling(job(JobKind::Fill)),
        SeatState::Steady => Seat::Steady(live(1)),
        SeatState::Marked => Seat::Marked(live(1), Mark::new(1)),
        SeatState::Handing => Seat::Handing(live(1), Mark::new(1), job(JobKind::Move)),
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Absolved,
    Down,
    Marked,
    Offered,
    Settled,
    Up,
}

#[test]
fn every_event_in_every_state_does_what_the_drawing_says() {
    use SeatState::{Filling, Handing, Marked, Steady, Vacant};
    //                     Vacant   Filling  Steady   Marked   Handing
    let table = [
        (Event::Absolved, [Vacant, Filling, Steady, Steady, Handing]),
        (Event::Down, [Vacant, Filling, Vacant, Vacant, Filling]),
        (Event::Marked, [Vacant, Filling, Marked, Marked, Handing]),
        (Event::Offered, [Filling, Filling, Steady, Handing, Handing]),
        (Event::Settled, [Vacant, Vacant, Steady, Marked, Marked]),
        (Event::Up, [Steady, Steady, Steady, Steady, Steady]),
    ];
    for (event, expected) in table {
        for (state, expected) in STATES.into_iter().zip(expected) {
            let mut seat = seat(state);
            assert_eq!(seat.state(), state);
            match event {
                Event::Absolved => seat.absolve(),
                Event::Down => seat.handle_down(),
                Event::Marked => seat.mark_for(Mark::new(2)),
                Event::Offered => _ = seat.assign(job(JobKind::Move)),
                Event::Settled => drop(seat.settle()),
                Event::Up => drop(seat.handle_up(live(2))),
            }
            assert_eq!(seat.state(), expected, "{event:?} while {state:?}");
        }
    }
}

#[test]
fn what_each_state_holds_is_what_its_name_says() {
    for (state, has_link, has_mark, has_job) in [
        (SeatState::Vacant, false, false, false),
        (SeatState::Filling, false, false, true),
        (SeatState::Steady, true, false, false),
        (SeatState::Marked, true, true, false),
        (SeatState::Handing, true, true, true),
    ] {
        let mut seat = seat(state);
        assert_eq!(seat.live().is_some(), has_link, "{state:?}");
        assert_eq!(seat.mark().is_some(), has_mark, "{state:?}");
        assert_eq!(seat.mark_mut().is_some(), has_mark, "{state:?}");
        assert_eq!(seat.assignment().is_some(), has_job, "{state:?}");
    }
}

#[test]
fn a_link_that_comes_up_hands_out_all_that_it_replaces() {
    for state in STATES {
        let before = seat(state);
        let (has_link, has_mark, has_job) = (
            before.live().is_some(),
            before.mark().is_some(),
            before.assignment().is_some(),
        );
        let mut seat = before;
        let (old, mark, job) = seat.handle_up(live(2));
        assert_eq!(
            old.map(|old| old.link),
            has_link.then_some(LinkId(1)),
            "{state:?}"
        );
        assert_eq!(mark.is_some(), has_mark, "{state:?}");
        assert_eq!(job.is_some(), has_job, "{state:?}");
        assert_eq!(seat.live().unwrap().link, LinkId(2));
    }
}

#[test]
fn a_second_job_is_given_back() {
    for (state, taken) in STATES.into_iter().zip([true, false, false, true, false]) {
        let mut seat = seat(state);
        assert_eq!(seat.assign(job(JobKind::Move)), taken, "{state:?}");
    }
}

#[test]
fn a_job_outlives_the_link_that_it_was_to_replace() {
    let mut seat = seat(SeatState::Handing);
    seat.handle_down();
    assert_eq!(seat.assignment().map(|job| job.kind), Some(JobKind::Move));
    let (old, mark, job) = seat.handle_up(live(2));
    assert!(old.is_none() && mark.is_none() && job.is_some());
}

#[test]
fn a_new_mark_replaces_the_old_one_and_its_attempts() {
    for state in [SeatState::Marked, SeatState::Handing] {
        let mut seat = seat(state);
        seat.mark_mut().unwrap().attempts = 4;
        seat.mark_for(Mark::new(2));
        assert_eq!(seat.mark(), Some(&Mark::new(2)), "{state:?}");
    }
}
