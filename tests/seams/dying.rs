//! A node dies while subscribers go over from the old one to the new one: at each command that it sees in the seam,
//! executed or not. What is missing then was told, and nothing else is.

use super::{CHANNELS, LAST, Seen, Who, publish, server, store, take, to};
use crate::common::{self, SOON, Stop, options};
use hitless::sim::{Builder, Fault, Happened, Happening, Moving, Sim, Snapshot, Target, Times};
use hitless::{Client, SubscriberOptions};
use std::sync::atomic::AtomicBool;
use std::thread;

/// Which node dies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Dying {
    New,
    Old,
}

/// What became of a move in which a node met this, and whether it died of it.
fn with_fault(who: Who, dying: Dying, builder: Builder, fault: Fault) -> ([Seen; 3], bool) {
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
    // Not whether it takes a connection: that is a change, by which the simulator is asked again at once.
    let died = |now: &Snapshot<'_>| {
        let is = |one: &Happened| matches!(one.what, Happening::Died(node, _) if node == mortal);
        now.timeline().iter().any(is)
    };
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
        let mut is_revived = false;
        let left = sim.wait_until(SOON, |now| {
            // The old one serves on until the new one is there again.
            if dying == Dying::New && !is_revived && died(now) {
                is_revived = true;
                sim.revive(new).unwrap();
            }
            now.open_on(old) == 0
        });
        assert!(left, "{:?}", sim.connections());
        // Its addresses refuse before its death is noted.
        let has_died = is_revived || std::net::TcpStream::connect(sim.addr(mortal)).is_err();
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
