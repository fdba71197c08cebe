//! Every phase of a ledger against every operation, and what it says to have left. No threads, and no
//! order of operations but the shortest: any order is in [`random`].

mod pauses;
mod random;

use super::BY_USER;
use crate::clock;
use crate::error::CloseReason;
use crate::link::ledger::{Batch, Ledger, Settled};
use crate::link::{EndReason, Failure, Inbound, Outcome};
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
    fn of(ledger: &Ledger<char>) -> Self {
        match (ledger.is_open(), ledger.is_draining(), ledger.has_ended()) {
            (true, false, false) => Open,
            (false, true, false) => Draining,
            (false, false, true) => Ended,
            (false, false, false) => Condemned,
            several => panic!("in several phases: {several:?}"),
        }
    }

    /// Brings an open ledger into this phase.
    fn reach(self, ledger: &mut Ledger<char>) {
        match self {
            Open => {}
            Draining => ledger.retire(),
            Condemned => ledger.condemn(),
            Ended => drop(ledger.end(&BY_USER)),
        }
        assert_eq!(Self::of(ledger), self);
    }
}

fn ledger() -> Ledger<char> {
    Ledger::new(Box::new(Inbound::new(Limits::default())))
}

/// An open ledger that was asked these, one reply each; the first letter is the caller.
fn asked(requests: &[&str]) -> Ledger<char> {
    let mut ledger = ledger();
    for request in requests {
        assert!(ask(&mut ledger, request, 1), "{request} was not accepted");
    }
    ledger
}

fn ask(ledger: &mut Ledger<char>, request: &str, want: usize) -> bool {
    let (head, tail) = request.as_bytes().split_at(request.len() / 2);
    let caller = request.chars().next().unwrap();
    ledger.enqueue([head, tail], want, caller, clock::now())
}

/// What a writer would write.
fn text(batch: Option<&Batch>) -> Option<&str> {
    batch.map(|batch| std::str::from_utf8(batch.rest()).unwrap())
}

/// Takes all that waits for a writer and lets the socket accept so many bytes of it.
fn write(ledger: &mut Ledger<char>, accepted: usize, torn: bool) {
    let mut batch = ledger.take_batch().unwrap();
    batch.advance(accepted);
    ledger.return_batch(batch, torn, None);
}

/// Gives up a request, and says how much of it is said to have left.
fn give_up(ledger: &mut Ledger<char>, caller: char) -> Option<u64> {
    let Failure { reason, got, sent } = ledger.abandon(&caller)?;
    assert!(reason.is_none() && got.is_empty(), "{reason:?} {got:?}");
    Some(sent)
}

/// Whose reply it was, and what was said to the owner.
fn settle(ledger: &mut Ledger<char>, reply: i64) -> Result<(char, Vec<i64>), &'static str> {
    let int = |value| match value {
        Value::Int(int) => int,
        other => panic!("{other:?}"),
    };
    match ledger.settle(Value::Int(reply)) {
        Settled::Completed(caller, Outcome::One(value)) => Ok((caller, vec![int(value)])),
        Settled::Completed(caller, Outcome::Many(values)) => {
            Ok((caller, values.into_iter().map(int).collect()))
        }
        Settled::Completed(_, outcome) => panic!("{outcome:?}"),
        Settled::Kept => Err("kept"),
        Settled::Unsolicited => Err("unsolicited"),
    }
}

/// Who is told of the end, and how much of the request is said to have left.
fn end(ledger: &mut Ledger<char>) -> Vec<(char, u64)> {
    failures(ledger.end(&EndReason::EndOfStream))
}

fn failures(outcomes: Vec<(char, Outcome)>) -> Vec<(char, u64)> {
    let told = |(caller, outcome)| match outcome {
        Outcome::Failed(Failure {
            reason: Some(EndReason::EndOfStream),
            sent,
            ..
        }) => (caller, sent),
        other => panic!("{other:?}"),
    };
    outcomes.into_iter().map(told).collect()
}

/// What a ledger is asked to become.
type Change = fn(&mut Ledger<char>);

