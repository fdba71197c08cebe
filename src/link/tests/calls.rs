//! The read role, the reader thread, and every way in which a link ends.

use super::{BY_USER, LIMITS, SHORT, close_window, open_window, over, value};
use crate::error::{CloseReason, Delivery, Error, ErrorKind};
use crate::link::fake::{self, Note, one, patient, within};
use crate::link::{EndReason, Failure, Link, Mailbox, Outcome, Parts, Request, Routes, Supervisor};
use crate::protocol::Push;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

fn failure(outcome: Outcome) -> (Option<String>, usize, u64) {
    match outcome {
        Outcome::Failed(failure) => {
            let Failure { reason, got, sent } = *failure;
            (reason.map(|reason| reason.to_string()), got.len(), sent)
        }
        other => panic!("no failure: {other:?}"),
    }
}

#[test]
fn a_late_reply_reaches_nobody_and_the_link_takes_no_more() {
    let (link, far, notes) = fake::link();
    open_window(&link);
    thread::scope(|scope| {
        let first = scope.spawn(|| link.call(one(b"first\n"), &over()));
        far.until_written(6);
        let second = scope.spawn(|| link.call(one(b"second\n"), &patient()));
        far.until_written(13);
        close_window(&link);
        assert_eq!(failure(first.join().unwrap().unwrap()), (None, 0, 6));
        assert!(link.call(one(b"third\n"), &patient()).is_err());
        far.send(":1\r\n:2\r\n");
        assert_eq!(value(second.join().unwrap().unwrap()), 2);
    });
    far.until_shut();
    assert_eq!(far.take(), b"first\nsecond\n");
    notes.until_ended();
    link.join();
    assert_eq!(notes.count(&Note::Unusable(1)), 1);
    let ended = Note::Ended(1, EndReason::Closed(CloseReason::Condemned).to_string());
    assert_eq!(notes.count(&ended), 1);
}

#[test]
fn the_only_caller_that_times_out_makes_the_link_unusable_once() {
    let (link, far, notes) = fake::link();
    assert_eq!(
        failure(link.call(one(b"first\n"), &within(SHORT)).unwrap()),
        (None, 0, 6)
    );
    far.until_shut();
    notes.until_ended();
    link.join();
    assert_eq!(notes.count(&Note::Unusable(1)), 1);
    assert!(link.call(one(b"second\n"), &patient()).is_err());
}

#[test]
fn replies_that_came_before_the_timeout_are_handed_out() {
    let (link, far, _notes) = fake::link();
    open_window(&link);
    thread::scope(|scope| {
        let call = scope.spawn(|| {
            let request = Request {
                parts: Parts::new(b"a\nb\n", &[b"c\n"]),
                replies: 3,
            };
            link.call(request, &over())
        });
        assert_eq!(far.receive(6), b"a\nb\nc\n");
        far.until_read();
        far.send(":1\r\n:2\r\n");
        far.until_consumed();
        close_window(&link);
        assert_eq!(failure(call.join().unwrap().unwrap()), (None, 2, 6));
    });
    link.end(BY_USER);
    link.join();
}

