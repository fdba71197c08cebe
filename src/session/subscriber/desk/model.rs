//! A seam under many thread schedules: against the loss of either connection, a stop, and whoever takes messages.

use super::{Desk, ENDED, End};
use crate::clock;
use crate::counters::Counters;
use crate::handoff::later;
use crate::ids::EntryId;
use crate::link::fake::{self, Far, forever, one};
use crate::link::model::{explore, rarely};
use crate::link::{EndReason, Link, Mailbox, Routes, Supervisor};
use crate::pool::{Entries, Tenant as _};
use crate::protocol::Push;
use crate::session::subscriber::message::{SubscriberEvent, SubscriptionKind};
use crate::session::subscriber::options::SubscriberOptions;
use crate::session::subscriber::wanted::batches;
use crate::sync::{Arc, Ranked};
use shuttle::thread::{self, JoinHandle};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const ENTRY: EntryId = EntryId::new(1);

/// Published last, when nothing else happens any more.
const LAST: &str = "last";

/// One server with two connections.
struct Server(Ranked<[Connection; 2], 5>);

struct Connection {
    far: Far,
    channels: Vec<String>,
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

impl Server {
    /// Passes a message on to both, under one lock: in one order.
    fn publish(&self, channel: &str, payload: &str) {
        for connection in self.0.lock().iter() {
            if connection.channels.iter().any(|name| name == channel) {
                let (channel, payload) = (bulk(channel), bulk(payload));
                connection
                    .far
                    .send(format!(">3\r\n$7\r\nmessage\r\n{channel}{payload}"));
            }
        }
    }

    fn answer(&self, at: usize, words: &[String]) {
        let Some((name, names)) = words.split_first() else {
            return;
        };
        if let ("PUBLISH", [channel, payload]) = (name.as_str(), names) {
            self.publish(channel, payload);
        }
        let mut connections = self.0.lock();
        let Connection { far, channels } = &mut connections[at];
        let confirm = |kind: &str, name: &str| {
            far.send(format!(">3\r\n{}{}:1\r\n", bulk(kind), bulk(name)));
        };
        match name.as_str() {
            "SUBSCRIBE" => {
                for name in names {
                    channels.push(name.clone());
                    confirm("subscribe", name);
                }
            }
            "UNSUBSCRIBE" => {
                for name in names {
                    channels.retain(|channel| channel != name);
                    confirm("unsubscribe", name);
                }
            }
            "PUBLISH" => far.send(":1\r\n"),
            "PING" => far.send("+PONG\r\n"),
            other => panic!("what is {other}"),
        }
    }
}

/// Reads commands until the client shuts the wire.
fn serve(server: Arc<Server>, at: usize) -> JoinHandle<()> {
    thread::spawn(move || {
        let far = server.0.lock()[at].far.clone();
        let word = || {
            let line = far.line()?;
            Some(String::from_utf8_lossy(&line).trim().to_owned())
        };
        loop {
            let Some(header) = word() else { return };
            let count: usize = header.trim_start_matches('*').parse().expect("a header");
            let mut words = Vec::new();
            for _ in 0..count {
                let (Some(_), Some(text)) = (word(), word()) else {
                    return;
                };
                words.push(text);
            }
            server.answer(at, &words);
        }
    })
}

/// What a port does for the links of an entry with a tenant.
struct Watch(Arc<Desk>);

impl Supervisor for Watch {
    fn unusable(&self, link: &Link) {
        self.0.lost(link);
    }

    fn ended(&self, link: &Link, _: EndReason) {
        self.0.lost(link);
    }
}

impl Mailbox for Watch {
    fn push(&self, _: &Link, _: Push) {}
}

fn link(desk: &Arc<Desk>, id: u64) -> (Arc<Link>, Far) {
    let (wire, far) = fake::cable(None);
    let watch = Arc::new(Watch(Arc::clone(desk)));
    let routes = Routes {
        messages: Some(Arc::<Desk>::clone(desk)),
        ..Routes::of_commands(&watch)
    };
    let link = fake::start(id, ENTRY, wire, Duration::from_secs(20), routes);
    link.open_gate();
    (link, far)
}

/// A subscriber whose entry has two links to one server: an older and a newer one.
struct Pair {
    desk: Arc<Desk>,
    links: [Arc<Link>; 2],
    /// The other ends of the links.
    fars: [Far; 2],
    server: Arc<Server>,
    /// What reads there.
    serving: [JoinHandle<()>; 2],
}

impl Pair {
    fn new(counters: &Arc<Counters>, options: &SubscriberOptions) -> Self {
        let entries = Arc::new(Entries::new(1, 1));
        let desk = Arc::new(Desk::new(ENTRY, entries, Arc::clone(counters), options));
        let ((old, near), (new, next)) = (link(&desk, 1), link(&desk, 2));
        let fars = [near, next];
        let connections = fars.clone().map(|far| Connection {
            far,
            channels: Vec::new(),
        });
        let server = Arc::new(Server(Ranked::new(connections)));
        let serving = [0, 1].map(|at| serve(Arc::clone(&server), at));
        Self {
            desk,
            links: [old, new],
            fars,
            server,
            serving,
        }
    }

