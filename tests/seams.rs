//! Subscribers while the server moves under them: through the simulator's store, through its proxy before a real
//! server, and over TLS. A publisher counts all the while, so that what is lost, doubled or out of order shows.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test panics when a claim is false, reads the clock, and tells what a longer run did"
)]

mod common;
#[path = "seams/dying.rs"]
mod dying;

use common::redis::{Redis, Version};
use common::{SOON, Stop, options};
use hitless::sim::{Builder, Fault, Moving, Node, Sim, Target};
use hitless::{
    Client, Cmd, Commands, KeyspaceEvent, Options, Subscriber, SubscriberEvent, SubscriberOptions,
    cmd,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Handoffs in one test. A longer run, of some minutes, because connections that move in a row rest:
/// `HANDOFFS=100 cargo test --release --features sim-tls --test seams nothing_is_lost -- --nocapture`.
fn handoffs() -> usize {
    let given = std::env::var("HANDOFFS").ok();
    given.and_then(|given| given.parse().ok()).unwrap_or(3)
}

const CHANNELS: [&str; 3] = ["news.1", "news.2", "shard"];

/// What is published last.
const LAST: &[u8] = b"last";

/// What publishes to one of the channels.
fn to(channel: &str) -> Cmd {
    let name = if channel == "shard" {
        "SPUBLISH"
    } else {
        "PUBLISH"
    };
    cmd(name).arg(channel)
}

/// Publishes numbers to all channels until it is to stop.
fn publish(client: &Client, stop: &AtomicBool) {
    let mut count = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let mut round = hitless::pipe();
        for _ in 0..8 {
            for channel in CHANNELS {
                round.cmd(to(channel).arg(count));
            }
            count += 1;
        }
        round.exec(client).unwrap();
    }
    for channel in CHANNELS {
        to(channel).arg(LAST).exec(client).unwrap();
    }
}

/// By channel and pattern.
type Stream = (Vec<u8>, Option<Vec<u8>>);

/// What a subscriber has seen.
#[derive(Debug, Default)]
struct Seen {
    /// By stream: the number that is to come next, and how many gaps had been told when the last one came.
    next: BTreeMap<Stream, (u64, u64)>,
    /// Missing, each where a gap was told.
    missing: u64,
    doubled: u64,
    gaps: u64,
    matched: u64,
}

/// Takes all until so many streams have come to their end. What is missing must lie where a gap was told.
fn take(subscriber: &mut Subscriber, streams: usize) -> Seen {
    let mut seen = Seen::default();
    let mut ended = BTreeSet::new();
    while ended.len() < streams {
        let event = subscriber.next_within(SOON).unwrap();
        match event.unwrap_or_else(|| panic!("the end is lost: {seen:?}")) {
            SubscriberEvent::Message(message) => {
                let stream = (message.channel, message.pattern);
                if message.payload == LAST {
                    ended.insert(stream);
                    continue;
                }
                let text = std::str::from_utf8(&message.payload).unwrap();
                let number: u64 = text.parse().unwrap();
                assert!(!stream.0.starts_with(b"hitless"), "a marker came through");
                let (next, gaps) = seen.next.entry(stream.clone()).or_default();
                let is_told = *gaps < seen.gaps;
                assert!(
                    number <= *next || is_told,
                    "lost {next} without a word, and {number} came by {stream:?}"
                );
                seen.missing += number.saturating_sub(*next);
                seen.doubled += u64::from(number < *next);
                (*next, *gaps) = (number + 1, seen.gaps);
            }
            SubscriberEvent::Resubscribed { gap, .. } => {
                seen.gaps += u64::from(gap);
                seen.matched += u64::from(!gap);
            }
            other => panic!("{other:?}"),
        }
    }
    seen
}

/// Moves all connections away from a node, and back it goes for the next round. The old ones end by themselves.
#[track_caller]
fn move_away(sim: &Sim, from: Node, to: Node) {
    let moving = Moving::new(from, Target::Node(to)).announce(60);
    sim.start_moving(moving.close_after(SOON * 3));
    let moved = sim.wait_until(SOON, |now| now.open_on(from) == 0);
    assert!(moved, "{:?}", sim.connections());
    sim.retire(from);
    sim.revive(from).unwrap();
}

