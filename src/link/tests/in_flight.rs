//! Every phase of the queue against every operation, and what it says to have left. No threads, and no
//! order of operations but the shortest: any order is in [`random`].

mod alive;
mod holds;
mod internal;
mod own;
mod pauses;
mod random;
mod several;

use super::BY_USER;
use crate::clock;
use crate::error::CloseReason;
use crate::link::in_flight::{Batch, InFlight, Settled};
use crate::link::{EndReason, Failure, Inbound, Outcome, Parts};
use crate::protocol::{Limits, Value};
use std::time::Duration;

/// A phase without its reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Condemned,
    Draining,
    Ended,
    Open,
}

use Stage::{Condemned, Draining, Ended, Open};

const STAGES: [Stage; 4] = [Open, Draining, Condemned, Ended];

impl Stage {
    fn of(in_flight: &InFlight<char>) -> Self {
        match (
            in_flight.is_open(),
            in_flight.is_draining(),
            in_flight.has_ended(),
        ) {
            (true, false, false) => Open,
            (false, true, false) => Draining,
            (false, false, true) => Ended,
            (false, false, false) => Condemned,
            several => panic!("in several phases: {several:?}"),
        }
    }

    /// Brings an open queue into this phase.
    fn reach(self, in_flight: &mut InFlight<char>) {
        match self {
            Open => {}
            Draining => in_flight.retire(),
            Condemned => in_flight.condemn(),
            Ended => drop(in_flight.end(&BY_USER)),
        }
        assert_eq!(Self::of(in_flight), self);
    }
}

fn in_flight() -> InFlight<char> {
    InFlight::new(Box::new(Inbound::new(Limits::default())))
}

/// An open queue that was asked these, one reply each; the first letter is the caller.
fn asked(requests: &[&str]) -> InFlight<char> {
    let mut in_flight = in_flight();
    for request in requests {
        assert!(
            ask(&mut in_flight, request, 1),
            "{request} was not accepted"
        );
    }
    in_flight
}

fn ask(in_flight: &mut InFlight<char>, request: &str, want: usize) -> bool {
    let (head, tail) = request.as_bytes().split_at(request.len() / 2);
    let caller = request.chars().next().unwrap();
    let tail = [tail];
    let parts = Parts::new(head, &tail);
    let end = in_flight.enqueue(parts, want, caller, false, clock::now());
    end.is_some()
}

/// What a writer would write.
fn text<'a>(batch: Option<&'a Batch<'_>>) -> Option<&'a str> {
    batch.map(|batch| std::str::from_utf8(batch.rest().front()).unwrap())
}

/// Takes all that waits for a writer and lets the socket accept so many bytes of it.
fn write(in_flight: &mut InFlight<char>, accepted: usize, torn: bool) {
    let mut batch = in_flight.take_batch().unwrap();
    batch.advance(accepted);
    in_flight.return_batch(batch, torn, None);
}

/// Gives up a request, and says how much of it is said to have left.
fn give_up(in_flight: &mut InFlight<char>, caller: char) -> Option<u64> {
    let Failure { reason, got, sent } = in_flight.abandon(&caller)?;
    assert!(reason.is_none() && got.is_empty(), "{reason:?} {got:?}");
    Some(sent)
}

/// Whose reply it was, and what was said to the owner.
fn settle(in_flight: &mut InFlight<char>, reply: i64) -> Result<(char, Vec<i64>), &'static str> {
    let int = |value| match value {
        Value::Int(int) => int,
        other => panic!("{other:?}"),
    };
    match in_flight.settle(Value::Int(reply)) {
        Settled::Completed(caller, Outcome::One(value)) => Ok((caller, vec![int(value)])),
        Settled::Completed(caller, Outcome::Many(values)) => {
            Ok((caller, values.into_iter().map(int).collect()))
        }
        Settled::Completed(_, outcome) => panic!("{outcome:?}"),
        Settled::Internal(..) => Err("internal"),
        Settled::Kept => Err("kept"),
        Settled::Unsolicited(_) => Err("unsolicited"),
    }
}

/// Who is told of the end, and how much of the request is said to have left.
fn end(in_flight: &mut InFlight<char>) -> Vec<(char, u64)> {
    failures(in_flight.end(&EndReason::EndOfStream))
}

fn failures(outcomes: Vec<(char, Outcome)>) -> Vec<(char, u64)> {
    let told = |(caller, outcome)| match outcome {
        Outcome::Failed(failure) if matches!(failure.reason, Some(EndReason::EndOfStream)) => {
            (caller, failure.sent)
        }
        other => panic!("{other:?}"),
    };
    outcomes.into_iter().map(told).collect()
}

