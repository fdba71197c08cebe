//! A node dies while subscribers go over from the old one to the new one: at each command that it sees in the seam,
//! executed or not. What is missing then was told, and nothing else is.

use super::{CHANNELS, LAST, Who, publish, server, store, to};
use crate::common::{self, SOON, Stop, options};
use hitless::sim::{Builder, Fault, Moving, Sim, Target, Times};
use hitless::{Client, Subscriber, SubscriberEvent, SubscriberOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::thread;

/// By channel and pattern.
type Stream = (Vec<u8>, Option<Vec<u8>>);

/// What a subscriber has seen of a move that may have lost messages.
#[derive(Debug, Default)]
struct Told {
    /// By stream: the number that is to come next, and how many gaps had been told when the last one came.
    next: BTreeMap<Stream, (u64, u64)>,
    gaps: u64,
    missing: u64,
    doubled: u64,
}

/// Takes all until so many streams have come to their end. What is missing must lie where a gap was told.
fn take(subscriber: &mut Subscriber, streams: usize) -> Told {
    let mut told = Told::default();
    let mut ended = BTreeSet::new();
    while ended.len() < streams {
        let event = subscriber.next_within(SOON).unwrap();
        match event.unwrap_or_else(|| panic!("the end is lost: {told:?}")) {
            SubscriberEvent::Message(message) => {
                let stream = (message.channel, message.pattern);
                if message.payload == LAST {
                    ended.insert(stream);
                    continue;
                }
                let text = std::str::from_utf8(&message.payload).unwrap();
                let number: u64 = text.parse().unwrap();
                let (next, gaps) = told.next.entry(stream.clone()).or_default();
                let is_told = *gaps < told.gaps;
                assert!(
                    number <= *next || is_told,
                    "lost {next} without a word, and {number} came by {stream:?}"
                );
                told.missing += number.saturating_sub(*next);
                told.doubled += u64::from(number < *next);
                (*next, *gaps) = (number + 1, told.gaps);
            }
            SubscriberEvent::Resubscribed { gap, .. } => told.gaps += u64::from(gap),
            other => panic!("{other:?}"),
        }
    }
    told
}

/// Which node dies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Dying {
    New,
    Old,
}

/// What became of a move in which a node met this, and whether it died of it.
fn with_fault(who: Who, dying: Dying, builder: Builder, fault: Fault) -> ([Told; 3], bool) {
    let sim = builder.nodes(3).start().unwrap();
    let [old, new, elsewhere] = [0, 1, 2].map(|index| sim.node(index));
    // Of a node that neither moves nor dies.
    let publisher = options(&sim, elsewhere).password("pw").pool_size(1);
    let publisher = Client::connect(publisher).unwrap();
    let reader = options(&sim, old).password("pw").pool_size(1);
    let reader = match who {
        Who::Everything | Who::Unmarked => reader,
        Who::Quiet => reader.username("quiet"),
    };
    let client = Client::connect(reader.max_active_connections(4)).unwrap();
    let given = SubscriberOptions::new().capacity(1 << 20);
    let given = given.markers(!matches!(who, Who::Unmarked));
    let of = || client.subscriber_with(&given).unwrap();
    let [mut channels, mut patterns, mut shards] = [of(), of(), of()];
    channels.subscribe(["news.1", "news.2"]).unwrap();
    patterns.psubscribe("news.*").unwrap();
    shards.ssubscribe("shard").unwrap();
    let stop = AtomicBool::new(false);
    let mortal = match dying {
        Dying::New => new,
        Dying::Old => old,
    };
    let is_dead = || std::net::TcpStream::connect(sim.addr(mortal)).is_err();
    let (told, has_died) = thread::scope(|scope| {
        let (stop, publisher) = (&stop, &publisher);
        let stopping = Stop(stop);
        let publishing = scope.spawn(move || publish(publisher, stop));
        let takers = [(&mut channels, 2), (&mut patterns, 2), (&mut shards, 1)];
        let takers =
            takers.map(|(subscriber, streams)| scope.spawn(move || take(subscriber, streams)));
        sim.fault_times(mortal, fault, Times::Next(1));
        let moving = Moving::new(old, Target::Node(new)).announce(60);
        sim.start_moving(moving.close_after(SOON * 3));
        let mut has_died = false;
        let left = sim.wait_until(SOON, |now| {
            // The old one serves on until the new one is there again.
            if dying == Dying::New && !has_died && is_dead() {
                has_died = true;
                sim.revive(new).unwrap();
            }
            now.open_on(old) == 0
        });
        assert!(left, "{:?}", sim.connections());
        has_died |= is_dead();
        drop(stopping);
        publishing.join().unwrap();
        // One that falls into a gap ends nothing.
        common::eventually("all have come to the end", || {
            for channel in CHANNELS {
                to(channel).arg(LAST).exec(publisher).unwrap();
            }
            takers.iter().all(thread::ScopedJoinHandle::is_finished)
        });
        (takers.map(|taker| taker.join().unwrap()), has_died)
    });
    let doubled: u64 = told.iter().map(|one| one.doubled).sum();
    assert!(
        doubled <= client.maintenance().messages_doubled,
        "{told:?}, {:?}",
        client.maintenance()
    );
    (told, has_died)
}

/// Has a node die at each of the commands that it sees from the start of the move on.
fn at_each_command(who: Who, dying: Dying, builder: impl Fn() -> Builder) {
    let (mut deaths, mut gaps) = (0, 0);
    let at: Vec<u32> = match (dying, who) {
        // Three subscribers each publish and await a marker there, or one answer; once more than that, nothing
        // happens.
        (Dying::Old, Who::Unmarked) => (1..=4).collect(),
        (Dying::Old, Who::Everything | Who::Quiet) => (1..=7).collect(),
        // It greets each connection before that, in five commands. In front of the first seam, in it, between it
        // and the second, and behind the last: all 30 in one go take minutes.
        (Dying::New, _) => vec![6, 11, 12, 13, 17, 30],
    };
    for unanswered in [false, true] {
        for &nth in &at {
            let fault = match unanswered {
                true => Fault::DieUnanswered("*".to_owned(), nth),
                false => Fault::Die("*".to_owned(), nth),
            };
            let (told, has_died) = with_fault(who, dying, builder(), fault);
            for one in &told {
                // Without a death there is no excuse. Where nothing but one message was brought by both, it cannot
                // be told from another with its payload: it is delivered twice rather than not at all.
                let is_exact = matches!(who, Who::Everything);
                let wrong = one.gaps + one.missing + u64::from(is_exact) * one.doubled;
                assert!(has_died || wrong == 0, "{nth}: {told:?}");
                gaps += one.gaps;
            }
            deaths += usize::from(has_died);
        }
    }
    // It did see commands in the seams, and some of them could not be made up for.
    assert!(deaths >= 4 && gaps > 0, "{deaths} deaths, {gaps} gaps");
}

#[test]
fn in_the_simulator_what_a_death_in_a_seam_of_markers_costs_is_told() {
    at_each_command(Who::Everything, Dying::Old, store);
}

#[test]
fn in_the_simulator_what_a_death_in_a_seam_of_fences_costs_is_told() {
    at_each_command(Who::Unmarked, Dying::Old, store);
}

#[test]
fn before_a_server_what_a_death_in_a_seam_costs_is_told() {
    let redis = server();
    for who in [Who::Everything, Who::Quiet] {
        at_each_command(who, Dying::Old, || Sim::builder().proxy_to(redis.address));
    }
}

#[test]
fn what_the_death_of_the_new_node_in_a_seam_costs_is_told() {
    at_each_command(Who::Everything, Dying::New, store);
}