/// Who subscribes, and so how the seam is found.
#[derive(Clone, Copy, Debug)]
enum Who {
    /// May publish: by markers.
    Everything,
    /// May not publish.
    Quiet,
    /// Publishes no markers.
    Unmarked,
}

/// What three subscribers have seen across handoffs, and the client that they were of.
fn across_handoffs(
    who: Who,
    builder: Builder,
    reach: impl Fn(&Sim) -> Options,
) -> (Vec<Seen>, Client) {
    let sim = builder.start().unwrap();
    let (a, b) = (sim.node(0), sim.node(1));
    let plain = reach(&sim).pool_size(1).password("pw");
    let publisher = Client::connect(plain.clone().max_active_connections(2)).unwrap();
    let reader = plain.max_active_connections(4);
    let reader = match who {
        Who::Everything | Who::Unmarked => reader,
        Who::Quiet => reader.username("quiet"),
    };
    let client = Client::connect(reader).unwrap();
    let given = SubscriberOptions::new().capacity(1 << 20);
    let given = given.markers(!matches!(who, Who::Unmarked));
    let of = || client.subscriber_with(&given).unwrap();
    let [mut channels, mut patterns, mut shards] = [of(), of(), of()];
    channels.subscribe(["news.1", "news.2"]).unwrap();
    // And what matches everything: no marker comes by it.
    patterns.psubscribe(["news.*", "*"]).unwrap();
    shards.ssubscribe("shard").unwrap();
    let stop = AtomicBool::new(false);
    let began = Instant::now();
    let seen = thread::scope(|scope| {
        let (stop, publisher) = (&stop, &publisher);
        let stopping = Stop(stop);
        scope.spawn(move || publish(publisher, stop));
        let takers = [(&mut channels, 2), (&mut patterns, 4), (&mut shards, 1)];
        let takers =
            takers.map(|(subscriber, streams)| scope.spawn(move || take(subscriber, streams)));
        for round in 0..handoffs() {
            let (from, to) = if round % 2 == 0 { (a, b) } else { (b, a) };
            move_away(&sim, from, to);
        }
        drop(stopping);
        takers.map(|taker| taker.join().unwrap())
    });
    let seen = Vec::from(seen);
    for one in &seen {
        assert_eq!(one.gaps, 0, "{one:?}");
    }
    let of = |one: &Seen| one.next.values().map(|(next, _)| next).sum::<u64>();
    let published = of(&seen[0]) + of(&seen[2]);
    println!(
        "{who:?}: {published} messages in {:.1} s, {} handoffs",
        began.elapsed().as_secs_f64(),
        handoffs()
    );
    (seen, client)
}

/// Nothing was lost, doubled or told.
fn exact((seen, client): (Vec<Seen>, Client)) {
    for one in &seen {
        assert_eq!((one.doubled, one.matched), (0, 0), "{one:?}");
    }
    let stats = client.maintenance();
    let moves = (3 * handoffs()) as u64;
    assert_eq!(
        (
            stats.seams_exact,
            stats.seams_matched,
            stats.messages_doubled
        ),
        (moves, 0, 0)
    );
}

/// Nothing was lost, and what was doubled was counted.
fn matched((seen, client): (Vec<Seen>, Client)) {
    let stats = client.maintenance();
    let moves = (3 * handoffs()) as u64;
    assert_eq!(stats.seams_exact + stats.seams_matched, moves);
    let told: u64 = seen.iter().map(|one| one.matched).sum();
    assert_eq!(told, stats.seams_matched);
    let doubled: u64 = seen.iter().map(|one| one.doubled).sum();
    println!("{doubled} doubled, {} counted", stats.messages_doubled);
    // One message that both connections brought by itself may have been published twice: it is yielded twice.
    assert!(doubled <= stats.messages_doubled, "{seen:?}");
}

fn store() -> Builder {
    let builder = Sim::builder().password("pw").user("quiet", "pw");
    builder.forbid("quiet", &["publish"])
}

fn server() -> Redis {
    let quiet = [
        "--user", "quiet", "on", ">pw", "~*", "&*", "+@all", "-publish",
    ];
    Redis::with(&[&["--requirepass", "pw"], &quiet[..]].concat())
}

fn by_address(sim: &Sim) -> Options {
    options(sim, sim.node(0))
}

