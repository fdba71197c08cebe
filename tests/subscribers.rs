//! What a subscriber is told by real servers: every kind of message, refusals, losses, a mailbox that is full, and
//! how it ends. What it is subscribed to by servers that hang is in `scripted`.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics when a claim is false"
)]

mod common;
#[path = "subscribers/scripted.rs"]
mod scripted;

use common::redis::{Redis, Version};
use common::{SOON, eventually, patient};
use hitless::{
    Client, CloseReason, Commands, Delivery, ErrorKind, KeyspaceEvent, Message, Options, Overflow,
    Protocol, Subscriber, SubscriberEvent, SubscriberOptions, SubscriptionKind, cmd,
};
use std::thread;
use std::time::Duration;

/// Runs the claims on each server and in each protocol, with the client of a user that may do everything.
fn everywhere(claims: impl Fn(&Client, Version)) {
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let options = patient(Options::new(&redis.url()).unwrap()).protocol(protocol);
            let client = Client::connect(options.pool_size(2).max_active_connections(8)).unwrap();
            claims(&client, version);
            client.close();
        }
    }
}

/// The next event, which comes soon.
#[track_caller]
fn next(subscriber: &mut Subscriber) -> SubscriberEvent {
    subscriber.next_within(SOON).unwrap().expect("an event")
}

