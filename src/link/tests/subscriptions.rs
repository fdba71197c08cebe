//! Requests that pushes answer instead of replies, on RESP3 and as arrays on RESP2.

use super::{BY_USER, close_window, open_window, over, value};
use crate::link::fake::{self, Far, Note, Notes, one, patient};
use crate::link::{Link, Outcome, Request, Routes, Unaccepted};
use crate::protocol::{Protocol, Value};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// What timeouts become in a window.
const LONG: Duration = Duration::from_secs(20);

const THREE: &[u8] = b"SUBSCRIBE a b c\n";

fn open(protocol: Protocol) -> (Arc<Link>, Far, Arc<Notes>) {
    let (wire, far) = fake::cable(None);
    let notes = Arc::new(Notes::default());
    let link = fake::start_as(protocol, 1, 0, wire, LONG, Routes::of_commands(&notes));
    link.open_gate();
    (link, far, notes)
}

fn subscribe(link: &Link, replies: usize) -> Result<Outcome, Unaccepted> {
    let request = Request {
        parts: THREE.into(),
        replies,
    };
    link.call_confirmed(request, b"subscribe", &patient())
}

fn confirmation(sign: char, kind: &str, channel: char) -> String {
    format!(
        "{sign}3\r\n${}\r\n{kind}\r\n$1\r\n{channel}\r\n:1\r\n",
        kind.len()
    )
}

fn message(sign: char) -> String {
    format!("{sign}3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n")
}

/// What was pushed so far, without the rest.
fn pushed(notes: &Notes) -> Vec<String> {
    let kind = |note| match note {
        Note::Pushed(_, kind) => Some(kind),
        _ => None,
    };
    notes.all().into_iter().filter_map(kind).collect()
}

/// A subscription and a command behind it, answered by this stream, which is cut at every place.
fn answered_by(protocol: Protocol, stream: &str, kinds: &[&str]) {
    for at in 0..=stream.len() {
        let (first, second) = stream.split_at(at);
        let (link, far, notes) = open(protocol);
        thread::scope(|scope| {
            let subscribed = scope.spawn(|| {
                let outcome = subscribe(&link, 3);
                // Whoever has asked finds that the route has heard of it.
                (outcome, pushed(&notes).len())
            });
            assert_eq!(far.line().unwrap(), THREE);
            let behind = scope.spawn(|| link.call(one(b"b\n"), &patient()));
            assert_eq!(far.line().unwrap(), b"b\n");
            far.send(first);
            far.until_consumed();
            far.send(second);
            let (outcome, heard) = subscribed.join().unwrap();
            assert!(matches!(outcome, Ok(Outcome::Many(replies)) if replies.is_empty()));
            assert!(heard >= 3, "cut at {at}");
            assert_eq!(value(behind.join().unwrap().unwrap()), 7);
        });
        // The last of them nobody waits for.
        notes.until(|note| matches!(note, Note::Pushed(_, kind) if kind == "smessage"));
        link.end(BY_USER);
        link.join();
        assert_eq!(pushed(&notes), kinds, "cut at {at}");
    }
}

/// Confirmations with a message among them, and the reply of the command behind.
fn stream(sign: char) -> String {
    let [a, b, c] = ['a', 'b', 'c'].map(|channel| confirmation(sign, "subscribe", channel));
    let last = "3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$1\r\nm\r\n";
    format!("{a}{}{b}{c}:7\r\n{sign}{last}", message(sign))
}

const KINDS: &[&str] = &["subscribe", "message", "subscribe", "subscribe", "smessage"];

#[test]
fn pushes_answer_a_subscription_and_are_handed_on_wherever_the_stream_is_cut() {
    answered_by(Protocol::Resp3, &stream('>'), KINDS);
}

#[test]
fn arrays_answer_a_subscription_with_resp2_wherever_the_stream_is_cut() {
    answered_by(Protocol::Resp2, &stream('*'), KINDS);
}

#[test]
fn one_error_answers_a_subscription_to_several_channels() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let (link, far, notes) = open(protocol);
        thread::scope(|scope| {
            let subscribed = scope.spawn(|| subscribe(&link, 3));
            assert_eq!(far.line().unwrap(), THREE);
            let behind = scope.spawn(|| link.call(one(b"b\n"), &patient()));
            assert_eq!(far.line().unwrap(), b"b\n");
            far.send("-NOPERM no\r\n:2\r\n");
            let outcome = subscribed.join().unwrap().unwrap();
            assert!(
                matches!(&outcome, Outcome::One(Value::Error(error)) if error.code() == "NOPERM")
            );
            assert_eq!(value(behind.join().unwrap().unwrap()), 2);
        });
        assert!(link.is_open());
        link.end(BY_USER);
        link.join();
        assert_eq!(pushed(&notes), [""; 0]);
    }
}

