//! A caller that gives up on a connection that lives: what becomes of the connection, and of those who come next.

use super::{BY_USER, SHORT, close_window, close_window_for, open_window, over, value};
use crate::link::fake::{self, Far, Note, Notes, one, patient};
use crate::link::{EndReason, Failure, Link, Mailbox, Outcome, Request, Routes, Supervisor};
use crate::protocol::Push;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// Whether the caller gave up, because its time was over.
fn gave_up(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Failed(failure) => {
            let Failure { reason, .. } = *failure;
            reason.is_none()
        }
        _ => false,
    }
}

/// Lets a caller give up whose connection has said something meanwhile.
fn abandon_one(link: &Link, far: &Far) {
    open_window(link);
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"late\n"), &over()));
        assert_eq!(far.line().unwrap(), b"late\n");
        // The caller itself reads what comes: what another has read, it may not have counted yet.
        far.until_read();
        far.send(">1\r\n+noise\r\n");
        far.until_consumed();
        close_window(link);
        assert!(gave_up(call.join().unwrap().unwrap()));
    });
    assert!(link.is_open(), "it has said something");
}

#[test]
fn the_reply_that_nobody_wants_reaches_nobody_whoever_comes_next() {
    let (link, far, notes) = fake::link();
    for count in 1..4 {
        (0..count).for_each(|_| abandon_one(&link, &far));
        thread::scope(|scope| {
            let call = scope.spawn(|| link.call(one(b"x\n"), &patient()));
            assert_eq!(far.line().unwrap(), b"x\n");
            far.send(":-1\r\n".repeat(count));
            far.until_consumed();
            far.send(":7\r\n");
            assert_eq!(value(call.join().unwrap().unwrap()), 7);
        });
    }
    assert_eq!(notes.count(&Note::Unusable(1)), 0);
    link.end(BY_USER);
    link.join();
}

#[test]
fn an_end_of_the_stream_is_found_behind_a_reply_that_nobody_wants() {
    // The reader thread has not begun, as if it slept: only the caller can notice.
    let (wire, far) = fake::cable(None);
    let routes = Routes::of_commands(&Arc::new(Notes::default()));
    let link = fake::start(1, 0, wire, Duration::from_secs(20), routes);
    abandon_one(&link, &far);
    far.end();
    let later = patient();
    let later = later.sent_at(later.sent() + SHORT);
    assert!(
        link.call(one(b"y\n"), &later).is_err(),
        "nothing may be written"
    );
    assert_eq!(far.take(), b"");
    link.join();
}

#[test]
fn a_link_on_which_only_a_reply_is_open_that_nobody_wants_is_asked_whether_it_lives() {
    let (link, far, notes) = fake::link();
    abandon_one(&link, &far);
    let probe = link.probe().expect("nobody waits");
    assert!(link.probe().is_none(), "one at a time");
    far.line().unwrap();
    far.send(":1\r\n+PONG\r\n");
    far.until_consumed();
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"x\n"), &patient()));
        while far.line().unwrap() != b"x\n" {}
        far.send(":2\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 2);
    });
    link.end_probe(probe);
    assert!(link.is_open());
    abandon_one(&link, &far);
    let probe = link.probe().expect("nobody waits");
    link.end_probe(probe);
    notes.until_ended();
    link.join();
}

/// Takes pushes slowly, as a thread does that gets no turn: stays in each until it is let go.
#[derive(Debug)]
struct Slow {
    came: Mutex<mpsc::Sender<()>>,
    go: Mutex<mpsc::Receiver<()>>,
}

impl Mailbox for Slow {
    fn push(&self, _: &Link, _: Push) {
        let came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = came.send(());
        let go = self.go.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = go.recv();
    }
}

impl Supervisor for Slow {
    fn unusable(&self, _: &Link) {}

    fn ended(&self, _: &Link, _: EndReason) {}
}