#[test]
fn each_phase_leads_only_where_the_picture_says() {
    let changes: [(&str, Change, [Stage; 4]); 4] = [
        // From Open, Draining, Condemned and Ended.
        (
            "retire",
            Ledger::retire,
            [Draining, Draining, Condemned, Ended],
        ),
        (
            "condemn",
            Ledger::condemn,
            [Condemned, Condemned, Condemned, Ended],
        ),
        ("end", |ledger| drop(end(ledger)), [Ended; 4]),
        (
            "abandon what has left",
            |ledger| drop(ledger.abandon(&'a')),
            [Condemned, Condemned, Condemned, Ended],
        ),
    ];
    for (name, change, wanted) in changes {
        for (stage, wanted) in STAGES.into_iter().zip(wanted) {
            let mut ledger = asked(&["apple"]);
            write(&mut ledger, 5, true);
            stage.reach(&mut ledger);
            change(&mut ledger);
            assert_eq!(Stage::of(&ledger), wanted, "{name} while {stage:?}");
        }
    }
}

#[test]
fn only_an_open_ledger_takes_a_request() {
    for stage in STAGES {
        let mut ledger = ledger();
        stage.reach(&mut ledger);
        let accepted = ask(&mut ledger, "apple", 1);
        assert_eq!(accepted, stage == Open, "{stage:?}");
        assert_eq!(ledger.live(), usize::from(accepted), "{stage:?}");
        assert_eq!(ledger.is_idle(), !accepted, "{stage:?}");
        assert_eq!(ledger.lacks_writer(), accepted, "{stage:?}");
        let batch = ledger.take_batch();
        assert_eq!(
            text(batch.as_ref()),
            accepted.then_some("apple"),
            "{stage:?}"
        );
    }
}

#[test]
fn only_an_open_ledger_that_is_idle_takes_a_probe() {
    for stage in STAGES {
        let mut ledger = ledger();
        stage.reach(&mut ledger);
        let place = ledger.enqueue_probe(b"ping", 'p', clock::now());
        assert_eq!(place, (stage == Open).then_some(0), "{stage:?}");
        assert_eq!(ledger.is_idle(), stage != Open, "{stage:?}");
        assert_eq!(ledger.lacks_writer(), stage == Open, "{stage:?}");

        let mut busy = asked(&["apple"]);
        stage.reach(&mut busy);
        assert_eq!(busy.enqueue_probe(b"ping", 'p', clock::now()), None);
        let batch = busy.take_batch();
        let wanted = (stage != Ended).then_some("apple");
        assert_eq!(text(batch.as_ref()), wanted, "{stage:?}");
    }
}

#[test]
fn nobody_waits_for_a_probe_and_its_reply_is_consumed_in_its_place() {
    let mut ledger = asked(&["apple"]);
    write(&mut ledger, 5, true);
    settle(&mut ledger, 1).unwrap();
    let place = ledger.enqueue_probe(b"ping", 'p', clock::now()).unwrap();
    assert_eq!((place, ledger.live(), ledger.is_idle()), (5, 0, false));
    assert!(ledger.awaits(place) && ledger.successor().is_none());
    assert!(ask(&mut ledger, "berry", 1));
    assert!(ledger.abandon(&'p').is_none(), "nobody can give it up");
    write(&mut ledger, 9, true);
    assert_eq!(settle(&mut ledger, 2), Err("kept"));
    assert!(!ledger.awaits(place));
    assert_eq!(settle(&mut ledger, 3), Ok(('b', vec![3])));
}

#[test]
fn a_writer_takes_all_that_waits_in_the_order_in_which_it_was_asked() {
    for stage in STAGES {
        let mut nothing = ledger();
        stage.reach(&mut nothing);
        assert!(nothing.take_batch().is_none(), "{stage:?}");

        let mut ledger = asked(&["apple", "berry"]);
        stage.reach(&mut ledger);
        let batch = ledger.take_batch();
        let wanted = (stage != Ended).then_some("appleberry");
        assert_eq!(text(batch.as_ref()), wanted, "{stage:?}");
    }
}

#[test]
fn nobody_else_writes_until_the_batch_is_back() {
    for stage in STAGES {
        let mut ledger = asked(&["apple"]);
        let mut batch = ledger.take_batch().unwrap();
        assert!(ask(&mut ledger, "berry", 1));
        stage.reach(&mut ledger);
        assert!(
            !ledger.lacks_writer() && ledger.take_batch().is_none(),
            "{stage:?}"
        );
        batch.advance(5);
        assert!(batch.is_written());
        ledger.return_batch(batch, true, None);
        assert!(!ledger.has_leftover(), "{stage:?}");
        let next = ledger.take_batch();
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
            let mut ledger = asked(&["apple"]);
            let mut batch = ledger.take_batch().unwrap();
            batch.advance(2);
            assert!(ask(&mut ledger, "berry", 1));
            stage.reach(&mut ledger);
            ledger.return_batch(batch, torn, None);
            let batch = ledger.take_batch();
            if stage == Ended {
                assert!(batch.is_none(), "an end lets nothing more out");
                continue;
            }
            assert_eq!(text(batch.as_ref()), Some("ple"), "{stage:?}");
            ledger.return_batch(batch.unwrap(), torn, None);
            assert!(ledger.has_leftover() && ledger.lacks_writer(), "{stage:?}");
            write(&mut ledger, 3, torn);
            assert!(!ledger.has_leftover() && ledger.lacks_writer(), "{stage:?}");
            let batch = ledger.take_batch();
            assert_eq!(text(batch.as_ref()), Some("berry"), "{stage:?}");
        }
    }
}