#[test]
fn one_reply_is_never_the_confirmation_of_one_channel() {
    let (link, far, _notes) = open(Protocol::Resp3);
    thread::scope(|scope| {
        let subscribed = scope.spawn(|| subscribe(&link, 1));
        assert_eq!(far.line().unwrap(), THREE);
        let behind = scope.spawn(|| link.call(one(b"b\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"b\n");
        far.send(confirmation('>', "subscribe", 'a') + ":3\r\n");
        let outcome = subscribed.join().unwrap().unwrap();
        assert!(matches!(outcome, Outcome::Many(_)), "{outcome:?}");
        assert_eq!(value(behind.join().unwrap().unwrap()), 3);
    });
    link.end(BY_USER);
    link.join();
}

#[test]
fn what_the_server_confirms_unasked_answers_nobody() {
    let (link, far, notes) = open(Protocol::Resp3);
    thread::scope(|scope| {
        let subscribed = scope.spawn(|| subscribe(&link, 2));
        assert_eq!(far.line().unwrap(), THREE);
        // As servers do to shard channels whose slot has moved.
        far.send(confirmation('>', "sunsubscribe", 'x'));
        far.send(confirmation('>', "subscribe", 'a'));
        far.send(confirmation('>', "sunsubscribe", 'y'));
        far.send(confirmation('>', "subscribe", 'b'));
        let outcome = subscribed.join().unwrap().unwrap();
        assert!(matches!(outcome, Outcome::Many(_)), "{outcome:?}");
    });
    // With nothing asked it ends no link either.
    far.send(confirmation('>', "unsubscribe", 'c'));
    notes.until(|note| matches!(note, Note::Pushed(_, kind) if kind == "unsubscribe"));
    assert!(link.is_open());
    link.end(BY_USER);
    link.join();
    let kinds = [
        "sunsubscribe",
        "subscribe",
        "sunsubscribe",
        "subscribe",
        "unsubscribe",
    ];
    assert_eq!(pushed(&notes), kinds);
}

#[test]
fn late_confirmations_reach_nobody_and_shift_no_reply() {
    let (link, far, notes) = open(Protocol::Resp3);
    let request = Request {
        parts: THREE.into(),
        replies: 3,
    };
    open_window(&link);
    thread::scope(|scope| {
        let subscribed = scope.spawn(|| link.call_confirmed(request, b"subscribe", &over()));
        assert_eq!(far.line().unwrap(), THREE);
        far.until_read();
        // The link is alive, so that it serves on; one confirmation never counts for three.
        far.send(confirmation('>', "subscribe", 'a'));
        far.until_consumed();
        close_window(&link);
        let outcome = subscribed.join().unwrap().unwrap();
        let Outcome::Failed(failure) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(failure.reason.is_none() && failure.sent == THREE.len() as u64);
        assert!(link.is_open(), "it has said something");
        let behind = scope.spawn(|| link.call(one(b"b\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"b\n");
        far.send(confirmation('>', "subscribe", 'b') + &confirmation('>', "subscribe", 'c'));
        far.send(":5\r\n");
        assert_eq!(value(behind.join().unwrap().unwrap()), 5);
        assert_eq!(pushed(&notes), ["subscribe"; 3]);
    });
    link.end(BY_USER);
    link.join();
}

#[test]
fn an_array_is_a_reply_on_a_link_that_has_not_subscribed() {
    let (link, far, notes) = open(Protocol::Resp2);
    thread::scope(|scope| {
        let caller = scope.spawn(|| link.call(one(b"LRANGE\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"LRANGE\n");
        far.send(message('*'));
        let outcome = caller.join().unwrap().unwrap();
        let is_list = |value: &Value| value.as_items().is_some_and(|items| items.len() == 3);
        assert!(
            matches!(&outcome, Outcome::One(value) if is_list(value)),
            "{outcome:?}"
        );
    });
    link.end(BY_USER);
    link.join();
    assert_eq!(pushed(&notes), [""; 0]);
}

#[test]
fn a_pong_is_a_reply_and_what_is_inside_of_an_array_no_message() {
    let (link, far, notes) = open(Protocol::Resp2);
    thread::scope(|scope| {
        let subscribed = scope.spawn(|| subscribe(&link, 1));
        assert_eq!(far.line().unwrap(), THREE);
        far.send(confirmation('*', "subscribe", 'a'));
        subscribed.join().unwrap().unwrap();
        for answer in [
            "*2\r\n$4\r\npong\r\n$0\r\n\r\n".to_owned(),
            format!("*1\r\n{}", message('*')),
        ] {
            let caller = scope.spawn(|| link.call(one(b"PING\n"), &patient()));
            assert_eq!(far.line().unwrap(), b"PING\n");
            far.send(answer);
            let outcome = caller.join().unwrap().unwrap();
            assert!(
                matches!(outcome, Outcome::One(Value::Array(_))),
                "{outcome:?}"
            );
        }
    });
    link.end(BY_USER);
    link.join();
    assert_eq!(pushed(&notes), ["subscribe"]);
}