#[track_caller]
fn message(subscriber: &mut Subscriber) -> Message {
    match next(subscriber) {
        SubscriberEvent::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

/// What came, in short: kind, channel, payload.
#[track_caller]
fn short(subscriber: &mut Subscriber) -> (SubscriptionKind, String, String) {
    let message = message(subscriber);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        message.kind(),
        text(&message.channel),
        text(&message.payload),
    )
}

fn publish(client: &Client, channel: &str, payload: impl AsRef<[u8]>) -> i64 {
    cmd("PUBLISH")
        .arg(channel)
        .arg(payload.as_ref())
        .query(client)
        .unwrap()
}

/// The connections that have subscribed, as the server counts them.
fn pubsub_clients(client: &Client) -> usize {
    let list: String = cmd("CLIENT LIST TYPE PUBSUB").query(client).unwrap();
    list.lines().count()
}

/// Ends every connection that has subscribed.
fn kill(client: &Client) {
    cmd("CLIENT KILL TYPE PUBSUB").exec(client).unwrap();
}

#[test]
fn channels_patterns_and_shard_channels_bring_what_was_published_in_order() {
    everywhere(|client, _| {
        let mut subscriber = client.subscriber().unwrap();
        subscriber.subscribe(["a", "b"]).unwrap();
        subscriber.psubscribe("user.*").unwrap();
        subscriber.ssubscribe("s").unwrap();
        assert_eq!(publish(client, "a", "1"), 1);
        assert_eq!(publish(client, "user.7", "2"), 1);
        assert_eq!(cmd("SPUBLISH s 3").query::<i64>(client).unwrap(), 1);
        assert_eq!(publish(client, "b", b"\r\n\xff\0"), 1);
        assert_eq!(publish(client, "unheard", "4"), 0);
        let first = message(&mut subscriber);
        assert_eq!(
            (first.kind(), first.pattern),
            (SubscriptionKind::Channel, None)
        );
        let second = message(&mut subscriber);
        assert_eq!(second.kind(), SubscriptionKind::Pattern);
        assert_eq!(
            (second.pattern.as_deref(), &second.channel[..]),
            (Some(&b"user.*"[..]), &b"user.7"[..])
        );
        let third = message(&mut subscriber);
        assert!(third.is_sharded && third.kind() == SubscriptionKind::Shard);
        assert_eq!(
            (&third.channel[..], &third.payload[..]),
            (&b"s"[..], &b"3"[..])
        );
        assert_eq!(message(&mut subscriber).payload, b"\r\n\xff\0");
        assert_eq!(subscriber.try_next().unwrap(), None);

        subscriber.unsubscribe("a").unwrap();
        subscriber.punsubscribe("user.*").unwrap();
        subscriber.sunsubscribe("s").unwrap();
        assert_eq!(
            publish(client, "a", "5") + publish(client, "user.7", "5"),
            0
        );
        assert_eq!(publish(client, "b", "6"), 1);
        assert_eq!(short(&mut subscriber).2, "6");
        // Of what nobody has subscribed to, too.
        subscriber.unsubscribe(["b", "never"]).unwrap();
        assert_eq!(subscriber.next_within(Duration::ZERO).unwrap(), None);
        drop(subscriber);
        eventually("the connection is closed", || pubsub_clients(client) == 0);
    });
}

#[test]
fn many_channels_are_subscribed_to_in_several_commands() {
    everywhere(|client, _| {
        let mut subscriber = client.subscriber().unwrap();
        let names: Vec<String> = (0..1500)
            .map(|number| format!("channel:{number}"))
            .collect();
        subscriber.subscribe(&names).unwrap();
        for name in [&names[0], &names[700], &names[1499]] {
            assert_eq!(publish(client, name, "x"), 1);
            assert_eq!(short(&mut subscriber).1, **name);
        }
        kill(client);
        is_gap(&mut subscriber);
        for name in [&names[0], &names[700], &names[1499]] {
            assert_eq!(publish(client, name, "x"), 1);
            assert_eq!(short(&mut subscriber).1, **name);
        }
    });
}

#[test]
fn what_a_server_refuses_is_an_error_and_the_rest_goes_on() {
    everywhere(|client, _| {
        cmd("ACL SETUSER reader on >pw resetchannels &news* +@all ~*")
            .exec(client)
            .unwrap();
        let options = client.options().clone().username("reader").password("pw");
        let reader = Client::connect(options).unwrap();
        let mut subscriber = reader.subscriber().unwrap();
        subscriber.subscribe("news").unwrap();
        let error = subscriber.subscribe(["news:1", "secret"]).unwrap_err();
        assert_eq!(
            (error.code(), error.delivery()),
            (Some("NOPERM"), Delivery::Replied),
            "{error}"
        );
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(publish(client, "news:1", "x"), 0);
        assert_eq!(publish(client, "news", "1"), 1);
        assert_eq!(short(&mut subscriber).2, "1");

        // Permissions change: of what the next connection may not have, one word for each name.
        subscriber.subscribe(["news:1", "news:2"]).unwrap();
        cmd("ACL SETUSER reader resetchannels &news &news:2")
            .exec(client)
            .unwrap();
        // The server ends connections that have more; those that it leaves are ended here.
        kill(client);
        is_gap(&mut subscriber);
        match next(&mut subscriber) {
            SubscriberEvent::Refused {
                kind, name, error, ..
            } => {
                assert_eq!(
                    (kind, &name[..]),
                    (SubscriptionKind::Channel, &b"news:1"[..])
                );
                assert_eq!(error.code(), "NOPERM");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(publish(client, "news:2", "2"), 1);
        assert_eq!(short(&mut subscriber).2, "2");
        cmd("ACL DELUSER reader").exec(client).unwrap();
    });
}

#[track_caller]
fn is_gap(subscriber: &mut Subscriber) {
    match next(subscriber) {
        SubscriberEvent::Resubscribed { gap: true, .. } => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connection_that_was_killed_is_replaced_and_the_gap_is_told() {
    everywhere(|client, _| {
        let mut subscriber = client.subscriber().unwrap();
        subscriber.subscribe("a").unwrap();
        subscriber.psubscribe("p*").unwrap();
        subscriber.ssubscribe("s").unwrap();
        for round in 0..5 {
            assert_eq!(publish(client, "a", round.to_string()), 1);
            kill(client);
            // What had come before stands in front of the gap.
            assert_eq!(short(&mut subscriber).2, round.to_string());
            is_gap(&mut subscriber);
            assert_eq!(publish(client, "p1", "x"), 1);
            assert_eq!(cmd("SPUBLISH s y").query::<i64>(client).unwrap(), 1);
            assert_eq!(short(&mut subscriber).0, SubscriptionKind::Pattern);
            assert_eq!(short(&mut subscriber).0, SubscriptionKind::Shard);
        }
        // A change waits for the next connection, if there is none.
        kill(client);
        subscriber.subscribe("b").unwrap();
        assert_eq!(publish(client, "b", "z"), 1);
    });
}

#[test]
fn a_mailbox_that_is_full_does_what_it_was_told_and_holds_up_nobody() {
    everywhere(|client, _| {
        let limited = |overflow| SubscriberOptions::new().capacity(3).overflow(overflow);
        let mut oldest = client
            .subscriber_with(&limited(Overflow::DropOldest))
            .unwrap();
        let mut newest = client
            .subscriber_with(&limited(Overflow::DropNewest))
            .unwrap();
        let mut end = client.subscriber_with(&limited(Overflow::End)).unwrap();
        for subscriber in [&oldest, &newest, &end] {
            subscriber.subscribe("a").unwrap();
        }
        let before = client.stats().messages_dropped;
        for number in 0..5 {
            publish(client, "a", number.to_string());
        }
        // Each of two drops two; of the third the first that finds no room ends it.
        eventually("all have come", || {
            client.stats().messages_dropped == before + 5
        });
        match next(&mut oldest) {
            SubscriberEvent::Dropped { count, .. } => assert_eq!(count, 2),
            other => panic!("{other:?}"),
        }
        let numbers = |subscriber: &mut Subscriber| [(); 3].map(|()| short(subscriber).2);
        assert_eq!(numbers(&mut oldest), ["2", "3", "4"]);
        assert_eq!(numbers(&mut newest), ["0", "1", "2"]);
        assert!(matches!(
            next(&mut newest),
            SubscriberEvent::Dropped { count: 2, .. }
        ));
        assert_eq!(numbers(&mut end), ["0", "1", "2"]);
        for _ in 0..2 {
            let error = end.next_within(SOON).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Overflow, "{error}");
        }
        assert!(end.next().unwrap().is_err() && end.next().is_none());
        assert_eq!(*end.subscribe("b").unwrap_err().kind(), ErrorKind::Overflow);
        eventually("its connection is closed", || pubsub_clients(client) == 2);
    });
}

#[test]
fn large_messages_fill_a_mailbox_sooner() {
    let redis = Redis::start();
    let client = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
    let given = SubscriberOptions::new().capacity_bytes(3 << 20);
    let mut subscriber = client.subscriber_with(&given).unwrap();
    subscriber.subscribe("a").unwrap();
    for number in 0..5_u8 {
        publish(&client, "a", vec![number; 1_000_000]);
    }
    eventually("two were dropped", || client.stats().messages_dropped == 2);
    assert!(matches!(
        next(&mut subscriber),
        SubscriberEvent::Dropped { count: 2, .. }
    ));
    for number in 2..5 {
        assert_eq!(message(&mut subscriber).payload, vec![number; 1_000_000]);
    }
}

#[test]
fn another_thread_changes_and_stops_it() {
    everywhere(|client, _| {
        let mut subscriber = client.subscriber().unwrap();
        let control = subscriber.control();
        let changes = control.clone();
        thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let mut seen = Vec::new();
                for event in &mut subscriber {
                    seen.push(event.unwrap());
                }
                let over = subscriber.next_within(SOON).unwrap_err();
                assert_eq!(*over.kind(), ErrorKind::Closed(CloseReason::Stopped));
                // The drop of a subscriber that was stopped does nothing.
                seen.len()
            });
            changes.subscribe("a").unwrap();
            changes.psubscribe("b*").unwrap();
            for channel in ["a", "b1", "a"] {
                assert_eq!(publish(client, channel, "x"), 1);
            }
            changes.unsubscribe("a").unwrap();
            assert_eq!(publish(client, "a", "y"), 0);
            // What had come before is yielded: the answer to this is behind it.
            control.stop();
            control.stop();
            assert_eq!(reader.join().unwrap(), 3);
        });
        let error = control.subscribe("c").unwrap_err();
        assert_eq!(
            *error.kind(),
            ErrorKind::Closed(CloseReason::Stopped),
            "{error}"
        );
        eventually("its connection is closed", || pubsub_clients(client) == 0);
    });
}