#[test]
fn a_reply_belongs_to_the_first_request_on_the_wire() {
    for stage in STAGES {
        let mut ledger = asked(&["apple", "berry"]);
        write(&mut ledger, 10, true);
        stage.reach(&mut ledger);
        let owner = |caller, reply| {
            if stage == Ended {
                Err("unsolicited")
            } else {
                Ok((caller, vec![reply]))
            }
        };
        assert_eq!(settle(&mut ledger, 1), owner('a', 1), "{stage:?}");
        assert_eq!(settle(&mut ledger, 2), owner('b', 2), "{stage:?}");
        assert_eq!(settle(&mut ledger, 3), Err("unsolicited"), "{stage:?}");
        assert_eq!((ledger.live(), ledger.is_idle()), (0, true), "{stage:?}");
    }
}

#[test]
fn a_request_of_several_commands_is_complete_with_its_last_reply() {
    let mut ledger = ledger();
    assert!(ask(&mut ledger, "apple", 3) && ask(&mut ledger, "berry", 1));
    write(&mut ledger, 10, true);
    assert_eq!(settle(&mut ledger, 1), Err("kept"));
    assert_eq!(settle(&mut ledger, 2), Err("kept"));
    assert_eq!(ledger.live(), 2);
    assert_eq!(settle(&mut ledger, 3), Ok(('a', vec![1, 2, 3])));
    assert_eq!(settle(&mut ledger, 4), Ok(('b', vec![4])));
}

#[test]
fn a_reply_to_what_has_not_left_answers_something_else() {
    let mut ledger = asked(&["apple", "berry"]);
    assert_eq!(settle(&mut ledger, 1), Err("unsolicited"), "nobody wrote");
    write(&mut ledger, 5, true);
    assert_eq!(settle(&mut ledger, 2), Ok(('a', vec![2])));
    assert_eq!(
        settle(&mut ledger, 3),
        Err("unsolicited"),
        "the socket refused it"
    );
    let batch = ledger.take_batch().unwrap();
    assert_eq!(
        settle(&mut ledger, 4),
        Ok(('b', vec![4])),
        "it is with the writer"
    );
    ledger.return_batch(batch, true, None);
}

#[test]
fn a_request_of_which_nothing_left_is_withdrawn_and_changes_no_phase() {
    for stage in STAGES {
        let mut ledger = asked(&["apple", "berry", "cherry"]);
        stage.reach(&mut ledger);
        let sent = give_up(&mut ledger, 'b');
        assert_eq!(sent, (stage != Ended).then_some(0), "{stage:?}");
        assert_eq!(Stage::of(&ledger), stage);
        if stage == Ended {
            continue;
        }
        assert_eq!(ledger.live(), 2, "{stage:?}");
        let batch = ledger.take_batch();
        assert_eq!(text(batch.as_ref()), Some("applecherry"), "{stage:?}");
        assert_eq!(settle(&mut ledger, 1), Ok(('a', vec![1])), "{stage:?}");
        assert_eq!(settle(&mut ledger, 2), Ok(('c', vec![2])), "{stage:?}");
    }
}

#[test]
fn a_request_is_withdrawn_from_what_a_writer_left_behind() {
    for stage in [Open, Draining, Condemned] {
        let mut ledger = asked(&["apple", "berry", "cherry"]);
        let mut batch = ledger.take_batch().unwrap();
        assert!(ask(&mut ledger, "date", 1));
        batch.advance(3);
        ledger.return_batch(batch, true, None);
        stage.reach(&mut ledger);
        assert_eq!(give_up(&mut ledger, 'b'), Some(0), "{stage:?}");
        assert_eq!(Stage::of(&ledger), stage);
        let batch = ledger.take_batch();
        assert_eq!(text(batch.as_ref()), Some("lecherry"), "{stage:?}");
        // Nothing of what lies behind the batch has left, and what lies in it may have.
        assert_eq!(give_up(&mut ledger, 'd'), Some(0), "{stage:?}");
        assert_eq!(end(&mut ledger), [], "{stage:?}");
        let failed = failures(ledger.return_batch(batch.unwrap(), false, None));
        assert_eq!(failed, [('a', 5), ('c', 6)], "{stage:?}");
    }
}

