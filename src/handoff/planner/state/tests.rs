use super::*;
use crate::handoff::origin;

const STATES: [Phase; 5] = [
    Phase::Vacant,
    Phase::Filling,
    Phase::Steady,
    Phase::Marked,
    Phase::Handing,
];

fn live(link: u64) -> Live {
    let now = origin();
    Live {
        link: LinkId::new(link),
        peer: None,
        opted_in: true,
        via: Endpoint::tcp("a", 1),
        up_at: now,
        dialled_at: now,
        estranged: None,
        called_for: None,
    }
}

fn job(kind: JobKind) -> Assignment {
    Assignment {
        kind,
        handoff: None,
        to: Endpoint::tcp("b", 1),
        permit: None,
        probe: false,
        interrupted: false,
        offered_at: origin(),
    }
}

/// The state of this phase, with link 1 and a move for handoff 1 pending where it has these.
fn in_phase(phase: Phase) -> EntryState {
    match phase {
        Phase::Vacant => EntryState::Vacant,
        Phase::Filling => EntryState::Filling(job(JobKind::Fill)),
        Phase::Steady => EntryState::Steady(live(1)),
        Phase::Marked => EntryState::Marked(live(1), PendingMove::new(1.into())),
        Phase::Handing => {
            EntryState::Handing(live(1), PendingMove::new(1.into()), job(JobKind::Move))
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Unmarked,
    Down,
    Marked,
    Offered,
    Settled,
    Up,
}

#[test]
fn every_event_in_every_state_does_what_the_drawing_says() {
    use Phase::{Filling, Handing, Marked, Steady, Vacant};
    //                     Vacant   Filling  Steady   Marked   Handing
    let table = [
        (Event::Unmarked, [Vacant, Filling, Steady, Steady, Handing]),
        (Event::Down, [Vacant, Filling, Vacant, Vacant, Filling]),
        (Event::Marked, [Vacant, Filling, Marked, Marked, Handing]),
        (Event::Offered, [Filling, Filling, Steady, Handing, Handing]),
        (Event::Settled, [Vacant, Vacant, Steady, Marked, Marked]),
        (Event::Up, [Steady, Steady, Steady, Steady, Steady]),
    ];
    for (event, expected) in table {
        for (phase, expected) in STATES.into_iter().zip(expected) {
            let mut state = in_phase(phase);
            assert_eq!(state.phase(), phase);
            match event {
                Event::Unmarked => state.unmark(),
                Event::Down => state.handle_down(),
                Event::Marked => state.mark_for(PendingMove::new(2.into())),
                Event::Offered => _ = state.assign(job(JobKind::Move)),
                Event::Settled => drop(state.settle()),
                Event::Up => drop(state.handle_up(live(2))),
            }
            assert_eq!(state.phase(), expected, "{event:?} while {state:?}");
        }
    }
}

#[test]
fn what_each_state_holds_is_what_its_name_says() {
    for (state, has_link, has_mark, has_job) in [
        (Phase::Vacant, false, false, false),
        (Phase::Filling, false, false, true),
        (Phase::Steady, true, false, false),
        (Phase::Marked, true, true, false),
        (Phase::Handing, true, true, true),
    ] {
        let mut state = in_phase(state);
        assert_eq!(state.live().is_some(), has_link, "{state:?}");
        assert_eq!(state.pending().is_some(), has_mark, "{state:?}");
        assert_eq!(state.pending_mut().is_some(), has_mark, "{state:?}");
        assert_eq!(state.assignment().is_some(), has_job, "{state:?}");
    }
}

#[test]
fn a_link_that_comes_up_hands_out_all_that_it_replaces() {
    for state in STATES {
        let before = in_phase(state);
        let (has_link, has_mark, has_job) = (
            before.live().is_some(),
            before.pending().is_some(),
            before.assignment().is_some(),
        );
        let mut state = before;
        let (old, pending, job) = state.handle_up(live(2));
        assert_eq!(
            old.map(|old| old.link),
            has_link.then_some(LinkId::new(1)),
            "{state:?}"
        );
        assert_eq!(pending.is_some(), has_mark, "{state:?}");
        assert_eq!(job.is_some(), has_job, "{state:?}");
        assert_eq!(state.live().unwrap().link, LinkId::new(2));
    }
}

#[test]
fn a_second_job_is_given_back() {
    for (state, taken) in STATES.into_iter().zip([true, false, false, true, false]) {
        let mut state = in_phase(state);
        assert_eq!(state.assign(job(JobKind::Move)), taken, "{state:?}");
    }
}

#[test]
fn a_job_outlives_the_link_that_it_was_to_replace() {
    let mut state = in_phase(Phase::Handing);
    state.handle_down();
    assert_eq!(state.assignment().map(|job| job.kind), Some(JobKind::Move));
    let (old, pending, job) = state.handle_up(live(2));
    assert!(old.is_none() && pending.is_none() && job.is_some());
}

#[test]
fn a_new_mark_replaces_the_old_one_and_its_attempts() {
    for state in [Phase::Marked, Phase::Handing] {
        let mut state = in_phase(state);
        state.pending_mut().unwrap().attempts = 4;
        state.mark_for(PendingMove::new(2.into()));
        assert_eq!(
            state.pending(),
            Some(&PendingMove::new(2.into())),
            "{state:?}"
        );
    }
}