/// A caller gives up behind one that is answered meanwhile. False: it had given up before that.
fn one_gives_up_while_another_is_answered(limit: Duration) -> bool {
    let (link, far, notes) = fake::link();
    thread::scope(|scope| {
        let first = scope.spawn(|| link.call(one(b"first\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"first\n");
        // It has given the write role back: else the second may give up before anybody has written for it.
        far.until_read();
        let second = scope.spawn(|| link.call(one(b"second\n"), &within(limit)));
        assert_eq!(far.line().unwrap(), b"second\n");
        far.send(":1\r\n");
        assert_eq!(value(first.join().unwrap().unwrap()), 1);
        assert_eq!(failure(second.join().unwrap().unwrap()), (None, 0, 7));
        let serves = link.is_open();
        if serves {
            let third = scope.spawn(|| link.call(one(b"third\n"), &patient()));
            assert_eq!(far.line().unwrap(), b"third\n");
            far.send(":2\r\n:3\r\n");
            assert_eq!(value(third.join().unwrap().unwrap()), 3);
            assert_eq!(notes.count(&Note::Unusable(1)), 0);
        }
        link.end(BY_USER);
        link.join();
        serves
    })
}

#[test]
fn a_caller_that_gives_up_on_a_link_that_lives_costs_the_others_nothing() {
    // On a busy machine the first may be answered too late for a short limit.
    assert!(
        LIMITS
            .into_iter()
            .any(one_gives_up_while_another_is_answered),
        "condemned, although it lives"
    );
}

#[test]
fn every_caller_gets_its_own_reply_whatever_the_splits() {
    for most in [1, 2, 3, 7, usize::MAX] {
        let (link, far, _notes) = fake::link();
        far.set_most(most);
        thread::scope(|scope| {
            let callers: Vec<_> = (0..8)
                .map(|caller| {
                    let link = &link;
                    scope.spawn(move || {
                        for number in 0..20 {
                            let id = caller * 100 + number;
                            let line = format!("{id}\n");
                            let reply = link.call(one(line.as_bytes()), &patient()).unwrap();
                            assert_eq!(value(reply), id);
                        }
                    })
                })
                .collect();
            for _ in 0..160 {
                let line = String::from_utf8(far.line().unwrap()).unwrap();
                far.send(format!(">2\r\n+noise\r\n:0\r\n:{}\r\n", line.trim()));
            }
            callers
                .into_iter()
                .for_each(|caller| caller.join().unwrap());
        });
        link.end(BY_USER);
        link.join();
    }
}

#[test]
fn pushes_arrive_in_order_while_nobody_calls() {
    let (link, far, notes) = fake::link();
    far.until_armed();
    far.send(">1\r\n+a\r\n>1\r\n+b\r\n");
    far.send(">1\r\n+c\r\n");
    notes.until(|note| *note == Note::Pushed(1, "c".into()));
    let pushed = |kind: &str| Note::Pushed(1, kind.into());
    assert_eq!(notes.all(), [pushed("a"), pushed("b"), pushed("c")]);
    link.end(BY_USER);
    link.join();
}

#[test]
fn pushes_arrive_in_order_around_replies() {
    let (link, far, notes) = fake::link();
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"x\n"), &patient()));
        far.line().unwrap();
        far.send(">1\r\n+a\r\n:1\r\n>1\r\n+b\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 1);
    });
    notes.until(|note| *note == Note::Pushed(1, "b".into()));
    assert_eq!(
        notes.all(),
        [Note::Pushed(1, "a".into()), Note::Pushed(1, "b".into())]
    );
    link.end(BY_USER);
    link.join();
}

#[test]
fn what_a_library_has_read_ahead_does_not_lie_until_the_next_command() {
    let (link, far, notes) = fake::link();
    far.add_library();
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"x\n"), &patient()));
        far.line().unwrap();
        far.until_armed();
        far.until_read();
        // The reply fills the buffer to its end; the push is in the library, where no poll sees it.
        let noise = ">1\r\n+abcd\r\n";
        let rest = 16 * 1024 % noise.len();
        let mut bytes = noise.repeat(16 * 1024 / noise.len() - 1);
        let fill = "z".repeat(rest + noise.len() - 11);
        bytes.push_str(&format!(">1\r\n+{fill}\r\n:1\r\n"));
        assert_eq!(bytes.len(), 16 * 1024);
        far.send_unseen(bytes + ">1\r\n+late\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 1);
    });
    notes.until(|note| *note == Note::Pushed(1, "late".into()));
    link.end(BY_USER);
    link.join();
}

#[test]
fn an_end_of_the_stream_is_noticed_while_nobody_calls() {
    let (link, far, notes) = fake::link();
    far.until_armed();
    far.end();
    notes.until_ended();
    link.join();
    // One thread said both, so they have an order.
    let ended = Note::Ended(1, EndReason::EndOfStream.to_string());
    assert_eq!(notes.all(), [Note::Unusable(1), ended]);
}