/// What the queue is asked to become.
type Change = fn(&mut InFlight<char>);

#[test]
fn each_phase_leads_only_where_the_picture_says() {
    let changes: [(&str, Change, [Stage; 4]); 4] = [
        // From Open, Draining, Condemned and Ended.
        (
            "retire",
            InFlight::retire,
            [Draining, Draining, Condemned, Ended],
        ),
        (
            "condemn",
            InFlight::condemn,
            [Condemned, Condemned, Condemned, Ended],
        ),
        ("end", |in_flight| drop(end(in_flight)), [Ended; 4]),
        (
            "abandon what has left",
            |in_flight| drop(in_flight.abandon(&'a')),
            [Condemned, Condemned, Condemned, Ended],
        ),
    ];
    for (name, change, wanted) in changes {
        for (stage, wanted) in STAGES.into_iter().zip(wanted) {
            let mut in_flight = asked(&["apple"]);
            write(&mut in_flight, 5, true);
            stage.reach(&mut in_flight);
            change(&mut in_flight);
            assert_eq!(Stage::of(&in_flight), wanted, "{name} while {stage:?}");
        }
    }
}

#[test]
fn only_an_open_queue_takes_a_request() {
    for stage in STAGES {
        let mut in_flight = in_flight();
        stage.reach(&mut in_flight);
        let accepted = ask(&mut in_flight, "apple", 1);
        assert_eq!(accepted, stage == Open, "{stage:?}");
        assert_eq!(in_flight.live(), usize::from(accepted), "{stage:?}");
        assert_eq!(in_flight.is_idle(), !accepted, "{stage:?}");
        assert!(!in_flight.lacks_writer(), "its caller is, {stage:?}");
        let batch = in_flight.take_batch();
        assert_eq!(
            text(batch.as_ref()),
            accepted.then_some("apple"),
            "{stage:?}"
        );
    }
}

#[test]
fn a_writer_takes_all_that_waits_in_the_order_in_which_it_was_asked() {
    for stage in STAGES {
        let mut nothing = in_flight();
        stage.reach(&mut nothing);
        assert!(nothing.take_batch().is_none(), "{stage:?}");

        let mut in_flight = asked(&["apple", "berry"]);
        stage.reach(&mut in_flight);
        let batch = in_flight.take_batch();
        let wanted = (stage != Ended).then_some("appleberry");
        assert_eq!(text(batch.as_ref()), wanted, "{stage:?}");
    }
}

#[test]
fn nobody_else_writes_until_the_batch_is_back() {
    for stage in STAGES {
        let mut in_flight = asked(&["apple"]);
        let mut batch = in_flight.take_batch().unwrap();
        assert!(ask(&mut in_flight, "berry", 1));
        stage.reach(&mut in_flight);
        assert!(
            !in_flight.lacks_writer() && in_flight.take_batch().is_none(),
            "{stage:?}"
        );
        batch.advance(5);
        assert!(batch.is_written());
        in_flight.return_batch(batch, true, None);
        assert!(!in_flight.has_leftover(), "{stage:?}");
        let next = in_flight.take_batch();
        assert_eq!(
            text(next.as_ref()),
            (stage != Ended).then_some("berry"),
            "{stage:?}"
        );
    }
}

#[test]
fn what_a_writer_left_behind_goes_before_what_came_later() {
    for stage in STAGES {
        for torn in [true, false] {
            let mut in_flight = asked(&["apple"]);
            let mut batch = in_flight.take_batch().unwrap();
            batch.advance(2);
            assert!(ask(&mut in_flight, "berry", 1));
            stage.reach(&mut in_flight);
            in_flight.return_batch(batch, torn, None);
            let batch = in_flight.take_batch();
            if stage == Ended {
                assert!(batch.is_none(), "an end lets nothing more out");
                continue;
            }
            assert_eq!(text(batch.as_ref()), Some("ple"), "{stage:?}");
            in_flight.return_batch(batch.unwrap(), torn, None);
            assert!(
                in_flight.has_leftover() && in_flight.lacks_writer(),
                "{stage:?}"
            );
            write(&mut in_flight, 3, torn);
            assert!(
                !in_flight.has_leftover() && in_flight.lacks_writer(),
                "{stage:?}"
            );
            let batch = in_flight.take_batch();
            assert_eq!(text(batch.as_ref()), Some("berry"), "{stage:?}");
        }
    }
}