#[test]
fn in_the_simulator_nothing_is_lost_doubled_or_out_of_order() {
    exact(across_handoffs(Who::Everything, store(), by_address));
}

#[test]
fn in_the_simulator_nothing_is_lost_where_publishing_is_forbidden() {
    matched(across_handoffs(Who::Quiet, store(), by_address));
}

#[test]
fn before_a_server_nothing_is_lost_doubled_or_out_of_order() {
    let redis = server();
    let builder = Sim::builder().proxy_to(redis.address);
    exact(across_handoffs(Who::Everything, builder, by_address));
}

#[test]
fn before_a_server_nothing_is_lost_where_publishing_is_forbidden() {
    let redis = server();
    let builder = Sim::builder().proxy_to(redis.address);
    matched(across_handoffs(Who::Quiet, builder, by_address));
}

#[test]
fn before_a_server_nothing_is_lost_without_markers() {
    let redis = server();
    let builder = Sim::builder().proxy_to(redis.address);
    matched(across_handoffs(Who::Unmarked, builder, by_address));
}

#[cfg(feature = "sim-tls")]
fn by_tls(sim: &Sim) -> Options {
    let tls = hitless::TlsOptions::default().ca_pem(sim.ca_pem().unwrap());
    common::by_name(sim).tls(tls)
}

#[cfg(feature = "sim-tls")]
#[test]
fn over_tls_nothing_is_lost_doubled_or_out_of_order() {
    exact(across_handoffs(Who::Everything, store().tls(), by_tls));
}

#[cfg(feature = "sim-tls")]
#[test]
fn over_tls_nothing_is_lost_where_publishing_is_forbidden() {
    matched(across_handoffs(Who::Quiet, store().tls(), by_tls));
}

/// A simulator, a client at its first node, and a subscriber to a channel.
fn simulated() -> (Sim, [Node; 2], Client, Subscriber) {
    let sim = store().start().unwrap();
    let nodes = [sim.node(0), sim.node(1)];
    let client = options(&sim, nodes[0]).password("pw").pool_size(1);
    let client = Client::connect(client.max_active_connections(3)).unwrap();
    let subscriber = client.subscriber().unwrap();
    subscriber.subscribe("a").unwrap();
    (sim, nodes, client, subscriber)
}