#[test]
fn an_end_of_the_stream_fails_every_caller_with_the_truth() {
    let (link, far, notes) = fake::link();
    let stream = EndReason::EndOfStream.to_string();
    thread::scope(|scope| {
        let first = scope.spawn(|| link.call(one(b"first\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"first\n");
        far.set_room(3);
        let second = scope.spawn(|| link.call(one(b"second\n"), &patient()));
        far.until_written(3);
        far.until_blocked();
        far.end();
        assert_eq!(
            failure(first.join().unwrap().unwrap()),
            (Some(stream.clone()), 0, 6)
        );
        // The rest waited for room: it never left.
        assert_eq!(
            failure(second.join().unwrap().unwrap()),
            (Some(stream.clone()), 0, 3)
        );
    });
    notes.until_ended();
    link.join();
    assert_eq!(notes.count(&Note::Unusable(1)), 1);
}

#[test]
fn an_end_of_the_stream_is_found_before_a_command_is_written() {
    // The reader thread has not begun, as if it slept: only the caller can notice.
    let (wire, far) = fake::cable(None);
    let link = fake::start(
        1,
        0,
        wire,
        SHORT,
        Routes::of_commands(&Arc::new(fake::Notes::default())),
    );
    let first = patient();
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"x\n"), &first));
        far.line().unwrap();
        far.send(":1\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 1);
    });
    far.end();
    // Also by who sends a command each half of a millisecond.
    let later = first.sent_at(first.sent() + Duration::from_micros(100));
    assert!(
        link.call(one(b"y\n"), &later).is_err(),
        "nothing may be written"
    );
    assert_eq!(far.take(), b"");
    link.join();
}

#[test]
fn a_reply_that_nobody_asked_for_ends_the_link() {
    let (link, far, notes) = fake::link();
    far.until_armed();
    far.send(":1\r\n");
    notes.until_ended();
    link.join();
    let ended = Note::Ended(1, EndReason::Unsolicited.to_string());
    assert_eq!(notes.all(), [Note::Unusable(1), ended]);
}

#[test]
fn a_broken_frame_ends_the_link_after_the_replies_before_it() {
    let (link, far, notes) = fake::link();
    thread::scope(|scope| {
        let first = scope.spawn(|| link.call(one(b"first\n"), &patient()));
        far.line().unwrap();
        let second = scope.spawn(|| link.call(one(b"second\n"), &patient()));
        far.line().unwrap();
        far.send(":1\r\n!!\r\n");
        assert_eq!(value(first.join().unwrap().unwrap()), 1);
        let (reason, got, sent) = failure(second.join().unwrap().unwrap());
        assert!(reason.unwrap().starts_with("the server broke the protocol"));
        assert_eq!((got, sent), (0, 7));
    });
    notes.until_ended();
    link.join();
}

#[test]
fn a_retired_link_answers_what_was_asked_and_closes() {
    let (link, far, notes) = fake::link();
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"x\n"), &patient()));
        far.line().unwrap();
        link.retire();
        assert!(link.is_draining());
        assert!(link.call(one(b"y\n"), &patient()).is_err());
        far.send(":1\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 1);
    });
    far.until_shut();
    assert_eq!(far.take(), b"");
    notes.until_ended();
    link.join();
    let drained = EndReason::Closed(CloseReason::Drained).to_string();
    assert_eq!(notes.all(), [Note::Ended(1, drained)]);
}

#[test]
fn an_idle_link_that_retires_closes_at_once() {
    let (link, far, notes) = fake::link();
    link.retire();
    assert!(far.is_shut());
    notes.until_ended();
    link.join();
}

#[test]
fn closing_if_idle_waits_for_those_who_wait() {
    let (link, far, _notes) = fake::link();
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"x\n"), &patient()));
        far.line().unwrap();
        assert!(!link.close_if_idle(CloseReason::Drained));
        far.send(":1\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 1);
    });
    far.until_shut();
    assert!(link.close_if_idle(CloseReason::Drained));
    link.join();
}