#[test]
fn a_withdrawal_of_all_that_was_left_behind_leaves_nothing_behind() {
    let mut ledger = asked(&["apple", "berry"]);
    write(&mut ledger, 5, true);
    assert!(ledger.has_leftover());
    assert_eq!(give_up(&mut ledger, 'b'), Some(0));
    assert!(!ledger.has_leftover() && !ledger.lacks_writer());
    assert!(ask(&mut ledger, "cherry", 1));
    write(&mut ledger, 4, true);
    assert_eq!(end(&mut ledger), [('a', 5), ('c', 4)]);
}

#[test]
fn who_gives_up_alone_is_told_what_the_socket_accepted_and_nobody_writes_the_rest() {
    for stage in [Open, Draining, Condemned] {
        for accepted in 1..=4 {
            let mut ledger = asked(&["apple"]);
            write(&mut ledger, accepted, true);
            stage.reach(&mut ledger);
            let sent = give_up(&mut ledger, 'a');
            assert_eq!(sent, Some(accepted as u64), "{stage:?}");
            assert_eq!(Stage::of(&ledger), Condemned);
            assert!(ledger.take_batch().is_none(), "{stage:?}");
            assert_eq!(ledger.is_finished(), Some(CloseReason::Condemned));
        }
    }
}

#[test]
fn who_gives_up_in_company_is_told_that_all_may_leave() {
    let mut ledger = asked(&["apple", "berry"]);
    write(&mut ledger, 2, true);
    assert_eq!(give_up(&mut ledger, 'a'), Some(5));
    assert_eq!(
        (Stage::of(&ledger), ledger.is_finished()),
        (Condemned, None)
    );
    let batch = ledger.take_batch().unwrap();
    assert_eq!(
        text(Some(&batch)),
        Some("pleberry"),
        "the other still needs it"
    );
    assert_eq!(
        settle(&mut ledger, 1),
        Err("kept"),
        "a late reply reaches nobody"
    );
    assert_eq!(settle(&mut ledger, 2), Ok(('b', vec![2])));
    ledger.return_batch(batch, true, None);
    assert_eq!(ledger.is_finished(), Some(CloseReason::Condemned));
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
    let mut ledger = asked(&["apple"]);
    write(&mut ledger, 5, true);
    assert_eq!(give_up(&mut ledger, 'a'), Some(5));
    assert_eq!((Stage::of(&ledger), ledger.is_idle()), (Condemned, false));
}

#[test]
fn a_request_is_given_up_once_and_not_after_its_outcome() {
    let mut ledger = asked(&["apple", "berry", "cherry"]);
    assert_eq!(give_up(&mut ledger, 'x'), None, "it was never asked");
    write(&mut ledger, 16, true);
    settle(&mut ledger, 1).unwrap();
    assert_eq!(give_up(&mut ledger, 'a'), None, "it was answered");
    assert_eq!(give_up(&mut ledger, 'b'), Some(5));
    assert_eq!(give_up(&mut ledger, 'b'), None, "it was given up");
    assert_eq!(ledger.live(), 1);
    assert_eq!(end(&mut ledger), [('c', 6)]);
    assert_eq!(give_up(&mut ledger, 'c'), None, "it was told of the end");
}

#[test]
fn who_gives_up_keeps_the_replies_that_had_come() {
    for come in 0..3 {
        let mut ledger = ledger();
        assert!(ask(&mut ledger, "apple", 3) && ask(&mut ledger, "berry", 1));
        write(&mut ledger, 10, true);
        for reply in 0..come {
            assert_eq!(settle(&mut ledger, reply), Err("kept"));
        }
        let Failure { got, sent, .. } = ledger.abandon(&'a').unwrap();
        let wanted: Vec<Value> = (0..come).map(Value::Int).collect();
        assert_eq!((got, sent), (wanted, 5));
        for late in come..3 {
            assert_eq!(settle(&mut ledger, late), Err("kept"));
        }
        assert_eq!(settle(&mut ledger, 3), Ok(('b', vec![3])));
    }
}