#[test]
fn close_wakes_whoever_waits() {
    everywhere(|client, _| {
        let mine = Client::connect(client.options().clone()).unwrap();
        let mut subscriber = mine.subscriber().unwrap();
        subscriber.subscribe("a").unwrap();
        let control = subscriber.control();
        thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let first = subscriber.next().unwrap();
                (first, subscriber.next().is_none())
            });
            mine.close();
            let (first, is_over) = reader.join().unwrap();
            let error = first.unwrap_err();
            assert_eq!(
                *error.kind(),
                ErrorKind::Closed(CloseReason::ByUser),
                "{error}"
            );
            assert!(is_over);
        });
        let error = control.subscribe("b").unwrap_err();
        assert_eq!(
            *error.kind(),
            ErrorKind::Closed(CloseReason::ByUser),
            "{error}"
        );
    });
}

#[test]
fn a_subscriber_keeps_its_client_and_a_control_keeps_neither() {
    let redis = Redis::start();
    let options = patient(Options::new(&redis.url()).unwrap());
    let other = Client::connect(options.clone()).unwrap();
    let client = Client::connect(options).unwrap();
    let mut subscriber = client.subscriber().unwrap();
    subscriber.subscribe("a").unwrap();
    drop(client);
    assert_eq!(publish(&other, "a", "1"), 1);
    assert_eq!(short(&mut subscriber).2, "1");
    let control = subscriber.control();
    drop(subscriber);
    eventually("only the other client is left", || {
        let list: String = cmd("CLIENT LIST").query(&other).unwrap();
        list.lines().count() == 1
    });
    control.stop();
    let error = control.subscribe("a").unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Closed(CloseReason::Stopped));
}

