//! The write role: partial writes, blocked writers, and the truth about what has left.

use super::{BY_USER, LIMITS, SHORT, close_window, open_window, over, until_asked, value};
use crate::clock;
use crate::link::fake::{self, one, patient, within};
use crate::link::{Outcome, Parts, Request};
use crate::protocol::Value;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

fn sent(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Failed(failure) if failure.reason.is_none() => failure.sent,
        other => panic!("no timeout: {other:?}"),
    }
}

#[test]
fn a_request_that_never_left_is_withdrawn_and_costs_nobody_the_link() {
    let (link, far, notes) = fake::link();
    far.set_room(2);
    thread::scope(|scope| {
        let first = scope.spawn(|| link.call(one(b"first\n"), &patient()));
        far.until_blocked();
        // Its bytes wait behind those of the first, which the server does not take.
        let second = link.call(one(b"second\n"), &within(SHORT)).unwrap();
        assert_eq!(sent(second), 0);
        assert!(link.is_open());
        far.set_room(usize::MAX);
        assert_eq!(far.line().unwrap(), b"first\n");
        far.send(":1\r\n");
        assert_eq!(value(first.join().unwrap().unwrap()), 1);
        // What was said not to have been sent must not be sent later.
        let third = scope.spawn(|| link.call(one(b"third\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"third\n");
        far.send(":3\r\n");
        assert_eq!(value(third.join().unwrap().unwrap()), 3);
    });
    assert_eq!(notes.all(), []);
    link.end(BY_USER);
    link.join();
}

#[test]
fn a_request_whose_rest_another_writer_sends_counts_as_sent() {
    let (link, far, _notes) = fake::link();
    far.set_room(3);
    open_window(&link);
    thread::scope(|scope| {
        let first = scope.spawn(|| link.call(one(b"first\n"), &over()));
        far.until_blocked();
        let second = scope.spawn(|| link.call(one(b"second\n"), &patient()));
        until_asked(&link, 2);
        close_window(&link);
        let first = sent(first.join().unwrap().unwrap());
        far.set_room(usize::MAX);
        let line = far.line().unwrap();
        let arrived = line == b"first\n";
        assert_eq!(
            first == 6,
            arrived,
            "reported {first} sent bytes; the server has {line:?}"
        );
        assert_eq!(far.line().unwrap(), b"second\n");
        far.send(":1\r\n:2\r\n");
        assert_eq!(value(second.join().unwrap().unwrap()), 2);
    });
    far.until_shut();
    link.join();
}

#[test]
fn a_write_that_nobody_goes_on_with_ends_the_link() {
    let (link, far, notes) = fake::link();
    far.set_room(3);
    assert_eq!(sent(link.call(one(b"first\n"), &within(SHORT)).unwrap()), 3);
    far.set_room(usize::MAX);
    far.until_shut();
    assert_eq!(far.take(), b"fir");
    notes.until_ended();
    link.join();
}

#[test]
fn another_caller_takes_up_what_a_writer_left_behind() {
    let (link, far, _notes) = fake::link();
    far.set_room(3);
    open_window(&link);
    thread::scope(|scope| {
        let first = scope.spawn(|| link.call(one(b"first\n"), &over()));
        far.until_blocked();
        let second = scope.spawn(|| link.call(one(b"second\n"), &patient()));
        // Nobody else is left to write when the time of the first is over.
        until_asked(&link, 2);
        close_window(&link);
        first.join().unwrap().unwrap();
        far.set_room(usize::MAX);
        far.line().unwrap();
        assert_eq!(far.line().unwrap(), b"second\n");
        far.send(":1\r\n:2\r\n");
        assert_eq!(value(second.join().unwrap().unwrap()), 2);
    });
    far.until_shut();
    link.join();
}

#[test]
fn a_writer_whose_reply_has_come_does_not_stay_for_the_bytes_of_others() {
    let (link, far, _notes) = fake::link();
    far.set_room(3);
    let (told, tell) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| told.send(link.call(one(b"first\n"), &patient()).unwrap()));
        far.until_blocked();
        let second = scope.spawn(|| {
            let long = [b'x'; 1000];
            link.call(
                Request {
                    parts: Parts::new(&long, &[b"\n"]),
                    replies: 1,
                },
                &patient(),
            )
        });
        until_asked(&link, 2);
        // The first goes on with the bytes of the second, as it found them queued.
        far.set_room(100);
        assert_eq!(far.line().unwrap(), b"first\n");
        far.until_written(90);
        far.until_blocked();
        far.send(":1\r\n");
        let first = tell.recv_timeout(Duration::from_secs(20));
        far.set_room(usize::MAX);
        assert_eq!(far.line().unwrap().len(), 1001);
        far.send(":2\r\n");
        assert_eq!(value(second.join().unwrap().unwrap()), 2);
        assert_eq!(
            value(first.expect("the reply, before the bytes of the second have left")),
            1
        );
    });
    link.end(BY_USER);
    link.join();
}

/// A writer waits for room longer than `limit`, because a window opens. False: it did not.
fn a_window_extends_a_wait_for_room(limit: Duration) -> bool {
    let (link, far, _notes) = fake::link();
    far.set_room(3);
    let outcome = thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"first\n"), &within(limit)));
        far.until_written(3);
        link.relax(clock::now() + Duration::from_secs(20), None);
        // Another that began later and gave up with the same patience shows that its time was over.
        let (other, other_far, _) = fake::link();
        other_far.set_room(3);
        let gave_up = other.call(one(b"other\n"), &within(limit)).unwrap();
        assert_eq!(sent(gave_up), 3);
        other.join();
        assert_eq!(far.take(), b"fir", "it has not gone on by itself");
        far.set_room(usize::MAX);
        // `None`: the first had given up before the window opened.
        if let Some(rest) = far.line() {
            assert_eq!(rest, b"st\n");
            far.send(":1\r\n");
        }
        call.join().unwrap().unwrap()
    });
    link.end(BY_USER);
    link.join();
    matches!(outcome, Outcome::One(Value::Int(1)))
}

#[test]
fn a_window_that_opens_meanwhile_extends_a_wait_for_room() {
    // On a busy machine the window may open too late for a short limit.
    assert!(LIMITS.into_iter().any(a_window_extends_a_wait_for_room));
}

#[test]
fn both_directions_full_is_no_deadlock() {
    let (link, far, _notes) = fake::link();
    far.set_room(64);
    let lines = 2000;
    thread::scope(|scope| {
        let bytes = b"0123456789\n".repeat(lines);
        let link = &link;
        let call = scope.spawn(move || {
            let request = Request {
                parts: bytes[..].into(),
                replies: lines,
            };
            link.call(request, &patient())
        });
        for id in 0..lines {
            assert_eq!(far.line().unwrap(), b"0123456789\n");
            far.send(format!(":{id}\r\n"));
            // The server stops taking until the client has read: nobody but the reader thread can.
            far.until_consumed();
        }
        match call.join().unwrap().unwrap() {
            Outcome::Many(values) => {
                assert_eq!(values.len(), lines);
                let right = |(id, value)| value == &Value::Int(i64::try_from(id).unwrap());
                assert!(values.iter().enumerate().all(right));
            }
            other => panic!("{other:?}"),
        }
    });
    link.end(BY_USER);
    link.join();
}