#[test]
fn a_reply_belongs_to_the_first_request_on_the_wire() {
    for stage in STAGES {
        let mut in_flight = asked(&["apple", "berry"]);
        write(&mut in_flight, 10, true);
        stage.reach(&mut in_flight);
        let owner = |caller, reply| {
            if stage == Ended {
                Err("unsolicited")
            } else {
                Ok((caller, vec![reply]))
            }
        };
        assert_eq!(settle(&mut in_flight, 1), owner('a', 1), "{stage:?}");
        assert_eq!(settle(&mut in_flight, 2), owner('b', 2), "{stage:?}");
        assert_eq!(settle(&mut in_flight, 3), Err("unsolicited"), "{stage:?}");
        assert_eq!(
            (in_flight.live(), in_flight.is_idle()),
            (0, true),
            "{stage:?}"
        );
    }
}

#[test]
fn a_request_of_several_commands_is_complete_with_its_last_reply() {
    let mut in_flight = in_flight();
    assert!(ask(&mut in_flight, "apple", 3) && ask(&mut in_flight, "berry", 1));
    write(&mut in_flight, 10, true);
    assert_eq!(settle(&mut in_flight, 1), Err("kept"));
    assert_eq!(settle(&mut in_flight, 2), Err("kept"));
    assert_eq!(in_flight.live(), 2);
    assert_eq!(settle(&mut in_flight, 3), Ok(('a', vec![1, 2, 3])));
    assert_eq!(settle(&mut in_flight, 4), Ok(('b', vec![4])));
}

#[test]
fn a_reply_to_what_has_not_left_answers_something_else() {
    let mut in_flight = asked(&["apple", "berry"]);
    assert_eq!(
        settle(&mut in_flight, 1),
        Err("unsolicited"),
        "nobody wrote"
    );
    write(&mut in_flight, 5, true);
    assert_eq!(settle(&mut in_flight, 2), Ok(('a', vec![2])));
    assert_eq!(
        settle(&mut in_flight, 3),
        Err("unsolicited"),
        "the socket refused it"
    );
    let batch = in_flight.take_batch().unwrap();
    assert_eq!(
        settle(&mut in_flight, 4),
        Ok(('b', vec![4])),
        "it is with the writer"
    );
    in_flight.return_batch(batch, true, None);
}

#[test]
fn a_request_of_which_nothing_left_is_withdrawn_and_changes_no_phase() {
    for stage in STAGES {
        let mut in_flight = asked(&["apple", "berry", "cherry"]);
        stage.reach(&mut in_flight);
        let sent = give_up(&mut in_flight, 'b');
        assert_eq!(sent, (stage != Ended).then_some(0), "{stage:?}");
        assert_eq!(Stage::of(&in_flight), stage);
        if stage == Ended {
            continue;
        }
        assert_eq!(in_flight.live(), 2, "{stage:?}");
        let batch = in_flight.take_batch();
        assert_eq!(text(batch.as_ref()), Some("applecherry"), "{stage:?}");
        assert_eq!(settle(&mut in_flight, 1), Ok(('a', vec![1])), "{stage:?}");
        assert_eq!(settle(&mut in_flight, 2), Ok(('c', vec![2])), "{stage:?}");
    }
}

#[test]
fn a_request_is_withdrawn_from_what_a_writer_left_behind() {
    for stage in [Open, Draining, Condemned] {
        let mut in_flight = asked(&["apple", "berry", "cherry"]);
        let mut batch = in_flight.take_batch().unwrap();
        assert!(ask(&mut in_flight, "date", 1));
        batch.advance(3);
        in_flight.return_batch(batch, true, None);
        stage.reach(&mut in_flight);
        assert_eq!(give_up(&mut in_flight, 'b'), Some(0), "{stage:?}");
        assert_eq!(Stage::of(&in_flight), stage);
        let batch = in_flight.take_batch();
        assert_eq!(text(batch.as_ref()), Some("lecherry"), "{stage:?}");
        // Nothing of what lies behind the batch has left, and what lies in it may have.
        assert_eq!(give_up(&mut in_flight, 'd'), Some(0), "{stage:?}");
        assert_eq!(end(&mut in_flight), [], "{stage:?}");
        let failed = failures(in_flight.return_batch(batch.unwrap(), false, None));
        assert_eq!(failed, [('a', 5), ('c', 6)], "{stage:?}");
    }
}

#[test]
fn a_withdrawal_of_all_that_was_left_behind_leaves_nothing_behind() {
    let mut in_flight = asked(&["apple", "berry"]);
    write(&mut in_flight, 5, true);
    assert!(in_flight.has_leftover());
    assert_eq!(give_up(&mut in_flight, 'b'), Some(0));
    assert!(!in_flight.has_leftover() && !in_flight.lacks_writer());
    assert!(ask(&mut in_flight, "cherry", 1));
    write(&mut in_flight, 4, true);
    assert_eq!(end(&mut in_flight), [('a', 5), ('c', 4)]);
}