#[track_caller]
fn payload(subscriber: &mut Subscriber) -> Vec<u8> {
    match subscriber.next_within(SOON).unwrap() {
        Some(SubscriberEvent::Message(message)) => message.payload,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_server_that_refuses_a_subscription_leaves_it_to_the_old_one() {
    let (sim, [a, b], client, mut subscriber) = simulated();
    sim.fault(
        b,
        Fault::Answer("subscribe".to_owned(), "NOPERM no".to_owned()),
    );
    let moving = Moving::new(a, Target::Node(b))
        .announce(60)
        .close_after(SOON * 3);
    sim.start_moving(moving);
    common::eventually("the others have moved", || {
        client.stats().shared[0].generation == 2
    });
    common::eventually("it was tried", || client.stats().dials_failed > 0);
    cmd("PUBLISH a 1").exec(&client).unwrap();
    assert_eq!(payload(&mut subscriber), b"1");
    sim.clear_faults(b).unwrap();
    // Tried again until the old one ends.
    assert!(
        sim.wait_until(SOON, |now| now.open_on(a) == 0),
        "{:?}",
        sim.connections()
    );
    cmd("PUBLISH a 2").exec(&client).unwrap();
    assert_eq!(payload(&mut subscriber), b"2");
}

#[test]
fn shard_channels_of_several_slots_go_along_with_a_move() {
    let redis = Redis::with(&["--cluster-enabled", "yes"]);
    let sim = Sim::builder().proxy_to(redis.address).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = options(&sim, a).pool_size(1).max_active_connections(2);
    let client = Client::connect(client).unwrap();
    cmd("CLUSTER ADDSLOTSRANGE 0 16383").exec(&client).unwrap();
    common::eventually("the cluster is up", || {
        let info: String = cmd("CLUSTER INFO").query(&client).unwrap();
        info.contains("cluster_state:ok")
    });
    let mut subscriber = client.subscriber().unwrap();
    // A server in cluster mode takes only channels of one slot in one command.
    for channel in ["a", "b", "c"] {
        subscriber.ssubscribe(channel).unwrap();
    }
    move_away(&sim, a, b);
    for channel in ["c", "a", "b"] {
        cmd("SPUBLISH")
            .arg(channel)
            .arg(channel)
            .exec(&client)
            .unwrap();
        assert_eq!(payload(&mut subscriber), channel.as_bytes());
    }
    assert_eq!(client.maintenance().seams_exact, 1);
}

#[test]
fn a_slow_subscriber_holds_up_no_notification_of_maintenance() {
    let (sim, [a, b], client, mut subscriber) = simulated();
    // Nobody takes them, and there are more than fit. In parts, as a busy machine takes longer for all of them than
    // one pipeline may take.
    for part in 0..100 {
        let mut flood = hitless::pipe();
        for number in 0..1_000 {
            flood.cmd(cmd("PUBLISH").arg("a").arg(part * 1_000 + number));
        }
        flood.exec(&client).unwrap();
    }
    move_away(&sim, a, b);
    common::eventually("the move is over", || {
        client.maintenance().handoffs_completed == 1
    });
    common::eventually("the rest was dropped", || {
        client.stats().messages_dropped == 100_000 - 65_536
    });
    let dropped = subscriber.next_within(SOON).unwrap();
    assert!(
        matches!(
            dropped,
            Some(SubscriberEvent::Dropped { count: 34_464, .. })
        ),
        "{dropped:?}"
    );
    assert_eq!(payload(&mut subscriber), b"34464");
}

/// What is told of keys across a planned move: each event once, in order.
fn events_of_keys_are_told_across_a_move(builder: Builder) {
    let sim = builder.start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let options = options(&sim, a).pool_size(1).password("pw");
    let client = Client::connect(options.max_active_connections(4)).unwrap();
    client.config_set("notify-keyspace-events", "KEA").unwrap();
    let [mut by_key, mut by_event] = [(); 2].map(|()| client.subscriber().unwrap());
    let keys = KeyspaceEvent::channel_of_key(0, "k:*");
    by_key.psubscribe(&keys).unwrap();
    let expired = KeyspaceEvent::channel_of_event(0, "expired");
    by_event.subscribe(&expired).unwrap();
    let stop = AtomicBool::new(false);
    let keys = thread::scope(|scope| {
        let stopping = Stop(&stop);
        let writer = scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                let key = format!("k:{number}");
                client.rpush(&key, number).unwrap();
                client.del(&key).unwrap();
                // Expires whenever it does: before the move, in it, or behind it.
                let key = format!("e:{number}");
                client.set_ex(&key, 1, Duration::from_millis(1)).unwrap();
                number += 1;
            }
            number
        });
        move_away(&sim, a, b);
        drop(stopping);
        writer.join().unwrap()
    });
    let told = |subscriber: &mut Subscriber| match subscriber.next_within(SOON).unwrap() {
        Some(SubscriberEvent::Message(message)) => {
            let KeyspaceEvent { event, key, .. } = KeyspaceEvent::of(&message).unwrap();
            [event, key].map(|text| String::from_utf8(text).unwrap())
        }
        other => panic!("{other:?}"),
    };
    for number in 0..keys {
        for event in ["rpush", "del"] {
            let expected = [event.to_owned(), format!("k:{number}")];
            assert_eq!(told(&mut by_key), expected);
        }
    }
    // In the order of their ends, of which many are the same.
    let gone: BTreeSet<String> = (0..keys)
        .map(|_| {
            let [event, key] = told(&mut by_event);
            assert_eq!(event, "expired");
            key
        })
        .collect();
    assert_eq!(gone.len(), keys);
    for subscriber in [&mut by_key, &mut by_event] {
        assert_eq!(subscriber.try_next().unwrap(), None);
    }
    assert_eq!(client.maintenance().seams_exact, 2);
}

#[test]
fn in_the_simulator_events_of_keys_are_told_across_a_move() {
    events_of_keys_are_told_across_a_move(store());
}

#[test]
fn before_servers_events_of_keys_are_told_across_a_move() {
    for version in Version::ALL {
        let redis = Redis::of(version, &["--requirepass", "pw"]);
        events_of_keys_are_told_across_a_move(Sim::builder().proxy_to(redis.address));
    }
}