#[test]
fn what_cannot_be_is_refused_before_it_is_sent() {
    let redis = Redis::start();
    let client = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
    let subscriber = client.subscriber().unwrap();
    for error in [
        subscriber.subscribe([""; 0]),
        subscriber.punsubscribe([""; 0]),
        subscriber.subscribe("hitless:seam:1"),
    ] {
        let error = error.unwrap_err();
        assert_eq!(
            (error.kind(), error.delivery()),
            (&ErrorKind::Usage, Delivery::NotSent)
        );
    }
}

#[test]
fn a_subscriber_whose_server_is_gone_serves_the_next_one() {
    let mut redis = Redis::start();
    let client = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
    let mut subscriber = client.subscriber().unwrap();
    subscriber.subscribe("a").unwrap();
    redis.kill();
    redis.restart();
    is_gap(&mut subscriber);
    eventually("it is published", || {
        let published = cmd("PUBLISH a 1").query::<i64>(&client);
        published.is_ok_and(|count| count == 1)
    });
    assert_eq!(short(&mut subscriber).2, "1");
}

#[test]
fn keyspace_notifications_name_database_event_and_key() {
    everywhere(|client, _| {
        cmd("CONFIG SET notify-keyspace-events KEA")
            .exec(client)
            .unwrap();
        let mut subscriber = client.subscriber().unwrap();
        subscriber
            .subscribe(KeyspaceEvent::channel_of_key(0, "k:1"))
            .unwrap();
        subscriber
            .psubscribe(KeyspaceEvent::channel_of_event(0, "*"))
            .unwrap();
        client.set("k:1", 1).unwrap();
        for _ in 0..2 {
            let told = KeyspaceEvent::of(&message(&mut subscriber)).unwrap();
            assert_eq!(
                (told.database, &told.event[..], &told.key[..]),
                (0, &b"set"[..], &b"k:1"[..])
            );
        }
        client.del("k:1").unwrap();
    });
}

#[test]
fn subscribers_take_no_connection_from_commands_and_their_number_has_a_bound() {
    let redis = Redis::start();
    let options = patient(Options::new(&redis.url()).unwrap()).pool_size(1);
    let options = options
        .max_active_connections(3)
        .checkout_timeout(Duration::from_millis(50));
    let client = Client::connect(options).unwrap();
    // On a busy machine a connection may not be made within the time to wait for one.
    let place = || {
        let mut subscriber = None;
        eventually("there is a place", || {
            subscriber = client.subscriber().ok();
            subscriber.is_some()
        });
        subscriber.unwrap()
    };
    let (first, second) = (place(), place());
    let error = client.subscriber().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::PoolExhausted, "{error}");
    client.ping().unwrap();
    drop(first);
    let third = place();
    third.subscribe("a").unwrap();
    second.subscribe("a").unwrap();
    assert_eq!(publish(&client, "a", "x"), 2);
}
