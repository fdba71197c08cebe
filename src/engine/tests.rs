//! The coordinator over a fake connector: what hangs, what is full, and what dies.

#[cfg(feature = "sim")]
mod nodes;

use super::fake::{FakeConnector, Fortune, Works, home};
use super::inbox::{Inbox, Message};
use crate::counters::Counters;
use crate::error::{CloseReason, Delivery, ErrorKind};
use crate::link::Request;
use crate::link::fake::{one, patient};
use crate::pool::Wanted;
use crate::sync::{self, Arc};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long anything may take that must happen.
const SOON: Duration = Duration::from_secs(20);

/// Fails if `body` has not ended soon. A body that hangs is left behind.
#[track_caller]
fn ends<T: Send + 'static>(what: &str, body: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::Builder::new().spawn(move || {
        let _ = sender.send(body());
    });
    let done = receiver.recv_timeout(SOON);
    drop(thread);
    assert!(done.is_ok(), "{what} does not end");
    done.expect("it has ended")
}

/// Claims that the client is closed because a thread has died.
#[track_caller]
fn says_so(works: &Works) {
    let error = works
        .pool
        .checkout(&Wanted::small(512), &patient())
        .expect_err("the client is closed");
    assert_eq!(error.kind(), &ErrorKind::Closed(CloseReason::ThreadDied));
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(
        !error.is_safe_to_retry(),
        "the same client never serves again"
    );
    assert!(works.entries.live().next().is_none());
}

fn away() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7001))
}

#[test]
fn a_coordinator_that_dies_closes_the_client_at_once_and_says_why() {
    // Home announces a move in front of each reply to "1", and does not answer "2".
    let says = |addr: SocketAddr, line: &str| {
        let moving = format!(">4\r\n+MOVING\r\n:1\r\n:2\r\n+{}\r\n", away());
        if addr == home() && line == "1" {
            moving.into_bytes()
        } else {
            Vec::new()
        }
    };
    let connector = FakeConnector::new(|_| Fortune::Succeed, says);
    connector.be_deadly();
    let mut works = Works::start(&connector, 1, 1);
    let link = Arc::clone(
        &works
            .pool
            .checkout(&Wanted::small(512), &patient())
            .expect("a connection")
            .link,
    );
    link.call(one(b"1\n"), &patient()).expect("an answer");
    let coordinator = std::mem::replace(
        &mut works.coordinator,
        sync::spawn("stand-in".to_owned(), || ()).expect("a thread"),
    );
    ends("the coordinator", || coordinator.join()).expect("it has cleaned up");
    says_so(&works);
    assert!(!link.is_open(), "no command waits on it in vain");
    assert!(link.call(one(b"2\n"), &patient()).is_err());
    works.close();
    connector.reap();
}

#[test]
fn a_worker_that_dies_closes_the_client_at_once_and_says_why() {
    let connector = FakeConnector::new(|_| Fortune::Succeed, |_, _| Vec::new());
    let mut works = Works::start(&connector, 1, 2);
    drop(
        works
            .pool
            .checkout(&Wanted::small(512), &patient())
            .expect("a connection"),
    );
    // The last word of a worker, which comes before its time.
    works.inbox.post(Message::WorkerEnded);
    let coordinator = std::mem::replace(
        &mut works.coordinator,
        sync::spawn("stand-in".to_owned(), || ()).expect("a thread"),
    );
    ends("the coordinator", || coordinator.join()).expect("it has cleaned up");
    says_so(&works);
    works.close();
    connector.reap();
}

#[test]
fn what_a_reply_has_shown_is_found_out_although_the_inbox_was_full() {
    let says = |_: SocketAddr, line: &str| match line {
        "1" => b">4\r\n+FAILING_OVER\r\n:1\r\n:2\r\n+1\r\n".to_vec(),
        "2" => b"-READONLY a replica\r\n".to_vec(),
        _ => Vec::new(),
    };
    let connector = FakeConnector::new(|_| Fortune::Succeed, says);
    connector.hold(true);
    let works = Works::start(&connector, 1, 1);
    let link = Arc::clone(
        &works
            .pool
            .checkout(&Wanted::small(512), &patient())
            .expect("a connection")
            .link,
    );
    link.call(one(b"1\n"), &patient()).expect("an answer");
    ends("the wait for the coordinator", {
        let connector = Arc::clone(&connector);
        move || connector.until_held()
    });
    // Nothing is taken out any more, and now there is room for nothing.
    while works.counters.inbox_overflows.read() == 0 {
        works.inbox.post(Message::Look);
    }
    let lost = works.counters.inbox_overflows.read();
    // That reply comes in front of the number itself.
    let two = Request {
        replies: 2,
        ..one(b"2\n")
    };
    link.call(two, &patient()).expect("an answer");
    assert_eq!(works.counters.inbox_overflows.read(), lost + 1);
    connector.hold(false);
    // The master is looked for.
    ends("the look", {
        let connector = Arc::clone(&connector);
        move || connector.until_attempts(2)
    });
    drop(link);
    works.close();
    connector.reap();
}

#[test]
fn a_full_inbox_holds_up_neither_a_question_nor_a_close() {
    // Nobody takes anything out.
    let (sender, receiver) = sync::bounded(2);
    let counters = Arc::new(Counters::default());
    let inbox = Inbox::new(sender, Arc::clone(&counters));
    for _ in 0..3 {
        inbox.post(Message::Look);
    }
    assert_eq!(counters.inbox_overflows.read(), 1);
    let asker = inbox.clone();
    let (reply, answer) = sync::oneshot();
    assert!(ends("a question", move || asker.inspect(reply)));
    let closer = inbox.clone();
    ends("a close", move || closer.close());
    // The coordinator sees both with the next message, whatever that is.
    assert!(inbox.is_closing() && inbox.take_askers().len() == 1);
    assert!(inbox.take_askers().is_empty());
    drop(receiver);
    drop(answer);
}

#[test]
fn who_asks_when_the_coordinator_ends_is_turned_away_at_once() {
    let (sender, _receiver) = sync::bounded(2);
    let inbox = Inbox::new(sender, Arc::default());
    let (reply, answer) = sync::oneshot();
    assert!(inbox.inspect(reply));
    inbox.turn_askers_away();
    // Whoever waits sees that nobody is left who could answer.
    let answered = ends("the wait", move || answer.receive(None));
    assert!(answered.is_err());
    let (reply, _answer) = sync::oneshot();
    assert!(!inbox.inspect(reply));
}