    /// Ends all of it, and waits until nothing runs any more.
    fn end(self) {
        self.desk.stop();
        for link in &self.links {
            link.end(ENDED);
            link.join();
        }
        for serving in self.serving {
            serving.join().expect("a server");
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Trouble {
    None,
    OldEnds,
    NewEnds,
    Stop,
}

/// What was taken until nothing more comes, and whether a gap was told.
fn take(desk: &Desk, until_last: bool) -> (Vec<String>, bool, bool) {
    let (mut taken, mut gap, mut told) = (Vec::new(), false, false);
    loop {
        match desk.next(None) {
            Ok(Some(SubscriberEvent::Message(message))) => {
                let payload = String::from_utf8(message.payload).expect("a text");
                let is_last = payload == LAST;
                taken.push(payload);
                if is_last && until_last {
                    return (taken, gap, told);
                }
            }
            Ok(Some(SubscriberEvent::Resubscribed { gap: is_gap })) => {
                gap |= is_gap;
                told = true;
            }
            Ok(other) => panic!("{other:?}"),
            Err(End::Stopped) => return (taken, gap, told),
            Err(End::Failed(error)) => panic!("{error}"),
        }
    }
}

fn seam(trouble: Trouble) {
    let counters = Arc::new(Counters::default());
    let options = SubscriberOptions::new().markers(!rarely(2));
    let pair = Pair::new(&counters, &options);
    let (desk, server) = (&pair.desk, &pair.server);
    let [old, new] = &pair.links;
    let never = || AtomicBool::new(false);
    let later = || later(clock::now(), Duration::from_secs(3600));
    // Any time may be over at any moment in a model: then there is nothing to look at.
    let is_ready = desk.settle_first(old, later()).is_ok()
        && desk
            .change(
                batches(SubscriptionKind::Channel, [b"a".to_vec()]),
                false,
                None,
            )
            .is_ok();
    let publisher = {
        let server = Arc::clone(server);
        thread::spawn(move || (0..3).for_each(|number| server.publish("a", &number.to_string())))
    };
    let mover = {
        let (desk, old, new) = (Arc::clone(desk), Arc::clone(old), Arc::clone(new));
        let (until, never) = (later(), never());
        // As a worker does.
        thread::spawn(move || match desk.settle_in(&new, until, &never) {
            Ok(()) => old.retire(),
            Err(_) => new.end(ENDED),
        })
    };
    let breaker = {
        let desk = Arc::clone(desk);
        let [near, next] = pair.fars.clone();
        thread::spawn(move || match trouble {
            Trouble::None => {}
            Trouble::OldEnds => near.end(),
            Trouble::NewEnds => next.end(),
            Trouble::Stop => desk.stop(),
        })
    };
    for thread in [publisher, mover, breaker] {
        thread.join().expect("no thread panics");
    }
    // The end of a connection may have been noticed by nobody yet: what serves to the end has brought this.
    server.publish("a", LAST);
    let current = desk.state.lock().current.clone();
    if let Some(link) = current {
        // The reader thread may sleep on in a model; the answer to this comes behind.
        let ping = b"*1\r\n$4\r\nPING\r\n";
        let _ = link.call(one(ping), &forever());
    }
    let taker = {
        let desk = Arc::clone(desk);
        thread::spawn(move || take(&desk, true))
    };
    if !is_ready || trouble != Trouble::None || !desk.state.lock().seam.serves() {
        desk.stop();
    }
    let (taken, gap, told) = taker.join().expect("the claims hold");
    pair.end();
    if is_ready {
        check(&taken, gap, told, counters.messages_doubled.read());
    }
}

/// A subscriber is made on the connection that its entry has, while a worker brings a newer one.
fn creation() {
    // Any time may pass before the worker ends the older one: until the subscriber is made, and longer.
    let is_late = rarely(2);
    let options = SubscriberOptions::new().markers(!rarely(2));
    let pair = Pair::new(&Arc::default(), &options);
    let desk = &pair.desk;
    let [old, new] = &pair.links;
    let later = || later(clock::now(), Duration::from_secs(3600));
    let worker = {
        let (desk, old, new) = (Arc::clone(desk), Arc::clone(old), Arc::clone(new));
        let (until, never) = (later(), AtomicBool::new(false));
        thread::spawn(move || {
            let settled = desk.settle_in(&new, until, &never).is_ok();
            if settled && !is_late {
                old.retire();
            }
            settled
        })
    };
    // As whoever makes a subscriber does.
    if !desk.is_served() {
        let _ = desk.settle_first(old, later());
    }
    if worker.join().expect("no panic") && new.is_open() {
        let state = desk.state.lock();
        let current = state.current.as_ref().map(|link| link.id());
        assert_eq!(current, Some(new.id()), "the older one followed the newer");
    }
    pair.end();
}

/// No hole without a gap that was told, nothing out of order, and no more doubles than were counted.
fn check(taken: &[String], gap: bool, told: bool, doubled: u64) {
    let all = ["0", "1", "2", LAST];
    let place = |payload: &String| all.iter().position(|known| known == payload);
    let places: Vec<usize> = taken.iter().filter_map(place).collect();
    let mut most = 0;
    let mut doubles = 0;
    for place in &places {
        if *place < most {
            doubles += 1;
        } else {
            assert!(gap || *place == most, "lost: {taken:?}");
            most = *place + 1;
        }
    }
    assert!(doubles <= doubled, "doubled: {taken:?}, of {doubled}");
    assert!(told || doubles == 0, "doubled without a word: {taken:?}");
}

#[test]
fn a_seam_loses_and_doubles_nothing() {
    explore(20, || seam(Trouble::None));
}

#[test]
fn a_seam_survives_the_loss_of_the_old_connection() {
    explore(20, || seam(Trouble::OldEnds));
}

#[test]
fn a_seam_survives_the_loss_of_the_new_connection() {
    explore(20, || seam(Trouble::NewEnds));
}

#[test]
fn an_older_connection_follows_no_newer_one() {
    explore(20, creation);
}

#[test]
fn a_stop_ends_a_seam_and_whoever_waits() {
    explore(20, || seam(Trouble::Stop));
}