#[test]
fn who_gives_up_alone_is_told_what_the_socket_accepted_and_nobody_writes_the_rest() {
    for stage in [Open, Draining, Condemned] {
        for accepted in 1..=4 {
            let mut in_flight = asked(&["apple"]);
            write(&mut in_flight, accepted, true);
            stage.reach(&mut in_flight);
            let sent = give_up(&mut in_flight, 'a');
            assert_eq!(sent, Some(accepted as u64), "{stage:?}");
            assert_eq!(Stage::of(&in_flight), Condemned);
            assert!(in_flight.take_batch().is_none(), "{stage:?}");
            assert_eq!(in_flight.is_finished(), Some(CloseReason::Condemned));
        }
    }
}

#[test]
fn who_gives_up_in_company_is_told_that_all_may_leave() {
    let mut in_flight = asked(&["apple", "berry"]);
    write(&mut in_flight, 2, true);
    assert_eq!(give_up(&mut in_flight, 'a'), Some(5));
    assert_eq!(
        (Stage::of(&in_flight), in_flight.is_finished()),
        (Condemned, None)
    );
    let batch = in_flight.take_batch().unwrap();
    assert_eq!(
        text(Some(&batch)),
        Some("pleberry"),
        "the other still needs it"
    );
    assert_eq!(
        settle(&mut in_flight, 1),
        Err("kept"),
        "a late reply reaches nobody"
    );
    assert_eq!(settle(&mut in_flight, 2), Ok(('b', vec![2])));
    in_flight.return_batch(batch, true, None);
    assert_eq!(in_flight.is_finished(), Some(CloseReason::Condemned));
}

#[test]
fn what_a_writer_or_a_library_holds_may_have_left() {
    let mut held = asked(&["apple", "berry"]);
    let batch = held.take_batch().unwrap();
    assert_eq!(give_up(&mut held, 'b'), Some(5));
    assert_eq!(give_up(&mut held, 'a'), Some(5));
    held.return_batch(batch, true, None);

    let mut hidden = asked(&["apple", "berry"]);
    write(&mut hidden, 2, false);
    assert_eq!(give_up(&mut hidden, 'b'), Some(5));
    assert_eq!(give_up(&mut hidden, 'a'), Some(5));
    assert!(hidden.take_batch().is_none());
}

#[test]
fn who_gives_up_after_all_has_left_is_told_so() {
    let mut in_flight = asked(&["apple"]);
    write(&mut in_flight, 5, true);
    assert_eq!(give_up(&mut in_flight, 'a'), Some(5));
    assert_eq!(
        (Stage::of(&in_flight), in_flight.is_idle()),
        (Condemned, false)
    );
}

#[test]
fn a_request_is_given_up_once_and_not_after_its_outcome() {
    let mut in_flight = asked(&["apple", "berry", "cherry"]);
    assert_eq!(give_up(&mut in_flight, 'x'), None, "it was never asked");
    write(&mut in_flight, 16, true);
    settle(&mut in_flight, 1).unwrap();
    assert_eq!(give_up(&mut in_flight, 'a'), None, "it was answered");
    assert_eq!(give_up(&mut in_flight, 'b'), Some(5));
    assert_eq!(give_up(&mut in_flight, 'b'), None, "it was given up");
    assert_eq!(in_flight.live(), 1);
    assert_eq!(end(&mut in_flight), [('c', 6)]);
    assert_eq!(give_up(&mut in_flight, 'c'), None, "it was told of the end");
}

#[test]
fn who_gives_up_keeps_the_replies_that_had_come() {
    for come in 0..3 {
        let mut in_flight = in_flight();
        assert!(ask(&mut in_flight, "apple", 3) && ask(&mut in_flight, "berry", 1));
        write(&mut in_flight, 10, true);
        for reply in 0..come {
            assert_eq!(settle(&mut in_flight, reply), Err("kept"));
        }
        let Failure { got, sent, .. } = in_flight.abandon(&'a').unwrap();
        let wanted: Vec<Value> = (0..come).map(Value::Int).collect();
        assert_eq!((got, sent), (wanted, 5));
        for late in come..3 {
            assert_eq!(settle(&mut in_flight, late), Err("kept"));
        }
        assert_eq!(settle(&mut in_flight, 3), Ok(('b', vec![3])));
    }
}

