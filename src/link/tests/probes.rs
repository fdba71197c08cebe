//! The PING that finds out whether an idle link is alive: answered or not, alone or with callers behind it.

use super::{BY_USER, SHORT, value};
use crate::clock;
use crate::error::CloseReason;
use crate::link::fake::{self, Note, one, patient, within};
use crate::link::probe::PING;
use crate::link::{EndReason, Failure, Outcome};
use std::thread;
use std::time::Duration;

fn condemned() -> Note {
    Note::Ended(1, EndReason::Closed(CloseReason::Condemned).to_string())
}

#[test]
fn an_answered_ping_changes_nothing() {
    let (link, far, notes) = fake::link();
    let probe = link.probe().expect("the link is idle");
    assert_eq!(far.receive(PING.len()), PING);
    far.send("+PONG\r\n");
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"x\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"x\n");
        far.send(":1\r\n");
        // Its own reply, not that of the PING.
        assert_eq!(value(call.join().unwrap().unwrap()), 1);
    });
    link.end_probe(probe);
    assert!(link.is_open());
    assert_eq!(notes.all(), []);
    link.end(BY_USER);
    link.join();
}

#[test]
fn the_reader_thread_takes_the_answer_when_nobody_calls() {
    let (link, far, notes) = fake::link();
    let first = link.probe().expect("the link is idle");
    assert_eq!(far.receive(PING.len()), PING);
    far.send("+PONG\r\n");
    // A second one goes out as soon as the first is answered.
    let deadline = clock::now() + Duration::from_secs(20);
    let second = loop {
        if let Some(second) = link.probe() {
            break second;
        }
        assert!(clock::now() < deadline, "the first is never answered");
        thread::yield_now();
    };
    link.end_probe(first);
    assert!(link.is_open());
    link.end_probe(second);
    notes.until_ended();
    assert_eq!(notes.count(&condemned()), 1);
    link.join();
}

#[test]
fn an_unanswered_ping_that_nobody_waits_behind_ends_the_link() {
    let (link, far, notes) = fake::link();
    let probe = link.probe().expect("the link is idle");
    link.end_probe(probe);
    far.until_shut();
    notes.until_ended();
    link.join();
    assert!(link.call(one(b"x\n"), &patient()).is_err());
    assert_eq!(far.take(), PING);
    // In either order: two threads say so.
    assert_eq!(notes.all().len(), 2);
    assert_eq!(notes.count(&Note::Unusable(1)), 1);
    assert_eq!(notes.count(&condemned()), 1);
    link.end_probe(probe);
    assert_eq!(notes.all().len(), 2);
}

#[test]
fn a_caller_behind_an_unanswered_ping_may_still_be_answered() {
    let (link, far, notes) = fake::link();
    let probe = link.probe().expect("the link is idle");
    assert_eq!(far.receive(PING.len()), PING);
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"x\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"x\n");
        link.end_probe(probe);
        assert_eq!(notes.all(), [Note::Unusable(1)]);
        assert!(link.call(one(b"y\n"), &patient()).is_err());
        assert!(!far.is_shut());
        far.send("+PONG\r\n:1\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 1);
    });
    far.until_shut();
    assert_eq!(far.take(), b"");
    notes.until_ended();
    link.join();
    assert_eq!(notes.count(&Note::Unusable(1)), 1);
    assert_eq!(notes.count(&condemned()), 1);
}

#[test]
fn a_caller_behind_an_unanswered_ping_keeps_its_own_time() {
    let (link, far, notes) = fake::link();
    let probe = link.probe().expect("the link is idle");
    assert_eq!(far.receive(PING.len()), PING);
    let time = 30 * SHORT;
    let start = clock::now();
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"x\n"), &within(time)));
        assert_eq!(far.line().unwrap(), b"x\n");
        link.end_probe(probe);
        match call.join().unwrap().unwrap() {
            Outcome::Failed(failure) => {
                let Failure { reason, got, sent } = *failure;
                assert!(reason.is_none(), "not its time was over: {reason:?}");
                assert_eq!((got.len(), sent), (0, 2));
            }
            other => panic!("no failure: {other:?}"),
        }
        assert!(clock::now() - start >= time);
    });
    far.until_shut();
    notes.until_ended();
    link.join();
    assert_eq!(notes.count(&Note::Unusable(1)), 1);
    assert_eq!(notes.count(&condemned()), 1);
}

#[test]
fn a_ping_that_the_socket_does_not_take_is_sent_with_the_next_command() {
    let (link, far, notes) = fake::link();
    far.set_room(3);
    let probe = link.probe().expect("the link is idle");
    far.until_written(3);
    far.set_room(usize::MAX);
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"x\n"), &patient()));
        assert_eq!(far.receive(PING.len() + 2), [PING, b"x\n"].concat());
        far.send("+PONG\r\n:1\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 1);
    });
    link.end_probe(probe);
    assert!(link.is_open());
    assert_eq!(notes.all(), []);
    link.end(BY_USER);
    link.join();
}

#[test]
fn a_busy_link_is_not_asked() {
    let (link, far, notes) = fake::link();
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"x\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"x\n");
        assert!(link.probe().is_none());
        assert_eq!(far.take(), b"");
        far.send(":1\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 1);
    });
    assert_eq!(notes.all(), []);
    link.end(BY_USER);
    link.join();
    assert!(link.probe().is_none(), "nor is one that has ended");
}
