//! Pushes among replies: each is handed on after the replies in front of it and before those behind it,
//! and to the route of its kind.

use super::{BY_USER, SHORT, value};
use crate::link::fake::{self, Far, Notes, one, patient};
use crate::link::probe::PING;
use crate::link::{EndReason, Link, Mailbox, Outcome, Routes, Supervisor, Ticket};
use crate::protocol::{Push, Value};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// Reports each push, and how many callers had no reply when it was handed on.
struct Order(Mutex<mpsc::Sender<(String, usize)>>);

impl Mailbox for Order {
    fn push(&self, link: &Link, push: Push) {
        let kind = String::from_utf8(push.kind).unwrap();
        let live = link.in_flight.lock().live();
        self.0.lock().unwrap().send((kind, live)).unwrap();
    }
}

fn order() -> (Arc<Order>, mpsc::Receiver<(String, usize)>) {
    let (sender, seen) = mpsc::channel();
    (Arc::new(Order(Mutex::new(sender))), seen)
}

/// Routes of which the one for maintenance reports to the test.
fn routes(maintenance: Arc<Order>) -> Routes {
    Routes {
        maintenance,
        ..Routes::of_commands(&Arc::new(Notes::default()))
    }
}

fn open(routes: Routes) -> (Arc<Link>, Far) {
    let (wire, far) = fake::cable(None);
    let link = fake::start(1, 0, wire, SHORT, routes);
    link.open_gate();
    (link, far)
}

fn next(seen: &mpsc::Receiver<(String, usize)>) -> (String, usize) {
    seen.recv_timeout(PATIENCE).expect("a push")
}

/// Two callers are answered, and pushes come in between, in two segments.
fn pushes_among_replies(first: &str, second: &str, pushes: &[(&str, usize)]) {
    let (order, seen) = order();
    let (link, far) = open(routes(order));
    thread::scope(|scope| {
        let a = scope.spawn(|| link.call(one(b"a\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"a\n");
        let b = scope.spawn(|| link.call(one(b"b\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"b\n");
        far.send(first);
        far.until_consumed();
        far.send(second);
        assert_eq!(value(a.join().unwrap().unwrap()), 1);
        assert_eq!(value(b.join().unwrap().unwrap()), 2);
        for (kind, live) in pushes {
            assert_eq!(
                next(&seen),
                ((*kind).to_owned(), *live),
                "{first:?} {second:?}"
            );
        }
    });
    assert!(link.is_open());
    link.end(BY_USER);
    link.join();
    assert!(seen.try_recv().is_err(), "no push is handed on twice");
}

#[test]
fn pushes_and_replies_keep_the_order_of_the_wire_wherever_a_segment_ends() {
    let streams: [(&str, &[(&str, usize)]); 4] = [
        (":1\r\n>1\r\n+between\r\n:2\r\n", &[("between", 1)]),
        (">1\r\n+first\r\n:1\r\n:2\r\n", &[("first", 2)]),
        (":1\r\n:2\r\n>1\r\n+last\r\n", &[("last", 0)]),
        (
            ">1\r\n+x\r\n:1\r\n>1\r\n+y\r\n>1\r\n+z\r\n:2\r\n>1\r\n+w\r\n",
            &[("x", 2), ("y", 1), ("z", 1), ("w", 0)],
        ),
    ];
    for (stream, pushes) in streams {
        for at in 0..stream.len() {
            let (first, second) = stream.split_at(at);
            pushes_among_replies(first, second, pushes);
        }
    }
}

/// Reports replies to requests of the client itself in the queue of the pushes.
struct Answers(Arc<Order>);

impl Supervisor for Answers {
    fn answered(&self, link: &Link, _: Ticket, outcome: Outcome) {
        let live = link.in_flight.lock().live();
        let kind = format!("{outcome:?}");
        self.0.0.lock().unwrap().send((kind, live)).unwrap();
    }

    fn unusable(&self, _: &Link) {}

    fn ended(&self, _: &Link, _: EndReason) {}
}

#[test]
fn replies_to_the_client_itself_keep_their_place_among_pushes_and_replies() {
    let stream = ">1\r\n+x\r\n+PONG\r\n>1\r\n+y\r\n:1\r\n>1\r\n+z\r\n";
    for at in 0..stream.len() {
        let (order, seen) = order();
        let (link, far) = open(Routes {
            supervisor: Arc::new(Answers(Arc::clone(&order))),
            ..routes(order)
        });
        link.probe().expect("the link is idle");
        assert_eq!(far.receive(PING.len()), PING);
        thread::scope(|scope| {
            let call = scope.spawn(|| link.call(one(b"a\n"), &patient()));
            assert_eq!(far.line().unwrap(), b"a\n");
            let (first, second) = stream.split_at(at);
            far.send(first);
            far.until_consumed();
            far.send(second);
            assert_eq!(value(call.join().unwrap().unwrap()), 1);
            let pong = format!("{:?}", Outcome::One(Value::Simple("PONG".into())));
            for (kind, live) in [("x", 1), (&*pong, 1), ("y", 1), ("z", 0)] {
                assert_eq!(next(&seen), (kind.to_owned(), live), "{first:?} {second:?}");
            }
        });
        link.end(BY_USER);
        link.join();
    }
}

#[test]
fn a_push_behind_the_last_reply_of_a_replaced_connection_is_handed_on_before_its_end() {
    let (order, seen) = order();
    let notes = Arc::new(Notes::default());
    let (link, far) = open(Routes {
        maintenance: order,
        ..Routes::of_commands(&notes)
    });
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(one(b"a\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"a\n");
        link.retire();
        far.send(":1\r\n>1\r\n+late\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 1);
    });
    notes.until_ended();
    assert_eq!(seen.try_recv().unwrap(), ("late".to_owned(), 0));
    link.join();
}

#[test]
fn a_reply_that_nobody_asked_for_ends_the_connection_before_the_push_behind_it() {
    let (order, seen) = order();
    let (link, far) = open(routes(order));
    far.send(">1\r\n+before\r\n:1\r\n>1\r\n+behind\r\n");
    far.until_shut();
    link.join();
    assert_eq!(next(&seen), ("before".to_owned(), 0));
    assert!(seen.try_recv().is_err());
}

#[test]
fn each_kind_of_push_has_its_route_and_maintenance_takes_the_rest() {
    let kinds = ["message", "ssubscribe", "invalidate", "MOVING", "news"];
    let pushes: String = kinds.map(|kind| format!(">1\r\n+{kind}\r\n")).concat();
    let (maintenance, rest) = order();
    let (messages, said) = order();
    let (invalidations, changed) = order();
    let mut routes = routes(maintenance);
    let (link, far) = open(routes.clone());
    far.send(&*pushes);
    for kind in kinds {
        assert_eq!(next(&rest).0, kind, "nobody else takes it");
    }
    link.end(BY_USER);
    link.join();
    routes.messages = Some(messages);
    routes.invalidations = Some(invalidations);
    let (link, far) = open(routes);
    far.send(&*pushes);
    assert_eq!([next(&said).0, next(&said).0], kinds[..2]);
    assert_eq!(next(&changed).0, kinds[2]);
    assert_eq!([next(&rest).0, next(&rest).0], kinds[3..]);
    link.end(BY_USER);
    link.join();
}