#[test]
fn an_end_tells_everyone_in_order_how_much_has_left() {
    for stage in [Open, Draining, Condemned] {
        for (torn, berry) in [(true, 2), (false, 5)] {
            let mut in_flight = asked(&["apple", "berry"]);
            let mut batch = in_flight.take_batch().unwrap();
            assert!(ask(&mut in_flight, "cherry", 1));
            batch.advance(7);
            in_flight.return_batch(batch, torn, None);
            stage.reach(&mut in_flight);
            let wanted = [('a', 5), ('b', berry), ('c', 0)];
            assert_eq!(end(&mut in_flight), wanted, "{stage:?}");
            assert_eq!(
                (in_flight.live(), in_flight.is_idle()),
                (0, true),
                "{stage:?}"
            );
        }
    }
}

#[test]
fn an_end_is_told_once_and_not_to_who_gave_up() {
    let mut in_flight = asked(&["apple", "berry"]);
    write(&mut in_flight, 10, true);
    give_up(&mut in_flight, 'a');
    assert_eq!(end(&mut in_flight), [('b', 5)]);
    assert!(in_flight.end(&BY_USER).is_empty());
    assert!(
        matches!(in_flight.end_reason(), EndReason::EndOfStream),
        "the first"
    );
}

#[test]
fn a_queue_has_no_more_to_do_when_nobody_can_expect_more() {
    for stage in STAGES {
        let drained = (stage == Draining).then_some(CloseReason::Drained);
        let condemned = (stage == Condemned).then_some(CloseReason::Condemned);

        let mut idle = in_flight();
        stage.reach(&mut idle);
        assert_eq!(idle.is_finished(), drained.or(condemned), "idle, {stage:?}");

        let mut awaited = asked(&["apple"]);
        stage.reach(&mut awaited);
        assert_eq!(awaited.is_finished(), None, "awaited, {stage:?}");

        // Only a condemned one does not wait for a reply that reaches nobody.
        let mut probed = in_flight();
        probed.enqueue_internal(b"ping", clock::now()).unwrap();
        stage.reach(&mut probed);
        assert_eq!(probed.is_finished(), condemned, "probed, {stage:?}");
    }
}

#[test]
fn a_free_role_goes_to_the_first_who_can_take_it() {
    for stage in STAGES {
        let mut in_flight = asked(&["apple", "berry", "cherry"]);
        write(&mut in_flight, 16, true);
        stage.reach(&mut in_flight);
        let unless_ended = |caller| (stage != Ended).then_some(caller);
        assert_eq!(
            in_flight.successor(),
            unless_ended('a'),
            "to read, {stage:?}"
        );
        let inbound = in_flight.take_inbound(Some(&'a'));
        assert_eq!(inbound.is_none(), stage == Ended, "{stage:?}");
        assert_eq!(in_flight.successor(), None, "nothing to write, {stage:?}");
        inbound
            .into_iter()
            .for_each(|inbound| in_flight.return_inbound(inbound));
        settle(&mut in_flight, 1).ok();
        give_up(&mut in_flight, 'b');
        assert_eq!(
            in_flight.successor(),
            unless_ended('c'),
            "not who gave up, {stage:?}"
        );
    }
}

#[test]
fn who_reads_is_not_appointed_to_write() {
    let mut in_flight = asked(&["apple"]);
    let inbound = in_flight.take_inbound(Some(&'a')).unwrap();
    assert!(!in_flight.is_read_role_free() && in_flight.take_inbound(None).is_none());
    assert_eq!(in_flight.successor(), None, "it sleeps in the socket");
    assert!(ask(&mut in_flight, "berry", 1));
    assert_eq!(in_flight.successor(), None, "who has asked writes");
    let batch = in_flight.take_batch().unwrap();
    assert_eq!(in_flight.successor(), None, "both roles are taken");
    in_flight.return_batch(batch, true, None);
    assert_eq!(in_flight.successor(), Some('b'), "the rest needs a writer");
    in_flight.return_inbound(inbound);
    assert_eq!(in_flight.successor(), Some('a'));
    // The reader thread is no caller.
    let _inbound = in_flight.take_inbound(None).unwrap();
    assert_eq!(in_flight.successor(), Some('a'));
}

#[test]
fn a_queue_is_stale_when_it_was_asked_nothing_for_so_long() {
    let age = Duration::from_secs(1);
    let mut in_flight = in_flight();
    let now = clock::now();
    assert!(in_flight.is_stale(now, age), "it was never asked anything");
    assert!(
        in_flight
            .enqueue(b"a"[..].into(), 1, 'a', false, now)
            .is_some()
    );
    assert!(!in_flight.is_stale(now, age));
    assert!(!in_flight.is_stale(now + age - Duration::from_nanos(1), age));
    assert!(in_flight.is_stale(now + age, age));
}