#[test]
fn an_end_tells_everyone_in_order_how_much_has_left() {
    for stage in [Open, Draining, Condemned] {
        for (torn, berry) in [(true, 2), (false, 5)] {
            let mut ledger = asked(&["apple", "berry"]);
            let mut batch = ledger.take_batch().unwrap();
            assert!(ask(&mut ledger, "cherry", 1));
            batch.advance(7);
            ledger.return_batch(batch, torn, None);
            stage.reach(&mut ledger);
            let wanted = [('a', 5), ('b', berry), ('c', 0)];
            assert_eq!(end(&mut ledger), wanted, "{stage:?}");
            assert_eq!((ledger.live(), ledger.is_idle()), (0, true), "{stage:?}");
        }
    }
}

#[test]
fn an_end_is_told_once_and_not_to_who_gave_up() {
    let mut ledger = asked(&["apple", "berry"]);
    write(&mut ledger, 10, true);
    give_up(&mut ledger, 'a');
    assert_eq!(end(&mut ledger), [('b', 5)]);
    assert!(ledger.end(&BY_USER).is_empty());
    assert!(
        matches!(ledger.end_reason(), EndReason::EndOfStream),
        "the first"
    );
}

#[test]
fn a_ledger_has_no_more_to_do_when_nobody_can_expect_more() {
    for stage in STAGES {
        let drained = (stage == Draining).then_some(CloseReason::Drained);
        let condemned = (stage == Condemned).then_some(CloseReason::Condemned);

        let mut idle = ledger();
        stage.reach(&mut idle);
        assert_eq!(idle.is_finished(), drained.or(condemned), "idle, {stage:?}");

        let mut awaited = asked(&["apple"]);
        stage.reach(&mut awaited);
        assert_eq!(awaited.is_finished(), None, "awaited, {stage:?}");

        // Only a condemned one does not wait for a reply that reaches nobody.
        let mut probed = ledger();
        probed.enqueue_probe(b"ping", 'p', clock::now()).unwrap();
        stage.reach(&mut probed);
        assert_eq!(probed.is_finished(), condemned, "probed, {stage:?}");
    }
}

#[test]
fn a_free_role_goes_to_the_first_who_can_take_it() {
    for stage in STAGES {
        let mut ledger = asked(&["apple", "berry", "cherry"]);
        write(&mut ledger, 16, true);
        stage.reach(&mut ledger);
        let unless_ended = |caller| (stage != Ended).then_some(caller);
        assert_eq!(ledger.successor(), unless_ended('a'), "to read, {stage:?}");
        let inbound = ledger.take_inbound(Some(&'a'));
        assert_eq!(inbound.is_none(), stage == Ended, "{stage:?}");
        assert_eq!(ledger.successor(), None, "nothing to write, {stage:?}");
        inbound
            .into_iter()
            .for_each(|inbound| ledger.return_inbound(inbound));
        settle(&mut ledger, 1).ok();
        give_up(&mut ledger, 'b');
        assert_eq!(
            ledger.successor(),
            unless_ended('c'),
            "not who gave up, {stage:?}"
        );
    }
}

#[test]
fn who_reads_is_not_appointed_to_write() {
    let mut ledger = asked(&["apple"]);
    let inbound = ledger.take_inbound(Some(&'a')).unwrap();
    assert!(!ledger.is_read_role_free() && ledger.take_inbound(None).is_none());
    assert_eq!(ledger.successor(), None, "it sleeps in the socket");
    assert!(ask(&mut ledger, "berry", 1));
    assert_eq!(ledger.successor(), Some('b'));
    let batch = ledger.take_batch().unwrap();
    assert_eq!(ledger.successor(), None, "both roles are taken");
    ledger.return_batch(batch, true, None);
    assert_eq!(ledger.successor(), Some('b'), "the rest needs a writer");
    ledger.return_inbound(inbound);
    assert_eq!(ledger.successor(), Some('a'));
    // The reader thread is no caller.
    let _inbound = ledger.take_inbound(None).unwrap();
    assert_eq!(ledger.successor(), Some('a'));
}

#[test]
fn a_ledger_is_stale_when_it_was_asked_nothing_for_so_long() {
    let age = Duration::from_secs(1);
    let mut ledger = ledger();
    let now = clock::now();
    assert!(ledger.is_stale(now, age), "it was never asked anything");
    assert!(ledger.enqueue([b"a", b""], 1, 'a', now));
    assert!(!ledger.is_stale(now, age));
    assert!(!ledger.is_stale(now + age - Duration::from_nanos(1), age));
    assert!(ledger.is_stale(now + age, age));
}