#[test]
fn an_end_tells_everyone_once_why() {
    let (link, far, notes) = fake::link();
    let why = BY_USER.to_string();
    thread::scope(|scope| {
        let first = scope.spawn(|| link.call(one(b"first\n"), &patient()));
        far.line().unwrap();
        let second = scope.spawn(|| link.call(one(b"second\n"), &patient()));
        far.line().unwrap();
        link.end(BY_USER);
        link.end(EndReason::EndOfStream);
        assert_eq!(
            failure(first.join().unwrap().unwrap()),
            (Some(why.clone()), 0, 6)
        );
        assert_eq!(
            failure(second.join().unwrap().unwrap()),
            (Some(why.clone()), 0, 7)
        );
    });
    notes.until_ended();
    link.join();
    // In either order: two threads say so.
    assert_eq!(notes.all().len(), 2);
    assert_eq!(notes.count(&Note::Unusable(1)), 1);
    assert_eq!(notes.count(&Note::Ended(1, why)), 1);
}

/// One that reads and one that sleeps wait longer than `limit`, because a window opens. False: one of them did not.
fn a_window_extends_waits(limit: Duration) -> bool {
    let (link, far, _notes) = fake::link();
    let both = thread::scope(|scope| {
        let reads = scope.spawn(|| link.call(one(b"x\n"), &within(limit)));
        far.until_written(2);
        let parks = scope.spawn(|| link.call(one(b"y\n"), &within(limit)));
        // `None`: the first has given up before the second came.
        let came = far.line().is_some() && far.line().is_some();
        link.relax(crate::clock::now() + Duration::from_secs(20), None);
        if came {
            // A third whose own time is over only after theirs shows that theirs was over.
            let (other, other_far, _) = fake::link();
            other.call(one(b"z\n"), &within(limit + 4 * SHORT)).unwrap();
            other_far.until_shut();
            other.join();
            far.send(":1\r\n:2\r\n");
        }
        [reads, parks].map(|caller| caller.join().unwrap())
    });
    link.end(BY_USER);
    link.join();
    let is_answered = |outcome| matches!(outcome, Ok(Outcome::One(_)));
    both.into_iter().all(is_answered)
}

#[test]
fn a_window_that_opens_meanwhile_extends_a_wait() {
    // On a busy machine the window may open too late for a short limit.
    assert!(LIMITS.into_iter().any(a_window_extends_waits));
}

#[test]
fn a_wait_that_began_in_a_window_ends_soon_after_it() {
    let (link, far, _notes) = fake::link();
    thread::scope(|scope| {
        let reads = scope.spawn(|| link.call(one(b"x\n"), &patient()));
        far.line().unwrap();
        far.until_read();
        let start = crate::clock::now();
        link.relax(start + 4 * SHORT, None);
        let parks = link.call(one(b"y\n"), &within(SHORT)).unwrap();
        assert_eq!(failure(parks).0, None);
        let took = crate::clock::now() - start;
        assert!(took >= 4 * SHORT, "the window did not hold: {took:?}");
        assert!(
            took < Duration::from_secs(10),
            "the relaxed timeout ran on: {took:?}"
        );
        far.send(":1\r\n");
        assert_eq!(value(reads.join().unwrap().unwrap()), 1);
    });
    far.until_shut();
    link.join();
}

/// A route that is defective.
#[derive(Debug)]
struct Defective;

impl Mailbox for Defective {
    fn push(&self, _: &Link, _: Push) {
        panic!("a defect, on purpose");
    }
}

impl Supervisor for Defective {
    fn unusable(&self, _: &Link) {}

    fn ended(&self, _: &Link, _: EndReason) {}
}

#[test]
fn a_reader_thread_that_dies_ends_its_connection_at_once_and_says_why() {
    let (wire, far) = fake::cable(None);
    let link = fake::start(1, 0, wire, SHORT, Routes::of_commands(&Arc::new(Defective)));
    link.open_gate();
    far.until_armed();
    far.send(">1\r\n+NEWS\r\n");
    far.until_shut();
    link.join();
    let reason = link.in_flight.lock().end_reason();
    assert!(
        matches!(reason, EndReason::Closed(CloseReason::ReaderDied)),
        "{reason}"
    );
    // The client lives: what was not sent may be sent again.
    let kind = ErrorKind::Closed(CloseReason::ReaderDied);
    assert!(Error::new(kind, Delivery::NotSent, "").is_safe_to_retry());
    assert!(link.call(one(b"first\n"), &patient()).is_err());
}