/// A link whose reading caller is held up by a push, and what tells so and lets it go.
fn slow_link() -> (Arc<Link>, Far, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (came, comes) = mpsc::channel();
    let (goes, go) = mpsc::channel();
    let slow = Arc::new(Slow {
        came: Mutex::new(came),
        go: Mutex::new(go),
    });
    let (wire, far) = fake::cable(None);
    let routes = Routes::of_commands(&slow);
    let link = fake::start(1, 0, wire, Duration::from_secs(20), routes);
    (link, far, comes, goes)
}

#[test]
fn who_times_out_while_what_has_arrived_lies_unread_leaves_the_link_to_others() {
    let (link, far, comes, goes) = slow_link();
    open_window(&link);
    thread::scope(|scope| {
        let goes = goes;
        let first = scope.spawn(|| link.call(one(b"first\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"first\n");
        far.send(">1\r\n+noise\r\n");
        comes.recv().unwrap();
        // The caller that reads is held up from here on.
        let second = scope.spawn(|| link.call(one(b"second\n"), &over()));
        assert_eq!(far.line().unwrap(), b"second\n");
        far.send(":1\r\n");
        close_window_for(&link, &second);
        assert!(gave_up(second.join().unwrap().unwrap()));
        assert!(link.is_open(), "the server has answered");
        goes.send(()).unwrap();
        assert_eq!(value(first.join().unwrap().unwrap()), 1);
        let third = scope.spawn(|| link.call(one(b"third\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"third\n");
        far.send(":2\r\n:3\r\n");
        assert_eq!(value(third.join().unwrap().unwrap()), 3);
    });
    link.end(BY_USER);
    link.join();
}

#[test]
fn a_reply_that_lies_there_when_the_time_is_over_is_a_reply() {
    let (link, far, comes, goes) = slow_link();
    open_window(&link);
    thread::scope(|scope| {
        let goes = goes;
        let call = scope.spawn(|| link.call(one(b"x\n"), &over()));
        assert_eq!(far.line().unwrap(), b"x\n");
        far.send(">1\r\n+noise\r\n");
        comes.recv().unwrap();
        far.send(":1\r\n");
        close_window(&link);
        goes.send(()).unwrap();
        assert_eq!(value(call.join().unwrap().unwrap()), 1);
    });
    assert!(link.is_open());
    link.end(BY_USER);
    link.join();
}

#[test]
fn an_error_of_the_connection_that_a_caller_finds_when_it_gives_up_is_named() {
    let (link, far, comes, goes) = slow_link();
    open_window(&link);
    thread::scope(|scope| {
        let goes = goes;
        let first = scope.spawn(|| link.call(one(b"first\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"first\n");
        far.send(">1\r\n+noise\r\n");
        comes.recv().unwrap();
        let second = scope.spawn(|| link.call(one(b"second\n"), &over()));
        assert_eq!(far.line().unwrap(), b"second\n");
        far.break_off_unseen(std::io::ErrorKind::TimedOut);
        close_window_for(&link, &second);
        let told = |outcome| match outcome {
            Outcome::Failed(failure) => {
                let Failure { reason, .. } = *failure;
                matches!(reason, Some(EndReason::Io(_)))
            }
            _ => false,
        };
        assert!(told(second.join().unwrap().unwrap()));
        goes.send(()).unwrap();
        assert!(told(first.join().unwrap().unwrap()));
    });
    link.join();
}

#[test]
fn a_pipeline_that_is_given_up_in_the_middle_is_counted_off() {
    let (link, far, _) = fake::link();
    open_window(&link);
    let request = Request {
        parts: b"a\nb\nc\n"[..].into(),
        replies: 3,
    };
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(request, &over()));
        assert_eq!(far.receive(6), b"a\nb\nc\n");
        far.until_read();
        far.send(":1\r\n");
        far.until_consumed();
        close_window(&link);
        match call.join().unwrap().unwrap() {
            Outcome::Failed(failure) => {
                let Failure { reason, got, sent } = *failure;
                assert!(reason.is_none());
                assert_eq!((got.len(), sent), (1, 6));
            }
            other => panic!("no failure: {other:?}"),
        }
        assert!(link.is_open());
        let call = scope.spawn(|| link.call(one(b"x\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"x\n");
        far.send(":2\r\n:3\r\n:4\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 4);
    });
    link.end(BY_USER);
    link.join();
}
